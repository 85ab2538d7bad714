"""The command palette: type a few letters of anything the window can do, press Enter."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.ui.commands.command import Command, matching
from cxr_explorer.ui.widgets.texts import text_label

_Index = QModelIndex | QPersistentModelIndex
_LIST_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class _Model(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.commands: list[Command] = []

    def show_commands(self, commands: list[Command]) -> None:
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.commands)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        command = self.commands[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return command
        if role == Qt.ItemDataRole.DisplayRole:
            return command.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (command.text, command.keys, command.missing) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(part for part in (command.tip, command.missing) if part)
        return None


class CommandPalette(QDialog):
    """A text field and the commands that fit it. Enter runs the marked one; what cannot be done says why.

    Args:
        parent: The window it belongs to, at whose upper edge it opens.
        commands: All there is to choose from, in the order of the empty search.
    """

    def __init__(self, parent: QWidget, commands: Sequence[Command]) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle("Commands")
        self.setObjectName("palette")
        self.setModal(True)
        self.rejected.connect(self.deleteLater)  # else it goes when its command is over
        self._commands = commands
        self._model = _Model(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(
            "Type a command, a cluster or a finding: “export”, “cluster 3”, “label mass present”"
        )
        self.search.setAccessibleName("Search for a command")
        self.search.setToolTip("Arrows choose, Enter does it, Esc leaves")
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._filter)
        self.list = QListView()
        self.list.setAccessibleName("Commands that fit")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.clicked.connect(lambda _index: self._run())
        self.list.selectionModel().currentChanged.connect(self._explain)
        self._about = text_label("", "dim")
        self._about.setWordWrap(True)
        self._about.setMinimumHeight(2 * self._about.fontMetrics().lineSpacing() + 2)
        self._about.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._about)
        self._filter("")
        self._place(parent.window())

    def _place(self, window: QWidget) -> None:
        letter = self.fontMetrics().horizontalAdvance("m")
        width = min(60 * letter, window.width() - 40)
        height = min(28 * self.fontMetrics().lineSpacing(), window.height() - 120)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.setGeometry(corner.x() + (window.width() - width) // 2, corner.y() + 50, width, height)

    @property
    def current(self) -> Command | None:
        """The command Enter would run."""
        row = self.list.currentIndex().row()
        return self._model.commands[row] if 0 <= row < len(self._model.commands) else None

    def _filter(self, typed: str) -> None:
        self._model.show_commands(matching(self._commands, typed))
        if self._model.commands:
            self.list.setCurrentIndex(self._model.index(0))
            self.list.scrollToTop()
        self._explain()

    def _explain(self) -> None:
        command = self.current
        if command is None:
            self._about.setText("Nothing is called that. Fewer letters find more.")
        elif command.missing:
            self._about.setText(f"Not now: {command.missing}")
        else:
            self._about.setText(command.tip)

    def _run(self) -> None:
        command = self.current
        if command is None or command.missing:
            return
        self.accept()
        try:
            command.run()
        finally:
            self.deleteLater()  # not sooner: a command may wait in a dialog, and the click that chose it waits here

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The text field keeps the focus; the keys of a list go to the list."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in _LIST_KEYS:
                self._step(Qt.Key(event.key()))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
        return super().eventFilter(watched, event)

    def _step(self, key: Qt.Key) -> None:
        count = len(self._model.commands)
        if not count:
            return
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)) - 1)
        by = {_LIST_KEYS[0]: -1, _LIST_KEYS[1]: 1, _LIST_KEYS[2]: -page, _LIST_KEYS[3]: page}[key]
        row = self.list.currentIndex().row() + by
        row = row % count if abs(by) == 1 else min(max(row, 0), count - 1)
        self.list.setCurrentIndex(self._model.index(row))


class _Delegate(QStyledItemDelegate):
    """Name on the left with its place behind it, key or what is missing on the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(100, option.fontMetrics.height() + 10)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        palette, metrics = option.palette, option.fontMetrics
        marked = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if marked:
            painter.fillRect(option.rect, palette.highlight())
        bright = palette.highlightedText() if marked else palette.text()
        faint = palette.highlightedText() if marked else palette.placeholderText()
        rect = option.rect.adjusted(8, 0, -8, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        note = command.missing or command.keys
        room = rect.width() // 2 if command.missing else rect.width()
        note = metrics.elidedText(note, Qt.TextElideMode.ElideRight, room)
        noted = metrics.horizontalAdvance(note)
        italic = QFont(option.font)
        italic.setItalic(True)
        painter.setFont(italic if command.missing else option.font)
        painter.setPen(faint.color() if command.missing else bright.color())
        painter.drawText(rect, int(middle | Qt.AlignmentFlag.AlignRight), note)
        painter.setFont(option.font)
        painter.setPen(faint.color() if command.missing else bright.color())
        room = rect.width() - noted - 16
        name = metrics.elidedText(command.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect, int(middle | Qt.AlignmentFlag.AlignLeft), name)
        used = metrics.horizontalAdvance(name) + 12
        if command.place and room - used > metrics.horizontalAdvance(command.place):
            painter.setPen(faint.color())
            behind = QRect(rect.left() + used, rect.top(), room - used, rect.height())
            painter.drawText(behind, int(middle | Qt.AlignmentFlag.AlignLeft), command.place)
        painter.restore()
