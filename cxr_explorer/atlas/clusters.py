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

FINER, LEAST_FINE = 4, 5
"""The tree also holds clusters of a FINER-th of the smallest size, but none of fewer than LEAST_FINE for that."""


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


def smallest_cluster(count: int, parameters: ClusterParameters) -> int:
    """Fewest images of a cluster, of `count` images."""
    return max(2, parameters.min_cluster_size or default_min_cluster_size(count))


def finest_cluster(smallest: int) -> int:
    """Fewest images of a cluster in the tree that is kept, so that finer cuts than the first are there to take."""
    return max(min(smallest, LEAST_FINE), smallest // FINER)


def largest_cluster(count: int, parameters: ClusterParameters) -> float:
    """Images from which on a cluster gives way to those within it, of `count` images."""
    return max(parameters.largest_share * count, FOLD * smallest_cluster(count, parameters))


def find_clusters(xy: NDArray[np.floating], parameters: ClusterParameters) -> Clustering:
    """Clusters the layout.

    Where there are fewer images than a cluster needs, or no density stands out, all images are one cluster: the
    reader judges them together rather than not at all.

    Args:
        xy: (N, 2), finite.
        parameters: See `ClusterParameters`.
    """
    count = len(xy)
    smallest = smallest_cluster(count, parameters)
    if count < smallest:
        empty = np.zeros(0, dtype=np.int32)
        return _one_cluster(count, CondensedTree(empty, empty, empty.astype(np.float32), empty))
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # coinciding points divide by their distance of 0
        warnings.simplefilter("ignore")
        import hdbscan

        model = hdbscan.HDBSCAN(
            min_cluster_size=finest_cluster(smallest),
            min_samples=max(1, min(parameters.min_samples, count - 1)),
            core_dist_n_jobs=1,  # 6 s for 112,120 images; a pool of processes starts slower
        ).fit(np.asarray(xy, dtype=np.float64))
        raw = model.condensed_tree_.to_numpy()
    most = float(np.finfo(np.float32).max)
    density = np.nan_to_num(raw["lambda_val"], nan=most, posinf=most)
    tree = CondensedTree(
        parent=raw["parent"].astype(np.int32),
        child=raw["child"].astype(np.int32),
        density=np.minimum(density, most).astype(np.float32),
        size=raw["child_size"].astype(np.int32),
    )
    coarse, _ = without_small(tree, count, smallest)
    labels, strength = cut(coarse, count, largest_cluster(count, parameters))
    if (labels < 0).all():
        return _one_cluster(count, tree)
    return Clustering(labels, strength, outlier_scores(coarse, count), tree)


def without_small(tree: CondensedTree, count: int, smallest: int) -> tuple[CondensedTree, NDArray[np.int64]]:
    """The tree as it would be if a cluster needed more images: HDBSCAN's for that size, without clustering anew.

    Where a part of a node is too small, its images leave the node at once, and the other part goes on as the node.

    Args:
        tree: Of `count` images.
        count: N.
        smallest: Fewest images of a cluster.

    Returns:
        The tree, and the node of `tree` that each of its nodes is.
    """
    nodes = tree_nodes(tree, count)
    above, clusters = nodes.above, len(nodes.size)
    inner = tree.child >= count
    birth = np.zeros(clusters, np.float32)
    birth[tree.child[inner] - count] = tree.density[inner]
    large = nodes.size >= smallest
    large[0] = True
    parts = np.bincount(above[1:], large[1:], clusters)  # parts of each node that are large enough
    kept = large & (parts[above] >= 2)
    kept[0] = True
    self_or_kept = lowest_marked(above, kept)
    # An image leaves at the density at which the largest of the small nodes it is in begins.
    top = large[above] & ~large
    leaves_with = lowest_marked(above, top)[nodes.home]  # -1: it is in none
    left = np.zeros(count, np.float32)
    left[tree.child[~inner]] = tree.density[~inner]
    left = np.where(leaves_with >= 0, birth[leaves_with], left)
    # Where no part goes on, the last images, too few for a cluster, leave together.
    if count >= smallest:
        holder = lowest_marked(above, large)[nodes.home]
        order = np.argsort(holder.astype(np.int16) if clusters < 2**15 else holder, kind="stable")
        within = np.cumsum(np.bincount(holder, minlength=clusters))
        ends = np.flatnonzero(large & (parts == 0))
        together = np.full(clusters, np.inf)
        for end in ends.tolist():  # where all but so many have left
            held = left[order[within[end - 1] if end else 0 : within[end]]]
            together[end] = np.partition(held, len(held) - smallest)[len(held) - smallest]
        left = np.minimum(left, together[holder])
    of = np.flatnonzero(kept)
    number = np.full(clusters, -1, np.int64)
    number[of] = np.arange(len(of))
    images = tree.child[~inner]
    parent = np.concatenate([number[self_or_kept[above[of[1:]]]], number[self_or_kept[nodes.home[images]]]])
    return (
        CondensedTree(
            (parent + count).astype(np.int32),
            np.concatenate([count + np.arange(1, len(of)), images]).astype(np.int32),
            np.concatenate([birth[of[1:]], left[images]]).astype(np.float32),
            np.concatenate([nodes.size[of[1:]], np.ones(len(images))]).astype(np.int32),
        ),
        of,
    )


def outlier_scores(tree: CondensedTree, count: int) -> NDArray[np.float32]:
    """(N,) float32 in [0, 1]: GLOSH (Campello et al. 2015, doi 10.1145/2733381, section 6): 1 - the density at which
    an image leaves its cluster over the highest density within that cluster."""
    nodes = tree_nodes(tree, count)
    images = tree.child < count
    densest = np.zeros(len(nodes.size))
    np.maximum.at(densest, tree.parent - count, tree.density.astype(np.float64))
    highest, above = densest.tolist(), nodes.above.tolist()
    for node in range(len(highest) - 1, 0, -1):
        highest[above[node]] = max(highest[above[node]], highest[node])
    left = np.zeros(count)
    left[tree.child[images]] = tree.density[images]
    within = np.maximum(np.array(highest)[np.maximum(nodes.home, 0)], np.finfo(np.float32).tiny)
    scores = np.where(nodes.home >= 0, 1 - left / within, 0)
    return np.clip(scores, 0, 1).astype(np.float32)


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
    nodes = tree_nodes(tree, count)
    parent, child, density = tree.parent - count, tree.child, tree.density.astype(np.float64)
    images = child < count
    owner = lowest_marked(nodes.above, choose_nodes(tree, nodes, largest))
    labels = np.where(nodes.home >= 0, owner[nodes.home], -1)
    left = np.zeros(count)
    left[child[images]] = density[images]  # the density up to which an image stays in
    end = np.zeros(len(nodes.size))  # the density at which nothing is left of a cluster, or it divides
    np.maximum.at(end, parent, density)
    members = labels >= 0
    last = np.maximum(end[labels[members]], np.finfo(np.float32).tiny)
    strength = np.zeros(count)
    strength[members] = np.minimum(left[members], last) / last
    return by_size(labels), strength.astype(np.float32)


@dataclass(frozen=True, eq=False)
class TreeNodes:
    """The clusters of a condensed tree; node 0 is the root, and a node's number is above its parent's.

    Attributes:
        above: (C,) int64 parent; the root's is itself.
        size: (C,) int64 images.
        home: (N,) int64 the smallest node an image is in; -1 where it is in none.
    """

    above: NDArray[np.int64]
    size: NDArray[np.int64]
    home: NDArray[np.int64]


def tree_nodes(tree: CondensedTree, count: int) -> TreeNodes:
    """The clusters of a condensed tree of `count` images."""
    clusters = int(tree.parent.max(initial=count)) - count + 1
    above, size = np.zeros(clusters, np.int64), np.full(clusters, count, np.int64)
    home = np.full(count, -1, np.int64)
    inner = tree.child >= count  # edges between clusters
    above[tree.child[inner] - count] = tree.parent[inner] - count
    size[tree.child[inner] - count] = tree.size[inner]
    home[tree.child[~inner]] = tree.parent[~inner] - count
    return TreeNodes(above, size, home)


def choose_nodes(tree: CondensedTree, nodes: TreeNodes, largest: float) -> NDArray[np.bool_]:
    """(C,) bool: the nodes that `cut` makes clusters of; never the root."""
    count, clusters = len(nodes.home), len(nodes.size)
    parent, density = tree.parent - count, tree.density.astype(np.float64)
    inner = tree.child >= count
    birth = np.zeros(clusters)
    birth[tree.child[inner] - count] = density[inner]
    stability = np.bincount(parent, (density - birth[parent]) * tree.size, clusters).tolist()
    divided, small, above = [False] * clusters, (nodes.size <= largest).tolist(), nodes.above.tolist()
    for node in above[1:]:
        divided[node] = True
    within = [0.0] * clusters  # what the best clusters below a cluster are worth
    chosen = [False] * clusters
    for node in range(clusters - 1, 0, -1):
        chosen[node] = not divided[node] or (within[node] <= stability[node] and small[node])
        within[above[node]] += stability[node] if chosen[node] else within[node]
    marked = np.array(chosen)
    over = lowest_marked(nodes.above, marked)[nodes.above] >= 0  # a larger one above it was chosen as well
    over[0] = False
    return np.asarray(marked & ~over)


def lowest_marked(above: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(C,) int64: the nearest marked node at or above each node; -1 where there is none."""
    found = np.where(marked, np.arange(len(above)), above)
    while True:
        further = found[found]
        if np.array_equal(further, found):
            return np.where(marked[found], found, -1)
        found = further


def by_size(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """(N,) int32: the same clusters numbered 0, 1, … by size descending, ties by their first image; -1 stays."""
    place = np.maximum(labels, -1).astype(np.int64) + 1  # 0 for none; counting is faster than sorting
    sizes = np.bincount(place, minlength=1)
    first = np.zeros(len(sizes), np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]  # of several, the one written last stays
    kept = np.flatnonzero(sizes[1:]) + 1
    number = np.full(len(sizes), -1, dtype=np.int32)
    number[kept[np.lexsort((first[kept], -sizes[kept]))]] = np.arange(len(kept))
    return np.asarray(number[place])


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
