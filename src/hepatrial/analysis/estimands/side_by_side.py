"""The same trial under several estimands: each estimate beside the truth, and how it does over replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hepatrial.analysis.estimands.analyse import analyse
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.truth import Truth, World, truth_of, world_of
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.replicates import summarise


@dataclass(frozen=True)
class Row:
    """One estimand of a trial.

    Attributes:
        estimand: what was estimated.
        result: over the replicates.
        truth: from counterfactual arms, None where they were not simulated.
    """

    estimand: Estimand
    result: Inferences
    truth: Truth | None

    @property
    def bias(self) -> tuple[float, float]:
        """Mean estimate minus truth and its Monte-Carlo error, those of trials and truth together."""
        if self.truth is None:
            return float("nan"), float("nan")
        estimate, value = self.result.estimate, self.truth.value
        if self.result.transform == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                estimate, value = np.log(estimate), float(np.log(value))
        spread = summarise(estimate)
        error = np.hypot(float(spread.mcse), np.nan_to_num(self.truth.mcse))
        return float(spread.mean) - value, float(error)

    def as_dict(self) -> dict[str, object]:
        """For JSON: None where a number is not known."""
        result, shown = self.result, self.result.one(0)
        share, share_error = result.share_below()
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
            row["replicates"] = {
                "count": int(spread.replicates),
                "missing": int(spread.missing),
                "missing_because": result.missing,
                "mean": _number(float(spread.mean)),
                "mcse": _number(float(spread.mcse)),
                "sd": _number(float(spread.sd)),
                "rejected": share,
                "rejected_mcse": share_error,
            }
        if self.truth is not None:
            covered, error, count = result.coverage(self.truth.value)
            bias, bias_error = self.bias
            row["truth"] = {
                "value": _number(self.truth.value),
                "mcse": _number(self.truth.mcse),
                "patients": self.truth.patients,
                "without": sorted(self.truth.world),
                "bias": _number(bias),
                "bias_mcse": _number(bias_error),
                "coverage": _number(covered),
                "coverage_mcse": _number(error),
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
    made = []
    for estimand in estimands:
        named = estimand.with_treatments(*contrast)
        result = analyse(tables, named, contrast, strata=strata, level=level)
        known = world_of(named) in worlds and np.isfinite(result.estimate).any()
        made.append(Row(named, result, truth_of(named, worlds, contrast) if known else None))
    return made
