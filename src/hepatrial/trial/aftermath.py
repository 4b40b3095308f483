"""Intercurrent events of a protocol's sections [intercurrent] and [hospital], day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine import Result
from hepatrial.model.spec import ModelSpec
from hepatrial.population.deck import Deck
from hepatrial.population.observation import Clinic, outputs_of, read_measures
from hepatrial.protocol import PRODUCTS, Arm, Protocol
from hepatrial.rng import Stream
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.regimen import Doses, apply_variants, impulse_part, product_parameters

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]

OUTSIDE, RESCUE = "outside", "rescue"
"""Details of doses that are no part of an arm's treatment."""
RENAL = "renal_replacement_on"
"""Output above 0.5 while renal replacement runs."""
READMITTED_BY = (
    "severe_infection",
    "sbp",
    "variceal_bleeding",
    "aki",
    "encephalopathy",
    "transplant",
    "withdrawal",
)
"""Events for which a patient is in hospital again."""


# --- what is watched ------------------------------------------------------------------------------------


def watch_days(protocol: Protocol) -> Array:
    """Days, besides the visits, on which the ward looks at a patient; none unless something asks for it."""
    later = protocol.intercurrent
    last = 0.0
    if later and later.rescue_plasma_exchange:
        last = later.rescue_plasma_exchange.until
    if protocol.hospital or (later and later.record_renal_replacement):
        last = protocol.follow_up.length
    return np.arange(1.0, np.floor(last) + 1.0)


def watched_measures(protocol: Protocol) -> tuple[str, ...]:
    """Measures that the ward's rules look at."""
    names = [limit.measure for limit in protocol.hospital.discharge] if protocol.hospital else []
    later = protocol.intercurrent
    if later and later.rescue_plasma_exchange:
        names.append(later.rescue_plasma_exchange.measure)
    return tuple(dict.fromkeys(names))


def watched_outputs(protocol: Protocol, spec: ModelSpec) -> tuple[str, ...]:
    """Model outputs that the rules need."""
    needed = set(outputs_of(watched_measures(protocol), spec.outputs))
    if protocol.intercurrent and protocol.intercurrent.record_renal_replacement:
        needed.add(RENAL)
    return tuple(name for name in spec.outputs if name in needed)


@dataclass(frozen=True)
class Ward:
    """What is seen every day.

    Attributes:
        days: (w,) days.
        values: output -> (n, w), NaN after the end of a course.
        measures: measure -> (n, w), without the error of an assay.
    """

    days: Array
    values: Mapping[str, Array]
    measures: Mapping[str, Array]


