"""Rate and time left."""

from itertools import pairwise

import pytest

from cxr_explorer import pace as pace_module
from cxr_explorer.pace import Pace


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(pace_module.time, "monotonic", lambda: self.now)


def test_the_time_left_is_steady_where_batches_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = Pace("Analysing images", 4000)
    told = []
    for batch in range(100):
        clock.now += (2.0, 7.0, 3.0, 4.0)[batch % 4]  # 4 s on average
        pace.advance(32)
        told.append(pace.now().left_s)
    assert told[0] is None, "nothing is told from one batch"
    truth = [(4000 - 32 * (batch + 1)) / 8.0 for batch in range(100)]
    shares = [left / true for left, true in zip(told[10:90], truth[10:90], strict=True) if left is not None]
    assert len(shares) == 80
    assert min(shares) > 0.7 and max(shares) < 1.4
    steps = [later - earlier for earlier, later in pairwise(told[10:90])]  # type: ignore[operator]
    assert max(steps) < 40, "it does not jump up"


def test_time_left_that_has_run_out_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = Pace("Analysing images", 128)
    for _ in range(3):
        clock.now += 4
        pace.advance(32)
    left_s = pace.now().left_s
    assert left_s == pytest.approx(4, abs=1)
    clock.now += 60  # a file that takes its time
    assert pace.now().left_s is None
    clock.now += 1
    pace.advance(32)
    assert pace.now().left_s is None
