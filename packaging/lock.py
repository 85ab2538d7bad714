"""Write constraints.txt: the versions of everything in the running environment.

    .venv/bin/pip install --upgrade --upgrade-strategy eager -e ".[test]"
    .venv/bin/python packaging/lock.py

Run it after the tests have passed with the new versions.
"""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent / "constraints.txt"
HEAD = """\
# The version of every package, on every system: pip takes these where a package is needed and ignores the rest.
# CUDA's and triton's are left out: torch names the ones that fit it, on the systems that have them.
# Made anew with: python packaging/lock.py
"""
LEFT_OUT = re.compile(r"(cxr-explorer|pip|setuptools|wheel|triton|nvidia-.*|cuda-.*)$")


def lock() -> str:
    """The text of constraints.txt for the running environment."""
    versions = {
        re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower(): distribution.version
        for distribution in distributions()
    }
    return HEAD + "".join(
        f"{name}=={version}\n" for name, version in sorted(versions.items()) if not LEFT_OUT.match(name)
    )


if __name__ == "__main__":
    CONSTRAINTS.write_text(lock(), encoding="utf-8", newline="\n")
