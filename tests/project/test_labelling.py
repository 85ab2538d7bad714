"""What a reader does: label, exclude, import, undo, redo."""

import tempfile
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import ONE_BY_ONE, How, Judgement, LabelRow, Value
from cxr_explorer.project import acts, exporting, importing, label_columns, labelling
from cxr_explorer.project.project import Project
from tests.project.projects import new_project


def ids(*image_ids: int) -> np.ndarray:
    return np.array(image_ids, np.int64)


def values(project: Project, finding: str = "Effusion", reader: str = "ann") -> dict[int, int]:
    column = label_columns.label_column(project, finding, reader)
    return dict(zip(column.image_ids.tolist(), column.values.tolist(), strict=True))


def test_a_label_keeps_how_it_was_given(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1, 2), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 4, 7))
        row = next(exporting.label_rows(project))
    assert (row.file, row.finding, row.value, row.reader) == ("00.png", "Effusion", Value.PRESENT, "ann")
    assert (row.how, row.cluster, row.map_id) == ("cluster", 4, 7)
    assert row.at.endswith("Z")


def test_an_image_carries_many_findings_and_each_reader_their_own(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        labelling.label(project, ids(1), Judgement("Nodule", Value.UNCERTAIN, "ann", "single"))
        labelling.label(project, ids(1), Judgement("Effusion", Value.ABSENT, "bob", "single"))
        assert values(project) == {1: 1}
        assert values(project, "Nodule") == {1: -1}
        assert values(project, reader="bob") == {1: 0}


def test_excluded_images_are_skipped(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.exclude(project, ids(2), True, "ann")
        plan = labelling.plan_label(project, ids(1, 2, 3), "Effusion", Value.PRESENT, "ann")
        labelling.label(project, ids(1, 2, 3), Judgement("Effusion", Value.PRESENT, "ann", "lasso"))
        assert values(project) == {1: 1, 3: 1}
    assert (plan.images, plan.excluded) == (2, 1)


def test_the_plan_says_what_labelling_then_does(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.ABSENT, "ann", "single"))
        labelling.label(project, ids(2), Judgement("Effusion", Value.ABSENT, "ann", "cluster"))
        labelling.label(project, ids(3), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        labelling.exclude(project, ids(4), True, "ann")
        plan = labelling.plan_label(project, ids(1, 2, 3, 4, 5), "Effusion", Value.PRESENT, "ann")
        assert plan == labelling.LabelPlan(images=3, overwrites=2, overwrites_single=1, excluded=1, already=1)
        change = labelling.label(project, ids(1, 2, 3, 4, 5), Judgement("Effusion", Value.PRESENT, "ann", "lasso"))
    assert change is not None
    assert change.text == "Effusion = present on 3 images"


@pytest.mark.parametrize("how", get_args(How))
def test_what_is_overwritten_counts_as_read_one_by_one_where_the_way_says_so(tmp_path: Path, how: How) -> None:
    with new_project(tmp_path) as project:
        rows = [LabelRow("00.png", "Effusion", Value.ABSENT, "ann", "2026-01-31T14:05:09Z", how)]
        importing.import_labels(project, rows, "ann")
        plan = labelling.plan_label(project, ids(1, 2), "Effusion", Value.PRESENT, "ann")
    assert (plan.images, plan.overwrites, plan.overwrites_single) == (2, 1, int(how in ONE_BY_ONE))


def test_a_plan_leaves_no_transaction_open(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.plan_label(project, ids(1), "Effusion", Value.PRESENT, "ann")
        assert not project.db.conn.in_transaction


def test_undo_restores_only_the_rows_the_act_changed(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.ABSENT, "ann", "single"))
        before = list(exporting.label_rows(project))
        labelling.label(project, ids(1, 2, 3), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 1, 1))
        acts.undo(project)
        assert list(exporting.label_rows(project)) == before
        acts.redo(project)
        assert values(project) == {1: 1, 2: 1, 3: 1}


def test_undo_and_redo_survive_a_restart(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1, 2), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 0, 1))
        labelling.label(project, ids(2), Judgement("Effusion", Value.ABSENT, "ann", "single"))
        acts.undo(project)
        path = project.path
    with Project.open(path) as project:
        assert acts.redo_text(project) == "Effusion = absent on 1 image"
        assert acts.undo_text(project) == "Effusion = present on 2 images"
        acts.undo(project)
        assert values(project) == {}
        assert acts.undo(project) is None


def test_an_act_that_changes_nothing_is_none_and_keeps_what_can_be_redone(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        labelling.label(project, ids(2), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        acts.undo(project)
        assert labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, "ann", "cluster")) is None
        assert acts.redo_text(project) == "Effusion = present on 1 image"


def test_a_new_act_ends_the_chance_to_redo(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        acts.undo(project)
        labelling.label(project, ids(2), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        assert acts.redo(project) is None


def test_a_label_can_be_taken_away(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1, 2), Judgement("Effusion", Value.PRESENT, "ann", "cluster"))
        change = labelling.label(project, ids(1, 3), Judgement("Effusion", None, "ann", "single"))
        assert change is not None
        assert change.text == "Effusion = not read on 1 image"
        assert values(project) == {2: 1}


def test_unknown_images_are_ignored(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        assert labelling.label(project, ids(99), Judgement("Effusion", Value.PRESENT, "ann", "single")) is None


def test_import_is_one_act_and_keeps_the_rows_provenance(tmp_path: Path) -> None:
    rows = [
        LabelRow("00.png", "Effusion", Value.PRESENT, "cat", "2020-01-01T00:00:00Z", "cluster", 3, 2),
        LabelRow("01.png", "Nodule", Value.ABSENT, "dan", "2020-01-02T00:00:00Z", "import"),
        LabelRow("unknown.png", "Nodule", Value.ABSENT, "dan", "2020-01-02T00:00:00Z", "import"),
    ]
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.ABSENT, "cat", "single"))
        before = list(exporting.label_rows(project))
        change = importing.import_labels(project, rows, "ann")
        assert change is not None
        assert change.text == "Imported 2 labels on 2 images"
        assert list(exporting.label_rows(project)) == rows[:2]
        acts.undo(project)
        assert list(exporting.label_rows(project)) == before


