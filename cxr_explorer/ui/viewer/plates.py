"""What is written over a picture, and in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QWidget

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi

# A radiograph is read on black whatever the theme: bright surroundings cost contrast. What lies on it follows suit.
GROUND = QColor(0, 0, 0)
INK = QColor(235, 235, 235)
PLATE = QColor(0, 0, 0, 165)
MARGIN_PX = 10
CENTRED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
EDGE = QColor(0, 0, 0)
LEFT_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


def paint_plate(painter: QPainter, rect: QRectF, text: str) -> None:
    """Text on a dark plate."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(PLATE)
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(INK)
    painter.drawText(rect.adjusted(6, 4, 0, 0), LEFT_WRAPPED, text)


@dataclass(frozen=True)
class Corners:
    """What is written in the corners of a picture, at the places where viewers of films have it.

    Attributes:
        what: Upper left: whose film by sex and age alone, the machine, and what to know of the picture.
        view: Upper right: view, side, part of the body.
        shown: Lower left: window, inversion, zoom.
        size: Lower right: size, and how large a pixel is.
    """

    what: Sequence[str]
    view: Sequence[str]
    shown: Sequence[str]
    size: Sequence[str]


def what_lines(facts: Mapping[str, str]) -> list[str]:
    """Sex, age and machine; never who it is."""
    age = facts.get("age", "")
    who = [facts.get("sex", ""), f"{age} y" if age else ""]
    machine = [facts.get(name, "") for name in ("modality", "maker", "model")]
    return [line for line in (", ".join(filter(None, who)), " · ".join(filter(None, machine))) if line]


def view_lines(facts: Mapping[str, str]) -> list[str]:
    """View, side and part of the body, and the orientation that the file states."""
    side = {"L": "left", "R": "right", "B": "both sides"}.get(facts.get("laterality", ""), "")
    lines = [" · ".join(filter(None, (facts.get("view", ""), side))), facts.get("body part", "")]
    if orientation := facts.get("orientation", ""):
        lines.append(f"orientation {orientation}")
    return [line for line in lines if line]


_PLANES = {
    "patient": "mm/px, calibrated",
    "detector": "mm/px at the detector",
    "film": "mm/px on the film",
    "unstated": "mm/px, calibration not stated",
}


def size_lines(radiograph: Radiograph) -> list[str]:
    """Columns and rows, and how large a pixel is."""
    rows, columns = radiograph.values.shape
    scale = radiograph.scale
    spacing = "no calibrated scale" if scale is None else f"{scale.column_mm:.3g} {_PLANES[scale.plane]}"
    return [f"{columns} × {rows} px", spacing]


_MOST_WIDE, _MOST_HIGH = 0.36, 0.3
"""Parts of the picture that a corner may take; what does not fit is left out, and "…" says so."""
_HALO = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]


def paint_corners(painter: QPainter, widget: QWidget, corners: Corners, chips_px: float) -> None:
    """Small letters with a dark edge, which hide less of a film than a plate; the upper right corner's begin below what
    is marked there, `chips_px` from the top."""
    font = widget.font()
    if font.pointSizeF() > 0:
        font.setPointSizeF(font.pointSizeF() * 0.9)
    painter.setFont(font)
    left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
    top, bottom = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
    for lines, place, above in (
        (corners.what, left | top, 0.0),
        (corners.view, right | top, chips_px),
        (corners.shown, left | bottom, 0.0),
        (corners.size, right | bottom, 0.0),
    ):
        room = QRectF(0, 0, widget.width() * _MOST_WIDE, widget.height() * _MOST_HIGH - above)
        room.moveTop(MARGIN_PX + above if place & top else widget.height() - MARGIN_PX - room.height())
        room.moveLeft(MARGIN_PX if place & left else widget.width() - MARGIN_PX - room.width())
        _paint_corner(painter, room, int(place | Qt.TextFlag.TextWordWrap), list(lines))
    painter.setFont(widget.font())


def _paint_corner(painter: QPainter, room: QRectF, flags: int, lines: list[str]) -> None:
    def fits(text: str) -> bool:
        return painter.boundingRect(room, flags, text).height() <= room.height()

    kept = len(lines)
    while kept and not fits("\n".join([*lines[:kept], *(["…"] if kept < len(lines) else [])])):
        kept -= 1
    if not kept:
        return
    text = "\n".join([*lines[:kept], *(["…"] if kept < len(lines) else [])])
    painter.setPen(EDGE)
    for x, y in _HALO:
        painter.drawText(room.translated(x, y), flags, text)
    painter.setPen(INK)
    painter.drawText(room, flags, text)


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


def paint_chips(painter: QPainter, widget: QWidget, texts: list[str]) -> float:
    """What the reader did to the picture, in the upper right corner, one below the other: never to be overlooked.

    Returns how much of the corner they take, in pixels.
    """
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
    return top - MARGIN_PX


def paint_round(painter: QPainter, at: QPointF, radius_px: int, paint: Callable[[], None]) -> None:
    """What `paint` paints, on a black disc with a rim: a loupe."""
    circle = QPainterPath()
    circle.addEllipse(at, radius_px, radius_px)
    painter.save()
    painter.setClipPath(circle)
    painter.fillRect(circle.boundingRect(), GROUND)
    paint()
    painter.restore()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(INK, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(circle)


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
