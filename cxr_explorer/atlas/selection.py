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
    y0 <= y < y1, so that a corner is met once. Points on the outline itself fall on either side. Every edge is tried
    only on the points within its range of y, which are contiguous once sorted, so the cost hardly grows with the
    number of corners.

    Args:
        xy: (N, 2) coordinates. Points that are not finite are outside.
        polygon: (E, 2) corners; the last is joined to the first. Fewer than three enclose nothing.

    Returns:
        (N,) bool, in the order of `xy`.
    """
    points = np.asarray(xy)
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    inside = np.zeros(len(points), bool)
    if len(corners) < 3:
        return inside
    low, high = corners.min(axis=0), corners.max(axis=0)
    px, py = points[:, 0], points[:, 1]
    near = np.flatnonzero((px >= low[0]) & (px <= high[0]) & (py >= low[1]) & (py <= high[1]))
    near = near[np.argsort(py[near], kind="stable")]
    x, y = px[near].astype(np.float64), py[near].astype(np.float64)

    odd = np.zeros(len(near), bool)
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    first = np.searchsorted(y, np.minimum(y0, y1))
    end = np.searchsorted(y, np.maximum(y0, y1))
    for edge in np.flatnonzero(end > first):
        part = slice(first[edge], end[edge])
        across = (x[part] - x0[edge]) * (y1[edge] - y0[edge]) - (y[part] - y0[edge]) * (x1[edge] - x0[edge])
        odd[part] ^= across < 0 if y1[edge] > y0[edge] else across > 0
    inside[near[odd]] = True
    return inside


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
