"""MaxCombo: the largest of several Fleming-Harrington statistics, with its joint normal p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.special import ndtr

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.logrank import fleming_harrington
from hepatrial.analysis.replicates import two_arm_sets
from hepatrial.analysis.result import Inference
from hepatrial.analysis.risk_sets import RiskSets, risk_sets
from hepatrial.errors import Problem

WEIGHTS: tuple[tuple[float, float], ...] = ((0, 0), (0, 1), (1, 0), (1, 1))
"""The usual four (rho, gamma): all along, late, early and middle differences."""
ALTERNATIVES = ("two-sided", "less", "greater")

_DEPENDENT = 1e-8
"""A statistic whose variance given the earlier ones is below this is a combination of them."""
_FAR = 9.0
"""Normal mass beyond this many standard deviations (1e-19) is left out."""
_CHUNK = 2_000_000


@dataclass(frozen=True)
class MaxCombo:
    """A MaxCombo test of two groups.

    Attributes:
        groups: the two groups; negative z = fewer events than expected in the first.
        weights: (rho, gamma) of each statistic.
        z: (k,) the statistics.
        correlation: (k, k) their correlation if the hazards are equal.
        test: the largest statistic and its p-value.
    """

    groups: tuple[str, str]
    weights: tuple[tuple[float, float], ...]
    z: Floats
    correlation: Floats
    test: Inference


@dataclass(frozen=True)
class MaxComboByReplicate:
    """The MaxCombo test of each replicate.

    Attributes:
        endpoint, contrast, weights: what was compared and how.
        replicates: (r,) replicate numbers.
        z: (r, k) statistics; p: (r,) p-value; NaN where there was no information.
    """

    endpoint: str
    contrast: tuple[str, str]
    weights: tuple[tuple[float, float], ...]
    replicates: Ints
    z: Floats
    p: Floats


def maxcombo(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    strata: ArrayLike | None = None,
    weights: Sequence[tuple[float, float]] = WEIGHTS,
    alternative: str = "two-sided",
) -> MaxCombo:
    """Test equal hazards against differences of several shapes at once.

    Args:
        time, event, group: (n,) times, 1 = event, group labels.
        groups: the two groups, first against second; default sorted.
        strata: (n,) stratum labels; statistics are summed over strata.
        weights: one to four (rho, gamma) of Fleming and Harrington.
        alternative: "two-sided" (largest absolute z), "less" (first group fewer events: smallest z) or
            "greater". One-sided alternatives keep a late harm from counting as a success.

    Raises:
        BadInput: with every problem of the input.

    Source: Lee 2007 and Karrison 2016; the correlation is that of the counting-process sums
    sum w_a w_b d(n-d)/(n-1) s(1-s), the p-value the multivariate normal probability of the box.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    group_ = check.labels("group", group, problems)
    strata_ = np.zeros(time_.size) if strata is None else check.labels("strata", strata, problems)
    weights_ = _weights(weights, alternative, problems)
    check.refuse(problems)
    check.same_length(problems, time=time_, group=group_, strata=strata_)
    check.refuse(problems)
    names, code = check.group_codes(group_, groups, problems)
    if len(names) > 2:
        problems.append(Problem("group", f"{len(names)} groups", "must be two, or name two in groups"))
    check.refuse(problems)
    keep = code >= 0
    unit = np.unique(strata_[keep], return_inverse=True)[1].astype(np.int64)
    sets = risk_sets(time_[keep], event_[keep], code[keep], 2, unit)
    difference, covariance = _sums(sets, weights_)
    z, correlation = _standardise(difference.sum(axis=0)[None], covariance.sum(axis=0)[None])
    p = box_p(z, correlation, alternative, nodes=200)[0]
    nan = float("nan")
    largest = _extreme(z, alternative)[0]
    method = f"MaxCombo of {', '.join(f'FH({a:g}, {b:g})' for a, b in weights_)}, {alternative}"
    if strata is not None:
        method += ", stratified"
    parameter = f"observed minus expected events, {names[0]} v {names[1]}"
    note = "" if np.isfinite(p) else "no event while both groups were at risk: no information"
    test = Inference(method, parameter, nan, nan, float(largest), float(p), (nan, nan), "none", note)
    return MaxCombo((names[0], names[1]), weights_, z[0], correlation[0], test)


