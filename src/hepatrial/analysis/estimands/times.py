"""Contrasts of times to an outcome, in all trials at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.estimands.sample import TimeSample
from hepatrial.analysis.inferences import Inferences, walds
from hepatrial.analysis.logrank import fleming_harrington
from hepatrial.analysis.maxcombo import WEIGHTS, maxcombo_of_sets
from hepatrial.analysis.replicates import cox_two_arms
from hepatrial.analysis.result import z_quantile
from hepatrial.analysis.risk_sets import RiskSets, risk_sets

_NAN = float("nan")


def _sum(code: Ints, values: NDArray[np.generic], size: int) -> Floats:
    return np.asarray(np.bincount(code, values, minlength=size), dtype=np.float64)


def _sets(sample: TimeSample) -> tuple[RiskSets, Ints]:
    """Risk sets of the outcome by trial and stratum (competing events leave), and the trial of each row."""
    event = (sample.cause == 1).astype(np.int64)
    sets = risk_sets(sample.time, event, sample.arm, 2, sample.cell)
    return sets, sets.unit // sample.strata


def _outcomes(sample: TimeSample) -> Ints:
    return sample.count(sample.cause == 1)


def _benefit(sample: TimeSample) -> int:
    return 1 if sample.good else -1


def _stratified(sample: TimeSample, name: str) -> str:
    return f"{name}, stratified" if sample.strata > 1 else name


# --- tests and hazard ratio ---------------------------------------------------------------------------


def logrank(sample: TimeSample, *, rho: float = 0.0, gamma: float = 0.0, level: float = 0.95) -> Inferences:
    """(Weighted, stratified) log-rank test; the estimate is the one-step log hazard ratio (O - E) / V.

    With competing events it is the test of the cause-specific hazard. Source: as ``analysis.logrank``;
    Peto's one-step estimate, which is near the hazard ratio while that is near 1 (only without weights).
    """
    sets, trial = _sets(sample)
    weight = fleming_harrington(sets, rho, gamma)
    n, d = sets.at_risk.sum(axis=1).astype(np.float64), sets.events.sum(axis=1)
    share = sets.at_risk[:, 0] / n
    difference = _sum(trial, weight * (sets.events[:, 0] - d * share), sample.units)
    spread = weight**2 * d * (n - d) / np.maximum(n - 1, 1) * share * (1 - share)
    variance = _sum(trial, spread, sample.units)
    known = variance > 0
    estimate = np.divide(difference, variance, out=np.full(sample.units, np.nan), where=known)
    se = np.sqrt(np.divide(1.0, variance, out=np.full(sample.units, np.nan), where=known))
    plain = rho == gamma == 0
    name = "log-rank" if plain else f"Fleming-Harrington({rho:g}, {gamma:g})"
    result = walds(
        _stratified(sample, name),
        f"one-step log hazard ratio, {sample.contrast}" if plain else f"weighted test, {sample.contrast}",
        estimate,
        se,
        sample.count(),
        _outcomes(sample),
        level=level,
        benefit=_benefit(sample),
    )
    if plain:
        return result
    nothing = np.full(sample.units, np.nan)
    return replace(result, estimate=nothing, se=nothing, lower=nothing, upper=nothing)


def hazard_ratio(sample: TimeSample, *, level: float = 0.95) -> Inferences:
    """Cox hazard ratio (Efron ties), stratified by the sample's strata; cause-specific if events compete."""
    sets, trial = _sets(sample)
    beta, se = cox_two_arms(sets, sample.units, trial)
    return walds(
        _stratified(sample, "Cox, Efron ties"),
        f"hazard ratio, {sample.contrast}",
        beta,
        se,
        sample.count(),
        _outcomes(sample),
        level=level,
        exponentiated=True,
        benefit=_benefit(sample),
    )


