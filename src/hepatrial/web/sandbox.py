"""A fixed cohort of admitted patients kept in memory: dose, timing, route and severity answered at once.

Bands are of the population. No patient is shown alone, no probability is of one person, and the treated arm
never stands without its control: the same patients with the same luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.shipped import taught
from hepatrial.engine import Result
from hepatrial.model.variants import load_variants
from hepatrial.population.cohort import Cohort, make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.luck import thresholds
from hepatrial.population.pool import build_pool, traits_of
from hepatrial.protocol import Protocol, load_protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures import Panel, population_bands
from hepatrial.report.style import Frame
from hepatrial.schema import MEASURES
from hepatrial.trial.courses import Trial, VariantSet, solve_until_stopped
from hepatrial.trial.plan import Plan, arm_names, make_plan
from hepatrial.trial.regimen import course_doses, course_parameters
from hepatrial.trial.run import patient_machine

Array = NDArray[np.float64]

ORIGIN, SEED = "lin2017", 20
POOL, SHOWN = 450, 150
"""Patients admitted, and patients of a severity that are followed in both arms."""
OUTPUTS = (
    "bilirubin",
    "inr",
    "creatinine",
    "function_mass",
    "cells_lung",
    "cells_liver",
    "educated_phagocytes",
)
EVENTS = ("severe_infection", "variceal_bleeding")
FEWEST = 15
"""Patients below which no band is drawn."""

Route = Literal["peripheral_vein", "hepatic_artery", "portal_vein"]
Weights = Literal["prior", "posterior"]


@dataclass(frozen=True)
class Question:
    """What is asked of the cohort.

    Attributes:
        dose: cells per kg in each infusion.
        infusions, first, every: how many, the day of the first, days between two.
        route: of infusion.
        severity: 0 (mildest third by MELD) to 1 (sickest third).
        days: followed.
        variant: structural variant of the cell effect, "" for all by weight.
        weights: of the variants.
    """

    dose: float = 1e6
    infusions: int = 4
    first: float = 0.0
    every: float = 7.0
    route: Route = "peripheral_vein"
    severity: float = 0.5
    days: float = 84.0
    variant: str = ""
    weights: Weights = "prior"


@cache
def _made() -> tuple[Trial, NDArray[np.intp]]:
    machine, protocol = patient_machine(), load_protocol(ORIGIN)
    illness = make_illness(protocol, make_deck(), SEED)
    pool = build_pool(machine, illness, POOL, threads=1)
    cohort = Cohort(pool, traits_of(machine.spec, illness, pool), np.arange(POOL), ())
    return Trial(machine, illness, cohort, _variants("", "prior")), np.argsort(
        pool.measure("meld"), kind="stable"
    )


_lock = Lock()


def cohort() -> tuple[Trial, NDArray[np.intp]]:
    """The cohort, and its rows by MELD; admitted once, whoever asks first."""
    with _lock:
        return _made()


def _variants(variant: str, weights: Weights) -> VariantSet:
    known = load_variants()
    chosen = [one for name, one in known.items() if variant in ("", name)]
    learnt = (
        {row["variant"]: row["posterior"] for row in taught()["variants"]} if weights == "posterior" else {}
    )
    return VariantSet(
        tuple(one.name for one in chosen),
        tuple(learnt.get(one.name, one.weight) for one in chosen),
        tuple(one.overrides for one in chosen),
    )


def _design(question: Question) -> Protocol:
    """The design that is asked about: the origin's arms with another regimen."""
    data = load_protocol(ORIGIN).as_dict()
    (line,) = data["arms"]["msc"]["regimen"]
    line["dose"] = f"{question.dose!r} cells/kg"
    line["days"] = [question.first + k * question.every for k in range(question.infusions)]
    line["route"], line["window"], line["dose_reported"] = question.route, "0 d", ""
    data["follow_up"]["length"] = f"{question.days!r} d"
    weeks = question.days / 7
    data["visits"]["weeks"], data["visits"]["window"] = [weeks], "0 d"
    data["endpoints"]["survival_weeks"] = [weeks]
    data["endpoints"]["primary"]["week"] = weeks
    line["days"] = [day for day in line["days"] if day < question.days] or [0.0]
    return protocol_from_dict(data)


