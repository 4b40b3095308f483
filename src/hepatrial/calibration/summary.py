"""Summaries of a virtual cohort in the words of ``targets.toml``: "median alt", "dead 28", "gap_mean age
28"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.cohort import ANY, SEVERE, Cohort
from hepatrial.errors import BadInput, Problem, nearest_name

Array = NDArray[np.float64]

GROUPS = 8
"""Parts of a cohort whose scatter tells the Monte-Carlo error of a summary."""
FEWEST = 24
"""Patients below which a summary is not taken."""

_CONDITION = re.compile(r"^(\w+) (>=|<=|<|>|==) (\S+)$")


def select(cohort: Cohort, where: Sequence[str]) -> Cohort:
    """The patients for whom every condition ("bilirubin >= 205") holds at admission.

    Raises:
        BadInput: every condition that cannot be read.
    """
    problems = [
        Problem("where", text, 'write "column >= number"') for text in where if not _parts(cohort, text)
    ]
    if problems:
        raise BadInput(problems)
    keep = np.ones(len(cohort), dtype=bool)
    for text in where:
        name, sign, number = _CONDITION.match(text).groups()  # type: ignore[union-attr]
        keep &= _SIGNS[sign](cohort.columns[name], float(number))
    return cohort.subset(keep)


_SIGNS: dict[str, Callable[[Array, float], Array]] = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "<": np.less,
    ">": np.greater,
    "==": np.equal,
}


def _parts(cohort: Cohort, text: str) -> bool:
    match = _CONDITION.match(text)
    return bool(match and match.group(1) in cohort.columns and _is_number(match.group(3)))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def summarise(cohort: Cohort, statistic: str, fewest: int = FEWEST) -> float:
    """One statistic of a cohort; NaN when fewer than ``fewest`` patients carry it.

    Raises:
        BadInput: it is not a statistic.
    """
    kind, *words = statistic.split()
    if kind not in STATISTICS:
        known = ", ".join(STATISTICS)
        raise BadInput([Problem("statistic", statistic, f"one of {known}", nearest_name(kind, STATISTICS))])
    if len(cohort) < fewest:
        return float("nan")
    return float(STATISTICS[kind](cohort, *words))


def with_error(cohort: Cohort, statistic: str, transform: Callable[[Array], Array]) -> tuple[float, float]:
    """A statistic on its transformed scale and its Monte-Carlo error, from ``GROUPS`` parts of the cohort."""
    whole = summarise(cohort, statistic)
    part = np.arange(len(cohort)) % GROUPS
    values = np.array([summarise(cohort.subset(part == g), statistic, 2) for g in range(GROUPS)])
    values = transform(values[np.isfinite(values)])
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 2 else np.nan
    return float(transform(np.array([whole]))[0]), float(error)


def _column(cohort: Cohort, name: str) -> Array:
    if name not in cohort.columns:
        nearest = nearest_name(name, cohort.columns)
        raise BadInput([Problem("statistic", name, "a column of the cohort", nearest)])
    return cohort.columns[name]


def _by(cohort: Cohort, causes: Sequence[str], day: str) -> Array:
    return np.asarray(cohort.first(causes) <= float(day), dtype=np.float64)


def _gap(cohort: Cohort, name: str, day: str, summary: Callable[[Array], float]) -> float:
    values, dead = _column(cohort, name), _by(cohort, ("death",), day) == 1.0
    if min(dead.sum(), (~dead).sum()) < 2:
        return float("nan")
    return float(summary(values[dead]) - summary(values[~dead]))


def _course(cohort: Cohort, name: str, day: str, group: str, until: str) -> float:
    """Median on a day of those alive without transplant at ``until`` ("survivors") or not ("failures").

    A course is that of the native liver: whoever has a graft by the day is left out.
    """
    failed = _by(cohort, ("death", "transplant"), until) == 1.0
    grafted = cohort.first(("transplant",)) <= float(day)
    rows = (failed if group == "failures" else ~failed) & ~grafted
    values = cohort.courses[name][rows, cohort.visits.index(float(day))]
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) >= 5 else float("nan")


def _log_iqr(values: Array) -> float:
    q25, q75 = np.quantile(values, [0.25, 0.75])
    return float(np.log(q75 / q25))


def _correlation(a: Array, b: Array) -> float:
    one, other = (np.argsort(np.argsort(x)).astype(np.float64) for x in (a, b))
    return float(np.corrcoef(one, other)[0, 1])


STATISTICS: Mapping[str, Callable[..., float]] = {
    "mean": lambda c, name: _column(c, name).mean(),
    "sd": lambda c, name: _column(c, name).std(),
    "median": lambda c, name: np.median(_column(c, name)),
    "log_iqr": lambda c, name: _log_iqr(_column(c, name)),
    "share": lambda c, name, low: (_column(c, name) >= float(low)).mean(),
    "rank_correlation": lambda c, a, b: _correlation(_column(c, a), _column(c, b)),
    "dead": lambda c, day: _by(c, ("death",), day).mean(),
    "failed": lambda c, day: _by(c, ("death", "transplant"), day).mean(),
    "alive_untransplanted": lambda c, day: 1.0 - _by(c, ("death", "transplant"), day).mean(),
    "transplanted": lambda c, day: _by(c, ("transplant",), day).mean(),
    "severe_infection": lambda c, day: _by(c, SEVERE, day).mean(),
    "infection": lambda c, day: _by(c, ANY, day).mean(),
    "gap_mean": lambda c, name, day: _gap(c, name, day, lambda x: float(x.mean())),
    "gap_median": lambda c, name, day: _gap(c, name, day, lambda x: float(np.median(x))),
    "course": _course,
}
"""Statistics of a cohort: shares lie in 0 to 1, labs are in SI units."""
