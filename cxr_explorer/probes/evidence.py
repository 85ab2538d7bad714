"""What may be claimed of suggestions: only what images say that were drawn at random and read, their *looks*.

Answers to Read next are chosen for doubt, and labels given to a whole cluster predict themselves: neither says how
right suggestions are for what nobody has read. A share of Read next is therefore drawn at random among all images
without a label. No probe learns from these looks: they are a random sample of what is left, for which it has predicted
without having seen them, and all that follows is computed from them alone.

Accepting in bulk is a choice among nested sets, the surest suggestions first, each of which may be offered where the
looks in it prove its share of wrong suggestions to be within a limit. The choice is paid for by testing the sets in an
order that was fixed without the answers, up to the first that fails (fixed-sequence testing; Angelopoulos, Bates,
Candès, Jordan, Lei 2021, arXiv 2110.01052; for the task Geifman and El-Yaniv 2017, arXiv 1705.08500). The test of one
set is `target.surely_at_most`, which stays valid however often one looks: Accept turns on while images are being read,
and the bound of Clopper and Pearson holds for one look at a number fixed beforehand only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.labels.label import Value
from cxr_explorer.probes.features import Floats, Rows
from cxr_explorer.probes.logistic import sigmoid
from cxr_explorer.sampling.target import Ids, Reals, looks_wanted, most_wrong_left, surely_at_most

RANDOM_EVERY = 4
"""Of so many images of Read next one is drawn at random."""

LEAST_LOOKS = 30
"""Looks below which nothing is said in numbers."""

SETS = 20
"""Nested sets among which the largest is offered."""

MODEST = 0.35
"""How much less likely than the likeliest a scale of the probabilities may be, as the logarithm of a ratio: the lower
end of an interval that holds the true scale in four of five cases (half the 60 % point of chi squared)."""

USUAL, LEAST_DOUBT = 0.95, 0.005
"""For a guess at how many suggestions are wrong: the probability that half of them reach, and what is added."""

KEPT_BACK = 0.5
"""Part of the allowed doubt that is not spent on a test: a reader tries more than one limit."""

ERROR_LIMIT, CONFIDENCE = 0.05, 0.9
"""What is asked of suggestions to be accepted, unless the reader chooses."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Images drawn at random among those without a label, and read.

    Attributes:
        probabilities: (n,) float32 that the finding is present, by a probe that had not learnt from them.
        values: (n,) int8, the answers; an uncertain one counts as another answer than any suggestion.
    """

    probabilities: Floats
    values: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Looks:
        return Looks(self.probabilities[chosen], self.values[chosen])

    @property
    def enough(self) -> bool:
        """Whether there are enough to say anything in numbers."""
        return len(self) >= LEAST_LOOKS

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether the suggestion agreed with the answer."""
        return np.asarray(self.values == np.where(self.probabilities > 0.5, Value.PRESENT, Value.ABSENT))


NO_LOOKS = Looks(np.zeros(0, np.float32), np.zeros(0, np.int8))


@dataclass(frozen=True)
class Shortfall:
    """Sets that could not be proved good enough.

    Attributes:
        lots: Of some of them: images, looks included; looks; wrong ones of these; how many of the others may be wrong;
            and the share of all images asked about that is in it.
        confidence: How sure to be.
        fewest: Looks that are wanted in any case.
    """

    lots: tuple[tuple[int, int, int, int, float], ...]
    confidence: float
    fewest: int


@dataclass(frozen=True, eq=False)
class Offer:
    """Suggestions that may be accepted together, and what the looks say of them.

    Attributes:
        chosen: (N,) bool among those asked about; none where no set could be proved good enough.
        looks: Looks among suggestions as sure as these; all of them where nothing is offered.
        wrong: Of these, how many disagreed with the answer.
        most_wrong: At most so many of the chosen are wrong, with the confidence asked for.
        shortfall: Where nothing is offered, what it lacks; None where nothing was asked about.
    """

    chosen: NDArray[np.bool_]
    looks: int
    wrong: int
    most_wrong: int = 0
    shortfall: Shortfall | None = None

    @property
    def count(self) -> int:
        """How many suggestions are offered."""
        return int(self.chosen.sum())

    @property
    def more_looks(self) -> int:
        """About how many more random looks it takes until something is offered, if all of them agree."""
        lack = self.shortfall
        if lack is None:
            return 0
        more = [looks_wanted(n, k, e, most, lack.confidence) / share for n, k, e, most, share in lack.lots]
        return max(lack.fewest, int(np.ceil(min(more))), 1)

    def error_bound(self, left_out: int = 0) -> float:
        """The share of wrong ones at most, 0..1, when so many of the chosen are left out."""
        rest = self.count - left_out
        return min(1.0, self.most_wrong / rest) if rest else 0.0


