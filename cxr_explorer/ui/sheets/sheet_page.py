"""The page of a contact sheet: what is shown, the tiles, and what the two keys that label would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.ui.commands.actions import tooltip
from cxr_explorer.ui.gallery.tile import Mark
from cxr_explorer.ui.session.thumbnails import Thumbnails
from cxr_explorer.ui.sheets.sheet_grid import SheetGrid
from cxr_explorer.ui.widgets.texts import text_label
from cxr_explorer.ui.widgets.wrapping_button import WrappingButton

KIND_TIPS = {
    "typical": "Typical pages: the images nearest to the middle of their cluster first (Tab: the next kind)",
    "edge": "Edge pages: the images least like their cluster first (Tab: the next kind)",
    "random": "Random pages: drawn once, and always in the same order. They show what is there; they are no audit "
    "(Tab: the next kind)",
    "unsure": "Least sure pages: the suggestions nearest to a mistake first (Tab: the next kind)",
    "found": "The order in which the images were found (Tab: the next kind)",
}


class SheetPage(QWidget):
    """Heading, kinds and pages above; the grid; two buttons below that say what they do."""

    kindChosen = Signal(str)
    labelWanted = Signal(bool)
    """Whether the odd ones are to get the opposite."""
    backWanted = Signal()
    keysChanged = Signal()

    def __init__(self, thumbnails: Thumbnails, mark: Callable[[int], Mark]) -> None:
        super().__init__()
        self.grid = SheetGrid(thumbnails, mark)
        self.setFocusProxy(self.grid)
        self.heading = text_label("", "heading", wraps=True)
        self.heading.setMinimumWidth(200)
        self._kinds = QButtonGroup(self)
        self._kind_row = QHBoxLayout()
        self._kind_row.setSpacing(4)
        self._previous = _button("‹", "The page before (Page up, mouse wheel)", lambda: self.grid.turn(-1))
        self._previous.setAccessibleName("Previous page")
        self._next = _button("›", "The next page (Page down, mouse wheel)", lambda: self.grid.turn(1))
        self._next.setAccessibleName("Next page")
        head = QFrame()
        head.setObjectName("strip")
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.heading, 1)
        row.addLayout(self._kind_row)
        row.addSpacing(8)
        row.addWidget(self._previous)
        row.addWidget(self._next)
        row.addSpacing(8)
        row.addWidget(_button("Back", tooltip("back"), self.backWanted.emit))
        self.rest = WrappingButton()
        self.rest.clicked.connect(lambda: self.labelWanted.emit(False))
        self.turned = WrappingButton()
        self.turned.clicked.connect(lambda: self.labelWanted.emit(True))
        self.hint = text_label("", "dim", wraps=True)
        foot = QFrame()
        foot.setObjectName("panel")
        column = QVBoxLayout(foot)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.rest, 1)
        row.addWidget(self.turned, 1)
        column.addLayout(row)
        column.addWidget(self.hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.grid, 1)
        column.addWidget(foot)
        self.grid.pageChanged.connect(self._show_pages)

    def set_kinds(self, kinds: Mapping[str, str], chosen: str) -> None:
        """Which kinds of pages there are, by key with what their buttons say; one alone needs no button."""
        if [button.property("kind") for button in self._kinds.buttons()] != list(kinds):
            for button in self._kinds.buttons():
                self._kinds.removeButton(button)
                self._kind_row.removeWidget(button)
                button.deleteLater()
            for kind, text in kinds.items():
                added = _button(text, KIND_TIPS[kind], partial(self.kindChosen.emit, kind))
                added.setProperty("kind", kind)
                added.setCheckable(True)
                self._kinds.addButton(added)
                self._kind_row.addWidget(added)
        for button in self._kinds.buttons():
            button.setChecked(button.property("kind") == chosen)
            button.setVisible(len(kinds) > 1)

    def show_keys(self) -> None:
        """Called when the reader has changed the keys: the texts name them."""
        self.keysChanged.emit()

    def _show_pages(self) -> None:
        self._previous.setEnabled(self.grid.page > 0)
        self._next.setEnabled(self.grid.page < self.grid.pages - 1)


def _button(text: str, tip: str, run: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # each has its key, and the keyboard stays on the tiles
    button.clicked.connect(lambda _checked=False: run())
    return button
