"""Patients as both cohorts have them, so that one function makes each figure of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.compare.cohort import ENTRY_DAY, RealCohort
from hepatrial.model.scores import meld
from hepatrial.prediction.vocabulary import VARIABLES
from hepatrial.prediction.world import ArmCourses

Array = NDArray[np.float64]
LOG = frozenset(name for name, variable in VARIABLES.items() if variable.scale == "log")
"""Measures compared on the logarithm."""
LEAST = 10
"""Patients from whom a measure is matched or compared."""
LONGEST = 365.0
"""Days; the longest follow-up compared."""


@dataclass(frozen=True)
class People:
    """Real or virtual patients; times in days from entry, SI units, NaN for what was not measured.

    Attributes:
        weights: (n,) adding up to 1.
        entry: measure -> (n,).
        labs: measure -> day -> (n,).
        death, transplant: (n,) day, infinite for none.
        seen: (n,) until when somebody was followed.
        worse: (n,) day of an outcome that its source does not define, infinite for none.
    """

    weights: Array
    entry: Mapping[str, Array]
    labs: Mapping[str, Mapping[float, Array]]
    death: Array
    transplant: Array
    seen: Array
    worse: Array

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def bad(self) -> Array:
        """(n,) day of death, transplant or the undefined outcome, whichever came first."""
        return np.minimum(np.minimum(self.death, self.transplant), self.worse)


def real_people(cohort: RealCohort) -> People:
    """Real patients, each of equal weight; days are those of visits that many share, else windows."""
    subjects = cohort.subjects
    row = {subject: i for i, subject in enumerate(subjects)}
    n = len(subjects)
    nominal = visit_day if has_visits(cohort.values) else window
    entry: dict[str, Array] = {}
    labs: dict[str, dict[float, Array]] = {}
    for measure in cohort.values["measure"].unique(maintain_order=True):
        mine = cohort.values.filter(pl.col("measure") == measure)
        entry[measure] = _entry(mine, row, n)
        labs[measure] = _courses(mine, row, n, nominal)
    death, transplant = _event(cohort, "death", row, n), _event(cohort, "transplant", row, n)
    worse, seen = _event(cohort, "deterioration", row, n), _event(cohort, "last_seen", row, n)
    last = np.zeros(n)
    for subject, day in cohort.values.select("subject", "time_d").iter_rows():
        last[row[subject]] = max(last[row[subject]], day)
    known = np.minimum(np.minimum(death, transplant), seen)
    seen = np.where(np.isfinite(seen), seen, np.where(np.isfinite(known), known, last))
    return with_scores(People(np.full(n, 1.0 / n), entry, labs, death, transplant, seen, worse))


def _entry(mine: pl.DataFrame, row: Mapping[str, int], n: int) -> Array:
    """The last value at day 0 or before, else the first until ``ENTRY_DAY``."""
    out, when = np.full(n, np.nan), np.full(n, np.inf)
    for subject, day, value in mine.select("subject", "time_d", "value").iter_rows():
        rank = -day if day <= 0 else 1e6 + day
        if day <= ENTRY_DAY and rank < when[row[subject]]:
            out[row[subject]], when[row[subject]] = value, rank
    return out


def has_visits(values: pl.DataFrame) -> bool:
    """Whether most later values lie on whole days on which at least ``LEAST`` patients were measured."""
    later = values.filter((pl.col("time_d") > ENTRY_DAY) & (pl.col("time_d") <= LONGEST))
    shared = later.group_by("measure", pl.col("time_d").round()).len()["len"]
    return not len(later) or float(shared.filter(shared >= LEAST).sum()) >= 0.5 * len(later)


def visit_day(day: float) -> float:
    """The whole day of a value after entry."""
    return float(max(round(day), 1))


def window(day: float) -> float:
    """The middle of the window in which a day lies: of a day until 14, a week until 90, then 30 days."""
    width = 1.0 if day <= 14.0 else 7.0 if day <= 90.0 else 30.0
    return float(max(round(day / width), 1) * width)


def _courses(
    mine: pl.DataFrame, row: Mapping[str, int], n: int, nominal: Callable[[float], float]
) -> dict[float, Array]:
    """Day -> (n,) the value nearest to it; none after the longest follow-up compared."""
    found: dict[float, Array] = {}
    off: dict[float, Array] = {}
    for subject, time, value in mine.select("subject", "time_d", "value").iter_rows():
        day = nominal(time)
        if time <= 0 or day > LONGEST:
            continue
        gap, at = abs(time - day), row[subject]
        if gap <= off.setdefault(day, np.full(n, np.inf))[at]:
            found.setdefault(day, np.full(n, np.nan))[at] = value
            off[day][at] = gap
    return dict(sorted(found.items()))


def _event(cohort: RealCohort, event: str, row: Mapping[str, int], n: int) -> Array:
    out = np.full(n, np.inf)
    for subject, day in (
        cohort.events.filter(pl.col("event") == event).select("subject", "time_d").iter_rows()
    ):
        out[row[subject]] = min(out[row[subject]], day)
    return out


def virtual_people(worlds: Sequence[ArmCourses], end: float) -> People:
    """The worlds of an arm together, each world with the same weight; everybody is followed to ``end``."""
    share = 1.0 / len(worlds)

    def joined(parts: list[Array]) -> Array:
        return np.concatenate(parts)

    names = worlds[0].before
    labs: dict[str, dict[float, Array]] = {}
    for measure, day in worlds[0].labs:
        labs.setdefault(measure, {})[day] = joined([world.labs[measure, day] for world in worlds])
    death = joined([world.event["death"] for world in worlds])
    n = len(death)
    return with_scores(
        People(
            joined([share * world.weights for world in worlds]),
            {name: joined([world.before[name] for world in worlds]) for name in names},
            labs,
            death,
            joined([world.event["transplant"] for world in worlds]),
            np.minimum(np.full(n, end), death),
            np.full(n, np.inf),
        )
    )


def with_scores(people: People) -> People:
    """MELD at entry from what was measured, where a cohort does not bring its own."""
    entry = dict(people.entry)
    if {"bilirubin", "creatinine", "inr"} <= entry.keys():
        known = {name: entry[name] for name in ("bilirubin", "creatinine", "inr")}
        missing = ~np.all([np.isfinite(x) for x in known.values()], axis=0)
        filled = {name: np.where(missing, 1.0, x) for name, x in known.items()}
        entry.setdefault("meld", np.where(missing, np.nan, meld(**filled, units="si")))
    return People(
        people.weights, entry, people.labs, people.death, people.transplant, people.seen, people.worse
    )
