"""The size of a DICOM file's pixels, by the rules of PS3.3 10.7 (basic pixel spacing calibration)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cxr_explorer.images.dicom_elements import numbers, text
from cxr_explorer.images.scale import Plane, Scale

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_STRETCH = 4.0
"""Pixels more often as high as wide, or as wide as high, are a mistake rather than a detector."""

MAX_SHORTER_SIDE_MM = 600.0
"""No detector or film is larger both ways (43 x 43 cm is usual, long films are long one way only): a spacing that says
so was filled in by a converter, often 1 mm."""

_ALIKE = 1e-3
"""Spacings that differ by less, as a part of themselves, are one figure that was rounded twice."""

Pair = tuple[float, float]


def pixel_height_by_width(dataset: Dataset, notes: list[str]) -> float:
    """Height of a pixel in widths, 1 where the file does not say; `notes` grows by what makes no sense."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"):
        if (pair := _pair(dataset, keyword)) is not None:
            return pair[0] / pair[1]
        if keyword in dataset and numbers(dataset, keyword):
            notes.append(f"{keyword} in the file makes no sense: ignored")
    return 1.0


def read_scale(dataset: Dataset, stored: tuple[int, int], shown: tuple[int, int], notes: list[str]) -> Scale | None:
    """The size of the pixels that are shown; None where the file gives none that can be.

    PixelSpacing with a calibration type of GEOMETRY or FIDUCIAL holds in the patient. Without one it says nothing of
    magnification, and where it repeats the spacing of the detector or of the film it holds there.

    Args:
        dataset: The file.
        stored: Rows and columns of the file: spacings are those of its pixels.
        shown: Rows and columns after pixels were made square.
        notes: Grows by what was ignored.
    """
    pixel, detector, film = (
        _pair(dataset, keyword) for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    )
    calibrated = text(dataset, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    offered: list[tuple[Pair | None, Plane]] = [
        (pixel, "patient" if calibrated else _plane_of(pixel, detector, film)),
        (detector, "detector"),
        (film, "film"),
    ]
    for pair, plane in offered:
        if pair is None:
            continue
        ratio = pair[0] / pair[1]
        sides = [count * each for count, each in zip(stored, pair, strict=True)]
        if not 1 / MAX_STRETCH <= ratio <= MAX_STRETCH or min(sides) > MAX_SHORTER_SIDE_MM:
            notes.append(f"pixels of {pair[0]:.3g} × {pair[1]:.3g} mm are implausible: lengths are given in pixels")
            continue
        return Scale(pair[0] * stored[0] / shown[0], pair[1] * stored[1] / shown[1], plane)
    return None


def _plane_of(pixel: Pair | None, detector: Pair | None, film: Pair | None) -> Plane:
    """Where a PixelSpacing holds of which the file says nothing more."""
    if _are_alike(pixel, detector):
        return "detector"
    return "film" if _are_alike(pixel, film) else "unstated"


def _are_alike(one: Pair | None, other: Pair | None) -> bool:
    both = zip(one, other, strict=True) if one and other else ()
    found = [math.isclose(a, b, rel_tol=_ALIKE) for a, b in both]
    return bool(found) and all(found)


def _pair(dataset: Dataset, keyword: str) -> Pair | None:
    """Of rows, then of columns, as in all these elements; None where it is absent, no pair, or not above 0."""
    found = numbers(dataset, keyword)
    return (found[0], found[1]) if len(found) == 2 and min(found) > 0.0 else None
