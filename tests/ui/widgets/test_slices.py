"""Work between events."""

import sys
from collections.abc import Generator

import pytest
from PySide6.QtCore import QObject

from cxr_explorer.ui.widgets import slices
from cxr_explorer.ui.widgets.slices import Slices


def counting(to: int, closed: list[bool]) -> Generator[int, None, str]:
    try:
        yield from range(to)
        return "counted"
    finally:
        closed.append(True)


@pytest.fixture
def work(qapp: object) -> Slices:
    parent = QObject()
    work = Slices(parent)
    work.kept = parent  # type: ignore[attr-defined]
    return work


def test_what_is_short_is_done_at_once(work: Slices) -> None:
    told: list[object] = []
    work.run(counting(3, []), told.append)
    assert told == ["counted"] and not work.active


def test_what_is_told_at_the_end_follows_from_no_exception(work: Slices) -> None:
    told: list[object] = []
    work.run(counting(3, []), lambda _: told.append(sys.exc_info()[0]))
    assert told == [None]


def test_what_is_long_goes_on_between_events(qtbot, work: Slices, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    told: list[object] = []
    heard: list[object] = []
    work.run(counting(3, []), told.append, heard.append)
    assert heard == [0] and work.active and not told
    qtbot.waitUntil(lambda: not work.active)
    assert heard == [0, 1, 2] and told == ["counted"]
    assert slices.BUDGET_S > 0


def test_it_can_be_brought_to_its_end_or_left(work: Slices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slices._go_on, "__defaults__", (0.0,))
    told: list[object] = []
    closed: list[bool] = []
    work.run(counting(3, closed), told.append)
    work.finish()
    assert told == ["counted"] and closed == [True]
    work.run(counting(3, closed), told.append)
    work.cancel()
    assert told == ["counted"] and closed == [True, True] and not work.active


def test_a_failure_ends_it_and_is_raised(work: Slices) -> None:
    def failing() -> Generator[None]:
        yield
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work.run(failing(), lambda _: None)
    assert not work.active
