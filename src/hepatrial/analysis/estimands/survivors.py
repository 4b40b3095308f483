"""The survivor average effect: a value's contrast among those who would live under either treatment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.estimands.apply import People, measured, value_sample
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.inferences import Inferences, walds
from hepatrial.rng import Stream

DRAWS = 100
"""Bootstrap draws of each trial."""
_RIDGE = 0.05
_CHUNK = 2_000_000


def survivor_average(
    people: People, tables: TrialTables, estimand: Estimand, *, level: float = 0.95, draws: int = DRAWS
) -> Inferences:
    """Mean difference among always-survivors, by principal scores.

    Assumed: the first arm's treatment kills nobody (who lives under the second lives under the first), and
    given baseline value and age, survivors who would have died under the second treatment have the values
    of the others (principal ignorability). Survivors of the second arm are then always-survivors; those of
    the first arm count with weight P(alive | second arm, x) / P(alive | first arm, x). ``extra`` holds the
    bounds that need the first assumption only (``bound_low``, ``bound_high``): the mean of the first arm's
    survivors trimmed to the share of always-survivors, from either end.

    The error is that of a bootstrap within arms, the same draws at every call. Source: Ding and Lu 2017
    (JRSS B 79:757); bounds Zhang and Rubin 2003.
    """
    sample = value_sample(people, tables, estimand)
    planned = measured(people, tables, estimand.endpoint).planned
    dead = people.day("death") <= planned
    known = dead | ~np.isnan(sample.value)  # who left or was not measured says nothing
    keep = np.flatnonzero(known & ~np.isnan(sample.baseline))
    unit, arm = sample.unit[keep], sample.arm[keep]
    alive = (~dead[keep]).astype(np.float64)
    value = np.where(dead[keep], 0.0, sample.value[keep])
    age = people.subjects["age"].to_numpy()[keep] if "age" in people.subjects.columns else np.zeros(keep.size)
    x = np.column_stack([np.ones(keep.size), _standard(sample.baseline[keep]), _standard(age)])
    weight = np.ones(keep.size)
    point = _effect(unit, arm, alive, value, x, weight, sample.units)
    low, high = _bounds(unit, arm, alive, value, sample.units)
    result = walds(
        "principal score",
        f"difference of means among those who would live under either treatment, {sample.contrast}",
        point,
        _bootstrap(unit, arm, alive, value, x, sample.units, draws),
        sample.count(),
        sample.count(~dead & ~np.isnan(sample.value)),
        level=level,
        benefit=1 if sample.higher_is_better else -1,
        note="rests on monotonicity and principal ignorability",
    )
    return replace(result, extra={"bound_low": low, "bound_high": high})


def _standard(values: Floats) -> Floats:
    sd = values.std()
    return np.asarray((values - values.mean()) / (sd if sd > 0 else 1.0))


def _logistic(group: Ints, groups: int, alive: Floats, x: Floats, weight: Floats) -> Floats:
    """(groups, p) ridged logistic coefficients of each group, by Newton's method on all at once."""
    p = x.shape[1]
    beta = np.zeros((groups, p))
    penalty = _RIDGE * np.diag(np.append(0.0, np.ones(p - 1))) + 1e-6 * np.eye(p)
    for _ in range(15):
        eta = np.clip((x * beta[group]).sum(axis=1), -30, 30)
        fitted = 1 / (1 + np.exp(-eta))
        score = np.stack(
            [np.bincount(group, weight * (alive - fitted) * x[:, j], groups) for j in range(p)], axis=1
        )
        spread = weight * fitted * (1 - fitted)
        information = np.empty((groups, p, p))
        for i in range(p):
            for j in range(i, p):
                total = np.bincount(group, spread * x[:, i] * x[:, j], groups)
                information[:, i, j] = information[:, j, i] = total
        step = np.linalg.solve(information + penalty, (score - beta @ penalty)[:, :, None])[:, :, 0]
        beta += np.clip(step, -2, 2)
        if np.abs(step).max(initial=0.0) < 1e-4:
            break
    return beta


def _effect(
    unit: Ints, arm: Ints, alive: Floats, value: Floats, x: Floats, weight: Floats, units: int
) -> Floats:
    """(units,) weighted mean difference among survivors."""
    beta = _logistic(2 * unit + arm, 2 * units, alive, x, weight).reshape(units, 2, -1)
    chance = [1 / (1 + np.exp(-np.clip((x * beta[unit, a]).sum(axis=1), -30, 30))) for a in (0, 1)]
    counts = alive * weight * np.where(arm == 0, chance[1] / np.maximum(chance[0], 1e-6), 1.0)
    group = 2 * unit + arm
    total = np.bincount(group, counts, 2 * units)
    mean = np.divide(
        np.bincount(group, counts * value, 2 * units), total, out=np.full(2 * units, np.nan), where=total > 0
    ).reshape(units, 2)
    return np.asarray(mean[:, 0] - mean[:, 1])


def _bootstrap(
    unit: Ints, arm: Ints, alive: Floats, value: Floats, x: Floats, units: int, draws: int
) -> Floats:
    """(units,) standard error over draws of the patients of each arm, by exponential weights (Rubin 1981)."""
    found = np.empty((draws, units))
    size = max(1, _CHUNK // max(unit.size, 1))
    patient = np.arange(unit.size)
    stream = Stream(0, "analysis.survivor_average")
    for start in range(0, draws, size):
        many = np.arange(start, min(start + size, draws))
        weight = stream.exponential(patient[None, :], many[:, None]).ravel()
        offset = np.repeat(np.arange(many.size) * units, unit.size)
        who, times = np.tile(patient, many.size), units * many.size
        got = _effect(unit[who] + offset, arm[who], alive[who], value[who], x[who], weight, times)
        found[many] = got.reshape(many.size, units)
    return np.asarray(np.nanstd(found, axis=0, ddof=1))


def _bounds(unit: Ints, arm: Ints, alive: Floats, value: Floats, units: int) -> tuple[Floats, Floats]:
    """(units,) each: bounds of the survivor average under monotonicity alone."""
    low, high = np.full(units, np.nan), np.full(units, np.nan)
    for trial in range(units):
        mine = unit == trial
        first, second = mine & (arm == 0), mine & (arm == 1)
        lived = np.sort(value[first & (alive == 1)])
        other = value[second & (alive == 1)]
        if lived.size == 0 or other.size == 0:
            continue
        share = min(1.0, alive[second].mean() / alive[first].mean())
        kept = max(1, round(share * lived.size))
        low[trial] = lived[:kept].mean() - other.mean()
        high[trial] = lived[-kept:].mean() - other.mean()
    return low, high
