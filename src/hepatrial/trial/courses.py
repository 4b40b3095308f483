"""Courses: a chunk of the plan is simulated and written down as rows of the three tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.engine import Result, Status
from hepatrial.model.spec import ModelSpec
from hepatrial.population.cohort import Cohort
from hepatrial.population.luck import thresholds
from hepatrial.population.machine import Machine
from hepatrial.population.observation import draw_errors, measured, outputs_of, read_measures
from hepatrial.population.onset import Illness
from hepatrial.protocol import Protocol
from hepatrial.schema import EVENT, MEASURES, SUBJECT, VISIT, Column
from hepatrial.trial import aftermath
from hepatrial.trial.deaths import death_causes
from hepatrial.trial.dropout import (
    UNKNOWN_VITAL_STATUS,
    Discharge,
    discharges,
    dropout_reasons,
    dropout_times,
)
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.regimen import Doses, after_stop, course_doses, course_parameters, join_doses
from hepatrial.trial.stages import SECOND_STAGE, reached_second, second_options
from hepatrial.trial.strata import CENTRE, STRATUM, Placed, names_of, placed
from hepatrial.trial.visits import visit_days

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]

ACTION_EVENTS = {
    "infuse_cells": "cell_infusion",
    "give_gcsf": "growth_factor",
    "plasma_exchange": "plasma_exchange",
    "albumin_exchange": "plasma_exchange",
    "mars_session": "albumin_dialysis",
}
"""Action of the model -> name in the event table."""


COURSE, AGAIN = "course", "again"
"""Luck of the events of a course, and that of the same patients followed once more."""


@dataclass(frozen=True)
class VariantSet:
    """Structural variants of the cell effect in force in a run.

    Attributes:
        names: of the variants.
        weights: prior weights.
        overrides: parameters of each.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    overrides: tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class Trial:
    """Everything that is the same for all courses of a run."""

    machine: Machine
    illness: Illness
    cohort: Cohort
    variants: VariantSet

    @property
    def protocol(self) -> Protocol:
        """Whom the trial takes and what it does."""
        return self.illness.protocol

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.illness.seed


@dataclass(frozen=True)
class Tables:
    """Rows of the three tables, with the columns of ``schema.py``."""

    subject: pl.DataFrame
    visit: pl.DataFrame
    event: pl.DataFrame


@dataclass(frozen=True)
class _Fate:
    """What the trial knows of each course, (n,) each; days are infinite or NaN where there is none."""

    death: Array
    transplant: Array
    dropout: Array
    discharge: Discharge
    seen_until: Array
    """Last day on which the subject can be seen: death, dropout, discharge or the end of observation."""


def simulate_courses(trial: Trial, plan: Plan, luck_of: str = COURSE) -> Tables:
    """Simulate some rows of a plan.

    Args:
        trial: the run.
        plan: n rows, all of the world that the trial's cohort belongs to.
        luck_of: ``COURSE``, or ``AGAIN`` for the same patients with other luck of their events.

    Returns:
        Their rows of the three tables, in the order of the plan; subjects whose solve failed are among them.
    """
    protocol, seed, spec = trial.protocol, trial.seed, trial.machine.spec
    where = _placed(trial, plan)
    plan = where.plan if where else plan
    row = trial.cohort.index[plan.row]
    pool, traits = trial.cohort.pool, trial.cohort.traits
    overrides = trial.variants.overrides
    parameters = course_parameters(
        protocol, spec, trial.illness.deck, seed, plan, traits.parameters[row], overrides
    )
    aftermath.add_outside_product(protocol, spec, trial.illness.deck, seed, plan, parameters, overrides)
    leaves = dropout_times(protocol, seed, plan.person)
    end = np.minimum(protocol.follow_up.length, leaves)
    doses, missed = _doses(trial, plan, parameters, end)
    days = visit_days(protocol, seed, plan.person)
    outputs = _outputs(protocol, spec)
    luck = thresholds(seed, luck_of, spec.hazards, plan.person)
    if where:  # a hazard that is r times as large reaches a threshold when the model's reaches 1/r of it
        luck[:, [hazard.name for hazard in spec.hazards].index("death"), :] /= where.ratio[:, None]
    watch = aftermath.watch_days(protocol)
    seen, at_visit, at_watch = aftermath.with_watch(np.where(days <= end[:, None], days, np.nan), watch)
    seen = np.where(seen <= end[:, None], seen, np.nan)

    def solve(rows: NDArray[np.intp], given: Doses) -> Result:
        return trial.machine.solve(
            parameters[rows],
            pool.admitted.state[row[rows]],
            luck[rows],
            seen[rows],
            end[rows],
            impulses=given.impulses,
            outputs=outputs,
        )

    if protocol.intercurrent and protocol.intercurrent.rescue_plasma_exchange:
        first = solve(np.arange(len(plan)), doses)
        ward = _ward(trial, row, parameters, first, watch, at_watch)
        doses = _with_rescue(trial, plan, row, first, ward, doses, end)
    result, doses = solve_until_stopped(spec, solve, len(plan), doses)
    fate = _fate(trial, plan, result, doses, leaves)
    more = _missed_rows(result, missed, fate)
    if watch.size:
        ward = _ward(trial, row, parameters, result, watch, at_watch)
        more += [part for part in (aftermath.renal_rows(protocol, ward),) if part]
        more += aftermath.hospital_rows(protocol, spec, result, ward, fate.seen_until)
    result, _ = aftermath.split_result(result, at_visit, at_watch)
    return Tables(
        _with_strata(_subjects(trial, plan, row, parameters, result, doses, fate), where),
        _visits(trial, plan, row, parameters, result, days, fate),
        _events(trial, plan, result, doses, fate, more),
    )


