"""Label tables as Parquet: the columns of the long form and of CheXpert's, each of its own type.

A cell that says nothing is null. Times are texts, as in CSV; no cell needs an apostrophe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import LabelRow, Note
from cxr_explorer.labels.texts import VALUE_WORDS
from cxr_explorer.tables.cells import harmless
from cxr_explorer.tables.csv_file import Problems, Record
from cxr_explorer.tables.format import WriteReport, report_on
from cxr_explorer.tables.judged import NOT_JUDGED, Judged
from cxr_explorer.tables.long import HEADER, NOTE_HEADER, bound_cells

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"PAR1"
"""What a file begins with."""

PIECE = 50_000
"""Rows written at a time."""

_TYPES = {"cluster": "int64", "map": "int64", "audit": "int64", "error_bound": "float64", "confidence": "float64"}
_READ = 8_192  # rows read at a time


def write_long(out: Path, rows: Iterable[LabelRow], notes: Mapping[tuple[str, str], Note] | None) -> WriteReport:
    """Every label as a row, see `long`.

    Args:
        out: The file; an existing one is replaced once the new one is complete.
        rows: The labels.
        notes: What readers noted, by file and reader; None for a table without these columns.

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    import pyarrow as pa

    names = (*HEADER, *(NOTE_HEADER if notes is not None else ()))
    types = {**_TYPES, "come_back": "bool"}
    schema = pa.schema([(name, pa.type_for_alias(types.get(name, "string"))) for name in names])
    files: set[str] = set()
    labels = 0
    alone = dict(notes or {})

    def records() -> Iterator[Sequence[Any]]:
        nonlocal labels
        for row in rows:
            files.add(row.file)
            labels += 1
            key = row.file, row.reader
            alone.pop(key, None)
            judged = (row.file, row.finding, VALUE_WORDS[row.value])
            given = (row.reader, row.at, row.how, row.cluster, row.map_id)
            audit, share, sure, state = bound_cells(row.bound)  # rounded to the safe side
            bound = (_number(audit, int), _number(share, float), _number(sure, float), state or None)
            yield (*judged, *given, *bound, *(_noted(notes.get(key)) if notes is not None else ()))
        for (file, reader), note in alone.items():
            files.add(file)
            yield (file, None, None, reader, *[None] * (len(HEADER) - 4), *_noted(note))

    with _writer(out, schema) as writer:
        every = records()
        while batch := list(islice(every, PIECE)):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return WriteReport(len(files), labels, notes=len(notes or {}))


def write_wide(out: Path, judged: Judged) -> WriteReport:
    """One image a row, one column a finding, as in CheXpert's form. Raises UserError as `write_long`."""
    import pyarrow as pa

    schema = pa.schema([("Path", pa.string()), *((finding, pa.int8()) for finding in judged.findings)])
    with _writer(out, schema) as writer:
        columns = [pa.array(list(judged.files), pa.string()), *finding_columns(judged)]
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return report_on(judged, judged.count)


def finding_columns(judged: Judged) -> list[pa.Array]:
    """A column of whole numbers (1, 0, -1, null) for each finding."""
    import pyarrow as pa

    columns = np.ascontiguousarray(judged.values.T)
    return [pa.array(column, pa.int8(), mask=column == NOT_JUDGED) for column in columns]


def _number(cell: str, kind: type) -> Any:
    return kind(cell) if cell else None


def _noted(note: Note | None) -> tuple[str | None, bool | None, str | None]:
    return (None, None, None) if note is None else (note.text or None, note.flagged, note.at or None)


@contextmanager
def _writer(out: Path, schema: pa.Schema) -> Iterator[Any]:
    from pyarrow.parquet import ParquetWriter

    try:
        with atomic_write(out) as stream, ParquetWriter(stream, schema) as writer:
            yield writer
    except UnicodeEncodeError as error:
        raise UserError(
            f"Cannot write {out}: the name {error.object[:60]!r} is not valid Unicode; rename it."
        ) from error


class ParquetTable:
    """A Parquet file as records of cells, as `CsvFile` gives them.

    Attributes:
        share: How much of the reading is done, 0..1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.share = 0.0

    def records(self, _problems: Problems) -> Iterator[Record]:
        """The header, then the rows, which are numbered from 2 on as in a CSV.

        Raises:
            UserError: The file cannot be read, or pyarrow is not installed.
        """
        try:
            import pyarrow as pa
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise UserError(
                f"Cannot read {self.path}: Parquet needs the package pyarrow, which is not installed; save it as CSV."
            ) from None
        try:
            with ParquetFile(self.path) as file:
                rows = max(file.metadata.num_rows, 1)
                yield 1, [harmless(name) for name in file.schema_arrow.names]
                line = 2
                for batch in file.iter_batches(_READ):
                    for cells in zip(*(map(_cell, column.to_pylist()) for column in batch.columns), strict=True):
                        yield line, list(cells)
                        line += 1
                    self.share = min((line - 2) / rows, 1.0)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"Cannot read {self.path}: it is no sound Parquet file; write it anew.") from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, float):
        return "" if value != value else f"{value:g}" if abs(value) < 1e6 else str(value)
    isoformat = getattr(value, "isoformat", None)
    return str(value) if isoformat is None else str(isoformat())
