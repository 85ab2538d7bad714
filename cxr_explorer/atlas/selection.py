"""Which points lie inside an outline, and how a choice changes what is selected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ids = NDArray[np.int64]


def inside_polygon(xy: ArrayLike, polygon: ArrayLike) -> NDArray[np.bool_]:
    """Points inside a polygon by the even-odd rule: where the outline crosses itself, the overlap is outside.

    A point is inside when a ray towards +x crosses the outline an odd number of times; an edge counts for
    y0 <= y < y1, so that a corner is met once. Points on the outline itself fall on either side. A point is tried
    against the edges near it alone, see `outline`, so the cost hardly grows with the number of corners.

    Args:
        xy: (N, 2) coordinates. Points that are not finite are outside.
        polygon: (E, 2) corners; the last is joined to the first. Fewer than three enclose nothing.

    Returns:
        (N,) bool, in the order of `xy`.
    """
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    points = np.ascontiguousarray(xy, np.float64)
    if len(corners) < 3:
        return np.zeros(len(points), bool)
    from cxr_explorer.atlas.outline import cross_odd  # numba: half a second, where no map is drawn yet

    return cross_odd(points, corners)


def inside_rectangle(xy: ArrayLike, corner: tuple[float, float], opposite: tuple[float, float]) -> NDArray[np.bool_]:
    """Points within two opposite corners, edges included: (N,) bool for (N, 2) coordinates."""
    points = np.asarray(xy)
    low, high = np.minimum(corner, opposite), np.maximum(corner, opposite)
    x, y = points[:, 0], points[:, 1]
    return np.asarray((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]), bool)


def replace(current: Ids, chosen: Ids) -> Ids:
    """What was chosen, and nothing else."""
    return np.unique(chosen)


def add(current: Ids, chosen: Ids) -> Ids:
    """What was selected, and what was chosen."""
    return np.union1d(current, chosen)


def subtract(current: Ids, chosen: Ids) -> Ids:
    """What was selected without what was chosen."""
    return np.setdiff1d(current, chosen)


def intersect(current: Ids, chosen: Ids) -> Ids:
    """What was selected and is among the chosen."""
    return np.intersect1d(current, chosen)


MODES: Final[Mapping[str, Callable[[Ids, Ids], Ids]]] = {
    "replace": replace,
    "add": add,
    "subtract": subtract,
    "intersect": intersect,
}


def combine(current: Ids, chosen: Ids, mode: str) -> Ids:
    """The selection after a choice.

    Args:
        current: Selected ids.
        chosen: Chosen ids.
        mode: A key of `MODES`.

    Returns:
        int64 ids, sorted, each once.
    """
    return MODES[mode](np.asarray(current, np.int64), np.asarray(chosen, np.int64))
