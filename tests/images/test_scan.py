from __future__ import annotations

import gc
import os
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.fileset import FileSet

from cxr_explorer.errors import UserError
from cxr_explorer.images import scan as scan_module
from cxr_explorer.images.image_formats import DICOM, identify
from cxr_explorer.images.kinds import Kind, Tally, describe_left_out, kind_of
from cxr_explorer.images.read import read
from cxr_explorer.images.scan import ScannedFile, scan
from tests.images.dicom_files import dataset_of, ramp

CASE = Path(__file__).parents[3] / "shared" / "cases" / "files-lost-in-silence"
DICM = b"\0" * 128 + b"DICM"


def put(folder: Path, *paths: str, content: bytes = b"x") -> None:
    for path in paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def paths(folder: Path) -> list[str]:
    return [file.path for file in scan(folder)]


def scanned(folder: Path) -> tuple[list[str], list[tuple[str, Kind]]]:
    """The paths that were found, and what was left out."""
    told: list[tuple[str, Kind]] = []
    return [file.path for file in scan(folder, lambda path, kind: told.append((path, kind)))], told


def film_files(folder: Path) -> None:
    """One film in the ways archives hand it out: DICOM without preamble under three names, BMP, JPEG 2000, raw."""
    film = (np.add.outer(np.arange(64), np.arange(64)) * 2).astype(np.uint8)
    dataset = Dataset()  # without file meta
    dataset.update(dataset_of(film))
    for name in ("IM000001", "1.2.840.113619.2.5.1762", "chest.ima", "same.dcm"):
        dataset.save_as(folder / name, implicit_vr=True, little_endian=True, enforce_file_format=False)
    for name in ("film.bmp", "film.jp2", "film.png"):
        Image.fromarray(film).save(folder / name)
    (film.astype(">u2") * 16).tofile(folder / "JPCLN001.IMG")


def test_what_a_file_is_is_decided_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    film_files(tmp_path)
    found, told = scanned(tmp_path)
    assert set(found) == {path.name for path in tmp_path.iterdir()} - {"JPCLN001.IMG"}
    shown = [read(tmp_path / path).pixels for path in found]
    for pixels in shown:
        np.testing.assert_allclose(pixels, shown[0], atol=1e-6)
    ((name, kind),) = told
    assert (name, kind.name) == ("JPCLN001.IMG", ".img")
    assert "without a header" in kind.reason and not kind.ordinary


@pytest.mark.skipif(not CASE.is_dir(), reason=f"no case at {CASE}")
def test_no_file_of_the_case_is_lost_in_silence() -> None:
    found, told = scanned(CASE)
    images = {"IM000001", "1.2.840.113619.2.5.1762", "chest.ima", "same.dcm", "film.bmp", "film.jp2", "film0.png"}
    assert images <= set(found)
    assert ("JPCLN001.IMG", ".img") in [(path, kind.name) for path, kind in told]
    met = {path.name for path in CASE.iterdir()}
    assert met == {*found, *(path for path, _ in told)}
    for name in ("IM000001", "1.2.840.113619.2.5.1762", "chest.ima"):
        np.testing.assert_array_equal(read(CASE / name).pixels, read(CASE / "same.dcm").pixels)


SIGNED = {  # beginnings of files that are no images, under names that say nothing
    "PDF document": b"%PDF-1.7 ...",
    "GIF image": b"GIF89a" + bytes(300),
    "ZIP archive": b"PK\x03\x04" + bytes(300),
    "gzip archive": b"\x1f\x8b\x08\0" + bytes(300),
    "tar archive": b"IM0001".ljust(257, b"\0") + b"ustar" + bytes(300),
    "NumPy array": b"\x93NUMPY" + bytes(300),
    "HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(300),
    "HEIC, AVIF or video file": b"\0\0\0\x18ftypheic" + bytes(300),
    "JPEG XL image": b"\xff\x0a" + bytes(300),
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n",
    "empty file": b"",
    "file of an unknown kind": bytes(range(256)),
}


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_no_image_is_told_by_kind(tmp_path: Path, name: str) -> None:
    put(tmp_path, "IM0001", content=SIGNED[name])
    found, ((path, kind),) = scanned(tmp_path)
    assert (found, path, kind.name, kind.ordinary, kind.unreachable) == ([], "IM0001", name, False, False)
    assert kind.reason


