"""What makes a form of label tables: one record, named in `formats.FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import LabelRow, Note
from cxr_explorer.tables.gathering import Gathering


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

    @property
    def left_out(self) -> int:
        """Labels given but not in the table, for whatever reason but a conflict."""
        return self.other_findings + self.superseded + self.uncertain + self.absent


class RowReader(Protocol):
    """Takes the rows of a table, one after the other."""

    def __call__(self, line: int, cells: list[str]) -> None:
        """One row, with the number of its line."""

    def findings(self) -> NDArray[np.int16] | None:
        """Once all rows were seen: as `Gathering.finish` takes it."""


Table = list[Sequence[str]]
"""Rows of cells, the header first."""

Excludes = Mapping[str, Sequence[str]]

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
        writer: Rows of labels, findings in order, what excludes what, and notes (None: without) become a table and what
            it has no room for. Only the long form has room for notes.
        one_judgement: Whether a finding on an image has one judgement in it.
    """

    name: str
    title: str
    help: str
    recognises: Callable[[set[str]], bool]
    reader: Callable[[Gathering, Sequence[str]], RowReader]
    writer: Callable[[Iterable[LabelRow], Sequence[str], Excludes, Notes | None], tuple[Table, WriteReport]]
    one_judgement: bool = True
