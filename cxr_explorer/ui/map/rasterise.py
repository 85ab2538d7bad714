"""Points to pixels on the processor: a million discs a frame, on desktops without a graphics card.

Nothing here knows Qt. The window imports this module late and off its own thread, because numba's import alone takes
longer than opening the window may (`ui.scatter_view`).

How a frame is drawn:

1. `_mark` walks the points in view and keeps, per device pixel, the top-most point whose centre falls there, and how
   many fell there. A few operations per point; points out of view are culled with a grid sorted once.
2. `_stamp` walks the pixels and draws one anti-aliased disc per occupied pixel, at the point's sub-pixel position. The
   cost is bounded by the window, not by the number of points: a point that is not stamped lies within the same pixel
   as one that is, and makes that disc more opaque. Large discs have the shape of their mark; where discs cover one
   another `_shade` draws their colour towards the foreground by the logarithm of how many there are.

The pixels of step 1 stay until the next frame and answer what lies under the cursor, so a click picks what is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from cxr_explorer.colours import MARKS
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
LAYER_SHIFT: Final = 29
POINTS_PER_BIN: Final = 8
BINS_MAX: Final = 512
RADIUS_MIN_PX: Final = 1.0
RADIUS_MAX_PX: Final = 6.0
HALO_PX: Final = 1.0
HALO_OVERLAP_MAX: Final = 0.25  # discs that cover a typical spot, over pi; beyond it halos would wash the points out
RING_MIN_PX: Final = 1.75
RING_MAX_PX: Final = 2.0
FADED: Final = 0.27
# numba's cache looks at this file alone: what the kernels use must stand in it, or old ones go on with old values.
SUBPIXELS: Final = 4
CROWD_SHIFT: Final = 2
CROWD_PX: Final = 1 << CROWD_SHIFT  # points are counted in squares of so many device pixels
HATCH_PX: Final = 16
MARK_MIN_PX: Final = 2.75  # smaller marks look alike
HATCH_DEPTH: Final = 0.5


def _kernel(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile now, and keep the machine code on disk where any folder can be written.

    numba looks for a cache folder itself: NUMBA_CACHE_DIR, `__pycache__` beside the source, the user's cache folder.
    Where none can be written it raises, and the kernel is compiled at every start instead of refusing to draw.
    """

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        def compile_now(cache: bool) -> Callable[..., Any]:
            return numba.njit(signature, cache=cache, nogil=True, boundscheck=False, error_model="numpy")(function)

        try:
            return compile_now(cache=True)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            return compile_now(cache=False)

    return compiled


@_kernel("void(f4[:,::1], i8[::1], f8, f8, f8, f8, i8, i8[::1], i8[::1])")
def _bin(xy, visiting, x0, y0, per_x, per_y, bins, starts, order):  # type: ignore[no-untyped-def]
    """Counting sort of the points by grid cell, row by row, keeping the visiting order within a cell."""
    last = bins - 1
    for i in visiting:
        column = min(last, int((xy[i, 0] - x0) * per_x))
        row = min(last, int((xy[i, 1] - y0) * per_y))
        starts[row * bins + column + 1] += 1
    for cell in range(bins * bins):
        starts[cell + 1] += starts[cell]
    place = starts[:-1].copy()
    for i in visiting:
        column = min(last, int((xy[i, 0] - x0) * per_x))
        row = min(last, int((xy[i, 1] - y0) * per_y))
        cell = row * bins + column
        order[place[cell]] = i
        place[cell] += 1


@_kernel(
    "i8(f4[::1], f4[::1], u1[::1], i8[::1], i8, i8, i8, i8, i8, f8, f8, f8, f8, i8, i4[:,::1], u1[:,::1], i4[:,::1])"
)
def _mark(x, y, layer, starts, bins, column0, column1, row0, row1, ax, bx, ay, by, margin, winner, count, crowd):  # type: ignore[no-untyped-def]
    """Per pixel, the highest (layer, place) whose centre falls there, and how many of that layer do.

    `winner` and `count` reach `margin` pixels beyond what `ax … by` call the image, on every side. `crowd` counts the
    points of all layers in squares of CROWD_PX, with a border of one empty square.
    """
    height, width = winner.shape
    x_end = float(width - margin)
    y_end = float(height - margin)
    low = -float(margin)
    drawn = 0
    for row in range(row0, row1 + 1):
        for k in range(starts[row * bins + column0], starts[row * bins + column1 + 1]):
            px = ax * x[k] + bx
            py = ay * y[k] + by
            if px < low or py < low or px >= x_end or py >= y_end:
                continue
            r = int(py + margin)
            c = int(px + margin)
            top = layer[k]
            key = np.int32((np.int64(top) << LAYER_SHIFT) | k)
            old = winner[r, c]
            drawn += 1
            crowd[np.uint64((r >> CROWD_SHIFT) + 1), np.uint64((c >> CROWD_SHIFT) + 1)] += 1
            if old < 0 or (old >> LAYER_SHIFT) < top:
                winner[r, c] = key
                count[r, c] = 1
            elif (old >> LAYER_SHIFT) == top:
                if key > old:
                    winner[r, c] = key
                if count[r, c] < 255:
                    count[r, c] += 1
    return drawn


