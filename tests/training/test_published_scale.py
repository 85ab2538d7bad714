"""The short form of the rehearsal of the published scale: laid out, trained, killed, resumed and judged."""

import sys
from pathlib import Path

import pytest

from tests.bench.published_scale import SETTINGS, rehearse


@pytest.mark.timeout(1800)  # five starts of PyTorch
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, and no memory of a process that has ended")
def test_a_release_in_small_is_trained_on_killed_resumed_and_judged(tmp_path: Path) -> None:
    settings = ["--input-px", "32", "--batch", "128", "--epochs", "2", "--save-every-s", "0.1", *SETTINGS]
    judging = ["--supervised-minutes", "0", "--resamples", "20", "--no-clusters", "--device", "cpu"]
    figures = rehearse(tmp_path, 600, settings, judging, pictures=24)
    assert figures["problems"] == []
    assert figures["listed"] == 600 == figures["train"] + figures["test"]
    assert figures["evaluate"]["test_images"] == figures["test"]
    assert figures["log"][-1]["epoch"] == 2
