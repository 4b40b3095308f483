"""Elementary effects (Morris 1991, Technometrics 33:161) on the unit cube, with failed evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVELS = 4
STEP = LEVELS / (2 * (LEVELS - 1))
"""Change of one factor; every level is then equally likely (Morris 1991, section 3)."""
BOOTSTRAP = 1_000


@dataclass(frozen=True)
class Effects:
    """Elementary effects of k factors on one output.

    Attributes:
        mu_star: (k,) mean absolute effect over the whole range (Campolongo 2007); NaN without an effect.
        low, high: (k,) 95 % bootstrap interval over trajectories.
        mu, sigma: (k,) mean and SD; a large SD says interaction or curvature.
        used: (k,) effects that both ends of gave a value.
    """

    mu_star: Array
    low: Array
    high: Array
    mu: Array
    sigma: Array
    used: NDArray[np.int64]


def trajectories(factors: int, number: int, seed: int) -> Array:
    """(number, factors + 1, factors) points: from one to the next a single factor changes by ``STEP``."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, LEVELS // 2, (number, 1, factors)) / (LEVELS - 1)
    up = rng.random((number, 1, factors)) < 0.5
    rank = np.argsort(np.argsort(rng.random((number, factors)), axis=1), axis=1)
    moved = np.arange(factors + 1)[None, :, None] > rank[:, None, :]
    return np.asarray(low + STEP * (moved == up))


def elementary_effects(points: Array, values: Array, seed: int = 0) -> Effects:
    """Effects from the values at the points.

    Args:
        points: (r, k + 1, k) of ``trajectories``.
        values: (r, k + 1), NaN for what failed.
        seed: of the bootstrap.
    """
    r, _, k = points.shape
    change = np.diff(points, axis=1)
    factor = np.abs(change).argmax(axis=2)
    size = np.take_along_axis(change, factor[:, :, None], axis=2)[:, :, 0]
    effect = np.full((r, k), np.nan)
    np.put_along_axis(effect, factor, np.diff(values, axis=1) / size, axis=1)
    picked = np.random.default_rng(seed).integers(0, r, (BOOTSTRAP, r))
    again = _mean(np.abs(effect)[picked], axis=1)
    low, high = _quantiles(again)
    sigma = np.sqrt(_mean((effect - _mean(effect)) ** 2) * r / max(r - 1, 1))
    return Effects(_mean(np.abs(effect)), low, high, _mean(effect), sigma, np.isfinite(effect).sum(axis=0))


def _mean(values: Array, axis: int = 0) -> Array:
    known = np.isfinite(values)
    n = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0))


def _quantiles(values: Array) -> tuple[Array, Array]:
    """2.5 and 97.5 percentiles of each column, without what is no number."""
    ends = np.full((2, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = values[np.isfinite(values[:, column]), column]
        if len(known):
            ends[:, column] = np.percentile(known, (2.5, 97.5))
    return ends[0], ends[1]
