"""Films come from a real archive, by each protocol; what goes wrong is told, and the next try goes on."""

from __future__ import annotations

import gc
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import KINDS, Archive, Kind, Query
from cxr_explorer.hospital.fetching import FetchReport, Wanted, count, fetch, test_connection
from cxr_explorer.hospital.permission import Permission
from cxr_explorer.hospital.pseudonym import METHOD
from cxr_explorer.images.dicom_patient import patient_of
from cxr_explorer.images.read import read
from tests.hospital.orthanc import (
    OWN_TITLE,
    PASSWORD,
    TITLE,
    USER,
    Orthanc,
    cut_after,
    film,
    free_port,
    needs_orthanc,
    put,
    report_beside,
    running,
)

pytestmark = [
    needs_orthanc,
    pytest.mark.timeout(300),
    # pynetdicom 3.0 leaves the socket of a connection that fails to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
]
ask = test_connection  # else pytest takes it for a test
del test_connection

NAMES = (b"ANNA", b"BERTA", b"CLARA", b"ZYX", b"MRN", b"ACC")
CHEST_FILMS = 4  # DX and CR of 2024 that are of the chest, or do not say


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as archive:
        first = film("ANNA", "20240301", seed=1)
        films = [
            first,
            film("ANNA", "20240610", seed=2),
            film("BERTA", "20240305", "CR", seed=3),
            film("CLARA", "20240412", seed=4, BodyPartExamined=""),
            film("CLARA", "20240412", seed=5, BodyPartExamined="HAND"),
            film("CLARA", "20200412", seed=6),
            film("BERTA", "20240305", "OT", seed=7, Modality="OT"),
            report_beside(first),
        ]
        for one in films:
            put(archive, one)
        yield archive


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield
    gc.collect()  # sockets that were left are left here


def archive_of(orthanc: Orthanc, kind: Kind, port: int = 0) -> Archive:
    if kind == "dicomweb":
        url = f"http://127.0.0.1:{port or orthanc.http_port}/dicom-web"
        return Archive(kind, url, encrypted=False, user=USER, password=PASSWORD)
    place = f"127.0.0.1:{port or orthanc.dicom_port}"
    return Archive(kind, place, TITLE, OWN_TITLE, orthanc.own_port, encrypted=False)


