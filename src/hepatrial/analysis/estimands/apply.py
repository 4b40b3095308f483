"""From a trial's tables to the sample that an estimand asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.endpoints import chosen_arms, usable
from hepatrial.analysis.estimands.endpoints import HIERARCHY, NamedEndpoint
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import (
    INTERCURRENT,
    KEY,
    TrialTables,
    intercurrent_days,
    occurred,
    with_keys,
)
from hepatrial.analysis.estimands.sample import LevelSample, TimeSample, ValueSample, codes
from hepatrial.analysis.win_ratio import TimeLevel, ValueLevel
from hepatrial.errors import BadInput, Problem
from hepatrial.schema import PAIR_REPLICATE

_WEEK = 7.0
NEAR = 7.0
"""A visit planned at most this many days from the endpoint's day stands for it."""


@dataclass(frozen=True)
class People:
    """The patients of a contrast, in one order for everything that is read of them.

    Attributes:
        subjects: their rows; days: their intercurrent events (``intercurrent_days``), in the same order.
        unit, arm, stratum: (n,) codes; replicates: (units,) replicate numbers; strata: number of strata.
        arms: the two arms; happened: how many had each intercurrent event.
    """

    subjects: pl.DataFrame
    days: pl.DataFrame
    unit: Ints
    arm: Ints
    stratum: Ints
    replicates: Ints
    strata: int
    arms: tuple[str, str]
    happened: dict[str, int]

    def __len__(self) -> int:
        return self.subjects.height

    def day(self, event: str) -> Floats:
        """(n,) first day of an intercurrent event, infinite for never."""
        return self.days[event].to_numpy()

    @property
    def end(self) -> Floats:
        """(n,) days observed."""
        return self.days["end"].to_numpy()

    def rows(self, keep: NDArray[np.bool_]) -> People:
        """Some of the patients."""
        mask = pl.Series(keep)
        return People(
            self.subjects.filter(mask),
            self.days.filter(mask),
            self.unit[keep],
            self.arm[keep],
            self.stratum[keep],
            self.replicates,
            self.strata,
            self.arms,
            self.happened,
        )


def people_of(
    tables: TrialTables,
    contrast: tuple[str, str],
    *,
    strata: Sequence[str] = (),
    pairs: bool = False,
) -> People:
    """The randomised patients of two arms.

    Args:
        tables: of a trial or of many replicates.
        contrast: first arm against second.
        strata: columns of the subject table whose combinations are strata (``centre``, ``cirrhosis``).
        pairs: take the counterfactual arms (replicate 0) instead of the randomised trials.

    Raises:
        BadInput: arms, columns or patients that are not there.
    """
    problems: list[Problem] = []
    if len(set(contrast)) != 2:
        problems.append(Problem("contrast", repr(contrast), "must name two different arms"))
    check.need_columns(tables.subjects, "subjects", ("subject", "arm", *strata), problems)
    check.refuse(problems)
    chosen = with_keys(tables.subjects)
    is_pair = pl.col("replicate") == PAIR_REPLICATE
    chosen, _ = chosen_arms(chosen.filter(is_pair if pairs else ~is_pair), contrast)
    if chosen.height == 0:
        kind = "counterfactual arms (replicate 0)" if pairs else "randomised patients (replicates from 1)"
        raise BadInput([Problem("subjects", "no rows", f"must hold {kind}")])
    twice = int(chosen.select(*KEY).is_duplicated().sum())
    if twice:
        raise BadInput([Problem("subjects", f"{twice} rows share {', '.join(KEY)}", "must be unique")])
    # one order whatever the table's, so that draws keyed by place are the same
    subjects = usable(chosen).sort("replicate", "subject", "arm")
    days = intercurrent_days(TrialTables(subjects, tables.visits, tables.events))
    replicates, unit = np.unique(subjects["replicate"].to_numpy(), return_inverse=True)
    stratum, number = np.zeros(subjects.height, dtype=np.int64), 1
    if strata:
        joint = subjects.select(pl.concat_str([pl.col(c).cast(pl.String) for c in strata], separator=" | "))
        stratum, number = codes(joint.to_series().fill_null("missing").to_list())
    return People(
        subjects,
        days,
        unit.astype(np.int64),
        (subjects["arm"].to_numpy() != contrast[0]).astype(np.int64),
        stratum,
        replicates.astype(np.int64),
        number,
        contrast,
        occurred(days),
    )


def in_population(people: People, estimand: Estimand) -> People:
    """The patients of the estimand's population, after a check that every event has a strategy.

    A principal stratum of ``death_before_first_infusion`` keeps, in both arms, those alive and observed at
    the landmark: before the first infusion the arms are treated alike, so that these are the same people.

    Raises:
        BadInput: an event occurred for which the estimand has no strategy.
    """
    check.refuse(estimand.open_events(people.happened))
    if estimand.landmark is None:
        return people
    return people.rows(people.end > estimand.landmark)


