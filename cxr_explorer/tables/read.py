"""A file becomes labels: of which of `FORMATS` a table is, its header tells."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.pace import run_out
from cxr_explorer.tables.csv_file import CsvFile, Problems, Record
from cxr_explorer.tables.format import Format
from cxr_explorer.tables.formats import format_of
from cxr_explorer.tables.gathering import Gathering
from cxr_explorer.tables.imported import ImportedTable
from cxr_explorer.tables.label_studio import LABEL_STUDIO, LabelStudioFile
from cxr_explorer.tables.parquet import MAGIC, ParquetTable

TOLD_EVERY = 20_000
"""Rows after which it is told how far the reading is."""


def read_labels(path: Path, known: Iterable[str] = (), vocabulary: Vocabulary | None = None) -> ImportedTable:
    """Read a label table in any of `FORMATS`, told apart by the header.

    The content decides what a file is: Parquet, Label Studio's JSON, else CSV. A CSV has commas, semicolons or tabs,
    and is plain or gzipped, in UTF-8, UTF-16, or else Latin-1 (said in the problems). Headers match in any
    capitalisation, with or without spaces; other columns are ignored. Cells such as "nan" or "NA" are blank. Bad cells
    are listed in the problems and skipped, and so are labels that contradict each other, see `settle`. Two spellings of
    one finding are one ("Pleural thickening", "Pleural_Thickening"), in the spelling of a known one.

    Args:
        path: The file.
        known: Findings whose spelling is kept, those of a project first of all; the bundled vocabularies' come next.
        vocabulary: Says which findings exclude each other; None for the usual rule.

    Raises:
        UserError: The file cannot be read, or is no such table.
    """
    return run_out(reading_labels(path, known, vocabulary))


def reading_labels(
    path: Path, known: Iterable[str] = (), vocabulary: Vocabulary | None = None
) -> Generator[float, None, ImportedTable]:
    """`read_labels` in steps: yields the share that is done, returns the table."""
    source, format, header, records, problems = _opened(path)
    table = Gathering(problems, tuple(known), vocabulary)
    take = format.reader(table, header)
    for count, (line, cells) in enumerate(records, 1):
        take(line, cells)
        if not count % TOLD_EVERY:
            yield source.share
    return table.finish(format.name, take.findings(), format.one_judgement)


class _Source(Protocol):
    share: float


_Opened = tuple[_Source, Format, list[str], Iterator[Record], Problems]


def _opened(path: Path) -> _Opened:
    """The file, its form, its header, the records below that, and what goes wrong with them."""
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}; choose another file.") from error
    if head.startswith(MAGIC):
        return _parquet(path)
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"[", b"{")):
        problems, tasks = Problems(), LabelStudioFile(path)
        records = tasks.records(problems)
        return tasks, LABEL_STUDIO, next(records)[1], records, problems
    return _csv(path)


def _parquet(path: Path) -> _Opened:
    problems, table = Problems(), ParquetTable(path)
    records = table.records(problems)
    _, header = next(records)
    if (format := format_of(header)) is None:
        raise UserError(
            f'Cannot read {path}: it has neither the columns "file", "finding" and "value", nor "Path" and a column a '
            "finding; rename them."
        )
    return table, format, header, records, problems


def _csv(path: Path) -> _Opened:
    file = CsvFile(path)
    for delimiter in ",;\t":
        problems = Problems(file.warnings)
        records = file.records(delimiter, problems)
        _, header = next(records, (0, []))
        if len(header) <= 2 and header[0:1] and header[0].casefold().startswith("sep="):  # Excel's hint to itself
            _, header = next(records, (0, []))
        if (format := format_of(header)) is not None:
            return file, format, header, records, problems
        records.close()  # type: ignore[attr-defined]
    raise UserError(
        f'Cannot read {path}: its first line has none of the headers "file, finding, value", "Image Index, Finding '
        'Labels" and "Path, <one column a finding>"; add one.'
    )
