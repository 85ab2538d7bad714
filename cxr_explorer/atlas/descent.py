"""UMAP's descent (McInnes, Healy, Melville 2018, arXiv 1802.03426, algorithm 5), epoch by epoch, on all cores.

Every point moves itself alone, by where all others were when the epoch began, with random numbers of its own: so the
same seed gives the same bits on any number of threads. umap-learn moves both ends of an edge at once, and is either the
same every time or uses more than one core.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange, set_num_threads
from numpy.typing import NDArray

REPELLED = 5
"""Random points that push for every edge that pulls, umap-learn's `negative_sample_rate`."""

FURTHEST = 4.0
"""The most that one edge or push moves a point along an axis, in layout units at a rate of 1, as in umap-learn."""

ALONE = 3000
"""Points up to which one core moves all: an epoch of them takes a few ms, and threads would wait for each other."""

PLACES = 16
"""Bits of a squared distance by which forces are looked up: sign, exponent and 7 more, so within 0.4 %."""


class Descent:
    """Points on their way.

    Attributes:
        xy: (N, 2) float32, where they are now.
    """

    def __init__(
        self,
        xy: NDArray[np.float32],
        starts: NDArray[np.int32],
        ends: NDArray[np.int32],
        weights: NDArray[np.float32],
        curve: tuple[float, float],
        seed: int,
    ) -> None:
        """Begins at some places.

        Args:
            xy: (N, 2).
            starts: (N + 1,) where each point's edges begin in `ends`.
            ends: (E,) the other end; every edge is there from both ends.
            weights: (E,) in (0, 1].
            curve: UMAP's a and b.
            seed: Of the random numbers.
        """
        self.xy = np.array(xy, np.float32, order="C")
        self._next = np.empty_like(self.xy)
        self._edges = starts, ends, (weights / weights.max(initial=np.float32(1e-9))).astype(np.float32)
        self._forces = _tabulate(*curve)
        self._seed = np.uint64(seed)

    def step(self, epoch: int, rate: float) -> None:
        """One epoch: an edge pulls as often as its weight says, so the heaviest pull in each."""
        threads = get_num_threads()
        set_num_threads(threads if len(self.xy) > ALONE else 1)
        try:
            _move(self.xy, self._next, *self._edges, *self._forces, np.float32(rate), epoch, self._seed)
        finally:
            set_num_threads(threads)
        self.xy, self._next = self._next, self.xy


def _tabulate(a: float, b: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """UMAP's pull and push by the first PLACES bits of the squared distance as a float32: a power takes longer than all
    the rest of a step."""
    places = np.arange(1 << PLACES, dtype=np.uint32)
    with np.errstate(all="ignore"):  # half of the places are negative or no numbers: never asked for
        middle = ((places << (32 - PLACES)) + (1 << (31 - PLACES))).view(np.float32).astype(np.float64)
        pull = -2 * a * b * middle ** (b - 1) / (1 + a * middle**b)
        push = 2 * b / ((0.001 + middle) * (1 + a * middle**b))
        return np.nan_to_num(pull).astype(np.float32), np.nan_to_num(push).astype(np.float32)


@njit(cache=True, inline="always")
def _limited(value):  # type: ignore[no-untyped-def]
    return min(max(value, np.float32(-FURTHEST)), np.float32(FURTHEST))


@njit(cache=True, inline="always")
def _mixed(state):  # type: ignore[no-untyped-def]
    """The next of a row of random numbers: SplitMix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195)."""
    state = state ^ (state >> np.uint64(30))
    state = state * np.uint64(0xBF58476D1CE4E5B9)
    state = state ^ (state >> np.uint64(27))
    state = state * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@njit(cache=True, parallel=True, fastmath=True)
def _move(before, after, starts, ends, weights, pulls, pushes, rate, epoch, seed):  # type: ignore[no-untyped-def]
    count = len(before)
    for point in prange(count):
        step = np.uint64(0x9E3779B97F4A7C15)
        state = _mixed(_mixed(seed + step * np.uint64(epoch + 1)) + step * np.uint64(point + 1))
        x, y = before[point, 0], before[point, 1]
        for edge in range(starts[point], starts[point + 1]):
            # umap-learn draws an edge from both ends, and moves both: each end twice, with pushes the first time.
            share = np.float64(2) * np.float64(weights[edge])
            for draw in range(int(epoch * share), int((epoch + 1) * share)):
                other = ends[edge]
                across, up = x - before[other, 0], y - before[other, 1]
                apart = across * across + up * up
                if apart > 0:
                    pull = pulls[np.float32(apart).view(np.uint32) >> np.uint32(32 - PLACES)]
                    x += rate * _limited(pull * across)
                    y += rate * _limited(pull * up)
                if draw % 2:
                    continue
                for _ in range(REPELLED):
                    state += step
                    other = np.int64(((_mixed(state) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))
                    across, up = x - before[other, 0], y - before[other, 1]
                    apart = across * across + up * up
                    if other != point and apart > 0:
                        push = pushes[np.float32(apart).view(np.uint32) >> np.uint32(32 - PLACES)]
                        x += rate * _limited(push * across)
                        y += rate * _limited(push * up)
        after[point, 0] = x
        after[point, 1] = y
