"""The kinds of image file this program reads: what they are called, how they begin, and what reads them.

Readers are imported where they are called: a scan of a folder asks how files begin, and reads none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cxr_explorer.images.dicom_frames import Frame
from cxr_explorer.images.radiograph import Radiograph


@dataclass(frozen=True)
class ImageFormat:
    """A kind of image file.

    Attributes:
        name: What people call it.
        extensions: How such files end, in small letters, the usual one first.
        begins: Whether a file with these first bytes is one; `kinds.HEAD_BYTES` are enough.
        read: A Radiograph of the file's bytes, and of several frames of a DICOM file the wanted one; raises UserError.
    """

    name: str
    extensions: tuple[str, ...]
    begins: Callable[[bytes], bool]
    read: Callable[[bytes, Frame], Radiograph]


def _starting(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _dicom(data: bytes, frame: Frame) -> Radiograph:
    from cxr_explorer.images.dicom import read_dicom

    return read_dicom(data, frame)


def _raster(data: bytes, _frame: Frame) -> Radiograph:
    from cxr_explorer.images.raster import read_raster

    return read_raster(data)


def _is_dicom(head: bytes) -> bool:
    return head[128:132] == b"DICM" or _begins_with_elements(head)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES


_BMP_HEADER_BYTES = frozenset({12, 40, 52, 56, 64, 108, 124})
_JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")  # a file, a bare codestream
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # "+" is BigTIFF

DICOM = ImageFormat("DICOM", ("dcm", "dicom"), _is_dicom, _dicom)
PNG = ImageFormat("PNG", ("png",), _starting(b"\x89PNG\r\n\x1a\n"), _raster)
TIFF = ImageFormat("TIFF", ("tif", "tiff"), _starting(*_TIFF), _raster)
JPEG_2000 = ImageFormat("JPEG 2000", ("jp2", "j2k", "jpf", "jpx"), _starting(*_JPEG_2000), _raster)

IMAGE_FORMATS = (
    DICOM,  # before TIFF: a DICOM preamble may be a TIFF header
    PNG,
    ImageFormat("JPEG", ("jpg", "jpeg", "jpe"), _starting(b"\xff\xd8\xff"), _raster),
    TIFF,
    ImageFormat("WebP", ("webp",), _is_webp, _raster),
    ImageFormat("BMP", ("bmp",), _is_bmp, _raster),
    JPEG_2000,
)
"""What begins like several of them is the first."""

EXTENSIONS = frozenset(extension for format in IMAGE_FORMATS for extension in format.extensions)
"""How files end that claim to be images."""


def format_names() -> str:
    """All of them in words: "PNG, …, JPEG 2000 or DICOM"."""
    names = [format.name for format in (*IMAGE_FORMATS[1:], DICOM)]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def identify(head: bytes) -> ImageFormat | None:
    """The kind of image file that begins like this; `kinds.HEAD_BYTES` are enough."""
    return next((format for format in IMAGE_FORMATS if format.begins(head)), None)


_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # two empty bytes, then four of length


def _begins_with_elements(head: bytes) -> bool:
    """Whether this may be DICOM without preamble: an element of group 0002 or 0008, and a higher one after it."""
    if len(head) < 8 or head[:2] not in (b"\x02\0", b"\x08\0", b"\0\x08"):
        return False
    order = "big" if head[0] == 0 else "little"
    vr = head[4:6]
    if vr in _LONG_VRS:
        return True
    if vr in _VRS:
        length = int.from_bytes(head[6:8], order)  # type: ignore[arg-type]
    elif order == "little":  # an implicit VR
        length = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
    else:
        return False
    after = head[8 + length : 12 + length]
    return length < 1 << 16 and (len(after) < 4 or _tag(after, order) > _tag(head, order))


def _tag(element: bytes, order: str) -> tuple[int, int]:
    group, number = (int.from_bytes(element[start : start + 2], order) for start in (0, 2))  # type: ignore[arg-type]
    return group, number
