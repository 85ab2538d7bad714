"""Colour and transparency of more than 8 bits a channel, of which Pillow keeps the upper eight."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_PNG_DEPTH_AT, _PNG_KIND_AT = 24, 25  # in the file: IHDR comes first
_PNG_WITH_CHANNELS = (2, 4, 6)  # RGB, gray and alpha, RGBA
_TIFF_BITS_PER_SAMPLE = 258
_CODESTREAM, _DEPTH_AFTER = b"\xff\x4f\xff\x51", 42  # of JPEG 2000: SOC and SIZ, the first component's bits less one


def has_deep_channels(data: bytes, image: Image.Image) -> bool:
    """Whether an opened file is gray with alpha, RGB or RGBA of more than 8 bits a channel."""
    if image.mode not in ("LA", "RGB", "RGBA"):
        return False
    if image.format == "PNG":
        return data[_PNG_DEPTH_AT] == 16 and data[_PNG_KIND_AT] in _PNG_WITH_CHANNELS
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS_PER_SAMPLE, (8,))
        return bool(min(bits) == 16)
    if image.format == "JPEG2000":
        depth = data[data.find(_CODESTREAM) + _DEPTH_AFTER :][:1]
        return depth != b"" and depth[0] & 0x7F >= 8
    return False


def read_deep_channels(data: bytes, file_format: str, orientation: int) -> NDArray[np.uint16]:
    """(H, W, 2 to 4) uint16, upright: gray and alpha, RGB, or RGBA.

    Decoded by libpng, libtiff and OpenJPEG, which answer damage with an error.

    Args:
        data: The file.
        file_format: Pillow's name of its format.
        orientation: EXIF's number, 1 to 8.

    Raises:
        ValueError: The file decodes to something else.
        RuntimeError: The decoder's error.
    """
    import imagecodecs

    logging.getLogger("imagecodecs").setLevel(logging.ERROR)  # libpng's warnings are no news to a reader
    codecs = {
        "PNG": imagecodecs.png_decode,
        "TIFF": imagecodecs.tiff_decode,
        "JPEG2000": imagecodecs.jpeg2k_decode,
    }
    array: NDArray[Any] = np.asarray(codecs[file_format](data))
    if array.dtype != np.uint16 or array.ndim != 3 or not 2 <= array.shape[2] <= 4:
        raise ValueError(f"decoded to {array.shape} of {array.dtype}")
    return _upright(array, orientation)


def _upright(array: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """What EXIF's orientation asks for (as `PIL.ImageOps.exif_transpose` does for images)."""
    if orientation in (2, 3):
        array = array[:, ::-1]
    if orientation in (3, 4):
        array = array[::-1]
    if orientation in (6, 7):
        array = array[::-1]
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (7, 8):
        array = array[::-1]
    return array
