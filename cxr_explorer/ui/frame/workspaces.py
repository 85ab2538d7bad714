"""Ways to work in one window: panes to choose with around the map, as little as can be around a film.

Panes are Qt's docks: they are moved, put away, and taken out of the window onto another screen. Each way of working has
its own arrangement and keeps it as it was left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QByteArray, QObject, QSettings, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QVBoxLayout, QWidget

from cxr_explorer.ui.commands.part import Part, Verbs

START, EXPLORE, SHEET, READ = "start", "explore", "sheet", "read"
"""Nothing is open, or two maps need all the window; the map with its clusters and the gallery; a contact sheet; films
full size."""

KEPT = (EXPLORE, SHEET, READ)


class Pane(QDockWidget):
    """A pane, one widget above the other."""

    def __init__(self, name: str, title: str, works: Iterable[str], start_px: Callable[[int], int]) -> None:
        """`works` are the ways of working it is there for at first, `start_px` its width then, by the window's."""
        super().__init__(title)
        self.setObjectName(name)
        self.works = frozenset(works)
        self.start_px = start_px
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addStretch(0)  # what is left over where the large ones are hidden
        self.setWidget(body)

    def put(self, widget: QWidget, stretch: int = 0) -> None:
        """Adds a widget below what is there; with a stretch it takes the room that is left."""
        self._column.insertWidget(self._column.count() - 1, widget, stretch)

    def put_first(self, widget: QWidget) -> None:
        """Adds a widget above what is there."""
        self._column.insertWidget(0, widget)


class Workspaces(QObject, Part):
    """The panes of a window and which of them are to be seen."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._kept: dict[str, QByteArray] = {}
        self._bare: set[str] = set()
        self.panes: dict[str, Pane] = {}
        self.work = START

    def verbs(self) -> Verbs:
        return {
            "panes": self.switch_all,
            "pane_clusters": lambda: self.switch("clusters"),
            "pane_gallery": lambda: self.switch("gallery"),
            "pane_findings": lambda: self.switch("findings"),
            "panes_reset": self.arrange_anew,
            "full_screen": self.switch_full_screen,
        }

    def add(self, pane: Pane, area: Qt.DockWidgetArea) -> None:
        """A pane; those of one side stand beside each other in the order they are added."""
        before = [one for one in self.panes.values() if self._window.dockWidgetArea(one) == area]
        self._window.addDockWidget(area, pane)
        if before:
            self._window.splitDockWidget(before[-1], pane, Qt.Orientation.Horizontal)
        pane.hide()
        self.panes[pane.objectName()] = pane

    def show(self, work: str) -> None:
        """Goes over to another way of working; the panes are as they were left there."""
        if work != self.work:
            self._note()
            self.work = work
            self._arrange()

    def switch_all(self) -> None:
        """Puts all panes away, or brings them back."""
        if self.work == START:
            return
        self._note()
        self._bare ^= {self.work}
        self._arrange()

    def switch(self, name: str) -> None:
        """Shows a pane or puts it away."""
        if self.work == START:
            return
        pane = self.panes[name]
        shown = pane.isVisible()
        if self.work in self._bare:
            self.switch_all()
        pane.setVisible(not shown)
        if not shown:
            pane.raise_()

    def arrange_anew(self) -> None:
        """All panes as they are at first, for every way of working."""
        self._kept.clear()
        self._bare.clear()
        for pane in self.panes.values():
            pane.setFloating(False)
        self._arrange()

    def switch_full_screen(self) -> None:
        """The whole screen, or a window again."""
        self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def keep(self, settings: QSettings) -> None:
        """Writes the arrangements into the settings."""
        self._note()
        for work, state in self._kept.items():
            settings.setValue(f"panes/{work}", state)
        settings.setValue("panes/bare", sorted(self._bare))

    def restore(self, settings: QSettings) -> None:
        """Reads what was kept; what cannot be read is arranged anew."""
        for work in KEPT:
            state = settings.value(f"panes/{work}")
            if isinstance(state, QByteArray):
                self._kept[work] = state
        bare = settings.value("panes/bare", [])
        self._bare = {work for work in KEPT if isinstance(bare, list | str) and work in bare}
        self._arrange()

    def on_show(self) -> None:
        """The window came on the screen: only now the panes can be given their widths."""
        self._arrange()

    def _note(self) -> None:
        if self.work != START and self.work not in self._bare and self._window.isVisible():
            self._kept[self.work] = self._window.saveState()

    def _arrange(self) -> None:
        if self.work == START or self.work in self._bare:
            for pane in self.panes.values():
                pane.hide()
            return
        kept = self._kept.get(self.work)
        if kept is not None and self._window.restoreState(kept):
            return
        seen = [pane for pane in self.panes.values() if self.work in pane.works]
        for pane in self.panes.values():
            pane.setVisible(pane in seen)
        self._window.resizeDocks(
            seen, [pane.start_px(self._window.width()) for pane in seen], Qt.Orientation.Horizontal
        )
