"""Two encoders on the same answers: the closed form is what fitting anew gives, and intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cxr_explorer.probes import encoder_comparison
from cxr_explorer.probes.encoder_comparison import (
    FEWEST,
    OF_A_PATIENT,
    RIDGES,
    Contest,
    Reading,
    auroc,
    best_ridge,
    compare_findings,
    compare_on,
    kernel,
    pairs_in_order,
)


def films(seed: int, patients: int, most: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, answers and patients; a patient's films are alike, and may have different answers."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), random.integers(1, most + 1, patients))
    random.shuffle(patient)
    present = random.random(len(patient)) < 0.4
    vectors = random.standard_normal((patients, 12))[patient] + random.standard_normal((len(patient), 12))
    vectors[:, 0] += 1.5 * present
    return vectors.astype(np.float32), present, patient


def directions(vectors: np.ndarray) -> np.ndarray:
    """What `kernel` multiplies with itself."""
    units = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    units -= units.mean(axis=0)
    return units / np.sqrt((units**2).sum(axis=1).mean())


@pytest.mark.parametrize("ridge", [RIDGES[0], 0.4, RIDGES[-1]])
@pytest.mark.parametrize("drawn", [False, True])
def test_the_closed_form_is_a_probe_fitted_without_both_patients(ridge: float, drawn: bool) -> None:
    vectors, present, patient = films(0, 14)
    weights = np.ones(len(present))
    if drawn:
        weights = 1.0 + np.random.default_rng(1).integers(0, 3, 14)[patient]
    order = pairs_in_order(kernel(vectors), ridge, present, patient, weights)
    seen = directions(vectors)
    for i, with_it in enumerate(np.flatnonzero(present)):
        for j, without in enumerate(np.flatnonzero(~present)):
            if patient[with_it] == patient[without]:
                assert np.isnan(order[i, j])
                continue
            rest = ~np.isin(patient, [patient[with_it], patient[without]])
            model = Ridge(alpha=ridge).fit(seen[rest], present[rest].astype(float), sample_weight=weights[rest])
            high, low = model.predict(seen[[with_it, without]])
            assert order[i, j] == float(high > low)


def test_a_film_drawn_thrice_counts_as_three_films_of_its_patient() -> None:
    vectors, present, patient = films(2, 12)
    times = np.random.default_rng(3).integers(0, 4, 12)[patient]
    copies = np.repeat(np.arange(len(present)), times)
    products = kernel(vectors)
    counted = auroc(products, 1.0, present, patient, times.astype(float))
    copied = auroc(
        products[np.ix_(copies, copies)], 1.0, present[copies], patient[copies], np.ones(len(copies), np.float64)
    )
    assert counted == pytest.approx(copied)


def test_the_ridge_is_the_one_that_errs_least_on_films_left_out() -> None:
    vectors, present, _ = films(4, 25, most=1)
    seen = directions(vectors)
    errors = []
    for ridge in RIDGES:
        left = 0.0
        for row in range(len(present)):
            rest = np.arange(len(present)) != row
            model = Ridge(alpha=ridge).fit(seen[rest], present[rest].astype(float))
            left += float((model.predict(seen[[row]])[0] - present[row]) ** 2)
        errors.append(left)
    assert best_ridge(kernel(vectors), present) == RIDGES[int(np.argmin(errors))]


def test_an_embedding_that_knows_nothing_is_at_chance_with_few_films() -> None:
    """Films left out one at a time would give .35 to .45."""
    found = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        present = np.arange(24) < 12
        products = kernel(random.standard_normal((24, 30)).astype(np.float32))
        found.append(auroc(products, best_ridge(products, present), present, np.arange(24), np.ones(24)))
    assert np.mean(found) == pytest.approx(0.5, abs=3 * np.std(found) / np.sqrt(60))


def test_intervals_hold_the_true_difference_and_tell_who_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_comparison, "DRAWS", 60)
    random = np.random.default_rng(5)
    held, better = 0, []
    runs = 40
    for seed in range(runs):
        present = np.arange(80) < 40
        shared = random.standard_normal((2080, 20))
        truth = np.append(present, random.random(2000) < 0.5)
        embeddings = []
        for shift in (2.2, 0.6):
            vectors = shared + random.standard_normal((2080, 20))
            vectors[:, 0] += shift * truth
            embeddings.append(vectors.astype(np.float32))
        contest = compare_on(kernel(embeddings[0][:80]), kernel(embeddings[1][:80]), present, np.arange(80), seed=seed)
        real = [on_new_films(one[:80], present, one[80:], truth[80:]) for one in embeddings]
        held += contest.low <= real[0] - real[1] <= contest.high
        better.append(contest.better)
    assert held >= 35  # of 40; in 1 of 100 runs fewer, were the interval one of 95 %
    assert 1 not in better and better.count(0) > runs / 2


def on_new_films(seen: np.ndarray, present: np.ndarray, new: np.ndarray, truth: np.ndarray) -> float:
    """AUROC of the probe of all films on thousands of others."""
    units = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    middle = units.mean(axis=0)
    scale = np.sqrt(((units - middle) ** 2).sum(axis=1).mean())
    model = Ridge(alpha=best_ridge(kernel(seen), present)).fit((units - middle) / scale, present.astype(float))
    scores = model.predict((new / np.linalg.norm(new, axis=1, keepdims=True) - middle) / scale)
    return float((scores[truth][:, None] > scores[~truth]).mean())


def test_the_same_encoder_twice_makes_no_difference() -> None:
    vectors, present, patient = films(6, 40)
    contest = compare_on(kernel(vectors), kernel(vectors), present, patient)
    assert (contest.difference, contest.low, contest.high, contest.better) == (0, 0, 0, None)


def test_what_is_no_better_than_chance_is_not_called_better() -> None:
    assert Contest((0.55, 0.3), 0.05, 0.45, (0.4, 0.2), 50).better is None
    assert Contest((0.55, 0.3), 0.05, 0.45, (0.4, 0.2), 50).by_chance
    assert Contest((0.75, 0.5), 0.05, 0.45, (0.6, 0.4), 50).better == 0
    assert Contest((0.5, 0.75), -0.45, -0.05, (0.4, 0.6), 50).better == 1
    assert Contest((0.75, 0.8), -0.15, 0.05, (0.6, 0.7), 50).better is None


def test_too_few_patients_are_said_and_not_compared() -> None:
    random = np.random.default_rng(7)
    vectors = random.standard_normal((40, 8)).astype(np.float32)
    patients = np.arange(40)
    patients[:6] = 0  # six films with the finding are one patient's
    present = np.arange(40) < FEWEST
    (found,) = compare_findings(vectors, vectors, {"Mass": Reading(np.arange(40), present)}, patients)
    assert (found.present, found.absent, found.lacking, found.contest) == (FEWEST, 30, (5, 0), None)


def test_of_a_patient_with_many_films_a_few_are_used() -> None:
    random = np.random.default_rng(8)
    patients = np.concatenate([np.arange(30), np.full(30, 30)])
    vectors = random.standard_normal((60, 8)).astype(np.float32)
    present = np.arange(60) % 2 == 0
    (found,) = compare_findings(vectors, vectors, {"Mass": Reading(np.arange(60), present)}, patients)
    assert found.contest is not None and found.contest.films == 30 + OF_A_PATIENT
    assert found.films == 60
