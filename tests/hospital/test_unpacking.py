"""A ZIP archive gives its films, and nothing that does harm."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.hospital import unpacking
from cxr_explorer.hospital.unpacking import Unpacked, is_zip, unpack
from cxr_explorer.images.scan import scan
from tests.images.dicom_files import dicom, ramp

FILM = dicom(ramp())


def packed(path: Path, **files: bytes) -> Path:
    return packed_as(path, {name.replace("__", "/"): content for name, content in files.items()})


def packed_as(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(path: Path, folder: Path | None = None) -> Unpacked:
    last = list(unpack(path, folder))[-1]
    assert isinstance(last, Unpacked)
    return last


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_discs_films_are_unpacked_by_what_they_hold_into_a_folder_beside_it(tmp_path: Path) -> None:
    disc = {"DICOMDIR": FILM, "DICOM/ST000000/IM000000": FILM, "DICOM/ST000000/IM000001": FILM}
    path = packed_as(tmp_path / "disc.zip", {**disc, "VIEWER/START.EXE": b"MZ\x90\0" * 90, "README.TXT": b"hello"})
    done = unpacked(path)
    assert (done.folder, done.stored, done.had) == (tmp_path / "disc", 2, 0)
    assert below(done.folder) == ["DICOM/ST000000/IM000000", "DICOM/ST000000/IM000001"]
    assert {item.kind.name for item in done.left_out} == {"DICOMDIR", ".EXE".lower(), "text, table or document"}
    assert [file.path for file in scan(done.folder)] == below(done.folder)


def test_the_next_try_goes_on_and_overwrites_nothing(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", a=FILM, b=FILM)
    unpacked(path)
    (tmp_path / "films" / "b").unlink()
    assert (unpacked(path).stored, unpacked(path).had) == (1, 2)
    (tmp_path / "films" / "a").write_bytes(b"a reader's own file")
    with pytest.raises(UserError, match="another a lies there"):
        unpacked(path)
    assert (tmp_path / "films" / "a").read_bytes() == b"a reader's own file"
    assert unpacked(path, tmp_path / "elsewhere").stored == 2


@pytest.mark.parametrize(
    "name",
    ["../out.dcm", "/out.dcm", "a/../../out.dcm", "..\\out.dcm", "C:\\out.dcm", "C:/out.dcm", "\\\\host\\out.dcm"],
)
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = unpacked(packed_as(home / "films.zip", {name: FILM, "in.dcm": FILM}))
    assert done.stored == 1
    assert below(tmp_path) == ["home/films.zip", "home/films/in.dcm"]


def test_links_stay_packed(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, os.fspath(tmp_path))
        archive.writestr("link/film.dcm", FILM)
    done = unpacked(path)
    assert below(done.folder) == ["link/film.dcm"] and not (done.folder / "link").is_symlink()


def test_what_grows_beyond_reason_is_stopped_whatever_it_says_of_itself(tmp_path: Path) -> None:
    bomb = packed_as(tmp_path / "films.zip", {str(number): FILM + bytes(30_000_000) for number in range(3)})
    with pytest.raises(UserError, match="200 times its size"):
        unpacked(bomb)
    assert not [name for name in below(tmp_path / "films") if name.endswith(".part")]


def test_an_archive_within_it_stays_packed(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", a=FILM).read_bytes()
    done = unpacked(packed_as(tmp_path / "films.zip", {"inner.zip": inner, "a": FILM}))
    assert done.stored == 1 and [item.kind.name for item in done.left_out] == ["ZIP archive"]


def test_too_many_files_are_refused_before_any_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_ENTRIES", 2)
    with pytest.raises(UserError, match="3 files in it"):
        unpacked(packed(tmp_path / "films.zip", a=FILM, b=FILM, c=FILM))
    assert not (tmp_path / "films").exists()


def test_what_is_damaged_is_told_and_what_came_out_is_kept(tmp_path: Path) -> None:
    path = packed_as(tmp_path / "films.zip", {"a": FILM, "b": FILM})
    content = bytearray(path.read_bytes())
    at = content.rindex(b"b", 0, len(content) // 2 + 60)
    content[at + 40 : at + 400] = bytes(360)
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        unpacked(path)
    assert below(tmp_path / "films") == ["a"]
    path.write_bytes(content[:200])
    with pytest.raises(UserError, match="damaged or cut off"):
        unpacked(path)
    assert is_zip(path) and not is_zip(tmp_path / "none.zip")


def test_a_locked_archive_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "films.zip", a=FILM)
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="locked by a password"):
        unpacked(path)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = unpacking.shutil.disk_usage(tmp_path)._replace(free=(256 << 20) + 100)
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="nearly full"):
        unpacked(packed(tmp_path / "films.zip", a=FILM))
    assert below(tmp_path / "films") == []
