"""Clusters with an identity: matching, splitting, merging, naming, reclustering."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.atlas.clusters import ClusterParameters, find_clusters
from cxr_explorer.atlas.ladder import cut_at, make_ladder
from cxr_explorer.atlas.partition import (
    Group,
    Partition,
    carry_over,
    centrality,
    first_partition,
    members,
    merge,
    middles,
    recluster,
    rename,
    reorder,
    split,
    two_means,
)
from tests.atlas.test_ladder import grouped


def clusters(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def identities(partition: Partition) -> list[int]:
    return [group.identity for group in partition.groups]


def of_image(partition: Partition) -> list[int]:
    """Identity of every image, -1 for none."""
    return [partition.groups[cluster].identity if cluster >= 0 else -1 for cluster in partition.clusters]


BEFORE = first_partition(clusters(*[0] * 6, *[1] * 4, *[2] * 4, -1, -1))


def test_other_numbers_for_the_same_clusters_change_no_identity() -> None:
    after = carry_over(np.where(BEFORE.clusters >= 0, 2 - BEFORE.clusters, -1), (), rename(BEFORE, 1, "Effusion?"), 3)
    assert of_image(after) == of_image(BEFORE)
    assert [group.lineage for group in after.groups] == ["kept"] * 3
    assert [group.title for group in after.groups] == ["Cluster 1", "Effusion?", "Cluster 3"]


def test_the_larger_part_of_a_divided_cluster_stays_itself() -> None:
    after = carry_over(clusters(*[0] * 4, 3, 3, *[1] * 4, *[2] * 4, -1, -1), (), BEFORE, 3)
    assert of_image(after) == [0] * 4 + [3] * 2 + [1] * 4 + [2] * 4 + [-1] * 2
    assert identities(after) == [0, 3, 1, 2]  # the new part stands beside the one it comes from
    assert [(group.lineage, group.sources) for group in after.groups] == [
        ("split", (0,)),
        ("split", (0,)),
        ("kept", ()),
        ("kept", ()),
    ]


def test_joined_clusters_name_what_they_come_from() -> None:
    after = carry_over(clusters(*[0] * 10, *[1] * 4, 0, 0), (), BEFORE, 3)
    assert identities(after) == [0, 2]
    assert (after.groups[0].lineage, after.groups[0].sources) == ("merged", (0, 1))


def test_a_cluster_of_many_small_ones_names_them_all() -> None:
    before = first_partition(np.repeat(np.arange(30, dtype=np.int32), 4))
    after = carry_over(np.zeros(120, np.int32), (), before, 30)
    assert identities(after) == [30]
    assert after.groups[0].lineage == "merged"
    assert sorted(after.groups[0].sources) == list(range(30))


def test_a_cluster_of_images_that_had_none_is_new() -> None:
    after = carry_over(clusters(*[0] * 6, *[1] * 4, *[2] * 4, 3, 3), (), BEFORE, 9)
    assert identities(after) == [0, 1, 2, 9]
    assert after.groups[3].lineage == "new"


def test_images_that_were_not_there_do_not_count() -> None:
    before = Partition(clusters(*[0] * 6, *[-2] * 10), (Group(5, "Mine"),))
    after = carry_over(clusters(*[0] * 16), (), before, 6)
    assert (identities(after), after.groups[0].title, after.groups[0].lineage) == ([5], "Mine", "kept")


def test_a_node_cut_before_has_the_identity_and_name_it_had() -> None:
    after = carry_over(
        clusters(*[0] * 6, *[1] * 4, *[2] * 4, 3, 3), (4, 5, 6, 7), BEFORE, 9, known={7: 8}, names={8: "Lines"}
    )
    assert identities(after) == [0, 1, 2, 8]
    assert after.groups[3].title == "Lines"
    assert [group.node for group in after.groups] == [4, 5, 6, 7]


@given(
    st.lists(st.integers(-1, 5), min_size=1, max_size=60),
    st.lists(st.integers(-1, 5), min_size=60, max_size=60),
)
def test_matching_moves_no_image_and_gives_no_identity_twice(old: list[int], new: list[int]) -> None:
    def compact(values: list[int]) -> np.ndarray:
        found = np.unique([value for value in values if value >= 0])
        return np.array([int(np.searchsorted(found, v)) if v >= 0 else -1 for v in values], np.int32)

    before, labels = first_partition(compact(old)), compact(new[: len(old)])
    after = carry_over(labels, (), before, len(before.groups))
    np.testing.assert_array_equal(after.clusters < 0, labels < 0)
    assert len(after.groups) == labels.max() + 1
    assert len(set(identities(after))) == len(after.groups)
    for cluster in range(len(after.groups)):
        assert len(np.unique(labels[after.clusters == cluster])) == 1


def test_a_cluster_is_split_as_the_tree_has_it_and_nothing_is_lost() -> None:
    xy = grouped(0)
    parameters = ClusterParameters(min_cluster_size=10)
    ladder = make_ladder(find_clusters(xy, parameters).tree, len(xy), 10, len(xy))
    labels, nodes = cut_at(ladder, 0)
    before = rename(first_partition(labels, nodes), 0, "Big")
    after = split(before, 0, xy, 50, ladder)
    assert ((after.clusters < 0) == (labels < 0)).all()
    parts = [number for number, group in enumerate(after.groups) if group.lineage == "split"]
    assert after.sizes[parts].sum() == (labels == 0).sum()
    assert identities(after)[:2] == [0, 50]
    assert after.groups[0].title == "Big"
    assert after.sizes[0] >= after.sizes[1]
    fine, fine_nodes = cut_at(ladder, int(ladder.divided_at[nodes[0]]))
    for number in parts:  # what the tree has in a part lies in that part
        node = after.groups[number].node
        assert len(np.unique(after.clusters[fine == fine_nodes.index(node)])) == 1


def test_a_cluster_the_tree_does_not_know_is_halved_where_it_is_thinnest() -> None:
    xy = np.concatenate([np.random.default_rng(0).normal(size=(30, 2)), [[9, 9]] * 10])
    after = split(first_partition(np.zeros(40, np.int32)), 0, xy, 1, None)
    assert after.clusters.tolist() == [0] * 30 + [1] * 10
    assert [group.sources for group in after.groups] == [(0,), (0,)]
    with pytest.raises(ValueError, match="one image"):
        split(first_partition(clusters(0, 1, 1)), 0, xy[:3], 2, None)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_images_at_one_place_are_halved_too(count: int) -> None:
    side = two_means(np.ones((count, 2)))
    assert 0 < side.sum() < count


def test_merged_clusters_are_one_with_the_largest_ones_identity() -> None:
    after = merge(rename(BEFORE, 2, "Lines"), [2, 0])
    assert after.clusters.tolist() == [0] * 6 + [1] * 4 + [0] * 4 + [-1] * 2
    assert identities(after) == [0, 1]
    assert (after.groups[0].title, after.groups[0].sources) == ("Lines", (0, 2))
    for wrong in ([1], [1, 1], [-1, 0], [0, 3]):
        with pytest.raises(ValueError, match="merge"):
            merge(BEFORE, wrong)


def test_a_name_is_tidied_and_the_default_one_is_no_name() -> None:
    assert rename(BEFORE, 1, "  Left   effusion ").groups[1].name == "Left effusion"
    assert rename(BEFORE, 1, "Cluster 2").groups[1].name == ""
    assert rename(rename(BEFORE, 1, "A"), 1, " ").groups[1].title == "Cluster 2"


def test_another_order_moves_numbers_not_images() -> None:
    after = reorder(BEFORE, [2, 0, 1])
    assert of_image(after) == of_image(BEFORE)
    assert identities(after) == [2, 0, 1]
    with pytest.raises(ValueError, match="order"):
        reorder(BEFORE, [0, 0, 1])


def test_reclustering_leaves_frozen_images_where_they_are() -> None:
    frozen = np.zeros(16, bool)
    frozen[[0, 1, 14]] = True  # two of cluster 0, one of none
    labels = clusters(*[9] * 2, *[0] * 4, *[1] * 4, *[2] * 2, *[-1] * 2, 9, 2)
    after = recluster(BEFORE, frozen, labels, 10)
    assert of_image(after)[:2] == [0, 0]
    assert after.clusters[14] == -1
    found = dict(zip(identities(after), after.groups, strict=True))
    assert found[0].lineage == "kept"
    assert of_image(after)[6:10] == [1] * 4  # nobody is frozen in cluster 1: it may be found again
    new = of_image(after)[2]
    assert new >= 10  # cluster 0 is its frozen images now, the others are another cluster
    assert found[new].lineage == "new"
    assert of_image(after)[12:14] == [-1, -1]


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-9, 9), st.integers(-9, 9)), max_size=30))
def test_the_middle_of_a_cluster_is_the_median_of_its_places(rows: list[tuple[int, int, int]]) -> None:
    table = np.array(rows, np.int64).reshape(-1, 3)
    found = middles(table[:, 1:].astype(np.float32), table[:, 0].astype(np.int32), 4)
    assert found.shape == (4, 2)
    for cluster in range(4):
        inside = table[table[:, 0] == cluster, 1:].astype(np.float32)
        expected = np.median(inside, axis=0) if len(inside) else [np.nan, np.nan]
        np.testing.assert_array_equal(found[cluster], expected)


@given(st.lists(st.integers(-1, 5), max_size=30))
def test_images_are_listed_cluster_by_cluster_in_their_order(labels: list[int]) -> None:
    order, bounds = members(clusters(*labels), 6)
    starts = [0, *bounds.tolist()]
    for number in range(-1, 6):
        rows = order[starts[number + 1] : starts[number + 2]].tolist()
        assert rows == [row for row, label in enumerate(labels) if label == number]


def test_centrality_is_highest_in_the_middle() -> None:
    xy = np.array([[0, 0], [1, 0], [4, 0], [9, 9], [5, 5]], float)
    values = centrality(xy, clusters(0, 0, 0, 1, -1))
    assert values.argmax() in (1, 3)
    assert (values[1], values[2], values[3], values[4]) == (1, 0, 1, 0)
