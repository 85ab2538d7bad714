"""What is written over a picture, and in its place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QWidget

from cxr_explorer.images.radiograph import LookupTable, Voi

# A radiograph is read on black whatever the theme: bright surroundings cost contrast. What lies on it follows suit.
GROUND = QColor(0, 0, 0)
INK = QColor(235, 235, 235)
PLATE = QColor(0, 0, 0, 165)
MARGIN_PX = 10
CENTRED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
LEFT_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


def paint_plate(painter: QPainter, rect: QRectF, text: str) -> None:
    """Text on a dark plate."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(PLATE)
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(INK)
    painter.drawText(rect.adjusted(6, 4, 0, 0), LEFT_WRAPPED, text)


def paint_facts(painter: QPainter, widget: QWidget, lines: Sequence[str], window: str, zoom: str) -> None:
    """Facts in the upper left corner, the window in the lower left one, the zoom in the lower right one."""
    metrics = QFontMetrics(widget.font())
    if lines:
        room = min(widget.width() - 2 * MARGIN_PX - 12, max(280, int(widget.width() * 0.4)))
        text = "\n".join(lines)
        bounds = painter.boundingRect(0, 0, room, widget.height(), LEFT_WRAPPED, text)
        paint_plate(painter, QRectF(MARGIN_PX, MARGIN_PX, bounds.width() + 12, bounds.height() + 8), text)
    height = metrics.height() + 8
    y = widget.height() - MARGIN_PX - height
    zoom_width = metrics.horizontalAdvance(zoom) + 14
    paint_plate(painter, QRectF(widget.width() - MARGIN_PX - zoom_width, y, zoom_width, height), zoom)
    room = widget.width() - 3 * MARGIN_PX - zoom_width
    shown = metrics.elidedText(window, Qt.TextElideMode.ElideRight, room - 14)
    paint_plate(painter, QRectF(MARGIN_PX, y, metrics.horizontalAdvance(shown) + 14, height), shown)


def voi_text(voi: Voi, spread: float) -> str:
    """A transformation in words: "W 4096  L 2048 · NORMAL", with as many digits as tell values apart.

    Args:
        voi: The transformation.
        spread: How far apart the image's values lie.
    """
    if isinstance(voi, LookupTable):
        return f"table of the file · {voi.explanation}" if voi.explanation else "table of the file"
    digits = max(0, 3 - math.floor(math.log10(spread))) if spread < 1000 else 0
    digits = min(digits, 1) if spread >= 100 else digits
    parts = [f"W {voi.width:.{digits}f}  L {voi.centre:.{digits}f}"]
    if voi.function == "SIGMOID":
        parts.append("sigmoid")
    if voi.explanation:
        parts.append(voi.explanation)
    return " · ".join(parts)


def paint_chips(painter: QPainter, widget: QWidget, texts: list[str]) -> None:
    """What the reader did to the picture, in the upper right corner, one below the other: never to be overlooked."""
    font = widget.font()
    font.setBold(True)
    painter.setFont(font)
    metrics = QFontMetrics(font)
    top = float(MARGIN_PX)
    for text in texts:
        chip = QRectF(0, top, metrics.horizontalAdvance(text) + 20, metrics.height() + 8)
        chip.moveRight(widget.width() - MARGIN_PX)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(widget.palette().color(QPalette.ColorRole.HighlightedText), 1))
        painter.setBrush(widget.palette().color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.drawText(chip, CENTRED, text)
        top = chip.bottom() + 4
    painter.setFont(widget.font())


def paint_message(painter: QPainter, widget: QWidget, message: str, failed: bool) -> None:
    """A sentence in place of a picture; with a sign where something failed."""
    room = widget.rect().adjusted(32, 32, -32, -32)
    room.setWidth(min(room.width(), 560))
    room.moveCenter(widget.rect().center())
    bounds = painter.boundingRect(room, CENTRED, message)
    painter.setPen(INK)
    painter.drawText(room, CENTRED, message)
    if failed and bounds.top() > 60:
        disc = QRectF(0, 0, 34, 34)
        disc.moveCenter(QPointF(widget.rect().center().x(), bounds.top() - 32))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(INK, 2))
        painter.drawEllipse(disc)
        font = widget.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.5 if font.pointSizeF() > 0 else 15)
        painter.setFont(font)
        painter.drawText(disc, int(Qt.AlignmentFlag.AlignCenter), "!")
