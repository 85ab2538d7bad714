"""All labels of a project as structured reports in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images.image_formats import DICOM, identify
from cxr_explorer.images.kinds import HEAD_BYTES
from cxr_explorer.images.pydicom_loading import load_pydicom
from cxr_explorer.labels.label import LabelRow
from cxr_explorer.project.exporting import label_rows
from cxr_explorer.project.project import Project
from cxr_explorer.structured_report.document import Said, report_of


@dataclass(frozen=True)
class ReportsWritten:
    """What was written.

    Attributes:
        reports: Documents, one a film and reader.
        labels: Judgements in them.
        not_dicom: Labelled images without a report, as their files are no DICOM files.
        unusable: Labelled images without a report, as their DICOM files lack a UID or cannot be read any more.
    """

    reports: int
    labels: int
    not_dicom: int = 0
    unusable: int = 0


def write_reports(
    project: Project, out: Path, reader: str | None = None, identified: bool = False
) -> Iterator[float | ReportsWritten]:
    """Writes one report a labelled DICOM film and reader; yields the share done, then what was written.

    A report's file is named after its own UID, never after the film's file, and is complete or not there.

    Args:
        project: Whose labels; the films' files are read again for their UIDs.
        out: A folder, made where it is missing. Other files in it stay.
        reader: Only this reader's labels; None for everybody's, each reader's in reports of their own.
        identified: See `report_of`.

    Raises:
        UserError: The folder cannot be written.
    """
    rows = [row for row in label_rows(project) if reader in (None, row.reader)]
    labelled = [(file, list(given)) for file, given in groupby(rows, key=lambda row: row.file)]
    reports = labels = not_dicom = unusable = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for done, (file, given) in enumerate(labelled):
            made = _write(project.folder / file, given, out, identified)
            if made is None:
                not_dicom += 1
            elif not made:
                unusable += 1
            else:
                reports += made
                labels += len(given)
            yield (done + 1) / len(labelled)
    except OSError as error:
        raise UserError(f"The reports cannot be written to {out}: {error.strerror or error}.") from error
    yield ReportsWritten(reports, labels, not_dicom, unusable)


def written_reports(path: Path, out: Path, reader: str | None, identified: bool) -> Iterator[float | ReportsWritten]:
    """For a child process: opens the project and does what `write_reports` does."""
    with Project.open_read_only(path) as project:
        yield from write_reports(project, out, reader, identified)


def _write(source: Path, given: list[LabelRow], out: Path, identified: bool) -> int | None:
    """Number of reports written on a film; 0 where its file cannot be used, None where it is no DICOM file."""
    load_pydicom()
    import pydicom

    try:
        with source.open("rb") as stream:
            if identify(stream.read(HEAD_BYTES)) is not DICOM:
                return None
            stream.seek(0)
            film = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    except Exception:  # noqa: BLE001 - gone, or so damaged that pydicom raises nearly anything
        return 0
    by_reader: dict[str, list[Said]] = {}
    for row in given:
        by_reader.setdefault(row.reader, []).append(Said(row.finding, row.value, row.at))
    try:
        documents = [report_of(film, name, said, identified) for name, said in by_reader.items()]
    except UserError:
        return 0
    for document in documents:
        target = out / f"{hashlib.sha256(document.SOPInstanceUID.encode()).hexdigest()[:24]}.dcm"
        partial = target.with_suffix(".part")
        document.save_as(partial, enforce_file_format=True)
        partial.replace(target)
    return len(documents)
