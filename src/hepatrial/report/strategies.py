"""Curves under each way of handling transplants (ICH E9 R1), for a figure that can be switched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.analysis import incidence_by_arm, summarise, survival_by_arm
from hepatrial.report.spread import MIN_REPLICATES, finite_list

Array = NDArray[np.float64]

STRATEGIES = ("treatment_policy", "composite", "hypothetical", "while_untransplanted")


def strategy_values(
    subjects: pl.DataFrame, strategy: str, days: Sequence[float] | Array, arms: Sequence[str]
) -> Array:
    """Share of patients without the strategy's event, in every simulated trial.

    Args:
        subjects: subject table of randomised trials (replicates from 1).
        strategy: treatment_policy: death whenever it comes; composite: death or transplant; hypothetical:
            follow-up ends unseen at a transplant; while_untransplanted: free of death before transplant
            (1 - cumulative incidence).
        days: (d,) from randomisation.
        arms: (a,) names.

    Returns:
        (replicates, a, d).
    """
    at = np.asarray(days, dtype=np.float64)
    if strategy == "while_untransplanted":
        parts = subjects.partition_by("replicate", maintain_order=True)
        found = [incidence_by_arm(part, arms=arms) for part in parts]
        return np.array([[1 - one[arm].incidence_at(at)[:, 0] for arm in arms] for one in found])
    table, endpoint = subjects, "transplant_free" if strategy == "composite" else "overall_survival"
    if strategy == "hypothetical":
        table = subjects.with_columns(
            overall_survival_time=pl.col("transplant_free_time"),
            overall_survival_event=(pl.col("first_event") == "death").cast(pl.Int32),
        )
    return np.asarray(survival_by_arm(table, at, endpoint=endpoint, arms=arms).survival)


def strategy_curves(
    subjects: pl.DataFrame, strategy: str, days: Array, arms: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Mean curve of each arm with the band between simulated trials (empty for few trials).

    The arguments are those of ``strategy_values``.

    Returns:
        arm -> ``day``, ``estimate``, ``low``, ``high``, ``at_risk``, as the figures of survival take them.
    """
    values = strategy_values(subjects, strategy, days, arms)
    banded = values.shape[0] >= MIN_REPLICATES
    endpoint = "overall_survival" if strategy == "treatment_policy" else "transplant_free"
    at_risk = survival_by_arm(subjects, days, endpoint=endpoint, arms=arms).at_risk.mean(axis=0)
    curves = {}
    for k, arm in enumerate(arms):
        summary = summarise(values[:, k])
        curves[arm] = {
            "day": finite_list(days),
            "estimate": finite_list(summary.mean),
            "low": finite_list(summary.lower) if banded else [],
            "high": finite_list(summary.upper) if banded else [],
            "at_risk": finite_list(at_risk[k]),
        }
    return curves
