"""What makes a form of label tables: one record, named in `formats.FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import Note
from cxr_explorer.tables.gathering import Gathering
from cxr_explorer.tables.judged import Judged


@dataclass(frozen=True)
class WriteReport:
    """What went into a table and what the table has no room for.

    Attributes:
        images: Images in the table.
        labels: Judgements in the table.
        other_findings: Labels left out because their finding was not asked for.
        superseded: Labels left out because a later one of the same finding on the same image stands (nih, chexpert).
        uncertain: Uncertain labels left out (nih has no way to write them).
        absent: Absent labels left out (nih has no way to write them).
        conflicts: Images on which a finding and one that it excludes are present, as "No Finding" and any other (nih:
            "No Finding" is left out; chexpert: both are written as judged).
        unresolved: Findings on images left blank because the readers differ and nothing decides between them.
        one_reader: Majority or unanimous answers in the table that rest on one reader alone.
        notes: Notes and flags in the table, one an image and reader.
        remarks: What else there is to say of it, a sentence each.
    """

    images: int
    labels: int
    other_findings: int = 0
    superseded: int = 0
    uncertain: int = 0
    absent: int = 0
    conflicts: int = 0
    unresolved: int = 0
    one_reader: int = 0
    notes: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """Labels given but not in the table, for whatever reason but a conflict."""
        return self.other_findings + self.superseded + self.uncertain + self.absent


def report_on(judged: Judged, labels: int, uncertain: int = 0, absent: int = 0) -> WriteReport:
    """What went into a table with one judgement a finding and image; the numbers are those of `WriteReport`."""
    return WriteReport(
        images=len(judged.files),
        labels=labels,
        other_findings=judged.other_findings,
        superseded=judged.superseded,
        uncertain=uncertain,
        absent=absent,
        conflicts=int(judged.contradicted().any(axis=1).sum()),
    )


class RowReader(Protocol):
    """Takes the rows of a table, one after the other."""

    def __call__(self, line: int, cells: list[str]) -> None:
        """One row, with the number of its line."""

    def findings(self) -> NDArray[np.int16] | None:
        """Once all rows were seen: as `Gathering.finish` takes it."""


Table = Iterable[Sequence[str]]
"""Rows of cells, the header first."""

Notes = Mapping[tuple[str, str], Note]
"""What readers noted, by file and reader."""


@dataclass(frozen=True)
class Format:
    """A form of label tables.

    Attributes:
        name: On the command line, in files and settings.
        title: In the window.
        help: What it holds, in one or two sentences.
        recognises: Whether a header is of this form, from the names of its columns as `squeezed` gives them.
        reader: Takes what gathers the labels and the header, returns what takes the rows.
        writer: Judgements become a table and what it has no room for; None for the long form, which has room for every
            label there is, and for notes, see `long.long_table`.
    """

    name: str
    title: str
    help: str
    recognises: Callable[[set[str]], bool]
    reader: Callable[[Gathering, Sequence[str]], RowReader]
    writer: Callable[[Judged], tuple[Table, WriteReport]] | None = None

    @property
    def one_judgement(self) -> bool:
        """Whether a finding on an image has one judgement in it."""
        return self.writer is not None
