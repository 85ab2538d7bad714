from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.images.scan import ScannedFile, scan

DICM = b"\0" * 128 + b"DICM"


def put(folder: Path, *paths: str, content: bytes = b"x") -> None:
    for path in paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def paths(folder: Path) -> list[str]:
    return [file.path for file in scan(folder)]


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
    told: list[tuple[str, str]] = []
    assert [file.path for file in scan(tmp_path, lambda *error: told.append(error))] == ["1.png"]
    assert told == [("gone.png", "a link that leads nowhere")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_block_the_scan(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    assert paths(tmp_path) == ["1.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_not_text_are_reported_and_passed(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/film\xff.png"))).write_bytes(b"x")
    told: list[tuple[str, str]] = []
    assert [file.path for file in scan(tmp_path, lambda *error: told.append(error))] == ["1.png"]
    ((name, reason),) = told
    assert name.encode() and "UTF-8" in reason


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
    told: list[tuple[str, str]] = []
    assert [file.path for file in scan(tmp_path, lambda *error: told.append(error))] == ["a/1.png", "z/3.png"]
    assert told == [("locked/", "no permission to read it")]
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
