"""What to read next, and what the answers so far suggest for every other image.

The way: `prepare` once a map, then `next_to_read`, the reader's answers, `fit_probe`, and again. Everything here is
arrays in, arrays out; nothing overrules a reader. `training.reader_simulation` plays a reader against exactly these
functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.features import Floats, Rows, prepare, squared_distances
from cxr_explorer.labels.logistic import fit_logistic, sigmoid

__all__ = [
    "HeldOut",
    "Probe",
    "Suggestions",
    "batch_size",
    "both_kinds",
    "contact_sheets",
    "fit_probe",
    "next_to_read",
    "prepare",
    "sheet_images",
    "suggested",
    "sure_suggestions",
    "unseen_scores",
]

FREEDOM = 10.0
"""Inverse of the weight of the ridge penalty: the C of scikit-learn's LogisticRegression."""

MOST_FITTED = 5000
"""Answers a fit uses, see `both_kinds`: a fit at 100,000 images then takes about a second on two cores."""

MOST_CALIBRATED = 1000
"""Answers a calibration uses."""

FOLDS = 5
"""Folds of the calibration."""

FEWEST_CALIBRATED = 8
"""Answers of either kind below which probabilities are not calibrated."""

SHEET_SHARE = 0.0035
"""Share of the images that is read on contact sheets of clusters before single images are queued.

Less is better as long as the sheets hold both answers: from there on the probe chooses better than clusters do."""

BATCH_SHARE, BATCH_LEAST = 0.002, 3
"""Answers between two fits, as a share of the images, and the fewest."""

SPARE = 4
"""Candidates for each place in a batch."""

ALIKE = 0.05
"""Share of the pairs of candidates that count as much alike."""

