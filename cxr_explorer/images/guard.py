"""Files opened in a child process that is ended when one of them takes too long or too much memory.

Decoders are other people's C code over bytes of unknown origin: one may crash, or never return. In a child of its own
that costs one file, which is named, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cxr_explorer.errors import PassingError, UserError
from cxr_explorer.images.read import load

_context = multiprocessing.get_context("spawn")
_MEMORY_EXIT = 77  # exit code of a child that found itself above its limit


@dataclass(frozen=True)
class Limits:
    """What opening one file may cost.

    Attributes:
        seconds: Of processor time, from the bytes to the answer; of the clock where a system counts no processor time
            (Windows).
        memory_bytes: Beyond what the child holds before it opens the file. On Windows it is not watched.
        busy_factor: How many times `seconds` may pass on the clock: then the machine is busy, not the file at fault.
        drive_s: Seconds on the clock until the file's bytes are there; beyond, the drive does not answer.
    """

    seconds: float = 20.0
    memory_bytes: int = 2 << 30
    busy_factor: float = 4.0
    drive_s: float = 120.0


LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Answer:
    """What the function made of the file, and the hex BLAKE2b-128 of the file's bytes."""

    value: Any
    digest: str


@dataclass(frozen=True)
class Refused:
    """A file that gave no answer, and why, in a reader's words.

    Attributes:
        reason: One line.
        digest: Of the bytes that are to blame ("" where they are too many to be read); None where the surroundings
            are: the drive, a permission, the memory of the machine.
    """

    reason: str
    digest: str | None


@dataclass(frozen=True)
class _Loaded:
    """The file's bytes are there: from now on the limits of decoding hold."""

    digest: str


class Guard:
    """A child process that applies a function to one file after the other. It is started again when a file ends it."""

    def __init__(self, function: Callable[..., Any], limits: Limits = LIMITS) -> None:
        """Starts the child. The function, of a file's bytes, must be importable by name, its answer picklable."""
        self._function = function
        self._limits = limits
        self._closed = False
        self._start()

    def _start(self) -> None:
        # The child of a `Job` is a daemon, which may have no children until it says that it is none.
        multiprocessing.current_process().daemon = False
        self._pipe, theirs = _context.Pipe()
        arguments = (theirs, self._function, self._limits)
        self._process = _context.Process(target=_serve, args=arguments, name="decode", daemon=True)
        self._process.start()
        theirs.close()
        self._is_late = False

    def ask(self, path: Path, *arguments: Any) -> Answer | Refused:
        """Opens the file; the function gets these arguments too. One thread at a time may ask.

        Returns:
            The answer, or why there is none; never an exception for what a file does.
        """
        if self._is_late or not self._process.is_alive():
            self._pipe.close()
            try:
                self._start()
            except OSError as error:
                return Refused(f"The system starts no process to open it in ({error.strerror or error}).", None)
        digest: str | None = None
        wait_s = self._limits.drive_s
        try:
            self._pipe.send((path, arguments))
            while self._pipe.poll(wait_s):
                said = self._pipe.recv()
                if not isinstance(said, _Loaded):
                    answered: Answer | Refused = said
                    return answered
                digest, wait_s = said.digest, self._limits.seconds * self._limits.busy_factor
        except (EOFError, OSError):
            self._process.join(5)
            return self._why_it_ended(digest)
        self._is_late = True
        self._process.kill()
        self._process.join(1)  # longer, where a drive holds it: it is not waited for
        return self._why_it_is_late(digest)

    def close(self) -> None:
        """Ends the child, wherever it is; who is asking gets Refused."""
        self._closed = True
        self._process.kill()
        self._process.join(5)

    def _why_it_is_late(self, digest: str | None) -> Refused:
        if digest is None:
            reason = f"The drive gave nothing of it for {self._limits.drive_s:.0f} s. Check the disk or the network."
            return Refused(reason, None)
        if sys.platform == "win32":
            return Refused(self._took_too_long(), digest)
        return Refused("The machine was too busy to open it in time. Close other programs, then try again.", None)

    def _why_it_ended(self, digest: str | None) -> Refused:
        code = self._process.exitcode
        if digest is None or self._closed:
            return Refused("The background process that opens files ended. Try again.", None)
        if code == _MEMORY_EXIT:
            return Refused(_needs_too_much(self._limits), digest)
        if code == -getattr(signal, "SIGXCPU", 0):
            return Refused(self._took_too_long(), digest)
        if code == -getattr(signal, "SIGKILL", 0):
            return Refused("The system ended the opening of it, most likely for lack of memory. Close programs.", None)
        return Refused("Its decoder crashed: it is damaged or of an unsupported kind. Export it again as PNG.", digest)

    def _took_too_long(self) -> str:
        return f"It took over {self._limits.seconds:.0f} s to open: damaged or made to do harm. Export it again as PNG."


