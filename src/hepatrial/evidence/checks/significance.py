"""Printed p-values against printed intervals, and against what a log-rank test of some counts could give."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from scipy.special import ndtr

from hepatrial.analysis import logrank
from hepatrial.analysis.result import z_quantile
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.checks.finding import Finding, figure, printed_p

RATIOS = ("RR", "OR", "HR")
MEASURES = (*RATIOS, "RD", "MD", "SMD")
APART = 5.0
"""Times that a printed p may lie from the interval's before it is called inconsistent: a log-rank, a
likelihood ratio or a rank test gives other p-values than a Wald interval."""
SLACK = 1.5
"""Times by which the reach of a log-rank test is widened, since only some orders of deaths are tried."""


def p_of_interval(
    place: str, estimate: str, lower: str, upper: str, printed: str, measure: str, *, level: float = 0.95
) -> Finding:
    """Do a printed p-value and a printed interval say the same?

    The p-value is computed from the interval (on the log scale for ratios) over all values that print as
    given. Inconsistent: one of the two excludes no effect and the other does not, or the p-values lie more
    than ``APART`` times apart.

    Args:
        place: where they stand.
        estimate, lower, upper, printed: as printed.
        measure: "RR", "OR", "HR" (no effect is 1) or "RD", "MD", "SMD" (no effect is 0).
        level: of the interval.

    Raises:
        BadInput: an unknown measure, numbers that are none, a ratio that is not above 0.
    """
    if measure not in MEASURES:
        near = nearest_name(measure, MEASURES)
        raise BadInput([Problem(f"{place} measure", measure, f"must be one of {', '.join(MEASURES)}", near)])
    e, low, high = (figure(place, text) for text in (estimate, lower, upper))
    p = printed_p(place, printed)
    said = f"p {p.sign or '='} {p.figure.text} beside {measure} {e.text} ({low.text} to {high.text})"
    name = "p-value against interval"
    if measure in RATIOS and min(e.value, low.value) <= 0:
        return Finding(name, place, said, "not checkable", "a ratio and its limits would have to be above 0")
    if low.value >= high.value:
        return Finding(name, place, said, "not checkable", "the limits would have to be in order")
    corners = [c for c in product(e.range, low.range, high.range) if c[1] < c[2]]
    values = [_p(*corner, measure, level) for corner in corners]
    least, most = min(values), max(values)
    middle = _p(float(e.value), float(low.value), float(high.value), measure, level)
    facts = {"p from the interval": middle, "least": least, "most": most}
    null = 1.0 if measure in RATIOS else 0.0
    outside = low.range[0] > null or high.range[1] < null
    within = low.range[1] < null < high.range[0]
    top, bottom = (1.0 if p.sign == ">" else p.figure.range[1]), (0.0 if p.sign == "<" else p.figure.range[0])
    alpha = 1 - level
    if (outside and bottom > alpha * 1.2) or (within and top < alpha / 1.2):
        which = "excludes" if outside else "holds"
        needed = (
            f"the interval {which} no effect and the p-value says otherwise: another test, another level or "
            f"another figure; the interval goes with p about {middle:.2g}"
        )
        return Finding(name, place, said, "inconsistent", needed, (), facts)
    if bottom > most * APART or (top < least / APART and p.sign != ">"):
        needed = (
            f"the interval goes with p about {middle:.2g}, more than {APART:g} times away: another test, an "
            "adjusted one, or another figure"
        )
        return Finding(name, place, said, "inconsistent", needed, (), facts)
    return Finding(name, place, said, "consistent", f"the interval goes with p about {middle:.2g}", (), facts)


def _p(estimate: float, lower: float, upper: float, measure: str, level: float) -> float:
    scale = (lambda x: math.log(max(x, 1e-300))) if measure in RATIOS else float
    se = (scale(upper) - scale(lower)) / (2 * z_quantile(level))
    return float(2 * ndtr(-abs(scale(estimate)) / se))


def logrank_reach(x1: int, n1: int, x2: int, n2: int) -> tuple[float, float]:
    """Smallest and largest p of a log-rank test of ``x1`` of ``n1`` against ``x2`` of ``n2`` deaths.

    Nobody is censored before the last death. The order of the deaths is not known: each arm's first, and
    spread evenly, are tried, and the reach is widened by ``SLACK``.
    """
    if x1 + x2 == 0:
        return 1.0, 1.0
    found, signs = [], set()
    for order in ("first arm first", "second arm first", "even"):
        p, sign = _logrank(x1, n1, x2, n2, order)
        found.append(p)
        signs.add(sign)
    high = 1.0 if len(signs) > 1 else max(found)
    return min(found) / SLACK, min(1.0, high * SLACK)


def _logrank(x1: int, n1: int, x2: int, n2: int, order: str) -> tuple[float, int]:
    end = float(x1 + x2 + 1)
    one, two = np.arange(1.0, x1 + 1), np.arange(1.0, x2 + 1)
    if order == "even":
        one, two = one * (x1 + x2) / max(x1, 1), two * (x1 + x2) / max(x2, 1) - 0.5
    elif order == "first arm first":
        two = two + x1
    else:
        one = one + x2
    times = np.concatenate([one, np.full(n1 - x1, end), two, np.full(n2 - x2, end)])
    events = np.concatenate([np.ones(x1), np.zeros(n1 - x1), np.ones(x2), np.zeros(n2 - x2)]).astype(int)
    groups = np.repeat([1, 2], [n1, n2])
    result = logrank(times, events, groups)
    expected = float(np.asarray(result.expected)[0])
    return float(result.test.p), int(np.sign(x1 - expected))


def beyond_reach(figure_range: tuple[float, float], sign: str, reach: tuple[float, float]) -> bool:
    """Whether a printed p lies outside what any order of deaths could give."""
    low, high = reach
    if sign == "<":
        return figure_range[1] < low
    if sign == ">":
        return figure_range[0] > high
    return figure_range[1] < low or figure_range[0] > high
