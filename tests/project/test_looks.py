"""Looks: what was seen stays seen."""

from pathlib import Path

import numpy as np

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.looks import looked_ids, record_looks
from tests.project.projects import new_project


def test_looks_add_up_and_each_image_counts_once(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        assert looked_ids(project).size == 0
        assert record_looks(project, "3", 1, np.array([5, 2]))
        assert record_looks(project, "3", 1, np.array([2, 4]))
        assert not record_looks(project, "3", 1, np.array([4]))
        assert record_looks(project, "outliers", 1, np.array([4, 6]))
        assert looked_ids(project).tolist() == [2, 4, 5, 6]
        assert acts.states(project, "looked") == {"sheet:3:1": "[2, 4, 5]", "sheet:outliers:1": "[4, 6]"}


def test_undo_does_not_make_unseen(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, np.array([2, 5]), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 3, 1))
        record_looks(project, "3", 1, np.array([2]))
        acts.undo(project)
        assert acts.undo_text(project) is None
        assert looked_ids(project).tolist() == [2]
        assert acts.redo_text(project) == "Effusion = present on 2 images"
