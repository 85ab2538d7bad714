"""Files read full size in threads."""

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject

from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.ui.viewer import full_size
from cxr_explorer.ui.viewer.full_size import FullSize


def test_a_file_being_read_when_it_is_forgotten_does_not_arrive(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are image numbers: the next project has the same ones."""
    begun, go = threading.Event(), threading.Event()

    def read(path: Path, frame: object) -> Path:
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
    monkeypatch.setattr(full_size, "read", lambda path, frame: f"here: {path.name}")
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


def test_closing_does_not_wait_for_a_drive_that_never_answers(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()
    monkeypatch.setattr(full_size, "read", lambda path, frame: (begun.set(), go.wait()))
    monkeypatch.setattr(full_size, "PATIENCE_MS", 10)
    owner = QObject()
    files = FullSize(1, owner)
    files.ask(1, Path("on a drive that is gone.png"))
    assert begun.wait(30)
    files.close_down()
    assert full_size.still_reading()
    go.set()
    qtbot.waitUntil(lambda: not full_size.still_reading())


HUNG = """
import threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from cxr_explorer.ui import app
from cxr_explorer.ui.viewer import full_size

begun = threading.Event()
full_size.read = lambda path, frame: (begun.set(), threading.Event().wait())
full_size.PATIENCE_MS = 10
application, window = app._start()
window.image_page._files.ask(1, __import__("pathlib").Path("on a drive that is gone.png"))
begun.wait(60)
QTimer.singleShot(0, window, window.close)
app._run_to_the_end(application)
"""


def test_the_program_ends_though_a_drive_never_answers(tmp_path: Path) -> None:
    home = {key: str(tmp_path) for key in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    environment = os.environ | home | {"QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([sys.executable, "-c", HUNG], env=environment, check=True, timeout=120, capture_output=True)
    log = next(tmp_path.rglob("cxr-explorer.log")).read_text()
    assert "closed without waiting" in log


def test_the_process_under_limits_stays_for_the_next_file_until_it_is_let_go(qtbot, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(film)
    owner = QObject()
    files = FullSize(2, owner)
    arrived: list[object] = []
    files.arrived.connect(lambda _key, result: arrived.append(result))

    def processes() -> set[int | None]:
        return {child.pid for child in multiprocessing.active_children() if child.name == "decode"}

    for count in (1, 2):
        files.ask(count, film)
        qtbot.waitUntil(lambda count=count: len(arrived) == count, timeout=60_000)
        assert len(processes()) == 1
    files.let_go()
    assert not processes()
    files.ask(3, film)
    qtbot.waitUntil(lambda: len(arrived) == 3, timeout=60_000)
    files.close_down()
    assert not processes() and all(isinstance(result, Radiograph) for result in arrived)
