"""The marks of the map's points, drawn beside the words that explain them."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from cxr_explorer.colours import hatch_of, mark_of

_ARM: Final = 0.3
_SQUARE: Final = ((-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84))
_DIAMOND: Final = ((0.0, -1.12), (1.12, 0.0), (0.0, 1.12), (-1.12, 0.0))
_TRIANGLE: Final = ((0.0, -1.1), (1.1, 0.8), (-1.1, 0.8))
_PLUS: Final = (
    (-_ARM, -1.0), (_ARM, -1.0), (_ARM, -_ARM), (1.0, -_ARM), (1.0, _ARM), (_ARM, _ARM),
    (_ARM, 1.0), (-_ARM, 1.0), (-_ARM, _ARM), (-1.0, _ARM), (-1.0, -_ARM), (-_ARM, -_ARM),
)  # fmt: skip
_TURN: Final = math.sqrt(0.5)
_CORNERS: Final = {
    "square": _SQUARE,
    "diamond": _DIAMOND,
    "triangle": _TRIANGLE,
    "inverted triangle": tuple((x, -y) for x, y in _TRIANGLE),
    "plus": _PLUS,
    "cross": tuple(((x - y) * _TURN, (x + y) * _TURN) for x, y in _PLUS),
}
"""Corners about (0, 0), y downwards; the disc has radius 1."""
_STRIPES: Final = {1: (45,), 2: (-45,), 3: (0,), 4: (90,), 5: (45, -45)}
"""Directions, in degrees, of the lines that stand for each hatch; spots are drawn as spots."""


def mark_path(box: QRectF, mark: str) -> QPainterPath:
    """The outline of one of `colours.MARKS` in a box."""
    middle, radius = box.center(), box.width() / 2
    path = QPainterPath()
    if mark in _CORNERS:
        path.addPolygon(QPolygonF([middle + QPointF(x, y) * radius for x, y in _CORNERS[mark]]))
        path.closeSubpath()
    else:
        small = radius * (0.7 if mark == "dot" else 1.0)
        path.addEllipse(middle, small, small)
    return path


def paint_mark(painter: QPainter, box: QRectF, code: int, colour: QColor, ground: QColor) -> None:
    """Draws a category's mark: shape, colour, and its hatch in the colour of the ground."""
    paint_shape(painter, box, mark_of(code), hatch_of(code), colour, ground)


def paint_shape(painter: QPainter, box: QRectF, mark: str, hatch: int, colour: QColor, ground: QColor) -> None:
    """Draws one of `colours.MARKS` with a hatch, see `colours.hatch_of`, in the colour of the ground."""
    path = mark_path(box, mark)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(path, colour)
    if hatch:
        painter.setClipPath(path)
        painter.translate(box.center())
        size = box.width()
        painter.setPen(QPen(ground, size / 8))
        for degrees in _STRIPES.get(hatch, ()):
            painter.rotate(-degrees)
            for step in (-0.27, 0.0, 0.27):
                painter.drawLine(QPointF(-size, step * size), QPointF(size, step * size))
            painter.rotate(degrees)
        if hatch not in _STRIPES:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawEllipse(QPointF(0, 0), size / 6, size / 6)
    painter.restore()
