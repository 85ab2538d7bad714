"""Overlays of a DICOM file (groups 6000 to 601E, PS3.3 C.9.2): bitmaps that lie over the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.images.dicom_elements import numbers, text, value_of
from cxr_explorer.images.dicom_pixels import transfer_syntax
from cxr_explorer.images.radiograph import Mask

if TYPE_CHECKING:
    from pydicom import Dataset

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _TYPE, _ORIGIN, _BIT_POSITION, _DATA = 0x10, 0x11, 0x40, 0x50, 0x102, 0x3000
_MOST_DRAWN = 0.25  # of the picture: lines and letters cover less, and what covers more hides it


def find_drawn(dataset: Dataset, shape: tuple[int, ...], notes: list[str]) -> Mask | None:
    """(H, W) bool, True where the file's graphics (side markers, text, lines) lie over the picture; None without any.

    A side marker tells right from left, so graphics are shown. Regions of interest are somebody's reading of the
    picture: they are noted, and not shown to a reader who is to make up their own mind.

    Args:
        dataset: The file.
        shape: (H, W) of the picture as stored.
        notes: Grows by what is shown and what is not.
    """
    drawn = np.zeros(shape, dtype=np.bool_)
    for group in overlay_groups(dataset):
        bits = overlay_bits(dataset, group, shape)
        if bits is None:
            notes.append("overlay in the file cannot be read: not shown")
        elif not bits.any():
            continue
        elif text(dataset, _element(group, _TYPE)) == "R":
            notes.append("overlay in the file marks a region: not shown")
        elif bits.mean() > _MOST_DRAWN:
            notes.append(f"overlay in the file would hide {100 * bits.mean():.0f} % of the picture: not shown")
        else:
            drawn |= bits
    if not drawn.any():
        return None
    notes.append("overlay of the file (side marker, text or lines) drawn in white")
    return drawn


def overlay_groups(dataset: Dataset) -> list[int]:
    """Groups of the file's overlays, without the one that is a shutter."""
    shutter = numbers(dataset, "ShutterOverlayGroup") if "BITMAP" in text(dataset, "ShutterShape") else []
    return [group for group in _GROUPS if _element(group, _ROWS) in dataset and group not in shutter]


def overlay_bits(dataset: Dataset, group: int, shape: tuple[int, ...]) -> Mask | None:
    """(H, W) bool: the overlay in its place on the picture; None where it cannot be read."""
    rows, columns = (numbers(dataset, _element(group, element)) for element in (_ROWS, _COLUMNS))
    if not rows or not columns or min(rows[0], columns[0]) < 1:
        return None
    size = (int(rows[0]), int(columns[0]))
    if _element(group, _DATA) in dataset:
        bits = _unpacked(dataset, group, size)
    else:
        bits = _among_pixels(dataset, group, size) if size == shape else None
    if bits is None:
        return None
    placed = np.zeros(shape, dtype=np.bool_)
    origin = numbers(dataset, _element(group, _ORIGIN))  # row and column, from 1; may lie outside
    top, left = (int(number) - 1 for number in origin) if len(origin) == 2 else (0, 0)
    part = bits[max(0, -top) :, max(0, -left) :]
    part = part[: max(0, shape[0] - max(0, top)), : max(0, shape[1] - max(0, left))]
    placed[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]] = part
    return placed


def _unpacked(dataset: Dataset, group: int, size: tuple[int, int]) -> Mask | None:
    """OverlayData: one bit a pixel, the lowest first, row after row without a gap (PS3.5 8.1.2)."""
    element = dataset.get(_element(group, _DATA))
    data = value_of(dataset, _element(group, _DATA))
    if not isinstance(data, bytes) or 8 * len(data) < size[0] * size[1]:
        return None
    packed = np.frombuffer(data, np.uint8)
    if not _is_little_endian(dataset) and element.VR == "OW":
        packed = packed[: len(packed) // 2 * 2].view(">u2").astype("<u2").view(np.uint8)
    return np.unpackbits(packed, count=size[0] * size[1], bitorder="little").reshape(size).astype(np.bool_)


def _among_pixels(dataset: Dataset, group: int, size: tuple[int, int]) -> Mask | None:
    """An overlay of before 2004: a bit of each pixel that no value uses."""
    position = [int(number) for number in numbers(dataset, _element(group, _BIT_POSITION))]
    if not position or position[0] not in unused_bits(dataset) or transfer_syntax(dataset).is_encapsulated:
        return None
    order = "<" if _is_little_endian(dataset) else ">"
    count, bytes_each = size[0] * size[1], int(numbers(dataset, "BitsAllocated")[0]) // 8
    data = value_of(dataset, "PixelData")
    if not isinstance(data, bytes) or len(data) < count * bytes_each:
        return None
    words: NDArray[np.integer[Any]] = np.frombuffer(data, f"{order}u{bytes_each}", count)
    return ((words >> position[0]) & 1).astype(np.bool_).reshape(size)


def unused_bits(dataset: Dataset) -> set[int]:
    """The bits of a pixel, the lowest being 0, that are not part of its value."""
    found = [numbers(dataset, keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit")]
    if not all(found) or found[0][0] not in (8, 16, 32):
        return set()
    allocated, stored, high = (int(number[0]) for number in found)
    if not 0 < stored <= high + 1 <= allocated:
        return set()
    return set(range(allocated)) - set(range(high - stored + 1, high + 1))


def _is_little_endian(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is not False


def _element(group: int, element: int) -> int:
    return group << 16 | element
