"""Labels become a CSV file in one of the forms of `formats.FORMATS`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import LabelRow
from cxr_explorer.labels.vocabulary import usual_excludes
from cxr_explorer.tables.format import Notes, WriteReport
from cxr_explorer.tables.formats import format_named


def write_labels(
    out: Path,
    rows: Iterable[LabelRow],
    format: str,
    findings: Sequence[str],
    excludes: Mapping[str, Sequence[str]] | None = None,
    notes: Notes | None = None,
) -> WriteReport:
    """Write labels to a CSV file (UTF-8, no byte order mark), all of it or nothing, in one of `FORMATS`.

    Most forms hold one judgement of a finding on an image: the latest, and of equally late ones the last given. Images
    stand in the order in which they first occur, under their path as stored.

    Args:
        out: The file to write; an existing one is replaced once the new one is complete.
        rows: The labels.
        format: The name of one of `FORMATS`.
        findings: The findings to write, in the order of columns or of names within a cell.
        excludes: What cannot be present together, see `Vocabulary`; None for the usual rule.
        notes: What readers noted, for the long form; None: it has no columns for them.

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    rule = usual_excludes(findings) if excludes is None else excludes
    table, report = format_named(format).writer(rows, findings, rule, notes)
    _write_csv(out, table)
    return report


def _write_csv(out: Path, table: Iterable[Sequence[str]]) -> None:
    try:
        with atomic_write(out) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            csv.writer(text).writerows(table)
            text.detach()  # flushed; the file is not this wrapper's to close
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 30) : error.end + 30]
        raise UserError(f"Cannot write {out}: the name around {near!r} is not valid Unicode; rename it.") from error
