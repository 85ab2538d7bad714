"""Sampling plans and bounds against counting every possible sample, closed forms, published tables and limits."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cxr_explorer.errors import UserError
from cxr_explorer.sampling.plan import Plan, chance_to_pass, most_wrong, most_wrong_share, plan


def counted(most: int, lot: int, wrong: int, sample: int) -> Fraction:
    """P(at most `most` wrong ones in the sample), by looking at every sample."""
    samples = list(itertools.combinations(range(lot), sample))
    return Fraction(sum(sum(image < wrong for image in drawn) <= most for drawn in samples), len(samples))


LOTS = [
    (lot, limit, level, c) for lot in (1, 2, 5, 9) for limit in (0, 0.1, 0.34) for level in (0.8, 0.95) for c in (0, 1)
]


@pytest.mark.parametrize(("lot", "limit", "confidence", "tolerated"), LOTS)
def test_the_plan_is_the_smallest_one_found_by_counting_every_sample(
    lot: int, limit: float, confidence: float, tolerated: int
) -> None:
    allowed = 1 - Fraction(str(confidence))
    bad = [wrong for wrong in range(lot + 1) if wrong > Fraction(str(limit)) * lot]
    enough = [
        n for n in range(1, lot + 1) if n > tolerated and all(counted(tolerated, lot, m, n) <= allowed for m in bad)
    ]
    if not enough:
        with pytest.raises(UserError, match="cannot be tolerated"):
            plan(lot, limit, confidence, tolerated)
    else:
        assert plan(lot, limit, confidence, tolerated).sample == enough[0]


@pytest.mark.parametrize("lot", [1, 4, 8])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bound_is_the_largest_lot_error_that_counting_every_sample_does_not_rule_out(
    lot: int, confidence: float
) -> None:
    allowed = 1 - Fraction(str(confidence))
    for sample in range(1, lot + 1):
        for found in range(sample + 1):
            possible = range(found, lot - sample + found + 1)
            expected = max(wrong for wrong in possible if counted(found, lot, wrong, sample) > allowed)
            assert most_wrong(lot, sample, found, confidence) == expected


@pytest.mark.parametrize(("lot", "sample"), [(12, 5), (40, 11), (60, 60), (75, 1)])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
def test_whatever_the_lot_holds_the_bound_is_too_low_with_at_most_the_chance_allowed(
    lot: int, sample: int, confidence: float
) -> None:
    allowed = 1 - Fraction(str(confidence))
    for wrong in range(lot + 1):
        missed = Fraction(0)
        for found in range(max(0, sample + wrong - lot), min(sample, wrong) + 1):
            if most_wrong(lot, sample, found, confidence) < wrong:
                missed += Fraction(
                    math.comb(wrong, found) * math.comb(lot - wrong, sample - found), math.comb(lot, sample)
                )
        assert missed <= allowed


@given(
    lot=some.integers(1, 3000),
    limit=some.sampled_from([0.0, 0.005, 0.015, 0.02, 0.05, 0.1, 0.3]),
    confidence=some.sampled_from([0.8, 0.9, 0.95, 0.99]),
    tolerated=some.integers(0, 4),
)
@settings(deadline=None, max_examples=150)
def test_a_lot_that_passes_has_a_bound_within_the_limit_and_one_that_fails_has_not(
    lot: int, limit: float, confidence: float, tolerated: int
) -> None:
    try:
        made = plan(lot, limit, confidence, tolerated)
    except UserError:
        assert tolerated > limit * lot - 1
        return
    within = math.floor(Fraction(str(limit)) * lot)
    for found in range(tolerated + 1):
        assert most_wrong(lot, made.sample, found, confidence) <= within
    if made.sample > tolerated + 1:  # one image less would not do
        assert most_wrong(lot, made.sample - 1, tolerated, confidence) > within


def test_the_numbers_agree_with_scipy_for_large_lots() -> None:
    from scipy.stats import hypergeom

    for lot, limit, confidence, tolerated in [(412, 0.05, 0.95, 0), (5856, 0.015, 0.95, 2), (112120, 0.02, 0.99, 5)]:
        made = plan(lot, limit, confidence, tolerated)
        too_many = math.floor(limit * lot) + 1
        assert hypergeom.cdf(tolerated, lot, too_many, made.sample) <= 1 - confidence
        assert hypergeom.cdf(tolerated, lot, too_many, made.sample - 1) > 1 - confidence
        bound = most_wrong(lot, made.sample, tolerated, confidence)
        assert hypergeom.cdf(tolerated, lot, bound, made.sample) > 1 - confidence
        assert hypergeom.cdf(tolerated, lot, bound + 1, made.sample) <= 1 - confidence


@pytest.mark.parametrize("lot", [1, 7, 20, 100, 1001])
def test_ruling_out_a_single_error_takes_that_share_of_the_lot(lot: int) -> None:
    """P(the one wrong label is not drawn) = 1 - n/N, so n = confidence * N."""
    assert plan(lot, 0.0, 0.95).sample == math.ceil(Fraction(95, 100) * lot)


# Sample sizes of Wilks' tolerance limits at 95 % / 95 % (and 59, 299, 459 of the zero-failure plans of reliability
# testing), for lots without end.
@pytest.mark.parametrize(("tolerated", "sample"), list(enumerate([59, 93, 124, 153, 181, 208])))
def test_a_huge_lot_needs_the_published_sample_sizes(tolerated: int, sample: int) -> None:
    assert plan(10**9, 0.05, 0.95, tolerated).sample == sample
    assert plan(10**9, 0.05, 0.95, tolerated, patients=10**6) == Plan("patient", 10**6, sample, tolerated, 0.05, 0.95)


@pytest.mark.parametrize(("limit", "confidence", "sample"), [(0.01, 0.95, 299), (0.01, 0.99, 459), (0.1, 0.9, 22)])
def test_zero_acceptance_plans_of_huge_lots_are_the_published_ones(
    limit: float, confidence: float, sample: int
) -> None:
    assert plan(10**9, limit, confidence).sample == sample


def test_without_an_error_the_bound_tends_to_three_over_n() -> None:
    for sample in (100, 1000):
        assert most_wrong_share(sample, 0, 0.95) == pytest.approx(-math.log(0.05) / sample, rel=0.02)
        assert most_wrong(10**8, sample, 0, 0.95) / 10**8 == pytest.approx(3 / sample, rel=0.02)


@pytest.mark.parametrize(("sample", "wrong"), [(10, 0), (10, 1), (20, 0), (59, 0), (93, 1), (500, 40), (30, 29)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_a_lot_without_end_has_the_bound_of_clopper_and_pearson(sample: int, wrong: int, confidence: float) -> None:
    from scipy.stats import beta

    expected = beta.ppf(confidence, wrong + 1, sample - wrong)
    assert most_wrong_share(sample, wrong, confidence) == pytest.approx(expected, abs=1.1e-6)
    assert most_wrong_share(sample, wrong, confidence) >= expected - 1e-12
    assert most_wrong(10**8, sample, wrong, confidence) / 10**8 == pytest.approx(expected, abs=1e-5)


def test_the_bound_of_a_known_case() -> None:
    """0 of 10: 1 - 0.05 ** (1 / 10) = 25.9 %; 1 of 10: 39.4 % (Clopper and Pearson's charts)."""
    assert most_wrong_share(10, 0, 0.95) == pytest.approx(1 - 0.05**0.1, abs=1e-6)
    assert most_wrong_share(10, 1, 0.95) == pytest.approx(0.3942, abs=1e-4)
    assert most_wrong_share(10, 10, 0.95) == 1


def test_reading_everything_leaves_nothing_unknown() -> None:
    assert most_wrong(40, 40, 3, 0.95) == 3


def drawn_patients(shares: np.ndarray, sample: int) -> np.ndarray:
    """Chances of 0, 1, … wrong images, one image of each of `sample` patients with these shares of wrong labels."""
    chances = np.zeros(sample + 1)
    subsets = list(itertools.combinations(shares.tolist(), sample))
    for subset in subsets:
        one = np.ones(1)
        for share in subset:
            one = np.convolve(one, [1 - share, share])
        chances += one / len(subsets)
    return chances


def test_one_image_a_patient_passes_bad_lots_no_more_often_than_stated() -> None:
    """Patients of any number of images, wrong by any shares: the binomial plan stays on the safe side."""
    random = np.random.default_rng(1)
    patients = 9
    for limit, confidence, tolerated in [(0.4, 0.9, 0), (0.5, 0.9, 1), (0.3, 0.8, 0), (0.6, 0.9, 2)]:
        made = plan(40, limit, confidence, tolerated, patients=patients)
        assert made.unit == "patient"
        for _ in range(60):
            shares = random.random(patients) ** random.choice([0.2, 1, 5])
            shares[random.random(patients) < 0.3] = random.choice([0.0, 1.0])
            if shares.mean() > limit:
                chances = drawn_patients(shares, made.sample)
                assert chances[: tolerated + 1].sum() <= 1 - confidence + 1e-12


def test_too_few_patients_for_one_image_each_are_sampled_by_image() -> None:
    made = plan(60, 0.05, 0.95, patients=50)
    assert made == plan(60, 0.05, 0.95)
    assert made.unit == "image"


def test_the_chance_to_pass_is_one_without_errors_and_the_allowed_one_at_the_limit() -> None:
    for made in (plan(412, 0.05, 0.95), plan(5000, 0.02, 0.9, 2), plan(5000, 0.02, 0.9, 2, patients=3000)):
        assert chance_to_pass(made, 0.0) == 1.0
        assert chance_to_pass(made, made.error_limit + 1 / made.units) <= 1 - made.confidence + 1e-9
        assert chance_to_pass(made, 0.001) > chance_to_pass(made, 0.01)


@pytest.mark.parametrize(
    "arguments", [(0, 0.05, 0.95, 0), (10, 1.0, 0.95, 0), (10, 0.05, 1.0, 0), (10, 0.05, 0.3, 0), (10, 0.05, 0.95, -1)]
)
def test_what_cannot_be_planned_is_said(arguments: tuple[int, float, float, int]) -> None:
    with pytest.raises(UserError):
        plan(*arguments)
