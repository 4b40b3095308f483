"""Proper scores, probability integral transforms and coverage of predictive draws."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest, norm

Array = NDArray[np.float64]

LEAST_CRPS = 1e-3
"""Scores below this count as this, so that a certain and right prediction has a logarithm."""
UNIFORM_SHARE = 0.01
"""Share of a uniform distribution mixed into the predictive counts, so that none is impossible."""


def crps(draws: Array, observed: float) -> float:
    """Continuous ranked probability score from draws: E|X - y| - E|X - X'| / 2, both pairs without repeats.

    The fair estimator of Ferro 2014 (doi:10.1002/qj.2270, eq. 4), unbiased for any number of draws.
    """
    x = np.sort(np.asarray(draws, dtype=np.float64))
    m = len(x)
    first = float(np.mean(np.abs(x - observed)))
    if m < 2:
        return first
    weight = 2.0 * np.arange(1, m + 1) - m - 1.0
    return first - float(weight @ x) / (m * (m - 1.0))


def log_score(draws: Array, count: int, n: int) -> float:
    """Log predictive probability of a count from draws of counts, by a discretised normal kernel.

    The bandwidth is Silverman's, at least half a patient; the kernel is renormalised within 0 to n.
    """
    x = np.clip(np.asarray(draws, dtype=np.float64), 0.0, n)
    width = max(0.5, 1.06 * float(x.std()) * len(x) ** -0.2)
    inside = norm.cdf((n + 0.5 - x) / width) - norm.cdf((-0.5 - x) / width)
    mass = norm.cdf((count + 0.5 - x) / width) - norm.cdf((count - 0.5 - x) / width)
    kernel = float(np.mean(mass / inside))
    return math.log((1.0 - UNIFORM_SHARE) * kernel + UNIFORM_SHARE / (n + 1.0))


def pit(draws: Array, observed: float) -> float:
    """Mid probability integral transform: P(X < y) + P(X = y) / 2, kept off 0 and 1 by half a draw."""
    x = np.asarray(draws, dtype=np.float64)
    close = np.isclose(x, observed, rtol=0.0, atol=1e-9)
    value = float(np.mean((x < observed) & ~close) + 0.5 * np.mean(close))
    least = 0.5 / (len(x) + 1.0)
    return min(max(value, least), 1.0 - least)


def inside(draws: Array, observed: float, share: float) -> bool:
    """Whether the central interval of a share of the draws has the observed value, ends included."""
    low, high = np.quantile(draws, [(1 - share) / 2, (1 + share) / 2])
    return bool(low - 1e-9 <= observed <= high + 1e-9)


def pit_p(values: Sequence[float], studies: Sequence[str], seed: int = 1, repeats: int = 499) -> float | None:
    """Median p of Kolmogorov-Smirnov tests of one number a study, drawn at random; None below four studies.

    Numbers of one study share its deviation, so that a test of all of them would reject too often.
    """
    names = sorted(set(studies))
    if len(names) < 4:
        return None
    generator = np.random.default_rng(seed)
    groups = [np.array([v for v, s in zip(values, studies, strict=True) if s == name]) for name in names]
    found = [kstest([generator.choice(group) for group in groups], "uniform").pvalue for _ in range(repeats)]
    return float(np.median(found))


def cluster_interval(
    values: Sequence[float], studies: Sequence[str], seed: int = 1, repeats: int = 2000, level: float = 0.95
) -> tuple[float, float, float] | None:
    """(mean, low, high) of numbers, the interval by drawing studies with replacement; None without numbers.

    With a single study there is nothing to draw from: low and high are then NaN.
    """
    if not len(values):
        return None
    names = sorted(set(studies))
    total = np.array([sum(v for v, s in zip(values, studies, strict=True) if s == name) for name in names])
    size = np.array([sum(s == name for s in studies) for name in names], dtype=np.float64)
    mean = float(total.sum() / size.sum())
    if len(names) < 2:
        return mean, math.nan, math.nan
    pick = np.random.default_rng(seed).integers(0, len(names), size=(repeats, len(names)))
    drawn = total[pick].sum(axis=1) / size[pick].sum(axis=1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return mean, float(low), float(high)
