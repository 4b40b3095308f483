"""A bank of patients of plausible worlds, each followed in every arm and care with the same luck."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from hepatrial.errors import RunFailed
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial.folder import RunFolder
from hepatrial.trial.plausible import Worlds
from hepatrial.trial.run import run_trial

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

MORE = {
    "plasma_exchange": {
        "share": 1.0,
        "sessions": 5,
        "volumes": "1 plasma volume",
        "first_day": "1 d",
        "every": "3 d",
    },
    "albumin": {"below": "40 g/L", "rate": "20 g/d"},
}
"""The co-intervention."""
LISTED = {"transplant": {"listed": 0.5, "offer_rate": "10 % per week"}}
WITHDRAWN = {"withdrawal": {"rate": "30 % per week", "organs": 0.0}}
MEASURES = ("bilirubin", "albumin", "inr", "meld")
WEEK = 4.0
"""Week of the laboratory figures."""


@dataclass(frozen=True)
class Bank:
    """What the trials of a design are drawn from; p patients in w worlds.

    Attributes:
        hash: of the runs that made it.
        sizes: patients with cells and controls of the real trial.
        variants: (w,) structural variant in each world.
        world_size: (w,) patients of each world, which follow each other.
        prognosis: (p,) normal score of the MELD at entry in the patient's world, higher is better.
        death: course -> (p,) day of death, infinite for alive at the end of observation.
        labs: "cells" or "control" -> measure -> (p, 2) at entry and week 4, NaN for not seen.
        fever: (p,) fever with cells.
        last_infusion, length, judged_day: days.
        judged_by: "survival" or "laboratory".
        failed: patients left out because a course could not be solved.
    """

    hash: str
    sizes: tuple[int, int]
    variants: tuple[str, ...]
    world_size: Whole
    prognosis: Array
    death: dict[str, Array]
    labs: dict[str, dict[str, Array]]
    fever: NDArray[np.bool_]
    last_infusion: float
    length: float
    judged_day: float
    judged_by: str
    failed: int = 0

    def __len__(self) -> int:
        return len(self.prognosis)

    @property
    def start(self) -> Whole:
        """(w,) first patient of each world."""
        return np.cumsum(self.world_size) - self.world_size

    def of_world(self, world: int) -> slice:
        """The patients of a world."""
        return slice(int(self.start[world]), int(self.start[world] + self.world_size[world]))


def bank_protocol(protocol: Protocol) -> tuple[Protocol, dict[str, str]]:
    """The design with the arms of the bank, and course -> arm name."""
    written: dict[str, Any] = protocol.as_dict()
    control = protocol.endpoints.control_arm
    (cells,) = (name for name in protocol.arms if name != control)
    arms = written["arms"]
    courses = {"cells": cells, "control": control}
    extra = (("cells_more", cells, MORE), ("control_more", control, MORE), ("cells_listed", cells, LISTED),
             ("control_listed", control, LISTED), ("withdrawn", control, WITHDRAWN))  # fmt: skip
    for course, arm, care in extra:
        own = {key: value for key, value in arms[arm]["care"].items() if value is not None}
        arms[course] = {**arms[arm], "n": 1, "label": course, "label_zh": course, "care": {**own, **care}}
        courses[course] = course
    for arm in (cells, control):
        arms[arm] = {**arms[arm], "n": 1}
    return protocol_from_dict(written), courses


def make_bank(
    protocol: Protocol,
    pairs: int,
    worlds: Sequence[Worlds],
    *,
    seed: int = 1,
    judged_by: str = "survival",
    judged_week: float = 24.0,
    threads: int | None = None,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Bank:
    """Simulate a bank.

    Args:
        protocol: the design; one arm with cells, one control.
        pairs: patients of each world, each followed in seven arms.
        worlds: each one world with one structural variant; their luck differs.
        seed, threads: as in ``run_trial``.
        progress: called with (stage, worlds done, worlds).
        judged_by, judged_week: test by which a trial is published.
        folder: of the run folders of the worlds, so that an interrupted call goes on; default one that is
            deleted.

    Raises:
        RunFailed: nobody of a world could be followed in every arm.
    """
    parts = []
    wide, courses = bank_protocol(protocol)
    with tempfile.TemporaryDirectory() as scratch:
        for number, one in enumerate(worlds):
            run = run_trial(
                wide,
                replicates=1,
                pairs=pairs,
                seed=seed + number,
                threads=threads,
                out=(folder or Path(scratch)) / f"world-{number}",
                worlds=one,
            )
            parts.append(_of_run(run, protocol, courses, pairs, (judged_by, judged_week)))
            if progress:
                progress("worlds", number + 1, len(worlds))
    return _joined(parts)


def _of_run(
    run: RunFolder, protocol: Protocol, courses: dict[str, str], pairs: int, judged: tuple[str, float]
) -> Bank:
    """The bank of one world."""
    tables = {name: pl.read_parquet(run.path / f"{name}.parquet") for name in ("subject", "visit", "event")}
    pair = pl.col("replicate") == PAIR_REPLICATE
    subject, visit, event = (tables[name].filter(pair) for name in ("subject", "visit", "event"))
    bad = set(subject.filter(pl.col("status") != "ok")["subject"].to_list())
    persons = np.array(sorted(set(subject["subject"].to_list()) - bad), dtype=np.int64)
    if not len(persons):
        raise RunFailed("no patient of the bank could be followed in every arm")

    def column(arm: str, name: str) -> NDArray[Any]:
        mine = subject.filter((pl.col("arm") == arm) & pl.col("subject").is_in(persons.tolist()))
        return np.asarray(mine.sort("subject")[name].to_numpy())

    death = {}
    for course, arm in courses.items():
        died = column(arm, "overall_survival_event") == 1
        death[course] = np.where(died, column(arm, "overall_survival_time"), np.inf)
    labs = {
        course: {m: _labs(visit, courses[course], persons, m) for m in MEASURES}
        for course in ("cells", "control")
    }
    feverish = event.filter((pl.col("arm") == courses["cells"]) & (pl.col("event") == "fever"))["subject"]
    meld = labs["control"]["meld"][:, 0]
    (variant,) = set(column(courses["cells"], "variant"))
    infusions = [day for dose in protocol.arms[courses["cells"]].cells for day in dose.days]
    return Bank(
        hash=fingerprint(run.spec),
        sizes=(protocol.arms[courses["cells"]].n, protocol.arms[courses["control"]].n),
        variants=(variant,),
        world_size=np.array([len(persons)]),
        prognosis=ndtri((rankdata(-meld) - 0.5) / len(meld)),
        death=death,
        labs=labs,
        fever=np.isin(persons, np.asarray(feverish.to_numpy())),
        last_infusion=max(infusions),
        length=protocol.follow_up.length,
        judged_day=7 * judged[1],
        judged_by=judged[0],
        failed=pairs - len(persons),
    )


def _joined(parts: Sequence[Bank]) -> Bank:
    """The worlds of several banks of one design in one."""
    return replace(
        parts[0],
        hash=fingerprint([part.hash for part in parts]),
        variants=tuple(name for part in parts for name in part.variants),
        world_size=np.concatenate([part.world_size for part in parts]),
        prognosis=np.concatenate([part.prognosis for part in parts]),
        death={course: np.concatenate([part.death[course] for part in parts]) for course in parts[0].death},
        labs={
            course: {m: np.concatenate([part.labs[course][m] for part in parts]) for m in measures}
            for course, measures in parts[0].labs.items()
        },
        fever=np.concatenate([part.fever for part in parts]),
        failed=sum(part.failed for part in parts),
    )


def _labs(visit: pl.DataFrame, arm: str, persons: Whole, measure: str) -> Array:
    """(p, 2) a measure at entry and at week 4."""
    found = np.full((len(persons), 2), np.nan)
    for place, week in enumerate((0.0, WEEK)):
        mine = visit.filter((pl.col("arm") == arm) & (pl.col("week") == week))
        mine = mine.filter(pl.col("subject").is_in(persons.tolist()))
        rows = np.searchsorted(persons, np.asarray(mine["subject"].to_numpy()))
        found[rows, place] = mine[measure].to_numpy()
    return found
