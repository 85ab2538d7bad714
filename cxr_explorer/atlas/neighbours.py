"""Exact k-nearest neighbours by cosine: the one graph that layout and similarity share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

SPARE = 8
"""Candidates beyond k that are compared exactly, so that rounding in the matrix product cannot cost a neighbour."""

TIE = 2.0**-20
"""Cosines closer than this (eight float32 roundings at 1) may be in either order in a matrix product."""

CHUNK_BYTES = {"cpu": 96 << 20, "cuda": 1 << 30}
"""Size of a block of similarities."""


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
    import torch

    try:
        yield from _compare(embeddings, k, device)
    except torch.cuda.OutOfMemoryError:
        yield from _compare(embeddings, k, "cpu")


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


def _compare(embeddings: NDArray[np.floating], k: int, device: str) -> Iterator[float | Neighbours]:
    import torch

    count = len(embeddings)
    k = min(k, count)
    if embeddings.ndim != 2 or k < min(1, count):
        raise ValueError(f"embeddings of shape {embeddings.shape}, k = {k}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings hold values that are not numbers")
    indices = np.zeros((count, k), dtype=np.int32)
    distances = np.zeros((count, k), dtype=np.float32)
    rows = torch.from_numpy(np.ascontiguousarray(embeddings, dtype=np.float32)).to(device)  # (N, D)
    rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    chunk = max(1, CHUNK_BYTES.get(device, CHUNK_BYTES["cpu"]) // (4 * max(count, 1)))
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        if k > 1:
            with torch.inference_mode():
                found, apart = _nearest_others(rows, start, stop, k - 1)  # (b, k - 1) each
            indices[start:stop, 1:] = found.cpu().numpy()
            distances[start:stop, 1:] = apart.cpu().numpy()
        indices[start:stop, 0] = np.arange(start, stop)
        yield stop / count
    yield Neighbours(indices, distances)


def _nearest_others(rows: torch.Tensor, start: int, stop: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices and distances (b, k) of the nearest other rows for rows start to stop, by (distance, index)."""
    import torch

    count = len(rows)
    cosines = rows[start:stop] @ rows.T  # (b, N)
    own = torch.arange(start, stop, device=rows.device)
    cosines[own - start, own] = -torch.inf
    kept = min(k + SPARE, count - 1)
    values, candidates = cosines.topk(kept, dim=1)  # (b, kept)
    if kept < count - 1:
        # Where as many as `kept` are as near as the last one wanted, topk keeps any of them: choose by index.
        crowded = torch.nonzero(values[:, -1] >= values[:, k - 1] - 2 * TIE).ravel()
        later = torch.arange(count, device=rows.device)
        block = max(1, len(cosines) // 4)  # the keys are int64, and several temporaries of them live at once
        for first in range(0, len(crowded), block):
            some = crowded[first : first + block]
            steps = torch.round(cosines[some].clamp_min(-2) / TIE).to(torch.int64)
            candidates[some] = (steps * count - later).topk(kept, dim=1).indices
    candidates = candidates.sort(dim=1).values  # by index, which the stable sort below keeps among equals
    apart = torch.empty_like(values)
    width = max(1, CHUNK_BYTES["cpu"] // (4 * kept * rows.shape[1]))
    for first in range(0, stop - start, width):
        last = min(first + width, stop - start)
        difference = rows[candidates[first:last]] - rows[start + first : start + last, None]  # (w, kept, D)
        apart[first:last] = difference.square_().sum(2).sqrt_()
    apart, order = apart.sort(dim=1, stable=True)
    return candidates.gather(1, order)[:, :k], apart[:, :k]
