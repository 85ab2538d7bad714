"""All keys as they are now, and those for one hand: a page of the help, and a dialog of its own."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from cxr_explorer.ui.commands.actions import key_text, keyboard_rows, left_hand_rows
from cxr_explorer.ui.commands.command import Command, matching
from cxr_explorer.ui.widgets.messages import table_of
from cxr_explorer.ui.widgets.texts import text_label


class KeysPage(QWidget):
    """The left hand's keys on top, below them all keys, of which some can be filtered out."""

    changeWanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._hand = QLabel()
        self._hand.setWordWrap(True)
        self._layouts = text_label("", "dim", wraps=True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._hand)
        self._column.addWidget(self._layouts)
        self.table = table_of((), ())
        self._column.addWidget(self.table, 1)
        change = QPushButton("Change keys…")
        change.setToolTip("Give actions other keys")
        change.setAutoDefault(False)
        change.clicked.connect(self.changeWanted)
        self._column.addWidget(change, 0, Qt.AlignmentFlag.AlignLeft)
        self.refresh()

    def refresh(self) -> None:
        """Shows the keys as they are now, all of them."""
        rows = keyboard_rows()
        self._commands = [Command(f"{keys} {tip}", menu, "", str(row)) for row, (menu, keys, tip) in enumerate(rows)]
        hand = "  ·  ".join(f"<b>{escape(key)}</b>&nbsp;{escape(_short(tip))}" for key, tip in left_hand_rows())
        self._hand.setText(f"<b>One hand (the left), the other on the mouse:</b> {hand}")
        self._layouts.setText(
            "Digits of the number pad do as well as those of the top row, and are the way on AZERTY, where the top row "
            f"needs Shift. Any key can be changed: {key_text('edit_keys')}."
        )
        table = table_of(("Where", "Keys", "What they do"), rows)
        table.setAccessibleName("Keys")
        self._column.replaceWidget(self.table, table)
        self.table.hide()
        self.table.deleteLater()
        self.table = table

    def filter(self, typed: str) -> int:
        """Shows the rows that the words may mean; returns how many."""
        found = {int(command.keys) for command in matching(self._commands, typed)}
        for row in range(len(self._commands)):
            self.table.setRowHidden(row, row not in found)
        return len(found)


class KeysDialog(QDialog):
    """All keys, with a search."""

    changeWanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self.page = KeysPage()
        self.page.changeWanted.connect(self._change)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: what to do, or a key")
        self.search.setAccessibleName("Search the keys")
        self.search.setToolTip("Words of what to do, or a key")
        self.search.textChanged.connect(self.page.filter)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.page, 1)
        layout.addWidget(buttons)
        metrics, room = self.fontMetrics(), parent.screen().availableSize()
        self.resize(
            min(62 * metrics.horizontalAdvance("m"), room.width() - 80),
            min(44 * metrics.lineSpacing(), room.height() - 80),
        )
        self.search.setFocus()

    def _change(self) -> None:
        self.accept()
        self.changeWanted.emit()


def _short(tip: str) -> str:
    """A tip without its explanation after the first comma or colon."""
    head = tip.split(":")[-1] if tip.startswith("Label the selection") else tip.split(",")[0].split(":")[0]
    return head.strip()[:1].lower() + head.strip()[1:]
