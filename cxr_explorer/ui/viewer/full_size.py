"""Image files read full size in threads: the answer comes as a signal, and the window goes on meanwhile.

A file that has not changed since it was indexed was decoded then, within the limits of `guard`, and is read here. Any
other is opened in a process under those limits: it may not take the window along.
"""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance

from cxr_explorer.errors import UserError
from cxr_explorer.images.guard import Answer, Guard
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.images.read import decode, read

PATIENCE_MS = 3000
"""How long closing waits for files being read. A network drive that is gone may answer in minutes, or never."""

_given_up: list[QThreadPool] = []  # kept: a pool that is deleted waits for its threads


def still_reading() -> bool:
    """Whether files that nobody waits for any more are still being read. The process then cannot end in good order."""
    return any(pool.activeThreadCount() for pool in _given_up)


class FullSize(QObject):
    """Reads the files asked for, one or a few at a time.

    Args:
        threads: How many at a time.
    """

    arrived = Signal(int, object)
    """The key it was asked for by, and the Radiograph or the text of an error."""

    _done = Signal(int, int, object)
    """The same from a thread, with how often had been forgotten when it was asked for."""

    def __init__(self, threads: int, parent: QObject) -> None:
        super().__init__(parent)
        self._forgotten = 0
        self._done.connect(self._pass_on)
        self._pool = QThreadPool(self, maxThreadCount=threads)

    def ask(self, key: int, path: Path, stamp: tuple[int, int] | None = None) -> None:
        """Reads the file; `arrived` comes with the key. `stamp` is what it was when it was indexed, if it was."""
        self._pool.start(_Task(key, path, stamp, self._done, self._forgotten))

    def forget(self) -> None:
        """What was asked for is no longer wanted and will not arrive, also where its reading has begun."""
        self._forgotten += 1
        self._pool.clear()

    def close_down(self) -> None:
        """Waits for the files being read, before the program ends, but not for a drive that does not answer."""
        self._pool.clear()
        if not self._pool.waitForDone(PATIENCE_MS):
            self._pool.setParent(None)
            _given_up.append(self._pool)

    def _pass_on(self, forgotten: int, key: int, result: object) -> None:
        if forgotten == self._forgotten:
            self.arrived.emit(key, result)


class _Task(QRunnable):
    def __init__(
        self, key: int, path: Path, stamp: tuple[int, int] | None, done: SignalInstance, forgotten: int
    ) -> None:
        super().__init__()
        self._key = key
        self._path = path
        self._stamp = stamp
        self._done = done
        self._forgotten = forgotten

    def run(self) -> None:
        try:
            result: object = read(self._path) if self._is_as_indexed() else _read_guarded(self._path)
        except UserError as error:
            result = str(error)
        except Exception:  # noqa: BLE001 - shown where the picture would be
            result = f"Reading this file failed:\n{traceback.format_exc(limit=-3)}"
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._done.emit(self._forgotten, self._key, result)

    def _is_as_indexed(self) -> bool:
        try:
            status = self._path.stat()
        except OSError:
            return True  # reading it says why
        return self._stamp == (status.st_size, status.st_mtime_ns)


def _read_guarded(path: Path) -> Radiograph | str:
    guard = Guard(decode)
    try:
        result = guard.ask(path)
    finally:
        guard.close()
    return result.value if isinstance(result, Answer) else result.reason
