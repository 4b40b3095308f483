"""The same analysis of every trial replicate at once, and its spread over the replicates.

Nothing here loops over replicates. Rows of replicate 0 (the counterfactual arms) are never part of a
trial; see ``counterfactual``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.endpoints import SurvivalData, survival_data
from hepatrial.analysis.logrank import fleming_harrington
from hepatrial.analysis.risk_sets import RiskSets, risk_sets
from hepatrial.errors import BadInput, Problem
from hepatrial.schema import PAIR_REPLICATE

_STEPS = 50


@dataclass(frozen=True)
class Summary:
    """Spread of a quantity over replicates; every array has the quantity's shape.

    Attributes:
        mean, sd: over the replicates where it is finite.
        lower, median, upper: 2.5, 50 and 97.5 percentiles: where one trial's value falls.
        mcse: Monte-Carlo standard error of ``mean`` (sd / sqrt(replicates)); not a trial's error.
        replicates: number of replicates with a finite value.
        missing: number without.
    """

    mean: Floats
    sd: Floats
    lower: Floats
    median: Floats
    upper: Floats
    mcse: Floats
    replicates: Ints
    missing: Ints


def summarise(values: ArrayLike) -> Summary:
    """Summary over the first axis; values that are not finite are counted as missing and left out."""
    array = np.asarray(values, dtype=np.float64)
    flat = array.reshape(array.shape[0], -1)
    finite = np.isfinite(flat)
    count = finite.sum(axis=0)
    total = np.where(finite, flat, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0)
    squares = (np.where(finite, flat - mean, 0.0) ** 2).sum(axis=0)
    sd = np.sqrt(np.divide(squares, count - 1, out=np.full(count.size, np.nan), where=count > 1))
    limits = np.full((3, count.size), np.nan)
    for column in np.flatnonzero(count > 0):
        limits[:, column] = np.percentile(flat[finite[:, column], column], (2.5, 50, 97.5))
    mcse = np.divide(sd, np.sqrt(count), out=np.full(count.size, np.nan), where=count > 1)
    shape = array.shape[1:]
    return Summary(
        mean=mean.reshape(shape),
        sd=sd.reshape(shape),
        lower=limits[0].reshape(shape),
        median=limits[1].reshape(shape),
        upper=limits[2].reshape(shape),
        mcse=mcse.reshape(shape),
        replicates=count.reshape(shape),
        missing=(array.shape[0] - count).reshape(shape),
    )


# --- survival at given times ------------------------------------------------------------------------


@dataclass(frozen=True)
class SurvivalByArm:
    """Kaplan-Meier estimates of each replicate and arm at given times.

    Attributes:
        endpoint, arms, times: what, for whom, when (days).
        replicates: (r,) replicate numbers.
        survival, se: (r, a, t) estimate and Greenwood's standard error of one trial.
        at_risk: (r, a, t) patients with time >= t.
    """

    endpoint: str
    arms: tuple[str, ...]
    times: Floats
    replicates: Ints
    survival: Floats
    se: Floats
    at_risk: Ints

    def summary(self) -> Summary:
        """Spread over the replicates, arrays (a, t)."""
        return summarise(self.survival)

    def difference(self, first: str, second: str) -> Floats:
        """(r, t) survival of one arm minus that of another in each replicate."""
        problems: list[Problem] = []
        for arm in (first, second):
            check.choice("arm", arm, self.arms, problems)
        check.refuse(problems)
        difference: Floats = (
            self.survival[:, self.arms.index(first)] - self.survival[:, self.arms.index(second)]
        )
        return difference


def survival_by_arm(
    subjects: pl.DataFrame,
    times: ArrayLike,
    *,
    endpoint: str = "overall_survival",
    arms: Sequence[str] | None = None,
) -> SurvivalByArm:
    """Kaplan-Meier survival of every replicate and arm at ``times`` (days).

    NaN beyond the last observed time of an arm while its curve is above 0, and for an arm without
    patients in a replicate.

    Raises:
        BadInput: with every problem of the table or the times.
    """
    data, replicates, row = _trials(subjects, endpoint, arms)
    wanted = days(times)
    units = row * len(data.arms) + _arm_codes(data)
    survival, se, at_risk = _curves_at(data.time, data.event, units, replicates.size * len(data.arms), wanted)
    shape = (replicates.size, len(data.arms), wanted.size)
    return SurvivalByArm(
        endpoint,
        data.arms,
        wanted,
        replicates,
        survival.reshape(shape),
        se.reshape(shape),
        at_risk.reshape(shape),
    )


def _trials(
    subjects: pl.DataFrame, endpoint: str, arms: Sequence[str] | None
) -> tuple[SurvivalData, Ints, Ints]:
    """The randomised rows, the replicate numbers and each row's replicate code."""
    table = subjects
    if "replicate" in subjects.columns:
        table = subjects.filter(pl.col("replicate") != PAIR_REPLICATE)
    if table.height == 0:
        raise BadInput([Problem("subjects", "no randomised subject", "must hold replicates from 1")])
    data = survival_data(table, endpoint, arms=arms)
    replicates, row = np.unique(data.replicate, return_inverse=True)
    return data, replicates, row.astype(np.int64)


