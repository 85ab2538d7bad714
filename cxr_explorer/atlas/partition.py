"""A division of the map into clusters that have an identity: what a reader does to it, and how it outlives the map.

Images are divided anew all the time (finer, coarser, split, merged, a new layout, another encoder). What a reader
remembers of a cluster, its colour and its name, goes with the images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.clusters import lowest_marked
from cxr_explorer.atlas.ladder import Ladder

Lineage = Literal["cut", "kept", "split", "merged", "new"]
LINEAGES: tuple[Lineage, ...] = get_args(Lineage)

UNCLUSTERED = "Unclustered"

CRUMB = 0.1
"""A part that holds less than this share of a cluster neither divides it nor joins another."""


@dataclass(frozen=True)
class Group:
    """What is known of a cluster besides its images.

    Attributes:
        identity: Who it is, from 0; stays over maps, gives colour and default name, and is never given again.
        name: The reader's name for it, or "".
        lineage: Where it comes from: "cut" (of the tree, without a history), "kept", "split", "merged", "new".
        sources: Identities it comes from, where it was split or merged.
        node: The node of its map's tree that it is or was cut out of (see `TreeNodes`); -1 for none.
    """

    identity: int
    name: str = ""
    lineage: Lineage = "cut"
    sources: tuple[int, ...] = ()
    node: int = -1

    @property
    def title(self) -> str:
        """The reader's name for it, or its default name, which counts from 1."""
        return self.name or default_name(self.identity)


@dataclass(frozen=True, eq=False)
class Partition:
    """Clusters of N images.

    Attributes:
        clusters: (N,) int32: position in `groups`; -1 is unclustered. Every group has an image.
        groups: What is known of each cluster, in the reader's own order.
    """

    clusters: NDArray[np.int32]
    groups: tuple[Group, ...]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(K,) int64 images of each cluster."""
        return np.bincount(self.clusters[self.clusters >= 0], minlength=len(self.groups))


def default_name(identity: int) -> str:
    """ "Cluster 1" for identity 0."""
    return f"Cluster {identity + 1}"


def identities_of(partition: Partition) -> NDArray[np.int64]:
    """(N,) int64: the identity of every image's cluster, -1 for none."""
    return np.array([*(group.identity for group in partition.groups), -1], np.int64)[partition.clusters]


def first_partition(labels: NDArray[np.integer], nodes: Sequence[int] = ()) -> Partition:
    """The clusters of a map that has no history: identities as numbered."""
    count = int(labels.max(initial=-1)) + 1
    found = nodes if len(nodes) == count else [-1] * count
    return Partition(labels.astype(np.int32), tuple(Group(i, node=node) for i, node in enumerate(found)))


def carry_over(
    labels: NDArray[np.integer],
    nodes: Sequence[int],
    before: Partition,
    fresh: int,
    known: Mapping[int, int] | None = None,
    names: Mapping[int, str] | None = None,
) -> Partition:
    """Gives new clusters the identities of the old ones, by the images they share.

    A cluster can take the identity that most of its images had, of those that had one; where several could take the
    same, the one that shares the most images does. As no cluster could take two, this is the assignment with which
    the most images keep their identity.

    Args:
        labels: (N,) the new clusters, 0 … K-1, -1 for none.
        nodes: (K,) the node of each, or empty.
        before: The old clusters of the same N images; -2 in its `clusters` for images that were not there.
        fresh: The first identity that was never given.
        known: Identities by node from earlier cuts of the same tree: they go before what is shared.
        names: Names by identity from earlier divisions, for identities that `before` lacks.

    Returns:
        The new clusters in the order of those they come from, parts of the same one by identity, new ones last.
    """
    count = int(labels.max(initial=-1)) + 1
    found = list(nodes) if len(nodes) == count else [-1] * count
    overlap = _overlap_of(labels, count, before)
    identities = _identities(overlap, before, found, known or {})
    called = {**(names or {}), **{group.identity: group.name for group in before.groups}}
    groups: list[Group] = []
    for number, node in enumerate(found):
        identity = identities.get(number, fresh)
        fresh += number not in identities
        lineage, sources = _lineage(overlap, before, number, identities.get(number))
        groups.append(Group(identity, called.get(identity, ""), lineage, sources, node))
    place = [overlap.place(number, len(before.groups)) for number in range(count)]
    return _renumbered(labels, groups, np.lexsort(([group.identity for group in groups], place)))


