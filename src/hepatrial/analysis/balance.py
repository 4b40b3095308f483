"""Table 1: what the arms looked like at baseline, compared by standardised differences, not p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.endpoints import chosen_arms
from hepatrial.errors import Problem


def smd(first: ArrayLike, second: ArrayLike) -> float:
    """Standardised mean difference (m1 - m2) / sqrt((s1^2 + s2^2) / 2); missing values are left out.

    0 where neither mean nor spread differ from equal constants, infinite between two constants, NaN
    with fewer than two values in a group.
    """
    a, b = (x[~np.isnan(x)] for x in (np.asarray(first, np.float64), np.asarray(second, np.float64)))
    if min(a.size, b.size) < 2:
        return float("nan")
    return _ratio(float(a.mean() - b.mean()), float((a.var(ddof=1) + b.var(ddof=1)) / 2))


def _ratio(difference: float, variance: float) -> float:
    if variance > 0:
        return difference / float(np.sqrt(variance))
    return 0.0 if difference == 0 else float(np.copysign(np.inf, difference))


def smd_share(first: float, second: float) -> float:
    """Standardised difference of two shares, (p1 - p2) / sqrt((p1 q1 + p2 q2) / 2)."""
    return _ratio(first - second, (first * (1 - first) + second * (1 - second)) / 2)


def smd_categories(first: ArrayLike, second: ArrayLike) -> float:
    """Standardised difference of two distributions over k categories, >= 0.

    Args:
        first, second: (k,) shares that add to 1.

    sqrt(d' S^-1 d) over the first k - 1 categories with S the mean of the two multinomial covariances
    (Yang and Dalton 2012); with two categories the absolute value of ``smd_share``. Categories that
    nobody has are left out; infinite where the groups have no category in common.
    """
    p, q = np.asarray(first, np.float64), np.asarray(second, np.float64)
    used = (p + q) > 0
    p, q = p[used][:-1], q[used][:-1]
    difference = p - q
    if not difference.any():
        return 0.0
    spread = (np.diag(p + q) - np.outer(p, p) - np.outer(q, q)) / 2
    solved = np.linalg.pinv(spread, hermitian=True) @ difference
    if not np.allclose(spread @ solved, difference, atol=1e-9):
        return float("inf")
    return float(np.sqrt(difference @ solved))


@dataclass(frozen=True)
class BaselineTable:
    """Table 1.

    Attributes:
        rows: one row a variable, level and arm: ``variable, level, arm, n, missing, mean, sd, median,
            q1, q3, count, share``; ``level`` is "" for a continuous variable, whose count and share are
            null, and the category otherwise, whose moments are null.
        differences: one row a variable and pair of arms: ``variable, first, second, smd``. For
            categories smd has no sign, except for two-level ones: first minus second share of the
            level that sorts last (true, male).
    """

    rows: pl.DataFrame
    differences: pl.DataFrame


def baseline_table(
    subjects: pl.DataFrame,
    *,
    continuous: Sequence[str] | None = None,
    categorical: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
) -> BaselineTable:
    """Describe and compare the arms at baseline; all rows are pooled, so filter first for one trial.

    Args:
        subjects: subject table with ``arm``.
        continuous: columns described by mean, SD and quartiles; default age, weight, referral_delay and
            every ``baseline_*`` column present.
        categorical: columns described by counts; default sex, cirrhosis, infected_at_entry if present.
        arms: in order; default all, sorted.

    Raises:
        BadInput: naming every missing column and unknown arm.
    """
    usual = ("age", "weight", "referral_delay")
    numeric = (
        [c for c in subjects.columns if c in usual or c.startswith("baseline_")]
        if continuous is None
        else continuous
    )
    classes = ("sex", "cirrhosis", "infected_at_entry")
    labels = [c for c in classes if c in subjects.columns] if categorical is None else categorical
    problems: list[Problem] = []
    check.need_columns(subjects, "subjects", ("arm", *numeric, *labels), problems)
    problems.extend(
        Problem(
            f"subjects.{name}", str(subjects.schema[name]), "must be numbers to be described by mean and SD"
        )
        for name in numeric
        if name in subjects.columns and not subjects.schema[name].is_numeric()
    )
    check.refuse(problems)
    table, names = chosen_arms(subjects, arms)
    parts = {arm: table.filter(pl.col("arm") == arm) for arm in names}
    rows: list[dict[str, object]] = []
    differences: list[dict[str, object]] = []
    for variable in numeric:
        values = {
            arm: part[variable].cast(pl.Float64).fill_null(np.nan).to_numpy() for arm, part in parts.items()
        }
        rows += [_continuous_row(variable, arm, x) for arm, x in values.items()]
        differences += [
            {"variable": variable, "first": a, "second": b, "smd": smd(values[a], values[b])}
            for a, b in combinations(names, 2)
        ]
    for variable in labels:
        made, compared = _categorical(variable, parts)
        rows += made
        differences += compared
    return BaselineTable(pl.DataFrame(rows, schema=_ROW), pl.DataFrame(differences, schema=_DIFFERENCE))


_ROW: dict[str, type[pl.DataType]] = {
    "variable": pl.String, "level": pl.String, "arm": pl.String, "n": pl.Int64, "missing": pl.Int64,
    "mean": pl.Float64, "sd": pl.Float64, "median": pl.Float64, "q1": pl.Float64, "q3": pl.Float64,
    "count": pl.Int64, "share": pl.Float64,
}  # fmt: skip
_DIFFERENCE: dict[str, type[pl.DataType]] = {
    "variable": pl.String, "first": pl.String, "second": pl.String, "smd": pl.Float64,
}  # fmt: skip


def _continuous_row(variable: str, arm: str, values: np.ndarray) -> dict[str, object]:
    x = values[~np.isnan(values)]
    row: dict[str, object] = {
        "variable": variable, "level": "", "arm": arm, "n": x.size, "missing": values.size - x.size,
    }  # fmt: skip
    if x.size:
        q1, median, q3 = np.percentile(x, (25, 50, 75)).tolist()
        sd = float(x.std(ddof=1)) if x.size > 1 else None
        row |= {"mean": float(x.mean()), "sd": sd, "median": median, "q1": q1, "q3": q3}
    return row


def _categorical(
    variable: str, parts: dict[str, pl.DataFrame]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    texts = {
        arm: [_level(v) for v in part[variable].to_list() if v is not None] for arm, part in parts.items()
    }
    levels = sorted({level for values in texts.values() for level in values})
    rows: list[dict[str, object]] = []
    shares: dict[str, list[float]] = {}
    for arm, values in texts.items():
        n, counts = len(values), [values.count(level) for level in levels]
        shares[arm] = [count / n if n else float("nan") for count in counts]
        rows += [
            {"variable": variable, "level": level, "arm": arm, "n": n, "missing": parts[arm].height - n,
             "count": count, "share": share}
            for level, count, share in zip(levels, counts, shares[arm], strict=True)
        ]  # fmt: skip
    differences: list[dict[str, object]] = [
        {"variable": variable, "first": a, "second": b, "smd": _smd_levels(shares[a], shares[b])}
        for a, b in combinations(parts, 2)
    ]
    return rows, differences


def _level(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _smd_levels(first: list[float], second: list[float]) -> float:
    if not first or np.isnan([*first, *second]).any():
        return float("nan")
    return smd_share(first[1], second[1]) if len(first) == 2 else smd_categories(first, second)
