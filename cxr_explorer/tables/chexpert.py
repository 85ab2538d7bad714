"""CheXpert's form: one image a row, `Path` and one column a finding.

Cells are 1 present, 0 absent, -1 uncertain, blank not judged; read, "1.0" is 1 too. Each column is a finding but those
known to hold something else (age, sex, view, fold), and those with fewer such values than others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.tables.cells import harmless, plain
from cxr_explorer.tables.facts import is_fact_header
from cxr_explorer.tables.format import Format, Table, WriteReport, report_on
from cxr_explorer.tables.gathering import BLANK, Gathering, Values, cell_at, columns_of, squeezed
from cxr_explorer.tables.judged import Judged

_CELLS = np.array(["-1", "0", "1", ""], object)  # by value + 1; the last is NOT_JUDGED


def _chexpert_table(judged: Judged) -> tuple[Table, WriteReport]:
    header = ("Path", *map(harmless, judged.findings))
    cells = _CELLS[judged.values + 1].tolist()  # whole columns: cell by cell a release takes seconds
    rows = ((harmless(file), *row) for file, row in zip(judged.files, cells, strict=True))
    return chain([header], rows), report_on(judged, judged.count)


class _Chexpert:
    """Takes rows of CheXpert's form; which columns are findings shows once all have been seen."""

    SLIPS = 100
    """Bad cells of a column that are named."""

    def __init__(self, table: Gathering, header: Sequence[str]) -> None:
        self._table = table
        self._titles = [plain(cell).strip() for cell in header]
        self._file = columns_of([squeezed(cell) for cell in header], ("path",), table.problems)["path"]
        self._columns = [index for index, title in enumerate(self._titles) if title and index != self._file]
        self._values = Values()
        self._good = [0] * len(header)
        self._bad = [0] * len(header)
        self._slips: list[list[tuple[int, str]]] = [[] for _ in header]

    def __call__(self, line: int, cells: list[str]) -> None:
        table, values = self._table, self._values
        file = table.file_number(line, cell_at(cells, self._file))
        if file is None:
            return
        width = len(cells)
        for index in self._columns:
            if index >= width or not (cell := cells[index]):
                continue
            value = values[cell]
            if value is None:
                self._bad[index] += 1
                if len(self._slips[index]) < self.SLIPS:
                    self._slips[index].append((line, cell))
            elif value != BLANK:
                self._good[index] += 1
                table.add(file, index, value, line)

    def findings(self) -> NDArray[np.int16]:
        """The finding of each column, -1 of those that hold something else; says which these are."""
        problems = self._table.problems
        finding_of = np.full(len(self._titles), -1, np.int16)
        first: dict[int, str] = {}
        slips: list[tuple[int, str]] = []
        for index in self._columns:
            title, good, bad = self._titles[index], self._good[index], self._bad[index]
            if is_fact_header(title):
                if good > bad:  # coded: else nobody takes it for a finding
                    problems.add(f"Line 1: the column {title[:80]!r} is left out: it holds a fact, not a finding.")
                continue
            if good < bad:  # ages, numbers, remarks: not a finding with slips
                problems.add(f"Line 1: the column {title[:80]!r} is ignored: its cells are not 1, 0, -1 or blank.")
                continue
            if (number := self._table.finding_number(1, title)) is None:
                continue
            if number in first:
                problems.add(
                    f"Line 1: the finding {title[:80]!r} occurs twice, the other column is {first[number]!r}; both "
                    "are read, and what they say differently is left out."
                )
            first.setdefault(number, title[:80])
            finding_of[index] = number
            slips += [(line, f"{first[number]} is {cell.strip()[:40]!r}") for line, cell in self._slips[index]]
        for line, text in sorted(slips):
            problems.add(f"Line {line}: {text}, none of 1, 0, -1 or blank.")
        return finding_of


CHEXPERT = Format(
    "chexpert",
    "CheXpert",
    "For what reads CheXpert: one column a finding, 1 present, 0 absent, -1 uncertain, blank not read.",
    recognises=lambda names: "path" in names and len(names) > 1,
    reader=_Chexpert,
    writer=_chexpert_table,
)