@dataclass(frozen=True, eq=False)
class _Overlap:
    """Which images old and new clusters share.

    Attributes:
        old: (P,) number of an old cluster.
        new: (P,) number of a new one that has images of it.
        shared: (P,) how many.
        mostly: (P,) whether most of the new one's images, of those that had a cluster, come from it.
        main: (K,) the old cluster that most of each new one comes from, -1 for none.
        parts: (L,) how many new ones each old one has fallen into.
        joined: By new cluster, the old ones it holds most of, those it shares most with first.
    """

    old: NDArray[np.int64]
    new: NDArray[np.int64]
    shared: NDArray[np.int64]
    mostly: NDArray[np.bool_]
    main: NDArray[np.int64]
    parts: NDArray[np.int64]
    joined: Mapping[int, Sequence[int]]

    def place(self, number: int, last: int) -> int:
        """Where a new cluster stands: at that of the old one it comes from, else at the end."""
        if self.main[number] >= 0:
            return int(self.main[number])
        return self.joined[number][0] if number in self.joined else last


def _overlap_of(labels: NDArray[np.integer], count: int, before: Partition) -> _Overlap:
    old_count = len(before.groups)
    both = (labels >= 0) & (before.clusters >= 0)
    old, new, shared = _pairs(before.clusters[both], labels[both], count)
    old_size = np.bincount(before.clusters[before.clusters >= 0], minlength=old_count)
    new_size = np.bincount(new, shared, count)  # images that had a cluster
    main = np.full(count, -1)
    mostly = 2 * shared > new_size[new]
    main[new[mostly]] = old[mostly]
    parts = np.bincount(old[mostly & (shared >= CRUMB * old_size[old])], minlength=old_count)
    joins = (2 * shared > old_size[old]) & ((main[new] < 0) | (shared >= CRUMB * new_size[new]))
    joined: dict[int, list[int]] = {}
    for i in np.flatnonzero(joins)[np.argsort(-shared[joins], kind="stable")].tolist():
        joined.setdefault(int(new[i]), []).append(int(old[i]))
    return _Overlap(old, new, shared, mostly, main, parts, joined)


def _identities(overlap: _Overlap, before: Partition, nodes: Sequence[int], known: Mapping[int, int]) -> dict[int, int]:
    """The identity of each new cluster that takes one over: those known by their node first, then by what is shared."""
    identities: dict[int, int] = {}
    taken: set[int] = set()
    for number, node in enumerate(nodes):
        if node in known and known[node] not in taken:
            identities[number] = known[node]
            taken.add(known[node])
    mostly = overlap.mostly
    for i in np.flatnonzero(mostly)[np.argsort(-overlap.shared[mostly], kind="stable")].tolist():
        number, identity = int(overlap.new[i]), before.groups[overlap.old[i]].identity
        if number not in identities and identity not in taken:
            identities[number] = identity
            taken.add(identity)
    return identities


def _lineage(overlap: _Overlap, before: Partition, number: int, kept: int | None) -> tuple[Lineage, tuple[int, ...]]:
    """How a new cluster came to be, and the identities it came from."""
    source, joining = int(overlap.main[number]), overlap.joined.get(number, [])
    if len(joining) > 1:
        return "merged", tuple(before.groups[one].identity for one in joining)
    if source < 0:
        return "new", ()
    of_old = before.groups[source].identity
    return ("split", (of_old,)) if overlap.parts[source] > 1 or kept != of_old else ("kept", ())


