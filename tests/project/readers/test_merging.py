"""Another reader's labels come in: matched without a guess, counted before, taken and undone whole."""

from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import How, Judgement, Value
from cxr_explorer.labels.reader_names import reread_name
from cxr_explorer.project import acts, exporting, labelling
from cxr_explorer.project.project import Project
from cxr_explorer.project.readers.merging import merge, plan_merge, planned_merge
from tests.project.projects import FINDINGS, embed_all, files, new_project

P, A, U = Value.PRESENT, Value.ABSENT, Value.UNCERTAIN


def label(project: Project, reader: str, finding: str = "Effusion", **values: Value) -> None:
    """Labels files by name: label(project, "ann", **{"00.png": P})."""
    ids = {path: image_id for image_id, path in project.paths().items()}
    for file, value in values.items():
        how: How = (
            "reread" if reader.endswith("(re-read)") else "adjudication" if reader == "adjudicated" else "cluster"
        )
        labelling.label(project, np.array([ids[file]]), Judgement(finding, value, reader, how, 3, 9))


def other_project(tmp_path: Path, *paths: str) -> Project:
    """Whose images have digests "d1", "d2", … once embedded, as `new_project`'s have."""
    folder = tmp_path / "others"
    folder.mkdir(exist_ok=True)
    project = Project.create(tmp_path / "other.cxr", folder, FINDINGS)
    project.update_files(files(*paths), [])
    return project


def labels(project: Project) -> set[tuple[str, str, str, int]]:
    return {(row.file, row.finding, row.reader, int(row.value)) for row in exporting.label_rows(project)}


def test_images_are_found_by_their_content_under_another_name(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "a/first.png", "a/second.png") as other:
        embed_all(project)
        embed_all(other)
        label(other, "bob", **{"a/first.png": P, "a/second.png": A})
        plan = plan_merge(project, other.path)
        assert plan.matching.by_content == {"a/first.png": "00.png", "a/second.png": "01.png"}
        assert (plan.new, plan.same, plan.conflicts) == (2, 0, 0)
        assert labels(project) == set()
        change = merge(project, plan, "ann")
        assert change is not None
        assert change.text == "Merged 2 labels on 2 images"
        assert labels(project) == {("00.png", "Effusion", "bob", 1), ("01.png", "Effusion", "bob", 0)}
        row = next(exporting.label_rows(project))
        assert (row.how, row.cluster, row.map_id) == ("merge", None, None)  # clusters of another map mean nothing here
        acts.undo(project)
        assert labels(project) == set()
        acts.redo(project)
        assert len(labels(project)) == 2


