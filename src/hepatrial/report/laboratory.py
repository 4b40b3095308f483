"""Numbers of the laboratory courses: those alive and measured at each visit, and those no longer there."""

from __future__ import annotations

from typing import Any

import polars as pl

from hepatrial.analysis import change_from_baseline
from hepatrial.report.facts import Facts
from hepatrial.report.spread import spread
from hepatrial.schema import PAIR_REPLICATE

SHOWN = ("alt", "bilirubin", "albumin", "inr", "creatinine", "meld")
"""Measures whose course is drawn, as far as the protocol measures them."""


def laboratory_numbers(facts: Facts) -> dict[str, Any]:
    """Courses by arm, pooled over replicates.

    A dead patient has no value: the dead, transplanted and lost by each visit are counted beside the course,
    because the survivors of two arms are no longer the same kind of patient.

    Returns:
        ``courses``: measure -> arm -> list of {week, measured, median, q1, q3};
        ``changes``: measure -> arm -> list of {week, mean, low, high, mcse}, mean change from baseline at
        the landmarks;
        ``absent``: arm -> list of {week, measured, missing, dead, left, transplanted}, averages per trial.
    """
    visits = facts.visits.filter(pl.col("replicate") != PAIR_REPLICATE)
    shown = [name for name in SHOWN if name in visits.columns]
    courses: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in shown}
    for arm in facts.ordered:
        table = visits.filter(pl.col("arm") == arm.name).group_by("week", maintain_order=False)
        summary = table.agg(
            *(pl.col(name).drop_nans().drop_nulls().len().alias(f"{name}.measured") for name in shown),
            *(
                pl.col(name).drop_nans().drop_nulls().quantile(q, "linear").alias(f"{name}.{label}")
                for name in shown
                for label, q in (("q1", 0.25), ("median", 0.5), ("q3", 0.75))
            ),
        ).sort("week")
        for name in shown:
            courses[name][arm.name] = [
                {
                    "week": row["week"],
                    "measured": row[f"{name}.measured"] / facts.replicates,
                    **{label: row[f"{name}.{label}"] for label in ("median", "q1", "q3")},
                }
                for row in summary.to_dicts()
                if row[f"{name}.measured"] > 0
            ]
    marked = visits.filter(pl.col("week").is_in(facts.study.landmarks))
    return {
        "courses": courses,
        "changes": {name: _changes(facts, _by_visit(facts, marked, name)) for name in shown},
        "absent": _absent(facts, _by_visit(facts, visits, shown[0])) if shown else {},
    }


def _by_visit(facts: Facts, visits: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Change from baseline by replicate, arm and visit."""
    return change_from_baseline(visits, facts.trials, measure, arms=[arm.name for arm in facts.ordered])


def _absent(facts: Facts, table: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Who is measured and who is not, at each planned week, averages per trial."""
    counts = ("measured", "missing", "dead", "left", "transplanted")
    means = table.group_by("arm", "week").agg(pl.col(name).mean() for name in counts).sort("week")
    return {
        arm.name: [
            {"week": row["week"], **{name: row[name] for name in counts}}
            for row in means.filter(pl.col("arm") == arm.name).to_dicts()
        ]
        for arm in facts.ordered
    }


def _changes(facts: Facts, table: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Mean change from baseline of those alive and measured: average and range over the trials."""

    def told(part: pl.DataFrame) -> dict[str, float | None]:
        worlds = facts.worlds_of(part["replicate"].to_numpy())
        return spread(part["change_mean"].fill_null(float("nan")).to_numpy(), worlds)

    return {
        arm.name: [
            {"week": week, **told(part)}
            for (week,), part in table.filter(pl.col("arm") == arm.name)
            .sort("week", "replicate")
            .group_by("week", maintain_order=True)
        ]
        for arm in facts.ordered
    }
