"""The parameters of the map."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QSpinBox,
    QWidget,
)

from cxr_explorer.atlas.build import MapParameters
from cxr_explorer.ui.widgets.texts import text_label

_Buttons = QDialogButtonBox.StandardButton


class MapDialog(QDialog):
    """How the map is made."""

    def __init__(self, parent: QWidget, parameters: MapParameters) -> None:
        super().__init__(parent)
        self.setWindowTitle("Map parameters")
        self._before = parameters
        self._neighbours = _spin(2, 200, parameters.layout.n_neighbours)
        self._min_dist = QDoubleSpinBox(minimum=0.0, maximum=1.0, singleStep=0.05, decimals=2)
        self._min_dist.setValue(parameters.layout.min_dist)
        self._seed = _spin(0, 2**31 - 1, parameters.layout.seed)
        self._size = _spin(0, 100_000, parameters.clusters.min_cluster_size or 0)
        self._size.setSpecialValueText("automatic")
        self._samples = _spin(1, 1000, parameters.clusters.min_samples)
        buttons = QDialogButtonBox(_Buttons.Ok | _Buttons.Cancel | _Buttons.RestoreDefaults)
        buttons.button(_Buttons.Ok).setText("Make the map")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.button(_Buttons.RestoreDefaults).clicked.connect(self._restore)
        form = QFormLayout(self)
        form.setVerticalSpacing(10)
        for name, box, text in (
            ("Neighbours", self._neighbours, "Few show fine detail, many the large picture (UMAP)."),
            ("Smallest distance", self._min_dist, "How tightly similar images are packed (UMAP)."),
            ("Smallest cluster", self._size, "Fewer images together stay unclustered (HDBSCAN). 0: automatic."),
            ("Caution", self._samples, "More leaves more images unclustered (HDBSCAN min_samples)."),
            ("Seed", self._seed, "The same images and parameters give the same map."),
        ):
            form.addRow(name, box)
            form.addRow("", text_label(text, "dim"))
            box.setToolTip(text)
        form.addRow(buttons)

    @property
    def parameters(self) -> MapParameters:
        """The parameters as they stand."""
        return replace(
            self._before,
            layout=replace(
                self._before.layout,
                n_neighbours=self._neighbours.value(),
                min_dist=round(self._min_dist.value(), 2),
                seed=self._seed.value(),
            ),
            clusters=replace(
                self._before.clusters,
                min_cluster_size=self._size.value() or None,
                min_samples=self._samples.value(),
            ),
        )

    def _restore(self) -> None:
        plain = MapParameters()
        self._neighbours.setValue(plain.layout.n_neighbours)
        self._min_dist.setValue(plain.layout.min_dist)
        self._seed.setValue(plain.layout.seed)
        self._size.setValue(plain.clusters.min_cluster_size or 0)
        self._samples.setValue(plain.clusters.min_samples)


def _spin(low: int, high: int, value: int) -> QSpinBox:
    box = QSpinBox(minimum=low, maximum=high)
    box.setValue(value)
    return box
