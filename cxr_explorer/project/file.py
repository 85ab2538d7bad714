"""The project file as a file: where it lies, what makes it one, who may write it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path
from sqlite_utils import Database

from cxr_explorer.errors import UserError
from cxr_explorer.project.schema import APPLICATION_ID, SCHEMA_VERSION, migrations

SUFFIX = ".cxr"


def default_project_path(folder: Path) -> Path:
    """Where the project of an image folder lies unless the user chooses: in the user's data folder.

    The name ends in a hash of the folder's path, so that two folders of one name do not meet.
    """
    resolved = folder.resolve()
    digest = hashlib.blake2b(os.fsencode(resolved), digest_size=4).hexdigest()
    return user_data_path("cxr-explorer", appauthor=False) / "projects" / f"{resolved.name}-{digest}{SUFFIX}"


def demo_home() -> Path:
    """Where the demo set and its project lie unless the user chooses."""
    return user_data_path("cxr-explorer", appauthor=False) / "demo"


def probes_home() -> Path:
    """Where saved probes lie unless the user chooses."""
    return user_data_path("cxr-explorer", appauthor=False) / "probes"


def connect(path: Path, new: bool) -> tuple[Database, FileLock]:
    """Opens the file for writing, brings its tables up to date, and holds its lock.

    Args:
        path: The file; its folder exists.
        new: Whether to make it.

    Raises:
        UserError: Not a project, made by a newer version, damaged, not writable, or open elsewhere.
    """
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"Cannot write {path}: no permission. Copy the project to a place of your own.")
    lock = FileLock(str(path) + ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"Cannot open {path}: it is open in another window or command. Close that one first."
        ) from error
    except OSError as error:
        raise UserError(f"Cannot open {path}: {error.strerror or error}. Check the folder's permissions.") from error
    connection: sqlite3.Connection | None = None
    try:
        with _database_errors(path):
            connection = sqlite3.connect(path, timeout=30)
            connection.execute("PRAGMA foreign_keys = on")
            database = Database(connection)
            if new:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            else:
                _check_is_project(database, path)
            # Readers (the process that builds the map) and the writer do not wait for each other.
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("PRAGMA synchronous = full")
            migrations.apply(database)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        if connection is not None:
            connection.close()
        lock.release()
        raise
    return database, lock


def connect_read_only(path: Path) -> Database:
    """Opens the file for reading, also while another process writes it. Raises UserError as `connect` does.

    A file of an older version is brought up to date first, which needs the right to write it.
    """
    with _database_errors(path):
        database = Database(sqlite3.connect(path, timeout=30), recursive_triggers=False)
        try:
            outdated = _check_is_project(database, path) < SCHEMA_VERSION
        except BaseException:
            database.conn.close()
            raise
        if outdated:
            database.conn.close()
            written, lock = connect(path, new=False)
            written.conn.close()
            lock.release()
            database = Database(sqlite3.connect(path, timeout=30), recursive_triggers=False)
        database.conn.execute("PRAGMA query_only = on")
    return database


@contextmanager
def _database_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"Cannot open {path}: {error}. If it is a project, restore it from a backup, or index the folder again."
        ) from error


def _check_is_project(database: Database, path: Path) -> int:
    """The number of migrations the file has had."""
    (application_id,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise UserError(f"Cannot open {path}: not a CXR Explorer project. Choose a {SUFFIX} file.")
    if version > SCHEMA_VERSION:
        raise UserError(f"Cannot open {path}: made by a newer CXR Explorer. Update the program, then open it again.")
    return int(version)