def _placed(trial: Trial, plan: Plan) -> Placed | None:
    """Centres and strata of a protocol that names them."""
    protocol, cohort = trial.protocol, trial.cohort
    if protocol.randomisation is None:
        return None
    spec, row = trial.machine.spec, cohort.index
    columns: dict[str, NDArray[np.generic]] = {
        "cirrhosis": cohort.traits.parameters[row, spec.parameters.index("cirrhosis")],
        "sex": cohort.traits.female[row],
        "infected_at_entry": cohort.pool.admitted.infected[row],
        **{
            one.by: cohort.pool.measure(one.by)[row]
            for one in protocol.randomisation.strata
            if one.cut is not None
        },
    }
    return placed(protocol, trial.seed, plan, names_of(protocol.randomisation.strata, columns))


def _with_strata(subjects: pl.DataFrame, where: Placed | None) -> pl.DataFrame:
    if where is None:
        return subjects
    return subjects.with_columns(
        pl.Series(CENTRE, where.centre).cast(pl.Int32), pl.Series(STRATUM, where.stratum.tolist(), pl.String)
    )


def _outputs(protocol: Protocol, spec: ModelSpec) -> tuple[str, ...]:
    """Outputs that visits and the ward's rules need, in the model's order."""
    asked = outputs_of(protocol.visits.measures, spec.outputs)
    more = aftermath.watched_outputs(protocol, spec)
    return tuple(name for name in spec.outputs if name in asked or name in more) if more else asked


def _doses(trial: Trial, plan: Plan, parameters: Array, end: Array) -> tuple[Doses, Doses]:
    """What is given, cells bought outside among it, and the planned infusions that are missed."""
    protocol, spec, seed = trial.protocol, trial.machine.spec, trial.seed
    doses = course_doses(protocol, spec, seed, plan, parameters, end)
    gone = aftermath.missed(protocol, spec, seed, plan, doses)
    kept, missed = doses[~gone], doses[gone]
    weight = parameters[:, spec.parameters.index("weight")]
    bought = aftermath.outside_doses(protocol, spec, seed, plan, weight)
    if bought:
        kept = join_doses([kept, *bought])
        kept = kept[kept.day < end[kept.row]]
    return kept, missed


def _ward(
    trial: Trial, row: NDArray[np.intp], parameters: Array, result: Result, watch: Array, at: NDArray[np.intp]
) -> aftermath.Ward:
    values = np.take_along_axis(result.values, at[:, :, None], axis=1)
    age = parameters[:, trial.machine.spec.parameters.index("age")]
    female = trial.cohort.traits.female[row]
    return aftermath.ward_of(trial.protocol, result, values, watch, trial.illness.clinic, age, female)


def _with_rescue(
    trial: Trial,
    plan: Plan,
    row: NDArray[np.intp],
    first: Result,
    ward: aftermath.Ward,
    doses: Doses,
    end: Array,
) -> Doses:
    """The doses with the plasma exchanges of those who get worse in a first solution.

    Until the rescue nothing changes, so that the first solution tells who gets one and when.
    """
    rule = trial.protocol.intercurrent and trial.protocol.intercurrent.rescue_plasma_exchange
    assert rule
    spec = trial.machine.spec
    stopped = np.minimum(
        *(first_event(first, spec.causes.index(cause), len(plan)) for cause in ("transplant", "withdrawal"))
    )
    baseline = trial.cohort.pool.measure(rule.measure)[row]
    more = aftermath.rescue_doses(trial.protocol, spec, trial.seed, plan, ward, baseline, stopped, end)
    return doses if more is None else join_doses([doses, more])


