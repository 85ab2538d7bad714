"""What reading a label table has gathered so far, and what its cells mean, whatever its form."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Note, NoteRow
from cxr_explorer.labels.texts import VALUES_BY_WORD
from cxr_explorer.labels.vocabulary import (
    Vocabulary,
    bundled_vocabularies,
    excludes_in,
    finding_key,
    objection_to,
    spelled,
    spellings,
)
from cxr_explorer.tables.cells import is_blank, plain
from cxr_explorer.tables.csv_file import Problems
from cxr_explorer.tables.imported import NOTHING, ImportedTable, Labels, as_array, settle
from cxr_explorer.tables.texts import Uniques


class Details(Protocol):
    """What a form says of a label beyond the judgement."""

    def columns(self) -> dict[str, Any]:
        """Those of `Labels`."""


class Gathering:
    """What has been gathered of a table so far."""

    def __init__(self, problems: Problems, known: Sequence[str], vocabulary: Vocabulary | None) -> None:
        self.problems = problems
        self._vocabulary = vocabulary
        self._spelled = spellings(known)
        self._bundled = spellings(name for some in bundled_vocabularies() for name in some.findings)
        self._own: dict[str, str] = {}  # finding_key -> as first spelled, of findings nobody knew
        self._cells: dict[str, int | None] = {}  # as the table spells it -> number of the finding
        self._numbers: dict[str, int] = {}
        self._files = Uniques()
        self.file, self.finding, self.value, self.line = array("i"), array("h"), array("b"), array("i")
        self.details: Details | None = None
        self._notes: dict[tuple[int, str], tuple[int, Note]] = {}

    def file_number(self, line: int, cell: str) -> int | None:
        """The number of the file a cell names."""
        file = plain(cell)
        if not file.strip():
            self.problems.add(f"Line {line}: no image is named.")
            return None
        return self._files.number(file)

    def finding_number(self, line: int, cell: str, needed: bool = True) -> int | None:
        """The number of the finding a cell names, in the one spelling for all of its spellings."""
        if cell in self._cells:
            return self._cells[cell]
        finding = cell.strip()
        name = self._spelling(finding)
        if name is None:
            if is_blank(finding) and not needed:
                return None
            if (objection := objection_to(finding)) is not None:
                self.problems.add(f"Line {line}: the finding {finding[:80]!r} cannot be used: {objection}.")
                return None
            name = self._own.setdefault(finding_key(finding), finding)
        if name not in self._numbers and len(self._numbers) >= 1 << 15:
            raise UserError(
                f"Cannot read the table: up to line {line} it names {len(self._numbers):,} findings. It is another "
                "kind of table; choose the column of the findings."
            )
        number = self._cells[cell] = self._numbers.setdefault(name, len(self._numbers))
        return number

    def _spelling(self, finding: str) -> str | None:
        return spelled(finding, self._spelled) or spelled(finding, self._bundled)

    def add(self, file: int, finding: int, value: int, line: int) -> None:
        """One label."""
        self.file.append(file)
        self.finding.append(finding)
        self.value.append(value)
        self.line.append(line)

    def add_note(self, line: int, file: int, reader: str, note: Note) -> None:
        """A note on a file; each row of the image may say it again. Of two that differ the newer one stands."""
        self._notes[file, reader] = line, self._one_note(line, self._notes.get((file, reader)), note)

    def _one_note(self, line: int, before: tuple[int, Note] | None, note: Note) -> Note:
        if before is None or before[1] == note:
            return note
        if before[1].text and note.text and before[1].text != note.text:
            self.problems.add(
                f"Line {line}: another note than in line {before[0]} by the same reader on the same image; the newer "
                "one counts, or else the first."
            )
        newer = max(before[1], note, key=lambda one: (bool(one.text), one.at))
        return Note(newer.text, before[1].flagged or note.flagged, newer.at)

    def _finish_notes(self, files: Sequence[str], row: NDArray[np.int32]) -> tuple[NoteRow, ...]:
        notes: dict[tuple[int, str], tuple[int, Note]] = {}
        for (file, reader), (line, note) in self._notes.items():
            key = int(row[file]), reader
            notes[key] = line, self._one_note(line, notes.get(key), note)
        return tuple(NoteRow(files[file], reader, note) for (file, reader), (_, note) in notes.items())

    @property
    def findings(self) -> tuple[str, ...]:
        """By number."""
        return tuple(self._numbers)

    def finish(self, format: str, finding_of: NDArray[np.int16] | None, one_judgement: bool) -> ImportedTable:
        """The table.

        Args:
            format: The name of its form.
            finding_of: Which finding each number in `finding` is, -1 for none; None where they are the findings' own.
            one_judgement: Whether a finding on an image has one judgement, as `settle` takes it.
        """
        files, row = self._files.finish()
        findings = tuple(self._numbers)
        finding = as_array(self.finding).astype(np.int16, copy=False)
        labels = Labels(
            files,
            findings,
            row[as_array(self.file)],
            finding if finding_of is None else finding_of[finding],
            as_array(self.value).astype(np.int8, copy=False),
            as_array(self.line).astype(np.int32, copy=False),
            **(self.details.columns() if self.details is not None else {}),
        )
        if (labels.finding < 0).any():
            labels = labels.take(labels.finding >= 0)
        excludes = excludes_in(self._vocabulary, findings)
        settled = settle(labels, labels.file, excludes, one_judgement=one_judgement)
        for problem in settled.problems:
            self.problems.add(problem)
        new = tuple(name for name in findings if self._spelling(name) is None)
        notes = self._finish_notes(files, row)
        return ImportedTable(format, settled.labels, findings, files, self.problems.texts(), new, settled.images, notes)


def columns_of(names: Sequence[str], needed: Iterable[str], problems: Problems) -> dict[str, int]:
    """The first column of each name; a needed one that occurs twice is told."""
    for name in needed:
        if names.count(name) > 1:
            problems.add(f"Line 1: {names.count(name)} columns are called {name!r}; the first of them is read.")
    return {name: names.index(name) for name in set(names)}


def squeezed(header_cell: str) -> str:
    """The name of a column without capitals, blanks and underscores."""
    return re.sub(r"[\s_]+", "", header_cell).casefold()


BLANK = 2
"""Of a cell that says nothing, beside the values -1, 0 and 1."""


class Values(dict[str, "int | None"]):
    """Cell -> value, BLANK, or None for what is neither; every cell is looked at once."""

    def __missing__(self, cell: str) -> int | None:
        if len(self) > 10_000:  # a column of numbers
            self.clear()
        value = BLANK if is_blank(cell) else value_of(cell)
        self[cell] = value
        return value


def cell_at(cells: Sequence[str], index: int) -> str:
    """The cell, "" where the row has ended."""
    return cells[index] if index < len(cells) else ""


def value_of(cell: str) -> int | None:
    """1 present, 0 absent, -1 uncertain, from a word or a number; None for anything else."""
    text = plain(cell.strip()).casefold()
    if text in VALUES_BY_WORD:
        return int(VALUES_BY_WORD[text])
    if text in ("true", "false"):  # pandas
        return int(text == "true")
    try:
        return int(number) if (number := float(text.replace(",", "."))) in (1, 0, -1) else None
    except ValueError:
        return None


def integer_of(cell: str) -> int | None:
    """A whole number; None for anything else."""
    try:
        number = int(cell.removesuffix(".0"))  # pandas writes a column of numbers and blanks as "3.0"
    except ValueError:
        return None
    return number if NOTHING < number < -NOTHING else None
