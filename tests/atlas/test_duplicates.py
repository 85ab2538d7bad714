"""Duplicates: what is linked lies in one group, whatever the way."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_explorer.atlas.duplicates import LEAST_USUAL, _components, find_duplicates, usual_distances
from cxr_explorer.atlas.neighbours import Neighbours
from cxr_explorer.pace import run_out

NO_COPIES = np.full(6, -1)


def neighbours(*near: tuple[int, int, float], count: int = 6, usual: dict[int, float] | None = None) -> Neighbours:
    """Three columns: itself, the pair's other (or something as far as usual), something as far as usual (1)."""
    indices = np.stack([np.arange(count), (np.arange(count) + 1) % count, (np.arange(count) + 2) % count], axis=1)
    distances = np.ones((count, 3), np.float32)
    for row, distance in (usual or {}).items():
        distances[row] = distance
    distances[:, 0] = 0
    for one, other, distance in near:
        indices[one, 1], distances[one, 1] = other, distance
    return Neighbours(indices.astype(np.int32), distances)


def test_images_nearer_than_a_share_of_the_usual_distance_are_near_duplicates() -> None:
    found = find_duplicates(np.arange(10, 16), NO_COPIES, neighbours((0, 3, 0.3), (3, 0, 0.3), (4, 5, 0.6)))
    assert found.image_ids.tolist() == [10, 13]
    assert np.allclose(found.share, 0.3**2)
    assert not found.same_file.any()
    assert found.pictures


def test_what_is_usual_is_asked_around_both_images() -> None:
    crowded = {0: 0.55, 3: 0.55}
    assert find_duplicates(np.arange(6), NO_COPIES, neighbours((0, 3, 0.3), usual=crowded)).groups == 1
    assert find_duplicates(np.arange(6), NO_COPIES, neighbours((0, 3, 0.31), usual=crowded)).groups == 0
    assert find_duplicates(np.arange(6), NO_COPIES, neighbours((0, 3, 0.31), usual={3: 0.55})).groups == 0


def test_a_picture_with_many_copies_has_others_around_it_all_the_same() -> None:
    among_copies = {0: 0.1, 1: 0.1}
    found = find_duplicates(np.arange(6), NO_COPIES, neighbours(usual=among_copies))
    assert found.image_ids.tolist() == [0, 1, 2, 3]
    assert usual_distances(neighbours(usual=among_copies)).min() == LEAST_USUAL / 2


def test_copies_of_a_file_need_no_neighbours() -> None:
    found = find_duplicates(np.arange(10, 16), np.array([7, -1, 2, 7, 2, 2]), None)
    assert found.groups == 2
    assert found.group.tolist() == [0, 0, 1, 1, 1]
    assert found.image_ids.tolist() == [10, 13, 12, 14, 15]
    assert found.same_file.all()
    assert (found.share == 0).all()
    assert not found.pictures


def test_a_near_duplicate_of_a_copy_joins_its_group_and_is_told_apart() -> None:
    graph = neighbours((2, 0, 0.1), (5, 4, 0.4))
    found = find_duplicates(np.arange(6), np.array([3, 3, -1, -1, -1, -1]), graph)
    assert found.group.tolist() == [0, 0, 0, 1, 1]
    together = dict(zip(found.image_ids.tolist(), found.same_file.tolist(), strict=True))
    assert together == {0: True, 1: True, 2: False, 4: False, 5: False}


def test_groups_come_by_their_nearest_pair() -> None:
    found = find_duplicates(np.arange(6), NO_COPIES, neighbours((0, 1, 0.4), (2, 3, 0.2), (4, 5, 0.3)))
    assert found.image_ids.tolist() == [2, 3, 4, 5, 0, 1]


def test_where_nothing_is_alike_there_are_no_groups() -> None:
    found = find_duplicates(np.arange(6), NO_COPIES, neighbours())
    assert found.groups == 0
    assert found.image_ids.size == 0
    empty = Neighbours(np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32))
    assert find_duplicates(np.zeros(0, np.int64), np.zeros(0, np.int64), empty).groups == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=40))
def test_linked_nodes_share_the_lowest_node_they_reach(links: list[tuple[int, int]]) -> None:
    expected = list(range(20))
    for _ in range(20):
        for one, other in links:
            expected[one] = expected[other] = min(expected[one], expected[other])
    table = np.array(links, np.int64).reshape(-1, 2)
    assert run_out(_components(table[:, 0], table[:, 1], 20)).tolist() == expected
