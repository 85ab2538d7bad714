"""From embeddings to the features a probe of few answers needs.

All that is known without the reader is used: features follow the encoder's own geometry, every image is also described
by the mean of its neighbours (which fits the answers to the groups that images form by themselves), and a smooth kernel
lets the boundary bend. Whitening, which helps where labels are many, more than doubles the looks and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

COMPONENTS = 128
"""Principal components of the embeddings that features are made from."""

NEIGHBOURS = 15
"""Nearest images whose mean describes an image beside its own embedding; 5 to 30 do as well."""

LANDMARKS = 1000
"""Images at which the kernel is evaluated exactly (Nyström; Williams and Seeger 2001)."""

KERNEL_COMPONENTS = 256
"""Features a kernel; there are two, of the image and of its neighbourhood."""

KERNEL_SCALE = 0.5
"""Kernel exp(-KERNEL_SCALE * squared distance / its median)."""

PART = 8192
"""Rows in work at once, so that little is in memory beside the embeddings and the features."""


def prepare(
    embeddings: NDArray[np.floating] | Sequence[NDArray[np.floating]],
    neighbours: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> Floats:
    """The features that a probe sees, once for a map: (N, F) float32, F <= 2 * KERNEL_COMPONENTS.

    Args:
        embeddings: (N, D), finite; or several of the same images by several encoders, which then count alike.
        neighbours: (N, k) the nearest images of each, by any sensible measure, as `atlas.neighbours` gives them. None
            finds them here, in the principal components (100,000 images: about a minute on two cores).
        seed: Draws the landmarks. Same seed and input, same features.
    """
    blocks = [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)
    directions = [_centred_directions(block) for block in blocks]
    components = _principal(np.concatenate(directions, axis=1) if len(directions) > 1 else directions[0])  # (N, d)
    del directions  # as much memory as the embeddings
    if len(components) < 2:
        return np.zeros((len(components), 1), dtype=np.float32)
    if neighbours is None:
        from cxr_explorer.atlas.neighbours import find_neighbours

        neighbours = find_neighbours(components, NEIGHBOURS + 1).indices
    around = np.zeros_like(components)
    near = neighbours[:, : NEIGHBOURS + 1]
    for column in near.T:  # (N, k, d) at once would be gigabytes
        around += components[column]
    around = (around / near.shape[1] + components) / 2
    random = np.random.default_rng(seed)
    landmarks = random.permutation(len(components))[:LANDMARKS]
    return np.concatenate([_kernel(_spread_out(rows), landmarks) for rows in (components, around)], axis=1)


def squared_distances(a: Floats, b: Floats) -> Floats:
    """(n, m) float32 squared Euclidean distances of rows (n, d) and (m, d)."""
    apart = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)
    return np.asarray(np.maximum(apart, 0), dtype=np.float32)


def _centred_directions(rows: NDArray[np.floating]) -> Floats:
    """Rows at length 1, centred, with mean squared length 1: encoders of any scale count alike."""
    directions = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return _spread_out(directions.astype(np.float32, copy=False))


def _spread_out(rows: Floats) -> Floats:
    """The same array, whose rows are centred and have mean squared length 1 from now on."""
    if len(rows):
        rows -= rows.mean(axis=0)
    parts = range(0, len(rows), PART)
    lengths = [(rows[start : start + PART] ** 2).sum(axis=1) for start in parts]  # squared
    spread = float(np.sqrt(np.concatenate(lengths).mean())) if len(rows) else 1.0
    rows /= max(spread, 1e-12)
    return rows


def _principal(rows: Floats) -> Floats:
    """The first principal components of centred rows, (N, min(COMPONENTS, D, N)), not whitened."""
    kept = min(COMPONENTS, *rows.shape)
    if kept == 0:
        return np.zeros((len(rows), 1), dtype=np.float32)
    if rows.shape[0] < rows.shape[1]:
        left, values, _ = np.linalg.svd(rows, full_matrices=False)
        return np.asarray(left[:, :kept] * values[:kept], dtype=np.float32)
    _, vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64))  # ascending eigenvalues
    return np.asarray(rows @ vectors[:, ::-1][:, :kept].astype(np.float32), dtype=np.float32)


def _kernel(rows: Floats, landmarks: Rows) -> Floats:
    """Features whose products approximate the kernel, centred: (N, min(KERNEL_COMPONENTS, landmarks))."""
    marks = rows[landmarks]  # (m, d)
    apart = squared_distances(marks, marks).astype(np.float64)
    between = apart[np.triu_indices(len(marks), 1)]
    median = float(np.median(between)) if len(between) else 1.0
    scale = KERNEL_SCALE / max(median, 1e-12)
    values, vectors = np.linalg.eigh(np.exp(-scale * apart))  # ascending
    kept = np.flatnonzero(values > 1e-6 * values[-1])[::-1][:KERNEL_COMPONENTS]
    basis = (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)  # (m, F)
    out = np.empty((len(rows), len(kept)), dtype=np.float32)
    for start in range(0, len(rows), PART):
        part = rows[start : start + PART]
        out[start : start + PART] = np.exp(np.float32(-scale) * squared_distances(part, marks)) @ basis
    out -= out.mean(axis=0)
    return out
