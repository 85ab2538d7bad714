"""Contact sheets: every image once, in an order that stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_explorer.atlas.sheets import KINDS, ordered, outliers, shuffled

IDS = np.array([3, 5, 8, 13, 21])
TYPICALITY = np.array([0.2, 0.9, 0.5, 0.9, 0.1], np.float32)


def test_typical_pages_start_in_the_middle_and_edge_pages_at_the_edge() -> None:
    assert ordered("typical", IDS, TYPICALITY).tolist() == [5, 13, 8, 3, 21]
    assert ordered("edge", IDS, TYPICALITY).tolist() == [21, 3, 8, 5, 13]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_every_image_once(kind: str) -> None:
    assert sorted(ordered(kind, IDS, TYPICALITY).tolist()) == IDS.tolist()  # type: ignore[arg-type]


@given(st.sets(st.integers(1, 10**6), min_size=1, max_size=60), st.integers(0, 2**31))
def test_the_random_order_is_the_same_each_time_and_stays_when_images_come_and_go(found: set[int], seed: int) -> None:
    ids = np.array(sorted(found))
    order = shuffled(ids, seed).tolist()
    assert shuffled(ids[::-1], seed).tolist() == order
    assert shuffled(ids[::2], seed).tolist() == [image_id for image_id in order if image_id in set(ids[::2].tolist())]


def test_the_random_order_is_random() -> None:
    ids = np.arange(1, 2001)
    order = shuffled(ids, 0)
    assert abs(np.corrcoef(ids, order)[0, 1]) < 0.06
    assert abs(order[:200].mean() - 1000) < 100
    assert not np.array_equal(order, shuffled(ids, 1))


def test_outliers_come_most_alone_first_with_their_scores() -> None:
    ids, scores = outliers(IDS, np.array([0.1, 0.8, 0, 0.8, 0.3], np.float32), 3)
    assert ids.tolist() == [5, 13, 21]
    assert scores == pytest.approx([0.8, 0.8, 0.3])


def test_images_without_any_score_are_no_outliers() -> None:
    ids, _ = outliers(IDS, np.zeros(5, np.float32), 10)
    assert ids.size == 0
