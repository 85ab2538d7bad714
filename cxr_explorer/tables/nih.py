"""The form of NIH ChestX-ray14's `Data_Entry_2017.csv`: one image a row, the findings that are present in one cell.

`Image Index,Finding Labels`, the findings joined by "|". An image with labels of which none is present gets an empty
cell: "absent Effusion" is not "No Finding". Read, a listed finding is present, "No Finding" like any other; a finding
that is not listed is *not* read as absent, it gets no label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.tables.cells import harmless, plain
from cxr_explorer.tables.format import Excludes, Format, Notes, Table, WriteReport
from cxr_explorer.tables.gathering import Gathering, columns_of, squeezed
from cxr_explorer.tables.judged import latest

HEADER = ("Image Index", "Finding Labels")


def _nih_table(
    rows: Iterable[LabelRow], findings: Sequence[str], excludes: Excludes, _notes: Notes | None
) -> tuple[Table, WriteReport]:
    if any("|" in finding for finding in findings):
        raise ValueError('a finding with "|" cannot stand in a cell of findings joined by "|"')
    judged = latest(rows, findings, excludes)
    table: Table = [HEADER]
    labels = 0
    for file, values in judged.images.items():
        present = [finding for finding in judged.findings if values.get(finding) == Value.PRESENT]
        out = judged.contradicted(values)
        present = [finding for finding in present if finding not in out]
        labels += len(present)
        table.append((harmless(file), harmless("|".join(present))))
    every = Counter(value for values in judged.images.values() for value in values.values())
    return table, judged.report(labels, uncertain=every[Value.UNCERTAIN], absent=every[Value.ABSENT])


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
    "Image Index, Finding Labels. Findings that are present; absent and uncertain ones have no place in it.",
    recognises=lambda names: {"imageindex", "findinglabels"} <= names,
    reader=_Nih,
    writer=_nih_table,
)
