"""Grid: where the tiles of a gallery lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPoint, QRect, Qt

from cxr_explorer.ui.gallery.tile import FRAME_MARGIN_PX

GAP_PX = 2 * FRAME_MARGIN_PX + 2
"""Between tiles and around them: room for the frame of the current one."""

MIN_FITTED_PX = 48

_Key = Qt.Key


def fitted_px(wanted_px: int, width: int) -> int:
    """The side of a tile near the wanted one with which whole tiles fill the width."""
    columns = max(1, round((width - GAP_PX) / (wanted_px + GAP_PX)))
    return max(MIN_FITTED_PX, (width - GAP_PX) // columns - GAP_PX)


def page_tile_px(wanted_px: int, width: int, height: int, foot_px: int = 0) -> int:
    """The side of a tile near the wanted one with which whole rows and columns cover most of a page.

    Below each tile is a foot of so many pixels.
    """
    inner = (width - GAP_PX, height - GAP_PX)
    fitting = {
        room // count - GAP_PX - foot
        for room, foot in zip(inner, (0, foot_px), strict=True)
        for count in range(1, max(2, room // MIN_FITTED_PX))
    }
    largest = min(inner[0], inner[1] - foot_px) - GAP_PX
    near = [px for px in fitting if 0.7 * wanted_px <= px <= min(1.25 * wanted_px, largest)]
    if not near:
        return max(MIN_FITTED_PX, min(wanted_px, largest))
    covered = {px: (inner[0] // (px + GAP_PX)) * (inner[1] // (px + foot_px + GAP_PX)) * px * px for px in near}
    return max(near, key=lambda px: (covered[px], px))


@dataclass(frozen=True)
class Grid:
    """`count` square tiles in rows as wide as the viewport allows, centred.

    Positions count along the rows. Rectangles and points are in the viewport, whose top lies `scrolled` pixels below
    the top of the content.

    Attributes:
        count: Tiles.
        tile_px: Side of a tile.
        width: The viewport's.
        height: The viewport's.
        foot_px: Height of the line below each tile, where its label stands.
    """

    count: int
    tile_px: int
    width: int
    height: int
    foot_px: int = 0

    @property
    def pitch(self) -> int:
        """From one tile's left edge to the next one's."""
        return self.tile_px + GAP_PX

    @property
    def row_pitch(self) -> int:
        """From one tile's upper edge to that of the tile below."""
        return self.tile_px + self.foot_px + GAP_PX

    @cached_property
    def columns(self) -> int:
        """Tiles in a full row, at least 1."""
        return max(1, (self.width - GAP_PX) // self.pitch)

    @cached_property
    def left(self) -> int:
        """x of the first column."""
        return max(GAP_PX, (self.width - self.columns * self.pitch + GAP_PX) // 2)

    @property
    def content_height(self) -> int:
        """Of all rows, with the gaps above and below."""
        return -(-self.count // self.columns) * self.row_pitch + GAP_PX

    def rect(self, position: int, scrolled: int) -> QRect:
        """Of the tile, without its frame and foot."""
        row, column = divmod(position, self.columns)
        top = GAP_PX + row * self.row_pitch - scrolled
        return QRect(self.left + column * self.pitch, top, self.tile_px, self.tile_px)

    def position_at(self, point: QPoint, scrolled: int) -> int:
        """The tile at or above whose foot the point lies, or -1."""
        column, x = divmod(point.x() - self.left, self.pitch)
        row, y = divmod(point.y() + scrolled - GAP_PX, self.row_pitch)
        position = row * self.columns + column
        inside = 0 <= column < self.columns and row >= 0 and x < self.tile_px and y < self.tile_px + self.foot_px
        return int(position) if inside and position < self.count else -1

    def between(self, top: int, bottom: int, scrolled: int) -> tuple[int, int]:
        """First and one past the last position of the tiles that touch these rows of pixels; feet do not count."""
        offset = scrolled - GAP_PX
        first_row = max(0, (top + offset - self.tile_px - FRAME_MARGIN_PX) // self.row_pitch + 1)
        last_row = max(-1, (bottom + offset + FRAME_MARGIN_PX) // self.row_pitch)
        return min(first_row * self.columns, self.count), min((last_row + 1) * self.columns, self.count)

    def target(self, position: int, key: int) -> int | None:
        """Where a navigation key leads from `position`; None for any other key."""
        last = self.count - 1
        page_rows = max(1, self.height // self.row_pitch)
        if key == _Key.Key_Home:
            return 0
        if key == _Key.Key_End:
            return last
        if key in (_Key.Key_Left, _Key.Key_Right):
            return min(max(position + (1 if key == _Key.Key_Right else -1), 0), last)
        rows_by_key: dict[int, int] = {
            _Key.Key_Up: -1,
            _Key.Key_Down: 1,
            _Key.Key_PageUp: -page_rows,
            _Key.Key_PageDown: page_rows,
        }
        rows = rows_by_key.get(key)
        if rows is None:
            return None
        target = position + rows * self.columns
        if target < 0:
            return position % self.columns
        if target <= last:
            return target
        lowest = last - (last - position) % self.columns
        if lowest > position:
            return lowest
        # Lowest in its column; below it there may be a last, shorter row, whose end is the nearest.
        return position if position // self.columns == last // self.columns else last
