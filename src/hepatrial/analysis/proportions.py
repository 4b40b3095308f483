"""Exact intervals of proportions and rates, and the comparison of two proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, gammaincinv

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.analysis.result import Inference, z_quantile
from hepatrial.errors import Problem


def _counts(name: str, given: ArrayLike, problems: list[Problem]) -> Floats:
    array = np.asarray(given, dtype=np.float64)
    if not (np.isfinite(array) & (array >= 0) & (array == np.floor(array))).all():
        problems.append(Problem(name, f"{given!r}", "must be whole numbers of at least 0"))
    return array


def proportion_interval(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact (Clopper-Pearson 1934) limits of a proportion; (0, 1) where n is 0.

    Args:
        events, n: counts that broadcast, events <= n.

    Raises:
        BadInput: for anything else.
    """
    problems: list[Problem] = []
    x, size = np.broadcast_arrays(_counts("events", events, problems), _counts("n", n, problems))
    check.confidence_level(level, problems)
    if not problems and (x > size).any():
        problems.append(Problem("events", f"{x[x > size].flat[0]:g}", "must not exceed n"))
    check.refuse(problems)
    return clopper_pearson(x, size, (1 - level) / 2)


def clopper_pearson(x: Floats, size: Floats, tail: float) -> tuple[Floats, Floats]:
    """The limits for events that may be effective numbers and not whole; nothing is checked."""
    inside_low, inside_high = x > 0, x < size
    lower = np.where(inside_low, betaincinv(np.where(inside_low, x, 1), size - x + 1, tail), 0.0)
    upper = np.where(inside_high, betaincinv(x + 1, np.where(inside_high, size - x, 1), 1 - tail), 1.0)
    return lower, upper


def rate_interval(events: ArrayLike, exposure: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact Poisson (Garwood 1936) limits of events / exposure; NaN where exposure is 0.

    Args:
        events: counts; exposure: time at risk, >= 0, in the unit the rate is wanted per.

    Raises:
        BadInput: for anything else.
    """
    problems: list[Problem] = []
    x, time = np.broadcast_arrays(_counts("events", events, problems), np.asarray(exposure, dtype=np.float64))
    check.confidence_level(level, problems)
    if not (np.isfinite(time) & (time >= 0)).all():
        problems.append(Problem("exposure", f"{exposure!r}", "must be finite and at least 0"))
    check.refuse(problems)
    return garwood(x, time, (1 - level) / 2)


def garwood(x: Floats, time: Floats, tail: float) -> tuple[Floats, Floats]:
    """The limits for events that may be an effective number and not whole; nothing is checked."""
    some = x > 0
    low = np.where(some, gammaincinv(np.where(some, x, 1), tail), 0.0)
    high = gammaincinv(x + 1, 1 - tail)
    known = time > 0
    per = np.where(known, time, 1.0)
    return np.where(known, low / per, np.nan), np.where(known, high / per, np.nan)


def wilson_interval(events: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Score (Wilson 1927) limits of a proportion, without continuity correction."""
    z = z_quantile(level)
    p = events / n
    middle = p + z * z / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))


def _two(x1: int, n1: int, x2: int, n2: int, level: float) -> None:
    problems: list[Problem] = []
    for number, (x, n) in enumerate(((x1, n1), (x2, n2)), start=1):
        _counts(f"x{number}", x, problems)
        _counts(f"n{number}", n, problems)
        if not problems and not (n > 0 and x <= n):
            problems.append(
                Problem(f"x{number} of n{number}", f"{x} of {n}", "must be at most n, and n above 0")
            )
    check.confidence_level(level, problems)
    check.refuse(problems)


def risk_difference(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> Inference:
    """x1/n1 - x2/n2 with Newcombe's hybrid score interval (1998, method 10; no continuity correction).

    Raises:
        BadInput: for counts that are not.
    """
    _two(x1, n1, x2, n2, level)
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2) = wilson_interval(x1, n1, level=level), wilson_interval(x2, n2, level=level)
    ci = (p1 - p2 - float(np.hypot(p1 - l1, u2 - p2)), p1 - p2 + float(np.hypot(u1 - p1, p2 - l2)))
    nan = float("nan")
    parameter = f"risk difference, {x1}/{n1} - {x2}/{n2}"
    return Inference("Newcombe hybrid score", parameter, p1 - p2, nan, nan, nan, ci, "score", level=level)


def fisher_exact(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> Inference:
    """Fisher's exact test of x1/n1 against x2/n2, two-sided by small probabilities as R ``fisher.test``.

    The estimate is the conditional maximum-likelihood odds ratio with its exact interval; it is NaN when
    both groups have no event or nothing else.

    Raises:
        BadInput: for counts that are not.
    """
    # scipy.stats takes half a second to import, which every start of the program would pay.
    from scipy.stats import fisher_exact as test
    from scipy.stats.contingency import odds_ratio

    _two(x1, n1, x2, n2, level)
    table = [[x1, n1 - x1], [x2, n2 - x2]]
    estimate, ci = float("nan"), (0.0, float("inf"))
    if 0 < x1 + x2 < n1 + n2:
        odds = odds_ratio(table, kind="conditional")
        limits = odds.confidence_interval(level)
        estimate, ci = float(odds.statistic), (float(limits.low), float(limits.high))
    nan = float("nan")
    parameter = f"odds ratio, {x1}/{n1} v {x2}/{n2}"
    return Inference(
        "Fisher exact", parameter, estimate, nan, nan, float(test(table)[1]), ci, "exact", level=level
    )
