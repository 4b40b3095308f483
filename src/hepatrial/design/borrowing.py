"""A trial that borrows controls, under drift between those cohorts and its own controls."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepatrial.analysis.borrowing import decisions, map_prior, shifted
from hepatrial.design.bank import Bank
from hepatrial.design.operating import number
from hepatrial.design.plan import Plan
from hepatrial.design.replicates import Joined, Piece, Progress, rows_of_truths, whole_trials
from hepatrial.design.slots import draw_slots
from hepatrial.design.truth import Truth, hazard_ratio, make_stage, records, strong_null
from hepatrial.errors import BadInput, Problem


def evaluate_borrowing(
    plan: Plan,
    bank: Bank,
    *,
    trials: int = 10_000,
    precision: float | None = None,
    seed: int = 1,
    threads: int = 1,
    progress: Progress | None = None,
    keep: Piece | None = None,
) -> dict[str, Any]:
    """Type I error and power with and without borrowing, over the drift of the trial's controls.

    The controls of the trial survive as the cohorts' centre moved by the drift (log odds); everybody's vital
    status at the horizon is known.

    Raises:
        BadInput: a drift under which no hazard gives the survival, or dropout, which this analysis cannot
        handle.
    """
    borrow = plan.design.borrowing
    assert borrow is not None
    if plan.dropout > 0:
        given = f"{plan.dropout * 7:.2%} per week"
        allowed = "no dropout: this analysis needs everybody's vital status at the horizon"
        raise BadInput([Problem("dropout.rate", given, allowed)])
    alive, sizes = [one.survivors for one in borrow.cohorts], [one.n for one in borrow.cohorts]
    informed = map_prior(alive, sizes, between=borrow.between, robust=borrow.robust)
    plain = map_prior(alive, sizes, between=borrow.between, robust=1.0)
    tables = {
        "borrowed": decisions(informed, *plan.sizes, borrow.threshold),
        "plain": decisions(plain, *plan.sizes, borrow.threshold),
    }
    centres = [shifted(informed.centre, drift) for drift in borrow.drift]
    stages = [
        make_stage(plan.changed(control_survival=control, question="superiority", borrowing=None), bank)
        for control in centres
    ]
    asked = {"null": strong_null(), "effect": hazard_ratio(plan.design.hazard_ratio)}

    def simulate(place: int, first: int, count: int) -> Joined:
        return {
            f"{arm}_{key}": alive
            for key, truth in asked.items()
            for arm, alive in _survivors(stages[place], truth, first, count, seed).items()
        }

    def row(place: int, ended: Joined) -> dict[str, Any]:
        return {
            "drift": borrow.drift[place],
            "control_survival": centres[place],
            **{
                f"{name}_{key}": number(table[ended[f"treated_{key}"], ended[f"control_{key}"]]).as_dict()
                for key in asked
                for name, table in tables.items()
            },
        }

    rows = rows_of_truths(
        len(borrow.drift), simulate, row,
        trials=trials, precision=precision, threads=threads, progress=progress, keep=keep,
    )  # fmt: skip
    return {
        "kind": "borrowing",
        "centre": informed.centre,
        "effective": informed.effective,
        "robust": borrow.robust,
        "cohorts": [one.model_dump(mode="json") for one in borrow.cohorts],
        "rows": rows,
        "trials": whole_trials(trials),
        "precision": precision,
        "seed": seed,
    }


def _survivors(stage: Any, truth: Truth, first: int, count: int, seed: int) -> Joined:
    """(r,) survivors of the treated arm and of the control."""
    slots = draw_slots(seed, np.arange(first, first + count), stage.plan.patients, len(stage.bank.usable))
    seen = records(stage, slots, truth)
    return {
        "treated": (seen.treated & ~seen.event).sum(axis=1),
        "control": (~seen.treated & ~seen.event).sum(axis=1),
    }
