"""Contrasts of values at one day, and of hierarchies, in all trials at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.estimands.sample import LevelSample, ValueSample
from hepatrial.analysis.inferences import Inferences, walds
from hepatrial.analysis.win_ratio import TimeLevel


def _by(code: Ints, values: NDArray[np.generic], size: int) -> Floats:
    return np.asarray(np.bincount(code, values, minlength=size), dtype=np.float64)


def mean_difference(sample: ValueSample, *, adjust: bool = True, level: float = 0.95) -> Inferences:
    """ANCOVA in every trial: difference of means at equal baseline, each stratum with its own intercept.

    Patients without a (finite) value, or without a baseline when adjusting, are left out: the estimate is for
    those seen, and rests on their being like the others given arm and baseline. Source: least squares; by
    Frisch and Waugh 1933 the intercepts are taken out by centring within trial and stratum.
    """
    used = np.isfinite(sample.value) & (np.isfinite(sample.baseline) if adjust else True)
    cell, unit = sample.cell[used], sample.unit[used]
    first = (sample.arm[used] == 0).astype(np.float64)
    cells = sample.units * sample.strata
    size = np.bincount(cell, minlength=cells)

    def centred(values: Floats) -> Floats:
        mean = _by(cell, values, cells) / np.maximum(size, 1)
        return np.asarray(values - mean[cell])

    a, y = centred(first), centred(sample.value[used])
    x = centred(sample.baseline[used]) if adjust else np.zeros_like(y)
    total = {
        name: _by(unit, product, sample.units)
        for name, product in {
            "aa": a * a, "ax": a * x, "xx": x * x, "ay": a * y, "xy": x * y, "yy": y * y,
        }.items()
    }  # fmt: skip
    strata = (size.reshape(sample.units, sample.strata) > 0).sum(axis=1)
    df = np.bincount(unit, minlength=sample.units) - strata - 1 - int(adjust)
    varies = total["xx"] > 1e-12 * np.maximum(total["yy"], 1e-300)
    slope_x = np.where(varies, total["xx"], 1.0)
    free = total["aa"] - np.where(varies, total["ax"] ** 2 / slope_x, 0.0)
    top = total["ay"] - np.where(varies, total["ax"] * total["xy"] / slope_x, 0.0)
    left = total["yy"] - np.where(varies, total["xy"] ** 2 / slope_x, 0.0)
    usable = (free > 1e-9) & (df > 0)
    estimate = np.divide(top, free, out=np.full(sample.units, np.nan), where=usable)
    residual = np.maximum(left - np.where(usable, estimate, 0.0) * top, 0.0)
    spread = residual / np.maximum(df, 1) / np.where(usable, free, 1.0)
    se = np.where(usable, np.sqrt(spread), np.nan)
    method = "ANCOVA" if adjust else "t test"
    return t_inferences(
        f"{method}, stratified" if sample.strata > 1 else method,
        f"difference of means{' at equal baseline' if adjust else ''}, {sample.contrast}",
        estimate,
        se,
        np.maximum(df, 1).astype(np.float64),
        sample.count(),
        sample.count(used),
        benefit=1 if sample.higher_is_better else -1,
        level=level,
    )


def t_inferences(
    method: str,
    parameter: str,
    estimate: Floats,
    se: Floats,
    df: Floats,
    n: Ints,
    events: Ints,
    *,
    benefit: int,
    level: float,
    note: str = "",
) -> Inferences:
    """Inferences with Student's t of ``df`` degrees of freedom."""
    base = walds(method, parameter, estimate, se, n, events, level=level, benefit=benefit, note=note)
    half = stdtrit(df, 0.5 + level / 2) * se
    p = 2 * stdtr(df, -np.abs(base.statistic))
    return replace(base, p=p, lower=estimate - half, upper=estimate + half, extra={"df": df})


# --- ranks ----------------------------------------------------------------------------------------------


def midranks(value: Floats, code: Ints) -> Floats:
    """(n,) rank of each value among those of its code, ties sharing the mean of their places."""
    order = np.lexsort((value, code))
    v, c = value[order], code[order]
    new = np.ones(v.size, dtype=bool)
    new[1:] = (v[1:] != v[:-1]) | (c[1:] != c[:-1])
    begin = np.flatnonzero(new)
    end = np.append(begin[1:], v.size)
    tie = np.repeat((begin + end - 1) / 2.0, end - begin)
    fresh = np.ones(v.size, dtype=bool)
    fresh[1:] = c[1:] != c[:-1]
    offset = np.repeat(np.flatnonzero(fresh), np.diff(np.append(np.flatnonzero(fresh), v.size)))
    rank = np.empty(v.size)
    rank[order] = tie - offset + 1
    return rank


