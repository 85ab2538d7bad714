"""Films out of an archive into a folder: searched, fetched, stored one by one, resumed where it stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_explorer.errors import UserError
from cxr_explorer.files import atomic_write, make_private_folder
from cxr_explorer.hospital.archive import Archive, Connection, CutConnection, Film, Query
from cxr_explorer.hospital.permission import OFF, Permission
from cxr_explorer.hospital.pseudonym import mark, pseudonym_key, replace_identity
from cxr_explorer.images.dicom_elements import has_pixels
from cxr_explorer.labels.texts import images_text
from cxr_explorer.pace import Progress

if TYPE_CHECKING:
    from pydicom import Dataset

SEARCHING, FETCHING = "Searching the archive", "Fetching"

NOT_INSTALLED = (
    "Cannot fetch: packages are not installed that this takes. Install them, then try again: "
    'pip install "cxr-explorer[hospital]"'
)

MOST_TRIES = 3
"""How often a cut connection is made anew while nothing arrives."""

_PAUSE_S = 0.5  # before the second try; twice as long before each further one


@dataclass(frozen=True)
class Wanted:
    """What is fetched, and where to.

    Attributes:
        query: Which films.
        folder: Where they go; made where it is not there.
        keeps_identity: Whether names and numbers stay in the files. Else pseudonyms stand there, see `pseudonym`.
        key: File of the pseudonyms' key; None for the user's own.
    """

    query: Query
    folder: Path
    keeps_identity: bool = False
    key: Path | None = None


@dataclass
class FetchReport:
    """What was done; its fields are those of `fetch --json`.

    Attributes:
        found: Films in the archive that are wanted.
        stored: Of these arrived now.
        had: Of these lay in the folder before.
        left_out: Objects of the same series that are no films: reports, presentation states, files without a picture.
        missing: Films the archive did not deliver.
    """

    found: int = 0
    stored: int = 0
    had: int = 0
    left_out: int = 0
    missing: int = 0


def test_connection(archive: Archive, permission: Permission) -> Iterator[str]:
    """Asks whether the archive answers (C-ECHO; of DICOMweb a search for one study). Raises UserError where not."""
    with connect(archive, permission) as connection:
        connection.test()
    yield "The archive answers."


def count(archive: Archive, permission: Permission, query: Query) -> Iterator[Progress | int]:
    """Searches alone: yields how far it is, then how many films there are. Raises UserError."""
    films: list[Film] = []
    with connect(archive, permission) as connection:
        yield from _search(connection, query, films)
    yield sum(film.is_image for film in films)


def fetch(archive: Archive, permission: Permission, wanted: Wanted) -> Iterator[Progress | FetchReport]:
    """Fetches what is not there yet: yields how far it is, then the report.

    A file is written whole or not at all, so what is there is never fetched again. Files are named by keyed marks of
    their UIDs: a project keeps its files' names, and they are to say nothing.

    Raises:
        UserError: The archive refuses, is away, or the folder cannot be written. What has arrived is kept.
    """
    key = pseudonym_key(wanted.key)
    report = FetchReport()
    with connect(archive, permission) as connection:
        films: list[Film] = []
        yield from _search(connection, wanted.query, films)
        images = [film for film in films if film.is_image]
        arrivals = _Arrivals(wanted, key)
        open_films = [film for film in images if not arrivals.has(film)]
        report.found, report.had = len(images), len(images) - len(open_films)
        report.left_out = len(films) - len(images)
        yield Progress(FETCHING, report.had, report.found)
        yield from _retrieve(connection, open_films, arrivals, report)
    report.stored, report.found = arrivals.stored, report.found - arrivals.others
    report.left_out += arrivals.others
    report.missing = report.found - report.had - report.stored
    yield report


def describe(report: FetchReport) -> str:
    """What was fetched, in a sentence."""
    text = f"{images_text(report.found)} in the archive: {report.stored:,} fetched, {report.had:,} there before"
    text += f", {report.missing:,} not delivered" if report.missing else ""
    return text + (f"; {report.left_out:,} other objects left out" if report.left_out else "")


def connect(archive: Archive, permission: Permission) -> AbstractContextManager[Connection]:
    """The only way to a connection. Raises UserError where the permission is another archive's."""
    if (permission.kind, permission.address) != (archive.kind, archive.address):
        raise UserError(OFF)
    archive.check()
    if not installed():
        raise UserError(NOT_INSTALLED)
    if archive.kind == "dicomweb":
        from cxr_explorer.hospital import dicomweb

        return dicomweb.connect(archive)
    from cxr_explorer.hospital import dimse

    return dimse.connect(archive)


def installed() -> bool:
    """Whether the packages are there that fetching needs. Nothing is imported."""
    return all(find_spec(name) is not None for name in ("dicomweb_client", "pynetdicom"))


def _search(connection: Connection, query: Query, films: list[Film]) -> Iterator[Progress]:
    """Fills the list, each film once."""
    query.check()
    yield Progress(SEARCHING)
    seen: set[str] = set()
    for found in connection.find(query):
        for film in found:
            if film.instance not in seen:
                seen.add(film.instance)
                films.append(film)
        yield Progress(SEARCHING, len(films))


def _retrieve(
    connection: Connection, films: list[Film], arrivals: _Arrivals, report: FetchReport
) -> Iterator[Progress]:
    tries = 0
    while films:
        before = len(arrivals.instances)
        try:
            for _ in connection.retrieve(films, arrivals.take):
                yield Progress(FETCHING, report.had + arrivals.stored, report.found)
            return
        except CutConnection as cut:
            films = [film for film in films if film.instance not in arrivals.instances]
            tries = 1 if len(arrivals.instances) > before else tries + 1
            if films and tries >= MOST_TRIES:
                raise UserError(
                    f"{cut} {report.had + arrivals.stored:,} of {report.found:,} films are there and kept; fetch again "
                    "to go on from there."
                ) from cut
            time.sleep(_PAUSE_S * 2 ** (tries - 1))


class _Arrivals:
    """Stores what arrives, from any thread."""

    def __init__(self, wanted: Wanted, key: bytes) -> None:
        self._wanted = wanted
        self._key = key
        self._lock = threading.Lock()
        self.instances: set[str] = set()
        self.stored = 0
        self.others = 0

    def has(self, film: Film) -> bool:
        return self._path(film.study, film.instance).exists()

    def take(self, dataset: Dataset) -> None:
        """Raises UserError where it cannot be written."""
        study, instance = str(dataset.get("StudyInstanceUID", "")), str(dataset.get("SOPInstanceUID", ""))
        with self._lock:
            if instance in self.instances:
                return
            if has_pixels(dataset):
                self._store(dataset, self._path(study, instance))
                self.stored += 1
            else:
                self.others += 1
            self.instances.add(instance)

    def _path(self, study: str, instance: str) -> Path:
        return self._wanted.folder / mark(self._key, "study", study) / f"{mark(self._key, 'film', instance)}.dcm"

    def _store(self, dataset: Dataset, path: Path) -> None:
        try:
            make_private_folder(path.parent)
        except OSError as error:
            raise UserError(f"Cannot write into {path.parent}: {error.strerror or error}.") from error
        if not self._wanted.keeps_identity:
            replace_identity(dataset, self._key)
        with atomic_write(path) as stream:
            dataset.save_as(stream, enforce_file_format=True)
