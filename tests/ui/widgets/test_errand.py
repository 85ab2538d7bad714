"""An errand ends in one way or another: whoever waits for it is told."""

from collections.abc import Iterator

import pytest

from cxr_explorer.errors import UserError
from cxr_explorer.ui.widgets.errand import CRASHED, FAULT, Errand


def refusing() -> Iterator[int]:
    raise UserError("No.")
    yield 0


def faulty() -> Iterator[int]:
    raise KeyError("a fault")
    yield 0


def dying() -> Iterator[int]:
    import os

    os._exit(3)
    yield 0


def answering() -> Iterator[float | str]:
    yield 0.5
    yield "first"
    yield 1.0
    yield "last"


def run(qapp, function) -> tuple[list, list, list]:  # type: ignore[no-untyped-def]
    errand = Errand(qapp)
    done: list = []
    failed: list = []
    heard: list = []
    errand.run(function, done=done.append, failed=failed.append, heard=heard.append)
    try:
        errand.finish()
    finally:
        assert not errand.active
    return done, failed, heard


def test_the_last_answer_is_passed_on_and_shares_are_heard(qapp) -> None:
    done, failed, heard = run(qapp, answering)
    assert (done, failed) == (["last"], [])
    assert heard[-1] == 1.0


@pytest.mark.parametrize(("function", "told"), [(refusing, "No."), (dying, CRASHED)])
def test_why_there_is_no_answer_is_told(qapp, function, told: str) -> None:
    done, failed, _ = run(qapp, function)
    assert not done
    assert len(failed) == 1 and failed[0].startswith(told)


def test_a_fault_ends_the_waiting_and_is_raised(qapp) -> None:
    errand = Errand(qapp)
    failed: list[str] = []
    errand.run(faulty, done=lambda _: None, failed=failed.append)
    with pytest.raises(Exception, match="a fault"):
        errand.finish()
    assert failed == [FAULT]
    assert not errand.active


def test_what_arrives_is_told_one_by_one_and_may_end_the_errand(qapp) -> None:
    errand = Errand(qapp)
    arrived: list = []
    done: list = []
    errand.run(answering, done=done.append, failed=done.append, arrived=arrived.append)
    errand.finish()
    assert (arrived, done) == (["first", "last"], ["last"])

    def refuse(_item: object) -> None:
        raise UserError("No room.")

    failed: list[str] = []
    errand.run(answering, done=done.append, failed=failed.append, arrived=refuse)
    errand.finish()
    assert failed == ["No room."] and not errand.active
