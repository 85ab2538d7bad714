"""Layout: small inputs, determinism, warm starts."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_explorer.atlas.layout import LayoutParameters, close_gaps, layout, place_new
from cxr_explorer.atlas.neighbours import Neighbours, find_neighbours


def blobs(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Three groups in 16 dimensions, the images of a group in a row."""
    random = np.random.default_rng(seed)
    centres = 4 * random.normal(size=(3, 16))
    group = np.arange(count) * 3 // max(count, 1)
    return (centres[group] + random.normal(size=(count, 16))).astype(np.float32)


def laid_out(embeddings: NDArray[np.float32], initial: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    return layout(find_neighbours(embeddings, 15), embeddings, LayoutParameters(), initial)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 15, 16, 40])
def test_any_number_of_images_gets_finite_centred_coordinates(count: int) -> None:
    xy = laid_out(blobs(count))
    assert xy.shape == (count, 2)
    assert xy.dtype == np.float32
    assert np.isfinite(xy).all()
    if count:
        np.testing.assert_allclose(xy.mean(axis=0), 0, atol=1e-4)
        assert len(np.unique(xy, axis=0)) == count


@pytest.mark.parametrize("count", [3, 30])
def test_duplicates_get_coordinates_too(count: int) -> None:
    xy = laid_out(np.ones((count, 8), dtype=np.float32))
    assert np.isfinite(xy).all()


def test_one_dimensional_embeddings() -> None:
    assert np.isfinite(laid_out(np.linspace(-1, 1, 20, dtype=np.float32)[:, None])).all()


