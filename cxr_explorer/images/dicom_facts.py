"""What a DICOM file says about the acquisition, and never about who the patient is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cxr_explorer.images.dicom_elements import text

if TYPE_CHECKING:
    from pydicom import Dataset

_CODES = {
    "view": ("ViewPosition",),
    "orientation": ("PatientOrientation",),
    "laterality": ("ImageLaterality", "Laterality"),
    "sex": ("PatientSex",),
    "modality": ("Modality",),
    "body part": ("BodyPartExamined",),
    "photometric": ("PhotometricInterpretation",),
    "intent": ("PresentationIntentType",),
}
"""Fact to the elements it comes from, the first that says anything. A whitelist: names, numbers, dates and UIDs are
not on it and can thus not slip through."""

_NAMES = {"maker": "Manufacturer", "model": "ManufacturerModelName"}

# What an element of its kind looks like. In a damaged file one element can run into the next, the patient's name
# for one: whatever looks otherwise is left out.
_CODE = re.compile(r"[A-Za-z0-9 _.,/\\-]{1,32}")
_NAME = re.compile(r"[^^\\]{1,64}")


def read_facts(dataset: Dataset) -> dict[str, str]:
    """Plain name to text; facts the file does not state are left out, but for "burned-in annotation".

    Age is in whole years, and "90+" above 89. A file that does not say whether text is burned into its picture has
    "unknown" there: silence is no promise.
    """
    facts = {
        fact: next((found for keyword in keywords if (found := code(dataset, keyword))), "")
        for fact, keywords in _CODES.items()
    }
    facts |= {fact: _matching(_NAME, text(dataset, keyword)) for fact, keyword in _NAMES.items()}
    facts["age"] = _age_years(text(dataset, "PatientAge"))
    burned_in = text(dataset, "BurnedInAnnotation").upper()
    facts["burned-in annotation"] = burned_in if burned_in in ("YES", "NO") else "unknown"
    return {fact: value for fact, value in facts.items() if value}


def code(dataset: Dataset, keyword: str) -> str:
    r"""The element as a code ("PA", "L\F"); empty where it is absent or looks like anything else."""
    return _matching(_CODE, text(dataset, keyword))


def _age_years(age: str) -> str:
    """DICOM's age string ("062Y", "18M", "3W", "5D"), or a bare number of years, in whole years."""
    match = re.fullmatch(r"(\d{1,3})([YMWD]?)", age.upper())
    if not match:
        return ""
    years = int(match[1]) // {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}[match[2]]
    return "90+" if years > 89 else str(years)


def _matching(pattern: re.Pattern[str], value: str) -> str:
    return value if pattern.fullmatch(value) else ""
