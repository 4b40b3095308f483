"""A trial that borrows controls, under drift between those cohorts and its own controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hepatrial.analysis.borrowing import decisions, map_prior, shifted
from hepatrial.design.bank import Bank
from hepatrial.design.operating import number
from hepatrial.design.plan import Plan
from hepatrial.design.slots import PARTS, draw_slots
from hepatrial.design.truth import Truth, hazard_ratio, make_stage, records, strong_null
from hepatrial.errors import BadInput, Problem


def evaluate_borrowing(
    plan: Plan,
    bank: Bank,
    *,
    trials: int = 10_000,
    seed: int = 1,
    threads: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Type I error and power with and without borrowing, over the drift of the trial's controls.

    The controls of the trial survive as the cohorts' centre moved by the drift (log odds); everybody's vital
    status at the horizon is known.

    Raises:
        BadInput: a drift under which no hazard gives the survival, or dropout, which this analysis cannot
        handle.
    """
    del threads
    borrow = plan.design.borrowing
    assert borrow is not None
    if plan.dropout > 0:
        given = f"{plan.dropout * 7:.2%} per week"
        allowed = "no dropout: this analysis needs everybody's vital status at the horizon"
        raise BadInput([Problem("dropout.rate", given, allowed)])
    tell = progress or (lambda _stage, _done, _total: None)
    alive, sizes = [one.survivors for one in borrow.cohorts], [one.n for one in borrow.cohorts]
    informed = map_prior(alive, sizes, between=borrow.between, robust=borrow.robust)
    plain = map_prior(alive, sizes, between=borrow.between, robust=1.0)
    tables = {
        "borrowed": decisions(informed, *plan.sizes, borrow.threshold),
        "plain": decisions(plain, *plan.sizes, borrow.threshold),
    }
    whole = -(-trials // PARTS) * PARTS
    rows = []
    for place, drift in enumerate(borrow.drift):
        tell("drifts simulated", place, len(borrow.drift))
        control = shifted(informed.centre, drift)
        moved = plan.changed(control_survival=control, question="superiority", borrowing=None)
        stage = make_stage(moved, bank)
        row: dict[str, Any] = {"drift": drift, "control_survival": control}
        for key, truth in (("null", strong_null()), ("effect", hazard_ratio(plan.design.hazard_ratio))):
            treated, survived = _survivors(stage, truth, whole, seed)
            for name, table in tables.items():
                row[f"{name}_{key}"] = number(table[treated, survived]).as_dict()
        rows.append(row)
    tell("drifts simulated", len(borrow.drift), len(borrow.drift))
    return {
        "kind": "borrowing",
        "centre": informed.centre,
        "effective": informed.effective,
        "robust": borrow.robust,
        "cohorts": [one.model_dump(mode="json") for one in borrow.cohorts],
        "rows": rows,
        "trials": whole,
        "seed": seed,
    }


def _survivors(stage: Any, truth: Truth, trials: int, seed: int) -> tuple[Any, Any]:
    """(r,) survivors of the treated arm and of the control."""
    treated, control = [], []
    for first in range(1, trials + 1, 500):
        count = min(500, trials + 1 - first)
        slots = draw_slots(seed, np.arange(first, first + count), stage.plan.patients, len(stage.bank.usable))
        seen = records(stage, slots, truth)
        treated.append((seen.treated & ~seen.event).sum(axis=1))
        control.append((~seen.treated & ~seen.event).sum(axis=1))
    return np.concatenate(treated), np.concatenate(control)