def persons_of(severity: float) -> NDArray[np.int64]:
    """(SHOWN,) numbers of the patients of a severity: a window of the cohort sorted by MELD."""
    _, order = cohort()
    start = round((POOL - SHOWN) * min(1.0, max(0.0, severity)))
    return np.sort(order[start : start + SHOWN]).astype(np.int64) + 1


def _grid(protocol: Protocol, days: float) -> Array:
    """Days on which patients are seen: evenly, and closely after each infusion."""
    given = [day for dosing in protocol.dosings for day in dosing.days]
    close = [day + step for day in given for step in (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)]
    every = np.linspace(0.0, days, 29)
    return np.unique(np.round([*every, *(day for day in close if day < days)], 4))


@dataclass(frozen=True)
class Courses:
    """Courses of an arm: values (n, visits, outputs), NaN after the end; first events (n,) by cause."""

    days: Array
    values: Array
    first: Mapping[str, Array]


@lru_cache(maxsize=64)
def _courses(question: Question, arm: str) -> Courses:
    """An arm of the design in the patients of the severity."""
    trial, _ = cohort()
    protocol = _design(question)
    variants = _variants(question.variant, question.weights)
    plan = _plan(protocol, arm, persons_of(question.severity), np.array(variants.weights))
    spec, row = trial.machine.spec, plan.person - 1
    before = trial.cohort.traits.parameters[row]
    parameters = course_parameters(protocol, spec, trial.illness.deck, SEED, plan, before, variants.overrides)
    end = np.full(len(plan), question.days)
    doses = course_doses(protocol, spec, SEED, plan, parameters, end)
    days, luck = (
        _grid(_design(question), question.days),
        thresholds(SEED, "course", spec.hazards, plan.person),
    )
    seen = np.tile(days, (len(plan), 1))
    state = trial.cohort.pool.admitted.state[row]

    def solve(rows: NDArray[np.intp], given: Any) -> Result:
        return trial.machine.solve(
            parameters[rows], state[rows], luck[rows], seen[rows], end[rows],
            impulses=given.impulses, outputs=OUTPUTS,
        )  # fmt: skip

    result, _ = solve_until_stopped(spec, solve, len(plan), doses)
    first = {}
    for cause in ("death", "transplant", *EVENTS):
        day = np.full(len(plan), np.inf)
        mine = result.events[result.events["cause"] == spec.causes.index(cause)]
        np.minimum.at(day, mine["patient"], mine["time"])
        first[cause] = day
    return Courses(days, result.values, first)


def _plan(protocol: Protocol, arm: str, persons: NDArray[np.int64], weights: Array) -> Plan:
    plan = make_plan(protocol, SEED, 0, POOL, weights)
    keep = (plan.arm == arm_names(protocol).index(arm)) & np.isin(plan.person, persons)
    return Plan(*(getattr(plan, entry.name)[keep] for entry in fields(Plan)))


def answer(question: Question, lang: str, width: int, units: str = "si") -> dict[str, Any]:
    """The figure, its caption and what came out, for a question."""
    t = Catalogue(lang)
    protocol = load_protocol(ORIGIN)
    labels = {name: protocol.arms[name].text("label", lang) for name in ("smt", "msc")}
    untouched = Question(severity=question.severity, days=question.days)
    arms = {"smt": _courses(untouched, "smt"), "msc": _courses(question, "msc")}
    run_hash = question_hash(question)
    frame = Frame(t.mark, t("report.stamp", hash=run_hash[:12]), ("smt", "msc"), ("smt",), labels, width)
    panels = [_alive(arms, labels, t), *_laboratory(arms, labels, t, units), *_inside(arms, labels, t)]
    panels += [_event(arms, labels, t, cause) for cause in EVENTS]
    alive = {arm: float((c.first["death"] > question.days).mean()) for arm, c in arms.items()}
    return {
        "spec": population_bands(panels, frame, t, days=question.days),
        "hash": run_hash,
        "patients": SHOWN,
        "alive": alive,
        "mark": t.mark,
    }