def calibrated(probabilities: Floats, looks: Looks) -> tuple[Floats, Looks]:
    """Probabilities that fit what the looks say, of images and of the looks themselves, in the order they had.

    One factor on all log odds (temperature; Guo et al. 2017, arXiv 1706.04599): not the likeliest, which boasts as
    often as it is modest, but the smallest that the looks make about as likely, see MODEST. Few looks thus allow modest
    figures only.

    Args:
        probabilities: (N,) NaN where nothing is known.
        looks: Enough of them; an uncertain answer counts as the one that was not suggested.
    """
    present = np.where(looks.right, looks.probabilities > 0.5, looks.probabilities <= 0.5)
    factor = temperature(_log_odds(looks.probabilities), present, MODEST)
    scaled, of_looks = (
        np.asarray(sigmoid(factor * _log_odds(some)), np.float32) for some in (probabilities, looks.probabilities)
    )
    return scaled, replace(looks, probabilities=of_looks)


def _log_odds(probabilities: Floats) -> NDArray[np.float64]:
    inside = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def confidences(probabilities: Floats) -> Floats:
    """How probable the likelier answer is, NaN where nothing is known."""
    return np.maximum(probabilities, 1 - probabilities)


def drawing_order(ids: Ids, finding: str, seed: int = 0) -> Ids:
    """The ids in the order in which they are drawn: random, and the same whatever else is in the project."""
    generator = np.random.default_rng([seed, *finding.encode("utf-8")])
    draws = generator.random(int(ids.max(initial=-1)) + 1)  # one an id: new images change nobody's place
    return ids[np.argsort(draws[ids], kind="stable")]