def test_texts_tables_and_what_the_system_keeps_are_ordinary(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "b.csv", "README", content="Röntgen, \tah\n".encode() * 40)
    put(tmp_path, "c.xlsx", content=b"PK\x03\x04" + bytes(300))
    put(tmp_path, ".DS_Store", "Thumbs.db", "._film.png", ".git/config", "DICOMDIR", "empty.csv", content=b"")
    put(tmp_path, "p.cxr", content=b"SQLite format 3\0" + bytes(300))
    found, told = scanned(tmp_path)
    assert found == [] and len(told) == 11
    assert all(kind.ordinary for _, kind in told)


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # pydicom's own folder
def test_the_films_of_a_disc_are_found_by_what_they_hold_and_its_contents_are_not_one(tmp_path: Path) -> None:
    films = FileSet()
    for number in range(3):
        said = {
            "PatientID": "1",
            "StudyDate": "20240301",
            "StudyTime": "101112",
            "StudyID": "1",
            "AccessionNumber": "1",
        }
        uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "SOPInstanceUID": f"1.2.3.{number}"}
        names = {"PatientName": "A", "SeriesNumber": 1, "InstanceNumber": number}
        films.add(dataset_of(ramp(), **said, **uids, **names))
    films.write(tmp_path)
    del films
    gc.collect()
    found, told = scanned(tmp_path)
    assert len(found) == 3 and not any("." in path for path in found)
    assert [(path, kind.name) for path, kind in told] == [("DICOMDIR", "DICOMDIR")]
    assert read(tmp_path / found[0]).values.shape == (64, 64)


@pytest.mark.parametrize(
    "head",
    [
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x08\0CS",  # explicit
        b"\x08\0\0\0UL\x04\0\x10\0\0\0\x08\0\x05\0CS",  # a group length first, as ACR-NEMA has it
        b"\x08\0\x16\0\x02\0\0\x001.\x08\0\x18\0",  # implicit
        b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x08CS",  # big-endian
        b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\1",  # file meta without preamble
        b"\0" * 128 + b"DICM",
    ],
)
def test_dicom_is_known_with_and_without_a_preamble(head: bytes) -> None:
    assert identify(head.ljust(264, b"\1")) is DICOM


@pytest.mark.parametrize(
    "head",
    [
        bytes(264),
        b"\0\x08" * 132,  # raw 16-bit values
        b"\x08\0" * 132,
        b"\x08\0\x16\0\x02\0\0\x001.\x08\0\x05\0",  # elements that do not ascend
        b"BMW is a maker of cars, and this is a text" * 10,
        b"RIFF\0\0\0\0WAVE",
    ],
)
def test_bytes_that_only_look_a_little_like_an_image_are_none(head: bytes) -> None:
    assert identify(head.ljust(264, b"\1")) is None


def test_a_file_that_is_known_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "IM0001", "IM0002", content=DICM)
    opened: list[str] = []
    head = scan_module._head
    monkeypatch.setattr(scan_module, "_head", lambda path: opened.append(Path(path).name) or head(path))
    found = scan(tmp_path, is_known=lambda file: file.path == "IM0001" and file.size_bytes == 132)
    assert [file.path for file in found] == ["IM0001", "IM0002"]
    assert opened == ["IM0002"]


def test_a_file_that_cannot_be_opened_is_told_and_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "IM0001", "1.png", content=DICM)

    def fail(path: str) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scan_module, "_head", fail)
    found, ((path, kind),) = scanned(tmp_path)
    assert (found, path, kind.unreachable, kind.reason) == (["1.png"], "IM0001", True, "Input/output error")


def test_what_is_left_out_is_counted_by_kind() -> None:
    tally = Tally()
    for number in range(247):
        tally.add(f"JPCLN{number:03}.IMG", kind_of("JPCLN001.IMG", bytes(range(256))))
    for name in ("a.txt", "b.txt"):
        tally.add(name, kind_of(name, b"text"))
    tally.add("x.pdf", kind_of("x.pdf", b"%PDF"))
    raw, document, text = tally.left_out()
    assert (raw.count, raw.files[:2], len(raw.files)) == (247, ("JPCLN000.IMG", "JPCLN001.IMG"), 10)
    assert (document.count, text.count, text.kind.ordinary) == (1, 2, True)
    assert describe_left_out(tally.left_out()) == "247 .img, 1 PDF document"


