"""Work that takes its time and cannot leave the process, done between events: a little in each turn of the loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from PySide6.QtCore import QObject, QTimer

BUDGET_S = 0.012
"""Work goes on for so long before the window gets its turn."""


class Slices(QObject):
    """Goes through an iterator a little at a time. What is over within the first slice is done at once."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: Iterator[Any] | None = None
        self._done: Callable[[Any], None] = _nothing
        self._heard: Callable[[Any], None] = _nothing
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def active(self) -> bool:
        """Whether there is something left to do."""
        return self._steps is not None

    def run(
        self,
        steps: Iterator[Any],
        done: Callable[[Any], None],
        heard: Callable[[Any], None] | None = None,
        at_once: bool = True,
    ) -> None:
        """Begins; what was going on ends where it is.

        Args:
            steps: The work, which yields where a pause may be.
            done: Told at its end what a generator returns, else None.
            heard: Told what was yielded last in each slice.
            at_once: Whether the first slice is now; else in the next turn of the event loop.
        """
        self.cancel()
        self._steps, self._done, self._heard = steps, done, heard or _nothing
        self._timer.start()
        if at_once:
            self._go_on()

    def finish(self) -> None:
        """Does all that is left now."""
        while self._steps is not None:
            self._go_on(float("inf"))

    def cancel(self) -> None:
        """Leaves the work where it is; nobody is told."""
        self._timer.stop()
        steps, self._steps = self._steps, None
        if isinstance(steps, Generator):
            steps.close()

    def _go_on(self, budget_s: float = BUDGET_S) -> None:
        end = time.perf_counter() + budget_s
        steps, item = self._steps, None
        while steps is not None:
            try:
                item = next(steps)
            except StopIteration as ended:
                found = ended.value
                break
            except BaseException:
                self._timer.stop()
                self._steps = None
                raise
            if time.perf_counter() >= end:
                self._heard(item)
                return
        else:
            return
        self._timer.stop()
        self._steps = None
        self._done(found)  # here, for what is told in it is no consequence of the StopIteration


def _nothing(_item: Any) -> None:
    """Nobody asked."""
