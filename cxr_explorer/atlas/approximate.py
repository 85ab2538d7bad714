"""Approximate nearest neighbours, where comparing all with all takes too long; how many are missed is measured.

NN-descent (Dong, Moses, Li 2011, doi 10.1145/1963405.1963487) as pynndescent has it, which umap-learn brings along.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.candidates import candidates_on_processor, places_of_largest
from cxr_explorer.atlas.neighbours import CHUNK_BYTES, Neighbours, nearest_of, unit_rows

EXACT_UP_TO = 30_000
"""Rows up to which all are compared with all: there it takes no longer than to compile pynndescent, 14 s of a processor
each. At 112,120 rows of 512 it is 145 s against 25."""

SAMPLE = 500
"""Rows whose neighbours are found exactly as well, to say how many were missed: half the width of the 95 % interval is
below .01 from a recall of .95 on, were the neighbours of a row independent."""

MORE = 6
"""Neighbours looked for beyond those wanted: NN-descent goes on from more of them. At 112,120 the recall of 15 rises
from .954 to .978, that of umap-learn, for 3 s of a processor more."""

_WITHIN = 1e-5
"""Distances this much larger than the last true neighbour's count as equal: rounding."""


def compare_approximately(embeddings: NDArray[np.floating], k: int, seed: int) -> Iterator[float | Neighbours]:
    """As `neighbours.compare`; some of the nearest are missed, `Neighbours.recall` says how many.

    The same seed gives the same result on as many threads, not on more or fewer: pynndescent shares its work out by
    their number. Distances are exact.
    """
    if embeddings.ndim != 2 or not 1 < k < len(embeddings):
        raise ValueError(f"embeddings of shape {embeddings.shape}, k = {k}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings hold values that are not numbers")
    units = unit_rows(embeddings)
    count = len(units)
    candidates = _descend(units, k + MORE, seed)  # (N, k + MORE), itself most often among them
    yield 0.9
    indices = np.empty((count, k), np.int32)
    distances = np.zeros((count, k), np.float32)
    indices[:, 0] = np.arange(count)
    exact = candidates_on_processor(units)
    block = 4096
    for start in range(0, count, block):
        stop = min(start + block, count)
        some, own = candidates[start:stop], np.arange(start, stop)[:, None]
        usable = (some >= 0) & (some != own)
        order = np.argsort(~usable, axis=1, kind="stable")[:, : k - 1]  # nearest first
        indices[start:stop, 1:], distances[start:stop, 1:] = nearest_of(
            units, start, stop, np.take_along_axis(some, order, axis=1).clip(0), k - 1
        )
        for row in (start + np.flatnonzero(usable.sum(axis=1) < k - 1)).tolist():  # rare: found too few
            found = exact(row, row + 1, k - 1)
            indices[row, 1:], distances[row, 1:] = (part[0] for part in nearest_of(units, row, row + 1, found, k - 1))
    yield 1.0
    yield Neighbours(indices, distances, measure_recall(units, distances, seed))


def measure_recall(units: NDArray[np.float32], distances: NDArray[np.float32], seed: int) -> float:
    """The share of true neighbours found, 0 to 1, over a sample of SAMPLE rows; the row itself is not counted.

    Args:
        units: (N, D) rows of length 1.
        distances: (N, k) of what was found, itself first; it is right if no further than the last true neighbour.
        seed: Of the sample.
    """
    count, k = distances.shape
    rows = np.sort(np.random.default_rng(seed).choice(count, min(SAMPLE, count), replace=False))
    chunk = max(1, CHUNK_BYTES["cpu"] // (4 * count))
    right = 0
    for first in range(0, len(rows), chunk):
        some = rows[first : first + chunk]
        cosines = units[some] @ units.T  # (b, N)
        cosines[np.arange(len(some)), some] = -np.inf
        others = places_of_largest(cosines, k - 1)  # (b, k - 1)
        apart = np.linalg.norm(units[others] - units[some, None], axis=2)
        right += int((distances[some, 1:] <= apart.max(axis=1, keepdims=True) + _WITHIN).sum())
    return float(right / (len(rows) * (k - 1)))


def _descend(units: NDArray[np.float32], kept: int, seed: int) -> NDArray[np.int64]:
    """(N, kept) candidates, -1 where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what cannot be kept compiled, and few trees for few rows: known
        import pynndescent

        _keep_compiled()
        found = pynndescent.NNDescent(units, metric="cosine", n_neighbors=kept, random_state=seed).neighbor_graph[0]
    return np.asarray(found, np.int64)


def _keep_compiled() -> None:
    """Lets numba keep on disk what it can of pynndescent: a fresh process then compiles for 14 s rather than 33. The
    rest takes functions as arguments, and is compiled anew."""
    import pynndescent
    from numba.core.dispatcher import Dispatcher

    for module in pkgutil.iter_modules(pynndescent.__path__, "pynndescent."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, Dispatcher) and each.py_func.__module__.startswith("pynndescent."):
                with contextlib.suppress(RuntimeError):  # a frozen app may have no place for it
                    each.enable_caching()
