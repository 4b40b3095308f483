"""One plausible world: candidates of the class fall ill, are admitted, matched to the Table 1, and followed
in every arm.

Arms share patients and luck. What comes out is small: for each arm, days of events and laboratory values
of the weighted pool. A world in which too few are admitted within the budget is no world; another draw
takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.model import ModelSpec
from hepatrial.model.scores import clif_c_organs
from hepatrial.model.variants import load_variants
from hepatrial.population.candidates import Candidates
from hepatrial.population.cohort import (
    Cohort,
    cause_column,
    cause_columns,
    make_illness,
    table1_columns,
)
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.onset import Illness, Onset, live_through_onset
from hepatrial.population.pool import Pool, cut_pool, taken, traits_of
from hepatrial.prediction.matching import Missed, match_table1
from hepatrial.prediction.planned import Planned, inner_names
from hepatrial.prediction.study import Study
from hepatrial.prediction.table1 import Wanted
from hepatrial.prediction.vocabulary import EVENT_KINDS
from hepatrial.protocol import Protocol
from hepatrial.trial.courses import Tables, Trial, VariantSet, simulate_courses
from hepatrial.trial.plan import make_plan

Array = NDArray[np.float64]

POOL = 800
"""Admitted patients wanted of a world."""
CHUNK = 1024
BUDGET = 12 * CHUNK
"""Candidates after which a world makes do with those admitted."""
FEWEST = 60
"""Admitted patients below which there is no world."""
AKI_RATIO = 1.5
"""Creatinine over that at entry from which kidney injury is counted."""
ORGANS = ("bilirubin", "creatinine", "he_grade", "inr", "map", "vasopressor", "pf_ratio")


@dataclass(frozen=True)
class Member:
    """A draw of the ensemble.

    Attributes:
        settings: card -> value.
        variant: structural variant of the cell effect.
        draw: its place in the ensemble.
    """

    settings: Mapping[str, float]
    variant: str
    draw: int = 0


@dataclass(frozen=True)
class ArmCourses:
    """What happened to the weighted pool in an arm.

    Attributes:
        weights: (m,) adding up to 1.
        event: name -> (m,) day of the first event, infinite for none.
        before: measure -> (m,) at entry.
        labs: (measure, day) -> (m,), NaN for those not seen.
        entry: measure -> (factor, shift) from what the matched pool shows at entry to what the Table 1 asks.
    """

    weights: Array
    event: Mapping[str, Array]
    before: Mapping[str, Array]
    labs: Mapping[tuple[str, float], Array]
    entry: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """A study in one plausible world.

    Attributes:
        arms: by name.
        admitted, candidates: counts.
        effective_n: of the match.
        misses: of the Table 1.
        widening: logit SD for what was missed.
        relaxed: whether the study's own entry criteria were given up because next to nobody passed.
        draw: of the ensemble.
    """

    arms: Mapping[str, ArmCourses]
    admitted: int
    candidates: int
    effective_n: float
    misses: tuple[Missed, ...]
    widening: float
    relaxed: bool
    draw: int = 0


def live(machine: Machine, study: Study, planned: Planned, member: Member, seed: int) -> World | None:
    """Follow a study in one world; None when too few are admitted.

    Args:
        machine: model and engine.
        study: as read.
        planned: as simulated.
        member: settings and variant.
        seed: of this world's luck.
    """
    for protocol, relaxed in ((planned.protocol, False), (planned.relaxed, True)):
        illness = make_illness(protocol, make_deck(member.settings), seed)
        pool = admit_pool(machine, illness)
        if pool is not None:
            return _follow(machine, study, illness, pool, member, relaxed)
    return None


def admit_pool(machine: Machine, illness: Illness, wanted: int | None = None) -> Pool | None:
    """Admitted patients, ``wanted`` (``POOL``) or as many as the budget gives; None below ``FEWEST``.

    Where the mix of causes would leave out more than half of them, all are taken: weights then bring the
    causes to their shares (``rows_to_match``), and what they cannot reach is told as a miss.
    """
    wanted = wanted or POOL
    parts: list[Onset] = []
    order: NDArray[np.intp] = np.empty(0, dtype=np.intp)
    for start in range(0, BUDGET, CHUNK):
        part = live_through_onset(machine, illness, np.arange(start + 1, start + CHUNK + 1, dtype=np.int64))
        parts.append(part)
        order = taken(illness, parts)
        seen, admitted = start + CHUNK, sum(len(one.admitted) for one in parts)
        if len(order) >= wanted or (seen >= 2 * CHUNK and admitted * BUDGET < FEWEST * seen):
            break
    if admitted < FEWEST:
        return None
    if 2 * len(order) < min(admitted, wanted) or len(order) < FEWEST:
        order = np.arange(admitted)
    return cut_pool(illness, parts, min(len(order), wanted), order)


def _follow(
    machine: Machine, study: Study, illness: Illness, pool: Pool, member: Member, relaxed: bool
) -> World:
    traits = traits_of(machine.spec, illness, pool)
    columns = pool_columns(machine.spec, pool, traits)
    wanted = rows_to_match(study, illness.protocol, columns)
    matched = match_table1(columns, wanted)
    n = len(pool)
    variant = load_variants()[member.variant]
    cohort = Cohort(pool, traits, np.arange(n), ())
    trial = Trial(machine, illness, cohort, VariantSet((variant.name,), (1.0,), (variant.overrides,)))
    plan = make_plan(illness.protocol, illness.seed, 0, n, np.array([1.0]))
    tables = simulate_courses(trial, plan)
    entry = _entry(columns, wanted, matched.weights)
    arms = {
        name: replace(_courses(illness.protocol, tables, inner, columns, matched.weights), entry=entry)
        for name, inner in inner_names(study).items()
    }
    return World(
        arms, n, pool.candidates, matched.effective_n, matched.misses, matched.widening, relaxed, member.draw
    )


def rows_to_match(study: Study, protocol: Protocol, columns: Mapping[str, Array]) -> list[Wanted]:
    """The rows of the Table 1 that the pool has, and the shares of causes where several are told."""
    rows = [one for one in study.baseline if one.column in columns]
    causes = protocol.population.cause_shares or {}
    if len(causes) > 1:
        rows += [
            Wanted(name, cause_column(name), share=share, low=1.0, high=1.0) for name, share in causes.items()
        ]
    return rows


def pool_columns(spec: ModelSpec, pool: Pool, traits: Candidates) -> dict[str, Array]:
    """What the matching can name, over the pool."""
    columns = table1_columns(spec, pool, traits)
    organs = {name: pool.measure(name) for name in ORGANS}
    columns["aclf_grade"] = clif_c_organs(**organs, units="si").grade
    return columns | cause_columns(traits)


def _courses(
    protocol: Protocol, tables: Tables, arm: str, columns: Mapping[str, Array], weights: Array
) -> ArmCourses:
    subject = tables.subject.filter(pl.col("arm") == arm).sort("subject")
    ok = (subject["status"] == "ok").to_numpy()
    n = len(subject)
    number = subject["subject"].to_numpy() - 1
    died = subject["overall_survival_event"].to_numpy() == 1
    ended = subject["transplant_free_event"].to_numpy() == 1
    event = {
        "death": np.where(died, subject["overall_survival_time"].to_numpy(), np.inf),
        "death_or_transplant": np.where(ended, subject["transplant_free_time"].to_numpy(), np.inf),
    }
    events = tables.event.filter(pl.col("arm") == arm)
    for name in ("transplant", "severe_infection", "mild_infection", "variceal_bleeding", "fever"):
        event[name] = _first(events, name, n)
    event["any_infection"] = np.minimum(event["severe_infection"], event["mild_infection"])
    labs = _labs(protocol, tables, arm, n)
    before = {name: columns[name][number] for name in protocol.visits.measures if name in columns}
    event |= _seen_events(labs, before, n)
    kept = np.where(ok, weights[number], 0.0)
    return ArmCourses(kept / kept.sum(), event, before, labs)


FURTHEST = 2.5
"""Largest factor by which a laboratory course is moved to the Table 1 that the pool could not meet."""


def _entry(
    columns: Mapping[str, Array], wanted: Sequence[Wanted], weights: Array
) -> dict[str, tuple[float, float]]:
    """(factor, shift) of each measure whose location the Table 1 gives: what the matching missed at entry."""
    found: dict[str, tuple[float, float]] = {}
    for one in wanted:
        if one.location is None:
            continue
        x = np.asarray(columns[one.column], dtype=np.float64)
        x = np.log(np.maximum(x, 1e-9)) if one.log else x
        gap = one.location - float(np.nansum(weights * x) / np.sum(weights[np.isfinite(x)]))
        limit = math.log(FURTHEST)
        found[one.column] = (math.exp(min(max(gap, -limit), limit)), 0.0) if one.log else (1.0, gap)
    return found


def _first(events: pl.DataFrame, name: str, n: int) -> Array:
    day = np.full(n, np.inf)
    mine = events.filter(pl.col("event") == name)
    np.minimum.at(day, mine["subject"].to_numpy() - 1, mine["day"].to_numpy())
    return day


def _labs(protocol: Protocol, tables: Tables, arm: str, n: int) -> dict[tuple[str, float], Array]:
    visits = tables.visit.filter((pl.col("arm") == arm) & (pl.col("visit") != "baseline"))
    found = {}
    for visit in protocol.visits.planned:
        mine = visits.filter(pl.col("visit") == visit.name)
        row = mine["subject"].to_numpy() - 1
        for name in protocol.visits.measures:
            column = np.full(n, np.nan)
            column[row] = mine[name].to_numpy()
            found[name, visit.day] = column
    return found


def _seen_events(
    labs: Mapping[tuple[str, float], Array], before: Mapping[str, Array], n: int
) -> dict[str, Array]:
    """First visits with encephalopathy of each grade and with kidney injury, of those free of it at entry."""
    found = {f"encephalopathy_{grade}": np.full(n, np.inf) for grade in range(1, 5)} | {
        "aki": np.full(n, np.inf)
    }
    for (name, day), value in labs.items():
        if name == "he_grade":
            for grade in range(1, 5):
                new = (value >= grade) & (before[name] < grade)
                found[f"encephalopathy_{grade}"][new] = np.minimum(found[f"encephalopathy_{grade}"][new], day)
        elif name == "creatinine":
            worse = value >= AKI_RATIO * before[name]
            found["aki"][worse] = np.minimum(found["aki"][worse], day)
    return found


def event_of(kind_or_event: str, grade: int) -> str:
    """The event of the courses that an endpoint counts."""
    event = EVENT_KINDS[kind_or_event]
    return f"encephalopathy_{grade}" if event == "encephalopathy" else event
