"""Provisional maps: what they show and when they are worth their time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cxr_explorer.atlas.layout import LayoutParameters
from cxr_explorer.atlas.provisional import FIRST, MOST, SHARE, Schedule, provisional_map
from tests.atlas.test_layout import blobs


def test_what_was_there_stays_about_where_it_was() -> None:
    embeddings, ids = blobs(120), np.arange(1, 121)
    some = np.sort(np.random.default_rng(0).permutation(120)[:60])
    first = provisional_map(ids[some], embeddings[some], 240, LayoutParameters())
    assert first.xy.shape == (60, 2) and first.total == 240
    second = provisional_map(ids, embeddings, 240, LayoutParameters(), first)
    assert second.xy.shape == (120, 2)
    group = np.arange(120) * 3 // 120
    for each in range(3):
        before = first.xy[group[some] == each].mean(axis=0)
        nearest = [np.linalg.norm(second.xy[group == other].mean(axis=0) - before) for other in range(3)]
        assert int(np.argmin(nearest)) == each


def runs(total: int, rate: float, map_s_per_image: float, known: int = 0) -> tuple[list[int], float, float]:
    """Sizes of the provisional maps of a run, what they cost, and what the analysis took."""
    schedule, clock, spent, made = Schedule(known, total), 0.0, 0.0, []
    for analysed in range(known + 32, total + 1, 32):
        clock += 32 / rate
        if schedule.is_due(analysed, clock):
            cost = map_s_per_image * analysed
            schedule.note(analysed, cost)
            made.append(analysed)
            clock, spent = clock + cost, spent + cost
    return made, spent, clock - spent


@pytest.mark.parametrize("total", [600, 1000, 5000, 20_000, 100_000])
@pytest.mark.parametrize("rate", [4.0, 8.0, 40.0, 300.0])
@pytest.mark.parametrize("map_s_per_image", [0.001, 0.003, 0.01])
def test_provisional_maps_take_little_of_the_time(total: int, rate: float, map_s_per_image: float) -> None:
    made, spent, analysing_s = runs(total, rate, map_s_per_image)
    assert spent <= 1.1 * SHARE * (spent + analysing_s) + 1e-9 or len(made) == 1
    assert all(size <= 2 * MOST for size in made)
    assert all(later >= 2 * earlier for earlier, later in pairwise(made))


def test_there_is_one_where_the_wait_is_long_and_none_where_it_is_not() -> None:
    made, _, _ = runs(5000, 7.0, 0.003)
    assert FIRST <= made[0] < FIRST + 32
    assert len(made) >= 4
    assert runs(200, 7.0, 0.003)[0] == []
    assert runs(1000, 300.0, 0.003)[0] == []
    assert runs(5000, 7.0, 0.003, known=2000)[0][0] < 2100, "a run that goes on shows what is known"
    assert runs(90_000, 7.0, 0.0003, known=50_000)[0], "of a large one too"