def test_the_time_a_label_was_given_is_kept(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png") as other:
        label(other, "bob", **{"00.png": P})
        given = next(exporting.label_rows(other)).at
        merge(project, plan_merge(project, other.path), "ann")
        assert next(exporting.label_rows(project)).at == given


def test_a_file_of_that_name_with_another_content_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png", "01.png") as other:
        embed_all(project)
        embed_all(other)
        with other.db.atomic():
            other.db.execute("UPDATE images SET digest = 'converted' WHERE path = '00.png'")
        label(other, "bob", **{"00.png": P, "01.png": P})
        plan = plan_merge(project, other.path)
        assert plan.matching.by_content == {"01.png": "01.png"}
        assert plan.matching.other_content == {"00.png": "00.png"}
        assert plan.new == 1
        assert plan_merge(project, other.path, by_name=True).new == 2


def test_without_known_contents_the_path_tells(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "sub/01.png", "nowhere.png") as other:
        label(other, "bob", **{"sub/01.png": P, "nowhere.png": P})
        plan = plan_merge(project, other.path)
        assert plan.matching.by_name == {"sub/01.png": "01.png"}
        assert plan.matching.unmatched == ("nowhere.png",)


def test_an_unlabelled_file_of_theirs_still_makes_a_name_ambiguous(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "a/01.png", "b/01.png") as other:
        label(other, "bob", **{"a/01.png": P})
        plan = plan_merge(project, other.path)
        assert (plan.new, list(plan.matching.ambiguous)) == (0, ["a/01.png"])


def test_two_answers_under_one_name_are_shown_and_ours_stays_unless_theirs_is_wanted(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png", "01.png", "02.png") as other:
        label(project, "reader 1", **{"00.png": P, "01.png": P})
        label(other, "reader 1", **{"00.png": P, "01.png": A, "02.png": A})
        plan = plan_merge(project, other.path)
        assert (plan.new, plan.same, plan.conflicts) == (1, 1, 1)
        (conflict,) = plan.listed
        assert (conflict.file, conflict.reader, conflict.here, conflict.there) == ("01.png", "reader 1", P, A)
        merge(project, plan, "ann")
        assert ("01.png", "Effusion", "reader 1", 1) in labels(project)
        acts.undo(project)
        merge(project, plan, "ann", take_theirs=True)
        assert ("01.png", "Effusion", "reader 1", 0) in labels(project)
        assert plan_merge(project, other.path).new == 0


def test_a_reader_can_come_in_under_another_name_and_their_re_reads_with_them(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png") as other:
        label(project, "reader 1", **{"00.png": P})
        label(other, "reader 1", **{"00.png": A})
        label(other, reread_name("reader 1"), **{"00.png": P})
        label(other, "adjudicated", **{"00.png": P})
        plan = plan_merge(project, other.path, {"reader 1": "bob"})
        assert {(reader.name, reader.comes_as) for reader in plan.readers} == {
            ("adjudicated", "adjudicated"),
            ("reader 1", "bob"),
            ("reader 1 (re-read)", "bob (re-read)"),
        }
        assert plan.conflicts == 0
        merge(project, plan, "ann")
        assert {row[2] for row in labels(project)} == {"reader 1", "bob", "bob (re-read)", "adjudicated"}


def test_two_readers_cannot_come_in_under_one_name_nor_under_a_reserved_one(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png") as other:
        label(other, "bob", **{"00.png": A})
        label(other, "cat", **{"00.png": P})
        with pytest.raises(UserError, match="one name"):
            plan_merge(project, other.path, {"cat": "bob"})
        with pytest.raises(UserError, match="not a reader"):
            plan_merge(project, other.path, {"cat": "Adjudicated"})


def test_findings_are_spelled_as_they_are_here(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png", "01.png") as other:
        label(other, "bob", "EFFUSION", **{"00.png": P, "01.png": P})
        label(other, "bob", "effusion", **{"01.png": P})
        label(other, "bob", "Scoliosis", **{"00.png": P})
        merge(project, plan_merge(project, other.path), "ann")
        assert {row[:2] for row in labels(project)} == {
            ("00.png", "Effusion"),
            ("01.png", "Effusion"),
            ("00.png", "Scoliosis"),
        }


def test_a_table_comes_in_too_its_nameless_labels_under_the_name_given(tmp_path: Path) -> None:
    table = tmp_path / "bob.csv"
    table.write_text("Path,Effusion,Nodule\n00.png,1,0\nsub/01.png,-1,\nnowhere.png,1,1\n", encoding="utf-8")
    with new_project(tmp_path) as project:
        embed_all(project)
        with pytest.raises(UserError, match="needs a name"):
            plan_merge(project, table)
        plan = plan_merge(project, table, {"": "bob"})
        assert (plan.new, plan.matching.unmatched) == (3, ("nowhere.png",))
        merge(project, plan, "ann")
        assert labels(project) == {
            ("00.png", "Effusion", "bob", 1),
            ("00.png", "Nodule", "bob", 0),
            ("01.png", "Effusion", "bob", -1),
        }


def test_majorities_in_a_table_are_nobodys_and_of_repeated_answers_the_latest_counts(tmp_path: Path) -> None:
    table = tmp_path / "long.csv"
    table.write_text(
        "file,finding,value,reader,time\n"
        "00.png,Effusion,present,bob,2026-02-01T00:00:00Z\n"
        "00.png,Effusion,absent,bob,2026-01-01T00:00:00Z\n"
        "01.png,Effusion,absent,majority,2026-01-01T00:00:00Z\n",
        encoding="utf-8",
    )
    with new_project(tmp_path) as project:
        plan = plan_merge(project, table)
        assert len(plan.problems) == 2
        merge(project, plan, "ann")
        assert labels(project) == {("00.png", "Effusion", "bob", 1)}


def test_the_open_project_itself_and_a_file_without_labels_are_refused(tmp_path: Path) -> None:
    with new_project(tmp_path) as project, other_project(tmp_path, "00.png") as other:
        with pytest.raises(UserError, match="itself"):
            plan_merge(project, project.path)
        with pytest.raises(UserError, match="no labels"):
            plan_merge(project, other.path)
        label(other, "bob", **{"00.png": A})
        (plan,) = planned_merge(project.path, other.path, {}, False)
        assert plan.new == 1
