"""A CSV file becomes labels: this program's own form, NIH ChestX-ray14's or CheXpert's, told apart by the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from cxr_explorer.errors import UserError
from cxr_explorer.labels.csv_file import Record, read_records, read_text
from cxr_explorer.labels.label import AuditState, How, LabelBound, Value
from cxr_explorer.labels.table_cells import VALUES, Format, plain
from cxr_explorer.labels.vocabulary import objection_to


@dataclass(frozen=True)
class ImportedLabel:
    """One label of a table that was read; what the table does not say is None.

    Attributes:
        file: The image as the table names it; see `match_files`.
        finding: Name of the finding, usable in a vocabulary.
        value: The judgement.
        line: Line of the table it stands in, from 1.
        reader: Who judged.
        at: When, ISO 8601 in UTC, to the second.
        how: How the image was addressed.
        cluster: The cluster it was judged as part of.
        map_id: The map the cluster is of.
        bound: What an audit said of the label when the table was written. A project does not take it over: it holds for
            the labels that were audited together, and whether all of them came along a table cannot say.
    """

    file: str
    finding: str
    value: Value
    line: int
    reader: str | None = None
    at: str | None = None
    how: How | None = None
    cluster: int | None = None
    map_id: int | None = None
    bound: LabelBound | None = None


@dataclass(frozen=True)
class ImportedTable:
    """A label table that was read.

    Attributes:
        format: The form it was in.
        rows: Its labels, in its order.
        findings: The findings it speaks of, in the order of its columns or of their first occurrence.
        files: The images it lists, also those without a label, each once, as it names them.
        problems: What could not be used, one sentence each with its line; shown to the reader before the import.
    """

    format: Format
    rows: list[ImportedLabel]
    findings: tuple[str, ...]
    files: tuple[str, ...]
    problems: tuple[str, ...]


def read_labels(path: Path) -> ImportedTable:
    """Read a label table in any of the three forms of `write_labels`, told apart by the header.

    The file is CSV with commas, semicolons or tabs, plain or gzipped, in UTF-8, UTF-16 with a byte order mark, or else
    Latin-1 (said in the problems). Headers match in any capitalisation, with or without spaces; other columns are
    ignored. Bad cells are listed in the problems and skipped.

    - long: file, finding and value are needed, the other columns are not; values may be words or numbers.
    - nih: `Data_Entry_2017` and its likes. A listed finding is present, "No Finding" like any other; a finding that is
      not listed is *not* read as absent, it gets no label.
    - chexpert: 1, 0, -1 or blank, also "1.0". Each column is a finding but those of age, sex and view, and those
      without a single such value.

    Raises:
        UserError: The file cannot be read, or is no such table.
    """
    text, problems = read_text(path)
    try:
        format, header, records = _parse(text)
        names = [_squeezed(cell) for cell in header]
        match format:
            case "long":
                return _read_long(names, records, problems)
            case "nih":
                return _read_nih(names, records, problems)
            case "chexpert":
                return _read_chexpert(header, records, problems)
    except csv.Error as error:
        raise UserError(f"Cannot read {path}: it is not a sound CSV file ({error}); save it as CSV again.") from error
    raise UserError(
        f'Cannot read {path}: its first line has none of the headers "file, finding, value", "Image Index, Finding '
        'Labels" and "Path, <one column a finding>"; add one.'
    )


def _parse(text: str) -> tuple[Format | None, list[str], Iterator[Record]]:
    """The form of the table, its header and the records below, with the delimiter that makes the header a known one."""
    for delimiter in ",;\t":
        records = read_records(text, delimiter)
        _, header = next(records, (0, []))
        if len(header) <= 2 and header[0:1] and header[0].casefold().startswith("sep="):  # Excel's hint to itself
            _, header = next(records, (0, []))
        if (format := _format_of(header)) is not None:
            return format, header, records
    return None, [], iter(())


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


@dataclass
class _Import:
    """What has been gathered of a table so far."""

    problems: list[str]
    rows: list[ImportedLabel] = field(default_factory=list)
    files: dict[str, None] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)  # case-folded -> as first spelled

    def finish(self, format: Format) -> ImportedTable:
        return ImportedTable(format, self.rows, tuple(self.findings.values()), tuple(self.files), tuple(self.problems))

    def file(self, line: int, cell: str) -> str | None:
        file = plain(cell)
        if not file.strip():
            self.problems.append(f"Line {line}: no image is named.")
            return None
        self.files[file] = None
        return file

    def finding(self, line: int, text: str) -> str | None:
        """The finding as the table spelled it first."""
        text = text.strip()
        if (known := self.findings.get(text.casefold())) is not None:
            return known
        if (objection := objection_to(text)) is not None:
            self.problems.append(f"Line {line}: the finding {text[:80]!r} cannot be used: {objection}.")
            return None
        self.findings[text.casefold()] = text
        return text


def _read_long(names: list[str], records: Iterator[Record], problems: list[str]) -> ImportedTable:
    table = _Import(problems)
    column = {name: names.index(name) for name in set(names)}

    def cell(cells: list[str], name: str) -> str:
        index = column.get(name)
        return "" if index is None or index >= len(cells) else cells[index]

    for line, cells in records:
        file = table.file(line, cell(cells, "file"))
        if file is None:
            continue
        finding = table.finding(line, plain(cell(cells, "finding")))
        if finding is None:
            continue
        if (value := _value(cell(cells, "value"))) is None:
            problems.append(
                f"Line {line}: the value {cell(cells, 'value')[:40]!r} is not present, absent or uncertain (1, 0, -1)."
            )
            continue
        if (at := _time(time := plain(cell(cells, "time")))) is None and time.strip():
            problems.append(
                f"Line {line}: the time {time[:40]!r} is not like 2026-01-31T14:05:09Z; label kept without."
            )
        how = next((how for how in get_args(How) if how == cell(cells, "how").strip().casefold()), None)
        if how is None and cell(cells, "how").strip():
            problems.append(f"Line {line}: {cell(cells, 'how')[:40]!r} is not a way to label; label kept without.")
        numbers: list[int | None] = []
        for name in ("cluster", "map"):
            number = _integer(text := cell(cells, name).strip())
            if number is None and text:
                problems.append(f"Line {line}: the {name} {text[:40]!r} is not a whole number; label kept without.")
            numbers.append(number)
        reader = plain(cell(cells, "reader")) or None
        audited = [cell(cells, name).strip() for name in ("audit", "errorbound", "confidence", "auditstate")]
        if (bound := _bound(*audited)) is None and any(audited):
            problems.append(f"Line {line}: what it says of an audit is not complete; label kept without.")
        table.rows.append(ImportedLabel(file, finding, value, line, reader, at, how, numbers[0], numbers[1], bound))
    return table.finish("long")


def _bound(audit: str, error_bound: str, confidence: str, audit_state: str) -> LabelBound | None:
    number, share, sure = _integer(audit), _share(error_bound), _share(confidence)
    state = next((state for state in get_args(AuditState) if state == audit_state.casefold()), None)
    if number is None or sure is None or state is None or (share is None and (error_bound or state != "failed")):
        return None
    return LabelBound(number, share, sure, state)


def _share(cell: str) -> float | None:
    try:
        return share if 0 <= (share := float(cell)) <= 1 else None
    except ValueError:
        return None


def _read_nih(names: list[str], records: Iterator[Record], problems: list[str]) -> ImportedTable:
    table = _Import(problems)
    file_column, findings_column = names.index("imageindex"), names.index("findinglabels")
    for line, cells in records:
        if len(cells) <= max(file_column, findings_column):
            problems.append(f"Line {line}: the row ends before the columns it needs.")
            continue
        file = table.file(line, cells[file_column])
        if file is None:
            continue
        present: dict[str, None] = {}
        for name in plain(cells[findings_column]).split("|"):
            if name.strip() and (finding := table.finding(line, name)) is not None:
                present[finding] = None
        table.rows += [ImportedLabel(file, finding, Value.PRESENT, line) for finding in present]
    return table.finish("nih")


# Columns of CheXpert's own tables (and names used for the same) that hold no finding, unless they hold nothing but 1, 0
# and -1: then somebody has a finding of that name.
_FACTS = {"sex", "gender", "age", "frontal/lateral", "ap/pa", "view", "viewposition"}


def _read_chexpert(header: list[str], records: Iterator[Record], problems: list[str]) -> ImportedTable:
    table = _Import(problems)
    names = [_squeezed(cell) for cell in header]
    file_column = names.index("path")
    body = list(records)
    columns: list[tuple[int, str]] = []
    for index, name in enumerate(names):
        if index == file_column or not header[index].strip():
            continue
        title = plain(header[index]).strip()
        filled = [cells[index] for _, cells in body if index < len(cells) and cells[index].strip()]
        good = sum(_value(cell) is not None for cell in filled)
        if name in _FACTS and (not filled or good < len(filled)):
            continue
        if title.casefold() in table.findings:
            problems.append(f"Line 1: the column {title[:80]!r} occurs twice; the second one is ignored.")
            continue
        if 2 * good < len(filled):  # ages, numbers, remarks: not a finding with slips
            problems.append(f"Line 1: the column {title[:80]!r} is ignored: its cells are not 1, 0, -1 or blank.")
            continue
        if (finding := table.finding(1, title)) is not None:
            columns.append((index, finding))
    for line, cells in body:
        file = table.file(line, cells[file_column] if file_column < len(cells) else "")
        if file is None:
            continue
        for index, finding in columns:
            cell = cells[index].strip() if index < len(cells) else ""
            if not cell:
                continue
            if (value := _value(cell)) is None:
                problems.append(f"Line {line}: {finding} is {cell[:40]!r}, none of 1, 0, -1 or blank.")
            else:
                table.rows.append(ImportedLabel(file, finding, value, line))
    return table.finish("chexpert")


def _value(cell: str) -> Value | None:
    text = plain(cell.strip()).casefold()
    if text in VALUES:
        return VALUES[text]
    try:
        return Value(int(number)) if (number := float(text.replace(",", "."))) in (1, 0, -1) else None
    except ValueError:
        return None


def _time(cell: str) -> str | None:
    try:
        time = datetime.fromisoformat(cell.strip())
        if time.tzinfo is None:  # of which clock? not for guessing
            return None
        return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    except (ValueError, OverflowError):
        return None


def _integer(cell: str) -> int | None:
    try:
        return int(cell.removesuffix(".0"))  # pandas writes a column of numbers and blanks as "3.0"
    except ValueError:
        return None
