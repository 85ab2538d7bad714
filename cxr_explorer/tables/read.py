"""A CSV file becomes labels: of which of `FORMATS` it is, its header tells."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.labels.vocabulary import Vocabulary
from cxr_explorer.pace import run_out
from cxr_explorer.tables.csv_file import CsvFile, Problems
from cxr_explorer.tables.formats import format_of
from cxr_explorer.tables.gathering import Gathering
from cxr_explorer.tables.imported import ImportedTable

TOLD_EVERY = 20_000
"""Rows after which it is told how far the reading is."""


def read_labels(path: Path, known: Iterable[str] = (), vocabulary: Vocabulary | None = None) -> ImportedTable:
    """Read a label table in any of `FORMATS`, told apart by the header.

    The file is CSV with commas, semicolons or tabs, plain or gzipped, in UTF-8, UTF-16, or else Latin-1 (said in the
    problems). Headers match in any capitalisation, with or without spaces; other columns are ignored. Cells such as
    "nan" or "NA" are blank. Bad cells are listed in the problems and skipped, and so are labels that contradict each
    other, see `settle`. Two spellings of one finding are one ("Pleural thickening", "Pleural_Thickening"), in the
    spelling of a known one.

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
    file = CsvFile(path)
    problems = Problems(file.warnings)
    for delimiter in ",;\t":
        records = file.records(delimiter, problems)
        _, header = next(records, (0, []))
        if len(header) <= 2 and header[0:1] and header[0].casefold().startswith("sep="):  # Excel's hint to itself
            _, header = next(records, (0, []))
        if (format := format_of(header)) is not None:
            break
        records.close()  # type: ignore[attr-defined]
        problems = Problems(file.warnings)
    else:
        raise UserError(
            f'Cannot read {path}: its first line has none of the headers "file, finding, value", "Image Index, Finding '
            'Labels" and "Path, <one column a finding>"; add one.'
        )
    table = Gathering(problems, tuple(known), vocabulary)
    take = format.reader(table, header)
    for count, (line, cells) in enumerate(records, 1):
        take(line, cells)
        if not count % TOLD_EVERY:
            yield file.share
    return table.finish(format.name, take.findings(), format.one_judgement)
