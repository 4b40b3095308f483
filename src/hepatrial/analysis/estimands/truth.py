"""The truth of an estimand from counterfactual arms: the same patients under both treatments, fully seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hepatrial.analysis.check import Floats
from hepatrial.analysis.clusters import mean_with_error
from hepatrial.analysis.estimands.analyse import sample_of
from hepatrial.analysis.estimands.apply import People, in_population, measured, people_of
from hepatrial.analysis.estimands.compare import compare
from hepatrial.analysis.estimands.estimand import METHOD_OF, Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.sample import LevelSample, Sample, TimeSample, ValueSample
from hepatrial.errors import BadInput, Problem

World = frozenset[str]
_PAIRS = 1500
"""Patients of whom all pairs are compared for a win ratio."""


@dataclass(frozen=True)
class Truth:
    """What an estimand is in a simulated population.

    Attributes:
        value: of the summary measure, first arm against second.
        mcse: Monte-Carlo error of ``value``, patients kept in pairs and pairs in their plausible worlds; NaN
            where none is computed. It tells how well the simulation knows the value and is no trial's error.
        patients: patients followed in both arms.
        world: events that could not happen.
    """

    value: float
    mcse: float
    patients: int
    world: World


def world_of(estimand: Estimand) -> World:
    """Events that cannot happen in the world of an estimand: its hypothetical ones.

    Dropout is missing data, never part of an outcome: no world of truth has it.
    """
    return frozenset(e for e, s in estimand.strategies.items() if s == "hypothetical" and e != "dropout")


def truth_of(
    estimand: Estimand, worlds: Mapping[World, TrialTables], contrast: tuple[str, str] | None = None
) -> Truth:
    """The value of an estimand among the counterfactual arms of its world.

    Args:
        estimand: what is wanted.
        worlds: events that cannot happen -> tables of that world, whose replicate 0 holds every patient in
            both arms, followed to the end.
        contrast: first arm against second; default the estimand's treatments.

    Raises:
        BadInput: its world was not simulated, or somebody left observation early in it.
    """
    world = world_of(estimand)
    if world not in worlds:
        name = f"without {', '.join(sorted(world))}" if world else "with every event"
        allowed = f"must hold the world {name}, which {estimand.name!r} is about"
        raise BadInput([Problem("worlds", f"{len(worlds)} others", allowed)])
    tables = worlds[world]
    arms = contrast or estimand.treatments
    people = in_population(people_of(tables, arms, pairs=True), estimand)
    if "dropout" in people.happened:
        allowed = "must be followed to the end: simulate the worlds without dropout"
        raise BadInput([Problem("worlds", f"{people.happened['dropout']} who left", allowed)])
    first, second = _paired(people)
    sample = sample_of(people, tables, estimand)
    value, mcse = _value(sample, people, tables, estimand, first, second)
    return Truth(value, mcse, int(first.size), world)


def _paired(people: People) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the same patients in the first and the second arm, in one order."""
    patient = people.subjects["subject"].to_numpy()
    rows = [np.flatnonzero(people.arm == arm) for arm in (0, 1)]
    common = np.intersect1d(patient[rows[0]], patient[rows[1]])
    found = []
    for mine in rows:
        order = mine[np.argsort(patient[mine])]
        found.append(order[np.searchsorted(patient[order], common)])
    return found[0], found[1]


def _value(
    sample: Sample,
    people: People,
    tables: TrialTables,
    estimand: Estimand,
    first: np.ndarray,
    second: np.ndarray,
) -> tuple[float, float]:
    day = estimand.endpoint.day
    subjects = people.subjects
    alike = subjects["world"].to_numpy() if "world" in subjects.columns else np.arange(subjects.height)
    if isinstance(sample, TimeSample) and estimand.summary in ("difference", "rmst"):
        return _mean_of_pairs(_score(sample, estimand.summary, day), first, second, alike)
    if isinstance(sample, ValueSample) and estimand.summary == "mean_difference":
        score = sample.value
        if estimand.strategy("death") == "principal_stratum":
            dead = people.day("death") <= measured(people, tables, estimand.endpoint).planned
            both = ~dead[first] & ~dead[second]
            first, second = first[both], second[both]
        return _mean_of_pairs(score, first, second, alike)
    rows = np.concatenate([first, second])
    if isinstance(sample, LevelSample):
        rows = np.concatenate([first[:_PAIRS], second[:_PAIRS]])
    unit = np.zeros(rows.size, dtype=np.int64)
    found = compare(sample.take(rows, unit, 1), METHOD_OF[estimand.summary], day=day)
    return float(found.estimate[0]), float("nan")


def _score(sample: TimeSample, summary: str, day: float) -> Floats:
    """(n,) what each patient adds to the summary when nobody is censored before the day."""
    hit = sample.cause == 1
    survival = not (sample.cause == 2).any()
    if summary == "difference":
        by_then = (hit & (sample.time <= day)).astype(np.float64)
        return np.asarray(1.0 - by_then if survival else by_then)
    lost = np.where(hit, day - np.minimum(sample.time, day), 0.0)
    return np.asarray(day - lost if survival else lost)


def _mean_of_pairs(
    score: Floats, first: np.ndarray, second: np.ndarray, alike: np.ndarray
) -> tuple[float, float]:
    """Mean gap of the pairs and its error; pairs of one number in ``alike`` are of one plausible world."""
    gap = score[first] - score[second]
    if np.isfinite(gap).sum() < 2:
        return float("nan"), float("nan")
    return mean_with_error(gap, alike[first])
