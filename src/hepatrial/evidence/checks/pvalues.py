"""Printed p-values computed again under each plausible test, and under both readings of "mean +- x"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
from scipy.special import chdtrc, ndtr, stdtr

from hepatrial.analysis import fisher_exact, logrank
from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.checks.finding import Figure, Finding, figure, printed_p, refuse, whole
from hepatrial.evidence.checks.significance import beyond_reach, logrank_reach

READINGS = {"SD": "standard deviation", "SE": "standard error"}


def counts_p(x1: int, n1: int, x2: int, n2: int) -> dict[str, float]:
    """Two-sided p of x1/n1 against x2/n2 by test; NaN where a test has no answer (no event, or all)."""
    fisher = fisher_exact(x1, n1, x2, n2).p
    n, events = n1 + n2, x1 + x2
    if events in (0, n):
        return {"Fisher": fisher}
    spread = math.sqrt(events * (n - events) * (1 / n1 + 1 / n2)) / n
    difference = abs(x1 / n1 - x2 / n2)
    correction = min(0.5 * (1 / n1 + 1 / n2), difference)
    own = math.sqrt(x1 * (n1 - x1) / n1**3 + x2 * (n2 - x2) / n2**3)
    return {
        "chi-squared (z with pooled variance)": float(chdtrc(1, (difference / spread) ** 2)),
        "chi-squared with continuity correction": float(chdtrc(1, ((difference - correction) / spread) ** 2)),
        "Fisher": fisher,
        "z with unpooled variance": float(2 * ndtr(-difference / own)) if own > 0 else math.nan,
    }


def p_of_counts(
    place: str,
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    printed: str,
    *,
    test: str | None = None,
    survival: bool = False,
) -> Finding:
    """Which test of two proportions gives the printed p-value?

    Args:
        place: where it stands.
        x1, n1, x2, n2: counts.
        printed: p as printed ("0.03", "<0.001").
        test: the source's word for its test; "log-rank" needs times of death, which counts do not hold.
        survival: the outcome is death over time, so that a test of times may be behind a p that no test
            of counts gives.

    Raises:
        BadInput: for counts that are none, or a p that is none.
    """
    problems: list[Problem] = []
    for x, n in ((x1, n1), (x2, n2)):
        whole(f"{place} events", x, problems)
        whole(f"{place} n", n, problems, least=1)
        if x > n:
            problems.append(Problem(f"{place} events", f"{x:g} of {n:g}", "must not exceed n"))
    refuse(problems)
    p, computed = printed_p(place, printed), counts_p(x1, n1, x2, n2)
    said = f"p {p.sign or '='} {p.figure.text} for {x1}/{n1} against {x2}/{n2}"
    name = "p-value of two proportions"
    fits = tuple(k for k, v in computed.items() if math.isfinite(v) and p.fits(v, v))
    facts = {k: v for k, v in computed.items() if math.isfinite(v)}
    times = test is not None and "log" in test.lower()
    if times or (survival and test is None and not fits):
        reaches = [logrank_reach(x1, n1, x2, n2), logrank_reach(n1 - x1, n1, n2 - x2, n2)]
        if all(beyond_reach(p.figure.range, p.sign, reach) for reach in reaches):
            low = min(reach[0] for reach in reaches)
            needed = (
                f"no order of the deaths makes a log-rank test of these counts give it (at least {low:.2g} "
                "with nobody censored before): other counts, another test or another p"
            )
            return Finding(name, place, said, "inconsistent", needed, (), facts | {"log-rank at least": low})
        needed = "a log-rank test needs the times of death, which these counts do not hold"
        return Finding(
            name, place, f"{said} by {test or 'an unnamed test'}", "not checkable", needed, fits, facts
        )
    if fits:
        return Finding(name, place, said, "consistent", f"computed by: {', '.join(fits)}", fits, facts)
    shown = ", ".join(f"{k} {v:.2g}" for k, v in facts.items())
    needed = f"another test (log-rank: not computable from counts), other counts or another p; here: {shown}"
    return Finding(name, place, said, "inconsistent", needed, (), facts)


def p_of_survivors(
    place: str, n1: int, alive1: Sequence[int], n2: int, alive2: Sequence[int], printed: str
) -> Finding:
    """Does a log-rank test of survivors counted at the same few times go with the printed p-value?

    The deaths between two counts are taken as tied, nobody as censored. The real times would give another
    p, so this can be consistent (printed within a quarter of the computed p) or not checkable, never more.

    Args:
        place: where it stands.
        n1, n2: patients at the start.
        alive1, alive2: survivors at each of the same times, not rising.
        printed: p as printed.
    """
    problems: list[Problem] = []
    for arm, n, alive in ((1, n1, alive1), (2, n2, alive2)):
        whole(f"{place} n{arm}", n, problems, least=1)
        course = [n, *alive]
        if any(later > earlier or later < 0 for earlier, later in pairwise(course)):
            problems.append(Problem(f"{place} alive{arm}", f"{list(alive)} of {n}", "must not rise, from n"))
    if len(alive1) != len(alive2):
        problems.append(Problem(place, f"{len(alive1)} and {len(alive2)} times", "must be the same times"))
    refuse(problems)
    times, events, groups = [], [], []
    for arm, n, alive in ((1, n1, alive1), (2, n2, alive2)):
        deaths = -np.diff([n, *alive])
        times += [*np.repeat(np.arange(1.0, len(alive) + 1), deaths), *[float(len(alive))] * alive[-1]]
        events += [1] * int(deaths.sum()) + [0] * alive[-1]
        groups += [arm] * n
    value = logrank(times, events, groups).test.p
    p = printed_p(place, printed)
    said = f"p {p.sign or '='} {p.figure.text} for survivors {list(alive1)}/{n1} against {list(alive2)}/{n2}"
    close = math.isfinite(value) and p.fits(value / 1.25, min(1.0, value * 1.25))
    needed = f"a log-rank test of the tied counts gives {value:.3g}" + (
        ", which the real times of death can move to the printed value"
        if close
        else "; the real times of death may differ too much from ties to say more"
    )
    readings = ("log-rank of tied counts",) if close else ()
    return Finding(
        "log-rank of counted survivors", place, said, "consistent" if close else "not checkable", needed,
        readings, {"log-rank": value},
    )  # fmt: skip


def means_p(
    m1: float, s1: float, n1: int, m2: float, s2: float, n2: int, *, reading: str = "SD"
) -> dict[str, float]:
    """Two-sided p of two means by test, with ``s`` as standard deviation ("SD") or standard error ("SE")."""
    v1, v2 = (s1**2 / n1, s2**2 / n2) if reading == "SD" else (s1**2, s2**2)
    difference, df = abs(m1 - m2), n1 + n2 - 2
    pooled = ((n1 - 1) * v1 * n1 + (n2 - 1) * v2 * n2) / df * (1 / n1 + 1 / n2)
    if v1 + v2 <= 0:
        return dict.fromkeys(("t", "Welch", "z"), 1.0 if difference == 0 else 0.0)
    welch = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
    return {
        "t": float(2 * stdtr(df, -difference / math.sqrt(pooled))),
        "Welch": float(2 * stdtr(welch, -difference / math.sqrt(v1 + v2))),
        "z": float(2 * ndtr(-difference / math.sqrt(v1 + v2))),
    }


def p_of_means(
    place: str, mean1: str, spread1: str, n1: int, mean2: str, spread2: str, n2: int, printed: str,
    *, stated: str | None = None,
) -> Finding:  # fmt: skip
    """Which test and which reading of the spread give the printed p-value?

    Means and spreads are taken over all values that print as given, so that rounding cannot make a finding.

    Args:
        place: where it stands.
        mean1, spread1, mean2, spread2: as printed.
        n1, n2: patients, at least 2.
        printed: p as printed.
        stated: what the source calls the spread, "SD" or "SE"; None when it does not say.

    Raises:
        BadInput: for numbers that are none, spreads below 0, an n below 2.
    """
    problems: list[Problem] = []
    m1, s1, m2, s2 = (figure(place, text) for text in (mean1, spread1, mean2, spread2))
    for number, n, s in ((1, n1, s1), (2, n2, s2)):
        whole(f"{place} n{number}", n, problems, least=2)
        if s.value < 0:
            problems.append(Problem(f"{place} spread{number}", s.text, "must not be below 0"))
    if stated is not None and stated not in READINGS:
        problems.append(Problem(f"{place} stated", repr(stated), "must be 'SD' or 'SE'"))
    refuse(problems)
    p = printed_p(place, printed)
    fits: dict[str, list[str]] = {reading: [] for reading in READINGS}
    facts: dict[str, float] = {}
    for reading in READINGS:
        numbers = (float(m1.value), float(s1.value), n1, float(m2.value), float(s2.value), n2)
        middle = means_p(*numbers, reading=reading)
        for test, (low, high) in _p_range((m1, s1, n1), (m2, s2, n2), reading).items():
            facts[f"{test}, {reading}"] = middle[test]
            if p.fits(low, high):
                fits[reading].append(test)
    arms = f"{m1.text} ± {s1.text} (n {n1}) against {m2.text} ± {s2.text} (n {n2})"
    said = f"p {p.sign or '='} {p.figure.text} for {arms}"
    readings = tuple(f"{test}, ± read as {READINGS[r]}" for r, tests in fits.items() for test in tests)
    return _p_finding(place, said, fits, readings, facts, stated)


def _p_finding(
    place: str, said: str, fits: dict[str, list[str]], readings: tuple[str, ...], facts: dict[str, float],
    stated: str | None,
) -> Finding:  # fmt: skip
    name = "p-value of two means"
    if not readings:
        shown = ", ".join(f"{k} {v:.2g}" for k, v in facts.items())
        needed = f"another test (of ranks, adjusted, paired), other n or another figure; here: {shown}"
        return Finding(name, place, said, "inconsistent", needed, (), facts)
    if stated is not None and not fits[stated]:
        other = next(reading for reading in READINGS if reading != stated)
        needed = (
            f"not reproduced with ± as {READINGS[stated]}, as stated; it is if ± is a {READINGS[other]}"
            f" ({', '.join(fits[other])})"
        )
        return Finding(name, place, said, "inconsistent", needed, readings, facts)
    only = [reading for reading, tests in fits.items() if tests]
    needed = "± would have to be " + " or ".join(f"a {READINGS[reading]}" for reading in only)
    return Finding(name, place, said, "consistent", needed, readings, facts)


def _p_range(
    one: tuple[Figure, Figure, int], other: tuple[Figure, Figure, int], reading: str
) -> dict[str, tuple[float, float]]:
    """Smallest and largest p over the values that print as given; p is monotone in difference and spreads."""
    (m1, s1, n1), (m2, s2, n2) = one, other
    difference, slack = abs(float(m1.value - m2.value)), float(m1.half + m2.half)
    found: dict[str, list[float]] = {}
    for d, a, b in product((max(difference - slack, 0.0), difference + slack), s1.range, s2.range):
        for test, p in means_p(d, max(a, 0.0), n1, 0.0, max(b, 0.0), n2, reading=reading).items():
            found.setdefault(test, []).append(p)
    return {test: (min(values), max(values)) for test, values in found.items()}


def check_level(threshold: float) -> None:
    """Raise ``BadInput`` unless a threshold lies between 0 and 1."""
    if not 0 < threshold < 1:
        raise BadInput([Problem("threshold", f"{threshold:g}", "must lie between 0 and 1")])