def base_of(people: People) -> dict[str, object]:
    """The entries that every sample has."""
    return {
        "unit": people.unit,
        "arm": people.arm,
        "units": int(people.replicates.size),
        "arms": people.arms,
        "stratum": people.stratum,
        "strata": people.strata,
    }


def _first(people: People, events: Sequence[str]) -> Floats:
    days = [people.day(event) for event in events]
    return np.asarray(np.minimum.reduce(days)) if days else np.full(len(people), np.inf)


def _by_strategy(estimand: Estimand, *strategies: str) -> list[str]:
    return [event for event in INTERCURRENT if estimand.strategy(event) in strategies]


def _rows_of(people: People, tables: TrialTables, event: str) -> Floats:
    """(n,) first day of an event of the event table, infinite for never.

    Raises:
        BadInput: there is no event table.
    """
    if tables.events is None:
        raise BadInput([Problem("events", "no table", f"is needed for the outcome {event}")])
    first = (
        with_keys(tables.events)
        .filter(pl.col("event") == event)
        .group_by(*KEY)
        .agg(_day=pl.col("day").min().cast(pl.Float64))
    )
    joined = people.days.select(*KEY).join(first, on=list(KEY), how="left", maintain_order="left")
    return joined["_day"].fill_null(float("inf")).to_numpy()


# --- times ----------------------------------------------------------------------------------------------


def outcome_day(people: People, tables: TrialTables, estimand: Estimand) -> Floats:
    """(n,) day of the outcome or of an event that counts as one, infinite for never."""
    day = _first(people, _by_strategy(estimand, "composite"))
    for event in estimand.endpoint.outcome:
        if event not in INTERCURRENT:
            day = np.minimum(day, _rows_of(people, tables, event))
    return day


def time_sample(people: People, tables: TrialTables, estimand: Estimand) -> TimeSample:
    """Times to the outcome. Of things on one day the outcome comes first, then a competing event."""
    outcome = outcome_day(people, tables, estimand)
    during = _by_strategy(estimand, "while_alive", "while_untransplanted", "while_on_treatment")
    competing = _first(people, during)
    censored = np.minimum(people.end, _first(people, _by_strategy(estimand, "hypothetical")))
    time = np.minimum(np.minimum(outcome, competing), censored)
    cause = np.where(outcome <= time, 1, np.where(competing <= time, 2, 0)).astype(np.int64)
    sample = TimeSample(**base_of(people), time=time, cause=cause)  # type: ignore[arg-type]
    return sample.until(estimand.endpoint.day)


