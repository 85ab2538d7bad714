"""Approximate nearest neighbours, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_explorer.atlas import approximate
from cxr_explorer.atlas.approximate import compare_approximately, measure_recall
from cxr_explorer.atlas.neighbours import Neighbours, find_neighbours, unit_rows


def rows_in_groups(count: int) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    middles = random.normal(size=(12, 24))
    return (middles[random.integers(12, size=count)] + 0.5 * random.normal(size=(count, 24))).astype(np.float32)


def found_of(embeddings: NDArray[np.float32], k: int) -> Neighbours:
    *fractions, last = compare_approximately(embeddings, k, seed=1)
    assert all(isinstance(each, float) and 0 < each <= 1 for each in fractions)
    assert isinstance(last, Neighbours)
    return last


def test_nearly_all_neighbours_are_found_and_the_share_is_told() -> None:
    embeddings = rows_in_groups(3000)
    embeddings[500:520] = embeddings[7]
    found, exact = found_of(embeddings, 10), find_neighbours(embeddings, 10)
    assert found.indices.dtype == np.int32 and found.distances.dtype == np.float32
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(3000))
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert all(len(set(row)) == 10 for row in found.indices.tolist())
    units = unit_rows(embeddings)
    apart = np.linalg.norm(units[found.indices] - units[:, None], axis=2)
    np.testing.assert_allclose(found.distances, apart, atol=1e-5)
    share = float((found.distances[:, 1:] <= exact.distances[:, -1:] + 1e-5).mean())
    assert share > 0.9
    assert abs(found.recall - share) < 0.02
    again = found_of(embeddings, 10)
    np.testing.assert_array_equal(found.indices, again.indices)


def test_recall_counts_what_is_missing() -> None:
    embeddings = rows_in_groups(400)
    exact = find_neighbours(embeddings, 6)
    units = unit_rows(embeddings)
    assert exact.recall == measure_recall(units, exact.distances, 0) == 1
    worse = exact.distances.copy()
    worse[:, -2:] = 3
    assert measure_recall(units, worse, 0) == pytest.approx(3 / 5)


def test_rows_for_which_too_few_were_found_are_compared_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = rows_in_groups(200)
    monkeypatch.setattr(approximate, "_descend", lambda units, kept, seed: np.full((len(units), kept), -1, np.int64))
    found = found_of(embeddings, 5)
    np.testing.assert_array_equal(found.indices, find_neighbours(embeddings, 5).indices)
    assert found.recall == 1


@pytest.mark.parametrize("k", [1, 40])
def test_refuses_what_is_compared_exactly(k: int) -> None:
    with pytest.raises(ValueError, match="k = "):
        list(compare_approximately(rows_in_groups(40), k, 0))
