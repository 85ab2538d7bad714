"""What a reader does on the map: tools, names, parameters, and selecting around an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject

from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.commands.actions import key_text
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.map.map_dialog import MapDialog
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.messages import confirmed
from cxr_explorer.ui.widgets.texts import accepted

FIRST_GROWN = 4
GROWTH = 1.5


@dataclass(frozen=True, eq=False)
class _Grown:
    """A selection grown around a point: it goes on growing while nothing else has changed the selection."""

    point: int
    count: int
    before: Ids
    ids: Ids


class MapWork(QObject, Part):
    """The part of the window for the map."""

    def __init__(self, frame: Frame, session: Session, runs: Runs, map_page: MapPage) -> None:
        super().__init__(frame)
        self._frame = frame
        self._session = session
        self._runs = runs
        self._map_page = map_page
        self._grown: _Grown | None = None
        shown = bool(frame.settings.value("names", True, bool))
        frame.set_switch("names", shown)
        map_page.names.setChecked(shown)
        map_page.scatter.set_names_visible(shown)
        pictured = bool(frame.settings.value("map_pictures", True, bool))
        frame.set_switch("map_pictures", pictured)
        map_page.show_pictures(pictured)
        map_page.names.toggled.connect(frame.actions_by_name["names"].setChecked)

    def verbs(self) -> Verbs:
        return {
            "tool_pan": lambda: self._map_page.use_tool("pan"),
            "tool_lasso": lambda: self._map_page.use_tool("lasso"),
            "tool_rectangle": lambda: self._map_page.use_tool("rectangle"),
            "reset_view": self._map_page.scatter.reset_view,
            "find_selection": self._map_page.show_selection_closely,
            "names": self.show_names,
            "map_pictures": self.show_pictures,
            "map_parameters": self.change_parameters,
            "cluster_here": self.select_cluster_here,
            "grow": lambda: self.grow(1),
            "shrink": lambda: self.grow(-1),
            "grow_add": lambda: self.grow(1, adding=True),
        }

    def show_names(self, shown: bool) -> None:
        """Writes the clusters' names on the map, or does not."""
        self._frame.settings.setValue("names", shown)
        self._map_page.names.setChecked(shown)
        self._map_page.scatter.set_names_visible(shown)

    def show_pictures(self, shown: bool) -> None:
        """Draws images in place of dots where few are in sight, or does not."""
        self._frame.settings.setValue("map_pictures", shown)
        self._map_page.show_pictures(shown)

    def change_parameters(self) -> None:
        """Asks how the map is to be made, and makes it anew."""
        dialog = MapDialog(self._frame, self._runs.parameters())
        if not accepted(dialog) or dialog.parameters == self._runs.parameters():
            return
        if not self._runs.lacks_encoder() or confirmed(self._frame, self._runs.what_anew(), "Analyse anew"):
            self._runs.start_indexing(dialog.parameters, rescan=False)

    # -- selecting around an image ---------------------------------------------------------------------------------

    def _point_at_hand(self) -> int:
        """The row of the map the arrow keys are on, else the current image's, else that of the only selected one."""
        scatter, atlas_map = self._map_page.scatter, self._session.map
        if atlas_map is None:
            return -1
        if scatter.keys.at >= 0 and not self._session.viewing_image:
            return scatter.keys.at
        ids = self._session.selection.ids
        current = self._session.current_id
        wanted = current if current >= 0 else int(ids[0]) if ids.size == 1 else -1
        rows = np.flatnonzero(atlas_map.image_ids == wanted)
        return int(rows[0]) if rows.size else -1

    def select_cluster_here(self) -> None:
        """Selects the cluster of the image at hand."""
        point = self._point_at_hand()
        if point < 0 or self._session.map is None:
            self._ask_for_a_point()
            return
        self._session.select_cluster(int(self._session.map.clusters[point]))

    def grow(self, by: int, adding: bool = False) -> None:
        """Selects more or fewer of the images around the one at hand; a lasso for the keyboard."""
        session, scatter = self._session, self._map_page.scatter
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
        self._session.said.emit(
            f"Go to an image on the map first: {key_text('next_pane')} to the map, then the arrow keys."
        )
