"""Nothing is asked of an archive before its reader has said so for this project; passwords are kept nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.hospital.archive import Archive, Query
from cxr_explorer.hospital.fetching import connect
from cxr_explorer.hospital.permission import Permission, allow, allowed_archive, forbid, permission_for
from cxr_explorer.labels.vocabulary import bundled_vocabularies
from cxr_explorer.project.project import Project

WEB = Archive("dicomweb", "https://pacs.example/dicom-web", user="ann", password="sesame-7")
MOVE = Archive("c-move", "pacs.example:104", "PACS", "MINE", 11113, encrypted=False)


@pytest.fixture
def project(tmp_path: Path):
    (tmp_path / "films").mkdir()
    with Project.create(tmp_path / "p.cxr", tmp_path / "films", bundled_vocabularies()[0]) as project:
        yield project


def test_it_is_off_until_it_is_switched_on_and_for_one_archive(project: Project) -> None:
    assert allowed_archive(project) is None
    with pytest.raises(UserError, match="switched off"):
        permission_for(project, WEB)
    allow(project, MOVE)
    assert allowed_archive(project) == MOVE
    with pytest.raises(UserError, match="switched off"):
        permission_for(project, WEB)
    assert permission_for(project, MOVE) == Permission("c-move", "pacs.example:104")
    forbid(project)
    with pytest.raises(UserError, match="switched off"):
        permission_for(project, MOVE)


def test_user_and_password_are_kept_nowhere(project: Project) -> None:
    allow(project, WEB)
    assert allowed_archive(project) == replace(WEB, user="", password="")
    assert "sesame" not in repr(WEB) and "ann" not in repr(WEB)
    written = b"".join(path.read_bytes() for path in project.path.parent.glob("p.cxr*"))
    assert b"pacs.example" in written and b"sesame" not in written


def test_a_permission_that_is_damaged_is_none(project: Project) -> None:
    for text in ("{", "[]", "3", '{"kind": "ftp", "address": "x"}', '{"kind": "c-get"}'):
        project.set("archive", text)
        assert allowed_archive(project) is None


@pytest.mark.parametrize(
    "archive, said",
    [
        (replace(WEB, address="http://pacs.example/dicom-web"), "in the clear"),
        (replace(WEB, address="https://ann:sesame@pacs.example/"), "without user or password"),
        (replace(WEB, address="ftp://pacs.example/"), "must look like"),
        (replace(WEB, address="https://pacs.example/?next=x"), "must look like"),
        (replace(MOVE, address="pacs.example:99999"), "must look like"),
        (replace(MOVE, address="pacs example"), "must look like"),
        (replace(MOVE, title=""), "AE title"),
        (replace(MOVE, own_title="A TITLE OF MANY LETTERS"), "AE title"),
        (replace(MOVE, own_port=0), "port"),
        (replace(MOVE, encrypted=True), "certificate"),
    ],
)
def test_what_can_be_no_archive_is_refused_before_any_connection(project: Project, archive: Archive, said: str) -> None:
    with pytest.raises(UserError, match=said):
        allow(project, archive)
    assert allowed_archive(project) is None
    with pytest.raises(UserError, match=said):
        connect(archive, Permission(archive.kind, archive.address))


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for name in ("none.pem", "missing.pem"):
        archive = replace(WEB, authorities=str(tmp_path / name))
        with (
            pytest.raises(UserError, match="certificates"),
            connect(archive, Permission(archive.kind, archive.address)),
        ):
            pass


@pytest.mark.parametrize(
    "query, said",
    [
        (Query(since="20240230"), "no day"),
        (Query(since="2024"), "no day"),
        (Query(since="20240301", until="20240201"), "after the last"),
        (Query(("dx",)), "codes"),
        (Query(()), "codes"),
        (Query(body_part="chest*"), "body part"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(query: Query, said: str) -> None:
    with pytest.raises(UserError, match=said):
        query.check()
