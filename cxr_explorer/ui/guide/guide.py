"""The way around the window: the palette, other keys, the tour, and the way from pane to pane."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from cxr_explorer.project.file import SUFFIX, demo_home
from cxr_explorer.ui.commands import keymap
from cxr_explorer.ui.commands.actions import SPECS, apply_keys, keys_of, plain_text, tooltip
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.label import FINDING_ACTIONS
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.frame.welcome import Welcome
from cxr_explorer.ui.guide.command_palette import CommandPalette
from cxr_explorer.ui.guide.keys_dialog import EditKeysDialog
from cxr_explorer.ui.guide.keys_help import KeysDialog
from cxr_explorer.ui.guide.tour import Tour
from cxr_explorer.ui.guide.tour_steps import Views, tour_steps
from cxr_explorer.ui.guide.window_commands import commands
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.focus import FocusKeeper, step_pane
from cxr_explorer.ui.widgets.texts import accepted


class Guide(QObject, Part):
    """The part of the window that helps to find the way; the tour starts by itself on the demo's first map, once."""

    def __init__(self, frame: Frame, session: Session, runs: Runs, welcome: Welcome, views: Views) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._runs = runs
        self._welcome = welcome
        self._views = views
        self._tour_waits = False
        self.focus = FocusKeeper(self)
        self.tour = Tour(frame, tour_steps(frame, session, views))
        session.selectionChanged.connect(self._tell_selection)
        session.currentChanged.connect(lambda: self.tour.tell("open" if session.viewing_image else "back"))
        session.changed.connect(lambda change: self.tour.tell("label") if change.labels else None)
        session.acted.connect(lambda change: self.tour.tell("undo") if change.step == "undone" else None)
        session.projectChanged.connect(self._on_project)
        session.projectChanged.connect(self._tour_if_due)
        session.mapChanged.connect(self._tour_if_due)
        welcome.tourWanted.connect(self.show_tour)

    def verbs(self) -> Verbs:
        return {
            "command_palette": self.show_palette,
            "edit_keys": self.edit_keys,
            "keys": self.show_help,
            "tour": self.show_tour,
            "next_pane": lambda: self.step_pane(1),
            "previous_pane": lambda: self.step_pane(-1),
        }

    # -- palette and keys ------------------------------------------------------------------------------------------

    def show_palette(self) -> None:
        """Opens the command palette."""
        CommandPalette(self._frame, commands(self._frame, self._session, self._views.clusters)).open()

    def show_help(self) -> None:
        """Lists all keys."""
        dialog = KeysDialog(self._frame)
        dialog.changeWanted.connect(self.edit_keys)
        accepted(dialog)

    def edit_keys(self) -> None:
        """Opens the dialog that changes keys."""
        listed = [(spec.name, spec.menu.replace("&", ""), plain_text(spec), spec.tip) for spec in SPECS]
        dialog = EditKeysDialog(
            self._frame,
            listed,
            {spec.name: keys_of(spec.name) for spec in SPECS},
            {spec.name: spec.keys for spec in SPECS},
            frozenset(FINDING_ACTIONS),
            menu_keys(),
            self.use_keys,
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def use_keys(self, bindings: keymap.Bindings) -> None:
        """Takes these keys over, stores them, and brings every text that names a key in line."""
        before = {spec.name: tooltip(spec.name) for spec in SPECS}
        keymap.store(self._frame.settings, bindings, {spec.name: spec.keys for spec in SPECS})
        apply_keys(self._frame.actions_by_name)
        changed = {old: tooltip(name) for name, old in before.items() if tooltip(name) != old}
        for widget in self._frame.findChildren(QWidget):
            tip = widget.toolTip()
            for old, new in changed.items():
                if tip and old in tip:
                    widget.setToolTip(tip.replace(old, new))
                    break
        self._frame.keysChanged.emit()

    # -- the way around --------------------------------------------------------------------------------------------

    def show_tour(self) -> None:
        """Starts the tour: at once where there is a map, else when the map is there; on the demo if nothing is open."""
        session = self._session
        self._tour_waits = True
        if session.project is None:
            self._runs.open_demo()
        elif session.map is None:
            session.said.emit("The tour starts when the map is there.")
        self._tour_if_due()

    def _on_project(self) -> None:
        """The keyboard starts at the clusters."""
        clusters = self._views.clusters
        if self._session.project is not None and clusters.isVisible() and not self.tour.active:
            clusters.setFocus()

    def _tour_if_due(self) -> None:
        session = self._session
        if session.project is None or session.map is None:
            if self.tour.active:
                self.tour.end()
            return
        is_new = not bool(session.preferences.settings.value("tour_seen", False, bool))
        is_demo = session.project.path.resolve() == (demo_home() / f"demo{SUFFIX}").resolve()
        if self._tour_waits or (is_new and is_demo):
            self._tour_waits = False
            session.preferences.settings.setValue("tour_seen", True)
            session.show_page("map")
            self.tour.start()

    def _tell_selection(self) -> None:
        if self._session.selection.cluster is not None:
            self.tour.tell("cluster")

    def step_pane(self, by: int) -> None:
        """Puts the keyboard on the next or previous part of the window."""
        frame, views = self._frame, self._views
        if self._welcome.isVisible():
            step_pane([self._welcome], by)
            return
        items = [frame.body.itemAt(place) for place in range(frame.body.count())]
        above = [self.tour.bubble, *(item.widget() for item in items if item is not None)]
        lines = [line for line in above if line is not None and not line.isAncestorOf(frame.centre)]
        work: list[QWidget] = [frame.side, frame.centre, views.gallery_panel, views.label_panel]
        step_pane([*lines, *work, frame.statusBar()], by)


def menu_keys() -> dict[str, str]:
    """Alt with a letter opens a menu: by key, what it does."""
    menus = dict.fromkeys(spec.menu for spec in SPECS)
    letters = {menu: menu[menu.index("&") + 1] for menu in menus if "&" in menu}
    return {
        keymap.portable(f"Alt+{letter}"): f"opens the menu {menu.replace('&', '')}" for menu, letter in letters.items()
    }
