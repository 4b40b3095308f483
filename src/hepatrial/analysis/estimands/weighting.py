"""A hypothetical event by inverse probability of censoring weights instead of plain censoring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.episodes import episodes
from hepatrial.analysis.estimands.apply import People, time_sample
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import INTERCURRENT, KEY, TrialTables, with_keys
from hepatrial.analysis.estimands.sample import TimeSample
from hepatrial.analysis.estimands.times import incidence_at
from hepatrial.analysis.inferences import Inferences, walds
from hepatrial.analysis.ipcw import NoCensoringModel, ipcw_kaplan_meier
from hepatrial.errors import BadInput, Problem

COURSE = ("meld", "bilirubin", "inr")
"""Measures looked for in this order; the first that the visits have is the time-dependent covariate."""


def weighted_difference(
    people: People, tables: TrialTables, estimand: Estimand, *, level: float = 0.95
) -> Inferences:
    """Difference of survival on the endpoint's day had the hypothetical events not happened.

    In each arm of each trial a Cox model of the hypothetical event, with the last value of a severity score
    and age, gives the weights (``ipcw_kaplan_meier``). It rests on these explaining both the event and the
    outcome. The weights are taken as known, which makes errors too large rather than too small. An arm
    without such an event is plain Kaplan-Meier, which its weights of 1 make it. A trial with an arm whose
    model cannot be fitted has no estimate, and ``reasons`` says why: to weight it by something else would be
    another estimator, chosen by the data. Trials are done one after the other.

    Raises:
        BadInput: no visits, or none of the measures of ``COURSE`` among them.
    """
    sample = time_sample(people, tables, estimand)
    if (sample.cause == 2).any():
        allowed = "must have no while... strategy with ipcw"
        raise BadInput([Problem(f"estimand {estimand.name!r}: estimator", "ipcw", allowed)])
    lost = _hypothetically_censored(people, estimand, sample)
    measure, row, when, value = _course(people, tables)
    age = people.subjects["age"].to_numpy() if "age" in people.subjects.columns else np.zeros(len(people))
    place = np.argsort(row, kind="stable")
    start = np.searchsorted(row[place], np.arange(len(people) + 1))
    shape = (sample.units, 2)
    survival, se = np.full(shape, np.nan), np.full(shape, np.nan)
    reasons = [""] * sample.units
    for trial in range(sample.units):
        for arm in (0, 1):
            mine = np.flatnonzero((sample.unit == trial) & (sample.arm == arm))
            if mine.size == 0:
                continue
            visits = np.concatenate([place[start[i] : start[i + 1]] for i in mine])
            course = (row[visits], when[visits], value[visits])
            try:
                survival[trial, arm], se[trial, arm] = _one_arm(
                    sample, lost, mine, course, age, estimand.endpoint.day, level
                )
            except NoCensoringModel as refusal:
                reasons[trial] = refusal.reason
    result = walds(
        "Kaplan-Meier, inverse probability of censoring weights",
        f"difference of survival on day {estimand.endpoint.day:g}, {sample.contrast}",
        survival[:, 0] - survival[:, 1],
        np.hypot(se[:, 0], se[:, 1]),
        sample.count(),
        sample.count(sample.cause == 1),
        level=level,
        note=f"weights by the course of {measure} and age",
    )
    extra = {"first": survival[:, 0], "second": survival[:, 1]}
    return replace(result, extra=extra, reasons=_told(reasons, survival))


def _told(reasons: list[str], survival: Floats) -> tuple[str, ...]:
    """Why each trial has no estimate, also where its model is not what is wrong."""
    unseen = "nobody of an arm was seen up to the day"
    known = np.asarray(np.isfinite(survival).all(axis=1))
    return tuple(reason or ("" if known[trial] else unseen) for trial, reason in enumerate(reasons))


def _hypothetically_censored(people: People, estimand: Estimand, sample: TimeSample) -> Ints:
    """(n,) 1 where a hypothetical event ended the observation."""
    events = [event for event in INTERCURRENT if estimand.strategy(event) == "hypothetical"]
    day = np.minimum.reduce([people.day(event) for event in events if event != "dropout"] or [people.end + 1])
    return np.asarray((sample.cause == 0) & (day <= sample.time), dtype=np.int64)


def _course(people: People, tables: TrialTables) -> tuple[str, Ints, Floats, Floats]:
    columns = [] if tables.visits is None else tables.visits.columns
    measure = next((name for name in COURSE if name in columns), None)
    if measure is None or tables.visits is None:
        allowed = f"must hold one of {', '.join(COURSE)}, the course that the weights rest on"
        raise BadInput([Problem("visits", "none of them", allowed)])
    place = people.days.select(*KEY).with_row_index("_row")
    rows = (
        with_keys(tables.visits)
        .select(*KEY, "day", value=pl.col(measure).cast(pl.Float64))
        .join(place, on=list(KEY))
        .filter(pl.col("value").is_not_null() & pl.col("value").is_not_nan())
    )
    row = rows["_row"].to_numpy().astype(np.int64)
    return measure, row, rows["day"].cast(pl.Float64).to_numpy(), rows["value"].to_numpy()


def _one_arm(
    sample: TimeSample,
    lost: Ints,
    mine: Ints,
    course: tuple[Ints, Floats, Floats],
    age: Floats,
    day: float,
    level: float,
) -> tuple[float, float]:
    time, event = sample.time[mine], (sample.cause[mine] == 1).astype(np.int64)
    if not lost[mine].any() or not event.any():
        found = incidence_at(time, event, np.zeros(mine.size, dtype=np.int64), 1, day)
        return 1 - float(found.value[0]), float(found.se[0])
    row, when, value = course
    parts = episodes(mine, time, event, row, np.maximum(when, 0.0), value)
    own = mine[parts.row]
    last = np.append(parts.row[1:] != parts.row[:-1], True)
    severity = parts.values[:, 0]
    if np.isnan(severity).all():
        reason = "nobody of an arm has a value that should explain such events"
        raise NoCensoringModel(reason, "no value of the covariate", "must have a course of the covariate")
    severity = np.where(np.isnan(severity), np.nanmean(severity), severity)
    columns = np.column_stack([severity, age[own]])
    columns = columns[:, columns.std(axis=0) > 0]
    weighted = ipcw_kaplan_meier(
        parts.stop,
        parts.event,
        np.where(last, lost[own], 0),
        columns if columns.size else np.zeros((own.size, 1)),
        patient=own,
        start=parts.start,
        level=level,
    )
    place = int(np.searchsorted(weighted.time, day, side="right"))
    if place == 0:
        return 1.0, 0.0
    return float(weighted.survival[place - 1]), float(np.nan_to_num(weighted.se[place - 1]))
