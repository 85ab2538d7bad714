"""Layout: two coordinates an image, by UMAP (McInnes, Healy, Melville 2018, arXiv 1802.03426) from a given graph."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.neighbours import Neighbours

FEWEST = 6
"""Below this UMAP has no neighbourhoods to speak of: the principal components are the layout."""

WIDEST_GAP = 1.0
"""Widest empty stripe across the layout, in UMAP's units: alike images lie about 0.1 (min_dist) apart."""

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
        initial: (N, 2) an earlier layout to start from, so that the picture stays where the reader knows it. Rows of
            NaN are new images: they start amid their placed neighbours.

    Returns:
        (N, 2) float32, x then y, finite, mean 0. The same input gives the same bits on the same machine.
    """
    count = len(embeddings)
    if len(neighbours.indices) != count:
        raise ValueError(f"neighbours of {len(neighbours.indices)} images, embeddings of {count}")
    if count < 2:
        return np.zeros((count, 2), dtype=np.float32)
    random = np.random.default_rng(parameters.seed)
    start = _principal(embeddings) if initial is None else _complete(initial, neighbours)  # (N, 2)
    start = np.clip(start / max(float(start.std()), 1e-12), -3, 3)  # one odd image must not press all others together
    start += 1e-3 * random.standard_normal(start.shape)  # duplicates must part, and UMAP divides by each axis' width
    xy = (start if count < FEWEST else _umap(neighbours, start, parameters)).astype(np.float32)
    xy = close_gaps(xy, WIDEST_GAP)
    if initial is not None:
        xy = _turned_onto(xy, initial)
    xy -= xy.mean(axis=0)
    return xy


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


def _umap(neighbours: Neighbours, start: NDArray[np.float64], parameters: LayoutParameters) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        # That transform is unavailable, that the seed means one thread: known and wanted.
        warnings.simplefilter("ignore")
        import umap

        _keep_compiled()
        # Exactly k columns: given more, umap-learn 0.5.12 cuts them only from 4,096 rows on.
        k = min(parameters.n_neighbours, len(start) - 1)
        graph = (np.ascontiguousarray(neighbours.indices[:, :k]), np.ascontiguousarray(neighbours.distances[:, :k]))
        model = umap.UMAP(
            n_neighbors=k,
            min_dist=parameters.min_dist,
            init=start,
            random_state=parameters.seed,
            n_jobs=1,
            precomputed_knn=graph,
            transform_seed=parameters.seed,
        )
        # With the graph given, of the data only N counts.
        return np.asarray(model.fit_transform(start.astype(np.float32)), dtype=np.float32)


def _keep_compiled() -> None:
    """Lets numba keep three of UMAP's functions on disk: a fresh process then lays out 5 s sooner (6.4 to 1.2 s)."""
    import umap.layouts
    import umap.umap_

    for module, name in (
        (umap.layouts, "_nb_optimize_layout_euclidean_single_epoch"),
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


def _complete(initial: NDArray[np.float32], neighbours: Neighbours) -> NDArray[np.float64]:
    """The initial layout with rows of NaN put at the mean of their placed neighbours, or of all."""
    start = initial.astype(np.float64)
    placed = np.asarray(np.isfinite(start).all(axis=1))  # (N,)
    if not placed.any():
        raise ValueError("an initial layout needs at least one placed image")
    middle = start[placed].mean(axis=0)
    for row in np.flatnonzero(~placed):
        near = neighbours.indices[row][placed[neighbours.indices[row]]]
        start[row] = start[near].mean(axis=0) if len(near) else middle
    start -= middle
    return start


def _turned_onto(xy: NDArray[np.float32], initial: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turned (and mirrored if need be) to lie as the initial layout did: orthogonal Procrustes, no scaling."""
    placed = np.isfinite(initial).all(axis=1)
    before = initial[placed] - initial[placed].mean(axis=0)
    after = xy[placed] - xy[placed].mean(axis=0)
    left, _, right = np.linalg.svd(after.T.astype(np.float64) @ before)
    turned: NDArray[np.float32] = (xy @ (left @ right)).astype(np.float32)
    return turned
