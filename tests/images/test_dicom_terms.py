"""What a header says in known words is kept in one spelling; anything else in it, a name first of all, is left out."""

from __future__ import annotations

import pydicom.config
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_terms import known_term
from cxr_explorer.images.read import decode
from tests.images.dicom_files import dataset_of, dicom, file_of, ramp, table

CODES = ("ViewPosition", "PatientOrientation", "ImageLaterality", "Laterality", "PatientSex", "Modality",
         "BodyPartExamined", "PhotometricInterpretation", "PresentationIntentType")  # fmt: skip
TEXTS = ("Manufacturer", "ManufacturerModelName", "WindowCenterWidthExplanation", "LUTExplanation")


@pytest.mark.parametrize(
    ("keyword", "text", "term"),
    [
        ("ViewPosition", "PA", "PA"),
        ("ViewPosition", "ap supine", "AP SUPINE"),
        ("ViewPosition", "AP/PORTABLE", "AP PORTABLE"),
        ("PatientOrientation", "L\\F", "L\\F"),
        ("PatientOrientation", "LA\\FP", "LA\\FP"),
        ("ImageLaterality", "left", "L"),
        ("PatientSex", "female", "F"),
        ("Modality", "dx", "DX"),
        ("BodyPartExamined", "CHEST", "CHEST"),
        ("BodyPartExamined", "WHOLE BODY", "WHOLE BODY"),
        ("BodyPartExamined", "Chest_AP", "CHEST AP"),
        ("PhotometricInterpretation", "PALETTE COLOR", "PALETTE COLOR"),
        ("PresentationIntentType", "FOR PROCESSING", "FOR PROCESSING"),
        ("WindowCenterWidthExplanation", "WINDOW1", "WINDOW1"),
        ("WindowCenterWidthExplanation", "Soft Tissue", "SOFT TISSUE"),
        ("LUTExplanation", "HARDER", "HARDER"),
    ],
)
def test_terms_of_the_standard_and_of_devices_are_known(keyword: str, text: str, term: str) -> None:
    assert known_term(keyword, text) == term


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers AG", "Siemens"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("\"GE Healthcare\"", "GE"),
        ("FUJI PHOTO FILM CO. LTD.", "Fujifilm"),
        ("FUJIFILM Corporation", "Fujifilm"),
        ("TOSHIBA_MEC", "Toshiba"),
        ("Philips Medical Systems", "Philips"),
        ("KONICA MINOLTA", "Konica Minolta"),
        ("CARESTREAM HEALTH", "Carestream"),
        ("Eastman Kodak Company", "Kodak"),
        ("Manufacturer name here", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_maker_has_one_name_however_the_device_spells_it(text: str, maker: str) -> None:
    assert known_term("Manufacturer", text) == maker


@pytest.mark.parametrize(
    "text",
    ["Doe^Jane", "DOE", "PA Doe", "CHEST Doe^Jane", "12345678", "19500101", "GEhrke", "Hand 4711", "PA1234", "L\\R\\F",
     "AAA\\F", "LR\\F", "PA PA PA PA PA"],
)  # fmt: skip
@pytest.mark.parametrize("keyword", [*CODES, *TEXTS])
def test_a_name_or_number_in_an_element_says_nothing(keyword: str, text: str) -> None:
    assert known_term(keyword, text) == ""


@pytest.mark.parametrize(
    "keyword",
    [*(word for word in CODES if word != "PhotometricInterpretation"), "Manufacturer", "ManufacturerModelName"],
)
def test_a_name_that_ran_into_a_fact_is_left_out(keyword: str) -> None:
    with pydicom.config.disable_value_validation():
        data = dicom(ramp(), **{keyword: "Last^First", "PatientName": "Last^First"})
    assert "Last" not in str(decode(data).facts)


def test_windows_and_tables_are_called_by_known_words_alone() -> None:
    windows = {"WindowCenter": [1000, 2000], "WindowWidth": [500, 4000]}
    shown = decode(dicom(ramp(), **windows, WindowCenterWidthExplanation=["Doe^Jane", "LUNG"]))
    assert [voi.explanation for voi in (shown.voi, *shown.alternatives)] == ["", "LUNG"]
    lut = table(0, list(range(0, 65536, 16)))
    lut.LUTExplanation = "Doe^Jane"
    shown = decode(dicom(ramp(), VOILUTSequence=[lut]))
    assert shown.voi.explanation == ""
    assert "Doe" not in str(shown.notes)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"])
def test_a_note_quotes_no_element(keyword: str) -> None:
    notes = decode(dicom(ramp(), **{keyword: [19500101, 0]})).notes
    assert any(keyword in note for note in notes) and "19500101" not in str(notes)


def test_a_refusal_quotes_no_element() -> None:
    with pydicom.config.disable_value_validation():
        data = file_of(dataset_of(ramp(), PixelData=None, Rows=None, SOPClassUID=None, Modality="DOE JANE"))
    with pytest.raises(UserError, match="unknown kind"):
        decode(data)