# --- values ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """Values of one measure at the visits of the contrast's patients.

    Attributes:
        baseline: (n,) before treatment, NaN for none.
        at: (n,) value at the planned visit, NaN for none; day: (n,) when it was taken.
        planned: its planned day.
        row, when, value: (v,) every later value: patient, day and value.
    """

    baseline: Floats
    at: Floats
    day: Floats
    planned: float
    row: Ints
    when: Floats
    value: Floats


def measured(people: People, tables: TrialTables, endpoint: NamedEndpoint) -> Measured:
    """Baseline and later values of an endpoint's measure.

    Raises:
        BadInput: no visit table, no such column, or no visit planned near the endpoint's day.
    """
    problems: list[Problem] = []
    if tables.visits is None:
        raise BadInput([Problem("visits", "no table", f"is needed for {endpoint.name}")])
    check.need_columns(tables.visits, "visits", ("subject", "arm", "week", "day", endpoint.measure), problems)
    check.refuse(problems)
    place = people.days.select(*KEY).with_row_index("_row")
    seen = with_keys(tables.visits).select(
        *KEY, "week", day=pl.col("day").cast(pl.Float64), value=pl.col(endpoint.measure).cast(pl.Float64)
    )
    seen = seen.join(place, on=list(KEY)).with_columns(pl.col("value").fill_null(float("nan")))
    planned = sorted(_WEEK * week for week in seen["week"].unique().to_list() if week > 0)
    near = min(planned, key=lambda day: abs(day - endpoint.day), default=float("inf"))
    if abs(near - endpoint.day) > NEAR:
        days = ", ".join(f"{day:g}" for day in planned) or "none"
        allowed = f"must be within {NEAR:g} days of a planned visit: {days}"
        raise BadInput([Problem("endpoint", f"{endpoint.name}: day {endpoint.day:g}", allowed)])
    first = seen.filter(pl.col("week") == 0)
    later = seen.filter(pl.col("week") > 0)
    then = later.filter((pl.col("week") * _WEEK - near).abs() < 1e-6)
    n = len(people)
    baseline, at, day = (np.full(n, np.nan) for _ in range(3))
    column = f"baseline_{endpoint.measure}"
    if column in people.subjects.columns:
        baseline = people.subjects[column].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    rows = first["_row"].to_numpy()
    fill = np.isnan(baseline[rows])
    baseline[rows[fill]] = first["value"].to_numpy()[fill]
    at[then["_row"].to_numpy()] = then["value"].to_numpy()
    day[then["_row"].to_numpy()] = then["day"].to_numpy()
    return Measured(
        baseline,
        at,
        day,
        near,
        later["_row"].to_numpy().astype(np.int64),
        later["day"].to_numpy(),
        later["value"].to_numpy(),
    )


def last_before(found: Measured, limit: Floats) -> Floats:
    """(n,) last known value not later than ``limit``; the baseline where there is none."""
    known = ~np.isnan(found.value) & (found.when <= limit[found.row])
    row, when, value = found.row[known], found.when[known], found.value[known]
    order = np.lexsort((when, row))
    last = found.baseline.copy()
    last[row[order]] = value[order]  # later assignments win
    return last


def value_sample(people: People, tables: TrialTables, estimand: Estimand) -> ValueSample:
    """Values at the endpoint's day after every strategy.

    Hypothetical: a value after the event is missing. While ...: the last value before the event. Composite:
    the worst rank, deaths and other failures alike. A principal stratum leaves the dead without a value.
    """
    endpoint = estimand.endpoint
    found = measured(people, tables, endpoint)
    value = found.at.copy()
    planned = found.planned
    removed = _first(people, _by_strategy(estimand, "hypothetical"))
    value[removed < np.where(np.isnan(found.day), planned, found.day)] = np.nan
    during = _first(
        people, _by_strategy(estimand, "while_alive", "while_untransplanted", "while_on_treatment")
    )
    cut = during <= planned
    value = np.where(cut, last_before(found, np.minimum(during, planned)), value)
    if endpoint.change:
        value = value - found.baseline
    failed = _first(people, _by_strategy(estimand, "composite")) <= planned
    worst = -np.inf if endpoint.higher_is_better else np.inf
    return ValueSample(
        **base_of(people),  # type: ignore[arg-type]
        value=np.where(failed, worst, value),
        baseline=found.baseline,
        higher_is_better=endpoint.higher_is_better,
    )


# --- days and hierarchies -------------------------------------------------------------------------------


def days_sample(people: People, tables: TrialTables, estimand: Estimand) -> ValueSample:
    """Days alive and out of hospital up to the endpoint's day; none for those who died by then.

    Counted from ``discharge_home`` to ``readmission`` rows of the event table (who died in between stays out
    until then, which no longer matters). Who left before the day is missing.

    Raises:
        BadInput: the event table has neither.
    """
    horizon = estimand.endpoint.day
    moves = ("discharge_home", "readmission")
    if tables.events is None or not tables.events["event"].is_in(moves).any():
        allowed = "must hold discharge_home and readmission rows (protocol section [hospital])"
        raise BadInput([Problem("events", "no discharge_home", allowed)])
    place = people.days.select(*KEY).with_row_index("_row")
    rows = (
        with_keys(tables.events)
        .filter(pl.col("event").is_in(moves) & (pl.col("day") < horizon))
        .join(place, on=list(KEY))
        .sort("_row", "day")
    )
    sign = np.where(rows["event"].to_numpy() == moves[0], 1.0, -1.0)
    at_home = np.bincount(rows["_row"].to_numpy(), sign * (horizon - rows["day"].to_numpy()), len(people))
    failed = _first(people, _by_strategy(estimand, "composite")) <= horizon
    gone = (people.end < horizon) & ~failed
    removed = _first(people, _by_strategy(estimand, "hypothetical")) < horizon
    value = np.where(failed, 0.0, np.where(gone | removed, np.nan, at_home))
    return ValueSample(
        **base_of(people),  # type: ignore[arg-type]
        value=value,
        baseline=np.full(len(people), np.nan),
        higher_is_better=True,
    )


def level_sample(people: People, tables: TrialTables, estimand: Estimand) -> LevelSample:
    """The hierarchy: death, transplant, severe infection, change of the measure (1 point is a tie)."""
    endpoint = estimand.endpoint
    found = measured(people, tables, endpoint)
    removed = _first(people, _by_strategy(estimand, "hypothetical"))
    follow_up = np.minimum(np.minimum(people.end, removed), endpoint.day)
    levels = [
        people.day(event) if event in INTERCURRENT else _rows_of(people, tables, event) for event in HIERARCHY
    ]
    change = np.where(removed < found.planned, np.nan, found.at - found.baseline)
    nothing = np.empty(0)
    kinds: tuple[TimeLevel | ValueLevel, ...] = (
        *(TimeLevel(event, nothing) for event in HIERARCHY),
        ValueLevel(endpoint.measure, nothing, endpoint.higher_is_better, 1.0),
    )
    return LevelSample(
        **base_of(people),  # type: ignore[arg-type]
        follow_up=follow_up,
        levels=np.stack([*levels, change]),
        kinds=kinds,
    )
