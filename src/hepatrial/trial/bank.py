"""A bank of admitted patients, each followed in every arm and under every care with the same luck."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from hepatrial.errors import RunFailed
from hepatrial.model.variants import load_variants
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.schema import PAIR_REPLICATE
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
    """What the trials of a design are drawn from; p patients.

    Attributes:
        hash: of the run that made it.
        sizes: patients with cells and controls of the real trial.
        names, weights: structural variants and their prior weights.
        order, start, size: patients by variant: ``order[start[v] : start[v] + size[v]]``.
        prognosis: (p,) normal score of the MELD at entry, higher is better.
        death: world -> (p,) day of death, infinite for alive at the end of observation.
        labs: "cells" or "control" -> measure -> (p, 2) at entry and week 4, NaN for not seen.
        fever: (p,) fever with cells.
        last_infusion, length, judged_day: days.
        judged_by: "survival" or "laboratory".
        failed: patients left out because a course could not be solved.
    """

    hash: str
    sizes: tuple[int, int]
    names: tuple[str, ...]
    weights: Array
    order: Whole
    start: Whole
    size: Whole
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


def bank_protocol(protocol: Protocol) -> tuple[Protocol, dict[str, str]]:
    """The design with the arms of the bank, and world -> arm name."""
    written: dict[str, Any] = protocol.as_dict()
    control = protocol.endpoints.control_arm
    (cells,) = (name for name in protocol.arms if name != control)
    arms = written["arms"]
    worlds = {"cells": cells, "control": control}
    extra = (("cells_more", cells, MORE), ("control_more", control, MORE), ("cells_listed", cells, LISTED),
             ("control_listed", control, LISTED), ("withdrawn", control, WITHDRAWN))  # fmt: skip
    for world, arm, care in extra:
        own = {key: value for key, value in arms[arm]["care"].items() if value is not None}
        arms[world] = {**arms[arm], "n": 1, "label": world, "label_zh": world, "care": {**own, **care}}
        worlds[world] = world
    for arm in (cells, control):
        arms[arm] = {**arms[arm], "n": 1}
    return protocol_from_dict(written), worlds


def make_bank(
    protocol: Protocol,
    pairs: int,
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
        pairs: patients, each followed in seven arms.
        seed, threads, progress: as in ``run_trial``.
        judged_by, judged_week: test by which a trial is published.
        folder: run folder of the bank, so that an interrupted one is resumed; default one that is deleted.
    """
    wide, worlds = bank_protocol(protocol)
    with tempfile.TemporaryDirectory() as scratch:
        run = run_trial(
            wide,
            replicates=1,
            pairs=pairs,
            seed=seed,
            threads=threads,
            out=folder or Path(scratch) / "bank",
            progress=progress,
        )
        tables = {
            name: pl.read_parquet(run.path / f"{name}.parquet") for name in ("subject", "visit", "event")
        }
        spec = run.spec
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
    for world, arm in worlds.items():
        died = column(arm, "overall_survival_event") == 1
        death[world] = np.where(died, column(arm, "overall_survival_time"), np.inf)
    labs = {
        world: {m: _labs(visit, worlds[world], persons, m) for m in MEASURES}
        for world in ("cells", "control")
    }
    feverish = event.filter((pl.col("arm") == worlds["cells"]) & (pl.col("event") == "fever"))["subject"]
    meld = labs["control"]["meld"][:, 0]
    known = load_variants()
    named = column(worlds["cells"], "variant")
    names = tuple(name for name in known if (named == name).any())
    which = np.array([names.index(name) for name in named])
    size = np.bincount(which, minlength=len(names))
    infusions = [day for dose in protocol.arms[worlds["cells"]].cells for day in dose.days]
    return Bank(
        hash=fingerprint(spec),
        sizes=(protocol.arms[worlds["cells"]].n, protocol.arms[worlds["control"]].n),
        names=names,
        weights=np.array([known[name].weight for name in names]),
        order=np.argsort(which, kind="stable"),
        start=np.concatenate([[0], np.cumsum(size)[:-1]]),
        size=size,
        prognosis=ndtri((rankdata(-meld) - 0.5) / len(meld)),
        death=death,
        labs=labs,
        fever=np.isin(persons, np.asarray(feverish.to_numpy())),
        last_infusion=max(infusions),
        length=protocol.follow_up.length,
        judged_day=7 * judged_week,
        judged_by=judged_by,
        failed=pairs - len(persons),
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
