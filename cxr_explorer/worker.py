"""Run a generator in a child process: its items come back one by one; it can be cancelled, and may crash.

`Job` runs one to its end, `Jobs` several, one after the other, in one child. `Conversation` keeps one alive that
answers what it is sent.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from cxr_explorer.errors import UserError
from cxr_explorer.logfile import LONG_S, Plain, describe_error

log = logging.getLogger("cxr_explorer")

_context = multiprocessing.get_context("spawn")


class JobCrashed(Exception):
    """The child process died without a word (a decoder's segfault, the system's memory killer).

    Attributes:
        exit_code: As multiprocessing reports it; negative is the number of the signal.
    """

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"the background process ended unexpectedly (exit code {exit_code})")
        self.exit_code = exit_code


class JobFailed(Exception):
    """A bug in the child process; the message is its traceback.

    Attributes:
        in_child: Where it was raised, for the log, see `logfile.describe_error`.
    """

    in_child = ""


@dataclass(frozen=True)
class _Done:
    pass


@dataclass(frozen=True)
class _Failed:
    text: str
    is_user_error: bool
    places: str


class Job:
    """A generator function running in a child process.

    The items must be picklable. The pipe holds the child back when nobody receives, so memory stays bounded.
    """

    def __init__(self, function: Callable[..., Iterable[Any]], *arguments: Any) -> None:
        """Starts the child at once. `function` must be importable by name."""
        self._start(_run, function, arguments)

    def _start(self, run: Callable[..., None], function: Callable[..., Iterable[Any]], arguments: Any) -> None:
        self._receiver, sender = _context.Pipe(duplex=run is _converse)
        self._process = _context.Process(target=run, args=(sender, function, arguments), daemon=True)
        self._process.start()
        self._name, self._begun = Plain(getattr(function, "__name__", "a function")), time.monotonic()
        sender.close()
        self.finished = False

    def receive(self, timeout_s: float) -> list[Any]:
        """Items that have arrived, waiting up to the timeout for the first one.

        Sets `finished` when the generator has ended.

        Raises:
            UserError: The generator raised it.
            JobFailed: The generator raised anything else.
            JobCrashed: The process died.
        """
        items: list[Any] = []
        if self.finished:
            return items
        try:
            while self._receiver.poll(0 if items else timeout_s):
                item = self._receiver.recv()
                if isinstance(item, _Done):
                    self._end()
                    break
                if isinstance(item, _Failed):
                    self._end()
                    error = UserError(item.text) if item.is_user_error else JobFailed(item.text)
                    error.in_child = item.places
                    raise error
                items.append(item)
                if len(items) >= 2:  # leave the caller's event loop a chance
                    break
        except (EOFError, OSError):
            if not items:
                self._end()
                raise JobCrashed(self._process.exitcode) from None
        return items

    def cancel(self) -> None:
        """Ends the child at once, wherever it is. What it had sent and was not received is lost."""
        if not self.finished and self._process.is_alive():
            self._process.kill()
        self._end()

    def _end(self) -> None:
        seconds = time.monotonic() - self._begun
        if not self.finished and seconds > LONG_S:
            log.info("child process %s: %.1f s", self._name, seconds)
        self.finished = True
        self._process.join(timeout=5)
        self._receiver.close()


class Conversation(Job):
    """A generator function that keeps what it has prepared and answers requests until it is cancelled.

    The function's first argument iterates over what `send` was given. A request is small, and waits for the answer to
    the one before: a pipe that is full would hold back the sender.
    """

    def __init__(self, function: Callable[..., Iterable[Any]], *arguments: Any) -> None:
        """Starts the child at once. `function` must be importable by name."""
        self._start(_converse, function, arguments)

    def send(self, request: Any) -> None:
        """Hands the child a request. A child that has died is found by the next `receive`."""
        with contextlib.suppress(OSError):
            self._receiver.send(request)


@dataclass(frozen=True)
class _Ended:
    pass


class Jobs(Conversation):
    """Generator functions one after the other in one child process: what one has imported is there for the next.

    `receive` and `finished` are the running one's, as in `Job`; `cancel` ends the child at once. After an error or a
    crash the next `start` begins with a new child.
    """

    def __init__(self) -> None:
        """No child is started before the first `start`."""
        self._alive = False
        self.finished = True

    def start(self, function: Callable[..., Iterable[Any]], *arguments: Any) -> None:
        """Begins the next one, when the one before is finished. `function` must be importable by name."""
        if not self._alive:
            self._start(_converse, _one_after_the_other, ())
            self._alive = True
        self.finished = False
        self.send((function, arguments))

    def receive(self, timeout_s: float) -> list[Any]:
        items = super().receive(timeout_s)
        if items and isinstance(items[-1], _Ended):
            items.pop()
            self.finished = True
        return items

    def cancel(self) -> None:
        if self._alive:
            self._process.kill()
            self._end()

    def close(self) -> None:
        """Lets the child end by itself; it is not waited for."""
        if self._alive:
            self._alive = False
            self.send(None)
            self._receiver.close()

    def _end(self) -> None:
        self._alive = False
        super()._end()


def _one_after_the_other(
    requests: Iterable[tuple[Callable[..., Iterable[Any]], tuple[Any, ...]] | None],
) -> Iterator[Any]:
    for request in requests:
        if request is None:
            return
        function, arguments = request
        yield from function(*arguments)
        yield _Ended()


def _run(sender: Connection, function: Callable[..., Iterable[Any]], arguments: tuple[Any, ...]) -> None:
    _be_quiet()
    try:
        for item in function(*arguments):
            sender.send(item)
        sender.send(_Done())
    except UserError as error:
        sender.send(_Failed(str(error), True, describe_error(error)))
    except BrokenPipeError:
        pass  # the parent has gone: nobody is listening
    except BaseException as error:  # noqa: BLE001 - the parent raises it again, with this traceback
        sender.send(_Failed(traceback.format_exc(), False, describe_error(error)))


def _converse(pipe: Connection, function: Callable[..., Iterable[Any]], arguments: tuple[Any, ...]) -> None:
    _run(pipe, function, (_requests(pipe), *arguments))


def _requests(pipe: Connection) -> Iterator[Any]:
    while True:
        try:
            yield pipe.recv()
        except (EOFError, OSError):
            return  # the parent has gone


def _be_quiet() -> None:
    """The window stays responsive beside the child, and the child writes nothing to the user's terminal."""
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent ends this process
    if sys.platform != "win32":
        os.nice(5)
