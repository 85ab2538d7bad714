"""`python -m cxr_explorer`, and what the command `cxr-explorer` runs."""

import sys
from multiprocessing import freeze_support


def main() -> int:
    """Runs the command line. Every child process imports this module too, and does without the command line's own."""
    from cxr_explorer.cli.main import main as run

    return run()


if __name__ == "__main__":
    freeze_support()  # the child processes of a frozen app start here
    sys.exit(main())
