"""Suspect labels of a project: which are doubted, what is never doubted, and what becomes of those that were judged."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import acts, labelling
from cxr_explorer.project.labelling import OPPOSITE
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.doubted import KIND, judged_ids, look_state, silent_ids
from cxr_explorer.project.suggestions import answers
from cxr_explorer.suggesting import DoubtedLabels, Suggester, find_doubted
from tests.suspect_project import FINDING, REST, WRONG, give, make_silent_project, make_suspect_project
from tests.ui.suggest_project import make_suggest_project, truth

ME = "reader 1"


def doubted(project: Project, whose: str = ME, reader: str = ME) -> DoubtedLabels:
    return Suggester(project).doubt(FINDING, whose, reader)


def judge(project: Project, image_id: int, value: Value) -> acts.Change | None:
    said = Judgement(FINDING, value, ME, "single")
    puts = dict(look_state(FINDING, ME, image_id, value))
    return labelling.label(project, np.array([image_id]), said, {**puts}, afresh=True)


def ways(project: Project) -> dict[int, tuple[int, str]]:
    rows = project.db.execute("SELECT image_id, value, how FROM labels WHERE finding = ? AND reader = ?", [FINDING, ME])
    return {row[0]: (row[1], row[2]) for row in rows}


def test_the_wrong_labels_are_doubted(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        found = doubted(project)
        assert set(found.image_ids.tolist()) == set(WRONG)
        assert found.values.tolist() == [int(OPPOSITE[truth(i)]) for i in found.image_ids.tolist()]
        assert (np.diff(found.confidence) >= 0).all()
        assert (found.present, found.absent) == (25, 47)
        assert 2 <= found.expected_wrong <= 5
        assert found.in_words() == (
            "The program doubts 3 of the 72 labels of No Finding by reader 1: 2 present, 1 absent."
        )


def test_a_child_process_finds_the_same(tmp_path: Path) -> None:
    (found,) = find_doubted(make_suspect_project(tmp_path), FINDING, ME, ME)
    assert set(found.image_ids.tolist()) == set(WRONG)


def test_where_all_labels_are_right_none_is_doubted(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        for image_id in WRONG:
            give(project, [image_id], truth(image_id))
        found = doubted(project)
        assert not len(found.image_ids)
        assert found.in_words() == "None of the 72 labels of No Finding by reader 1 is doubted."


def test_too_few_labels_are_told_as_such(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        found = Suggester(project).doubt(FINDING, "nobody", ME)
        assert "Too few labels" in found.in_words() and "0 present, 0 absent" in found.in_words()
        present = [image_id for image_id, (value, _) in ways(project).items() if value == 1]
        labelling.label(project, np.array(present[:6]), Judgement(FINDING, None, ME, "single"))
        assert "19 present, 47 absent" in doubted(project).reason


def test_a_label_that_was_kept_is_doubted_no_more_and_counts_as_read(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path, "import")) as project:
        kept = WRONG[0]
        value = OPPOSITE[truth(kept)]
        change = judge(project, kept, value)
        assert change is not None and change.text == "Kept No Finding = absent on 1 image"
        assert ways(project)[kept] == (int(value), "single")
        found = doubted(project)
        assert kept not in found.image_ids and found.judged == 1
        assert "1 more you have judged already." in found.in_words()
        acts.undo(project)
        assert ways(project)[kept] == (int(value), "import")
        assert kept in doubted(project).image_ids


def test_a_label_that_was_read_before_can_be_kept_too(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        change = judge(project, WRONG[0], OPPOSITE[truth(WRONG[0])])
        assert change is not None and not change.labels and change.states == {KIND}
        assert change.text == "Kept No Finding = absent on 1 image"
        assert WRONG[0] not in doubted(project).image_ids


def test_a_label_that_was_changed_is_doubted_no_more(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path, "import")) as project:
        change = judge(project, WRONG[1], truth(WRONG[1]))
        assert change is not None and change.text == "No Finding = absent on 1 image"
        assert ways(project)[WRONG[1]] == (0, "single")
        assert set(doubted(project).image_ids.tolist()) == set(WRONG) - {WRONG[1]}


def test_a_label_changed_after_it_was_judged_may_be_doubted_again(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        judge(project, WRONG[0], truth(WRONG[0]))
        give(project, [WRONG[0]], OPPOSITE[truth(WRONG[0])])
        assert WRONG[0] in doubted(project).image_ids


@pytest.mark.parametrize("how", ["random", "audit"])
def test_looks_that_figures_rest_on_are_not_read_again(tmp_path: Path, how) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        wrong = WRONG[0]
        labelling.label(project, np.array([wrong]), Judgement(FINDING, None, ME, "single"))
        give(project, [wrong], OPPOSITE[truth(wrong)], how)
        found = doubted(project)
        assert wrong not in found.image_ids and found.set_aside == 1


def test_excluded_images_and_what_is_uncertain_or_accepted_are_not_doubted(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path)) as project:
        labelling.exclude(project, np.array([WRONG[0]]), True, ME)
        give(project, [WRONG[1]], Value.UNCERTAIN)
        labelling.label(project, np.array([WRONG[2]]), Judgement(FINDING, None, ME, "single"))
        give(project, [WRONG[2]], OPPOSITE[truth(WRONG[2])], "suggestion")
        assert not len(doubted(project).image_ids)


def test_anothers_labels_are_doubted_to_a_reader_until_they_have_read_the_image(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path, reader="NIH")) as project:
        assert set(doubted(project, "NIH").image_ids.tolist()) == set(WRONG)
        give(project, [WRONG[0]], OPPOSITE[truth(WRONG[0])])
        give(project, [WRONG[1]], truth(WRONG[1]), "cluster")
        assert judged_ids(project, FINDING, "NIH", ME).tolist() == [WRONG[0]]
        found = doubted(project, "NIH")
        assert set(found.image_ids.tolist()) == {WRONG[1], WRONG[2]} and found.judged == 1


def test_what_was_doubted_says_nothing_of_the_labels_nobody_doubted(tmp_path: Path) -> None:
    """Or every error that is found would make all bulk labels worth less to a probe."""
    with Project.open(make_suspect_project(tmp_path, "import")) as project:
        before = set(answers(project, FINDING, ME).counts.tolist())
        for image_id in WRONG:
            judge(project, image_id, truth(image_id))
        assert set(answers(project, FINDING, ME).counts.tolist()) == before | {1.0}
        give(project, [REST[0]], OPPOSITE[truth(REST[0])])  # an error met by chance does
        assert set(answers(project, FINDING, ME).counts.tolist()) != before | {1.0}


def test_what_was_noted_and_makes_no_sense_is_left_out(tmp_path: Path) -> None:
    path = make_suspect_project(tmp_path)
    with Project.open(path) as project:
        judge(project, WRONG[0], truth(WRONG[0]))
        for key, value in (("[1", "1"), ('["a", "b", "c"]', "1"), ('["a", "b", 3]', "7")):
            project.db.execute("INSERT INTO state VALUES (?, ?, ?)", [KIND, key, value])
        project.db.conn.commit()
    with Project.open(path) as project:
        assert "3 notes of what was done (doubted) make no sense" in " ".join(project.lost)
        assert judged_ids(project, FINDING, ME, ME).tolist() == [WRONG[0]]


def test_where_a_table_names_only_what_is_there_silence_says_absent(tmp_path: Path) -> None:
    with Project.open(make_silent_project(tmp_path)) as project:
        found = doubted(project, "NIH")
        assert (found.present, found.absent, found.by_silence) == (25, 47, 47)
        assert set(found.image_ids.tolist()) == set(WRONG)
        assert found.words() == ["not named" if i == WRONG[0] else "present" for i in found.image_ids.tolist()]
        assert found.in_words().endswith("by NIH: 2 present, 1 not named.")
        labelling.exclude(project, np.array([WRONG[0]]), True, ME)
        assert WRONG[0] not in silent_ids(project, FINDING, "NIH")


def test_silence_says_nothing_where_absent_is_said_or_a_reader_only_reads(tmp_path: Path) -> None:
    with Project.open(make_suspect_project(tmp_path, "import")) as project:
        labelling.label(project, np.array([REST[0]]), Judgement(FINDING, None, ME, "single"))
        labelling.label(project, np.array([REST[0]]), Judgement("Effusion", Value.PRESENT, ME, "single"))
        assert not len(silent_ids(project, FINDING, ME))  # the table says absent elsewhere
    other = tmp_path / "other"
    other.mkdir()
    with Project.open(make_suggest_project(other, 40)) as project:
        assert not len(silent_ids(project, FINDING, ME)) and not len(silent_ids(project, "Effusion", ME))


def test_silence_that_was_judged_is_doubted_no_more_and_makes_the_rest_no_less_absent(tmp_path: Path) -> None:
    with Project.open(make_silent_project(tmp_path, ME)) as project:
        change = judge(project, WRONG[0], Value.ABSENT)
        assert change is not None and change.text == "No Finding = absent on 1 image"
        found = doubted(project)
        assert WRONG[0] not in found.image_ids
        assert (found.absent, found.by_silence, found.judged) == (47, 46, 1)
        acts.undo(project)
        assert WRONG[0] in doubted(project).image_ids
