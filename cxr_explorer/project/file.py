"""The project file as a file: where it lies, what makes it one, who may write it."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from cxr_explorer.errors import UserError
from cxr_explorer.files import sync_folder
from cxr_explorer.pace import run_out
from cxr_explorer.project.backup import back_up_before_migration, backup_folder, keep_original
from cxr_explorer.project.damage import Damage, find_damage, finding_damage, mend
from cxr_explorer.project.schema import APPLICATION_ID, SCHEMA_VERSION, migrations
from cxr_explorer.project.storage import Connection, Database, StorageError, Trouble, open_connection

log = logging.getLogger("cxr_explorer")

SUFFIX = ".cxr"

_BESIDE = ("-wal", "-shm", "-journal")
"""Endings of what SQLite keeps beside a file."""

_OPENING: dict[Trouble, str] = {
    "full": "the disk that holds it is full. Free some space, then open it again.",
    "unreachable": "{reason}. See whether its drive is connected and has room, then open it again.",
    "read-only": "it cannot be written here. Copy the project to a folder of your own.",
    "busy": "another program holds it. Close that one first.",
    "damaged": "{reason}. If it is a project, run `cxr-explorer doctor {path} --repair`, which keeps the original and "
    "all labels that can be read; backups lie in {backups}.",
}


@dataclass
class OpenFile:
    """A project file that is open.

    Attributes:
        database: Its connection.
        lock: Held while it is open for writing; None where it is only read.
        lost: What was damaged and mended when it was opened, in words.
        viewed: Why it can only be looked at, in words; empty where it can be written or somebody else does.
        copy: Where a copy lies that is read in its place.
    """

    database: Database
    lock: FileLock | None = None
    lost: tuple[str, ...] = ()
    viewed: str = ""
    copy: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Closes it; closing twice does nothing."""
        self.database.conn.close()
        if self.lock is not None:
            self.lock.release()
        if self.copy is not None:
            self.copy.cleanup()


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


# -- making ------------------------------------------------------------------------------------------------------------


def create(path: Path, settings: Mapping[str, str]) -> OpenFile:
    """Makes a file, whole or not at all, and opens it for writing.

    It is filled under another name and gets its own at the end, so that a kill or a full disk leaves no file that
    looks like a project and is none. What an earlier version left unfinished is replaced.

    Args:
        path: The file; its folder exists.
        settings: What it begins with.

    Raises:
        UserError: There is a file already, its place cannot be written, or it is open elsewhere.
    """
    _check_writable(path)
    lock = _lock(path)
    try:
        if path.exists() and not is_unfinished(path):
            raise UserError(f"Cannot create {path}: the file exists already. Open it, or choose another name.")
        # The lock is ours: whoever began this file is dead.
        part = path.with_name(f".{path.name}.part")
        _remove_with_leftovers(part)
        try:
            fill(part, path, settings)
            remove_leftovers(path)  # of another file: SQLite would take them for this one's
            part.replace(path)
            sync_folder(path.parent)
        finally:
            _remove_with_leftovers(part)
        return OpenFile(run_out(_opening_for_writing(path))[0], lock)
    except OSError as error:
        lock.release()
        raise UserError(
            f"Cannot create {path}: {error.strerror or error}. Choose another place with --project."
        ) from error
    except BaseException:
        lock.release()
        raise


def is_unfinished(path: Path) -> bool:
    """Whether a file is what a version before this one left when it was killed while it made a project.

    Such a file says of no folder and holds no image, no label and no act: nothing is lost when it is made anew.
    """
    try:
        if not path.stat().st_size and not any(_beside(path, ending).exists() for ending in ("-wal", "-journal")):
            return True
        connection = open_connection(path, "mode=rw")
    except (OSError, StorageError):
        return False
    try:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if application_id not in (0, APPLICATION_ID) or not tables <= _known_tables():
            return False
        filled = {
            table
            for table in tables - {"_sqlite_migrations", "sqlite_sequence"}
            if connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]
        }
        return filled <= {"settings"} and (
            "settings" not in filled
            or not connection.execute("SELECT EXISTS (SELECT 1 FROM settings WHERE key = 'folder')").fetchone()[0]
        )
    except (StorageError, sqlite3.Error):
        return False
    finally:
        connection.close()


