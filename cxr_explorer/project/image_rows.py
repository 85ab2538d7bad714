"""What the project file keeps of the images: records, and reading what is stored as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFile:
    """What the project remembers of a file, to tell an unchanged one from a changed one."""

    image_id: int
    size_bytes: int
    mtime_ns: int
    digest: str | None


@dataclass(frozen=True)
class FolderChanges:
    """What a scan changed: counts of files."""

    added: int
    changed: int
    missing: int


@dataclass(frozen=True)
class Failure:
    """An image file that could not be read; `passing` where its surroundings were at fault, so that the next run tries
    it again by itself."""

    path: str
    reason: str
    passing: bool = False


@dataclass(frozen=True)
class ImageRecord:
    """What the project knows of one image, apart from labels.

    `stamp` is the file's size in bytes and the time of its last change, ns since 1970, as the last scan found them.
    """

    image_id: int
    path: str
    size: tuple[int, int]
    facts: Mapping[str, str]
    notes: tuple[str, ...]
    excluded: bool
    replaced: bool
    stamp: tuple[int, int]


def facts_of(text: str) -> dict[str, str]:
    """The facts of an image; none where they are damaged, which the next run over the folder mends."""
    try:
        return {str(name): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return {}


def notes_of(text: str) -> tuple[str, ...]:
    """The notes of an image; none where they are damaged."""
    try:
        return tuple(str(note) for note in json.loads(text))
    except (ValueError, TypeError):
        return ()
