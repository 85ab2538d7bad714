"""The left side: the clusters of the map, how large they are and how far they are labelled."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFrame, QVBoxLayout

from cxr_explorer.project import labelling
from cxr_explorer.ui.cluster_list import ClusterList, Row, typical_ids
from cxr_explorer.ui.palette import categorical
from cxr_explorer.ui.session import Session
from cxr_explorer.ui.texts import elided_label


class ClusterPanel(QFrame):
    """Heading and list; it follows the session's map, labels and selection, and selects what is chosen."""

    def __init__(self, session: Session, dark: bool) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._session = session
        self._dark = dark
        self._typical: dict[int, tuple[int, ...]] = {}
        self._heading = elided_label("Clusters", "heading")
        self._heading.setContentsMargins(12, 12, 12, 10)
        self.clusters = ClusterList()
        self.clusters.set_thumbnails(session.thumbnails)
        self.clusters.chosen.connect(session.select_cluster)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._heading)
        column.addWidget(self.clusters, 1)
        session.projectChanged.connect(self._on_map)
        session.mapChanged.connect(self._on_map)
        session.labelsChanged.connect(self.refresh)
        session.exclusionsChanged.connect(self.refresh)
        session.selectionChanged.connect(self._on_selection)

    def set_dark(self, dark: bool) -> None:
        """Follows the theme."""
        self._dark = dark
        self.refresh()

    def _on_map(self) -> None:
        found = self._session.map
        self._typical = typical_ids(found.image_ids, found.clusters, found.typicality) if found is not None else {}
        self.refresh()
        self._on_selection()

    def _on_selection(self) -> None:
        self.clusters.show_selected(self._session.selection.cluster)

    def refresh(self) -> None:
        """Brings sizes, shares and colours in line with the session."""
        session, found = self._session, self._session.map
        if found is None or session.project is None:
            self.clusters.set_rows([])
            self._heading.setText("Clusters")
            return
        labelled = np.isin(found.image_ids, labelling.labelled_ids(session.project, session.reader))
        count = int(found.clusters.max(initial=-1)) + 1
        sizes = np.bincount(found.clusters + 1, minlength=count + 1).tolist()
        done = np.bincount(found.clusters[labelled] + 1, minlength=count + 1).tolist()
        colours = categorical(np.arange(-1, count), self._dark).tolist()
        numbers = [*range(count), *([-1] if sizes[0] else [])]
        self.clusters.set_rows(
            [
                Row(n, sizes[n + 1], done[n + 1], QColor.fromRgba(colours[n + 1]), self._typical.get(n, ()))
                for n in numbers
            ]
        )
        images = labelling.images_text(len(found.image_ids))
        self._heading.setText(f"{count} cluster{'' if count == 1 else 's'}, {images}")