def days(times: ArrayLike) -> Floats:
    """Times as an array, checked."""
    problems: list[Problem] = []
    wanted = check.times("times", np.atleast_1d(np.asarray(times, dtype=np.float64)), problems)
    check.refuse(problems)
    return wanted


def _arm_codes(data: SurvivalData) -> Ints:
    code = np.zeros(data.arm.size, dtype=np.int64)
    for number, arm in enumerate(data.arms):
        code[data.arm == arm] = number
    return code


def _curves_at(
    time: Floats, event: Ints, unit: Ints, units: int, times: Floats
) -> tuple[Floats, Floats, Ints]:
    """S, its Greenwood error and the number at risk of each unit at ``times``: three (units, t) arrays.

    Patients are laid out one row a unit, sorted by time, events first. With j patients gone before,
    one patient's factor is 1 - 1/(n - j); the factors of tied events multiply to 1 - d/n and their
    Greenwood terms 1/((n-j)(n-j-1)) add to d/(n(n-d)).
    """
    order = np.lexsort((-event, time, unit))
    time, event, unit = time[order], event[order], unit[order]
    size = np.bincount(unit, minlength=units)
    first = np.cumsum(size) - size
    place = np.arange(time.size) - first[unit]
    remaining = (size[unit] - place).astype(np.float64)
    width = int(size.max(initial=0))
    factor, term = np.ones((units, width + 1)), np.zeros((units, width + 1))
    factor[unit, place + 1] = 1.0 - event / remaining
    # The last patient's term is infinite, but S is 0 from there and has no standard error.
    usable = (event == 1) & (remaining > 1)
    term[unit[usable], place[usable] + 1] = 1 / (remaining[usable] * (remaining[usable] - 1))
    survival, greenwood = np.cumprod(factor, axis=1), np.cumsum(term, axis=1)

    until, before = np.zeros((units, times.size), np.int64), np.zeros((units, times.size), np.int64)
    last = np.full(units, -np.inf)
    np.maximum.at(last, unit, time)
    for column, t in enumerate(times):
        until[:, column] = np.bincount(unit[time <= t], minlength=units)
        before[:, column] = np.bincount(unit[time < t], minlength=units)
    rows = np.arange(units)[:, None]
    at = survival[rows, until]
    at = np.where((times[None, :] > last[:, None]) & (survival[rows, size[:, None]] > 0), np.nan, at)
    se = np.where(at > 0, at * np.sqrt(greenwood[rows, until]), np.nan)
    return np.asarray(at), np.asarray(se), np.asarray(size[:, None] - before, dtype=np.int64)


# --- log-rank and hazard ratio ----------------------------------------------------------------------


@dataclass(frozen=True)
class LogRankByReplicate:
    """The two-arm log-rank test of each replicate.

    Attributes:
        endpoint: name.
        contrast: first arm against second; z is negative when the first has fewer events than expected.
        replicates: (r,) replicate numbers.
        z, p: (r,) statistic and two-sided p-value; NaN where there was no information.
    """

    endpoint: str
    contrast: tuple[str, str]
    replicates: Ints
    z: Floats
    p: Floats

    def below(self, alpha: float = 0.05) -> NDArray[np.bool_]:
        """(r,) which replicates have p < alpha; one without information has not.

        Raises:
            BadInput: for an alpha outside (0, 1).
        """
        if not 0 < alpha < 1:
            raise BadInput([Problem("alpha", repr(alpha), "must lie between 0 and 1")])
        return np.asarray(np.nan_to_num(self.p, nan=1.0) < alpha)

    def share_below(self, alpha: float = 0.05) -> tuple[float, float]:
        """Share of replicates that are ``below``, and its Monte-Carlo standard error.

        Raises:
            BadInput: for an alpha outside (0, 1).
        """
        share = float(np.mean(self.below(alpha)))
        return share, float(np.sqrt(share * (1 - share) / self.p.size))


