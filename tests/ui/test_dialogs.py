"""Every dialog that an action opens fits a small screen with large letters; see tests/bench/dialogs.py."""

import json
import subprocess
import sys


def test_no_dialog_is_larger_than_a_small_screen_or_cuts_a_text() -> None:
    command = [sys.executable, "-m", "tests.bench.dialogs", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout.splitlines()[-1])
    assert len(found["dialogs"]) >= 15
    assert found["too_large"] == []
    assert found["cut_texts"] == []