def test_counts_are_of_the_images_asked_for(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1, 2, 3), Judgement("Effusion", Value.PRESENT, "ann", "cluster"))
        labelling.label(project, ids(3), Judgement("Nodule", Value.ABSENT, "ann", "single"))
        counts = label_columns.finding_counts(project, ids(2, 3, 4), "ann")
        assert counts == {"Effusion": {Value.PRESENT: 2}, "Nodule": {Value.ABSENT: 1}}
        assert label_columns.labels_of_images(project, [3, 4], "ann").keys() == {3}
        assert label_columns.labelled_ids(project, "ann").tolist() == [1, 2, 3]


_verbs = st.one_of(
    st.tuples(
        st.just("label"),
        st.lists(st.integers(1, 6), min_size=1, max_size=6),
        st.sampled_from(["Effusion", "Nodule"]),
        st.sampled_from([*Value, None]),
    ),
    st.tuples(st.just("exclude"), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.booleans()),
    st.tuples(
        st.just("except"),
        st.lists(st.integers(1, 6), min_size=1, max_size=6),
        st.lists(st.integers(1, 6), max_size=3),
        st.sampled_from([Value.PRESENT, Value.ABSENT]),
        st.booleans(),
    ),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


def _state(project: Project) -> object:
    return list(exporting.label_rows(project)), project.excluded_ids().tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(_verbs, max_size=14))
def test_any_sequence_of_acts_undoes_and_redoes_to_the_states_it_went_through(verbs: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder, new_project(Path(folder)) as project:
        done = [_state(project)]
        undone: list[object] = []
        for verb, *arguments in verbs:
            if verb == "undo":
                changed = acts.undo(project) is not None
                assert changed == (len(done) > 1)
                if changed:
                    undone.append(done.pop())
            elif verb == "redo":
                changed = acts.redo(project) is not None
                assert changed == bool(undone)
                if changed:
                    done.append(undone.pop())
            else:
                if verb == "label":
                    chosen, finding, value = arguments
                    change = labelling.label(project, ids(*chosen), Judgement(finding, value, "ann", "selection"))
                elif verb == "except":
                    chosen, odd, value, turn = arguments
                    change = labelling.label_except(
                        project, ids(*chosen), ids(*odd), Judgement("Effusion", value, "ann", "cluster", 2, 1), turn
                    )
                else:
                    chosen, excluded = arguments
                    change = labelling.exclude(project, ids(*chosen), excluded, "ann")
                if change is not None:
                    done.append(_state(project))
                    undone.clear()
            assert _state(project) == done[-1]


def test_the_odd_ones_of_a_cluster_stay_as_they_are(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(2), Judgement("Effusion", Value.UNCERTAIN, "ann", "single"))
        change = labelling.label_except(
            project, ids(1, 2, 3, 4), ids(2, 3), Judgement("Effusion", Value.PRESENT, "ann", "cluster", 5, 1)
        )
        assert change is not None and change.text == "Effusion = present on 2 images"
        assert values(project) == {1: 1, 2: -1, 4: 1}


def test_the_odd_ones_can_take_the_opposite_as_read_individually_in_the_same_act(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.exclude(project, ids(4), True, "ann")
        change = labelling.label_except(
            project,
            ids(1, 2, 3, 4),
            ids(2, 4, 6),
            Judgement("Effusion", Value.ABSENT, "ann", "cluster", 5, 1),
            turn=True,
        )
        assert change is not None and change.text == "Effusion = absent on 2 images, present on 1 exception"
        assert values(project) == {1: 0, 2: 1, 3: 0}
        rows = {row.file: (row.how, row.cluster) for row in exporting.label_rows(project)}
        assert rows == {"00.png": ("cluster", 5), "01.png": ("single", None), "02.png": ("cluster", 5)}
        acts.undo(project)
        assert values(project) == {}


@pytest.mark.parametrize("value", [Value.UNCERTAIN, None])
def test_what_has_no_opposite_is_not_turned(tmp_path: Path, value: Value | None) -> None:
    with new_project(tmp_path) as project, pytest.raises(ValueError, match="no opposite"):
        labelling.label_except(project, ids(1), ids(2), Judgement("Effusion", value, "ann", "cluster", 0, 1), turn=True)


def test_a_failing_act_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        before = _state(project)

        def fail(*_: object) -> None:
            raise RuntimeError("the disk is gone")

        monkeypatch.setattr(acts, "_apply", fail)
        with pytest.raises(RuntimeError):
            labelling.label(project, ids(2), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        assert _state(project) == before
        assert acts.undo_text(project) == "Effusion = present on 1 image"


def test_nobody_labels_under_a_name_that_is_no_readers(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        for name in ("adjudicated", "Majority", "ann (re-read)"):
            with pytest.raises(UserError, match="not a reader"):
                labelling.label(project, ids(1), Judgement("Effusion", Value.PRESENT, name, "cluster"))
        assert list(exporting.label_rows(project)) == []
        assert acts.undo_text(project) is None
