"""A label: what a reader judged of one finding on one image, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, get_args

How = Literal[
    "single",
    "random",
    "cluster",
    "lasso",
    "rectangle",
    "selection",
    "import",
    "audit",
    "suggestion",
    "reread",
    "adjudication",
    "merge",
]

ONE_BY_ONE: tuple[How, ...] = ("single", "random", "audit", "reread", "adjudication")
"""Ways in which the image itself was looked at and judged. "random": Read next had drawn it among all without a label,
so that such looks stand for the others, see `probes.evidence`."""

TAKEN_OVER: tuple[How, ...] = ("import", "merge")
"""Ways in which labels come that were not judged here."""

IN_BULK: tuple[How, ...] = tuple(how for how in get_args(How) if how not in (*ONE_BY_ONE, *TAKEN_OVER))
"""Ways in which many images are judged at once, or as the program suggests, without looking at each."""


class Value(IntEnum):
    """CheXpert's coding of a judgement; no row at all means: not read."""

    PRESENT = 1
    ABSENT = 0
    UNCERTAIN = -1


@dataclass(frozen=True)
class Judgement:
    """What a reader says of images, and how it was said: all that is stored with a label but the image and the time.

    Attributes:
        finding: What is judged.
        value: The judgement; None takes one away.
        reader: Who judges.
        how: How the images were addressed.
        cluster_identity: Who the cluster is that they are judged as part of (`Group.identity`, -1 for the images in
            none), never its number on the map, which changes when clusters are put in another order; None: no cluster.
        map_id: The map on screen.
    """

    finding: str
    value: Value | None
    reader: str
    how: How
    cluster_identity: int | None = None
    map_id: int | None = None


AuditState = Literal["valid", "stale", "failed"]


@dataclass(frozen=True)
class LabelBound:
    """What images that were drawn at random and read say of the labels of which this is one.

    Attributes:
        audit: Number of the random audit in the project; None for suggestions accepted in bulk, of which the looks say
            it that had been read by then, see `probes.evidence`.
        error_bound: At most this share of the labels it covers is wrong, 0..1; None where a failed one was not read to
            its end.
        confidence: With which the bound holds, 0..1, counting earlier audits of the same images.
        state: "stale" where covered labels changed afterwards; a failed audit stays failed.
    """

    audit: int | None
    error_bound: float | None
    confidence: float
    state: AuditState


@dataclass(frozen=True)
class LabelRow:
    """One label with its provenance.

    Attributes:
        file: Path of the image relative to the project's folder, with "/" separators.
        finding: Name of the finding.
        value: The judgement.
        reader: Who judged.
        at: When, ISO 8601 in UTC, to the second ("2026-01-31T14:05:09Z").
        how: How the image was addressed.
        cluster: The identity of the cluster it was judged as part of, see `Judgement`, else None.
        map_id: The map on screen when it was judged, else None.
        bound: What a random audit, or the looks it was accepted upon, say of it, else None.
    """

    file: str
    finding: str
    value: Value
    reader: str
    at: str
    how: How
    cluster: int | None = None
    map_id: int | None = None
    bound: LabelBound | None = None


@dataclass(frozen=True)
class Note:
    """What a reader wrote of an image; false where they wrote nothing and do not want to come back to it.

    Attributes:
        text: Their words, over several lines perhaps; empty for none.
        flagged: Whether they want to come back to the image.
        at: When either changed last, ISO 8601 in UTC; empty where that is not known.
    """

    text: str = ""
    flagged: bool = False
    at: str = ""

    def __bool__(self) -> bool:
        return bool(self.text) or self.flagged


@dataclass(frozen=True)
class NoteRow:
    """A note with what it is of: the image's path relative to the project's folder, and who wrote it."""

    file: str
    reader: str
    note: Note
