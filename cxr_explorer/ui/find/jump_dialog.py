"""Going to one image by a part of its file's name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxr_explorer.search.words import Search
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.texts import text_label

LISTED = 50
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class JumpDialog(QDialog):
    """A line to type into and the files that it may mean; `image_id` is the chosen one, -1 for none."""

    def __init__(self, parent: QWidget, session: Session, search: Search) -> None:
        super().__init__(parent)
        self.setWindowTitle("Jump to image")
        self._session = session
        self._search = search
        self.image_id = -1
        self.line = QLineEdit()
        self.line.setPlaceholderText("Part of a file name")
        self.line.setAccessibleName("Part of a file name")
        self.line.setToolTip("Type, choose with the arrow keys, Enter goes there")
        self.line.installEventFilter(self)
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName("Files with this name")
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._hint = text_label("", "dim")
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._hint)
        self.resize(460, 360)
        self.line.textChanged.connect(self._list)
        self.line.returnPressed.connect(self._go)
        self.list.itemClicked.connect(lambda _item: self._go())
        self._list()

    def _list(self) -> None:
        self.list.clear()
        text = self.line.text()
        found = self._search.named(text, LISTED + 1)
        project = self._session.project
        for image_id in found[:LISTED].tolist():
            path = project.image(image_id).path if project is not None else ""
            item = QListWidgetItem(path)
            item.setToolTip(path)
            item.setData(Qt.ItemDataRole.UserRole, image_id)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        if not text.strip():
            self._hint.setText("Enter goes to the image and shows where it lies on the map")
        elif not found.size:
            self._hint.setText("No image on the map is called so")
        else:
            more = found.size > LISTED
            self._hint.setText(f"The first {LISTED}; type more of the name" if more else "Enter goes there")

    def _go(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.image_id = int(item.data(Qt.ItemDataRole.UserRole))
            self.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrows move in the list while the reader types."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            by = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}
            row = self.list.currentRow() + by[Qt.Key(event.key())]
            self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
            return True
        return False
