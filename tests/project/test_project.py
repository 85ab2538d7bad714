"""The project file: what it remembers, and what it refuses."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.atlas.build import BuiltMap
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.file import default_project_path
from cxr_explorer.project.labelling import label
from cxr_explorer.project.project import Project
from cxr_explorer.project.storage import StorageError
from tests.project.projects import ENCODER, FINDINGS, embed_all, embedded, files, new_project

IDS = np.array


def test_only_images_without_an_embedding_of_the_encoder_are_pending(tmp_path: Path) -> None:
    with new_project(tmp_path, 4) as project:
        project.store_batch(ENCODER, Batch((embedded(1), embedded(3)), ()))
        assert [source.image_id for source in project.pending(ENCODER.key)] == [2, 4]
        assert [source.image_id for source in project.pending("another")] == [1, 2, 3, 4]


def test_an_unreadable_file_is_listed_with_its_reason_and_not_tried_again(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project, failing=(2,))
        assert [(item.path, item.reason) for item in project.failures()] == [("01.png", "broken")]
        assert project.pending(ENCODER.key) == []
        project.retry_failed()
        assert [source.image_id for source in project.pending(ENCODER.key)] == [2]


def test_added_files_cost_only_themselves(tmp_path: Path) -> None:
    with new_project(tmp_path, 2) as project:
        embed_all(project)
        known = files("00.png", "01.png")
        changes = project.update_files(files("new.png"), known)
        assert (changes.added, changes.changed, changes.missing) == (1, 0, 0)
        assert [source.path.name for source in project.pending(ENCODER.key)] == ["new.png"]


def test_a_file_that_is_gone_leaves_the_map_but_keeps_its_labels(tmp_path: Path) -> None:
    with new_project(tmp_path, 2) as project:
        embed_all(project)
        label(project, IDS([1]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        assert project.update_files([], files("01.png")).missing == 1
        assert project.embeddings(ENCODER.key)[0].tolist() == [2]
        assert [row.file for row in label_rows(project)] == ["00.png"]
        assert project.update_files([], files("00.png", "01.png")).missing == 0
        assert project.embeddings(ENCODER.key)[0].tolist() == [1, 2]


def test_a_file_with_new_content_is_read_again_and_marked_where_it_was_labelled(tmp_path: Path) -> None:
    with new_project(tmp_path, 2) as project:
        embed_all(project)
        label(project, IDS([1]), Judgement("Effusion", Value.PRESENT, "ann", "single"))
        changes = project.update_files(files("00.png", "01.png", size=11), [])
        assert changes.changed == 2
        assert [source.image_id for source in project.pending(ENCODER.key)] == [1, 2]
        assert project.image(1).replaced
        assert not project.image(2).replaced
        assert len(list(label_rows(project))) == 1


def test_embeddings_come_back_as_they_were_stored(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project, failing=(2,))
        ids, vectors = project.embeddings(ENCODER.key)
    assert ids.tolist() == [1, 3]
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [[1, 1, 0], [3, 1, 0]])


def test_a_map_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        assert project.latest_map() is None
        xy = np.array([[0, 1], [2, 3], [4, 5]], np.float32)
        clusters = np.array([0, -1, 0], np.int32)
        one = np.ones(3, np.float32)
        map_id = project.store_map(
            ENCODER, {"seed": 1}, IDS([1, 2, 3]), BuiltMap(xy, clusters, one, 0 * one, one, seconds={"layout": 0.1})
        )
        found = project.latest_map()
    assert found is not None
    assert (found.map_id, found.encoder_key, found.parameters) == (map_id, "toy-1", {"seed": 1})
    np.testing.assert_array_equal(found.xy, xy)
    np.testing.assert_array_equal(found.clusters, clusters)
    assert found.image_ids.tolist() == [1, 2, 3]


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        with pytest.raises(UserError, match="open in another window"):
            Project.open(project.path)
        with Project.open_read_only(project.path) as reader:
            assert reader.image_count() == 6
    Project.open(project.path).close()


def test_what_excludes_what_survives_a_restart_and_goes_without_saying_in_an_older_project(tmp_path: Path) -> None:
    own = Vocabulary("Views", ("No Finding", "PA", "AP"), {"PA": ("AP",)})
    with new_project(tmp_path) as project:
        project.set_vocabulary(own)
        path = project.path
    with Project.open(path) as again:
        assert again.vocabulary == own
        again.set("vocabulary", '{"name": "Views", "findings": ["No Finding", "PA", "AP"]}')
        assert again.vocabulary.excludes == {"No Finding": ("PA", "AP")}


def test_the_folder_vocabulary_and_images_survive_a_restart(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path, folder = project.path, project.folder
    with Project.open(path) as again:
        assert again.folder == folder
        assert again.vocabulary == FINDINGS
        assert again.image_count() == 6


def test_a_closed_project_is_one_file(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        embed_all(project)
    assert [path.name for path in tmp_path.glob("test.cxr*") if not path.name.endswith(".lock")] == ["test.cxr"]


def test_a_project_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UserError, match="newer"):
        Project.open(path)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to look like a file" * 20])
def test_a_file_that_is_no_project_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.cxr"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"Cannot open .*other\.cxr"):
        Project.open(path)
    assert path.read_bytes() == content


def test_a_missing_project_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        Project.open(tmp_path / "gone.cxr")


def test_an_existing_file_is_never_overwritten_by_a_new_project(tmp_path: Path) -> None:
    (tmp_path / "test.cxr").write_text("precious")
    with pytest.raises(UserError, match="exists already"):
        new_project(tmp_path)
    assert (tmp_path / "test.cxr").read_text() == "precious"


def test_a_project_of_an_older_version_can_be_read_without_opening_it_for_writing_first(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        path = project.path
    connection = sqlite3.connect(path)
    later = ("state_changes", "state", "partitions", "trees", "neighbours", "metadata", "audits")
    for table in (*later, "reader_notes", "note_changes"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name != 'm001_images_maps_labels'")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    with Project.open_read_only(path) as project:
        assert len(project.paths()) == 6
        assert project.facts() == {}
    with Project.open_read_only(path) as project, pytest.raises(StorageError, match="not stored"):
        project.set("reader", "ann")


def test_two_folders_of_one_name_get_two_projects(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "chest", tmp_path / "b" / "chest"
    assert default_project_path(first) != default_project_path(second)
    assert default_project_path(first) == default_project_path(first)
    assert default_project_path(first).name.startswith("chest-")


def test_facts_hold_the_folder_an_image_lies_in(tmp_path: Path) -> None:
    with new_project(tmp_path, 0) as project:
        project.update_files(files("top.png", "ward/deep/one.png"), [])
        embed_all(project)
        assert [facts["folder"] for facts in project.facts().values()] == ["(top)", "ward/deep"]
        assert project.facts()[1]["view"] == "PA"


def test_what_a_table_says_goes_before_what_the_file_says_and_patients_are_no_fact(tmp_path: Path) -> None:
    with new_project(tmp_path, 3) as project:
        embed_all(project)
        rows = [(1, "view", "AP"), (1, "patient", "7"), (2, "patient", "7"), (2, "study", "1")]
        with project.db.atomic():
            project.db.conn.executemany("INSERT INTO metadata VALUES (?, ?, ?)", rows)
        assert project.facts()[1] == {"view": "AP", "folder": "(top)"}
        assert project.facts()[2] == {"view": "PA", "folder": "(top)"}
        assert project.patient_groups(IDS([3, 2, 1])).tolist() == [-1, 7, 7]
