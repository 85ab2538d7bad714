"""What is compiled: points into pixels, and pixels into a picture. See `rasterise` for how they make a frame.

Kernels that fill a picture do so for a band of its rows, so that the bands of one frame can be drawn at the same time:
what a band holds does not depend on where it begins.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from cxr_explorer.atlas.compiled import compiled

# numba's cache looks at this file alone: what the kernels use must stand in it, or old ones go on with old values.
LAYER_SHIFT: Final = 29
SUBPIXELS: Final = 4
CROWD_SHIFT: Final = 2
CROWD_PX: Final = 1 << CROWD_SHIFT  # points are counted in squares of so many device pixels
HATCH_PX: Final = 16
HATCH_DEPTH: Final = 0.5


@compiled("void(f4[:,::1], i8[::1], f8, f8, f8, f8, i8, i8[::1], i8[::1])")
def bin_points(xy, visiting, x0, y0, per_x, per_y, bins, starts, order):  # type: ignore[no-untyped-def]
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


@compiled(
    "i8(f4[::1], f4[::1], u1[::1], i8[::1], i8, i8, i8, i8, i8, f8, f8, f8, f8, i8, i8, i8, "
    "i4[:,::1], u1[:,::1], i4[:,::1])"
)
def mark_band(  # type: ignore[no-untyped-def]
    x, y, layer, starts, bins, column0, column1, row0, row1, ax, bx, ay, by, margin, begin, end, winner, count, crowd,
):  # fmt: skip
    """Per pixel of the rows `begin` to `end`, the highest (layer, place) whose centre falls there, and how many of that
    layer do.

    `winner` and `count` reach `margin` pixels beyond what `ax … by` call the image, on every side. `crowd` counts the
    points of all layers in squares of CROWD_PX, with a border of one empty square.
    """
    width = winner.shape[1]
    x_end = float(width - margin)
    low = -float(margin)
    drawn = 0
    winner[begin:end] = -1
    crowd[(begin >> CROWD_SHIFT) + 1 : ((end - 1) >> CROWD_SHIFT) + 2] = 0
    for row in range(row0, row1 + 1):
        for k in range(starts[row * bins + column0], starts[row * bins + column1 + 1]):
            px = ax * x[k] + bx
            py = ay * y[k] + by
            if px < low or py < low or px >= x_end:
                continue
            r = int(py + margin)
            if r < begin or r >= end:
                continue
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


@compiled("void(i4[:,::1], u1[::1], u1[:,::1])")
def shade_crowd(crowd, level, shade):  # type: ignore[no-untyped-def]
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
def _disc_onto(image, row, column, first_row, end_row, coverage, spans, opaque, wide):  # type: ignore[no-untyped-def]
    """Blend a disc centred in a pixel, within some rows. Unsigned indices spare a test for negative ones everywhere."""
    size = coverage.shape[0]
    half = size // 2
    for j in range(max(0, first_row - row + half), min(size, end_row - row + half)):
        first = np.uint64(spans[np.uint64(j), np.uint64(0)])
        end = np.uint64(spans[np.uint64(j), np.uint64(1)])
        line = image[np.uint64(row + j - half)]
        covered = coverage[np.uint64(j)]
        shift = np.uint64(column - half)
        for i in range(first, end):
            alpha = (np.uint64(covered[i]) * opaque) >> np.uint64(8)
            line[i + shift] = _blend(line[i + shift], wide, alpha)


@compiled(
    "void(i4[:,::1], u1[:,::1], i8, i8, i8, f4[::1], f4[::1], u4[::1], f8, f8, f8, f8, i8, i8, u2[::1], "
    "u2[:,:,::1], i2[:,:,::1], u4, b1, u2[:,:,::1], i2[:,:,::1], u4, i8, b1, "
    "u1[::1], b1, u1[:,::1], u4, b1, u1[:,:,::1], i8, i8, i8, u4[:,::1])"
)
def stamp_band(  # type: ignore[no-untyped-def]
    winner, count, begin, end, layer, x, y, colours, ax, bx, ay, by, margin, pad, opacity,
    ring, ring_spans, ring_colour, with_ring, fill, fill_spans, background, fade, with_fill,
    marks, shaped, shade, towards, with_shade, hatches, hatch_x, hatch_y, hatch_shift, image,
):  # fmt: skip
    """Draw the rows `begin` to `end` of a picture, one layer: for every occupied pixel a ring disc, then the point's
    own disc.
    """
    height, width = winner.shape
    reach = max(ring.shape[1], fill.shape[1]) // 2
    place_mask = (1 << LAYER_SHIFT) - 1
    wide_background = _spread(background)
    wide_ring = _spread(ring_colour)
    wide_towards = _spread(towards)
    for r in range(max(0, begin - pad + margin - reach), min(height, end - pad + margin + reach)):
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
                _disc_onto(image, row, column, begin, end, ring[sub], ring_spans[sub], np.uint64(256), wide_ring)
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
                _disc_onto(image, row, column, begin, end, fill[sub], fill_spans[sub], opaque, _spread(colour))
