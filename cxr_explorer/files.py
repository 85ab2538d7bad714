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
        temporary.chmod(_mode_for(out))
        temporary.replace(out)
        temporary = None
    except OSError as error:
        raise UserError(
            f"Cannot write {out}: {error.strerror or error}; close it in other programs or choose another folder."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _mode_for(out: Path) -> int:
    """The permissions the file has, or a new file would have (a temporary file's are for its owner alone)."""
    try:
        return out.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