def maxcombo(sample: TimeSample, *, alternative: str = "two-sided", level: float = 0.95) -> Inferences:
    """MaxCombo of FH(0,0), (0,1), (1,0) and (1,1): no estimate, a test.

    ``statistic`` is the most extreme of the standardised sums (negative = fewer events in the first arm).
    """
    sets, trial = _sets(sample)
    z, p = maxcombo_of_sets(sets, trial, sample.units, WEIGHTS, alternative)
    nothing = np.full(sample.units, np.nan)
    return Inferences(
        method=_stratified(sample, f"MaxCombo, {alternative}"),
        parameter=f"equal hazards, {sample.contrast}",
        estimate=nothing,
        se=nothing,
        statistic=z,
        p=p,
        lower=nothing,
        upper=nothing,
        n=sample.count(),
        events=_outcomes(sample),
        benefit=_benefit(sample),
        level=level,
    )


# --- incidence and survival at one day ----------------------------------------------------------------


@dataclass(frozen=True)
class ByGroup:
    """An estimate of each group: (groups,) values and standard errors; NaN where it is not known."""

    value: Floats
    se: Floats


def incidence_at(time: Floats, cause: Ints, group: Ints, groups: int, day: float) -> ByGroup:
    """Aalen-Johansen probability of the outcome (cause 1) by ``day`` in each group.

    Without competing events it is 1 minus Kaplan-Meier and its error is Greenwood's. NaN where ``day`` lies
    beyond the last time of a group in which somebody is still without event. Source: as
    ``analysis.competing.aalen_johansen``.
    """
    # one group of the risk sets is (no outcome), the other the outcome, so that both counts come at once
    event = (cause > 0).astype(np.int64)
    sets = risk_sets(time, event, (cause == 1).astype(np.int64), 2, group)
    inside = sets.time <= day
    code = sets.unit
    n = sets.at_risk.sum(axis=1).astype(np.float64)
    own = sets.events[:, 1].astype(np.float64)
    d = sets.events.sum(axis=1).astype(np.float64)
    before = sets.survival_before_of(n, d)
    f = _running(sets, np.where(inside, before * own / n, 0.0))
    total = np.zeros(groups)
    end = np.append(sets.unit_start[1:], n.size) - 1
    total[code[end]] = f[end]
    gap = total[code] - f
    left = np.where(n > d, n - d, 1.0)
    greenwood = np.where(n > d, d / (n * left), 0.0)
    term = gap**2 * greenwood + before**2 * own * (n - own) / n**3 - 2 * gap * before * own / n**2
    variance = _sum(code, np.where(inside, term, 0.0), groups)
    unknown = _beyond(sets, before, n, d, groups, day)
    value = np.where(unknown, np.nan, total)
    return ByGroup(value, np.where(unknown, np.nan, np.sqrt(np.maximum(variance, 0.0))))


def _beyond(
    sets: RiskSets, before: Floats, n: Floats, d: Floats, groups: int, day: float
) -> NDArray[np.bool_]:
    """Groups in which nobody was followed to ``day`` while somebody has no event, and empty groups."""
    end = np.append(sets.unit_start[1:], n.size) - 1
    last, free = np.full(groups, -np.inf), np.zeros(groups)
    last[sets.unit[end]] = sets.time[end]
    free[sets.unit[end]] = before[end] * (1 - d[end] / n[end])
    return np.asarray(((day > last) & (free > 1e-12)) | ~np.isfinite(last))


def _running(sets: RiskSets, values: Floats) -> Floats:
    """Running sums within each unit."""
    total = np.cumsum(values)
    rows = np.diff(np.append(sets.unit_start, values.size))
    offset = (total - values)[sets.unit_start]
    return np.asarray(total - np.repeat(offset, rows))


def _strata_weights(sample: TimeSample) -> Floats:
    """(units, strata) share of each stratum among the patients of a trial."""
    count = np.bincount(sample.cell, minlength=sample.units * sample.strata).astype(np.float64)
    table = count.reshape(sample.units, sample.strata)
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), 1.0))


