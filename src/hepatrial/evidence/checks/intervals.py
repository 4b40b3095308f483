"""Printed confidence intervals against counts: which method reproduces them."""

from __future__ import annotations

import math
from collections.abc import Callable

from hepatrial.analysis import fisher_exact, proportion_interval, risk_difference
from hepatrial.analysis.proportions import wilson_interval
from hepatrial.analysis.result import z_quantile
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.checks.finding import Finding, figure, refuse, whole

Limits = tuple[float, float]
_OTHER = "another method, other counts (patients who left), censoring, or another figure"


def _wald(x: int, n: int, level: float) -> Limits:
    p = x / n
    half = z_quantile(level) * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def _wald_corrected(x: int, n: int, level: float) -> Limits:
    low, high = _wald(x, n, level)
    return low - 0.5 / n, high + 0.5 / n


def _agresti_coull(x: int, n: int, level: float) -> Limits:
    z = z_quantile(level)
    size = n + z * z
    p = (x + z * z / 2) / size
    half = z * math.sqrt(p * (1 - p) / size)
    return p - half, p + half


def _wilson_corrected(x: int, n: int, level: float) -> Limits:
    """Newcombe 1998, Stat Med 17:857, method 4."""
    z, p = z_quantile(level), x / n

    def limit(sign: int) -> float:
        inside = z * z + sign * 2 - 1 / n + 4 * p * (n * (1 - p) - sign)
        return (2 * n * p + z * z + sign * (1 + z * math.sqrt(max(inside, 0)))) / (2 * (n + z * z))

    return (0.0 if x == 0 else limit(-1)), (1.0 if x == n else limit(1))


def _exact(x: int, n: int, level: float) -> Limits:
    low, high = proportion_interval(x, n, level=level)
    return float(low), float(high)


def _jeffreys(x: int, n: int, level: float) -> Limits:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if x == 0 else float(betaincinv(x + 0.5, n - x + 0.5, tail))
    high = 1.0 if x == n else float(betaincinv(x + 0.5, n - x + 0.5, 1 - tail))
    return low, high


def _logit(x: int, n: int, level: float) -> Limits:
    if x in (0, n):
        return math.nan, math.nan
    middle, half = math.log(x / (n - x)), z_quantile(level) * math.sqrt(1 / x + 1 / (n - x))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def _log(x: int, n: int, level: float) -> Limits:
    """exp(log S +- z sqrt((1 - S) / (n S))): a Kaplan-Meier curve's log interval without censoring."""
    if x == 0:
        return math.nan, math.nan
    p = x / n
    half = z_quantile(level) * math.sqrt((1 - p) / (n * p))
    return p * math.exp(-half), min(1.0, p * math.exp(half))


def _log_log(x: int, n: int, level: float) -> Limits:
    """The log-log interval of a Kaplan-Meier curve without censoring."""
    if x in (0, n):
        return math.nan, math.nan
    p = x / n
    half = z_quantile(level) * math.sqrt((1 - p) / (n * p)) / abs(math.log(p))
    return p ** math.exp(half), p ** math.exp(-half)


ONE: dict[str, Callable[[int, int, float], Limits]] = {
    "Wald": _wald,
    "Wald with continuity correction": _wald_corrected,
    "Wilson": lambda x, n, level: wilson_interval(x, n, level=level),
    "Wilson with continuity correction": _wilson_corrected,
    "Agresti-Coull": _agresti_coull,
    "exact (Clopper-Pearson)": _exact,
    "Jeffreys": _jeffreys,
    "logit": _logit,
    "log": _log,
    "log-log": _log_log,
}
"""Intervals of one proportion, as fractions."""


def _log_ratio(x1: int, n1: int, x2: int, n2: int, level: float) -> Limits:
    if 0 in (x1, x2):
        return math.nan, math.nan
    half = z_quantile(level) * math.sqrt(1 / x1 - 1 / n1 + 1 / x2 - 1 / n2)
    ratio = x1 * n2 / (x2 * n1)
    return ratio * math.exp(-half), ratio * math.exp(half)


