"""The left side: the clusters of the map, how large they are and how far they are labelled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QMenu, QPushButton, QSlider, QToolButton, QVBoxLayout

from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.audits.bounds import bounds_by_cluster
from cxr_explorer.project.looks import KIND as LOOKED
from cxr_explorer.search.held_labels import HeldLabels
from cxr_explorer.ui.clusters.cluster_list import ClusterList
from cxr_explorer.ui.clusters.cluster_rows import (
    FILTERS,
    SORTS,
    Marks,
    Row,
    arrange,
    make_rows,
    marks_of,
    typical_ids,
)
from cxr_explorer.ui.session.change import Change
from cxr_explorer.ui.session.seen import Seen
from cxr_explorer.ui.session.session import Session
from cxr_explorer.ui.widgets.flow import FlowPanel
from cxr_explorer.ui.widgets.texts import elided_label, text_label


class ClusterPanel(QFrame):
    """Heading, order, filter, slider and list; it follows the session, and selects what is chosen.

    What is labelled stays in its place until the reader goes on to another cluster: nothing moves under the hand.

    Signals:
        cancelWanted: The reader wants to stop what runs.
    """

    cancelWanted = Signal()

    def __init__(self, session: Session, seen: Seen, dark: bool) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._seen = seen
        self._session = session
        self._dark = dark
        self._typical: dict[int, tuple[int, ...]] = {}
        self._rows: list[Row] = []
        self._order: list[int] = []
        self._finding = ""
        self._held = self._missed = False
        self._marks: Marks | None = None
        self._menu: QMenu | None = None
        self._heading = elided_label("Clusters", "heading")
        self._more = QToolButton()
        self._more.setText("☰")
        self._more.setAccessibleName("Divide, merge and rename clusters")
        self._more.setToolTip("Split, merge, rename, move and recluster; also with a right click in the list")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 8, 4)
        head.addWidget(self._heading, 1)
        head.addWidget(self._more)

        self.sort, self.filter = _choice(SORTS, "Order of the list"), _choice(FILTERS, "Clusters shown")
        self.sort.setCurrentIndex(
            max(self.sort.findData(str(session.preferences.settings.value("cluster_order", "size"))), 0)
        )
        self.sort.activated.connect(lambda: self.set_sort(self.sort.currentData()))
        self.filter.activated.connect(lambda: self.set_filter(self.filter.currentData()))
        choices = FlowPanel()
        choices.setContentsMargins(10, 2, 8, 4)
        choices.add(self.sort)
        choices.add(self.filter)

        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Coarser or finer clusters")
        self.slider.setPageStep(3)
        cutting = QHBoxLayout()
        cutting.setContentsMargins(12, 2, 12, 6)
        cutting.addWidget(text_label("Coarser", "dim"))
        cutting.addWidget(self.slider, 1)
        cutting.addWidget(text_label("Finer", "dim"))

        self.clusters = ClusterList()
        self.clusters.set_thumbnails(session.thumbnails)
        self.clusters.chosen.connect(session.select_clusters)
        self.clusters.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.clusters.customContextMenuRequested.connect(self._show_menu)

        self._running = QFrame()
        running = QHBoxLayout(self._running)
        running.setContentsMargins(12, 4, 8, 4)
        self._running_text = elided_label("", "dim")
        cancel = QPushButton("Cancel")
        cancel.setToolTip("Stop; the clusters stay as they are")
        cancel.clicked.connect(self.cancelWanted)
        running.addWidget(self._running_text, 1)
        running.addWidget(cancel)
        self._running.hide()

        self._nothing = text_label("", "dim", wraps=True)
        self._nothing.setContentsMargins(12, 12, 12, 12)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(choices)
        column.addLayout(cutting)
        column.addWidget(self._running)
        column.addWidget(self._nothing)
        column.addWidget(self.clusters, 1)
        session.projectChanged.connect(self._on_map)
        session.mapChanged.connect(self._on_map)
        session.clustersChanged.connect(self._on_clusters)
        session.changed.connect(self._on_change)
        session.selectionChanged.connect(self._on_selection)
        session.targetChanged.connect(self._on_target)
        self._on_map()

    def set_menu(self, menu: QMenu) -> None:
        """What can be done to clusters: behind the button and a right click."""
        self._menu = menu
        self._more.setMenu(menu)

    def set_dark(self, dark: bool) -> None:
        """Follows the theme."""
        self._dark = dark
        self.refresh()

    def set_sort(self, sort: str) -> None:
        """Orders the list, see `SORTS`."""
        self.sort.setCurrentIndex(max(self.sort.findData(sort), 0))
        self._session.preferences.settings.setValue("cluster_order", self.sort.currentData())
        self._arrange()

    def set_filter(self, shown: str) -> None:
        """Shows some of the clusters, see `FILTERS`."""
        self.filter.setCurrentIndex(self.filter.findData(shown))
        self._arrange()

    def arranged(self, shown: str = "all") -> list[Row]:
        """The rows in the order of the list, with another filter than the one shown."""
        return arrange(self._rows, self.sort.currentData(), shown)

    def show_count(self, clusters: int | None = None) -> None:
        """Says how many clusters there are, or would be."""
        atlas_map = self._session.map
        if atlas_map is None:
            self._heading.setText("Clusters")
            return
        count = len(atlas_map.groups) if clusters is None else clusters
        self._heading.setText(f"{count:,} cluster{'' if count == 1 else 's'}")
        self._heading.setToolTip(f"The map's {images_text(len(atlas_map.image_ids))} are divided into {count:,}")

    def show_running(self, text: str) -> None:
        """Says what is being done, with a way to stop it; "" for nothing."""
        self._running_text.setText(text)
        self._running.setVisible(bool(text))

    # -- following the session -------------------------------------------------------------------------------------

    def _on_map(self) -> None:
        self._marks = None
        self._on_clusters()

    def _on_labels(self) -> None:
        self._marks = None
        self.refresh()

    def _on_clusters(self) -> None:
        atlas_map = self._session.map
        self._typical = (
            typical_ids(atlas_map.image_ids, atlas_map.clusters, atlas_map.typicality) if atlas_map is not None else {}
        )
        self._order = []
        self.refresh()
        self._arrange()

    def _on_change(self, change: Change) -> None:
        if change.marks:
            self._on_labels()
        elif change.states & {"audit", LOOKED}:
            self.refresh()

    def _on_target(self) -> None:
        if self._session.finding != self._finding:
            self._on_labels()

    def _on_selection(self) -> None:
        chosen = self._chosen()
        if not set(chosen) <= set(self.clusters.selected()) or chosen != tuple(self.clusters.selected()):
            self.clusters.show_selected(chosen)
        if [row.cluster for row in self._wanted()] != self._order:
            self._arrange()

    def _chosen(self) -> Sequence[int]:
        selection = self._session.selection
        return selection.clusters or (() if selection.cluster is None else (selection.cluster,))

    def _wanted(self) -> list[Row]:
        keep = frozenset(self._chosen())
        return arrange(self._rows, self.sort.currentData(), self.filter.currentData(), keep)

    def _arrange(self) -> None:
        rows = self._wanted()
        self._order = [row.cluster for row in rows]
        self.clusters.set_rows(rows)
        self.clusters.show_selected(self._chosen())
        name = self.filter.currentText().lower()
        said = f"No cluster to show: none is “{name}”." if self._rows and not rows else ""
        if self._session.project is not None and self._session.map is None:
            said = "Clusters come with the final map, when all images are analysed."
        self._nothing.setText(said)
        self._nothing.setVisible(bool(self._nothing.text()))

    def hold(self, held: bool) -> None:
        """While the list is out of sight for each answer of a reading, what changes is shown at its end."""
        self._held = held
        if self._missed and not held:
            self.refresh()

    def refresh(self) -> None:
        """Brings sizes, shares and colours in line with the session; the order stays."""
        self._missed = self._held
        if self._held:
            return
        session, atlas_map = self._session, self._session.map
        self._finding = session.finding
        self.show_count()
        for control in (self.sort, self.filter, self._more, self.slider):
            control.setEnabled(atlas_map is not None)
        if atlas_map is None or session.project is None:
            self._rows, self._order = [], []
            self.clusters.set_rows([])
            return
        project, finding, reader = session.project, session.finding, session.reader
        if self._marks is None:
            held = session.labels.held or HeldLabels(project, atlas_map.image_ids, reader)  # none while they are read
            self._marks = marks_of(held, finding)
        bounds = bounds_by_cluster(project, atlas_map.image_ids, atlas_map.clusters, finding, reader)
        self._rows = make_rows(atlas_map, self._marks, bounds, self._typical, self._seen.ids, self._dark)
        of_cluster = {row.cluster: row for row in self._rows}
        self.clusters.set_rows([of_cluster[cluster] for cluster in self._order if cluster in of_cluster])

    def _show_menu(self, at: QPoint) -> None:
        if self._menu is not None:
            self._menu.popup(self.clusters.viewport().mapToGlobal(at))


def _choice(options: dict[str, tuple[str, str]], what: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(what)
    box.setToolTip("\n".join([f"{what}.", *(f"{text}: {tip}" for text, tip in options.values())]))
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    box.setObjectName("compact")
    for key, (text, tip) in options.items():
        box.addItem(text, key)
        box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    return box
