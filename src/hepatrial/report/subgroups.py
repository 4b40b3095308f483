"""Numbers of the subgroups: the primary contrast of every simulated trial in groups at baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis import survival_by_arm
from hepatrial.report.facts import Arm, Facts
from hepatrial.report.groups import Group, baseline_groups
from hepatrial.report.spread import spread
from hepatrial.report.survival import ENDPOINTS


def subgroup_numbers(facts: Facts) -> list[dict[str, Any]]:
    """The difference at the primary week by subgroup, one entry a non-control arm.

    Each trial is analysed by itself (Kaplan-Meier in its patients of the group); a trial without such a
    patient in either arm, or with nobody followed to the week, has no difference and is not in the mean.

    Returns:
        Entries with ``arm``, ``control``, ``week``, ``endpoint`` and ``groups``: ``group``, ``at``, patients
        a trial ``n`` by arm, mean ``survival`` by arm, ``trials`` with a difference, and its ``mean, low,
        high, mcse`` over them.
    """
    people = facts.trials.filter(pl.col("status") == "ok")
    groups = baseline_groups(people)
    return [
        {
            "arm": treated.name,
            "control": control.name,
            "week": facts.study.primary_week,
            "endpoint": facts.study.endpoint,
            "groups": [_group(facts, people, group, treated, control) for group in groups],
        }
        for treated, control in facts.contrasts
    ]


def _group(facts: Facts, people: pl.DataFrame, group: Group, treated: Arm, control: Arm) -> dict[str, Any]:
    both = (treated.name, control.name)
    mine = people.filter(group.chosen & pl.col("arm").is_in(both))
    count = {arm: mine.filter(pl.col("arm") == arm).height / facts.replicates for arm in both}
    row: dict[str, Any] = {"group": group.name, "at": group.at, "n": count}
    week, endpoint = facts.study.primary_week, ENDPOINTS[facts.study.endpoint]
    values, worlds = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    if min(count.values()) > 0:
        found = survival_by_arm(mine, [7 * week], endpoint=endpoint, arms=both)
        # of the same trials for both arms, so that their difference is the difference shown
        known = np.isfinite(found.survival[:, :, 0]).all(axis=1)
        values, worlds = found.survival[known, :, 0], facts.worlds_of(found.replicates[known])
    if not len(values):
        nothing = dict.fromkeys(("mean", "low", "high", "mcse"))
        return {**row, "survival": dict.fromkeys(both), "trials": 0, **nothing}
    return {
        **row,
        "survival": {arm: float(values[:, k].mean()) for k, arm in enumerate(both)},
        "trials": len(values),
        **spread(values[:, 0] - values[:, 1], worlds),
    }
