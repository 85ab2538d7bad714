"""Colours of points that people with any colour vision can tell apart, on a dark and on a light background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Shade:
    """One colour in its two variants.

    Attributes:
        name: What to call it in a legend or for a screen reader.
        on_light: "#RRGGBB" for a light background.
        on_dark: "#RRGGBB" for a dark one.
    """

    name: str
    on_light: str
    on_dark: str

    def hex(self, dark: bool) -> str:
        """The variant as "#RRGGBB"."""
        return self.on_dark if dark else self.on_light

    def argb(self, dark: bool) -> int:
        """The variant as 0xFFRRGGBB."""
        return 0xFF000000 | int(self.hex(dark)[1:], 16)


BACKGROUND: Final = Shade("background", "#FBFBFC", "#14161A")
FOREGROUND: Final = Shade("foreground", "#15181D", "#F4F6F8")
UNLABELLED: Final = Shade("grey", "#A9ADB3", "#5F656E")

# Hues after Okabe and Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/, and Paul Tol, "Colour
# Schemes" (SRON/EPS/TN/09-002, 2021). Seven hues are all that red-green blindness leaves, so the twelve differ in
# lightness too: each variant was moved within its hue to the largest smallest distance in OKLab (Ottosson 2020) seen
# with protanopia, deuteranopia and tritanopia as simulated by Machado, Oliveira and Fernandes (2009), grey included.
# Each colour is the one farthest from those before it, so few categories get the most different ones.
CATEGORICAL: Final = (
    Shade("blue", "#0573D0", "#4C8FEE"),
    Shade("brick", "#87170D", "#B04F24"),
    Shade("olive", "#888329", "#98AD17"),
    Shade("rose", "#E6608B", "#F79CB7"),
    Shade("indigo", "#5D39A2", "#6C5FCB"),
    Shade("sky blue", "#37A4EF", "#4BBBF9"),
    Shade("plum", "#79285C", "#C55EAA"),
    Shade("moss", "#636602", "#E6EF57"),
    Shade("teal", "#069B90", "#57ECEE"),
    Shade("green", "#037D5B", "#47BC74"),
    Shade("mauve", "#C771C2", "#CD8AC3"),
    Shade("amber", "#CE9223", "#B48132"),
)
MARKS: Final = ("dot", "disc", "square", "triangle", "diamond", "plus", "inverted triangle", "cross")
"""Shapes of points. The dot is for what belongs to no category, and is smaller."""
NEIGHBOURS: Final = 8
"""Clusters whose middles are nearest count as beside one another."""
LOOKS: Final = len(CATEGORICAL) * (len(MARKS) - 1)
"""Pairs of a colour and a mark: as 12 and 7 have no common factor, so many codes in a row have different pairs."""
ON_PAPER: Final = tuple(shade.hex(dark=False) for shade in CATEGORICAL)
"""As "#RRGGBB", on white: what reports and pictures are drawn with."""

# cividis at ten even places (Nuñez, Anderton and Renslow 2018, PLoS ONE 13(7): e0199239).
CIVIDIS: Final = (
    "#00204D", "#00336F", "#38486B", "#575C6D", "#707173", "#898679", "#A69D75", "#C4B56C", "#E3CE5B", "#FFEA46",
)  # fmt: skip
# The ends that would drown: the dark one on dark, the pale one on light.
CIVIDIS_SEEN: Final = {True: (0.22, 1.0), False: (0.0, 0.9)}


def shade_of(code: int) -> Shade:
    """The colour of a category, for a legend; negative codes are grey, and codes from 12 on use the colours again."""
    return UNLABELLED if code < 0 else CATEGORICAL[code % len(CATEGORICAL)]


def mark_of(code: int) -> str:
    """The shape of a category's points, one of MARKS: what tells it from others of its colour, or of any to who sees
    none."""
    return MARKS[0] if code < 0 else MARKS[1 + code % (len(MARKS) - 1)]


def hatch_of(code: int) -> int:
    """0..6: the hatching of a category where its points are too dense for shapes; 0, none, for the first of a colour.

    Two codes of the same colour that differ in their marks differ in this too.
    """
    return 0 if code < 0 else code % LOOKS // len(CATEGORICAL)


def look_text(code: int) -> str:
    """Colour and mark in words: "sky blue triangle", "teal disc, hatched"."""
    return f"{shade_of(code).name} {mark_of(code)}{', hatched' if hatch_of(code) else ''}"


def marks(codes: ArrayLike) -> NDArray[np.uint8]:
    """(N,) uint8 for (N,) integer codes: the place of `mark_of` in MARKS, and `hatch_of` in the bits above."""
    seen = np.array([MARKS.index(mark_of(code)) | hatch_of(code) << 3 for code in range(LOOKS)], np.uint8)
    return _by_code(codes, seen, MARKS.index(mark_of(-1)))


def categorical(codes: ArrayLike, dark: bool) -> NDArray[np.uint32]:
    """(N,) uint32 ARGB for (N,) integer codes, as `shade_of` has them."""
    seen = np.array([shade.argb(dark) for shade in CATEGORICAL], np.uint32)
    return _by_code(codes, seen, UNLABELLED.argb(dark))


def _by_code(codes: ArrayLike, seen: NDArray[Any], rest: int) -> NDArray[Any]:
    """For (N,) integer codes what `seen` has for them, again from its start on beyond its end; `rest` for negatives."""
    codes = np.asarray(codes)
    if codes.max(initial=-1) > len(codes) + 4096:  # no table that long: division instead, which is slower
        codes = np.where(codes < 0, -1, codes % len(seen))
    table = np.append(np.resize(seen, int(codes.max(initial=-1)) + 1), seen.dtype.type(rest))
    return np.asarray(table[np.maximum(codes, -1)])  # -1 is the last entry


def sequential(
    values: ArrayLike, dark: bool, low: float | None = None, high: float | None = None
) -> NDArray[np.uint32]:
    """Colours of even perceived steps, from `low` to `high`; values beyond take the end's colour.

    Args:
        values: (N,) numbers; those that are not finite are grey.
        dark: The background.
        low: The first colour's value; the smallest finite one by default.
        high: The last colour's value; the largest finite one by default.

    Returns:
        (N,) uint32 ARGB.
    """
    numbers = np.asarray(values, np.float64)
    finite = np.isfinite(numbers)
    if low is None:
        low = float(numbers[finite].min()) if finite.any() else 0.0
    if high is None:
        high = float(numbers[finite].max()) if finite.any() else 1.0
    share = (np.where(finite, numbers, low) - low) / (high - low or 1.0)
    table = np.append(sequential_steps(256, dark), np.uint32(UNLABELLED.argb(dark)))
    return table[np.where(finite, np.rint(np.clip(share, 0, 1) * 255).astype(np.int64), 256)]


def sequential_steps(count: int, dark: bool) -> NDArray[np.uint32]:
    """(count,) uint32 ARGB from the lowest to the highest value, for a colour bar."""
    anchors = np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in CIVIDIS], np.float64)
    at = np.linspace(*CIVIDIS_SEEN[dark], count)
    channels = [np.interp(at, np.linspace(0, 1, len(anchors)), anchors[:, i]) for i in range(3)]
    red, green, blue = np.rint(channels).astype(np.uint32)
    return np.asarray(np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue, np.uint32)


def looks(identities: Sequence[int], centres: NDArray[np.floating]) -> NDArray[np.int64]:
    """Which code each cluster is drawn with, by `shade_of`, `mark_of` and `hatch_of`.

    A cluster's look comes from its identity, so that it stays when the map is cut finer or coarser. Where an older
    cluster has that look already it takes the next that is free. So up to LOOKS clusters all look different; beyond,
    those that lie beside each other do.

    Args:
        identities: Who the clusters are, each different.
        centres: (K, 2) where they lie; asked only of more than LOOKS.

    Returns:
        (K,) int64 from 0 to LOOKS - 1.
    """
    given = np.full(len(identities), -1, np.int64)
    taken: set[int] = set()
    beside = _beside(centres) if len(identities) > LOOKS else None
    for place in np.argsort(identities, kind="stable").tolist():
        near = taken
        if len(taken) == LOOKS and beside is not None:
            near = set(given[beside[place]].tolist())
        order = [(identities[place] + step) % LOOKS for step in range(LOOKS)]
        given[place] = next((code for code in order if code not in near), order[0])
        taken.add(int(given[place]))
    return given


def _beside(centres: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(K, K) bool: of each cluster, those among whose nearest NEIGHBOURS it is, and its own."""
    between = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    rank = between.argsort(axis=1).argsort(axis=1)
    near: NDArray[np.bool_] = (rank <= NEIGHBOURS) | (rank.T <= NEIGHBOURS)
    return near
