"""A real archive for tests: Orthanc, started on ports of this computer alone, filled with films and other objects."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    generate_uid,
)

from tests.images.dicom_files import chest, dataset_of, file_of

PROGRAM = shutil.which("Orthanc") or next(iter(map(str, Path("/usr/sbin").glob("Orthanc"))), None)
PLUGIN = next((path for path in Path("/usr/share/orthanc/plugins").glob("libOrthancDicomWeb.so*")), None)
TITLE, USER, PASSWORD = "ARCHIVE", "reader", "sesame-7"
OWN_TITLE = "CXREXPLORER"

needs_orthanc = pytest.mark.skipif(
    PROGRAM is None or PLUGIN is None, reason="Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)"
)


@dataclass(frozen=True)
class Orthanc:
    """A running archive."""

    http_port: int
    dicom_port: int
    own_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.dicom_port}"

    def ask(self, path: str, body: bytes | None = None) -> object:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", body)
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(home: Path, **more: object) -> Iterator[Orthanc]:
    """Orthanc with a user, who knows this program's title. Ends it."""
    archive = Orthanc(free_port(), free_port(), free_port())
    settings = {
        "Name": "test",
        "StorageDirectory": str(home / "storage"),
        "IndexDirectory": str(home / "index"),
        "HttpPort": archive.http_port,
        "DicomPort": archive.dicom_port,
        "DicomAet": TITLE,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": False,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomModalities": {
            "us": {"AET": OWN_TITLE, "Host": "127.0.0.1", "Port": archive.own_port, "AllowGet": True, "AllowMove": True}
        },
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **more,
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / "orthanc.json").write_text(json.dumps(settings))
    assert PROGRAM is not None
    with (home / "orthanc.log").open("wb") as log:
        environment = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK, which it is built on, answers after 40 ms
        command = [PROGRAM, str(home / "orthanc.json")]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, env=environment)
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", archive.http_port), 1):
                break
            assert process.poll() is None, (home / "orthanc.log").read_text()[-2000:]
            time.sleep(0.1)
        yield archive
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def film(patient: str, day: str, modality: str = "DX", seed: int = 0, **elements: object) -> FileDataset:
    """A small film with a patient's name, number and birth date in its header."""
    generator = np.random.default_rng(seed)
    pixels = np.round(chest(96) * 3000 + generator.normal(0, 20, (96, 96)) + 100).clip(0, 4095).astype("uint16")
    name = "Digital" if modality == "DX" else "Computed"
    sop_class = DigitalXRayImageStorageForPresentation if name == "Digital" else ComputedRadiographyImageStorage
    said = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Modality": modality,
        "PatientName": f"{patient}^JANE",
        "PatientID": f"MRN{patient}",
        "PatientBirthDate": "19600229",
        "PatientSex": "F",
        "PatientAge": "063Y",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "StudyDate": day,
        "StudyTime": "101112",
        "AccessionNumber": f"ACC{patient}",
        "InstitutionName": f"{patient} hospital",
        "Manufacturer": "Philips",
        **elements,
    }
    dataset = dataset_of(pixels, **said)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def report_beside(beside: FileDataset) -> FileDataset:
    """A text report in the film's own series: it says that it is a film's, and holds no picture."""
    report = film("ZYX", str(beside.StudyDate), PixelData=None)
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        del report[keyword]
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    report.StudyInstanceUID, report.SeriesInstanceUID = beside.StudyInstanceUID, beside.SeriesInstanceUID
    report.PatientID = beside.PatientID
    return report


def put(archive: Orthanc, dataset: Dataset) -> None:
    archive.ask("/instances", file_of(dataset))


@contextmanager
def cut_after(port: int, most_bytes: int, times: int = 1, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port that leads to another one, and cuts the first connections after so many bytes of answer.

    With `tls` it is encrypted up to here: the HTTPS of Debian 12's Orthanc 1.10 ends with a crash.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    left = [times]

    def pass_on(source: socket.socket, to: socket.socket, most: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if most is not None:
                    data, most = data[:most], most - len(data[:most])
                to.sendall(data)
                if most == 0:
                    break
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def serve() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                if tls is not None:
                    try:
                        caller = tls.wrap_socket(caller, server_side=True)
                    except OSError:
                        caller.close()
                        continue
                callee = socket.create_connection(("127.0.0.1", port), 10)
                cuts, left[0] = left[0] > 0, left[0] - 1
                threading.Thread(target=pass_on, args=(caller, callee, None), daemon=True).start()
                most = most_bytes if cuts else None
                threading.Thread(target=pass_on, args=(callee, caller, most), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