def joined_by_new(before: Partition, xy: NDArray[np.floating], ladder: Ladder | None) -> Partition:
    """The old clusters of images that kept their places, with new images in the cluster they lie in.

    Args:
        before: Old clusters; -2 in its `clusters` for new images. Clusters that have no image any more are left out.
        xy: (N, 2) layout: a new image joins what most of its five nearest old ones are in, or none.
        ladder: Of the new map's tree, to find the clusters in; None where there is none.
    """
    old = before.clusters != -2
    clusters = before.clusters.astype(np.int32)
    if old.any() and not old.all():
        from scipy.spatial import cKDTree

        k = min(5, int(old.sum()))
        _, nearest = cKDTree(xy[old]).query(xy[~old], k=[*range(1, k + 1)])
        votes = clusters[old][nearest]  # (M, k), the nearest first
        agreeing = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
        clusters[~old] = votes[np.arange(len(votes)), agreeing.argmax(axis=1)]
    clusters = np.maximum(clusters, -1).astype(np.int32)
    kept = np.flatnonzero(np.bincount(clusters[clusters >= 0], minlength=len(before.groups)))
    found = _renumbered(clusters, before.groups, kept)
    nodes = _nodes_like(found, ladder) if ladder is not None else [-1] * len(kept)
    groups = tuple(
        replace(group, lineage="kept", sources=(), node=node) for group, node in zip(found.groups, nodes, strict=True)
    )
    return replace(found, groups=groups)


def _nodes_like(partition: Partition, ladder: Ladder) -> list[int]:
    """The node of the tree that holds nearly the same images as each cluster (by a Jaccard index over 0.8), or -1."""
    home, size, above = ladder.nodes.home, ladder.nodes.size, ladder.nodes.above.tolist()
    count = len(partition.groups)
    if count * len(size) > 4_000_000:  # so many clusters that each is small: halves will do for a split
        return [-1] * count
    here = (partition.clusters >= 0) & (home >= 0)
    shared = np.bincount(home[here] * count + partition.clusters[here], minlength=len(size) * count)
    shared = shared.reshape(len(size), count)  # grows to what lies in or below a node
    for node in range(len(size) - 1, 0, -1):
        shared[above[node]] += shared[node]
    jaccard = shared / np.maximum(partition.sizes[None, :] + size[:, None] - shared, 1)
    best = jaccard.argmax(axis=0)
    return [int(node) for node in np.where(jaccard[best, np.arange(count)] > 0.8, best, -1)]