def test_images_at_every_depth_come_sorted_with_size_and_time(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "b/1.JPG", "a/deep/er/x.dcm", "z.webp", "a.tiff", "c.JPE", "d.Dicom", content=b"12345")
    found = list(scan(tmp_path))
    assert [file.path for file in found] == sorted(
        ["b/2.png", "b/1.JPG", "a/deep/er/x.dcm", "z.webp", "a.tiff", "c.JPE", "d.Dicom"],
        key=lambda path: PurePosixPath(path).parts,
    )
    status = (tmp_path / "a.tiff").stat()
    assert ScannedFile("a.tiff", 5, status.st_mtime_ns) in found


def test_files_of_other_names_count_only_as_dicom(tmp_path: Path) -> None:
    put(tmp_path, "1.2.840.113619.2.5", "IM0001", "notes.txt", content=DICM)
    put(tmp_path, "labels.csv", "readme", "empty", content=b"no image")
    assert paths(tmp_path) == ["1.2.840.113619.2.5", "IM0001", "notes.txt"]


def test_hidden_and_system_files_are_skipped(tmp_path: Path) -> None:
    put(tmp_path, ".hidden.png", "._film.png", ".cache/1.png", "__MACOSX/1.png", "Thumbs.db", "DICOMDIR", content=DICM)
    put(tmp_path, "real.png")
    assert paths(tmp_path) == ["real.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_in_circles_end_and_no_folder_comes_twice(tmp_path: Path) -> None:
    put(tmp_path, "real/1.png")
    (tmp_path / "real" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "also").symlink_to(tmp_path / "real", target_is_directory=True)
    assert paths(tmp_path) == ["real/1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_linked_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    put(tmp_path, "archive/1.png", "chosen/2.png")
    (tmp_path / "chosen" / "archive").symlink_to(tmp_path / "archive", target_is_directory=True)
    assert paths(tmp_path / "chosen") == ["2.png", "archive/1.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_broken_link_is_reported_and_passed(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found, told = scanned(tmp_path)
    assert found == ["1.png"]
    assert [(path, kind.reason) for path, kind in told] == [("gone.png", "a link that leads nowhere")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_block_the_scan(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    found, told = scanned(tmp_path)
    assert found == ["1.png"]
    assert [(path, kind.name) for path, kind in told] == [
        ("pipe", "pipe, socket or device"),
        ("pipe.png", "pipe, socket or device"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_not_text_are_reported_and_passed(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/film\xff.png"))).write_bytes(b"x")
    found, told = scanned(tmp_path)
    assert found == ["1.png"]
    ((name, kind),) = told
    assert name.encode() and "UTF-8" in kind.reason


def refuse(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes a folder unreadable for any user, the administrator included."""
    scandir = os.scandir

    def guarded(path: str | Path):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_an_unreadable_subfolder_does_not_end_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/1.png", "locked/2.png", "z/3.png")
    refuse(monkeypatch, tmp_path / "locked")
    found, told = scanned(tmp_path)
    assert found == ["a/1.png", "z/3.png"]
    assert [(path, kind.reason) for path, kind in told] == [("locked/", "no permission to read it")]
    assert told[0][1].unreachable
    assert paths(tmp_path) == ["a/1.png", "z/3.png"]


def test_a_folder_that_cannot_be_scanned_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "file.png", "locked/1.png")
    with pytest.raises(UserError, match="no such folder"):
        scan(tmp_path / "missing")
    with pytest.raises(UserError, match="it is a file"):
        scan(tmp_path / "file.png")
    refuse(monkeypatch, tmp_path / "locked")
    with pytest.raises(UserError, match="no permission"):
        scan(tmp_path / "locked")


def test_each_file_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(20)))
    looked: list[object] = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda *args, **options: looked.append(args) or stat(*args, **options))
    assert len(paths(tmp_path)) == 20
    assert len(looked) <= 1  # the folder itself
