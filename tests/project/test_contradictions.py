"""Findings that exclude each other on one image: found after the act, and settled as it says."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from cxr_explorer.labels.label import ONE_BY_ONE, How, Judgement, LabelRow, Value
from cxr_explorer.labels.reader_names import ADJUDICATED, reread_name
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project import acts
from cxr_explorer.project.contradictions import of_last_act, settle
from cxr_explorer.project.importing import import_labels
from cxr_explorer.project.label_columns import label_column
from cxr_explorer.project.labelling import exclude, label
from cxr_explorer.project.project import Project
from tests.project.projects import new_project

NONE, AT = "No Finding", "2026-01-31T14:05:09Z"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = new_project(tmp_path)
    made.set_vocabulary(Vocabulary("Test", (NONE, "Mass", "Nodule", "Support Devices")))
    with made:
        yield made


def say(project: Project, images: list[int], finding: str, how: How = "cluster", reader: str = "ann") -> None:
    judgement = Judgement(finding, Value.PRESENT, reader, how)
    assert label(project, np.array(images), judgement) is not None


def present(project: Project, finding: str, reader: str = "ann") -> list[int]:
    column = label_column(project, finding, reader)
    return column.image_ids[column.values == Value.PRESENT].tolist()


def ways(project: Project, finding: str) -> list[str]:
    rows = project.db.execute("SELECT how FROM labels WHERE finding = ? AND value = 0 ORDER BY image_id", [finding])
    return [row[0] for row in rows]


def test_nothing_contradicts_where_nothing_was_done_or_nothing_excludes_it(project: Project) -> None:
    assert of_last_act(project) is None
    say(project, [1, 2], "Mass")
    say(project, [1, 2], "Nodule")
    assert of_last_act(project) is None
    say(project, [3], NONE)
    say(project, [3], "Support Devices")
    assert of_last_act(project) is None
    say(project, [3], "Mass", reader="bob")
    assert of_last_act(project) is None


@pytest.mark.parametrize(("before", "after"), [(NONE, "Mass"), ("Mass", NONE)])
def test_the_newer_of_two_labels_in_bulk_stands_and_one_act_says_so(project: Project, before: str, after: str) -> None:
    say(project, [1, 2, 3], before)
    say(project, [2, 3, 4], after)
    found = of_last_act(project)
    assert found is not None
    assert found.in_words() == f"2 images carry {after} and {before} as present, which exclude each other."
    assert found.way_out() == f"Set {before} to absent on 2 images"
    change = settle(project, found, "ann")
    assert change is not None and change.text == f"{before} = absent on 2 images"
    assert (present(project, before), present(project, after)) == ([1], [2, 3, 4])
    assert ways(project, before) == ["selection", "selection"]
    assert of_last_act(project) is None
    acts.undo(project)
    assert present(project, before) == [1, 2, 3]
    again = of_last_act(project)
    assert again is not None and again.images == 2


@pytest.mark.parametrize("how", get_args(How))
def test_what_was_read_one_by_one_stands_whatever_came_later_in_bulk(project: Project, how: How) -> None:
    import_labels(project, [LabelRow("00.png", "Mass", Value.PRESENT, "ann", AT, how)], "ann")
    say(project, [1, 2], NONE)
    found = of_last_act(project)
    assert found is not None and found.images == 1
    settle(project, found, "ann")
    stays = "Mass" if how in ONE_BY_ONE else NONE
    assert 1 in present(project, stays)
    assert 1 not in present(project, NONE if stays == "Mass" else "Mass")
    assert ways(project, NONE if stays == "Mass" else "Mass") == ["single" if how in ONE_BY_ONE else "selection"]


def test_what_gives_way_itself_puts_nothing_else_out(project: Project) -> None:
    say(project, [1, 2], "Mass")
    say(project, [1], "Nodule", "single")
    say(project, [1, 2], NONE)
    found = of_last_act(project)
    assert found is not None
    assert found.in_words().startswith("2 images carry No Finding and Mass or Nodule as present")
    assert found.way_out() == "Set No Finding to absent on 1 image, Mass on 1"
    settle(project, found, "ann")
    assert (present(project, "Mass"), present(project, "Nodule"), present(project, NONE)) == ([1], [1], [2])


def test_of_labels_that_came_together_the_finding_stands(project: Project) -> None:
    rows = [LabelRow("00.png", finding, Value.PRESENT, "ann", AT, "import") for finding in (NONE, "Mass", "Nodule")]
    import_labels(project, rows, "ann")
    found = of_last_act(project)
    assert found is not None and found.images == 1
    settle(project, found, "ann")
    assert (present(project, NONE), present(project, "Mass"), present(project, "Nodule")) == ([], [1], [1])


def test_excluded_images_and_acts_taken_back_do_not_count(project: Project) -> None:
    say(project, [1, 2], "Mass")
    say(project, [1, 2], NONE)
    exclude(project, np.array([1]), True, "ann")
    assert of_last_act(project) is None
    acts.undo(project)
    acts.undo(project)
    assert of_last_act(project) is None


@pytest.mark.parametrize(("reader", "how"), [(reread_name("ann"), "reread"), (ADJUDICATED, "adjudication")])
def test_a_second_reading_is_settled_under_its_own_name(project: Project, reader: str, how: How) -> None:
    say(project, [1], NONE, how, reader)
    say(project, [1], "Mass", how, reader)
    found = of_last_act(project)
    assert found is not None
    settle(project, found, "ann")
    assert (present(project, NONE, reader), present(project, "Mass", reader)) == ([], [1])


def test_any_findings_may_exclude_each_other(project: Project) -> None:
    project.set_vocabulary(Vocabulary("Own", ("Bacterial", "Viral"), {"Bacterial": ("Viral",)}))
    say(project, [1], "Bacterial")
    say(project, [1], "Viral", "single")
    found = of_last_act(project)
    assert found is not None and found.way_out() == "Set Bacterial to absent on 1 image"
