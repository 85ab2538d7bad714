"""Layout: two coordinates an image, by UMAP (McInnes, Healy, Melville 2018, arXiv 1802.03426) from a given graph."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.neighbours import Neighbours

FEWEST = 6
"""Below this, and as long as all images are neighbours of all, UMAP has no neighbourhoods to speak of: the principal
components are the layout. Small folders then need not wait for its import, some seconds."""

WIDEST_GAP = 1.0
"""Widest empty stripe across the layout, in UMAP's units: alike images lie about 0.1 (min_dist) apart."""

EPOCHS, EPOCHS_OF_FEW, LARGE = 200, 500, 10_000
"""Epochs of a layout of more than LARGE images, and of fewer, as umap-learn has them."""

WIDTH = 10.0
"""Side of the square that the start is stretched to, as in umap-learn."""

ADJUSTING = 100
"""Epochs of each of the two rounds from an earlier layout; one takes 200 to 500 from a start that knows less."""

FIRMNESS = 3
"""How often displacements are averaged over neighbours before they are taken back: the more, the more freedom within a
group, and the less of its own way for the group. Once costs neighbours (10 % fewer of them kept), thrice none."""

BESIDE = 0.02
"""Distance of a new image from the one it is put beside, in UMAP's units: well within a clump."""


@dataclass(frozen=True)
class LayoutParameters:
    """What shapes a layout.

    Attributes:
        n_neighbours: Neighbours a point is pulled to, itself counted, >= 2. More shows the whole, fewer the detail.
        min_dist: Least distance of points within a clump, in layout units; 0 packs them.
        seed: Same seed and input, same layout.
    """

    n_neighbours: int = 15
    min_dist: float = 0.1
    seed: int = 42


@dataclass(frozen=True, eq=False)
class Forming:
    """A layout on its way: (N, 2) float32 places, which the next step moves, and how much is done, in (0, 1]."""

    xy: NDArray[np.float32]
    fraction: float


