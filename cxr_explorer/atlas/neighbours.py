"""Exact k-nearest neighbours by cosine: the one graph that layout and similarity share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.candidates import Candidates, candidates_on_processor

CHUNK_BYTES = {"cpu": 96 << 20, "cuda": 1 << 30}
"""Size of a block of similarities."""

RANKED_BYTES = 1 << 19
"""Size of a block of differences: half a processor core's second cache, which is where they are needed again."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For every row its nearest rows, itself first.

    Attributes:
        indices: (N, min(k, N)) int32; column 0 is the row itself, then by distance, ties by index.
        distances: (N, min(k, N)) float32, Euclidean between rows of length 1, in [0, 2]; column 0 is 0.
            Half the square is 1 - cosine.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]


def find_neighbours(embeddings: NDArray[np.floating], k: int, device: str = "cpu") -> Neighbours:
    """The k nearest rows of every row, itself included, exact up to float32 rounding and the same at every run.

    Args:
        embeddings: (N, D), finite. A row of zeros has distance 0 to its like and 1 to all others.
        k: Neighbours a row, the row itself counted, >= 1. Fewer come back where N < k.
        device: "cpu" or "cuda". A card without the memory for it hands over to the CPU.
    """
    for step in compare(embeddings, k, device):
        if isinstance(step, Neighbours):
            return step
    raise AssertionError("compare ends with Neighbours")


def compare(embeddings: NDArray[np.floating], k: int, device: str = "cpu") -> Iterator[float | Neighbours]:
    """`find_neighbours` step by step: fractions done in (0, 1], then the Neighbours."""
    count = len(embeddings)
    k = min(k, count)
    if embeddings.ndim != 2 or k < min(1, count):
        raise ValueError(f"embeddings of shape {embeddings.shape}, k = {k}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings hold values that are not numbers")
    units = unit_rows(embeddings)
    if device == "cuda":
        from cxr_explorer.atlas.on_card import NoMemory, candidates_on_card

        with contextlib.suppress(NoMemory):
            yield from _compare(units, k, candidates_on_card(units), CHUNK_BYTES["cuda"])
            return
    yield from _compare(units, k, candidates_on_processor(units), CHUNK_BYTES["cpu"])


def unit_rows(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """The rows (N, D) at length 1, float32, as `similar_to` takes them; a row of zeros stays one."""
    rows = np.ascontiguousarray(embeddings, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def similar_to(
    units: NDArray[np.float32], query: NDArray[np.floating], k: int, leave_out: NDArray[np.integer] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k rows most like one vector, nearest first, ties by index: ((k,) int32 indices, (k,) float32 cosines).

    Lengths are not measured here, so that a search through 100,000 rows is one product of a matrix and a vector.

    Args:
        units: (N, D) rows of length 1, see `unit_rows`.
        query: (D,), of any length, not necessarily a row.
        k: Fewer come back where fewer rows are asked about.
        leave_out: Rows that are not wanted.
    """
    cosines = units @ unit_rows(query)  # (N,)
    wanted = len(cosines)
    if leave_out is not None and leave_out.size:
        cosines[leave_out] = -np.inf
        wanted -= len(np.unique(leave_out))
    k = min(k, wanted)
    if k < 1:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    last = np.partition(cosines, -k)[-k]
    candidates = np.flatnonzero(cosines >= last)  # ascending: the stable sort keeps the lower index among equals
    order = candidates[np.argsort(-cosines[candidates], kind="stable")[:k]]
    return order.astype(np.int32), cosines[order]


def _compare(
    units: NDArray[np.float32], k: int, candidates: Candidates, chunk_bytes: int
) -> Iterator[float | Neighbours]:
    count = len(units)
    indices = np.zeros((count, k), dtype=np.int32)
    distances = np.zeros((count, k), dtype=np.float32)
    chunk = max(1, chunk_bytes // (4 * max(count, 1)))
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        indices[start:stop, 0] = np.arange(start, stop)
        if k > 1:
            found = candidates(start, stop, k - 1)
            indices[start:stop, 1:], distances[start:stop, 1:] = nearest_of(units, start, stop, found, k - 1)
        yield stop / count
    yield Neighbours(indices, distances)


def nearest_of(
    units: NDArray[np.float32], start: int, stop: int, candidates: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Indices and distances (b, k) of the nearest among the candidates (b, K) of rows start to stop, by (distance,
    index). Distances are taken from differences: a cosine of near 1 would hold few bits of them."""
    candidates = np.sort(candidates, axis=1)  # by index, which the stable sort below keeps among equals
    apart = np.empty(candidates.shape, np.float32)
    width = max(1, RANKED_BYTES // (4 * candidates.shape[1] * units.shape[1]))
    for first in range(0, stop - start, width):
        last = min(first + width, stop - start)
        difference = units[candidates[first:last]]  # (w, K, D)
        difference -= units[start + first : start + last, None]
        apart[first:last] = np.sqrt(np.einsum("wkd,wkd->wk", difference, difference))
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates, order, axis=1).astype(np.int32), np.take_along_axis(apart, order, axis=1)
