"""Between-study variance: estimators, Q-profile interval, I-squared and H-squared.

Notation: y (k,) effects, v (k,) sampling variances, x (k, p) design (a column of ones for a pool).
All estimators are cut off at 0. Sources: DerSimonian and Laird 1986; Hedges and Olkin 1985 (HE);
Sidik and Jonkman 2005 (SJ); Paule and Mandel 1982 (PM); Hunter and Schmidt 1990 (HS); ML and REML as
reviewed by Veroniki et al. 2016, Res Synth Methods 7:55.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from hepatrial.evidence.synthesis.result import NAN, Heterogeneity, Interval

Floats = NDArray[np.float64]


def ones(k: int) -> Floats:
    """The design of a pool without covariates."""
    return np.ones((k, 1))


def projection(x: Floats, w: Floats) -> Floats:
    """(k, k) P = W - W X (X'WX)^-1 X'W."""
    wx = w[:, None] * x
    inside: Floats = np.diag(w) - wx @ np.linalg.solve(x.T @ wx, wx.T)
    return inside


def q_statistic(y: Floats, v: Floats, x: Floats, tau2: float = 0.0) -> float:
    """Weighted residual sum of squares at a given tau-squared."""
    return float(y @ projection(x, 1 / (v + tau2)) @ y)


def root_of_falling(function: Callable[[float], float], scale: float) -> float:
    """Where a falling function of tau-squared crosses 0; 0 when it is not above 0 at 0."""
    from scipy.optimize import brentq

    if function(0.0) <= 0:
        return 0.0
    high = max(scale, 1e-12)
    while function(high) > 0:
        high *= 4
    return float(brentq(function, 0.0, high, xtol=1e-15 * max(high, 1e-300), rtol=1e-14))


def _dl(y: Floats, v: Floats, x: Floats) -> float:
    p = projection(x, 1 / v)
    return float((y @ p @ y - (len(y) - x.shape[1])) / np.trace(p))


def _he(y: Floats, v: Floats, x: Floats) -> float:
    p = projection(x, np.ones(len(y)))
    return float((y @ p @ y - np.sum(np.diag(p) * v)) / (len(y) - x.shape[1]))


def _hs(y: Floats, v: Floats, x: Floats) -> float:
    return (q_statistic(y, v, x) - len(y)) / float(np.sum(1 / v))


def _sj(y: Floats, v: Floats, x: Floats) -> float:
    start = float(np.var(y))
    if start == 0:
        return 0.0
    return start * q_statistic(y, v, x, start) / float(len(y) - x.shape[1])


def _pm(y: Floats, v: Floats, x: Floats) -> float:
    df = len(y) - x.shape[1]
    return root_of_falling(lambda t: q_statistic(y, v, x, t) - df, float(np.var(y)))


def log_likelihood(tau2: float, y: Floats, v: Floats, x: Floats, *, restricted: bool) -> float:
    """(Restricted) log-likelihood of tau-squared up to a constant, the mean profiled out."""
    w = 1 / (v + tau2)
    value = 0.5 * np.sum(np.log(w)) - 0.5 * q_statistic(y, v, x, tau2)
    if restricted:
        value -= 0.5 * np.linalg.slogdet(x.T @ (w[:, None] * x))[1]
    return float(value)


def _likelihood(y: Floats, v: Floats, x: Floats, *, restricted: bool) -> float:
    """The highest of the local maxima: a grid finds its neighbourhood, the root of the score the point."""
    from scipy.optimize import brentq

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        p = projection(x, w)
        trace = np.trace(p) if restricted else np.sum(w)
        return float(y @ p @ p @ y - trace)

    top = float(np.ptp(y)) ** 2 + float(v.max())
    grid = np.concatenate([[0.0], np.geomspace(1e-8 * top, 4 * top, 200)])
    values = [log_likelihood(t, y, v, x, restricted=restricted) for t in grid]
    best = int(np.argmax(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if best == 0 and score(0.0) <= 0:
        return 0.0
    return float(brentq(score, low, high, xtol=1e-14 * top, rtol=1e-14)) if score(low) > 0 else float(low)


def _fisher_scoring(y: Floats, v: Floats, x: Floats) -> float:
    """REML as R metafor iterates it: from HE, until tau-squared moves by no more than 1e-5.

    That stop leaves an error of the size of 1e-5 in tau-squared, in whatever unit; ``_likelihood`` has
    none. It is here to compare digits with metafor.
    """
    tau2 = max(0.0, _he(y, v, x))
    for _ in range(100):
        p = projection(x, 1 / (v + tau2))
        step = float((y @ p @ p @ y - np.trace(p)) / np.sum(p * p))
        before, tau2 = tau2, max(0.0, tau2 + step)
        if abs(tau2 - before) <= 1e-5:
            return tau2
    return _likelihood(y, v, x, restricted=True)


ESTIMATORS: dict[str, Callable[[Floats, Floats, Floats], float]] = {
    "REML": lambda y, v, x: _likelihood(y, v, x, restricted=True),
    "REML_1e-5": _fisher_scoring,
    "ML": lambda y, v, x: _likelihood(y, v, x, restricted=False),
    "PM": _pm,
    "DL": _dl,
    "HE": _he,
    "SJ": _sj,
    "HS": _hs,
}


def estimate_tau2(y: Floats, v: Floats, x: Floats, estimator: str) -> float:
    """Tau-squared, at least 0; 0 where nothing varies."""
    if len(y) <= x.shape[1] or float(np.ptp(y)) == 0:
        return 0.0
    return max(0.0, ESTIMATORS[estimator](y, v, x))


def q_profile(y: Floats, v: Floats, x: Floats, level: float) -> tuple[float, float]:
    """Limits of tau-squared at which Q has the chi-square quantiles (Viechtbauer 2007, Stat Med 26:37)."""
    df = len(y) - x.shape[1]
    tail = (1 - level) / 2

    def where_q_is(wanted: float) -> float:
        return root_of_falling(lambda t: q_statistic(y, v, x, t) - wanted, float(np.var(y)))

    return where_q_is(float(chdtri(df, tail))), where_q_is(float(chdtri(df, 1 - tail)))


def heterogeneity(
    y: Floats, v: Floats, x: Floats, tau2: float, estimator: str, level: float
) -> Heterogeneity:
    """Q, tau-squared, I-squared and H-squared with intervals; NaN where one study is too few.

    I2 = tau2 / (tau2 + s2), H2 = (tau2 + s2) / s2 with s2 = df / trace(P) (Higgins and Thompson 2002).
    """
    df = len(y) - x.shape[1]
    if df < 1:
        none = Interval(NAN, NAN, NAN)
        return Heterogeneity(0.0, 0, NAN, none, NAN, none, none, estimator)
    q, low_high = q_statistic(y, v, x), q_profile(y, v, x, level)
    typical = df / float(np.trace(projection(x, 1 / v)))
    if estimator == "none":
        # Without a random effect: Higgins' I2 = (Q - df) / Q, truncated.
        tau2 = max(0.0, typical * (q / df - 1))
    taus = (tau2, *low_high)
    i2 = Interval(*(100 * t / (t + typical) for t in taus))
    h2 = Interval(*((t + typical) / typical for t in taus))
    shown = Interval(NAN, *low_high) if estimator == "none" else Interval(*taus)
    se = _tau2_se(v, x, tau2, estimator)
    return Heterogeneity(q, df, float(chdtrc(df, q)), shown, se, i2, h2, estimator)


def _tau2_se(v: Floats, x: Floats, tau2: float, estimator: str) -> float:
    """From the expected information, for the likelihood estimators."""
    w = 1 / (v + tau2)
    if estimator == "ML":
        return math.sqrt(2 / float(np.sum(w**2)))
    if estimator.startswith("REML"):
        p = projection(x, w)
        return math.sqrt(2 / float(np.sum(p * p)))
    return NAN
