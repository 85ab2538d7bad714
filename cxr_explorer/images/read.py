"""A file becomes a Radiograph, whatever its name says: the content decides."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from cxr_explorer.errors import PassingError, UserError
from cxr_explorer.images.dicom_frames import MIDDLE, Frame
from cxr_explorer.images.image_formats import format_names, identify
from cxr_explorer.images.kinds import HEAD_BYTES, kind_of
from cxr_explorer.images.radiograph import Radiograph

MAX_FILE_BYTES = 1 << 30
"""No single radiograph is larger: 128 million pixels of RGB at 16 bits stay below."""


def read(path: Path, frame: Frame = MIDDLE) -> Radiograph:
    """The file as a Radiograph; of several frames of a DICOM file, this one.

    Raises:
        PassingError: The file cannot be opened now.
        UserError: It is no image this program knows, is damaged, or holds no single picture.
            One line without the file's name, short enough for a table cell.
    """
    try:
        return decode(load(path), frame)
    except MemoryError as error:
        raise PassingError("Not enough memory to open it. Close other programs, or export it smaller.") from error


def decode(data: bytes, frame: Frame = MIDDLE) -> Radiograph:
    """A file's bytes as a Radiograph: for callers who need the bytes as well (to hash them, say).

    Raises:
        UserError: As for `read`.
        MemoryError: There is not enough of it.
    """
    if not data:
        raise UserError("Empty file (0 bytes). Copy it again from its source.")
    format = identify(data)
    if format is None:
        what = kind_of("", data[:HEAD_BYTES]).name
        raise UserError(f"Not a known image ({what}). Export the picture as {format_names()}.")
    return format.read(data, frame)


def digest_of(path: Path) -> str:
    """Hex BLAKE2b-128 of a file's bytes: tells a file whose content changed. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def load(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        PassingError: The file cannot be read now.
        UserError: It is no file, or too large for a radiograph.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError("Not a file. Choose an image file.")
        if status.st_size > MAX_FILE_BYTES:
            raise UserError(f"Too large: {status.st_size / 2**30:.1f} GiB in one file. Export single pictures from it.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PassingError("The file is gone. Put it back, or look through the folder again.") from error
    except PermissionError as error:
        raise PassingError("No permission to read the file. Ask its owner for access.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PassingError(
            f"The file cannot be read ({reason}). Check the disk or the network, then try again."
        ) from error
