"""Copies of the project file in a folder beside it: one a day, one before each migration, and damaged originals."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from cxr_explorer.files import make_private_folder, sync_folder
from cxr_explorer.project.damage import COMPUTED

log = logging.getLogger("cxr_explorer")

KEPT_DAILY = 5
KEPT_OF_SCHEMAS = 3


def backup_folder(path: Path) -> Path:
    """Where the backups of a project lie."""
    return path.with_name(f"{path.name}-backups")


def backups(path: Path) -> list[Path]:
    """The backups of a project that were made while it was sound, newest first."""
    found = [*backup_folder(path).glob(_name(path, "????-??-??*"))]
    return sorted(found, key=lambda backup: backup.stat().st_mtime, reverse=True)


def damaged_originals(path: Path) -> list[Path]:
    """Files as they were before they were mended, newest first. They are never removed by the program."""
    return sorted(backup_folder(path).glob(_name(path, "damaged-*")), reverse=True)


def back_up_daily(path: Path) -> Path | None:
    """Backs up what cannot be computed again, once a day and only where something was done since the last time.

    It takes 0.6 s for 100,000 images with 1.4 million labels. A backup that cannot be made, on a full disk, is no error
    of what the reader is doing: it is logged and tried again at the next opening.

    Returns:
        The backup, or None where none was made.
    """
    try:
        made = backups(path)
        out = backup_folder(path) / _name(path, f"{datetime.now(UTC):%Y-%m-%d}")
        if out in made or not _holds_work(path) or (made and _changed(path) <= made[0].stat().st_mtime):
            return None
        _write(out, lambda part: _copy_work(path, part))
        _rotate([backup for backup in backups(path) if "-schema" not in backup.name], KEPT_DAILY)
        return out
    except (OSError, sqlite3.Error) as error:
        log.info("no backup: %s", type(error).__name__)
        return None


def back_up_before_migration(connection: sqlite3.Connection, path: Path, version: int) -> Path | None:
    """Backs up the whole file with SQLite's backup API. Returns None where that does not work, as `back_up_daily`."""
    out = backup_folder(path) / _name(path, f"{datetime.now(UTC):%Y-%m-%d}-schema{version}")
    try:
        _write(out, lambda part: _copy_whole(connection, part))
        _rotate([backup for backup in backups(path) if "-schema" in backup.name], KEPT_OF_SCHEMAS)
        return out
    except (OSError, sqlite3.Error) as error:
        log.info("no backup: %s", type(error).__name__)
        return None


def keep_original(path: Path) -> Path:
    """Copies a damaged file, byte by byte, with its WAL. Raises OSError where there is no room."""
    out = backup_folder(path) / _name(path, f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        make_private_folder(out.parent)
        shutil.copyfile(wal, out.with_name(f"{out.name}-wal"))
        out.with_name(f"{out.name}-wal").chmod(0o600)
    _write(out, lambda part: _copy_bytes(path, part))
    return out


def _name(path: Path, rest: str) -> str:
    return f"{path.stem}-{rest}{path.suffix}"


def _changed(path: Path) -> float:
    """When the file or its WAL was written last."""
    wal = path.with_name(f"{path.name}-wal")
    return max(path.stat().st_mtime, wal.stat().st_mtime if wal.exists() and wal.stat().st_size else 0)


def _holds_work(path: Path) -> bool:
    with closing(_read(path)) as connection:
        return any(
            connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]
            for table in ("labels", "acts", "audits", "metadata", "state")
        )


def _read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


def _write(out: Path, copy: Callable[[Path], None]) -> None:
    make_private_folder(out.parent)
    part = out.with_name(f".{out.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        copy(part)
        part.replace(out)
        sync_folder(out.parent)
    finally:
        for leftover in (part, part.with_name(f"{part.name}-journal")):
            leftover.unlink(missing_ok=True)


def _copy_bytes(path: Path, part: Path) -> None:
    with path.open("rb") as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


def _copy_whole(connection: sqlite3.Connection, part: Path) -> None:
    with closing(sqlite3.connect(part)) as target:
        connection.backup(target)


def _copy_work(path: Path, part: Path) -> None:
    """Everything but the tables that the next run over the folder fills again; they hold nearly all bytes."""
    with closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=rw", uri=True)) as target:
        target.execute("ATTACH ? AS source", [f"{path.absolute().as_uri()}?mode=ro"])
        for name in ("application_id", "user_version"):
            (value,) = target.execute(f"PRAGMA source.{name}").fetchone()
            target.execute(f"PRAGMA main.{name} = {value}")
        with target:
            target.execute("BEGIN")
            made = target.execute(
                """SELECT name, type, sql FROM source.sqlite_master
                   WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC"""
            ).fetchall()  # tables before indices
            for _, _, sql in made:
                target.execute(sql)
            tables = [name for name, kind, _ in made if kind == "table" and name not in COMPUTED]
            for table in (*tables, "sqlite_sequence"):
                target.execute(f'INSERT INTO main."{table}" SELECT * FROM source."{table}"')


def _rotate(made: list[Path], kept: int) -> None:
    for backup in made[kept:]:
        backup.unlink(missing_ok=True)
