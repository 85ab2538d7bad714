"""What a DICOM file says about the acquisition, and never about who the patient is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_explorer.images.age import age_in_years
from cxr_explorer.images.dicom_elements import text
from cxr_explorer.images.dicom_terms import known_term

if TYPE_CHECKING:
    from pydicom import Dataset

_FACTS = {
    "view": ("ViewPosition",),
    "orientation": ("PatientOrientation",),
    "laterality": ("ImageLaterality", "Laterality"),
    "sex": ("PatientSex",),
    "modality": ("Modality",),
    "body part": ("BodyPartExamined",),
    "photometric": ("PhotometricInterpretation",),
    "intent": ("PresentationIntentType",),
    "maker": ("Manufacturer",),
    "model": ("ManufacturerModelName",),
}
"""Fact to the elements it comes from, the first that says anything known. A whitelist: names, numbers, dates and UIDs
are not on it, and what stands in these elements passes through `known_term`."""


def read_facts(dataset: Dataset) -> dict[str, str]:
    """Plain name to text; facts the file does not state in known words are left out, but for "burned-in annotation".

    Age is in whole years, and "90+" above 89. A file that does not say whether text is burned into its picture has
    "unknown" there: silence is no promise.
    """
    facts = {
        fact: next((found for keyword in keywords if (found := term(dataset, keyword))), "")
        for fact, keywords in _FACTS.items()
    }
    facts["age"] = age_in_years(text(dataset, "PatientAge"))
    burned_in = text(dataset, "BurnedInAnnotation").upper()
    facts["burned-in annotation"] = burned_in if burned_in in ("YES", "NO") else "unknown"
    return {fact: value for fact, value in facts.items() if value}


def term(dataset: Dataset, keyword: str) -> str:
    """The element in known words ("PA"); empty where it is absent or says anything else, see `known_term`."""
    return known_term(keyword, text(dataset, keyword))
