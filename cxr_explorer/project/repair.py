"""Looking through a project file for damage, and making a sound one of what can still be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_explorer.errors import UserError
from cxr_explorer.files import sync_folder
from cxr_explorer.project.backup import backup_folder, backups, damaged_originals, keep_original
from cxr_explorer.project.damage import COMPUTED, columns_of, find_damage, mend, reference
from cxr_explorer.project.file import fill, held, remove_leftovers
from cxr_explorer.project.schema import APPLICATION_ID, SCHEMA_VERSION, migrations
from cxr_explorer.project.storage import Database, StorageError, open_connection, uri_of

PAGE_BYTES = 4096
"""SQLite's page size, which this program never changes."""

FIRST = ("settings", "images", "labels", "reader_notes", "acts", "audits", "state", "metadata")
"""Tables in the order they are read in: what cannot be computed again comes first."""

_PARENT = {
    "labels": "images",
    "reader_notes": "images",
    "metadata": "images",
    "thumbnails": "images",
    "label_changes": "acts",
    "exclusion_changes": "acts",
    "note_changes": "acts",
    "state_changes": "acts",
}
"""Of tables that are read by the id of a row elsewhere: where."""

MOST_FAILURES = 100_000
"""Reads that may fail in one table before the rest of it is given up."""

LABELS_OF_ACTS = """INSERT OR IGNORE INTO labels
    SELECT image_id, finding, label_changes.reader, after_value, after_at, after_how, after_cluster, after_map_id
    FROM label_changes JOIN acts ON acts.id = act_id
    WHERE after_value IS NOT NULL AND act_id = (
        SELECT max(later.act_id) FROM label_changes AS later JOIN acts AS doing ON doing.id = later.act_id
        WHERE NOT undone AND later.image_id = label_changes.image_id AND later.finding = label_changes.finding
            AND later.reader = label_changes.reader)"""
"""Every label is what the last act on it that was not undone made it."""

NOTES_OF_ACTS = """INSERT OR IGNORE INTO reader_notes
    SELECT image_id, note_changes.reader, after_text, after_flagged, after_at
    FROM note_changes JOIN acts ON acts.id = act_id
    WHERE after_flagged IS NOT NULL AND act_id = (
        SELECT max(later.act_id) FROM note_changes AS later JOIN acts AS doing ON doing.id = later.act_id
        WHERE NOT undone AND later.image_id = note_changes.image_id AND later.reader = note_changes.reader)"""
"""As LABELS_OF_ACTS, of notes."""

_FALLBACK = {"INTEGER": 0, "TEXT": "", "BLOB": b""}


@dataclass
class Examination:
    """What `examine` found; ready for JSON.

    Attributes:
        project: The file.
        sound: Whether nothing is damaged.
        damage: What is, in words.
        labels: Number of labels that can be read; None where they cannot.
        backups: Backups, newest first.
        backup_folder: Where they lie.
        damaged_originals: Files as they were before they were mended.
    """

    project: str
    sound: bool
    damage: list[str]
    labels: int | None
    backups: list[str]
    backup_folder: str
    damaged_originals: list[str]


@dataclass
class Repair:
    """What `repair` did; ready for JSON.

    Attributes:
        project: The file, which is sound now.
        original: The file as it was.
        kept: Number of rows that were read, by table.
        lost: Number of rows, by table, that could not be read; where not even their number can be, of numbers that may
            have been given to rows.
        missing: Tables that were not there, or of which nothing was left.
        mended: What made no sense and what became of it, in words.
        from_backup: The backup that took the file's place, where nothing of it could be read; else empty.
    """

    project: str
    original: str
    kept: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    from_backup: str = ""


def examine(path: Path) -> Examination:
    """Looks through a whole project file and changes nothing; also while it is open elsewhere.

    Raises:
        UserError: No such file, or no project of this program.
    """
    if not path.is_file():
        raise UserError(f"Cannot examine {path}: no such file. Check the path.")
    damage: list[str] = []
    labels: int | None = None
    with tempfile.TemporaryDirectory(prefix="cxr-explorer-") as folder:
        at = path
        if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            at = _copy(path, Path(folder))
        try:
            with closing(open_connection(path, "mode=rw", at)) as connection:
                connection.execute("PRAGMA query_only = on")
                (application_id,) = connection.execute("PRAGMA application_id").fetchone()
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version > SCHEMA_VERSION:
                    raise UserError(f"Cannot examine {path}: made by a newer CXR Explorer. Update the program.")
                if application_id != APPLICATION_ID:
                    damage.append("The mark of a CXR Explorer project is missing.")
                found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
                damage += [f"SQLite: {line}" for entry in found if entry != "ok" for line in entry.splitlines()]
                (labels,) = connection.execute("SELECT count(*) FROM labels").fetchone()
                if version == SCHEMA_VERSION:
                    database = Database(connection, recursive_triggers=False)
                    damage += [entry.text for entry in find_damage(database, thorough=True)]
        except StorageError as error:
            damage.append(f"SQLite: {error.reason}")
    return Examination(
        str(path),
        not damage,
        damage,
        labels,
        [str(backup) for backup in backups(path)],
        str(backup_folder(path)),
        [str(original) for original in damaged_originals(path)],
    )


