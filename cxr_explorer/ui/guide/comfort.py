"""Comfort: the palette, other keys, the tour, the way from pane to pane, and selecting on the map without a mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.file import SUFFIX, demo_home
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS, apply_keys, key_text, keys_of, plain_text, tooltip
from cxr_explorer.ui.guide.command_palette import CommandPalette
from cxr_explorer.ui.guide.keys_dialog import EditKeysDialog
from cxr_explorer.ui.guide.tour import Tour
from cxr_explorer.ui.guide.tour_steps import tour_steps
from cxr_explorer.ui.guide.window_commands import commands
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.widgets.focus import FocusKeeper, step_pane

if TYPE_CHECKING:
    from cxr_explorer.ui.main_window import MainWindow

FIRST_GROWN = 4
GROWTH = 1.5


@dataclass(frozen=True, eq=False)
class _Grown:
    """A selection grown around a point: it goes on growing while nothing else has changed the selection."""

    point: int
    count: int
    before: Ids
    ids: Ids


class Comfort(QObject):
    """Offers the slots; `begin` is called once the window stands."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._grown: _Grown | None = None
        self._tour_waits = False
        self.focus = FocusKeeper(self)

    def begin(self) -> None:
        """What needs the whole window: the tour, which the demo's first map starts by itself, once."""
        window, session = self._window, self._window.session
        self.tour = Tour(window, tour_steps(window))
        session.selectionChanged.connect(self._tell_selection)
        session.currentChanged.connect(lambda: self.tour.tell("open" if session.viewing_image else "back"))
        session.labelsChanged.connect(lambda: self.tour.tell("label"))
        session.undid.connect(lambda _text: self.tour.tell("undo"))
        session.projectChanged.connect(self._on_project)
        session.projectChanged.connect(self._tour_if_due)
        session.mapChanged.connect(self._tour_if_due)
        window.welcome.tourWanted.connect(self.show_tour)

    # -- palette and keys ------------------------------------------------------------------------------------------

    def show_palette(self) -> None:
        """Opens the command palette."""
        CommandPalette(self._window, commands(self._window)).open()

    def edit_keys(self) -> None:
        """Opens the dialog that changes keys."""
        listed = [(spec.name, spec.menu.replace("&", ""), plain_text(spec), spec.tip) for spec in SPECS]
        dialog = EditKeysDialog(
            self._window,
            listed,
            {spec.name: keys_of(spec.name) for spec in SPECS},
            {spec.name: spec.keys for spec in SPECS},
            frozenset(spec.name for spec in SPECS if spec.slot == "label_finding"),
            menu_keys(),
            self.use_keys,
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def use_keys(self, bindings: keymap.Bindings) -> None:
        """Takes these keys over, stores them, and brings every text that names a key in line."""
        window = self._window
        before = {spec.name: tooltip(spec.name) for spec in SPECS}
        keymap.store(window.session.settings, bindings, {spec.name: spec.keys for spec in SPECS})
        apply_keys(window.actions_by_name)
        changed = {old: tooltip(name) for name, old in before.items() if tooltip(name) != old}
        for widget in window.findChildren(QWidget):
            tip = widget.toolTip()
            for old, new in changed.items():
                if tip and old in tip:
                    widget.setToolTip(tip.replace(old, new))
                    break
            if hasattr(widget, "show_keys"):
                widget.show_keys()

    # -- the way around --------------------------------------------------------------------------------------------

    def show_tour(self) -> None:
        """Starts the tour: at once where there is a map, else when the map is there; on the demo if nothing is open."""
        session = self._window.session
        self._tour_waits = True
        if session.project is None:
            session.open_demo()
        elif session.map is None:
            session.said.emit("The tour starts when the map is there.")
        self._tour_if_due()

    def _on_project(self) -> None:
        """The keyboard starts at the clusters."""
        window = self._window
        if window.session.project is not None and window.clusters.isVisible() and not self.tour.active:
            window.clusters.setFocus()

    def _tour_if_due(self) -> None:
        session = self._window.session
        if session.project is None or session.map is None:
            if self.tour.active:
                self.tour.end()
            return
        is_new = not bool(session.settings.value("tour_seen", False, bool))
        is_demo = session.project.path.resolve() == (demo_home() / f"demo{SUFFIX}").resolve()
        if self._tour_waits or (is_new and is_demo):
            self._tour_waits = False
            session.settings.setValue("tour_seen", True)
            session.show_page("map")
            self.tour.start()

    def _tell_selection(self) -> None:
        if self._window.session.selection.cluster is not None:
            self.tour.tell("cluster")

    def step_pane(self, by: int) -> None:
        """Puts the keyboard on the next or previous part of the window."""
        window = self._window
        if window.welcome.isVisible():
            step_pane([window.welcome], by)
            return
        items = [window.body.itemAt(place) for place in range(window.body.count())]
        above = [self.tour.bubble, *(item.widget() for item in items if item is not None)]
        lines = [line for line in above if line is not None and not line.isAncestorOf(window.side)]
        work: list[QWidget] = [window.side, window.centre, window.gallery_panel, window.label_panel]
        step_pane([*lines, *work, window.statusBar()], by)

    # -- selecting on the map --------------------------------------------------------------------------------------

    def _point_at_hand(self) -> int:
        """The row of the map the arrow keys are on, else the current image's, else that of the only selected one."""
        window = self._window
        scatter, found = window.map_page.scatter, window.session.map
        if found is None:
            return -1
        if scatter.keys.at >= 0 and not window.session.viewing_image:
            return scatter.keys.at
        ids = window.session.selection.ids
        current = window.session.current_id
        wanted = current if current >= 0 else int(ids[0]) if ids.size == 1 else -1
        rows = np.flatnonzero(found.image_ids == wanted)
        return int(rows[0]) if rows.size else -1

    def select_cluster_here(self) -> None:
        """Selects the cluster of the image at hand."""
        window = self._window
        point = self._point_at_hand()
        if point < 0 or window.session.map is None:
            self._ask_for_a_point()
            return
        window.session.select_cluster(int(window.session.map.clusters[point]))

    def grow(self, by: int, adding: bool = False) -> None:
        """Selects more or fewer of the images around the one at hand; a lasso for the keyboard."""
        session, scatter = self._window.session, self._window.map_page.scatter
        point = self._point_at_hand()
        if point < 0 or session.map is None:
            self._ask_for_a_point()
            return
        grown = self._grown
        if grown is not None and grown.point == point and np.array_equal(grown.ids, session.selection.ids):
            before = grown.before
            count = round(grown.count * GROWTH) if by > 0 else max(round(grown.count / GROWTH), 1)
        else:
            before = session.selection.ids if adding else NO_IDS
            count = FIRST_GROWN if by > 0 else 1
        count = min(count, len(session.map.image_ids))
        ids = np.union1d(before, session.map.image_ids[scatter.keys.nearest(point, count)])
        session.select(ids, "selection")
        self._grown = _Grown(point, count, before, session.selection.ids)
        session.said.emit(
            f"{images_text(int(ids.size))} selected, {count:,} around the image at hand "
            f"({key_text('grow')} more, {key_text('shrink')} fewer)"
        )

    def _ask_for_a_point(self) -> None:
        self._window.session.said.emit(
            f"Go to an image on the map first: {key_text('next_pane')} to the map, then the arrow keys."
        )


def menu_keys() -> dict[str, str]:
    """Alt with a letter opens a menu: by key, what it does."""
    menus = dict.fromkeys(spec.menu for spec in SPECS)
    letters = {menu: menu[menu.index("&") + 1] for menu in menus if "&" in menu}
    return {
        keymap.portable(f"Alt+{letter}"): f"opens the menu {menu.replace('&', '')}" for menu, letter in letters.items()
    }
