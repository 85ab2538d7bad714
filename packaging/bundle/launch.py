"""What the installed program starts with: the bundle's own ground, then the command line.

Started from a menu it has no arguments, and opens the window.
"""

from __future__ import annotations

import sys
from multiprocessing import freeze_support

import compiled_cache


def main() -> int:
    """Runs the program."""
    compiled_cache.prepare()  # before anybody imports numba, in child processes as well
    freeze_support()
    if sys.argv[1:2] == ["--qt-platform"]:  # asked by `doctor`, in a process of its own
        from PySide6.QtGui import QGuiApplication

        print(QGuiApplication([]).platformName())
        return 0
    if sys.argv[1:2] == ["--warm"]:  # asked by packaging/build.py
        import warm

        warm.warm()
        return 0
    if len(sys.argv) == 1:
        sys.argv.append("open")
    from cxr_explorer.__main__ import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
