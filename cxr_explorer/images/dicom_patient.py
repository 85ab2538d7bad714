"""Which films are one patient's and one study's, and when they were taken.

All of it says who somebody is. It is compared while the program runs and is never kept as it is: of a patient the
project file holds a short mark alone (`project.image_rows.patient_mark`), of a study and a date nothing.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_explorer.images.dicom_elements import text
from cxr_explorer.images.pydicom_loading import load_pydicom

if TYPE_CHECKING:
    from pydicom import Dataset

_NOBODY = re.compile(
    r"ANON(?:YM(?:OUS|I[SZ]ED)?)?|DE-?IDENTIFIED|N/?A|NONE|NULL|PATIENT|REMOVED|TEST|UNKNOWN|[^1-9]|(.)\1+"
)
"""What stands in PatientID where nobody is meant; so does one character over and over ("0000")."""

_DATE = re.compile(r"(?:19[5-9]|20\d)\d(?:0[1-9]|1[0-2])[0-3]\d")
"""Anonymisers write 1900 and 1901 where they take a date away."""

_READ = ("PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "AcquisitionDate", "StudyTime")


@dataclass(frozen=True)
class Visit:
    """What a header says of whose film it is; "" stands for what it does not say.

    Attributes:
        patient: See `patient_of`.
        study: StudyInstanceUID.
        date: Of the study, "YYYYMMDD".
        time: Of the study, "HHMMSS".
    """

    patient: str = ""
    study: str = ""
    date: str = ""
    time: str = ""


def patient_of(dataset: Dataset) -> str:
    """32 hex digits (BLAKE2b) of PatientID and birth date, equal for one patient's films; "" where nobody is named.

    The birth date is in it because numbers repeat: between hospitals, and where files were anonymised by counting.
    """
    number = text(dataset, "PatientID").strip().upper()
    if not number or _NOBODY.fullmatch(number):
        return ""
    who = f"{number}\n{text(dataset, 'PatientBirthDate').strip()}"
    return hashlib.blake2b(who.encode(), digest_size=16).hexdigest()


def visit_of(dataset: Dataset) -> Visit:
    """What the header says."""
    dates = [text(dataset, keyword) for keyword in ("StudyDate", "AcquisitionDate")]
    date = next((found for found in dates if _DATE.fullmatch(found)), "")
    time = re.match(r"[0-2]\d[0-5]\d(?:[0-5]\d)?", text(dataset, "StudyTime"))
    return Visit(
        patient_of(dataset), text(dataset, "StudyInstanceUID"), date, time.group().ljust(6, "0") if time else ""
    )


def read_visits(paths: Sequence[Path]) -> Iterator[float | list[Visit]]:
    """Reads headers alone, for a child process: yields the share that is done, then one Visit a path.

    A file that is no DICOM, or cannot be read now, says nothing.
    """
    found = []
    for number, path in enumerate(paths):
        yield number / len(paths)
        found.append(_read_visit(path))
    yield found


def _read_visit(path: Path) -> Visit:
    load_pydicom()
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `read_dicom`
        try:
            return visit_of(pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_READ)))
        except Exception:  # noqa: BLE001 - over a damaged file pydicom raises nearly anything
            return Visit()
