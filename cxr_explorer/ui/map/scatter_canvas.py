"""The scatter's picture: points drawn by `ui.map.rasterise`, with rings, names and outlines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cxr_explorer.colours import BACKGROUND, FOREGROUND, UNLABELLED
from cxr_explorer.ui.map.scatter_names import Name, Names
from cxr_explorer.ui.map.scatter_pictures import Look, Pictures, picture_side

FIT_PADDING: Final = 0.05
ZOOM_OUT_MAX: Final = 4.0
ZOOM_IN_MAX: Final = 5e4
POLL_MS: Final = 20


@cache
def load_rasteriser() -> Future[ModuleType]:
    """Begin to import the kernels off the window's thread, once; compiled ones come from numba's cache.

    The thread is no daemon: a window closed meanwhile lets the import end before the interpreter does, because tearing
    the interpreter down under a compiler crashes.
    """
    loaded: Future[ModuleType] = Future()

    def load() -> None:
        try:
            from cxr_explorer.ui.map import rasterise
        except BaseException as error:  # noqa: BLE001 - raised again in the window's thread, by result()
            loaded.set_exception(error)
        else:
            loaded.set_result(rasterise)

    threading.Thread(target=load, name="load-rasteriser", daemon=False).start()
    return loaded


class ScatterCanvas(QWidget):
    """Draws the points; what the mouse means is up to who listens to its events.

    All positions are logical pixels of the canvas; data has y upwards. Both axes have the same scale, so that distances
    in the map can be compared in all directions.
    """

    ready = Signal()
    rangeChanged = Signal()
    pressed = Signal(object)
    moved = Signal(object)
    released = Signal(object)
    doubleClicked = Signal(object)
    wheeled = Signal(object)
    left = Signal()
    keyPressed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)

        self._xy = np.empty((0, 2), np.float32)
        self._fit = self._wanted = QRectF(-1, -1, 2, 2)
        self._argb: NDArray[np.uint32] | None = None
        self._marks: NDArray[np.uint8] | None = None
        self._selected: NDArray[np.bool_] | None = None
        self._emphasised: NDArray[np.bool_] | None = None
        self._current = self._hovered = -1
        self._dark, self._message = True, ""
        self._names = Names(self)
        self.pictures = Pictures(self)
        self._outline: tuple[QPolygonF, str, QPointF] | None = None

        self._raster: Any = None
        self._frame: Any = None
        self._drawn_view: Any = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._look_whether_loaded)
        self.reset_view()

    # what is drawn

    def set_points(self, xy: NDArray[np.float32], keep_view: bool = False) -> None:
        seen, fitted = self.seen, self._fit
        zoomed = max(seen.width(), seen.height()) < 0.9 * max(fitted.width(), fitted.height())
        xy = np.ascontiguousarray(xy, np.float32)
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise ValueError(f"(N, 2) coordinates expected, got {xy.shape}")
        self._xy = xy
        self._argb = self._marks = self._selected = self._emphasised = self._raster = None
        self._current = self._hovered = -1
        self.pictures.clear()
        self._names.show([])
        finite = xy[np.isfinite(xy).all(axis=1)].astype(np.float64)
        if len(finite):
            low, high = finite.min(axis=0), finite.max(axis=0)
            extent = high - low
            margin = FIT_PADDING * extent.max() or 1.0
            self._fit = QRectF(*(low - margin), *(extent + 2 * margin))
        else:
            self._fit = QRectF(-1, -1, 2, 2)
        self._frame = None
        self.reset_view()
        if keep_view and zoomed:
            self._show(seen)
        self.load()

    def set_colours(self, argb: NDArray[np.uint32], marks: NDArray[np.uint8] | None = None) -> None:
        argb = np.asarray(argb, np.uint32)
        self._check_length(argb)
        if marks is not None:
            self._check_length(marks)
        self._argb, self._marks = argb, marks
        if self._raster is not None:
            self._raster.colour(argb)
            self._raster.mark(marks)
        self._redraw()

    def set_picture_source(
        self, source: Callable[[int], QPixmap | None] | None, load: Callable[[Sequence[int]], bool]
    ) -> None:
        self.pictures.source, self.pictures.load = source, load
        self.update()

    def set_selected(self, mask: NDArray[np.bool_] | None) -> None:
        self._selected = self._checked_mask(mask)
        self._arrange()

    def set_emphasis(self, mask: NDArray[np.bool_] | None) -> None:
        self._emphasised = self._checked_mask(mask)
        self._arrange()

    def _checked_mask(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        mask = np.array(mask, bool)
        self._check_length(mask)
        return mask

    def _check_length(self, values: NDArray[Any]) -> None:
        if values.shape != (len(self._xy),):
            raise ValueError(f"{len(self._xy)} values expected, one a point; got {values.shape}")

    def _arrange(self) -> None:
        if self._raster is not None:
            self._raster.arrange(self._selected, self._emphasised)
        self._redraw()

    @property
    def current(self) -> int:
        """The marked point, or -1."""
        return self._current

    def set_current(self, index: int) -> None:
        self._current = int(index)
        self.pictures.forget()
        self.update()

    def set_hovered(self, index: int) -> None:
        """The point that the hover card is about, -1 for none: a thin ring around it."""
        if index != self._hovered:
            self._hovered = index
            self.update()

    def set_dark(self, dark: bool) -> None:
        self._dark = dark
        self._names.draw_anew()
        self._redraw()

    def set_message(self, text: str) -> None:
        self._message = text
        self.update()

    def set_names(self, names: Sequence[Name]) -> None:
        self._names.show(names)
        self.update()

    def set_names_visible(self, visible: bool) -> None:
        self._names.visible = visible
        self.update()

    def set_outline(self, outline: QPolygonF | None, text: str = "", cursor: QPointF | None = None) -> None:
        """What is being drawn with the mouse, closed, with a word beside the cursor on what it will do."""
        self._outline = None if outline is None else (outline, text, cursor or QPointF())
        self.update()

    # loading

    def load(self) -> None:
        """Begin to load the kernels; the points appear once that is done."""
        if self._raster is None:
            load_rasteriser()
            self._look_whether_loaded()

    def _look_whether_loaded(self) -> None:
        loaded = load_rasteriser()
        if not loaded.done():
            self._poll.start()
            return
        self._poll.stop()
        if self._raster is not None:
            return
        raster = loaded.result().Raster(self._xy)
        if self._argb is None:
            self._argb = np.full(len(self._xy), UNLABELLED.argb(self._dark), np.uint32)
        raster.colour(self._argb)
        raster.mark(self._marks)
        raster.arrange(self._selected, self._emphasised)
        self._raster = raster
        self._redraw()
        self.ready.emit()

    @property
    def is_ready(self) -> bool:
        return self._raster is not None

    # what part is seen

    @property
    def room(self) -> QRectF:
        """The canvas, in logical pixels."""
        return QRectF(self.rect())

    @property
    def seen(self) -> QRectF:
        """The part of the map in sight, in data: what was asked for, and more of it across or down to fill the room."""
        wanted, across, down = self._wanted, max(self.width(), 1), max(self.height(), 1)
        scale = max(wanted.width() / across, wanted.height() / down)
        seen = QRectF(0, 0, across * scale, down * scale)
        seen.moveCenter(wanted.center())
        return seen

    def _look_at(self, wanted: QRectF) -> None:
        if wanted != self._wanted:
            self._wanted = QRectF(wanted)
            self._range_changed()

    def reset_view(self) -> None:
        self._look_at(self._fit)

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Magnify by a factor about a position, the middle by default; what lies there stays there."""
        seen = self.seen
        widest = max(self._fit.width(), self._fit.height())
        new_width = np.clip(max(seen.width(), seen.height()) / factor, widest / ZOOM_IN_MAX, widest * ZOOM_OUT_MAX)
        ratio = new_width / max(seen.width(), seen.height())
        fixed = seen.center() if about is None else self.to_data(about)
        left = fixed.x() - (fixed.x() - seen.left()) * ratio
        low = fixed.y() - (fixed.y() - seen.top()) * ratio
        self._show(QRectF(left, low, seen.width() * ratio, seen.height() * ratio))

    def pan(self, by: QPointF) -> None:
        """Move the picture by logical pixels."""
        seen = self.seen
        size = self.room
        if size.isEmpty():
            return
        self._show(seen.translated(-by.x() * seen.width() / size.width(), by.y() * seen.height() / size.height()))

    def centre_on(self, indices: NDArray[np.int64]) -> None:
        xy = self._xy[np.asarray(indices, np.int64)].astype(np.float64)
        xy = xy[np.isfinite(xy).all(axis=1)]
        if not len(xy):
            return
        low, high = xy.min(axis=0), xy.max(axis=0)
        seen = self.seen
        grow = max(1.0, *(1.2 * (high - low) / (seen.width(), seen.height())))
        size = np.array((seen.width(), seen.height())) * grow
        self._show(QRectF(*((low + high - size) / 2), *size))

    def _show(self, rect: QRectF) -> None:
        """Show a part, its centre kept within the map so that nobody gets lost in empty space."""
        centre = rect.center()
        x = min(max(centre.x(), self._fit.left()), self._fit.right())
        y = min(max(centre.y(), self._fit.top()), self._fit.bottom())
        rect.moveCenter(QPointF(x, y))
        self._look_at(rect)

    def to_data(self, position: QPointF) -> QPointF:
        seen, size = self.seen, self.room
        x = seen.left() + position.x() / max(size.width(), 1.0) * seen.width()
        return QPointF(x, seen.bottom() - position.y() / max(size.height(), 1.0) * seen.height())

    def to_position(self, x: float, y: float) -> QPointF:
        seen, size = self.seen, self.room
        column = (x - seen.left()) / seen.width() * size.width()
        return QPointF(column, (seen.bottom() - y) / seen.height() * size.height())

    def position_of(self, index: int) -> QPointF:
        x, y = self._xy[index]
        return self.to_position(float(x), float(y))

    def reach_of(self, index: int) -> float:
        """How far a point's disc or picture reaches from its place in the last frame, in logical pixels."""
        box = self.pictures.box_of(index)
        return self.radius_of_points() if box is None else max(box.width(), box.height()) / 2

    def radius_of_points(self) -> float:
        """Radius of the discs in the last frame, in logical pixels."""
        if self._raster is None or self._drawn_view is None:
            return 0.0
        return float(self._raster.radius_px(self._drawn_view) / self._drawn_view.pixel_ratio)

    def pick(self, position: QPointF, reach: float) -> int:
        """The index of the point seen at a position of the last frame, or -1."""
        if self._raster is None or self._frame is None:
            return -1
        pictured = self.pictures.at(position, self.radius_of_points())
        if pictured >= 0:
            return pictured
        ratio = self._drawn_view.pixel_ratio
        return int(self._raster.pick(position.x() * ratio, position.y() * ratio, reach * ratio))

    # painting

    def _redraw(self) -> None:
        self._frame = None
        self.pictures.forget()
        self.update()

    def _range_changed(self) -> None:
        self.update()
        self.rangeChanged.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._range_changed()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint_map(painter)
        painter.end()

    def paint_map(self, painter: QPainter) -> None:
        rect = self.room
        background = QColor.fromRgb(BACKGROUND.argb(self._dark))
        if self._raster is None or not len(self._xy):
            painter.fillRect(rect, background)
            loading = "" if self._raster is not None or not len(self._xy) else self.tr("Drawing the map …")
            self._paint_message(painter, rect, loading or self._message)
            return
        self._paint_points(painter, rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_pictures(painter, rect)
        self._names.paint(painter, rect, self._dark, not self._raster.shows_marks(self._drawn_view))
        for index, ticks in ((self._hovered, False), (self._current, True)):
            if 0 <= index < len(self._xy) and np.isfinite(self._xy[index]).all():
                self._paint_ring(painter, index, ticks)
        if self._outline is not None:
            self._paint_outline(painter, rect, *self._outline)

    def _paint_points(self, painter: QPainter, rect: QRectF) -> None:
        rasterise = load_rasteriser().result()
        ratio = self.devicePixelRatioF()
        width, height = round(rect.width() * ratio), round(rect.height() * ratio)
        seen = self.seen
        scale = rect.width() * ratio / seen.width(), rect.height() * ratio / seen.height()
        view = rasterise.View(width, height, seen.left(), seen.bottom(), *scale, ratio)
        if self._frame is None or view != self._drawn_view:
            ink = rasterise.Ink(BACKGROUND.argb(self._dark), FOREGROUND.argb(self._dark))
            self._frame = self._raster.draw(view, ink)
            self._drawn_view = view
        padded, pad = self._frame.padded, self._frame.pad
        rows, columns = padded.shape
        image = QImage(padded.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(0, 0), image, QRectF(pad, pad, width, height))

    def _paint_pictures(self, painter: QPainter, rect: QRectF) -> None:
        """Pictures instead of dots, where few enough points are in sight."""
        side = picture_side(self._raster.drawn, rect.width() * rect.height())
        if not side or self.pictures.source is None:
            self.pictures.clear()
            return
        points = self.pictures
        if points.laid_out_for != (self._drawn_view, side):
            seen = self.seen
            x, y = self._xy.T
            inside = (x >= seen.left()) & (x <= seen.right()) & (y >= seen.top()) & (y <= seen.bottom())
            shown = np.flatnonzero(inside)
            first = np.zeros(len(shown), np.int64) if self._emphasised is None else ~self._emphasised[shown] * 1
            if self._selected is not None:
                first = np.where(self._selected[shown], -1, first)
            first = np.where(shown == self._current, -2, first)
            order = shown[np.argsort(first, kind="stable")].tolist()
            points.lay_out((self._drawn_view, side), order, [self.position_of(index) for index in order], side)
        points.paint(painter, self._look_of, self._dark)

    def _look_of(self, index: int) -> Look:
        mark = 1 if self._marks is None else int(self._marks[index])
        faded = self._emphasised is not None and not self._emphasised[index]
        selected = self._selected is not None and bool(self._selected[index])
        return Look(int(self._argb[index]), mark, selected, faded and not selected)  # type: ignore[index]

    def _paint_message(self, painter: QPainter, rect: QRectF, text: str) -> None:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        painter.setFont(font)
        painter.setPen(QColor.fromRgb(UNLABELLED.argb(self._dark)).lighter(130 if self._dark else 70))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(rect.adjusted(32, 16, -32, -16), int(flags), text)

    def _paint_ring(self, painter: QPainter, index: int, ticks: bool) -> None:
        """A ring around a point or its picture, with four ticks if asked; it covers neither and needs no colour."""
        at, box, gap = self.position_of(index), self.pictures.box_of(index), 6.0 if ticks else 3.5
        path = QPainterPath()
        if box is None:
            across = down = self.radius_of_points() + gap
            path.addEllipse(at, across, down)
        else:
            across, down = box.width() / 2 + gap, box.height() / 2 + gap
            path.addRoundedRect(box.adjusted(-gap, -gap, gap, gap), 4, 4)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)) if ticks else ():
            path.moveTo(at + QPointF(dx * (across - 2), dy * (down - 2)))
            path.lineTo(at + QPointF(dx * (across + 6), dy * (down + 6)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((BACKGROUND, 5.0), (FOREGROUND, 2.0)):
            pen = QPen(QColor.fromRgb(colour.argb(self._dark)), width if ticks else 0.7 * width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPath(path)

    def _paint_outline(self, painter: QPainter, rect: QRectF, outline: QPolygonF, text: str, at: QPointF) -> None:
        line = QColor.fromRgb(FOREGROUND.argb(self._dark))
        wash = QColor(line)
        wash.setAlpha(22)
        painter.setBrush(wash)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(outline)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((QColor.fromRgb(BACKGROUND.argb(self._dark)), 3.0), (line, 1.4)):
            painter.setPen(QPen(colour, width))
            painter.drawPolygon(outline)
        if not text:
            return
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        box = QFontMetricsF(font).boundingRect(text).adjusted(-7, -3, 7, 3)
        box.moveTopLeft(at + QPointF(16, 14))
        box.moveRight(min(box.right(), rect.right() - 4))
        box.moveBottom(min(box.bottom(), rect.bottom() - 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(line)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor.fromRgb(BACKGROUND.argb(self._dark)))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    # events, for who listens

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.moved.emit(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.released.emit(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.doubleClicked.emit(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.wheeled.emit(event)
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
        self.keyPressed.emit(event)