def test_groups_stay_apart() -> None:
    xy = laid_out(blobs(150))
    group = np.arange(150) * 3 // 150
    middle = np.array([xy[group == g].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(xy[:, None] - middle, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, group)


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from tests.atlas.test_layout import blobs, laid_out
print(hashlib.sha256(laid_out(blobs(120)).tobytes()).hexdigest())
"""


def test_the_same_input_gives_the_same_bits_in_this_and_in_another_process(pytestconfig: pytest.Config) -> None:
    first = laid_out(blobs(120)).tobytes()
    assert laid_out(blobs(120)).tobytes() == first
    other = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(pytestconfig.rootpath)], capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == hashlib.sha256(first).hexdigest()


def test_the_seed_matters() -> None:
    embeddings = blobs(60)
    neighbours = find_neighbours(embeddings, 15)
    one, two = (layout(neighbours, embeddings, LayoutParameters(seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one, two)


TURN = np.array([[0, 1], [-1, 0]], dtype=np.float32)


def furthest_move(before: NDArray[np.float32], after: NDArray[np.float32], group: NDArray[np.integer]) -> float:
    """How far a group's middle moved, at most, in widths of the layout (root of the summed variances)."""
    moves = [np.linalg.norm((after - before)[group == g].mean(axis=0)) for g in np.unique(group)]
    return float(max(moves) / np.linalg.norm(before.std(axis=0)))


def kept(xy: NDArray[np.float32], found: Neighbours, rows: NDArray[np.integer]) -> float:
    """Share of the images most alike that are among the 15 nearest on the map, over the rows given."""
    near = np.linalg.norm(xy[rows, None] - xy, axis=2).argsort(axis=1)[:, 1:16]
    return float(np.mean([np.isin(found.indices[row, 1:], near[i]).mean() for i, row in enumerate(rows)]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("new", "bound"), [("none", 0.3), ("a tenth", 0.3), ("a third", 0.4), ("a group", 1.0)], ids=str
)
def test_a_start_from_an_earlier_layout_keeps_every_group_in_its_place(new: str, bound: float, seed: int) -> None:
    """Bounds are 1.5 times the worst of 50 seeds or more; a whole new group has to make room for itself."""
    embeddings, number = blobs(150, seed), np.arange(150)
    group = number * 3 // 150
    there = {"none": group >= 0, "a tenth": number % 10 > 0, "a third": number % 3 > 0, "a group": group > 0}[new]
    earlier = np.full((150, 2), np.nan, np.float32)
    earlier[there] = laid_out(embeddings[there]) @ TURN + np.float32(5)  # some way the reader knows it
    after = layout(find_neighbours(embeddings, 15), embeddings, LayoutParameters(seed=100 + seed), earlier)
    assert furthest_move(earlier[there], after[there], group[there]) < bound


def test_a_start_from_an_earlier_layout_puts_every_image_amid_its_like_as_well_as_a_fresh_one() -> None:
    fresh, again, fresh_new, again_new = (np.zeros(4) for _ in range(4))
    for seed in range(4):
        embeddings = blobs(150, seed)
        found = find_neighbours(embeddings, 15)
        xy = layout(found, embeddings, LayoutParameters(seed=seed))
        earlier = xy.copy()
        new, every = np.arange(0, 150, 4), np.arange(150)
        earlier[new] = np.nan
        after = layout(found, embeddings, LayoutParameters(seed=100 + seed), earlier)
        fresh[seed], again[seed] = kept(xy, found, every), kept(after, found, every)
        fresh_new[seed], again_new[seed] = kept(xy, found, new), kept(after, found, new)
    assert again.mean() > 0.93 * fresh.mean()
    assert again_new.mean() > 0.93 * fresh_new.mean()


def test_the_same_start_gives_the_same_bits_and_nothing_placed_is_refused() -> None:
    embeddings = blobs(40)
    earlier = laid_out(embeddings)
    earlier[::4] = np.nan
    assert laid_out(embeddings, earlier).tobytes() == laid_out(embeddings, earlier).tobytes()
    with pytest.raises(ValueError, match="at least one placed image"):
        laid_out(embeddings, np.full((40, 2), np.nan, np.float32))


@pytest.mark.parametrize("count", [2, 3, 5, 6, 15, 16])
def test_any_number_of_images_starts_from_an_earlier_layout(count: int) -> None:
    earlier = laid_out(blobs(count))
    earlier[1:2] = np.nan
    assert np.isfinite(laid_out(blobs(count), earlier)).all()


def test_new_images_are_put_beside_what_they_are_like_and_nothing_moves() -> None:
    embeddings = blobs(150)
    initial = laid_out(embeddings)
    group = np.arange(150) * 3 // 150
    initial[::10] = np.nan
    after = place_new(find_neighbours(embeddings, 15), initial, LayoutParameters())
    old = np.isfinite(initial).all(axis=1)
    np.testing.assert_array_equal(after[old], initial[old])
    middle = np.array([after[old & (group == g)].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(after[~old, None] - middle, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, group[~old])


def test_new_images_like_no_old_one_are_placed_too() -> None:
    embeddings = np.concatenate([blobs(40), 100 + blobs(40)])
    initial = np.full((80, 2), np.nan, np.float32)
    initial[:40] = laid_out(blobs(40))
    after = place_new(find_neighbours(embeddings, 10), initial, LayoutParameters())
    assert np.isfinite(after).all()
    np.testing.assert_array_equal(after[:40], initial[:40])


def test_neighbours_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="neighbours of 10 images"):
        layout(find_neighbours(blobs(10), 5), blobs(11), LayoutParameters())


def test_islands_far_apart_move_together_and_keep_their_shape() -> None:
    random = np.random.default_rng(0)
    island = random.uniform(0, 3, size=(200, 2)).astype(np.float32)
    apart = np.concatenate([island, island + np.float32([40, 0]), island + np.float32([0, 70])])
    closed = close_gaps(apart, widest=1.0)
    assert np.ptp(closed, axis=0).max() < 8
    for part in np.split(closed, 3):
        np.testing.assert_allclose(part - part[0], island - island[0], atol=1e-4)
    np.testing.assert_array_equal(np.argsort(closed[:, 0]), np.argsort(apart[:, 0]))
