"""One structured report: what a reader says of a film (TID 1500 of DICOM PS3.16, made with highdicom)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cxr_explorer import __version__
from cxr_explorer.errors import UserError
from cxr_explorer.labels.label import Value
from cxr_explorer.structured_report.codes import VALUES, Coded, coded_finding

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept, ComprehensiveSR
    from pydicom import Dataset

MAKER = "CXR Explorer"
SERIES_NUMBER = 9000  # far from the numbers of what a machine acquires

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_KEPT = ("Modality", "StudyDate", "StudyTime")
_IDENTIFYING = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "ReferringPhysicianName"),
)
_PROCEDURE = Coded("363679005", "SCT", "Imaging procedure")


@dataclass(frozen=True)
class Said:
    """One judgement of a film: finding, value, and when it was made (ISO 8601, UTC)."""

    finding: str
    value: Value
    at: str


def report_of(film: Dataset, reader: str, said: Sequence[Said], identified: bool) -> ComprehensiveSR:
    """The report on a film. Unverified: no person has signed it.

    UIDs of report and series follow from the film's, the reader and the judgements: the same labels make the same
    report again, which an archive then holds once; other labels make another one.

    Args:
        film: Header of the film's file.
        reader: Whose judgements, as the project names them.
        said: The judgements, at least one, in the order they are to be listed.
        identified: Whether patient's name, ID, birth date, sex and accession number are taken over from the film.
            Without them an archive puts the report to its study by the study's UID alone.

    Raises:
        UserError: The film's file lacks a UID that a report has to name.
    """
    from highdicom.sr import (
        ComprehensiveSR,
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        MeasurementsAndQualitativeEvaluations,
        ObservationContext,
        ObserverContext,
        PersonObserverIdentifyingAttributes,
        QualitativeEvaluation,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    missing = [keyword for keyword in _NEEDED if not film.get(keyword)]
    if missing:
        raise UserError(f"The file has no {missing[0]}, which a report has to name.")
    evidence = _evidence(film, identified)
    last = max(one.at for one in said)
    judged = "\n".join(f"{one.finding}={one.value.name}" for one in said)
    observer = ObservationContext(
        observer_person_context=ObserverContext(
            codes.DCM.Person, PersonObserverIdentifyingAttributes(_person_name(reader))
        ),
        observer_device_context=ObserverContext(
            codes.DCM.Device,
            DeviceObserverIdentifyingAttributes(
                uid=_uid("device"), name=MAKER, manufacturer_name=MAKER, model_name=MAKER, serial_number=__version__
            ),
        ),
    )
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=_uid("film", film.SOPInstanceUID, reader), identifier="Findings on the image as a whole"
        ),
        source_images=[SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID)],
        qualitative_evaluations=[
            QualitativeEvaluation(_concept(coded_finding(one.finding)), _concept(VALUES[one.value])) for one in said
        ],
    )
    report = MeasurementReport(observer, _concept(_PROCEDURE), [group])
    document = ComprehensiveSR(
        evidence=[evidence],
        content=report,
        series_instance_uid=_uid("series", film.StudyInstanceUID, reader),
        series_number=SERIES_NUMBER,
        sop_instance_uid=_uid("report", film.SOPInstanceUID, reader, judged, str(identified)),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    document.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    document.SeriesDescription = f"Findings, {reader}"[:64]
    document.SoftwareVersions = __version__
    document.ManufacturerModelName = MAKER
    document.DeviceSerialNumber = __version__
    _date(document, last)
    if not identified:
        document.PatientIdentityRemoved = "YES"
        document.DeidentificationMethod = "Patient's name, ID, birth date and sex left out"
    return document


def _evidence(film: Dataset, identified: bool) -> Dataset:
    """The part of a film's header that goes into a report."""
    from pydicom import Dataset

    evidence = Dataset()
    for keyword in (*_NEEDED, *_KEPT, *_IDENTIFYING):
        if keyword in film and (identified or keyword not in _IDENTIFYING):
            setattr(evidence, keyword, film[keyword].value)
        elif keyword != "Modality":
            setattr(evidence, keyword, "")
    return evidence


def _concept(code: Coded) -> CodedConcept:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning[:64])


def _person_name(reader: str) -> str:
    """A reader's name as DICOM writes a person's: whole as the family name, without what separates names there."""
    name = reader.translate(str.maketrans("^=\\", "   ")).strip()[:63] or "reader"
    return f"{name}^"


def _uid(*parts: str) -> str:
    """A UID that follows from these parts: a UUID in decimal below 2.25 (PS3.5, annex B.2)."""
    digest = hashlib.sha256("\0".join((MAKER, *parts)).encode()).digest()[:16]
    return f"2.25.{int.from_bytes(digest, 'big')}"


def _date(document: Dataset, at: str) -> None:
    """The report is of the moment the last judgement was made, not of that of the export: that makes it repeatable."""
    moment = datetime.fromisoformat(at).astimezone()  # local, as the times of the study are
    day, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    for keyword in ("ContentDate", "InstanceCreationDate", "SeriesDate"):
        setattr(document, keyword, day)
    for keyword in ("ContentTime", "InstanceCreationTime", "SeriesTime"):
        setattr(document, keyword, time)
    for equipment in document.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{day}{time}"
