"""Files read full size in threads."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

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
