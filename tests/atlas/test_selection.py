from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.atlas import outline
from cxr_explorer.atlas.selection import MODES, combine, inside_polygon, inside_rectangle

corner = st.tuples(st.integers(-6, 6), st.integers(-6, 6))
polygons = st.lists(corner, min_size=3, max_size=12)


def crossings(x: float, y: float, polygon: list[tuple[float, float]]) -> int:
    """Edges a ray towards +x meets, one point and one edge at a time."""
    met = 0
    for (x0, y0), (x1, y1) in pairwise([*polygon, polygon[0]]):
        if (y0 <= y < y1) or (y1 <= y < y0):
            met += x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    return met


@given(polygons, st.integers(0, 2**32 - 1))
def test_the_lasso_holds_exactly_the_points_that_an_even_odd_count_finds(polygon, seed):
    xy = np.random.default_rng(seed).uniform(-7, 7, (200, 2)).astype(np.float32)
    expected = [crossings(x, y, polygon) % 2 == 1 for x, y in xy.astype(float)]
    np.testing.assert_array_equal(inside_polygon(xy, polygon), expected)


@pytest.mark.parametrize(("corners", "jagged"), [(3000, 0.0), (3000, 0.5), (400, 8.0), (30, 3.0)])
def test_an_outline_of_many_corners_holds_the_same_points_as_tried_edge_by_edge(corners, jagged):
    random = np.random.default_rng(corners)
    xy = random.normal(0, 4, (2000, 2)).astype(np.float32)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    reach = 6 + 2 * np.sin(9 * angle) + jagged * random.normal(size=corners)
    drawn = np.stack([reach * np.cos(angle), reach * np.sin(angle)], 1)
    drawn[::7] = xy[:: len(xy) // len(drawn[::7])][: len(drawn[::7])]  # some corners on points
    (x, y), met = xy.T.astype(float), np.zeros(len(xy), int)
    for (x0, y0), (x1, y1) in pairwise([*drawn, drawn[0]]):
        if y0 != y1:
            met += ((min(y0, y1) <= y) & (y < max(y0, y1))) & (
                ((x - x0) * (y1 - y0) < (y - y0) * (x1 - x0)) ^ (y1 < y0)
            )
    on = (xy[:, None] == drawn[None, ::7]).all(2).any(1)  # these may fall on either side
    np.testing.assert_array_equal(inside_polygon(xy, drawn)[~on], (met % 2 == 1)[~on])


@given(polygons, st.integers(0, 100), st.integers(1, 40))
def test_however_the_points_are_shared_between_cores_each_is_decided_in_its_place(polygon, count, together):
    xy = np.random.default_rng(count).uniform(-7, 7, (count, 2))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outline, "POINTS_PER_PART", together)
        inside = inside_polygon(xy, polygon)
    np.testing.assert_array_equal(inside, [crossings(x, y, polygon) % 2 == 1 for x, y in xy])


@given(polygons)
def test_points_level_with_a_corner_are_counted_once(polygon):
    at = np.arange(-6.5, 7, 1.0)  # between the corners' columns, on their rows
    xy = np.stack(np.meshgrid(at + 0.013, np.arange(-6.0, 7.0)), axis=-1).reshape(-1, 2)
    expected = [crossings(x, y, polygon) % 2 == 1 for x, y in xy]
    np.testing.assert_array_equal(inside_polygon(xy, polygon), expected)


@given(polygons)
def test_neither_the_direction_nor_the_first_corner_matters(polygon):
    xy = np.random.default_rng(3).uniform(-7, 7, (300, 2))
    inside = inside_polygon(xy, polygon)
    np.testing.assert_array_equal(inside_polygon(xy, polygon[::-1]), inside)
    np.testing.assert_array_equal(inside_polygon(xy, polygon[2:] + polygon[:2]), inside)


def test_indices_are_those_of_the_points_as_given():
    xy = np.array([[9, 9], [0.5, 0.5], [-9, 0], [0.2, 0.9], [np.nan, 0.5], [0.5, np.inf]], np.float32)
    square = [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert np.flatnonzero(inside_polygon(xy, square)).tolist() == [1, 3]


def test_where_a_lasso_crosses_itself_twice_the_overlap_is_outside():
    bow = [(0, 0), (4, 0), (4, 4), (1, 4), (1, 1), (3, 1), (3, 3), (0, 3)]  # a spiral that overlaps itself
    assert inside_polygon([[0.5, 0.5], [2.0, 2.0], [3.5, 2.0]], bow).tolist() == [True, False, True]


@pytest.mark.parametrize("polygon", [[], [(0, 0)], [(0, 0), (1, 1)], [(0, 0), (1, 1), (2, 2)]])
def test_an_outline_without_area_encloses_nothing(polygon):
    assert not inside_polygon(np.random.default_rng(0).random((50, 2)), polygon).any()


def test_no_points_give_an_empty_mask():
    assert inside_polygon(np.empty((0, 2), np.float32), [(0, 0), (1, 0), (0, 1)]).shape == (0,)
    assert inside_rectangle(np.empty((0, 2), np.float32), (0, 0), (1, 1)).shape == (0,)


def test_a_rectangle_may_be_drawn_from_any_corner_and_includes_its_edges():
    xy = np.array([[0, 0], [1, 1], [0.5, 2], [1.1, 0.5], [np.nan, 0.5]], np.float32)
    for corner, opposite in (((0, 0), (1, 1)), ((1, 0), (0, 1)), ((1, 1), (0, 0))):
        assert inside_rectangle(xy, corner, opposite).tolist() == [True, True, False, False, False]


ids = st.lists(st.integers(0, 30), max_size=20)


@given(ids, ids)
def test_modes_are_the_set_operations_sorted(current, chosen):
    a, b = set(current), set(chosen)
    expected = {"replace": b, "add": a | b, "subtract": a - b, "intersect": a & b}
    assert set(expected) == set(MODES)
    for mode, wanted in expected.items():
        result = combine(np.array(current, np.int64), np.array(chosen, np.int64), mode)
        assert result.dtype == np.int64
        assert result.tolist() == sorted(wanted)


def test_an_unknown_mode_is_refused():
    with pytest.raises(KeyError):
        combine(np.array([1]), np.array([2]), "xor")
