"""Acceptance sampling: how many labels of a lot to check at random, and what may be claimed of all of them afterwards.

Images: a lot of N labels holds an unknown number M of wrong ones; n of them are drawn at random without replacement and
read, and the number found wrong is hypergeometric whatever the images have to do with one another. All that follows is
exact for the lot itself: no normal approximation, no assumption about other images.

Patients: where patients have several images in the lot, one image of each of n patients is drawn. The number found
wrong then speaks of the mean over patients of the share of their labels that are wrong, each patient counting once. It
is distributed as a sum of independent chances (thinning keeps a measure strongly Rayleigh: Borcea, Brändén, Liggett
2009), whose lower tail the binomial distribution of the same mean bounds from above (Hoeffding 1956): the binomial plan
and the bound of Clopper and Pearson hold with at least the confidence they state. How wrong labels spread over the
images of one patient they do not say.

Every comparison is made in whole numbers, so a plan and its bound never disagree by a rounding error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from cxr_explorer.errors import UserError

Unit = Literal["image", "patient"]

_SHARES = 1_000_000  # steps in which shares of patients are looked for; bounds are rounded up to the next one


@dataclass(frozen=True)
class Plan:
    """What was decided before anybody looked.

    Attributes:
        unit: What is drawn: images, or patients with one image each.
        units: How many of them the lot holds.
        sample: How many are drawn and read.
        tolerated: How many of those may be wrong for the lot to pass.
        error_limit: The share of wrong labels that may not be exceeded, 0..1.
        confidence: Of every hundred lots above the limit, at least this share fails, 0..1.
    """

    unit: Unit
    units: int
    sample: int
    tolerated: int
    error_limit: float
    confidence: float


def fails_text(made: Plan) -> str:
    """ "One error fails the audit.", "More than 2 errors fail the audit." """
    if made.tolerated == 0:
        return "One error fails the audit."
    return f"More than {made.tolerated:,} error{'' if made.tolerated == 1 else 's'} fail the audit."


def plan(images: int, error_limit: float, confidence: float, tolerated: int = 0, patients: int | None = None) -> Plan:
    """The smallest sample with which a lot above the error limit passes with a chance of at most 1 - confidence.

    Args:
        images: Number of labels in the lot, one an image.
        error_limit: Share of wrong labels that may not be exceeded, 0 <= limit < 1.
        confidence: 0.5 <= confidence < 1.
        tolerated: How many wrong labels in the sample still pass.
        patients: Number of patients, where some have several images in the lot; None where every image is a patient
            of its own, or where nothing is known of patients. Where there are too few patients for one image each,
            images are drawn, and a patient may come up twice.

    Raises:
        UserError: No such sample exists: nothing to check, a setting out of range, or more errors tolerated than the
            limit allows in the whole lot.
    """
    if images < 1:
        raise UserError("There is no label to audit. Label the images first.")
    if not 0 <= error_limit < 1 or not 0.5 <= confidence < 1 or tolerated < 0:
        raise UserError(
            "An audit needs an error limit of at least 0 % and below 100 %, a confidence of at least 50 % and below "
            "100 %, and no negative number of tolerated errors."
        )
    limit = _exact(error_limit)
    if patients is not None and limit:
        drawn = _smallest(lambda n: _passes_binomial(tolerated, n, limit, confidence), tolerated + 1, patients)
        if drawn is not None:
            return Plan("patient", patients, drawn, tolerated, error_limit, confidence)
    too_many = math.floor(limit * images) + 1  # the fewest wrong labels that are above the limit
    if tolerated >= too_many:
        raise UserError(
            f"{tolerated:,} errors cannot be tolerated: among {images:,} labels, {too_many:,} wrong ones are above the "
            "limit already. Tolerate fewer, or raise the limit."
        )
    drawn = _smallest(lambda n: _passes(tolerated, images, too_many, n, confidence), tolerated + 1, images)
    assert drawn is not None  # reading all of them finds every error
    return Plan("image", images, drawn, tolerated, error_limit, confidence)


def most_wrong(images: int, sample: int, wrong: int, confidence: float) -> int:
    """The largest number of wrong labels in a lot with which so few in the sample are not too unlikely.

    The one-sided exact bound for the hypergeometric distribution, by inverting its test (Buonaccorsi 1987): the largest
    M with P(at most `wrong` in the sample | M) > 1 - confidence. Whatever the lot holds, the bound is below it with a
    chance of at most 1 - confidence.

    Args:
        images: Number of labels in the lot.
        sample: Number drawn at random and read.
        wrong: Number of these that were wrong as they were drawn.
        confidence: As planned.
    """
    low, high = wrong, images - (sample - wrong)  # what was seen is possible with these
    while low < high:
        middle = (low + high + 1) // 2
        if _passes(wrong, images, middle, sample, confidence):
            high = middle - 1
        else:
            low = middle
    return low


def most_wrong_share(sample: int, wrong: int, confidence: float) -> float:
    """The upper bound of Clopper and Pearson (1934), one-sided, rounded up to a millionth.

    Args:
        sample: Number of patients drawn, one image read of each; or of images drawn from a lot without end.
        wrong: Number of these that were wrong.
        confidence: As planned.
    """
    if wrong >= sample:
        return 1.0
    low, high = 0, _SHARES
    while low < high:
        middle = (low + high) // 2
        if _passes_binomial(wrong, sample, Fraction(middle, _SHARES), confidence):
            high = middle
        else:
            low = middle + 1
    return low / _SHARES


def chance_to_pass(made: Plan, share: float) -> float:
    """How likely a lot passes of which this share is wrong (0..1): the plan's operating characteristic."""
    if made.unit == "patient":
        numerator, denominator = _binomial(made.tolerated, made.sample, Fraction(round(share * _SHARES), _SHARES))
    else:
        wrong = round(share * made.units)
        numerator, denominator = _hypergeometric(made.tolerated, made.units, wrong, made.sample)
    return float(Fraction(numerator, denominator))


