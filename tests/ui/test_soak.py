"""A short soak, other acts each time; `python -m tests.soak` is the long form."""

import json
import os
import random
import subprocess
import sys

import pytest

ACTS = 150
MINUTES = float(os.environ.get("CXR_SOAK_MINUTES", "0"))
"""Where given, the soak takes so long; else it ends after ACTS acts, however fast the machine is."""


@pytest.mark.timeout(MINUTES * 60 + 580)
def test_random_acts_leave_the_window_alive_and_the_file_as_it_must_be() -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    length = ["--minutes", str(MINUTES)] if MINUTES else ["--acts", str(ACTS)]
    command = [sys.executable, "-m", "tests.soak", "--seed", str(seed), *length, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"seed {seed}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    assert json.loads(result.stdout.splitlines()[-1])["acts"] > 10
