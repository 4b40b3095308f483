"""Pooling of counts without study-wise effects: Mantel-Haenszel and Peto. Zero cells need no correction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.synthesis.effects import Effect, Effects, effect_sizes
from hepatrial.evidence.synthesis.pool import check_choice, check_level, wald_pool
from hepatrial.evidence.synthesis.result import NAN, Heterogeneity, Interval, Pooled
from hepatrial.evidence.synthesis.rows import AnyRow, Counts, Measure, Refused, admit_counts
from hepatrial.evidence.synthesis.tau import heterogeneity, ones

Floats = NDArray[np.float64]


def mantel_haenszel(rows: Sequence[AnyRow], measure: Measure, *, level: float = 0.95) -> Pooled:
    """Mantel-Haenszel common effect.

    Args:
        rows: counts; other rows and grades that may not be pooled are listed in ``refused``.
        measure: "RR", "OR" or "RD".
        level: of the interval.

    Double-zero studies stay out of ratios and in the risk difference, and the notes say so. Single zeros
    enter as they are; only the studies' own lines and Q have 1/2 added to their cells.

    Raises:
        BadInput: for bad rows, or when an arm has no event in any study (a ratio is then not defined).

    Source: variances by Greenland and Robins 1985 (RR), Robins, Breslow and Greenland 1986 (OR), Sato,
    Greenland and Robins 1989 (RD).
    """
    check_level(level)
    check_choice("measure", measure, ("RR", "OR", "RD"))
    kept, refused = admit_counts(rows)
    used, dropped, notes = _informative(kept, ratio=measure != "RD")
    a, b, c, d = np.array([row.cells for row in used]).T
    estimate, se, weights = {"RR": _risk_ratio, "OR": _odds_ratio, "RD": _risk_difference}[measure](
        a, b, c, d
    )
    effects = effect_sizes(used, measure)
    effects = Effects(measure, effects.studies, refused + dropped, effects.notes)
    y, v = effects.y, effects.v
    spread = _around(heterogeneity(y, v, ones(len(y)), 0.0, "none", level), y, 1 / v, estimate)
    return wald_pool(
        "Mantel-Haenszel, common effect", effects, weights, estimate, se, spread, level, notes=notes
    )


def _informative(
    rows: list[Counts], *, ratio: bool
) -> tuple[list[Counts], tuple[Refused, ...], tuple[str, ...]]:
    """For a ratio the rows without the double zeros, and what was done with those."""
    double = [row for row in rows if row.double_zero]
    if not ratio:
        notes = (f"{len(double)} double-zero studies are kept in the risk difference",) if double else ()
        return rows, (), notes
    left = [row for row in rows if not row.double_zero]
    if not left:
        names = ", ".join(row.study for row in rows)
        raise BadInput([Problem("studies", names, "one study with events in at least one arm is needed")])
    dropped = tuple(
        Refused(row.study, row.grade, "no event, or nothing else, in both arms: no information on a ratio")
        for row in double
    )
    notes = (f"{len(double)} double-zero studies are left out",) if double else ()
    return left, dropped, notes


def _around(spread: Heterogeneity, y: Floats, w: Floats, estimate: float) -> Heterogeneity:
    """Q about the pooled estimate of this method; tau-squared is not part of it."""
    from scipy.special import chdtrc

    if spread.df < 1:
        return spread
    q = float(np.sum(w * (y - estimate) ** 2))
    i2, h2 = (100 * max(0.0, 1 - spread.df / q) if q > 0 else 0.0), max(1.0, q / spread.df)
    none = Interval(NAN, NAN, NAN)
    return Heterogeneity(
        q, spread.df, float(chdtrc(spread.df, q)), none, NAN, Interval(i2, NAN, NAN),
        Interval(h2, NAN, NAN), "none",
    )  # fmt: skip


def _defined(top: float, bottom: float) -> None:
    if top <= 0 or bottom <= 0:
        given = "no event (or nothing else) in one arm over all studies"
        raise BadInput([Problem("studies", given, "a ratio needs an event in each arm; use RD or Peto")])


def _risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, Floats]:
    n1, n2 = a + b, c + d
    n = n1 + n2
    top, bottom = float(np.sum(a * n2 / n)), float(np.sum(c * n1 / n))
    _defined(top, bottom)
    variance = float(np.sum((n1 * n2 * (a + c) - a * c * n) / n**2)) / (top * bottom)
    return math.log(top / bottom), math.sqrt(variance), c * n1 / n


def _odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, Floats]:
    n = a + b + c + d
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    top, bottom = float(r.sum()), float(s.sum())
    _defined(top, bottom)
    variance = 0.5 * (
        float(np.sum(p * r)) / top**2
        + float(np.sum(p * s + q * r)) / (top * bottom)
        + float(np.sum(q * s)) / bottom**2
    )
    return math.log(top / bottom), math.sqrt(variance), s


def _risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[float, float, Floats]:
    n1, n2 = a + b, c + d
    n = n1 + n2
    w = n1 * n2 / n
    estimate = float(np.sum(a * n2 / n - c * n1 / n)) / float(w.sum())
    p = np.sum(c * (n1 / n) ** 2 - a * (n2 / n) ** 2 + (n1 / n) * (n2 / n) * (n2 - n1) / 2)
    q = np.sum((a * d + c * b) / n) / 2
    return estimate, math.sqrt(float(estimate * p + q)) / float(w.sum()), w


def peto(rows: Sequence[AnyRow], *, level: float = 0.95) -> Pooled:
    """Peto's one-step odds ratio from observed minus expected events (Yusuf et al. 1985).

    Args:
        rows: counts; other rows and grades that may not be pooled are listed in ``refused``.
        level: of the interval.

    Good for rare events, arms of similar size and small effects; double-zero studies add nothing and
    are left out.

    Raises:
        BadInput: for bad rows.
    """
    check_level(level)
    kept, refused = admit_counts(rows)
    used, dropped, notes = _informative(kept, ratio=True)
    a, b, c, d = np.array([row.cells for row in used]).T
    n1, n2 = a + b, c + d
    n = n1 + n2
    excess = a - n1 * (a + c) / n
    variance = n1 * n2 * (a + c) * (b + d) / (n**2 * (n - 1))
    studies = tuple(
        Effect(
            row.study,
            row.grade,
            "OR",
            float(e / v),
            float(1 / v),
            row.year,
            row.labels,
            row.numbers,
            basis=row.basis,
        )
        for row, e, v in zip(used, excess, variance, strict=True)
    )
    effects = Effects("OR", studies, refused + dropped)
    estimate = float(excess.sum() / variance.sum())
    spread = heterogeneity(effects.y, effects.v, ones(len(studies)), 0.0, "none", level)
    spread = _around(spread, effects.y, variance, estimate)
    se = 1 / math.sqrt(float(variance.sum()))
    return wald_pool("Peto, common effect", effects, variance, estimate, se, spread, level, notes=notes)
