"""Numbers of survival: curves with bands, landmarks, contrasts, strategies for transplant, incidences."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis import (
    SurvivalByArm,
    hazard_ratio_by_replicate,
    incidence_by_arm,
    logrank_by_replicate,
    summarise,
    survival_by_arm,
    world_by_trial,
)
from hepatrial.report.benefit import no_benefit
from hepatrial.report.facts import Arm, Facts
from hepatrial.report.spread import (
    MIN_REPLICATES,
    Floats,
    finite,
    finite_list,
    share_with_error,
    spread,
)
from hepatrial.report.strategies import strategy_values

ENDPOINTS = {"overall_survival": "overall_survival", "transplant_free_survival": "transplant_free"}
"""The protocol's names of the endpoints -> those of the analysis."""


def survival_numbers(facts: Facts) -> dict[str, Any]:
    """Survival of the simulated trials.

    Returns:
        ``curves`` (endpoint -> arm -> day, estimate, low, high, at_risk), ``landmarks`` (endpoint -> arm ->
        list), ``contrasts`` (one a non-control arm, endpoint and landmark), ``tests`` (one a non-control arm
        and endpoint: log-rank, hazard ratio, restricted mean), ``incidence`` (arm -> day, death, transplant).
    """
    days = np.arange(0.0, 7 * facts.study.weeks + 1e-9)
    numbers: dict[str, Any] = {"curves": {}, "landmarks": {}, "contrasts": [], "tests": []}
    for name, endpoint in ENDPOINTS.items():
        order = [arm.name for arm in facts.ordered]
        found = survival_by_arm(facts.trials, days, endpoint=endpoint, arms=order)
        numbers["curves"][name] = {arm: _curve(found, k) for k, arm in enumerate(order)}
        marks = survival_by_arm(facts.trials, _landmark_days(facts), endpoint=endpoint, arms=order)
        worlds = facts.worlds_of(marks.replicates)
        numbers["landmarks"][name] = {
            arm: [
                {"week": week, **spread(marks.survival[:, k, i], worlds)}
                for i, week in enumerate(facts.study.landmarks)
            ]
            for k, arm in enumerate(order)
        }
        for treated, control in facts.contrasts:
            numbers["contrasts"] += _contrasts(facts, name, marks, treated, control)
            numbers["tests"].append(_tests(facts, name, endpoint, found, treated, control))
    numbers["incidence"] = _incidence(facts, days)
    return numbers


def _landmark_days(facts: Facts) -> list[float]:
    return [7 * week for week in facts.study.landmarks]


def _curve(found: SurvivalByArm, arm: int) -> dict[str, list[float | None]]:
    summary = summarise(found.survival[:, arm])
    banded = found.replicates.size >= MIN_REPLICATES
    return {
        "day": finite_list(found.times),
        "estimate": finite_list(summary.mean),
        "low": finite_list(summary.lower) if banded else [],
        "high": finite_list(summary.upper) if banded else [],
        "at_risk": finite_list(found.at_risk[:, arm].mean(axis=0)),
    }


def _contrasts(
    facts: Facts, endpoint: str, marks: SurvivalByArm, treated: Arm, control: Arm
) -> list[dict[str, Any]]:
    """Difference of survival in every replicate: its spread and how often it is no benefit."""
    difference = marks.difference(treated.name, control.name)
    worlds = facts.worlds_of(marks.replicates)
    rows = []
    for i, week in enumerate(facts.study.landmarks):
        row = {"endpoint": endpoint, "arm": treated.name, "control": control.name, "week": week}
        benefit = {"no_benefit": no_benefit(difference[:, i], worlds)}
        rows.append({**row, **spread(difference[:, i], worlds), **benefit})
    return rows


def _tests(
    facts: Facts, name: str, endpoint: str, found: SurvivalByArm, treated: Arm, control: Arm
) -> dict[str, Any]:
    """What a trialist would compute from each simulated trial, and its spread over them.

    The restricted mean is the area under each replicate's curve to the end of follow-up, summed over days
    (steps inside a day are averaged by the trapezium rule, an error below half a day's drop).
    """
    contrast = (treated.name, control.name)
    test = logrank_by_replicate(facts.trials, contrast, endpoint=endpoint)
    hazards = hazard_ratio_by_replicate(facts.trials, contrast, endpoint=endpoint)
    ratio = spread(hazards.log_hazard_ratio, facts.worlds_of(hazards.replicates))
    area = np.trapezoid(found.difference(*contrast), found.times, axis=1)
    return {
        "endpoint": name,
        "arm": treated.name,
        "control": control.name,
        "significant": share_with_error(test.below(0.05), facts.worlds_of(test.replicates)),
        "hazard_ratio": {
            key: None if ratio[key] is None else float(np.exp(ratio[key]))  # type: ignore[arg-type]
            for key in ("mean", "low", "high")
        },
        "rmst": {"tau_days": finite(found.times[-1]), **spread(area, facts.worlds_of(found.replicates))},
    }


def _incidence(facts: Facts, days: Floats) -> dict[str, dict[str, list[float | None]]]:
    curves = {}
    for arm, found in incidence_by_arm(facts.trials, arms=[arm.name for arm in facts.ordered]).items():
        at = found.incidence_at(days)
        curves[arm] = {
            "day": finite_list(days),
            **{c: finite_list(at[:, k]) for k, c in enumerate(found.causes)},
        }
    return curves


def strategy_numbers(facts: Facts) -> list[dict[str, Any]]:
    """The primary comparison under each way of handling transplants that the protocol asks for.

    treatment_policy: death whenever it comes; composite: death or transplant; hypothetical: follow-up ends
    unseen at a transplant (which supposes that the transplanted would have fared as the others, though they
    were sicker); while_untransplanted: free of death before transplant (1 - cumulative incidence).
    """
    week = facts.study.primary_week
    order = [arm.name for arm in facts.ordered]
    worlds = world_by_trial(facts.trials)["world"].to_numpy()
    rows = []
    for strategy in facts.study.strategies:
        values = strategy_values(facts.trials, strategy, [7 * week], order)[:, :, 0]
        rows.append(
            {
                "strategy": strategy,
                "week": week,
                "arms": {arm: spread(values[:, k], worlds) for k, arm in enumerate(order)},
                "differences": {
                    treated.name: spread(
                        values[:, order.index(treated.name)] - values[:, order.index(control.name)], worlds
                    )
                    for treated, control in facts.contrasts
                },
            }
        )
    return rows


def share_with_event(facts: Facts, event: str, arm: str, week: float) -> list[float]:
    """Share of an arm's patients with at least one such event by a week, one value a replicate."""
    rows = facts.trials.filter((pl.col("arm") == arm) & (pl.col("status") == "ok"))
    struck = (
        facts.events.filter((pl.col("arm") == arm) & (pl.col("event") == event) & (pl.col("day") <= 7 * week))
        .select("replicate", "subject")
        .unique()
        .with_columns(struck=pl.lit(1.0))
    )
    joined = rows.join(struck, on=["replicate", "subject"], how="left").group_by("replicate")
    return joined.agg(pl.col("struck").fill_null(0.0).mean()).sort("replicate")["struck"].to_list()
