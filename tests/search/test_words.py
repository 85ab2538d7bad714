"""Search over file names, labels and facts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project
from cxr_explorer.search import words
from cxr_explorer.search.words import Search, Term, parse
from tests.project.projects import files, new_project

PATHS = ("ward/Müller_01.png", "ward/b-02.png", "clinic/AP_03.png", "clinic/b_02_late.dcm", "pneumonia/05.png")
FACTS = {
    1: {"view": "AP", "sex": "F", "age": "47", "folder": "ward"},
    2: {"view": "PA", "sex": "M", "age": "4", "maker": "Fuji Photo-Film", "folder": "ward"},
    3: {"view": "PA", "sex": "F", "folder": "clinic"},
    4: {"view": "LATERAL", "folder": "clinic"},
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path, 0) as made:
        made.update_files(files(*PATHS), [])
        yield made


@pytest.fixture
def found(project: Project) -> Search:
    return Search(project, np.arange(1, 6), FACTS, "ann")


def ids(found: Search, query: str) -> list[int]:
    return found.find(query).image_ids.tolist()


def give(project: Project, image_id: int, finding: str, value: Value | None, reader: str = "ann") -> None:
    labelling.label(project, np.array([image_id]), Judgement(finding, value, reader, "single"))


def test_a_query_is_taken_apart_into_words_fields_and_phrases() -> None:
    assert parse('view:AP  Ward "No Finding" label:"No Finding"') == (
        Term("AP", "view"),
        Term("Ward"),
        Term("No Finding", "", True),
        Term("No Finding", "label", True),
    )


@pytest.mark.parametrize("unfinished", ["", "   ", '"', "view:", 'view:"', ":"])
def test_what_is_not_typed_yet_does_not_narrow_the_search(found: Search, unfinished: str) -> None:
    assert ids(found, unfinished) == [1, 2, 3, 4, 5]
    assert ids(found, f"ward {unfinished}") == [1, 2]


def test_a_free_word_is_found_anywhere_in_a_path(found: Search) -> None:
    assert ids(found, "02") == [2, 4]
    assert ids(found, "LATE.d") == [4]
    assert ids(found, "mü") == [1]
    assert ids(found, "mu\N{COMBINING DIAERESIS}") == [1]


def test_all_words_must_hold(found: Search) -> None:
    assert ids(found, "b 02 clinic") == [4]
    assert ids(found, "b 02 nowhere") == []


def test_facts_are_found_by_name_where_a_word_begins(found: Search) -> None:
    assert ids(found, "view:AP") == [1]
    assert ids(found, "VIEW:pa sex:f") == [3]
    assert ids(found, "maker:film") == [2]
    assert ids(found, "maker:ilm") == []
    assert ids(found, "sex:F age:4") == [1]


def test_a_free_word_finds_facts_as_well_as_file_names(found: Search) -> None:
    assert ids(found, "ap") == [1, 3]
    assert ids(found, "fuji") == [2]


def test_file_names_alone_can_be_asked_for(found: Search) -> None:
    assert ids(found, "file:ap") == [3]


def test_an_unknown_field_finds_nothing_and_says_so(found: Search) -> None:
    result = found.find("ward colour:red")
    assert result.image_ids.size == 0
    assert result.unknown == ("colour",)
    assert found.fact_names == ["age", "folder", "maker", "sex", "view"]


def test_the_name_of_a_finding_finds_where_the_reader_said_it_is_present(project: Project, found: Search) -> None:
    give(project, 1, "Effusion", Value.PRESENT)
    give(project, 2, "Effusion", Value.ABSENT)
    give(project, 3, "Effusion", Value.UNCERTAIN)
    give(project, 4, "Effusion", Value.PRESENT, reader="bob")
    assert ids(found, "label:Effusion") == [1]
    assert ids(found, "label:eff") == [1]
    assert ids(found, "effusion") == [1]
    assert ids(found, "label:effusion=absent") == [2]
    assert ids(found, "label:Effusion=uncertain") == [3]


def test_a_word_is_found_as_label_and_as_file_name(project: Project, found: Search) -> None:
    give(project, 2, "Pneumonia", Value.PRESENT)
    assert ids(found, "Pneumonia") == [2, 5]
    assert ids(found, "label:Pneumonia") == [2]


def test_underscores_and_spaces_in_a_finding_are_the_same(project: Project, found: Search) -> None:
    give(project, 3, "Pleural_Thickening", Value.PRESENT)
    assert ids(found, 'label:"pleural thick"') == [3]
    assert ids(found, "label:Pleural_Thickening") == [3]
    assert ids(found, "label:thickening") == [3]


def test_labelled_unlabelled_and_excluded_are_words_of_their_own(project: Project, found: Search) -> None:
    give(project, 1, "Effusion", Value.ABSENT)
    labelling.exclude(project, np.array([5]), True, "ann")
    assert ids(found, "labelled") == [1]
    assert ids(found, "Unlabelled ward") == [2]
    assert ids(found, "excluded") == [5]
    assert ids(found, '"unlabelled"') == []


def test_labels_given_after_a_search_count_once_it_is_told(project: Project, found: Search) -> None:
    assert ids(found, "label:Nodule") == []
    give(project, 1, "Nodule", Value.PRESENT)
    found.forget_labels()
    assert ids(found, "label:Nodule") == [1]
    assert ids(found, "unlabelled") == [2, 3, 4, 5]


def test_only_the_images_given_are_searched(project: Project) -> None:
    assert ids(Search(project, np.array([2, 4]), FACTS, "ann"), "ward") == [2]


def test_preparing_goes_step_by_step_and_ends(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "PAGE_ROWS", 2)
    prepared = Search(project, np.arange(1, 6), FACTS, "ann")
    steps = 1
    while not prepared.prepare():
        steps += 1
    assert steps > 5
    assert prepared.prepare()
    assert ids(prepared, "b 02") == [2, 4]


def test_jumping_prefers_exact_names_then_beginnings(project: Project, found: Search) -> None:
    assert found.named("b", 10).tolist() == [2, 4]
    assert found.named("b-02", 10).tolist() == [2]
    assert found.named("05.png", 10).tolist() == [5]
    assert found.named("02", 1).size == 1
    assert found.named("pneumonia", 5).tolist() == [5]
    assert found.named(" ", 5).size == 0