def maxcombo_by_replicate(
    subjects: pl.DataFrame,
    contrast: tuple[str, str],
    *,
    endpoint: str = "overall_survival",
    weights: Sequence[tuple[float, float]] = WEIGHTS,
    alternative: str = "two-sided",
) -> MaxComboByReplicate:
    """MaxCombo of ``contrast`` (first arm against second) in every replicate, all at once.

    Raises:
        BadInput: with every problem of the table or the weights.
    """
    problems: list[Problem] = []
    weights_ = _weights(weights, alternative, problems)
    check.refuse(problems)
    sets, replicates = two_arm_sets(subjects, contrast, endpoint)
    z, correlation = _standardise(*_sums(sets, weights_))
    p = box_p(z, correlation, alternative, nodes=24)
    return MaxComboByReplicate(endpoint, contrast, weights_, replicates, z, p)


def maxcombo_of_sets(
    sets: RiskSets, trial: Ints, trials: int, weights: Sequence[tuple[float, float]], alternative: str
) -> tuple[Floats, Floats]:
    """(trials,) most extreme z and p when the units of the risk sets are strata of trials.

    Args:
        trial: (m,) trial of each row of ``sets``.
    """
    difference, covariance = _sums(sets, weights)
    own = trial[sets.unit_start]
    k = difference.shape[1]
    total, spread = np.zeros((trials, k)), np.zeros((trials, k, k))
    np.add.at(total, own, difference)
    np.add.at(spread, own, covariance)
    z, correlation = _standardise(total, spread)
    return _extreme(z, alternative), box_p(z, correlation, alternative, nodes=24)


def _weights(
    weights: Sequence[tuple[float, float]], alternative: str, problems: list[Problem]
) -> tuple[tuple[float, float], ...]:
    pairs = tuple((float(rho), float(gamma)) for rho, gamma in weights)
    if not 1 <= len(pairs) <= 4 or len(set(pairs)) < len(pairs):
        problems.append(Problem("weights", repr(list(weights)), "must be one to four different (rho, gamma)"))
    if not all(power >= 0 for pair in pairs for power in pair):
        problems.append(Problem("weights", repr(list(weights)), "must all be at least 0"))
    check.choice("alternative", alternative, ALTERNATIVES, problems)
    return pairs