def run(archive: Archive, folder: Path, query: Query | None = None, keeps_identity: bool = False) -> FetchReport:
    wanted = Wanted(query or Query(since="20240101", body_part="CHEST"), folder, keeps_identity)
    last = list(fetch(archive, Permission(archive.kind, archive.address), wanted))[-1]
    assert isinstance(last, FetchReport)
    return last


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_films_come_and_nothing_else_does(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    folder = tmp_path / "films"
    report = run(archive_of(orthanc, kind), folder)
    assert report == FetchReport(found=CHEST_FILMS, stored=CHEST_FILMS, left_out=1)
    assert len(files(folder)) == CHEST_FILMS
    for path in files(folder):
        radiograph = read(path)
        assert radiograph.values.shape == (96, 96)
        assert radiograph.facts["view"] == "PA" and radiograph.facts["age"] == "63"
        assert not any(name in path.read_bytes() for name in NAMES)
        assert pydicom.dcmread(path).DeidentificationMethod == METHOD[:64]
    assert run(archive_of(orthanc, kind), folder) == FetchReport(found=CHEST_FILMS, had=CHEST_FILMS, left_out=1)


@pytest.mark.parametrize("kind", KINDS)
def test_names_stay_only_where_they_are_asked_for(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    run(archive_of(orthanc, kind), tmp_path / "films", Query(since="20240601"), keeps_identity=True)
    (path,) = files(tmp_path / "films")
    assert (pydicom.dcmread(path).PatientID, pydicom.dcmread(path).StudyDate) == ("MRNANNA", "20240610")


@pytest.mark.parametrize("kind", KINDS)
def test_a_patients_films_stay_together_in_their_order(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    run(archive_of(orthanc, kind), tmp_path / "films")
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files(tmp_path / "films")]
    assert len({patient_of(header) for header in headers}) == 3
    days = sorted(header.StudyDate for header in headers)
    assert not {"20240301", "20240610"} & set(days)


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_counted_before_they_are_fetched(orthanc: Orthanc, kind: Kind) -> None:
    archive = archive_of(orthanc, kind)
    permission = Permission(archive.kind, archive.address)
    assert list(ask(archive, permission)) == ["The archive answers."]
    assert list(count(archive, permission, Query(since="20240101")))[-1] == CHEST_FILMS + 1
    assert list(count(archive, permission, Query(since="20240101", until="20240302")))[-1] == 1
    assert list(count(archive, permission, Query(since="20300101")))[-1] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_archive_is_asked_that_was_not_allowed(orthanc: Orthanc, kind: Kind) -> None:
    archive = archive_of(orthanc, kind)
    with pytest.raises(UserError, match="switched off"):
        list(ask(archive, Permission(archive.kind, "elsewhere.example")))


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"password": "open"}, {"user": "", "password": ""}, {"user": "nobody"}])
def test_a_wrong_password_is_told(orthanc: Orthanc, tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(UserError, match="refused user or password") as told:
        run(replace(archive_of(orthanc, "dicomweb"), **wrong), tmp_path / "films")
    assert PASSWORD not in str(told.value) and "open" not in str(told.value)
    assert not files(tmp_path / "films")


@pytest.mark.parametrize("kind", ("c-get", "c-move"))
def test_a_wrong_title_is_told(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    archive = archive_of(orthanc, kind)
    with pytest.raises(UserError, match="does not call itself OTHER"):
        run(replace(archive, title="OTHER"), tmp_path / "films")
    with pytest.raises(UserError, match="STRANGER"):
        run(replace(archive, own_title="STRANGER"), tmp_path / "films")


@pytest.mark.parametrize("kind", ("c-get", "c-move"))
def test_a_refusal_that_was_cut_off_on_its_way_is_heard(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    told = pytest.raises(UserError, match="does not call itself OTHER")
    with cut_after(orthanc.dicom_port, 5) as through, told:  # a refusal has ten bytes
        run(replace(archive_of(orthanc, kind, through), title="OTHER"), tmp_path / "films")


def test_a_port_that_is_taken_is_told(orthanc: Orthanc, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot wait for films on port"):
        run(replace(archive_of(orthanc, "c-move"), own_port=orthanc.http_port), tmp_path / "films")


def test_a_port_that_the_archive_does_not_reach_is_told(orthanc: Orthanc, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="firewall"):
        run(replace(archive_of(orthanc, "c-move"), own_port=free_port()), tmp_path / "films")


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_there_is_told(orthanc: Orthanc, tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(UserError, match="Check"):
        run(archive_of(orthanc, kind, free_port()), tmp_path / "films")


def test_an_address_that_is_no_dicomweb_is_told(orthanc: Orthanc, tmp_path: Path) -> None:
    archive = replace(archive_of(orthanc, "dicomweb"), address=f"http://127.0.0.1:{orthanc.http_port}/nothing")
    with pytest.raises(UserError, match="Check the address"):
        run(archive, tmp_path / "films")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most_bytes", (1_000, 20_000, 50_000))
def test_a_cut_connection_is_made_anew(orthanc: Orthanc, tmp_path: Path, kind: Kind, most_bytes: int) -> None:
    port = orthanc.http_port if kind == "dicomweb" else orthanc.dicom_port
    with cut_after(port, most_bytes, times=2) as through:
        for _ in range(3):  # a search that is cut is asked for again by the reader
            try:
                report = run(archive_of(orthanc, kind, through), tmp_path / "films")
                break
            except UserError as cut:
                assert "connection" in str(cut) or "cut off" in str(cut)
    assert report.had + report.stored == CHEST_FILMS
    for path in files(tmp_path / "films"):
        read(path)


@pytest.mark.parametrize("kind", ("dicomweb", "c-get"))
def test_what_had_arrived_before_the_cut_is_kept_and_the_rest_comes_later(
    orthanc: Orthanc, tmp_path: Path, kind: Kind
) -> None:
    port = orthanc.http_port if kind == "dicomweb" else orthanc.dicom_port
    archive = archive_of(orthanc, kind)
    films = tmp_path / "films"
    run(archive, films, Query(since="20240601"))
    (before,) = files(films)
    stamp = before.stat().st_mtime_ns
    with cut_after(port, 10_000, times=1000) as through, pytest.raises(UserError, match=r"films are there|cut"):
        run(archive_of(orthanc, kind, through), films)
    assert before in files(films) and not [path for path in files(films) if path.suffix != ".dcm"]
    report = run(archive, films)
    assert report.had >= 1 and report.had + report.stored == CHEST_FILMS
    assert before.stat().st_mtime_ns == stamp


def test_a_full_disk_is_told(orthanc: Orthanc, tmp_path: Path) -> None:
    (tmp_path / "films").write_text("a file where the folder should be")
    for kind in KINDS:
        with pytest.raises(UserError, match="Cannot write"):
            run(archive_of(orthanc, kind), tmp_path / "films")


# --- encrypted -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_an_encrypted_connection_and_one_that_is_not_trusted(orthanc: Orthanc, tmp_path: Path) -> None:
    certificate, key = tmp_path / "archive.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    trusted = str(certificate)
    with (
        cut_after(orthanc.http_port, 0, times=0, tls=server) as web,
        cut_after(orthanc.dicom_port, 0, times=0, tls=server) as dimse,
    ):
        url = f"https://127.0.0.1:{web}/dicom-web"
        for archive in (
            Archive("dicomweb", url, user=USER, password=PASSWORD, authorities=trusted),
            Archive("c-get", f"127.0.0.1:{dimse}", TITLE, authorities=trusted),
        ):
            assert run(archive, tmp_path / archive.kind, Query(since="20240601")).stored == 1
            with pytest.raises(UserError, match="trusted"):
                run(replace(archive, authorities=""), tmp_path / "films")
    with pytest.raises(UserError, match="TLS"):
        run(replace(archive_of(orthanc, "c-get"), encrypted=True), tmp_path / "films")
