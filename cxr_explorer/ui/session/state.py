"""What one window shows: the open project and its map, the one selection all views share, and their signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from cxr_explorer.atlas.selection import combine
from cxr_explorer.labels.label import How
from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.kept_labels import KeptLabels
from cxr_explorer.ui.session.known_facts import KnownFacts
from cxr_explorer.ui.session.preferences import Preferences
from cxr_explorer.ui.session.selection import (
    NO_IDS,
    Filter,
    Ranking,
    Selection,
    ascending,
    found_again,
)

ONE_IMAGE_PAGES = ("image", "compare")


class State(QObject):
    """What is shown and chosen; `Session` opens and closes projects, and says what labels, order and colours are."""

    projectChanged = Signal()
    mapChanged = Signal()
    clustersChanged = Signal()  # the same map, divided anew
    selectionChanged = Signal()
    targetChanged = Signal()
    currentChanged = Signal()
    changed = Signal(Change)
    acted = Signal(Change)  # an act was done, taken back or done again, and all views have been told what it changed
    colouringChanged = Signal()
    factsChanged = Signal()
    filterChanged = Signal()
    closing = Signal()  # the project is about to be closed
    said = Signal(str)
    failed = Signal(str)
    recovered = Signal()  # what `failed` said of the project file is over

    def __init__(self, preferences: Preferences, window: QObject) -> None:
        super().__init__(window)  # without a parent, it and whoever listens to it would stay in memory for ever
        self.preferences = preferences
        preferences.said.connect(self.said)
        self.project: Project | None = None
        self.map: AtlasMap | None = None
        self.selection = Selection(NO_IDS)
        self.picked: Ids = NO_IDS
        self.keeps_ranking = True
        self.filter: Filter | None = None
        self.current_id = -1
        self.page = "map"
        self.page_behind = "map"  # where an open image was opened from
        self._reading_as: str | None = None
        self.labels = KeptLabels(self)
        self.known_facts = KnownFacts(self)

    @property
    def reader(self) -> str:
        """The name labels are kept and shown under: the person's own, or that of the reading under way, see `read_as`.

        Every view asks here, so that no view shows what somebody else said.
        """
        return self._reading_as or self.preferences.own_reader

    @property
    def reading_as(self) -> str | None:
        """The name images are read under now, where it is another than the reader's own."""
        return self._reading_as

    # -- selection -------------------------------------------------------------------------------------------------

    def select(
        self,
        ids: Ids,
        how: How,
        cluster: int | None = None,
        mode: str = "replace",
        ranking: Ranking | None = None,
        clusters: tuple[int, ...] = (),
    ) -> None:
        """Changes the selection; `mode` is "replace", "add", "subtract" or "intersect"."""
        chosen = ascending(np.asarray(ids, np.int64))
        if mode != "replace" and self.selection.ids.size:
            chosen = combine(self.selection.ids, chosen, mode)
            how, cluster, ranking, clusters = "selection", None, None, ()
        if self.filter is not None and chosen.size:
            wanted = int(chosen.size)
            chosen = self.filter.keep(chosen)
            if not chosen.size:
                those = "That image is" if wanted == 1 else f"All of these {wanted:,} images are"
                self.said.emit(f"{those} outside the filter {self.filter.text}.")
        self.selection = Selection(chosen, how, cluster, ranking, clusters)
        self.keeps_ranking = True
        self.picked = NO_IDS
        if self.current_id not in chosen:
            self.current_id = -1
            if self.on_one_image:
                self.page = "map"
        self.selectionChanged.emit()
        self.currentChanged.emit()
        self.targetChanged.emit()

    def select_cluster(self, cluster: int, mode: str = "replace") -> None:
        """Selects a whole cluster; -1 is noise."""
        if self.map is not None:
            self.select(self.map.image_ids[self.map.clusters == cluster], "cluster", cluster, mode)

    def select_clusters(self, clusters: Sequence[int]) -> None:
        """Selects some whole clusters; none selects nothing."""
        if len(clusters) == 1:
            self.select_cluster(clusters[0])
        elif self.map is not None:
            ids = self.map.image_ids[np.isin(self.map.clusters, np.array(clusters, np.int64))]
            self.select(ids, "selection", clusters=tuple(clusters))

    def cluster_name(self, cluster: int) -> str:
        """What a cluster is called; -1 is noise."""
        return self.map.cluster_name(cluster) if self.map is not None else ""

    def reload_clusters(self) -> None:
        """The map was divided anew: a chosen cluster stays chosen, with the images it has now, if it is still there."""
        assert self.project is not None
        before, self.map = self.map, self.project.latest_map()
        if before is None or self.map is None:
            return
        chosen = self.selection
        there = found_again(chosen, before, self.map)
        if chosen.cluster is not None or chosen.clusters:
            self.selection = replace(chosen, cluster=None, clusters=(), how="selection")
        self.clustersChanged.emit()
        if there:
            self.select_clusters(there)
        else:
            self.selectionChanged.emit()
            self.targetChanged.emit()

    def select_ranked(self, ranking: Ranking) -> None:
        """Selects images that were found in an order, which the gallery shows them in."""
        self.select(ranking.ids, "selection", ranking=ranking)

    def select_all(self) -> None:
        """Selects every image on the map."""
        if self.map is not None:
            self.select(self.map.image_ids, "selection")

    def clear_selection(self) -> None:
        """Selects nothing."""
        self.select(NO_IDS, "selection")

    def set_picked(self, ids: Ids) -> None:
        """The images picked in the gallery, a part of the selection that labels go to instead of all of it."""
        picked = ascending(np.asarray(ids, np.int64))
        self.picked = picked if self.filter is None else self.filter.keep(picked)
        self.targetChanged.emit()

    def set_current(self, image_id: int) -> None:
        """The image the keyboard is on; -1 for none."""
        if image_id != self.current_id:
            self.current_id = image_id
            self._leave_no_image()
            self.currentChanged.emit()
            if self.on_one_image:
                self.targetChanged.emit()

    def _leave_no_image(self) -> None:
        """The page of the image is left where there is no image any more."""
        if self.current_id < 0 and self.page == "image":
            self.page = "map"

    @property
    def viewing_image(self) -> bool:
        """Whether the current image fills the centre: then labels go to it alone."""
        return self.page == "image"

    @property
    def on_one_image(self) -> bool:
        """Whether the reader looks at the current image itself, alone or beside others: then labels go to it alone."""
        return self.page in ONE_IMAGE_PAGES

    def view_image(self, viewing: bool) -> None:
        """Shows the current image full size, if there is one, or the page it was opened from."""
        self.show_page("image" if viewing else self.page_behind)

    def show_page(self, page: str) -> None:
        """What fills the centre: "map", "image", or a page that a part of the window has added."""
        if page == "image" and self.current_id < 0:
            page = "map"
        if page != self.page:
            self.page_behind = self.page if page == "image" else "map"
            self.page = page
            self.currentChanged.emit()
            self.targetChanged.emit()
