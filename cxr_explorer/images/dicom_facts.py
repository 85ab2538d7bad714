"""What a DICOM file says about the acquisition, and never about who the patient is."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_KEYWORDS = {
    "view": ("ViewPosition",),
    "orientation": ("PatientOrientation",),
    "laterality": ("ImageLaterality", "Laterality"),
    "sex": ("PatientSex",),
    "modality": ("Modality",),
    "maker": ("Manufacturer",),
    "model": ("ManufacturerModelName",),
    "body part": ("BodyPartExamined",),
    "photometric": ("PhotometricInterpretation",),
    "intent": ("PresentationIntentType",),
}
"""Fact to the elements it comes from, the first that says anything. A whitelist: names, numbers, dates and UIDs are
not on it and can thus not slip through."""

_LONGEST = 64  # characters of a DICOM long string


def read_facts(dataset: Dataset) -> dict[str, str]:
    """Plain name to text; facts the file does not state are left out, but for "burned-in annotation".

    Age is in whole years, and "90+" above 89. A file that does not say whether text is burned into its picture has
    "unknown" there: silence is no promise.
    """
    facts = {
        fact: next((found for keyword in keywords if (found := text(dataset, keyword))), "")
        for fact, keywords in _KEYWORDS.items()
    }
    facts["age"] = _age_years(text(dataset, "PatientAge"))
    burned_in = text(dataset, "BurnedInAnnotation").upper()
    facts["burned-in annotation"] = burned_in if burned_in in ("YES", "NO") else "unknown"
    return {fact: value[:_LONGEST] for fact, value in facts.items() if value}


def text(dataset: Dataset, keyword: str) -> str:
    r"""The element as one line of text, several values joined by "\"; empty where it is absent or unreadable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns about values that break the rules of their VR
        try:
            value = dataset.get(keyword)
        except Exception:  # noqa: BLE001 - over a damaged element pydicom raises nearly anything
            return ""
        if value is None or isinstance(value, bytes):
            return ""
        parts = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        joined = "\\".join(str(part).strip() for part in parts)
    return "".join(letter for letter in joined if letter.isprintable()).strip().strip("\\")


def _age_years(age: str) -> str:
    """DICOM's age string ("062Y", "18M", "3W", "5D"), or a bare number of years, in whole years."""
    match = re.fullmatch(r"(\d{1,3})([YMWD]?)", age.upper())
    if not match:
        return ""
    years = int(match[1]) // {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}[match[2]]
    return "90+" if years > 89 else str(years)
