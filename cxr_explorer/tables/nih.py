"""The form of NIH ChestX-ray14's `Data_Entry_2017.csv`: one image a row, the findings that are present in one cell.

`Image Index,Finding Labels`, the findings joined by "|". An image with labels of which none is present gets an empty
cell: "absent Effusion" is not "No Finding". Read, a listed finding is present, "No Finding" like any other; a finding
that is not listed is *not* read as absent, it gets no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from cxr_explorer.labels.label import Value
from cxr_explorer.tables.cells import harmless, plain
from cxr_explorer.tables.format import Format, Table, WriteReport, report_on
from cxr_explorer.tables.gathering import Gathering, columns_of, squeezed
from cxr_explorer.tables.judged import Judged

HEADER = ("Image Index", "Finding Labels")


def _nih_table(judged: Judged) -> tuple[Table, WriteReport]:
    """Raises ValueError for a finding with "|"."""
    if any("|" in finding for finding in judged.findings):
        raise ValueError('a finding with "|" cannot stand in a cell of findings joined by "|"')
    values = judged.values
    present = (values == Value.PRESENT) & ~judged.contradicted()
    sets, which = np.unique(np.packbits(present, axis=1), axis=0, return_inverse=True)  # of the findings present
    masks = np.unpackbits(sets, axis=1, count=len(judged.findings)).tolist()
    cells = [
        harmless("|".join(finding for finding, there in zip(judged.findings, mask, strict=True) if there))
        for mask in masks
    ]
    rows = ((harmless(file), cells[one]) for file, one in zip(judged.files, which.ravel().tolist(), strict=True))
    uncertain, absent = (int((values == value).sum()) for value in (Value.UNCERTAIN, Value.ABSENT))
    return chain([HEADER], rows), report_on(judged, int(present.sum()), uncertain, absent)


class _Nih:
    """Takes rows of NIH's form."""

    def __init__(self, table: Gathering, header: Sequence[str]) -> None:
        self._table = table
        found = columns_of([squeezed(cell) for cell in header], ("imageindex", "findinglabels"), table.problems)
        self._file, self._findings = found["imageindex"], found["findinglabels"]

    def __call__(self, line: int, cells: list[str]) -> None:
        table = self._table
        if len(cells) <= max(self._file, self._findings):
            table.problems.add(f"Line {line}: the row ends before the columns it needs.")
            return
        file = table.file_number(line, cells[self._file])
        if file is None:
            return
        present = set()
        for name in plain(cells[self._findings]).split("|"):
            finding = table.finding_number(line, name, needed=False) if name.strip() else None
            if finding is not None and finding not in present:
                present.add(finding)
                table.add(file, finding, 1, line)

    def findings(self) -> None:
        """They are told row by row."""


NIH = Format(
    "nih",
    "NIH ChestX-ray14",
    "For what reads NIH ChestX-ray14: Image Index, Finding Labels. Only what is present has a place in it.",
    recognises=lambda names: {"imageindex", "findinglabels"} <= names,
    reader=_Nih,
    writer=_nih_table,
)
