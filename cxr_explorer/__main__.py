"""`python -m cxr_explorer`."""

import sys

from cxr_explorer.cli import main

if __name__ == "__main__":
    sys.exit(main())
