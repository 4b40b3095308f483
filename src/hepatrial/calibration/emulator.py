"""A stand-in for the simulator: quadratic in the free numbers, linear in the others, ridge by
cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PRIOR_SD = {"linear": 1.0, "square": 0.35, "product": 0.25, "other": 0.5}
"""Relative prior SD of the coefficients; their common scale is chosen for each summary."""
RIDGES = 10.0 ** np.arange(-4.0, 3.01, 0.5)


@dataclass(frozen=True)
class Emulator:
    """Summaries as a function of steps.

    Attributes:
        coefficients: (n_features, n_summaries), of scaled features.
        residual: (n_summaries,) leave-one-out root mean square error.
        explained: (n_summaries,) share of the variance of the design that it explains when left out.
        free: number of free steps; the rest of the columns are others.
    """

    coefficients: Array
    residual: Array
    explained: Array
    free: int

    def __call__(self, free: Array, others: Array) -> Array:
        """(n, n_summaries) at (n, p) free steps and (n, q) other steps; those beyond q are at 0."""
        known = features(free, others)
        out: Array = known @ self.coefficients[: known.shape[1]]
        return out


def features(free: Array, others: Array) -> Array:
    """(n, 1 + 2 p + p (p - 1) / 2 + q) scaled features: constant, free, squares, products, others."""
    p = free.shape[1]
    i, j = np.triu_indices(p, k=1)
    return np.concatenate(
        [
            np.full((len(free), 1), 3.0),
            PRIOR_SD["linear"] * free,
            PRIOR_SD["square"] * (free**2 - 1.0) / np.sqrt(2.0),
            PRIOR_SD["product"] * free[:, i] * free[:, j],
            PRIOR_SD["other"] * others,
        ],
        axis=1,
    )


def hold(summaries: Array) -> Array:
    """Summaries with outliers drawn in, so that a liver that collapses does not bend the surface of all
    others.

    A value may lie one and a half times the distance from the 5th to the 95th percentile beyond those.
    """
    low, high = np.quantile(summaries, [0.05, 0.95], axis=0)
    return np.clip(summaries, low - 1.5 * (high - low), high + 1.5 * (high - low))


def fit_emulator(free: Array, others: Array, summaries: Array) -> Emulator:
    """Ridge regression with a strength of its own for each summary, by leave-one-out error.

    The ridge solution in kernel form needs one eigendecomposition for all summaries and strengths; its
    leave-one-out residual is e_i / (1 - h_ii) (Golub, Heath and Wahba 1979, section 2).

    Args:
        free: (n, p) steps of the free numbers.
        others: (n, q) steps of the others.
        summaries: (n, m) simulated, on their transformed scales.
    """
    design, held = features(free, others), hold(summaries)
    centre, scale = held.mean(axis=0), held.std(axis=0) + 1e-12
    y = (held - centre) / scale
    kernel = design @ design.T
    values, vectors = np.linalg.eigh(kernel)
    values = np.maximum(values, 0.0)
    size = values.mean()
    rotated = vectors.T @ y
    best = np.full(y.shape[1], np.inf)
    dual = np.zeros_like(y)
    for ridge in RIDGES * size:
        shrunk = 1.0 / (values + ridge)
        alpha = vectors @ (shrunk[:, None] * rotated)
        left = 1.0 - (vectors**2) @ (values * shrunk)
        error = np.mean((ridge * alpha / left[:, None]) ** 2, axis=0)
        better = error < best
        dual[:, better], best[better] = alpha[:, better], error[better]
    coefficients = design.T @ dual * scale
    coefficients[0] += centre / 3.0
    return Emulator(coefficients, np.sqrt(best) * scale, 1.0 - best, free.shape[1])
