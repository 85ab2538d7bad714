"""What a reader does to the clusters in the window: a thin layer over `project.partitions`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QMenu

from cxr_explorer.atlas.ladder import Ladder, step, stops
from cxr_explorer.errors import UserError
from cxr_explorer.project import partitions
from cxr_explorer.project.acts import Change
from cxr_explorer.project.project import Project
from cxr_explorer.ui.clusters.cluster_panel import ClusterPanel
from cxr_explorer.ui.commands.actions import SPECS, key_text
from cxr_explorer.ui.commands.need import Need
from cxr_explorer.ui.commands.part import Part, Verbs
from cxr_explorer.ui.commands.specs.clusters import CLUSTERS, LADDER, ONE_CLUSTER, RECLUSTER
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.map.map_page import MapPage
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.errand import Errand

SETTLE_MS = 300
"""How long the slider rests before its keys count as one act."""


class ClusterWork(QObject, Part):
    """The slots of the Clusters menu, the slider, and reclustering in a child process."""

    def __init__(self, frame: Frame, session: Session, panel: ClusterPanel, map_page: MapPage) -> None:
        super().__init__(frame)
        self._frame = frame
        self._map_page = map_page
        self._session = session
        self._panel = panel
        self._ladder: Ladder | None = None
        self._stops: list[int] = []
        self._previewed = False
        self._errand = Errand(self)
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self._commit)
        self._menu = QMenu(frame)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._panel.set_menu(self._menu)
        self._panel.clusters.renamed.connect(self._take_name)
        self._panel.cancelWanted.connect(self.cancel)
        self._panel.slider.valueChanged.connect(self._on_slider)
        self._panel.slider.sliderReleased.connect(self._commit)
        self._session.projectChanged.connect(self._on_project)
        self._session.mapChanged.connect(self._on_map)
        self._session.clustersChanged.connect(self._show_level)
        self._on_map()

    def close_down(self) -> None:
        self.cancel()

    def verbs(self) -> Verbs:
        return {
            "next_unlabelled": self.next_unlabelled,
            "finer": self.finer,
            "coarser": self.coarser,
            "split": self.split,
            "merge": self.merge,
            "rename": self.rename,
            "move_up": lambda: self.move(-1),
            "move_down": lambda: self.move(1),
            "recluster": self.recluster,
            "next_cluster": lambda: self._panel.clusters.step(1),
            "previous_cluster": lambda: self._panel.clusters.step(-1),
        }

    def states(self) -> dict[Need, bool]:
        """For the actions."""
        chosen = [cluster for cluster in self._panel.clusters.selected() if cluster >= 0]
        return {
            LADDER: self._ladder is not None,
            ONE_CLUSTER: len(chosen) == 1,
            CLUSTERS: len(chosen) > 1,
            RECLUSTER: self._session.map is not None and not self._errand.active,
        }

    # -- finer and coarser -----------------------------------------------------------------------------------------

    def finer(self) -> None:
        """A step finer."""
        self._step(True)

    def coarser(self) -> None:
        """A step coarser."""
        self._step(False)

    def _step(self, finer: bool) -> None:
        atlas_map = self._session.map
        if self._ladder is not None and atlas_map is not None:
            before = len(atlas_map.groups)
            rung = step(self._ladder, before, finer)
            count = int(self._ladder.counts[rung])
            if count == before or (count > before) != finer:
                self._session.said.emit(f"These are the {'finest' if finer else 'coarsest'} clusters of this map.")
            else:
                self._set_rung(rung)

    def _set_rung(self, rung: int) -> None:
        ladder = self._ladder
        if ladder is not None:
            self._do(
                lambda: partitions.set_rung(self._project, ladder, rung, self._session.reader),
                "The map is divided like this already.",
            )

    def _on_slider(self, value: int) -> None:
        """Shows at once what a place of the slider means; it counts when the slider comes to rest."""
        atlas_map, ladder = self._session.map, self._ladder
        if atlas_map is None or ladder is None:
            return
        self._previewed = True
        self._panel.show_count(int(ladder.counts[self._stops[value]]))
        preview = partitions.at_rung(self._project, atlas_map, ladder, self._stops[value])
        self._map_page.preview_clusters(preview)
        if not self._panel.slider.isSliderDown():
            self._settle.start()

    def _commit(self) -> None:
        self._settle.stop()
        if not self._previewed or self._ladder is None or self._session.map is None:
            return
        self._previewed = False
        before = self._session.map.partition_id
        self._set_rung(self._stops[self._panel.slider.value()])
        if self._session.map.partition_id == before:  # moved and moved back
            self._map_page.show_clusters()
            self._show_level()

    def _show_level(self) -> None:
        atlas_map, slider = self._session.map, self._panel.slider
        self._previewed = False
        self._settle.stop()
        slider.blockSignals(True)
        if atlas_map is None or self._ladder is None:
            slider.setRange(0, 0)
            slider.setEnabled(False)
            slider.setToolTip(
                "Coarser or finer clusters"
                + (f". This map was made by an older version: {key_text('rescan')} makes it anew" if atlas_map else "")
            )
        else:
            counts = [int(self._ladder.counts[rung]) for rung in self._stops]
            slider.setRange(0, len(counts) - 1)
            slider.setValue(min(range(len(counts)), key=lambda i: abs(counts[i] - len(atlas_map.groups))))
            slider.setEnabled(len(counts) > 1)
            slider.setToolTip(
                f"Coarser or finer clusters, {counts[0]:,} to {counts[-1]:,} of them "
                f"({key_text('coarser')}, {key_text('finer')}). The largest gives way first; names, colours and labels "
                "stay. Splits and merges made by hand give way too; undo brings them back"
            )
        slider.blockSignals(False)
        self._panel.show_count()

    # -- one cluster, and several ----------------------------------------------------------------------------------

    def split(self) -> None:
        """Divides the chosen cluster."""
        cluster = self._one()
        if cluster is not None:
            self._do(lambda: partitions.split(self._project, cluster, self._session.reader, self._ladder), "")

    def merge(self) -> None:
        """Makes one cluster of those marked in the list."""
        chosen, atlas_map = self._panel.clusters.selected(), self._session.map
        if atlas_map is None:
            return
        if -1 in chosen:
            self._session.said.emit("Unclustered images cannot be merged: mark clusters only.")
            return
        sizes = atlas_map.partition.sizes
        kept = atlas_map.identity(max(chosen, key=lambda cluster: sizes[cluster])) if chosen else -1
        if self._do(lambda: partitions.merge(self._project, chosen, self._session.reader), ""):
            self._select_identity(kept)

    def rename(self) -> None:
        """Lets the reader type a name for the chosen cluster, in the list."""
        cluster = self._one()
        if cluster is not None:
            self._frame.bring_to_front(self._panel)
            self._panel.clusters.rename(cluster)

    def _take_name(self, cluster: int, name: str) -> None:
        self._do(lambda: partitions.rename(self._project, cluster, name, self._session.reader), "The name is the same.")

    def move(self, by: int) -> None:
        """Moves the chosen cluster up (by=-1) or down (by=1) past the next one shown; the order is the reader's own."""
        cluster = self._one()
        if cluster is None:
            return
        shown = [row.cluster for row in self._panel.clusters.rows if row.cluster >= 0]
        place = shown.index(cluster) + by if cluster in shown else -1
        if not 0 <= place < len(shown):
            return
        order = [row.cluster for row in self._panel.arranged() if row.cluster not in (cluster, -1)]
        order.insert(order.index(shown[place]) + (by > 0), cluster)
        atlas_map = self._session.map
        assert atlas_map is not None
        text = f"Moved {atlas_map.cluster_name(cluster)} {'down' if by > 0 else 'up'}"
        self._panel.set_sort("own")
        self._do(lambda: partitions.reorder(self._project, order, self._session.reader, text), "")

    def next_unlabelled(self) -> None:
        """Chooses the next cluster of the list with images that carry no label."""
        panel = self._panel
        for rows in (panel.clusters.rows, panel.arranged()):
            current = panel.clusters.currentIndex().row() if rows is panel.clusters.rows else -1
            later = [*range(current + 1, len(rows)), *range(current)]
            waiting = next((number for number in later if rows[number].waiting), None)
            if waiting is not None:
                self._frame.bring_to_front(panel)
                self._session.select_cluster(rows[waiting].cluster)
                return
        left = any(row.waiting for row in panel.clusters.rows)
        self._session.said.emit(
            "The other clusters are labelled; this one is not yet." if left else "Every cluster is labelled."
        )

    # -- reclustering ----------------------------------------------------------------------------------------------

    def recluster(self) -> None:
        """Finds new clusters among the images without a label."""
        if not self._errand.active and self._session.map is not None:
            reader = self._session.reader
            self._errand.run(
                *(partitions.recluster_unlabelled, self._project.path, reader),
                done=partial(self._take_reclustering, reader),
                failed=self._tell_why,
            )
            self._panel.show_running("Finding clusters among unlabelled images…")
            self._frame.refresh_actions()

    def cancel(self) -> None:
        """Stops reclustering; the clusters stay as they are."""
        if self._errand.active:
            self._errand.cancel()
            self._show_ended()

    def _show_ended(self) -> None:
        self._panel.show_running("")
        self._frame.refresh_actions()

    def _take_reclustering(self, reader: str, found: Any) -> None:
        self._show_ended()
        self._do(
            lambda: partitions.take_reclustering(self._project, found, reader),
            "Nothing changed: the map has been made anew meanwhile, or its clusters came out the same.",
        )

    def _tell_why(self, reason: str) -> None:
        self._show_ended()
        self._session.said.emit(reason)

    # -- the parts they share --------------------------------------------------------------------------------------

    @property
    def _project(self) -> Project:
        assert self._session.project is not None
        return self._session.project

    def _do(self, verb: Callable[[], Change | None], otherwise: str) -> bool:
        """Runs a verb and tells everybody what it changed. Whether it changed anything."""
        if self._session.project is None:  # a name was still being typed when the project closed
            return False
        try:
            change = verb()
        except UserError as error:
            self._session.said.emit(str(error))
            return False
        self._session.acts.tell(change, otherwise)
        return change is not None

    def _one(self) -> int | None:
        chosen = self._panel.clusters.selected()
        if len(chosen) != 1 or chosen[0] < 0:
            self._session.said.emit("Choose one cluster of the list first.")
            return None
        return chosen[0]

    def _select_identity(self, identity: int) -> None:
        atlas_map = self._session.map
        assert atlas_map is not None
        for number, group in enumerate(atlas_map.groups):
            if group.identity == identity:
                self._session.select_cluster(number)

    def _on_project(self) -> None:
        self.cancel()
        self._on_map()

    def _on_map(self) -> None:
        atlas_map = self._session.map
        self._ladder = partitions.ladder_of(self._project, atlas_map) if atlas_map is not None else None
        self._stops = stops(self._ladder) if self._ladder is not None else []
        self._show_level()

    def _fill_menu(self) -> None:
        self._menu.clear()
        for spec in SPECS:
            if spec.menu == "&Clusters":
                if spec.separated:
                    self._menu.addSeparator()
                self._menu.addAction(self._frame.actions_by_name[spec.name])
