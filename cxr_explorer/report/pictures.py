"""The report's pictures: maps and montages, drawn without a window."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from cxr_explorer.project.project import Ids

Mark = Literal["disc", "ring", "cross", "dot"]
"""How a point is drawn: labels differ in shape, not in colour alone."""

_FINE = 2  # drawn at this scale and reduced
_PAPER = (255, 255, 255)
_TILE_PX = 112
_GAP_PX = 3


def draw_map(
    xy: NDArray[np.float32],
    layers: Sequence[tuple[NDArray[np.int64], str, Mark]],
    names: Sequence[tuple[float, float, str]] = (),
    size_px: int = 720,
) -> bytes:
    """A square picture of the map on white.

    Args:
        xy: (N, 2) layout coordinates; y grows upwards.
        layers: Rows of `xy`, their colour as "#RRGGBB" and how they are drawn; later ones lie on top.
        names: x, y and text, written over the points.
        size_px: Side of the picture.

    Returns:
        A PNG file.
    """
    side = size_px * _FINE
    margin = 18 * _FINE
    low, high = (xy.min(axis=0), xy.max(axis=0)) if len(xy) else (np.zeros(2), np.ones(2))
    scale = (side - 2 * margin) / (float((high - low).max()) or 1.0)
    middle = (low + high) / 2
    radius = round(_FINE * float(np.clip(90 / max(len(xy), 1) ** 0.4, 1.3, 5.0)))

    def place(points: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.rint((points - middle) * scale * (1, -1) + side / 2).astype(np.int64)

    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = _PAPER
    for rows, colour, mark in layers:
        at = place(xy[rows])
        rgb = tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
        for dx, dy in _stamp(mark, radius):
            canvas[(at[:, 1] + dy).clip(0, side - 1), (at[:, 0] + dx).clip(0, side - 1)] = rgb
    picture = Image.fromarray(canvas).resize((size_px, size_px), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(18)
    for x, y, text in names:
        left, top = place(np.array([[x, y]], np.float32))[0] / _FINE
        draw.text((left, top), text, fill="#000000", font=font, anchor="mm", stroke_width=4, stroke_fill="#ffffff")
    file = io.BytesIO()
    picture.quantize(255).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _stamp(mark: Mark, radius: int) -> list[tuple[int, int]]:
    """The pixels of a mark, relative to its middle."""
    if mark == "dot":
        radius = max(radius // 2, 1)
    reach = range(-radius, radius + 1)
    disc = [(x, y) for x in reach for y in reach if x * x + y * y <= radius * radius + 1]
    thick = max(radius // 3, 1)
    if mark == "ring":
        return [(x, y) for x, y in disc if x * x + y * y > (radius - thick) ** 2]
    if mark == "cross":
        return [(x, y) for x in reach for y in reach if min(abs(x - y), abs(x + y)) <= thick / 2 + 0.5]
    return disc


def draw_montage(image_ids: Ids, thumbnails: Mapping[int, bytes], columns: int) -> bytes:
    """Thumbnails in rows, in the order of the ids; those that are missing are left out. A JPEG file of full rows."""
    tiles = [thumbnails[image_id] for image_id in image_ids.tolist() if image_id in thumbnails]
    rows = -(-len(tiles) // columns) or 1
    step = _TILE_PX + _GAP_PX
    sheet = Image.new("L", (columns * step - _GAP_PX, rows * step - _GAP_PX), 255)
    for number, jpeg in enumerate(tiles):
        try:
            tile = ImageOps.pad(Image.open(io.BytesIO(jpeg)).convert("L"), (_TILE_PX, _TILE_PX), color=0)
        except (OSError, SyntaxError, ValueError):  # damaged in the project file
            tile = Image.new("L", (_TILE_PX, _TILE_PX), 0)
        sheet.paste(tile, (number % columns * step, number // columns * step))
    file = io.BytesIO()
    sheet.save(file, format="JPEG", quality=80)
    return file.getvalue()
