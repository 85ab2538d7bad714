"""Clusters of a layout by HDBSCAN (Campello, Moulavi, Sander 2013, doi 10.1007/978-3-642-37456-2_14)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARE = 150
"""Default smallest cluster: one image in SHARE."""

FOLD = 4
"""A cluster of up to FOLD smallest ones is never too large."""


@dataclass(frozen=True)
class ClusterParameters:
    """What shapes a clustering.

    Attributes:
        min_cluster_size: Fewest images of a cluster, >= 2; None takes `default_min_cluster_size`.
        min_samples: Neighbours that make a place dense, >= 1; more of them turn more images into noise: on 1,338 NIH
            images 1, 2, 5 and 8 left 23, 25, 41 and 49 % of them unclustered, and what is unclustered is read singly.
        largest_share: A cluster of more than this share of all images gives way to the clusters within it, if any.
            Without this limit chest radiographs often came out as one or two clusters and a few crumbs, and 5 % of the
            images more or less decided whether they did (adjusted Rand index of the two outcomes: 0).
    """

    min_cluster_size: int | None = None
    min_samples: int = 2
    largest_share: float = 0.125


@dataclass(frozen=True, eq=False)
class CondensedTree:
    """HDBSCAN's condensed tree, one entry an edge, from which other cuts follow without clustering anew.

    Attributes:
        parent: (E,) int32 node; nodes 0..N-1 are images, N is the root, larger ones are clusters.
        child: (E,) int32 node.
        density: (E,) float32 lambda at which the child leaves its parent: 1 / distance, finite.
        size: (E,) int32 images below the child.
    """

    parent: NDArray[np.int32]
    child: NDArray[np.int32]
    density: NDArray[np.float32]
    size: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Clustering:
    """A cut of the condensed tree.

    Attributes:
        labels: (N,) int32; clusters are 0, 1, … by size descending, ties by their first image; -1 is noise.
        strength: (N,) float32 in [0, 1]: how firmly an image belongs to its cluster; 0 for noise.
        outlier: (N,) float32 in [0, 1]: GLOSH score, high where an image is sparse for its surroundings.
        tree: See `CondensedTree`; empty where there were too few images to cluster.
    """

    labels: NDArray[np.int32]
    strength: NDArray[np.float32]
    outlier: NDArray[np.float32]
    tree: CondensedTree


def default_min_cluster_size(count: int) -> int:
    """max(10, count / SHARE): a cluster is worth a look, and there are few enough to look at all."""
    return max(10, round(count / SHARE))


def find_clusters(xy: NDArray[np.floating], parameters: ClusterParameters) -> Clustering:
    """Clusters the layout.

    Where there are fewer images than a cluster needs, or no density stands out, all images are one cluster: the
    reader judges them together rather than not at all.

    Args:
        xy: (N, 2), finite.
        parameters: See `ClusterParameters`.
    """
    count = len(xy)
    smallest = max(2, parameters.min_cluster_size or default_min_cluster_size(count))
    if count < smallest:
        empty = np.zeros(0, dtype=np.int32)
        return _one_cluster(count, CondensedTree(empty, empty, empty.astype(np.float32), empty))
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # coinciding points divide by their distance of 0
        warnings.simplefilter("ignore")
        import hdbscan

        model = hdbscan.HDBSCAN(
            min_cluster_size=smallest,
            min_samples=max(1, min(parameters.min_samples, count - 1)),
            core_dist_n_jobs=1,  # 6 s for 112,120 images; a pool of processes starts slower
        ).fit(np.asarray(xy, dtype=np.float64))
        raw = model.condensed_tree_.to_numpy()
        outlier = model.outlier_scores_
    most = float(np.finfo(np.float32).max)
    density = np.nan_to_num(raw["lambda_val"], nan=most, posinf=most)
    tree = CondensedTree(
        parent=raw["parent"].astype(np.int32),
        child=raw["child"].astype(np.int32),
        density=np.minimum(density, most).astype(np.float32),
        size=raw["child_size"].astype(np.int32),
    )
    labels, strength = cut(tree, count, max(parameters.largest_share * count, FOLD * smallest))
    if (labels < 0).all():
        return _one_cluster(count, tree)
    return Clustering(
        labels=labels,
        strength=strength,
        outlier=np.clip(np.nan_to_num(outlier, nan=0.0), 0, 1).astype(np.float32),
        tree=tree,
    )


def cut(tree: CondensedTree, count: int, largest: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Clusters by excess of mass (Campello et al., section 5), none larger than `largest` that could be divided.

    hdbscan's own `max_cluster_size` makes noise of a cluster that is too large and has none within it: not here.

    Args:
        tree: Of `count` images.
        count: N.
        largest: Images; N or more sets no limit, and the result is hdbscan's.

    Returns:
        Labels (N,) int32 and strength (N,) float32, as in `Clustering`; all noise where the tree has no clusters.
    """
    clusters = int(tree.parent.max(initial=count)) - count + 1  # C; cluster 0 is the root
    parent, child, density = tree.parent - count, tree.child, tree.density.astype(np.float64)
    inner = child >= count  # edges between clusters; a child's number is above its parent's
    birth, size, above = np.zeros(clusters), np.full(clusters, count), np.zeros(clusters, dtype=np.int64)
    birth[child[inner] - count] = density[inner]
    size[child[inner] - count] = tree.size[inner]
    above[child[inner] - count] = parent[inner]
    stability = np.bincount(parent, (density - birth[parent]) * tree.size, clusters)
    within = np.zeros(clusters)  # what the best clusters below a cluster are worth
    chosen = np.zeros(clusters, dtype=np.bool_)
    divided = np.zeros(clusters, dtype=np.bool_)
    divided[parent[inner]] = True
    for node in range(clusters - 1, 0, -1):
        chosen[node] = not divided[node] or (within[node] <= stability[node] and size[node] <= largest)
        within[above[node]] += stability[node] if chosen[node] else within[node]
    owner = np.full(clusters, -1)
    for node in range(1, clusters):
        owner[node] = owner[above[node]] if owner[above[node]] >= 0 else node if chosen[node] else -1

    labels, left = np.full(count, -1), np.zeros(count)
    labels[child[~inner]] = owner[parent[~inner]]
    left[child[~inner]] = density[~inner]  # the density up to which an image stays in
    end = np.zeros(clusters)  # the density at which nothing is left of a cluster, or it divides
    np.maximum.at(end, parent, density)
    members = labels >= 0
    last = np.maximum(end[labels[members]], np.finfo(np.float32).tiny)
    strength = np.zeros(count)
    strength[members] = np.minimum(left[members], last) / last
    return by_size(labels), strength.astype(np.float32)


