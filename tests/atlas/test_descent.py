"""UMAP's descent: what one epoch does, and that threads change nothing."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from cxr_explorer.atlas import descent
from cxr_explorer.atlas.descent import Descent

CURVE = (1.5769434602697652, 0.8950608778515733)
"""UMAP's a and b for a smallest distance of 0.1."""


def chain(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every point is tied to the next."""
    ends = [[each for each in (point - 1, point + 1) if 0 <= each < count] for point in range(count)]
    starts = np.cumsum([0, *map(len, ends)]).astype(np.int32)
    return starts, np.concatenate(ends).astype(np.int32), np.ones(starts[-1], np.float32)


def test_tied_points_come_together_and_others_part() -> None:
    edges = (np.array([0, 1, 2, 2]), np.array([1, 0]), np.ones(2, np.float32))
    xy = np.array([[0, 0], [6, 0], [0.5, 0.5]], np.float32)
    moved = Descent(xy, *edges, CURVE, seed=1)
    for epoch in range(100):
        moved.step(epoch, 0.3 * (1 - epoch / 100))
    apart = np.linalg.norm(moved.xy[:, None] - moved.xy, axis=2)
    assert apart[0, 1] < 2 < min(apart[0, 2], apart[1, 2])
    np.testing.assert_array_equal(xy, [[0, 0], [6, 0], [0.5, 0.5]])


def test_forces_looked_up_are_those_of_the_formula() -> None:
    a, b = CURVE
    squares = np.geomspace(1e-6, 1e4, 500).astype(np.float32)
    places = squares.view(np.uint32) >> np.uint32(32 - descent.PLACES)
    pulls, pushes = descent._tabulate(a, b)
    exact = squares.astype(np.float64)
    np.testing.assert_allclose(pulls[places], -2 * a * b * exact ** (b - 1) / (1 + a * exact**b), rtol=0.01)
    np.testing.assert_allclose(pushes[places], 2 * b / ((0.001 + exact) * (1 + a * exact**b)), rtol=0.01)


def test_an_edge_pulls_as_often_as_its_weight_says() -> None:
    def moves(weight: float) -> int:
        edges = (np.array([0, 1, 2, 3, 4]), np.array([1, 0, 3, 2]), np.array([weight, weight, 1, 1], np.float32))
        xy = np.array([[0, 0], [1, 0], [500, 0], [501, 0]], np.float32)
        moved = Descent(xy, *edges, CURVE, seed=3)
        count = 0
        for epoch in range(40):
            before = moved.xy.copy()
            moved.step(epoch, 1e-3)
            count += bool((before[0] != moved.xy[0]).any())
        return count

    assert [moves(weight) for weight in (1.0, 0.5, 0.25, 0.125)] == [40, 40, 20, 10]


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "ALONE", 0)
    xy = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    found = []
    before = numba.get_num_threads()
    try:
        for threads in {1, min(2, before)}:
            numba.set_num_threads(threads)
            moved = Descent(xy, *chain(500), CURVE, seed=5)
            for epoch in range(10):
                moved.step(epoch, 1.0)
            found.append(moved.xy.tobytes())
            assert numba.get_num_threads() == threads
    finally:
        numba.set_num_threads(before)
    assert len(set(found)) == 1
    other = Descent(xy, *chain(500), CURVE, seed=6)
    other.step(0, 1.0)
    assert np.isfinite(other.xy).all()
