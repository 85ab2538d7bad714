"""Making and opening the project file: whole or not at all, for its owner alone."""

import os
import shutil
import sqlite3
import stat
from pathlib import Path, PureWindowsPath

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.project import file
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.project import Project
from cxr_explorer.project.schema import SCHEMA_VERSION
from cxr_explorer.project.storage import Connection, uri_of
from tests.project.older import older_project, steps_of_creation
from tests.project.projects import FINDINGS, embed_all, new_project

POSIX = pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


def stubs(home: Path, folder: Path) -> dict[str, Path]:
    """What an earlier version leaves when it is killed after each step: the file with what SQLite keeps beside it."""
    found = {}
    for step in steps_of_creation(home / "whole.cxr", folder):
        there = home / step
        there.mkdir()
        for source in home.glob("whole.cxr*"):
            shutil.copy(source, there / source.name)
        found[step] = there / "whole.cxr"
    return found


def test_what_an_earlier_version_left_unfinished_is_made_anew(tmp_path: Path, folder: Path) -> None:
    left = stubs(tmp_path, folder)
    assert len(left) == 7
    for step, path in left.items():
        with Project.of_folder(folder, path, FINDINGS) as project:
            assert (project.folder, project.vocabulary) == (folder.resolve(), FINDINGS), step
        with Project.open(path) as project:
            assert project.image_count() == 0, step


def test_a_file_that_holds_labels_is_never_made_anew(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "test.cxr"
    older_project(path, folder, 3)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM settings")
    connection.commit()
    connection.close()
    with pytest.raises(UserError, match="exists already"):
        Project.create(path, folder, FINDINGS)
    with Project.of_folder(folder, path, FINDINGS) as project:
        assert [row.file for row in label_rows(project)] == ["00.png"]


def test_another_database_is_never_made_anew(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "other.cxr"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE settings_of_mine (key)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UserError, match="not a CXR Explorer project"):
        Project.of_folder(folder, path, FINDINGS)
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, sqlite3.OperationalError("database or disk is full")])
def test_creation_that_fails_at_any_statement_leaves_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException] | BaseException
) -> None:
    real, left = Connection.execute, 0

    def failing(connection: Connection, *arguments: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise error
        return real(connection, *arguments)

    monkeypatch.setattr(Connection, "execute", failing)
    path = tmp_path / "new" / "test.cxr"
    for step in (*range(8), *range(10, 60, 10)):
        left = step
        with pytest.raises(BaseException, match=r"full|^$"):
            Project.create(path, folder, FINDINGS)
        if path.exists():
            break  # what fails after the renaming is the opening
        assert [entry.name for entry in path.parent.iterdir()] == ["test.cxr.lock"], step
    monkeypatch.undo()
    path.unlink(missing_ok=True)
    Project.create(path, folder, FINDINGS).close()


def test_what_a_killed_creation_left_is_cleared_away(tmp_path: Path, folder: Path) -> None:
    for ending in ("", "-journal", "-wal"):
        (tmp_path / f".test.cxr.part{ending}").write_bytes(b"half")
    (tmp_path / "test.cxr-wal").write_bytes(b"of a file that is gone")
    Project.create(tmp_path / "test.cxr", folder, FINDINGS).close()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["images", "test.cxr", "test.cxr.lock"]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_migration_happens_whole_or_not_at_all(
    tmp_path: Path, folder: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "test.cxr"
    older_project(path, folder, version)
    before = schema(path)

    def fails(database: object) -> None:
        database.execute("CREATE TABLE half (a)")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    migrations = file.migrations._migrations
    monkeypatch.setattr(migrations[-1], "fn", fails)
    with pytest.raises(KeyboardInterrupt):
        Project.open(path)
    assert schema(path) == before
    monkeypatch.undo()
    with Project.open(path) as project:
        assert [row.file for row in label_rows(project)] == ["00.png"]
    assert schema(path)[0] == SCHEMA_VERSION


def schema(path: Path) -> tuple[int, list[str]]:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    connection.close()
    return version, tables


@POSIX
def test_a_project_and_what_lies_beside_it_are_its_owners_alone(tmp_path: Path, folder: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "deep" / "new" / "test.cxr"
        with Project.create(path, folder, FINDINGS) as project:
            project.set("a", "b")
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
        assert set(modes) == {"test.cxr", "test.cxr-wal", "test.cxr-shm", "test.cxr.lock"}
        assert set(modes.values()) == {0o600}
        assert [stat.S_IMODE(made.stat().st_mode) for made in (path.parent, path.parent.parent)] == [0o700, 0o700]
    finally:
        os.umask(before)


def test_an_error_of_the_disk_in_an_act_stores_nothing_of_it_and_says_so(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        embed_all(project)
        project.db.execute(f"PRAGMA max_page_count = {project.db.execute('PRAGMA page_count').fetchone()[0]}")
        told = r"not stored: the disk .* is full. Everything before it is stored"
        with pytest.raises(UserError, match=told), project.db.atomic():
            project.set("first", "x")
            project.set("big", "x" * 1_000_000)
        assert project.get("first") == ""
        assert not project.db.conn.in_transaction


@pytest.mark.skipif(os.name != "posix", reason="such names are POSIX's")
def test_any_name_a_folder_can_have_does_for_a_project(tmp_path: Path, folder: Path) -> None:
    for name in ("a b", "50% #1?", "ä:ö", "x&mode=ro", os.fsdecode(b"\xff")):
        path = tmp_path / name / "t?e#s%t.cxr"
        Project.create(path, folder, FINDINGS).close()
        with Project.open(path) as project, Project.open_read_only(path) as reader:
            assert project.folder == reader.folder == folder.resolve()


def test_a_network_drives_server_is_part_of_the_path_for_sqlite() -> None:
    assert uri_of(PureWindowsPath("//server/share/a b.cxr"), "mode=rw") == "file:////server/share/a%20b.cxr?mode=rw"
    assert uri_of(PureWindowsPath("C:/data/a.cxr"), "mode=rw") == "file:///C:/data/a.cxr?mode=rw"


def test_what_could_not_be_read_is_not_said_to_be_not_stored(tmp_path: Path) -> None:
    with new_project(tmp_path) as project:
        project.db.execute("DROP TABLE thumbnails")
        with pytest.raises(UserError, match=r"could not be read: .* is damaged .*What was stored is kept"):
            project.thumbnails([1])
        with pytest.raises(UserError, match=r"This step was not stored: .* is damaged"), project.db.atomic():
            project.db.execute("DELETE FROM thumbnails")
        assert project.trouble is None