SHEET_LEAST, SHEET_MOST = 12, 300
"""Fewest and most images on the first contact sheets, whatever SHEET_SHARE says."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Answers that were predicted without having been seen.

    Attributes:
        present: (n,) the answers.
        probabilities: (n,) float32, by probes fitted without the answer and its patient's others.
    """

    present: NDArray[np.bool_]
    probabilities: Floats

    def as_sure(self, threshold: float, present: bool = True, absent: bool = True) -> tuple[int, int]:
        """How many answers were predicted at least this surely, and how many of them rightly.

        It is the only thing that answers say about suggestions this sure. The answers were mostly chosen for doubt and
        may be harder than other images; they are few, and few can be right by luck.

        Args:
            threshold: Above 0.5.
            present: Whether to count predictions of the finding.
            absent: Whether to count predictions of its absence.
        """
        yes = (self.probabilities >= threshold) & present
        no = (1 - self.probabilities >= threshold) & absent
        return int(yes.sum() + no.sum()), int((self.present & yes).sum() + (~self.present & no).sum())


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe of one finding.

    Attributes:
        weights: (F,) float32.
        bias: Added to the product.
        slope: Positive; turns a score into a log odds. It never moves the boundary at probability 0.5.
        answers: How many answers the probe was fitted to: (present, absent).
        calibrated: Whether `slope` was measured on answers the probe had not seen.
        held_out: Of these answers, whether the finding was present, and the probability without having seen them.
    """

    weights: Floats
    bias: float
    slope: float
    answers: tuple[int, int]
    calibrated: bool
    held_out: HeldOut | None = None

    def probabilities(self, features: Floats) -> Floats:
        """(N,) float32 in [0, 1] that the finding is present, from (N, F) features."""
        scores = features @ self.weights + np.float32(self.bias)  # (N,)
        return np.asarray(sigmoid(self.slope * scores), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Suggestions:
    """What a probe suggests for all images.

    Attributes:
        present: (N,) bool, the likelier answer; the reader's own where there is one.
        sure: (N,) bool, whether the suggestion's probability reaches the threshold; False for images that were read.
        expected_precision: Mean probability of the suggestions that are sure, by the probe's own account; NaN if none.
        expected_accuracy: Share of all images right by the probe's own account, those that were read counted as right.
            Only a random audit is evidence.
    """

    present: NDArray[np.bool_]
    sure: NDArray[np.bool_]
    expected_precision: float
    expected_accuracy: float


@dataclass(frozen=True, eq=False)
class Sure:
    """Suggestions probable enough to be accepted.

    Attributes:
        present: (N,) bool.
        absent: (N,) bool.
        expected_precision: Mean probability of these, by the probe's own account; NaN if none. It is no evidence.
    """

    present: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    expected_precision: float


def fit_probe(
    features: Floats,
    rows: NDArray[np.integer],
    present: NDArray[np.bool_],
    groups: NDArray[np.integer] | None = None,
    calibrate: bool = True,
) -> Probe:
    """A probe from the answers so far: ridge-penalised logistic regression.

    The classes are not reweighted: what is asked for are probabilities and few wrong labels, not a balance of them.
    Log odds are scaled by one factor, which makes answers the probe had not seen most likely (temperature, Guo et al.
    2017, arXiv 1706.04599). Images are queued where the probe is unsure, so that the factor says little of where it is
    sure: there it is modest where labels are consistent, and boasts where they are noisy. See `HeldOut.as_sure`.

    Args:
        features: (N, F) from `prepare`.
        rows: (n,) the images that were read, each once.
        present: (n,) the answers.
        groups: (N,) numbers of patients: a patient's images fall into one fold of the calibration. None: no image has
            company.
        calibrate: False saves five sixths of the time where only the order of probabilities and the side of 0.5 matter.

    Raises:
        ValueError: Nothing was read.
    """
    if not len(rows):
        raise ValueError("no answers to fit a probe to")
    positive = int(present.sum())
    answers = (positive, len(rows) - positive)
    if min(answers) == 0:  # one kind of answer knows no boundary: the share of it, by the rule of succession
        share = (positive + 1) / (len(rows) + 2)
        return Probe(np.zeros(features.shape[1], np.float32), float(np.log(share / (1 - share))), 1.0, answers, False)
    chosen = both_kinds(present, MOST_FITTED)
    rows, present = rows[chosen], present[chosen]
    kept = present.sum() / answers[0], (~present).sum() / answers[1]  # shares; unequal where one kind is rare
    seen = features[rows].astype(np.float64)  # (n, F)
    truth = present.astype(np.float64)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # for matrices this small a second thread gains little, and on a busy machine costs much
        weights, bias = fit_logistic(seen, truth, FREEDOM)
        slope, calibrated = 1.0, calibrate and min(answers) >= FEWEST_CALIBRATED
        held_out: HeldOut | None = None
        if calibrated:
            patients = np.arange(len(rows)) if groups is None else groups[rows]
            some = both_kinds(present, MOST_CALIBRATED)
            scores = unseen_scores(seen[some], truth[some], patients[some], (weights, bias))
            slope = _slope(scores, truth[some])
            held_out = HeldOut(present[some], np.asarray(sigmoid(slope * scores), dtype=np.float32))
        # Answers that were left out shift the log odds alone (sampling by outcome; Prentice and Pyke 1979).
        bias -= float(np.log(kept[0] / kept[1])) / slope
        return Probe(weights.astype(np.float32), bias, slope, answers, calibrated, held_out)


def sheet_images(count: int) -> int:
    """How many of `count` images are read on contact sheets of clusters before single images are queued."""
    return min(count, max(SHEET_LEAST, min(SHEET_MOST, round(SHEET_SHARE * count))))


def both_kinds(present: NDArray[np.bool_], most: int) -> Rows:
    """Positions of at most `most` answers, drawn so that those of a rare kind are kept: up to half of the places."""
    order = np.random.default_rng(0).permutation(len(present))
    if len(present) <= most:
        return np.asarray(order, dtype=np.int64)
    kinds = order[present[order]], order[~present[order]]
    rare, frequent = sorted(kinds, key=len)
    rare = rare[: most // 2]
    return np.concatenate([rare, frequent[: most - len(rare)]]).astype(np.int64)


def batch_size(count: int) -> int:
    """After how many answers to fit again and choose anew among `count` images."""
    return max(BATCH_LEAST, round(BATCH_SHARE * count))


def contact_sheets(features: Floats, clusters: NDArray[np.integer], count: int, seed: int = 0) -> list[Rows]:
    """For each cluster the images that stand for it, largest cluster first, typical image first within a sheet.

    A cluster gets images in proportion to its size, at least one while they last; they are the images in the middle of
    the groups that k-means finds in the cluster, so that a mixed cluster shows that it is mixed.

    Args:
        features: (N, F) from `prepare`.
        clusters: (N,), -1 is noise, which gets a sheet like a cluster.
        count: Images on all sheets together, at most N.
        seed: Starts k-means.
    """
    found, sizes = np.unique(clusters, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    return [
        _middles(features, np.flatnonzero(clusters == found[i]), share, seed)
        for i, share in zip(order, _shares(sizes[order], count), strict=True)
        if share
    ]


def next_to_read(
    features: Floats,
    clusters: NDArray[np.integer],
    read: NDArray[np.bool_],
    probe: Probe | None,
    batch: int,
    seed: int = 0,
) -> Rows:
    """The images whose answers would help most, most helpful first; at most `batch`, none that was read.

    First the contact sheets of all clusters, whatever the batch; then the images the probe is least sure of: their
    labels are the likeliest to be wrong, and their answers move the boundary most. Of images much alike one is enough
    for a batch. Small batches are worth more: ask again after every few answers.

    Args:
        features: (N, F) from `prepare`.
        clusters: (N,), -1 is noise.
        read: (N,) the images that have an answer, or are not to be asked about.
        probe: From the answers so far; None before the first.
        batch: Images wanted.
        seed: Starts k-means.
    """
    unread = np.flatnonzero(~read)
    if probe is None:
        sheets = contact_sheets(features, clusters, sheet_images(len(read)), seed)
        rows = np.concatenate(sheets) if sheets else unread
        return np.asarray(rows[~read[rows]], dtype=np.int64)
    if min(probe.answers) == 0:  # nothing to be unsure between: as far from what was read as can be
        return _furthest(features, read, batch)
    scores = np.abs(features[unread] @ probe.weights + np.float32(probe.bias))
    return _apart(features, unread[np.argsort(scores, kind="stable")[: SPARE * batch]], batch)


def suggested(
    probabilities: Floats, rows: NDArray[np.integer], present: NDArray[np.bool_], threshold: float = 0.98
) -> Suggestions:
    """What the probabilities suggest for every image beside the answers of the reader, which stand.

    Args:
        probabilities: (N,) from `Probe.probabilities`.
        rows: (n,) the images that were read.
        present: (n,) the answers.
        threshold: How probable a suggestion must be to count as sure, above 0.5.
    """
    answer = probabilities > 0.5
    confidence = np.maximum(probabilities, 1 - probabilities).astype(np.float64)
    sure = confidence >= threshold
    answer[rows], sure[rows], confidence[rows] = present, False, 1.0
    return Suggestions(
        present=answer,
        sure=sure,
        expected_precision=float(confidence[sure].mean()) if sure.any() else float("nan"),
        expected_accuracy=float(confidence.mean()) if len(confidence) else float("nan"),
    )


def sure_suggestions(probabilities: Floats, settled: NDArray[np.bool_], threshold: float) -> Sure:
    """What would be accepted at a threshold.

    Args:
        probabilities: (N,), NaN where nothing is known.
        settled: (N,) images that nothing is suggested for: they have a label, or are excluded.
        threshold: Above 0.5. A finding is accepted as absent where its probability is at most 1 - threshold.
    """
    present = ~settled & (probabilities >= threshold)  # NaN compares as False
    absent = ~settled & (1 - probabilities >= threshold)
    chances = np.concatenate([probabilities[present], 1 - probabilities[absent]]).astype(np.float64)
    return Sure(present, absent, float(chances.mean()) if len(chances) else float("nan"))


def unseen_scores(
    seen: NDArray[np.float64],
    truth: NDArray[np.float64],
    groups: NDArray[np.integer],
    start: tuple[NDArray[np.float64], float],
) -> NDArray[np.float64]:
    """(n,) the score of each answer by a probe that was fitted without it and its group."""
    _, members = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(0).permutation(int(members.max()) + 1)[members] % FOLDS
    scores = np.zeros(len(seen))
    for each in range(FOLDS):
        rest = fold != each
        if rest.all() or not 0 < truth[rest].sum() < rest.sum():
            continue
        weights, bias = fit_logistic(seen[rest], truth[rest], FREEDOM, start, steps=3)
        scores[~rest] = seen[~rest] @ weights + bias
    return scores


def _slope(scores: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """The factor in [0.05, 5] under which the scores' log loss is least: golden-section search over its logarithm.

    Targets are Platt's, short of 0 and 1 (1999): where all answers are told apart, any larger factor would do better.
    """
    positive = truth.sum()
    target = np.where(truth > 0, (positive + 1) / (positive + 2), 1 / (len(truth) - positive + 2))
    low, high = np.log(0.05), np.log(5.0)
    golden = (np.sqrt(5.0) - 1) / 2

    def loss(log_factor: float) -> float:
        chance = sigmoid(np.exp(log_factor) * scores)
        return float(-(target * np.log(chance) + (1 - target) * np.log1p(-chance)).sum())

    for _ in range(30):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _shares(sizes: NDArray[np.integer], count: int) -> list[int]:
    """`count` divided over clusters of these descending sizes, by largest remainder, one each while they last."""
    if count <= len(sizes):
        return [1 if i < count else 0 for i in range(len(sizes))]
    count = min(count, int(sizes.sum()))
    exact = sizes * (count / sizes.sum())
    shares = np.minimum(np.maximum(np.floor(exact).astype(int), 1), sizes)
    while (left := count - int(shares.sum())) != 0:  # the clusters that lack most give or take one each
        lack = exact - shares
        able = np.flatnonzero(shares < sizes if left > 0 else shares > 1)
        chosen = able[np.argsort(-np.sign(left) * lack[able], kind="stable")[: abs(left)]]
        shares[chosen] += int(np.sign(left))
    return [int(share) for share in shares]


def _middles(features: Floats, members: Rows, count: int, seed: int) -> Rows:
    """The `count` members nearest to the centres of k-means, the one in the largest group first."""
    if count >= len(members):
        return members
    from sklearn.cluster import KMeans

    rows = features[members]
    model = KMeans(count, n_init=1, max_iter=20, random_state=seed).fit(rows)
    sizes = np.bincount(model.labels_, minlength=count)
    apart = squared_distances(rows, np.asarray(model.cluster_centers_, dtype=np.float32))  # (M, count)
    chosen: list[int] = []
    for group in np.argsort(-sizes, kind="stable"):
        order = np.argsort(apart[:, group], kind="stable")
        chosen.append(next(int(i) for i in order if int(i) not in chosen))
    return members[chosen]


def _apart(features: Floats, candidates: Rows, batch: int) -> Rows:
    """The first `batch` candidates that are not much like an earlier one; in want of these, the next ones after all."""
    alike = squared_distances(features[candidates], features[candidates])  # (c, c)
    near = np.quantile(alike[np.triu_indices(len(candidates), 1)], ALIKE) if len(candidates) > 1 else 0.0
    chosen: list[int] = []
    for i in range(len(candidates)):
        if len(chosen) < batch and (not chosen or alike[i, chosen].min() >= near):
            chosen.append(i)
    others = [i for i in range(len(candidates)) if i not in set(chosen)]
    return np.asarray(candidates[sorted([*chosen, *others[: batch - len(chosen)]])], dtype=np.int64)


def _furthest(features: Floats, read: NDArray[np.bool_], batch: int) -> Rows:
    """Unread images, each as far as can be from all that were read or chosen before."""
    unread = np.flatnonzero(~read)
    seen = np.flatnonzero(read)
    nearest = np.full(len(unread), np.inf, dtype=np.float32)
    for start in range(0, len(seen), 256):
        nearest = np.minimum(nearest, squared_distances(features[unread], features[seen[start : start + 256]]).min(1))
    chosen: list[int] = []
    for _ in range(min(batch, len(unread))):
        best = int(nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, squared_distances(features[unread], features[unread[best]][None])[:, 0])
        nearest[best] = -1.0
    return np.asarray(unread[chosen], dtype=np.int64)
