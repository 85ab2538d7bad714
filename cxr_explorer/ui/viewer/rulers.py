"""Rulers over a picture: lines with their lengths, for the view alone. They go with the image and are never stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from cxr_explorer.images.radiograph import Radiograph
from cxr_explorer.images.scale import Scale
from cxr_explorer.ui.viewer.picture import Picture
from cxr_explorer.ui.viewer.placing import Placing, Point
from cxr_explorer.ui.viewer.plates import EDGE, INK, MARGIN_PX, paint_plate

GRIP_PX = 12
"""So near to an end the mouse takes hold of it."""
SHORTEST_PX = 4
"""A shorter ruler was a click: it goes."""
_TICK_PX, _END_PX = 7, 5
_PLANES = {
    "patient": "",
    "detector": " at the detector",
    "film": " on the film",
    "unstated": " (calibration not stated)",
}
_STEPS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
_TABS = {Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1}
HINT = "Ruler: drag from end to end. Esc ends it."


@dataclass(frozen=True)
class Ruler:
    """A line between two points of the file's picture."""

    start: Point
    end: Point

    def length(self, scale: Scale | None) -> float:
        """In mm where a scale is known, else in pixels."""
        columns, rows = self.end[0] - self.start[0], self.end[1] - self.start[1]
        return math.hypot(columns, rows) if scale is None else scale.length_mm(columns, rows)


def length_text(ruler: Ruler, scale: Scale | None) -> str:
    """ "124 mm at the detector", "842 px, no calibrated scale": no finer than a hand can draw."""
    length = ruler.length(scale)
    if scale is None:
        return f"{length:.0f} px, no calibrated scale"
    return f"{length:.{0 if length >= 20 else 1}f} mm{_PLANES[scale.plane]}"


def ratio_text(rulers: Sequence[Ruler], scale: Scale | None) -> str:
    """The ratio of exactly two rulers, which needs no scale; "" for any other number."""
    lengths = sorted(ruler.length(scale) for ruler in rulers)
    if len(lengths) != 2 or lengths[0] <= 0:
        return ""
    return f"Cardiothoracic ratio {lengths[0] / lengths[1]:.2f} = shorter / longer of the two rulers"


