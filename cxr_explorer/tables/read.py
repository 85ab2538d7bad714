"""A CSV file becomes labels: this program's own form, NIH ChestX-ray14's or CheXpert's, told apart by the header."""

from __future__ import annotations

import re
from array import array
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import AuditState, How, LabelBound
from cxr_explorer.labels.vocabulary import (
    Vocabulary,
    bundled_vocabularies,
    excludes_in,
    finding_key,
    objection_to,
    spelled,
    spellings,
)
from cxr_explorer.tables.cells import VALUES, Format, is_blank, plain
from cxr_explorer.tables.csv_file import CsvFile, Problems
from cxr_explorer.tables.facts import is_fact_header
from cxr_explorer.tables.imported import (
    NOTHING,
    ImportedTable,
    Labels,
    as_array,
    seconds_of,
    settle,
)
from cxr_explorer.tables.texts import Uniques

TOLD_EVERY = 20_000
"""Rows after which it is told how far the reading is."""

_HOWS = {how: place for place, how in enumerate(get_args(How))}


def read_labels(path: Path, known: Iterable[str] = (), vocabulary: Vocabulary | None = None) -> ImportedTable:
    """Read a label table in any of the three forms of `write_labels`, told apart by the header.

    The file is CSV with commas, semicolons or tabs, plain or gzipped, in UTF-8, UTF-16, or else Latin-1 (said in the
    problems). Headers match in any capitalisation, with or without spaces; other columns are ignored. Cells such as
    "nan" or "NA" are blank. Bad cells are listed in the problems and skipped, and so are labels that contradict each
    other, see `settle`. Two spellings of one finding are one ("Pleural thickening", "Pleural_Thickening"), in the
    spelling of a known one.

    - long: file, finding and value are needed, the other columns are not; values may be words or numbers.
    - nih: `Data_Entry_2017` and its likes. A listed finding is present, "No Finding" like any other; a finding that is
      not listed is *not* read as absent, it gets no label.
    - chexpert: 1, 0, -1 or blank, also "1.0". Each column is a finding but those known to hold something else (age,
      sex, view, fold), and those with fewer such values than others.

    Args:
        path: The file.
        known: Findings whose spelling is kept, those of a project first of all; the bundled vocabularies' come next.
        vocabulary: Says which findings exclude each other; None for the usual rule.

    Raises:
        UserError: The file cannot be read, or is no such table.
    """
    reading = reading_labels(path, known, vocabulary)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            table: ImportedTable = end.value
            return table


def reading_labels(
    path: Path, known: Iterable[str] = (), vocabulary: Vocabulary | None = None
) -> Generator[float, None, ImportedTable]:
    """`read_labels` in steps: yields the share that is done, returns the table."""
    file = CsvFile(path)
    problems = Problems(file.warnings)
    for delimiter in ",;\t":
        records = file.records(delimiter, problems)
        _, header = next(records, (0, []))
        if len(header) <= 2 and header[0:1] and header[0].casefold().startswith("sep="):  # Excel's hint to itself
            _, header = next(records, (0, []))
        if (format := _format_of(header)) is not None:
            break
        records.close()  # type: ignore[attr-defined]
        problems = Problems(file.warnings)
    else:
        raise UserError(
            f'Cannot read {path}: its first line has none of the headers "file, finding, value", "Image Index, Finding '
            'Labels" and "Path, <one column a finding>"; add one.'
        )
    table = _Import(problems, tuple(known), vocabulary)
    match format:
        case "long":
            read: _Long | _Nih | _Chexpert = _Long(table, header)
        case "nih":
            read = _Nih(table, header)
        case "chexpert":
            read = _Chexpert(table, header)
    for count, (line, cells) in enumerate(records, 1):
        read(line, cells)
        if not count % TOLD_EVERY:
            yield file.share
    return table.finish(format, read.findings() if isinstance(read, _Chexpert) else None)


