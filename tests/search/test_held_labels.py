"""Labels held as arrays say what the file says, after whatever act; large acts are done in steps, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.project import acts, label_columns, labelling
from cxr_explorer.project.looks import labelled_images
from cxr_explorer.project.project import Project
from cxr_explorer.project.whole_readings import labelling_answers
from cxr_explorer.search import held_labels
from cxr_explorer.search.held_labels import UNREAD, HeldLabels
from tests.project.projects import FINDINGS, new_project

COUNT = 7
EFFUSION, NODULE = FINDINGS.findings
OFF_THE_MAP = 3

images = st.lists(st.integers(1, COUNT), min_size=1, max_size=COUNT, unique=True)
values = st.sampled_from([*Value, None])
ways: st.SearchStrategy[How] = st.sampled_from(["cluster", "single", "audit", "lasso"])
steps = st.one_of(
    st.tuples(st.just("label"), images, st.sampled_from(FINDINGS.findings), values, ways),
    st.tuples(st.just("both"), images, values),
    st.tuples(st.just("exclude"), images, st.booleans()),
    st.tuples(st.sampled_from(["undo", "redo"])),
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (acts, labelling):
        monkeypatch.setattr(module, "STEP", 2)
    for name in ("PART", "PART_OF_FINDING"):
        monkeypatch.setattr(held_labels, name, 2)


def load(project: Project, reader: str = "ann") -> HeldLabels:
    """Of all images but one."""
    held = HeldLabels(project, np.setdiff1d(np.arange(1, COUNT + 1), [OFF_THE_MAP]), reader)
    assert list(held.load())[-1] == 1
    assert held.loaded
    return held


def do(project: Project, step: tuple) -> acts.Change | None:  # type: ignore[type-arg]
    match step:
        case ("label", ids, finding, value, how):
            said = Judgement(finding, value, "ann", how, cluster_identity=4 if how == "cluster" else None)
            return labelling.label(project, np.array(ids), said)
        case ("both", ids, value):
            said = Judgement("", value, "ann", "selection")
            answers = dict.fromkeys(FINDINGS.findings, value or Value.ABSENT)
            return acts.done_at_once(project, labelling_answers(project, np.array(ids), answers, said))
        case ("exclude", ids, excluded):
            return labelling.exclude(project, np.array(ids), excluded, "ann")
        case ("undo",):
            return acts.undo(project)
    return acts.redo(project)


@settings(max_examples=40)
@given(st.lists(steps, max_size=12), images)
def test_what_is_held_is_what_the_file_says(tmp_path_factory, done: list, chosen: list[int]) -> None:  # type: ignore[no-untyped-def, type-arg]
    with new_project(tmp_path_factory.mktemp("held"), COUNT) as project:
        held = load(project)
        for step in done:
            change = do(project, step)
            if change is not None:
                undone = step[0] == "undo"
                if change.labels:
                    assert all(share <= 1 for share in held.take_act(change.number, undone))
                if change.exclusions:
                    held.take_exclusions(change.number, undone)
        ids = np.setdiff1d(chosen, [OFF_THE_MAP])
        rows = held.rows_of(ids)
        assert rows is not None
        assert held.counts(rows) == label_columns.finding_counts(project, ids, "ann")
        assert held.excluded_ids.tolist() == np.setdiff1d(project.excluded_ids(), [OFF_THE_MAP]).tolist()
        given_labels = labelled_images(project, "ann")
        assert held.image_ids[held.labelled].tolist() == np.setdiff1d(given_labels.ids, [OFF_THE_MAP]).tolist()
        assert held.image_ids[held.at_once].tolist() == np.setdiff1d(given_labels.at_once, [OFF_THE_MAP]).tolist()
        for finding in FINDINGS.findings:
            there = label_columns.ways(project, ids, finding, "ann")
            assert held.ways(rows, finding) == [(how, cluster, count) for how, cluster, count, _ in there]
            for value in (*Value, None):
                plan = labelling.plan_label(project, ids, finding, value, "ann")
                assert held.plan(rows, finding, value) == plan


def test_labels_of_others_and_of_images_off_the_map_are_not_held(tmp_path: Path) -> None:
    with new_project(tmp_path, COUNT) as project:
        for reader, ids in (("ann", [1, OFF_THE_MAP]), ("bob", [2])):
            labelling.label(project, np.array(ids), Judgement(EFFUSION, Value.PRESENT, reader, "single"))
        held = load(project)
        assert held.column(EFFUSION).values.tolist() == [1, *[UNREAD] * (COUNT - 2)]
        assert held.rows_of(np.array([1, OFF_THE_MAP])) is None
        assert held.rows_of(np.array([COUNT + 1])) is None
        assert held.rows_of(held.image_ids.copy()) == slice(None)


def test_an_act_that_is_given_up_between_two_steps_leaves_nothing(tmp_path: Path) -> None:
    with new_project(tmp_path, COUNT) as project:
        all_of_them = np.arange(1, COUNT + 1)
        labelling.label(project, all_of_them, Judgement(EFFUSION, Value.ABSENT, "ann", "selection"))
        before = list(project.db.conn.iterdump())
        for begin in (
            lambda: labelling.labelling(project, all_of_them, Judgement(NODULE, Value.PRESENT, "ann", "selection")),
            lambda: labelling.excluding(project, all_of_them, True, "ann"),
            lambda: acts.undoing(project),
        ):
            taken = 0
            while True:
                going_on = begin()
                ended = any(next(going_on, "end") == "end" for _ in range(taken + 1))
                if ended:
                    acts.undo(project) if acts.redo_text(project) is None else acts.redo(project)
                    break
                going_on.close()
                assert not project.db.conn.in_transaction
                assert list(project.db.conn.iterdump()) == before
                taken += 1
            assert taken > 2
            project.db.execute("DELETE FROM acts WHERE undone")
            project.db.conn.commit()
            project.db.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'acts'")
            project.db.conn.commit()
