"""An archive for tests, made of pynetdicom's own server: encrypted, and with a user, which Orthanc does not have."""

from __future__ import annotations

import logging
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from cxr_explorer.hospital.archive import IMAGE_CLASSES
from tests.hospital.orthanc import OWN_TITLE, PASSWORD, TITLE, USER, free_port

_ASKED = {
    "STUDY": ("StudyInstanceUID", "StudyDate"),
    "SERIES": ("SeriesInstanceUID", "StudyInstanceUID", "Modality", "BodyPartExamined"),
    "IMAGE": ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"),
}
"""What is answered at each level; the first tells one from another."""
_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass
class OwnArchive:
    """A running archive: where it is, what was said to it, and the file of its certificate and key."""

    port: int
    own_port: int
    certificate: str
    said: list[tuple[int, bytes, bytes]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


def certificate_of(home: Path) -> str:
    """A file with a key and a certificate for this computer's own address that nobody signed but itself."""
    made = home / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *words.split(), "-keyout", str(home / "key.pem"), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + (home / "key.pem").read_text())
    return str(made)


@contextmanager
def running(certificate: str, films: Sequence[Dataset], asks_for_certificates: bool = False) -> Iterator[OwnArchive]:
    """It knows one user, who may also leave the password out; who names no user is not asked."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    archive = OwnArchive(free_port(), free_port(), certificate)
    entity = AE(TITLE)
    entity.require_calling_aet = [OWN_TITLE]
    for model in (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        entity.add_supported_context(model)
    for uid in IMAGE_CLASSES:
        entity.add_supported_context(uid, scu_role=True, scp_role=True)
        entity.add_requested_context(uid)

    def chosen(asked: Dataset, level: str) -> list[Dataset]:
        """A film for each study, series or image that is asked for."""

        def is_asked_for(film: Dataset, key: str) -> bool:
            wanted = asked[key].value if key in asked else ""
            return not wanted or film[key].value in ([wanted] if isinstance(wanted, str) else wanted)

        found = {film[_ASKED[level][0]].value: film for film in films if all(is_asked_for(film, key) for key in _KEYS)}
        return list(found.values())

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        level = event.identifier.QueryRetrieveLevel
        for film in chosen(event.identifier, level):
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            for key in _ASKED[level]:
                answer[key] = film[key]
            yield 0xFF00, answer

    def send(event: Any) -> Iterator[Any]:
        found = chosen(event.identifier, "IMAGE")
        yield len(found)
        for film in found:
            yield 0xFF00, film

    def send_elsewhere(event: Any) -> Iterator[Any]:
        context = ssl.create_default_context(cafile=certificate)
        yield "127.0.0.1", archive.own_port, {"tls_args": (context, "127.0.0.1")}
        yield from send(event)

    def know(event: Any) -> tuple[bool, None]:
        archive.said.append((event.user_id_type, event.primary_field, event.secondary_field))
        return archive.said[-1][1:] in ((USER.encode(), PASSWORD.encode()), (USER.encode(), b"")), None

    handlers = [
        (evt.EVT_C_FIND, find),
        (evt.EVT_C_GET, send),
        (evt.EVT_C_MOVE, send_elsewhere),
        (evt.EVT_USER_ID, know),
    ]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if asks_for_certificates:
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    server = entity.start_server(("127.0.0.1", archive.port), block=False, ssl_context=context, evt_handlers=handlers)
    try:
        yield archive
    finally:
        entity.shutdown()
        assert server is not None
