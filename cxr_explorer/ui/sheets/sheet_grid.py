"""A page of large tiles, all of it in sight: nothing scrolls, pages are turned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from cxr_explorer.project.project import Ids
from cxr_explorer.ui.gallery.gallery import LOAD_BUDGET_S, LOAD_INTERVAL_MS, TILE_STEP_PX
from cxr_explorer.ui.gallery.grid import GAP_PX, Grid, page_tile_px
from cxr_explorer.ui.gallery.tile import Mark, TileState, foot_px, paint_tile
from cxr_explorer.ui.session.thumbnails import Thumbnails

TILE_PX = 165
"""Side of a tile that is aimed at."""

MIN_TILE_PX, MAX_TILE_PX = 96, 336

LEAST_LOOK_MS = 400
"""A page that is turned sooner was not looked at."""

_Key = Qt.Key
_Modifier = Qt.KeyboardModifier


class SheetGrid(QWidget):
    """Images in an order, a page of them shown, one of them current.

    Mouse: a click makes a tile current, Ctrl+click or the middle button finds it odd as well, a right click asks what
    can be done with it, a double click opens it, the wheel turns pages. Keys: arrows go from tile to tile and on to the
    next page, Page Up and Page Down turn pages, Home and End go to the first and last image, Tab and Shift+Tab to the
    next and previous kind of pages, Enter and Shift+Enter label, Ctrl with + - or the wheel sizes the tiles. Every
    other key is the window's.

    Args:
        thumbnails: Where pictures come from.
        mark: Asked for each visible tile's mark; answers are kept until `refresh_marks`.
    """

    currentChanged = Signal(int)
    """The current image's id, or -1."""
    pageChanged = Signal()
    """Another page, or pages of another size."""
    seen = Signal(object)
    """Ids of the images of a page that was on the screen with all its pictures for LEAST_LOOK_MS, int64."""
    oddWanted = Signal()
    kindWanted = Signal(int)
    """1 for the next kind of pages, -1 for the previous one."""
    labelWanted = Signal(bool)
    """Whether with Shift."""
    activated = Signal(int)
    """The image's id: double click."""
    menuWanted = Signal(QPoint)
    """A right click on the tile that is current now; where, on the screen."""

    def __init__(self, thumbnails: Thumbnails, mark: Callable[[int], Mark], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._mark_source = mark
        self._marks: dict[int, Mark] = {}
        self._ids: Ids = np.zeros(0, np.int64)
        self._position = -1
        self._tile_px = TILE_PX
        self._empty_text = ""
        self._seen: Ids = np.zeros(0, np.int64)
        self._wheel_rest = 0
        self._loading = QTimer(self, singleShot=True)
        self._loading.timeout.connect(self._load_some)
        self._seeing = QTimer(self, singleShot=True, interval=LEAST_LOOK_MS)
        self._seeing.timeout.connect(self._tell_seen)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Contact sheet")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # -- what is shown ---------------------------------------------------------------------------------------------

    def set_images(self, ids: Ids, position: int = 0) -> None:
        """Shows these images in this order, the page with that position first."""
        before = self.current_id
        self._ids = np.array(ids, np.int64)
        self._position = min(max(position, 0), self._ids.size - 1)
        self._marks.clear()
        self._seen = np.zeros(0, np.int64)
        self.update()
        self._describe_current()
        self.pageChanged.emit()
        if self.current_id != before:
            self.currentChanged.emit(self.current_id)

    def set_empty_text(self, text: str) -> None:
        """What to say when there are no images."""
        self._empty_text = text
        self.update()

    def refresh_marks(self) -> None:
        """Asks for all marks again."""
        self._marks.clear()
        self._describe_current()
        self.update()

    def set_tile_size(self, px: int) -> None:
        """The side of a tile to aim at; whole rows and columns fill the room."""
        px = min(max(px, MIN_TILE_PX), MAX_TILE_PX)
        if px != self._tile_px:
            self._tile_px = px
            self.update()
            self.pageChanged.emit()

    @property
    def tile_size(self) -> int:
        """The side of a tile that is aimed at."""
        return self._tile_px

    # -- pages -----------------------------------------------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """Tiles on a page."""
        grid = self._grid_of(1)
        return grid.columns * max(1, (grid.height - GAP_PX) // grid.row_pitch)

    @property
    def page(self) -> int:
        """The page shown, from 0."""
        return max(self._position, 0) // self.capacity

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self._ids.size // self.capacity))

    def page_ids(self) -> Ids:
        """The images of the page shown."""
        first = self.page * self.capacity
        return self._ids[first : first + self.capacity]

    def turn(self, by: int) -> None:
        """Goes to the first image of a page further on or back; the last page and the first one end it."""
        page = min(max(self.page + by, 0), self.pages - 1)
        if page != self.page:
            self._go(page * self.capacity)

    # -- the current image -----------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Of the current image among all, -1 where there are none."""
        return self._position

    @property
    def current_id(self) -> int:
        """The current image, or -1."""
        return int(self._ids[self._position]) if self._position >= 0 else -1

    def set_current(self, image_id: int) -> None:
        """Makes an image current and shows its page; one that is not here changes nothing."""
        found = np.flatnonzero(self._ids == image_id)
        if found.size:
            self._go(int(found[0]))

    def step(self, by: int) -> None:
        """Makes the image so many places further current."""
        if self._ids.size:
            self._go(min(max(self._position + by, 0), self._ids.size - 1))

    def _go(self, position: int) -> None:
        if position == self._position:
            return
        page = self.page
        self._position = position
        self.update()
        self._describe_current()
        if self.page != page:
            self.pageChanged.emit()
        self.currentChanged.emit(self.current_id)

    def _describe_current(self) -> None:
        if self._position < 0:
            self.setAccessibleDescription(self._empty_text)
            return
        mark = self._mark(self.current_id)
        states = [text for text, holds in (("exception", mark.odd), ("excluded", mark.excluded)) if holds]
        place = f"Image {self._position + 1} of {self._ids.size}"
        self.setAccessibleDescription(". ".join(text for text in (place, *states, mark.tooltip) if text))

    # -- geometry --------------------------------------------------------------------------------------------------

    def _grid_of(self, count: int) -> Grid:
        width, height, foot = self.width(), self.height(), foot_px(self.font())
        return Grid(count, page_tile_px(self._tile_px, width, height, foot), width, height, foot)

    def _grid(self) -> Grid:
        return self._grid_of(len(self.page_ids()))

    def _position_at(self, point: QPoint) -> int:
        """Among all images, -1 beside the tiles."""
        place = self._grid().position_at(point, 0)
        return place + self.page * self.capacity if place >= 0 else -1

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.pageChanged.emit()

    def sizeHint(self) -> QSize:
        return QSize(5 * (self._tile_px + GAP_PX), 3 * (self._tile_px + GAP_PX))

    def minimumSizeHint(self) -> QSize:
        return QSize(MIN_TILE_PX + 2 * GAP_PX, MIN_TILE_PX + 2 * GAP_PX)

    # -- painting and loading --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(event.rect(), palette.color(QPalette.ColorRole.Base))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ids, grid, font, focused = self.page_ids(), self._grid(), self.font(), self.hasFocus()
        if not ids.size:
            painter.setPen(palette.color(QPalette.ColorRole.Text))
            room = self.rect().adjusted(40, 24, -40, -24)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty_text)
            return
        missing = False
        current = self._position - self.page * self.capacity
        for place, image_id in enumerate(ids.tolist()):
            pixmap = self._thumbnails.get(image_id)
            pending = pixmap is None and not self._thumbnails.settled(image_id)
            missing = missing or pending
            painter.setFont(font)
            state = TileState(place == current, False, focused, pending)
            paint_tile(painter, grid.rect(place, 0), pixmap, self._mark(image_id), state, palette)
        if missing and not self._loading.isActive():
            self._loading.start(0)
        elif not missing and not np.array_equal(ids, self._seen):
            self._seen = ids
            self._seeing.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._seeing.isActive():
            self._seeing.stop()
            self._seen = np.zeros(0, np.int64)

    def _tell_seen(self) -> None:
        self.seen.emit(self._seen)

    def _load_some(self) -> None:
        """Loads the page's pictures, then those of the next one."""
        first = self.page * self.capacity
        wanted = self._ids[first : first + 2 * self.capacity].tolist()
        done = self._thumbnails.load(wanted, LOAD_BUDGET_S)
        self.update()
        if not done:
            self._loading.start(LOAD_INTERVAL_MS)

    def _mark(self, image_id: int) -> Mark:
        mark = self._marks.get(image_id)
        if mark is None:
            mark = self._marks[image_id] = self._mark_source(image_id)
        return mark

    # -- mouse -----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = self._position_at(event.position().toPoint())
        middle = event.button() == Qt.MouseButton.MiddleButton
        right = event.button() == Qt.MouseButton.RightButton
        if position < 0 or not (middle or right or event.button() == Qt.MouseButton.LeftButton):
            event.ignore()
            return
        self._go(position)
        if middle or (event.modifiers() & _Modifier.ControlModifier and not right):
            self.oddWanted.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.RightButton and self._position_at(point) >= 0:
            self.menuWanted.emit(event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        position = self._position_at(event.position().toPoint())
        if event.modifiers() != _Modifier.NoModifier or event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)  # two quick Ctrl+clicks are two clicks
        elif position >= 0:
            self.activated.emit(int(self._ids[position]))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / 120)
        self._wheel_rest -= steps * 120
        if event.modifiers() & _Modifier.ControlModifier:
            self.set_tile_size(self._tile_px + steps * TILE_STEP_PX)
        elif steps:
            self.turn(-steps)
        event.accept()

    # -- keys ------------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._action_of(event):
            event.accept()  # the focused sheet's own keys come before shortcuts of the window
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            position = self._position_at(event.pos())
            tooltip = self._mark(int(self._ids[position])).tooltip if position >= 0 else ""
            QToolTip.showText(event.globalPos(), tooltip, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = self._action_of(event)
        if action is None:
            event.ignore()
        else:
            event.accept()
            action()

    def focusNextPrevChild(self, forward: bool) -> bool:
        self.kindWanted.emit(1 if forward else -1)
        return True

    def _action_of(self, event: QKeyEvent) -> Callable[[], None] | None:
        key, modifiers = event.key(), event.modifiers() & ~_Modifier.KeypadModifier
        if modifiers == _Modifier.ControlModifier or modifiers == _Modifier.ControlModifier | _Modifier.ShiftModifier:
            if key in (_Key.Key_Plus, _Key.Key_Equal):
                return lambda: self.set_tile_size(self._tile_px + TILE_STEP_PX)
            if key in (_Key.Key_Minus, _Key.Key_Underscore):
                return lambda: self.set_tile_size(self._tile_px - TILE_STEP_PX)
            return None
        if key in (_Key.Key_Return, _Key.Key_Enter) and modifiers in (_Modifier.NoModifier, _Modifier.ShiftModifier):
            return lambda: self.labelWanted.emit(modifiers == _Modifier.ShiftModifier)
        if modifiers != _Modifier.NoModifier or not self._ids.size:
            return None
        columns, last = self._grid_of(1).columns, self._ids.size - 1
        moves: dict[int, Callable[[], None]] = {
            _Key.Key_Left: lambda: self.step(-1),
            _Key.Key_Right: lambda: self.step(1),
            _Key.Key_Up: lambda: self.step(-columns if self._position >= columns else 0),
            _Key.Key_Down: lambda: self.step(columns),
            _Key.Key_PageUp: lambda: self.turn(-1),
            _Key.Key_PageDown: lambda: self.turn(1),
            _Key.Key_Home: lambda: self._go(0),
            _Key.Key_End: lambda: self._go(last),
        }
        return moves.get(key)

    # -- drawing again ---------------------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.update()
