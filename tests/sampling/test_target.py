"""How sure random audits make it that enough labels are right."""

from itertools import product
from math import comb, exp, log, perm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.special import betaln

from cxr_explorer.sampling import target
from cxr_explorer.sampling.target import RandomAudit, standing

NOBODY = np.zeros(0, np.int64)


def ids(start: int, stop: int) -> np.ndarray:
    return np.arange(start, stop, dtype=np.int64)


def audit(population: np.ndarray, looked: int, wrong: int = 0, skip: int = 0) -> RandomAudit:
    sample = population[skip : skip + looked]
    return RandomAudit(population, sample, sample[:wrong])


def after(population: np.ndarray, audits: list[RandomAudit], read: int = 0, **wanted: float) -> target.Standing:
    """Where `population`, labelled in bulk, and `read` others stand."""
    looked = np.unique(np.concatenate([NOBODY, *(each.looked for each in audits)]))
    singly = np.concatenate([ids(10_000_000, 10_000_000 + read), looked])
    return standing(singly, np.setdiff1d(population, looked), audits, **wanted)


def test_what_was_read_is_right_by_definition():
    found = standing(ids(0, 100), NOBODY, [])
    assert (found.right_at_least, found.sure, found.more_looks, found.reached) == (1, 1, 0, True)


def test_labels_that_are_few_enough_to_be_all_wrong_need_no_audit():
    found = standing(ids(0, 990), ids(990, 1000), [], target=0.985)
    assert found.reached
    assert found.right_at_least == pytest.approx(0.99)


def test_without_an_audit_nothing_is_known_of_labels_given_in_bulk():
    found = standing(ids(0, 300), ids(300, 5000), [])
    assert found.sure == 0
    assert found.right_at_least == pytest.approx(300 / 5000)
    assert found.never_audited == 4700
    assert 188 < found.more_looks < 260  # a plan fixed beforehand needs 188 and ends there


def test_no_labels_is_no_claim_that_can_be_wrong():
    assert standing(NOBODY, NOBODY, []).right_at_least == 1


def test_the_looks_said_to_be_enough_are_enough_and_one_less_is_not():
    population = ids(0, 3000)
    few = after(population, [audit(population, 60)])
    assert not few.reached
    assert after(population, [audit(population, 60 + few.more_looks)]).reached
    assert not after(population, [audit(population, 59 + few.more_looks)]).reached


def test_looks_of_several_audits_of_the_same_labels_add_up():
    population = ids(0, 3000)
    first = audit(population, 100)
    second = audit(population[100:], 80)
    together = after(population, [audit(population, 180)])
    assert after(population, [first, second]) == together


def test_audits_of_all_clusters_count_as_much_as_one_of_everything():
    population = ids(0, 4000)
    parts = [audit(part, 10) for part in np.split(population, 20)]
    apart, whole = after(population, parts), after(population, [audit(population, 200)])
    assert (apart.looked, apart.never_audited) == (200, 0)
    assert apart.right_at_least == pytest.approx(whole.right_at_least, abs=0.002)


def test_an_audit_of_everything_after_audits_of_clusters_adds_to_them():
    population = ids(0, 4000)
    clusters = [audit(part, 10) for part in np.split(population, 20)]
    sample = population[15::40]
    rest = np.setdiff1d(population, np.concatenate([each.looked for each in clusters]))
    whole = RandomAudit(rest, sample, NOBODY)
    assert after(population, [*clusters, whole]).looked == 300
    assert after(population, [*clusters, whole]).right_at_least > after(population, clusters).right_at_least


def test_a_cluster_nobody_audited_may_be_all_wrong():
    population = ids(0, 4000)
    found = after(population, [audit(population[:3000], 300)])
    assert found.never_audited == 1000
    assert found.right_at_least < 0.75
    assert not found.reached


def test_an_older_audit_of_a_part_that_can_no_longer_be_told_is_left_out():
    population = ids(0, 2000)
    older = audit(population[:1000], 50)
    newer = audit(population[500:], 100, skip=700)
    assert after(population, [older, newer]).looked == 100


def test_errors_lower_what_is_sure():
    population = ids(0, 3000)
    bounds = [after(population, [audit(population, 200, wrong)]).right_at_least for wrong in range(4)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] - bounds[3] > 0.01


def likelihood(size: int, looked: int, wrong: int, many: int) -> float:
    if many < wrong or size - many < looked - wrong:
        return 0.0
    return perm(many, wrong) * perm(size - many, looked - wrong) / perm(size, looked)


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.integers(1, 9).flatmap(
            lambda size: some.integers(0, size).flatmap(
                lambda looked: some.tuples(some.just(size), some.just(looked), some.integers(0, looked))
            )
        ),
        min_size=1,
        max_size=3,
    ),
    some.integers(1, 12),
)
def test_the_evidence_is_that_against_the_likeliest_way_to_be_wrong(lots, left):
    """Against all ways, tried one by one."""
    ways = [
        np.prod([likelihood(*lot, many) for lot, many in zip(lots, way, strict=True)])
        for way in product(*(range(size + 1) for size, _, _ in lots))
        if sum(many - wrong for many, (_, _, wrong) in zip(way, lots, strict=True)) >= left
    ]
    looked, wrong = sum(lot[1] for lot in lots), sum(lot[2] for lot in lots)
    a, b = target.PRIOR
    against = betaln(a + wrong, b + looked - wrong) - betaln(a, b)
    best = max(ways, default=0)
    expected = against - log(best) if best > 0 else np.inf
    arrays = (np.array([lot[i] for lot in lots], float) for i in range(3))
    assert float(target._evidence(*arrays, left)) == pytest.approx(expected, abs=1e-6)


def test_stopping_as_soon_as_it_looks_good_is_wrong_no_more_often_than_promised():
    """A reader looks on and on at 200 labels of which 9 are wrong, and stops when told that no more than 6 are left.

    The chance to be told so while more are left is summed exactly over all orders of looks.
    """
    size, many, allowed = 200, 9, 6
    told = {}
    for wrong in range(many + 1):
        looks = np.arange(wrong, size - many + wrong + 1, dtype=float)[:, None]
        evidence = target._evidence(np.full_like(looks, size), looks, np.full_like(looks, wrong), allowed + 1)
        told |= {(int(look), wrong): bool(e >= log(20)) for look, e in zip(looks[:, 0], evidence, strict=True)}
    alive = {(0, 0): 1.0}
    false = 0.0
    for look in range(1, size - many + 1):
        following: dict[tuple[int, int], float] = {}
        for (seen, wrong), chance in alive.items():
            share = (many - wrong) / (size - seen)
            for after_it, probability in ((wrong + 1, share), (wrong, 1 - share)):
                if many - after_it <= allowed or not probability:
                    continue  # from here on the claim is true
                if told[look, after_it]:
                    false += chance * probability
                else:
                    following[look, after_it] = following.get((look, after_it), 0) + chance * probability
        alive = following
    assert 0.001 < false <= 0.05


def test_one_look_at_a_time_costs_little_more_than_a_fixed_plan():
    population = ids(0, 5000)
    fixed = next(n for n in range(1, 5000) if comb(5000 - 76, n) / comb(5000, n) <= 0.05)
    assert fixed <= standing(NOBODY, population, []).more_looks <= 1.25 * fixed


def test_how_sure_it_is_grows_with_every_look_and_is_a_probability():
    population = ids(0, 1500)
    sure = [after(population, [audit(population, looks)]).sure for looks in (0, 30, 90, 200, 400)]
    assert sure == sorted(sure)
    assert 0 <= sure[0] < 0.05
    assert 1 - exp(-3) < sure[-1] <= 1
