"""The fitted cohorts as the model would predict them: incidences under a draw of the ensemble, matched to the
Table 1.

What is left between these and what was seen is what ``discrepancy`` learns from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from hepatrial.calibration.cohort import Admission, Cohort, follow
from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.pool import traits_of
from hepatrial.prediction.matching import match_table1
from hepatrial.prediction.planned import plan_study
from hepatrial.prediction.study import Endpoint, Study, study_from_dict
from hepatrial.prediction.world import admit_pool, pool_columns, rows_to_match

Array = NDArray[np.float64]

CAUSES: Mapping[str, tuple[str, ...]] = {
    "death": ("death",),
    "death_or_transplant": ("death", "transplant"),
    "transplant": ("transplant",),
    "severe_infection": ("severe_infection", "sbp"),
    "any_infection": ("severe_infection", "sbp", "mild_infection"),
}
"""Event of a point -> causes of the model that are it."""


POOL = 400
"""Admitted patients of each; the error of simulation is part of the noise that is learnt with."""


@dataclass(frozen=True)
class Point:
    """A published share.

    Attributes:
        calibrant, cluster: whose; clusters are left out together.
        event: key of ``CAUSES``.
        day: from entry.
        share: of patients with the event, in (0, 1).
        n: patients.
    """

    calibrant: str
    cluster: str
    event: str
    day: float
    share: float
    n: int

    @property
    def place(self) -> float:
        """Logit of the share, half a patient off 0 and 1."""
        least = 0.5 / (self.n + 1.0)
        return float(logit(min(max(self.share, least), 1.0 - least)))


@dataclass(frozen=True)
class Calibrant:
    """A fitted cohort.

    Attributes:
        study: what its paper says before its results, as a study file.
        points: what was seen.
    """

    study: Study
    points: tuple[Point, ...]


@cache
def load_calibrants() -> tuple[Calibrant, ...]:
    """The fitted cohorts that ship, in the order of the file."""
    text = files("hepatrial.prediction").joinpath("calibrants.toml").read_text(encoding="utf-8")
    found = []
    for row in tomllib.loads(text)["calibrant"]:
        points = tuple(
            Point(row["id"], row["cluster"], p["event"], float(p["day"]), float(p["share"]), int(p["n"]))
            for p in row["points"]
        )
        day = max(point.day for point in points)
        data = {
            **row["file"],
            "arms": {"cohort": {"n": max(point.n for point in points)}},
            "endpoints": [{"kind": "survival", "day": day}],
        }
        found.append(Calibrant(study_from_dict(data, default_id=row["id"]), points))
    return tuple(found)


def all_points() -> tuple[Point, ...]:
    """Every point, in order."""
    return tuple(point for one in load_calibrants() for point in one.points)


@cache
def _families() -> tuple[tuple[Study, tuple[Calibrant, ...]], ...]:
    """Calibrants that share their admitted pool, with a study that asks for all that they need."""
    groups: dict[str, list[Calibrant]] = {}
    for one in load_calibrants():
        study = one.study
        limits = [(x.measure, x.min, x.max) for x in study.limits]
        told = (study.definition, study.etiology, study.country, study.age, study.exclude, limits)
        key = str(told)
        groups.setdefault(key, []).append(one)
    families = []
    for some in groups.values():
        rows = {row.column: row for one in some for row in one.study.baseline}
        day = max(one.study.follow_up for one in some)
        common = replace(
            some[0].study,
            baseline=tuple(rows.values()),
            endpoints=(Endpoint("survival", "survival", day, arms=("cohort",)),),
        )
        families.append((common, tuple(some)))
    return tuple(families)


def levels(machine: Machine, settings: Mapping[str, float], seed: int) -> tuple[Array, Array, Array]:
    """What the model shows of every point under a setting.

    Args:
        machine: model and engine.
        settings: card -> value.
        seed: of this world's luck.

    Returns:
        (J,) logits of the incidence, (J,) their Monte-Carlo variances and (J,) SDs by which a prediction
        would be
        widened for what the matching missed; NaN where too few are admitted.
    """
    shown: dict[tuple[str, str, float], tuple[float, float, float]] = {}
    for common, some in _families():
        planned = plan_study(common)
        illness = make_illness(planned.protocol, make_deck(settings), seed)
        pool = admit_pool(machine, illness, POOL)
        if pool is None:
            continue
        traits = traits_of(machine.spec, illness, pool)
        columns = pool_columns(machine.spec, pool, traits)
        cohort = follow(Admission(illness, machine, pool, traits), "cohort", common.follow_up)
        for one in some:
            wanted = rows_to_match(one.study, planned.protocol, columns)
            matched = match_table1(columns, wanted)
            for point in one.points:
                found = _incidence(cohort, point, matched.weights)
                shown[point.calibrant, point.event, point.day] = (*found, matched.widening)
    nothing = (np.nan, np.nan, np.nan)
    table = np.array([shown.get((p.calibrant, p.event, p.day), nothing) for p in all_points()])
    return table[:, 0], table[:, 1], table[:, 2]


def _incidence(cohort: Cohort, point: Point, weights: Array) -> tuple[float, float]:
    effective = 1.0 / float(np.sum(weights**2))
    share = float(weights @ (cohort.first(CAUSES[point.event]) <= point.day))
    share = min(max(share, 0.5 / effective), 1.0 - 0.5 / effective)
    return float(logit(share)), 1.0 / (effective * share * (1.0 - share))