def _missed_rows(result: Result, missed: Doses, fate: _Fate) -> list[aftermath.Rows]:
    """Infusions missed by subjects who were there to get them."""
    there = missed.day < np.minimum(result.end_time, fate.transplant)[missed.row]
    here = missed[there]
    count = len(here.row)
    return (
        [(here.row, here.day, np.full(count, "missed_infusion", dtype="<U24"), here.detail)] if count else []
    )


def solve_until_stopped(
    spec: ModelSpec, solve: Callable[[NDArray[np.intp], Doses], Result], n: int, doses: Doses
) -> tuple[Result, Doses]:
    """Courses in which nothing planned is given after a transplant or a withdrawal of care.

    Impulses are planned, the stop is chance: the courses in which something would have been given after it
    are solved once more without. Until the stop nothing changes, and neither stop follows the other.

    Returns:
        The result and the doses that are left.
    """
    result = solve(np.arange(n), doses)
    transplant, withdrawal = (
        first_event(result, spec.causes.index(cause), n) for cause in ("transplant", "withdrawal")
    )
    late = after_stop(doses, transplant, withdrawal)
    rows = np.unique(doses.row[late])
    if len(rows) == 0:
        return result, doses
    left = doses[~late]
    mine = left[np.isin(left.row, rows)]
    return _put(result, rows, solve(rows, replace(mine, row=np.searchsorted(rows, mine.row)))), left


def _put(result: Result, rows: NDArray[np.intp], again: Result) -> Result:
    """A result with some courses in the place of those it had."""
    events = again.events.copy()
    events["patient"] = rows[events["patient"]]
    events = np.concatenate([result.events[~np.isin(result.events["patient"], rows)], events])
    changed: dict[str, Any] = {"events": events[np.lexsort((events["time"], events["patient"]))]}
    for field in fields(result):
        if field.name in ("events", "outputs"):
            continue
        values = getattr(result, field.name).copy()
        values[rows] = getattr(again, field.name)
        changed[field.name] = values
    return replace(result, **changed)


def first_event(result: Result, cause: int, n: int) -> Array:
    """(n,) day of the first event of a cause, infinite for none."""
    day = np.full(n, np.inf)
    mine = result.events[result.events["cause"] == cause]
    np.minimum.at(day, mine["patient"], mine["time"])
    return day


def _fate(trial: Trial, plan: Plan, result: Result, doses: Doses, leaves: Array) -> _Fate:
    n, causes = len(plan), trial.machine.spec.causes
    death = first_event(result, causes.index("death"), n)
    last_care = np.zeros(n)
    given = doses.day < result.end_time[doses.row]
    np.maximum.at(last_care, doses.row[given], doses.day[given])
    discharge = discharges(trial.protocol, trial.seed, plan.person, death, last_care)
    left_home = np.where(np.isnan(discharge.day), np.inf, discharge.day)
    return _Fate(
        death=death,
        transplant=first_event(result, causes.index("transplant"), n),
        dropout=np.where(leaves <= result.end_time, leaves, np.inf),
        discharge=discharge,
        seen_until=np.minimum(result.end_time, left_home),
    )


def _subjects(
    trial: Trial,
    plan: Plan,
    row: NDArray[np.intp],
    parameters: Array,
    result: Result,
    doses: Doses,
    fate: _Fate,
) -> pl.DataFrame:
    protocol, spec = trial.protocol, trial.machine.spec
    admitted, traits = trial.cohort.pool.admitted, trial.cohort.traits
    column = {name: parameters[:, i] for i, name in enumerate(spec.parameters)}
    planned = np.array([protocol.arms[name].infusions for name in arm_names(protocol)])[plan.arm]
    second = reached_second(protocol, second_options(protocol, trial.seed, plan), fate.seen_until)
    planned = planned + _more_infusions(protocol, second)
    cells = (doses.action == spec.actions.index("infuse_cells")) & (doses.detail != aftermath.OUTSIDE)
    given = cells & (doses.day < result.end_time[doses.row])
    received = np.bincount(doses.row[given], minlength=len(plan))
    ok = result.ok
    failures = {status: status.name.lower() for status in Status if not status.ok}
    data = {
        **_keys(trial, plan),
        "treatment_actual": _treatment(trial, plan, planned, received),
        "variant": _named(trial.variants.names, plan.variant),
        "world": plan.world + 1,
        "status": np.where(ok, "ok", np.array([failures.get(Status(s), "ok") for s in result.status])),
        "age": column["age"],
        "sex": np.where(traits.female[row] == 1.0, "female", "male"),
        "weight": column["weight"],
        "cirrhosis": column["cirrhosis"] == 1.0,
        "infected_at_entry": admitted.infected[row] == 1.0,
        "referral_delay": admitted.delay[row].astype(np.float64),
        "infusions_planned": planned,
        "infusions_received": received,
        **_survival(trial, plan, result, fate),
        "listed": column["listed"] == 1.0,
        "death_cause": _death_cause(trial, parameters, result, fate),
    }
    baseline = {
        f"baseline_{name}": admitted.measures[row, i]
        for i, name in enumerate(trial.cohort.pool.measures)
        if name in MEASURES
    }
    table = _table({**data, **baseline}, SUBJECT)
    if protocol.rerandomisation is not None:
        table = table.with_columns(pl.Series(SECOND_STAGE, second.tolist()))
    return table


