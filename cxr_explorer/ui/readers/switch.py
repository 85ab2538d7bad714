"""Who reads now: a name is typed or chosen from those who have labels here."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxr_explorer.errors import UserError
from cxr_explorer.labels.reader_names import check_reader
from cxr_explorer.ui.widgets.texts import give_room, text_label

_Buttons = QDialogButtonBox.StandardButton
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class SwitchDialog(QDialog):
    """Typing narrows the list, the arrows move in it, Enter takes the line; the last line makes a new reader."""

    def __init__(self, parent: QWidget, reader: str, names: Sequence[str]) -> None:
        """`names` are the readers who have labels in the open project."""
        super().__init__(parent)
        self.setWindowTitle("Switch reader")
        give_room(self, 34, 22)
        self._names = list(dict.fromkeys([*names, reader]))
        self._now = reader
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Type a name or initials")
        self.typed.setAccessibleName("Reader")
        self.typed.setToolTip("Narrows the list; a name that is not in it makes a new reader")
        self.typed.installEventFilter(self)
        self.typed.textChanged.connect(self._fill)
        self.list = QListWidget()
        self.list.setAccessibleName("Readers")
        self.list.setToolTip("Up and Down choose, Enter switches")
        self.list.itemActivated.connect(lambda _item: self.accept())
        self.list.currentRowChanged.connect(lambda _row: self._check())
        self._hint = text_label("", "dim", wraps=True)
        self._buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel)
        self._buttons.button(_Buttons.Ok).setText("Switch")
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.typed)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._hint)
        layout.addWidget(self._buttons)
        self._fill()

    @property
    def reader(self) -> str:
        """The name on the line that is chosen; empty where there is none."""
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def _fill(self) -> None:
        typed = self.typed.text().strip()
        self.list.clear()
        for name in self._names:
            if typed.casefold() in name.casefold():
                self._add(f"{name}  (now)" if name == self._now else name, name)
        # Another spelling of a name would make a second reader of one person.
        if typed and typed.casefold() not in {name.casefold() for name in self._names}:
            self._add(f"New reader: {typed}", typed)
        rows = [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]
        known = [row for row, name in enumerate(rows) if name in self._names]
        begins = [row for row in known if rows[row].casefold().startswith(typed.casefold())]
        exact = [row for row in begins if rows[row].casefold() == typed.casefold()]
        others = [row for row in begins if rows[row] != self._now]
        now = [row for row, name in enumerate(rows) if name == self._now and not typed]
        self.list.setCurrentRow((now or exact or others or begins or [0])[0])
        self._check()

    def _add(self, text: str, name: str) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, name)
        self.list.addItem(item)

    def _check(self) -> None:
        objection = ""
        try:
            check_reader(self.reader)
        except UserError as error:
            objection = str(error)
        self._hint.setText(objection or "Each reader's labels are kept apart: only the chosen one's are shown.")
        self._hint.setObjectName("warning" if objection else "dim")
        self._hint.style().polish(self._hint)
        self._buttons.button(_Buttons.Ok).setEnabled(not objection)

    def accept(self) -> None:
        if self._buttons.button(_Buttons.Ok).isEnabled():
            super().accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = event if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress else None
        if watched is self.typed and pressed is not None and pressed.key() in _MOVES:
            self.list.event(pressed)
            return True
        return super().eventFilter(watched, event)
