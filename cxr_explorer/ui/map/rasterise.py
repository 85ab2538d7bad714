"""Points to pixels on the processor: a million discs a frame, on desktops without a graphics card.

Nothing here knows Qt. The window imports this module late and off its own thread, because numba's import alone takes
longer than opening the window may (`ui.scatter_view`).

How a frame is drawn:

1. `mark_band` walks the points in view and keeps, per device pixel, the top-most point whose centre falls there, and
   how many fell there. A few operations per point; points out of view are culled with a grid sorted once.
2. `stamp_band` walks the pixels and draws one anti-aliased disc per occupied pixel, at its sub-pixel position. The
   cost is bounded by the window, not by the number of points: a point that is not stamped lies within the same pixel
   as one that is, and makes that disc more opaque. Large discs have the shape of their mark; where discs cover one
   another `shade_crowd` draws their colour towards the foreground by the logarithm of how many there are.

Both steps are done for bands of rows at the same time, one processor core each. The pixels of step 1 stay until the
view or the layers change: new colours need step 2 alone. They answer what lies under the cursor, so a click picks what
is seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas import outline  # noqa: F401 - compiled with the map's kernels, not at the first lasso
from cxr_explorer.atlas.compiled import at_once, cores
from cxr_explorer.colours import MARKS
from cxr_explorer.ui.map.kernels import (
    CROWD_PX,
    CROWD_SHIFT,
    HATCH_PX,
    LAYER_SHIFT,
    SUBPIXELS,
    bin_points,
    mark_band,
    shade_crowd,
    stamp_band,
)
from cxr_explorer.ui.map.stamps import (
    CROWD_MIN,
    REACH_OF_MARKS,
    hatches,
    mark_stamps,
    opacity,
    shade_levels,
)

Argb = NDArray[np.uint32]
Mask = NDArray[np.bool_]

DIMMED: Final = 0
NORMAL: Final = 1
SELECTED: Final = 2

SHUFFLE_SEED: Final = 5
POINTS_PER_BIN: Final = 8
BINS_MAX: Final = 512
RADIUS_MIN_PX: Final = 1.0
RADIUS_MAX_PX: Final = 6.0
HALO_PX: Final = 1.0
HALO_OVERLAP_MAX: Final = 0.25  # discs that cover a typical spot, over pi; beyond it halos would wash the points out
RING_MIN_PX: Final = 1.75
RING_MAX_PX: Final = 2.0
FADED: Final = 0.27
BANDS_PER_CORE: Final = 2

MARK_MIN_PX: Final = 2.75  # smaller marks look alike


@dataclass(frozen=True)
class View:
    """What part of the map is drawn on what pixels; y grows upwards in data, downwards in pixels.

    Attributes:
        width: Device pixels.
        height: Device pixels.
        left: Data x at the left edge of the first column.
        top: Data y at the upper edge of the first row.
        scale_x: Device pixels per data unit, > 0.
        scale_y: Device pixels per data unit, > 0.
        pixel_ratio: Device pixels per logical pixel.
    """

    width: int
    height: int
    left: float
    top: float
    scale_x: float
    scale_y: float
    pixel_ratio: float = 1.0


@dataclass(frozen=True)
class Ink:
    """Opaque ARGB colours of a theme: behind the points, and around selected ones."""

    background: int
    ring: int


@dataclass(frozen=True, eq=False)
class Frame:
    """A drawn picture within a border that discs at the edge may reach into.

    Attributes:
        padded: (height + 2 * pad, width + 2 * pad) uint32 ARGB, opaque, contiguous.
        pad: Width of the border in device pixels.
    """

    padded: Argb
    pad: int

    @property
    def argb(self) -> Argb:
        """(height, width) uint32: the picture itself, not contiguous."""
        return self.padded[self.pad : -self.pad, self.pad : -self.pad]


class Raster:
    """The points of one map, sorted for drawing, with their colours and layers.

    Overlapping points lie in a fixed shuffled order: which of two points covers the other depends neither on the
    folder they were read from nor on the view. Points without finite coordinates are never drawn nor picked.

    Attributes:
        finite: (M,) int64 indices of the points that can be drawn, sorted.
        bounds: (x0, y0, x1, y1) of those; zeros without any.
        drawn: Points whose centres lay in view (margin included) in the last frame.
    """

    def __init__(self, xy: NDArray[np.float32]) -> None:
        """Sort for drawing. xy: (N, 2) float32 data coordinates, N < 2**29."""
        if xy.ndim != 2 or xy.shape[1] != 2 or len(xy) >= 1 << LAYER_SHIFT:
            raise ValueError(f"(N, 2) coordinates expected, got {xy.shape}")
        xy = np.ascontiguousarray(xy, np.float32)
        self.count = len(xy)
        self.finite = np.flatnonzero(np.isfinite(xy).all(axis=1)).astype(np.int64)
        self.drawn = 0
        low, high = np.zeros(2), np.zeros(2)
        if len(self.finite):
            low = xy[self.finite].min(axis=0).astype(np.float64)
            high = xy[self.finite].max(axis=0).astype(np.float64)
        self.bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        extent = np.where(high > low, high - low, 1.0)
        self._bins = int(np.clip(math.isqrt(len(self.finite) // POINTS_PER_BIN), 1, BINS_MAX))
        self._per_unit = self._bins / extent
        self._starts = np.zeros(self._bins**2 + 1, np.int64)
        self._order = np.empty(len(self.finite), np.int64)
        visiting = np.random.default_rng(SHUFFLE_SEED).permutation(self.finite)
        bin_points(xy, visiting, low[0], low[1], *self._per_unit, self._bins, self._starts, self._order)
        self._x = np.ascontiguousarray(xy[self._order, 0])
        self._y = np.ascontiguousarray(xy[self._order, 1])
        self._colours = np.full(len(self.finite), 0xFF888888, np.uint32)
        self._marks = np.full(len(self.finite), MARKS.index("disc"), np.uint8)
        self._layer = np.full(len(self.finite), NORMAL, np.uint8)
        self._layers: tuple[int, ...] = (NORMAL,)
        self._density = self._density_at(0.5)
        self._crowded = self._density_at(0.99)
        self._crowd = np.zeros((0, 0), np.int32)
        self._shade = np.zeros((0, 0), np.uint8)
        self._winner = np.full((0, 0), -1, np.int32)
        self._hits = np.zeros((0, 0), np.uint8)
        self._image = np.zeros((0, 0), np.uint32)
        self._view: View | None = None
        self._marked: tuple[View, int] | None = None
        self._margin = self._pad = 0

    def _density_at(self, share: float) -> float:
        """Points per square data unit, no less than around this share of the points: blobs count, not empty space."""
        if self.bounds[:2] == self.bounds[2:]:
            return 0.0
        counts = np.sort(np.diff(self._starts))
        running = np.cumsum(counts)
        found = counts[np.searchsorted(running, share * running[-1])]
        return float(found * self._per_unit[0] * self._per_unit[1])

    def colour(self, argb: Argb) -> None:
        """Colours for all N points in the order of the coordinates; their alpha is ignored."""
        if argb.shape != (self.count,):
            raise ValueError(f"{self.count} colours expected, got {argb.shape}")
        self._colours = argb.astype(np.uint32, copy=False)[self._order] | np.uint32(0xFF000000)

    def mark(self, marks: NDArray[np.uint8] | None) -> None:
        """`colours.marks` for all N points in the order of the coordinates; discs for None."""
        if marks is None:
            marks = np.full(self.count, MARKS.index("disc"), np.uint8)
        if marks.shape != (self.count,):
            raise ValueError(f"{self.count} marks expected, got {marks.shape}")
        self._marks = marks.astype(np.uint8, copy=False)[self._order]

    def arrange(self, selected: Mask | None = None, emphasised: Mask | None = None) -> None:
        """Which points lie on top with a ring, and which fade because they are not emphasised; None for no such."""
        layer = np.full(self.count, NORMAL, np.uint8)
        for mask in (selected, emphasised):
            if mask is not None and mask.shape != (self.count,):
                raise ValueError(f"a mask of {self.count} points expected, got {mask.shape}")
        if emphasised is not None:
            layer[~emphasised] = DIMMED
        if selected is not None:
            layer[selected] = SELECTED
        self._layer = layer[self._order]
        self._marked = None
        self._layers = tuple(one for one in (DIMMED, NORMAL, SELECTED) if (self._layer == one).any())

    def radius_px(self, view: View) -> float:
        """Radius of a disc in device pixels: small where points are dense on the screen, larger when zoomed in.

        The power law passes through the radii that look right at full view: 2 px for 112,120 points, 5.5 for 360.
        """
        per_px = self._density / (view.scale_x * view.scale_y) * view.pixel_ratio**2  # points per logical pixel
        radius = RADIUS_MAX_PX if per_px == 0 else 2.0 * (0.4 / per_px) ** 0.176
        return round(float(np.clip(radius, RADIUS_MIN_PX, RADIUS_MAX_PX)) * view.pixel_ratio * 16) / 16

    def shows_marks(self, view: View) -> bool:
        """Whether points are large enough to have shapes."""
        return self.radius_px(view) >= MARK_MIN_PX * view.pixel_ratio

    def draw(self, view: View, ink: Ink) -> Frame:
        """Draw a frame, in memory that the next frame overwrites."""
        radius = self.radius_px(view)
        ratio = view.pixel_ratio
        overlap = self._density / (view.scale_x * view.scale_y) * radius**2
        halo = HALO_PX * ratio if overlap < HALO_OVERLAP_MAX else 0.0
        shaped = self.shows_marks(view)
        ring = halo + ratio * min(max(radius / ratio / 2, RING_MIN_PX), RING_MAX_PX)
        self._margin = math.ceil(radius * (REACH_OF_MARKS if shaped else 1.0) + ring + ratio + 1)
        self._pad = 2 * self._margin + 2
        shape = (view.height + 2 * self._margin, view.width + 2 * self._margin)
        if self._winner.shape != shape:
            self._winner = np.empty(shape, np.int32)
            self._hits = np.zeros(shape, np.uint8)
            self._crowd = np.zeros(((shape[0] >> CROWD_SHIFT) + 4, (shape[1] >> CROWD_SHIFT) + 4), np.int32)
            self._shade = np.zeros(self._crowd.shape, np.uint8)
            self._marked = None
        padded = (view.height + 2 * self._pad, view.width + 2 * self._pad)
        if self._image.shape != padded:
            self._image = np.empty(padded, np.uint32)
        self._view = view
        ax, bx = view.scale_x, -view.left * view.scale_x
        ay, by = -view.scale_y, view.top * view.scale_y
        place = (ax, bx, ay, by, self._margin)
        if self._marked != (view, self._margin):
            bands = _bands(shape[0])
            self.drawn = sum(at_once(lambda band: self._mark_rows(view, place, *band), bands))
            self._marked = view, self._margin

        crowded = self._crowded / (view.scale_x * view.scale_y) * np.pi * radius**2
        shaded = crowded > CROWD_MIN
        if shaded:
            shade_crowd(self._crowd, shade_levels(np.pi * radius**2 / CROWD_PX**2 / 4, crowded), self._shade)
        fill = (*mark_stamps(radius, 0.0, shaped, SUBPIXELS), ink.background)
        gap = (*mark_stamps(radius, halo, shaped, SUBPIXELS), ink.background, halo > 0)
        where = (self._x, self._y, self._colours, *place, self._pad)
        # the hatch moves with the points, whole pixels at a time
        hatch = (hatches(HATCH_PX), -math.floor(bx) - self._margin, -math.floor(by) - self._margin, int(ratio >= 1.5))
        looks = (self._marks, shaped, self._shade, ink.ring)
        plain, shading = (*looks, False, *hatch), (*looks, shaded, *hatch)
        coats: list[tuple[object, ...]] = []  # what `stamp_band` takes between the layer and the picture
        for layer in self._layers if self.drawn else ():
            if layer == SELECTED:  # all rings before all discs: a dense selection gets one outline around it
                solid = opacity(0.0)
                outer_ring = (*mark_stamps(radius, ring + ratio, shaped, SUBPIXELS), ink.background, True)
                inner_ring = (*mark_stamps(radius, ring, shaped, SUBPIXELS), ink.ring, True)
                coats.append((layer, *where, solid, *outer_ring, *fill, 0, False, *plain))
                coats.append((layer, *where, solid, *inner_ring, *fill, 0, False, *plain))
                coats.append((layer, *where, solid, *gap, *fill, 0, True, *plain))
            else:
                fade = round(256 * (1 - FADED)) if layer == DIMMED else 0
                coats.append((layer, *where, opacity(overlap), *gap, *fill, fade, True, *shading))

        def paint(band: tuple[int, int]) -> None:
            self._image[slice(*band)] = ink.background
            for coat in coats:
                stamp_band(self._winner, self._hits, *band, *coat, self._image)

        at_once(paint, _bands(padded[0]))
        return Frame(self._image, self._pad)

    def _mark_rows(self, view: View, place: tuple[float, ...], begin: int, end: int) -> int:
        """Step 1 for some rows of the marked pixels. Returns how many points lie there."""
        edge_x, edge_y = (self._margin + 1) / view.scale_x, 1 / view.scale_y
        low = np.array([view.left - edge_x, view.top - (end - self._margin) / view.scale_y - edge_y])
        high = np.array(
            [view.left + view.width / view.scale_x + edge_x, view.top - (begin - self._margin) / view.scale_y + edge_y]
        )
        origin = np.array(self.bounds[:2])
        column0, row0 = (int(value) for value in np.clip((low - origin) * self._per_unit, 0, self._bins - 1))
        column1, row1 = (int(value) for value in np.clip((high - origin) * self._per_unit, 0, self._bins - 1))
        grid = (self._starts, self._bins, column0, column1, row0, row1)
        marked = (self._winner, self._hits, self._crowd)
        return int(mark_band(self._x, self._y, self._layer, *grid, *place, begin, end, *marked))

    def pick(self, column: float, row: float, reach_px: float) -> int:
        """The point seen at a place of the last frame: the disc on top there, else the nearest within reach.

        Args:
            column: Device pixels from the left edge.
            row: Device pixels from the upper edge.
            reach_px: How far beyond its disc a point still counts, in device pixels.

        Returns:
            Its index in the order of the coordinates, or -1.
        """
        view = self._view
        if view is None:
            return -1
        radius = self.radius_px(view)
        reach = math.ceil(radius + reach_px) + 1
        r, c = int(row) + self._margin, int(column) + self._margin
        r0, c0 = max(0, r - reach), max(0, c - reach)
        keys = self._winner[r0 : max(0, r + reach + 1), c0 : max(0, c + reach + 1)]
        keys = keys[keys >= 0]  # in the order of stamping, within a layer
        if not len(keys):
            return -1
        places = keys & ((1 << LAYER_SHIFT) - 1)
        dx = (self._x[places] - view.left) * view.scale_x - column
        dy = (view.top - self._y[places]) * view.scale_y - row
        distance = np.hypot(dx, dy)
        under = np.flatnonzero(distance <= radius)
        if len(under):
            layers = keys[under] >> LAYER_SHIFT
            best = under[np.flatnonzero(layers == layers.max())[-1]]
        else:
            best = distance.argmin()
            if distance[best] > max(radius, reach_px):
                return -1
        return int(self._order[places[best]])


def _bands(rows: int) -> list[tuple[int, int]]:
    """First row and past-the-last of some bands: several a core, for points do not lie evenly."""
    step = -(-rows // (BANDS_PER_CORE * cores() * CROWD_PX)) * CROWD_PX  # no two bands share a square of CROWD_PX
    return [(begin, min(begin + step, rows)) for begin in range(0, rows, step)]