def repair(path: Path) -> Repair:
    """Makes a sound file of what can be read of a damaged one, labels first, and puts it in its place.

    The file as it was is kept, byte by byte, beside the backups. Where nothing can be read the newest backup takes its
    place. What is computed and lost is made anew by the next run over the folder.

    Raises:
        UserError: No such file, open elsewhere, no room, or nothing can be read and there is no backup.
    """
    if not path.is_file():
        raise UserError(f"Cannot repair {path}: no such file. Check the path.")
    with held(path):
        try:
            return _repair(path)
        except OSError as error:
            raise UserError(
                f"Cannot repair {path}: {error.strerror or error}. The file is as it was. Make room in its folder for "
                "two more of it, then try again."
            ) from error


def _repair(path: Path) -> Repair:
    done = Repair(str(path), str(keep_original(path)))
    sound = path.with_name(f".{path.name}.sound")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            _salvage(_copy(path, Path(folder)), sound, path, done)
        if not any(count for table, count in done.kept.items() if table != "settings"):
            _take_backup(path, sound, done)
        with closing(open_connection(path, "mode=rw", sound)) as connection:
            connection.execute("PRAGMA foreign_keys = off")
            database = Database(connection)
            done.mended += [damage.text for damage in mend(database, thorough=True)]
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise UserError(f"Cannot repair {path}: {verdict}. Take a backup from {backup_folder(path)}.")
        remove_leftovers(path)  # the WAL is in the copy that was kept
        sound.replace(path)
        sync_folder(path.parent)
        return done
    finally:
        for leftover in path.parent.glob(f".{path.name}.sound*"):
            leftover.unlink(missing_ok=True)


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / "copy.cxr"
    shutil.copyfile(path, copy)
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        shutil.copyfile(wal, copy.with_name(f"{copy.name}-wal"))
    return copy


def _take_backup(path: Path, sound: Path, done: Repair) -> None:
    """Puts the newest backup in the place of a file of which nothing can be read."""
    for backup in backups(path):
        sound.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            taken = Repair(str(path), done.original)
            _salvage(_copy(backup, Path(folder)), sound, path, taken)
        if any(count for table, count in taken.kept.items() if table != "settings"):
            taken.from_backup = str(backup)
            vars(done).update(vars(taken))
            return
    raise UserError(
        f"Cannot repair {path}: nothing in it can be read, and there is no backup in {backup_folder(path)}. It is "
        "left as it was."
    )


def _salvage(copy: Path, sound: Path, path: Path, done: Repair) -> None:
    """Makes `sound`, of the present version, and fills it with what can be read of the copy."""
    sound.unlink(missing_ok=True)
    fill(sound, path, {})
    with copy.open("rb") as stream:
        expected = _tables_of(int.from_bytes(stream.read(64)[60:], "big"))  # user_version; the header is mended below
    _mend_header(copy, sound)
    source = sqlite3.connect(copy)
    source.text_factory = lambda data: data.decode("utf-8", "replace")
    source.execute(
        "PRAGMA writable_schema = on"
    )  # a schema with an entry that makes no sense is read as far as it goes
    with closing(source), closing(open_connection(path, "mode=rw", sound)) as target:
        target.execute("PRAGMA foreign_keys = off")
        target.execute("PRAGMA journal_mode = delete")
        _, tables = reference()
        ordered = sorted(tables, key=lambda table: (FIRST.index(table) if table in FIRST else 99, table in COMPUTED))
        with Database(target).atomic():
            for table in (table for table in ordered if table != "_sqlite_migrations"):
                _take_table(source, target, table, done, expected)
            if "labels" in (*done.lost, *done.missing):
                taken = target.execute(LABELS_OF_ACTS).rowcount
                done.mended.append(f"{taken:,} labels were taken from the record of acts.")
                if "label_changes" in (*done.lost, *done.missing):
                    _labels_from_backup(target, path, done)
            if "reader_notes" in (*done.lost, *done.missing) and (taken := target.execute(NOTES_OF_ACTS).rowcount):
                done.mended.append(f"{taken:,} notes were taken from the record of acts.")
            _paths_from_backup(target, path)


