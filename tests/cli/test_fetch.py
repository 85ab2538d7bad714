"""`fetch` and `unpack`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_explorer.cli import fetch
from cxr_explorer.cli.main import main
from tests.hospital.orthanc import PASSWORD, TITLE, USER, Orthanc, film, needs_orthanc, put, running
from tests.images.dicom_files import dicom, ramp


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as archive:
        for number in range(3):
            put(archive, film("ANNA", f"2024030{number + 1}", seed=number))
        yield archive


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv(fetch.PASSWORD, PASSWORD)


def web(orthanc: Orthanc, *more: str) -> list[str]:
    return ["fetch", "films", "--project", "p.cxr", "--dicomweb", orthanc.url, "--user", USER, "--no-tls", *more]


def films() -> list[Path]:
    return sorted(Path("films").rglob("*.dcm"))


@needs_orthanc
def test_nothing_is_fetched_before_it_is_allowed_and_the_project_remembers(
    orthanc: Orthanc, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(web(orthanc)) == 1
    assert "switched off" in capsys.readouterr().err and not films()
    assert main(web(orthanc, "--allow-network", "--count")) == 0
    assert capsys.readouterr().out == "3 images in the archive.\n"
    assert main(["fetch", "films", "--project", "p.cxr", "--user", USER, "--since", "2024-03-02"]) == 0
    said = capsys.readouterr().out
    assert "2 images in the archive: 2 fetched, 0 there before" in said
    assert "cxr-explorer index films --project p.cxr" in said
    assert main(web(orthanc, "--json")) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report == {"found": 3, "stored": 1, "had": 2, "left_out": 0, "missing": 0, "folder": "films"}
    assert main(["fetch", "films", "--project", "p.cxr", "--forbid-network"]) == 0
    assert main(web(orthanc)) == 1
    assert PASSWORD.encode() not in Path("p.cxr").read_bytes()


@needs_orthanc
def test_by_dicoms_own_protocol(orthanc: Orthanc, capsys: pytest.CaptureFixture[str]) -> None:
    pacs = ["fetch", "films", "--project", "p.cxr", "--pacs", orthanc.place, "--title", TITLE, "--no-tls"]
    assert main([*pacs, "--allow-network", "--test"]) == 0
    assert "The archive answers." in capsys.readouterr().out
    assert main([*pacs, "--until", "2024-03-01"]) == 0 and len(films()) == 1
    assert main([*pacs, "--move", "--own-port", str(orthanc.own_port), "--allow-network"]) == 0 and len(films()) == 3
    assert main(["index", "films", "--project", "p.cxr", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["images"] == 3


@needs_orthanc
def test_a_wrong_password_ends_in_one_line(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(fetch.PASSWORD, "wrong-one")
    assert main(web(orthanc, "--allow-network")) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("cxr-explorer: The archive refused user or password.") and "wrong-one" not in said


@needs_orthanc
@pytest.mark.skipif(sys.platform != "linux", reason="signals as Linux has them")
def test_ctrl_c_leaves_whole_films_and_the_same_line_goes_on(orthanc: Orthanc) -> None:
    command = [sys.executable, "-m", "cxr_explorer", *web(orthanc, "--allow-network")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not films() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130), said  # it may have been quicker
    assert all(path.stat().st_size > 18_000 for path in films())
    assert main(web(orthanc)) == 0 and len(films()) == 3


@pytest.mark.parametrize(
    "options, code",
    [
        ([], 2),
        (["--since", "yesterday", "--dicomweb", "https://pacs.example"], 1),
        (["--dicomweb", "http://pacs.example", "--allow-network"], 1),
        (["--pacs", "pacs.example", "--allow-network"], 1),
        (["--dicomweb", "https://a.example", "--pacs", "pacs.example"], 2),
    ],
)
def test_what_makes_no_sense_opens_no_connection(options: list[str], code: int) -> None:
    assert main(["fetch", "films", "--project", "p.cxr", *options]) == code


def test_a_zip_is_unpacked_beside_it_and_the_next_step_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile("disc.zip", "w") as archive:
        archive.writestr("DICOM/IM1", dicom(ramp()))
        archive.writestr("viewer.exe", b"MZ\x90\0" * 90)
    assert main(["unpack", "disc.zip"]) == 0
    said = capsys.readouterr().out
    assert "1 image unpacked" in said and "1 .exe" in said and "cxr-explorer index disc" in said
    assert Path("disc/DICOM/IM1").exists()
    assert main(["index", "disc.zip", "--project", "p.cxr"]) == 1
    assert "unpack disc.zip" in capsys.readouterr().err
