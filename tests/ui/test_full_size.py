"""Files read full size in threads."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject

from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.ui import full_size
from cxr_explorer.ui.full_size import FullSize


def test_a_file_being_read_when_it_is_forgotten_does_not_arrive(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are image numbers: the next project has the same ones."""
    begun, go = threading.Event(), threading.Event()

    def read(path: Path) -> Path:
        begun.set()
        go.wait(30)
        return path

    monkeypatch.setattr(full_size, "read", read)
    owner = QObject()
    files = FullSize(2, owner)
    arrived: list[tuple[int, object]] = []
    files.arrived.connect(lambda key, result: arrived.append((key, result)))
    files.ask(3, Path("old.png"))
    assert begun.wait(30)
    files.forget()
    files.ask(3, Path("new.png"))
    go.set()
    files.close_down()
    qtbot.waitUntil(lambda: bool(arrived))
    qtbot.wait(50)
    assert arrived == [(3, Path("new.png"))]


def test_a_file_that_has_changed_since_it_was_indexed_is_opened_in_a_process_of_its_own(
    qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, text = tmp_path / "film.png", tmp_path / "text.png"
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(film)
    text.write_text("no picture")
    monkeypatch.setattr(full_size, "read", lambda path: f"here: {path.name}")
    owner = QObject()
    files = FullSize(1, owner)
    arrived: list[tuple[int, object]] = []
    files.arrived.connect(lambda key, result: arrived.append((key, result)))
    status = film.stat()
    files.ask(1, film, (status.st_size, status.st_mtime_ns))
    files.ask(2, film, (status.st_size, status.st_mtime_ns - 1))
    files.ask(3, text)
    files.ask(4, tmp_path / "gone.png", (1, 1))
    qtbot.waitUntil(lambda: len(arrived) == 4, timeout=60_000)
    answers = dict(arrived)
    assert answers[1] == "here: film.png"
    assert isinstance(answers[2], Radiograph) and answers[2].pixels.shape == (40, 30)
    assert "Not a known image" in str(answers[3])
    assert answers[4] == "here: gone.png"
    files.close_down()
