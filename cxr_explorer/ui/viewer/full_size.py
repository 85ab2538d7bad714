"""Image files read full size in threads: the answer comes as a signal, and the window goes on meanwhile.

A file that has not changed since it was indexed was decoded then, within the limits of `guard`, and is read here. Any
other, and any other frame than the one indexed, is opened in a process under those limits: it may not take the window
along.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
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
        self._guarded = _Guarded()

    def ask(self, key: int, path: Path, stamp: tuple[int, int] | None = None, frame: Frame = MIDDLE) -> None:
        """Reads the file; `arrived` comes with the key.

        Args:
            key: What is asked for.
            path: The file.
            stamp: What it was when this frame of it was indexed, if it was.
            frame: Of a file of several.
        """
        self._pool.start(_Task(key, path, stamp, frame, self._guarded, self._done, self._forgotten))

    def forget(self) -> None:
        """What was asked for is no longer wanted and will not arrive, also where its reading has begun."""
        self._forgotten += 1
        self._pool.clear()

    def let_go(self) -> None:
        """Forgets all, and ends the process that opened files under limits, if there is one."""
        self.forget()
        self._guarded.close()

    def close_down(self) -> None:
        """Waits for the files being read, before the program ends, but not for a drive that does not answer."""
        self._pool.clear()
        if not self._pool.waitForDone(PATIENCE_MS):
            self._pool.setParent(None)
            _given_up.append(self._pool)
        self._guarded.close()

    def _pass_on(self, forgotten: int, key: int, result: object) -> None:
        if forgotten == self._forgotten:
            self.arrived.emit(key, result)


class _Task(QRunnable):
    def __init__(
        self,
        key: int,
        path: Path,
        stamp: tuple[int, int] | None,
        frame: Frame,
        guarded: _Guarded,
        done: SignalInstance,
        forgotten: int,
    ) -> None:
        super().__init__()
        self._key = key
        self._path = path
        self._stamp = stamp
        self._frame: Frame = frame
        self._guarded = guarded
        self._done = done
        self._forgotten = forgotten

    def run(self) -> None:
        try:
            if self._is_as_indexed():
                result: object = read(self._path, self._frame)
            else:
                result = self._guarded.read(self._path, self._frame)
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


class _Guarded:
    """Opens files in a process under the limits of `guard`, one at a time; the process stays for the next one."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._guard: Guard | None = None

    def read(self, path: Path, frame: Frame) -> Radiograph | str:
        """The file's frame, or why there is none."""
        with self._asking:
            guard = self._guard = self._guard or Guard(decode)
            result = guard.ask(path, frame)
            if self._guard is not guard:  # closed meanwhile, and perhaps begun anew
                guard.close()
        return result.value if isinstance(result, Answer) else result.reason

    def close(self) -> None:
        """Ends the process; where it is opening a file, who asked for that ends it, and nobody waits for a drive."""
        guard, self._guard = self._guard, None
        if guard is not None and self._asking.acquire(blocking=False):
            guard.close()
            self._asking.release()
