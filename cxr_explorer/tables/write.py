"""Labels become a CSV file in one of the forms of `formats.FORMATS`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write
from cxr_explorer.labels.label import LabelRow
from cxr_explorer.labels.vocabulary import usual_excludes
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.formats import format_named
from cxr_explorer.tables.judged import Judged, latest
from cxr_explorer.tables.long import long_table


def write_labels(
    out: Path,
    rows: Iterable[LabelRow],
    format: str,
    findings: Sequence[str],
    excludes: Mapping[str, Sequence[str]] | None = None,
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

    Raises:
        UserError: The place cannot be written, or a name cannot be written as UTF-8.
    """
    if format_named(format).one_judgement:
        rule = usual_excludes(findings) if excludes is None else excludes
        return write_judged(out, latest(rows, findings, rule), format)
    table, report = long_table(rows, findings)
    with _text(out) as stream:
        csv.writer(stream).writerows(table)
    return report


def write_judged(out: Path, judged: Judged, format: str) -> WriteReport:
    """`write_labels` of what is left of them in a form with one judgement a finding and image."""
    writer = format_named(format).writer
    assert writer is not None
    table, report = writer(judged)
    with _text(out) as stream:
        csv.writer(stream).writerows(table)
    return report


def write_lines(out: Path, lines: Iterable[str]) -> None:
    """Writes lines that are CSV already, their ends included, as `write_labels` does. Raises UserError as it does."""
    with _text(out) as stream:
        stream.writelines(lines)


@contextmanager
def _text(out: Path) -> Iterator[TextIO]:
    try:
        with atomic_write(out) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            yield text
            text.detach()  # flushed; the file is not this wrapper's to close
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 30) : error.end + 30]
        raise UserError(f"Cannot write {out}: the name around {near!r} is not valid Unicode; rename it.") from error