def by_size(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """(N,) int32: the same clusters numbered 0, 1, … by size descending, ties by their first image; -1 stays."""
    found, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    kept = found >= 0
    found, first, sizes = found[kept], first[kept], sizes[kept]
    order = np.lexsort((first, -sizes))
    renumbered = np.full(len(labels), -1, dtype=np.int32)
    for new, old in enumerate(found[order]):
        renumbered[labels == old] = new
    return renumbered


def typicality(embeddings: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """How much each image is like its cluster: cosine to the mean direction of the cluster's embeddings.

    Noise has no cluster: its images are compared with the mean direction of all images, so that low values are odd.

    Args:
        embeddings: (N, D).
        labels: (N,), -1 is noise.

    Returns:
        (N,) float32 in [-1, 1].
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    values = np.zeros(len(rows), dtype=np.float32)
    for label in np.unique(labels):
        members = labels == label
        mean = (rows if label < 0 else rows[members]).mean(axis=0)  # (D,)
        values[members] = rows[members] @ (mean / max(float(np.linalg.norm(mean)), 1e-12))
    return np.clip(values, -1, 1)


def _one_cluster(count: int, tree: CondensedTree) -> Clustering:
    return Clustering(
        labels=np.zeros(count, dtype=np.int32),
        strength=np.ones(count, dtype=np.float32),
        outlier=np.zeros(count, dtype=np.float32),
        tree=tree,
    )
