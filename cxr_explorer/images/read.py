"""A file becomes a Radiograph, whatever its name says: the content decides."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

from cxr_explorer.errors import UserError
from cxr_explorer.images.dicom import read_dicom
from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.images.raster import read_raster

READERS: dict[str, Callable[[bytes], Radiograph]] = {"dicom": read_dicom, "raster": read_raster}
"""Kind of file to the function that makes a Radiograph of the file's bytes, or raises UserError."""

MAX_FILE_BYTES = 1 << 30
"""No single radiograph is larger: 128 million pixels of RGB at 16 bits stay below."""

_OTHER_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"\x00\x00\x00\x0cjP  ", "a bare JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a bare JPEG 2000 image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"<", "a web page or XML text"),
    (b"{", "a JSON text"),
    (b"version https://git-lfs", "a Git LFS pointer"),
)


def read(path: Path) -> Radiograph:
    """The file as a Radiograph.

    Raises:
        UserError: The file cannot be opened, is no image this program knows, is damaged, or holds no single picture.
            One line without the file's name, short enough for a table cell.
    """
    return decode(_load(path))


def decode(data: bytes) -> Radiograph:
    """A file's bytes as a Radiograph: for callers who need the bytes as well (to hash them, say).

    Raises:
        UserError: As for `read`.
    """
    if not data:
        raise UserError("Empty file (0 bytes). Copy it again from its source.")
    kind = identify(data)
    if kind is None:
        other = next((name for magic, name in _OTHER_KINDS if data.lstrip()[: len(magic)] == magic), None)
        what = f"This is {other}" if other else "Not a known image"
        raise UserError(f"{what}: no PNG, JPEG, TIFF, WebP or DICOM inside. Export the picture as one of these.")
    return READERS[kind](data)


def digest_of(path: Path) -> str:
    """Hex BLAKE2b-128 of a file's bytes: tells a file whose content changed. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def identify(head: bytes) -> str | None:
    """The kind of file that begins like this (a key of READERS), or None; 132 bytes are enough."""
    if head[128:132] == b"DICM":  # before TIFF: a DICOM preamble may be a TIFF header
        return "dicom"
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "raster"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "raster"
    if _begins_with_an_element(head):
        return "dicom"
    return None


def _begins_with_an_element(head: bytes) -> bool:
    """Whether this may be DICOM without preamble: an element of group 0002 or 0008, its VR or a short length."""
    if len(head) < 8 or head[:2] not in (b"\x02\0", b"\x08\0", b"\0\x08"):
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[4:8], "big" if head[0] == 0 else "little")
    return explicit or length < 1 << 16


def _load(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError("Not a file. Choose an image file.")
        if status.st_size > MAX_FILE_BYTES:
            raise UserError(f"Too large: {status.st_size / 2**30:.1f} GiB in one file. Export single pictures from it.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError("The file is gone. Put it back, or look through the folder again.") from error
    except PermissionError as error:
        raise UserError("No permission to read the file. Ask its owner for access.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(
            f"The file cannot be read ({reason}). Check the disk or the network, then try again."
        ) from error
