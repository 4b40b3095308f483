"""Numbers of the CONSORT flow: from falling ill to analysed, by arm, as averages per simulated trial."""

from __future__ import annotations

from typing import Any

import polars as pl

from hepatrial.report.facts import Arm, Facts


def flow_numbers(facts: Facts) -> dict[str, Any]:
    """The flow of virtual patients.

    Returns:
        ``candidates``, ``steps`` (exits before admission), ``admitted``, ``never_met``, ``randomised`` (all
        simulated trials), ``replicates`` and one entry an arm with averages per trial.
    """
    trials = facts.trials
    return {
        "candidates": facts.candidates,
        "admitted": facts.candidates - sum(step.count for step in facts.steps),
        "never_met": dict(facts.never_met),
        "steps": [{"name": step.name, "count": step.count} for step in facts.steps],
        "randomised": trials.height,
        "replicates": facts.replicates,
        "arms": [_arm_flow(facts, arm, trials.filter(pl.col("arm") == arm.name)) for arm in facts.ordered],
    }


def _arm_flow(facts: Facts, arm: Arm, rows: pl.DataFrame) -> dict[str, Any]:
    per_trial = 1 / max(facts.replicates, 1)
    received = rows["infusions_received"].to_numpy()
    reasons = (
        rows.filter(pl.col("first_event") == "dropout")
        .group_by("dropout_reason")
        .len()
        .sort("len", "dropout_reason", descending=[True, False])
    )
    first = {
        name: int((rows["first_event"] == name).sum()) for name in ("death", "transplant", "dropout", "none")
    }
    return {
        "arm": arm.name,
        "randomised": rows.height * per_trial,
        "infusions_planned": arm.infusions,
        "infusions_mean": float(received.mean()) if arm.infusions else 0.0,
        "all_infusions": float((received >= arm.infusions).sum()) * per_trial if arm.infusions else None,
        "some_infusions": float(((received > 0) & (received < arm.infusions)).sum()) * per_trial,
        "no_infusion": float((received == 0).sum()) * per_trial if arm.infusions else None,
        "first": {name: count * per_trial for name, count in first.items()},
        "dropout_reasons": {
            str(reason): count * per_trial
            for reason, count in zip(reasons["dropout_reason"], reasons["len"], strict=True)
        },
        "failed": int((rows["status"] != "ok").sum()),
        "analysed": int((rows["status"] == "ok").sum()) * per_trial,
    }


def failures(facts: Facts) -> list[dict[str, Any]]:
    """Patients whose solve failed, by part of the run, arm and reason; an empty list is the good answer."""
    bad = facts.subjects.filter(pl.col("status") != "ok")
    counted = (
        bad.with_columns(
            part=pl.when(pl.col("replicate") == 0).then(pl.lit("counterfactual")).otherwise(pl.lit("trials"))
        )
        .group_by("part", "arm", "status")
        .len("count")
        .sort("part", "arm", "status")
    )
    return counted.to_dicts()
