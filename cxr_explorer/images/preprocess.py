"""Radiograph to encoder input and to thumbnail: the only definition of either."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr_explorer.images.radiograph import Float, Radiograph

RENDERING_VERSION = 1
"""Part of every embedding's key: raise it when every file would be rendered or preprocessed differently. Where some
kinds of file would, raise `redrawn.REDRAWN_VERSION`: their embeddings alone are made anew."""

THUMBNAIL_PX = 160
"""Longer side of a thumbnail."""

_JPEG_QUALITY = 80  # 3 to 5 kB a thumbnail, no visible blocks at twice the size


@dataclass(frozen=True)
class InputSpec:
    """What an encoder is fed.

    Attributes:
        size_px: Side of the square input.
        fit: "squash" stretches the whole image to the square; "pad" keeps its aspect ratio on black.
        mean: Subtracted from pixels in [0, 1].
        std: What the difference is divided by.
    """

    size_px: int
    fit: Literal["squash", "pad"] = "squash"
    mean: float = 0.5
    std: float = 0.25


def preprocess(radiograph: Radiograph, spec: InputSpec) -> Float:
    """The encoder's input, (1, size_px, size_px) float32: the picture resized, then (pixel - mean) / std."""
    size = spec.size_px
    if spec.fit == "squash":
        picture = _resize(radiograph.pixels, size, size)
    else:
        part = _resize(radiograph.pixels, *_fitted(radiograph.pixels.shape, size))
        top, left = (size - part.shape[0]) // 2, (size - part.shape[1]) // 2
        picture = np.zeros((size, size), dtype=np.float32)
        picture[top : top + part.shape[0], left : left + part.shape[1]] = part
    picture -= np.float32(spec.mean)
    picture /= np.float32(spec.std)
    return picture[np.newaxis]  # (1, size, size)


def thumbnail(radiograph: Radiograph) -> NDArray[np.uint8]:
    """(h, w) uint8, the longer side THUMBNAIL_PX (or the picture's own where that is smaller), aspect ratio kept."""
    pixels = radiograph.pixels
    longer_px = min(THUMBNAIL_PX, max(pixels.shape))
    small = _resize(pixels, *_fitted(pixels.shape, longer_px))
    return np.asarray(np.rint(small * np.float32(255)), dtype=np.uint8)


def thumbnail_jpeg(radiograph: Radiograph) -> bytes:
    """The thumbnail as a gray JPEG file."""
    file = io.BytesIO()
    Image.fromarray(thumbnail(radiograph)).save(file, format="JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _fitted(shape: tuple[int, ...], longer_px: int) -> tuple[int, int]:
    """Height and width of a picture of this shape once its longer side is `longer_px`."""
    height, width = shape
    scale = longer_px / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resize(pixels: Float, height_px: int, width_px: int) -> Float:
    """Antialiased: Pillow's bilinear filter widens with the reduction, so every pixel of the picture counts."""
    if pixels.shape == (height_px, width_px):
        return pixels.copy()
    resized = Image.fromarray(pixels).resize((width_px, height_px), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized, dtype=np.float32), 0.0, 1.0)
