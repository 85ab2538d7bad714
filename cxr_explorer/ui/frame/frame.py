"""The window without its parts: places for them, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from cxr_explorer.ui.commands.actions import SPECS, connect_verbs, make_actions
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Verbs
from cxr_explorer.ui.frame.notice import Notice
from cxr_explorer.ui.widgets.texts import elided_label


class Frame(QMainWindow):
    """Tabs at the left, pages in the centre, a pane at the right and one below, strips above, a line of status.

    Attributes:
        settings: The program's settings, kept between two starts.
        actions_by_name: Every action of `SPECS`; what they do comes with `take_verbs`.
        side: The tabs.
        centre: The pages.
        pages: These by name.
        across: Tabs, pages and the pane at the right, with handles between them.
        body: All but menus and status line, from above.
        notice: The strip that warns.
    """

    statesWanted = Signal()
    """A part has changed what its actions need."""
    keysChanged = Signal()
    """The reader has changed keys."""

    def __init__(self, settings: QSettings) -> None:
        super().__init__()
        self.settings = settings
        self.actions_by_name = make_actions(self)
        self.setWindowTitle("CXR Explorer")
        self.side = QTabWidget()
        self.side.setDocumentMode(True)
        self.centre = QStackedWidget()
        self.centre.setMinimumWidth(380)
        self.pages: dict[str, QWidget] = {}
        self.across = QSplitter(Qt.Orientation.Horizontal)
        self.across.addWidget(self.side)
        self.across.addWidget(self.centre)
        work = QWidget()
        self._column = QVBoxLayout(work)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.across, 1)
        self._whole = QStackedWidget()
        self._whole.addWidget(work)
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

    def set_right(self, widget: QWidget) -> None:
        """The pane at the right."""
        self.across.addWidget(widget)
        for place in range(self.across.count()):
            self.across.setStretchFactor(place, int(self.across.widget(place) is self.centre))
            self.across.setCollapsible(place, False)

    def set_below(self, widget: QWidget) -> None:
        """The pane below, behind a line."""
        line = QFrame()
        line.setFixedHeight(1)
        line.setStyleSheet("background: palette(mid)")
        self._column.addWidget(line)
        self._column.addWidget(widget)

    def add_tab(self, widget: QWidget, title: str) -> None:
        """A tab at the left."""
        self.side.addTab(widget, title)

    def bring_to_front(self, tab: QWidget) -> None:
        """Shows a tab."""
        self.side.setCurrentWidget(tab)

    def add_page(self, name: str, widget: QWidget) -> None:
        """Adds what `Session.show_page` can put in the centre; Escape leads back to the map."""
        self.pages[name] = widget
        self.centre.addWidget(widget)

    def add_strip(self, widget: QWidget, first: bool = False) -> None:
        """A line above the work, over the others or below them."""
        self.body.insertWidget(0 if first else self.body.indexOf(self._whole), widget)

    # -- words -----------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """In the line of status, until something else is said."""
        self._said.setText(text)
        self._said.setToolTip(text)

    def warn(self, text: str) -> None:
        """In a strip that stays until it is closed."""
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
