"""Finer and coarser: nested cuts of the tree."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_explorer.atlas.clusters import ClusterParameters, CondensedTree, find_clusters, largest_cluster
from cxr_explorer.atlas.ladder import (
    Ladder,
    cut_at,
    level_of_count,
    make_ladder,
    rung_of_count,
    rung_of_level,
    step,
    stops,
)

PARAMETERS = ClusterParameters(min_cluster_size=30)


def grouped(seed: int) -> np.ndarray:
    """Groups of groups: (900, 2)."""
    random = np.random.default_rng(seed)
    middles = 12 * random.normal(size=(5, 1, 2)) + 2 * random.normal(size=(5, 4, 2))
    return (middles.reshape(20, 1, 2) + 0.5 * random.normal(size=(20, 45, 2))).reshape(-1, 2)


def ladder_of(xy: np.ndarray) -> tuple[Ladder, np.ndarray]:
    found = find_clusters(xy, PARAMETERS)
    return make_ladder(found.tree, len(xy), 30, largest_cluster(len(xy), PARAMETERS)), found.labels


@pytest.mark.parametrize("seed", range(4))
def test_every_rung_divides_clusters_of_the_rung_before(seed: int) -> None:
    ladder, _ = ladder_of(grouped(seed))
    assert (np.diff(ladder.counts) > 0).all()
    coarse, _ = cut_at(ladder, 0)
    for rung in range(1, len(ladder.counts)):
        fine, nodes = cut_at(ladder, rung)
        assert fine.max() + 1 == ladder.counts[rung] == len(nodes)
        for cluster in range(len(nodes)):
            assert len(np.unique(coarse[fine == cluster])) == 1  # nested
            assert coarse[fine == cluster][0] >= 0 or rung > ladder.start
        coarse = fine


@pytest.mark.parametrize("seed", range(4))
def test_the_start_is_the_cut_of_the_map(seed: int) -> None:
    ladder, labels = ladder_of(grouped(seed))
    found, nodes = cut_at(ladder, ladder.start)
    np.testing.assert_array_equal(found, labels)
    for cluster, node in enumerate(nodes):
        assert ladder.nodes.size[node] == (found == cluster).sum()
    assert (np.bincount(cut_at(ladder, len(ladder.counts) - 1)[0] + 1)[1:] >= 7).all()  # a quarter of the smallest
    assert ladder.counts[-1] > ladder.counts[ladder.start]


def test_levels_go_from_the_coarsest_to_the_finest() -> None:
    ladder, _ = ladder_of(grouped(0))
    last = len(ladder.counts) - 1
    assert (rung_of_level(ladder, 0), rung_of_level(ladder, 1)) == (0, last)
    assert level_of_count(ladder, int(ladder.counts[0])) == 0
    assert level_of_count(ladder, int(ladder.counts[-1])) == 1
    rungs = [rung_of_level(ladder, level) for level in np.linspace(0, 1, 30)]
    assert rungs == sorted(rungs)
    for rung in range(last + 1):
        assert rung_of_count(ladder, int(ladder.counts[rung])) == rung


def test_a_step_changes_the_number_and_stops_at_the_ends() -> None:
    ladder, _ = ladder_of(grouped(1))
    last = len(ladder.counts) - 1
    for rung, count in enumerate(ladder.counts.tolist()):
        finer, coarser = step(ladder, count, True), step(ladder, count, False)
        assert finer > rung or rung == last == finer
        assert coarser < rung or rung == 0 == coarser


def test_a_slider_goes_from_end_to_end_by_way_of_the_maps_own_clusters() -> None:
    ladder, _ = ladder_of(grouped(2))
    found = stops(ladder)
    assert (found[0], found[-1]) == (0, len(ladder.counts) - 1)
    assert ladder.start in found
    assert found == sorted(set(found))


@pytest.mark.parametrize("count", [0, 5, 40])
def test_without_clusters_all_images_are_one(count: int) -> None:
    found = find_clusters(np.zeros((count, 2)), PARAMETERS)
    ladder = make_ladder(found.tree, count, 30, 1000)
    labels, nodes = cut_at(ladder, 0)
    np.testing.assert_array_equal(labels, found.labels)
    assert len(nodes) == (count > 0)
    assert (rung_of_level(ladder, 0.5), step(ladder, 1, True), level_of_count(ladder, 1)) == (0, 0, 0.0)


def test_an_empty_tree_has_no_rungs() -> None:
    empty = np.zeros(0, np.int32)
    ladder = make_ladder(CondensedTree(empty, empty, empty.astype(np.float32), empty), 7, 10, 3)
    assert cut_at(ladder, 0)[0].tolist() == [0] * 7
