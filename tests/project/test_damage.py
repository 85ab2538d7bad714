"""Damaged projects: no traceback, every label kept, and what is computed made anew. A short form of `tests.damage`."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.encoder.embed import Batch
from cxr_explorer.project.damage import find_damage
from cxr_explorer.project.project import Project
from cxr_explorer.project.repair import examine, repair
from tests.damage import KINDS, Kind, judge, labels_of, make_base, pages
from tests.damage import examine as outcome_of
from tests.project.older import older_project
from tests.project.projects import ENCODER, embed_all, embedded, files, new_project


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("damage") / "base")


def test_there_are_enough_kinds() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 80


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_project_gives_no_traceback_and_its_labels_are_kept(tmp_path: Path, base: Path, kind: Kind) -> None:
    outcome = outcome_of(kind, base, tmp_path / "damaged", commands=("export", "doctor"))
    assert not judge(kind, outcome), "\n".join(outcome.traces)


def test_a_sound_project_has_no_damage_and_repairing_it_loses_nothing(tmp_path: Path, base: Path) -> None:
    home = tmp_path / "sound"
    shutil.copytree(base.parent, home)
    path = home / base.name
    assert examine(path).sound
    before = dump(path)
    done = repair(path)
    assert (done.lost, done.missing, done.mended) == ({}, [], [])
    assert dump(path) == before
    assert Path(done.original).read_bytes()[:16] == b"SQLite format 3\0"


def dump(path: Path) -> dict[str, list[object]]:
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    held = {
        table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall())
        for table in tables
        if table not in ("_sqlite_migrations", "sqlite_sequence")
    }
    connection.close()
    return held


def test_looking_changes_nothing(tmp_path: Path, base: Path) -> None:
    path = shutil.copy(base, tmp_path / "test.cxr")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE maps SET xy = X''")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert main(["doctor", str(path)]) == 1
    assert path.read_bytes() == before


def test_what_was_mended_at_opening_is_told_and_what_a_person_did_stays_in_a_copy(tmp_path: Path, base: Path) -> None:
    path = shutil.copy(base, tmp_path / "test.cxr")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE state SET value = '[' WHERE kind = 'looked'")
    connection.commit()
    connection.close()
    with Project.open(path) as project:
        assert "looked" in project.lost[0] and "kept as" in project.lost[-1]
    (original,) = (tmp_path / "test.cxr-backups").glob("test-damaged-*.cxr")
    connection = sqlite3.connect(original)
    assert connection.execute("SELECT value FROM state WHERE kind = 'looked'").fetchone() == ("[",)
    connection.close()
    with Project.open(path) as project:
        assert project.lost == ()


def test_damaged_embeddings_and_facts_are_made_anew_by_the_next_run(tmp_path: Path) -> None:
    with new_project(tmp_path, 5) as project:
        embed_all(project)
        with project.db.atomic():
            project.db.execute("UPDATE embeddings SET vector = X'00' WHERE image_id = 2")
            project.db.execute("UPDATE images SET facts = '{' WHERE id = 3")
            project.db.execute("DELETE FROM thumbnails WHERE image_id = 4")
            nan = np.full(3, np.nan, "<f4").tobytes()
            project.db.execute("UPDATE embeddings SET vector = ? WHERE image_id = 5", [nan])
        assert project.embeddings(ENCODER.key)[0].tolist() == [1, 3, 4]
        assert project.facts()[3] == {"folder": "(top)"}
        project.drop_embeddings(ENCODER.key, np.array([5]))
        project.update_files([], files(*(f"{number:02}.png" for number in range(5))))
        assert [source.image_id for source in project.pending(ENCODER.key)] == [2, 3, 4, 5]
        project.store_batch(ENCODER, Batch(tuple(embedded(number) for number in range(2, 6)), ()))
        assert project.pending(ENCODER.key) == []
        assert project.facts()[3] == {"view": "PA", "folder": "(top)"}


def test_the_names_clusters_had_survive_a_damaged_layout(tmp_path: Path, base: Path) -> None:
    path = shutil.copy(base, tmp_path / "test.cxr")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE maps SET xy = substr(xy, 1, 100)")
    connection.commit()
    connection.close()
    with Project.open(path) as project:
        found = project.latest_map()
        assert found is not None
        assert found.cluster_name(0) == "Clear lungs"
        assert project.get("map outdated") == "yes"
        assert len(np.unique(found.xy, axis=0)) == len(found.image_ids)
        assert find_damage(project.db) == []


def test_without_file_and_backup_a_repair_says_so_and_leaves_the_file(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "test.cxr"
    path.write_bytes(bytes(20_000))
    assert main(["doctor", str(path), "--repair"]) == 1
    assert "nothing in it can be read" in capsys.readouterr().err
    assert path.read_bytes() == bytes(20_000)


def test_a_repair_needs_the_project_closed(tmp_path: Path, base: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = shutil.copy(base, tmp_path / "test.cxr")
    with Project.open(path):
        assert main(["doctor", str(path), "--repair"]) == 1
        assert "open in another window" in capsys.readouterr().err
    assert labels_of(path) == labels_of(base)


@pytest.mark.parametrize("version", [4, 5])
def test_labels_between_pages_that_cannot_be_read_are_kept_without_a_record_of_acts(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "test.cxr"
    older_project(path, tmp_path, version, images=1500)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM acts")
        connection.execute("DELETE FROM label_changes")
        for finding in ("Effusion", "Mass", "Nodule"):
            connection.execute(
                "INSERT OR REPLACE INTO labels SELECT id, ?, 'ann', 0, 'then', 'single', NULL, NULL FROM images",
                [finding],
            )
        connection.commit()
    pages("labels", "ends")(path)
    done = repair(path)
    assert done.lost["labels"] > 0
    assert 4500 - 300 < done.kept["labels"] < 4500
    with Project.open(path) as project:
        assert {finding for _, finding, _, _ in labels_of(path)} == {"Effusion", "Mass", "Nodule"}
        assert find_damage(project.db) == []