def with_watch(visits: Array, watch: Array) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Visits and watched days in one ascending row a patient, and where each visit and day went.

    Visits that are NaN (not to be seen) stay last.
    """
    both = np.concatenate([visits, np.broadcast_to(watch, (len(visits), watch.size))], axis=1)
    order = np.argsort(both, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(both.shape[1]), both.shape), axis=1)
    return np.take_along_axis(both, order, axis=1), place[:, : visits.shape[1]], place[:, visits.shape[1] :]


def split_result(result: Result, visit: NDArray[np.intp], watch: NDArray[np.intp]) -> tuple[Result, Array]:
    """The result at the visits alone, and the (n, w, outputs) values of the watched days."""
    at_visits = np.take_along_axis(result.values, visit[:, :, None], axis=1)
    at_watch = np.take_along_axis(result.values, watch[:, :, None], axis=1)
    return replace(result, values=at_visits), at_watch


def ward_of(
    protocol: Protocol, result: Result, values: Array, days: Array, clinic: Clinic, age: Array, female: Array
) -> Ward:
    """What the ward sees of true values."""
    named = {name: values[:, :, i] for i, name in enumerate(result.outputs)}
    measures = read_measures(named, watched_measures(protocol), clinic, age[:, None], female[:, None])
    return Ward(days, named, measures)


# --- doses that are added or fall out --------------------------------------------------------------------


def missed(protocol: Protocol, spec: ModelSpec, seed: int, plan: Plan, doses: Doses) -> Yes:
    """(doses,) planned infusions that are not given to a patient who is there."""
    share = protocol.intercurrent.missed_infusion if protocol.intercurrent else 0.0
    cells = doses.action == spec.actions.index("infuse_cells")
    if share == 0.0 or not cells.any():
        return np.zeros(len(doses.row), dtype=bool)
    order = np.lexsort((doses.day, doses.row, ~cells))
    row = doses.row[order]
    fresh = np.ones(row.size, dtype=bool)
    fresh[1:] = row[1:] != row[:-1]
    number = np.arange(row.size) - np.maximum.accumulate(np.where(fresh, np.arange(row.size), 0))
    occurrence = np.empty(row.size, dtype=np.int64)
    occurrence[order] = number
    u = Stream(seed, "missed_infusion").uniform(plan.person[doses.row], occurrence)
    may = _in_arms(
        protocol, plan, protocol.intercurrent.missed_infusion_arms if protocol.intercurrent else ()
    )
    return np.asarray(cells & (u < share) & may[doses.row])


def _in_arms(protocol: Protocol, plan: Plan, arms: Sequence[str]) -> Yes:
    """(n,) whose arm is among those named; all, when none is."""
    names = np.array(arm_names(protocol))[plan.arm]
    return np.isin(names, list(arms)) if arms else np.ones(len(plan), dtype=bool)


def buys_outside(protocol: Protocol, seed: int, plan: Plan) -> Yes:
    """(n,) who buys cells outside the protocol; the same people in every arm in which it may happen."""
    outside = protocol.intercurrent.outside_cells if protocol.intercurrent else None
    if outside is None:
        return np.zeros(len(plan), dtype=bool)
    may = _in_arms(protocol, plan, outside.arms)
    return np.asarray(may & (Stream(seed, "outside_cells").uniform(plan.person) < outside.share))


def outside_doses(protocol: Protocol, spec: ModelSpec, seed: int, plan: Plan, weight: Array) -> list[Doses]:
    """Infusions bought outside."""
    outside = protocol.intercurrent.outside_cells if protocol.intercurrent else None
    rows = np.flatnonzero(buys_outside(protocol, seed, plan))
    if outside is None or rows.size == 0:
        return []
    later = outside.spread * Stream(seed, "outside_cells_day").uniform(plan.person[rows])
    return [
        impulse_part(spec, outside.regimen, rows, day + later, weight[rows], OUTSIDE)
        for day in outside.regimen.days
    ]


def rescue_doses(
    protocol: Protocol,
    spec: ModelSpec,
    seed: int,
    plan: Plan,
    ward: Ward,
    baseline: Array,
    stopped: Array,
    end: Array,
) -> Doses | None:
    """Sessions of plasma exchange of those who got worse; None when nobody did.

    Args:
        baseline: (n,) value of the watched measure at randomisation.
        stopped: (n,) day of a transplant or a withdrawal of care, infinite for none.
        end: (n,) planned end of the course.
    """
    rule = protocol.intercurrent.rescue_plasma_exchange if protocol.intercurrent else None
    if rule is None:
        return None
    value = ward.measures[rule.measure]
    worse = (value >= baseline[:, None] + rule.rise) & (ward.days[None, :] <= rule.until)
    worse &= ward.days[None, :] < stopped[:, None]
    seen = worse.any(axis=1) & _in_arms(protocol, plan, rule.arms)
    offered = Stream(seed, "care.rescue_plasma_exchange").uniform(plan.person) < rule.share
    rows = np.flatnonzero(seen & offered)
    if rows.size == 0:
        return None
    start = ward.days[worse[rows].argmax(axis=1)]
    row = np.repeat(rows, rule.sessions)
    day = (start[:, None] + rule.every * np.arange(rule.sessions)).ravel()
    keep = day < end[row]
    count = int(keep.sum())
    return Doses(
        row[keep].astype(np.int64),
        day[keep],
        np.full(count, spec.actions.index("plasma_exchange"), dtype=np.int64),
        np.full(count, rule.volumes),
        np.full(count, RESCUE, dtype="<U24"),
        np.ones(count, dtype=bool),
    )


def add_outside_product(
    protocol: Protocol,
    spec: ModelSpec,
    deck: Deck,
    seed: int,
    plan: Plan,
    parameters: Array,
    variants: Sequence[Mapping[str, float]],
) -> None:
    """Give buyers in arms without cells the parameters of what they buy, in place.

    In arms with cells the arm's own product sets potency and route; what is bought counts as more of it.
    """
    outside = protocol.intercurrent.outside_cells if protocol.intercurrent else None
    if outside is None or PRODUCTS[outside.regimen.product].kind == "drug":
        return
    without = np.array([not protocol.arms[name].cells for name in arm_names(protocol)])
    rows = np.flatnonzero(buys_outside(protocol, seed, plan) & without[plan.arm])
    if rows.size == 0:
        return
    bought = Arm.model_construct(label="outside", n=1, regimen=(outside.regimen,))
    column = {name: i for i, name in enumerate(spec.parameters)}
    own = {name: parameters[rows, column[name]] for name in ("cell_clearance", "sensitisation_gain")}
    for name, setting in product_parameters(protocol, bought, deck, seed, plan, rows, own).items():
        parameters[rows, column[name]] = setting
    if outside.regimen.effect_of:
        apply_variants(parameters, rows, plan.variant, variants, column, deck)


# --- rows of the event table ------------------------------------------------------------------------------

Rows = tuple[NDArray[np.int64], Array, NDArray[np.str_], NDArray[np.str_]]
"""Course, day, event and detail of rows of the event table."""


def _rows(row: NDArray[np.integer], day: Array, event: str) -> Rows:
    names = np.full(len(row), event, dtype="<U24")
    return row.astype(np.int64), day, names, np.full(len(row), "", dtype="<U24")


def renal_rows(protocol: Protocol, ward: Ward) -> Rows | None:
    """First day of renal replacement of each course."""
    if not (protocol.intercurrent and protocol.intercurrent.record_renal_replacement):
        return None
    runs = ward.values[RENAL] > 0.5
    rows = np.flatnonzero(runs.any(axis=1))
    return _rows(rows, ward.days[runs[rows].argmax(axis=1)], "renal_replacement")


def hospital_rows(
    protocol: Protocol, spec: ModelSpec, result: Result, ward: Ward, until: Array
) -> list[Rows]:
    """Discharges home and readmissions.

    Args:
        until: (n,) last day on which each subject can be seen.
    """
    rule = protocol.hospital
    if rule is None:
        return []
    fit = np.ones((len(until), ward.days.size), dtype=bool)
    for limit in rule.discharge:
        value = ward.measures[limit.measure]
        fit &= ~np.isnan(value)
        fit &= value >= (-np.inf if limit.min is None else limit.min)
        fit &= value <= (np.inf if limit.max is None else limit.max)
    fit &= ward.days[None, :] < until[:, None]
    codes = [spec.causes.index(cause) for cause in READMITTED_BY]
    happened = result.events[np.isin(result.events["cause"], codes)]
    start = np.searchsorted(happened["patient"], np.arange(len(until) + 1))
    home: list[tuple[int, float]] = []
    back: list[tuple[int, float]] = []
    for row in range(len(until)):
        reasons = happened["time"][start[row] : start[row + 1]]
        reasons = reasons[reasons < until[row]]
        earliest = rule.stay
        for stop in [*reasons.tolist(), np.inf]:
            free = np.flatnonzero(fit[row] & (ward.days >= earliest) & (ward.days < stop))
            if free.size:
                home.append((row, float(ward.days[free[0]])))
                if np.isfinite(stop):
                    back.append((row, float(stop)))
            earliest = stop + rule.stay
    made = []
    for found, name in ((home, "discharge_home"), (back, "readmission")):
        rows = np.array([row for row, _ in found], dtype=np.int64)
        made.append(_rows(rows, np.array([day for _, day in found], dtype=np.float64), name))
    return made
