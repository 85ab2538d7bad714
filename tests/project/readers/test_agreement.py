"""Several readers of one project: agreement, disagreements, one answer out of many, blind re-reads."""

import csv
import tempfile
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_explorer.labels.label import IN_BULK, ONE_BY_ONE, TAKEN_OVER, How, Judgement, LabelRow, Value
from cxr_explorer.labels.reader_names import ADJUDICATED, reread_name
from cxr_explorer.project import acts, exporting, importing, label_columns, labelling
from cxr_explorer.project.image_rows import labelled_by
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.agreement import (
    compare_group,
    compare_pair,
    compared,
    disagreements,
    next_disagreements,
    reader_counts,
    reader_names,
    who_said,
)
from cxr_explorer.project.readers.rereads import draw_rereads, draws, left_to_reread, rereadable_ids
from cxr_explorer.tables.format import WriteReport
from tests.project.projects import files, new_project

P, A, U = Value.PRESENT, Value.ABSENT, Value.UNCERTAIN


def say(project: Project, reader: str, answers: str, finding: str = "Effusion", how: How = "single") -> None:
    """One letter an image from id 1 on: p, a, u, or - for none."""
    for image_id, letter in enumerate(answers, start=1):
        if letter != "-":
            value = {"p": P, "a": A, "u": U}[letter]
            how = "reread" if reader.endswith("(re-read)") else how
            labelling.label(project, np.array([image_id]), Judgement(finding, value, reader, how))


def test_readers_are_counted(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "bob", "pp")
        say(project, "ann", "paa")
        say(project, "ann", "p", "Nodule")
        found = [(count.name, count.images, count.labels) for count in reader_counts(project)]
        assert labelled_by(project.db) == {"Effusion": ["ann", "bob"], "Nodule": ["ann"]}
        assert reader_names(project) == ["ann", "bob"]
    assert found == [("ann", 3, 4), ("bob", 2, 2)]


def test_a_pair_is_compared_on_the_images_both_judged_finding_by_finding(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "ppau-a")
        say(project, "bob", "paau p".replace(" ", "p"))
        say(project, "ann", "p", "Nodule")
        labelling.exclude(project, np.array([6]), True, "ann")
        (found,) = compare_pair(project, "ann", "bob")
        (turned,) = compare_pair(project, "bob", "ann")
    assert (found.finding, found.agreement.images, found.agreement.disagreements) == ("Effusion", 4, 1)
    assert found.agreement.table == ((1, 0, 1), (0, 1, 0), (0, 0, 1))
    assert turned.agreement.table == tuple(zip(*found.agreement.table, strict=True))


def test_labels_given_in_bulk_are_counted_apart(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        labelling.label(project, np.arange(1, 5), Judgement("Effusion", P, "ann", "cluster", 1))
        say(project, "bob", "ppa", how="audit")
        say(project, "cat", "p-p", how="audit")
        assert compare_pair(project, "ann", "bob")[0].in_bulk == 3
        assert compare_pair(project, "bob", "cat")[0].in_bulk == 0


@pytest.mark.parametrize("how", get_args(How))
def test_a_label_of_any_way_is_in_bulk_unless_it_was_read_one_by_one_or_taken_over(tmp_path: Path, how: How) -> None:
    assert (how in IN_BULK) == (how not in (*ONE_BY_ONE, *TAKEN_OVER))
    with new_project(tmp_path) as project:
        say(project, "ann", "p", how="single")
        rows = [LabelRow("00.png", "Effusion", P, "bob", "2026-01-31T14:05:09Z", how)]
        importing.import_labels(project, rows, "bob")
        assert compare_pair(project, "ann", "bob")[0].in_bulk == int(how in IN_BULK)


def test_three_readers_are_compared_on_what_all_of_them_judged(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "ppaau")
        say(project, "bob", "ppaap")
        say(project, "cat", "paa-u")
        (found,) = compare_group(project, ["ann", "bob", "cat"])
        ((pair, group),) = compared(project.path, "ann", "bob", ["ann", "bob", "cat"])
    assert found.images == 4
    assert found.kappa is not None
    assert 0 < found.kappa < 1
    assert [(found.first, found.second, found.finding) for found in pair] == [("ann", "bob", "Effusion")]
    assert group == [found]


def test_disagreements_are_between_readers_and_end_with_adjudication(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "ppau")
        say(project, "bob", "paap")
        say(project, "cat", "pp-u")
        say(project, reread_name("ann"), "a")
        assert disagreements(project, "Effusion").tolist() == [2, 4]
        assert disagreements(project, "Effusion", ["ann", "cat"]).tolist() == []
        assert disagreements(project, "Effusion", ["ann", reread_name("ann")]).tolist() == [1]
        labelling.label(project, np.array([2]), Judgement("Effusion", A, ADJUDICATED, "adjudication"))
        assert disagreements(project, "Effusion").tolist() == [4]
        assert disagreements(project, "Effusion", settled=True).tolist() == [2, 4]
        ((finding, ids),) = next_disagreements(project.path, "Nodule")  # none there: the next finding with some
        assert (finding, ids.tolist()) == ("Effusion", [4])
        labelling.exclude(project, np.array([4]), True, "ann")
        assert list(next_disagreements(project.path, "Effusion")) == []
        assert who_said(project, 2, "Effusion") == {"ann": P, "bob": A, "cat": P}


def test_images_no_longer_in_the_folder_are_not_for_adjudication(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "pp")
        say(project, "bob", "aa")
        project.update_files([], files("00.png"))
        assert disagreements(project, "Effusion").tolist() == [1]


def exported(project: Project, tmp_path: Path, **whose: str) -> tuple[WriteReport, dict[str, str]]:
    report = exporting.export_labels(project, tmp_path / "out.csv", "chexpert", **whose)  # type: ignore[arg-type]
    rows = csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines())
    return report, {row["Path"]: row["Effusion"] for row in rows}


