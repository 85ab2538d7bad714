"""Project files as earlier versions of the program made them, and left them when they were killed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from cxr_explorer.project.schema import APPLICATION_ID, migrations

MIGRATIONS = tuple(migration.name for migration in migrations.pending(Database(memory=True)))


def older_project(path: Path, folder: Path, version: int, images: int = 4) -> None:
    """A finished project of an earlier schema: `images` files, of which the first carries a label of "ann"."""
    for _ in steps_of_creation(path, folder, version):
        pass
    connection = sqlite3.connect(path)
    rows = [(f"{number:02}.png", 10, 1) for number in range(images)]
    connection.executemany("INSERT INTO images (path, size_bytes, mtime_ns) VALUES (?, ?, ?)", rows)
    connection.execute("INSERT INTO labels VALUES (1, 'Effusion', 'ann', 1, '2026-01-01T00:00:00Z', 'single', 3, 1)")
    connection.execute("INSERT INTO acts VALUES (1, '2026-01-01T00:00:00Z', 'ann', 'Effusion = present', 0)")
    connection.execute(
        """INSERT INTO label_changes VALUES (1, 1, 'Effusion', 'ann', NULL, NULL, NULL, NULL, NULL,
           1, '2026-01-01T00:00:00Z', 'single', 3, 1)"""
    )
    connection.commit()
    connection.close()


def steps_of_creation(path: Path, folder: Path, version: int = 3) -> Iterator[str]:
    """What version 1 of the program did to make a project, a commit a step; whoever stops early leaves a stub."""
    connection = sqlite3.connect(path)
    yield "empty"
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    yield "application_id"
    connection.execute("PRAGMA journal_mode = wal")
    yield "wal"
    database = Database(connection)
    for number in range(1, version + 1):
        migrations.apply(database, stop_before=MIGRATIONS[number:])
        yield f"migration {number}"
    connection.execute(f"PRAGMA user_version = {version}")
    yield "user_version"
    with database.atomic():
        vocabulary = '{"name": "Test", "findings": ["Effusion", "Nodule"]}'
        settings = {"folder": str(folder.resolve()), "created": "2026-01-01T00:00:00Z", "vocabulary": vocabulary}
        connection.executemany("INSERT INTO settings VALUES (?, ?)", list(settings.items()))
    connection.close()
