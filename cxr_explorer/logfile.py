"""The log: what ran, how long, what failed and where in the code; never whose images, which files, which readers.

Nothing is searched for names, which no pattern could find for sure. Instead only what cannot hold one is written: the
words of the program itself, numbers, texts marked as `Plain`, and of an exception its kind and its places in the code.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import logging.handlers
import os
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from platformdirs import user_log_path

log = logging.getLogger("cxr_explorer")

FILE_NAME = "cxr-explorer.log"
LARGEST_BYTES = 512_000
LONG_S = 2.0
"""A step that takes so long is written down with its time."""
MOST_PLACES = 12
MOST_PROBLEMS = 12

_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\w+) ")
_FILE = re.compile(r'File "([^"]*)"')
_ROOTS = ("cxr_explorer", "site-packages", "dist-packages")


class Plain(str):
    """A text that may stand in the log: a version, the name of a function or a stage, a hash."""

    __slots__ = ()


def folder() -> Path:
    """Where log and crash reports lie, if there are any."""
    return user_log_path("cxr-explorer", appauthor=False)


def begin(home: Path) -> None:
    """From now on the program's records go to a file in the folder, and to the one before it: 1 MB in all.

    Where there is no place for it there is no log: better than no window.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            home / FILE_NAME, maxBytes=LARGEST_BYTES, backupCount=1, encoding="utf-8"
        )
    except OSError:
        return
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def short_hash(path: Path) -> Plain:
    """Tells two projects apart in the log, and does not say which they are."""
    return Plain(hashlib.blake2b(os.fsencode(path.resolve()), digest_size=3).hexdigest())


class SafeFormatter(logging.Formatter):
    """Writes a record without anything that could hold a name: of its arguments texts become "…"."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _message(record)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """The record in words; of an exception what `describe_error` says."""
        record.asctime = self.formatTime(record, self.datefmt)
        text = self.formatMessage(record)
        error = record.exc_info[1] if record.exc_info else None
        return f"{text}\n{describe_error(error)}" if error is not None else text


def _message(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str):
        return str(_safe(record.msg))
    given = record.args if isinstance(record.args, tuple) else (record.args,)
    if not record.args:
        return record.msg
    try:
        return record.msg % tuple(_safe(one) for one in given)
    except (TypeError, ValueError):  # "…" where a number was expected
        return record.msg


def _safe(value: object) -> object:
    if isinstance(value, BaseException):
        return describe_error(value)
    return value if isinstance(value, int | float | Plain | None) else "…"


def describe_error(error: BaseException) -> str:
    """An exception and those it came from: kind, system code, places in the code, innermost last. Never its message."""
    told: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        kind = type(one)
        frames = [(frame, line) for frame, line in traceback.walk_tb(one.__traceback__)]
        told.append(f"{kind.__module__}.{kind.__qualname__}{_code(one)} at {_places(frames)}")
        if in_child := getattr(one, "in_child", ""):
            told.append(f"in the child process: {in_child}")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n  from ".join(told)


def describe_caller(most: int = 3) -> Plain:
    """Where the function that asks was called from, outermost first: what is said there is written there."""
    frame: FrameType | None = sys._getframe(2)
    frames = [(one, line) for one, line in traceback.walk_stack(frame)][:most]
    return Plain(_places(frames[::-1]))


def _places(frames: Iterable[tuple[FrameType, int]]) -> str:
    """Module and line, by the module's name: a path would say whose home it lies in."""
    named = [f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}" for frame, line in frames]
    return " > ".join(named[-MOST_PLACES:]) or "an unknown place"


def _code(error: BaseException) -> str:
    """The system's or SQLite's own code of an error, or a process's exit code."""
    if isinstance(error, OSError) and error.errno is not None:
        return f" ({errno.errorcode.get(error.errno, error.errno)})"
    codes = (getattr(error, name, None) for name in ("sqlite_errorname", "exit_code", "trouble"))
    return "".join(f" ({code})" for code in codes if code is not None)


def without_folders(text: str) -> str:
    """A stack as Python prints it, whose files are named from the package on: no folder of anybody's home."""
    return _FILE.sub(lambda match: f'File "{_from_package(match[1])}"', text)


def _from_package(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    for root in _ROOTS:
        if root in parts[:-1]:
            at = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[at if root == "cxr_explorer" else at + 1 :])
    return parts[-1]


def last_problems(home: Path, most: int = MOST_PROBLEMS) -> list[str]:
    """The last warnings and errors of the log, oldest first; what cannot be read is left out."""
    found: list[list[str]] = []
    for name in (f"{FILE_NAME}.1", FILE_NAME):
        try:
            lines = (home / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        wanted = False
        for line in lines:
            if record := _RECORD.match(line):
                wanted = record[1] in ("WARNING", "ERROR", "CRITICAL")
                if wanted:
                    found.append([line])
            elif wanted:
                found[-1].append(line)
    return [without_folders("\n".join(lines)) for lines in found[-most:]]