def _known_tables() -> set[str]:
    database = Database(memory=True)
    migrations.apply(database)
    return {*database.table_names(), "sqlite_sequence"}


def fill(part: Path, path: Path, settings: Mapping[str, str]) -> None:
    """Makes a file of the present version, for its owner alone.

    Args:
        part: The file, which is not there.
        path: What messages call it.
        settings: What it begins with.

    Raises:
        StorageError: The disk is full, or is not there any more.
        OSError: It cannot be made.
    """
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # SQLite's own files take the same permissions
    connection = open_connection(path, "mode=rw", at=part)
    try:
        with _opening(path, "create"):
            database = Database(connection)
            connection.execute("PRAGMA synchronous = full")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            with database.atomic():
                _migrate(database)
                connection.executemany("INSERT INTO settings VALUES (?, ?)", list(settings.items()))
    finally:
        connection.close()


def _migrate(database: Database) -> None:
    """Brings the tables up to date, all or none: a kill leaves the file as it was."""
    with database.atomic():
        migrations.apply(database)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def remove_leftovers(path: Path) -> None:
    """Removes what SQLite keeps beside a file."""
    for ending in _BESIDE:
        _beside(path, ending).unlink(missing_ok=True)


def _remove_with_leftovers(path: Path) -> None:
    path.unlink(missing_ok=True)
    remove_leftovers(path)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else opens the file for writing while the block runs. Raises UserError as `connect` does."""
    _check_writable(path)
    lock = _lock(path)
    try:
        yield
    finally:
        lock.release()


# -- opening -----------------------------------------------------------------------------------------------------------


def connecting(path: Path) -> Generator[None, None, OpenFile]:
    """Opens the file for writing, in steps, brings its tables up to date, and holds its lock.

    Args:
        path: The file, which exists.

    Raises:
        StorageError: It cannot be read or written, see `trouble`.
        UserError: Not a project, made by a newer version, or open elsewhere.
    """
    _check_writable(path)
    lock = _lock(path)
    try:
        database, lost = yield from _opening_for_writing(path)
    except BaseException:
        lock.release()
        raise
    return OpenFile(database, lock, lost)


def connect_read_only(path: Path) -> OpenFile:
    """Opens the file for reading, also while another process writes it. Raises UserError as `connect` does.

    A file of an older version is brought up to date first, and a damaged one mended: where it can be written, else in a
    copy.
    """
    if not _is_writable(path):
        return connect_to_view(path)
    try:
        database = _open_for_reading(path)
    except StorageError as error:
        if error.trouble != "full":
            raise
        return connect_to_view(path)
    if not _is_sound(database, path):
        database.conn.close()
        run_out(connecting(path)).close()
        database = _open_for_reading(path)
    database.conn.execute("PRAGMA query_only = on")
    return OpenFile(database)


def connect_to_view(path: Path) -> OpenFile:
    """Opens a file that cannot be written where it lies: read-only media, a full disk, somebody else's file.

    SQLite needs to write beside a file in WAL mode. Where it cannot, the file is read as one that nobody changes; where
    it holds changes that were not taken into it yet, is of an older version or damaged, a copy of it is read.

    Raises:
        UserError: Not a project, made by a newer version, damaged, or no room for the copy.
    """
    why = f"{path} cannot be written here"
    wal = _beside(path, "-wal")
    holds_all = not (wal.exists() and wal.stat().st_size)
    for query in ("mode=ro", *(("mode=ro&immutable=1",) if holds_all else ())):
        try:
            database = _open_for_reading(path, query)
        except StorageError as error:
            if error.trouble == "damaged":
                raise
            continue
        if _is_sound(database, path):
            return OpenFile(database, viewed=why)
        database.conn.close()
        break
    return _view_copy(path, why)


def _view_copy(path: Path, why: str) -> OpenFile:
    folder = tempfile.TemporaryDirectory(prefix="cxr-explorer-", ignore_cleanup_errors=True)
    try:
        copy = Path(folder.name) / path.name
        shutil.copyfile(path, copy)
        if _beside(path, "-wal").exists():
            shutil.copyfile(_beside(path, "-wal"), _beside(copy, "-wal"))
        database, lost = run_out(_opening_for_writing(path, at=copy))
        return OpenFile(database, lost=lost, viewed=why, copy=folder)
    except OSError as error:
        folder.cleanup()
        raise UserError(
            f"Cannot open {path}: it cannot be written where it lies, and a copy cannot be made in {folder.name} "
            f"({error.strerror or error}). Make room there, or copy the project to a folder of your own."
        ) from error
    except BaseException:
        folder.cleanup()
        raise


def _opening_for_writing(path: Path, at: Path | None = None) -> Generator[None, None, tuple[Database, tuple[str, ...]]]:
    """The database, up to date and sound, and what was lost in making it so."""
    connection = open_connection(path, "mode=rw", at)
    try:
        with _opening(path):
            database = Database(connection)
            _check_is_project(connection, path)
            # Readers (the process that builds the map) and the writer do not wait for each other.
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("PRAGMA synchronous = full")
            connection.execute("PRAGMA temp_store = memory")  # a full disk for temporary files keeps nothing from going
            version = _version(database)
            if version < SCHEMA_VERSION:
                if at is None:
                    back_up_before_migration(connection, path, version)
                _migrate(database)
            connection.execute("PRAGMA foreign_keys = on")  # not before: tables are made anew by migrations
            found = yield from finding_damage(database)
            return database, _mend(database, path, found, keep=at is None)
    except BaseException:
        connection.close()
        raise


def _mend(database: Database, path: Path, found: Sequence[Damage], keep: bool) -> tuple[str, ...]:
    """Mends what is damaged and tells what; what a person did and is lost stays in a copy of the file."""
    if not found:
        return ()
    incurable = [damage.text for damage in found if not damage.cure]
    if incurable:
        raise StorageError(incurable[0], "damaged", incurable[0].rstrip("."))
    kept = ""
    if keep and any(damage.human for damage in found):
        try:
            kept = f" The file as it was is kept as {keep_original(path)}."
        except OSError as error:
            reason = f"it is damaged, and there is no room to keep it as it is ({error.strerror or error})"
            raise StorageError(reason, "damaged", reason) from error
    lost = tuple(damage.text for damage in mend(database))
    log.warning("The project was damaged. %s", " ".join(lost))
    return (*lost[:-1], lost[-1] + kept)


def _is_sound(database: Database, path: Path) -> bool:
    with _opening(path):
        return _version(database) == SCHEMA_VERSION and not find_damage(database)


def _open_for_reading(path: Path, query: str = "mode=rw") -> Database:
    connection = open_connection(path, query)
    try:
        with _opening(path):
            _check_is_project(connection, path)
            connection.execute("PRAGMA temp_store = memory")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # whether the WAL can be used
            return Database(connection, recursive_triggers=False)
    except BaseException:
        connection.close()
        raise


def _lock(path: Path) -> FileLock:
    lock = FileLock(str(path) + ".lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"Cannot open {path}: it is open in another window or command. Close that one first."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"Cannot open {path}: {reason}. Check the folder's permissions.", "read-only", reason
        ) from error
    return lock


def _is_writable(path: Path) -> bool:
    return all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists())


def _check_writable(path: Path) -> None:
    if not _is_writable(path):
        raise StorageError(
            f"Cannot write {path}: no permission. Copy the project to a place of your own.",
            "read-only",
            "no permission",
        )


@contextmanager
def _opening(path: Path, verb: str = "open") -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        text = _OPENING[error.trouble].format(path=path, reason=error.reason, backups=backup_folder(path))
        raise StorageError(f"Cannot {verb} {path}: {text}", error.trouble, error.reason) from error


def _version(database: Database) -> int:
    """The number of migrations the file has had."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _check_is_project(connection: Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise UserError(f"Cannot open {path}: not a CXR Explorer project. Choose a {SUFFIX} file.")
    if version > SCHEMA_VERSION:
        raise UserError(f"Cannot open {path}: made by a newer CXR Explorer. Update the program, then open it again.")
