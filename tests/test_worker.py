"""A generator in a child process: items, errors, cancelling, crashes."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cxr_explorer import worker
from cxr_explorer.errors import UserError
from cxr_explorer.worker import Conversation, Job, JobCrashed, JobFailed, Jobs


@pytest.fixture(autouse=True)
def as_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are spawned here, on every system."""
    monkeypatch.setattr(worker, "_context", multiprocessing.get_context("spawn"))


def count(last: int) -> Iterator[int]:
    yield from range(last)


def forever() -> Iterator[bytes]:
    while True:
        yield bytes(100_000)


def sleep_long() -> Iterator[int]:
    yield 1
    time.sleep(600)


def fail_for_the_user() -> Iterator[int]:
    yield 1
    raise UserError("The disk is full. Make room.")


def fail_with_a_bug() -> Iterator[int]:
    yield 1
    raise ZeroDivisionError("a bug")


def die() -> Iterator[int]:
    yield 1
    os.kill(os.getpid(), signal.SIGKILL) if sys.platform != "win32" else os._exit(3)


def receive_all(job: Job) -> list[Any]:
    items = []
    while not job.finished:
        items += job.receive(5)
    return items


def test_items_arrive_in_order_and_then_it_is_finished() -> None:
    job = Job(count, 100)
    assert receive_all(job) == list(range(100))
    assert job.receive(0) == []


def test_a_user_error_of_the_child_is_one_here() -> None:
    with pytest.raises(UserError, match=r"The disk is full\. Make room\."):
        receive_all(Job(fail_for_the_user))


def test_a_bug_of_the_child_comes_with_its_traceback() -> None:
    with pytest.raises(JobFailed, match="ZeroDivisionError: a bug"):
        receive_all(Job(fail_with_a_bug))


def test_a_crash_of_the_child_is_an_exception_here_after_what_it_had_sent() -> None:
    job = Job(die)
    received: list[int] = []
    with pytest.raises(JobCrashed):
        while True:
            received += job.receive(5)
    assert received == [1]
    assert job.finished


@pytest.mark.parametrize("function", [forever, sleep_long])
def test_cancelling_ends_the_child_wherever_it_is(function: Any) -> None:
    job = Job(function)
    assert job.receive(30)
    job.cancel()
    assert job.finished
    assert not job._process.is_alive()
    job.cancel()


def add_up(requests: Iterator[int], start: int) -> Iterator[int]:
    total = start
    for request in requests:
        if request < 0:
            raise UserError("Less than nothing. Send more.")
        total += request
        yield total


def receive_one(job: Job) -> Any:
    while not (items := job.receive(5)):
        pass
    return items[0]


def test_a_conversation_answers_each_request_and_keeps_what_it_has() -> None:
    talk = Conversation(add_up, 100)
    for request, answer in ((1, 101), (20, 121), (300, 421)):
        talk.send(request)
        assert receive_one(talk) == answer
    talk.cancel()
    assert talk.finished


def test_an_error_ends_a_conversation_and_further_requests_are_lost_quietly() -> None:
    talk = Conversation(add_up, 0)
    talk.send(-1)
    with pytest.raises(UserError, match="Less than nothing"):
        receive_one(talk)
    talk.send(1)
    assert talk.receive(0) == []


def who() -> Iterator[int]:
    yield os.getpid()


def test_jobs_run_one_after_the_other_in_one_child() -> None:
    jobs = Jobs()
    jobs.start(count, 3)
    assert receive_all(jobs) == [0, 1, 2]
    assert jobs.receive(0) == []
    pids = []
    for _ in range(2):
        jobs.start(who)
        pids += receive_all(jobs)
    assert pids[0] == pids[1] != os.getpid()
    jobs.close()
    jobs.cancel()


@pytest.mark.parametrize(
    ("function", "error"), [(fail_for_the_user, UserError), (fail_with_a_bug, JobFailed), (die, JobCrashed)]
)
def test_jobs_begin_anew_after_an_error(function: Any, error: type[Exception]) -> None:
    jobs = Jobs()
    jobs.start(function)
    with pytest.raises(error):
        while True:
            jobs.receive(5)
    assert jobs.finished
    jobs.start(count, 2)
    assert receive_all(jobs) == [0, 1]
    jobs.cancel()


def test_cancelling_jobs_ends_the_child_between_two_of_them_as_well() -> None:
    jobs = Jobs()
    jobs.start(who)
    receive_all(jobs)
    process = jobs._process
    assert process.is_alive()
    jobs.cancel()
    assert not process.is_alive()


def test_jobs_that_are_closed_let_their_child_end() -> None:
    jobs = Jobs()
    jobs.start(who)
    receive_all(jobs)
    jobs.close()
    jobs._process.join(20)
    assert jobs._process.exitcode == 0
