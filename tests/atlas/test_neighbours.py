"""Exact nearest neighbours."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_explorer.atlas import neighbours
from cxr_explorer.atlas.candidates import Candidates, candidates_on_processor, places_of_largest
from cxr_explorer.atlas.neighbours import Neighbours, compare, find_neighbours, similar_to, unit_rows


def brute_force(embeddings: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows = embeddings.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    indices, distances = [], []
    for i, row in enumerate(rows):
        apart = np.linalg.norm(rows - row, axis=1)
        apart[i] = -1
        order = np.argsort(np.round(apart, 9), kind="stable")[:k]
        indices.append(order)
        distances.append(np.maximum(apart[order], 0))
    return np.array(indices), np.array(distances)


def test_equals_brute_force() -> None:
    embeddings = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    found = find_neighbours(embeddings, 10)
    indices, distances = brute_force(embeddings, 10)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, atol=1e-6)
    assert found.indices.dtype == np.int32
    assert found.distances.dtype == np.float32


def test_equals_brute_force_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = np.random.default_rng(1).normal(size=(101, 8)).astype(np.float32)
    whole = find_neighbours(embeddings, 7)
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", {"cpu": 101 * 4 * 9})
    parts = find_neighbours(embeddings, 7)
    np.testing.assert_array_equal(whole.indices, parts.indices)
    np.testing.assert_allclose(whole.distances, parts.distances, atol=1e-6)


def test_itself_comes_first_even_among_duplicates_and_ties_go_by_index() -> None:
    random = np.random.default_rng(2)
    embeddings = random.normal(size=(150, 32)).astype(np.float32)
    copies = random.permutation(150)[:60]
    embeddings[copies] = embeddings[copies[0]]
    found = find_neighbours(embeddings, 12)
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(150))
    np.testing.assert_array_equal(found.distances[:, 0], 0)
    lowest = np.sort(copies)
    for i in copies:
        expected = [i, *lowest[lowest != i][:11]]
        assert found.indices[i].tolist() == expected
        np.testing.assert_array_equal(found.distances[i], 0)
    indices, _ = brute_force(embeddings, 12)
    np.testing.assert_array_equal(found.indices, indices)


def test_the_length_of_a_row_does_not_matter() -> None:
    random = np.random.default_rng(3)
    embeddings = random.normal(size=(50, 8)).astype(np.float32)
    scaled = embeddings * random.uniform(0.1, 10, size=(50, 1)).astype(np.float32)
    np.testing.assert_array_equal(find_neighbours(embeddings, 5).indices, find_neighbours(scaled, 5).indices)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_fewer_rows_than_neighbours(count: int) -> None:
    embeddings = np.random.default_rng(4).normal(size=(count, 4)).astype(np.float32)
    found = find_neighbours(embeddings, 5)
    assert found.indices.shape == found.distances.shape == (count, min(5, count))
    for i in range(count):
        assert found.indices[i, 0] == i
        assert sorted(found.indices[i].tolist()) == list(range(count))


def test_only_itself_is_wanted() -> None:
    found = find_neighbours(np.eye(4, dtype=np.float32), 1)
    np.testing.assert_array_equal(found.indices, [[0], [1], [2], [3]])


def test_rows_of_zeros_are_like_each_other() -> None:
    embeddings = np.eye(6, dtype=np.float32)
    embeddings[[2, 4]] = 0
    found = find_neighbours(embeddings, 2)
    assert found.indices[2].tolist() == [2, 4]
    assert found.distances[2, 1] == 0
    assert np.isfinite(found.distances).all()


def test_reports_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", {"cpu": 20 * 4 * 5})
    *fractions, last = compare(np.eye(20, dtype=np.float32), 3)
    assert fractions == [0.25, 0.5, 0.75, 1.0]
    assert isinstance(last, Neighbours)


@pytest.mark.parametrize("kind", ["all different", "many copies", "few values"])
@pytest.mark.parametrize(("count", "kept"), [(1000, 1), (1000, 23), (997, 22), (40, 23), (23, 22)])
def test_the_largest_of_every_row_are_found(kind: str, count: int, kept: int) -> None:
    random = np.random.default_rng(8)
    values = random.normal(size=(20, count)).astype(np.float32)
    if kind == "many copies":
        values[:, random.permutation(count)[: count // 2]] = 2
    elif kind == "few values":
        values = np.round(values)
    places = places_of_largest(values, kept)
    found = np.sort(np.take_along_axis(values, places, axis=1), axis=1)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, -kept:])
    assert all(len(set(row)) == kept for row in places.tolist())


@pytest.mark.parametrize("copies", [0, 300])
def test_a_card_finds_the_same_as_the_processor(copies: int) -> None:
    torch = pytest.importorskip("torch")
    assert torch is not None
    from cxr_explorer.atlas.on_card import candidates_on_card

    random = np.random.default_rng(9)
    units = unit_rows(random.normal(size=(500, 16)))
    units[random.permutation(500)[:copies]] = units[0]
    for start, stop in ((0, 200), (200, 500)):
        here = candidates_on_processor(units)(start, stop, 12)
        there = candidates_on_card(units, "cpu")(start, stop, 12)
        found = [neighbours.nearest_of(units, start, stop, each, 12)[0] for each in (here, there)]
        np.testing.assert_array_equal(*found)


def test_a_card_without_the_memory_hands_over_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from cxr_explorer.atlas import on_card

    def full(units: NDArray[np.float32]) -> Candidates:
        def candidates(start: int, stop: int, k: int) -> NDArray[np.int64]:
            raise on_card.NoMemory("the card is full")

        return candidates

    monkeypatch.setattr(on_card, "candidates_on_card", full)
    embeddings = np.random.default_rng(10).normal(size=(60, 8)).astype(np.float32)
    found = find_neighbours(embeddings, 5, "cuda")
    np.testing.assert_array_equal(found.indices, find_neighbours(embeddings, 5).indices)


def test_the_processor_needs_no_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np; from cxr_explorer.atlas.neighbours import find_neighbours\n"
        "print(find_neighbours(np.eye(40, dtype=np.float32), 3).indices.shape)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(40, 3)"


def test_refuses_embeddings_that_are_not_numbers() -> None:
    embeddings = np.eye(3, dtype=np.float32)
    embeddings[1, 1] = np.nan
    with pytest.raises(ValueError, match="not numbers"):
        find_neighbours(embeddings, 2)


def test_similar_to_ranks_rows_by_cosine() -> None:
    units = unit_rows(np.array([[1, 0], [0, 2], [3, 3], [1, 0]], dtype=np.float32))
    indices, cosines = similar_to(units, np.array([5, 0], dtype=np.float32), 3)
    assert indices.tolist() == [0, 3, 2]
    np.testing.assert_allclose(cosines, [1, 1, 0.5**0.5], atol=1e-6)


def test_similar_to_agrees_with_sorting_all_cosines() -> None:
    random = np.random.default_rng(5)
    embeddings = random.normal(size=(200, 16)).astype(np.float32)
    query = random.normal(size=16).astype(np.float32)
    cosines = embeddings @ query / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(query)
    indices, found = similar_to(unit_rows(embeddings), query, 30)
    assert indices.tolist() == np.argsort(-cosines)[:30].tolist()
    np.testing.assert_allclose(found, cosines[indices], atol=1e-6)


def test_similar_to_takes_equals_by_index_even_at_the_last_place() -> None:
    units = unit_rows(np.ones((50, 3), dtype=np.float32))
    assert similar_to(units, units[9], 4)[0].tolist() == [0, 1, 2, 3]


def test_similar_to_leaves_out_what_is_not_wanted_and_never_fills_up_with_it() -> None:
    units = unit_rows(np.eye(4, dtype=np.float32) + 1)
    assert similar_to(units, units[2], 4, np.array([2, 0, 2]))[0].tolist() == [1, 3]
    assert similar_to(units, units[2], 4, np.arange(4))[0].size == 0
    assert similar_to(units[:0], units[2], 4)[0].size == 0


def test_a_row_of_zeros_is_like_nothing() -> None:
    units = unit_rows(np.array([[0, 0], [0, 3]], dtype=np.float32))
    indices, cosines = similar_to(units, np.array([0, 1], dtype=np.float32), 2)
    assert indices.tolist() == [1, 0]
    assert cosines.tolist() == [1, 0]
