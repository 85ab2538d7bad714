"""How sure random audits make it that a given share of all labels is right, and how many looks are still wanted.

Labels that were read one by one are right by definition. Of the rest only random audits are evidence, never what a
probe expects of itself. The answer stays valid however often one looks and whenever one stops: it comes from a
likelihood ratio that is a martingale under every possible number of wrong labels, so the chance that it ever exceeds
1 / (1 - confidence) while that number is the true one is at most 1 - confidence (Ville 1939; for sampling without
replacement Waudby-Smith and Ramdas 2020, arXiv 2006.04347). A plan of fixed size would need about a fifth fewer looks,
and would forbid to go on after a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Reals = NDArray[np.float64]

TARGET = 0.985
"""Share of right labels to be sure of, unless the reader chooses."""

CONFIDENCE = 0.95

PRIOR = (0.5, 100.0)
"""Beta distribution of the share of errors against which every other share is tested: small ones are what is hoped
for. It steers how many looks are needed, never whether the answer is valid, and is fixed so that nobody can tune it
after looking."""


@dataclass(frozen=True, eq=False)
class RandomAudit:
    """A finished random audit of labels that still stand as they were audited.

    Attributes:
        population: Ids of the images the sample was drawn from.
        looked: Ids of the sample.
        wrong: Ids of those whose label was wrong (it has been corrected since).
    """

    population: Ids
    looked: Ids
    wrong: Ids


@dataclass(frozen=True)
class Standing:
    """Where a finding stands.

    Attributes:
        labels: Images with a label of the finding.
        read: Of these, images that were read one by one, those of audits included: right by definition.
        never_audited: Labels that are neither read nor in the population of any audit: all of them may be wrong.
        looked: Images looked at in random audits that count.
        wrong: Of these, wrong ones.
        right_at_least: The share of labels that is right with `confidence`.
        sure: How sure it is that the share of right labels reaches the target, 0 to 1.
        more_looks: Random looks among the labels not read that would be enough if no error turns up; 0 when reached.
        target: The share asked for.
        confidence: How sure to be.
    """

    labels: int
    read: int
    never_audited: int
    looked: int
    wrong: int
    right_at_least: float
    sure: float
    more_looks: int
    target: float = TARGET
    confidence: float = CONFIDENCE

    @property
    def reached(self) -> bool:
        """Whether the audits so far are enough."""
        return self.sure >= self.confidence


def standing(
    read: Ids,
    unread: Ids,
    audits: Sequence[RandomAudit],
    target: float = TARGET,
    confidence: float = CONFIDENCE,
) -> Standing:
    """How sure the audits so far make it that `target` of the labels are right.

    An image that was read after an audit counts as read and leaves the audit's population. That keeps the answer valid
    as long as what is read is not chosen for lying, or not lying, in the sample. An older audit whose population only
    partly overlaps a newer one's is left out: what was drawn from the common part can no longer be told.

    Args:
        read: Ids of the images with a label that was read one by one, those of audits included.
        unread: Ids of the images with any other label of the finding.
        audits: In the order they were made.
        target: Share of labels, 0 to 1.
        confidence: How sure to be, below 1.
    """
    size, looked, wrong, never_audited = _lots(unread, audits)
    labels = len(read) + len(unread)
    allowed = int(np.floor((1 - target) * labels + 1e-9))
    found = partial(
        Standing,
        labels=labels,
        read=len(read),
        never_audited=never_audited,
        looked=int(looked.sum()),
        wrong=int(wrong.sum()),
        target=target,
        confidence=confidence,
    )
    if len(unread) <= allowed or not labels:
        most = len(unread)
        return found(right_at_least=1 - most / labels if labels else 1.0, sure=1.0, more_looks=0)
    budget = float(np.log(1 / (1 - confidence)))
    most = _most_wrong(size, looked, wrong, budget)
    evidence = float(_evidence(size, looked, wrong, allowed + 1))
    return found(
        right_at_least=1 - most / labels,
        sure=1 - float(np.exp(-max(evidence, 0.0))),
        more_looks=0 if evidence >= budget else _more_looks(size, looked, wrong, allowed + 1, budget),
    )


def surely_at_most(size: Reals, looked: Reals, wrong: Reals, allowed: Reals, confidence: float) -> NDArray[np.bool_]:
    """(T,) whether random looks make it sure that at most so many labels not looked at are wrong, in each of T lots.

    Like all that is said here it holds however often it is asked and whenever one stops.

    Args:
        size: (T,) images of a lot, those looked at included.
        looked: (T,) of these, looked at, drawn at random.
        wrong: (T,) of these, wrong ones.
        allowed: (T,) how many of the others may be wrong.
        confidence: How sure to be, below 1.
    """
    evidence = _evidence(size[:, None], looked[:, None], wrong[:, None], allowed + 1)
    return np.asarray(evidence >= np.log(1 / (1 - confidence)))


def most_wrong_left(size: int, looked: int, wrong: int, confidence: float) -> int:
    """The most labels of a lot not looked at that can be wrong, see `surely_at_most`."""
    return _most_wrong(*_one_lot(size, looked, wrong), float(np.log(1 / (1 - confidence))))


def looks_wanted(size: int, looked: int, wrong: int, allowed: int, confidence: float) -> int:
    """How many more random looks in a lot, all right, make it sure, see `surely_at_most`."""
    return _more_looks(*_one_lot(size, looked, wrong), allowed + 1, float(np.log(1 / (1 - confidence))))


def _one_lot(size: int, looked: int, wrong: int) -> tuple[Reals, Reals, Reals]:
    return np.array([size], np.float64), np.array([looked], np.float64), np.array([wrong], np.float64)


def _lots(unread: Ids, audits: Sequence[RandomAudit]) -> tuple[Reals, Reals, Reals, int]:
    """Sets of images that all audits treat alike: their sizes, looked at, wrong; and how many are in no audit.

    An image that was looked at in one audit cannot be in the population of a later one. It counts as if it were, where
    the later population takes in all that is left of the earlier one.
    """
    inside = [np.isin(unread, audit.population) for audit in audits]
    counted: list[int] = []
    for number in range(len(audits)):
        later = inside[number + 1 :]
        if all((mask[inside[number]]).all() or not (mask & inside[number]).any() for mask in later):
            counted.append(number)
    marks = np.random.default_rng(0).integers(1, 2**62, len(audits), dtype=np.int64)  # sums tell the sets apart
    kinds = [np.zeros(len(unread), np.int64)]
    for number in counted:
        kinds[0] += inside[number] * marks[number]
    outcomes = [np.zeros(len(unread), np.int8)]  # 0 not looked at, 1 right, 2 wrong
    seen: set[int] = set()
    for number in counted:
        audit = audits[number]
        fresh = np.array([image_id for image_id in audit.looked.tolist() if image_id not in seen], np.int64)
        seen.update(fresh.tolist())
        kind = np.zeros(len(fresh), np.int64)
        for other in counted:
            if other <= number:
                kind += np.isin(fresh, audits[other].population) * marks[other]
            elif inside[other][inside[number]].all() and inside[number].any():
                kind += marks[other]
        kinds.append(kind)
        outcomes.append(np.where(np.isin(fresh, audit.wrong), 2, 1).astype(np.int8))
    kind, outcome = np.concatenate(kinds), np.concatenate(outcomes)
    _, lot = np.unique(kind, return_inverse=True)
    count = int(lot.max(initial=-1)) + 1
    size, looked, wrong = (
        np.bincount(lot[chosen], minlength=count).astype(np.float64)
        for chosen in (np.ones(len(lot), bool), outcome > 0, outcome == 2)
    )
    return size, looked, wrong, int((kinds[0] == 0).sum())


# Below, (..., A) arrays describe A lots: size M, looked n, wrong k. D wrong ones in a lot of M before any look make the
# outcomes seen, in their order, as likely as D(D-1)..(D-k+1) (M-D)..(M-D-n+k+1) / M(M-1)..(M-n+1). The logarithm of
# that is concave in D, so that the least evidence against a total is found by raising each lot's D up to one price.


def _evidence(size: Reals, looked: Reals, wrong: Reals, left: Reals | int) -> Reals:
    """(...) log likelihood ratio against the likeliest way in which `left` or more labels not looked at are wrong."""
    low, high = np.zeros(size.shape[:-1]), np.full(size.shape[:-1], 40.0)  # below 0 more wrong ones are likelier
    for _ in range(44):
        price = (low + high) / 2
        enough = (_raised(size, looked, wrong, price) - wrong).sum(-1) >= left
        low, high = np.where(enough, low, price), np.where(enough, price, high)
    many = _raised(size, looked, wrong, high)
    surplus = np.maximum((many - wrong).sum(-1) - left, 0)
    cost = -_log_likelihood(size, looked, wrong, many).sum(-1) - surplus * high
    impossible = (size - looked).sum(-1) < left
    return np.where(impossible, np.inf, _log_prior_likelihood(looked.sum(-1), wrong.sum(-1)) + cost)


def _most_wrong(size: Reals, looked: Reals, wrong: Reals, budget: float) -> int:
    """The most labels not looked at that can be wrong with less evidence against it than the budget."""
    low, high = 0, int((size - looked).sum())
    while low < high:  # evidence grows with the number
        middle = (low + high + 1) // 2
        if _evidence(size, looked, wrong, middle) < budget:
            low = middle
        else:
            high = middle - 1
    return low


def _more_looks(size: Reals, looked: Reals, wrong: Reals, left: int, budget: float) -> int:
    """How many more looks, drawn from all that is left and all right, make the evidence reach the budget."""
    room = size - looked
    low, high = 0, int(room.sum())
    while high - low > 1:
        tried = np.unique(np.linspace(low, high, 18).round()[1:-1])
        more = looked + room * (tried / room.sum())[:, None]  # (T, A): in proportion
        sizes, wrongs = np.broadcast_to(size, more.shape), np.broadcast_to(wrong, more.shape)
        enough = _evidence(sizes, more, wrongs, left) >= budget
        first = int(np.argmax(enough)) if enough.any() else len(tried)
        low, high = (
            int(tried[first - 1]) if first else low,
            int(tried[first]) if first < len(tried) else high,
        )
    return high


def _raised(size: Reals, looked: Reals, wrong: Reals, price: Reals) -> Reals:
    """(..., A) the most wrong ones in each lot of which the last costs at most the price (...) in log likelihood."""
    low = wrong.copy() + np.zeros(np.broadcast_shapes(size.shape, (*np.shape(price), 1)))
    high = np.floor(size - looked + wrong) + np.zeros_like(low)
    for _ in range(int(np.ceil(np.log2(max(float((high - low).max()), 1) + 1)))):
        middle = np.ceil((low + high) / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.log((middle - wrong) / middle * (size - middle + 1) / (size - middle + 1 - looked + wrong))
        cheap = (step <= np.expand_dims(price, -1)) & (middle > wrong)
        low, high = np.where(cheap & (high > low), middle, low), np.where(cheap | (high <= low), high, middle - 1)
    return low


def _log_likelihood(size: Reals, looked: Reals, wrong: Reals, many: Reals) -> Reals:
    right = looked - wrong
    with np.errstate(invalid="ignore"):
        return np.asarray(
            _log_factorial(many)
            - _log_factorial(many - wrong)
            + _log_factorial(size - many)
            - _log_factorial(size - many - right)
            - _log_factorial(size)
            + _log_factorial(size - looked)
        )


def _log_prior_likelihood(looked: Reals, wrong: Reals) -> Reals:
    """Log probability of the outcomes in their order when the share of wrong ones is drawn from the prior."""
    a, b = PRIOR
    none = np.zeros_like(looked)
    log_beta = _log_gamma(none + a) + _log_gamma(none + b) - _log_gamma(none + a + b)
    return _log_gamma(a + wrong) + _log_gamma(b + looked - wrong) - _log_gamma(a + b + looked) - log_beta


def _log_factorial(values: Reals) -> Reals:
    return _log_gamma(values + 1)


def _log_gamma(values: Reals) -> Reals:
    from scipy.special import gammaln

    return np.asarray(gammaln(values), dtype=np.float64)