def _woolf(x1: int, n1: int, x2: int, n2: int, level: float) -> Limits:
    a, b, c, d = x1, n1 - x1, x2, n2 - x2
    if 0 in (a, b, c, d):
        return math.nan, math.nan
    half = z_quantile(level) * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return a * d / (b * c) * math.exp(-half), a * d / (b * c) * math.exp(half)


def _woolf_half(x1: int, n1: int, x2: int, n2: int, level: float) -> Limits:
    a, b, c, d = x1 + 0.5, n1 - x1 + 0.5, x2 + 0.5, n2 - x2 + 0.5
    half = z_quantile(level) * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return a * d / (b * c) * math.exp(-half), a * d / (b * c) * math.exp(half)


def _wald_difference(x1: int, n1: int, x2: int, n2: int, level: float) -> Limits:
    p1, p2 = x1 / n1, x2 / n2
    half = z_quantile(level) * math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return p1 - p2 - half, p1 - p2 + half


TWO: dict[str, dict[str, Callable[[int, int, int, int, float], Limits]]] = {
    "RR": {"log (Katz)": _log_ratio},
    "OR": {
        "log (Woolf)": _woolf,
        "log with 0.5 added to all cells": _woolf_half,
        "exact conditional": lambda a, n, c, m, level: fisher_exact(a, n, c, m, level=level).ci,
    },
    "RD": {
        "Wald": _wald_difference,
        "Newcombe": lambda a, n, c, m, level: risk_difference(a, n, c, m, level=level).ci,
    },
}
"""Intervals of two proportions; RD as a fraction."""


def _counts(place: str, pairs: tuple[tuple[int, int], ...]) -> None:
    problems: list[Problem] = []
    for x, n in pairs:
        whole(f"{place} events", x, problems)
        whole(f"{place} n", n, problems, least=1)
        if x > n:
            problems.append(Problem(f"{place} events", f"{x:g} of {n:g}", "must not exceed n"))
    refuse(problems)


def interval_holds_estimate(place: str, estimate: str, lower: str, upper: str) -> Finding:
    """Does a printed interval hold its own estimate?"""
    e, low, high = (figure(place, text) for text in (estimate, lower, upper))
    said = f"{e.text} ({low.text} to {high.text})"
    name = "interval holds its estimate"
    if low.value > high.value:
        needed = "the lower limit is above the upper one: the two, or a sign, would have to change places"
        return Finding(name, place, said, "inconsistent", needed)
    if low.value - low.half <= e.value + e.half and e.value - e.half <= high.value + high.half:
        return Finding(name, place, said, "consistent", "the estimate lies within its limits")
    needed = "estimate and interval would have to be of the same quantity, scale and direction"
    return Finding(name, place, said, "inconsistent", needed)


def interval_of_counts(
    place: str,
    x: int,
    n: int,
    lower: str,
    upper: str,
    *,
    estimate: str | None = None,
    percent: bool = True,
    level: float = 0.95,
) -> Finding:
    """Which method gives the printed interval of ``x`` of ``n``?

    Args:
        place: where it stands.
        x, n: counts.
        lower, upper: limits as printed.
        estimate: the proportion as printed beside it; a Wald interval may have been computed from it.
        percent: limits are in percent, else fractions.
        level: of the interval.

    Raises:
        BadInput: for counts that are none.
    """
    _counts(place, ((x, n),))
    scale = 100 if percent else 1
    computed = {name: method(x, n, level) for name, method in ONE.items()}
    if estimate is not None:
        p = float(figure(place, estimate).value) / scale
        if not 0 <= p <= 1:
            raise BadInput([Problem(f"{place} estimate", estimate, "must lie in 0 to 1, or to 100 %")])
        half = z_quantile(level) * math.sqrt(p * (1 - p) / n)
        computed["Wald about the rounded proportion"] = (p - half, p + half)
    cut = {
        f"{name}, cut at 0 and 1": (max(low, 0.0), min(high, 1.0))
        for name, (low, high) in computed.items()
        if low < 0 or high > 1
    }
    computed |= cut
    said = f"{lower} to {upper} for {x}/{n}"
    return _compare("interval of a proportion", place, said, (lower, upper), computed, scale)


