"""Pictures on the map in place of dots, where few enough points are in sight."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from PySide6.QtCore import QMarginsF, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from cxr_explorer.colours import BACKGROUND, FOREGROUND, MARKS
from cxr_explorer.ui.widgets.marks import paint_shape

PICTURES_MAX: Final = 150
SIDES_PX: Final = (96, 80, 64, 48)
FILLED: Final = 0.8
"""The pictures together take up at most this share of the map."""
HIDDEN_MAX: Final = 0.5
FRAME_PX: Final = 3.0
MARK_PX: Final = 10.0
FADED: Final = 0.3
LOAD_MS: Final = 15
SCALED_MAX: Final = 600


def picture_side(count: int, area: float) -> int:
    """Side of the pictures in logical pixels, 0 for dots.

    Args:
        count: Points in sight.
        area: Of the map, in square logical pixels.
    """
    if not 0 < count <= PICTURES_MAX:
        return 0
    return next((side for side in SIDES_PX if count * side**2 <= FILLED * area), 0)


def spread_out(places: Sequence[QPointF], side: float, hidden_max: float = HIDDEN_MAX) -> list[int]:
    """Which of some squares are shown, so that none is hidden by more than a share: those before lie on top.

    Args:
        places: Their middles, the most important first.
        side: Of each.
        hidden_max: The largest share of a square that the shown ones before it may hide, together.

    Returns:
        Positions in `places`, ascending.
    """
    shown: list[int] = []
    for number, place in enumerate(places):
        hidden = 0.0
        for other in shown:
            across = side - abs(place.x() - places[other].x())
            down = side - abs(place.y() - places[other].y())
            if across > 0 and down > 0:
                hidden += across * down
        if hidden <= hidden_max * side**2:
            shown.append(number)
    return shown


class Look(NamedTuple):
    """How a point is drawn.

    Attributes:
        argb: Its colour.
        mark: Shape and hatch, as `colours.marks` has them.
        selected: Whether it is.
        faded: Whether a filter keeps it out of reach.
    """

    argb: int
    mark: int
    selected: bool
    faded: bool


class Pictures:
    """The pictures of the last frame.

    Attributes:
        source: The picture of a point if it is in memory, asked while painting; None shows dots alone.
        load: Loads pictures of points for a moment; whether there is more to see now.
        laid_out_for: What the places were found for.
    """

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self.source: Callable[[int], QPixmap | None] | None = None
        self.load: Callable[[Sequence[int]], bool] = lambda indices: False
        self.laid_out_for: Any = None
        self._side = 0
        self._squares: list[tuple[int, QPointF]] = []  # the topmost first
        self._dots: list[tuple[int, QPointF]] = []
        self._boxes: dict[int, QRectF] = {}
        self._missing: list[int] = []
        self._scaled: dict[tuple[int, int], QPixmap] = {}
        self._timer = QTimer(canvas, singleShot=True, interval=LOAD_MS)
        self._timer.timeout.connect(self._load)

    def forget(self) -> None:
        """Points, selection or colours are others now."""
        self.laid_out_for = None

    def clear(self) -> None:
        """No pictures are in sight."""
        self.laid_out_for = None
        self._squares, self._dots = [], []
        self._boxes.clear()
        self._missing.clear()
        self._scaled.clear()

    def lay_out(self, key: object, order: Sequence[int], places: Sequence[QPointF], side: int) -> None:
        """Finds room for the pictures of points, the most important first."""
        shown = set(spread_out(places, side))
        self.laid_out_for, self._side = key, side
        self._squares = [(order[i], places[i]) for i in range(len(order)) if i in shown]
        self._dots = [(order[i], places[i]) for i in range(len(order)) if i not in shown]

    def box_of(self, index: int) -> QRectF | None:
        """Where the picture of a point was painted, or None."""
        return self._boxes.get(index)

    def at(self, position: QPointF, radius: float) -> int:
        """The point whose picture, or dot beside pictures, was seen at a position; -1 for none."""
        if not self._boxes:
            return -1
        away = {i: math.hypot(place.x() - position.x(), place.y() - position.y()) for i, place in self._dots}
        nearest = min(away, key=away.__getitem__, default=-1)
        if nearest >= 0 and away[nearest] <= radius + 2:
            return nearest
        with_frame = QMarginsF(*[FRAME_PX + 1] * 4)
        return next((i for i, box in self._boxes.items() if box.marginsAdded(with_frame).contains(position)), -1)

    def paint(self, painter: QPainter, look_of: Callable[[int], Look], dark: bool) -> None:
        """Draws what is there already; the rest is loaded, and stays dots until then."""
        assert self.source is not None
        ground = QColor.fromRgb(BACKGROUND.argb(dark))
        self._boxes.clear()
        self._missing.clear()
        found = []
        for index, place in self._squares:
            pixmap = self.source(index)
            if pixmap is None or pixmap.isNull():
                self._missing.append(index)
                continue
            scaled = self._fitted(pixmap)
            box = QRectF(QPointF(0, 0), scaled.deviceIndependentSize())
            box.moveCenter(place)
            box.moveTopLeft(QPointF(box.topLeft().toPoint()))
            self._boxes[index] = box
            found.append((box, scaled, look_of(index)))
        for box, scaled, look in reversed(found):
            _paint_framed(painter, box, scaled, look, dark)
        for index, place in self._dots if found else ():
            look = look_of(index)
            box = QRectF(0, 0, MARK_PX, MARK_PX)
            box.moveCenter(place)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor.fromRgb(FOREGROUND.argb(dark)) if look.selected else ground)
            painter.drawEllipse(box.adjusted(-3, -3, 3, 3))
            _paint_look(painter, box, look, ground)
        if self._missing and not self._timer.isActive():
            self._timer.start()

    def _fitted(self, pixmap: QPixmap) -> QPixmap:
        ratio = self._canvas.devicePixelRatioF()
        side = round(self._side * ratio)
        key = (pixmap.cacheKey(), side)
        scaled = self._scaled.get(key)
        if scaled is None:
            if len(self._scaled) >= SCALED_MAX:
                self._scaled.clear()
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            scaled = self._scaled[key] = pixmap.scaled(side, side, keep, smooth)
            scaled.setDevicePixelRatio(ratio)
        return scaled

    def _load(self) -> None:
        if self._missing and self.load(list(self._missing)):
            self._canvas.update()


def _paint_framed(painter: QPainter, box: QRectF, picture: QPixmap, look: Look, dark: bool) -> None:
    """A picture in a frame of the point's colour, with its mark on a corner; selected ones have an outer line too."""
    ground, colour = QColor.fromRgb(BACKGROUND.argb(dark)), QColor.fromRgb(look.argb)
    outer = FRAME_PX + (3 if look.selected else 1)
    around = box.adjusted(-outer, -outer, outer, outer)
    painter.fillRect(around, QColor.fromRgb(FOREGROUND.argb(dark)) if look.selected else ground)
    painter.fillRect(box.adjusted(-FRAME_PX, -FRAME_PX, FRAME_PX, FRAME_PX), colour)
    painter.drawPixmap(box.topLeft(), picture)
    mark = QRectF(0, 0, MARK_PX, MARK_PX)
    mark.moveCenter(box.topLeft())
    painter.fillRect(mark.adjusted(-2, -2, 2, 2), ground)
    _paint_look(painter, mark, look, ground)
    if look.faded:
        ground.setAlphaF(1 - FADED)
        painter.fillRect(around, ground)


def _paint_look(painter: QPainter, box: QRectF, look: Look, ground: QColor) -> None:
    paint_shape(painter, box, MARKS[look.mark & 7], look.mark >> 3, QColor.fromRgb(look.argb), ground)
