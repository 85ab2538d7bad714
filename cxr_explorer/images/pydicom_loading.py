"""pydicom, without what it would use a network with."""

from __future__ import annotations

import sys


def load_pydicom() -> None:
    """Imports pydicom; to be called before anything of it is imported.

    pydicom imports what it downloads its test files with: requests, where that is installed, which opens a socket to
    see whether there is IPv6.
    """
    if "pydicom" in sys.modules or "requests" in sys.modules:
        return
    sys.modules["requests"] = None  # type: ignore[assignment]
    try:
        import pydicom  # noqa: F401
    finally:
        del sys.modules["requests"]
