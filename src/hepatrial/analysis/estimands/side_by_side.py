"""The same trial under several estimands: each estimate beside the truth, and how it does over replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from hepatrial.analysis.check import Ints
from hepatrial.analysis.clusters import mean_with_error, world_by_trial
from hepatrial.analysis.estimands.analyse import analyse
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.truth import Truth, World, truth_of, world_of
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.replicates import summarise
from hepatrial.schema import PAIR_REPLICATE


@dataclass(frozen=True)
class Row:
    """One estimand of a trial.

    Attributes:
        estimand: what was estimated.
        result: over the replicates.
        truth: from counterfactual arms, None where they were not simulated.
        clusters: (r,) plausible world of each replicate, whose trials are alike; None: each is its own.
    """

    estimand: Estimand
    result: Inferences
    truth: Truth | None
    clusters: Ints | None = None

    @property
    def bias(self) -> tuple[float, float]:
        """Mean estimate minus truth and its Monte-Carlo error, those of trials and truth together.

        Trials and truth of one world err alike, which is not taken off: the error is rather too large.
        """
        if self.truth is None:
            return float("nan"), float("nan")
        estimate, value = self.result.estimate, self.truth.value
        if self.result.transform == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                estimate, value = np.log(estimate), float(np.log(value))
        mean, error = mean_with_error(estimate, self.clusters)
        return mean - value, float(np.hypot(error, np.nan_to_num(self.truth.mcse)))

    def as_dict(self) -> dict[str, object]:
        """For JSON: None where a number is not known."""
        result, shown = self.result, self.result.one(0)
        share, share_error = result.share_below(clusters=self.clusters)
        row: dict[str, object] = {
            **self.estimand.as_dict(),
            "note": "; ".join(part for part in (self.estimand.note, shown.note) if part),
            "method": result.method,
            "parameter": result.parameter,
            "estimate": _number(shown.estimate),
            "ci": [_number(limit) for limit in shown.ci],
            "level": result.level,
            "transform": result.transform,
            "p": _number(shown.p),
            "n": result.n[0].tolist(),
            "events": result.events[0].tolist(),
        }
        if result.estimate.size > 1:
            spread = summarise(result.estimate)
            mean, error = mean_with_error(result.estimate, self.clusters)
            row["replicates"] = {
                "count": int(spread.replicates),
                "missing": int(spread.missing),
                "missing_because": result.missing,
                "mean": _number(mean),
                "mcse": _number(error),
                "sd": _number(float(spread.sd)),
                "rejected": share,
                "rejected_mcse": share_error,
            }
        if self.truth is not None:
            covered, covered_error, count = result.coverage(self.truth.value, self.clusters)
            bias, bias_error = self.bias
            row["truth"] = {
                "value": _number(self.truth.value),
                "mcse": _number(self.truth.mcse),
                "patients": self.truth.patients,
                "without": sorted(self.truth.world),
                "bias": _number(bias),
                "bias_mcse": _number(bias_error),
                "coverage": _number(covered),
                "coverage_mcse": _number(covered_error),
                "intervals": count,
            }
        return row


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def side_by_side(
    tables: TrialTables,
    estimands: Sequence[Estimand],
    contrast: tuple[str, str],
    *,
    worlds: Mapping[World, TrialTables] | None = None,
    strata: Sequence[str] = (),
    level: float = 0.95,
) -> list[Row]:
    """Estimate each estimand in every replicate, beside its truth where its world is there.

    Raises:
        BadInput: as ``analyse``, from all of the estimands together.
    """
    worlds = worlds or {}
    clusters = _worlds_of_trials(tables.subjects)
    made = []
    for estimand in estimands:
        named = estimand.with_treatments(*contrast)
        result = analyse(tables, named, contrast, strata=strata, level=level)
        known = world_of(named) in worlds and np.isfinite(result.estimate).any()
        made.append(Row(named, result, truth_of(named, worlds, contrast) if known else None, clusters))
    return made


def _worlds_of_trials(subjects: pl.DataFrame) -> Ints | None:
    """(r,) plausible world of each replicate, None where the table knows none."""
    if "world" not in subjects.columns:
        return None
    trials = subjects.filter(pl.col("replicate") != PAIR_REPLICATE)
    return world_by_trial(trials)["world"].to_numpy().astype(np.int64)