def _tables_of(version: int) -> set[str]:
    """Tables that a file of a version holds; where the number makes no sense, those of the present one."""
    database = Database(memory=True)
    later = [migration.name for migration in migrations.pending(database)][version or SCHEMA_VERSION :]
    migrations.apply(database, stop_before=later)
    return set(database.table_names())


def _take_table(
    source: sqlite3.Connection, target: sqlite3.Connection, table: str, done: Repair, expected: Container[str]
) -> None:
    info = {row[1]: row for row in target.execute(f"PRAGMA table_info({table})")}
    try:
        there = columns_of(Database(source), table)
    except sqlite3.DatabaseError:
        there = ()
    columns = [name for name in info if name in there]
    done.kept[table] = 0
    if not columns:
        done.missing += [table] if table in expected else []
        return
    # Columns that the file lacks and that must not be empty.
    needed = [row for name, row in info.items() if name not in columns and row[3] and row[4] is None and not row[5]]
    names = ", ".join((*columns, *(row[1] for row in needed)))
    marks = ", ".join("?" * (len(columns) + len(needed)))
    fallbacks = [_FALLBACK[row[2]] for row in needed]
    key = sorted((row[5], row[1]) for row in source.execute(f"PRAGMA table_info({table})") if row[5])  # of its version
    rows = Rows(source, table, columns, key)
    parent = _PARENT.get(table)
    if parent is not None and parent not in (*done.lost, *done.missing):
        (rows.most,) = target.execute(f"SELECT ifnull(max(id), 0) FROM {parent}").fetchone()
    before = target.total_changes
    for row in rows:
        try:
            target.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row, *fallbacks])
        except StorageError as error:
            if error.trouble != "damaged":
                raise
            rows.lost += "UNIQUE" not in error.reason  # else it came twice
    done.kept[table] = target.total_changes - before
    if rows.lost:
        done.lost[table] = rows.lost


