"""Seconds of the cluster work on a large map: `python -m tests.bench.partition --json`.

What a reader waits for after the tree is there: a finer and a coarser cut with the clusters' identities carried over,
a split, a merge. The last line printed is JSON; `worst_s` is the slowest of all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from statistics import median
from time import perf_counter

from cxr_explorer.atlas.clusters import ClusterParameters, find_clusters, largest_cluster, smallest_cluster
from cxr_explorer.atlas.ladder import cut_at, make_ladder, step
from cxr_explorer.atlas.partition import carry_over, first_partition, merge, split
from tests.bench.scatter import blobs

COUNT = 100_000
RUNS = 9
ACTS = ("ladder", "finer", "coarser", "finest cut", "split", "merge")


def seconds(work: Callable[[], object]) -> float:
    """Median of several runs, after one that loads what it needs."""
    work()
    taken = []
    for _ in range(RUNS):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return median(taken)


def measure(count: int, smallest: int | None) -> dict[str, float]:
    """Median seconds of each act on `count` images."""
    xy, _ = blobs(count)
    parameters = ClusterParameters(min_cluster_size=smallest)
    found = find_clusters(xy, parameters)
    largest = largest_cluster(count, parameters)
    least = smallest_cluster(count, parameters)
    ladder = make_ladder(found.tree, count, least, largest)
    labels, nodes = cut_at(ladder, ladder.start)
    before = first_partition(labels, nodes)
    clusters = len(nodes)

    def move(rung: int) -> None:
        carry_over(*cut_at(ladder, rung), before, clusters)

    return {
        "clusters": clusters,
        "finest": int(ladder.counts[-1]),
        "ladder": seconds(lambda: make_ladder(found.tree, count, least, largest)),
        "finer": seconds(lambda: move(step(ladder, clusters, True))),
        "coarser": seconds(lambda: move(step(ladder, clusters, False))),
        "finest cut": seconds(lambda: move(len(ladder.counts) - 1)),
        "split": seconds(lambda: split(before, 0, xy, clusters, ladder)),
        "merge": seconds(lambda: merge(before, [0, clusters - 1])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print only the JSON line")
    parser.add_argument("--count", type=int, default=COUNT)
    chosen = parser.parse_args()
    results = {"default": measure(chosen.count, None), "smallest 20": measure(chosen.count, 20)}
    timed = [(name, act, value) for name, result in results.items() for act, value in result.items() if act in ACTS]
    if not chosen.json:
        for name, act, value in timed:
            print(f"{name:12} {act:12} {value:8.3f} s")
    print(json.dumps({"count": chosen.count, "worst_s": max(value for _, _, value in timed), **results}))


if __name__ == "__main__":
    main()