def layout(
    neighbours: Neighbours,
    embeddings: NDArray[np.floating],
    parameters: LayoutParameters,
    initial: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Places every image.

    Starts from the principal components rather than UMAP's spectral start: as good on chest radiographs, never fails on
    a graph in pieces, and keeps the whole in place (Kobak and Linderman 2021, doi 10.1038/s41587-020-00809-z).

    Args:
        neighbours: Of the same N images; needs min(n_neighbours, N) columns.
        embeddings: (N, D); only the start is computed from them.
        parameters: See `LayoutParameters`.
        initial: (N, 2) an earlier layout to start from, so that the picture stays as the reader knows it: groups stay
            in place, see `_adjusted`. Rows of NaN are new images; at least one row is placed.

    Returns:
        (N, 2) float32, x then y, finite; around the mean 0, or around the placed images' mean on the earlier layout.
        The same input gives the same bits on the same machine.
    """
    *_, last = lay_out(neighbours, embeddings, parameters, initial)
    return last.xy


def lay_out(
    neighbours: Neighbours,
    embeddings: NDArray[np.floating],
    parameters: LayoutParameters,
    initial: NDArray[np.float32] | None = None,
) -> Iterator[Forming]:
    """`layout` step by step: where the images are after every epoch, and last where they are put."""
    count = len(embeddings)
    if len(neighbours.indices) != count:
        raise ValueError(f"neighbours of {len(neighbours.indices)} images, embeddings of {count}")
    if count < 2:
        yield Forming(np.zeros((count, 2), dtype=np.float32), 1.0)
        return
    if initial is not None:
        yield from _adjusted(neighbours, initial, parameters)
        return
    random = np.random.default_rng(parameters.seed)
    start = _principal(embeddings)  # (N, 2)
    start = np.clip(start / max(float(start.std()), 1e-12), -3, 3)  # one odd image must not press all others together
    start += 1e-3 * random.standard_normal(start.shape)  # duplicates must part, and UMAP divides by each axis' width
    xy = start.astype(np.float32)
    if not _too_few(count, parameters):
        epochs = EPOCHS if count > LARGE else EPOCHS_OF_FEW
        xy = (WIDTH * (start - start.min(axis=0)) / np.maximum(np.ptp(start, axis=0), 1e-12)).astype(np.float32)
        for step in _descend(_edges(neighbours, count, parameters, epochs), xy, parameters, 1.0, epochs):
            xy = step.xy
            yield Forming(xy - xy.mean(axis=0), 0.99 * step.fraction)
    xy = close_gaps(xy, WIDEST_GAP)
    xy -= xy.mean(axis=0)
    yield Forming(xy, 1.0)


def _too_few(count: int, parameters: LayoutParameters) -> bool:
    return count < FEWEST or count <= parameters.n_neighbours


def place_new(
    neighbours: Neighbours, initial: NDArray[np.float32], parameters: LayoutParameters
) -> NDArray[np.float32]:
    """Puts new images on a layout that stays as it is: each beside the most alike image that has a place.

    On 1,338 NIH images, of which a tenth was new, new images had more of their 15 neighbours around them than after
    laying out all anew (17.5 against 15.8 %), and nothing else moved, while anew the clusters came out as others
    (adjusted Rand index 0.1; 0.86 this way).

    Args:
        neighbours: Of the same N images.
        initial: (N, 2) the layout, rows of NaN for new images; at least one is placed.
        parameters: Of the layout.

    Returns:
        (N, 2) float32; placed rows are unchanged.
    """
    xy = initial.copy()
    random = np.random.default_rng(parameters.seed)
    beside = BESIDE * random.standard_normal(xy.shape).astype(np.float32)
    while True:
        placed = np.asarray(np.isfinite(xy).all(axis=1))
        waiting = np.flatnonzero(~placed)
        if not len(waiting):
            return xy
        near = placed[neighbours.indices[waiting]]  # (M, k)
        reached = near.any(axis=1)
        if not reached.any():  # alike only among themselves
            xy[waiting] = xy[placed].mean(axis=0) + beside[waiting]
            return xy
        rows = waiting[reached]
        nearest = neighbours.indices[rows, near[reached].argmax(axis=1)]
        xy[rows] = xy[nearest] + beside[rows]


def close_gaps(xy: NDArray[np.float32], widest: float) -> NDArray[np.float32]:
    """Moves islands together: a stripe across the whole layout, along either axis, that holds no point and is wider
    than `widest` is narrowed to that. UMAP's distances between islands mean little, and the empty room between them
    would cost the detail within them. Inside an island nothing changes, but where such a stripe crosses it.
    """
    closed = xy.copy()
    for axis in (0, 1):
        order = np.argsort(xy[:, axis], kind="stable")
        steps = np.diff(xy[order, axis])
        closed[order[1:], axis] -= np.cumsum(np.maximum(steps - widest, 0))
    return closed


def _adjusted(neighbours: Neighbours, initial: NDArray[np.float32], parameters: LayoutParameters) -> Iterator[Forming]:
    """Lays out from an earlier layout with the big picture held: gently, then what drifted goes back, then more gently.

    UMAP alone does not hold it. It stretches any start to a square of 10, takes first steps as wide as a group, and
    pushes groups that no edge joins apart without end; where they go hangs on random numbers and on the last bits of
    the processor's arithmetic.
    """
    placed = np.asarray(np.isfinite(initial).all(axis=1))
    if not placed.any():
        raise ValueError("an initial layout needs at least one placed image")
    xy = place_new(neighbours, initial, parameters)
    if not _too_few(len(xy), parameters):
        edges = _edges(neighbours, len(xy), parameters, ADJUSTING)
        for step in _descend(edges, xy, parameters, 0.1, ADJUSTING):
            xy = step.xy
            yield Forming(xy, 0.49 * step.fraction)
        xy = _without_drift(xy, initial, neighbours)
        for step in _descend(edges, xy, parameters, 0.02, ADJUSTING):  # mends the seams
            xy = step.xy
            yield Forming(xy, 0.5 + 0.49 * step.fraction)
        xy = close_gaps(xy, WIDEST_GAP)
    xy = xy - (xy[placed] - initial[placed]).mean(axis=0)
    yield Forming(xy, 1.0)


def _without_drift(
    xy: NDArray[np.float32], initial: NDArray[np.float32], neighbours: Neighbours
) -> NDArray[np.float32]:
    """Takes back what an image and those around it moved together; how they lie to each other stays."""
    placed = np.asarray(np.isfinite(initial).all(axis=1))[:, None]  # (N, 1)
    drift = np.where(placed, xy - initial, np.float32(0))  # (N, 2)
    weight: NDArray[np.float32] = placed.astype(np.float32)
    for _ in range(FIRMNESS):
        drift = np.mean(drift[neighbours.indices], axis=1)
        weight = np.asarray(np.mean(weight[neighbours.indices], axis=1))
    return np.asarray(xy - drift / np.maximum(weight, 1e-9), dtype=np.float32)


def _edges(neighbours: Neighbours, count: int, parameters: LayoutParameters, epochs: int) -> Any:
    """UMAP's graph, a sparse matrix by rows, without what is too weak to be drawn once in that many epochs."""
    _keep_compiled()
    from umap.umap_ import fuzzy_simplicial_set

    indices, distances = _graph(neighbours, count, parameters)
    only_count = np.zeros((count, 1), np.float32)  # with the graph given, of the data only N counts
    random = np.random.RandomState(parameters.seed)
    weights = fuzzy_simplicial_set(
        only_count, indices.shape[1], random, "euclidean", knn_indices=indices, knn_dists=distances
    )[0].tocsr()  # fmt: skip
    weights.data[weights.data < weights.data.max() / epochs] = 0
    weights.eliminate_zeros()
    weights.sort_indices()
    return weights


def _descend(
    edges: Any, xy: NDArray[np.float32], parameters: LayoutParameters, rate: float, epochs: int
) -> Iterator[Forming]:
    """UMAP's optimisation from exactly these places, the rate falling evenly from this one to 0."""
    from umap.umap_ import find_ab_params

    from cxr_explorer.atlas.descent import Descent  # numba, whose import takes its time

    curve = find_ab_params(1.0, parameters.min_dist)
    descent = Descent(xy, edges.indptr, edges.indices, edges.data, curve, parameters.seed)
    for epoch in range(epochs):
        descent.step(epoch, rate * (1 - epoch / epochs))
        yield Forming(descent.xy, (epoch + 1) / epochs)


def _graph(
    neighbours: Neighbours, count: int, parameters: LayoutParameters
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Exactly k columns: given more, umap-learn 0.5.12 cuts them only from 4,096 rows on."""
    k = min(parameters.n_neighbours, count - 1)
    return np.ascontiguousarray(neighbours.indices[:, :k]), np.ascontiguousarray(neighbours.distances[:, :k])


def import_umap() -> None:
    """Imports what a layout needs, some seconds the first time: for whoever wants to measure the rest."""
    _keep_compiled()


def _keep_compiled() -> None:
    """Lets numba keep what we use of UMAP's functions on disk: a fresh process then compiles none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tensorflow is not there: known and wanted
        import umap.umap_

    for module, name in (
        (umap.umap_, "smooth_knn_dist"),
        (umap.umap_, "compute_membership_strengths"),
    ):
        # Another umap-learn may name them otherwise; a frozen app may have no place for a cache. Then it compiles.
        with contextlib.suppress(AttributeError, RuntimeError):
            getattr(module, name).enable_caching()


def _principal(embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """First two principal components of the rows at length 1, (N, 2); the larger side of each is positive."""
    rows = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    rows = (rows - rows.mean(axis=0)).astype(np.float64)
    tall = rows.shape[0] > rows.shape[1]
    _, vectors = np.linalg.eigh(rows.T @ rows if tall else rows @ rows.T)  # ascending eigenvalues
    axes = vectors[:, -2:][:, ::-1] if tall else rows.T @ vectors[:, -2:][:, ::-1]  # (D, 2)
    if axes.shape[1] < 2:
        axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
    axes = axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-12)
    found = rows @ axes  # (N, 2)
    furthest = found[np.abs(found).argmax(axis=0), [0, 1]]
    found = found * np.where(furthest < 0, -1.0, 1.0)
    return np.asarray(np.round(found / max(float(np.abs(found).max()), 1e-12), 6))  # the last bits depend on threads