def mixed(queue: Rows, drawn: Rows, every: int = RANDOM_EVERY) -> tuple[Rows, NDArray[np.bool_]]:
    """A queue in which one image of `every` is drawn at random, and which of its places are.

    Args:
        queue: What was chosen.
        drawn: All images that have no label, in the order in which they are drawn.
        every: At least 2.
    """
    groups = -(-len(queue) // (every - 1))
    head = drawn[: max(groups, 1)]
    queue = queue[~np.isin(queue, head)]
    places = np.arange(len(head)) * (every - 1)
    rows = np.insert(queue, np.minimum(places, len(queue)), head)
    return rows, np.isin(rows, head)


def temperature(scores: NDArray[np.float64], present: NDArray[np.bool_], modest: float = 0.0) -> float:
    """The factor in [0.02, 5] under which the scores' log loss is least, in steps of 3 %.

    Targets are Platt's, short of 0 and 1 (1999): where all answers are told apart, any larger factor would do better.

    Args:
        scores: (n,) log odds by a probe that had not seen the answers.
        present: (n,) the answers.
        modest: The smallest factor is taken whose log loss is at most this much above the least.
    """
    truth = present.astype(np.float64)
    positive = truth.sum()
    target = np.where(truth > 0, (positive + 1) / (positive + 2), 1 / (len(truth) - positive + 2))
    factors = np.geomspace(0.02, 5, 188)
    probability = sigmoid(factors[:, None] * scores)
    loss = -(target * np.log(probability) + (1 - target) * np.log1p(-probability)).sum(1)
    return float(factors[np.argmax(loss <= loss.min() + modest)])


def largest_offer(
    probabilities: Floats, looks: Looks, error_limit: float = ERROR_LIMIT, confidence: float = CONFIDENCE
) -> Offer:
    """The largest set of suggestions, surest first, of which at most `error_limit` is wrong with this confidence.

    Which set is tested first is decided by a guess at their errors, which may be wrong without harm: it costs offers,
    not truth. From there on sets grow until one fails.

    Args:
        probabilities: (N,) of the images asked about: without a label, and not looked at. NaN where nothing is known.
        looks: Those among the same images' like: restricted in the same way, if the images are a selection.
        error_limit: Share of wrong ones, above 0.
        confidence: Below 1.
    """
    tested = 1 - (1 - confidence) * (1 - KEPT_BACK)
    sure = np.where(np.isnan(probabilities), -1, confidences(probabilities)).astype(np.float32)
    ranked = np.sort(sure[sure >= 0])[::-1]
    nothing = np.zeros(len(sure), np.bool_)
    if not len(ranked):
        return Offer(nothing, len(looks), 0)
    least = np.unique(ranked[np.ceil(np.arange(1, SETS + 1) / SETS * len(ranked)).astype(np.int64) - 1])[::-1]
    size = (sure >= least[:, None]).sum(1)  # (T,) images as sure as the last of each set; the sets grow
    inside = confidences(looks.probabilities) >= least[:, None]  # (T, n)
    looked, wrong = (each.sum(1).astype(np.float64) for each in (inside, inside & ~looks.right))
    allowed = np.floor(error_limit * size + 1e-9)
    lots = [(int(n), int(k), int(e)) for n, k, e in zip(size + looked, looked, wrong, strict=True)]
    tolerated = _tolerated(size, looked, allowed, tested)  # (T,) -1: too few looks to pass with none wrong
    ready = (tolerated >= 0) & looks.enough
    guess = _chance_to_pass(tolerated, looked, _expected(ranked, size))
    first = int(np.argmax(np.where(ready, guess, -1)))
    failed = np.flatnonzero(wrong[first:] > tolerated[first:])
    last = first + int(failed[0]) - 1 if len(failed) else len(size) - 1
    if last < first or not ready.any():
        some = range(len(size) - 1, -1, -5)
        lacking = tuple((*lots[i], int(allowed[i]), float(size[i] / len(ranked))) for i in some)
        shortfall = Shortfall(lacking, tested, LEAST_LOOKS - len(looks))
        return Offer(nothing, len(looks), int((~looks.right).sum()), shortfall=shortfall)
    return Offer(sure >= least[last], lots[last][1], lots[last][2], most_wrong_left(*lots[last], tested))


def _expected(ranked: Floats, size: Ids) -> Reals:
    """(T,) a guess at the share of wrong ones in each set, to choose which to test first.

    The scale of the probabilities comes from the looks, whose answers must not decide what is tested: the guess is made
    from their order alone and from how far they lie apart, as if half of all were at least USUAL probable.
    """
    odds = _log_odds(ranked)
    usual = np.log(USUAL / (1 - USUAL)) / max(float(np.median(odds)), 1e-9)
    return np.asarray(np.cumsum(sigmoid(-usual * odds))[size - 1] / size + LEAST_DOUBT)


def _tolerated(size: Ids, looked: Reals, allowed: Reals, confidence: float) -> NDArray[np.int64]:
    """(T,) how many of the looks in a set may be wrong for it to pass; -1 where none may and still it would not."""
    most = int((looked * allowed / size).max(initial=0))  # with more wrong ones the share itself is above the limit
    wrong = np.arange(most + 1, dtype=np.float64)[:, None]  # (W, 1)
    shape = (len(wrong), len(size))
    some, seen, errors, limit = (
        np.broadcast_to(one, shape).ravel() for one in (size + looked, looked, np.minimum(wrong, looked), allowed)
    )
    passed = surely_at_most(some, seen, errors, limit, confidence).reshape(shape) & (wrong <= looked)
    return np.asarray(passed.sum(0) - 1)


def _chance_to_pass(tolerated: NDArray[np.int64], looked: Reals, share: Reals) -> Reals:
    """(T,) that so many looks or fewer are wrong where this share of all is."""
    from scipy.special import bdtr

    return np.asarray(bdtr(np.maximum(tolerated, 0), looked.astype(np.int64), np.minimum(share, 1)), np.float64)