def split(partition: Partition, cluster: int, xy: NDArray[np.floating], fresh: int, ladder: Ladder | None) -> Partition:
    """Divides a cluster: as the tree does, else in two by 2-means of its coordinates.

    The largest part keeps identity, name and colour. Images that the tree leaves between its parts go to the part of
    the nearest image: nothing becomes unclustered.

    Args:
        partition: Of N images.
        cluster: Its number.
        xy: (N, 2) layout.
        fresh: The first identity that was never given.
        ladder: Of the map's tree; None where there is none.

    Raises:
        ValueError: A cluster of one image.
    """
    rows = np.flatnonzero(partition.clusters == cluster)
    if len(rows) < 2:
        raise ValueError("one image cannot be divided")
    group = partition.groups[cluster]
    divided = _divided_by_tree(rows, group.node, xy, ladder) if ladder is not None and group.node >= 0 else None
    if divided is None:
        side, nodes = two_means(xy[rows]), [-1, -1]
    else:
        side, nodes = divided
    sizes = np.bincount(side, minlength=len(nodes))
    order = np.argsort(-sizes, kind="stable")
    parts = []
    for position, part in enumerate(order.tolist()):
        mine = replace(group, node=nodes[part]) if position == 0 else Group(fresh + position - 1, node=nodes[part])
        parts.append(replace(mine, lineage="split", sources=(group.identity,)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    clusters = partition.clusters.copy()
    clusters[clusters > cluster] += len(parts) - 1
    clusters[rows] = cluster + rank[side]
    return Partition(clusters, (*partition.groups[:cluster], *parts, *partition.groups[cluster + 1 :]))


def _divided_by_tree(
    rows: NDArray[np.int64], node: int, xy: NDArray[np.floating], ladder: Ladder
) -> tuple[NDArray[np.int64], list[int]] | None:
    """The part of each row and the node of each part; None where the tree divides the images no further."""
    above = ladder.nodes.above
    if node >= len(above):
        return None
    below = np.zeros(len(above), np.bool_)
    below[np.flatnonzero(above == node)] = True
    below[0] = below[node] = False
    home = ladder.nodes.home[rows]
    part = np.where(home >= 0, lowest_marked(above, below)[home], -1)
    nodes = np.unique(part[part >= 0])
    if len(nodes) < 2:
        return None
    side = np.searchsorted(nodes, part)
    left = part < 0
    if left.any():
        from scipy.spatial import cKDTree

        _, nearest = cKDTree(xy[rows[~left]]).query(xy[rows[left]])
        side[left] = side[~left][nearest]
    return side, nodes.tolist()


def two_means(xy: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,) int64, 0 or 1: two parts by Lloyd's 2-means, from the halves of the longest axis; both hold an image."""
    points = np.asarray(xy, np.float64) - np.mean(xy, axis=0)
    _, vectors = np.linalg.eigh(points.T @ points)
    along = points @ vectors[:, -1]
    side = along > 0
    if not side.any() or side.all():  # they all lie at one place
        return (np.arange(len(points)) >= len(points) // 2).astype(np.int64)
    for _ in range(50):
        middles = points[~side].mean(axis=0), points[side].mean(axis=0)
        nearer = ((points - middles[1]) ** 2).sum(axis=1) < ((points - middles[0]) ** 2).sum(axis=1)
        if not nearer.any() or nearer.all() or np.array_equal(nearer, side):
            break
        side = nearer
    return np.asarray(side, np.int64)


def merge(partition: Partition, chosen: Sequence[int]) -> Partition:
    """Makes one cluster of several. It has the identity of the largest, the largest's name or the next one's, and
    stands where the first of them stood.

    Args:
        partition: Its clusters.
        chosen: Numbers of two or more clusters.
    """
    numbers = sorted(set(chosen))
    if len(numbers) < 2 or numbers[0] < 0 or numbers[-1] >= len(partition.groups):
        raise ValueError(f"no clusters to merge: {numbers}")
    sizes = partition.sizes
    by_weight = [partition.groups[number] for number in sorted(numbers, key=lambda number: -sizes[number])]
    name = next((group.name for group in by_weight if group.name), "")
    sources = tuple(group.identity for group in by_weight)
    groups = list(partition.groups)
    groups[numbers[0]] = Group(by_weight[0].identity, name, "merged", sources)
    clusters = np.where(np.isin(partition.clusters, numbers), numbers[0], partition.clusters)
    kept = [number for number in range(len(groups)) if number not in numbers[1:]]
    return _renumbered(clusters, groups, np.array(kept))


def rename(partition: Partition, cluster: int, name: str) -> Partition:
    """Gives a cluster a name; "" or its default name take the name away."""
    group = partition.groups[cluster]
    chosen = " ".join(name.split())
    named = replace(group, name="" if chosen == default_name(group.identity) else chosen)
    return replace(partition, groups=(*partition.groups[:cluster], named, *partition.groups[cluster + 1 :]))


def reorder(partition: Partition, order: Sequence[int]) -> Partition:
    """Puts the clusters into another order, given as a permutation of their numbers."""
    if sorted(order) != list(range(len(partition.groups))):
        raise ValueError("not an order of all clusters")
    return _renumbered(partition.clusters, partition.groups, np.array(order, np.int64))


def recluster(partition: Partition, frozen: NDArray[np.bool_], labels: NDArray[np.integer], fresh: int) -> Partition:
    """Keeps the frozen images in their clusters and takes new clusters for the rest.

    Args:
        partition: Of N images.
        frozen: (N,) bool: images that stay where they are; their clusters keep their identity.
        labels: (N,) new clusters of the images that are not frozen, -1 for none; what frozen ones have is ignored.
        fresh: The first identity that was never given.
    """
    staying = np.unique(partition.clusters[frozen & (partition.clusters >= 0)])
    leaving = np.setdiff1d(np.arange(len(partition.groups)), staying)
    # Only clusters that nobody stays in can be taken up again by the rest.
    place = np.full(len(partition.groups) + 1, -1)
    place[leaving] = np.arange(len(leaving))
    rest = Partition(
        np.where(frozen, -2, place[partition.clusters]).astype(np.int32),
        tuple(partition.groups[number] for number in leaving),
    )
    moved = carry_over(np.where(frozen, -1, labels), (), rest, fresh)
    place[:] = -1
    place[staying] = np.arange(len(staying))
    clusters = np.where(
        frozen, place[partition.clusters], np.where(moved.clusters >= 0, moved.clusters + len(staying), -1)
    )
    kept = [replace(partition.groups[number], lineage="kept", sources=(), node=-1) for number in staying]
    return Partition(clusters.astype(np.int32), (*kept, *moved.groups))


def centrality(xy: NDArray[np.floating], clusters: NDArray[np.integer]) -> NDArray[np.float32]:
    """(N,) float32 in [0, 1]: how near an image lies to the middle of its cluster on the map; 0 without a cluster."""
    values = np.zeros(len(clusters), np.float32)
    order, bounds = members(clusters, int(clusters.max(initial=-1)) + 1)
    x, y = xy[order, 0], xy[order, 1]
    for start, end in pairwise(bounds.tolist()):
        across, up = x[start:end], y[start:end]
        distance = np.hypot(across - _median(across), up - _median(up))
        values[order[start:end]] = 1 - distance / max(float(distance.max(initial=0)), 1e-12)
    return values


def members(clusters: NDArray[np.integer], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(N,) rows of the images, those without a cluster first, then cluster after cluster; and (K + 1,) bounds: the rows
    of cluster k are `order[bounds[k]:bounds[k + 1]]`."""
    small = clusters.astype(np.int16) if count < 2**15 else clusters  # sorted in a tenth of the time
    return np.argsort(small, kind="stable"), np.cumsum(np.bincount(clusters + 1, minlength=count + 1))


def middles(xy: NDArray[np.floating], clusters: NDArray[np.integer], count: int) -> NDArray[np.floating]:
    """(K, 2) the middle of each cluster on the map: the median of its images' coordinates, NaN for one without any."""
    order, bounds = members(clusters, count)
    sides = [xy[order, axis] for axis in (0, 1)]
    found = [[_median(side[start:end]) for side in sides] for start, end in pairwise(bounds.tolist())]
    return np.array(found, xy.dtype).reshape(-1, 2)


def _median(values: NDArray[np.floating]) -> float:
    """As `np.median`, which takes longer for so few values than finding it does."""
    if not values.size:
        return float("nan")
    low, high = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (low, high))
    return float((ordered[low] + ordered[high]) / 2)


def _pairs(
    one: NDArray[np.integer], other: NDArray[np.integer], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pairs that occur in two (N,) arrays of numbers from 0, those of the second below `count`; and how often."""
    pairs = one.astype(np.int64) * count + other
    if pairs.max(initial=0) <= 4 * len(pairs) + 4096:  # counting is faster than sorting, where it needs no long table
        every = np.bincount(pairs)
        pair = np.flatnonzero(every)
        counts = every[pair]
    else:
        pair, counts = np.unique(pairs, return_counts=True)
    return pair // max(count, 1), pair % max(count, 1), counts


def typicality_of(
    clusters: NDArray[np.integer],
    labels: NDArray[np.integer],
    typicality: NDArray[np.float32],
    xy: NDArray[np.floating],
) -> NDArray[np.float32]:
    """(N,) float32: the typicality known for `labels` where a cluster is one of them, `centrality` where it is not."""
    if np.array_equal(clusters, labels):
        return typicality
    cluster, label, shared = _pairs(clusters + 1, labels + 1, int(labels.max(initial=-1)) + 2)
    whole = (shared == np.bincount(clusters + 1)[cluster]) & (shared == np.bincount(labels + 1)[label]) & (label > 0)
    same = np.zeros(int(clusters.max(initial=-1)) + 2, np.bool_)
    same[cluster[whole]] = True
    same[0] = True
    return np.where(same[clusters + 1], typicality, centrality(xy, clusters))


def _renumbered(labels: NDArray[np.integer], groups: Sequence[Group], order: NDArray[np.integer]) -> Partition:
    """The groups in this order; those that it leaves out have no images any more."""
    place = np.full(len(groups) + 1, -1, np.int32)  # the last entry is for -1
    place[order] = np.arange(len(order))
    return Partition(place[labels].astype(np.int32), tuple(groups[number] for number in order))
