"""Steer trials with a function that decides at each look from what is known there: three ready, one your own.

Run:  python examples/adaptive.py [TRIALS]
"""

from __future__ import annotations

import sys

from hepatrial.design import (
    Decision,
    Look,
    drop_an_arm,
    hazard_ratio,
    load_design,
    make_bank,
    make_stage,
    response_adaptive,
    run_adaptive,
    sample_size_reestimation,
    strong_null,
    summary_of,
)
from hepatrial.schema import MARK


def my_rule(look: Look) -> Decision:
    """Stop for futility when the first half shows a harm; at the end a plain log-rank test."""
    z, _ = look.test(look.arms[0])
    if look.final:
        return Decision(stop="efficacy" if z > 1.96 else "")
    return Decision(stop="futility" if z < 0 else "")


def main(trials: int = 500, patients: int = 2000) -> None:
    """Print success, error rate and size of each rule."""
    plan = load_design("lin2017").changed(patients=160, endpoint="overall_survival", week=12.857)
    stage = make_stage(plan, make_bank(plan.protocol, patients=patients))
    print(MARK["en"])
    rules = {"my own": my_rule, "size re-estimated": sample_size_reestimation()}
    for name, rule in rules.items():
        for truth in (strong_null(), hazard_ratio(0.6)):
            ended = run_adaptive(stage, rule, truth, looks=[80], most=320, trials=trials)
            found = summary_of(ended, (plan.treated, plan.control))
            success, size = found["success"], found["patients"]
            error = 100 * success["mcse"]
            told = f"{100 * success['value']:.1f} % (± {error:.1f}), {size['value']:.0f} patients"
            print(f"{name}, {truth.name}: {told}")
    arms = ("dose_a", "dose_b")
    for name, rule in {"response-adaptive": response_adaptive(), "an arm dropped": drop_an_arm()}.items():
        for truth in (
            {arm: strong_null() for arm in arms},
            {"dose_a": hazard_ratio(0.5), "dose_b": strong_null()},
        ):
            ended = run_adaptive(stage, rule, truth, looks=[60, 100], trials=trials, arms=arms)
            claimed = summary_of(ended, (*arms, plan.control))["claimed"]
            shown = ", ".join(f"{arm} claimed in {100 * one['value']:.1f} %" for arm, one in claimed.items())
            told = ", ".join(f"{arm} {one.name}" for arm, one in truth.items())
            print(f"{name} ({told}): {shown}")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
