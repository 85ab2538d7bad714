"""What the window does with an exception that nobody took: it says so once, and goes on."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from types import TracebackType

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from cxr_explorer.errors import UserError
from cxr_explorer.logfile import Plain
from cxr_explorer.ui.frame.frame import Frame
from cxr_explorer.ui.widgets.messages import show_bug

log = logging.getLogger("cxr_explorer")


class Excepthook(QObject):
    """Shows a bug once and logs it; what the world did wrong is only said. To be put in `sys.excepthook`.

    It may be called from any thread and in the middle of painting: what is shown waits for the event loop.
    """

    _refused = Signal(str)
    _failed = Signal(str)

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self._frame = frame
        self._showing = False
        self._times: dict[tuple[str, str, int], int] = {}  # by kind, file and line
        self._refused.connect(self._say, Qt.ConnectionType.QueuedConnection)
        self._failed.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, UserError):
            log.warning("the reader is told what is in the way", exc_info=error)
            self._refused.emit(str(error))
            return
        stack = traceback.extract_tb(trace)
        place = (kind.__name__, stack[-1].filename, stack[-1].lineno or 0) if stack else (kind.__name__, "", 0)
        times = self._times[place] = self._times.get(place, 0) + 1
        if times > 1:
            if str(times).strip("0") == "1":  # 10, 100, 1000 …
                log.error("%s again: %d times by now", Plain(kind.__name__), times, exc_info=error)
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        if sys.stderr is not None and sys.stderr.isatty():  # else it would stay in the system's journal
            with contextlib.suppress(OSError):  # the terminal may be gone
                print(text, file=sys.stderr)
        log.error("a fault of the program", exc_info=error)
        self._failed.emit(text)

    def _say(self, text: str) -> None:
        if shiboken6.isValid(self._frame):
            self._frame.warn(text)

    def _show(self, text: str) -> None:
        """One at a time: what else goes wrong meanwhile is in the log."""
        if self._showing or not shiboken6.isValid(self._frame):
            return
        self._showing = True
        try:
            show_bug(self._frame, text)
        finally:
            self._showing = False
