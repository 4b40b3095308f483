"""Variance-based indices on the unit cube, with failed evaluations.

First order by Saltelli 2010 (doi:10.1016/j.cpc.2009.09.018, table 2 b), total by Jansen (table 2 f there).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Array = NDArray[np.float64]

BOOTSTRAP = 1_000


@dataclass(frozen=True)
class Indices:
    """Indices of k factors for one output.

    Attributes:
        first, total: (k,) share of the variance by the factor alone, and with all its interactions.
        first_low, first_high, total_low, total_high: (k,) 95 % bootstrap intervals over the points.
        variance: of the output.
        used: (k,) points of which all evaluations gave a value.
    """

    first: Array
    total: Array
    first_low: Array
    first_high: Array
    total_low: Array
    total_high: Array
    variance: float
    used: NDArray[np.int64]


def design(factors: int, points: int, seed: int) -> Array:
    """(points, factors + 2, factors): A, B and A with one column of B, from a scrambled Sobol sequence."""
    base = qmc.Sobol(2 * factors, scramble=True, seed=np.random.default_rng(seed)).random(points)
    a, b = base[:, :factors], base[:, factors:]
    made = np.repeat(a[:, None, :], factors + 2, axis=1)
    made[:, 1] = b
    for factor in range(factors):
        made[:, 2 + factor, factor] = b[:, factor]
    return made


def indices(values: Array, seed: int = 0) -> Indices:
    """Indices from the values at the points of ``design``.

    Args:
        values: (n, k + 2), NaN for what failed; a point is left out for a factor when one of its three
            evaluations failed.
        seed: of the bootstrap.
    """
    n, k = values.shape[0], values.shape[1] - 2
    first, total, variance, used = _estimate(values)
    picked = np.random.default_rng(seed).integers(0, n, (BOOTSTRAP, n))
    again = np.array([_estimate(values[rows])[:2] for rows in picked])
    ends = np.full((2, 2, k), np.nan)
    for which in range(2):
        for factor in range(k):
            known = again[np.isfinite(again[:, which, factor]), which, factor]
            if len(known):
                ends[which, :, factor] = np.percentile(known, (2.5, 97.5))
    return Indices(first, total, ends[0, 0], ends[0, 1], ends[1, 0], ends[1, 1], variance, used)


def _estimate(values: Array) -> tuple[Array, Array, float, NDArray[np.int64]]:
    a, b, mixed = values[:, :1], values[:, 1:2], values[:, 2:]
    both = values[:, :2]
    known = both[np.isfinite(both)]
    variance = float(known.var()) if len(known) > 1 else float("nan")
    if not variance > 0:
        nothing = np.full(mixed.shape[1], np.nan)
        return nothing, nothing, variance, np.isfinite(mixed).sum(axis=0)
    centre = known.mean()
    usable = np.isfinite(a) & np.isfinite(b) & np.isfinite(mixed)
    count = usable.sum(axis=0)
    product = np.where(usable, (b - centre) * (mixed - a), 0.0).sum(axis=0)
    square = np.where(usable, (a - mixed) ** 2, 0.0).sum(axis=0)
    nothing = np.full(mixed.shape[1], np.nan)
    first = np.divide(product, count * variance, out=nothing.copy(), where=count > 0)
    total = np.divide(square, 2 * count * variance, out=nothing.copy(), where=count > 0)
    return first, total, variance, count
