"""The list of acts, and going to a point of it."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, label_columns, labelling
from cxr_explorer.project.history import go_to, history
from cxr_explorer.project.project import Project
from tests.project.projects import new_project


def label(project: Project, *ids: int, finding: str = "Effusion", reader: str = "ann") -> None:
    labelling.label(project, np.array(ids), Judgement(finding, Value.PRESENT, reader, "single"))


def count(project: Project, finding: str = "Effusion") -> int:
    return int(label_columns.label_column(project, finding, "ann").image_ids.size)


@pytest.fixture
def project(tmp_path: Path):
    with new_project(tmp_path) as made:
        label(made, 1)
        label(made, 2, 3)
        labelling.exclude(made, np.array([1]), True, "ann")
        label(made, 2, finding="Mass", reader="bob")
        yield made


def test_acts_are_listed_newest_first_with_who_what_and_how_many(project: Project) -> None:
    listed = history(project)
    assert [(one.reader, one.images, one.undone) for one in listed] == [
        ("bob", 1, False),
        ("ann", 1, False),
        ("ann", 2, False),
        ("ann", 1, False),
    ]
    assert listed[2].text == "Effusion = present on 2 images"
    assert history(project, 2) == listed[:2]
    assert [one.images for one in history(project, uncounted=("ann",))] == [1, 0, 0, 0]


def test_going_to_an_act_takes_back_all_after_it_in_one_step(project: Project) -> None:
    listed = history(project)
    change, back = go_to(project, listed[3].number)
    assert change is not None and change.labels and change.exclusions and back == 3
    assert change.text == "3 acts"
    assert count(project) == 1 and not project.excluded_ids().size
    assert [one.undone for one in history(project)] == [True, True, True, False]


def test_going_forth_does_them_again_as_far_as_asked(project: Project) -> None:
    listed = history(project)
    assert go_to(project, 0)[1] == 4
    assert count(project) == 0
    change, back = go_to(project, listed[2].number)
    assert change is not None and back == -2
    assert count(project) == 3 and not project.excluded_ids().size
    assert acts.redo_text(project) is not None


def test_going_where_one_is_changes_nothing(project: Project) -> None:
    assert go_to(project, history(project)[0].number) == (None, 0)


def test_a_project_without_acts_has_no_history(tmp_path: Path) -> None:
    with new_project(tmp_path) as empty:
        assert history(empty) == []
        assert go_to(empty, 0) == (None, 0)
