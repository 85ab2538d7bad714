"""Picture: a radiograph on the screen, to window, zoom and pan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from cxr_explorer.images.radiograph import LookupTable, Radiograph, Voi, Window
from cxr_explorer.ui.viewer import plates
from cxr_explorer.ui.viewer.levels import Gray, Levels, linear_window, moved_window, presets
from cxr_explorer.ui.viewer.placing import Placing

ZOOM_STEP, MAX_ZOOM = 1.25, 16.0
"""Of one step, a factor; device pixels per image pixel."""
SMOOTH_UP_TO_ZOOM = 4.0
"""Beyond this the reader looks at pixels, and sees them as squares."""
SHARP_WHILE_DRAGGED_PX = 3_000_000
"""With more image pixels than this in view, windowing shows every other one until the button is released."""
DRAG_FOR_SPREAD_PX = 500
"""A drag this long changes centre or width by the spread of the image's values."""
LOUPE_PX, LOUPE_ZOOM = 110, 2.5
"""Radius of the loupe, and its enlargement over the picture below it."""
DRAG_FOR_TWICE_PX = 120
"""A drag this far up with the right button enlarges to twice the size."""


@dataclass(frozen=True)
class _Drag:
    """A drag of the left button that windows, of the right one that zooms about where it began, or one that pans."""

    button: Qt.MouseButton
    kind: Literal["window", "pan", "zoom"]
    start: QPoint
    last: QPoint
    moving: bool = False


