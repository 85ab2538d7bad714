"""The signs for "come back later" and for a note: told apart by their shapes, each on a plate of its own."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

Colours = tuple[QColor, QColor]
"""Of the plate, and of what is drawn on it."""

GAP_PX = 3


def marks_width(size: float, flagged: bool, noted: bool) -> float:
    """How much of a line the signs take, with the gap that ends each."""
    return (flagged + noted) * (size + GAP_PX)


def paint_marks(painter: QPainter, corner: QPointF, size: float, flagged: bool, noted: bool, colours: Colours) -> None:
    """Draws the signs on plates of their own, the flag rightmost, with their lower right corner there."""
    plate = QRectF(corner.x() - size, corner.y() - size, size, size)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for wanted, draw in ((flagged, draw_flag), (noted, draw_note)):
        if not wanted:
            continue
        edge = QColor(colours[1])
        edge.setAlphaF(0.45)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(colours[0])
        painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        draw(painter, plate, colours[1])
        plate.translate(-size - GAP_PX, 0)
    painter.restore()


def draw_flag(painter: QPainter, box: QRectF, ink: QColor) -> None:
    """A filled pennant on a pole."""
    x, y, unit = box.x(), box.y(), box.width() / 16
    painter.setPen(QPen(ink, 1.6 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(ink)
    pole = x + 5 * unit
    painter.drawLine(QPointF(pole, y + 3 * unit), QPointF(pole, y + 13.2 * unit))
    painter.drawPolygon(
        [QPointF(pole, y + 3.4 * unit), QPointF(x + 12.2 * unit, y + 6 * unit), QPointF(pole, y + 8.6 * unit)]
    )


def draw_note(painter: QPainter, box: QRectF, ink: QColor) -> None:
    """An empty sheet with three lines."""
    x, y, unit = box.x(), box.y(), box.width() / 16
    painter.setPen(QPen(ink, 1.3 * unit, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(x + 4 * unit, y + 3 * unit, 8 * unit, 10 * unit))
    for row, end in ((5.7, 10), (8, 10), (10.3, 8.4)):
        painter.drawLine(QPointF(x + 6 * unit, y + row * unit), QPointF(x + end * unit, y + row * unit))