class Rulers(QWidget):
    """Lies over a picture and draws on it; while the tool is on, the left button draws and moves rulers.

    All else the mouse does goes on to the picture below: wheel, right drag, and a drag with Ctrl or Shift.
    """

    toggled = Signal(bool)
    """The tool was taken up or laid down."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(picture)
        self._picture = picture
        self._of: Radiograph | None = None
        self._rulers: list[Ruler] = []
        self._at = (-1, 1)  # the ruler in focus and its end, 0 or 1
        self._held = False  # whether the mouse holds the end in focus
        self.on = False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Rulers")
        self.setGeometry(picture.rect())
        picture.installEventFilter(self)
        picture.changed.connect(self._follow)

    @property
    def rulers(self) -> tuple[Ruler, ...]:
        """Those drawn, oldest first."""
        return tuple(self._rulers)

    @property
    def texts(self) -> list[str]:
        """What is said of them: each one's length, then the ratio of two."""
        scale = self._of.scale if self._of is not None else None
        ratio = ratio_text(self._rulers, scale)
        return [*(length_text(ruler, scale) for ruler in self._rulers), *([ratio] if ratio else [])]

    def set_on(self, on: bool) -> None:
        """Takes the tool up, or lays it down: what was drawn stays to be seen."""
        if on == self.on:
            return
        self.on = on
        self._held = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not on)
        self.setCursor(Qt.CursorShape.CrossCursor) if on else self.unsetCursor()
        self.update()
        self.toggled.emit(on)

    def remove_last(self) -> None:
        """Takes the newest ruler away."""
        if self._rulers:
            self._remove(len(self._rulers) - 1)

    def _remove(self, number: int) -> None:
        del self._rulers[number]
        self._held = False
        self._at = (len(self._rulers) - 1, 1)
        self._changed()

    def _follow(self) -> None:
        """Another picture has no rulers yet."""
        if self._picture.radiograph is not self._of:
            self._of = self._picture.radiograph
            self._rulers, self._at, self._held = [], (-1, 1), False
        self._changed()

    def _changed(self) -> None:
        self.setAccessibleDescription(". ".join(self.texts))
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._picture.rect())
        return False

    # Keys

    def wants(self, event: QKeyEvent) -> bool:
        """Whether the key is the tool's: Esc, Insert, and with a ruler there Delete, Tab and the arrows."""
        if not self.on or self._of is None:
            return False
        key = Qt.Key(event.key())
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        if not plain or (event.modifiers() & Qt.KeyboardModifier.ShiftModifier and key not in _TABS):
            return False
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_Insert):
            return True
        return bool(self._rulers) and (key == Qt.Key.Key_Delete or key in _TABS or key in _STEPS)

    def press_key(self, event: QKeyEvent) -> None:
        """Does what a key it `wants` means: Insert draws a ruler, Tab goes to the next end, arrows move that end."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.set_on(False)
        elif key == Qt.Key.Key_Delete:
            self.remove_last()
        elif key == Qt.Key.Key_Insert:
            placing, y = self._picture.placing, self.height() / 2
            ends = (placing.to_picture(QPointF(self.width() * part / 3, y)) for part in (1, 2))
            self._rulers.append(Ruler(*ends))
            self._at = (len(self._rulers) - 1, 1)
            self._changed()
        elif key in _TABS:
            by = -1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _TABS[key]
            self._at = divmod((2 * self._at[0] + self._at[1] + by) % (2 * len(self._rulers)), 2)
            self.update()
        else:
            placing = self._picture.placing
            ruler, end = self._rulers[self._at[0]], self._at[1]
            place = placing.to_screen(ruler.end if end else ruler.start)
            self._move_to(place + _STEPS[key] * max(1.0, placing.scale))

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        moves = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton or moves or self._of is None:
            event.ignore()
            return
        placing, place = self._picture.placing, event.position()
        near = self._end_near(placing, place)
        if near is None:
            point = placing.to_picture(place)
            self._rulers.append(Ruler(point, point))
            near = (len(self._rulers) - 1, 1)
        self._at, self._held = near, True
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._held:
            event.ignore()
        else:
            self._move_to(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._held or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._held = False
        ruler = self._rulers[self._at[0]]
        if ruler.length(None) * self._picture.placing.scale < SHORTEST_PX:
            self._remove(self._at[0])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def _end_near(self, placing: Placing, place: QPointF) -> tuple[int, int] | None:
        """The ruler and its end that lie nearest to a place, and near enough to be meant."""
        ends = [
            (math.hypot(away.x(), away.y()), -number, end)
            for number, ruler in enumerate(self._rulers)
            for end, point in enumerate((ruler.start, ruler.end))
            if (away := placing.to_screen(point) - place) is not None
        ]
        distance, number, end = min(ends, default=(math.inf, 0, 0))
        return (-number, end) if distance <= GRIP_PX else None

    def _move_to(self, place: QPointF) -> None:
        number, end = self._at
        point = self._picture.placing.to_picture(place)
        ruler = self._rulers[number]
        self._rulers[number] = replace(ruler, end=point) if end else replace(ruler, start=point)
        self._changed()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._of is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        placing, scale = self._picture.placing, self._of.scale
        for number, ruler in enumerate(self._rulers):
            ends = [placing.to_screen(point) for point in (ruler.start, ruler.end)]
            focused = self._at[1] if self.on and self._at[0] == number else None
            _paint_line(painter, ends, self.on, focused)
        for ruler in self._rulers:
            self._paint_length(painter, placing, ruler, length_text(ruler, scale))
        below = ratio_text(self._rulers, scale) or (HINT if self.on and not self._rulers else "")
        if below:
            rect = QRectF(QPointF(), self._plate_size(below))
            line_px = QFontMetrics(self.font()).height()
            rect.moveCenter(QPointF(self.width() / 2, self.height() - MARGIN_PX - 5 * line_px))
            paint_plate(painter, rect, below)

    def _paint_length(self, painter: QPainter, placing: Placing, ruler: Ruler, text: str) -> None:
        """Beside the middle of the line, above it or to its right, and never beyond the edge of the view."""
        start, end = placing.to_screen(ruler.start), placing.to_screen(ruler.end)
        along = end - start
        middle, length = (start + end) / 2, math.hypot(along.x(), along.y()) or 1.0
        across = QPointF(along.y(), -along.x()) / length
        if across.y() > 0 or (across.y() == 0 and across.x() < 0):
            across = -across
        size = self._plate_size(text)
        away = (abs(across.x()) * size.width() + abs(across.y()) * size.height()) / 2 + 2 * _TICK_PX
        rect = QRectF(QPointF(), size)
        rect.moveCenter(middle + across * away)
        rect.moveLeft(min(max(rect.left(), 2.0), max(2.0, self.width() - 2 - rect.width())))
        rect.moveTop(min(max(rect.top(), 2.0), max(2.0, self.height() - 2 - rect.height())))
        paint_plate(painter, rect, text)

    def _plate_size(self, text: str) -> QSizeF:
        metrics = QFontMetrics(self.font())
        return QSizeF(min(metrics.horizontalAdvance(text) + 14, self.width() - 4), metrics.height() + 8)


def _paint_line(painter: QPainter, ends: list[QPointF], on: bool, focused: int | None) -> None:
    """Light on a dark edge, so that it is seen on black and on white. While the tool is on its ends are rings, the one
    in focus a square: hollow, so that the border it lies on is seen."""
    along = ends[1] - ends[0]
    length = math.hypot(along.x(), along.y()) or 1.0
    across = QPointF(along.y(), -along.x()) / length * _TICK_PX
    for colour, width in ((EDGE, 4), (INK, 1.6)):
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawLine(ends[0], ends[1])
        for number, end in enumerate(ends):
            painter.drawLine(end - across, end + across)
            if on and number == focused:
                painter.drawRect(QRectF(end.x() - _END_PX - 1, end.y() - _END_PX - 1, 2 * _END_PX + 2, 2 * _END_PX + 2))
            elif on:
                painter.drawEllipse(end, _END_PX, _END_PX)
