"""Provisional layouts of the first images of a large folder, while the rest is still being analysed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.layout import LayoutParameters, layout
from cxr_explorer.atlas.neighbours import find_neighbours

FIRST = 300
"""Images of the first provisional map; the next ones come at each doubling."""

MOST = 4800
"""Images of the last one: by then the shape is there, and more would cost more than a glance is worth."""

SHARE = 0.08
"""Share of a run's time that may go into provisional maps. Measured with `python -m tests.bench.first_seconds`."""

EXPECTED_S = 3.0
"""What the first one may cost, on two cores. UMAP's import is not counted: the final map needs it too."""


@dataclass(frozen=True, eq=False)
class ProvisionalMap:
    """Places of some images, for a first look; it has no clusters, for these change most when images are added.

    Attributes:
        image_ids: (N,) int64, ascending.
        xy: (N, 2) float32, see `layout.layout`.
        total: Images there will be on the final map, as far as known.
        forming: Whether it is the final map's layout on its way, all images being analysed.
    """

    image_ids: NDArray[np.int64]
    xy: NDArray[np.float32]
    total: int
    forming: bool = False


def provisional_map(
    image_ids: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    total: int,
    parameters: LayoutParameters,
    before: ProvisionalMap | None = None,
) -> ProvisionalMap:
    """Lays out what there is so far.

    Args:
        image_ids: (N,), ascending.
        embeddings: (N, D), finite.
        total: See `ProvisionalMap`.
        parameters: Of the final map.
        before: The last one: its images stay about where they are.
    """
    initial = None
    if before is not None:
        _, old, new = np.intersect1d(before.image_ids, image_ids, assume_unique=True, return_indices=True)
        if len(new):
            initial = np.full((len(image_ids), 2), np.nan, np.float32)
            initial[new] = before.xy[old]
    neighbours = find_neighbours(embeddings, parameters.n_neighbours)
    return ProvisionalMap(image_ids, layout(neighbours, embeddings, parameters, initial), total)


class Schedule:
    """Says when a provisional map is worth its time: at FIRST images and each doubling, within SHARE of the run."""

    def __init__(self, analysed: int, total: int) -> None:
        """`analysed` of `total` images were known before the run."""
        self._begun_with = analysed
        self._total = total
        self._next = min(max(FIRST, analysed), MOST)
        self._cost_s = EXPECTED_S
        self._spent_s = 0.0

    def is_due(self, analysed: int, elapsed_s: float) -> bool:
        """Whether one is to be made now.

        Args:
            analysed: Images there are by now, those from before the run among them.
            elapsed_s: Since the first image of this run began to be analysed, time for provisional maps included.
        """
        done = analysed - self._begun_with
        if analysed < self._next or self._next > MOST or not done:
            return False
        analysing_s = max(elapsed_s - self._spent_s, 0.0)
        left_s = analysing_s / done * (self._total - analysed)
        whole_s = elapsed_s + left_s
        return self._spent_s + self._cost_s <= SHARE * whole_s and left_s >= 4 * self._cost_s

    def note(self, count: int, seconds: float) -> None:
        """One of `count` images was made and took so long."""
        self._spent_s += seconds
        self._cost_s = 2.5 * seconds  # of twice as many
        self._next = 2 * count
