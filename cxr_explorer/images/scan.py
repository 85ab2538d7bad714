"""Find the image files below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_explorer.errors import UserError

EXTENSIONS = frozenset({"png", "jpg", "jpeg", "jpe", "tif", "tiff", "webp", "dcm", "dicom"})
"""Files that end so (in any case) are taken at once; the others only if they say "DICM" at byte 128."""

_SKIPPED = frozenset({"__macosx", "thumbs.db", "dicomdir", "$recycle.bin", "system volume information"})


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


OnError = Callable[[str, str], None]


def scan(folder: Path, on_error: OnError | None = None) -> Iterator[ScannedFile]:
    """Yields every image file below the folder, each folder's entries sorted by name.

    Hidden files and folders are skipped. Linked folders come after all others, and no folder is entered twice, so
    links that lead in circles end and a link never hides the place where a file really lies.

    Args:
        folder: Where to look.
        on_error: Called with a relative path and a reason for whatever could not be looked at; the scan goes on.

    Raises:
        UserError: At once, not with the first file: the folder is missing, is no folder, or may not be read.
    """
    return _walk(folder, _list(folder, "", _refuse(folder)), on_error or (lambda path, reason: None))


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


def _walk(folder: Path, top: list[os.DirEntry[str]], on_error: OnError) -> Iterator[ScannedFile]:
    def tell(path: str, error: OSError) -> None:
        on_error(_printable(path), _reason(error))

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
        if entry.name.startswith(".") or entry.name.lower() in _SKIPPED:
            continue
        if not _is_text(entry.name):
            on_error(_printable(relative), "its name is not valid text (UTF-8); rename it")
            continue
        try:
            if entry.is_dir():
                if entry.is_symlink():
                    links.append((relative + "/", entry.path))
                else:
                    stack.extend(_enter(entry.path, relative + "/", visited, tell))
            elif entry.is_file():
                status = entry.stat()
                if _has_image_extension(entry.name) or _says_dicm(entry.path, status.st_size):
                    yield ScannedFile(relative, status.st_size, status.st_mtime_ns)
            elif entry.is_symlink():
                on_error(relative, "a link that leads nowhere")
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


def _says_dicm(path: str, size_bytes: int) -> bool:
    if size_bytes < 132:
        return False
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each of 100,000 files costs seconds
        return file.read(132)[128:] == b"DICM"


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
