"""Labels as structured reports in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images.image_formats import DICOM, identify
from cxr_explorer.images.kinds import HEAD_BYTES
from cxr_explorer.images.pydicom_loading import load_pydicom
from cxr_explorer.labels.label import LabelRow
from cxr_explorer.structured_report.document import Said, report_of


@dataclass(frozen=True)
class ReportsWritten:
    """What was written.

    Attributes:
        reports: Documents, one a film and reader.
        films: Films that have one.
        labels: Judgements in them.
        not_dicom: Labelled images without a report, as their files are no DICOM files.
        unusable: Labelled images without a report, as their DICOM files lack a UID or cannot be read any more.
    """

    reports: int
    films: int
    labels: int
    not_dicom: int = 0
    unusable: int = 0


def write_reports(
    folder: Path, rows: Iterable[LabelRow], out: Path, identified: bool = False
) -> Iterator[float | ReportsWritten]:
    """Writes one report a labelled DICOM film and reader; yields the share done, then what was written.

    A report's file is named after its own UID, never after the film's file.

    Args:
        folder: Where the films lie; their files are read again for their UIDs.
        rows: Labels, those of a film beside each other.
        out: A folder that is there.
        identified: See `report_of`.
    """
    labelled = [(file, list(given)) for file, given in groupby(rows, key=lambda row: row.file)]
    reports = labels = not_dicom = unusable = 0
    for done, (file, given) in enumerate(labelled):
        made = _write(folder / file, given, out, identified)
        if made is None:
            not_dicom += 1
        elif not made:
            unusable += 1
        else:
            reports += made
            labels += len(given)
        yield (done + 1) / len(labelled)
    yield ReportsWritten(reports, len(labelled) - not_dicom - unusable, labels, not_dicom, unusable)


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
        name = hashlib.sha256(document.SOPInstanceUID.encode()).hexdigest()[:24]
        document.save_as(out / f"{name}.dcm", enforce_file_format=True)
    return len(documents)
