"""Change from baseline by visit, with the dead counted apart and never averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import stdtrit

from hepatrial.analysis import check
from hepatrial.analysis.endpoints import chosen_arms, usable
from hepatrial.errors import Problem

_KEY = ("replicate", "subject", "arm")
_DAYS_A_WEEK = 7.0


def change_from_baseline(
    visits: pl.DataFrame,
    subjects: pl.DataFrame,
    measure: str,
    *,
    arms: Sequence[str] | None = None,
    after_transplant: str = "include",
    level: float = 0.95,
) -> pl.DataFrame:
    """A measure's course among those alive and measured, beside the count of everyone else.

    Args:
        visits: visit table (``replicate, subject, arm, visit, week, day`` and the measure).
        subjects: subject table with ``baseline_<measure>``, ``overall_survival_time`` and ``_event``,
            ``transplant_free_time`` and ``first_event``.
        measure: column of the visit table.
        arms: in order; default all, sorted.
        after_transplant: "include" or "exclude" values measured after a transplant (a new liver's) in
            means; the counts are the same either way.
        level: of the interval of the mean change.

    Returns:
        One row a replicate, arm and visit (sorted by week). Counts: ``randomised`` = ``alive`` +
        ``dead`` + ``left``; ``alive`` = ``measured`` + ``missing``. ``dead``: died on or before the
        planned day; ``left``: observation ended before it, fate unknown; ``missing``: under observation
        without a value; ``transplanted``: of the measured, those after a transplant. Values of the ``n``
        who have value and baseline: ``baseline_mean``, ``mean``, ``sd``, ``median``, ``q1``, ``q3``,
        ``change_mean``, ``change_sd``, ``change_se`` and its t interval ``change_lower``,
        ``change_upper``; null when there are too few.

        A mean over survivors compares different people in different arms: it describes, it does not test.
        Patients on whom the engine failed (``status`` other than "ok") are not counted.

    Raises:
        BadInput: with every problem of the tables.
    """
    problems: list[Problem] = []
    check.need_columns(visits, "visits", (*_KEY, "visit", "week", "day", measure), problems)
    needed = (f"baseline_{measure}", "overall_survival_time", "overall_survival_event")
    check.need_columns(
        subjects, "subjects", (*_KEY, *needed, "transplant_free_time", "first_event"), problems
    )
    check.choice("after_transplant", after_transplant, ("include", "exclude"), problems)
    check.confidence_level(level, problems)
    check.refuse(problems)
    schedule = visits.select("visit", "week").unique().sort("week", "visit")
    for name, table, key in (
        ("visits.visit (planned week)", schedule, ["visit"]),
        ("visits", visits, [*_KEY, "visit"]),
        ("subjects", subjects, list(_KEY)),
    ):
        twice = int(table.select(key).is_duplicated().sum())
        if twice:
            problems.append(Problem(name, f"{twice} rows share {', '.join(key)}", "must be unique"))
    check.refuse(problems)

    people, names = chosen_arms(usable(subjects), arms)
    rows = _everyone_at_every_visit(visits, people, schedule, measure)
    used = pl.col("measured") & pl.col("baseline").is_not_null()
    if after_transplant == "exclude":
        used &= ~pl.col("transplanted")
    order = pl.DataFrame({"arm": list(names), "_arm": range(len(names))})
    table = rows.group_by("replicate", "arm", "visit", "week").agg(*_counts(), *_values(used))
    table = table.join(order, on="arm").sort("replicate", "_arm", "week", "visit").drop("_arm")
    return _with_interval(table, level)


def _everyone_at_every_visit(
    visits: pl.DataFrame, people: pl.DataFrame, schedule: pl.DataFrame, measure: str
) -> pl.DataFrame:
    """One row a patient and planned visit, with flags that say what became of it."""
    seen = visits.select(*_KEY, "visit", "day", value=pl.col(measure).cast(pl.Float64).fill_nan(None))
    due, end = pl.col("week") * _DAYS_A_WEEK, pl.col("overall_survival_time")
    return (
        people.with_columns(baseline=pl.col(f"baseline_{measure}").cast(pl.Float64).fill_nan(None))
        .join(schedule, how="cross")
        .join(seen, on=[*_KEY, "visit"], how="left")
        .with_columns(measured=pl.col("value").is_not_null())
        .with_columns(
            dead=~pl.col("measured") & (pl.col("overall_survival_event") == 1) & (end <= due),
            transplanted=pl.col("measured")
            & (pl.col("first_event") == "transplant")
            & (pl.col("transplant_free_time") <= pl.col("day")),
        )
        .with_columns(left=~pl.col("measured") & ~pl.col("dead") & (end < due))
        .with_columns(missing=~(pl.col("measured") | pl.col("dead") | pl.col("left")))
    )


def _counts() -> list[pl.Expr]:
    flags = ("measured", "missing", "dead", "left", "transplanted")
    return [
        pl.len().cast(pl.Int64).alias("randomised"),
        (pl.col("measured") | pl.col("missing")).sum().cast(pl.Int64).alias("alive"),
        *(pl.col(flag).sum().cast(pl.Int64).alias(flag) for flag in flags),
    ]


def _values(used: pl.Expr) -> list[pl.Expr]:
    value, baseline = pl.col("value").filter(used), pl.col("baseline").filter(used)
    change = (pl.col("value") - pl.col("baseline")).filter(used)
    return [
        used.sum().cast(pl.Int64).alias("n"),
        baseline.mean().alias("baseline_mean"),
        value.mean().alias("mean"),
        value.std().alias("sd"),
        value.median().alias("median"),
        value.quantile(0.25, "linear").alias("q1"),
        value.quantile(0.75, "linear").alias("q3"),
        change.mean().alias("change_mean"),
        change.std().alias("change_sd"),
    ]


def _with_interval(table: pl.DataFrame, level: float) -> pl.DataFrame:
    n = table["n"].to_numpy()
    quantile = np.where(n > 1, stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2), np.nan)
    half = pl.lit(pl.Series("half", quantile)).fill_nan(None) * pl.col("change_se")
    return table.with_columns(change_se=pl.col("change_sd") / pl.col("n").sqrt()).with_columns(
        change_lower=pl.col("change_mean") - half, change_upper=pl.col("change_mean") + half
    )
