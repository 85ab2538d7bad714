"""Radiograph: one image as read from a file, with all that is needed to draw it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError
from cxr_explorer.images.scale import Scale

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_SIDE_PX = 16
"""Shorter sides are icons or test patterns: no radiograph can be told from them."""

MAX_PIXELS = 128_000_000
"""More is no radiograph (a 43 x 43 cm film at 50 µm has 74 million) but memory for nothing, or a decompression bomb."""

_PERCENTILES = (0.5, 99.5)
_MOST_ISOLATED = 5.0  # per cent of the pixels at either end: more is a border or air, and part of the picture
_MOST_IN_GAP = 0.001  # of the pixels; or half as many as are isolated: letters have soft rims
_SAMPLE_PIXELS = 1_000_000  # percentiles of every n-th pixel: the same window to the eye, in a tenth of the time


@dataclass(frozen=True)
class Window:
    """A VOI window (DICOM PS3.3 C.11.2.1.2): values in the file's modality units become 0..1.

    Attributes:
        centre: Window centre, in the units of `Radiograph.values`.
        width: Window width, same units, > 0.
        function: DICOM's VOI LUT function.
        explanation: What the window is, for the reader ("NORMAL", "robust percentiles 0.5 to 99.5").
    """

    centre: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR_EXACT"
    explanation: str = ""


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A VOI LUT from the file: values below `first` take the first entry, above the end the last.

    Attributes:
        first: The modality value that maps to `entries[0]`.
        entries: (L,) float32, already scaled to 0..1.
        explanation: What the table is, for the reader.
    """

    first: float
    entries: Float
    explanation: str = ""


Voi = Window | LookupTable


def render(values: Float, voi: Voi, inverted: bool) -> Float:
    """Values to the display range.

    Args:
        values: (H, W) float32, finite, in the units of `voi`.
        voi: The window (formulas of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3, with an output range of 0..1) or the table.
        inverted: Whether dark and bright change places after the VOI step.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        UserError: The window's width is not above 0, or its centre is no number.
    """
    picture = _look_up(values, voi) if isinstance(voi, LookupTable) else _apply_window(values, voi)
    if inverted:
        np.subtract(1.0, picture, out=picture)
    return picture


def _look_up(values: Float, table: LookupTable) -> Float:
    positions = np.rint(values - np.float32(table.first))
    np.clip(positions, 0, len(table.entries) - 1, out=positions)
    picture: Float = table.entries[positions.astype(np.intp)]
    return picture


def _apply_window(values: Float, window: Window) -> Float:
    centre, width = window.centre, window.width
    if not (0.0 < width < np.inf) or not np.isfinite(centre):
        raise UserError(
            f"Cannot draw the image: a window of centre {centre:g} and width {width:g} is empty. Use a width above 0."
        )
    if window.function == "SIGMOID":
        exponent = (values - np.float32(centre)) * np.float32(-4.0 / width)
        np.clip(exponent, -80.0, 80.0, out=exponent)  # exp overflows float32 beyond 88
        np.exp(exponent, out=exponent)
        exponent += 1.0
        np.reciprocal(exponent, out=exponent)
        return exponent
    if window.function == "LINEAR":
        # The one-off in C.11.2.1.2.1: a width of w covers w stored values, thus w - 1 steps.
        centre, width = centre - 0.5, width - 1.0
        if width <= 0.0:
            return np.asarray(values > np.float32(centre - width / 2), dtype=np.float32)
    picture = values - np.float32(centre)
    picture *= np.float32(1.0 / width)
    picture += np.float32(0.5)
    np.clip(picture, 0.0, 1.0, out=picture)
    return picture


def robust_window(values: Float, counted: Mask | None = None) -> Window:
    """The window from percentile 0.5 to 99.5, which dead pixels do not move, of all but isolated extremes.

    A burnt-in marker can be larger than half a per cent: were it counted, the film would be drawn black.

    Args:
        values: (H, W) float32, finite.
        counted: (H, W) bool, the pixels that count; None or none at all counts them all.
    """
    step = max(1, int((values.size / _SAMPLE_PIXELS) ** 0.5))
    sample = values[::step, ::step]
    if counted is not None and counted[::step, ::step].any():
        sample = sample[counted[::step, ::step]]
    explanation = f"robust percentiles {_PERCENTILES[0]} to {_PERCENTILES[1]}"
    low, below, above, high = np.percentile(
        sample, [_PERCENTILES[0], _MOST_ISOLATED, 100 - _MOST_ISOLATED, _PERCENTILES[1]]
    ).tolist()
    if (
        above > below and max(below - low, high - above) > above - below
    ):  # else nothing lies as far out as a gap is wide
        kept = sample[_is_picture(sample, below, above)]
        if kept.size < sample.size:
            low, high = np.percentile(kept, _PERCENTILES).tolist()
            explanation += f" without isolated extremes ({100 - 100 * kept.size / sample.size:.2g} %)"
    if high <= low:  # nearly all pixels are equal: what remains lies outside the percentiles
        low, high = float(values.min()), float(values.max())
        explanation = "smallest to largest value"
    if high <= low:
        return Window(centre=low, width=1.0, explanation="every pixel has the same value")
    return Window(centre=(low + high) / 2, width=high - low, explanation=explanation)


