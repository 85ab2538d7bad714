"""Our own statistics against those of SciPy, scikit-learn and statsmodels, where these have the same one.

Audits' bounds are compared with SciPy's distributions in `sampling/test_plan.py`, AUROC of the evaluation with
scikit-learn's in `training/test_evaluate.py`.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binom, fisher_exact, hypergeom, mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from cxr_explorer.labels.agreement import cohen_kappa, compare, fleiss_kappa
from cxr_explorer.labels.confounders import chance_of_as_many
from cxr_explorer.probes.evidence import temperature
from cxr_explorer.probes.logistic import fit_logistic, sigmoid
from cxr_explorer.probes.probe_set import _auroc
from cxr_explorer.sampling.plan import Plan, chance_to_pass

TABLES = some.lists(some.integers(0, 60), min_size=9, max_size=9).map(lambda counts: np.array(counts).reshape(3, 3))


def answers(table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The answers of two readers, image by image, whose counts the table holds."""
    first, second = np.indices(table.shape)
    return np.repeat(first.ravel(), table.ravel()), np.repeat(second.ravel(), table.ravel())


# -- agreement ---------------------------------------------------------------------------------------------------------


@given(TABLES)
def test_cohens_kappa_is_scikit_learns(table: NDArray[np.int64]) -> None:
    kappa, _ = cohen_kappa(table)
    if kappa is not None:
        assert kappa == pytest.approx(cohen_kappa_score(*answers(table)), abs=1e-9)


@given(TABLES)
def test_cohens_kappa_and_its_error_are_those_of_statsmodels(table: NDArray[np.int64]) -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    kappa, error = cohen_kappa(table)
    if kappa is None or not error:
        return  # undefined, or the formula's limit
    found = rater.cohens_kappa(table)
    assert (kappa, error) == pytest.approx((found.kappa, found.std_kappa), abs=1e-9)
    interval = compare(table).interval
    assert interval is not None
    assert interval == pytest.approx((max(-1, found.kappa_low), min(1, found.kappa_upp)), abs=1e-4)


@given(some.integers(2, 6), some.integers(1, 30), some.integers(0, 2**32 - 1))
def test_fleiss_kappa_is_that_of_statsmodels(readers: int, images: int, seed: int) -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    votes = np.random.default_rng(seed).multinomial(readers, [0.6, 0.3, 0.1], size=images)
    kappa = fleiss_kappa(votes)
    if kappa is not None:
        assert kappa == pytest.approx(rater.fleiss_kappa(votes), abs=1e-9)


@given(TABLES)
def test_agreement_on_one_answer_is_the_f1_score_of_one_reader_against_the_other(table: NDArray[np.int64]) -> None:
    """Dice's coefficient and F1 are one formula, the same whoever is taken for the truth."""
    if not table.sum():
        return
    found = compare(table)
    first, second = answers(table)
    for answer, share in ((0, found.positive), (2, found.negative)):
        if share is not None:
            assert share == pytest.approx(f1_score(first == answer, second == answer, zero_division=0))


# -- chances -----------------------------------------------------------------------------------------------------------


@given(some.data())
def test_the_chance_of_as_many_is_scipys_hypergeometric_tail_in_large_collections(data: some.DataObject) -> None:
    total = data.draw(some.integers(2, 500_000))
    marked, drawn = data.draw(some.integers(1, total)), data.draw(some.integers(1, total))
    found = data.draw(some.integers(max(0, drawn + marked - total), min(drawn, marked)))
    chance = chance_of_as_many(found, drawn, marked, total)
    if found * total <= drawn * marked:
        assert chance == 1
    else:
        assert chance == pytest.approx(float(hypergeom.sf(found - 1, total, marked, drawn)), rel=1e-5, abs=1e-250)


@pytest.mark.parametrize(("found", "drawn", "marked", "total"), [(9, 12, 40, 200), (31, 60, 300, 1200), (3, 3, 5, 90)])
def test_the_chance_of_as_many_is_fishers_one_sided_test(found: int, drawn: int, marked: int, total: int) -> None:
    table = [[found, drawn - found], [marked - found, total - drawn - marked + found]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert chance_of_as_many(found, drawn, marked, total) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.004, 0.02, 0.05, 0.3, 1.0])
@pytest.mark.parametrize(("units", "sample", "tolerated"), [(300, 59, 0), (5000, 124, 2), (40, 40, 1)])
def test_the_chance_to_pass_is_that_of_scipys_distributions(
    units: int, sample: int, tolerated: int, share: float
) -> None:
    of_images = chance_to_pass(Plan("image", units, sample, tolerated, 0.05, 0.95), share)
    assert of_images == pytest.approx(float(hypergeom.cdf(tolerated, units, round(share * units), sample)))
    of_patients = chance_to_pass(Plan("patient", units, sample, tolerated, 0.05, 0.95), share)
    assert of_patients == pytest.approx(float(binom.cdf(tolerated, sample, share)))


# -- what is learnt ----------------------------------------------------------------------------------------------------


@given(some.integers(0, 2**32 - 1), some.booleans())
def test_auroc_is_scikit_learns_and_mann_whitneys(seed: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    truth = np.append(random.random(60) < 0.3, [True, False])
    scores = random.standard_normal(62) + truth
    scores = np.round(scores) if ties else scores
    assert _auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    pairs = truth.sum() * (~truth).sum()
    assert _auroc(scores, truth) == pytest.approx(mannwhitneyu(scores[truth], scores[~truth]).statistic / pairs)


@pytest.mark.parametrize("columns", [4, 90], ids=["more rows than columns", "more columns than rows"])
@pytest.mark.parametrize("freedom", [0.05, 1.0])
@pytest.mark.parametrize("counted", [False, True])
def test_the_logistic_fit_is_scikit_learns(columns: int, freedom: float, counted: bool) -> None:
    random = np.random.default_rng(columns)
    seen = random.standard_normal((60, columns))
    truth = (seen[:, 0] + random.standard_normal(60) > 0.3).astype(float)
    counts = random.uniform(0.1, 1, 60) if counted else None
    weights, bias = fit_logistic(seen, truth, freedom, counts=counts)
    theirs = LogisticRegression(C=freedom, tol=1e-10, max_iter=2000).fit(seen, truth, counts)
    np.testing.assert_allclose(weights, theirs.coef_[0], atol=2e-3)
    # Ours holds the bias by a thousandth of a ridge, theirs does not
    np.testing.assert_allclose(seen @ weights + bias, theirs.decision_function(seen), atol=1e-2)


@pytest.mark.parametrize("true_factor", [0.3, 1.0, 2.5])
def test_the_temperature_is_the_minimum_that_scipy_finds(true_factor: float) -> None:
    random = np.random.default_rng(3)
    scores = random.normal(0, 2, 400)
    present = random.random(400) < sigmoid(true_factor * scores)
    right, wrong = int(present.sum()), int((~present).sum())
    target = np.where(present, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(log_factor: float) -> float:
        probability = sigmoid(math.exp(log_factor) * scores)
        return float(-(target * np.log(probability) + (1 - target) * np.log1p(-probability)).sum())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        best = minimize_scalar(loss, bounds=(math.log(0.02), math.log(5)), method="bounded")
    assert temperature(scores, present) == pytest.approx(math.exp(best.x), rel=0.03)
