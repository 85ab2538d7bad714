"""The labels of a project leave as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cxr_explorer.labels.consensus import Rule, agree_on
from cxr_explorer.labels.label import LabelRow, Value
from cxr_explorer.labels.reader_names import REREAD
from cxr_explorer.project.audits.bounds import label_bounds
from cxr_explorer.project.notes import note_rows
from cxr_explorer.project.project import Project
from cxr_explorer.tables.format import WriteReport
from cxr_explorer.tables.formats import format_named
from cxr_explorer.tables.write import write_labels


def label_rows(project: Project) -> Iterator[LabelRow]:
    """Every label with its provenance and what the random audits say of it, by file, finding and reader."""
    bounds = label_bounds(project)
    rows = project.db.execute(
        """SELECT image_id, path, finding, value, reader, at, how, cluster, map_id FROM labels
           JOIN images ON images.id = image_id ORDER BY path, finding, reader"""
    )
    for image_id, file, finding, value, reader, at, how, cluster, map_id in rows:
        bound = bounds.get((finding, reader), {}).get(image_id)
        yield LabelRow(file, finding, Value(value), reader, at, how, cluster, map_id, bound)


def export_labels(
    project: Project, out: Path, format: str, reader: str | None = None, rule: Rule | None = None, notes: bool = True
) -> WriteReport:
    """Writes the labels as CSV, see `write_labels`; the long form also holds findings outside the vocabulary.

    Args:
        project: Whose labels.
        out: The file.
        format: Its form.
        reader: Only this reader's labels; None for everybody's.
        rule: One answer out of all readers' instead, see `agree_on`. No notes go with it: it is nobody's.
        notes: Whether the long form also holds what the readers noted.

    Everybody's labels hold, in the long form, all there are; in the other two, which have room for one answer, re-reads
    are passed over: a second reading does not replace the first.

    Raises:
        UserError: The place cannot be written.
    """
    rows = [row for row in label_rows(project) if reader in (None, row.reader)]
    one_judgement = format_named(format).one_judgement
    agreed = agree_on(rows, rule) if rule is not None else None
    if agreed is not None:
        rows = agreed.rows
    elif reader is None and one_judgement:
        rows = [row for row in rows if not row.reader.endswith(REREAD)]
    findings = list(project.vocabulary.findings)
    if not one_judgement:
        findings += sorted({row.finding for row in rows} - set(findings))
    excludes = project.vocabulary.excludes_among(findings)
    noted = note_rows(project, reader) if rule is None else ()
    told = {(row.file, row.reader): row.note for row in noted} if notes and not one_judgement else None
    report = write_labels(out, rows, format, findings, excludes, told)
    if agreed is None:
        return report
    return replace(report, unresolved=len(agreed.unresolved), one_reader=agreed.one_reader)


def exported_labels(
    path: Path, out: Path, format: str, reader: str | None, rule: Rule | None, notes: bool
) -> Iterator[WriteReport]:
    """For a child process: opens the project, writes its labels as `export_labels` does, and yields the report."""
    with Project.open_read_only(path) as project:
        report = export_labels(project, out, format, reader, rule, notes)
    yield report
