"""Which images a contact sheet shows, and in what order; and which images are outliers."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Kind = Literal["typical", "edge", "random"]

KINDS: Final[tuple[Kind, ...]] = ("typical", "edge", "random")

SEED: Final = 4
"""Of the random pages. It never changes: the same images are always shown in the same order."""


def ordered(kind: Kind, image_ids: Ids, typicality: NDArray[np.floating], seed: int = SEED) -> Ids:
    """All of the images in the order in which pages of this kind show them.

    Args:
        kind: "typical" and "edge" start with the highest and the lowest typicality, ties by id; "random" is `shuffled`.
        image_ids: (N,), each once.
        typicality: (N,), see `clusters.typicality`.
        seed: Of the random order.
    """
    if kind == "random":
        return shuffled(image_ids, seed)
    worth = -typicality if kind == "typical" else typicality
    return image_ids[_order_by(worth, image_ids)]


def _order_by(worth: NDArray[Any], image_ids: Ids) -> NDArray[np.int64]:
    """Rows by worth, ties by id; ids that ascend need no sorting of their own."""
    if (image_ids[1:] > image_ids[:-1]).all():
        return np.argsort(worth, kind="stable")
    return np.lexsort((image_ids, worth))


def shuffled(image_ids: Ids, seed: int) -> Ids:
    """The ids in a random order that depends on ids and seed alone.

    Every image draws its own place (splitmix64, Steele, Lea, Flood 2014, doi 10.1145/2714064.2660195), so images that
    come or go leave the order of the others as it was: what was seen on the first pages stays there.
    """
    with np.errstate(over="ignore"):
        mixed = image_ids.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return image_ids[_order_by(mixed, image_ids)]


def outliers(image_ids: Ids, outlier: NDArray[np.floating], count: int) -> tuple[Ids, NDArray[np.float32]]:
    """The images that lie the most alone for where they are, most alone first, ties by id; and their scores.

    Args:
        image_ids: (N,).
        outlier: (N,) GLOSH scores in [0, 1] (Campello, Moulavi, Zimek, Sander 2015, doi 10.1145/2733381).
        count: How many; fewer come back where fewer have a score above 0.

    Returns:
        Ids (M,) and scores (M,) float32.
    """
    order = _order_by(-outlier, image_ids)[: max(count, 0)]
    order = order[outlier[order] > 0]
    return image_ids[order], outlier[order].astype(np.float32)
