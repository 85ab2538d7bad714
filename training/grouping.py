"""How far clusters follow what readers look for, and how far view, sex and age instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_explorer.atlas.build import BuiltMap, MapParameters, build_map

GROUPS = (14, 50, 200)
"""Clusters that k-means is asked for."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How a clustering agrees with classes.

    Attributes:
        accuracy: Best share right when every cluster stands for one class at most and every class for one cluster.
        one_cluster: The same for a single cluster: the share of the largest class. Also the baseline of purity.
        nmi: Normalised mutual information.
        ami: The same above what chance gives (adjusted).
        ari: Adjusted Rand index.
        purity: Share right when every cluster stands for its most frequent class; tends to 1 as clusters multiply.
    """

    accuracy: float
    one_cluster: float
    nmi: float
    ami: float
    ari: float
    purity: float


def clusterings(vectors: NDArray[np.float32], seed: int = 0) -> dict[str, Numbers]:
    """Name to (N,) clusters: the program's own map, and k-means with GROUPS clusters where there are enough images."""
    found: dict[str, Numbers] = {}
    for step in build_map(vectors, MapParameters(), "cpu"):
        if isinstance(step, BuiltMap):
            found["HDBSCAN on the map"] = step.labels.astype(np.int64)
    from sklearn.cluster import KMeans

    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    for count in GROUPS:
        if count < len(rows):
            model = KMeans(count, n_init=3, random_state=seed).fit(rows)
            found[f"k-means, {count}"] = model.labels_.astype(np.int64)
    return found


def agreement(clusters: Numbers, classes: Numbers) -> Agreement:
    """Compares (N,) clusters, noise as a cluster of its own, with (N,) classes; images of class -1 are left out."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

    known = classes >= 0
    clusters, classes = clusters[known], classes[known]
    _, row = np.unique(clusters, return_inverse=True)
    _, column = np.unique(classes, return_inverse=True)
    table = np.zeros((row.max() + 1, column.max() + 1), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    matched = linear_sum_assignment(table, maximize=True)
    return Agreement(
        accuracy=float(table[matched].sum() / len(classes)),
        one_cluster=float(table.sum(axis=0).max() / len(classes)),
        nmi=float(normalized_mutual_info_score(classes, clusters)),
        ami=float(adjusted_mutual_info_score(classes, clusters)),
        ari=float(adjusted_rand_score(classes, clusters)),
        purity=float(table.max(axis=1).sum() / len(classes)),
    )