def _needs_too_much(limits: Limits) -> str:
    return f"It needs over {limits.memory_bytes / 2**30:.1f} GB of memory to open. Export it smaller."


# ---------------------------------------------------------------------------------------------- in the child


def _serve(pipe: Connection, function: Callable[..., Any], limits: Limits) -> None:
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the parent ends this process
    bound = _Bound(limits)
    for stream in (1, 2):  # C code says what it thinks of a file to whoever is watching the terminal
        with contextlib.suppress(OSError):
            os.dup2(bound.nowhere.fileno(), stream)
    while True:
        try:
            path, arguments = pipe.recv()
            with bound.of_the_clock():
                answer = _answer(pipe, path, arguments, function, bound)
            pipe.send(answer)
        except (EOFError, OSError):
            return  # the parent has gone


def _answer(
    pipe: Connection, path: Path, arguments: tuple[Any, ...], function: Callable[..., Any], bound: _Bound
) -> Answer | Refused:
    digest = None
    try:
        data = load(path)
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        pipe.send(_Loaded(digest))
        with bound.of_time_and_memory():
            return Answer(function(data, *arguments), digest)
    except MemoryError:
        if digest is not None and bound.holds_memory:
            return Refused(_needs_too_much(bound.limits), digest)
        return Refused("Not enough memory to open this image. Close other programs, then try again.", None)
    except PassingError as error:
        return Refused(str(error), None)
    except UserError as error:
        return Refused(str(error), digest or "")
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  a decoder's bug in one file must not end a run over 100,000
        # Not the error's own text: it may quote the file's header, and the reason is stored.
        reason = f"The reader failed on this file ({type(error).__name__}). Please report it with the file."
        return Refused(reason, digest)


class _Bound:
    """The limits of one child, each by what its system offers."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.holds_memory = sys.platform == "linux"
        self.nowhere = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open as long as the child lives
        if sys.platform not in ("linux", "win32"):
            threading.Thread(target=self._watch_memory, daemon=True).start()

    @contextlib.contextmanager
    def of_the_clock(self) -> Any:
        """Ends the process even if the parent is gone and a decoder holds Python's lock."""
        last_s = self.limits.drive_s + self.limits.seconds * self.limits.busy_factor + 10
        faulthandler.dump_traceback_later(last_s, exit=True, file=self.nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def of_time_and_memory(self) -> Any:
        if sys.platform == "win32":
            yield
            return
        import resource

        time_hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        memory_hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        # At the soft limit the system sends SIGXCPU, which ends a process that does not catch it.
        seconds = math.ceil(time.process_time() + self.limits.seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (_within(seconds, time_hard), time_hard))
        if self.holds_memory:
            most = _data_bytes() + self.limits.memory_bytes
            resource.setrlimit(resource.RLIMIT_DATA, (_within(most, memory_hard), memory_hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_CPU, (time_hard, time_hard))
            resource.setrlimit(resource.RLIMIT_DATA, (memory_hard, memory_hard))

    def _watch_memory(self) -> None:
        """For systems that have no limit of this kind and tell the most a process has held (macOS)."""
        if sys.platform == "win32":
            return
        import resource

        def held() -> int:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

        before = held()
        while held() - before < self.limits.memory_bytes:
            time.sleep(0.05)
        os._exit(_MEMORY_EXIT)


def _within(soft: int, hard: int) -> int:
    return soft if hard < 0 else min(soft, hard)  # RLIM_INFINITY is -1


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process so far (Linux)."""
    with open("/proc/self/status", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"VmData:"):
                return int(line.split()[1]) * 1024
    return 0
