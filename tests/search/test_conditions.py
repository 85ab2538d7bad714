"""Conditions of a filter: each kind alone, all together, what is not known, how they read, how they are stored."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.errors import UserError
from cxr_explorer.labels.confounders import decade
from cxr_explorer.labels.fact_table import as_table
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, labelling, looks
from cxr_explorer.project.project import Project
from cxr_explorer.search import saved_filters
from cxr_explorer.search.conditions import (
    ANY_FINDING,
    EXCLUDED,
    FILE,
    SEEN,
    Between,
    Column,
    Condition,
    Contains,
    Images,
    OneOf,
    changes_by_work,
    conditions_text,
    fact_is,
    from_json,
    has_numbers,
    is_of_reader,
    number_of,
    to_json,
)
from cxr_explorer.search.saved_filters import delete_filter, save_filter
from tests.ui.windows import make_project

VIEW, SEX, AGE, YEAR = (Column("fact", name) for name in ("view", "sex", "age", "year"))
EFFUSION, THICKENING = Column("finding", "Effusion"), Column("finding", "Pleural_Thickening")
FACTS = {
    1: {"view": "PA", "sex": "F", "age": "40", "place": "icu"},
    2: {"view": "PA", "sex": "M", "age": "60"},
    3: {"view": "AP", "sex": "F", "age": "61"},
    4: {"view": "AP", "age": "90+"},
    5: {"view": "LL", "sex": "F", "age": "0"},
    6: {"sex": "F", "age": "not told"},
    7: {},
}


@pytest.fixture
def project(tmp_path: Path):
    with Project.open(make_project(tmp_path), back_up=False) as project:
        yield project


def images_of(project: Project, facts=FACTS, reader: str = "AB") -> Images:
    ids = np.array(sorted(facts), np.int64)
    return Images(project, ids, lambda name: as_table(facts).column(name, ids), reader, reader)


def passing(images: Images, *conditions: Condition) -> list[int]:
    return images.ids[images.passing(conditions)].tolist()


def label(project: Project, ids: list[int], value: Value, reader: str = "AB", finding: str = "Effusion") -> None:
    labelling.label(project, np.array(ids), Judgement(finding, value, reader, "single"))


# -- each alone


def test_one_or_several_values_of_a_fact_or_not_known(project: Project) -> None:
    images = images_of(project)
    assert passing(images, OneOf(VIEW, ("PA",))) == [1, 2]
    assert passing(images, OneOf(VIEW, ("PA", "LL"))) == [1, 2, 5]
    assert passing(images, OneOf(VIEW, (None,))) == [6, 7]
    assert passing(images, OneOf(VIEW, ("LL", None))) == [5, 6, 7]
    assert passing(images, OneOf(VIEW, ("pa",))) == []


def test_ages_from_to_both_included_and_what_is_no_age_passes_no_bound(project: Project) -> None:
    images = images_of(project)
    assert passing(images, Between(AGE, 40, 60)) == [1, 2]
    assert passing(images, Between(AGE, 61, None)) == [3, 4]
    assert passing(images, Between(AGE, None, 40)) == [1, 5]
    assert passing(images, Between(AGE, 90, 99)) == [4]
    assert passing(images, Between(AGE, 0, 0)) == [5]
    assert passing(images, Between(AGE, 60, 40)) == []


def test_an_unknown_age_passes_where_it_is_asked_for(project: Project) -> None:
    images = images_of(project)
    assert passing(images, Between(AGE, 40, 60, unknown=True)) == [1, 2, 6, 7]
    assert passing(images, Between(AGE, None, None, unknown=True)) == [6, 7]
    assert passing(images, Between(AGE, None, None)) == []


def test_labels_are_those_of_the_reader_alone(project: Project) -> None:
    label(project, [1, 2], Value.PRESENT)
    label(project, [3], Value.ABSENT)
    label(project, [4], Value.UNCERTAIN)
    label(project, [5], Value.PRESENT, reader="CD")
    label(project, [6], Value.PRESENT, finding="Mass")
    images = images_of(project)
    assert passing(images, OneOf(EFFUSION, ("not labelled",))) == [5, 6, 7]
    assert passing(images, OneOf(EFFUSION, ("present",))) == [1, 2]
    assert passing(images, OneOf(EFFUSION, ("absent",))) == [3]
    assert passing(images, OneOf(EFFUSION, ("uncertain",))) == [4]
    assert passing(images, OneOf(EFFUSION, ("present", "absent", "uncertain"))) == [1, 2, 3, 4]
    assert passing(images, OneOf(ANY_FINDING, ("labelled",))) == [1, 2, 3, 4, 6]
    assert passing(images, OneOf(ANY_FINDING, ("not labelled",))) == [5, 7]
    assert passing(images_of(project, reader="CD"), OneOf(EFFUSION, ("present",))) == [5]


def test_seen_and_excluded(project: Project) -> None:
    looks.record_full_size(project, 1, 2, "AB")
    looks.record_full_size(project, 1, 3, "CD")
    labelling.exclude(project, np.array([4, 5]), True, "AB")
    images = images_of(project)
    assert passing(images, OneOf(SEEN, ("seen",))) == [2]
    assert passing(images, OneOf(SEEN, ("not seen",))) == [1, 3, 4, 5, 6, 7]
    assert passing(images, OneOf(EXCLUDED, ("excluded",))) == [4, 5]
    assert passing(images, OneOf(EXCLUDED, ("not excluded",))) == [1, 2, 3, 6, 7]


def test_a_part_of_the_file_name_in_upper_or_lower_case(project: Project) -> None:
    paths = project.paths()
    found = passing(images_of(project), Contains("3.PNG"))
    assert [paths[image_id] for image_id in found] == ["03.png"]
    assert passing(images_of(project), Contains("nobody")) == []


# -- together


def test_all_conditions_must_hold(project: Project) -> None:
    label(project, [1], Value.ABSENT)
    images = images_of(project)
    conditions = (OneOf(VIEW, ("PA", "AP")), OneOf(SEX, ("F",)), Between(AGE, 40, 61))
    assert passing(images, *conditions) == [1, 3]
    assert passing(images, *conditions, OneOf(EFFUSION, ("not labelled",))) == [3]
    assert passing(images) == [1, 2, 3, 4, 5, 6, 7]


ROWS = st.tuples(st.sampled_from(["PA", "AP", None]), st.sampled_from(["7", "44", "90+", "?", None]))


@given(
    st.lists(ROWS, min_size=1),
    st.sets(st.sampled_from(["PA", "AP", "LL", None])),
    st.one_of(st.none(), st.integers(0, 95)),
    st.one_of(st.none(), st.integers(0, 95)),
    st.booleans(),
)
def test_the_same_passes_as_in_a_plain_loop(rows, values, low, high, unknown) -> None:
    facts = {
        number: {name: value for name, value in zip(("view", "age"), row, strict=True) if value}
        for number, row in enumerate(rows)
    }
    numbers = {"7": 7, "44": 44, "90+": 90}

    def passes(row: tuple[str | None, str | None]) -> bool:
        number = numbers.get(row[1] or "")
        bounded = low is not None or high is not None
        within = bounded and number is not None and (low is None or low <= number) and (high is None or number <= high)
        return row[0] in values and (within or (unknown and number is None))

    ids = np.arange(len(rows), dtype=np.int64)
    images = Images(None, ids, lambda name: as_table(facts).column(name, ids), "AB", "AB")  # type: ignore[arg-type]
    found = passing(images, OneOf(VIEW, tuple(values)), Between(AGE, low, high, unknown))
    assert found == [number for number, row in enumerate(rows) if passes(row)]


def test_what_remains_is_counted_by_value_within_the_other_conditions(project: Project) -> None:
    images = images_of(project)
    counts, unknown = images.counts(VIEW, images.passing([OneOf(SEX, ("F",))]))
    assert dict(zip(images.values(VIEW).values, counts.tolist(), strict=True)) == {"AP": 1, "LL": 1, "PA": 1}
    assert unknown == 1


def test_what_nothing_passes_and_what_is_not_known_any_more_is_told(project: Project) -> None:
    images = images_of(project)
    with pytest.raises(UserError, match=r"No image passes the filter “PA, 0 years” now\."):
        images.ids_passing([OneOf(VIEW, ("PA",)), Between(AGE, 0, 0)])
    with pytest.raises(UserError, match="asks for ward, which is not known of these images"):
        images.ids_passing([OneOf(Column("fact", "ward"), ("icu",))])
    assert images.ids_passing([OneOf(Column("finding", "no such"), ("not labelled",))]).size == 7


def test_112120_images_are_asked_six_things_in_less_than_a_tenth_of_a_second() -> None:
    """Once the facts are coded, which the window does before the first question."""
    count, chance = 112_120, np.random.default_rng(0)
    ids = np.arange(count, dtype=np.int64)
    ages = chance.integers(0, 95, count).tolist()
    facts = {i: {"view": "PA" if i % 3 else "AP", "sex": "MF"[i % 2], "age": str(ages[i])} for i in range(count)}
    columns = {name: as_table(facts).column(name, ids) for name in ("view", "sex", "age")}
    images = Images(None, ids, columns.__getitem__, "AB", "AB")  # type: ignore[arg-type]
    wanted = [OneOf(VIEW, ("PA",)), OneOf(SEX, ("F",)), Between(AGE, 40, 60)]
    best = math.inf
    for _ in range(3):
        images._masks.clear()
        start = time.perf_counter()
        found = images.ids_passing(wanted)
        best = min(best, time.perf_counter() - start)
    assert found.size == sum(i % 3 > 0 and i % 2 == 1 and 40 <= ages[i] <= 60 for i in range(count))
    assert best < 0.1


# -- as read


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ((OneOf(VIEW, ("PA",)), OneOf(SEX, ("F",)), Between(AGE, 40, 60)), "PA, female, 40–60 years"),
        ((OneOf(VIEW, ("PA", "AP", None)),), "PA or AP or view not known"),
        ((OneOf(Column("fact", "folder"), ("a", "b", "c", "d", "e")),), "folder a or b or c or 2 more"),
        ((OneOf(SEX, (None,)),), "sex not known"),
        (
            (OneOf(EFFUSION, ("not labelled",)), OneOf(EXCLUDED, ("not excluded",))),
            "Effusion not labelled, not excluded",
        ),
        (
            (OneOf(Column("finding", "Pleural_Thickening"), ("present", "uncertain")),),
            "Pleural Thickening present or uncertain",
        ),
        ((OneOf(EFFUSION, ("present", "absent", "uncertain")),), "Effusion labelled"),
        ((OneOf(ANY_FINDING, ("not labelled",)),), "no label"),
        ((OneOf(SEEN, ("not seen",)),), "not seen"),
        ((Between(AGE, 40, None),), "from 40 years"),
        ((Between(AGE, None, 60, True),), "up to 60 years or age not known"),
        ((Between(AGE, 47, 47),), "47 years"),
        ((Between(AGE, None, None, True),), "age not known"),
        ((Between(YEAR, 2013, 2015.5),), "year 2013–2015.5"),
        ((Contains("icu"),), "file name has “icu”"),
    ],
)
def test_a_filter_reads_as_a_reader_would_say_it(conditions: tuple[Condition, ...], text: str) -> None:
    assert conditions_text(conditions) == text


def test_numbers_as_tables_write_them() -> None:
    assert [number_of(text) for text in ("47", "90+", "3,5", "0.5", "-2")] == [47, 90, 3.5, 0.5, -2]
    assert all(math.isnan(number_of(text)) for text in ("", "old", "nan", "inf", "4-5"))


def test_few_numbers_are_values_many_are_a_range_and_ages_always() -> None:
    def column(name: str, values: list[str]):
        facts = {i: {name: value} for i, value in enumerate(values)}
        return as_table(facts).column(name, np.arange(len(values)))

    assert not has_numbers(column("portable", ["0", "1"]))
    assert has_numbers(column("year", [str(year) for year in range(2010, 2020)]))
    assert not has_numbers(column("bed", [*"123456789", "window"]))
    assert has_numbers(column("age", ["40", "90+"]))


def test_a_decade_becomes_the_ages_in_it() -> None:
    ages = [*map(str, range(90)), "90+"]
    for age in ages:
        condition = fact_is("age", decade(age))
        assert isinstance(condition, Between) and condition.low is not None
        assert condition.low <= number_of(age) <= (condition.high or math.inf)
        within = [one for one in ages if condition.low <= number_of(one) <= (condition.high or math.inf)]
        assert {decade(one) for one in within} == {decade(age)}
    assert fact_is("age", None) == Between(AGE, None, None, True)
    assert fact_is("view", None) == OneOf(VIEW, (None,))


def test_which_filters_change_by_work_and_which_are_one_readers() -> None:
    for condition, by_work, of_reader in (
        (OneOf(VIEW, ("PA",)), False, False),
        (Contains("a"), False, False),
        (OneOf(EXCLUDED, ("excluded",)), True, False),
        (OneOf(SEEN, ("seen",)), True, True),
        (OneOf(EFFUSION, ("present",)), True, True),
    ):
        assert (changes_by_work([condition]), is_of_reader([condition])) == (by_work, of_reader)


# -- as stored

ANY: tuple[Condition, ...] = (
    OneOf(VIEW, ("PA", None)),
    Between(AGE, 40, None, True),
    OneOf(ANY_FINDING, ("labelled",)),
    OneOf(EFFUSION, ("present",)),
    OneOf(SEEN, ("seen",)),
    Contains("icu"),
)


def test_conditions_come_back_from_the_file_as_they_were() -> None:
    assert tuple(map(from_json, json.loads(json.dumps([to_json(one) for one in ANY])))) == ANY


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"kind": "weather", "values": ["PA"]},
        {"kind": "fact", "name": "view"},
        {"kind": "fact", "name": "view", "values": []},
        {"kind": "fact", "name": "view", "values": [3]},
        {"kind": "fact", "name": "age", "from": "forty", "to": None},
        {"kind": "fact", "name": "age", "from": math.nan, "to": None},
        {"kind": "finding", "name": "Effusion", "from": 1, "to": 2},
        {"kind": "file", "part": ""},
    ],
)
def test_what_is_no_condition_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="no condition"):
        from_json(stored)


def test_filters_are_kept_by_name_renamed_and_deleted(project: Project) -> None:
    assert saved_filters.saved_filters(project) == {}
    assert save_filter(project, "  women  40-60 ", ANY) == "women 40-60"
    save_filter(project, "Icu", ANY[:1])
    assert list(saved_filters.saved_filters(project).items()) == [("Icu", ANY[:1]), ("women 40-60", ANY)]
    for name in ("ICU", "women 40-60"):
        with pytest.raises(UserError, match="already"):
            save_filter(project, name, ANY)
    with pytest.raises(UserError, match="needs a name"):
        save_filter(project, "  ", ANY)
    save_filter(project, "icu", ANY[:2], before="Icu")
    assert saved_filters.saved_filters(project)["icu"] == ANY[:2]
    delete_filter(project, "icu")
    delete_filter(project, "icu")
    assert list(saved_filters.saved_filters(project)) == ["women 40-60"]


def test_a_filter_of_a_newer_version_is_passed_over_and_stays(project: Project) -> None:
    newer = [{"kind": "weather", "values": ["rain"]}]
    project.set(saved_filters.SETTING, json.dumps({"newer": newer, "none": "?"}))
    assert saved_filters.saved_filters(project) == {}
    save_filter(project, "mine", ANY)
    assert json.loads(project.get(saved_filters.SETTING))["newer"] == newer
    project.set(saved_filters.SETTING, "{damaged")
    assert saved_filters.saved_filters(project) == {}


def test_a_saved_filter_is_no_act(project: Project) -> None:
    save_filter(project, "mine", ANY)
    assert acts.undo_text(project) is None


def test_the_file_name_is_a_column_of_its_own() -> None:
    assert Contains("a").column == FILE
