"""Labels leave as DICOM structured reports, and other programs read them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cxr_explorer.cli.main import main
from cxr_explorer.exchange.form import Wanted
from cxr_explorer.exchange.report_form import DICOM_SR
from cxr_explorer.images.scan import scan
from cxr_explorer.labels.label import Judgement, Value
from cxr_explorer.project import labelling
from cxr_explorer.project.project import Project
from cxr_explorer.structured_report.codes import FINDINGS, PRIVATE, VALUES, coded_finding
from cxr_explorer.tables.format import WriteReport
from tests.images.dicom_files import dicom, ramp
from tests.project.projects import FINDINGS as VOCABULARY
from tests.project.projects import embed_all

PATIENT = {"PatientName": "DOE^JANE", "PatientID": "MRN-4711", "PatientBirthDate": "19500101", "PatientSex": "F"}
IN_IT = {"StudyDate": "20240102", "StudyTime": "101500", "AccessionNumber": "ACC-1", "ReferringPhysicianName": "WHO^DR"}


def film(number: int, **elements: object) -> bytes:
    uids = {"StudyInstanceUID": f"1.2.3.{number}", "SeriesInstanceUID": f"1.2.3.{number}.1"}
    named = {"SOPInstanceUID": f"1.2.3.{number}.1.1", **uids, **PATIENT, **IN_IT, **elements}
    return dicom(ramp(size_px=16), **named)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(film(number))
    (folder / "3.dcm").write_bytes(film(3, StudyInstanceUID=""))
    shutil.copy(Path(__file__).parents[2] / "resources/docs/image.png", folder / "4.png")
    made = Project.create(tmp_path / "test.cxr", folder, VOCABULARY)
    made.update_files(list(scan(folder)), [])
    embed_all(made)
    ids = {path: image_id for image_id, path in made.paths().items()}
    for name, finding, value, reader in (
        ("0.dcm", "Effusion", Value.PRESENT, "reader 1"),
        ("0.dcm", "Nodule", Value.UNCERTAIN, "reader 1"),
        ("0.dcm", "Effusion", Value.ABSENT, "Dr. Ä^B=C"),
        ("1.dcm", "Hernia", Value.PRESENT, "reader 1"),
        ("3.dcm", "Effusion", Value.PRESENT, "reader 1"),
        ("4.png", "Effusion", Value.PRESENT, "reader 1"),
    ):
        labelling.label(made, np.array([ids[name]]), Judgement(finding, value, reader, "single"))
    return made


def written(project: Project, out: Path, reader: str | None = None, identified: bool = False) -> WriteReport:
    *shares, report = DICOM_SR.write(project, out, Wanted(reader, patients=identified))
    assert shares == sorted(shares) and shares[-1:] in ([], [1.0])
    assert isinstance(report, WriteReport)
    return report


def documents(out: Path) -> list[pydicom.Dataset]:
    return sorted((pydicom.dcmread(path) for path in out.iterdir()), key=lambda one: str(one.SOPInstanceUID))


def said_in(document: pydicom.Dataset) -> dict[str, str]:
    """Finding -> value, as anybody reads it who knows TID 1500."""
    found: dict[str, str] = {}

    def look(item: pydicom.Dataset) -> None:
        for one in item.get("ContentSequence", ()):
            if one.ValueType == "CODE" and one.RelationshipType == "CONTAINS":
                name, value = one.ConceptNameCodeSequence[0], one.ConceptCodeSequence[0]
                found[name.CodeMeaning] = value.CodeMeaning
            look(one)

    look(document)
    return found


def test_each_labelled_film_and_reader_has_a_report(project: Project, tmp_path: Path) -> None:
    report = written(project, tmp_path / "out")
    assert (report.images, report.labels) == (2, 4)
    assert [remark.split(":")[0] for remark in report.remarks] == [
        "3 reports, one a film and reader",
        "1 image without a report",
        "1 image without a report",
    ]
    found = documents(tmp_path / "out")
    said = {(one.StudyInstanceUID, str(one.SeriesDescription)): said_in(one) for one in found}
    assert said == {
        ("1.2.3.0", "Findings, reader 1"): {"Pleural effusion": "Present", "Nodule": "Indeterminate"},
        ("1.2.3.0", "Findings, Dr. Ä^B=C"): {"Pleural effusion": "Absent"},
        ("1.2.3.1", "Findings, reader 1"): {"Hernia": "Present"},
    }
    assert {one.VerificationFlag for one in found} == {"UNVERIFIED"}
    evidence = found[0].CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID.startswith("1.2.3.")


def test_one_readers_reports_alone(project: Project, tmp_path: Path) -> None:
    assert written(project, tmp_path / "out", "reader 1").remarks[0].startswith("2 reports")
    assert all("reader 1" in str(one) for one in documents(tmp_path / "out"))


def test_the_same_labels_make_the_same_files_again_and_others_make_others(project: Project, tmp_path: Path) -> None:
    written(project, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    written(project, tmp_path / "twice")
    assert {path.name: path.read_bytes() for path in (tmp_path / "twice").iterdir()} == before
    (first,) = (image_id for image_id, path in project.paths().items() if path == "0.dcm")
    labelling.label(project, np.array([first]), Judgement("Nodule", Value.ABSENT, "reader 1", "single"))
    written(project, tmp_path / "again")
    assert len({path.name for path in (tmp_path / "again").iterdir()} - before.keys()) == 1


def test_no_patient_is_named_unless_asked_for(project: Project, tmp_path: Path) -> None:
    written(project, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        data = path.read_bytes()
        for value in (*PATIENT.values(), IN_IT["AccessionNumber"], IN_IT["ReferringPhysicianName"], "images", "0.dcm"):
            assert value == "F" or value.encode() not in data, value
        assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"
    written(project, tmp_path / "named", identified=True)
    for one in documents(tmp_path / "named"):
        assert str(one.PatientName) == "DOE^JANE" and one.PatientID == "MRN-4711" and one.AccessionNumber == "ACC-1"
        assert "PatientIdentityRemoved" not in one


def test_the_command_line_writes_them(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.close()
    arguments = ["export", str(project.path), str(tmp_path / "out"), "--format", "dicom-sr"]
    assert main([*arguments, "--reader", "reader 1"]) == 0
    assert "2 reports, one a film and reader" in capsys.readouterr().out
    assert all(one.PatientID == "" for one in documents(tmp_path / "out"))
    assert main(arguments) == 1  # the folder is there already
    arguments[2] = str(tmp_path / "named")
    assert main([*arguments, "--with-patients"]) == 0
    assert {one.PatientID for one in documents(tmp_path / "named")} == {"MRN-4711"}


def test_films_without_an_uid_leave_no_empty_folder_unexplained(project: Project, tmp_path: Path) -> None:
    shutil.rmtree(project.folder)
    report = written(project, tmp_path / "out")
    assert report.labels == 0 and "4 images without a report: the file cannot be read" in report.remarks[-1]


def test_codes_fit_and_are_the_same_everywhere() -> None:
    for name in (*FINDINGS, "Hernia", "Fremdkörper, rechts"):
        code = coded_finding(name)
        assert len(code.value) <= 16 and code.value.isascii()
    assert coded_finding("hernia").value == coded_finding("Hernia").value
    assert coded_finding("Hernia").scheme == PRIVATE
    assert coded_finding("EFFUSION").value == "60046008"
    assert coded_finding("Hernia").value != coded_finding("Hernia 2").value


@pytest.mark.parametrize("identified", [False, True])
def test_dciodvfy_finds_no_error(project: Project, tmp_path: Path, identified: bool) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    written(project, tmp_path / "out", identified=identified)
    for path in (tmp_path / "out").iterdir():
        result = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        complaints = [line for line in result.stderr.splitlines() if line.startswith("Error")]
        assert complaints == []


def test_another_reader_shows_it(project: Project, tmp_path: Path) -> None:
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump (dcmtk) is not installed")
    written(project, tmp_path / "out", "reader 1")
    told = ""
    for path in (tmp_path / "out").iterdir():
        result = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        told += result.stdout
    for words in ("Imaging Measurement Report", "Pleural effusion", "Indeterminate", "Hernia", "reader 1"):
        assert words in told


def test_highdicom_reads_it_back(project: Project, tmp_path: Path) -> None:
    from highdicom.sr import srread

    written(project, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        (group,) = srread(path).content.get_image_measurement_groups()
        assert group.get_qualitative_evaluations()


def test_the_documents_list_every_code() -> None:
    page = (Path(__file__).parents[2] / "resources/docs/structured-reports.md").read_text(encoding="utf-8")
    table = page.split("## Codes of the findings")[1]
    rows = [
        tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in table.splitlines() if line.count("|") == 5
    ]
    assert rows[2:] == [(name, code.value, code.scheme, code.meaning) for name, code in FINDINGS.items()]
    assert all(code.value in page for code in VALUES.values())
