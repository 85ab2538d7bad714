"""Finer and coarser: nested cuts of one condensed tree, each a lookup, none a new clustering."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.clusters import (
    CondensedTree,
    TreeNodes,
    by_size,
    choose_nodes,
    lowest_marked,
    tree_nodes,
    without_small,
)

STEP = 1.15
"""One step finer: at least this many times as many clusters."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """The cuts of a tree from coarse to fine: each rung has a cluster more than the one before, or a few.

    The rule is one a reader can be told: the largest cluster gives way first. Up to the map's own clusters only what
    they divide is divided, so that they are one of the rungs. Further on clusters may be smaller than the map's
    smallest, and appear where images had none.

    Attributes:
        nodes: See `TreeNodes`.
        appears_at: (C,) int64: the first rung at which a node is a cluster.
        divided_at: (C,) int64: the first rung at which it no longer is; `len(counts)` where it always is from then on.
        counts: (R,) int64 clusters at each rung, rising strictly.
        start: The rung of the map's own clusters.
    """

    nodes: TreeNodes
    appears_at: NDArray[np.int64]
    divided_at: NDArray[np.int64]
    counts: NDArray[np.int64]
    start: int


def make_ladder(tree: CondensedTree, count: int, smallest: int, largest: float) -> Ladder:
    """The cuts of the tree of a map of `count` images; `smallest` and `largest` as its own clusters have them."""
    nodes = tree_nodes(tree, count)
    above, size, clusters = nodes.above, nodes.size, len(nodes.size)
    coarse, same = without_small(tree, count, smallest)
    kept, own = np.zeros(clusters, np.bool_), np.zeros(clusters, np.bool_)
    kept[same] = True
    own[same] = choose_nodes(coarse, tree_nodes(coarse, count), largest)
    own[0] = not own.any()  # all images are one cluster
    within = lowest_marked(above, own) >= 0
    outer = kept & ~within  # divided in the map's own clusters
    small = (size < smallest) & ~within  # unclustered there
    comes_up = small & ~small[above]
    divides = outer | ((within | small) & (np.bincount(above[1:], minlength=clusters) > 0))

    # By size a node comes before those below it, and comes up before it is divided.
    node = np.concatenate([np.flatnonzero(comes_up), np.flatnonzero(divides)])
    division = np.arange(len(node)) >= int(comes_up.sum())
    order = np.lexsort((node, division, -size[node], ~outer[node]))
    node, division = node[order], division[order]
    event = np.arange(len(node)) + int(own[0])
    last = len(event) + int(own[0])
    divided_at = np.full(clusters, last, np.int64)
    divided_at[node[division]] = event[division]
    goes_on = ~kept & ~within & ~small  # what is left of a kept node after a small part has gone
    divided_at[goes_on] = divided_at[lowest_marked(above, kept)[goes_on]]
    appears_at = divided_at[above]
    appears_at[0] = -1
    appears_at[node[~division]] = event[~division]
    appears_at[goes_on] = divided_at[goes_on]
    real = appears_at < divided_at
    changes = np.bincount(np.maximum(appears_at[real], 0), minlength=last + 1)
    changes -= np.bincount(divided_at[real], minlength=last + 1)
    counts = np.cumsum(changes)[:last]
    return Ladder(nodes, appears_at, divided_at, counts, max(int(outer.sum()) - 1, 0))


def cut_at(ladder: Ladder, rung: int) -> tuple[NDArray[np.int32], list[int]]:
    """The clusters of a rung.

    Returns:
        Labels (N,) int32 as in `Clustering`, and the node of every cluster; node 0 where all images are one.
    """
    nodes = ladder.nodes
    owner = lowest_marked(nodes.above, (ladder.appears_at <= rung) & (ladder.divided_at > rung))
    found = np.where(nodes.home >= 0, owner[nodes.home], owner[0])
    labels = by_size(found)
    node_of = np.full(int(labels.max(initial=-1)) + 1, -1, np.int64)
    node_of[labels[labels >= 0]] = found[labels >= 0]
    return labels, node_of.tolist()


def rung_of_count(ladder: Ladder, clusters: int) -> int:
    """The rung whose number of clusters is nearest to the one wanted; the coarser one of two."""
    return int(np.abs(ladder.counts - clusters).argmin())


def rung_of_level(ladder: Ladder, level: float) -> int:
    """The rung at a place between the coarsest (0) and the finest (1), even in the logarithm of the clusters."""
    if len(ladder.counts) < 2:
        return 0
    low, high = math.log(ladder.counts[0]), math.log(ladder.counts[-1])
    return rung_of_count(ladder, round(math.exp(low + min(max(level, 0.0), 1.0) * (high - low))))


def level_of_count(ladder: Ladder, clusters: int) -> float:
    """Where a number of clusters lies between the coarsest (0) and the finest cut (1)."""
    if len(ladder.counts) < 2:
        return 0.0
    low, high = math.log(ladder.counts[0]), math.log(ladder.counts[-1])
    return min(max((math.log(max(clusters, 1)) - low) / (high - low), 0.0), 1.0)


def step(ladder: Ladder, clusters: int, finer: bool) -> int:
    """The rung one step finer or coarser than `clusters` clusters; the last one where there is no further."""
    last = len(ladder.counts) - 1
    if finer:
        return min(int(np.searchsorted(ladder.counts, max(clusters + 1, math.ceil(clusters * STEP)))), last)
    return max(int(np.searchsorted(ladder.counts, min(clusters - 1, int(clusters / STEP)), side="right")) - 1, 0)


def stops(ladder: Ladder) -> list[int]:
    """The rungs of a slider, from the coarsest to the finest: a step apart, and the start among them."""
    found = [0]
    while found[-1] < len(ladder.counts) - 1:
        found.append(step(ladder, int(ladder.counts[found[-1]]), True))
    return sorted({*found, ladder.start})