def question_hash(question: Question) -> str:
    """Fingerprint of the question, the cohort and the model."""
    trial, _ = cohort()
    asked = {entry.name: getattr(question, entry.name) for entry in fields(Question)}
    return fingerprint(
        {"sandbox": asked, "model": trial.machine.spec.hash, "origin": ORIGIN, "seed": SEED, "pool": POOL}
    )


def _alive(arms: Mapping[str, Courses], labels: Mapping[str, str], t: Catalogue) -> Panel:
    rows = [
        {
            "arm": labels[arm],
            "day": float(day),
            "value": float((c.first["death"] > day).mean()),
            "low": None,
            "high": None,
        }
        for arm, c in arms.items()
        for day in c.days
    ]
    return Panel(t("endpoint.overall_survival"), "", rows, share=True, step=True)


def _event(arms: Mapping[str, Courses], labels: Mapping[str, str], t: Catalogue, cause: str) -> Panel:
    rows = [
        {
            "arm": labels[arm],
            "day": float(day),
            "value": float((c.first[cause] <= day).mean()),
            "low": None,
            "high": None,
        }
        for arm, c in arms.items()
        for day in c.days
    ]
    return Panel(t(f"endpoint.{cause}"), "", rows, share=True, step=True)


def _laboratory(
    arms: Mapping[str, Courses], labels: Mapping[str, str], t: Catalogue, units: str
) -> list[Panel]:
    panels = []
    for name in ("bilirubin", "inr", "creatinine"):
        measure = MEASURES[name]
        other = units == "conventional"
        unit = measure.conventional if other else measure.unit
        shown = t.get(f"unit.{unit}", "" if unit == "1" else unit)
        rows = _bands(arms, labels, name, measure.factor if other else 1.0)
        panels.append(Panel(t(f"measure.{name}"), shown, rows))
    return panels


def _inside(arms: Mapping[str, Courses], labels: Mapping[str, str], t: Catalogue) -> list[Panel]:
    """What no laboratory sees."""
    return [
        Panel(t(f"sandbox.{name}"), t(f"sandbox.unit.{name}"), _bands(arms, labels, name, 1.0))
        for name in ("function_mass", "cells_lung", "cells_liver", "educated_phagocytes")
    ]


def _bands(
    arms: Mapping[str, Courses], labels: Mapping[str, str], name: str, factor: float
) -> list[dict[str, Any]]:
    """Median and middle 80 of 100 of those alive and not transplanted."""
    rows = []
    for arm, courses in arms.items():
        values = courses.values[:, :, OUTPUTS.index(name)] * factor
        gone = courses.first["transplant"][:, None] <= courses.days
        count, quantiles = _quantiles(np.where(gone, np.nan, values), (0.1, 0.5, 0.9))
        for k, day in enumerate(courses.days):
            if count[k] >= FEWEST:
                low, middle, high = (float(f"{x:.5g}") for x in quantiles[:, k])
                rows.append(
                    {"arm": labels[arm], "day": float(day), "value": middle, "low": low, "high": high}
                )
    return rows


def _quantiles(values: Array, shares: tuple[float, ...]) -> tuple[NDArray[np.int64], Array]:
    """How many numbers each column holds, and its quantiles (linear interpolation); NaN is no number."""
    ordered, count = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)  # NaN is sorted last
    place = np.array(shares)[:, None] * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(values) - 1)
    column = np.arange(values.shape[1])
    part = place - below
    high = np.where(part > 0, ordered[above, column], 0.0)
    return count, ordered[below, column] * (1 - part) + high * part
