"""Who a film shows is replaced when the film arrives: a keyed pseudonym stands where name and number stood.

Equal for one patient's films wherever the key is the same, so that they stay together; without the key nobody can try
which number gives which pseudonym. The pixels stay as they are: names burned into a picture stay in it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write, make_private_folder
from cxr_explorer.images.age import age_in_years
from cxr_explorer.images.dicom_elements import text
from cxr_explorer.images.dicom_patient import patient_of

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

KEY_BYTES = 32
METHOD = "CXR Explorer: keyed pseudonym, dates shifted, names and free text removed, UIDs kept"

_MOST_DAYS = 3650  # dates move back by 1 to so many days, all of a patient's by the same
_FREE_VRS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UN", "UR", "UT"})
"""Names, numbers of people and cases, free text, times, addresses, what cannot be made sense of."""

_KEPT = frozenset(
    {
        *("AcquisitionTime", "ContentTime", "SeriesTime", "StudyTime"),
        *("CodeMeaning", "CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"),
        *("LUTExplanation", "Manufacturer", "ManufacturerModelName", "WindowCenterWidthExplanation"),
    }
)
"""Of these all that stays: what `images` reads, codes, and the order of one day's films. A whitelist, by keyword."""

_GONE = frozenset(
    {
        "DigitalSignaturesSequence",
        "EncryptedAttributesSequence",
        "MACParametersSequence",
        "OriginalAttributesSequence",
    }
)
"""Sequences that would keep, or vouch for, what was there before."""


def pseudonym_key(path: Path | None = None) -> bytes:
    """The key of this user, made where there is none; it lies in the user's data folder, in no project.

    Args:
        path: Another file, for several people who want the same pseudonyms.

    Raises:
        UserError: It cannot be read or written, or is none.
    """
    path = path or user_data_path("cxr-explorer", appauthor=False) / "pseudonyms.key"
    try:
        if not path.exists():
            make_private_folder(path.parent)
            with atomic_write(path) as stream:
                stream.write(secrets.token_hex(KEY_BYTES).encode())
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot use the key of the pseudonyms {path}: it cannot be read. Restore it.") from error
    if len(key) < KEY_BYTES:
        raise UserError(f"Cannot use the key of the pseudonyms {path}: it is too short. Restore it, or remove it.")
    return key


def mark(key: bytes, kind: str, identifier: str, digits: int = 16) -> str:
    """Hex digits (HMAC-SHA-256) that are equal for one identifier of a kind."""
    return hmac.new(key, f"{kind}\n{identifier}".encode(), hashlib.sha256).hexdigest()[:digits]


def replace_identity(dataset: Dataset, key: bytes) -> None:
    """Puts a pseudonym where name and number stand, takes away what else names somebody, and moves all dates.

    What `images` reads of a film stays: view, sex, age (in whole years, "90+" is 90), maker, spacing. UIDs stay, so
    that the archive's owner can find the film again. Times of day stay where they order the films of one day.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, on values that break the rules of their VR
        patient = patient_of(dataset)
        pseudonym = mark(key, "patient", patient) if patient else ""
        whose = patient or text(dataset, "StudyInstanceUID")
        days = 1 + int(mark(key, "days", whose), 16) % _MOST_DAYS
        age = age_in_years(text(dataset, "PatientAge"))
        dataset.remove_private_tags()
        _clean(dataset, days)
        dataset.PatientID = dataset.PatientName = pseudonym
        dataset.PatientBirthDate = ""
        dataset.PatientAge = f"{int(age.rstrip('+')):03d}Y" if age else ""
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = METHOD[:64]
        meta = getattr(dataset, "file_meta", None)
        for keyword in ("SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "PrivateInformation"):
            if meta is not None and keyword in meta:
                del meta[keyword]


def _clean(dataset: Dataset, days: int) -> None:
    for tag in list(dataset.keys()):
        element = dataset[tag]
        keyword, vr = element.keyword, element.VR
        if keyword in _GONE or (vr in _FREE_VRS and keyword not in _KEPT):
            del dataset[tag]
        elif vr in ("DA", "DT"):
            _move(dataset, element, days)
        elif vr == "SQ":
            for item in element.value:
                _clean(item, days)


def _move(dataset: Dataset, element: DataElement, days: int) -> None:
    """The date so many days earlier; one that cannot be read goes."""
    value: Any = element.value
    told = [str(one) for one in (value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value])]
    moved = []
    for one in told:
        if match := re.match(r"(\d{4})\.?(\d\d)\.?(\d\d)", one):
            try:
                day = date(*map(int, match.groups())) - timedelta(days)
            except (ValueError, OverflowError):
                continue
            moved.append(f"{day:%Y%m%d}" if day.year >= 1000 else "")
    if moved:
        element.value = moved[0] if len(moved) == 1 else moved
    else:
        del dataset[element.tag]
