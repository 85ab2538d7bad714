"""What to read next, and what the answers suggest."""

import numpy as np
import pytest

from cxr_explorer.probes import probe as probe_module
from cxr_explorer.probes.features import prepare
from cxr_explorer.probes.probe import SHEET_LEAST, SPARE, Probe, contact_sheets, fit_probe, next_to_read, sheet_images


def two_groups(count=400, dimension=24, apart=3.0, seed=0):
    """Embeddings of two overlapping groups, and which is which."""
    random = np.random.default_rng(seed)
    truth = random.random(count) < 0.4
    rows = random.standard_normal((count, dimension)).astype(np.float32)
    rows[:, 0] += apart * truth
    return rows, truth


@pytest.fixture(scope="module")
def groups():
    rows, truth = two_groups()
    return prepare(rows), truth


def test_features_are_finite_float32_and_the_same_at_every_run(groups):
    rows, _ = two_groups()
    features, _ = groups
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert len(features) == len(rows)
    np.testing.assert_array_equal(prepare(rows), features)


def test_features_do_not_depend_on_the_scale_of_an_encoder():
    rows, _ = two_groups(60)
    np.testing.assert_allclose(prepare(1000 * rows), prepare(rows), atol=1e-4)


def test_several_encoders_are_put_side_by_side():
    rows, truth = two_groups(300, apart=0.0)
    telling = np.stack([truth, ~truth], axis=1).astype(np.float32)
    features = prepare([rows, telling])
    some = np.arange(40)
    assert ((fit_probe(features, some, truth[some]).probabilities(features) > 0.5) == truth).mean() > 0.97


def test_given_neighbours_are_used_instead_of_own_ones():
    rows, _ = two_groups(50)
    everyone = np.tile(np.arange(50), (50, 1))
    assert not np.allclose(prepare(rows, everyone), prepare(rows))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_of_images_has_features_too(count):
    features = prepare(np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32))
    assert len(features) == count
    assert np.isfinite(features).all()


def test_equal_images_have_equal_features():
    features = prepare(np.ones((20, 4), np.float32))
    assert np.isfinite(features).all()
    assert np.abs(features - features[0]).max() < 1e-5


def test_a_probe_learns_from_few_answers(groups):
    features, truth = groups
    some = np.arange(60)
    probe = fit_probe(features, some, truth[some])
    assert probe.answers == (truth[some].sum(), (~truth[some]).sum())
    assert ((probe.probabilities(features) > 0.5) == truth).mean() > 0.85


def test_more_images_than_features_and_fewer_give_the_same_kind_of_fit(groups):
    features, truth = groups
    narrow = features[:, :20]
    some = np.arange(19)
    few = fit_probe(narrow, some, truth[some])
    wide = fit_probe(np.pad(narrow, ((0, 0), (0, 30))), some, truth[some])
    np.testing.assert_allclose(
        few.probabilities(narrow), wide.probabilities(np.pad(narrow, ((0, 0), (0, 30)))), atol=1e-4
    )


def test_an_answer_that_counts_less_moves_the_probe_less(groups):
    features, truth = groups
    some = np.arange(80)
    wrong = truth[some].copy()
    wrong[40:] = ~wrong[40:]
    right = [
        (
            (fit_probe(features, some, wrong, np.where(some < 40, 1, weight)).probabilities(features) > 0.5) == truth
        ).mean()
        for weight in (1.0, 0.1)
    ]
    assert right[1] > right[0] + 0.1
    twice = fit_probe(features, np.tile(some, 2), np.tile(truth[some], 2))
    weighed = fit_probe(features, some, truth[some], np.full(80, 2.0))
    np.testing.assert_allclose(twice.probabilities(features), weighed.probabilities(features), atol=1e-3)


def test_one_kind_of_answer_suggests_it_without_certainty(groups):
    features, truth = groups
    rows = np.flatnonzero(truth)[:10]
    probabilities = fit_probe(features, rows, truth[rows]).probabilities(features)
    assert np.ptp(probabilities) == 0
    assert probabilities[0] == pytest.approx(11 / 12)


def test_no_answer_is_no_probe(groups):
    with pytest.raises(ValueError, match="no answers"):
        fit_probe(groups[0], np.array([], dtype=int), np.array([], dtype=bool))


def test_a_fit_uses_no_more_answers_than_its_cap(groups, monkeypatch):
    features, truth = groups
    monkeypatch.setattr(probe_module, "MOST_FITTED", 50)
    probe = fit_probe(features, np.arange(400), truth)
    assert sum(probe.answers) == 400
    assert ((probe.probabilities(features) > 0.5) == truth).mean() > 0.8


