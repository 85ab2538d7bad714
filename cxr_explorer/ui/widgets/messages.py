"""Messages on top of the window, and tables in dialogs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QMessageBox,
    QPlainTextEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.logfile import describe_caller
from cxr_explorer.ui.widgets.texts import accepted, give_room, text_label

log = logging.getLogger("cxr_explorer")

SAMPLE = 100
"""Rows by which the widths of a table's columns go."""

_Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


def show_error(parent: QWidget, text: str) -> None:
    """Something outside the program is in the way: says what, why, and what to do."""
    log.warning("the reader is told what is in the way, by %s", describe_caller())
    box = QMessageBox(QMessageBox.Icon.Warning, "CXR Explorer", text, _message_buttons(), parent)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    accepted(box)


def show_bug(parent: QWidget | None, trace: str) -> None:
    """An error of the program itself, with the text to send to its makers."""
    box = QMessageBox(
        QMessageBox.Icon.Critical,
        "CXR Explorer",
        "Something went wrong in the program. The step you took last may not be stored; every step before it is. The "
        "details below help to mend it; they may hold file names, so look at them before you pass them on.",
        _message_buttons(),
        parent,
    )
    box.setDetailedText(trace)
    copy = box.addButton("Copy details", QMessageBox.ButtonRole.ActionRole)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(trace))
    accepted(box)


class TextDialog(QDialog):
    """A text to be looked at, and copied whole."""

    def __init__(self, parent: QWidget, title: str, said: str, text: str, at_end: bool = False) -> None:
        """`said` tells above the text what it is; `at_end` shows its end first."""
        super().__init__(parent)
        self.setWindowTitle(title)
        give_room(self, 64, 26)
        shown = QPlainTextEdit(text, readOnly=True)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)  # columns stand below each other
        font.setPointSizeF(self.font().pointSizeF())
        shown.setFont(font)
        shown.setAccessibleName(title)
        if at_end:
            shown.moveCursor(QTextCursor.MoveOperation.End)
            shown.moveCursor(QTextCursor.MoveOperation.StartOfLine)
        column = QVBoxLayout(self)
        column.addWidget(text_label(said, wraps=True))
        column.addWidget(shown, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self.copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setToolTip("Copy this text to the clipboard")
        self.copy.clicked.connect(self._copy)
        self._text = text
        column.addWidget(buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self.copy.setText("Copied")


def confirmed(parent: QWidget, text: str, verb: str) -> bool:
    """Asks before something is done. Returns whether the answer is the button with the verb; Esc is no."""
    box = QMessageBox(QMessageBox.Icon.Question, "CXR Explorer", text, QMessageBox.StandardButton.Cancel, parent)
    yes = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(yes)
    box.exec()
    box.deleteLater()
    return box.clickedButton() is yes


def _message_buttons() -> QMessageBox.StandardButton:
    return QMessageBox.StandardButton.Ok


class _Lines(QAbstractTableModel):
    """Rows of text; a cell is asked for when it is seen, so that a hundred thousand rows open like ten."""

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]], parent: QWidget) -> None:
        super().__init__(parent)
        self._header, self._rows = header, rows

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._header)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._rows[index.row()][index.column()]
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        across = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return self._header[section] if across else None


def table_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> QTableView:
    """A table to read; its last column takes the room that is left."""
    table = QTableView()
    table.setModel(_Lines(header, rows, table))
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)  # Tab leads on to the next control
    table.setWordWrap(True)
    table.horizontalHeader().setResizeContentsPrecision(SAMPLE)
    table.resizeColumnsToContents()
    if len(rows) <= 500:  # measuring every row takes its time
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for column in range(len(header) - 1):
        table.setColumnWidth(column, min(table.columnWidth(column), 300))
    if header:
        table.horizontalHeader().setSectionResizeMode(len(header) - 1, QHeaderView.ResizeMode.Stretch)
    return table