def test_majority_and_adjudicated_export_say_what_they_leave_blank(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "ppau-a")
        say(project, "bob", "paap-")
        say(project, "cat", "pp--")
        labelling.label(project, np.array([4]), Judgement("Effusion", A, ADJUDICATED, "adjudication"))
        report, cells = exported(project, tmp_path, rule="majority")
        assert cells == {"00.png": "1", "01.png": "1", "02.png": "0", "05.png": "0"}
        assert (report.unresolved, report.one_reader) == (1, 1)
        report, cells = exported(project, tmp_path, rule="adjudicated")
        assert cells == {"00.png": "1", "02.png": "0", "03.png": "0", "05.png": "0"}
        assert (report.unresolved, report.one_reader) == (1, 1)
        report, cells = exported(project, tmp_path, reader="bob")
        assert cells == {"00.png": "1", "01.png": "0", "02.png": "0", "03.png": "1"}


def test_a_re_read_never_replaces_the_first_reading_in_a_table(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "p")
        say(project, reread_name("ann"), "a", how="reread")
        assert exported(project, tmp_path)[1] == {"00.png": "1"}


def test_only_what_was_read_one_by_one_is_read_again(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "pp--")
        say(project, "ann", "--a", how="audit")
        labelling.label(project, np.array([4, 5]), Judgement("Effusion", P, "ann", "cluster", 1))
        labelling.exclude(project, np.array([2]), True, "ann")
        assert rereadable_ids(project, "ann", "Effusion").tolist() == [1, 3]


def test_a_draw_is_random_kept_and_repeatable(tmp_path: Path) -> None:
    with new_project(tmp_path, count=60) as project:
        say(project, "ann", "p" * 60)
        change = draw_rereads(project, "ann", "Effusion", 20, seed=7)
        assert change is not None
        assert change.text == "20 images drawn for reading again: Effusion"
        (draw,) = draws(project, "ann", "Effusion")
        assert (draw.seed, draw.population, len(set(draw.image_ids))) == (7, 60, 20)
        assert left_to_reread(project, "ann", "Effusion").tolist() == list(draw.image_ids)
        assert list(draw.image_ids) != sorted(draw.image_ids)
        acts.undo(project)
        assert left_to_reread(project, "ann", "Effusion").size == 0
        draw_rereads(project, "ann", "Effusion", 20, seed=7)
        assert draws(project, "ann", "Effusion")[0].image_ids == draw.image_ids


def test_a_re_read_is_kept_beside_the_first_reading_and_compared_with_it(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "ppaa")
        draw_rereads(project, "ann", "Effusion", 3, seed=1)
        first, *rest = left_to_reread(project, "ann", "Effusion").tolist()
        labelling.label(project, np.array([first]), Judgement("Effusion", U, reread_name("ann"), "reread"))
        assert left_to_reread(project, "ann", "Effusion").tolist() == rest
        assert label_columns.label_column(project, "Effusion", "ann").values.tolist() == [1, 1, 0, 0]
        draw_rereads(project, "ann", "Effusion", 10, seed=2)
        assert len(left_to_reread(project, "ann", "Effusion")) == 3
        assert first not in left_to_reread(project, "ann", "Effusion")
        (found,) = compare_pair(project, "ann", reread_name("ann"))
        assert found.agreement.images == 1
        assert draw_rereads(project, "ann", "Effusion", 5, seed=3) is None


_HOW: dict[str, How] = {"ann": "single", "bob": "single", "ann (re-read)": "reread", "adjudicated": "adjudication"}

_verbs = st.one_of(
    st.tuples(st.just("label"), st.sampled_from(list(_HOW)), st.integers(1, 6)),
    st.tuples(st.just("draw"), st.integers(1, 4), st.integers(0, 9)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_verbs, max_size=12))
def test_draws_and_readings_undo_to_the_states_they_went_through(verbs: list[tuple]) -> None:
    def now_is(project: Project) -> object:
        return list(exporting.label_rows(project)), draws(project, "ann", "Effusion")

    with tempfile.TemporaryDirectory() as folder, new_project(Path(folder)) as project:
        done, undone = [now_is(project)], []
        for verb, *arguments in verbs:
            if verb == "undo":
                if acts.undo(project) is not None:
                    undone.append(done.pop())
            elif verb == "redo":
                if acts.redo(project) is not None:
                    done.append(undone.pop())
            else:
                if verb == "label":
                    reader, image_id = arguments
                    change = labelling.label(
                        project, np.array([image_id]), Judgement("Effusion", P, reader, _HOW[reader])
                    )
                else:
                    change = draw_rereads(project, "ann", "Effusion", *arguments)
                if change is not None:
                    done.append(now_is(project))
                    undone.clear()
            assert now_is(project) == done[-1]


@pytest.mark.parametrize("size", [0, -1])
def test_a_draw_of_nothing_changes_nothing(tmp_path: Path, size: int) -> None:
    with new_project(tmp_path) as project:
        say(project, "ann", "pp")
        assert draw_rereads(project, "ann", "Effusion", size, seed=1) is None
