"""What tests of sheets and lists look at, and another map for them."""

import numpy as np

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.project import label_columns
from cxr_explorer.ui.main_window import MainWindow


def labels(window: MainWindow, finding: str = "Pneumonia") -> dict[int, int]:
    project = window.session.project
    assert project is not None
    column = label_columns.label_column(project, finding, window.session.reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def remap(window: MainWindow, outlier: np.ndarray, neighbours: Neighbours | None) -> None:
    """The same map with these scores and neighbours, as if made anew."""
    session = window.session
    project, found = session.project, session.map
    assert project is not None and found is not None
    rows = [found.xy, found.clusters, found.strength, outlier.astype(np.float32), found.typicality]
    built = BuiltMap(*rows, neighbours=neighbours)
    project.store_map(session.preferences.encoder(), found.parameters, found.image_ids, built)
    session._load_map()
    session.mapChanged.emit()
