"""Which rows may be the nearest: a few more than are wanted, by cosine, from one matrix product after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPARE = 8
"""Candidates beyond k that are compared exactly, so that rounding in the matrix product cannot cost a neighbour."""

TIE = 2.0**-20
"""Cosines closer than this (eight float32 roundings at 1) may be in either order in a matrix product."""

Candidates = Callable[[int, int, int], NDArray[np.int64]]
"""(start, stop, kept): for rows start to stop (b) the (b, kept) other rows of largest cosine, in any order; where too
many are as near as the last one, those of lower index."""


def candidates_on_processor(units: NDArray[np.float32]) -> Candidates:
    """Candidates from one matrix product after another."""
    count = len(units)

    def candidates(start: int, stop: int, k: int) -> NDArray[np.int64]:
        cosines = units[start:stop] @ units.T  # (b, N)
        cosines[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        kept = min(k + SPARE, count - 1)
        found = places_of_largest(cosines, kept)  # (b, kept)
        if kept == count - 1:
            return found
        # Where as many as `kept` are as near as the last one wanted, any of them were kept: choose by index.
        values = np.sort(np.take_along_axis(cosines, found, axis=1), axis=1)
        crowded = np.flatnonzero(values[:, 0] >= values[:, -k] - 2 * TIE)
        later = np.arange(count)
        block = max(1, len(cosines) // 4)  # the keys are int64, and several temporaries of them live at once
        for first in range(0, len(crowded), block):
            some = crowded[first : first + block]
            steps = np.rint(np.maximum(cosines[some], -2) / TIE).astype(np.int64)
            found[some] = places_of_largest(steps * count - later, kept)
        return found

    return candidates


def places_of_largest(values: NDArray[Any], kept: int) -> NDArray[np.int64]:
    """(b, kept): where the largest of each row (b, N) lie, in any order.

    Every row is dealt out to groups. The largest lie in the `kept` groups of largest maxima, and to find a maximum is
    far quicker than to sort: one look at each value, then at few of them again.
    """
    rows, count = values.shape
    size = int((count / kept) ** 0.5)  # of a group: as many groups as values in those that are looked at again
    groups = count // max(size, 1)
    if size < 2 or groups <= kept:
        return np.argpartition(values, count - kept, axis=1)[:, count - kept :]
    dealt = values[:, : size * groups].reshape(rows, size, groups)  # column j of a row is in group j % groups
    maxima = dealt.max(axis=1)  # (b, groups)
    best = np.argpartition(maxima, groups - kept, axis=1)[:, groups - kept :]  # (b, kept)
    places = (best[:, None, :] + groups * np.arange(size)[:, None]).reshape(rows, -1)  # (b, size * kept)
    rest = np.broadcast_to(np.arange(size * groups, count), (rows, count - size * groups))
    places = np.concatenate([places, rest], axis=1)
    again = np.take_along_axis(values, places, axis=1)
    largest = np.argpartition(again, again.shape[1] - kept, axis=1)[:, again.shape[1] - kept :]
    return np.take_along_axis(places, largest, axis=1)
