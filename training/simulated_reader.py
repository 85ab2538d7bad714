"""A simulated reader, who answers truthfully, against the product's own way of choosing what to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.probes.evidence import Looks, calibrated, confidences, mixed
from cxr_explorer.probes.probe import (
    Probe,
    batch_size,
    contact_sheets,
    fit_probe,
    next_to_read,
    sheet_images,
)

LOOKED = (0.01, 0.02, 0.03, 0.05, 0.06, 0.1, 0.15, 0.2, 0.3)
"""Shares of images looked at, at which a run is reported."""

COVERED = (0.5, 0.8, 0.9, 0.95, 1.0)
"""Shares of the unread images, surest first, for which the precision of suggestions is reported."""

SURE = 0.98
"""Probability of a suggestion that is called sure."""

Features = NDArray[np.float32]
Answers = NDArray[np.bool_]


@dataclass(frozen=True)
class Point:
    """How the labels of all images stand once a share of them was looked at.

    Attributes:
        looked: Share of images looked at, contact sheets included.
        accuracy: Share of all images with the right label: read ones right, the rest as suggested.
        decisions: The reader's acts: one for a contact sheet, one for each image on it that differs from most of the
            sheet, one for each image read alone.
        precision_at: Share of right suggestions among the surest COVERED of the unread images.
        sure: Share of the unread images whose suggestion is sure (probability SURE). This and the following two are NaN
            while there are too few looks to say so, see `probes.evidence`.
        sure_precision: Share of right suggestions among these; NaN where there is none.
        expected_accuracy: `accuracy` as the probabilities claim it.
    """

    looked: float
    accuracy: float
    decisions: int
    precision_at: tuple[float, ...]
    sure: float
    sure_precision: float
    expected_accuracy: float


@dataclass(frozen=True)
class Simulation:
    """Runs that differ in the seed alone; every inner tuple is parallel to `looked`.

    Attributes:
        looked: Shares of images looked at.
        chosen: A tuple of Points a run: the product chooses what is read.
        random: A tuple of Points a run: images are read at random, with the same probe.
        majority: Share right when as many are read at random and the rest gets the more frequent answer.
        prevalence: Share of images with the finding.
        images: Number of images.
    """

    looked: tuple[float, ...]
    chosen: tuple[tuple[Point, ...], ...]
    random: tuple[tuple[Point, ...], ...]
    majority: tuple[float, ...]
    prevalence: float
    images: int


def simulate(
    features: Callable[[int], Features],
    clusters: NDArray[np.integer],
    truth: Answers,
    looked: Sequence[float] = LOOKED,
    seeds: Sequence[int] = range(5),
    progress: Callable[[int], None] = lambda seed: None,
) -> Simulation:
    """Plays the reader once a seed.

    Args:
        features: Gives the (N, F) features of a seed, as `suggest.prepare` makes them.
        clusters: (N,), -1 is noise.
        truth: (N,) the right answers.
        looked: Ascending shares of images at which to report.
        seeds: One run each.
        progress: Called with each seed that is done.
    """
    chosen, random = [], []
    for seed in seeds:
        prepared = features(seed)
        chosen.append(_chosen_run(prepared, clusters, truth, looked, seed))
        random.append(_random_run(prepared, truth, looked, seed))
        progress(seed)
    prevalence = float(truth.mean())
    return Simulation(
        looked=tuple(looked),
        chosen=tuple(chosen),
        random=tuple(random),
        majority=tuple(share + (1 - share) * max(prevalence, 1 - prevalence) for share in looked),
        prevalence=prevalence,
        images=len(truth),
    )


def _chosen_run(
    features: Features, clusters: NDArray[np.integer], truth: Answers, looked: Sequence[float], seed: int
) -> tuple[Point, ...]:
    count = len(truth)
    read = np.zeros(count, dtype=np.bool_)
    batch = batch_size(count)
    order = np.random.default_rng(seed).permutation(count)  # in which looks are drawn
    sheets = contact_sheets(features, clusters, sheet_images(count), seed)
    decided = [0, *_sheet_decisions(sheets, truth)]  # how many of their images were read -> decisions
    queue, drawn = mixed(next_to_read(features, clusters, read, None, count, seed), order)
    rows: list[int] = []  # a probe learns from these
    looks: list[int] = []  # drawn at random: evidence
    points = []
    for share in looked:
        wanted = max(1, round(share * count))
        while len(rows) + len(looks) < wanted:
            if not len(queue):
                chosen = next_to_read(features, clusters, read, _fit(features, rows, looks, truth), batch, seed)
                queue, drawn = mixed(chosen, order[~read[order]])
            room = wanted - len(rows) - len(looks)
            for row, is_look in zip(queue[:room].tolist(), drawn[:room].tolist(), strict=True):
                (looks if is_look else rows).append(row)
            read[queue[:room]] = True
            queue, drawn = queue[room:], drawn[room:]
        beyond = max(0, len(rows) - len(decided) + 1)
        decisions = decided[min(len(rows), len(decided) - 1)] + beyond + len(looks)
        points.append(_judge(features, _fit(features, rows, looks, truth), rows, looks, truth, decisions))
    return tuple(points)


def _fit(features: Features, rows: Sequence[int], looks: Sequence[int], truth: Answers) -> Probe:
    """Looks are learnt from only while nothing could be without them."""
    known = np.asarray(rows, dtype=np.int64)
    if truth[known].all() or not truth[known].any():
        known = np.concatenate([known, np.asarray(looks, dtype=np.int64)])
    return fit_probe(features, known, truth[known])


def _random_run(features: Features, truth: Answers, looked: Sequence[float], seed: int) -> tuple[Point, ...]:
    order = np.random.default_rng(seed).permutation(len(truth))
    points = []
    for share in looked:
        rows = order[: max(1, round(share * len(truth)))]
        points.append(_judge(features, fit_probe(features, rows, truth[rows]), rows.tolist(), [], truth, len(rows)))
    return tuple(points)


def _sheet_decisions(sheets: Sequence[NDArray[np.int64]], truth: Answers) -> list[int]:
    decided: list[int] = []
    before = 0
    for sheet in sheets:
        answers = truth[sheet]
        odd = answers != (2 * answers.sum() >= len(answers))
        decided.extend(before + 1 + int(number) for number in np.cumsum(odd))
        before = decided[-1]
    return decided


def _judge(
    features: Features, probe: Probe, rows: Sequence[int], looks: Sequence[int], truth: Answers, decisions: int
) -> Point:
    read = np.asarray([*rows, *looks])
    probabilities = probe.probabilities(features)
    drawn = np.asarray(looks, dtype=np.int64)
    seen = Looks(probabilities[drawn], truth[drawn].astype(np.int8))
    if seen.enough:
        probabilities, _ = calibrated(probabilities, seen)
    unread = np.ones(len(truth), dtype=np.bool_)
    unread[read] = False
    right = (probabilities > 0.5) == truth
    right[read] = True
    confidence = confidences(probabilities)
    hits = right[unread][np.argsort(-confidence[unread], kind="stable")]
    sure = unread & (confidence >= SURE)
    return Point(
        looked=len(read) / len(truth),
        accuracy=float(right.mean()),
        decisions=decisions,
        precision_at=tuple(_share(hits[: max(1, round(share * len(hits)))]) for share in COVERED),
        sure=_share(sure[unread]) if seen.enough else float("nan"),
        sure_precision=_share(right[sure]) if seen.enough else float("nan"),
        expected_accuracy=(
            float((len(read) + confidence[unread].sum(dtype=np.float64)) / len(truth)) if seen.enough else float("nan")
        ),
    )


def _share(values: Answers) -> float:
    return float(values.mean()) if len(values) else float("nan")