def better_probability(sample: ValueSample, *, level: float = 0.95) -> Inferences:
    """Probability that a patient of the first arm does better than one of the second, ties half.

    The worst values (infinite) are below all others, so a death counts as worse than any measurement.
    Missing values are left out. Test and interval: Brunner and Munzel 2000 with their t approximation, the
    interval on the logit scale; strata combined with van Elteren's weights n1 n2 / (n1 + n2 + 1).
    """
    used = ~np.isnan(sample.value)
    value = sample.value[used] * (1 if sample.higher_is_better else -1)
    cell, arm = sample.cell[used], sample.arm[used]
    cells = sample.units * sample.strata
    group = 2 * cell + arm
    size = np.bincount(group, minlength=2 * cells).reshape(cells, 2).astype(np.float64)
    other = np.maximum(size[cell, 1 - arm], 1.0)
    placement = (midranks(value, cell) - midranks(value, group)) / other
    mean = _by(group, placement, 2 * cells).reshape(cells, 2) / np.maximum(size, 1.0)
    deviation = (placement - mean.reshape(-1)[group]) ** 2
    spread = _by(group, deviation, 2 * cells).reshape(cells, 2) / np.maximum(size - 1, 1.0)
    part = spread / np.maximum(size, 1.0)
    usable = (size >= 2).all(axis=1)
    weight = np.where(usable, size.prod(axis=1) / (size.sum(axis=1) + 1), 0.0)
    shape = (sample.units, sample.strata)
    share = weight.reshape(shape)
    share = share / np.where(share.sum(axis=1, keepdims=True) > 0, share.sum(axis=1, keepdims=True), np.nan)
    probability = (share * mean[:, 0].reshape(shape)).sum(axis=1)
    pieces = share[:, :, None] ** 2 * part.reshape(*shape, 2)
    variance = pieces.sum(axis=(1, 2))
    # Satterthwaite over the pieces of all strata and arms
    lower_df = (pieces**2 / np.maximum(size.reshape(*shape, 2) - 1, 1.0)).sum(axis=(1, 2))
    df = np.divide(variance**2, lower_df, out=np.ones(sample.units), where=lower_df > 0)
    se = np.where(variance > 0, np.sqrt(variance), np.nan)
    base = t_inferences(
        "Brunner-Munzel" + (", stratified" if sample.strata > 1 else ""),
        f"probability of doing better, {sample.contrast}",
        probability - 0.5,
        se,
        df,
        sample.count(),
        sample.count(used),
        benefit=1,
        level=level,
    )
    inside = (probability > 0) & (probability < 1)
    safe = np.where(inside, probability, 0.5)
    step = stdtrit(df, 0.5 + level / 2) * se / (safe * (1 - safe))
    odds = np.log(safe / (1 - safe))
    return replace(
        base,
        estimate=probability,
        lower=np.where(inside, 1 / (1 + np.exp(step - odds)), np.nan),
        upper=np.where(inside, 1 / (1 + np.exp(-step - odds)), np.nan),
        transform="logit",
        null=0.5,
    )


# --- hierarchies ----------------------------------------------------------------------------------------


def win_ratio(sample: LevelSample, *, measure: str = "win_ratio", level: float = 0.95) -> Inferences:
    """Win ratio, or net benefit, of all pairs in every trial; rules and variance as ``analysis.win_ratio``.

    Strata are not used: pairs are taken over the whole trial.
    """
    wins, losses = np.full(sample.units, np.nan), np.full(sample.units, np.nan)
    covariance = np.full((sample.units, 2, 2), np.nan)
    order = np.lexsort((sample.arm, sample.unit))
    start = np.searchsorted(sample.group[order], np.arange(2 * sample.units + 1))
    for trial in range(sample.units):
        begin, middle, end = start[2 * trial : 2 * trial + 3]
        a, b = order[begin:middle], order[middle:end]
        if a.size == 0 or b.size == 0:
            continue
        pairs = _pairs(sample, a, b)
        won, lost = pairs > 0, pairs < 0
        wins[trial], losses[trial] = won.mean(), lost.mean()
        total = np.zeros((2, 2))
        for axis in (1, 0):
            own = np.stack([won.mean(axis=axis), lost.mean(axis=axis)])
            centred = own - own.mean(axis=1, keepdims=True)
            total += centred @ centred.T / own.shape[1] ** 2
        covariance[trial] = total
    n = sample.count()
    share = np.stack([wins, losses], axis=1)
    if measure == "net_benefit":
        slope = np.array([1.0, -1.0])
        se = np.sqrt(np.einsum("i,uij,j->u", slope, covariance, slope))
        name, estimate = "win minus loss probability", wins - losses
    else:
        known = (share > 0).all(axis=1)
        estimate = np.where(known, np.log(np.where(known, wins, 1.0) / np.where(known, losses, 1.0)), np.nan)
        slopes = np.stack([1 / np.where(known, wins, 1.0), -1 / np.where(known, losses, 1.0)], axis=1)
        se = np.where(known, np.sqrt(np.einsum("ui,uij,uj->u", slopes, covariance, slopes)), np.nan)
        name = "win ratio"
    result = walds(
        measure.replace("_", " "),
        f"{name}, {sample.contrast}",
        estimate,
        se,
        n,
        n,
        level=level,
        exponentiated=measure == "win_ratio",
    )
    return replace(result, extra={"wins": wins, "losses": losses})


def _pairs(sample: LevelSample, a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.int8]:
    """(na, nb) 1 where the patient of the first arm wins, -1 where it loses, 0 for a tie."""
    shared = np.minimum(sample.follow_up[a][:, None], sample.follow_up[b][None, :])
    result = np.zeros(shared.shape, dtype=np.int8)
    for kind, values in zip(sample.kinds, sample.levels, strict=True):
        x, y = values[a][:, None], values[b][None, :]
        if isinstance(kind, TimeLevel):
            x, y = np.where(x <= shared, x, np.inf), np.where(y <= shared, y, np.inf)
            decided = (x > y).astype(np.int8) - (x < y).astype(np.int8)
        else:
            gap = (x - y) * (1 if kind.higher_is_better else -1)
            decided = (gap > kind.margin).astype(np.int8) - (gap < -kind.margin).astype(np.int8)
        result = np.where(result == 0, decided, result)
    return result
