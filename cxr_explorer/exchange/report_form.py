"""DICOM structured reports for the hospital's archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxr_explorer.exchange.folder import new_folder
from cxr_explorer.exchange.form import Form, Wanted
from cxr_explorer.labels.texts import images_text
from cxr_explorer.project.exporting import chosen_rows, with_consensus
from cxr_explorer.project.project import Project
from cxr_explorer.structured_report.write import ReportsWritten, write_reports
from cxr_explorer.tables.format import WriteReport


def _write(project: Project, out: Path, wanted: Wanted) -> Iterator[float | WriteReport]:
    with project.db.atomic():
        chosen, agreed = chosen_rows(project, wanted.reader, wanted.rule)
        rows = sorted(chosen, key=lambda row: row.file)
    written = ReportsWritten(0, 0, 0)
    with new_folder(out) as folder:
        for step in write_reports(project.folder, rows, folder, wanted.patients):
            if isinstance(step, ReportsWritten):
                written = step
            else:
                yield step
    remarks = tuple(_remarks(written))
    yield with_consensus(WriteReport(written.films, written.labels, remarks=remarks), agreed)


def _remarks(written: ReportsWritten) -> Iterator[str]:
    yield f"{written.reports:,} reports, one a film and reader"
    if written.not_dicom:
        yield f"{images_text(written.not_dicom)} without a report: no DICOM file, so without the UIDs a report names"
    if written.unusable:
        yield f"{images_text(written.unusable)} without a report: the file cannot be read, or lacks a UID"


DICOM_SR = Form(
    "dicom-sr",
    "DICOM structured reports",
    "For the hospital's archive. A small DICOM file a film and reader, in the film's own study: the findings judged, "
    "unverified. Films that are no DICOM files get none.",
    "",
    _write,
    every_label=True,
    heeds=frozenset({"patients"}),
    needs=("highdicom",),
)
