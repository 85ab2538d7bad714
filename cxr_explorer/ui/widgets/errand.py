"""One answer from a child process, while the window goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QObject, QTimer

from cxr_explorer.errors import UserError
from cxr_explorer.pace import Progress
from cxr_explorer.worker import Job, JobCrashed

CRASHED = "The work in the background was lost: close other programs if memory is short, then try again"
FAULT = "The work in the background was lost by a fault of the program."


class Errand(QObject):
    """Runs a generator in a child process and passes on the last thing it yielded. Only the newest errand counts."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._answer: Any = None
        self._done: Callable[[Any], None] = _nothing
        self._failed: Callable[[str], None] = _nothing
        self._heard: Callable[[Any], None] = _nothing
        self._arrived: Callable[[Any], None] = _nothing
        self._timer = QTimer(self, interval=30)
        self._timer.timeout.connect(lambda: self._advance())

    @property
    def active(self) -> bool:
        """Whether an answer is awaited."""
        return self._job is not None

    def run(
        self,
        function: Callable[..., Iterable[Any]],
        *arguments: Any,
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        heard: Callable[[Any], None] | None = None,
        arrived: Callable[[Any], None] | None = None,
    ) -> None:
        """Starts; what was under way is dropped.

        Args:
            function: A generator function, importable by name.
            arguments: For it.
            done: Told the last thing it yielded, None where it yielded nothing.
            failed: Told why there is no answer: the text of a UserError, that the process died, or that the program has
                a fault, which is then raised as well.
            heard: Told the shares, 0..1, or the `Progress` that the function yields at work; they are no answer.
            arrived: Told everything else as it comes, one by one: what is to be stored at once. Its UserError ends the
                errand, and `failed` is told.
        """
        self.cancel()
        self._answer, self._done, self._failed, self._heard = None, done, failed, heard or _nothing
        self._arrived = arrived or _nothing
        self._job = Job(function, *arguments)
        self._timer.start()

    def cancel(self) -> None:
        """Ends the child; nobody is told anything."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def finish(self) -> None:
        """Waits for the answer, if one is awaited, and tells it."""
        while self._job is not None:
            self._advance(0.1)

    def _advance(self, timeout_s: float = 0) -> None:
        job = self._job
        assert job is not None
        try:
            items = job.receive(timeout_s)
            answers = [item for item in items if not isinstance(item, float | Progress)]
            for answer in answers:
                self._arrived(answer)
        except Exception as error:
            self.cancel()
            if isinstance(error, UserError):
                self._failed(str(error))
                return
            if isinstance(error, JobCrashed):
                self._failed(f"{CRASHED} ({error}).")
                return
            self._failed(FAULT)  # whoever waits stops waiting
            raise
        shares = [item for item in items if isinstance(item, float | Progress)]
        if answers:
            self._answer = answers[-1]
        if shares:
            self._heard(shares[-1])
        if job.finished:
            self.cancel()
            self._done(self._answer)


def _nothing(_answer: Any) -> None:
    """Nobody asked yet."""
