"""Suspect labels: the confident joint by its definition, folds by patient, and planted errors that are found."""

import numpy as np
import pytest

from cxr_explorer.probes.features import prepare
from cxr_explorer.probes.suspects import FOLDS, doubts, fold_of, unseen_probabilities


def by_the_definition(probabilities, present):
    """The confident joint and what is off its diagonal, image by image, as the paper has it."""
    chances = [(1 - float(p), float(p)) for p in probabilities]
    labels = [int(value) for value in present]
    thresholds = []
    for kind in (0, 1):
        own = [both[kind] for both, label in zip(chances, labels, strict=True) if label == kind]
        thresholds.append(sum(own) / len(own))
    joint, off = [[0, 0], [0, 0]], []
    for both, label in zip(chances, labels, strict=True):
        sure = [kind for kind in (0, 1) if both[kind] >= thresholds[kind]]
        if sure:
            kind = max(sure, key=lambda one: both[one])
            joint[label][kind] += 1
        off.append(bool(sure) and kind != label)
    return joint, off


def planted(count=600, share=0.1, apart=3.0, seed=0, prevalence=0.4):
    """Images in two groups, labels of which a share was turned over, and which."""
    random = np.random.default_rng(seed)
    truth = random.random(count) < prevalence
    rows = random.standard_normal((count, 16)).astype(np.float32)
    rows[:, 0] += apart * truth
    wrong = random.random(count) < share
    return prepare(rows), truth ^ wrong, wrong, random.integers(0, count // 3, count)


def test_the_joint_of_a_small_example() -> None:
    # Thresholds: of absent the mean of .9, .8, .3, .6 = .65, of present the mean of .9, .7, .2 = .6.
    probabilities = np.array([0.1, 0.2, 0.7, 0.4, 0.9, 0.7, 0.2], np.float32)
    present = np.array([False, False, False, False, True, True, True])
    found = doubts(probabilities, present)
    assert found.joint.tolist() == [[2, 1], [1, 2]]  # the one of .4 is surely neither
    assert found.doubted.tolist() == [False, False, True, False, False, False, True]
    assert found.order.tolist() == [6, 2]  # its label has .2, the other one's .3
    assert found.expected_wrong((4, 3)) == pytest.approx((4 / 3, 1.0))


def test_where_both_are_sure_the_likelier_counts() -> None:
    # Thresholds .4 and .4: .55 is above both.
    probabilities = np.array([0.65, 0.55, 0.25, 0.75, 0.05], np.float32)
    present = np.array([False, False, False, True, True])
    found = doubts(probabilities, present)
    joint, off = by_the_definition(probabilities, present)
    assert found.joint.tolist() == joint
    assert found.doubted.tolist() == off


@pytest.mark.parametrize("seed", range(20))
def test_the_joint_is_that_of_plain_loops(seed) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.beta(0.6, random.uniform(0.5, 4), 200).astype(np.float32)
    present = random.random(200) < probabilities
    present[:2] = True, False
    found = doubts(probabilities, present)
    joint, off = by_the_definition(probabilities, present)
    assert found.joint.tolist() == joint
    assert found.doubted.tolist() == off
    assert sorted(found.order.tolist()) == np.flatnonzero(off).tolist()
    confidence = np.where(present, probabilities, 1 - probabilities)[found.order]
    assert (np.diff(confidence) >= 0).all()


def test_turning_all_labels_and_probabilities_over_doubts_the_same() -> None:
    random = np.random.default_rng(3)
    probabilities = random.random(150)
    present = random.random(150) < 0.3
    one, other = doubts(probabilities, present), doubts(1 - probabilities, ~present)
    assert one.doubted.tolist() == other.doubted.tolist()
    assert one.joint.tolist() == other.joint[::-1, ::-1].tolist()


def test_labels_that_go_with_their_probabilities_are_not_doubted() -> None:
    present = np.array([True] * 5 + [False] * 5)
    found = doubts(np.where(present, 0.9, 0.1).astype(np.float32), present)
    assert not found.doubted.any()
    assert found.expected_wrong((5, 5)) == (0.0, 0.0)


def test_an_image_that_is_as_likely_one_as_the_other_keeps_its_label() -> None:
    present = np.array([True, True, False, False])
    assert not doubts(np.full(4, 0.5, np.float32), present).doubted.any()


@pytest.mark.parametrize("value", [True, False])
def test_labels_of_one_kind_cannot_be_put_to_each_other(value) -> None:
    with pytest.raises(ValueError, match="one kind"):
        doubts(np.full(9, 0.4, np.float32), np.full(9, value))


def test_a_patients_images_are_in_one_fold_and_every_fold_has_both_labels() -> None:
    random = np.random.default_rng(0)
    patients = random.integers(0, 80, 400)
    present = random.random(400) < 0.1
    fold = fold_of(present, patients)
    assert fold is not None
    assert all(len(set(fold[patients == each])) == 1 for each in np.unique(patients))
    assert all(present[fold == each].any() and not present[fold == each].all() for each in range(FOLDS))


def test_a_label_of_too_few_patients_has_no_folds() -> None:
    patients = np.arange(100)
    present = np.arange(100) < 30
    assert fold_of(present, patients) is not None
    assert fold_of(present, np.where(present, patients % (FOLDS - 1), patients)) is None
    assert fold_of(np.zeros(0, np.bool_), np.zeros(0, np.int64)) is None
    assert fold_of(np.ones(50, np.bool_), np.arange(50)) is None


def test_no_probe_has_seen_the_patient_it_judges() -> None:
    features, labels, _, patients = planted(300, share=0.0)
    fold = fold_of(labels, patients)
    assert fold is not None
    rows = np.arange(len(labels))
    before = unseen_probabilities(features, rows, labels, fold)
    turned = labels.copy()
    turned[fold == 2] = ~turned[fold == 2]
    after = unseen_probabilities(features, rows, turned, fold)
    np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert (before[fold != 2] != after[fold != 2]).any()


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_planted_errors_are_found(share) -> None:
    features, labels, wrong, patients = planted(share=share, apart=5.0)
    fold = fold_of(labels, patients)
    assert fold is not None
    found = doubts(unseen_probabilities(features, np.arange(len(labels)), labels, fold), labels)
    assert wrong[found.order].mean() > 0.8
    assert found.doubted[wrong].mean() > 0.7
    assert wrong[found.order[:20]].mean() > 0.9  # the most suspect first
    expected = sum(found.expected_wrong((int((~labels).sum()), int(labels.sum()))))
    assert expected == pytest.approx(wrong.sum(), rel=0.5)


def test_the_same_labels_are_doubted_every_time() -> None:
    features, labels, _, patients = planted()
    orders = []
    for _ in range(2):
        fold = fold_of(labels, patients)
        assert fold is not None
        orders.append(doubts(unseen_probabilities(features, np.arange(len(labels)), labels, fold), labels).order)
    np.testing.assert_array_equal(*orders)
