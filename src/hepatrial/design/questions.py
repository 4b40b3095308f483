"""Questions other than superiority of one arm, each with its design."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hepatrial.design.bank import Bank
from hepatrial.design.borrowing import evaluate_borrowing
from hepatrial.design.plan import Plan
from hepatrial.design.replicates import Piece, Progress
from hepatrial.design.seamless import evaluate_selection
from hepatrial.design.second_course import evaluate_second_course
from hepatrial.design.undrawn import assumptions_of

EVALUATE: dict[str, Callable[..., dict[str, Any]]] = {
    "dose_selection": evaluate_selection,
    "second_course": evaluate_second_course,
    "borrowing": evaluate_borrowing,
}


def answer(
    plan: Plan,
    bank: Bank,
    trials: int,
    seed: int,
    threads: int,
    progress: Progress | None,
    precision: float | None = None,
    keep: Piece | None = None,
) -> dict[str, Any]:
    """Simulate the design that a question needs; what it is and who is in it stand beside the numbers."""
    design = plan.design
    found = EVALUATE[design.question](
        plan,
        bank,
        trials=trials,
        precision=precision,
        seed=seed,
        threads=threads,
        progress=progress,
        keep=keep,
    )
    arms = {
        name: {"label": arm.label, "label_zh": arm.label_zh, "n": arm.n}
        for name, arm in plan.protocol.arms.items()
    }
    return {
        **found,
        "design": {
            "protocol": plan.protocol.identity.id,
            "title": plan.protocol.identity.title,
            "title_zh": plan.protocol.identity.title_zh,
            "question": design.question,
            "arms": arms,
            "control": plan.control,
            "endpoint": plan.endpoint,
            "horizon_days": plan.horizon,
            "alpha": design.alpha,
            "hazard_ratio": design.hazard_ratio,
            "assumptions": assumptions_of(plan.protocol),
        },
        "bank": {"patients": bank.patients, "usable": len(bank.usable), "hash": bank.hash},
    }
