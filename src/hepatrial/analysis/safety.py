"""Event rates by arm: patients with an event, and events per time at risk, with exact intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.endpoints import chosen_arms, usable
from hepatrial.analysis.proportions import proportion_interval, rate_interval
from hepatrial.errors import Problem

_KEY = ("replicate", "subject", "arm")


def event_rates(
    events: pl.DataFrame,
    subjects: pl.DataFrame,
    *,
    names: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    per: float = 365.25,
    level: float = 0.95,
) -> pl.DataFrame:
    """How often each event happened, by replicate and arm.

    Args:
        events: event table (``replicate``, ``subject``, ``arm``, ``event``).
        subjects: subject table; time at risk is ``overall_survival_time`` (to death or end of observation).
        names: events wanted, in order; default all that occur. An event nobody had has a row of zeros.
        arms: arms wanted, in order; default all, sorted.
        per: days that the rate is given per; 365.25 = per patient-year.
        level: of the intervals.

    Returns:
        One row a replicate, arm and event: ``patients`` in the arm, ``patients_with`` at least one,
        ``proportion`` with exact binomial ``lower``/``upper``; ``events`` in all, ``person_days``,
        ``rate`` with exact Poisson ``rate_lower``/``rate_upper``.

    Raises:
        BadInput: with every problem, among them events of subjects that the subject table does not have.
    """
    problems: list[Problem] = []
    check.need_columns(subjects, "subjects", (*_KEY, "overall_survival_time"), problems)
    check.need_columns(events, "events", (*_KEY, "event"), problems)
    if not per > 0:
        problems.append(Problem("per", repr(per), "must be a number of days above 0"))
    check.confidence_level(level, problems)
    check.refuse(problems)
    stray = events.join(subjects, on=_KEY, how="anti")
    if stray.height:
        problems.append(Problem("events.subject", f"{stray.height} rows", "must be in the subject table"))
    people, arm_names = chosen_arms(usable(subjects), arms)
    check.times("overall_survival_time", people["overall_survival_time"].to_numpy(), problems)
    check.refuse(problems)

    wanted = sorted(events["event"].unique().to_list()) if names is None else list(names)
    counts = _counts(events, people, wanted)
    order = pl.DataFrame({"arm": list(arm_names), "_arm": range(len(arm_names))})
    counts = counts.join(order, on="arm").sort("replicate", "_arm", "_event").drop("_arm", "_event")
    return _with_intervals(counts, per, level)


def _counts(events: pl.DataFrame, people: pl.DataFrame, wanted: list[str]) -> pl.DataFrame:
    group = ["replicate", "arm"]
    size = people.group_by(group).agg(
        patients=pl.len().cast(pl.Int64), person_days=pl.col("overall_survival_time").sum()
    )
    happened = (
        events.select(*_KEY, "event")
        .join(people.select(*_KEY), on=_KEY)
        .group_by(*group, "event")
        .agg(patients_with=pl.col("subject").n_unique().cast(pl.Int64), events=pl.len().cast(pl.Int64))
    )
    names = pl.DataFrame(
        {"event": wanted, "_event": range(len(wanted))}, schema={"event": pl.String, "_event": pl.Int64}
    )
    return (
        size.join(names, how="cross")
        .join(happened, on=[*group, "event"], how="left")
        .with_columns(pl.col("patients_with", "events").fill_null(0))
    )


def _with_intervals(counts: pl.DataFrame, per: float, level: float) -> pl.DataFrame:
    x, n, total = (counts[name].to_numpy() for name in ("patients_with", "patients", "events"))
    exposure = counts["person_days"].to_numpy() / per
    lower, upper = proportion_interval(x, n, level=level)
    rate_lower, rate_upper = rate_interval(total, exposure, level=level)
    rate = np.divide(total, exposure, out=np.full(total.size, np.nan), where=exposure > 0)
    return counts.select(
        "replicate",
        "arm",
        "event",
        "patients",
        "patients_with",
        pl.Series("proportion", x / n),
        pl.Series("lower", lower),
        pl.Series("upper", upper),
        "events",
        "person_days",
        pl.Series("rate", rate),
        pl.Series("rate_lower", rate_lower),
        pl.Series("rate_upper", rate_upper),
    )
