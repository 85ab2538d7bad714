"""What to read next, and what the answers so far suggest for every other image.

The way: `prepare` once a map, then `next_to_read`, the reader's answers, `fit_probe`, and again. Everything here is
arrays in, arrays out; nothing overrules a reader. `training.reader_simulation` plays a reader against exactly these
functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.probes.features import Floats, Rows, squared_distances
from cxr_explorer.probes.logistic import fit_logistic, sigmoid

FREEDOM = 10.0
"""Inverse of the weight of the ridge penalty: the C of scikit-learn's LogisticRegression."""

MOST_FITTED = 5000
"""Answers a fit uses, see `both_kinds`: a fit at 100,000 images then takes about a second on two cores."""

FEWEST_ANSWERS = 8
"""Answers of either kind below which nothing is suggested."""

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
class Probe:
    """A fitted probe of one finding.

    Attributes:
        weights: (F,) float32.
        bias: Added to the product.
        answers: How many answers the probe was fitted to: (present, absent).
    """

    weights: Floats
    bias: float
    answers: tuple[int, int]

    def probabilities(self, features: Floats) -> Floats:
        """(N,) float32 in [0, 1] that the finding is present, from (N, F) features: an order, and a side of 0.5.

        What the figures are worth only looks can tell, see `probes.evidence`.
        """
        return np.asarray(sigmoid(features @ self.weights + np.float32(self.bias)), dtype=np.float32)


def fit_probe(
    features: Floats,
    rows: NDArray[np.integer],
    present: NDArray[np.bool_],
    counts: NDArray[np.floating] | None = None,
) -> Probe:
    """A probe from the answers so far: ridge-penalised logistic regression.

    The classes are not reweighted: what is asked for are probabilities and few wrong labels, not a balance of them.

    Args:
        features: (N, F) from `prepare`.
        rows: (n,) the images that were answered, each once.
        present: (n,) the answers.
        counts: (n,) how much each answer counts, above 0; None for 1 each.

    Raises:
        ValueError: There is no answer.
    """
    if not len(rows):
        raise ValueError("no answers to fit a probe to")
    positive = int(present.sum())
    answers = (positive, len(rows) - positive)
    if min(answers) == 0:  # one kind of answer knows no boundary: the share of it, by the rule of succession
        share = (positive + 1) / (len(rows) + 2)
        return Probe(np.zeros(features.shape[1], np.float32), float(np.log(share / (1 - share))), answers)
    chosen = both_kinds(present, MOST_FITTED)
    rows, present = rows[chosen], present[chosen]
    kept = present.sum() / answers[0], (~present).sum() / answers[1]  # shares; unequal where one kind is rare
    seen = features[rows].astype(np.float64)  # (n, F)
    weighed = None if counts is None else counts[chosen].astype(np.float64)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # for matrices this small a second thread gains little, and on a busy machine costs much
        weights, bias = fit_logistic(seen, present.astype(np.float64), FREEDOM, counts=weighed)
    # Answers that were left out shift the log odds alone (sampling by outcome; Prentice and Pyke 1979).
    return Probe(weights.astype(np.float32), bias - float(np.log(kept[0] / kept[1])), answers)


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
