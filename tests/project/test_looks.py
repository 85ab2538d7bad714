"""Looks: what was seen stays seen."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from cxr_explorer.labels.label import ONE_BY_ONE, How, Judgement, LabelRow, Value
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.project import acts, importing, labelling
from cxr_explorer.project.looks import (
    AT_ONCE,
    barely_seen,
    labelled_images,
    looked_ids,
    record_full_size,
    record_looks,
    seen_ids,
)
from tests.project.projects import new_project


def test_looks_add_up_and_each_image_counts_once(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        assert looked_ids(project, "ann").size == 0
        assert record_looks(project, "3", 1, np.array([5, 2]), "ann")
        assert record_looks(project, "3", 1, np.array([2, 4]), "ann")
        assert not record_looks(project, "3", 1, np.array([4]), "ann")
        assert record_looks(project, "outliers", 1, np.array([4, 6]), "ann")
        assert record_full_size(project, 1, 3, "ann")
        assert not record_full_size(project, 1, 3, "ann")
        assert looked_ids(project, "ann").tolist() == [2, 3, 4, 5, 6]
        assert acts.states(project, "looked") == {
            "sheet:3:1:ann": "[2, 4, 5]",
            "sheet:outliers:1:ann": "[4, 6]",
            "sheet:full size 0:1:ann": "[3]",
        }


def test_who_looked_is_told_apart_but_for_looks_of_older_versions(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        record_looks(project, "3", 1, np.array([1]), "ann: chest")
        record_looks(project, "3", 1, np.array([2]), "bob")
        with project.db.atomic():
            project.db.execute("INSERT INTO state VALUES ('looked', 'sheet:3:1', '[5]')")
        assert looked_ids(project, "ann: chest").tolist() == [1, 5]
        assert looked_ids(project, "bob").tolist() == [2, 5]


@pytest.mark.parametrize("how", get_args(How))
def test_a_label_is_a_look_where_it_was_read_one_by_one_and_no_other_is(tmp_path: Path, how: How) -> None:
    with new_project(tmp_path) as project:
        for file, reader in (("00.png", "ann"), ("01.png", reread_name("ann")), ("02.png", "bob")):
            rows = [LabelRow(file, "Effusion", Value.ABSENT, reader, "2026-01-31T12:00:00Z", how)]
            importing.import_labels(project, rows, "ann")
        assert seen_ids(project, "ann").tolist() == ([1, 2] if how in ONE_BY_ONE else [])
        given = labelled_images(project, "ann")
        assert given.ids.tolist() == [1]
        assert given.at_once.tolist() == ([1] if how in AT_ONCE else [])


def test_a_cluster_is_barely_seen_where_nine_or_all_of_fewer_were_not() -> None:
    assert not barely_seen(at_once=0, seen=0)
    assert [barely_seen(25, seen) for seen in (0, 8, 9, 25)] == [True, True, False, False]
    assert [barely_seen(5, seen) for seen in (0, 4, 5)] == [True, True, False]


def test_undo_does_not_make_unseen(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, np.array([2, 5]), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 3, 1))
        record_looks(project, "3", 1, np.array([2]), "ann")
        acts.undo(project)
        assert acts.undo_text(project) is None
        assert looked_ids(project, "ann").tolist() == [2]
        assert acts.redo_text(project) == "Effusion = present on 2 images"
