"""What headers say an image is, in the words the program keeps of them."""

import pytest
from pydicom import Dataset

from cxr_explorer.images.dicom_facts import read_facts
from cxr_explorer.search.header_kind import other_than_frontal_chest


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        ({}, ""),
        ({"Modality": "CT"}, "CT"),
        ({"Modality": "CT", "BodyPartExamined": "CHEST"}, "CT"),
        ({"Modality": "MR"}, "MRI"),
        ({"Modality": "RTPLAN"}, "radiotherapy"),
        ({"Modality": "CR", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}, ""),
        ({"Modality": "DX"}, ""),
        ({"Modality": "OT"}, ""),
        ({"Modality": "RF"}, "fluoroscopy"),
        ({"Modality": "RF", "BodyPartExamined": "CHEST"}, ""),
        ({"Modality": "DX", "BodyPartExamined": "HAND", "ViewPosition": "PA"}, "hand"),
        ({"Modality": "CR", "BodyPartExamined": "EXTREMITY", "ViewPosition": "AP"}, "extremity"),
        ({"BodyPartExamined": "THORACIC SPINE"}, "spine"),
        ({"BodyPartExamined": "THORAX"}, ""),
        ({"BodyPartExamined": "CHEST ABDOMEN"}, ""),
        ({"BodyPartExamined": "PORTABLE"}, ""),
        ({"BodyPartExamined": "UNKNOWN"}, ""),
        ({"BodyPartExamined": "MRS SMITH"}, ""),
        ({"ViewPosition": "LL"}, "lateral view"),
        ({"ViewPosition": "LATERAL", "BodyPartExamined": "CHEST"}, "lateral view"),
        ({"ViewPosition": "XTABLE LATERAL"}, "lateral view"),
        ({"ViewPosition": "RAO"}, "oblique view"),
        ({"ViewPosition": "MLO"}, "mammogram"),
        ({"ViewPosition": "SWIMMERS"}, "swimmer's view"),
        ({"ViewPosition": "LLD"}, ""),
        ({"ViewPosition": "LATERAL DECUB"}, ""),
        ({"ViewPosition": "AP AXIAL"}, ""),
        ({"PatientOrientation": ["L", "F"]}, ""),
        ({"PatientOrientation": ["R", "H"]}, ""),
        ({"PatientOrientation": ["A", "F"]}, "lateral view"),
        ({"PatientOrientation": ["L", "P"]}, "axial picture"),
        ({"PatientOrientation": ["A", "F"], "ViewPosition": "PA"}, ""),
        ({"ImageLaterality": "R"}, "one side of the body"),
        ({"ImageLaterality": "R", "BodyPartExamined": "CHEST"}, ""),
        ({"ImageLaterality": "U"}, ""),
    ],
)
def test_a_header_tells_what_is_no_frontal_chest_film(elements: dict[str, str | list[str]], kind: str) -> None:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    assert other_than_frontal_chest(read_facts(dataset)) == kind


def test_a_table_is_understood_as_a_header_is() -> None:
    assert other_than_frontal_chest({"view": "Lateral", "modality": "dx"}) == "lateral view"
