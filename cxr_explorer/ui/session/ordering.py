"""Orders of the gallery, see `selection.ORDERS`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.project.project import AtlasMap, Ids, Project
from cxr_explorer.search.by_name import ids_by_name


def by_file(ids: Ids, project: Project) -> Ids:
    """By the name of the file."""
    ordered = ids_by_name(project)
    return ordered[np.isin(ordered, ids)]


def by_probability(ids: Ids, probabilities: NDArray[np.float32], order: str) -> Ids:
    """By what is suggested: "likely" present first, or the "unsure" ones; those without a suggestion come last.

    Args:
        ids: (M,) image ids.
        probabilities: (M,), NaN where nothing is suggested.
        order: "likely" or "unsure".
    """
    key = -probabilities if order == "likely" else np.abs(probabilities - 0.5)
    return ids[np.argsort(key, kind="stable")]  # NaN comes last


def by_typicality(ids: Ids, atlas_map: AtlasMap, order: str) -> Ids:
    """The typical images of the clusters first; or those at their edge, where the order is "edge"."""
    typicality = atlas_map.typicality[np.searchsorted(atlas_map.image_ids, ids)]
    return ids[np.argsort(typicality if order == "edge" else -typicality, kind="stable")]
