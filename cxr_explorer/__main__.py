"""`python -m cxr_explorer`."""

import sys
from multiprocessing import freeze_support

from cxr_explorer.cli import main

if __name__ == "__main__":
    freeze_support()  # the child processes of a frozen app start here
    sys.exit(main())
