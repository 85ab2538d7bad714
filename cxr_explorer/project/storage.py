"""The connection to the project file: what SQLite says is wrong becomes one line a reader can act on."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path, PurePath
from typing import Any, Literal
from urllib.parse import quote

from cxr_explorer.errors import UserError


@contextmanager
def _without_pandas() -> Iterator[None]:
    """Whoever tries to import pandas meanwhile takes it for not installed."""
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["pandas"]


# sqlite-utils imports pandas where it is installed, a quarter of a second, for a type that nobody stores here.
with _without_pandas():
    from sqlite_utils import Database as Database
    from sqlite_utils.migrations import Migrations as Migrations

log = logging.getLogger("cxr_explorer")

Trouble = Literal["full", "unreachable", "read-only", "busy", "damaged"]

_TROUBLES: dict[int, Trouble] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_IOERR: "unreachable",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_PROTOCOL: "busy",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_FORMAT: "damaged",
    sqlite3.SQLITE_CONSTRAINT: "damaged",  # what is stored contradicts itself
    sqlite3.SQLITE_MISMATCH: "damaged",
    sqlite3.SQLITE_TOOBIG: "damaged",
}
"""By primary result code, see https://www.sqlite.org/rescode.html."""

_OF_DAMAGE = (
    "no such table",
    "no such column",
    "already exists",
    "has no column",
    "malformed JSON",
    "Could not decode",
)
"""How messages begin or what they hold that come with no code of their own, where the file's contents are to blame."""

SHARED_MEMORY_BYTES = 1 << 15
"""What SQLite needs at least beside a file that it opens in WAL mode."""

_SAID: dict[Trouble, str] = {
    "full": "{step}: the disk that holds {path} is full. {rest} Free some space, then go on.",
    "unreachable": "{step}: {path} cannot be read or written ({reason}). {rest} See whether its drive is connected and "
    "has room, then go on.",
    "read-only": "{step}: {path} can only be looked at here, it cannot be written. Copy the project to a folder of "
    "your own and open it there to label.",
    "busy": "{step}: another program holds {path}. {rest} Close the other program, then go on.",
    "damaged": "{step}: {path} is damaged ({reason}). {rest} Close it and run `cxr-explorer doctor {path} --repair`, "
    "which keeps the original and all labels that can be read.",
}
_READS = ("SELECT", "WITH", "PRAGMA")
_WRITING = {"step": "This step was not stored", "rest": "Everything before it is stored."}
_READING = {"step": "The project could not be read", "rest": "What was stored is kept."}


class StorageError(UserError):
    """The project file could not be read or written; of the step that tried, nothing is stored.

    Attributes:
        trouble: Of what kind.
        reason: SQLite's or the system's words for it.
    """

    def __init__(self, text: str, trouble: Trouble, reason: str = "") -> None:
        super().__init__(text)
        self.trouble: Trouble = trouble
        self.reason = reason


def trouble_of(error: sqlite3.Error) -> Trouble | None:
    """What kind of trouble SQLite is in; None where the program is at fault (a wrong statement, a closed file)."""
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return None
    # Only the low byte is the primary code. What Python's module raises itself has no code at all.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
        return "unreachable"  # the file was moved or deleted under its open project
    if code == sqlite3.SQLITE_ERROR:
        return "damaged" if any(words in str(error) for words in _OF_DAMAGE) else None
    return _TROUBLES.get(code)


def reason_of(error: sqlite3.Error) -> str:
    """SQLite's reason, without the contents that Python's module would quote."""
    return "a text in it is no text" if "Could not decode" in str(error) else str(error)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < SHARED_MEMORY_BYTES
    except OSError:
        return False


def _telling(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def telling(self: _Cursor, *arguments: Any) -> Any:
        connection = self.connection
        # Asked before, as SQLite may have ended the transaction by the time of the error.
        inside = connection.in_transaction
        try:
            return method(self, *arguments)
        except sqlite3.Error as error:
            reads = not inside and (
                not arguments or str(arguments[0]).lstrip().startswith(("SELECT", "WITH", "PRAGMA"))
            )
            told = connection.told(error, reads) if isinstance(connection, Connection) else None
            if told is None:
                raise
            raise told from error

    return telling


class _Cursor(sqlite3.Cursor):
    """Reading a row can fail as well as a statement: pages are read when they are needed."""

    execute = _telling(sqlite3.Cursor.execute)
    executemany = _telling(sqlite3.Cursor.executemany)
    fetchone = _telling(sqlite3.Cursor.fetchone)
    fetchmany = _telling(sqlite3.Cursor.fetchmany)
    fetchall = _telling(sqlite3.Cursor.fetchall)
    __next__ = _telling(sqlite3.Cursor.__next__)


class Connection(sqlite3.Connection):
    """A connection that raises StorageError where the world is at fault.

    Attributes:
        path: The project file, as it is called in messages.
        trouble: The last error that kept something from being stored, until `writing_works`; None where there is none.
    """

    path: Path = Path()
    trouble: StorageError | None = None

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *arguments: Any) -> Any:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self.cursor().executemany(*arguments)

    def told(self, error: sqlite3.Error, reads: bool) -> StorageError | None:
        """The error in words; None where it is a bug.

        Args:
            error: As SQLite raised it.
            reads: Whether something was only read: then no step is lost, and what the reader did last is stored.
        """
        trouble = trouble_of(error)
        if trouble is None:
            return None
        if trouble == "unreachable" and _is_full(self.path.parent):  # SQLite calls some writes that fail I/O errors
            trouble = "full"
        log.info("storage: %s (%s)", trouble, getattr(error, "sqlite_errorname", type(error).__name__))
        reason = reason_of(error)
        told = StorageError(
            _SAID[trouble].format(path=self.path, reason=reason, **(_READING if reads else _WRITING)), trouble, reason
        )
        if trouble in ("full", "unreachable", "busy") and not reads:
            self.trouble = told
        return told


def uri_of(path: PurePath, query: str) -> str:
    """A path as SQLite wants it, with a query such as "mode=ro"; Python's own form names a network drive's server where
    SQLite allows none."""
    named = (path.absolute() if isinstance(path, Path) else path).as_posix()
    return f"file://{'' if named.startswith('/') else '/'}{quote(os.fsencode(named), safe='/:')}?{query}"


def open_connection(path: Path, query: str, at: Path | None = None) -> Connection:
    """Opens a file with errors told.

    Args:
        path: The project as messages call it.
        query: Of SQLite's URI, such as "mode=ro".
        at: The file itself, where it is another one: a copy.

    Raises:
        StorageError: It cannot be opened. Most faults show at the first statement only.
    """
    try:
        connection = sqlite3.connect(uri_of(at or path, query), uri=True, timeout=30, factory=Connection)
    except sqlite3.Error as error:
        raise StorageError(
            f"Cannot open {path}: {error}. Check the folder's permissions.", "unreachable", str(error)
        ) from error
    connection.path = path
    return connection
