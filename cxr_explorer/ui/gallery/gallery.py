"""Gallery: any number of images as a grid of thumbnails, to look through and to pick from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from cxr_explorer.ui.gallery.grid import GAP_PX, Grid, fitted_px
from cxr_explorer.ui.gallery.tile import FRAME_MARGIN_PX, Mark, TileState, foot_px, paint_tile
from cxr_explorer.ui.session.thumbnails import Thumbnails

Ids = NDArray[np.int64]

MIN_TILE_PX = 96
MAX_TILE_PX = 240
TILE_STEP_PX = 24

LOAD_BUDGET_S = 0.008
LOAD_INTERVAL_MS = 15

_NO_MARK = Mark()
_Key = Qt.Key
_Modifier = Qt.KeyboardModifier


class Gallery(QAbstractScrollArea):
    """A scrolling grid of thumbnails with one current image and any number of picked ones.

    Painting costs what is visible, not what is listed. Thumbnails that are not in memory are drawn as placeholders
    and loaded between events, those in view first, the page ahead after them.

    Mouse: click picks one, Ctrl+click adds or takes away, Shift+click picks the range, double click activates, a
    click beside the tiles clears the picks. Keys: arrows, Page Up/Down, Home and End move (Shift extends, Alt leaves
    the picks alone), Insert or Alt+Enter picks the current one too, or no longer, Enter activates, Ctrl+A picks all,
    Esc clears the picks, Ctrl with + - or the wheel sizes the tiles. Every other key is left to the window.

    Args:
        thumbnails: Where pictures come from.
    """

    currentChanged = Signal(int)
    """The current image's id, or -1."""
    pickedChanged = Signal(object)
    """The picked ids in the order shown, int64."""
    activated = Signal(int)
    """The image's id: double click or Enter."""
    menuWanted = Signal(QPoint)
    """A right click on an image, which is the current one now; and where on the screen."""
    tileSizeChanged = Signal(int)
    """The new size in pixels."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._ids: Ids = np.empty(0, np.int64)
        self._picked: NDArray[np.bool_] = np.empty(0, np.bool_)  # by position, like _ids
        self._current = -1  # positions, -1 for none
        self._anchor = -1
        self._tile_px = 144
        self._mark_source: Callable[[int], Mark] | None = None
        self._marks: dict[int, Mark] = {}
        self._empty_text = ""
        self._scrolled_back = False
        self._wheel_rest = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._load_some)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there: a bar that comes and goes changes the number of columns, and the tiles jump.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAccessibleName("Gallery of images")
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._describe_current()

    # What is shown

    def set_images(self, ids: Ids) -> None:
        """Show these images in this order.

        Images that were current or picked stay so where they are still shown: nothing that is out of sight can be
        picked. Ids must be unique.
        """
        before = self.picked_ids()
        current_id = self.current_id
        self._ids = np.array(ids, np.int64).reshape(-1)
        self._picked = np.isin(self._ids, before) if before.size else np.zeros(self._ids.size, np.bool_)
        self._current = self._position(current_id)
        self._anchor = self._current
        self._marks.clear()
        self._relayout()
        self.verticalScrollBar().setValue(0)
        if self._current >= 0:
            self._show_position(self._current)
        self.viewport().update()
        self._describe_current()
        if self.current_id != current_id:
            self.currentChanged.emit(self.current_id)
        picked = self.picked_ids()
        if not np.array_equal(picked, before):
            self.pickedChanged.emit(picked)

    def image_ids(self) -> Ids:
        """All images, in the order shown."""
        return self._ids.copy()

    def visible_ids(self) -> list[int]:
        """The images at least partly in view, in the order shown."""
        first, last = self._visible_range()
        return [int(i) for i in self._ids[first:last]]

    def set_empty_text(self, text: str) -> None:
        """What to say when there are no images: what to do about it."""
        self._empty_text = text
        self.viewport().update()

    def set_mark_source(self, source: Callable[[int], Mark]) -> None:
        """Ask `source` for each visible tile's mark; answers are kept until `refresh_marks`."""
        self._mark_source = source
        self.refresh_marks()

    def refresh_marks(self) -> None:
        """Ask for all marks again: labels or exclusions changed."""
        self._marks.clear()
        self._describe_current()
        self.viewport().update()

    def refresh_thumbnails(self) -> None:
        """Draw again from `Thumbnails`, after it was told to forget some."""
        self.viewport().update()

    @property
    def tile_size(self) -> int:
        """Side of a tile in pixels that was asked for; it is drawn so that whole tiles fill the width."""
        return self._tile_px

    def set_tile_size(self, px: int) -> None:
        """Size the tiles, within 96 to 240 pixels; the tile looked at keeps its place."""
        px = min(max(px, MIN_TILE_PX), MAX_TILE_PX)
        if px == self._tile_px:
            return
        position, y = self._place_to_keep()
        self._tile_px = px
        self._relayout()
        self._put_at(position, y)
        self.viewport().update()
        self.tileSizeChanged.emit(px)

    # Current and picked

    @property
    def current_id(self) -> int:
        """The current image, or -1."""
        return int(self._ids[self._current]) if self._current >= 0 else -1

    def set_current(self, image_id: int) -> None:
        """Make this image current, scroll to it and leave the picks alone; -1 or an id not shown: none is current."""
        self._set_current(self._position(image_id))
        self._anchor = self._current

    def step(self, offset: int) -> None:
        """Make the image `offset` places further current and pick it alone, as the arrow keys do."""
        if self._ids.size:
            target = 0 if self._current < 0 else self._current + offset
            self._move_to(min(max(target, 0), self._ids.size - 1), extend=False)

    def picked_ids(self) -> Ids:
        """The picked images in the order shown."""
        return self._ids[self._picked]

    def set_picked(self, ids: Ids) -> None:
        """Pick exactly these; ids that are not shown are not picked."""
        self._set_picked(np.isin(self._ids, np.asarray(ids, np.int64)))

    def _set_current(self, position: int) -> None:
        if position >= 0:
            self._show_position(position)
        if position != self._current:
            self._update_tile(self._current)
            self._current = position
            self._update_tile(position)
            self._describe_current()
            self.currentChanged.emit(self.current_id)

    def _set_picked(self, picked: NDArray[np.bool_]) -> None:
        if not np.array_equal(picked, self._picked):
            self._picked = picked
            self.viewport().update()
            self.pickedChanged.emit(self.picked_ids())

    def _pick_only(self, position: int) -> None:
        picked = np.zeros(self._ids.size, np.bool_)
        picked[position] = True
        self._set_picked(picked)

    def _pick_range(self, position: int, add: bool) -> None:
        start = self._anchor if self._anchor >= 0 else position
        picked = self._picked.copy() if add else np.zeros(self._ids.size, np.bool_)
        picked[min(start, position) : max(start, position) + 1] = True
        self._set_picked(picked)

    def _move_to(self, position: int, extend: bool) -> None:
        if extend:
            if self._anchor < 0:
                self._anchor = position
            self._set_current(position)
            self._pick_range(position, add=False)
        else:
            self._anchor = position
            self._set_current(position)
            self._pick_only(position)

    def _position(self, image_id: int) -> int:
        found = np.flatnonzero(self._ids == image_id)
        return int(found[0]) if found.size else -1

    def _describe_current(self) -> None:
        if self._current < 0:
            self.setAccessibleDescription(f"{self._ids.size} images, none current")
            return
        mark = self._mark(self.current_id)
        said = (mark.tooltip or mark.badge, "excluded" if mark.excluded else "")
        place = f"Image {self._current + 1} of {self._ids.size}"
        self.setAccessibleDescription(". ".join(part for part in (place, *said) if part))

    # Geometry

    def _grid(self) -> Grid:
        viewport = self.viewport()
        return self._grid_of(viewport.width(), viewport.height())

    def _grid_of(self, width: int, height: int) -> Grid:
        return Grid(int(self._ids.size), fitted_px(self._tile_px, width), width, height, foot_px(self.font()))

    def _scrolled(self) -> int:
        return self.verticalScrollBar().value()

    def _tile_rect(self, position: int) -> QRect:
        return self._grid().rect(position, self._scrolled())

    def _position_at(self, event: QMouseEvent) -> int:
        return self._grid().position_at(event.position().toPoint(), self._scrolled())

    def _visible_range(self) -> tuple[int, int]:
        return self._grid().between(0, self.viewport().height() - 1, self._scrolled())

    def _relayout(self) -> None:
        grid = self._grid()
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, grid.content_height - grid.height))
        bar.setPageStep(max(1, grid.height // grid.row_pitch) * grid.row_pitch)
        bar.setSingleStep(max(1, grid.row_pitch // 3))

    def _place_to_keep(self) -> tuple[int, int]:
        """The tile that must not jump when the layout changes, and its y in the viewport."""
        half = self._grid().tile_px // 2
        first, last = self._grid().between(half, max(half, self.viewport().height() - half), self._scrolled())
        position = self._current if first <= self._current < last else first
        return position, self._tile_rect(position).top()

    def _put_at(self, position: int, y: int) -> None:
        self.verticalScrollBar().setValue(self._grid().rect(position, 0).top() - y)

    def _show_position(self, position: int) -> None:
        bar = self.verticalScrollBar()
        rect = self._tile_rect(position).adjusted(0, 0, 0, foot_px(self.font()))
        if rect.top() < GAP_PX:
            bar.setValue(bar.value() + rect.top() - GAP_PX)
        elif rect.bottom() + GAP_PX >= self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() + 1 + GAP_PX - self.viewport().height())

    def _update_tile(self, position: int) -> None:
        if position >= 0:
            margin, foot = FRAME_MARGIN_PX, foot_px(self.font())
            self.viewport().update(self._tile_rect(position).adjusted(-margin, -margin, margin, margin + foot))

    def resizeEvent(self, event: QResizeEvent) -> None:
        before = self._grid_of(event.oldSize().width(), event.oldSize().height())
        first, _ = before.between(before.tile_px // 2, before.tile_px // 2, self._scrolled())
        y = before.rect(first, self._scrolled()).top()
        self._relayout()
        if before.width > 0 and before.width != self._grid().width:
            self._put_at(first, y)
        self.viewport().update()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._scrolled_back = dy > 0
        if self.devicePixelRatioF().is_integer():
            self.viewport().scroll(dx, dy)
        else:
            # Moving what is already drawn by a fraction of a device pixel would smear it.
            self.viewport().update()

    def sizeHint(self) -> QSize:
        grid = self._grid()
        return QSize(4 * grid.pitch + 3 * GAP_PX, 3 * grid.row_pitch + GAP_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(MIN_TILE_PX + 4 * GAP_PX, MIN_TILE_PX + 2 * GAP_PX)

    # Painting and loading

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        palette = self.palette()
        painter.fillRect(event.rect(), palette.color(QPalette.ColorRole.Base))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self._ids.size:
            self._paint_empty(painter)
            return
        grid, scrolled, focused, font = self._grid(), self._scrolled(), self.hasFocus(), self.font()
        missing = False
        first, last = grid.between(event.rect().top() - grid.foot_px, event.rect().bottom(), scrolled)
        for position in range(first, last):
            rect = grid.rect(position, scrolled)
            image_id = int(self._ids[position])
            pixmap = self._thumbnails.get(image_id)
            pending = pixmap is None and not self._thumbnails.settled(image_id)
            missing = missing or pending
            state = TileState(position == self._current, bool(self._picked[position]), focused, pending)
            painter.setFont(font)
            paint_tile(painter, rect, pixmap, self._mark(image_id), state, palette)
        if missing and not self._timer.isActive():
            self._timer.start(0)

    def _paint_empty(self, painter: QPainter) -> None:
        colour = QColor(self.palette().color(QPalette.ColorRole.Text))
        colour.setAlphaF(0.75)
        painter.setPen(colour)
        room = self.viewport().rect().adjusted(24, 24, -24, -24)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty_text)

    def _load_some(self) -> None:
        first, last = self._visible_range()
        in_view = [int(i) for i in self._ids[first:last]]
        waiting = [i for i, image_id in enumerate(in_view, first) if not self._thumbnails.settled(image_id)]
        page = last - first
        ahead = self._ids[max(0, first - page) : first][::-1] if self._scrolled_back else self._ids[last : last + page]
        # All of what is in view, loaded or not: loading ahead must not push it out of memory.
        done = self._thumbnails.load(in_view + [int(i) for i in ahead], LOAD_BUDGET_S)
        for position in waiting:
            if self._thumbnails.settled(int(self._ids[position])):
                self._update_tile(position)
        if not done:
            self._timer.start(LOAD_INTERVAL_MS)

    def _mark(self, image_id: int) -> Mark:
        if self._mark_source is None:
            return _NO_MARK
        mark = self._marks.get(image_id)
        if mark is None:
            if len(self._marks) >= 10_000:
                self._marks.clear()
            mark = self._marks[image_id] = self._mark_source(image_id)
        return mark

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            position = self._grid().position_at(event.pos(), self._scrolled())
            tooltip = self._mark(int(self._ids[position])).tooltip if position >= 0 else ""
            if tooltip:
                QToolTip.showText(event.globalPos(), tooltip, self.viewport(), self._tile_rect(position))
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._update_tile(self._current)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._update_tile(self._current)

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = self._position_at(event)
        modifiers = event.modifiers()
        adding = bool(modifiers & _Modifier.ControlModifier)
        if event.button() == Qt.MouseButton.RightButton:
            self._prepare_menu(position)
        elif event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
        elif position < 0:
            if not adding and not modifiers & _Modifier.ShiftModifier:
                self._clear_picks()
        elif modifiers & _Modifier.ShiftModifier:
            if self._anchor < 0:
                self._anchor = position
            self._set_current(position)
            self._pick_range(position, add=adding)
        elif adding:
            self._set_current(position)
            self._toggle_current()
        else:
            self._move_to(position, extend=False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if event.button() == Qt.MouseButton.RightButton and self._position_at(event) >= 0:
            self.menuWanted.emit(event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        plain = event.button() == Qt.MouseButton.LeftButton and event.modifiers() == _Modifier.NoModifier
        position = self._position_at(event)
        if plain and position >= 0:
            self.activated.emit(int(self._ids[position]))
        else:
            # Two quick Ctrl+clicks are two clicks.
            self.mousePressEvent(event)

    def _prepare_menu(self, position: int) -> None:
        """A menu acts on what is picked: right-clicking an image outside the picks picks it alone."""
        if position >= 0:
            if self._picked[position]:
                self._set_current(position)
            else:
                self._move_to(position, extend=False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not event.modifiers() & _Modifier.ControlModifier:
            super().wheelEvent(event)
            return
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / 120)
        self._wheel_rest -= steps * 120
        self.set_tile_size(self._tile_px + steps * TILE_STEP_PX)
        event.accept()

    # Keys

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._action_of(event):
            # The focused gallery's own keys come before shortcuts of the window.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Not handed to the base class, which would scroll on arrows and leave the current tile behind.
        action = self._action_of(event)
        if action is None:
            event.ignore()
        else:
            event.accept()
            action()

    def _action_of(self, event: QKeyEvent) -> Callable[[], None] | None:
        key = event.key()
        modifiers = event.modifiers() & ~_Modifier.KeypadModifier
        control = bool(modifiers & _Modifier.ControlModifier)
        extend = bool(modifiers & _Modifier.ShiftModifier)
        if (key == _Key.Key_Insert and not modifiers) or (
            key in (_Key.Key_Return, _Key.Key_Enter) and modifiers == _Modifier.AltModifier
        ):
            return self._toggle_current if self._current >= 0 else None
        if modifiers == _Modifier.AltModifier and self._ids.size:
            moved = self._grid().target(max(self._current, 0), key)
            return None if moved is None else lambda: self._set_current(moved)
        if modifiers & (_Modifier.AltModifier | _Modifier.MetaModifier):
            return None
        if control:
            if key in (_Key.Key_Plus, _Key.Key_Equal):
                return lambda: self.set_tile_size(self._tile_px + TILE_STEP_PX)
            if key in (_Key.Key_Minus, _Key.Key_Underscore):
                return lambda: self.set_tile_size(self._tile_px - TILE_STEP_PX)
            if key == _Key.Key_A and not extend:
                return self._pick_all
            if key not in (_Key.Key_Home, _Key.Key_End):
                return None
        if not self._ids.size:
            return None
        if key == _Key.Key_Escape and not extend:
            # Without picks Esc is the window's: back.
            return self._clear_picks if self._picked.any() else None
        if key in (_Key.Key_Return, _Key.Key_Enter) and not extend:
            return self._activate_current if self._current >= 0 else None
        target = self._grid().target(max(self._current, 0), key)
        if target is None:
            return None
        if self._current < 0 and key not in (_Key.Key_Home, _Key.Key_End):
            target, _ = self._place_to_keep()
        place = target
        return lambda: self._move_to(place, extend)

    def _pick_all(self) -> None:
        self._set_picked(np.ones(self._ids.size, np.bool_))

    def _clear_picks(self) -> None:
        self._set_picked(np.zeros(self._ids.size, np.bool_))

    def _toggle_current(self) -> None:
        self._anchor = self._current
        picked = self._picked.copy()
        picked[self._current] = not picked[self._current]
        self._set_picked(picked)

    def _activate_current(self) -> None:
        self.activated.emit(self.current_id)