def _more_infusions(protocol: Protocol, second: NDArray[np.str_]) -> NDArray[np.int64]:
    """(n,) infusions that the second randomisation adds to those planned for the arm."""
    more = np.zeros(len(second), dtype=np.int64)
    for name, option in protocol.rerandomisation.options.items() if protocol.rerandomisation else ():
        more[second == name] = sum(len(dosing.days) for dosing in option.regimen)
    return more


def _survival(trial: Trial, plan: Plan, result: Result, fate: _Fate) -> dict[str, NDArray[np.generic]]:
    """Times and indicators (1 = event) as the trial learns of them."""
    learnt = np.isfinite(fate.death) & fate.discharge.known
    lost = np.isfinite(fate.death) & ~fate.discharge.known
    last = np.where(learnt, fate.death, np.where(lost, fate.discharge.day, result.end_time))
    transplanted = fate.transplant <= last
    dropped = np.isfinite(fate.dropout) & ~np.isfinite(fate.death)
    first = np.where(learnt, "death", np.where(dropped | lost, "dropout", "none"))
    reason = np.where(dropped, dropout_reasons(trial.protocol, trial.seed, plan.person), "")
    return {
        "overall_survival_time": last,
        "overall_survival_event": learnt,
        "transplant_free_time": np.minimum(last, fate.transplant),
        "transplant_free_event": learnt | transplanted,
        "first_event": np.where(transplanted, "transplant", first),
        "dropout_reason": np.where(lost, UNKNOWN_VITAL_STATUS, reason),
    }


def _death_cause(trial: Trial, parameters: Array, result: Result, fate: _Fate) -> NDArray[np.str_]:
    """What the deaths that the trial learns of are put down to, "" for the others."""
    cause = np.full(len(fate.death), "", dtype="<U16")
    dead = np.flatnonzero(np.isfinite(fate.death) & fate.discharge.known)
    state, time = result.end_state[dead], result.end_time[dead]
    cause[dead] = death_causes(trial.machine.spec, parameters[dead], state, time)
    return cause


def _treatment(
    trial: Trial, plan: Plan, planned: NDArray[np.int64], received: NDArray[np.int64]
) -> NDArray[np.str_]:
    """Treatment received: that of the control arm for those who were to get cells and got none."""
    protocol, names = trial.protocol, arm_names(trial.protocol)
    control = protocol.control_arm
    actual = _named(names, plan.arm)
    if protocol.arms[control].regimen:
        return actual
    return np.where((planned > 0) & (received == 0), control, actual)


def _named(names: Sequence[str], index: NDArray[np.int64]) -> NDArray[np.str_]:
    return np.asarray(np.array(names, dtype=np.str_)[index])


def _keys(trial: Trial, plan: Plan) -> dict[str, NDArray[np.generic]]:
    pool = trial.cohort.pool.admitted
    return {
        "replicate": plan.replicate,
        "subject": plan.subject,
        "patient": pool.number[trial.cohort.index[plan.row]],
        "arm": _named(arm_names(trial.protocol), plan.arm),
    }