class Picture(QWidget):
    """One radiograph, or a message in its place.

    Left drag windows (right: wider, down: darker), right drag zooms, middle, Ctrl or Shift drag pans; the wheel zooms
    about the cursor or goes through the images; a double click goes between the whole image and 1:1.
    """

    changed = Signal()
    """Zoom, window, inversion or the radiograph itself."""
    menuWanted = Signal(QPoint)
    """A right click that was no drag, and where on the screen."""
    stepWanted = Signal(int)
    """The wheel was turned while it goes through images: 1 for the next one, -1 for the one before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._levels: Levels | None = None
        self._radiograph: Radiograph | None = None
        self._voi: Voi = Window(0.5, 1.0)
        self._inverted = False  # with the current VOI, before the reader's own inversion
        self._inverted_by_reader = False
        self._table: Gray = np.empty(0, np.uint8)
        self._spread = 1.0
        self._upper: tuple[Sequence[str], Sequence[str]] = (), ()  # texts of the corners, left and right
        self.mark = ""  # what else the reader did to see this, see `done_by_reader`
        self._message = ""
        self._failed = False
        self._overlay = True
        self._fits = True
        self._scale = 1.0  # of the screen's logical pixels to the image's
        self._centre = QPointF()  # the image's point in the middle of the widget
        self._drag: _Drag | None = None
        self._turns = 0  # quarters clockwise, for the view alone
        self._mirrored = False  # left and right changed before it is turned
        self._loupe, self.wheel_steps = False, False
        self._pointer: QPointF | None = None
        self._turned = 0  # of the wheel, in eighths of a degree
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setMinimumSize(160, 120)

    def sizeHint(self) -> QSize:
        return QSize(720, 720)

    # What is shown

    def show_radiograph(self, radiograph: Radiograph, lines: Sequence[str], view_lines: Sequence[str] = ()) -> None:
        """Show it whole, as the file means it, with these lines in the upper corners, left and right.

        Raises UserError for a window that cannot be.
        """
        levels = Levels(radiograph)
        table = levels.table(radiograph.voi, radiograph.inverted)
        self._radiograph, self._levels, self._table = radiograph, levels, table
        self._voi, self._inverted, self._inverted_by_reader = radiograph.voi, radiograph.inverted, False
        self._spread = levels.spread()
        self._upper = tuple(lines), tuple(view_lines)
        self._message = ""
        self._drag = None
        self._turns, self._mirrored = 0, False
        self.zoom_fit()

    def show_message(self, text: str, failed: bool = False) -> None:
        """Take the picture away and say this instead: nothing old stays under a new name."""
        self._radiograph = self._levels = self._drag = None
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
        """Whether the corners are written in."""
        return self._overlay

    def set_overlay(self, on: bool) -> None:
        """Write in the corners, or only what the reader did to the picture."""
        self._overlay = on
        self._changed()

    # For the view alone

    def done_by_reader(self) -> list[str]:
        """What the reader did to the picture and is marked on it."""
        turned = f"TURNED {90 * self._turns}°"
        done = {"INVERTED": self._inverted_by_reader, "MIRRORED": self._mirrored, turned: self._turns}
        marks = [self.mark, *(mark for mark, is_done in done.items() if is_done)]
        return [f"{mark} by you" for mark in marks if mark]

    def mirror(self) -> None:
        """Changes left and right on the screen, or takes that back; the picture says so, and the file is untouched."""
        if self._levels is not None:
            self._mirrored = not self._mirrored
            self._turns = -self._turns % 4  # what is on the screen is mirrored, however it was turned
            self.zoom_fit()

    def turn(self) -> None:
        """Turns the picture a quarter clockwise on the screen; it says so, and the file is untouched."""
        if self._levels is not None:
            self._turns = (self._turns + 1) % 4
            self.zoom_fit()

    def set_turned(self, mirrored: bool, turns: int) -> None:
        """Mirrors and turns the picture as another one of the same film was."""
        self._mirrored, self._turns = mirrored, turns
        self.zoom_fit()

    def set_loupe(self, on: bool) -> None:
        """Enlarges the part under the pointer, or no longer."""
        self._loupe = on
        self._changed()

    def _shape(self) -> tuple[int, int]:
        """Rows and columns as they are on the screen."""
        rows, columns = self._levels.shape if self._levels is not None else (1, 1)
        return (columns, rows) if self._turns % 2 else (rows, columns)

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
        # Down is darker on the screen, whichever way the values run.
        darker = -1 if self._inverted != self._inverted_by_reader else 1
        per_px = self._spread / DRAG_FOR_SPREAD_PX
        self._voi = moved_window(self._voi, self._levels, self._spread, dx * per_px, darker * dy * per_px)
        self._window_changed()

    def set_preset(self, name: str) -> None:
        """One of `presets` by its name."""
        if self._radiograph is not None and name in (found := presets(self._radiograph)):
            voi, inverted = found[name]
            self.set_window(voi, inverted, self._inverted_by_reader)

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

    def zoom_width(self) -> None:
        """The image as wide as the view; where it is higher, from the top."""
        if self._levels is None:
            return
        rows, columns = self._shape()
        self._scale, self._fits = self.width() / columns, False
        self._centre = QPointF(columns / 2, min(rows / 2, self.height() / 2 / self._scale))
        self._clamp()
        self._changed()

    @property
    def view(self) -> tuple[float, float, float]:
        """Zoom as a multiple of the one at which the whole image fits, and the image's point in the middle, x and y as
        parts of its width and height."""
        rows, columns = self._shape()
        return self._scale / self._fit_scale(), self._centre.x() / columns, self._centre.y() / rows

    def set_view(self, zoom: float, x: float, y: float) -> None:
        """Shows the part of the image that `view` describes, as near as the limits of zoom and pan allow."""
        if self._levels is not None:
            rows, columns = self._shape()
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
        rows, columns = self._shape()
        return min(self.width() / columns, self.height() / rows)

    def _fit(self) -> None:
        if self._levels is not None:
            rows, columns = self._shape()
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
        rows, columns = self._shape()
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

    @property
    def placing(self) -> Placing:
        """Where the picture's points lie on the screen."""
        rows, columns = self._levels.shape if self._levels is not None else (1, 1)
        return Placing((columns, rows), self._mirrored, self._turns, self._scale, self._origin())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), plates.GROUND)
        if self._levels is None:
            if self._message:
                plates.paint_message(painter, self, self._message, self._failed)
            return
        self._paint_levels(painter, self._levels)
        if self._loupe and self._pointer is not None:
            self._paint_loupe(painter, self._levels, self._pointer)
        chips_px = plates.paint_chips(painter, self, self.done_by_reader())
        if self._overlay:
            plates.paint_corners(painter, self, self.corners(), chips_px)

    def corners(self) -> plates.Corners:
        """What is written in the corners."""
        inverted = ["inverted"] if self._inverted_by_reader else []
        shown = [self.window_text(), *inverted, f"zoom {self.zoom * 100:.0f} %"]
        return plates.Corners(*self._upper, shown, plates.size_lines(self._radiograph) if self._radiograph else ())

    def _paint_levels(self, painter: QPainter, levels: Levels) -> None:
        """Only what is in view, from the coarsest halving that still has a pixel for each of the screen's."""
        rows, columns = self._shape()
        zoom, origin = self.zoom, self._origin()
        halvings = max(0, math.floor(math.log2(1 / zoom) + 1e-9))
        dragged = self._drag is not None and self._drag.moving and self._drag.kind == "window"
        in_view = min(columns, self.width() / self._scale) * min(rows, self.height() / self._scale)
        if dragged and in_view / 4**halvings > SHARP_WHILE_DRAGGED_PX:
            halvings += 1
        codes = levels.codes(halvings)
        codes = np.rot90(codes[:, ::-1] if self._mirrored else codes, -self._turns)
        step = 2**halvings * self._scale  # logical pixels to one of `codes`
        # One more on each side, so that smoothing has neighbours.
        left = min(max(0, math.floor(-origin.x() / step) - 1), codes.shape[1] - 1)
        top = min(max(0, math.floor(-origin.y() / step) - 1), codes.shape[0] - 1)
        right = max(left + 1, min(codes.shape[1], math.ceil((self.width() - origin.x()) / step) + 1))
        bottom = max(top + 1, min(codes.shape[0], math.ceil((self.height() - origin.y()) / step) + 1))
        gray = np.ascontiguousarray(self._table[codes[top:bottom, left:right]])
        height, width = gray.shape
        image = QImage(gray.data, width, height, width, QImage.Format.Format_Grayscale8)
        target = QRectF(origin.x() + left * step, origin.y() + top * step, width * step, height * step)
        painter.save()
        # Halving an odd size leaves part of a pixel beyond the edge.
        painter.setClipRect(QRectF(origin, QSizeF(columns, rows) * self._scale), Qt.ClipOperation.IntersectClip)
        smooth = zoom <= SMOOTH_UP_TO_ZOOM and not math.isclose(zoom, 1.0)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, image, QRectF(0, 0, width, height))
        painter.restore()

    def _paint_loupe(self, painter: QPainter, levels: Levels, at: QPointF) -> None:
        """The picture below the pointer, enlarged about it."""
        kept, away = (self._scale, self._centre), (at - self._middle()) / self._scale
        self._scale, self._centre = self._scale * LOUPE_ZOOM, self._centre + away - away / LOUPE_ZOOM
        plates.paint_round(painter, at, LOUPE_PX, lambda: self._paint_levels(painter, levels))
        self._scale, self._centre = kept

    def window_text(self) -> str:
        """The transformation on the screen in words: "W 4096  L 2048 · NORMAL"."""
        return plates.voi_text(self._voi, self._spread)

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._levels is None or self._drag is not None:
            return
        button, place = event.button(), event.position().toPoint()
        modified = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        if button == Qt.MouseButton.LeftButton:
            self._drag = _Drag(button, "pan" if modified else "window", place, place)
        elif button == Qt.MouseButton.MiddleButton:
            self._drag = _Drag(button, "pan", place, place)
        elif button == Qt.MouseButton.RightButton:
            self._drag = _Drag(button, "zoom", place, place)
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        self._point_at(event.position())
        if drag is None:
            return
        place = event.position().toPoint()
        if not drag.moving:
            # A hand that trembles on a click must not change the window.
            if (place - drag.start).manhattanLength() < min(4, QApplication.startDragDistance()):
                return
            if drag.kind == "pan":
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        moved = place - drag.last
        self._drag = replace(drag, last=place, moving=True)
        if drag.kind == "pan":
            self.pan(moved)
        elif drag.kind == "zoom":
            self._zoom_to(self.zoom * 2 ** (-moved.y() / DRAG_FOR_TWICE_PX), QPointF(drag.start))
        else:
            self.drag_window(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is not None and event.button() == drag.button:
            self._drag = None
            self.unsetCursor()
            self.update()
            if drag.kind == "zoom" and not drag.moving:
                self.menuWanted.emit(event.globalPosition().toPoint())

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
        if self.wheel_steps and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self._turned += turned
            while abs(self._turned) >= 120:  # a fine wheel sends parts of a notch
                by = 1 if self._turned < 0 else -1
                self._turned += 120 * by
                self.stepWanted.emit(by)
            event.accept()
            return
        self._zoom_to(self.zoom * ZOOM_STEP ** (turned / 120), event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at(None)

    def _point_at(self, place: QPointF | None) -> None:
        self._pointer = place
        if self._loupe:
            self.update()
