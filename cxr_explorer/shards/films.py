"""Which films there are: in a folder, below a prefix of an object store, or named by a list."""

from __future__ import annotations

import itertools
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cxr_explorer.errors import UserError
from cxr_explorer.images.image_formats import EXTENSIONS, format_names, identify
from cxr_explorer.images.kinds import HEAD_BYTES
from cxr_explorer.images.scan import ScannedFile, scan
from cxr_explorer.shards.store import file_system, local_path, saying

ASKED_AT_A_TIME = 32
"""Files whose size is asked for at a time: of an object store every question takes some 50 ms."""

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""Under which of these a file system of fsspec tells when a file was last changed."""


@dataclass(frozen=True, eq=False)
class Films:
    """Films in the order they are embedded.

    Attributes:
        prefix: An absolute path or a URL, without a slash at its end.
        files: Their paths relative to it. One that a list names and that is not there has size and time 0.
    """

    prefix: str
    files: tuple[ScannedFile, ...]


def find_films(where: str) -> Films:
    """The films of a folder, of a prefix such as `s3://bucket/films`, or of a list: a text with a path or URL a line.

    In a folder it is what `scan` finds. Below a prefix it is the same: files named as images, and others that begin as
    one. A list's relative lines are meant from where it lies.

    Raises:
        UserError: There is nothing there, it cannot be listed, or a list's lines have no common place.
    """
    folder = local_path(where)
    if folder is None:
        with saying(f"Cannot open {where}"):
            system, path = file_system(where)
            listed = _list_of(where, system.cat_file(path)) if system.isfile(path) else None
            found = listed or Films(where.rstrip("/"), tuple(_below(system, path)))
    elif folder.is_file():
        found = _list_of(str(folder), folder.read_bytes())
    elif folder.is_dir():
        found = Films(str(folder), tuple(scan(folder)))
    else:
        raise UserError(f"Cannot open {where}: no such folder or list. Choose the folder that holds the radiographs.")
    if not found.files:
        raise UserError(f"No images in {where}: nothing there is a {format_names()} file.")
    return found


def _below(system: Any, root: str) -> Iterator[ScannedFile]:
    """Folder by folder, so that no more than one folder's answers are held."""
    for folder, folders, files in system.walk(root, detail=True):
        for name in [name for name in folders if name.startswith(".")]:
            del folders[name]
        shown = {name: entry for name, entry in sorted(files.items()) if name and not name.startswith(".")}
        unclear = [name for name in shown if name.rpartition(".")[2].lower() not in EXTENSIONS]
        heads = system.cat_ranges([f"{folder}/{name}" for name in unclear], 0, HEAD_BYTES, on_error="return")
        no_image = {
            name
            for name, head in zip(unclear, heads, strict=True)
            if name.lower() == "dicomdir" or not (isinstance(head, bytes) and identify(head))
        }
        for name, entry in shown.items():
            if name not in no_image:
                yield _scanned(f"{folder}/{name}"[len(root) :].lstrip("/"), entry)


def _scanned(path: str, entry: dict[str, Any]) -> ScannedFile:
    told = next((entry[key] for key in _TIMES if entry.get(key) is not None), 0)
    seconds = told.timestamp() if isinstance(told, datetime) else float(told)
    return ScannedFile(path, int(entry.get("size") or 0), round(seconds * 1e6) * 1000)


def _list_of(place: str, data: bytes) -> Films:
    """The films a list names. `place` is the list's own path or URL."""
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise UserError(f"{place} is no list: it is not a text in UTF-8 with a path or URL a line.") from error
    home = place.rpartition("/")[0] if "://" in place else str(Path(place).parent)
    found = [_absolute(line, home) for line in lines]
    if len(set(found)) < len(found):
        twice = next(name for name, group in itertools.groupby(sorted(found)) if len(list(group)) > 1)
        raise UserError(f"The list {place} names {twice} twice. Name every film once.")
    if not found:
        return Films(home, ())
    prefix = home if all(name.startswith(f"{home}/") for name in found) else _common(place, found)
    paths = [name[len(prefix) :].lstrip("/") for name in found]
    return Films(prefix, tuple(_with_sizes(prefix, paths)))


def _absolute(line: str, home: str) -> str:
    if "://" in line and not line.startswith("file://"):
        return line
    if "://" in home and not line.startswith(("/", "file://")):
        return f"{home}/{line}"
    path = local_path(line if line.startswith("file://") else str(Path(home) / line))
    return path.as_posix() if path is not None else line


def _common(place: str, found: Sequence[str]) -> str:
    kinds = {name.partition("://")[0] if "://" in name else "" for name in found}
    hosts = {name.split("/")[2] for name in found if "://" in name}
    if len(kinds) > 1 or len(hosts) > 1:
        raise UserError(f"The films of the list {place} lie in several stores. Make a list and a run for each of them.")
    kind = kinds.pop()
    start = f"{kind}://" if kind else ""
    return start + posixpath.commonpath([posixpath.dirname(name[len(start) :]) for name in found])


def _with_sizes(prefix: str, paths: Sequence[str]) -> list[ScannedFile]:
    look: Callable[[str], ScannedFile]
    if (folder := local_path(prefix)) is not None:
        top = folder

        def look(path: str) -> ScannedFile:
            try:
                status = os.stat(top / path)  # noqa: PTH116
            except OSError:
                return ScannedFile(path, 0, 0)
            return ScannedFile(path, status.st_size, status.st_mtime_ns)

    else:
        system, root = file_system(prefix)

        def look(path: str) -> ScannedFile:
            try:
                return _scanned(path, system.info(f"{root}/{path}"))
            except FileNotFoundError:
                return ScannedFile(path, 0, 0)

    with ThreadPoolExecutor(ASKED_AT_A_TIME) as pool:
        return list(pool.map(look, paths))
