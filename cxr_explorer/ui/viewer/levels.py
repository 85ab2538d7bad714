"""Levels: a radiograph's values at 16 bits, ready to be windowed many times a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.images.radiograph import Float, LookupTable, Radiograph, Voi, Window, render

LEVELS = 65536
_OUTSIDE, _DRAWN, _DRAWN_OUTSIDE = 65533, 65534, 65535
"""Levels of a picture that has such parts; its values then have those below."""
MIN_LEVELS_IN_WINDOW = 4096
"""12 bits: what a window of the file must keep, however far the values reach beyond it."""

Codes = NDArray[np.uint16]
Gray = NDArray[np.uint8]


class Levels:
    """Values quantised once to 65,536 levels; any window is then one table look-up.

    Each level stands for a value that occurs in the image, so that images of up to 16 bits are kept exactly. Where
    values reach so far that a window of the file would keep fewer than 12 bits, three quarters of the levels are
    spent on the window and its surroundings. What is no picture, and what is drawn over it, has levels of its own:
    the three highest, where there are such parts.

    Args:
        radiograph: Whose values; its transformation is the one to keep 12 bits in.

    Attributes:
        lowest: The smallest value.
        highest: The largest value.
    """

    def __init__(self, radiograph: Radiograph) -> None:
        values = np.ascontiguousarray(radiograph.values, np.float32)
        outside, drawn = radiograph.outside, radiograph.drawn
        self._has_parts = outside is not None or drawn is not None
        count = _OUTSIDE if self._has_parts else LEVELS
        self.lowest = float(values.min())
        self.highest = float(values.max())
        codes, levels = _quantise_evenly(values, self.lowest, self.highest, count)
        inside = _inside(radiograph.voi, self.lowest, self.highest)
        if inside is not None and not np.array_equal(levels[codes], values):
            codes, levels = _quantise_around(values, np.array([self.lowest, *inside, self.highest]), count)
        if outside is not None:
            codes[outside] = _OUTSIDE
        if drawn is not None:
            codes[drawn] = _DRAWN if outside is None else np.where(outside[drawn], _DRAWN_OUTSIDE, _DRAWN)
        self._levels = levels  # (65536,) float32
        self._pyramid = [codes]  # (H, W), (H/2, W/2), ...

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        rows, columns = self._pyramid[0].shape
        return rows, columns

    def table(self, voi: Voi, inverted: bool, inverted_by_reader: bool = False) -> Gray:
        """Gray on the screen by level, (65536,) uint8.

        What is no picture stays black when the reader inverts, or it would dazzle; what is drawn over the picture is
        inverted with it, or it would be lost on the bright air.

        Args:
            voi: The transformation.
            inverted: Whether it is inverted before the reader's own inversion.
            inverted_by_reader: Whether the reader inverted the display.

        Raises:
            UserError: A window of width <= 0.
        """
        table = np.rint(render(self._levels[None, :], voi, inverted != inverted_by_reader)[0] * 255).astype(np.uint8)
        if self._has_parts:
            table[[_OUTSIDE, _DRAWN, _DRAWN_OUTSIDE]] = 0, 0 if inverted_by_reader else 255, 255
        return table

    def codes(self, halvings: int) -> Codes:
        """The image as levels, halved in both directions this many times, odd edges repeated."""
        while len(self._pyramid) <= halvings:
            self._pyramid.append(_halve_parts(self._pyramid[-1]) if self._has_parts else _halve(self._pyramid[-1]))
        return self._pyramid[halvings]

    def spread(self) -> float:
        """How far apart the values lie: from the 0.5th to the 99.5th percentile of a sample, > 0."""
        codes = self._pyramid[0]
        step = max(1, int((codes.size / 100_000) ** 0.5))
        sample = codes[::step, ::step]
        if self._has_parts and (sample < _OUTSIDE).any():
            sample = sample[sample < _OUTSIDE]
        low, high = np.percentile(self._levels[sample], [0.5, 99.5])
        return float(high - low) or (self.highest - self.lowest) or 1.0


def _quantise_evenly(values: Float, lowest: float, highest: float, count: int) -> tuple[Codes, Float]:
    """To the first `count` levels."""
    span = max(highest - lowest, float(np.finfo(np.float32).tiny) * LEVELS)
    steps = np.multiply(values - np.float32(lowest), np.float32((count - 1) / span))
    return _occurring(values, steps, lowest + np.arange(LEVELS, dtype=np.float64) * (span / (count - 1)))


def _quantise_around(values: Float, bounds: NDArray[np.float64], count: int) -> tuple[Codes, Float]:
    """Three quarters of the first `count` levels between the two bounds in the middle, an eighth for either tail."""
    nodes = np.array([0, count // 8, count - count // 8, count - 1], np.float64)
    steps = np.interp(values, bounds, nodes).astype(np.float32)
    return _occurring(values, steps, np.interp(np.arange(LEVELS), nodes, bounds))


def _occurring(values: Float, steps: Float, levels: NDArray[np.float64]) -> tuple[Codes, Float]:
    """Round the steps, and let each level that is used stand for one of its values."""
    steps += np.float32(0.5)
    codes = steps.astype(np.uint16)
    chosen = levels.astype(np.float32)
    chosen[codes.reshape(-1)] = values.reshape(-1)
    return codes, chosen


def _inside(voi: Voi, lowest: float, highest: float) -> tuple[float, float] | None:
    """The values to spend most levels on; None where even levels keep 12 bits in the window."""
    if isinstance(voi, Window):
        centre, width = voi.centre, voi.width
    else:
        width = float(len(voi.entries))
        centre = voi.first + width / 2
    if width <= 0 or highest - lowest <= width * (LEVELS // MIN_LEVELS_IN_WINDOW):
        return None
    low, high = max(centre - 2 * width, lowest), min(centre + 2 * width, highest)
    return (low, high) if low < high else None


def _halve(codes: Codes) -> Codes:
    rows, columns = codes.shape
    if rows % 2 or columns % 2:
        codes = np.pad(codes, ((0, rows % 2), (0, columns % 2)), mode="edge")
    total = codes[0::2, 0::2].astype(np.uint32)
    total += codes[0::2, 1::2]
    total += codes[1::2, 0::2]
    total += codes[1::2, 1::2]
    total += 2
    total >>= 2
    return total.astype(np.uint16)


def _halve_parts(codes: Codes) -> Codes:
    """As `_halve`, of the picture's own levels alone: no padding runs into the picture, no line drawn on it is lost."""
    rows, columns = codes.shape
    if rows % 2 or columns % 2:
        codes = np.pad(codes, ((0, rows % 2), (0, columns % 2)), mode="edge")
    four = np.stack([codes[i::2, j::2] for i in (0, 1) for j in (0, 1)])  # (4, H/2, W/2)
    is_picture = four < _OUTSIDE
    count = is_picture.sum(axis=0, dtype=np.uint32)
    total = np.where(is_picture, four, 0).sum(axis=0, dtype=np.uint32)
    mean = ((total + count // 2) // np.maximum(count, 1)).astype(np.uint16)
    highest = four.max(axis=0)
    return np.where((highest >= _DRAWN) | (count < 2), highest, mean)


def linear_window(table: LookupTable) -> tuple[Window, bool]:
    """The straight line through a table where it leaves 5 % and reaches 95 % of its output range.

    Returns:
        The window, and whether the table falls, so that the line must be inverted to resemble it.
    """
    entries = np.asarray(table.entries, np.float64)
    low, high = float(entries.min()), float(entries.max())
    falls = bool(entries[-1] < entries[0])
    rising = entries[::-1] if falls else entries
    above_5 = int(np.argmax(rising > low + 0.05 * (high - low)))
    below_95 = int(len(rising) - 1 - np.argmax(rising[::-1] < low + 0.95 * (high - low)))
    if high <= low or below_95 <= above_5:
        above_5, below_95 = 0, max(len(rising) - 1, 1)
    if falls:
        above_5, below_95 = len(rising) - 1 - below_95, len(rising) - 1 - above_5
    width = (below_95 - above_5) / 0.9
    centre = table.first + (above_5 + below_95) / 2
    return Window(centre, width, "LINEAR_EXACT", "line through the file's table"), falls


def moved_window(voi: Window, levels: Levels, spread: float, wider: float, higher: float) -> Window:
    """A window made wider and moved, in units of values, as far as there is something to see.

    Args:
        voi: The window.
        levels: Of the image.
        spread: See `Levels.spread`.
        wider: Added to the width.
        higher: Added to the centre.
    """
    # LINEAR takes 1 off the width (PS3.3 C.11.2.1.2.1): below 2 there is nothing to see.
    narrowest = max(spread / 4096, 2.0 if voi.function == "LINEAR" else 0.0)
    width = min(max(voi.width + wider, min(narrowest, voi.width)), 1e3 * spread + voi.width)
    # Not so far that the way back is long; a file's own centre may lie anywhere.
    reach = spread + width
    lowest = min(levels.lowest - reach, voi.centre)
    highest = max(levels.highest + reach, voi.centre)
    centre = min(max(voi.centre + higher, lowest), highest)
    return replace(voi, centre=centre, width=width, explanation="set by you")


CONTRAST = {"More contrast": 0.6, "Less contrast": 1.6}
"""Widths of windows offered beside those of the file, in widths of its own."""


def presets(radiograph: Radiograph) -> dict[str, tuple[Voi, bool]]:
    """Windows to choose from, by name: the file's own, its others, and two by contrast; each with its inversion."""
    found: dict[str, tuple[Voi, bool]] = {"The file's window": (radiograph.voi, radiograph.inverted)}
    for number, voi in enumerate(radiograph.alternatives, 2):
        found[voi.explanation or f"The file's window {number}"] = (voi, radiograph.inverted)
    own, inverted = radiograph.voi, radiograph.inverted
    if isinstance(own, LookupTable):
        own, falls = linear_window(own)
        inverted = inverted != falls
    for name, share in CONTRAST.items():
        width = own.width * share
        if own.function != "LINEAR" or width >= 2:
            found[name] = (replace(own, width=width, explanation=name.lower()), inverted)
    return found
