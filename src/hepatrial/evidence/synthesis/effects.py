"""Effect sizes of single studies, on the scale they are pooled on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hepatrial.analysis.result import z_quantile
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.synthesis.rows import (
    MEASURES,
    RATIOS,
    AnyRow,
    Counts,
    Means,
    Measure,
    Printed,
    Refused,
    check_rows,
    nothing_left,
    refusal,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """One study's estimate: ``y`` on the analysis scale (log for RR, OR, HR) with variance ``v``.

    ``note`` says what was done to the study's data (zero cells, level of an interval).
    """

    study: str
    grade: str
    measure: Measure
    y: float
    v: float
    year: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    basis: str = ""


@dataclass(frozen=True)
class Effects:
    """Effects that may be pooled together, and the rows that were kept out.

    Refuses to be built from a figure of grade ``recalled`` or ``article``, or derived from one; every
    pooling function takes this type, so no such figure is in a pooled result.
    """

    measure: Measure
    studies: tuple[Effect, ...]
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        reasons = [
            Refused(s.study, s.grade, reason) for s in self.studies if (reason := refusal(s.grade, s.basis))
        ]
        if reasons or not self.studies:
            raise BadInput([nothing_left(reasons or self.refused)])

    def __len__(self) -> int:
        return len(self.studies)

    @property
    def y(self) -> Floats:
        """(k,) estimates."""
        return np.array([s.y for s in self.studies])

    @property
    def v(self) -> Floats:
        """(k,) sampling variances."""
        return np.array([s.v for s in self.studies])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.study for s in self.studies)

    def only(self, keep: Sequence[int]) -> Effects:
        """The effects at these positions, in this order."""
        return replace(self, studies=tuple(self.studies[i] for i in keep))


def effect_sizes(
    rows: Sequence[AnyRow], measure: Measure, *, add: float = 0.5, double_zeros: str = "leave_out"
) -> Effects:
    """Effect of each study; rows whose grade may not be pooled are listed in ``refused``.

    Args:
        rows: counts for RR, OR, RD; means for MD, SMD; printed estimates for any measure they state.
        measure: "RR", "OR", "RD", "MD", "SMD" or "HR".
        add: added to all four cells of a study that has an empty one (RR, OR; for RD only to the
            variance, and only where it would be 0).
        double_zeros: studies in which nobody (or everybody) had the event: "leave_out" of ratios, as they
            carry no information on one, or "correct" (``add`` to their cells; keeps them, pulls to 1).
            A risk difference always keeps them.

    Raises:
        BadInput: with every problem of the rows, or when no row is left.

    Source: log ratios by the delta method; SMD is Hedges' g with the exact correction
    (Hedges 1981, eq. 6e) and variance 1/n1 + 1/n2 + g^2 / (2 (n1 + n2)).
    """
    check_rows(rows)
    problems = []
    for name, given, allowed in (
        ("measure", measure, tuple(MEASURES)),
        ("double_zeros", double_zeros, ("leave_out", "correct")),
    ):
        if given not in allowed:
            near = nearest_name(given, allowed)
            problems.append(Problem(name, repr(given), f"must be one of {', '.join(allowed)}", near))
    if not add > 0:
        problems.append(Problem("add", f"{add:g}", "must be above 0"))
    if problems:
        raise BadInput(problems)
    kept: list[Effect] = []
    out: list[Refused] = []
    for row in rows:
        reason = refusal(row.grade, row.basis)
        leave_out = double_zeros == "leave_out" and measure in ("RR", "OR")
        if not reason and leave_out and isinstance(row, Counts) and row.double_zero:
            reason = f"no event, or nothing else, in both arms: no information on the {MEASURES[measure]}"
        if reason:
            out.append(Refused(row.study, row.grade, reason))
            continue
        found = _effect(row, measure, add)
        if isinstance(found, str):
            out.append(Refused(row.study, row.grade, found))
            continue
        y, v, note = found
        kept.append(
            Effect(row.study, row.grade, measure, y, v, row.year, row.labels, row.numbers, note, row.basis)
        )
    return Effects(measure, tuple(kept), tuple(out), _notes(kept))


def _notes(kept: Sequence[Effect]) -> tuple[str, ...]:
    return tuple(f"{s.study}: {s.note}" for s in kept if s.note)


def _effect(row: AnyRow, measure: Measure, add: float) -> tuple[float, float, str] | str:
    if isinstance(row, Printed):
        return _printed(row) if row.measure == measure else f"printed as {row.measure}, not {measure}"
    if isinstance(row, Means):
        if measure == "MD":
            return row.mean1 - row.mean2, row.sd1**2 / row.n1 + row.sd2**2 / row.n2, ""
        return _hedges(row) if measure == "SMD" else f"means give no {MEASURES[measure]}"
    if measure == "RD":
        return _risk_difference(row, add)
    return _log_ratio(row, measure, add) if measure in ("RR", "OR") else f"counts give no {MEASURES[measure]}"


def _log_ratio(row: Counts, measure: Measure, add: float) -> tuple[float, float, str]:
    a, b, c, d = row.cells
    note = ""
    if 0 in (a, b, c, d):
        a, b, c, d = a + add, b + add, c + add, d + add
        note = f"{add:g} added to all four cells because one is empty"
    if measure == "OR":
        return math.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d, note
    n1, n2 = a + b, c + d
    return math.log((a / n1) / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2, note


def _risk_difference(row: Counts, add: float) -> tuple[float, float, str]:
    a, b, c, d = row.cells
    difference, note = row.x1 / row.n1 - row.x2 / row.n2, ""
    if a * b == 0 and c * d == 0:
        a, b, c, d = a + add, b + add, c + add, d + add
        note = f"variance with {add:g} added to all four cells, as it would be 0"
    return difference, a * b / (a + b) ** 3 + c * d / (c + d) ** 3, note


def _hedges(row: Means) -> tuple[float, float, str]:
    df = row.n1 + row.n2 - 2
    pooled = math.sqrt(((row.n1 - 1) * row.sd1**2 + (row.n2 - 1) * row.sd2**2) / df)
    correction = math.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / math.sqrt(df / 2)
    g = correction * (row.mean1 - row.mean2) / pooled
    return g, 1 / row.n1 + 1 / row.n2 + g**2 / (2 * (row.n1 + row.n2)), ""


def _printed(row: Printed) -> tuple[float, float, str]:
    scale = math.log if row.measure in RATIOS else float
    y, low, high = scale(row.estimate), scale(row.lower), scale(row.upper)
    se = (high - low) / (2 * z_quantile(row.level))
    note = f"standard error from the printed {100 * row.level:g} % interval"
    if abs((low + high) / 2 - y) > 0.1 * se:
        note += "; the estimate is not in its middle on this scale"
    return y, se**2, note
