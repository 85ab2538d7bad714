"""Where a long run stands: how far, how fast, how long still; and a run in steps, done at once."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

RATE_OVER_S = 30.0
"""The rate is that of so many seconds."""

SMOOTHED_OVER_S = 10.0
"""A new estimate of the time left takes over within about so many seconds."""


@dataclass(frozen=True)
class Progress:
    """Where the run stands.

    Attributes:
        stage: What is being done, in words.
        done: Units done in this stage.
        total: Units in this stage; 0 where it is not known.
        rate: Units a second over the last while, or None.
        left_s: Estimated seconds left in this stage, or None.
    """

    stage: str
    done: int = 0
    total: int = 0
    rate: float | None = None
    left_s: float | None = None


class Pace:
    """Rate over the last half minute and time left, smoothed: a batch of large files does not make it jump."""

    def __init__(self, stage: str, total: int) -> None:
        self._stage = stage
        self._total = total
        self._done = 0
        self._left_s: float | None = None
        self.begin()

    def begin(self) -> Progress:
        """The clock starts when the encoder is loaded."""
        self._marks = [(time.monotonic(), self._done)]
        return self.now()

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        moment = time.monotonic()
        since_s = moment - self._marks[-1][0]
        self._marks = [mark for mark in self._marks if moment - mark[0] < RATE_OVER_S] or self._marks[-1:]
        self._marks.append((moment, self._done))
        rate = self._rate()
        if rate is None or len(self._marks) < 3:  # the first batch was opened before the clock began
            return
        left_s = (self._total - self._done) / rate
        if self._left_s is not None:
            expected_s = max(self._left_s - since_s, 0.0)
            # What is expected counts for as much as the time it has been right.
            left_s = expected_s + (left_s - expected_s) * min(1.0, max(since_s / SMOOTHED_OVER_S, 0.1))
        self._left_s = left_s

    def now(self) -> Progress:
        """Where the run stands; the time left runs down between batches, and is not told where it has run out."""
        left_s = None
        if self._left_s is not None and self._done < self._total:
            left_s = self._left_s - (time.monotonic() - self._marks[-1][0])
        return Progress(self._stage, self._done, self._total, self._rate(), left_s if left_s and left_s >= 1 else None)

    def _rate(self) -> float | None:
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - start) if end > start and after > before else None


def run_out(steps: Generator[Any, None, T]) -> T:
    """Does all the steps at once. Returns what they end with."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
