"""What the project file keeps of the images: records, and reading what is stored as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

PATIENT_MARK = "patient mark"
"""Name that stands among an image's stored facts for which films may be one patient's; it is no fact to show."""

PATIENT_KEY = "patient key"
"""Setting that holds what the project's marks are made with: random."""


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


def patient_mark(patient: str, key: str) -> str:
    """Eight hex digits that are equal for one patient's films of one project; "" for nobody.

    So few on purpose: thousands of numbers with a birth date share a mark, so that nobody can be found out by trying.
    Whether films with one mark are one patient's is for their headers to say.

    Args:
        patient: See `Radiograph.patient`.
        key: Of the project, so that the marks of two projects cannot be compared.
    """
    return hashlib.blake2b(patient.encode(), key=key.encode(), digest_size=4).hexdigest() if patient else ""


def facts_to_json(facts: Mapping[str, str], mark: str) -> str:
    """Facts and `patient_mark` as they are stored."""
    return json.dumps({**facts, PATIENT_MARK: mark} if mark else dict(facts), sort_keys=True)


def facts_of(text: str) -> dict[str, str]:
    """The facts of an image; none where they are damaged, which the next run over the folder mends."""
    try:
        return {str(name): str(value) for name, value in json.loads(text).items() if name != PATIENT_MARK}
    except (ValueError, AttributeError):
        return {}


def notes_of(text: str) -> tuple[str, ...]:
    """The notes of an image; none where they are damaged."""
    try:
        return tuple(str(note) for note in json.loads(text))
    except (ValueError, TypeError):
        return ()
