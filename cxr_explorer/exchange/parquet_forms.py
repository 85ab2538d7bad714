"""Parquet tables, with the columns of the CSV ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.project.exporting import chosen_judgements, chosen_rows, with_consensus
from cxr_explorer.project.notes import note_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.parquet import write_long, write_wide


def _write_long(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    with project.db.atomic():
        rows, agreed = chosen_rows(project, wanted.reader, wanted.rule)
        noted = wanted.notes and wanted.rule is None
        notes = {(row.file, row.reader): row.note for row in note_rows(project, wanted.reader)} if noted else None
        report = write_long(out, rows, notes)
    yield with_consensus(report, agreed)


def _write_wide(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    with project.db.atomic():
        judged, agreed = chosen_judgements(project, wanted.reader, wanted.rule)
    yield with_consensus(write_wide(out, judged), agreed)


PARQUET = Form(
    "parquet",
    "Parquet: long, with provenance",
    "For pandas, R or DuckDB, where a CSV is too large or loses types. The columns of the long CSV.",
    ".parquet",
    _write_long,
    every_label=True,
    heeds=frozenset({"notes"}),
    needs=("pyarrow",),
)

PARQUET_WIDE = Form(
    "parquet-wide",
    "Parquet: one column a finding",
    "For training with pandas or PyTorch. One row an image: 1 present, 0 absent, -1 uncertain, empty not read.",
    ".parquet",
    _write_wide,
    needs=("pyarrow",),
)
