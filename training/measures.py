"""Figures of merit with patient-bootstrap intervals, all resamples at once.

A resample draws patients with replacement; its weight for an image is how often the image's patient was drawn. Every
figure is computed for (B, N) weights in one go, the first row being all ones: the data as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval; all NaN where it cannot be computed."""

    value: float
    low: float
    high: float


def resamples(patients: NDArray[np.integer], count: int = 1000, seed: int = 0) -> Weights:
    """(count + 1, N) weights of bootstrap resamples by patient; row 0 is all ones."""
    _, member = np.unique(patients, return_inverse=True)
    people = int(member.max()) + 1 if len(member) else 0
    random = np.random.default_rng(seed)
    drawn = random.multinomial(people, np.full(people, 1 / max(people, 1)), size=count)  # (count, people)
    return np.concatenate([np.ones((1, len(member))), drawn[:, member]]).astype(np.float32)


def interval(figures: Figures) -> Interval:
    """Row 0's figure and the 2.5 and 97.5 percentiles of the others."""
    others = figures[1:][np.isfinite(figures[1:])]
    if not np.isfinite(figures[0]) or not len(others):
        return Interval(float(figures[0]), float("nan"), float("nan"))
    low, high = np.percentile(others, [2.5, 97.5])
    return Interval(float(figures[0]), float(low), float(high))


def auroc(scores: NDArray[np.floating], truth: NDArray[np.bool_], weights: Weights) -> Figures:
    """(B,) area under the ROC curve, ties counted half; NaN for a resample with one class only."""
    order, ends = _groups(scores)
    w = weights[:, order].astype(np.float64)  # (B, N), ascending scores
    positive = _sums(w * truth[order], ends)  # (B, G)
    negative = _sums(w * ~truth[order], ends)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * below).sum(axis=1), pairs)


def average_precision(scores: NDArray[np.floating], truth: NDArray[np.bool_], weights: Weights) -> Figures:
    """(B,) area under the precision-recall curve as a step function; NaN for a resample without a positive."""
    order, ends = _groups(-scores)
    w = weights[:, order].astype(np.float64)
    positive = _sums(w * truth[order], ends)
    every = _sums(w, ends)
    hits, found = np.cumsum(positive, axis=1), np.cumsum(every, axis=1)
    precision = np.divide(hits, found, out=np.zeros_like(hits), where=found > 0)
    return _ratio((positive * precision).sum(axis=1), hits[:, -1])


def share_right(right: NDArray[np.bool_], weights: Weights) -> Figures:
    """(B,) weighted share of True."""
    return np.asarray((weights @ right.astype(np.float32)) / weights.sum(axis=1), dtype=np.float64)


def difference(ours: Figures, theirs: Figures) -> Interval:
    """A paired difference: both figures were computed on the same resamples."""
    return interval(ours - theirs)


def _groups(scores: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ascending order, and where each group of equal scores begins in it."""
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    return order, np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))


def _sums(values: NDArray[np.floating], begins: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.add.reduceat(values, begins, axis=1), dtype=np.float64)


def _ratio(above: Figures, below: Figures) -> Figures:
    out = np.full(len(above), np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out
