"""Opening files in a child process: limits, crashes, and whose fault it was."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_explorer.errors import PassingError, UserError
from cxr_explorer.images.guard import Answer, Guard, Limits, Refused
from cxr_explorer.worker import Job

LIMITS = Limits(seconds=1, memory_bytes=64 << 20, busy_factor=100)


def obey(data: bytes) -> int:
    """Does what the file says."""
    word = data.decode()
    if word == "work for ever":
        while True:
            pass
    if word == "hold everything up":  # without ever giving Python's lock back
        return sum(range(1 << 40))
    if word == "sleep":
        time.sleep(600)
    if word == "eat memory":
        return len(bytearray(100 << 20))
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "stop":
        os._exit(3)
    if word == "refuse":
        raise UserError("Damaged. Copy it again.")
    if word == "wait":
        raise PassingError("The drive sleeps. Wait.")
    if word == "stumble":
        raise IndexError("Mustermann, Erika")
    return len(word)


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    guard = Guard(obey, LIMITS)
    yield guard
    guard.close()


def ask(guard: Guard, folder: Path, word: str) -> Answer | Refused:
    (folder / "file").write_text(word)
    return guard.ask(folder / "file")


def digest(word: str) -> str:
    return hashlib.blake2b(word.encode(), digest_size=16).hexdigest()


def goes_on(guard: Guard, folder: Path) -> bool:
    answer = ask(guard, folder, "fine")
    return isinstance(answer, Answer) and (answer.value, answer.digest) == (4, digest("fine"))


VERDICTS = {
    "work for ever": "over 1 s",
    "hold everything up": "over 1 s",
    "eat memory": r"over 0\.1 GB of memory",
    "crash": "crashed",
    "stop": "crashed",
    "refuse": r"Damaged\. Copy it again\.",
    "stumble": r"IndexError\)\. Please report",
}


@pytest.mark.parametrize("word", VERDICTS)
def test_a_verdict_names_the_content_and_the_next_file_is_read(guard: Guard, tmp_path: Path, word: str) -> None:
    if word == "eat memory" and sys.platform != "linux":
        pytest.skip("memory is limited otherwise here")
    refused = ask(guard, tmp_path, word)
    assert isinstance(refused, Refused)
    assert refused.digest == digest(word)
    with pytest.raises(AssertionError, match=VERDICTS[word]):
        raise AssertionError(refused.reason)
    assert "\n" not in refused.reason and "Mustermann" not in refused.reason
    assert goes_on(guard, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no processor time to tell a busy machine by")
@pytest.mark.parametrize("word", ["be killed", "wait"])
def test_what_the_surroundings_do_is_no_verdict(guard: Guard, tmp_path: Path, word: str) -> None:
    refused = ask(guard, tmp_path, word)
    assert isinstance(refused, Refused)
    assert refused.digest is None and refused.reason
    assert goes_on(guard, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no processor time to tell a busy machine by")
def test_a_file_that_waits_long_without_working_is_given_up_without_a_verdict(tmp_path: Path) -> None:
    guard = Guard(obey, Limits(seconds=1, busy_factor=2))
    try:
        refused = ask(guard, tmp_path, "sleep")
        assert isinstance(refused, Refused)
        assert refused.digest is None and "busy" in refused.reason
        guard._limits = LIMITS  # two seconds on the clock may be short for any file where the machine is busy
        assert goes_on(guard, tmp_path)
    finally:
        guard.close()


def test_what_cannot_be_opened_is_no_verdict_and_no_file_is_one(guard: Guard, tmp_path: Path) -> None:
    gone = guard.ask(tmp_path / "gone")
    assert isinstance(gone, Refused) and gone.digest is None
    folder = guard.ask(tmp_path)
    assert isinstance(folder, Refused) and folder.digest == ""
    assert goes_on(guard, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_hold_it_up(guard: Guard, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert isinstance(guard.ask(tmp_path / "pipe"), Refused)


def test_a_drive_that_gives_nothing_is_given_up(tmp_path: Path) -> None:
    guard = Guard(obey, Limits(drive_s=0))  # its bytes are never there in no time
    try:
        refused = ask(guard, tmp_path, "fine")
        assert isinstance(refused, Refused)
        assert refused.digest is None and "drive" in refused.reason
    finally:
        guard.close()


def test_closing_ends_what_is_being_opened(tmp_path: Path) -> None:
    guard = Guard(obey, Limits())
    (tmp_path / "file").write_text("sleep")
    closing = threading.Timer(0.5, guard.close)
    closing.start()
    refused = guard.ask(tmp_path / "file")
    assert isinstance(refused, Refused) and refused.digest is None
    closing.join()  # whoever asks may hear of it before the system has taken the process away
    assert not guard._process.is_alive()


def ask_in_a_child(path: Path) -> Iterator[Answer | Refused]:
    guard = Guard(obey, LIMITS)
    yield guard.ask(path)
    guard.close()


def test_a_job_may_have_guards_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("fine")
    job = Job(ask_in_a_child, tmp_path / "file")
    items = []
    while not job.finished:
        items += job.receive(5)
    assert [item.value for item in items] == [4]


def open_and_wait(path: Path) -> Iterator[int | None]:
    guard = Guard(obey, LIMITS)
    guard.ask(path)
    yield guard._process.pid
    time.sleep(600)


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by signal 0")
def test_no_process_is_left_when_the_job_that_started_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("fine")
    job = Job(open_and_wait, tmp_path / "file")
    items: list[int] = []
    while not items:
        items = job.receive(5)
    job.cancel()
    for _ in range(600):
        try:
            os.kill(items[0], 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the process that opens files is still there")
