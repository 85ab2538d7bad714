"""Whom a film shows is replaced when it arrives; what it shows stays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.pseudonym import _KEPT, mark, pseudonym_key, replace_identity
from cxr_explorer.images.dicom_patient import patient_of, visit_of
from cxr_explorer.images.read import decode
from tests.images.dicom_files import chest, dataset_of, file_of
from tests.test_privacy import ALL, NEEDED, planted, says

KEY = bytes(range(32))
FILM = np.round(chest(64) * 4000).astype("uint16")


def film(**elements: object) -> Dataset:
    said = {"PatientID": "MRN7", "PatientName": "DOE^JANE", "PatientBirthDate": "19600229", "StudyDate": "20240301"}
    return dataset_of(FILM, **{**said, "StudyInstanceUID": "1.2.3", **elements})


def replaced(dataset: Dataset, key: bytes = KEY) -> Dataset:
    replace_identity(dataset, key)
    return pydicom.dcmread(io.BytesIO(file_of(dataset)))


def test_a_name_planted_in_every_element_is_gone_but_for_codes() -> None:
    coded = {"CS", "AS", "DS", "IS", "UI"}  # codes, ages, numbers, UIDs: a name there breaks the rules of their VR
    free = [(tag, vr) for tag, vr in ALL if vr not in coded and tag not in NEEDED]
    dataset = pydicom.dcmread(io.BytesIO(planted(free)))
    assert len(free) > 900 and says(dataset.PatientComments.encode())
    replace_identity(dataset, KEY)
    told = [element for element in dataset.iterall() if element.VR not in coded | {"SQ"}]
    left = {element.keyword for element in told if says(repr(element.value).encode())}
    assert left <= _KEPT
    assert dataset.PatientID and dataset.PatientName == dataset.PatientID


def test_pictures_and_facts_stay() -> None:
    dataset = film(
        PatientSex="F", PatientAge="058Y", ViewPosition="PA", Manufacturer="Philips", PixelSpacing=[0.2, 0.2]
    )
    before = decode(file_of(dataset))
    after = decode(file_of(replaced(dataset)))
    np.testing.assert_array_equal(before.values, after.values)
    assert (before.facts, before.scale, before.notes) == (after.facts, after.scale, after.notes)


def test_one_patients_films_have_one_pseudonym_and_keep_their_distance_in_days() -> None:
    first, second = replaced(film()), replaced(film(StudyDate="20240311"))
    assert patient_of(first) == patient_of(second) != ""
    days = [np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}") for day in (first.StudyDate, second.StudyDate)]
    assert days[1] - days[0] == np.timedelta64(10, "D") and first.StudyDate < "20240301"
    assert visit_of(first).study == "1.2.3"
    other = replaced(film(PatientBirthDate="19700101"))
    assert patient_of(other) != patient_of(first)


def test_another_key_gives_other_pseudonyms() -> None:
    assert replaced(film()).PatientID != replaced(film(), KEY[::-1]).PatientID
    assert mark(KEY, "study", "1.2.3") != mark(KEY, "film", "1.2.3")


def test_where_nobody_is_named_nobody_is_made_up() -> None:
    dataset = replaced(film(PatientID="ANONYMOUS"))
    assert (dataset.PatientID, patient_of(dataset)) == ("", "")


def test_ages_of_90_and_more_are_one() -> None:
    assert replaced(film(PatientAge="097Y")).PatientAge == "090Y"


def test_dates_that_make_no_sense_go() -> None:
    dataset = film()
    dataset["StudyDate"]._value = "2024-13-45"
    assert "StudyDate" not in replaced(dataset)


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "key"
    key = pseudonym_key(path)
    assert len(key) == 32 and pseudonym_key(path) == key
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("12")
    with pytest.raises(UserError, match="too short"):
        pseudonym_key(path)
    path.write_text("no hex")
    with pytest.raises(UserError, match="cannot be read"):
        pseudonym_key(path)
