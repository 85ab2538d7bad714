"""The window without its parts: places for them, and what it says."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from cxr_explorer.logfile import describe_caller
from cxr_explorer.ui.commands.actions import SPECS, connect_verbs, make_actions
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Verbs
from cxr_explorer.ui.frame.notice import Notice
from cxr_explorer.ui.frame.workspaces import EXPLORE, READ, START, Pane, Workspaces
from cxr_explorer.ui.widgets.texts import elided_label

log = logging.getLogger("cxr_explorer")

LEAST_CENTRE_PX = 320


class _Pages(QStackedWidget):
    """Pages of which the one that is shown says how small the window may be, not the widest of all."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(lambda _index: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.minimumSizeHint().expandedTo(page.minimumSize()) if page is not None else super().minimumSizeHint()


_CORNERS = {
    Qt.Corner.TopLeftCorner: Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.Corner.BottomLeftCorner: Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.Corner.TopRightCorner: Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.Corner.BottomRightCorner: Qt.DockWidgetArea.RightDockWidgetArea,
}


class Frame(QMainWindow):
    """Pages in the centre, panes around them, strips above, a line of status.

    Attributes:
        settings: The program's settings, kept between two starts.
        actions_by_name: Every action of `SPECS`; what they do comes with `take_verbs`.
        side: The tabs in the pane at the left.
        centre: The pages.
        pages: These by name.
        workspaces: The panes, and which of them are there for a page.
        body: Strips and pages, from above.
        notice: The strip that warns.
    """

    statesWanted = Signal()
    """A part has changed what its actions need."""
    keysChanged = Signal()
    """The reader has changed keys."""

    def __init__(self, settings: QSettings) -> None:
        super().__init__()
        self.settings = settings
        self._shown_before = False
        self.actions_by_name = make_actions(self)
        self.setWindowTitle("CXR Explorer")
        self.side = QTabWidget()
        self.side.setDocumentMode(True)
        self.centre = _Pages()
        self.centre.setMinimumWidth(LEAST_CENTRE_PX)
        self.pages: dict[str, QWidget] = {}
        self._works: dict[str, str] = {}
        self.workspaces = Workspaces(self)
        self.setDockNestingEnabled(True)
        for corner, area in _CORNERS.items():
            self.setCorner(corner, area)
        self._whole = _Pages()
        self._whole.addWidget(self.centre)
        body = QWidget()
        self.body = QVBoxLayout(body)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self.notice = Notice()
        self.body.addWidget(self.notice)
        self.body.addWidget(self._whole, 1)
        self.setCentralWidget(body)
        self._said = elided_label()
        self._said.setContentsMargins(10, 0, 0, 0)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self._said, 1)

    # -- places ----------------------------------------------------------------------------------------------------

    def set_start(self, widget: QWidget) -> None:
        """What fills the window while nothing is open."""
        self._whole.addWidget(widget)

    def show_start(self, shown: bool) -> None:
        """Shows that, or the work."""
        self._whole.setCurrentIndex(1 if shown else 0)
        self._show_work()

    def add_pane(self, pane: Pane, left: bool = False) -> None:
        """A pane at the right, or at the left."""
        area = Qt.DockWidgetArea.LeftDockWidgetArea if left else Qt.DockWidgetArea.RightDockWidgetArea
        self.workspaces.add(pane, area)

    def add_tab(self, widget: QWidget, title: str) -> None:
        """A tab at the left."""
        self.side.addTab(widget, title)

    def bring_to_front(self, tab: QWidget) -> None:
        """Shows a tab."""
        self.side.setCurrentWidget(tab)

    def add_page(self, name: str, widget: QWidget, work: str = EXPLORE) -> None:
        """Adds what `Session.show_page` can put in the centre; Escape leads back to the map.

        Args:
            name: Of the page.
            widget: The page.
            work: Which panes are there beside it, see `workspaces`.
        """
        self.pages[name] = widget
        self._works[name] = work
        self.centre.addWidget(widget)

    def show_page(self, name: str) -> None:
        """Puts a page in the centre, and the panes around it that belong to it."""
        if self._works[name] == READ and not self._whole.currentIndex():
            self.workspaces.show(READ)  # first: a wide page between all panes would widen the window
        self.centre.setCurrentWidget(self.pages[name])
        self._show_work()

    def _show_work(self) -> None:
        page = next((name for name, widget in self.pages.items() if widget is self.centre.currentWidget()), "")
        self.workspaces.show(START if self._whole.currentIndex() else self._works.get(page, EXPLORE))

    def showEvent(self, event: QShowEvent) -> None:
        """The panes get their widths."""
        super().showEvent(event)
        if not self._shown_before:
            self._shown_before = True
            self.workspaces.on_show()

    def add_strip(self, widget: QWidget, first: bool = False) -> None:
        """A line above the work, over the others or below them."""
        self.body.insertWidget(0 if first else self.body.indexOf(self._whole), widget)

    # -- words -----------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """In the line of status, until something else is said."""
        self._said.setText(text)
        self._said.setToolTip(text)

    def warn(self, text: str) -> None:
        """In a strip that stays until it is closed; the log says where it came from."""
        if error := sys.exc_info()[1]:
            log.warning("the reader is warned", exc_info=error)
        else:
            log.warning("the reader is warned, by %s", describe_caller())
        self.notice.show_text(text)

    def last_folder(self) -> str:
        """Where file dialogs begin."""
        return str(self.settings.value("last_folder", str(Path.home())))

    # -- actions ---------------------------------------------------------------------------------------------------

    def take_verbs(self, every: Iterable[Verbs]) -> None:
        """Says what the actions do, and puts them into the menus; to be called once, when all parts stand."""
        verbs: Verbs = {}
        for some in every:
            assert not verbs.keys() & some.keys(), f"two parts do {sorted(verbs.keys() & some.keys())}"
            verbs |= some
        connect_verbs(self.actions_by_name, verbs)
        menus: dict[str, QMenu] = {}
        for spec in SPECS:
            if spec.menu not in menus:
                menus[spec.menu] = self.menuBar().addMenu(spec.menu)
            menu = menus[spec.menu]
            if spec.separated:
                menu.addSeparator()
            if spec.in_menu:
                menu.addAction(self.actions_by_name[spec.name])

    def set_switch(self, name: str, on: bool) -> None:
        """Shows a switch as on or off, and does nothing else."""
        action = self.actions_by_name[name]
        action.blockSignals(True)
        action.setChecked(on)
        action.blockSignals(False)

    def show_states(self, states: Mapping[Need, bool]) -> None:
        """Lets what can be done be done; of the rest the line of status says why it cannot, when it is pointed at."""
        for spec in SPECS:
            action, there = self.actions_by_name[spec.name], states[spec.need]
            action.setEnabled(there)
            action.setStatusTip(spec.tip if there else f"Not now: {spec.need.missing}")

    def refresh_actions(self) -> None:
        """Brings what the actions allow in line, where a part of the window has changed it."""
        self.statesWanted.emit()
