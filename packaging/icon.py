"""Draws the program's icon: a map of dots in the shape of a chest, on a ground of its own that does well on light and
dark desktops.

    python packaging/icon.py

writes `resources/icons/program/SIZE.png`. Each size is drawn for itself: the small ones have fewer ribs
and larger dots.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QLinearGradient, QPainter, QPainterPath, QPen

SIZES = (16, 24, 32, 48, 64, 128, 256)
SMALL_PX = 32
OUT = Path(__file__).parent.parent / "resources" / "icons" / "program"

GROUND, GROUND_BELOW, RIM = QColor("#1d3b57"), QColor("#0e1f30"), QColor("#7fb4dd")
BONE, SPINE = QColor("#dce9f4"), QColor("#9fc3e0")
CLUSTERS = (QColor("#ffb454"), QColor("#5fd0a5"), QColor("#f2777a"))


def draw(size_px: int) -> QImage:
    """The icon, (size, size) pixels, on a transparent image."""
    image = QImage(size_px, size_px, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size_px / 256, size_px / 256)
    small = size_px < SMALL_PX
    _draw_ground(painter, 12 if small else 6)
    _draw_ribs(painter, 3 if small else 5, 20 if small else 11)
    _draw_clusters(painter, small)
    painter.end()
    return image


def _draw_ground(painter: QPainter, rim: float) -> None:
    ground = QLinearGradient(0, 0, 0, 256)
    ground.setColorAt(0, GROUND)
    ground.setColorAt(1, GROUND_BELOW)
    painter.setBrush(ground)
    painter.setPen(QPen(RIM, rim))
    inset = 6 + rim / 2
    painter.drawRoundedRect(QRectF(inset, inset, 256 - 2 * inset, 256 - 2 * inset), 50, 50)


def _draw_ribs(painter: QPainter, pairs: int, width: float) -> None:
    """The spine, and ribs that curve down from it and widen from above to below."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(SPINE, width * 1.3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(128, 48), QPointF(128, 208))
    painter.setPen(QPen(BONE, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for pair in range(pairs):
        share = pair / (pairs - 1)
        top, reach, drop = 58 + 100 * share, 50 + 28 * min(share * 1.6, 1), 26 + 12 * share
        for side in (-1, 1):
            rib = QPainterPath(QPointF(128 + side * 10, top))
            rib.cubicTo(
                QPointF(128 + side * reach * 0.7, top - 18),
                QPointF(128 + side * (reach + 14), top + drop * 0.3),
                QPointF(128 + side * reach * 0.92, top + drop + 10),
            )
            painter.drawPath(rib)


def _draw_clusters(painter: QPainter, small: bool) -> None:
    """Three clusters of dots over the lungs, as on the map."""
    places: dict[int, tuple[tuple[float, float], ...]] = {
        0: ((84, 98), (70, 112), (94, 118), (80, 130)),
        1: ((172, 92), (186, 104), (166, 110), (178, 122)),
        2: ((168, 166), (184, 156), (154, 154), (182, 178)),
    }
    radius = 8.5
    if small:
        places, radius = {0: ((80, 108),), 1: ((178, 104),), 2: ((172, 168),)}, 25
    painter.setPen(QPen(GROUND_BELOW, 8 if small else 4))
    for cluster, dots in places.items():
        painter.setBrush(CLUSTERS[cluster])
        for x, y in dots:
            painter.drawEllipse(QPointF(x, y), radius + 2, radius + 2)


def main() -> None:
    """Writes all sizes."""
    application = QGuiApplication.instance() or QGuiApplication([])
    assert application is not None
    OUT.mkdir(parents=True, exist_ok=True)
    for size_px in SIZES:
        draw(size_px).save(str(OUT / f"{size_px:03}.png"))


if __name__ == "__main__":
    main()
