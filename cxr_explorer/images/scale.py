"""How large a pixel is, and where that holds: a radiograph is a shadow, larger on the detector than in the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Plane = Literal["patient", "detector", "film", "unstated"]


@dataclass(frozen=True)
class Scale:
    """Millimetres to a pixel of `Radiograph.values`.

    Attributes:
        row_mm: From the centre of one row to that of the next, > 0.
        column_mm: Likewise of columns, > 0.
        plane: Where these are millimetres. "patient": the file says that they are calibrated, by geometry or by an
            object of known size; "detector" and "film": not corrected for magnification; "unstated": the file gives a
            size and does not say where it holds.
    """

    row_mm: float
    column_mm: float
    plane: Plane

    def length_mm(self, columns: float, rows: float) -> float:
        """Of a line that goes so many columns sideways and so many rows down."""
        return math.hypot(columns * self.column_mm, rows * self.row_mm)