def _both_arms(sample: TimeSample, day: float) -> tuple[Floats, Floats]:
    """(units, 2) incidence by ``day`` and its error; strata are averaged by their size in the trial."""
    group = sample.cell * 2 + sample.arm
    found = incidence_at(sample.time, sample.cause, group, 2 * sample.units * sample.strata, day)
    shape = (sample.units, sample.strata, 2)
    value, se = found.value.reshape(shape), found.se.reshape(shape)
    weight = _strata_weights(sample)[:, :, None]
    value = np.where(weight > 0, value, 0.0)
    se = np.where(weight > 0, se, 0.0)
    return (weight * value).sum(axis=1), np.sqrt((weight**2 * se**2).sum(axis=1))


def difference_at(sample: TimeSample, day: float, *, test: str = "plain", level: float = 0.95) -> Inferences:
    """Difference of the two arms at one day.

    Without competing events and for a bad outcome it is that of Kaplan-Meier survival; otherwise that of the
    cumulative incidence of the outcome (Aalen-Johansen). Strata are averaged by their size in the trial, so
    that the contrast stays marginal.

    Args:
        day: within the follow-up of both arms, else NaN.
        test: scale of z: "plain", or "log-log" (Klein et al. 2007; nearer its level in small groups).
    """
    value, se = _both_arms(sample, day)
    survival = not sample.good and not (sample.cause == 2).any()
    shown = 1 - value if survival else value
    what, benefit = ("survival", 1) if survival else ("cumulative incidence", _benefit(sample))
    method = "Kaplan-Meier" if survival else "Aalen-Johansen"
    result = walds(
        _stratified(sample, method),
        f"difference of {what} on day {day:g}, {sample.contrast}",
        shown[:, 0] - shown[:, 1],
        np.hypot(se[:, 0], se[:, 1]),
        sample.count(),
        sample.count((sample.cause == 1) & (sample.time <= day)),
        level=level,
        benefit=benefit,
    )
    result = replace(result, extra={"first": shown[:, 0], "second": shown[:, 1]})
    return result if test == "plain" else _log_log(result, 1 - value, se, survival)


def _log_log(result: Inferences, survival: Floats, se: Floats, of_survival: bool) -> Inferences:
    inside = (survival > 0) & (survival < 1)
    safe = np.where(inside, survival, 0.5)
    scaled, error = np.log(-np.log(safe)), se / (safe * -np.log(safe))
    spread = np.hypot(error[:, 0], error[:, 1])
    usable = inside.all(axis=1) & (spread > 0)
    z = np.divide(scaled[:, 1] - scaled[:, 0], spread, out=np.full(spread.size, np.nan), where=usable)
    z = z if of_survival else -z
    return replace(result, statistic=z, p=2 * ndtr(-np.abs(z)), method=f"{result.method}, log-log test")


def risk_difference(sample: TimeSample, day: float, *, level: float = 0.95) -> Inferences:
    """Difference of the shares with the outcome by ``day`` where nobody was censored before; score interval.

    The test is the chi-square without correction. A trial in which somebody was censored before ``day`` is
    NaN. Source: Newcombe 1998, method 10.
    """
    seen = (sample.cause > 0) | (sample.time >= day)
    n = sample.count()
    hit = (sample.cause == 1) & (sample.time <= day)
    x = sample.count(hit)
    complete = (sample.count(seen) == n).all(axis=1) & (n > 0).all(axis=1)
    p = np.where(complete[:, None], x / np.maximum(n, 1), np.nan)
    z = z_quantile(level)
    size = np.maximum(n, 1)
    middle = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z * np.sqrt(p * (1 - p) / size + z * z / (4 * size**2)) / (1 + z * z / size)
    low, high = middle - half, middle + half
    difference = p[:, 0] - p[:, 1]
    pooled = x.sum(axis=1) / np.maximum(n.sum(axis=1), 1)
    se = np.sqrt((p * (1 - p) / size).sum(axis=1))
    null_se = np.sqrt(pooled * (1 - pooled) * (1 / size).sum(axis=1))
    statistic = np.divide(difference, null_se, out=np.full(difference.size, np.nan), where=null_se > 0)
    return Inferences(
        method="Newcombe hybrid score, chi-square test",
        parameter=f"risk difference by day {day:g}, {sample.contrast}",
        estimate=difference,
        se=se,
        statistic=statistic,
        p=2 * ndtr(-np.abs(statistic)),
        lower=difference - np.hypot(p[:, 0] - low[:, 0], high[:, 1] - p[:, 1]),
        upper=difference + np.hypot(high[:, 0] - p[:, 0], p[:, 1] - low[:, 1]),
        n=n,
        events=x,
        transform="score",
        benefit=_benefit(sample),
        level=level,
        extra={"first": p[:, 0], "second": p[:, 1]},
    )


