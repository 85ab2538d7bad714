"""Clusters: numbering, small inputs, the cut of the tree, typicality."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_explorer.atlas.clusters import (
    ClusterParameters,
    CondensedTree,
    by_size,
    cut,
    default_min_cluster_size,
    find_clusters,
    tree_nodes,
    typicality,
    without_small,
)


def clumps(*sizes: int, spread: float = 0.3) -> NDArray[np.float32]:
    """Clumps of these sizes in a row, 10 apart."""
    random = np.random.default_rng(0)
    parts = [random.normal(size=(size, 2)) * spread + [10 * i, 0] for i, size in enumerate(sizes)]
    return np.concatenate(parts).astype(np.float32)


def test_clumps_become_clusters_numbered_by_size() -> None:
    found = find_clusters(clumps(30, 80, 50), ClusterParameters(min_samples=5))
    for part, label in zip(np.split(found.labels, [30, 110]), (2, 0, 1), strict=True):
        assert set(part.tolist()) <= {label, -1}
        assert (part == label).mean() > 0.8
    for values, dtype in ((found.labels, np.int32), (found.strength, np.float32), (found.outlier, np.float32)):
        assert values.shape == (160,)
        assert values.dtype == dtype
    for values in (found.strength, found.outlier):
        assert values.min() >= 0
        assert values.max() <= 1
    assert (found.strength[found.labels < 0] == 0).all()
    assert found.strength[found.labels >= 0].max() == 1


def test_a_far_point_is_noise_and_an_outlier() -> None:
    xy = np.concatenate([clumps(60, 60), [[5, 30]]]).astype(np.float32)
    found = find_clusters(xy, ClusterParameters())
    assert found.labels[-1] == -1
    assert found.outlier[-1] == found.outlier.max()


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11])
def test_too_few_images_are_one_cluster(count: int) -> None:
    found = find_clusters(np.random.default_rng(0).normal(size=(count, 2)), ClusterParameters())
    np.testing.assert_array_equal(found.labels, np.zeros(count))
    np.testing.assert_array_equal(found.strength, np.ones(count))
    assert found.outlier.shape == (count,)


def test_two_images_may_be_a_cluster() -> None:
    found = find_clusters(np.array([[0, 0], [0.1, 0], [9, 9], [9.1, 9]]), ClusterParameters(2, 1))
    assert found.labels.tolist() == [0, 0, 1, 1]


def test_coinciding_points_do_no_harm() -> None:
    found = find_clusters(np.zeros((40, 2)), ClusterParameters())
    assert (found.labels == 0).all()
    doubled = np.repeat(clumps(20, 20), 3, axis=0)
    found = find_clusters(doubled, ClusterParameters())
    for values in (found.strength, found.outlier, found.tree.density):
        assert np.isfinite(values).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_cut_without_a_limit_is_the_one_of_hdbscan(seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = [random.normal(size=(n, 2)) * s + 5 * random.normal(size=2) for n, s in ((150, 1), (80, 0.3), (300, 2))]
    xy = np.concatenate(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan

        expected = hdbscan.HDBSCAN(min_cluster_size=12, min_samples=5).fit(xy)
    found = find_clusters(xy, ClusterParameters(12, 5, largest_share=1.0))
    np.testing.assert_array_equal(found.labels, by_size(expected.labels_))
    np.testing.assert_allclose(found.strength, expected.probabilities_, atol=1e-6)
    np.testing.assert_allclose(found.outlier, expected.outlier_scores_, atol=1e-6)


@pytest.mark.parametrize("smallest", [12, 30, 60])
def test_a_tree_without_its_small_clusters_is_the_one_hdbscan_finds(smallest: int) -> None:
    random = np.random.default_rng(smallest)
    xy = np.concatenate([random.normal(size=(120, 2)) * s + 6 * random.normal(size=2) for s in (0.3, 0.5, 1, 1, 2)])
    found = find_clusters(xy, ClusterParameters(12, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan

        expected = hdbscan.HDBSCAN(min_cluster_size=smallest, min_samples=5).fit(xy).condensed_tree_.to_numpy()
    tree, same = without_small(found.tree, 600, smallest)
    nodes, wanted = tree_nodes(tree, 600), tree_nodes(_as_tree(expected), 600)
    assert sorted(nodes.size.tolist()) == sorted(wanted.size.tolist())
    np.testing.assert_array_equal(nodes.size[nodes.home], wanted.size[wanted.home])
    assert len(tree.child) == len(expected)
    left, wanted_left = np.zeros(600), np.zeros(600)
    left[tree.child[tree.child < 600]] = tree.density[tree.child < 600]
    wanted_left[expected["child"][expected["child"] < 600]] = expected["lambda_val"][expected["child"] < 600]
    np.testing.assert_allclose(left, wanted_left, rtol=1e-5)
    np.testing.assert_array_equal(tree_nodes(found.tree, 600).size[same], nodes.size)


def _as_tree(raw: NDArray[np.void]) -> CondensedTree:
    names = ("parent", "child", "lambda_val", "child_size")
    return CondensedTree(*(raw[name] for name in names))


def test_a_cluster_over_the_limit_is_divided_only_where_it_can_be() -> None:
    random = np.random.default_rng(1)
    whole = random.normal(size=(400, 2)) * 0.2  # no clusters within
    pair = [clumps(100, 100)[:, :2] * 0.15 + [30, 0]]  # close to each other, far from `whole`
    xy = np.concatenate([whole, *pair])
    free = find_clusters(xy, ClusterParameters(50, 5, largest_share=1.0))
    limited = find_clusters(xy, ClusterParameters(50, 5, largest_share=0.3))
    assert np.bincount(free.labels[free.labels >= 0]).max() >= 300
    assert (limited.labels[:400] >= 0).mean() > 0.5
    labels, _ = cut(without_small(limited.tree, 600, 50)[0], 600, 150)
    assert set(np.unique(labels[400:][labels[400:] >= 0])).isdisjoint(labels[:400])


def test_numbering_breaks_ties_by_the_first_image_and_leaves_noise() -> None:
    assert by_size(np.array([7, -1, 3, 3, 7, 5, 5, 5])).tolist() == [1, -1, 2, 2, 1, 0, 0, 0]
    assert by_size(np.zeros(0, dtype=np.int64)).tolist() == []


def test_the_default_grows_with_the_number_of_images() -> None:
    assert [default_min_cluster_size(count) for count in (0, 100, 3000, 112_120)] == [10, 10, 20, 747]


def test_typicality_is_the_cosine_to_the_own_cluster() -> None:
    embeddings = np.array([[2, 0], [0, 1], [5, 0], [0, -1], [1, 1]], dtype=np.float32)
    values = typicality(embeddings, np.array([0, 0, 1, 1, -1]))
    half = 0.5**0.5
    whole = np.array([2 + half, half]) / np.hypot(2 + half, half)
    np.testing.assert_allclose(values, [half, half, half, half, whole @ [half, half]], atol=1e-6)
    assert values.dtype == np.float32
    assert typicality(embeddings[:0], np.zeros(0, dtype=np.int32)).shape == (0,)
