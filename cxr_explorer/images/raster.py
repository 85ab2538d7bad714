"""PNG, JPEG, TIFF, WebP, BMP and JPEG 2000 files become Radiographs."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cxr_explorer.errors import UserError
from cxr_explorer.images.radiograph import (
    Float,
    Radiograph,
    Window,
    check_size,
    full_range,
    is_coloured,
    robust_window,
)
from cxr_explorer.images.raster_channels import has_deep_channels, read_deep_channels

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "JPEG2000")
_TIFF_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0
_TIFF_SAMPLE_FORMAT, _UNSIGNED = 339, 1
_BROKEN = (  # what Pillow's parsers raise over damaged files
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_raster(data: bytes) -> Radiograph:
    """The first picture of a PNG, JPEG, TIFF, WebP, BMP or JPEG 2000 file.

    8-bit values are shown as they are. 16-bit files, gray or colour, that use less than half of their range, and 32-bit
    files, are shown by robust percentiles. Colour becomes luminance (Rec. 601), varying transparency is laid on black,
    and the EXIF orientation is followed. The notes say which of these happened.

    Raises:
        UserError: The file is damaged, of an unknown sort, too small or too large.
    """
    notes: list[str] = []
    image = _decode(data, notes)
    if image.info["channels"] is not None:
        values, voi = _deep(_luminance_of_deep(image.info["channels"], notes), False, notes)
    elif image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values, voi = _deep(_deep_gray(image), image.mode == "F", notes)
    else:
        values, voi = _luminance(image, notes), full_range(255)
    return Radiograph(values=values, voi=voi, inverted=image.info["min_is_white"], notes=tuple(notes))


def _decode(data: bytes, notes: list[str]) -> Image.Image:
    """The loaded, upright picture.

    `info["min_is_white"]` says whether its values still need inverting; `info["channels"]` is (H, W, C) uint16 where
    there are several channels of more than 8 bits, which the picture itself has lost, else None.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata and large sizes; size is checked below
        try:
            image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
            pictures = getattr(image, "n_frames", 1)  # follows the chain of pages in a TIFF file
        except UnidentifiedImageError as error:
            raise UserError(
                "Damaged, or a sort of image this program does not read. Save it as 8- or 16-bit gray PNG."
            ) from error
        except _BROKEN as error:
            raise UserError("Damaged: the image's header cannot be read. Copy it again from its source.") from error
        check_size(image.height, image.width)
        if pictures > 1:
            notes.append(f"first of {pictures} pictures in the file")
        min_is_white = (
            image.format == "TIFF"
            and image.mode[0] in "IF"  # Pillow inverts the 8-bit modes itself, and only those
            and getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == _MIN_IS_WHITE
        )
        orientation = _orientation(image)
        channels = None
        try:
            if image.format == "PNG":  # while loading, Pillow skips the checksums and shows damage as picture
                Image.open(io.BytesIO(data), formats=("PNG",)).verify()
            image.load()
            if has_deep_channels(data, image):
                channels = read_deep_channels(data, image.format or "", orientation)
            if orientation != 1 and image.format != "TIFF":  # Pillow turns TIFF files while it loads them
                image = ImageOps.exif_transpose(image)
        except _BROKEN as error:
            raise UserError(
                "Damaged or cut off: its picture cannot be decoded. Copy it again from its source."
            ) from error
    if orientation != 1:
        notes.append("turned as its EXIF orientation says")
    image.info |= {"min_is_white": min_is_white, "channels": channels}
    return image


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _BROKEN:  # damaged metadata is no reason to refuse the picture
        return 1
    return orientation if orientation in range(2, 9) else 1


def _luminance(image: Image.Image, notes: list[str]) -> Float:
    """(H, W) float32 in [0, 255]."""
    if image.mode == "LAB":
        return np.asarray(image.getchannel(0), dtype=np.float32)
    alpha: Float | None = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
    if image.mode not in ("1", "L"):
        image = image.convert("RGB")
        if is_coloured(np.asarray(image), 255):
            notes.append("colour turned to gray")
    values = np.array(image.convert("L"), dtype=np.float32)  # Pillow's "L" is Rec. 601, exact where R = G = B
    if alpha is not None and alpha.min() != alpha.max():
        values *= alpha / np.float32(255)
        notes.append("transparent parts shown black")
    return values


def _luminance_of_deep(channels: NDArray[np.uint16], notes: list[str]) -> Float:
    """(H, W) float32 in [0, 65535], as `_luminance` does it with fewer bits."""
    count = channels.shape[2]
    if count < 3:
        values = channels[..., 0].astype(np.float32)
    else:
        if is_coloured(channels, max(1.0, float(channels[..., :3].max()))):
            notes.append("colour turned to gray")
        values = np.rint(channels[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32))
    alpha = channels[..., -1]
    if count in (2, 4) and alpha.min() != alpha.max():
        values *= alpha / np.float32(65535)
        notes.append("transparent parts shown black")
    return values


def _deep_gray(image: Image.Image) -> Float:
    """(H, W) float32 of a gray image with more than 8 bits."""
    values = np.array(image)
    if values.dtype == np.int32 and values.min() < 0:  # Pillow takes unsigned 32 bits for signed ones
        formats = getattr(image, "tag_v2", {}).get(_TIFF_SAMPLE_FORMAT, (_UNSIGNED,))
        if image.format == "TIFF" and set(formats) == {_UNSIGNED}:
            values = values.view(np.uint32)
    return values.astype(np.float32)


def _deep(values: Float, is_float: bool, notes: list[str]) -> tuple[Float, Window]:
    """Values, made finite, and window of an image with more than 8 bits."""
    finite = np.isfinite(values)
    if not finite.all():
        if not finite.any():
            raise UserError("Not an image: none of its values is a number. Export it again as 16-bit gray PNG.")
        values[~finite] = values[finite].min()
        notes.append("pixels without a value shown as the smallest")
    low, high = float(values.min()), float(values.max())
    if is_float or low < 0 or high > 65535:
        window = robust_window(values)
        notes.append(f"values from {low:g} to {high:g}: shown by {window.explanation}")
    elif 127 < high <= 255:  # the same picture as its 8-bit twin
        window = full_range(255)
        notes.append("8-bit values in a 16-bit file: shown by the full range 0 to 255")
    else:
        window = robust_window(values)
        if window.width >= 65535 / 2:
            return values, full_range(65535)
        notes.append(f"only {low:g} to {high:g} of 0 to 65535 used: shown by {window.explanation}")
    return values, window
