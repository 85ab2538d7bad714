"""Image files read full size in threads: the answer comes as a signal, and the window goes on meanwhile."""

from __future__ import annotations

import traceback
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance

from cxr_explorer.errors import UserError
from cxr_explorer.images.read import read


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

    def ask(self, key: int, path: Path) -> None:
        """Reads the file; `arrived` comes with the key."""
        self._pool.start(_Task(key, path, self._done, self._forgotten))

    def forget(self) -> None:
        """What was asked for is no longer wanted and will not arrive, also where its reading has begun."""
        self._forgotten += 1
        self._pool.clear()

    def close_down(self) -> None:
        """Waits for the files being read, before the program ends."""
        self._pool.clear()
        self._pool.waitForDone()

    def _pass_on(self, forgotten: int, key: int, result: object) -> None:
        if forgotten == self._forgotten:
            self.arrived.emit(key, result)


class _Task(QRunnable):
    def __init__(self, key: int, path: Path, done: SignalInstance, forgotten: int) -> None:
        super().__init__()
        self._key = key
        self._path = path
        self._done = done
        self._forgotten = forgotten

    def run(self) -> None:
        try:
            result: object = read(self._path)
        except UserError as error:
            result = str(error)
        except Exception:  # noqa: BLE001 - shown where the picture would be
            result = f"Reading this file failed:\n{traceback.format_exc(limit=-3)}"
        self._done.emit(self._forgotten, self._key, result)
