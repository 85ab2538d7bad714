"""Runs tests under the settings that make numba, BLAS and torch compute as they would on other processors.

    python -m tests.processors [--only WORD] [pytest option or test ...]

Without tests named: those that compute. Prints a line a setting, at the end one JSON object; 1 if anything failed.
Settings this processor cannot run are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPUTING = (
    "tests/atlas",
    "tests/encoder",
    "tests/labels",
    "tests/project",
    "tests/training",
    "tests/cli/test_main.py",
    "tests/test_demo.py",
    "tests/test_indexing.py",
    "tests/test_suggesting.py",
)


def threads(count: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(names, str(count))


SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    # Name: variables, and the processor's flag that they need
    "as it is": ({}, ""),
    "numba generic": ({"NUMBA_CPU_NAME": "generic"}, ""),
    "OpenBLAS Nehalem": ({"OPENBLAS_CORETYPE": "Nehalem"}, "sse4_2"),
    "OpenBLAS Haswell": ({"OPENBLAS_CORETYPE": "Haswell"}, "avx2"),
    "OpenBLAS Zen": ({"OPENBLAS_CORETYPE": "Zen"}, "avx2"),
    "OpenBLAS SkylakeX": ({"OPENBLAS_CORETYPE": "SkylakeX"}, "avx512vl"),
    "oneDNN AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "avx2"),
    "ATen default": ({"ATEN_CPU_CAPABILITY": "default"}, ""),
    "all oldest": (
        {
            "NUMBA_CPU_NAME": "generic",
            "OPENBLAS_CORETYPE": "Nehalem",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "ATEN_CPU_CAPABILITY": "default",
        },
        "sse4_2",
    ),
    "1 thread": (threads(1), ""),
    "4 threads": (threads(4), ""),
}


def flags() -> set[str]:
    """What the processor can do, as Linux says it; elsewhere nothing is known."""
    try:
        line = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        line = None
    return set(line[1].split()) if line else set()


def run(setting: dict[str, str], tests: list[str]) -> dict[str, object]:
    """Counts, failed tests and seconds of one run."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **setting}, capture_output=True, text=True, check=False)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout)}
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    result = {**counts, "exit": done.returncode, "failures": failed, "seconds": round(time.monotonic() - began)}
    if done.returncode not in (0, 1):
        result["said"] = (done.stdout + done.stderr)[-2000:]
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="WORD", help="settings whose name holds WORD")
    chosen, options = parser.parse_known_args()
    tests = options if any(not option.startswith("-") and "tests" in option for option in options) else []
    tests = tests or [*options, *COMPUTING]
    able, results, left_out = flags(), {}, []
    for name, (setting, needed) in SETTINGS.items():
        if not any(word in name for word in chosen.only or [""]):
            continue
        if needed and needed not in able:
            left_out.append(name)
            continue
        results[name] = found = run(setting, tests)
        figures = ", ".join(
            f"{found[word]} {word}" for word in ("passed", "failed", "error", "skipped") if word in found
        )
        print(f"{name:20} {figures or 'no result'}, {found['seconds']} s", *found["failures"], sep="\n    ", flush=True)
    failed = sorted(name for name, found in results.items() if found["exit"])
    print(json.dumps({"settings": results, "left_out": left_out, "failed": failed}))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
