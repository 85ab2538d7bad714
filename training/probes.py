"""Linear probes and nearest neighbours: what embeddings say about held-out patients, with labels many and few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.probes.logistic import fit_logistic, sigmoid
from training.measures import Interval, Weights, auroc, average_precision, interval, share_right

Floats = NDArray[np.float32]
Answers = NDArray[np.bool_]

COMPONENTS = 256
"""Principal components, found on the training images, that a probe sees."""

FREEDOMS = (0.1, 1.0, 10.0, 100.0)
"""Inverse ridge penalties to choose from, by cross-validation over training patients."""

SHARES = (0.01, 0.1, 1.0)
"""Shares of the training patients whose labels a probe is given."""

DRAWS = 5
"""Draws of patients at shares below 1."""

NEIGHBOURS = 15
"""Votes of the nearest-neighbour probe."""

_HELD_AT_A_TIME = 256


@dataclass(frozen=True, eq=False)
class Judged:
    """A question answered for the held-out images.

    Attributes:
        scores: (t,) probability by the probe with all labels.
        auroc: (B,) by resample, see `measures`; likewise the next two.
        precision: Average precision (AUPRC).
        accuracy: Share right at probability 0.5.
        majority: Accuracy of always giving the more frequent answer.
        prevalence: Share of positives among the held-out images.
        auroc_at: Label share to AUROC of each draw that had both answers.
        neighbours_auroc: AUROC of the votes of the nearest training images.
        neighbours_accuracy: Accuracy of their majority.
        freedom: What cross-validation chose.
    """

    scores: NDArray[np.float64]
    auroc: NDArray[np.float64]
    precision: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    majority: float
    prevalence: float
    auroc_at: dict[float, tuple[float, ...]]
    neighbours_auroc: Interval
    neighbours_accuracy: Interval
    freedom: float


def probe_features(vectors: Floats, train: Answers) -> Floats:
    """(N, d) rows at length 1, centred on and projected to the principal components of the training rows.

    Not whitened; scaled to mean squared length 1.
    """
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = rows - rows[train].mean(axis=0)
    kept = min(COMPONENTS, rows.shape[1], int(train.sum()))
    _, _, axes = np.linalg.svd(rows[train], full_matrices=False)
    rows = rows @ axes[:kept].T
    return np.asarray(rows / max(float(np.sqrt((rows[train] ** 2).sum(axis=1).mean())), 1e-12), dtype=np.float32)


def neighbour_rows(vectors: Floats, test: Answers, patients: NDArray[np.integer]) -> NDArray[np.int64]:
    """(t, k) the training rows nearest by cosine to each held-out row, never of the same patient.

    Some held-out rows at a time: all cosines of NIH ChestX-ray14's 25,596 held-out and 86,524 other images are 9 GB.
    """
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    train, held = np.flatnonzero(~test), np.flatnonzero(test)
    count = min(NEIGHBOURS, len(train))
    others = rows[train]
    near = np.empty((len(held), count), np.int64)
    for start in range(0, len(held), _HELD_AT_A_TIME):
        part = held[start : start + _HELD_AT_A_TIME]
        cosines = rows[part] @ others.T
        cosines[patients[part][:, None] == patients[train]] = -2
        least = np.partition(cosines, -count, axis=1)[:, -count]  # (p,) the k-th largest
        for row, own in enumerate(cosines):
            candidates = np.flatnonzero(own >= least[row])  # in their order, which decides between equals
            near[start + row] = train[candidates[np.argsort(-own[candidates], kind="stable")[:count]]]
    return near


def judge(
    features: Floats,
    near: NDArray[np.int64],
    truth: Answers,
    test: Answers,
    patients: NDArray[np.integer],
    weights: Weights,
    shares: Sequence[float] = SHARES,
) -> Judged:
    """Fits to the training rows, judges on the held-out ones.

    Args:
        features: (N, d) from `probe_features`.
        near: (t, k) from `neighbour_rows`.
        truth: (N,).
        test: (N,) held out.
        patients: (N,).
        weights: (B, t) from `measures.resamples` of the held-out patients.
        shares: Shares of training patients; the last is 1.

    Raises:
        ValueError: A patient is on both sides.
    """
    if np.isin(patients[test], patients[~test]).any():
        raise ValueError("a patient is both held out and trained on")
    rows = features.astype(np.float64)
    seen, held = rows[~test], rows[test]
    answers, held_truth = truth[~test].astype(np.float64), truth[test]
    freedom = choose_freedom(seen, answers, patients[~test])
    scores = _fitted(seen, answers, held, freedom)
    at: dict[float, tuple[float, ...]] = {}
    alone = np.ones((1, len(held)), dtype=np.float32)
    for share in shares:
        if share >= 1:
            continue
        drawn = []
        for draw in range(DRAWS):
            some = draw_patients(patients[~test], share, draw)
            if 0 < answers[some].sum() < some.sum():
                drawn.append(float(auroc(_fitted(seen[some], answers[some], held, freedom), held_truth, alone)[0]))
        at[share] = tuple(drawn)
    votes = truth[near].mean(axis=1)  # (t,)
    prevalence = float(held_truth.mean())
    whole = auroc(scores, held_truth, weights)
    return Judged(
        scores=scores,
        auroc=whole,
        precision=average_precision(scores, held_truth, weights),
        accuracy=share_right((scores > 0.5) == held_truth, weights),
        majority=max(prevalence, 1 - prevalence),
        prevalence=prevalence,
        auroc_at={**at, 1.0: (float(whole[0]),)},
        neighbours_auroc=interval(auroc(votes, held_truth, weights)),
        neighbours_accuracy=interval(share_right((votes > 0.5) == held_truth, weights)),
        freedom=freedom,
    )


def classify(
    features: Floats, classes: NDArray[np.integer], test: Answers, patients: NDArray[np.integer]
) -> NDArray[np.int64]:
    """(t,) the likeliest class of each held-out row, one probe against the rest a class."""
    rows = features.astype(np.float64)
    odds = []
    for each in range(int(classes.max()) + 1):
        answers = (classes[~test] == each).astype(np.float64)
        freedom = choose_freedom(rows[~test], answers, patients[~test])
        odds.append(_fitted(rows[~test], answers, rows[test], freedom))
    return np.asarray(np.argmax(np.stack(odds), axis=0), dtype=np.int64)


def choose_freedom(seen: NDArray[np.float64], answers: NDArray[np.float64], patients: NDArray[np.integer]) -> float:
    """The FREEDOMS entry with the least log loss on patients left out, three folds."""
    fold = draw_folds(patients, 3)
    losses = []
    for freedom in FREEDOMS:
        probability = np.full(len(seen), answers.mean())
        for each in range(3):
            rest = fold != each
            if 0 < answers[rest].sum() < rest.sum() and not rest.all():
                probability[~rest] = _fitted(seen[rest], answers[rest], seen[~rest], freedom)
        probability = np.clip(probability, 1e-6, 1 - 1e-6)
        losses.append(-(answers * np.log(probability) + (1 - answers) * np.log1p(-probability)).mean())
    return FREEDOMS[int(np.argmin(losses))]


def draw_folds(patients: NDArray[np.integer], folds: int) -> NDArray[np.int64]:
    """(n,) fold of each row; a patient's rows share one."""
    _, member = np.unique(patients, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(int(member.max()) + 1)[member] % folds, dtype=np.int64)


def draw_patients(patients: NDArray[np.integer], share: float, seed: int) -> Answers:
    """(n,) True for the rows of a random share of the patients, two at least."""
    people = np.unique(patients)
    wanted = min(len(people), max(2, round(share * len(people))))
    return np.isin(patients, np.random.default_rng(seed).choice(people, wanted, replace=False))


def _fitted(
    seen: NDArray[np.float64], answers: NDArray[np.float64], held: NDArray[np.float64], freedom: float
) -> NDArray[np.float64]:
    weights, bias = fit_logistic(seen, answers, freedom)
    return np.asarray(sigmoid(held @ weights + bias), dtype=np.float64)
