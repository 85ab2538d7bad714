"""One tile of the gallery: what is marked on it and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPalette, QPen, QPixmap

EXCLUDED_TEXT = "excluded"
ODD_TEXT = "✕ exception"


@dataclass(frozen=True)
class Mark:
    """What the reader has said about an image, as the tile shows it.

    Attributes:
        excluded: The image is taken out of the reading.
        badge: Short text below the tile ("Effusion +", "3 labels"); empty for none.
        colour: The badge's ground; None takes the palette's.
        tooltip: Shown over the tile; empty for none.
        note: Short text below the tile, at the right: what was measured of it ("0.93"); empty for none.
        odd: The reader found on a contact sheet that the image does not belong with the others.
    """

    excluded: bool = False
    badge: str = ""
    colour: QColor | None = None
    tooltip: str = ""
    note: str = ""
    odd: bool = False


@dataclass(frozen=True)
class TileState:
    """How the tile stands in the gallery."""

    current: bool = False
    picked: bool = False
    focused: bool = False
    pending: bool = False


def readable_on(ground: QColor) -> QColor:
    """Black or white, whichever contrasts more with `ground` (WCAG 2.1 relative luminance)."""

    def linear(channel: float) -> float:
        return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)

    luminance = 0.2126 * linear(ground.redF()) + 0.7152 * linear(ground.greenF()) + 0.0722 * linear(ground.blueF())
    # Equal contrast with both at (L + 0.05)^2 = 1.05 * 0.05.
    return QColor(Qt.GlobalColor.black if luminance > 0.179 else Qt.GlobalColor.white)


def paint_tile(
    painter: QPainter, rect: QRect, pixmap: QPixmap | None, mark: Mark, state: TileState, palette: QPalette
) -> None:
    """Draw one tile into `rect`, and what is said of it below, where it hides nothing of the film.

    The current tile's frame reaches FRAME_MARGIN_PX beyond it, the line below it foot_px of the painter's font.
    """
    if pixmap is None:
        _paint_placeholder(painter, rect, state.pending, palette)
    else:
        painter.fillRect(rect, Qt.GlobalColor.black)
        size = pixmap.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(rect.center())
        painter.drawPixmap(target, pixmap)
    if mark.excluded:
        _paint_excluded(painter, rect, palette)
    if mark.odd:
        _paint_odd(painter, rect, palette)
    if mark.badge:
        _paint_badge(painter, rect, mark, palette)
    if mark.note:
        _paint_note(painter, rect, mark, palette)
    if state.picked:
        _paint_picked(painter, rect, palette)
    if state.current:
        _paint_current(painter, rect, state, palette)


FRAME_MARGIN_PX = 4
"""How far the frame of the current tile reaches beyond the tile."""


def foot_px(font: QFont) -> int:
    """Height of the line below a tile."""
    return QFontMetrics(_small(font)).height() + 4 + FRAME_MARGIN_PX


def _paint_placeholder(painter: QPainter, rect: QRect, pending: bool, palette: QPalette) -> None:
    painter.fillRect(rect, palette.color(QPalette.ColorRole.AlternateBase))
    text = QColor(palette.color(QPalette.ColorRole.Text))
    text.setAlphaF(0.25)
    painter.setPen(QPen(text, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(0, 0, -1, -1))
    if not pending:
        text.setAlphaF(0.75)
        painter.setPen(text)
        painter.setFont(_small(painter.font()))
        painter.drawText(rect.adjusted(6, 6, -6, -6), _CENTRED, "no preview")


def _paint_excluded(painter: QPainter, rect: QRect, palette: QPalette) -> None:
    ground = QColor(palette.color(QPalette.ColorRole.Base))
    ground.setAlphaF(0.55)
    painter.fillRect(rect, ground)
    lines = QColor(palette.color(QPalette.ColorRole.Text))
    lines.setAlphaF(0.3)
    painter.fillRect(rect, QBrush(lines, Qt.BrushStyle.DiagCrossPattern))
    font = _small(painter.font())
    metrics = QFontMetrics(font)
    ribbon = QRect(rect.left(), 0, rect.width(), metrics.height() + 6)
    ribbon.moveCenter(rect.center())
    painter.fillRect(ribbon, palette.color(QPalette.ColorRole.Window))
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    painter.setFont(font)
    painter.drawText(ribbon, _CENTRED, metrics.elidedText(EXCLUDED_TEXT, Qt.TextElideMode.ElideRight, rect.width()))


def _paint_odd(painter: QPainter, rect: QRect, palette: QPalette) -> None:
    ground = palette.color(QPalette.ColorRole.BrightText)
    _frame(painter, QRectF(rect), 4, ground)
    font, text, chip = _chip(painter, ODD_TEXT, rect.width() - 2 * _inset(rect))
    chip.moveTopLeft(QPointF(rect.left() + _inset(rect), rect.top() + _inset(rect)))
    _paint_chip(painter, chip, font, text, ground, readable_on(ground))


def _paint_badge(painter: QPainter, rect: QRect, mark: Mark, palette: QPalette) -> None:
    taken = _chip(painter, mark.note, rect.width() // 2)[2].width() + 2 if mark.note else 0
    font, text, chip = _chip(painter, mark.badge, rect.width() - round(taken))
    chip.moveTopLeft(QPointF(rect.left(), rect.bottom() + 1 + FRAME_MARGIN_PX))
    if mark.colour is None:
        ground = palette.color(QPalette.ColorRole.Window)
        ink = palette.color(QPalette.ColorRole.WindowText)
    else:
        ground = mark.colour
        ink = readable_on(ground)
    _paint_chip(painter, chip, font, text, ground, ink)


def _paint_note(painter: QPainter, rect: QRect, mark: Mark, palette: QPalette) -> None:
    font, text, chip = _chip(painter, mark.note, rect.width() // 2 if mark.badge else rect.width())
    chip.moveTopRight(QPointF(rect.right() + 1, rect.bottom() + 1 + FRAME_MARGIN_PX))
    ground, ink = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
    _paint_chip(painter, chip, font, text, ground, ink)


def _chip(painter: QPainter, words: str, room: int) -> tuple[QFont, str, QRectF]:
    """Font, text and size of a chip that takes at most so much of the width."""
    font = _small(painter.font())
    font.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetrics(font)
    text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room - 2 * _CHIP_PADDING_PX)
    return font, text, QRectF(0, 0, metrics.horizontalAdvance(text) + 2 * _CHIP_PADDING_PX, metrics.height() + 4)


def _paint_chip(painter: QPainter, chip: QRectF, font: QFont, text: str, ground: QColor, ink: QColor) -> None:
    edge = QColor(ink)
    edge.setAlphaF(0.45)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(edge, 1))
    painter.setBrush(ground)
    radius = 5
    painter.drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(ink)
    painter.setFont(font)
    painter.drawText(chip, _CENTRED, text)


def _paint_picked(painter: QPainter, rect: QRect, palette: QPalette) -> None:
    colour = palette.color(QPalette.ColorRole.Highlight)
    ink = palette.color(QPalette.ColorRole.HighlightedText)
    _frame(painter, QRectF(rect), 3, colour)
    disc = QRectF(rect.left() + _inset(rect), rect.top() + _inset(rect), 20, 20)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(colour)
    painter.drawEllipse(disc)
    pen = QPen(ink, 2.2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    corner = disc.topLeft()
    painter.drawPolyline([corner + QPointF(5.5, 10.4), corner + QPointF(8.8, 13.7), corner + QPointF(14.6, 6.8)])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _paint_current(painter: QPainter, rect: QRect, state: TileState, palette: QPalette) -> None:
    margin = FRAME_MARGIN_PX
    outer = QRectF(rect).adjusted(-margin, -margin, margin, margin)
    colour = QColor(palette.color(QPalette.ColorRole.Text))
    if not state.focused:
        colour.setAlphaF(0.6)
    _frame(painter, outer, 2.0 if state.focused else 1.0, colour)


def _frame(painter: QPainter, rect: QRectF, width: float, colour: QColor) -> None:
    pen = QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width / 2
    painter.drawRect(rect.adjusted(half, half, -half, -half))


def _small(font: QFont) -> QFont:
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(font.pointSizeF() * 0.9)
    else:
        small.setPixelSize(max(9, round(font.pixelSize() * 0.9)))
    return small


def _inset(rect: QRect) -> int:
    """From the tile's edge to what lies on it: small tiles need the room for text."""
    return 7 if rect.width() >= 128 else 5


_CHIP_PADDING_PX = 5
_CENTRED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine)