def _sums(sets: RiskSets, weights: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Observed minus expected of the first group (u, k) and covariance (u, k, k), by unit."""
    weight = np.stack([fleming_harrington(sets, rho, gamma) for rho, gamma in weights], axis=1)
    n, d = sets.at_risk.sum(axis=1).astype(np.float64), sets.events.sum(axis=1)
    share = sets.at_risk[:, 0] / n
    spread = d * (n - d) / np.maximum(n - 1, 1) * share * (1 - share)
    difference = sets.sum_by_unit(weight * (sets.events[:, 0] - d * share)[:, None])
    return difference, sets.sum_by_unit(weight[:, :, None] * weight[:, None, :] * spread[:, None, None])


def _standardise(difference: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """z (u, k) and correlation (u, k, k).

    A late weight is 0 at a first event time; where that is the only one, its statistic has no variance
    and is left out of the maximum (z = 0, uncorrelated). A unit in which none has any is NaN.
    """
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    known = variance > 1e-14 * np.maximum(variance.max(axis=1, keepdims=True), 1e-300)
    sd = np.sqrt(np.where(known, variance, 1.0))
    z = np.where(known, difference / sd, 0.0)
    z[~known.any(axis=1)] = np.nan
    correlation = covariance / (sd[:, :, None] * sd[:, None, :])
    eye = np.eye(variance.shape[1], dtype=bool)
    return z, np.where(eye, 1.0, np.where(known[:, :, None] & known[:, None, :], correlation, 0.0))


def _extreme(z: Floats, alternative: str) -> Floats:
    if alternative == "two-sided":
        rows, place = np.arange(z.shape[0]), np.abs(z).argmax(axis=1)
        return np.asarray(z[rows, place])
    return np.asarray(z.min(axis=1) if alternative == "less" else z.max(axis=1))


# --- probability of a box ---------------------------------------------------------------------------


def box_p(z: Floats, correlation: Floats, alternative: str, *, nodes: int) -> Floats:
    """(u,) p-value of the most extreme of each row of correlated standard normals.

    Args:
        z: (u, k) statistics; correlation: (u, k, k), may be singular (FH(0,0) = FH(0,1) + FH(1,0)).
        alternative: as in ``maxcombo``.
        nodes: Gauss-Legendre nodes a dimension.
    """
    sign = -1.0 if alternative == "greater" else 1.0
    extreme = _extreme(z, alternative)
    bound = np.abs(extreme) if alternative == "two-sided" else -sign * extreme
    lower = -bound
    upper = bound if alternative == "two-sided" else np.full(bound.size, np.inf)
    p = np.full(bound.size, np.nan)
    known = np.flatnonzero(np.isfinite(bound))
    size = max(1, _CHUNK // nodes ** (z.shape[1] - 1))
    for start in range(0, known.size, size):
        part = known[start : start + size]
        p[part] = 1.0 - _box(_factor(correlation[part]), lower[part], upper[part], nodes)
    return np.asarray(np.clip(p, 0.0, 1.0))


def _factor(correlation: Floats) -> Floats:
    """Cholesky factors (u, k, k) whose column is 0 where a variable depends on the earlier ones."""
    k = correlation.shape[1]
    factor = np.zeros_like(correlation)
    for j in range(k):
        rest = correlation[:, j:, j] - np.einsum("uic,uc->ui", factor[:, j:, :j], factor[:, j, :j])
        free = rest[:, 0] > _DEPENDENT
        pivot = np.sqrt(np.where(free, rest[:, 0], 1.0))
        factor[:, j:, j] = np.where(free[:, None], rest / pivot[:, None], 0.0)
    used = np.abs(factor).max(axis=(0, 1)) > 0
    return np.asarray(np.where(np.abs(factor) < 1e-9, 0.0, factor)[:, :, used])


def _box(factor: Floats, lower: Floats, upper: Floats, nodes: int) -> Floats:
    """(u,) P(lower < factor e < upper in every row), e independent standard normal.

    Genz 1992: a row whose last used column is j bounds e_j given e_1 .. e_{j-1}. The last column is
    integrated in closed form, the others by Gauss-Legendre.
    """
    units, rows, columns = factor.shape
    used = factor != 0
    last = columns - 1 - used[:, :, ::-1].argmax(axis=2)
    node, weight = np.polynomial.legendre.leggauss(nodes)
    shift = np.zeros((units, rows, 1))  # what the earlier variables add to each row, one column a path
    mass = np.ones((units, 1))
    for j in range(columns):
        low, high = np.full(mass.shape, -_FAR), np.full(mass.shape, _FAR)
        for i in range(rows):
            slope = factor[:, i, j]
            bounds = (last[:, i] == j) & (slope != 0)
            safe = np.where(bounds, slope, 1.0)[:, None]
            ends = np.stack([lower[:, None] - shift[:, i], upper[:, None] - shift[:, i]]) / safe
            low = np.where(bounds[:, None], np.maximum(low, ends.min(axis=0)), low)
            high = np.where(bounds[:, None], np.minimum(high, ends.max(axis=0)), high)
        high = np.maximum(high, low)
        if j == columns - 1:
            return np.asarray((mass * (ndtr(high) - ndtr(low))).sum(axis=1))
        half = (high - low) / 2
        e = ((high + low) / 2)[:, :, None] + half[:, :, None] * node
        step = half[:, :, None] * weight * np.exp(-0.5 * e * e) / np.sqrt(2 * np.pi)
        mass = (mass[:, :, None] * step).reshape(units, -1)
        shift = (shift[:, :, :, None] + factor[:, :, j, None, None] * e[:, None]).reshape(units, rows, -1)
    return np.asarray(mass.sum(axis=1))
