"""Acts: what is recorded, applied, taken back, and dropped where nothing changed."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, history, label_columns, labelling
from tests.project.projects import new_project


def test_state_is_set_undone_and_done_again(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        with acts.recorded(project, "ann") as first:
            first.put("partition", "", "3")
            first.text = "Split cluster 2"
        with acts.recorded(project, "ann") as second:
            second.put("partition", "", None)
            second.text = "Back to the map's clusters"
        assert first.change == acts.Change("Split cluster 2", states=frozenset({"partition"}))
        assert acts.state(project, "partition", "") is None
        acts.undo(project)
        assert acts.states(project, "partition") == {"": "3"}
        acts.undo(project)
        assert acts.states(project, "partition") == {}
        acts.redo(project)
        assert acts.state(project, "partition", "") == "3"


def test_an_act_that_changes_nothing_leaves_no_trace_and_keeps_what_can_be_redone(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, np.array([1]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        acts.undo(project)
        with acts.recorded(project, "ann") as act:
            act.put("partition", "", None)
            act.text = "Nothing"
        assert act.change is None
        assert acts.redo_text(project) == "Effusion = present on 1 image"


def test_a_label_and_its_state_are_one_act(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        puts = {("audit", "1:1"): "1"}
        change = labelling.label(
            project, np.array([1]), Judgement("Effusion", Value.PRESENT, "ann", "audit"), puts=puts
        )
        assert change is not None and change.labels and change.states == {"audit"}
        acts.undo(project)
        assert acts.states(project, "audit") == {}
        assert label_columns.label_column(project, "Effusion", "ann").image_ids.size == 0


def test_an_error_within_an_act_takes_all_of_it_back(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        with pytest.raises(RuntimeError), acts.recorded(project, "ann") as act:
            act.put("partition", "", "1")
            raise RuntimeError
        assert acts.states(project, "partition") == {}
        assert acts.undo_text(project) is None


def test_a_large_act_that_was_taken_back_is_out_of_reach_at_once_and_cleared_away_in_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "STEP", 2)
    ids = np.arange(1, 6)
    with new_project(tmp_path) as project:
        labelling.label(project, ids, Judgement("Effusion", Value.PRESENT, "ann", "selection"))
        labelling.exclude(project, ids, True, "ann")
        acts.undo(project)
        acts.undo(project)
        labelling.label(project, ids[:1], Judgement("Nodule", Value.PRESENT, "ann", "single"))
        assert acts.redo_text(project) is None and acts.redo(project) is None
        assert [past.text for past in history.history(project)] == ["Nodule = present on 1 image"]
        assert acts.has_given_up(project)
        assert len(list(acts.clearing_away(project))) > 4
        assert not acts.has_given_up(project)
        for table, left in (("acts", 1), ("label_changes", 1), ("exclusion_changes", 0)):
            assert project.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (left,)
        assert acts.undo_text(project) == "Nodule = present on 1 image"
