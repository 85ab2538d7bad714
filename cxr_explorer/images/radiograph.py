"""Radiograph: one image as read from a file, with all that is needed to draw it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.errors import UserError

Float = NDArray[np.float32]


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
        first: The stored value that maps to `entries[0]`.
        entries: (L,) float32, already scaled to 0..1.
        explanation: What the table is, for the reader.
    """

    first: float
    entries: Float
    explanation: str = ""


Voi = Window | LookupTable


def render(values: Float, voi: Voi, inverted: bool) -> Float:
    """Values to the display range: (H, W) float32 in [0, 1]. Raises UserError for a window of width <= 0."""
    raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One image.

    Attributes:
        values: (H, W) float32 after the modality LUT, row 0 at the top, square pixels, never flipped.
        voi: The file's default transformation of values to 0..1.
        inverted: Whether the display range is inverted after the VOI step (MONOCHROME1 and/or INVERSE, as ONE
            inversion), so that air is dark on the screen.
        facts: Acquisition facts without identifiers (view, sex, age, modality, maker …), text by name.
        notes: What a reader should know about how the picture was made ("no window in the file: robust percentiles").
    """

    values: Float
    voi: Voi
    inverted: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def pixels(self) -> Float:
        """(H, W) float32 in [0, 1]: the picture as the file means it to be seen."""
        return render(self.values, self.voi, self.inverted)