def _squeezed(header_cell: str) -> str:
    return re.sub(r"[\s_]+", "", header_cell).casefold()


def _format_of(header: Sequence[str]) -> Format | None:
    names = {_squeezed(cell) for cell in header}
    if {"file", "finding", "value"} <= names:
        return "long"
    if {"imageindex", "findinglabels"} <= names:
        return "nih"
    if "path" in names and len(header) > 1:
        return "chexpert"
    return None


def _columns(names: Sequence[str], needed: Iterable[str], problems: Problems) -> dict[str, int]:
    """The first column of each name; a needed one that occurs twice is told."""
    for name in needed:
        if names.count(name) > 1:
            problems.add(f"Line 1: {names.count(name)} columns are called {name!r}; the first of them is read.")
    return {name: names.index(name) for name in set(names)}


class _Import:
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
        self.details: _Details | None = None

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

    @property
    def findings(self) -> tuple[str, ...]:
        """By number."""
        return tuple(self._numbers)

    def finish(self, format: Format, finding_of: NDArray[np.int16] | None) -> ImportedTable:
        """The table. `finding_of` says which finding each number in `finding` is, -1 for none."""
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
        settled = settle(labels, labels.file, excludes, one_judgement=format != "long")
        for problem in settled.problems:
            self.problems.add(problem)
        new = tuple(name for name in findings if self._spelling(name) is None)
        return ImportedTable(format, settled.labels, findings, files, self.problems.texts(), new, settled.images)


# ---------------------------------------------------------------------------------------------- the three forms


class _Details:
    """What the long form says of a label beyond the judgement, as columns."""

    def __init__(self) -> None:
        self.readers: dict[str, int] = {}
        self.bounds: dict[LabelBound, int] = {}
        self.reader, self.at, self.how = array("i"), array("q"), array("b")
        self.cluster, self.map_id, self.bound = array("q"), array("q"), array("i")

    def columns(self) -> dict[str, Any]:
        """Those of `Labels`."""
        names = ("reader", "at", "how", "cluster", "map_id", "bound")
        columns = {name: as_array(getattr(self, name)) for name in names}
        return {**columns, "readers": tuple(self.readers), "bounds": tuple(self.bounds)}


class _Long:
    """Takes rows of the long form."""

    _OTHERS = ("reader", "time", "how", "cluster", "map", "audit", "errorbound", "confidence", "auditstate")

    def __init__(self, table: _Import, header: Sequence[str]) -> None:
        self._table = table
        names = [_squeezed(cell) for cell in header]
        found = _columns(names, ("file", "finding", "value"), table.problems)
        self._file, self._finding, self._value = (found[name] for name in ("file", "finding", "value"))
        self._others = [found.get(name, len(names)) for name in self._OTHERS]
        self._values = _Values()
        table.details = _Details()

    def __call__(self, line: int, cells: list[str]) -> None:
        table, problems = self._table, self._table.problems
        file = table.file_number(line, _cell(cells, self._file))
        if file is None:
            return
        finding = table.finding_number(line, plain(_cell(cells, self._finding)))
        if finding is None:
            return
        value = self._values[cell := _cell(cells, self._value)]
        if value is None or value == BLANK:
            problems.add(f"Line {line}: the value {cell[:40]!r} is not present, absent or uncertain (1, 0, -1).")
            return
        table.add(file, finding, value, line)
        self._add_details(line, *(_cell(cells, index) for index in self._others))

    def _add_details(self, line: int, reader: str, time: str, how: str, cluster: str, map_id: str, *audit: str) -> None:
        problems, details = self._table.problems, self._table.details
        assert details is not None
        if (at := _time(time := plain(time))) is None and not is_blank(time):
            problems.add(f"Line {line}: the time {time[:40]!r} is not like 2026-01-31T14:05:09Z; label kept without.")
        if (way := _HOWS.get(how.strip().casefold(), -1)) < 0 and not is_blank(how):
            problems.add(f"Line {line}: {how[:40]!r} is not a way to label; label kept without.")
        for name, text, column in (("cluster", cluster, details.cluster), ("map", map_id, details.map_id)):
            number = _integer(text.strip())
            if number is None and not is_blank(text):
                problems.add(f"Line {line}: the {name} {text[:40]!r} is not a whole number; label kept without.")
            column.append(NOTHING if number is None else number)
        name = plain(reader)
        details.reader.append(details.readers.setdefault(name, len(details.readers)) if name else -1)
        details.at.append(NOTHING if at is None else at)
        details.how.append(way)
        bound = _bound(*map(str.strip, audit)) if any(audit) else None
        if bound is None and not all(map(is_blank, audit)):
            problems.add(f"Line {line}: what it says of an audit is not complete; label kept without.")
        details.bound.append(-1 if bound is None else details.bounds.setdefault(bound, len(details.bounds)))


