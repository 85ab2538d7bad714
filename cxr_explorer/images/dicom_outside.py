"""What of a DICOM file's pixels is no picture: padding, and what lies beyond a shutter or a collimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from cxr_explorer.images.dicom_elements import numbers, text
from cxr_explorer.images.dicom_overlays import overlay_bits
from cxr_explorer.images.dicom_pixels import Integers
from cxr_explorer.images.radiograph import Mask

if TYPE_CHECKING:
    from pydicom import Dataset

_PADDING = (
    ("PixelPaddingValue", "PixelPaddingRangeLimit"),
    ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
)
_FARTHEST = 1e6  # pixels: no edge lies so far away
_LEAST_LEFT = 0.01  # of the picture; a shutter that leaves less is a mistake


def find_outside(
    dataset: Dataset, stored: Integers, interpretation: str, pixel_height: float, notes: list[str]
) -> Mask | None:
    """(H, W) bool, True where the file says that there is no picture; None where all is picture.

    That part is shown black: the ShutterPresentationValue is a wish for paper and film, and bright surroundings
    dazzle. What makes no sense, or would hide everything, is ignored and noted.

    Args:
        dataset: The file.
        stored: (H, W) or (H, W, 3), as decoded.
        interpretation: Photometric interpretation; padding belongs to gray pictures (PS3.3 C.7.5.1.1.2).
        pixel_height: Height of a pixel in widths.
        notes: Grows by what was found.
    """
    is_gray = stored.ndim == 2 and interpretation.startswith("MONOCHROME")
    parts = {
        "padding": _padding(dataset, stored) if is_gray else None,
        "beyond the shutter": _beyond_shutter(dataset, stored.shape[:2], pixel_height, notes),
        "beyond the collimator": _beyond_collimator(dataset, stored, pixel_height, notes) if is_gray else None,
    }
    outside = np.zeros(stored.shape[:2], dtype=np.bool_)
    for name, part in parts.items():
        if part is None or not part.any():
            continue
        if (outside | part).all():
            notes.append(f"{name}: would hide the whole picture, ignored")
            continue
        notes.append(f"{name}: {100 * part.mean():.3g} % of the pixels, shown black")
        outside |= part
    return outside if outside.any() else None


# ---------------------------------------------------------------------------------------------- padding


def _padding(dataset: Dataset, stored: Integers) -> Mask | None:
    """The pixels whose stored value is PixelPaddingValue, or lies between it and PixelPaddingRangeLimit."""
    for keyword, limit_keyword in _PADDING:
        limits = [*numbers(dataset, keyword)[:1], *numbers(dataset, limit_keyword)[:1]]
        if keyword in dataset and limits:
            if stored.dtype.kind in "iu":
                limits = [_as_stored(limit, dataset, stored) for limit in limits]
            return np.asarray((stored >= min(limits)) & (stored <= max(limits)))
    return None


def _as_stored(value: float, dataset: Dataset, stored: Integers) -> float:
    """The number that the value's bits make among these pixels.

    Its VR is that of the pixels, US or SS (PS3.5 A.1), but files carry the other one, or bits above those stored.
    """
    allocated = stored.dtype.itemsize * 8
    bits = int(min(max(1, (numbers(dataset, "BitsStored") or [allocated])[0]), allocated))
    if stored.dtype.kind == "u":
        value += 2**allocated if value < 0 else 0
        above = int(value) >> bits
        is_filled = above > 0 and above == 2 ** (allocated - bits) - 1  # all of the unused bits are set
        return int(value) & (2**bits - 1) if is_filled and value > stored.max() else value
    for width in (allocated, bits):
        value -= 2**width if value >= 2 ** (width - 1) else 0
    return value


# ---------------------------------------------------------------------------------------------- shutter and collimator


def _beyond_shutter(dataset: Dataset, shape: tuple[int, ...], pixel_height: float, notes: list[str]) -> Mask | None:
    """What lies outside one of the display shutters (PS3.3 C.7.6.11, C.7.6.15)."""
    open_areas = _areas(dataset, "Shutter", shape, pixel_height)
    if "BITMAP" in text(dataset, "ShutterShape"):
        group = [int(number) for number in numbers(dataset, "ShutterOverlayGroup")]
        closed = overlay_bits(dataset, group[0], shape) if group else None
        open_areas.append(None if closed is None else ~closed)
    sensible = [area for area in open_areas if area is not None and area.mean() >= _LEAST_LEFT]
    if len(sensible) < len(open_areas):
        notes.append("a shutter in the file makes no sense: ignored")
    return np.asarray(~np.all(sensible, axis=0)) if sensible else None


def _beyond_collimator(dataset: Dataset, stored: Integers, pixel_height: float, notes: list[str]) -> Mask | None:
    """What lies outside the collimator (PS3.3 C.8.7.3), where it can be believed.

    Files give its edges in millimetres or by the uncut detector, too (of one CR: columns -184 to 184). To hide anatomy
    is worse than to show an empty margin: what it would hide must look empty.
    """
    areas = _areas(dataset, "Collimator", stored.shape, pixel_height, may_reach_out=False)
    sensible = [area for area in areas if area is not None]
    beyond: Mask = np.asarray(~np.all(sensible, axis=0)) if sensible else np.zeros(stored.shape, np.bool_)
    if len(sensible) < len(areas) or not _is_empty(stored, beyond):
        notes.append("the collimator in the file does not fit the picture: ignored")
        return None
    return beyond


def _is_empty(stored: Integers, margin: Mask) -> bool:
    """Whether the margin leaves something, and its values vary by less than half of what those in the picture do."""
    step = max(1, int((stored.size / 250_000) ** 0.5))
    sample, margin = stored[::step, ::step], margin[::step, ::step]
    if not margin.any():
        return True
    return bool(margin.mean() < 1 - _LEAST_LEFT and _spread(sample[margin]) <= _spread(sample[~margin]) / 2)


def _spread(values: Integers) -> float:
    low, high = np.percentile(values, [10, 90])
    return float(high - low)


def _areas(
    dataset: Dataset, kind: str, shape: tuple[int, ...], pixel_height: float, may_reach_out: bool = True
) -> list[Mask | None]:
    """One (H, W) mask for each shape named, True inside it; None for one that makes no sense.

    Args:
        dataset: The file.
        kind: "Shutter" or "Collimator": their elements are named and meant alike.
        shape: (H, W) of the picture.
        pixel_height: Height of a pixel in widths: a circle is round on the patient.
        may_reach_out: Whether an edge beyond the picture makes sense.
    """
    drawers: dict[str, Callable[..., Mask | None]] = {
        "RECTANGULAR": _rectangle,
        "CIRCULAR": _circle,
        "POLYGONAL": _polygon,
    }
    names = [name for name in text(dataset, f"{kind}Shape").split("\\") if name in drawers]
    return [drawers[name](dataset, kind, shape, pixel_height, may_reach_out) for name in dict.fromkeys(names)]


def _rectangle(dataset: Dataset, kind: str, shape: tuple[int, ...], _: float, may_reach_out: bool) -> Mask | None:
    """Between the edges, which still belong to the picture; rows and columns count from 1."""
    edges = [
        numbers(dataset, f"{kind}{edge}Edge")
        for edge in ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    ]
    if not all(len(edge) == 1 for edge in edges):
        return None
    left, right, upper, lower = (int(edge[0]) for edge in edges)
    height, width = shape
    reaches_out = min(left, upper) < 0 or right > width + 1 or lower > height + 1
    if left > right or upper > lower or (reaches_out and not may_reach_out):
        return None
    inside = np.zeros(shape, dtype=np.bool_)
    inside[max(0, upper - 1) : max(0, lower), max(0, left - 1) : max(0, right)] = True
    return inside


def _circle(dataset: Dataset, kind: str, shape: tuple[int, ...], pixel_height: float, _: bool) -> Mask | None:
    """Within the radius, which counts in columns."""
    centre, radius = numbers(dataset, f"CenterOfCircular{kind}"), numbers(dataset, f"RadiusOfCircular{kind}")
    if len(centre) != 2 or len(radius) != 1 or radius[0] <= 0 or max(map(abs, (*centre, *radius))) > _FARTHEST:
        return None
    rows = ((np.arange(1, shape[0] + 1) - centre[0]) * pixel_height).astype(np.float32)
    columns = (np.arange(1, shape[1] + 1) - centre[1]).astype(np.float32)
    return np.asarray(np.add.outer(rows**2, columns**2) <= radius[0] ** 2)


def _polygon(dataset: Dataset, kind: str, shape: tuple[int, ...], _: float, may_reach_out: bool) -> Mask | None:
    """Within the vertices, given as row and column by turns."""
    vertices = numbers(dataset, f"VerticesOfThePolygonal{kind}")
    points: list[Any] = [(column - 1, row - 1) for row, column in zip(vertices[::2], vertices[1::2], strict=False)]
    if len(points) < 3 or len(vertices) % 2 or max(map(abs, vertices)) > _FARTHEST:
        return None
    height, width = shape
    if not may_reach_out and not all(-1 <= x <= width and -1 <= y <= height for x, y in points):
        return None
    canvas = Image.new("1", (width, height))
    ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    return np.array(canvas, dtype=np.bool_)
