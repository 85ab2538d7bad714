"""Where a point of the file's picture lies on the screen, however the picture is turned, mirrored, zoomed and moved."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF

Point = tuple[float, float]
"""x and y in pixels of the file's picture, from its upper left corner; (0.5, 0.5) is the middle of the first pixel."""


@dataclass(frozen=True)
class Placing:
    """How a picture lies in a widget.

    Attributes:
        size: Columns and rows of the file's picture.
        mirrored: Whether left and right are changed, before it is turned.
        turns: Quarters clockwise, 0..3.
        scale: Logical pixels of the screen to one of the picture.
        origin: Where the upper left corner of what is seen lies in the widget.
    """

    size: tuple[int, int]
    mirrored: bool
    turns: int
    scale: float
    origin: QPointF

    def to_screen(self, point: Point) -> QPointF:
        """A point of the file's picture in the widget."""
        x, y = point
        width, height = self.size
        if self.mirrored:
            x = width - x
        for _ in range(self.turns):
            x, y, width, height = height - y, x, height, width
        return self.origin + QPointF(x, y) * self.scale

    def to_picture(self, place: QPointF) -> Point:
        """A place in the widget in the file's picture; beyond its edge, the nearest point of the edge."""
        seen = (place - self.origin) / self.scale
        x, y = seen.x(), seen.y()
        width, height = self.size[::-1] if self.turns % 2 else self.size
        for _ in range(self.turns):
            x, y, width, height = y, width - x, height, width
        if self.mirrored:
            x = width - x
        return min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))