class _Nih:
    """Takes rows of NIH's form."""

    def __init__(self, table: _Import, header: Sequence[str]) -> None:
        self._table = table
        found = _columns([_squeezed(cell) for cell in header], ("imageindex", "findinglabels"), table.problems)
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


class _Chexpert:
    """Takes rows of CheXpert's form; which columns are findings shows once all have been seen."""

    SLIPS = 100
    """Bad cells of a column that are named."""

    def __init__(self, table: _Import, header: Sequence[str]) -> None:
        self._table = table
        self._titles = [plain(cell).strip() for cell in header]
        self._file = _columns([_squeezed(cell) for cell in header], ("path",), table.problems)["path"]
        self._columns = [index for index, title in enumerate(self._titles) if title and index != self._file]
        self._values = _Values()
        self._good = [0] * len(header)
        self._bad = [0] * len(header)
        self._slips: list[list[tuple[int, str]]] = [[] for _ in header]

    def __call__(self, line: int, cells: list[str]) -> None:
        table, values = self._table, self._values
        file = table.file_number(line, _cell(cells, self._file))
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


# ---------------------------------------------------------------------------------------------- cells

BLANK = 2
"""Of a cell that says nothing, beside the values -1, 0 and 1."""


class _Values(dict[str, "int | None"]):
    """Cell -> value, BLANK, or None for what is neither; every cell is looked at once."""

    def __missing__(self, cell: str) -> int | None:
        if len(self) > 10_000:  # a column of numbers
            self.clear()
        value = BLANK if is_blank(cell) else _value(cell)
        self[cell] = value
        return value


def _cell(cells: Sequence[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _value(cell: str) -> int | None:
    text = plain(cell.strip()).casefold()
    if text in VALUES:
        return int(VALUES[text])
    if text in ("true", "false"):  # pandas
        return int(text == "true")
    try:
        return int(number) if (number := float(text.replace(",", "."))) in (1, 0, -1) else None
    except ValueError:
        return None


def _time(cell: str) -> int | None:
    try:
        time = datetime.fromisoformat(cell.strip())
        return seconds_of(time) if time.tzinfo is not None else None  # of which clock? not for guessing
    except (ValueError, OverflowError):
        return None


def _integer(cell: str) -> int | None:
    try:
        number = int(cell.removesuffix(".0"))  # pandas writes a column of numbers and blanks as "3.0"
    except ValueError:
        return None
    return number if NOTHING < number < -NOTHING else None


def _bound(audit: str, error_bound: str, confidence: str, audit_state: str) -> LabelBound | None:
    number, share, sure = _integer(audit), _share(error_bound), _share(confidence)
    state = next((state for state in get_args(AuditState) if state == audit_state.casefold()), None)
    if sure is None or state is None or (share is None and (error_bound or state != "failed")):
        return None
    if number is None and (audit or share is None):  # without a number it is what suggestions were accepted with
        return None
    return LabelBound(number, share, sure, state)


def _share(cell: str) -> float | None:
    try:
        return share if 0 <= (share := float(cell)) <= 1 else None
    except ValueError:
        return None
