"""Whoever is in one part of a data set is in no other."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.exchange.splits import PARTS, part_named, split_by_set, together, torn

GROUP = st.none() | st.integers(0, 12)
FILMS = st.lists(st.tuples(GROUP, GROUP, GROUP), max_size=60)


@given(FILMS)
def test_no_group_is_ever_in_two_parts(films: list[tuple[int | None, ...]]) -> None:
    groupings = list(zip(*films, strict=True))
    names = [f"film {row}" for row in range(len(films))]
    parts = split_by_set(names, together(len(films), groupings))
    for grouping in groupings:
        parts_of: dict[int, set[str]] = {}
        for group, part in zip(grouping, parts, strict=True):
            if group is not None:
                parts_of.setdefault(group, set()).add(part)
        assert all(len(found) == 1 for found in parts_of.values())
    assert torn(together(len(films), groupings), parts) == 0 and set(parts) <= set(PARTS)


@given(FILMS)
def test_films_are_together_where_a_chain_of_groups_joins_them_and_only_there(
    films: list[tuple[int | None, ...]],
) -> None:
    sets = together(len(films), zip(*films, strict=True))
    reached = {row: {row} for row in range(len(films))}
    for _ in films:  # plainly: until nothing more is reached
        for row, own in reached.items():
            for other, film in enumerate(films):
                if any(film[kind] is not None and film[kind] == films[one][kind] for one in own for kind in range(3)):
                    reached[row] = own = own | {other}
    for row, own in reached.items():
        assert {other for other, one in enumerate(sets) if one == sets[row]} == own


@given(st.lists(st.integers(0, 40), min_size=1, max_size=300), st.randoms())
def test_the_same_films_come_to_the_same_parts_in_whatever_order(groups: list[int], random) -> None:
    names = [f"{row}.png" for row in range(len(groups))]
    first = dict(zip(names, split_by_set(names, together(len(names), [groups])), strict=True))
    order = list(range(len(names)))
    random.shuffle(order)
    again = [names[row] for row in order]
    parts = split_by_set(again, together(len(names), [[groups[row] for row in order]]))
    assert dict(zip(again, parts, strict=True)) == first


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_films_of_a_patient_each_are_split_in_the_shares_that_are_said(count: int) -> None:
    names = [f"{row}.png" for row in range(count)]
    found = Counter(split_by_set(names, list(range(count))))
    assert all(abs(found[part] - share * count) <= 1 for part, share in PARTS.items())


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_no_part_is_further_from_its_share_than_the_largest_patients(groups: list[int]) -> None:
    names = [f"{row}.png" for row in range(len(groups))]
    found = Counter(split_by_set(names, together(len(names), [groups])))
    largest = max(Counter(groups).values())
    assert all(found[part] - share * len(names) <= largest for part, share in PARTS.items())


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("Train", "train"),
        ("VAL", "validation"),
        ("testing", "test"),
        ("Fold 3", "fold_3"),
        ("3", "part_3"),
        ("ü", "part"),
    ],
)
def test_a_part_has_a_name_that_a_folder_and_a_split_can_have(value: str, part: str) -> None:
    assert part_named(value) == part
