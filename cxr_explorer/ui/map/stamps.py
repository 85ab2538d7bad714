"""What the rasteriser stamps: coverage of the marks, hatches, opacities, and how much a crowd is shaded."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.colours import MARKS

CROWD_MIN: Final = 2.0
"""Discs over the densest places: from here on single ones can hardly be told, and density is shown by shades."""
REACH_OF_MARKS: Final = 1.3
SHADE_MAX: Final = 0.45
COUNTS: Final = 8192


def _beyond(shape: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far places lie outside the edge of a mark of radius 1 (negative: inside); y downwards.

    All marks but the dot have about the area of the unit disc, and their corners are rounded at REACH_OF_MARKS.
    """
    distance = np.hypot(x, y)
    across, along = np.abs(x), np.abs(y)
    if shape in ("disc", "dot"):
        return distance - (1.0 if shape == "disc" else 0.75)
    if shape == "square":
        edge = np.maximum(across, along) - 0.886
    elif shape == "diamond":
        edge = (across + along) / np.sqrt(2) - 0.886
    elif shape in ("triangle", "inverted triangle"):
        down = y if shape == "triangle" else -y
        edge = np.maximum(down, across * np.sqrt(0.75) - down / 2) - 0.72
    else:
        if shape == "cross":
            across, along = np.abs(x + y) / np.sqrt(2), np.abs(x - y) / np.sqrt(2)
        arms = np.maximum(across - 1.25, along - 0.37), np.maximum(along - 1.25, across - 0.37)
        edge = np.minimum(*arms)
    return np.maximum(edge, distance - REACH_OF_MARKS)


@lru_cache(maxsize=64)
def mark_stamps(
    radius_px: float, grow_px: float, shaped: bool, subpixels: int
) -> tuple[NDArray[np.uint16], NDArray[np.int16]]:
    """Coverage 0..256 of the marks, per sub-pixel position of the centre, and the columns that are not 0 in each row.

    Args:
        radius_px: Of the disc; the other marks are as large.
        grow_px: How far beyond the edge it is filled.
        shaped: All of MARKS, one after the other; else the disc alone.
        subpixels: S, places of the centre within a pixel, each way.

    Returns:
        (K * S * S, D, D) uint16, the centre pixel in the middle, and (K * S * S, D, 2) int16 of first and
        past-the-last.
    """
    half = math.ceil(radius_px * (REACH_OF_MARKS if shaped else 1.0) + grow_px + 0.5)
    centre = (np.arange(subpixels) + 0.5) / subpixels
    pixel = np.arange(-half, half + 1) + 0.5
    offset = (pixel[None, :] - centre[:, None]) / radius_px  # (S, D)
    x, y = np.broadcast_arrays(offset[None, :, None, :], offset[:, None, :, None])  # (S y, S x, D y, D x)
    size = 2 * half + 1
    beyond = np.stack([_beyond(shape, x, y) for shape in (MARKS if shaped else ("disc",))]) * radius_px
    coverage = np.clip(grow_px + 0.5 - beyond, 0, 1).reshape(-1, size, size)
    alpha = np.rint(coverage * 256).astype(np.uint16)
    inside = alpha > 0
    first = inside.argmax(axis=2)
    end = np.where(inside.any(axis=2), size - inside[:, :, ::-1].argmax(axis=2), first)
    return alpha, np.ascontiguousarray(np.stack([first, end], axis=2).astype(np.int16))


@cache
def hatches(size_px: int) -> NDArray[np.uint8]:
    """(7, size, size) 0 or 1: none, two diagonals, level, upright, crossed, and spots."""
    y, x = np.mgrid[:size_px, :size_px]
    slash, backslash = (x + y) % size_px < 6, (x - y) % size_px < 6
    spots = np.hypot(x % 8 - 3.5, y % 8 - 3.5) < 2.8
    patterns = (np.zeros_like(slash), slash, backslash, y < 6, x < 6, slash ^ backslash, spots)
    return np.stack(patterns).astype(np.uint8)


@lru_cache(maxsize=64)
def _opacity_table(overlap: float) -> NDArray[np.uint16]:
    single = float(np.clip(1.06 * (1 + overlap) ** -0.3, 0.45, 1.0))
    table = 1 - (1 - single) ** np.maximum(np.arange(256), 1)
    return np.rint(table * 256).astype(np.uint16)


def opacity(overlap: float) -> NDArray[np.uint16]:
    """(256,) opacity 0..256 of a disc by the points in its pixel: as if each were laid on the last.

    Args:
        overlap: Discs that cover a typical spot, over pi. The more, the more transparent a single one, so that density
            shows.
    """
    return _opacity_table(round(overlap, 1))


@lru_cache(maxsize=16)
def shade_levels(discs_per_count: float, crowded: float) -> NDArray[np.uint8]:
    """(COUNTS,) how far the colour of a place is drawn towards the foreground, 0..255, by its smoothed count."""
    discs = np.maximum(np.arange(COUNTS) * discs_per_count, 1)
    share = np.clip(np.log(discs) / np.log(crowded), 0, 1)
    strength = SHADE_MAX * min(1.0, np.log2(crowded / CROWD_MIN) / 3)
    return np.rint(255 * strength * share).astype(np.uint8)
