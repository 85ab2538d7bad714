"""`index --frame`: which frame of DICOM files of several is analysed, from the command line to the stored thumbnail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cxr_explorer import indexing as indexing_module
from cxr_explorer.cli.main import main
from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.images.preprocess import thumbnail_jpeg
from cxr_explorer.images.read import read
from cxr_explorer.project.project import Project
from cxr_explorer.shards.run import embed_films
from tests.images.test_dicom_frames import frames, several
from tests.shards.films import draw_films, small_encoder
from tests.work_here import JobsHere


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten films of one picture, the last broken, and one of 25 frames."""
    monkeypatch.setattr(indexing_module, "Jobs", JobsHere)
    draw_films(tmp_path / "films", 10)
    (tmp_path / "films" / "cine.dcm").write_bytes(several(frames(25)))
    return tmp_path


def index(home: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    line = ["index", str(home / "films"), "--project", str(home / "a.cxr"), "--encoder", "imagenet-lite0"]
    assert main([*line, "--device", "cpu", "--json", *more]) == 0
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    return report


def shown(home: Path) -> tuple[str, bytes, np.ndarray]:
    """Note, thumbnail and embedding of the film of several frames, as they are stored."""
    with Project.open_read_only(home / "a.cxr") as project:
        (image_id,) = (image_id for image_id, path in project.paths().items() if path == "cine.dcm")
        ids, vectors = project.embeddings(small_encoder().key)
        (note,) = (note for note in project.image(image_id).notes if note.startswith("frame "))
        return note, project.thumbnails([image_id])[image_id], vectors[ids.tolist().index(image_id)]


def thumbnail_of(home: Path, frame: Frame) -> bytes:
    return thumbnail_jpeg(read(home / "films" / "cine.dcm", frame))


def test_another_frame_is_analysed_and_nothing_else(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(home, capsys)["embedded"] == 10
    note, picture, vector = shown(home)
    assert note == "frame 13 of 25 is shown: the one in the middle"
    assert picture == thumbnail_of(home, "middle")
    assert index(home, capsys, "--frame", "3")["embedded"] == 1
    assert shown(home)[:2] == ("frame 3 of 25 is shown: the one chosen", thumbnail_of(home, 3))
    assert not np.allclose(shown(home)[2], vector)
    assert index(home, capsys)["embedded"] == 0  # the choice is the project's
    assert index(home, capsys, "--frame", "13")["embedded"] == 1
    np.testing.assert_allclose(shown(home)[2], vector, atol=1e-5)
    assert index(home, capsys, "--frame", "middle")["embedded"] == 0  # which is the same one


def test_shards_give_only_films_that_show_the_projects_frame(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(home / "out")
    embed_films(str(home / "films"), out, small_encoder(), "cpu", shard_size=8)
    report = index(home, capsys, "--from-embeddings", out, "--frame", "last")
    assert (report["taken"], report["embedded"]) == (9, 1)
    assert shown(home)[0] == "frame 25 of 25 is shown: the last"


def test_what_is_no_frame_is_refused_before_anything_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", str(home / "films"), "--project", str(home / "a.cxr"), "--frame", "second"]) == 1
    assert "a number from 1" in capsys.readouterr().err
    assert not (home / "a.cxr").exists()
