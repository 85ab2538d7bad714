"""The centre: tools, what the colours stand for, the scatter, its legend, and how the map was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cxr_explorer.atlas.partition import Partition, middles
from cxr_explorer.atlas.provisional import ProvisionalMap
from cxr_explorer.colours import categorical, marks, sequential, sequential_steps
from cxr_explorer.labels.label import How
from cxr_explorer.labels.texts import finding_text
from cxr_explorer.project.earlier_layout import neighbours_recall
from cxr_explorer.project.project import AtlasMap
from cxr_explorer.ui.commands.actions import key_text, tooltip
from cxr_explorer.ui.map.legend import Legend
from cxr_explorer.ui.map.scatter_names import Name
from cxr_explorer.ui.map.scatter_view import ScatterView, Tool
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.colouring import cluster_looks
from cxr_explorer.ui.session.runs import Runs
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import elided_label, text_label

LOAD_BUDGET_S = 0.008
TOOLS: tuple[tuple[Tool, str], ...] = (("pan", "Move"), ("lasso", "Lasso"), ("rectangle", "Rectangle"))


class MapPage(QWidget):
    """Follows the session: map, colours, selection; and tells it what is chosen."""

    imageWanted = Signal()
    toolChanged = Signal(str)
    menuWanted = Signal(QPoint)
    """A right click on an image, which is the current one now; and where on the screen."""

    def __init__(self, session: Session, runs: Runs, dark: bool) -> None:
        super().__init__()
        self._session = session
        self._runs = runs
        self._dark = dark
        self.scatter = ScatterView()
        self.scatter.set_dark(dark)
        self.scatter.set_thumbnail_source(self._thumbnail)
        self.scatter.set_caption_source(self._caption)
        self.scatter.pointsChosen.connect(self._on_chosen)
        self.scatter.pointActivated.connect(self._on_activated)
        self.scatter.menuWanted.connect(self._on_menu)
        self.scatter.backgroundClicked.connect(session.clear_selection)
        self._legend = Legend(self.scatter)
        self._codes: np.ndarray = np.zeros(0, np.int64)
        self._code_names: list[str] = []
        self.provisional = text_label("", "warning", wraps=True)
        self.provisional.setContentsMargins(12, 6, 12, 6)
        self.provisional.setToolTip(
            "Look around, open images, label them: labels belong to the images and are kept. Whole clusters can be "
            "labelled on the final map"
        )
        self.provisional.hide()
        self._made = elided_label("", "dim")
        self._made.setContentsMargins(12, 3, 12, 3)
        self._colour = QComboBox()
        self._colour.setAccessibleName("Colour the map by")
        self._colour.setToolTip("What the colours of the map stand for")
        self._colour.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._colour.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._colour.activated.connect(lambda: session.set_colour_by(self._colour.currentData()))
        strip = FlowPanel()
        strip.setObjectName("strip")
        strip.setContentsMargins(8, 6, 8, 6)
        self.tools: dict[str, QToolButton] = {}
        for tool, text in TOOLS:
            button = _tool_button(text, f"tool_{tool}", checkable=True)
            button.setAutoExclusive(True)
            button.clicked.connect(lambda _checked=False, t=tool: self.use_tool(t))
            strip.add(button)
            self.tools[tool] = button
        whole = _tool_button("Whole map", "reset_view")
        whole.clicked.connect(self.scatter.reset_view)
        strip.add(whole)
        self.names = _tool_button("Names", "names", checkable=True)
        strip.add(self.names)
        colour = QWidget()
        colour.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        beside = QHBoxLayout(colour)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addStretch(1)
        beside.addWidget(QLabel("Colour"))
        beside.addWidget(self._colour)
        strip.add(colour)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(strip)
        layout.addWidget(self.provisional)
        layout.addWidget(self.scatter, 1)
        layout.addWidget(self._made)
        session.projectChanged.connect(self.show_map)
        session.mapChanged.connect(self.show_map)
        session.clustersChanged.connect(self.show_clusters)
        session.selectionChanged.connect(self._show_selection)
        session.currentChanged.connect(self._show_current)
        session.colouringChanged.connect(self._on_colouring)
        session.changed.connect(self._on_change)
        session.suggested.changed.connect(self._recolour_probabilities)
        runs.progressChanged.connect(self._show_message)
        runs.provisionalChanged.connect(lambda: self.show_map(keep_view=True))
        session.filterChanged.connect(self._show_filter)
        session.factsChanged.connect(self._on_facts)
        self.use_tool("lasso")
        self.show_map()

    def use_tool(self, tool: Tool) -> None:
        """Takes "pan", "lasso" or "rectangle"."""
        self.scatter.set_tool(tool)
        self.tools[tool].setChecked(True)
        self.toolChanged.emit(tool)

    def set_dark(self, dark: bool) -> None:
        """Follows the theme."""
        self._dark = dark
        self.scatter.set_dark(dark)
        self.show_colours()

    @property
    def _drawn(self) -> AtlasMap | ProvisionalMap | None:
        """The session's map, or the provisional one while there is none."""
        return self._session.map or self._runs.provisional

    def show_map(self, keep_view: bool = False) -> None:
        """Draws the session's map, or a provisional one, or says why there is none."""
        atlas_map, drawn = self._session.map, self._drawn
        xy = drawn.xy if drawn is not None else np.zeros((0, 2), np.float32)
        self.scatter.set_points(np.array(xy, np.float32), keep_view)
        self._fill_colour_choice()
        self.show_colours()
        self._show_filter()
        self._show_selection()
        self._show_current()
        self._show_message()
        self._made.setText("Map details…" if self._session.map is not None else "")
        self._made.setToolTip(f"How this map was made: {self._how_made()}. Map > Map parameters… changes it")
        if atlas_map is not None:
            self._show_names(atlas_map.partition)
            self.scatter.reset_view()

    def show_selection_closely(self) -> None:
        """Zooms to the selection."""
        self.show_closely(self._session.selection.ids)

    def show_closely(self, image_ids: np.ndarray) -> None:
        """Brings these images to the middle."""
        positions = self._positions(image_ids)
        if positions.size:
            self.scatter.centre_on(positions)

    def show_colours(self) -> None:
        """Colours the points by what the session colours by, and says what the colours mean."""
        session = self._session
        self._colour.setCurrentIndex(max(self._colour.findData(session.colour_by), 0))
        if session.map is None:
            self._legend.set_entries([], self._dark)
            self._codes = np.zeros(0, np.int64)
            return
        if session.colour_by == "suggestion":
            self._show_probabilities()
            return
        codes, names = session.categories()
        self._codes, self._code_names = codes, [*names, _rest_name(session.colour_by)]  # -1 finds the last
        if session.colour_by == "cluster":
            self._show_partition(session.map.partition, cluster_looks(session.map.xy, session.map.partition))
            self._legend.set_entries([], self._dark)  # the names on the map and the list of clusters say it
            return
        self.scatter.set_colours(categorical(codes, self._dark), marks(codes))
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        entries = [(code, names[code], counts[code]) for code in range(len(names)) if counts[code]]
        rest = int((codes < 0).sum())
        if rest:
            entries.append((-1, _rest_name(session.colour_by), rest))
        self._legend.set_entries(entries, self._dark)

    def _show_partition(self, partition: Partition, looks: NDArray[np.int64]) -> None:
        codes = looks[partition.clusters]
        self.scatter.set_colours(categorical(codes, self._dark), marks(codes))

    def _on_colouring(self) -> None:
        self.show_colours()
        if self._session.map is not None:
            self._show_names(self._session.map.partition)

    def _on_facts(self) -> None:
        """Colours by cluster or label ask for no fact."""
        shown = self._colour.currentData()
        self._fill_colour_choice()
        self._colour.setCurrentIndex(max(self._colour.findData(self._session.colour_by), 0))
        if shown != self._session.colour_by or self._session.colour_by in self._session.facts.columns:
            self._on_colouring()

    def _show_filter(self) -> None:
        """What the filter keeps out of reach fades."""
        atlas_map, chosen = self._session.map, self._session.filter
        if atlas_map is not None:
            self.scatter.set_emphasis(np.isin(atlas_map.image_ids, chosen.ids) if chosen is not None else None)

    def _show_probabilities(self) -> None:
        session = self._session
        assert session.map is not None
        self._codes = np.zeros(0, np.int64)
        finding = finding_text(session.finding)
        if session.suggested.probabilities is None or session.suggested.hidden:
            self.scatter.set_colours(categorical(np.full(len(session.map.image_ids), -1), self._dark))
            why = (
                "hidden until you have answered"
                if session.suggested.probabilities is not None
                else "nothing suggested yet"
            )
            self._legend.set_entries([(-1, f"{finding}: {why}", len(session.map.image_ids))], self._dark)
            return
        self.scatter.set_colours(sequential(session.suggested.probabilities, self._dark, 0, 1))
        steps = [QColor.fromRgba(step) for step in sequential_steps(64, self._dark).tolist()]
        self._legend.set_scale(f"{finding}: suggested", steps, ("0 absent", "0.5", "1 present"))

    def _recolour_probabilities(self) -> None:
        if self._session.colour_by == "suggestion":
            self.show_colours()

    def _on_change(self, change: Change) -> None:
        if change.marks and self._session.colour_by in ("label", "labelled"):
            self.show_colours()

    def _fill_colour_choice(self) -> None:
        self._colour.clear()
        self._colour.addItem("Cluster", "cluster")
        self._colour.addItem("Label of the finding", "label")
        self._colour.addItem("Labelled or not", "labelled")
        self._colour.addItem("Suggestion for the finding", "suggestion")
        if self._session.project is not None and not self._session.known_facts.reading:
            for column in self._session.facts.differing():
                self._colour.addItem(column.capitalize(), column)

    def show_clusters(self) -> None:
        """The same map divided anew: colours and names follow, nothing moves."""
        atlas_map = self._session.map
        if atlas_map is not None:
            self.show_colours()
            self._show_names(atlas_map.partition)

    def _show_names(self, partition: Partition, looks: NDArray[np.int64] | None = None) -> None:
        """Where each cluster's name stands, the largest first; with its mark where the points have it too."""
        assert self._session.map is not None
        xy = self._session.map.xy
        if self._session.colour_by != "cluster":
            looks = np.full(len(partition.groups) + 1, -1)
        elif looks is None:
            looks = cluster_looks(xy, partition)
        self.scatter.set_cluster_names(_names(xy, partition, looks.tolist()))

    def preview_clusters(self, partition: Partition) -> None:
        """Colours and names of another division of the map, until `show_clusters` or the next change."""
        atlas_map = self._session.map
        if atlas_map is not None:
            looks = None
            if self._session.colour_by == "cluster":
                looks = cluster_looks(atlas_map.xy, partition)
                self._show_partition(partition, looks)
            self._show_names(partition, looks)

    def _how_made(self) -> str:
        atlas_map = self._session.map
        if atlas_map is None:
            return ""
        parameters = self._runs.parameters()
        size = parameters.clusters.min_cluster_size or "automatic"
        return (
            f"{atlas_map.encoder_key.rpartition('-')[0]}"
            f"  ·  UMAP {parameters.layout.n_neighbours} neighbours, distance {parameters.layout.min_dist:g}, "
            f"seed {parameters.layout.seed}{self._recall_text()}"
            f"  ·  HDBSCAN size {size}, samples {parameters.clusters.min_samples}"
        )

    def _recall_text(self) -> str:
        recall = neighbours_recall(self._session.project) if self._session.project is not None else 1.0
        return f", {recall:.1%} of the neighbours found" if recall < 1 else ""

    def _show_message(self) -> None:
        session = self._session
        text = ""
        if session.map is None and session.project is not None and not session.map_to_come:
            text = (
                "The map appears here when all images are analysed;\nof a large folder, a provisional one before."
                if self._runs.indexing is not None
                else f"There is no map yet.\nFile > Look for new images ({key_text('rescan')}) goes on from there."
            )
        self.scatter.set_message(text)
        self._show_whether_provisional()

    def _show_whether_provisional(self) -> None:
        provisional = self._runs.provisional if self._session.map is None else None
        self.provisional.setVisible(provisional is not None)
        if provisional is None:
            return
        count, total = len(provisional.image_ids), provisional.total
        text = f"Provisional map of the first {count:,} of {total:,} images"
        if provisional.forming:
            text = f"The map as it forms, {count:,} of {total:,} images shown"
        if provisional.forming and self._runs.indexing is not None:
            text += "; places change until it is done, then clusters come."
        elif self._runs.indexing is not None:
            text += "; places change, and clusters come, when all are analysed."
        else:
            text += f". File > Look for new images ({key_text('rescan')}) goes on to the final map."
        if text != self.provisional.text():
            self.provisional.setText(text)

    # Positions on the map are turned into image ids, and back, only here.

    def _positions(self, image_ids: np.ndarray) -> np.ndarray:
        atlas_map = self._drawn
        if atlas_map is None or not image_ids.size:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.isin(atlas_map.image_ids, image_ids))

    def _id_at(self, position: int) -> int:
        atlas_map = self._drawn
        return (
            int(atlas_map.image_ids[position])
            if atlas_map is not None and 0 <= position < len(atlas_map.image_ids)
            else -1
        )

    def _show_selection(self) -> None:
        atlas_map = self._drawn
        if atlas_map is not None:
            self.scatter.set_selected(np.isin(atlas_map.image_ids, self._session.selection.ids))

    def _show_current(self) -> None:
        positions = self._positions(np.array([self._session.current_id], np.int64))
        self.scatter.set_current(int(positions[0]) if positions.size else -1)

    def _on_chosen(self, positions: np.ndarray, how: How | Literal["click"], mode: str) -> None:
        atlas_map = self._drawn
        if atlas_map is None:
            return
        ids = atlas_map.image_ids[positions]
        self._session.select(ids, "single" if how == "click" else how, None, mode)
        if how == "click" and ids.size == 1 and ids[0] in self._session.selection.ids:
            self._session.set_current(int(ids[0]))

    def _on_menu(self, position: int, at: QPoint) -> None:
        """The menu acts on what is selected: an image outside the selection is selected alone."""
        image_id = self._id_at(position)
        if image_id < 0:
            return
        if image_id not in self._session.selection.ids:
            self._session.select(np.array([image_id], np.int64), "single")
        if image_id in self._session.selection.ids:
            self._session.set_current(image_id)
            self.menuWanted.emit(at)

    def _on_activated(self, position: int) -> None:
        image_id = self._id_at(position)
        if image_id >= 0:
            self._session.set_current(image_id)
            self.imageWanted.emit()

    def _thumbnail(self, position: int) -> QPixmap | None:
        image_id = self._id_at(position)
        if image_id < 0:
            return None
        thumbnails = self._session.thumbnails
        thumbnails.load([image_id], 0.02)
        return thumbnails.get(image_id)

    def show_pictures(self, shown: bool) -> None:
        """Images in place of dots where few are in sight, or dots alone."""
        self.scatter.set_picture_source(self._picture if shown else None, self._load_pictures)

    def _picture(self, position: int) -> QPixmap | None:
        return self._session.thumbnails.get(self._id_at(position))

    def _load_pictures(self, positions: Sequence[int]) -> bool:
        thumbnails = self._session.thumbnails
        waiting = [image_id for image_id in map(self._id_at, positions) if not thumbnails.settled(image_id)]
        thumbnails.load(waiting, LOAD_BUDGET_S)
        return bool(waiting)

    def _caption(self, position: int) -> str:
        image_id = self._id_at(position)
        if image_id < 0:
            return ""
        caption = self._session.caption(image_id)
        if self._session.colour_by == "cluster" or position >= len(self._codes):
            return caption
        # What the point's colour says, in words: nobody has to tell colours apart.
        return f"{caption}\n{self._code_names[max(int(self._codes[position]), -1)]}"


def _tool_button(text: str, action: str, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip(action))
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _names(xy: np.ndarray, partition: Partition, looks: list[int]) -> list[Name]:
    """Where each cluster's name stands, the largest first: the reader's name, or the number."""
    places = middles(xy, partition.clusters, len(partition.groups)).tolist()
    names = []
    for cluster in np.argsort(-partition.sizes, kind="stable").tolist():
        group, (x, y) = partition.groups[cluster], places[cluster]
        names.append(Name(x, y, group.name or str(group.identity + 1), looks[cluster]))
    return names


def _rest_name(colour_by: str) -> str:
    return {"label": "Not read", "labelled": "Not labelled"}.get(colour_by, "Not known")
