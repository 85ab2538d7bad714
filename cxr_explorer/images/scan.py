"""Find the image files below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images import kinds
from cxr_explorer.images.image_formats import EXTENSIONS, identify
from cxr_explorer.images.kinds import HEAD_BYTES, Kind, kind_of

_SYSTEM = frozenset({"__macosx", "thumbs.db", "$recycle.bin", "system volume information"})


@dataclass(frozen=True)
class ScannedFile:
    """A file that may be a radiograph.

    Attributes:
        path: Relative to the scanned folder, with forward slashes on every system.
        size_bytes: Its size.
        mtime_ns: When it was last changed, nanoseconds since 1970.
    """

    path: str
    size_bytes: int
    mtime_ns: int


LeaveOut = Callable[[str, Kind], None]


def scan(
    folder: Path, leave_out: LeaveOut | None = None, is_known: Callable[[ScannedFile], bool] | None = None
) -> Iterator[ScannedFile]:
    """Yields every image file below the folder, each folder's entries sorted by name.

    Linked folders come after all others, and no folder is entered twice, so links that lead in circles end and a link
    never hides the place where a file really lies.

    Args:
        folder: Where to look.
        leave_out: Called with the relative path and the kind of everything that is met and not yielded: what is no
            image, what is hidden (a folder counts once, without what is in it), and what could not be looked at (its
            kind is `unreachable`). The scan goes on.
        is_known: Whether a file is known to be an image: then it is yielded without being opened.

    Raises:
        UserError: At once, not with the first file: the folder is missing, is no folder, or may not be read.
    """
    top = _list(folder, "", _refuse(folder))
    return _walk(folder, top, leave_out or (lambda path, kind: None), is_known or (lambda file: False))


def _refuse(folder: Path) -> Callable[[str, OSError], None]:
    def refuse(_: str, error: OSError) -> None:
        name = _printable(str(folder))
        if isinstance(error, FileNotFoundError):
            raise UserError(f"Cannot look through {name}: there is no such folder. Check the path.") from error
        if isinstance(error, NotADirectoryError):
            raise UserError(f"Cannot look through {name}: it is a file. Choose the folder it lies in.") from error
        if isinstance(error, PermissionError):
            raise UserError(f"Cannot look through {name}: no permission. Ask its owner for access.") from error
        raise UserError(f"Cannot look through {name}: {_reason(error)}. Check the disk or the network.") from error

    return refuse


def _walk(
    folder: Path, top: list[os.DirEntry[str]], leave_out: LeaveOut, is_known: Callable[[ScannedFile], bool]
) -> Iterator[ScannedFile]:
    def tell(path: str, error: OSError) -> None:
        what = "folder" if path.endswith("/") else "file"
        leave_out(_printable(path), Kind(f"{what} that cannot be read", _reason(error), unreachable=True))

    visited = {_identity(os.fspath(folder))}
    stack = [("", iter(top))]
    links: list[tuple[str, str]] = []  # (relative, real path) of linked folders, for last
    while stack or links:
        if not stack:
            relative, linked = links.pop(0)
            stack.extend(_enter(linked, relative, visited, tell))
            continue
        parent, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        relative = parent + entry.name
        if kind := kind_of_name(entry.name):
            leave_out(_printable(relative), kind)
            continue
        try:
            if entry.is_dir():
                if entry.is_symlink():
                    links.append((relative + "/", entry.path))
                else:
                    stack.extend(_enter(entry.path, relative + "/", visited, tell))
            elif entry.is_file():
                status = entry.stat()
                file = ScannedFile(relative, status.st_size, status.st_mtime_ns)
                if _has_image_extension(entry.name) or is_known(file):
                    yield file
                    continue
                head = _head(entry.path)
                if identify(head):
                    yield file
                else:
                    leave_out(relative, kind_of(entry.name, head))
            else:
                leave_out(relative, kinds.BROKEN_LINK if _leads_nowhere(entry) else kinds.SPECIAL)
        except OSError as error:
            tell(relative, error)


def _enter(
    path: str, relative: str, visited: set[tuple[int, int]], tell: Callable[[str, OSError], None]
) -> Iterator[tuple[str, Iterator[os.DirEntry[str]]]]:
    """The folder as a new level of the walk, unless it was entered before."""
    try:
        identity = _identity(path)
    except OSError as error:
        tell(relative, error)
        return
    if identity not in visited:
        visited.add(identity)
        yield relative, iter(_list(path, relative, tell))


def _list(path: Path | str, relative: str, tell: Callable[[str, OSError], None]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        tell(relative, error)
        return []


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - DirEntry.stat() gives no inode on Windows
    return status.st_dev, status.st_ino


def _has_image_extension(name: str) -> bool:
    return name.rpartition(".")[2].lower() in EXTENSIONS


def _head(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each of 100,000 files costs seconds
        return file.read(HEAD_BYTES)


def kind_of_name(name: str) -> Kind | None:
    """What is left out for its name alone."""
    if name.startswith(".") or name.lower() in _SYSTEM:
        return kinds.HIDDEN
    if name.lower() == "dicomdir":
        return kinds.DISC_CONTENTS
    return None if _is_text(name) else kinds.NO_TEXT_NAME


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110 - as in _head


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # os.scandir put undecodable bytes into lone surrogates
        return False
    return True


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return error.strerror or type(error).__name__
