"""The reference of chest films: who takes part in it, and where its limit lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.chest_reference import FITTED, fit_reference, part_of
from training.data import Item

ITEM = Item(Path("x.png"), "nih", "p", "", "PA", "", None, None, "train")


def test_a_patient_takes_one_part_and_those_held_out_or_of_other_sources_none_but_the_test() -> None:
    parts = [part_of(replace(ITEM, patient=f"p{number}")) for number in range(400)]
    assert {name: parts.count(name) > 60 for name in set(parts)} == {"fit": True, "limit": True, "test": True}
    assert part_of(replace(ITEM, path=Path("y.png"), patient="p7")) == parts[7]
    assert part_of(replace(ITEM, split="test")) == "test"
    assert "figure1" not in FITTED
    assert {part_of(replace(ITEM, source="figure1", patient=f"p{number}")) for number in range(50)} == {"test"}


def test_the_limit_lets_the_wanted_share_of_other_films_beyond_it() -> None:
    random = np.random.default_rng(0)
    shape = random.standard_normal((100, 100)).astype(np.float32)
    rows = random.standard_normal((1200, 100)).astype(np.float32) @ shape
    reference = fit_reference("x", rows[:800], rows[800:], 0.05)
    assert np.mean(reference.unlikeness(rows[800:]) > 1) == 0.05
    assert (reference.unlikeness(rows[:20] + 300 * random.standard_normal((20, 100)).astype(np.float32)) > 1).all()
