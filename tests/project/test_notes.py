"""Notes and flags: stored for each reader, undone after a restart, merged, and through a table and back."""

import csv
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Note, NoteRow, Value
from cxr_explorer.project import acts, exporting, importing, labelling, notes
from cxr_explorer.project.acts import Change
from cxr_explorer.project.backup import backups
from cxr_explorer.project.damage import find_damage
from cxr_explorer.project.history import go_to, history
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.merging import merge, plan_merge
from cxr_explorer.project.repair import repair
from cxr_explorer.search.words import Search
from cxr_explorer.tables.matching import match_files
from cxr_explorer.tables.read import read_labels
from tests.project.older import older_project
from tests.project.projects import embed_all, files, new_project

AWKWARD = (
    'Said "thickened", or not?\nSecond line; a, b',
    "=1+1",
    "@SUM(A1)",
    "-",
    "'=quoted'",
    "🫁 left ä",
    "NA",
    "x\t\ny",
    "<b>bold</b>",
)


def said(project: Project, reader: str = "ann") -> dict[int, tuple[str, bool]]:
    ids = {path: image_id for image_id, path in project.paths().items()}
    return {ids[row.file]: (row.note.text, row.note.flagged) for row in notes.note_rows(project, reader)}


def label(project: Project, *ids: int, finding: str = "Effusion", reader: str = "ann") -> None:
    labelling.label(project, np.array(ids), Judgement(finding, Value.PRESENT, reader, "single"))


