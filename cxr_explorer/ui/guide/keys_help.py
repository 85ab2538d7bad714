"""The help page: all keys as they are now, and those for one hand."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from cxr_explorer.ui.commands.actions import key_text, keyboard_rows, left_hand_rows
from cxr_explorer.ui.commands.command import Command, matching
from cxr_explorer.ui.widgets.messages import table_of
from cxr_explorer.ui.widgets.texts import text_label


class KeysDialog(QDialog):
    """All keys, with a search; the left hand's on top."""

    changeWanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        rows = keyboard_rows()
        self._commands = [Command(f"{keys} {tip}", menu, "", str(row)) for row, (menu, keys, tip) in enumerate(rows)]
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: what to do, or a key")
        self.search.setAccessibleName("Search the keys")
        self.search.setToolTip("Words of what to do, or a key")
        self.search.textChanged.connect(self._filter)
        hand = "  ·  ".join(f"<b>{escape(key)}</b>&nbsp;{escape(_short(tip))}" for key, tip in left_hand_rows())
        one_hand = QLabel(f"<b>One hand (the left), the other on the mouse:</b> {hand}")
        one_hand.setWordWrap(True)
        layouts = text_label(
            "Digits of the number pad do as well as those of the top row, and are the way on AZERTY, where the top row "
            f"needs Shift. Any key can be changed: {key_text('edit_keys')}.",
            "dim",
            wraps=True,
        )
        self.table = table_of(("Where", "Keys", "What they do"), rows)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        change = buttons.addButton("Change keys…", QDialogButtonBox.ButtonRole.ActionRole)
        change.setToolTip("Give actions other keys")
        change.clicked.connect(self._change)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(one_hand)
        layout.addWidget(layouts)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addWidget(buttons)
        metrics, room = self.fontMetrics(), parent.screen().availableSize()
        self.resize(
            min(62 * metrics.horizontalAdvance("m"), room.width() - 80),
            min(44 * metrics.lineSpacing(), room.height() - 80),
        )
        self.search.setFocus()

    def _filter(self, typed: str) -> None:
        found = {int(command.keys) for command in matching(self._commands, typed)}
        for row in range(len(self._commands)):
            self.table.setRowHidden(row, row not in found)

    def _change(self) -> None:
        self.accept()
        self.changeWanted.emit()


def _short(tip: str) -> str:
    """A tip without its explanation after the first comma or colon."""
    head = tip.split(":")[-1] if tip.startswith("Label the selection") else tip.split(",")[0].split(":")[0]
    return head.strip()[:1].lower() + head.strip()[1:]
