"""A few lines to write of one image."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.project.notes import MOST_CHARACTERS, tidy
from cxr_explorer.ui.widgets.texts import MiddleElided, give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
_HINT = "Enter begins a new line, Ctrl+Enter stores the note, Esc cancels. An empty note is removed."


class NoteDialog(QDialog):
    """Lies in the window's lower right corner: the picture stays in sight. Closes once the note is stored."""

    def __init__(self, parent: QWidget, name: str, text: str, store: Callable[[str], None]) -> None:
        """Args: the image's file; the note as it is; what stores another one, which may raise UserError."""
        super().__init__(parent)
        self.setWindowTitle("Note")
        give_room(self, 26)
        self._store = store
        self._before = text
        self._warned = False
        title = MiddleElided(self)
        title.setText(name)
        title.setToolTip(name)
        self.text = QPlainTextEdit(text)
        self.text.setAccessibleName(f"Note on {name}")
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(7 * self.fontMetrics().lineSpacing())
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self._said = text_label(_HINT, "dim", wraps=True)
        self.buttons = QDialogButtonBox(_Buttons.Save | _Buttons.Cancel)
        self.buttons.button(_Buttons.Save).setText("Store note")
        self.buttons.button(_Buttons.Save).setAutoDefault(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.text.textChanged.connect(self._on_text)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(title)
        layout.addWidget(self.text)
        layout.addWidget(self._said)
        layout.addWidget(self.buttons)
        self.adjustSize()
        corner = parent.mapToGlobal(parent.rect().bottomRight())
        self.move(corner.x() - self.width() - 12, corner.y() - self.height() - 40)

    def _on_text(self) -> None:
        self._warned = False
        count = len(tidy(self.text.toPlainText()))
        self.buttons.button(_Buttons.Save).setEnabled(count <= MOST_CHARACTERS)
        near = count > MOST_CHARACTERS - 200
        self._said.setText(f"{count:,} of {MOST_CHARACTERS:,} characters" if near else _HINT)

    def accept(self) -> None:
        """Stores; what cannot be stored stays to be seen, and why."""
        try:
            self._store(self.text.toPlainText())
        except UserError as error:
            self._said.setText(str(error))
        else:
            super().accept()

    def reject(self) -> None:
        """Words that were typed are not lost by one press of Esc."""
        if not self._warned and tidy(self.text.toPlainText()) not in ("", self._before):
            self._warned = True
            self._said.setText("This note is not stored yet: Ctrl+Enter stores it, Esc once more throws it away.")
        else:
            super().reject()