def ratio_of_counts(place: str, estimate: str, x1: int, n1: int, x2: int, n2: int, measure: str) -> Finding:
    """Is a printed risk ratio, odds ratio or risk difference that of the counts?

    Args:
        place: where it stands.
        estimate: as printed.
        x1, n1, x2, n2: counts.
        measure: "RR", "OR" or "RD" (a fraction).

    Raises:
        BadInput: for counts that are none or an unknown measure.
    """
    _counts(place, ((x1, n1), (x2, n2)))
    if measure not in TWO:
        near = nearest_name(measure, TWO)
        raise BadInput([Problem(f"{place} measure", measure, f"must be one of {list(TWO)}", near)])
    given = figure(place, estimate)
    said = f"{measure} {given.text} for {x1}/{n1} against {x2}/{n2}"
    values = _two_values(x1, n1, x2, n2, measure)
    if values is None:
        return Finding(
            f"{measure} of its counts", place, said, "not checkable", "an empty cell leaves it undefined"
        )
    exact, turned = values
    facts = {measure: exact}
    if given.fits(exact):
        return Finding(
            f"{measure} of its counts", place, said, "consistent", f"the counts give {exact:.3g}", (), facts
        )
    needed = f"the counts give {exact:.3g}" + (
        f"; of those without the event, or with the arms turned, {turned:.3g}" if given.fits(turned) else ""
    )
    return Finding(
        f"{measure} of its counts", place, said, "inconsistent",
        f"{needed}: another measure, an adjusted one, or another figure", (), facts,
    )  # fmt: skip


def _two_values(x1: int, n1: int, x2: int, n2: int, measure: str) -> tuple[float, float] | None:
    """The measure, and the value with the arms turned."""
    if measure == "RD":
        return x1 / n1 - x2 / n2, x2 / n2 - x1 / n1
    cells = (x1, n1 - x1, x2, n2 - x2) if measure == "OR" else (x1, x2)
    if 0 in cells:
        return None
    value = x1 * n2 / (x2 * n1) if measure == "RR" else x1 * (n2 - x2) / (x2 * (n1 - x1))
    return value, 1 / value


def interval_of_two(
    place: str, x1: int, n1: int, x2: int, n2: int, measure: str, lower: str, upper: str,
    *, percent: bool = False, level: float = 0.95,
) -> Finding:  # fmt: skip
    """Which method gives the printed interval of a risk ratio, odds ratio or risk difference?

    Args:
        place: where it stands.
        x1, n1, x2, n2: counts.
        measure: "RR", "OR" or "RD".
        lower, upper: limits as printed.
        percent: a risk difference in percentage points.
        level: of the interval.

    Raises:
        BadInput: for counts that are none or an unknown measure.
    """
    _counts(place, ((x1, n1), (x2, n2)))
    if measure not in TWO:
        near = nearest_name(measure, TWO)
        raise BadInput([Problem(f"{place} measure", measure, f"must be one of {list(TWO)}", near)])
    computed = {name: method(x1, n1, x2, n2, level) for name, method in TWO[measure].items()}
    said = f"{measure} {lower} to {upper} for {x1}/{n1} against {x2}/{n2}"
    return _compare(f"interval of {measure}", place, said, (lower, upper), computed, 100 if percent else 1)


def _compare(
    check: str, place: str, said: str, limits: tuple[str, str], computed: dict[str, Limits], scale: int
) -> Finding:
    low, high = (figure(place, text) for text in limits)
    fits = [
        name
        for name, (a, b) in computed.items()
        if low.fits(float(a) * scale) and high.fits(float(b) * scale)
    ]
    facts = {f"{name} {end}": scale * float(v[i]) for name, v in computed.items()
             for i, end in enumerate(("lower", "upper")) if math.isfinite(v[i])}  # fmt: skip
    if fits:
        return Finding(
            check, place, said, "consistent", f"computed by: {', '.join(fits)}", tuple(fits), facts
        )
    return Finding(check, place, said, "inconsistent", f"would need {_OTHER}", (), facts)
