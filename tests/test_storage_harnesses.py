"""Short forms of the harnesses that kill the program and fill its disk."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.disk_full import DISK_KB, KINDS, try_one
from tests.mounts import NoMount, small_disk


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_loses_nothing_that_was_confirmed(tmp_path: Path, kind: str) -> None:
    chance = random.Random(kind)
    for number in range(3):
        try:
            with small_disk(tmp_path / str(number), DISK_KB) as disk:
                try_one(kind, disk, chance)
        except NoMount as reason:
            pytest.skip(str(reason))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the victims are forked")
def test_a_kill_loses_nothing_that_was_confirmed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills", "--count", "9", "--kinds", "create,migrate,window"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads(done.stdout.splitlines()[-1])["kills"]
    assert kills["window"] == 3 and kills["create"] + kills["migrate"] > 0
