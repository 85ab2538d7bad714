"""The projects opened lately, as the start page and the menu show them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QScrollArea, QVBoxLayout, QWidget

from cxr_explorer.ui.session.recent import Recent, RecentProjects
from cxr_explorer.ui.widgets.texts import MiddleElided, Role, elided_label, text_label

REMOVE = "Remove from the list"
MISSING = "⚠ not there any more"
CLEAR_TIP = "Forget which projects were opened lately; the projects themselves stay as they are"
_MENU_LETTERS = 30


class RecentList(QWidget):
    """The list of the start page: a button a project, with its place, date and progress."""

    projectWanted = Signal(str)
    listChanged = Signal()

    def __init__(self, recent: RecentProjects) -> None:
        super().__init__()
        self._recent = recent
        self._rows = QVBoxLayout()
        self._rows.setSpacing(6)
        body = QWidget()
        body.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 4, 0)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(body)
        self.clear = QPushButton("Clear list")
        self.clear.setToolTip(CLEAR_TIP)
        self.clear.clicked.connect(self._clear)
        head = QHBoxLayout()
        head.addWidget(text_label("Recent projects", "heading"), 1)
        head.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        column.addWidget(self.area, 1)

    def refresh(self) -> None:
        """Shows the list as it is now; with nothing in it the whole widget hides."""
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        entries = self._recent.entries()
        for entry in entries:
            self._rows.addWidget(self._row(entry))
        self._rows.addStretch(1)
        self.setVisible(bool(entries))

    def _row(self, entry: Recent) -> QWidget:
        if entry.is_there:
            button = RecentButton(entry)
            button.clicked.connect(lambda _checked=False: self.projectWanted.emit(entry.path))
            return button
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(10, 4, 0, 4)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(_name_label(project_title(Path(entry.path)), "dim"))
        words.addWidget(_path_label(entry.path))
        words.addWidget(_name_label(MISSING, "warning"))
        remove = QPushButton(REMOVE)
        remove.setToolTip(f"Forget {entry.path}: the file is not where it was")
        remove.clicked.connect(lambda _checked=False: self._remove(entry.path))
        line.addLayout(words, 1)
        line.addWidget(remove)
        return row

    def _remove(self, path: str) -> None:
        self._recent.remove(path)
        self.listChanged.emit()

    def _clear(self) -> None:
        self._recent.clear()
        self.listChanged.emit()


class RecentButton(QPushButton):
    """One project of the list."""

    def __init__(self, entry: Recent) -> None:
        super().__init__()
        title = project_title(Path(entry.path))
        self.setAccessibleName(", ".join(filter(None, (title, entry.progress, entry.date))))
        self.setToolTip(entry.path)
        name, progress = _name_label(title, "heading"), text_label(entry.progress)
        path, date = _path_label(entry.path), text_label(entry.date, "dim")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 6)
        column.setSpacing(2)
        for left, right in ((name, progress), (path, date)):
            line = QHBoxLayout()
            line.addWidget(left, 1)
            line.addWidget(right)
            column.addLayout(line)
        for label in (name, progress, path, date):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        layout = self.layout()
        return layout.minimumSize() if layout is not None else super().minimumSizeHint()


class RecentMenu(QMenu):
    """*File > Open recent*, filled when it is opened."""

    projectWanted = Signal(str)
    listChanged = Signal()

    def __init__(self, recent: RecentProjects, parent: QWidget) -> None:
        super().__init__(parent)
        self._recent = recent
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.refresh)

    def refresh(self) -> None:
        """Lists the projects as they are now."""
        for child in self.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly):
            child.deleteLater()
        self.clear()
        entries = self._recent.entries()
        if not entries:
            self.addAction("No project was opened yet").setEnabled(False)
            return
        for number, entry in enumerate(entries, 1):
            self._add(number, entry)
        self.addSeparator()
        clear = self.addAction("&Clear list")
        clear.setToolTip(CLEAR_TIP)
        clear.triggered.connect(self._clear)

    def _add(self, number: int, entry: Recent) -> None:
        metrics = QFontMetrics(self.font())
        room = _MENU_LETTERS * metrics.averageCharWidth()
        title = metrics.elidedText(project_title(Path(entry.path)), Qt.TextElideMode.ElideMiddle, room)
        where = metrics.elidedText(str(Path(entry.path).parent), Qt.TextElideMode.ElideMiddle, room)
        text = f"{title}  –  {where}".replace("&", "&&")
        if not entry.is_there:
            missing = self.addMenu(f"&{number}  {text}  {MISSING}")
            missing.menuAction().setToolTip(entry.path)
            missing.addAction(REMOVE).triggered.connect(lambda _checked=False: self._remove(entry.path))
            return
        beside = ", ".join(filter(None, (entry.progress, entry.date)))
        action = self.addAction(f"&{number}  {text}\t{beside}")
        action.setToolTip(entry.path)
        action.triggered.connect(lambda _checked=False: self.projectWanted.emit(entry.path))

    def _remove(self, path: str) -> None:
        self._recent.remove(path)
        self.listChanged.emit()

    def _clear(self) -> None:
        self._recent.clear()
        self.listChanged.emit()


def _name_label(text: str, role: Role) -> QLabel:
    label = elided_label(text, role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setContentsMargins(6, 0, 0, 0)  # as `MiddleElided` has it
    return label


def _path_label(path: str) -> MiddleElided:
    label = MiddleElided()
    label.setObjectName("dim")
    label.setText(path)
    return label


def project_title(path: Path) -> str:
    """A project's name for people: without the hash that default names end in."""
    name, _, tail = path.stem.rpartition("-")
    is_hash = len(tail) == 8 and all(character in "0123456789abcdef" for character in tail)
    return name if name and is_hash else path.stem
