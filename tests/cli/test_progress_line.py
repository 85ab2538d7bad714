"""What a long run says on stderr, watched and into a log."""

import io
import sys

import pytest

from cxr_explorer.cli.progress_line import ProgressLine
from cxr_explorer.pace import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


STEPS = [Progress("Looking for images", 3, 0), Progress("Reading", 0, 40), Progress("Reading", 20, 40)]


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    line = ProgressLine()
    for step in STEPS:
        line.show(step)
    line.say("40 images read")
    line.end()
    return stream.getvalue()


def test_a_log_gets_a_line_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == "Looking for images…\nReading…\n40 images read\n"


def test_who_watches_sees_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Screen())
    assert "\rLooking for images: 3" in text
    reading = [part for part in text.split("\r") if part.startswith("Reading")]
    assert " 0/40 " in reading[0] and " 20/40 " in reading[-1] and " 50%" in reading[-1]
    assert text.endswith("\n40 images read\n")
