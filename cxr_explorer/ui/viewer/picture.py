"""Picture: a radiograph on the screen, to window, zoom and pan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi, Window
from cxr_explorer.ui.viewer.levels import Gray, Levels, linear_window

ZOOM_STEP = 1.25
MAX_ZOOM = 16.0
"""Device pixels per image pixel."""
SMOOTH_UP_TO_ZOOM = 4.0
"""Beyond this the reader looks at pixels, and sees them as squares."""
SHARP_WHILE_DRAGGED_PX = 3_000_000
"""With more image pixels than this in view, windowing shows every other one until the button is released."""
DRAG_FOR_SPREAD_PX = 500
"""A drag this long changes centre or width by the spread of the image's values."""

# A radiograph is read on black whatever the theme: bright surroundings cost contrast. What lies on it follows suit.
GROUND = QColor(0, 0, 0)
INK = QColor(235, 235, 235)
PLATE = QColor(0, 0, 0, 165)
_MARGIN_PX = 10
_CENTRED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
_LEFT_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True)
class _Drag:
    """A drag of the left button that windows, or one that pans."""

    button: Qt.MouseButton
    pans: bool
    start: QPoint
    last: QPoint
    moving: bool = False


class Picture(QWidget):
    """One radiograph, or a message in its place.

    Left drag windows (right: wider, down: darker), the wheel zooms about the cursor, right, middle, Ctrl or Shift drag
    pans, a double click goes between the whole image and 1:1.
    """

    changed = Signal()
    """Zoom, window, inversion or the radiograph itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._levels: Levels | None = None
        self._radiograph: Radiograph | None = None
        self._voi: Voi = Window(0.5, 1.0)
        self._inverted = False  # with the current VOI, before the reader's own inversion
        self._inverted_by_reader = False
        self._table: Gray = np.empty(0, np.uint8)
        self._spread = 1.0
        self._lines: tuple[str, ...] = ()
        self._message = ""
        self._failed = False
        self._overlay = True
        self._fits = True
        self._scale = 1.0  # of the screen's logical pixels to the image's
        self._centre = QPointF()  # the image's point in the middle of the widget
        self._drag: _Drag | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setMinimumSize(160, 120)

    def sizeHint(self) -> QSize:
        return QSize(720, 720)

    # What is shown

    def show_radiograph(self, radiograph: Radiograph, lines: Sequence[str]) -> None:
        """Show it whole, as the file means it. Raises UserError for a window that cannot be."""
        levels = Levels(radiograph)
        table = levels.table(radiograph.voi, radiograph.inverted)
        self._radiograph, self._levels, self._table = radiograph, levels, table
        self._voi, self._inverted, self._inverted_by_reader = radiograph.voi, radiograph.inverted, False
        self._spread = levels.spread()
        self._lines = tuple(lines)
        self._message = ""
        self._drag = None
        self.zoom_fit()

    def show_message(self, text: str, failed: bool = False) -> None:
        """Take the picture away and say this instead: nothing old stays under a new name."""
        self._radiograph = self._levels = self._drag = None
        self._lines = ()
        self._message = text
        self._failed = failed
        self._changed()

    @property
    def has_picture(self) -> bool:
        """Whether a radiograph is shown."""
        return self._levels is not None

    @property
    def radiograph(self) -> Radiograph | None:
        """What is shown."""
        return self._radiograph

    @property
    def voi(self) -> Voi:
        """The transformation on the screen."""
        return self._voi

    def set_window(self, voi: Voi, inverted: bool, inverted_by_reader: bool) -> None:
        """Another transformation; `inverted` belongs to it as in a Radiograph, the reader's own inversion is apart."""
        if self._levels is not None:
            self._voi, self._inverted, self._inverted_by_reader = voi, inverted, inverted_by_reader
            self._window_changed()

    @property
    def inverted_by_reader(self) -> bool:
        """Whether the reader inverted the display."""
        return self._inverted_by_reader

    @property
    def zoom(self) -> float:
        """Device pixels per image pixel; 1 is 1:1."""
        return self._scale * self.devicePixelRatioF()

    def gray_levels(self) -> Gray:
        """(H, W) uint8: the whole image at full resolution as it is on the screen, or (0, 0) without one."""
        return self._table[self._levels.codes(0)] if self._levels is not None else np.empty((0, 0), np.uint8)

    @property
    def overlay(self) -> bool:
        """Whether facts, window and zoom are written over the picture."""
        return self._overlay

    def set_overlay(self, on: bool) -> None:
        """Write facts, window and zoom over the picture, or only that it is inverted."""
        self._overlay = on
        self._changed()

    # Window and polarity

    def invert(self) -> None:
        """Invert the display, or take that back."""
        if self._levels is not None:
            self._inverted_by_reader = not self._inverted_by_reader
            self._window_changed()

    def reset_window(self) -> None:
        """Back to the file's own window and polarity."""
        if self._radiograph is not None:
            self._voi, self._inverted = self._radiograph.voi, self._radiograph.inverted
            self._inverted_by_reader = False
            self._window_changed()

    def drag_window(self, dx: int, dy: int) -> None:
        """Widens the window by a drag to the right and darkens the picture by one down, in logical pixels."""
        if self._levels is None:
            return
        if isinstance(self._voi, LookupTable):
            self._voi, falls = linear_window(self._voi)
            self._inverted = self._inverted != falls
        voi = self._voi
        per_px = self._spread / DRAG_FOR_SPREAD_PX
        # LINEAR takes 1 off the width (PS3.3 C.11.2.1.2.1): below 2 there is nothing to see.
        narrowest = max(self._spread / 4096, 2.0 if voi.function == "LINEAR" else 0.0)
        width = min(max(voi.width + dx * per_px, min(narrowest, voi.width)), 1e3 * self._spread + voi.width)
        # Down is darker on the screen, whichever way the values run.
        darker = -1 if self._inverted != self._inverted_by_reader else 1
        centre = voi.centre + darker * dy * per_px
        # Not so far that the way back is long; a file's own centre may lie anywhere.
        reach = self._spread + width
        lowest = min(self._levels.lowest - reach, voi.centre)
        highest = max(self._levels.highest + reach, voi.centre)
        centre = min(max(centre, lowest), highest)
        self._voi = replace(voi, centre=centre, width=width, explanation="set by you")
        self._window_changed()

    def _window_changed(self) -> None:
        if self._levels is not None:
            self._table = self._levels.table(self._voi, self._inverted, self._inverted_by_reader)
        self._changed()

    def _changed(self) -> None:
        self.update()
        self.changed.emit()

    # Zoom and pan

    @property
    def fits(self) -> bool:
        """Whether the whole image is kept in view."""
        return self._fits

    def zoom_fit(self) -> None:
        """Show the whole image, now and when the size changes."""
        self._fits = True
        self._fit()
        self._changed()

    @property
    def view(self) -> tuple[float, float, float]:
        """Zoom as a multiple of the one at which the whole image fits, and the image's point in the middle, x and y as
        parts of its width and height."""
        rows, columns = self._levels.shape if self._levels is not None else (1, 1)
        return self._scale / self._fit_scale(), self._centre.x() / columns, self._centre.y() / rows

    def set_view(self, zoom: float, x: float, y: float) -> None:
        """Shows the part of the image that `view` describes, as near as the limits of zoom and pan allow."""
        if self._levels is not None:
            rows, columns = self._levels.shape
            self._centre = QPointF(x * columns, y * rows)
            self._zoom_to(zoom * self._fit_scale() * self.devicePixelRatioF(), self._middle())

    def zoom_actual(self) -> None:
        """One image pixel to one pixel of the screen."""
        self._zoom_to(1.0, self._middle())

    def zoom_in(self) -> None:
        """One step closer, about the middle."""
        self._zoom_to(self.zoom * ZOOM_STEP, self._middle())

    def zoom_out(self) -> None:
        """One step back, about the middle."""
        self._zoom_to(self.zoom / ZOOM_STEP, self._middle())

    def _middle(self) -> QPointF:
        return QPointF(self.width() / 2, self.height() / 2)

    def _fit_scale(self) -> float:
        if self._levels is None:
            return 1.0
        rows, columns = self._levels.shape
        return min(self.width() / columns, self.height() / rows)

    def _fit(self) -> None:
        if self._levels is not None:
            rows, columns = self._levels.shape
            self._scale = max(self._fit_scale(), 1e-6)
            self._centre = QPointF(columns / 2, rows / 2)

    def _zoom_to(self, zoom: float, about: QPointF) -> None:
        if self._levels is None:
            return
        ratio = self.devicePixelRatioF()
        whole = self._fit_scale() * ratio
        zoom = min(max(zoom, min(whole, 1.0) / 2), max(MAX_ZOOM, whole * 4))
        offset = about - self._middle()
        kept = self._centre + offset / self._scale
        self._scale = zoom / ratio
        self._fits = False
        self._centre = kept - offset / self._scale
        self._clamp()
        self._changed()

    def pan(self, moved: QPoint) -> None:
        """Moves the picture by logical pixels, as far as there is more of it to see."""
        self._centre -= QPointF(moved) / self._scale
        self._fits = False
        self._clamp()
        self._changed()

    def _clamp(self) -> None:
        """A direction that fits is centred; in the other one the image covers the middle."""
        assert self._levels is not None
        rows, columns = self._levels.shape
        x, y = self._centre.x(), self._centre.y()
        x = columns / 2 if columns * self._scale <= self.width() else min(max(x, 0.0), float(columns))
        y = rows / 2 if rows * self._scale <= self.height() else min(max(y, 0.0), float(rows))
        self._centre = QPointF(x, y)

    def _origin(self) -> QPointF:
        """Where the image's corner lies in the widget, on a whole device pixel so that 1:1 is sharp."""
        ratio = self.devicePixelRatioF()
        corner = self._middle() - self._centre * self._scale
        return QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._levels is not None:
            if self._fits:
                self._fit()
            else:
                self._clamp()
            self.changed.emit()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        if self._levels is None:
            self._paint_message(painter)
            return
        self._paint_levels(painter, self._levels)
        if self._overlay:
            self._paint_overlay(painter)
        if self._inverted_by_reader:
            self._paint_inverted(painter)

    def _paint_levels(self, painter: QPainter, levels: Levels) -> None:
        """Only what is in view, from the coarsest halving that still has a pixel for each of the screen's."""
        rows, columns = levels.shape
        zoom, origin = self.zoom, self._origin()
        halvings = max(0, math.floor(math.log2(1 / zoom) + 1e-9))
        dragged = self._drag is not None and self._drag.moving and not self._drag.pans
        in_view = min(columns, self.width() / self._scale) * min(rows, self.height() / self._scale)
        if dragged and in_view / 4**halvings > SHARP_WHILE_DRAGGED_PX:
            halvings += 1
        codes = levels.codes(halvings)
        step = 2**halvings * self._scale  # logical pixels to one of `codes`
        # One more on each side, so that smoothing has neighbours.
        left = min(max(0, math.floor(-origin.x() / step) - 1), codes.shape[1] - 1)
        top = min(max(0, math.floor(-origin.y() / step) - 1), codes.shape[0] - 1)
        right = max(left + 1, min(codes.shape[1], math.ceil((self.width() - origin.x()) / step) + 1))
        bottom = max(top + 1, min(codes.shape[0], math.ceil((self.height() - origin.y()) / step) + 1))
        gray = self._table[codes[top:bottom, left:right]]
        height, width = gray.shape
        image = QImage(gray.data, width, height, width, QImage.Format.Format_Grayscale8)
        target = QRectF(origin.x() + left * step, origin.y() + top * step, width * step, height * step)
        painter.save()
        # Halving an odd size leaves part of a pixel beyond the edge.
        painter.setClipRect(QRectF(origin.x(), origin.y(), columns * self._scale, rows * self._scale))
        smooth = zoom <= SMOOTH_UP_TO_ZOOM and not math.isclose(zoom, 1.0)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, image, QRectF(0, 0, width, height))
        painter.restore()

    def _paint_overlay(self, painter: QPainter) -> None:
        if self._lines:
            room = min(self.width() - 2 * _MARGIN_PX - 12, max(280, int(self.width() * 0.4)))
            text = "\n".join(self._lines)
            bounds = painter.boundingRect(0, 0, room, self.height(), _LEFT_WRAPPED, text)
            self._plate(painter, QRectF(_MARGIN_PX, _MARGIN_PX, bounds.width() + 12, bounds.height() + 8), text)
        height = QFontMetrics(self.font()).height() + 8
        y = self.height() - _MARGIN_PX - height
        zoom = f"{self.zoom * 100:.0f} %"
        zoom_width = QFontMetrics(self.font()).horizontalAdvance(zoom) + 14
        self._plate(painter, QRectF(self.width() - _MARGIN_PX - zoom_width, y, zoom_width, height), zoom)
        room = self.width() - 3 * _MARGIN_PX - zoom_width
        metrics = QFontMetrics(self.font())
        window = metrics.elidedText(self.window_text(), Qt.TextElideMode.ElideRight, room - 14)
        self._plate(painter, QRectF(_MARGIN_PX, y, metrics.horizontalAdvance(window) + 14, height), window)

    def window_text(self) -> str:
        """The transformation on the screen in words: "W 4096  L 2048 · NORMAL"."""
        voi = self._voi
        if isinstance(voi, LookupTable):
            return f"table of the file · {voi.explanation}" if voi.explanation else "table of the file"
        digits = max(0, 3 - math.floor(math.log10(self._spread))) if self._spread < 1000 else 0
        digits = min(digits, 1) if self._spread >= 100 else digits
        parts = [f"W {voi.width:.{digits}f}  L {voi.centre:.{digits}f}"]
        if voi.function == "SIGMOID":
            parts.append("sigmoid")
        if voi.explanation:
            parts.append(voi.explanation)
        return " · ".join(parts)

    def _plate(self, painter: QPainter, rect: QRectF, text: str) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(rect, 4, 4)
        painter.setPen(INK)
        painter.drawText(rect.adjusted(6, 4, 0, 0), _LEFT_WRAPPED, text)

    def _paint_inverted(self, painter: QPainter) -> None:
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        text = "INVERTED by you"
        metrics = QFontMetrics(font)
        chip = QRectF(0, _MARGIN_PX, metrics.horizontalAdvance(text) + 20, metrics.height() + 8)
        chip.moveRight(self.width() - _MARGIN_PX)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.HighlightedText), 1))
        painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
        painter.drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.drawText(chip, _CENTRED, text)

    def _paint_message(self, painter: QPainter) -> None:
        if not self._message:
            return
        room = self.rect().adjusted(32, 32, -32, -32)
        room.setWidth(min(room.width(), 560))
        room.moveCenter(self.rect().center())
        bounds = painter.boundingRect(room, _CENTRED, self._message)
        painter.setPen(INK)
        painter.drawText(room, _CENTRED, self._message)
        if self._failed and bounds.top() > 60:
            disc = QRectF(0, 0, 34, 34)
            disc.moveCenter(QPointF(self.rect().center().x(), bounds.top() - 32))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(INK, 2))
            painter.drawEllipse(disc)
            font = self.font()
            font.setBold(True)
            font.setPointSizeF(font.pointSizeF() * 1.5 if font.pointSizeF() > 0 else 15)
            painter.setFont(font)
            painter.drawText(disc, int(Qt.AlignmentFlag.AlignCenter), "!")

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._levels is None or self._drag is not None:
            return
        button, place = event.button(), event.position().toPoint()
        modified = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        if button == Qt.MouseButton.LeftButton:
            self._drag = _Drag(button, bool(modified), place, place)
        elif button in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self._drag = _Drag(button, True, place, place)
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is None:
            return
        place = event.position().toPoint()
        if not drag.moving:
            # A hand that trembles on a click must not change the window.
            if (place - drag.start).manhattanLength() < min(4, QApplication.startDragDistance()):
                return
            if drag.pans:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        moved = place - drag.last
        self._drag = replace(drag, last=place, moving=True)
        if drag.pans:
            self.pan(moved)
        else:
            self.drag_window(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and event.button() == self._drag.button:
            self._drag = None
            self.unsetCursor()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
        elif self._fits:
            self._zoom_to(1.0, event.position())
        else:
            self.zoom_fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if self._levels is None or not turned:
            event.ignore()
            return
        self._zoom_to(self.zoom * ZOOM_STEP ** (turned / 120), event.position())
        event.accept()