def _is_picture(sample: Float, below: float, above: float) -> Mask:
    """False for the isolated extremes, which lie beyond a gap below `below` or above `above`."""
    sparse = _MOST_IN_GAP * sample.size
    highest = _last_before_gap(np.sort(sample[sample >= above]), below, sparse)
    lowest = -_last_before_gap(np.sort(-sample[sample <= below]), -above, sparse)
    return np.asarray((sample >= lowest) & (sample <= highest))


def _last_before_gap(tail: Float, start: float, sparse: float) -> float:
    """The first value that a gap follows which is as wide as all from `start` to it; infinite where there is none.

    Args:
        tail: (T,) ascending, the upper end of the values.
        start: Where the bulk of the values begins, below all of `tail`.
        sparse: How many values a gap may hold; or half as many as lie beyond it.
    """
    here = np.searchsorted(tail, tail, side="right")
    there = np.searchsorted(tail, 2 * tail.astype(np.float64) - start, side="right")  # float32 may overflow
    isolated = len(tail) - there
    found = np.flatnonzero((isolated > 0) & (there - here <= np.maximum(sparse, isolated / 2)))
    return float(tail[found[0]]) if len(found) else np.inf


def full_range(largest: float) -> Window:
    """The window that shows 0 as black and `largest` as white: what 8-bit images are made for."""
    return Window(centre=largest / 2, width=largest, explanation=f"full range 0 to {largest:g}")


def is_coloured(rgb: NDArray[np.integer[Any]], largest: float) -> bool:
    """Whether more than one pixel in a thousand is plainly coloured, beyond what JPEG does to gray.

    Args:
        rgb: (H, W, 3).
        largest: The value of full red, green or blue.
    """
    step = max(1, int((rgb.shape[0] * rgb.shape[1] / 250_000) ** 0.5))
    sample = rgb[::step, ::step, :3].astype(np.int32)
    return bool(((sample.max(axis=2) - sample.min(axis=2)) > largest / 10).mean() > 0.001)


def check_size(height_px: int, width_px: int) -> None:
    """Refuses what is too small or too large for a radiograph, before memory is spent on it.

    Raises:
        UserError: A side is below MIN_SIDE_PX, or there are more than MAX_PIXELS.
    """
    if min(height_px, width_px) < MIN_SIDE_PX:
        raise UserError(
            f"Too small: {width_px} x {height_px} pixels, at least {MIN_SIDE_PX} a side are needed. Export it larger."
        )
    if height_px * width_px > MAX_PIXELS:
        raise UserError(
            f"Too large: {width_px} x {height_px} pixels, more than {MAX_PIXELS // 10**6} million. Export it smaller."
        )


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One image.

    Attributes:
        values: (H, W) float32 after the modality LUT, finite, row 0 at the top, square pixels, never flipped.
        voi: The file's default transformation of values to 0..1.
        inverted: Whether the display range is inverted after the VOI step (MONOCHROME1 and/or INVERSE, as ONE
            inversion), so that air is dark on the screen.
        facts: Acquisition facts without identifiers (view, sex, age, modality, maker …), text by name.
        notes: What a reader should know about how the picture was made ("no window in the file: robust percentiles").
        alternatives: The file's other windows and tables, to choose from while viewing.
        outside: (H, W), True where there is no picture (padding, beyond a shutter): black, whatever window and
            polarity; `values` hold the smallest value of the picture there. None where all is picture.
        drawn: (H, W), True where the file draws something over the picture (a side marker in an overlay): white. None
            where nothing is drawn.
        scale: How large a pixel is; None where that is not known. The dots per inch of a PNG or JPEG file are no such
            knowledge: they speak of paper.
        patient: A hash that is equal for one patient's films, see `dicom_patient`; "" where nobody is named. Not to be
            stored as it is.
        frame: Which of the file's frames it is, counted from 1.
        frames: How many frames the file has.
    """

    values: Float
    voi: Voi
    inverted: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    alternatives: tuple[Voi, ...] = ()
    outside: Mask | None = None
    drawn: Mask | None = None
    scale: Scale | None = None
    patient: str = ""
    frame: int = 1
    frames: int = 1

    @cached_property
    def pixels(self) -> Float:
        """(H, W) float32 in [0, 1]: the picture as the file means it to be seen."""
        pixels = render(self.values, self.voi, self.inverted)
        if self.outside is not None:
            pixels[self.outside] = 0.0
        if self.drawn is not None:
            pixels[self.drawn] = 1.0
        return pixels