def _exact(share: float) -> Fraction:
    """The decimal number that was meant: 0.05 is a twentieth."""
    return Fraction(repr(float(share)))


def _smallest(passes: Callable[[int], bool], start: int, end: int) -> int | None:
    """The smallest number from start to end with which it passes, None if none; larger ones pass where smaller do."""
    low, step = start, 1
    high = low
    while high <= end and not passes(high):
        low, high, step = high + 1, high + step, 2 * step
    if high > end:
        if low > end or not passes(end):
            return None
        high = end
    while low < high:
        middle = (low + high) // 2
        if passes(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _passes(most: int, lot: int, wrong: int, sample: int, confidence: float) -> bool:
    """Whether P(at most `most` wrong in the sample) <= 1 - confidence."""
    return _rare(_hypergeometric(most, lot, wrong, sample), confidence)


def _passes_binomial(most: int, sample: int, share: Fraction, confidence: float) -> bool:
    return _rare(_binomial(most, sample, share), confidence)


def _rare(chance: tuple[int, int], confidence: float) -> bool:
    allowed = 1 - _exact(confidence)
    numerator, denominator = chance
    return numerator * allowed.denominator <= allowed.numerator * denominator


def _hypergeometric(most: int, lot: int, wrong: int, sample: int) -> tuple[int, int]:
    """P(at most `most` of the wrong ones are in the sample) as numerator and denominator."""
    few, many = sorted((wrong, sample))  # the two sets may change places, and the smaller one has the shorter numbers
    first = max(0, few + many - lot)
    last = min(most, few)
    total = math.comb(lot, few)
    if first > last:
        return 0, total
    term = math.comb(many, first) * math.comb(lot - many, few - first)
    found = term
    for i in range(first, last):
        term = term * (many - i) * (few - i) // ((i + 1) * (lot - many - few + i + 1))
        found += term
    return found, total


def _binomial(most: int, sample: int, share: Fraction) -> tuple[int, int]:
    """P(at most `most` wrong in a sample of a lot without end) as numerator and denominator."""
    wrong, right = share.numerator, share.denominator - share.numerator
    if not right:
        return int(most >= sample), 1
    term = right**sample
    found = term
    for i in range(min(most, sample)):
        term = term * (sample - i) * wrong // ((i + 1) * right)
        found += term
    return found, share.denominator**sample
