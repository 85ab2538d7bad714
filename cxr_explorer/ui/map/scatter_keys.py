"""From point to point by arrow keys, and the points around one: what stands in for the mouse on the map."""

from __future__ import annotations

from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, SignalInstance
from PySide6.QtGui import QKeyEvent

from cxr_explorer.ui.map.scatter_canvas import ScatterCanvas

Direction = Literal["left", "right", "up", "down"]

KEY_ZOOM: Final = 1.25
KEY_PAN_SHARE: Final = 0.12
MARGIN_PX: Final = 30
_UNIT: Final = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, 1.0), "down": (0.0, -1.0)}
STEP_PX: Final = 9.0
"""A key press moves at least so far where it can: among 100,000 points the very next one is the same spot."""


def next_point(
    xy: NDArray[np.float32], at: tuple[float, float], direction: Direction, px_per_unit: tuple[float, float]
) -> int:
    """The point to go to from a place on the map, or -1 where there is none that way.

    Of the points within 45 degrees of the direction it is the nearest, counting what lies aside double.

    Args:
        xy: (N, 2) coordinates, y upwards; points that are not finite are never gone to.
        at: Where to start from.
        direction: Which way.
        px_per_unit: How many pixels one unit of x and of y take on the screen.
    """
    offsets = (xy.astype(np.float64) - at) * px_per_unit
    unit = np.array(_UNIT[direction])
    along = offsets @ unit
    aside = np.abs(offsets @ unit[::-1])
    ahead = (along > 0) & (aside <= along)
    far_enough = ahead & (along >= STEP_PX)
    chosen = far_enough if far_enough.any() else ahead
    if not chosen.any():
        return -1
    return int(np.argmin(np.where(chosen, along + 2 * aside, np.inf)))


def nearest_points(xy: NDArray[np.float32], at: tuple[float, float], count: int) -> NDArray[np.int64]:
    """The `count` finite points nearest to a place of the map (fewer where there are fewer), int64, ascending."""
    squares = ((xy.astype(np.float64) - at) ** 2).sum(axis=1)
    finite = np.flatnonzero(np.isfinite(squares))
    if count >= len(finite):
        return finite.astype(np.int64)
    return np.sort(finite[np.argpartition(squares[finite], count - 1)[:count]]).astype(np.int64)


class KeyedView(Protocol):
    """The scatter plot, as far as keys lead through it."""

    canvas: ScatterCanvas
    xy: NDArray[np.float32]
    selected: NDArray[np.bool_] | None
    hovered: int

    @property
    def pointActivated(self) -> SignalInstance: ...
    @property
    def pointsChosen(self) -> SignalInstance: ...
    def show_point(self, index: int) -> None: ...
    def end_hover(self) -> None: ...
    def cancel_drag(self) -> bool: ...
    def reset_view(self) -> None: ...


class MapKeys:
    """The map's own keys.

    Attributes:
        at: The point the arrow keys went to last, or -1; kept while the focus is elsewhere.
    """

    def __init__(self, view: KeyedView) -> None:
        self._view = view
        self.at = -1

    def forget(self) -> None:
        """The points are others now."""
        self.at = -1

    @property
    def shown(self) -> bool:
        """Whether the point shown is the arrow keys' one, which the resting mouse must not take away."""
        return 0 <= self.at == self._view.hovered and self._view.canvas.hasFocus()

    def follow_focus(self, has_focus: bool) -> None:
        """The card goes and comes with the focus."""
        if has_focus and self.at >= 0:
            self._view.show_point(self.at)
        elif not has_focus and 0 <= self.at == self._view.hovered:
            self._view.end_hover()

    def go_to(self, index: int) -> None:
        """Puts the keyboard on a point, brings it into view and shows its image beside it."""
        view, canvas = self._view, self._view.canvas
        view.end_hover()
        self.at = index
        room = QRectF(canvas.rect()).adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
        at = canvas.position_of(index)
        if not room.contains(at):
            x, y = min(max(at.x(), room.left()), room.right()), min(max(at.y(), room.top()), room.bottom())
            canvas.pan(QPointF(x, y) - at)
        view.show_point(index)

    def nearest(self, index: int, count: int) -> NDArray[np.int64]:
        """The `count` points that lie nearest to one, itself among them: int64 indices, ascending."""
        x, y = self._view.xy[index]
        return nearest_points(self._view.xy, (float(x), float(y)), count)

    def press(self, event: QKeyEvent) -> None:
        """Does what the key means on the map, and accepts the event, or leaves it alone."""
        view, canvas, key = self._view, self._view.canvas, event.key()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        across, down = KEY_PAN_SHARE * canvas.width(), KEY_PAN_SHARE * canvas.height()
        arrows: dict[int, tuple[Direction, QPointF]] = {
            Qt.Key.Key_Left: ("left", QPointF(across, 0)),
            Qt.Key.Key_Right: ("right", QPointF(-across, 0)),
            Qt.Key.Key_Up: ("up", QPointF(0, down)),
            Qt.Key.Key_Down: ("down", QPointF(0, -down)),
        }
        if key == Qt.Key.Key_Escape:
            if not view.cancel_drag():
                return
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            canvas.zoom(KEY_ZOOM)
        elif key == Qt.Key.Key_Minus:
            canvas.zoom(1 / KEY_ZOOM)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_0):
            view.reset_view()
        elif key in arrows and shift:
            canvas.pan(arrows[key][1])
        elif key in arrows:
            self._step(arrows[key][0])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.at >= 0:
            self._take(shift)
        else:
            return
        event.accept()

    def _step(self, direction: Direction) -> None:
        """From the point at hand, the current image, or to the middle of what is seen."""
        xy, canvas = self._view.xy, self._view.canvas
        seen, size = canvas.seen, canvas.room
        start = next((index for index in (self._view.hovered, self.at, canvas.current) if index >= 0), -1)
        if start >= 0 and np.isfinite(xy[start]).all():
            scale = (size.width() / (seen.width() or 1.0), size.height() / (seen.height() or 1.0))
            found = next_point(xy, (float(xy[start, 0]), float(xy[start, 1])), direction, scale)
        else:
            nearest = nearest_points(xy, (seen.center().x(), seen.center().y()), 1)
            found = int(nearest[0]) if nearest.size else -1
        if found >= 0:
            self.go_to(found)

    def _take(self, shift: bool) -> None:
        """Enter picks the point and, pressed again, opens it; with Shift it joins or leaves the selection."""
        view, index = self._view, self.at
        is_selected = view.selected is not None and bool(view.selected[index])
        if is_selected and not shift:
            view.pointActivated.emit(index)
        else:
            mode = "replace" if not shift else "subtract" if is_selected else "add"
            view.pointsChosen.emit(np.array([index], np.int64), "click", mode)
