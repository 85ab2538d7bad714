"""The map: every image a point, to look around in, pick from and select on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPixmap, QPolygonF, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cxr_explorer.atlas.selection import inside_polygon, inside_rectangle
from cxr_explorer.ui.map.scatter_canvas import ScatterCanvas, load_rasteriser
from cxr_explorer.ui.map.scatter_card import HoverCard
from cxr_explorer.ui.map.scatter_keys import MapKeys
from cxr_explorer.ui.map.scatter_names import Name

Tool = Literal["pan", "lasso", "rectangle"]
Mode = Literal["replace", "add", "subtract", "intersect"]

REACH_PX: Final = 8.0
DRAG_PX: Final = 4.0
LASSO_STEP_PX: Final = 2.0
HOVER_MS: Final = 60
WHEEL_ZOOM: Final = 1.0016  # a factor of 1.21 for a wheel's click of 120


def mode_of(modifiers: Qt.KeyboardModifier) -> Mode:
    """What a choice does to the selection: Shift adds, Ctrl subtracts, both intersect, none replaces."""
    shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    if shift and control:
        return "intersect"
    if shift:
        return "add"
    return "subtract" if control else "replace"


@dataclass
class _Drag:
    """A button held down: nothing yet, until the mouse has moved far enough to mean it."""

    button: Qt.MouseButton
    kind: Tool
    mode: Mode
    path: list[QPointF] = field(default_factory=list)
    moved: bool = False


class ScatterView(QWidget):
    """The map of all images.

    Indices are rows of the coordinates given to `set_points`, everywhere. Points without finite coordinates are
    neither drawn nor chosen. Mouse events go to `canvas`.

    The wheel zooms about the cursor; the right and the middle button pan, and so does the left one with the tool "pan".
    A click picks the point seen there. The tools "lasso" and "rectangle" choose by an outline; with the tool "pan",
    dragging with a modifier held draws a rectangle. Modifiers, as the button goes down: Shift adds, Ctrl subtracts,
    both intersect. Esc gives up a drag. Keys: arrows go from point to point, Enter picks the point (with Shift it adds
    or takes away) and, pressed again, activates it; + and - zoom, Shift with arrows pans, Home and 0 show all.

    Signals:
        pointsChosen: int64 indices, sorted; "click", "lasso" or "rectangle"; "replace", "add", "subtract" or
            "intersect". An outline around nothing chooses nothing, which "replace" makes an empty selection.
        pointActivated: The index of a point double-clicked.
        pointHovered: The index of the point below the resting cursor, -1 when there is none any more.
        backgroundClicked: A click, without modifiers, where there is no point.
        ready: The points are drawn; emitted after each `set_points`.
    """

    pointsChosen = Signal(object, str, str)
    pointActivated = Signal(int)
    menuWanted = Signal(int, QPoint)
    """A right click on a point, and where on the screen."""
    pointHovered = Signal(int)
    backgroundClicked = Signal()
    ready = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = ScatterCanvas(self)
        self._card = HoverCard(self)
        self._tool: Tool = "pan"
        self.xy = np.empty((0, 2), np.float32)
        self.selected: NDArray[np.bool_] | None = None
        self.keys = MapKeys(self)
        self._drag: _Drag | None = None
        self._activating = False
        self.hovered = -1
        self._cursor: QPointF | None = None
        self._thumbnail_source: Callable[[int], QPixmap | None] = lambda index: None
        self._caption_source: Callable[[int], str] = lambda index: ""
        self._rest = QTimer(self, singleShot=True, interval=HOVER_MS)
        self._rest.timeout.connect(self._hover)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.setFocusProxy(self.canvas)
        self.setAccessibleName(self.tr("Map of the images"))
        self.canvas.setAccessibleName(self.tr("Map of the images"))
        self.canvas.ready.connect(self.ready)
        self.canvas.rangeChanged.connect(self._range_changed)
        self.canvas.pressed.connect(self._press)
        self.canvas.moved.connect(self._move)
        self.canvas.released.connect(self._release)
        self.canvas.doubleClicked.connect(self._double_click)
        self.canvas.wheeled.connect(self._wheel)
        self.canvas.left.connect(self._leave)
        self.canvas.keyPressed.connect(self.keys.press)
        self.canvas.installEventFilter(self)
        self._show_cursor()

    # what is shown

    @staticmethod
    def warm_up() -> None:
        """Begin to load the drawing kernels in the background, before there are points. Returns at once."""
        load_rasteriser()

    @property
    def is_ready(self) -> bool:
        """Whether the points given last can be drawn already."""
        return self.canvas.is_ready

    def set_points(self, xy: NDArray[np.float32], keep_view: bool = False) -> None:
        """A new map of (N, 2) float32 coordinates, shown whole; with `keep_view` where the reader has zoomed in.

        Colours, selection, emphasis, the current image and the names belonged to the old points and are forgotten.
        """
        self.cancel_drag()
        self.end_hover()
        self.selected = None
        self.keys.forget()
        self.canvas.set_points(xy, keep_view)
        self.xy = np.ascontiguousarray(xy, np.float32)

    def set_colours(self, argb: NDArray[np.uint32], marks: NDArray[np.uint8] | None = None) -> None:
        """(N,) uint32 ARGB, whose alpha is ignored, and (N,) uint8 shapes and hatches, or None for discs.

        See `colours.categorical` and `colours.marks`.
        """
        self.canvas.set_colours(argb, marks)

    def set_selected(self, mask: NDArray[np.bool_] | None) -> None:
        """(N,) bool: points drawn on top of the others with a ring around them."""
        self.selected = mask
        self.canvas.set_selected(mask)

    def set_emphasis(self, mask: NDArray[np.bool_] | None) -> None:
        """(N,) bool: the other points fade into the background; None for no such difference."""
        self.canvas.set_emphasis(mask)

    def set_current(self, index: int) -> None:
        """The image that is open, marked with a ring and ticks; -1 for none."""
        self.canvas.set_current(index)

    def set_cluster_names(self, names: Sequence[Name]) -> None:
        """The most important first: where names would overlap, later ones wait."""
        self.canvas.set_names(names)

    def set_names_visible(self, visible: bool) -> None:
        """Whether the cluster names are drawn."""
        self.canvas.set_names_visible(visible)

    def set_message(self, text: str) -> None:
        """What to say in the middle while there are no points."""
        self.canvas.set_message(text)

    def set_dark(self, dark: bool) -> None:
        """Dark or light background. The colours of the points are the caller's to set anew."""
        self.canvas.set_dark(dark)
        self._card.set_dark(dark)

    def set_thumbnail_source(self, source: Callable[[int], QPixmap | None]) -> None:
        """Who knows the thumbnail of an index; asked in the window's thread, so it must answer at once."""
        self._thumbnail_source = source

    def set_picture_source(
        self, source: Callable[[int], QPixmap | None] | None, load: Callable[[Sequence[int]], bool]
    ) -> None:
        """Who knows the pictures to show in place of dots, where few points are in sight; None shows dots alone.

        Args:
            source: The picture of an index if it is in memory; asked while painting.
            load: Loads pictures of some indices for a few milliseconds; whether it did anything.
        """
        self.canvas.set_picture_source(source, load)

    def set_caption_source(self, source: Callable[[int], str]) -> None:
        """Who knows the words below the thumbnail of an index."""
        self._caption_source = source

    def set_tool(self, tool: Tool) -> None:
        """What dragging with the left button does: "pan", "lasso" or "rectangle"."""
        if tool not in ("pan", "lasso", "rectangle"):
            raise ValueError(f"no such tool: {tool}")
        self.cancel_drag()
        self._tool = tool
        self._show_cursor()

    @property
    def tool(self) -> Tool:
        """The tool of the left button."""
        return self._tool

    def reset_view(self) -> None:
        """Show all points."""
        self.canvas.reset_view()

    def centre_on(self, indices: NDArray[np.int64]) -> None:
        """Bring points to the middle; zooms out, never in, so that all of them fit."""
        self.canvas.centre_on(indices)

    # the mouse

    def _press(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            return
        self._rest.stop()
        button = event.button()
        mode = mode_of(event.modifiers())
        if button in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            kind: Tool = "pan"
        elif button == Qt.MouseButton.LeftButton:
            kind = "rectangle" if self._tool == "pan" and mode != "replace" else self._tool
        else:
            event.ignore()
            return
        self._drag = _Drag(button, kind, mode, [event.position()])

    def _move(self, event: QMouseEvent) -> None:
        position = event.position()
        self._cursor = position
        drag = self._drag
        if drag is None:
            if self.hovered >= 0 and self.canvas.pick(position, REACH_PX) != self.hovered:
                self.end_hover()
            self._rest.start()
            return
        if not drag.moved:
            start = drag.path[0]
            if max(abs(position.x() - start.x()), abs(position.y() - start.y())) < DRAG_PX:
                return
            drag.moved = True
            self.end_hover()
            self._show_cursor()
        if drag.kind == "pan":
            self.canvas.pan(position - drag.path[-1])
            drag.path = [position]
            return
        step = position - drag.path[-1]
        if drag.kind == "rectangle":
            drag.path = [drag.path[0], position]
        elif max(abs(step.x()), abs(step.y())) >= LASSO_STEP_PX:
            drag.path.append(position)
        self.canvas.set_outline(self._outline(drag), self._mode_text(drag.mode), position)

    def _release(self, event: QMouseEvent) -> None:
        drag = self._drag
        if drag is None or event.button() != drag.button:
            self._activating = False
            return
        self._drag = None
        self.canvas.set_outline(None)
        self._show_cursor()
        if drag.moved:
            if drag.kind != "pan":
                self._choose_by_outline(drag, event.position())
            self._rest.start()
        elif drag.button == Qt.MouseButton.LeftButton and not self._activating:
            self._click(event.position(), drag.mode)
        elif drag.button == Qt.MouseButton.RightButton and (index := self.canvas.pick(event.position(), REACH_PX)) >= 0:
            self.menuWanted.emit(index, event.globalPosition().toPoint())
        self._activating = False

    def _click(self, position: QPointF, mode: Mode) -> None:
        index = self.canvas.pick(position, REACH_PX)
        if index >= 0:
            self.pointsChosen.emit(np.array([index], np.int64), "click", mode)
        elif mode == "replace":
            self.backgroundClicked.emit()

    def _double_click(self, event: QMouseEvent) -> None:
        """Qt sends press, release, double click, release: the first pair has picked the point already."""
        if event.button() != Qt.MouseButton.LeftButton:
            self._press(event)
            return
        self._activating = True
        index = self.canvas.pick(event.position(), REACH_PX)
        if index >= 0:
            self.pointActivated.emit(index)

    def _choose_by_outline(self, drag: _Drag, end: QPointF) -> None:
        path = [*drag.path[:1], end] if drag.kind == "rectangle" else [*drag.path, end]
        corners = [(point.x(), point.y()) for point in map(self.canvas.to_data, path)]
        if drag.kind == "rectangle":
            inside = inside_rectangle(self.xy, corners[0], corners[-1])
        else:
            inside = inside_polygon(self.xy, corners)
        self.pointsChosen.emit(np.flatnonzero(inside).astype(np.int64), drag.kind, drag.mode)

    def _outline(self, drag: _Drag) -> QPolygonF:
        if drag.kind == "rectangle":
            return QPolygonF(QRectF(drag.path[0], drag.path[-1]))
        return QPolygonF(drag.path)

    def _mode_text(self, mode: Mode) -> str:
        return {
            "replace": self.tr("Select"),
            "add": self.tr("+ Add"),
            "subtract": self.tr("− Remove"),
            "intersect": self.tr("∩ Keep only"),
        }[mode]

    def cancel_drag(self) -> bool:
        """Gives up what is being drawn or dragged; False where nothing is."""
        if self._drag is None:
            return False
        self._drag = None
        self.canvas.set_outline(None)
        self._show_cursor()
        return True

    def _wheel(self, event: QWheelEvent) -> None:
        if self._drag is None:
            self.canvas.zoom(WHEEL_ZOOM ** event.angleDelta().y(), event.position())

    def _show_cursor(self) -> None:
        if self._drag is not None and self._drag.moved and self._drag.kind == "pan":
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._tool == "pan":
            shape = Qt.CursorShape.PointingHandCursor if self.hovered >= 0 else Qt.CursorShape.ArrowCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self.canvas.setCursor(shape)

    # hovering

    def _hover(self) -> None:
        if self._cursor is None or self._drag is not None:
            return
        index = self.canvas.pick(self._cursor, REACH_PX)
        if index < 0:
            self.end_hover()
            return
        if index != self.hovered:
            self.show_point(index)

    def show_point(self, index: int) -> None:
        """Shows the image of a point on a card beside it."""
        self.hovered = index
        self.canvas.set_hovered(index)
        self._show_cursor()
        thumbnail, caption = self._thumbnail_source(index), self._caption_source(index)
        self._card.show_for(self.canvas.position_of(index), self.canvas.reach_of(index), thumbnail, caption)
        self.pointHovered.emit(index)

    def end_hover(self) -> None:
        """Takes the card away."""
        self._rest.stop()
        self._card.hide()
        if self.hovered >= 0:
            self.hovered = -1
            self.canvas.set_hovered(-1)
            self._show_cursor()
            self.pointHovered.emit(-1)

    def _leave(self) -> None:
        self._cursor = None
        if not self.keys.shown:
            self.end_hover()

    def _range_changed(self) -> None:
        if self.keys.shown:
            self.show_point(self.keys.at)
            return
        self.end_hover()
        if self._cursor is not None and self._drag is None:
            self._rest.start()

    # events

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Esc ends a drag before it can mean anything else in the window; the card goes and comes with the focus."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.keys.follow_focus(event.type() == QEvent.Type.FocusIn)
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and self._drag is not None
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return False

    def showEvent(self, event: QShowEvent) -> None:
        self.canvas.load()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.cancel_drag()
        self._leave()
        super().hideEvent(event)
