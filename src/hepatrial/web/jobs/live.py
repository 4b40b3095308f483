"""Curves of a run that is not finished: its first patients, then every whole simulated trial so far."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis import world_by_trial
from hepatrial.api import worlds_for
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.report.benefit import no_benefit
from hepatrial.report.spread import spread
from hepatrial.report.strategies import STRATEGIES, strategy_curves, strategy_values
from hepatrial.trial.courses import COURSE, simulate_courses
from hepatrial.trial.run import make_job, patient_machine

FIRST = 60
"""Patients followed in every arm for the first curves."""
IN_A_WORLD = 8
"""Of them in one plausible world: few worlds give them sooner than one patient of each."""

SHOWN_LIVE = ("treatment_policy", "composite")


def first_curves(protocol: Protocol, options: dict[str, Any], patients: int = FIRST) -> dict[str, Any]:
    """Curves of the first subjects of a run, each followed in every arm with the same luck.

    They are counterfactual persons of the run's first plausible worlds. With a Table 1 they are patients
    before the match, and the page says so.
    """
    matched = bool(protocol.population.table1)
    unmatched = protocol_from_dict(protocol.as_dict() | _without_table1(protocol)) if matched else protocol
    worlds = worlds_for(options)
    most = patients if worlds.alone else max(patients, IN_A_WORLD * len(worlds))
    few = {**options, "replicates": 0, "pairs": most}
    job = make_job(patient_machine(), unmatched, few, worlds, course_size=most * len(protocol.arms))
    rows: list[pl.DataFrame] = []
    followed = 0
    for chunk in job.chunks:
        if chunk.luck_of != COURSE:
            continue
        rows.append(simulate_courses(job.trial(chunk.world, None), chunk.rows).subject)
        followed += len(chunk.rows) // len(protocol.arms)
        if followed >= patients:
            break
    subjects = pl.concat(rows).with_columns(replicate=pl.lit(1, dtype=pl.Int32))
    return _told("first", subjects, protocol, {"patients": followed, "matched": not matched})


def _without_table1(protocol: Protocol) -> dict[str, Any]:
    return {"population": {**protocol.as_dict()["population"], "table1": []}}


@dataclass
class Trials:
    """The whole trials among the finished chunks of a run folder; remembers the chunks that it has read.

    Attributes:
        folder: the run folder.
        protocol: of the run.
    """

    folder: Path
    protocol: Protocol
    _read: dict[str, pl.DataFrame] = field(default_factory=dict)

    def curves(self) -> dict[str, Any] | None:
        """Curves with the spread of the trials so far, or None before the first is whole."""
        for path in sorted((self.folder / "shards").glob("course-*.subject.parquet")):
            if path.name not in self._read:
                rows = pl.read_parquet(io.BytesIO(path.read_bytes()))
                self._read[path.name] = rows.filter(pl.col("replicate") > 0)
        if not self._read:
            return None
        rows = pl.concat([self._read[name] for name in sorted(self._read)])
        whole = rows.filter(pl.len().over("replicate") == self.protocol.patients)
        if whole.is_empty():
            return None
        count = whole["replicate"].n_unique()
        return _told("trials", whole, self.protocol, {"patients": len(whole), "trials": count})


def _told(kind: str, subjects: pl.DataFrame, protocol: Protocol, more: dict[str, Any]) -> dict[str, Any]:
    arms = ordered_arms(protocol)
    days = np.arange(0.0, protocol.follow_up.length + 1e-9)
    curves = {name: strategy_curves(subjects, name, days, arms) for name in SHOWN_LIVE}
    return {"kind": kind, **more, "curves": curves}


def finished(subjects: pl.DataFrame, protocol: Protocol) -> dict[str, Any]:
    """Of a finished run: curves under every strategy, each arm and difference at the primary week, and how
    often a treated arm did no better."""
    trials = subjects.filter(pl.col("replicate") > 0)
    arms = ordered_arms(protocol)
    days = np.arange(0.0, protocol.follow_up.length + 1e-9)
    week = [7 * protocol.endpoints.primary.week]
    curves, landmarks, shares = {}, {}, {}
    held = world_by_trial(trials)["world"].to_numpy()
    for name in STRATEGIES:
        curves[name] = strategy_curves(trials, name, days, arms)
        values = strategy_values(trials, name, week, arms)[:, :, 0]
        differences = {arm: values[:, k] - values[:, 0] for k, arm in enumerate(arms) if k}
        landmarks[name] = {
            "arms": {arm: spread(values[:, k], held) for k, arm in enumerate(arms)},
            "differences": {arm: spread(one, held) for arm, one in differences.items()},
        }
        shares[name] = {arm: no_benefit(one, held)["share"] for arm, one in differences.items()}
    count = trials["replicate"].n_unique()
    return {
        "kind": "done",
        "patients": len(trials),
        "trials": count,
        "curves": curves,
        "landmarks": landmarks,
        "no_benefit": shares,
    }


def ordered_arms(protocol: Protocol) -> Sequence[str]:
    """Arms with the control first."""
    return (protocol.control_arm, *protocol.other_arms)
