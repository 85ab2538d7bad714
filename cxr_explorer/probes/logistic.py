"""Logistic regression for few rows and many columns, exact and without a dependency that has to be loaded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sigmoid(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Log odds to probabilities, kept off 0 and 1 so that their logarithms are finite."""
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))))


def fit_logistic(
    seen: NDArray[np.float64],
    truth: NDArray[np.float64],
    freedom: float,
    start: tuple[NDArray[np.float64], float] | None = None,
    steps: int = 30,
    counts: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Weights (F,) and bias that minimise |weights|^2 / 2 + freedom * weighted sum of log losses, by Newton's method.

    Args:
        seen: (n, F).
        truth: (n,) 0 or 1.
        freedom: Inverse of the ridge penalty's weight: the C of scikit-learn's LogisticRegression.
        start: Weights and bias near the solution: those of nearly the same rows.
        steps: Newton steps at most. Two from a near start are as good as all.
        counts: (n,) how much each row counts, above 0; None for 1 each.
    """
    basis: NDArray[np.float64] | None = None
    if len(seen) < seen.shape[1]:  # the solution lies in the span of the rows: n unknowns instead of F
        basis, triangle = np.linalg.qr(seen.T)  # (F, n), (n, n)
        seen = triangle.T
    design = np.column_stack([seen, np.ones(len(seen))])
    penalty = np.ones(design.shape[1])
    penalty[-1] = 1e-3  # as good as none, and defined where the answers can be told apart perfectly
    solution = np.zeros(design.shape[1])
    if start is not None:
        solution[:-1] = start[0] if basis is None else start[0] @ basis
        solution[-1] = start[1]
    loss = np.asarray(freedom if counts is None else freedom * counts, np.float64)
    for _ in range(steps):
        probability = sigmoid(design @ solution)
        gradient = design.T @ (loss * (probability - truth)) + penalty * solution
        curvature = (design * (loss * probability * (1 - probability))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        solution -= step * min(1.0, 20 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(design @ step).max() < 1e-3:  # log odds that nobody could tell apart
            break
    weights = solution[:-1] if basis is None else basis @ solution[:-1]
    return weights, float(solution[-1])
