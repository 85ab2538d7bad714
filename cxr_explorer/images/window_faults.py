"""Windows and tables of a file that cannot be meant for its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr_explorer.images.radiograph import Float, Mask, Voi, Window, render

_LOST = 0.9  # of what the robust window shows in middle grays
_AT_END = 0.001  # of the display's range; a sigmoid never gets there
_LEAST_GRAYS = 0.1  # of the display's range for the robust window's
_LEAST_VALUES = 64  # of a robust window with something in it to see; an empty film is left dark
_SAMPLE_PIXELS = 20_000


@dataclass(frozen=True)
class Fitness:
    """How a view fits a picture's values.

    Attributes:
        fault: Why it cannot be the view of this picture, to stand after "the window in the file"; "" where it can.
        saturated: How much of what the robust window shows in middle grays it shows black or white, 0..1.
    """

    fault: str
    saturated: float


def fitness(values: Float, counted: Mask | None, offered: Sequence[Voi], robust: Window) -> list[Fitness]:
    """One entry for each view that a file offers.

    Windows are copied between files and left behind when values are rescaled: those of 8 bits (127, 255) on 12-bit
    values. What the robust window shows in middle grays is the measure, not all pixels: air may well be black in both.

    Args:
        values: (H, W) float32.
        counted: (H, W) bool, the pixels that count; None counts them all.
        offered: The views.
        robust: The robust window of these values.
    """
    step = max(1, int((values.size / _SAMPLE_PIXELS) ** 0.5))
    sample = values[::step, ::step]
    if counted is not None and counted[::step, ::step].any():
        sample = sample[counted[::step, ::step]]
    if sample.min() == sample.max():
        return [Fitness("", 0.0)] * len(offered)
    grays = render(sample, robust, False)
    middle = sample[(grays > 0.1) & (grays < 0.9)]
    edges = np.array([-0.5, 0.0, 0.5], np.float32) * np.float32(robust.width) + np.float32(robust.centre)
    return [_fitness_of(voi, middle, edges) for voi in offered]


def _fitness_of(voi: Voi, middle: Float, edges: Float) -> Fitness:
    shown = render(middle, voi, False)
    saturated = float(np.mean((shown < _AT_END) | (shown > 1 - _AT_END))) if shown.size else 0.0
    gray_range = np.ptp(render(edges, voi, False))
    if gray_range < 1 / 255:
        return Fitness("shows nothing", saturated)
    if gray_range < _LEAST_GRAYS and edges[2] - edges[0] >= _LEAST_VALUES:
        return Fitness("leaves the picture nearly without contrast", saturated)
    return Fitness("leaves most of the picture black or white" if saturated > _LOST else "", saturated)
