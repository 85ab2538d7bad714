"""DICOM's own protocol, encrypted, with a user: what is sent, what is refused, and that the films come."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="the extra `hospital` is not installed")

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import Archive, Kind, Query
from cxr_explorer.hospital.fetching import FetchReport, Wanted, fetch, test_connection
from cxr_explorer.hospital.permission import Permission
from tests.hospital.orthanc import PASSWORD, TITLE, USER, film
from tests.hospital.own_archive import OwnArchive, certificate_of, running

pytestmark = [
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
    # pynetdicom 3.0 leaves the socket of a connection that fails to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
]
ask = test_connection  # else pytest takes it for a test
del test_connection

FILMS = [film("ANNA", "20240301", seed=1), film("BERTA", "20240305", "CR", seed=2)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    return certificate_of(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnArchive]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with running(certificate, FILMS, asks_for_certificates=True) as server:
        yield server
    gc.collect()  # sockets that were left are left here


def archive_of(server: OwnArchive, kind: Kind = "c-get", user: str = USER, password: str = PASSWORD) -> Archive:
    trusted = server.certificate
    archive = Archive(kind, server.place, TITLE, own_port=server.own_port, authorities=trusted, certificate=trusted)
    return replace(archive, user=user, password=password)


def allowed(archive: Archive) -> Permission:
    return Permission(archive.kind, archive.address)


@pytest.mark.parametrize("kind", ("c-get", "c-move"))
def test_films_come_encrypted_to_a_user_who_is_known(server: OwnArchive, tmp_path: Path, kind: Kind) -> None:
    archive, folder = archive_of(server, kind), tmp_path / "films"
    *_, report = fetch(archive, allowed(archive), Wanted(Query(), folder))
    assert isinstance(report, FetchReport)
    assert (report.found, report.stored) == (2, 2)
    assert len(list(folder.rglob("*.dcm"))) == 2
    assert set(server.said) == {(2, USER.encode(), PASSWORD.encode())}  # in every association


def test_a_user_without_a_password_is_told_as_such(server: OwnArchive) -> None:
    archive = archive_of(server, password="")
    assert list(ask(archive, allowed(archive))) == ["The archive answers."]
    assert server.said == [(1, USER.encode(), b"")]


def test_nothing_is_said_of_a_user_where_none_is_named(server: OwnArchive) -> None:
    archive = archive_of(server, user="", password="")
    assert list(ask(archive, allowed(archive))) == ["The archive answers."]
    assert server.said == []


def test_a_wrong_password_is_told(server: OwnArchive) -> None:
    archive = archive_of(server, password="wrong")
    with pytest.raises(UserError, match="refused user or password") as told:
        list(ask(archive, allowed(archive)))
    assert USER not in str(told.value) and "wrong" not in str(told.value)


def test_an_archive_that_asks_for_a_certificate_is_not_reached_without(server: OwnArchive) -> None:
    archive = replace(archive_of(server), certificate="")
    with pytest.raises(UserError, match="asks for a certificate of this computer"):
        list(ask(archive, allowed(archive)))


def test_nothing_is_said_to_an_archive_that_is_not_trusted(server: OwnArchive) -> None:
    archive = replace(archive_of(server), authorities="")
    with pytest.raises(UserError, match="not trusted"):
        list(ask(archive, allowed(archive)))
    assert server.said == []