class Rows:
    """The rows of a table that can be read, around pages that cannot. Some may come twice.

    Attributes:
        lost: Number of keys that could not be read.
        most: The greatest key there can be, where it is known.
    """

    def __init__(
        self, source: sqlite3.Connection, table: str, columns: Sequence[str], key: Sequence[tuple[int, str]]
    ) -> None:
        self._source = source
        self._table = table
        self._columns = ", ".join(f'"{name}"' for name in columns)
        self._key = ", ".join(name for _, name in key)
        self._back = ", ".join(f"{name} DESC" for _, name in key)
        leading = key[0][1] if key else "rowid"
        is_number = self._kind_of(leading) == "INTEGER"
        # Tables with a rowid are read by it, the others by the first column of their key, where that is a number.
        self._by = "rowid" if self._has_rowid() else leading if is_number else ""
        self.lost = 0
        self.most = self._most_rows()

    def __iter__(self) -> Iterator[Sequence[Any]]:
        if self._by:
            yield from self._between(self._by, "", (), *self._bounds())
            return
        yield from self._from_both_ends("", ())
        if self.lost and self._table == "labels":
            for pair in self._labelled_pairs():
                yield from self._between("image_id", "finding = ? AND reader = ? AND", pair, 0, self.most)

    def _labelled_pairs(self) -> list[tuple[str, str]]:
        """Findings and readers that labels between two pages that cannot be read may be of."""
        found: dict[tuple[str, str], None] = {}
        for query in (
            "SELECT finding, reader FROM labels ORDER BY finding, reader",
            "SELECT finding, reader FROM labels ORDER BY finding DESC, reader DESC",
            "SELECT finding, reader FROM label_changes",
        ):
            with suppress(sqlite3.DatabaseError):
                found.update((pair, None) for pair in self._source.execute(query))
        ahead = list(found)
        while ahead:  # those that lie between two such pages altogether begin where another one ends
            finding, reader = ahead.pop()
            for where, values in (("finding = ? AND reader > ?", (finding, reader)), ("finding > ?", (finding,))):
                query = f"SELECT finding, reader FROM labels WHERE {where} ORDER BY finding, reader LIMIT 1"
                with suppress(sqlite3.DatabaseError):
                    for pair in self._source.execute(query, values).fetchall():
                        ahead += [pair] if pair not in found else []
                        found[pair] = None
        return list(found)

    def _between(
        self, number: str, prefix: str, values: Sequence[Any], first: int, last: int
    ) -> Iterator[Sequence[Any]]:
        """Rows by a column of numbers, around those that cannot be read; `prefix` is SQL of the columns before it."""
        ranges = [(first, last)] if last >= first else []
        while ranges and self.lost < MOST_FAILURES:
            low, high = ranges.pop()
            reached = low
            try:
                for by, *row in self._source.execute(
                    f"""SELECT {number}, {self._columns} FROM {self._table} WHERE {prefix} {number} BETWEEN ? AND ?
                        ORDER BY {number}""",
                    (*values, low, high),
                ):
                    reached = max(by, reached) if isinstance(by, int) else reached
                    yield row
            except sqlite3.DatabaseError:
                if low == high:
                    self.lost += 1
                    if number != "rowid" and not prefix:
                        yield from self._from_both_ends(f"WHERE {number} = ?", (low,))
                    continue
                middle = (reached + high) // 2
                ranges += [(middle + 1, high), (reached, middle)]

    def _from_both_ends(self, where: str, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        failed = False
        for order in (self._key, self._back):
            try:
                query = f"SELECT {self._columns} FROM {self._table} {where} ORDER BY {order}"
                yield from self._source.execute(query, values)
            except sqlite3.DatabaseError:
                failed = True
                continue
            break
        self.lost += failed and not where

    def _bounds(self) -> tuple[int, int]:
        """The least and greatest key there can be."""
        found = []
        for what, otherwise in (("min", 0), ("max", self.most)):
            try:
                (value,) = self._source.execute(f"SELECT {what}({self._by}) FROM {self._table}").fetchone()
                found.append(value if isinstance(value, int) else -1 if what == "max" else 0)
            except sqlite3.DatabaseError:
                found.append(otherwise)
        return found[0], found[1]

    def _most_rows(self) -> int:
        """More keys than the file can hold rows, of tables whose keys count up."""
        try:
            (pages,) = self._source.execute("PRAGMA page_count").fetchone()
        except sqlite3.DatabaseError:
            pages = 0
        return min(max(int(pages), 10) * 100, 2_000_000)

    def _has_rowid(self) -> bool:
        return "WITHOUT ROWID" not in reference()[0][self._table].upper()

    def _kind_of(self, column: str) -> str:
        rows = self._source.execute(f"PRAGMA table_info({self._table})").fetchall()
        return next((row[2] for row in rows if row[1] == column), "")


def _labels_from_backup(target: sqlite3.Connection, path: Path, done: Repair) -> None:
    """Where the record of acts is lost as well, the newest backup says what labels there were."""
    for backup in backups(path)[:1]:
        try:
            with closing(sqlite3.connect(uri_of(backup, "mode=ro&immutable=1"), uri=True)) as source:
                rows = source.execute("SELECT * FROM labels").fetchall()
        except sqlite3.Error:
            return
        taken = target.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows).rowcount
        done.mended.append(f"{taken:,} labels were taken from the backup {backup}.")


def _paths_from_backup(target: sqlite3.Connection, path: Path) -> None:
    """Where labels or notes are of images whose entries are lost, the newest backup may know them."""
    judged = "SELECT image_id FROM labels UNION SELECT image_id FROM reader_notes"
    lost = f"SELECT image_id FROM ({judged}) WHERE image_id NOT IN (SELECT id FROM images)"
    wanted = [row[0] for row in target.execute(lost)]
    if not wanted:
        return
    for backup in backups(path):
        try:
            with closing(sqlite3.connect(uri_of(backup, "mode=ro&immutable=1"), uri=True)) as source:
                for image_id in wanted:
                    row = source.execute(
                        "SELECT id, path, size_bytes, mtime_ns FROM images WHERE id = ?", [image_id]
                    ).fetchone()
                    if row is not None:
                        target.execute(
                            "INSERT OR IGNORE INTO images (id, path, size_bytes, mtime_ns) VALUES (?, ?, ?, ?)", row
                        )
        except sqlite3.Error:
            continue


def _mend_header(copy: Path, sound: Path) -> None:
    """Writes the first 100 bytes anew where they are not those of a project: all that is in them is known.

    See https://www.sqlite.org/fileformat2.html#the_database_header.
    """
    with copy.open("r+b") as stream:
        there = stream.read(100)
        good = bytearray(sound.read_bytes()[:100])
        if there[:16] == good[:16] and there[16:24] == good[16:24] and there[68:72] == good[68:72]:
            return
        pages = copy.stat().st_size // PAGE_BYTES
        good[28:32] = pages.to_bytes(4, "big")
        good[32:40] = bytes(8)  # free pages: unknown, left unused
        good[92:96] = good[24:28]  # or else the number of pages does not count
        stream.seek(0)
        stream.write(good)
