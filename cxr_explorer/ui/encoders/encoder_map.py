"""One encoder's map on the page that compares two: a scatter that follows the session's selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from cxr_explorer.colours import categorical, marks
from cxr_explorer.labels.image_ids import look_up
from cxr_explorer.labels.label import How
from cxr_explorer.project.project import Ids
from cxr_explorer.ui.map.scatter_view import ScatterView
from cxr_explorer.ui.session.selection import NO_IDS
from cxr_explorer.ui.session.session import Session

LOAD_BUDGET_S = 0.008


class EncoderMap(QObject):
    """Points of some images; what is chosen here is chosen everywhere.

    Attributes:
        scatter: The widget.
        image_ids: (N,) of the points, ascending.
    """

    imageWanted = Signal()

    def __init__(self, session: Session, dark: bool, name: str, is_of_project: bool) -> None:
        """`is_of_project`: it is the map that labels name; an outline drawn on another one is only a selection."""
        self.scatter = ScatterView()
        super().__init__(self.scatter)
        self._session = session
        self._dark = dark
        self._is_of_project = is_of_project
        self.image_ids: Ids = NO_IDS
        self._codes: NDArray[np.int64] = np.zeros(0, np.int64)
        self.scatter.set_dark(dark)
        self.scatter.setAccessibleName(name)
        self.scatter.canvas.setAccessibleName(name)
        self.scatter.set_thumbnail_source(self._thumbnail)
        self.scatter.set_caption_source(lambda at: session.caption(int(self.image_ids[at])) if self._has(at) else "")
        self.scatter.set_picture_source(self._picture, self._load_pictures)
        self.scatter.pointsChosen.connect(self._on_chosen)
        self.scatter.pointActivated.connect(self._on_activated)
        self.scatter.backgroundClicked.connect(session.clear_selection)
        session.selectionChanged.connect(self.show_selection)
        session.currentChanged.connect(self._show_current)
        session.filterChanged.connect(self._show_filter)

    def show_points(self, image_ids: Ids, xy: NDArray[np.float32]) -> None:
        """Another map, seen whole; none where there are no images."""
        self.image_ids = image_ids
        self.scatter.set_points(np.array(xy, np.float32).reshape(-1, 2))
        self.show_selection()
        self._show_current()
        self._show_filter()

    def colour(self, image_ids: Ids, codes: NDArray[np.int64]) -> None:
        """Colours by code, see `colours.shade_of`, of images by ascending id; others have none."""
        rows, there = look_up(image_ids, self.image_ids)
        self._codes = np.where(there, codes[rows], -1) if len(codes) else np.full(len(self.image_ids), -1)
        self._draw()

    def set_dark(self, dark: bool) -> None:
        """Follows the theme."""
        self._dark = dark
        self.scatter.set_dark(dark)
        self._draw()

    def show_selection(self) -> None:
        """Rings around what is selected."""
        self.scatter.set_selected(np.isin(self.image_ids, self._session.selection.ids))

    def _draw(self) -> None:
        if len(self._codes) == len(self.image_ids):
            self.scatter.set_colours(categorical(self._codes, self._dark), marks(self._codes))

    def _show_current(self) -> None:
        at = np.flatnonzero(self.image_ids == self._session.current_id)
        self.scatter.set_current(int(at[0]) if at.size else -1)

    def _show_filter(self) -> None:
        kept = self._session.filter
        self.scatter.set_emphasis(np.isin(self.image_ids, kept.ids) if kept is not None else None)

    def _has(self, at: int) -> bool:
        return 0 <= at < len(self.image_ids)

    def _on_chosen(self, positions: NDArray[np.int64], how: How | Literal["click"], mode: str) -> None:
        ids = self.image_ids[positions]
        one: How = "single" if how == "click" else how if self._is_of_project else "selection"
        self._session.select(ids, one, None, mode)
        if how == "click" and ids.size == 1 and ids[0] in self._session.selection.ids:
            self._session.set_current(int(ids[0]))

    def _on_activated(self, position: int) -> None:
        if self._has(position):
            self._session.set_current(int(self.image_ids[position]))
            self.imageWanted.emit()

    def _thumbnail(self, position: int) -> QPixmap | None:
        if not self._has(position):
            return None
        self._session.thumbnails.load([int(self.image_ids[position])], 0.02)
        return self._picture(position)

    def _picture(self, position: int) -> QPixmap | None:
        return self._session.thumbnails.get(int(self.image_ids[position])) if self._has(position) else None

    def _load_pictures(self, positions: Sequence[int]) -> bool:
        thumbnails = self._session.thumbnails
        waiting = [one for one in self.image_ids[list(positions)].tolist() if not thumbnails.settled(one)]
        thumbnails.load(waiting, LOAD_BUDGET_S)
        return bool(waiting)
