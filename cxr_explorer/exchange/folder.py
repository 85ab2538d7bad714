"""A folder of many files is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.files import make_private_folder, sync_folder

_MARK = ".unfinished"
"""Lies in a folder that is being written, and says that it is ours to take away."""


def check_new(out: Path) -> None:
    """Raises UserError where a folder is in use already: nothing of it is ever replaced."""
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise UserError(f"Cannot write {out}: it is there already; choose the name of a new folder.")


def forget_unfinished(out: Path) -> None:
    """Takes away what a run that was ended left of a folder it was writing; does nothing where there is nothing."""
    part = _part(out)
    if (part / _MARK).is_file() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when the block ends without an error, else is taken away.

    Readable by its owner alone, as it may speak of patients.

    Raises:
        UserError: `out` is there already, or the place cannot be written.
    """
    part = _part(out)
    is_ours = False
    try:
        check_new(out)
        forget_unfinished(out)
        if part.exists():
            raise UserError(f"Cannot write {out}: {part.name} is in the way; remove it or choose another name.")
        make_private_folder(part)
        is_ours = True
        (part / _MARK).touch()
        yield part
        (part / _MARK).unlink()
        if out.is_dir():
            out.rmdir()
        part.rename(out)
        is_ours = False
        sync_folder(out.parent)
    except OSError as error:
        raise UserError(f"Cannot write {out}: {error.strerror or error}; make room or choose another place.") from error
    finally:
        if is_ours:
            shutil.rmtree(part, ignore_errors=True)


def _part(out: Path) -> Path:
    return out.absolute().with_name(f".{out.name[:200]}.part")