def _visits(
    trial: Trial,
    plan: Plan,
    row: NDArray[np.intp],
    parameters: Array,
    result: Result,
    days: Array,
    fate: _Fate,
) -> pl.DataFrame:
    """The baseline of every subject and the planned visits that took place."""
    protocol, spec = trial.protocol, trial.machine.spec
    clinic, names = trial.illness.clinic, protocol.visits.measures
    outputs = {name: result.values[:, :, i] for i, name in enumerate(result.outputs)}
    person, occurrence = plan.person[:, None], np.arange(1, days.shape[1] + 1)[None, :]
    errors = draw_errors(trial.seed, "visit", result.outputs, clinic, person, occurrence)
    age = parameters[:, spec.parameters.index("age")][:, None]
    female = trial.cohort.traits.female[row][:, None]
    seen = read_measures(measured(outputs, clinic, errors), names, clinic, age, female)
    came = np.concatenate([np.ones((len(plan), 1), dtype=bool), _came(outputs, days, fate)], axis=1)
    subject, visit = np.nonzero(came)

    def column(before: Array, after: Array) -> NDArray[np.generic]:
        return np.concatenate([before[:, None], after], axis=1)[subject, visit]

    pool, zero = trial.cohort.pool, np.zeros(len(plan))
    planned = protocol.visits.planned
    data = {
        **{name: values[subject] for name, values in _keys(trial, plan).items()},
        "visit": _named(["baseline", *(v.name for v in planned)], visit),
        "week": np.array([0.0, *(v.week for v in planned)])[visit],
        "day": column(zero, days),
        **{name: column(pool.measure(name)[row], seen[name]) for name in names},
    }
    return _table(data, VISIT)


def _came(outputs: Mapping[str, Array], days: Array, fate: _Fate) -> Yes:
    """Which planned visits took place: the subject was there and the course was solved until then."""
    solved = np.logical_and.reduce([~np.isnan(values) for values in outputs.values()])
    there: Yes = solved & (days <= fate.seen_until[:, None])
    return there


def _events(
    trial: Trial, plan: Plan, result: Result, doses: Doses, fate: _Fate, more: Sequence[aftermath.Rows]
) -> pl.DataFrame:
    """Clinical events, doses given, dropout and discharge, by subject and day."""
    spec = trial.machine.spec
    happened = result.events
    row, day = happened["patient"], happened["time"]
    name = _named(spec.causes, happened["cause"])
    died = name == "death"
    learnt = np.where(died, fate.discharge.known[row], day <= fate.seen_until[row])
    infected = result.end_state[:, spec.states.index("infection")] >= trial.illness.deck.value(
        "infected_from"
    )
    detail = np.where(died, np.where(infected[row], "with_infection", "without_infection"), "")
    # Peritonitis is one of the severe infections and is counted among them.
    detail = np.where(name == "sbp", "peritonitis", detail)
    name = np.where(name == "sbp", "severe_infection", name)
    parts = [(row[learnt], day[learnt], name[learnt], detail[learnt])]

    action = _named(spec.actions, doses.action)
    shown = (doses.day < result.end_time[doses.row]) & np.isin(action, list(ACTION_EVENTS))
    given = np.array([ACTION_EVENTS[one] for one in action[shown]], dtype="<U24")
    given = np.where(doses.detail[shown] == aftermath.OUTSIDE, "outside_cells", given)
    given = np.where(doses.detail[shown] == aftermath.RESCUE, "rescue_plasma_exchange", given)
    parts.append((doses.row[shown], doses.day[shown], given, doses.detail[shown]))

    gone = np.flatnonzero(np.isfinite(fate.dropout) & ~np.isfinite(fate.death))
    reasons = dropout_reasons(trial.protocol, trial.seed, plan.person)
    parts.append((gone, fate.dropout[gone], np.full(len(gone), "dropout"), reasons[gone]))
    home = np.flatnonzero(~np.isnan(fate.discharge.day))
    status = np.where(fate.discharge.known[home], "vital_status_known", "vital_status_unknown")
    parts.append((home, fate.discharge.day[home], np.full(len(home), "discharge_to_die"), status))

    parts += more
    row, day, name, detail = (np.concatenate([part[i] for part in parts]) for i in range(4))
    order = np.lexsort((name, day, row))
    row, day, name, detail = row[order], day[order], name[order], detail[order]
    keys = {key: values[row] for key, values in _keys(trial, plan).items()}
    return _table({**keys, "day": day, "event": name, "detail": detail}, EVENT)


def _table(data: Mapping[str, NDArray[np.generic]], columns: Sequence[Column]) -> pl.DataFrame:
    """A table with the schema's columns first, of its types, and all further columns as Float64."""
    types = {column.name: getattr(pl, column.dtype) for column in columns}
    extra = [name for name in data if name not in types]
    series = [
        pl.Series(name, _plain(data[name])).cast(types.get(name, pl.Float64)) for name in [*types, *extra]
    ]
    return pl.DataFrame(series)


def _plain(values: NDArray[np.generic]) -> NDArray[np.generic] | list[str]:
    """Text as a list, which polars reads faster than a fixed-width array."""
    return values.tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values)