def logrank_by_replicate(
    subjects: pl.DataFrame,
    contrast: tuple[str, str],
    *,
    endpoint: str = "overall_survival",
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRankByReplicate:
    """Log-rank test of ``contrast`` (first arm against second) in every replicate.

    ``rho`` and ``gamma`` are Fleming-Harrington weights, as in ``analysis.logrank``.

    Raises:
        BadInput: with every problem of the table.
    """
    sets, replicates = two_arm_sets(subjects, contrast, endpoint)
    weight = fleming_harrington(sets, rho, gamma)
    n, d = sets.at_risk.sum(axis=1).astype(np.float64), sets.events.sum(axis=1)
    share = sets.at_risk[:, 0] / n
    difference = sets.sum_by_unit(weight * (sets.events[:, 0] - d * share))
    variance = sets.sum_by_unit(weight**2 * d * (n - d) / np.maximum(n - 1, 1) * share * (1 - share))
    z = np.divide(difference, np.sqrt(variance), out=np.full(variance.size, np.nan), where=variance > 0)
    return LogRankByReplicate(endpoint, contrast, replicates, z, 2 * ndtr(-np.abs(z)))


@dataclass(frozen=True)
class HazardRatioByReplicate:
    """The Cox hazard ratio (Efron ties) of each replicate.

    Attributes:
        endpoint: name.
        contrast: first arm against second.
        replicates: (r,) replicate numbers.
        log_hazard_ratio: (r,) estimate; infinite where one arm had no event, NaN without information.
        se: (r,) standard error of one trial on the log scale; NaN where the estimate is not finite.
    """

    endpoint: str
    contrast: tuple[str, str]
    replicates: Ints
    log_hazard_ratio: Floats
    se: Floats

    @property
    def hazard_ratio(self) -> Floats:
        """(r,) hazard ratio of the first arm against the second."""
        return np.asarray(np.exp(self.log_hazard_ratio))

    def summary(self) -> Summary:
        """Spread of the log hazard ratio over the replicates; infinite ones are counted as missing."""
        return summarise(self.log_hazard_ratio)


def hazard_ratio_by_replicate(
    subjects: pl.DataFrame, contrast: tuple[str, str], *, endpoint: str = "overall_survival"
) -> HazardRatioByReplicate:
    """Cox hazard ratio of ``contrast`` in every replicate, by Newton's method on all at once.

    Raises:
        BadInput: with every problem of the table.
    """
    sets, replicates = two_arm_sets(subjects, contrast, endpoint)
    beta, se = cox_two_arms(sets, replicates.size)
    return HazardRatioByReplicate(endpoint, contrast, replicates, beta, se)


def two_arm_sets(subjects: pl.DataFrame, contrast: tuple[str, str], endpoint: str) -> tuple[RiskSets, Ints]:
    """Risk sets with one unit a replicate, groups in the order of ``contrast``, and the replicate numbers."""
    if len(set(contrast)) != 2:
        raise BadInput([Problem("contrast", repr(contrast), "must name two different arms")])
    data, replicates, row = _trials(subjects, endpoint, contrast)
    return risk_sets(data.time, data.event, _arm_codes(data), 2, row), replicates


def cox_two_arms(sets: RiskSets, units: int, owner: Ints | None = None) -> tuple[Floats, Floats]:
    """Log hazard ratio of group 0 against group 1 by trial, and its standard error.

    ``owner`` is the trial of each row when the units of the risk sets are strata of trials.
    """
    both = (sets.at_risk > 0).all(axis=1)  # other rows say nothing about the ratio
    at_risk, events, unit = (
        sets.at_risk[both],
        sets.events[both],
        (sets.unit if owner is None else owner)[both],
    )
    deaths = events.sum(axis=1)
    # One row a death; the l-th of d tied deaths sees the tied deaths reduced by l/d (Efron).
    row = np.repeat(np.arange(deaths.size), deaths)
    reduce = (np.arange(row.size) - np.repeat(np.cumsum(deaths) - deaths, deaths)) / deaths[row]
    left = at_risk[row] - reduce[:, None] * events[row]
    offset, owner = np.log(left[:, 0] / left[:, 1]), unit[row]
    own = _sums(unit, events[:, 0], units)
    total = _sums(unit, deaths, units)
    beta: Floats = np.where(own == 0, -np.inf, np.where(own == total, np.inf, 0.0))
    beta[total == 0] = np.nan
    solvable = np.isfinite(beta)
    information: Floats = np.ones(units)
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-(offset + np.where(solvable, beta, 0.0)[owner])))
        score = own - _sums(owner, share, units)
        information = _sums(owner, share * (1 - share), units)
        step = np.divide(score, information, out=np.zeros(units), where=solvable)
        beta[solvable] += np.clip(step, -1.0, 1.0)[solvable]
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    se = np.sqrt(np.divide(1.0, information, out=np.full(units, np.nan), where=solvable))
    return beta, se


def _sums(unit: Ints, values: NDArray[np.generic], units: int) -> Floats:
    """Sum of the values of each unit."""
    return np.asarray(np.bincount(unit, values, minlength=units), dtype=np.float64)