def test_of_more_answers_than_a_fit_uses_those_of_a_rare_kind_are_kept(monkeypatch):
    """And the probabilities are still those of the whole, in which the finding is rare."""
    random = np.random.default_rng(0)
    features = random.standard_normal((20_000, 6)).astype(np.float32) / 2
    truth = random.random(20_000) < 1 / (1 + np.exp(6 - 4 * features[:, 0]))
    assert truth.mean() < 0.02
    monkeypatch.setattr(probe_module, "MOST_FITTED", 800)
    probe = fit_probe(features, np.arange(20_000), truth)
    assert probe.answers == (truth.sum(), (~truth).sum())
    assert probe.probabilities(features).mean() == pytest.approx(truth.mean(), rel=0.25)
    assert probe.weights[0] == pytest.approx(4, rel=0.2)


def test_contact_sheets_come_first_and_hold_an_image_of_every_cluster(groups):
    features, _ = groups
    clusters = np.arange(400) % 7 - 1
    rows = next_to_read(features, clusters, np.zeros(400, bool), None, batch=1)
    assert len(rows) == len(set(rows)) == sheet_images(400) == SHEET_LEAST
    assert set(clusters[rows]) == set(range(-1, 6))


def test_contact_sheets_follow_the_size_of_clusters_largest_first(groups):
    features, _ = groups
    clusters = np.where(np.arange(400) < 300, 4, np.where(np.arange(400) < 390, 2, 9))
    sheets = contact_sheets(features, clusters, 40)
    assert [len(sheet) for sheet in sheets] == [30, 9, 1]
    assert [set(clusters[sheet]) for sheet in sheets] == [{4}, {2}, {9}]


def test_with_more_clusters_than_images_on_sheets_the_largest_are_shown(groups):
    features, _ = groups
    sheets = contact_sheets(features, np.repeat(np.arange(40), 10), 16)
    assert [len(sheet) for sheet in sheets] == [1] * 16


def test_tiny_clusters_are_shown_whole_at_most():
    features = prepare(two_groups(12)[0])
    sheets = contact_sheets(features, np.array([0] * 9 + [1, 1, 2]), 100)
    assert sorted(np.concatenate(sheets)) == list(range(12))


def test_images_the_probe_is_least_sure_of_are_next_and_none_that_was_read(groups):
    features, truth = groups
    rows = np.arange(50)
    read = np.zeros(400, bool)
    read[rows] = True
    probe = fit_probe(features, rows, truth[rows])
    asked = next_to_read(features, np.zeros(400, int), read, probe, batch=7)
    doubt = np.abs(probe.probabilities(features) - 0.5)
    assert not read[asked].any()
    assert len(set(asked)) == 7
    assert doubt[asked[0]] == doubt[50:].min()
    assert doubt[asked].max() <= np.sort(doubt[50:])[SPARE * 7]


def test_of_images_much_alike_one_is_enough_for_a_batch():
    random = np.random.default_rng(0)
    features = random.standard_normal((40, 5)).astype(np.float32)
    features[:, 0] = np.linspace(0.01, 1, 40)  # the order of doubt
    features[1] = features[0] + 1e-4
    probe = Probe(np.array([1, 0, 0, 0, 0], np.float32), 0.0, (5, 5))
    asked = next_to_read(features, np.zeros(40, int), np.zeros(40, bool), probe, batch=5)
    assert asked[0] == 0
    assert 1 not in asked
    assert len(asked) == 5


def test_with_one_kind_of_answer_the_search_goes_far_from_what_was_read():
    rows = np.concatenate([np.zeros((50, 4)), np.ones((3, 4))]) + np.random.default_rng(0).normal(0, 0.01, (53, 4))
    rows = np.column_stack([rows, np.ones(53)])  # directions differ
    features = prepare(rows.astype(np.float32))
    read = np.arange(53) < 10
    probe = fit_probe(features, np.flatnonzero(read), np.zeros(10, bool))
    asked = next_to_read(features, np.zeros(53, int), read, probe, batch=2)
    assert asked[0] >= 50
    assert len(set(asked)) == 2


def test_nothing_is_queued_when_everything_was_read(groups):
    features, truth = groups
    probe = fit_probe(features, np.arange(400), truth)
    assert len(next_to_read(features, np.zeros(400, int), np.ones(400, bool), probe, 5)) == 0
    assert len(next_to_read(features, np.zeros(400, int), np.ones(400, bool), None, 5)) == 0


def test_probabilities_are_float32_within_bounds():
    probe = Probe(np.array([1e6], np.float32), 0.0, (3, 3))
    values = probe.probabilities(np.array([[1.0], [-1.0], [0.0]], np.float32))
    assert values.dtype == np.float32
    assert ((values >= 0) & (values <= 1)).all()
