"""What a set of images has in common beside the picture: found where it is there, not where it is chance."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.labels.confounders import (
    chance_of_as_many,
    code_facts,
    decade,
    find_confounders,
    percent,
)


def collection(**columns: list[str]) -> dict[int, dict[str, str]]:
    count = len(next(iter(columns.values())))
    return {
        number: {name: values[number] for name, values in columns.items() if values[number]} for number in range(count)
    }


def tail_by_counting(found: int, drawn: int, marked: int, total: int) -> Fraction:
    ways = sum(comb(marked, x) * comb(total - marked, drawn - x) for x in range(found, min(drawn, marked) + 1))
    return Fraction(ways, comb(total, drawn))


@given(st.data())
def test_the_chance_is_the_share_of_all_draws_that_hold_as_many(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 60))
    drawn, marked = data.draw(st.integers(1, total)), data.draw(st.integers(0, total))
    found = data.draw(st.integers(max(0, drawn + marked - total), min(drawn, marked)))
    exact = float(tail_by_counting(found, drawn, marked, total)) if found * total > drawn * marked else 1.0
    assert chance_of_as_many(found, drawn, marked, total) == pytest.approx(exact, rel=1e-9)


def test_one_view_in_a_cluster_of_a_mixed_collection_stands_out_in_words() -> None:
    views = ["AP"] * 340 + ["PA"] * 660
    facts = collection(view=views, sex=["M", "F"] * 500)
    rows = np.concatenate([np.arange(91), np.arange(340, 349)])
    worst, sex = find_confounders(code_facts(np.array(list(facts)), facts), rows)
    assert worst.stands_out and not sex.stands_out
    assert worst.sentence("cluster 4") == "91 % of cluster 4 is AP (collection: 34 %)"
    assert worst.sentence("these images") == "91 % of these images are AP (collection: 34 %)"


def test_random_sets_hardly_ever_warn() -> None:
    generator = np.random.default_rng(0)
    facts = collection(
        view=generator.choice(["AP", "PA"], 2000).tolist(),
        maker=generator.choice(["A", "B", "C", "D"], 2000).tolist(),
        age=generator.integers(1, 95, 2000).astype(str).tolist(),
    )
    columns = code_facts(np.array(list(facts)), facts)
    warned = sum(
        any(one.stands_out for one in find_confounders(columns, generator.choice(2000, size, replace=False)))
        for size in (5, 8, 20, 60, 300)
        for _ in range(100)
    )
    assert warned <= 5


def test_a_small_difference_does_not_warn_however_sure_it_is() -> None:
    facts = collection(view=["AP"] * 50_000 + ["PA"] * 50_000)
    rows = np.concatenate([np.arange(18_000), np.arange(50_000, 62_000)])
    (view,) = find_confounders(code_facts(np.array(list(facts)), facts), rows)
    assert view.chance < 1e-9 and view.share == 0.6 and not view.stands_out


def test_a_handful_of_images_does_not_warn() -> None:
    facts = collection(view=["AP"] * 10 + ["PA"] * 990)
    assert not find_confounders(code_facts(np.array(list(facts)), facts), np.arange(4))[0].stands_out


def test_images_of_which_nothing_is_known_do_not_count_and_that_is_said() -> None:
    facts = collection(view=["AP"] * 40 + ["PA"] * 60 + [""] * 100)
    (view,) = find_confounders(
        code_facts(np.array(list(facts)), facts), np.concatenate([np.arange(30), np.arange(100, 130)])
    )
    assert (view.in_set, view.known_in_set, view.in_collection, view.known_in_collection) == (30, 30, 40, 100)
    assert view.sentence("cluster 1") == "100 % of cluster 1 is AP (collection: 40 %; known of 30 of 60)"


def test_ages_count_by_decade() -> None:
    facts = collection(age=["3", "7", "9", "45", "90+", "x", ""])
    (column,) = code_facts(np.array(list(facts)), facts)
    assert column.values == ("00–09 years", "40–49 years", "90 years and over")
    assert column.codes.tolist() == [0, 0, 0, 1, 2, -1, -1]
    assert decade("120") == "90 years and over"


def test_a_fact_that_is_the_same_everywhere_is_left_out() -> None:
    facts = collection(modality=["DX"] * 5, view=["AP"] * 5)
    assert code_facts(np.array(list(facts)), facts) == ()


def test_nothing_is_said_of_the_whole_collection_or_of_none() -> None:
    facts = collection(view=["AP", "PA"] * 10)
    columns = code_facts(np.array(list(facts)), facts)
    assert find_confounders(columns, np.arange(20)) == []
    assert find_confounders(columns, np.zeros(0, np.int64)) == []


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(share) for share in (0, 0.001, 0.344, 0.999, 1)] == ["0 %", "<1 %", "34 %", ">99 %", "100 %"]
