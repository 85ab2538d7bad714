"""Which films are one patient's, read from headers, and when they were taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxr_explorer.images.dicom_patient import Visit, patient_of, read_visits, visit_of
from cxr_explorer.images.read import decode
from tests.images.dicom_files import dataset_of, dicom, ramp


def who(**elements: Any) -> str:
    return patient_of(dataset_of(ramp(), **elements))


def test_number_and_birth_date_tell_patients_apart() -> None:
    one = who(PatientID="4711", PatientBirthDate="19500102")
    assert len(one) == 32 and "4711" not in one
    assert one == who(PatientID=" 4711 ", PatientBirthDate="19500102", PatientName="MARRIED^SINCE")
    assert one != who(PatientID="4712", PatientBirthDate="19500102")
    assert one != who(PatientID="4711", PatientBirthDate="19710102")


@pytest.mark.parametrize("number", ["", "0", "0000", "ANON", "anonymous", "Anonymized", "UNKNOWN", "n/a", "X", "xxxx"])
def test_a_number_that_stands_for_nobody_ties_no_films(number: str) -> None:
    assert who(PatientID=number) == ""


@pytest.mark.parametrize("number", ["1", "7", "12", "1000", "ANON-17"])
def test_pseudonyms_are_patients(number: str) -> None:
    assert who(PatientID=number)


def test_a_radiograph_carries_the_hash_and_no_fact_of_it() -> None:
    film = decode(dicom(ramp(), PatientID="4711", StudyDate="20190314"))
    assert film.patient == who(PatientID="4711")
    assert not any("4711" in value or "2019" in value for value in film.facts.values())


def test_a_header_says_study_date_and_time() -> None:
    visit = visit_of(dataset_of(ramp(), StudyInstanceUID="1.2.3", StudyDate="20190314", StudyTime="0915"))
    assert visit == Visit("", "1.2.3", "20190314", "091500")
    assert visit_of(dataset_of(ramp(), AcquisitionDate="20190314")).date == "20190314"
    for filled_in in ("19010101", "19000101", ""):  # what anonymisers write
        assert visit_of(dataset_of(ramp(), StudyDate=filled_in)).date == ""


def test_headers_are_read_without_pixels_and_other_files_say_nothing(tmp_path: Path) -> None:
    film, other = tmp_path / "a.dcm", tmp_path / "b.png"
    film.write_bytes(dicom(ramp(), PatientID="4711", StudyDate="20190314"))
    other.write_bytes(b"not a film")
    *shares, visits = read_visits([film, other, tmp_path / "gone.dcm"])
    assert shares == [0, 1 / 3, 2 / 3]
    assert visits == [Visit(who(PatientID="4711"), "", "20190314", ""), Visit(), Visit()]