# --- restricted means -----------------------------------------------------------------------------------


def restricted_mean(sample: TimeSample, tau: float, *, level: float = 0.95) -> Inferences:
    """Difference of restricted mean survival times to ``tau``; of mean times lost when events compete.

    Without competing events: areas under Kaplan-Meier, variance as ``analysis.rmst``. With them: areas under
    the Aalen-Johansen incidence of the outcome (Andersen 2013), variance by each patient's influence.
    Strata are averaged by their size.
    """
    competing = bool((sample.cause == 2).any())
    group = sample.cell * 2 + sample.arm
    groups = 2 * sample.units * sample.strata
    found = mean_lost(sample.time, sample.cause, group, groups, tau)
    shape = (sample.units, sample.strata, 2)
    weight = _strata_weights(sample)[:, :, None]
    value = (weight * np.where(weight > 0, found.value.reshape(shape), 0.0)).sum(axis=1)
    se = np.sqrt((weight**2 * np.where(weight > 0, found.se.reshape(shape), 0.0) ** 2).sum(axis=1))
    shown = value if competing or sample.good else tau - value
    name = "restricted mean time lost" if competing or sample.good else "restricted mean survival time"
    result = walds(
        _stratified(sample, name),
        f"difference of {name}, tau = {tau:g}, {sample.contrast}",
        shown[:, 0] - shown[:, 1],
        np.hypot(se[:, 0], se[:, 1]),
        sample.count(),
        sample.count((sample.cause == 1) & (sample.time <= tau)),
        level=level,
        benefit=_benefit(sample) if competing or sample.good else 1,
        note=f"tau = {tau:g}",
    )
    return replace(result, extra={"first": shown[:, 0], "second": shown[:, 1]})


def mean_lost(time: Floats, cause: Ints, group: Ints, groups: int, tau: float) -> ByGroup:
    """Area under the incidence of the outcome from 0 to ``tau`` in each group, and its standard error.

    With L(s) the area under F from s to tau and S- the probability of no event before s, the influence sum is
    over event times: (L(s) - F(s)(tau - s))^2 d/(n(n-d)) + (tau - s)^2 S-^2 e(n-e)/n^3
    - 2 (L(s) - F(s)(tau - s)) (tau - s) S- e/n^2, which for one cause is the survRM2 variance.
    """
    event = (cause > 0).astype(np.int64)
    sets = risk_sets(time, event, (cause == 1).astype(np.int64), 2, group)
    code = sets.unit
    n = sets.at_risk.sum(axis=1).astype(np.float64)
    own, d = sets.events[:, 1].astype(np.float64), sets.events.sum(axis=1).astype(np.float64)
    before = sets.survival_before_of(n, d)
    inside = sets.time < tau
    step = np.where(inside, before * own / n, 0.0)
    rest = np.where(inside, tau - sets.time, 0.0)
    area = _sum(code, step * rest, groups)  # each jump of F lasts until tau
    f = _running(sets, step)
    later = area[code] - _running(sets, step * rest) + f * rest  # L(s): F already reached, and jumps to come
    gap = later - f * rest
    left = np.where(n > d, n - d, 1.0)
    greenwood = np.where(n > d, d / (n * left), 0.0)
    term = gap**2 * greenwood + rest**2 * before**2 * own * (n - own) / n**3
    term -= 2 * gap * rest * before * own / n**2
    variance = _sum(code, np.where(inside, term, 0.0), groups)
    unknown = _beyond(sets, before, n, d, groups, tau)
    return ByGroup(np.where(unknown, _NAN, area), np.where(unknown, _NAN, np.sqrt(np.maximum(variance, 0.0))))
