"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cxr_explorer.errors import UserError


@contextmanager
def atomic_write(out: Path) -> Iterator[BinaryIO]:
    """A stream that becomes `out` when the block ends without an error; else an existing file stays as it was.

    A new file is readable by its owner alone, as it may speak of patients; an existing one keeps its permissions.

    Raises:
        UserError: The place cannot be written.
    """
    out = Path(os.path.realpath(out))  # a link stays a link
    temporary: Path | None = None
    try:
        if out.is_dir():
            raise UserError(f"Cannot write {out}: it is a folder; choose a file name.")
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name[:50]}.", suffix=".part", dir=out.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if out.exists():
            temporary.chmod(out.stat().st_mode & 0o777)
        temporary.replace(out)
        temporary = None
    except OSError as error:
        raise UserError(
            f"Cannot write {out}: {error.strerror or error}; close it in other programs or choose another folder."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes a name that was given in a folder survive a power cut, where the system can do that."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Makes a folder, and those above it that are not there, for its owner alone. Raises OSError."""
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
