"""An archive of films, what is asked of it, and what it answers; nothing here opens a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

from cxr_explorer.errors import UserError

if TYPE_CHECKING:
    from pydicom import Dataset

Kind = Literal["dicomweb", "c-get", "c-move"]
KINDS: tuple[Kind, ...] = ("dicomweb", "c-get", "c-move")

DICOM_PORT, OWN_PORT = 104, 11112
OWN_TITLE = "CXREXPLORER"

IMAGE_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray, for processing
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.2",  # of several frames, 8 bits
    "1.2.840.10008.5.1.4.1.1.7.3",  # of several frames, 16 bits
    "1.2.840.10008.5.1.4.1.1.7.4",  # of several frames, colour
    "1.2.840.10008.5.1.4.1.1.12.2",  # X-Ray Radiofluoroscopy
)
"""SOP classes that are fetched. Reports, presentation states and dose records are not."""

_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)(?::(\d{1,5}))?")
_URL = re.compile(r"(https?)://[\w.-]+(:\d{1,5})?(/[\w./~-]*)?")
_BODY_PART = re.compile(r"[A-Z0-9_ ]{0,16}")


@dataclass(frozen=True)
class Archive:
    """Where films come from.

    Attributes:
        kind: Its protocol. With "c-move" the archive opens a connection to this computer and must know its title.
        address: Of DICOMweb the URL ("https://pacs.example/dicom-web"), else "host:port".
        title: The archive's AE title; DICOMweb has none.
        own_title: This program's AE title.
        own_port: Where this program waits for what "c-move" sends.
        encrypted: Whether the connection must be encrypted (TLS).
        authorities: File of certificates (PEM) to be trusted beside the system's; "" for none.
        certificate: File of this program's own certificate and key (PEM), where the archive asks for one; "" for none.
        user: "" where the archive asks for none.
        password: With it. Neither is ever stored.
    """

    kind: Kind
    address: str
    title: str = ""
    own_title: str = OWN_TITLE
    own_port: int = OWN_PORT
    encrypted: bool = True
    authorities: str = ""
    certificate: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Raises UserError where this cannot be an archive, or is to be asked in the clear without saying so."""
        if self.kind == "dicomweb":
            self._check_url()
            return
        self.place()
        for whose, title in (("the archive's", self.title), ("this program's", self.own_title)):
            if not _TITLE.fullmatch(title) or not title.strip():
                raise UserError(f"Cannot ask the archive: {whose} AE title must have 1 to 16 characters. Ask your IT.")
        if self.kind == "c-move" and not 0 < self.own_port < 1 << 16:
            raise UserError("Cannot ask the archive: this program's own port must be 1 to 65535. Choose another.")
        if self.kind == "c-move" and self.encrypted and not self.certificate:
            raise UserError(
                "Cannot receive encrypted films by C-MOVE without a certificate of this computer. Name one, or fetch "
                "by C-GET or DICOMweb."
            )

    def _check_url(self) -> None:
        if not (match := _URL.fullmatch(self.address)):
            raise UserError(
                "Cannot ask the archive: its DICOMweb address must look like https://pacs.hospital.example/dicom-web, "
                "without user or password in it. Ask your IT for it."
            )
        if self.encrypted and match[1] == "http":
            raise UserError(
                "Cannot ask the archive: http:// sends films and password in the clear. Use https://, or allow an "
                "unencrypted connection where you trust the network."
            )

    def place(self) -> tuple[str, int]:
        """Host and port. Raises UserError where the address is none."""
        match = _PLACE.fullmatch(self.address)
        port = int(match[2] or DICOM_PORT) if match else 0
        if match is None or not 0 < port < 1 << 16:
            raise UserError("Cannot ask the archive: its address must look like pacs.hospital.example:104.")
        return match[1].strip("[]"), port


@dataclass(frozen=True)
class Query:
    """Which films are wanted.

    Attributes:
        modalities: DICOM's codes.
        since: First day, "YYYYMMDD"; "" for no limit.
        until: Last day, the same.
        body_part: DICOM's term ("CHEST"); "" for any. Films that do not say theirs are wanted too.
    """

    modalities: tuple[str, ...] = ("CR", "DX")
    since: str = ""
    until: str = ""
    body_part: str = ""

    def check(self) -> None:
        """Raises UserError where a day is none, or the days or the words make no sense."""
        for day in filter(None, (self.since, self.until)):
            try:
                date(int(day[:4]), int(day[4:6]), int(day[6:])) if len(day) == 8 else int("")
            except ValueError as error:
                raise UserError(f"Cannot search: {day} is no day. Write it like 2024-03-01.") from error
        if self.since and self.until and self.since > self.until:
            raise UserError("Cannot search: the first day is after the last one. Exchange them.")
        if not self.modalities or not all(re.fullmatch(r"[A-Z]{2,16}", code) for code in self.modalities):
            raise UserError("Cannot search: name the kinds of images by DICOM's codes, such as CR and DX.")
        if not _BODY_PART.fullmatch(self.body_part):
            raise UserError("Cannot search: name the body part by DICOM's term, such as CHEST.")

    @property
    def days(self) -> str:
        """As DICOM writes a range; "" for any day."""
        return f"{self.since}-{self.until}" if self.since or self.until else ""

    def wants(self, modality: str, day: str = "", body_part: str = "") -> bool:
        """Whether a series is wanted, as far as it says what it is: not all archives keep to what they are asked."""
        on_day = not day or (self.since <= day and (not self.until or day <= self.until))
        of_part = not self.body_part or not body_part or body_part.strip().upper() == self.body_part
        return on_day and of_part and (not modality or modality in self.modalities)


@dataclass(frozen=True)
class Film:
    """An image in the archive, by its UIDs; `sop_class` is "" where the archive does not say it."""

    study: str
    series: str
    instance: str
    sop_class: str = ""

    @property
    def is_image(self) -> bool:
        """Whether it may be a film."""
        return not self.sop_class or self.sop_class in IMAGE_CLASSES


Take = Callable[["Dataset"], None]
"""Is given each data set that arrives, maybe in another thread."""


class CutConnection(UserError):
    """The connection ended in the middle; what was asked for may be asked again."""


class Connection(Protocol):
    """An archive that answers. All of it raises UserError, CutConnection where another try may help."""

    def test(self) -> None:
        """Asks whether the archive is there and knows us."""

    def find(self, query: Query) -> Iterator[list[Film]]:
        """The images of the series that are wanted, series by series, what is no film included."""

    def retrieve(self, films: Sequence[Film], take: Take) -> Iterator[None]:
        """Has these sent; yields now and then, at least with each that has arrived."""


Connect = Callable[[Archive], AbstractContextManager[Connection]]
