"""Which points lie inside an outline, compiled.

The outline's box is divided into bands of y, and those into columns. Of an edge that passes a band from end to end, and
lies a column or more to the right of a point, it is known that the point's ray crosses it: for each place of the grid
there is one bit for all of these, and lists of the few edges that must be tried. Exact: an edge that is tried is tried
by the same formula whatever the grid.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.compiled import at_once, compiled

POINTS_PER_PART = 1 << 16
"""Points decided in one go by one core: some 4 ms, so that cores end together and handing out costs nothing."""

CORNERS_PER_BAND = 2
COLUMNS = 64
PASSES_MAX = 1 << 20
"""Edges that pass bands, counted in each: an outline that goes up and down all the time gets wider bands."""


@compiled("void(f8[:,::1], f8, f8, f8, f8, i8, i8, i8[::1], i4[::1], i8[::1], i4[::1], b1[::1], b1)")
def _sort_edges(  # type: ignore[no-untyped-def]
    corners, left, low, per_x, per_y, bands, columns, ends_at, ends, passes_at, passes, odd, counting
):
    """Counts, or enters into lists, the edges that end in a band, and those that pass one near a column."""
    for edge in range(len(corners) - 1):
        x0, y0, x1, y1 = corners[edge, 0], corners[edge, 1], corners[edge + 1, 0], corners[edge + 1, 1]
        first = min(bands - 1, int((min(y0, y1) - low) * per_y))
        last = min(bands - 1, int((max(y0, y1) - low) * per_y))
        near = int((min(x0, x1) - left) * per_x) - 1
        far = min(columns - 1, int((max(x0, x1) - left) * per_x) + 1)
        for band in range(first, last + 1):
            if band in (first, last):
                if counting:
                    ends_at[band + 1] += 1
                else:
                    ends[ends_at[band]] = edge
                    ends_at[band] += 1
                continue
            for column in range(max(0, near), far + 1):
                place = band * columns + column
                if counting:
                    passes_at[place + 1] += 1
                else:
                    passes[passes_at[place]] = edge
                    passes_at[place] += 1
            if counting and near > 0:
                odd[band * columns + near - 1] ^= True  # of all columns up to this one, see below
    if counting:
        for band in range(bands):
            for column in range(columns - 2, -1, -1):
                odd[band * columns + column] ^= odd[band * columns + column + 1]


@compiled("b1(f8, f8, f8[:,::1], i8)")
def _crosses(x, y, corners, edge):  # type: ignore[no-untyped-def]
    """Without a branch: no processor foresees which edges reach a point's height."""
    x0, y0, x1, y1 = corners[edge, 0], corners[edge, 1], corners[edge + 1, 0], corners[edge + 1, 1]
    across = (x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)
    upwards = y < y1
    return ((y < y0) != upwards) & ((across < 0) == upwards) & (across != 0)


@compiled(
    "void(f8[:,::1], f8[:,::1], f8, f8, f8, f8, f8, f8, i8, i8, i8[::1], i4[::1], i8[::1], i4[::1], b1[::1], b1[::1])"
)
def _cross(  # type: ignore[no-untyped-def]
    points, corners, left, low, right, high, per_x, per_y, bands, columns,
    ends_at, ends, passes_at, passes, odd, inside,
):  # fmt: skip
    """Whether a ray from each point towards +x crosses an odd number of edges."""
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        if not (left <= x <= right and low <= y <= high):  # also what is not finite
            continue
        band = min(bands - 1, int((y - low) * per_y))
        place = band * columns + min(columns - 1, int((x - left) * per_x))
        crossed = odd[place]
        for k in range(ends_at[band], ends_at[band + 1]):
            crossed ^= _crosses(x, y, corners, ends[k])
        for k in range(passes_at[place], passes_at[place + 1]):
            crossed ^= _crosses(x, y, corners, passes[k])
        inside[i] = crossed


def cross_odd(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) bool for (N, 2) points and (E, 2) corners, E >= 3; see `selection.inside_polygon`."""
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    inside = np.zeros(len(points), bool)
    if not (high > low and right > left):
        return inside
    closed = np.vstack([corners, corners[:1]])
    passed = np.abs(np.diff(closed[:, 1])).sum() / (high - low)  # edges at a height, on average
    bands = max(1, min(len(corners) // CORNERS_PER_BAND, math.floor(PASSES_MAX / passed)))
    per_x, per_y = COLUMNS / (right - left), bands / (high - low)
    box = (left, low, per_x, per_y, bands, COLUMNS)
    ends_at, passes_at = np.zeros(bands + 1, np.int64), np.zeros(bands * COLUMNS + 1, np.int64)
    odd, none = np.zeros(bands * COLUMNS, bool), np.zeros(0, np.int32)
    _sort_edges(closed, *box, ends_at, none, passes_at, none, odd, True)
    ends_at, passes_at = np.cumsum(ends_at), np.cumsum(passes_at)
    ends, passes = np.empty(ends_at[-1], np.int32), np.empty(passes_at[-1], np.int32)
    _sort_edges(closed, *box, ends_at[:-1].copy(), ends, passes_at[:-1].copy(), passes, odd, False)
    grid = (left, low, right, high, per_x, per_y, bands, COLUMNS, ends_at, ends, passes_at, passes, odd)

    def decide(begin: int) -> None:
        part = slice(begin, begin + POINTS_PER_PART)
        _cross(points[part], closed, *grid, inside[part])

    at_once(decide, range(0, len(points), POINTS_PER_PART))
    return inside
