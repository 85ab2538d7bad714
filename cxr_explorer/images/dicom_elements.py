"""Elements of a DICOM data set as text and numbers, whatever state the file is in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


def text(dataset: Dataset, keyword: str | int) -> str:
    r"""The element as one line of text, several values joined by "\"; empty where it is absent or unreadable."""
    value = value_of(dataset, keyword)
    if value is None or isinstance(value, bytes):
        return ""
    parts = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
    joined = "\\".join(str(part).strip("\0 \t\r\n") for part in parts).strip("\\")
    return joined if joined.isprintable() else ""


def value_of(dataset: Dataset, keyword: str | int) -> Any:
    """The element's value, by keyword or tag; None where it is absent or cannot be made sense of."""
    try:
        found = dataset.get(keyword)
        return found.value if isinstance(keyword, int) and found is not None else found
    except Exception:  # noqa: BLE001 - over a damaged element pydicom raises nearly anything
        return None


def has_pixels(dataset: Dataset) -> bool:
    """Whether there are pixels of any kind in it: a report or a presentation state has none."""
    return any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def numbers(dataset: Dataset, keyword: str | int) -> list[float]:
    """The element's finite numbers; empty where it is absent, empty or no number."""
    found = []
    for part in text(dataset, keyword).split("\\"):
        try:
            number = float(part)
        except ValueError:
            return []
        if not math.isfinite(number):
            return []
        found.append(number)
    return found


def items(dataset: Dataset, keyword: str | int) -> list[Dataset]:
    """The items of a sequence; empty where it is absent or no sequence."""
    value = value_of(dataset, keyword)
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else []