@_kernel("void(i4[:,::1], u1[::1], u1[:,::1])")
def _shade(crowd, level, shade):  # type: ignore[no-untyped-def]
    """Per square of `crowd`, the level (0..255) of its smoothed count; `level` has one entry a quarter of a point."""
    most = len(level) - 1
    for r in range(1, crowd.shape[0] - 1):
        for c in range(1, crowd.shape[1] - 1):
            edges = crowd[r - 1, c] + crowd[r + 1, c] + crowd[r, c - 1] + crowd[r, c + 1]
            corners = crowd[r - 1, c - 1] + crowd[r - 1, c + 1] + crowd[r + 1, c - 1] + crowd[r + 1, c + 1]
            shade[r, c] = level[min(most, (4 * crowd[r, c] + 2 * edges + corners) >> 2)]


@numba.njit(inline="always")
def _spread(argb):  # type: ignore[no-untyped-def]
    """Four channels into four lanes of 16 bits, so that one multiplication blends them all."""
    wide = np.uint64(argb)
    return (wide | (wide << np.uint64(24))) & np.uint64(0x00FF00FF00FF00FF)


@numba.njit(inline="always")
def _blend(under, over, alpha):  # type: ignore[no-untyped-def]
    """`over` (spread) on `under` (packed) with alpha 0..256; packed."""
    half = np.uint64(0x0080008000800080)  # rounds, so that many layers do not grow darker
    wide = _spread(under) * (np.uint64(256) - np.uint64(alpha)) + over * np.uint64(alpha) + half
    wide = (wide >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    return np.uint32((wide | (wide >> np.uint64(24))) & np.uint64(0xFFFFFFFF))


@numba.njit(inline="always")
def _disc_onto(image, row, column, coverage, spans, opaque, wide):  # type: ignore[no-untyped-def]
    """Blend a disc centred in a pixel. Unsigned indices spare a test for negative ones at every pixel."""
    size = coverage.shape[0]
    half = size // 2
    for j in range(size):
        first = np.uint64(spans[np.uint64(j), np.uint64(0)])
        end = np.uint64(spans[np.uint64(j), np.uint64(1)])
        line = image[np.uint64(row + j - half)]
        covered = coverage[np.uint64(j)]
        shift = np.uint64(column - half)
        for i in range(first, end):
            alpha = (np.uint64(covered[i]) * opaque) >> np.uint64(8)
            line[i + shift] = _blend(line[i + shift], wide, alpha)


@_kernel(
    "void(i4[:,::1], u1[:,::1], i8, f4[::1], f4[::1], u4[::1], f8, f8, f8, f8, i8, i8, u2[::1], "
    "u2[:,:,::1], i2[:,:,::1], u4, b1, u2[:,:,::1], i2[:,:,::1], u4, i8, b1, "
    "u1[::1], b1, u1[:,::1], u4, b1, u1[:,:,::1], i8, i8, i8, u4[:,::1])"
)
def _stamp(  # type: ignore[no-untyped-def]
    winner, count, layer, x, y, colours, ax, bx, ay, by, margin, pad, opacity,
    ring, ring_spans, ring_colour, with_ring, fill, fill_spans, background, fade, with_fill,
    marks, shaped, shade, towards, with_shade, hatches, hatch_x, hatch_y, hatch_shift, image,
):  # fmt: skip
    """Draw one layer: for every occupied pixel a ring disc, then the point's own disc."""
    height, width = winner.shape
    place_mask = (1 << LAYER_SHIFT) - 1
    wide_background = _spread(background)
    wide_ring = _spread(ring_colour)
    wide_towards = _spread(towards)
    for r in range(height):
        for c in range(width):
            key = winner[r, c]
            if key < 0 or (key >> LAYER_SHIFT) != layer:
                continue
            k = key & place_mask
            px = ax * x[k] + bx + margin
            py = ay * y[k] + by + margin
            sub = int((py - r) * SUBPIXELS) * SUBPIXELS + int((px - c) * SUBPIXELS)
            if shaped:
                sub += (marks[k] & 7) * (SUBPIXELS * SUBPIXELS)
            opaque = np.uint64(opacity[count[r, c]])
            row = r - margin + pad
            column = c - margin + pad
            if with_ring:
                _disc_onto(image, row, column, ring[sub], ring_spans[sub], np.uint64(256), wide_ring)
            if with_fill:
                colour = colours[k]
                if fade > 0:
                    colour = _blend(colour, wide_background, fade)
                elif with_shade:
                    mixed = np.uint64(shade[np.uint64((r >> CROWD_SHIFT) + 1), np.uint64((c >> CROWD_SHIFT) + 1)])
                    hatch = marks[k] >> 3
                    place_x, place_y = (c + hatch_x) >> hatch_shift, (r + hatch_y) >> hatch_shift
                    if hatch and mixed and hatches[hatch, place_y & (HATCH_PX - 1), place_x & (HATCH_PX - 1)]:
                        colour = _blend(colour, wide_background, np.uint64(256 * HATCH_DEPTH))
                    else:
                        colour = _blend(colour, wide_towards, mixed)
                _disc_onto(image, row, column, fill[sub], fill_spans[sub], opaque, _spread(colour))


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
        _bin(xy, visiting, low[0], low[1], *self._per_unit, self._bins, self._starts, self._order)
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
        self._crowd.fill(0)
        padded = (view.height + 2 * self._pad, view.width + 2 * self._pad)
        if self._image.shape != padded:
            self._image = np.empty(padded, np.uint32)
        self._winner.fill(-1)
        self._image.fill(ink.background)
        self._view = view
        ax, bx = view.scale_x, -view.left * view.scale_x
        ay, by = -view.scale_y, view.top * view.scale_y
        self.drawn = self._mark_visible(view, ax, bx, ay, by)

        crowded = self._crowded / (view.scale_x * view.scale_y) * np.pi * radius**2
        shaded = crowded > CROWD_MIN
        if shaded:
            _shade(self._crowd, shade_levels(np.pi * radius**2 / CROWD_PX**2 / 4, crowded), self._shade)
        fill = (*mark_stamps(radius, 0.0, shaped, SUBPIXELS), ink.background)
        gap = (*mark_stamps(radius, halo, shaped, SUBPIXELS), ink.background, halo > 0)
        marked = (self._winner, self._hits)
        where = (self._x, self._y, self._colours, ax, bx, ay, by, self._margin, self._pad)
        # the hatch moves with the points, whole pixels at a time
        hatch = (hatches(HATCH_PX), -math.floor(bx) - self._margin, -math.floor(by) - self._margin, int(ratio >= 1.5))
        looks = (self._marks, shaped, self._shade, ink.ring)
        plain, shading = (*looks, False, *hatch), (*looks, shaded, *hatch)
        for layer in self._layers if self.drawn else ():
            if layer == SELECTED:  # all rings before all discs: a dense selection gets one outline around it
                solid = opacity(0.0)
                outer_ring = (*mark_stamps(radius, ring + ratio, shaped, SUBPIXELS), ink.background, True)
                inner_ring = (*mark_stamps(radius, ring, shaped, SUBPIXELS), ink.ring, True)
                _stamp(*marked, layer, *where, solid, *outer_ring, *fill, 0, False, *plain, self._image)
                _stamp(*marked, layer, *where, solid, *inner_ring, *fill, 0, False, *plain, self._image)
                _stamp(*marked, layer, *where, solid, *gap, *fill, 0, True, *plain, self._image)
            else:
                fade = round(256 * (1 - FADED)) if layer == DIMMED else 0
                _stamp(*marked, layer, *where, opacity(overlap), *gap, *fill, fade, True, *shading, self._image)
        return Frame(self._image, self._pad)

    def _mark_visible(self, view: View, ax: float, bx: float, ay: float, by: float) -> int:
        if not len(self._x):
            return 0
        edge_x, edge_y = (self._margin + 1) / view.scale_x, (self._margin + 1) / view.scale_y
        low = np.array([view.left - edge_x, view.top - view.height / view.scale_y - edge_y])
        high = np.array([view.left + view.width / view.scale_x + edge_x, view.top + edge_y])
        origin = np.array(self.bounds[:2])
        first = np.floor((low - origin) * self._per_unit)
        last = np.floor((high - origin) * self._per_unit)
        if (last < 0).any() or (first > self._bins).any():
            return 0
        column0, row0 = (int(value) for value in np.clip(first, 0, self._bins - 1))
        column1, row1 = (int(value) for value in np.clip(last, 0, self._bins - 1))
        grid = (self._starts, self._bins, column0, column1, row0, row1)
        place = (ax, bx, ay, by, self._margin)
        return int(_mark(self._x, self._y, self._layer, *grid, *place, self._winner, self._hits, self._crowd))

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
