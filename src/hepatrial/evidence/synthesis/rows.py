"""Study rows as published, and which of them may enter a pooled result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.provenance import GRADES

POOLABLE = ("seen", "seen_secondary", "derived")
"""Grades that may enter a pooled result; ``derived`` only if what it was derived from may."""

Measure = Literal["RR", "OR", "RD", "MD", "SMD", "HR"]
RATIOS = ("RR", "OR", "HR")
"""Measures analysed as logarithms."""
MEASURES: dict[str, str] = {
    "RR": "risk ratio",
    "OR": "odds ratio",
    "RD": "risk difference",
    "MD": "mean difference",
    "SMD": "standardised mean difference",
    "HR": "hazard ratio",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What every study row carries.

    Attributes:
        study: name, unique within a pool.
        grade: word of ``provenance.GRADES`` for the weakest number of the row.
        basis: for a ``derived`` row the grade of what it was derived from; without it the row is not pooled.
        year: for cumulative pooling and ties.
        labels: words for subgroups (``{"product": "UC-MSC"}``).
        numbers: covariates for meta-regression.
    """

    study: str
    grade: str
    basis: str = ""
    year: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Counts(Row):
    """Events ``x1`` of ``n1`` in the first arm against ``x2`` of ``n2`` in the second."""

    x1: int
    n1: int
    x2: int
    n2: int

    @property
    def cells(self) -> tuple[float, float, float, float]:
        """Events and non-events of the first arm, then of the second."""
        return float(self.x1), float(self.n1 - self.x1), float(self.x2), float(self.n2 - self.x2)

    @property
    def double_zero(self) -> bool:
        """Nobody, or everybody, had the event in both arms: no information on a ratio."""
        return self.x1 + self.x2 in (0, self.n1 + self.n2)


@dataclass(frozen=True, kw_only=True)
class Means(Row):
    """Mean, standard deviation and size of two arms, in one unit."""

    mean1: float
    sd1: float
    n1: int
    mean2: float
    sd2: float
    n2: int


@dataclass(frozen=True, kw_only=True)
class Printed(Row):
    """An estimate with its interval as printed; ratios on their own scale, not as logarithms."""

    measure: Measure
    estimate: float
    lower: float
    upper: float
    level: float = 0.95


AnyRow = Counts | Means | Printed


@dataclass(frozen=True)
class Refused:
    """A row that was not used, with the reason."""

    study: str
    grade: str
    reason: str


def refusal(grade: str, basis: str) -> str:
    """Why a grade keeps a figure out of pooled results; "" when it does not."""
    if grade not in POOLABLE:
        return f"grade {grade}: {GRADES.get(grade, 'no grade of this project')}"
    if grade == "derived" and basis not in POOLABLE:
        return (
            f"derived from a figure of grade {basis}"
            if basis
            else "derived, and the grade of what it was derived from is not given"
        )
    return ""


def _whole(place: str, x: float, n: float, problems: list[Problem]) -> None:
    if not (n == math.floor(n) and n > 0):
        problems.append(Problem(f"{place} n", f"{n:g}", "must be a whole number above 0"))
    if not (x == math.floor(x) and x >= 0):
        problems.append(Problem(f"{place} events", f"{x:g}", "must be a whole number of at least 0"))
    elif x > n:
        problems.append(Problem(f"{place} events", f"{x:g} of {n:g}", "must not exceed n"))


def _check_counts(row: Counts, problems: list[Problem]) -> None:
    _whole(f"{row.study} first arm", row.x1, row.n1, problems)
    _whole(f"{row.study} second arm", row.x2, row.n2, problems)


def _check_means(row: Means, problems: list[Problem]) -> None:
    for name, mean, sd, n in (("first", row.mean1, row.sd1, row.n1), ("second", row.mean2, row.sd2, row.n2)):
        if not math.isfinite(mean):
            problems.append(Problem(f"{row.study} {name} mean", f"{mean}", "must be finite"))
        if not (math.isfinite(sd) and sd > 0):
            problems.append(Problem(f"{row.study} {name} SD", f"{sd:g}", "must be above 0"))
        if not (n == math.floor(n) and n >= 2):
            problems.append(
                Problem(f"{row.study} {name} n", f"{n:g}", "must be a whole number of at least 2")
            )


def _check_printed(row: Printed, problems: list[Problem]) -> None:
    if row.measure not in MEASURES:
        near = nearest_name(row.measure, MEASURES)
        problems.append(
            Problem(f"{row.study} measure", row.measure, f"must be one of {list(MEASURES)}", near)
        )
    if not all(math.isfinite(v) for v in (row.estimate, row.lower, row.upper)):
        problems.append(Problem(f"{row.study} interval", "a missing value", "estimate and limits are needed"))
    elif not (row.lower <= row.estimate <= row.upper and row.lower < row.upper):
        given = f"{row.estimate:g} ({row.lower:g} to {row.upper:g})"
        problems.append(Problem(f"{row.study} interval", given, "must be wider than 0 and hold its estimate"))
    elif row.measure in RATIOS and row.lower <= 0:
        problems.append(Problem(f"{row.study} interval", f"{row.lower:g}", "limits of a ratio are above 0"))
    if not 0 < row.level < 1:
        problems.append(Problem(f"{row.study} level", f"{row.level:g}", "must lie between 0 and 1"))


def check_rows(rows: Iterable[AnyRow]) -> None:
    """Refuse rows that cannot be what they say.

    Raises:
        BadInput: with every problem of every row: unknown grade, a study named twice, counts above n,
            spreads that are not positive, intervals that exclude their estimate.
    """
    problems: list[Problem] = []
    seen: set[str] = set()
    for row in rows:
        if row.study in seen:
            problems.append(Problem("study", row.study, "must be named once in a pool"))
        seen.add(row.study)
        for name, word in (("grade", row.grade), ("basis", row.basis)):
            if word not in GRADES and not (name == "basis" and word == ""):
                near = nearest_name(word, GRADES)
                problems.append(Problem(f"{row.study} {name}", word, f"must be one of {list(GRADES)}", near))
        if isinstance(row, Counts):
            _check_counts(row, problems)
        elif isinstance(row, Means):
            _check_means(row, problems)
        else:
            _check_printed(row, problems)
    if problems:
        raise BadInput(problems)


def admit_counts(rows: Sequence[AnyRow]) -> tuple[list[Counts], tuple[Refused, ...]]:
    """The rows of counts whose grade may be pooled, and the others with the reason."""
    check_rows(rows)
    kept: list[Counts] = []
    out: list[Refused] = []
    for row in rows:
        reason = refusal(row.grade, row.basis) or ("" if isinstance(row, Counts) else "no counts given")
        if reason:
            out.append(Refused(row.study, row.grade, reason))
        elif isinstance(row, Counts):
            kept.append(row)
    if not kept:
        raise BadInput([nothing_left(out)])
    return kept, tuple(out)


def nothing_left(refused: Sequence[Refused]) -> Problem:
    """The problem of a pool in which no study may stand."""
    given = "; ".join(f"{r.study}: {r.reason}" for r in refused) or "no study"
    return Problem("studies", given, f"at least one study of grade {', '.join(POOLABLE)} is needed")