def test_a_note_and_a_flag_are_a_readers_own(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        change = notes.write_note(project, 1, "  rotated \r\n film\0 ", "ann")
        assert change == Change("Note on 1 image", notes=True)
        assert notes.set_flag(project, 1, True, "ann") == Change("Come back later to 1 image", notes=True)
        notes.set_flag(project, 3, True, "bob")
        assert said(project) == {1: ("rotated \n film", True)}
        assert notes.note_of(project, 1, "bob") == Note()
        assert notes.flagged_ids(project, "ann").tolist() == [1]
        assert notes.note_readers(project) == ["ann", "bob"]
        assert notes.notes_of_images(project, [1, 2], "ann")[1].at.endswith("Z")


def test_what_changes_nothing_is_no_act_and_what_is_empty_leaves_no_row(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        assert notes.write_note(project, 1, " \n", "ann") is None
        assert notes.set_flag(project, 1, False, "ann") is None
        notes.write_note(project, 1, "x", "ann")
        assert notes.write_note(project, 1, "x ", "ann") is None
        notes.write_note(project, 1, "", "ann")
        assert said(project) == {}
        assert [one.text for one in history(project)] == ["Note removed from 1 image", "Note on 1 image"]


def test_a_note_that_is_too_long_is_refused_whole(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        notes.write_note(project, 1, "x" * notes.MOST_CHARACTERS, "ann")
        with pytest.raises(UserError, match="2,000 characters at most; this one has 2,001"):
            notes.write_note(project, 1, "y" * (notes.MOST_CHARACTERS + 1), "ann")
        assert said(project)[1][0][0] == "x"


def test_notes_are_undone_and_done_again_over_a_restart(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
        notes.write_note(project, 1, "first", "ann")
        notes.write_note(project, 1, "second", "ann")
        notes.set_flag(project, 1, True, "ann")
        label(project, 2)
        at = notes.note_of(project, 1, "ann").at
    with Project.open(path) as project:
        acts.undo(project)
        undone = acts.undo(project)
        assert undone is not None and undone.notes and not undone.labels
        assert said(project) == {1: ("second", False)}
        acts.undo(project)
        assert said(project) == {1: ("first", False)}
        acts.undo(project)
        assert said(project) == {}
    with Project.open(path) as project:
        for _ in range(3):
            acts.redo(project)
        assert notes.note_of(project, 1, "ann") == Note("second", True, at)
        assert [one.images for one in history(project)] == [1, 1, 1, 1]
        change, back = go_to(project, 0)
        assert change is not None and change.notes and back == 3
        assert said(project) == {}


def test_the_list_of_acts_does_not_hold_the_words(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        notes.write_note(project, 1, "Jane Doe", "ann")
        assert not any("Jane" in one.text for one in history(project))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_project_of_an_earlier_version_takes_notes_and_keeps_its_labels(tmp_path: Path, version: int) -> None:
    path = tmp_path / "test.cxr"
    older_project(path, tmp_path, version)
    with Project.open(path) as project:
        assert [row.file for row in exporting.label_rows(project)] == ["00.png"]
        notes.write_note(project, 1, "after the migration", "ann")
        assert said(project) == {1: ("after the migration", False)}
        acts.undo(project)
        acts.undo(project)
        assert not list(exporting.label_rows(project))
        assert find_damage(project.db, thorough=True) == []
    (kept,) = [backup for backup in backups(path) if f"schema{version}" in backup.name]
    connection = sqlite3.connect(kept)
    assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    connection.close()


def test_an_older_project_is_repaired_without_a_word_of_tables_it_never_had(tmp_path: Path) -> None:
    path = tmp_path / "test.cxr"
    older_project(path, tmp_path, 3)
    assert repair(path).missing == []


def test_notes_whose_table_is_damaged_come_back_from_the_record_of_acts(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
        label(project, 2)
        notes.write_note(project, 1, "kept", "ann")
        notes.set_flag(project, 1, True, "ann")
        notes.write_note(project, 3, "taken back", "ann")
        acts.undo(project)
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE reader_notes")
    connection.commit()
    connection.close()
    done = repair(path)
    assert done.missing == ["reader_notes"] and "1 notes were taken from the record of acts." in done.mended
    with Project.open(path) as project:
        assert said(project) == {1: ("kept", True)}


def test_notes_of_images_whose_entries_are_lost_are_kept(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
        notes.write_note(project, 1, "kept", "ann")
        label(project, 1)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM images WHERE id = 1")
    connection.execute("PRAGMA ignore_check_constraints = on")
    connection.execute("UPDATE reader_notes SET flagged = 7")
    connection.commit()
    connection.close()
    with Project.open(path) as project:
        assert len(project.lost) == 3
        assert said(project) == {1: ("kept", True)}
        assert project.paths()[1] == "(lost image 1)"


# -- merging -----------------------------------------------------------------------------------------------------------


def other_project(home: Path, *paths: str) -> Project:
    home.mkdir()
    with new_project(home, 0) as made:
        path = made.path
    project = Project.open(path)
    project.update_files(files(*paths), [])
    return project


def test_notes_are_merged_with_the_labels_as_one_act(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path / "b", "a/one.png", "a/two.png") as other:
        embed_all(project)
        embed_all(other)
        label(other, 1, reader="bob")
        notes.write_note(other, 1, "on a labelled one", "bob")
        notes.write_note(other, 2, "on another", "cy")
        notes.set_flag(other, 2, True, "cy")
        at = notes.note_of(other, 2, "cy").at
        plan = plan_merge(project, other.path, {"cy": "cyd"})
        assert (plan.new_notes, plan.note_conflicts, plan.taken(False)) == (2, 0, (1, 2))
        assert [(reader.name, reader.labels) for reader in plan.readers] == [("bob", 1), ("cy", 0)]
        change = merge(project, plan, "ann")
        assert change == Change("Merged 1 label on 1 image and 2 notes", labels=True, notes=True)
        assert said(project, "bob") == {1: ("on a labelled one", False)}
        assert notes.note_of(project, 2, "cyd") == Note("on another", True, at)
        assert plan_merge(project, other.path, {"cy": "cyd"}).notes == ()
        acts.undo(project)
        assert not list(notes.note_rows(project)) and not list(exporting.label_rows(project))


@pytest.mark.parametrize("take_theirs", [False, True])
def test_of_two_notes_of_one_reader_ours_stays_unless_theirs_is_asked_for(tmp_path: Path, take_theirs: bool) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path / "b", "00.png", "01.png", "02.png") as other:
        for image_id, here, there in ((1, "ours", "theirs"), (2, "", "theirs"), (3, "ours", "")):
            notes.write_note(project, image_id, here, "ann")
            notes.write_note(other, image_id, there, "ann")
        notes.set_flag(project, 1, True, "ann")
        notes.set_flag(other, 3, True, "ann")
        plan = plan_merge(project, other.path)
        assert (len(plan.notes), plan.new_notes, plan.note_conflicts) == (3, 2, 1)
        change = merge(project, plan, "ann", take_theirs)
        assert change is not None and change.text == f"Merged {'3' if take_theirs else '2'} notes"
        assert said(project) == {
            1: ("theirs" if take_theirs else "ours", True),
            2: ("theirs", False),
            3: ("ours", True),
        }


# -- through a table and back ------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def come_in(project: Project, table: Path, reader: str = "imported") -> Change | None:
    read = read_labels(table, (), project.vocabulary)
    assert read.problems == ()
    rows = importing.rows_to_import(read, match_files(read.files, project.paths().values()), reader, project.vocabulary)
    return importing.import_labels(project, rows, reader, rows.noted())


def test_awkward_notes_come_back_as_they_were(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    with (
        new_project(tmp_path, len(AWKWARD)) as project,
        other_project(tmp_path / "b", *(f"{number:02}.png" for number in range(len(AWKWARD)))) as other,
    ):
        for number, text in enumerate(AWKWARD):
            notes.write_note(project, number + 1, text, "ann")
        notes.set_flag(project, 1, True, "ann")
        notes.set_flag(project, 2, True, "bob")
        label(project, 1, 2)
        label(project, 1, finding="Nodule")
        report = exporting.export_labels(project, out, "long")
        assert (report.labels, report.notes, report.images) == (3, len(AWKWARD) + 1, len(AWKWARD))
        change = come_in(other, out)
        assert change == Change(f"Imported 3 labels on 2 images and {len(AWKWARD) + 1} notes", labels=True, notes=True)
        assert list(notes.note_rows(other)) == list(notes.note_rows(project))
        assert come_in(other, out) is None
        acts.undo(other)
        assert not list(notes.note_rows(other))


def test_a_line_of_a_note_that_looks_like_a_row_is_warned_of_and_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    with new_project(tmp_path) as project:
        notes.write_note(project, 1, "a,b\n,,,,,,,,,,,,,,z", "ann")
        exporting.export_labels(project, out, "long")
    read = read_labels(out)
    assert [row.note.text for row in read.notes] == ["a,b\n,,,,,,,,,,,,,,z"]
    assert "check the quote" in read.problems[0]


def test_no_cell_of_a_note_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    with new_project(tmp_path, len(AWKWARD)) as project:
        for number, text in enumerate(AWKWARD):
            notes.write_note(project, number + 1, text, "ann")
        exporting.export_labels(project, out, "long")
    assert not [row["note"] for row in rows_of(out) if row["note"][0] in "=+-@\t\r"]


def test_a_note_stands_in_the_rows_of_its_labels_and_in_one_of_its_own_without_them(tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    with new_project(tmp_path) as project:
        label(project, 1)
        label(project, 1, finding="Nodule")
        label(project, 1, reader="bob")
        notes.write_note(project, 1, "rotated", "ann")
        notes.set_flag(project, 2, True, "ann")
        exporting.export_labels(project, out, "long")
        wanted = ("file", "finding", "value", "reader", "note", "come_back")
        assert [tuple(row[name] for name in wanted) for row in rows_of(out)] == [
            ("00.png", "Effusion", "present", "ann", "rotated", ""),
            ("00.png", "Effusion", "present", "bob", "", ""),
            ("00.png", "Nodule", "present", "ann", "rotated", ""),
            ("01.png", "", "", "ann", "", "yes"),
        ]
        exporting.export_labels(project, out, "long", "bob")
        assert [row["note"] for row in rows_of(out)] == [""]
        exporting.export_labels(project, out, "long", notes=False)
        assert "note" not in rows_of(out)[0] and "rotated" not in out.read_text(encoding="utf-8")
        for rule, format in ((None, "nih"), (None, "chexpert"), ("majority", "long")):
            exporting.export_labels(project, out, format, None, rule)  # type: ignore[arg-type]
            assert "rotated" not in out.read_text(encoding="utf-8")


def test_a_table_of_notes_alone_comes_in_under_the_name_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    table.write_text(
        "file,finding,value,note,Come back\n00.png,,,look again,TRUE\n./00.png,,,,no\nx.png,,,elsewhere,\n", "utf-8"
    )
    with new_project(tmp_path) as project:
        assert come_in(project, table, "cy") == Change("Imported 1 note", notes=True)
        assert said(project, "cy") == {1: ("look again", True)}


def test_an_import_takes_no_note_away_and_names_what_it_cannot_use(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    rows = (
        "00.png,Effusion,1,,",
        "01.png,,,one,maybe",
        "01.png,Effusion,1,another,yes",
        f"02.png,,,{'y' * 2001},",
        "03.png,,,,",
    )
    table.write_text("\n".join(("file,finding,value,note,come_back", *rows)) + "\n", "utf-8")
    with new_project(tmp_path) as project:
        notes.write_note(project, 1, "stays", "ann")
        read = read_labels(table, (), project.vocabulary)
        assert len(read.problems) == 2
        assert "'maybe' under come_back" in read.problems[0] and "than in line 3" in read.problems[1]
        assert read.notes[0] == NoteRow("01.png", "", Note("one", True))
        matching = match_files(read.files, project.paths().values())
        incoming = importing.rows_to_import(read, matching, "ann", project.vocabulary)
        assert "1 note longer than 2,000 characters" in incoming.problems[-1]
        importing.import_labels(project, incoming, "ann", incoming.noted())
        assert said(project) == {1: ("stays", False), 2: ("one", True), 3: ("y" * 2000, False)}


def test_the_command_line_carries_notes_and_leaves_them_out_when_asked(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out.csv"
    with new_project(tmp_path) as project:
        path = project.path
        notes.write_note(project, 1, "rotated", "ann")
    assert main(["export", str(path), str(out)]) == 0
    assert "0 labels and 1 note on 1 images" in capsys.readouterr().out
    assert "rotated" in out.read_text(encoding="utf-8")
    assert main(["import", str(path), str(out), "--dry-run"]) == 0
    assert "0 labels and 1 note (long form)" in capsys.readouterr().out
    assert main(["export", str(path), str(out), "--without-notes"]) == 0
    assert "rotated" not in out.read_text(encoding="utf-8")


# -- searching ---------------------------------------------------------------------------------------------------------


def test_words_of_notes_are_found_where_they_begin(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        search = Search(project, np.arange(1, 7), {}, "ann")
        notes.write_note(project, 2, "Old rib\nFracture", "ann")
        notes.write_note(project, 3, "fracture", "bob")
        assert search.find("fracture").image_ids.tolist() == [2]
        assert search.find('note:"rib fracture"').image_ids.tolist() == [2]
        assert search.find("note:acture").image_ids.tolist() == []
        notes.write_note(project, 4, "fractures", "ann")
        search.forget_labels()
        assert search.find("note:fracture").image_ids.tolist() == [2, 4]
