"""Images by their ids: where some stand among others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def look_up(known: Ids, ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where ids stand among the known ones, without the sorting of `np.isin`.

    Args:
        known: (N,) ascending.
        ids: (M,) in any order.

    Returns:
        (M,) rows of `known`, which mean something only where (M,) the second says that the id is there.
    """
    if not len(known):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
    rows = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return rows, known[rows] == ids
