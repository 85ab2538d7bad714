"""Kappa and its relatives against published examples, a bootstrap and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.labels.agreement import Agreement, cohen_kappa, compare, fleiss_kappa

FLEISS_1981 = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
"""J. L. Fleiss, Statistical Methods for Rates and Proportions, 2nd ed., table 13.1: diagnoses on 100 subjects."""

SKIN = [[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]]
"""SAS/STAT user's guide, PROC FREQ, "Agreement study": two dermatologists on 88 patients."""

SEXUAL_FUN = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
"""A. Agresti, Categorical Data Analysis: husbands and wives, 91 couples; the example of R's vcd::Kappa."""


@pytest.mark.parametrize(
    ("table", "kappa", "error", "digits"),
    [
        (FLEISS_1981, 0.676, 0.088, 3),
        (SKIN, 0.3449, 0.0724, 4),
        (SEXUAL_FUN, 0.1293, 0.0686, 4),
    ],
)
def test_kappa_and_its_error_are_those_of_published_examples(
    table: list[list[int]], kappa: float, error: float, digits: int
) -> None:
    found = cohen_kappa(np.array(table))
    assert (round(found[0], digits), round(found[1], digits)) == (kappa, error)  # type: ignore[call-overload]


def test_the_interval_is_that_of_the_published_example() -> None:
    padded = compare(np.array(FLEISS_1981))
    kappa, error = cohen_kappa(np.array(FLEISS_1981))
    assert kappa is not None
    assert error is not None
    assert padded.interval == pytest.approx((kappa - 1.96 * error, kappa + 1.96 * error), abs=1e-4)
    low, high = 0.2030, 0.4868  # SAS prints these for SKIN
    kappa, error = cohen_kappa(np.array(SKIN))
    assert (kappa - 1.959964 * error, kappa + 1.959964 * error) == pytest.approx((low, high), abs=5e-5)  # type: ignore[operator]


def test_the_error_is_the_spread_of_a_bootstrap() -> None:
    generator = np.random.default_rng(5)
    table = np.array([[60, 6, 14], [3, 12, 9], [10, 7, 179]])
    images = table.sum()
    draws = generator.multinomial(images, (table / images).ravel(), size=4000).reshape(-1, 3, 3)
    kappas = np.array([cohen_kappa(draw)[0] for draw in draws], float)
    _, error = cohen_kappa(table)
    assert kappas.std() == pytest.approx(error, rel=0.05)
    low, high = compare(table).interval  # type: ignore[misc]
    np.testing.assert_allclose(np.percentile(kappas, [2.5, 97.5]), (low, high), atol=0.012)


def binary(both: int, first: int, second: int, neither: int) -> Agreement:
    return compare(np.array([[both, 0, first], [0, 0, 0], [second, 0, neither]]))


def test_without_uncertain_the_table_of_two_answers_gives_the_same() -> None:
    found = binary(20, 5, 10, 15)
    assert found.kappa == pytest.approx(0.4)
    assert (found.kappa, found.interval) == (
        pytest.approx(cohen_kappa(np.array([[20, 5], [10, 15]]))[0]),
        pytest.approx((0.1511, 0.6489), abs=1e-4),
    )
    assert found.observed == pytest.approx(0.7)
    assert found.expected == pytest.approx(0.5)
    assert found.prevalence == pytest.approx(55 / 100)
    assert found.positive == pytest.approx(40 / 55)
    assert found.negative == pytest.approx(30 / 45)
    assert found.disagreements == 15


def test_a_rare_finding_shows_why_agreement_alone_says_little() -> None:
    found = binary(1, 5, 5, 989)
    assert found.observed == pytest.approx(0.99)
    assert found.kappa == pytest.approx(0.16, abs=0.01)
    assert found.positive == pytest.approx(1 / 6)
    assert found.negative > 0.99  # type: ignore[operator]


def test_uncertain_is_an_answer_of_its_own() -> None:
    found = compare(np.array([[10, 4, 0], [0, 0, 0], [0, 0, 10]]))
    assert found.observed == pytest.approx(20 / 24)
    assert found.disagreements == 4
    assert found.kappa is not None
    assert found.kappa < 1


def test_where_all_answers_are_the_same_kappa_is_undefined_and_it_is_said() -> None:
    found = binary(0, 0, 0, 50)
    assert (found.observed, found.kappa, found.interval) == (1.0, None, None)
    assert "undefined" in found.note
    assert found.positive is None


def test_one_reader_of_one_answer_makes_kappa_zero_without_an_interval() -> None:
    found = binary(0, 0, 7, 43)
    assert (found.kappa, found.interval) == (0.0, None)
    assert "same answer throughout" in found.note


def test_perfect_agreement_has_no_interval() -> None:
    found = binary(5, 0, 0, 5)
    assert (found.kappa, found.interval) == (1.0, None)
    assert "agree throughout" in found.note


def test_opposite_answers_throughout_are_minus_one_at_worst() -> None:
    assert binary(0, 10, 10, 0).kappa == pytest.approx(-1)


def test_no_image_in_common_gives_nothing_but_says_so() -> None:
    found = binary(0, 0, 0, 0)
    assert (found.images, found.observed, found.kappa, found.interval) == (0, None, None, None)
    assert found.note


def test_a_few_images_are_called_few() -> None:
    assert "rough" in binary(5, 1, 1, 5).note
    assert binary(50, 10, 10, 50).note == ""


@given(st.lists(st.integers(0, 40), min_size=9, max_size=9))
def test_swapping_the_readers_changes_nothing_and_all_numbers_stay_in_range(counts: list[int]) -> None:
    table = np.array(counts).reshape(3, 3)
    one, other = compare(table), compare(table.T)
    assert one.kappa == (None if other.kappa is None else pytest.approx(other.kappa))
    assert one.interval == (None if other.interval is None else pytest.approx(other.interval))
    assert (one.positive, one.negative) == (other.positive, other.negative)
    for number, least in ((one.kappa, -1), (one.observed, 0), (one.positive, 0), (one.prevalence, 0)):
        assert number is None or least - 1e-9 <= number <= 1 + 1e-9
    if one.interval is not None:
        assert -1 <= one.interval[0] <= one.kappa <= one.interval[1] <= 1  # type: ignore[operator]


FLEISS_1971 = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
"""The worked example of Wikipedia's article on Fleiss' kappa: 14 raters, 10 subjects, kappa 0.210."""


def test_kappa_of_many_readers_is_that_of_the_worked_example() -> None:
    assert fleiss_kappa(np.array(FLEISS_1971)) == pytest.approx(0.210, abs=5e-4)


def test_kappa_of_many_readers_is_undefined_where_all_answers_are_the_same() -> None:
    assert fleiss_kappa(np.array([[3, 0], [3, 0]])) is None
    assert fleiss_kappa(np.zeros((0, 3), np.int64)) is None


def test_kappa_of_many_readers_needs_all_of_them_on_every_image() -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(np.array([[3, 0], [2, 0]]))
