"""A second randomisation: does a second course add anything for those still followed (NCT05985863)?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.analysis.rows import logrank_rows, sort_rows
from hepatrial.design.bank import Bank
from hepatrial.design.effect import NONE, Effect
from hepatrial.design.operating import number
from hepatrial.design.plan import Plan
from hepatrial.design.replicates import Joined, Piece, Progress, rows_of_truths, whole_trials
from hepatrial.design.slots import arm_of_slots, draw_slots
from hepatrial.design.truth import Stage, Truth, make_stage

Array = NDArray[np.float64]


def truths(plan: Plan, bank: Bank) -> tuple[tuple[str, dict[str, Truth]], ...]:
    """Name and the truth of each sequence (arm_option); the first option has the second course."""
    second = plan.protocol.rerandomisation
    assert second is not None
    ratio, day = plan.design.hazard_ratio, second.day
    more, fewer = _sequences(plan)
    later = Truth("second course only", Effect(1.0, until=day, after=ratio))
    lasting = Truth("both", Effect(ratio, until=day, after=ratio * ratio))
    first, nothing = Truth("first", Effect(ratio)), Truth("nothing", NONE)
    found = [
        ("nothing works", {more: nothing, fewer: nothing}),
        (f"the first course works ({ratio:g}), the second adds nothing", {more: first, fewer: first}),
        (f"only the second course works ({ratio:g} from day {day:g})", {more: later, fewer: nothing}),
        (f"both work ({ratio:g}, then {ratio * ratio:.2g})", {more: lasting, fewer: first}),
    ]
    found += [
        (f"variant {name}", {more: Truth(name, None, name), fewer: Truth(name, None, name)})
        for name in bank.variants_of(more)
        if name
    ]
    return tuple(found)


def _sequences(plan: Plan) -> tuple[str, str]:
    second = plan.protocol.rerandomisation
    assert second is not None
    (arm,) = second.arms[:1]
    with_more = [name for name, option in second.options.items() if option.regimen]
    without = [name for name, option in second.options.items() if not option.regimen]
    return f"{arm}_{(with_more or list(second.options))[0]}", f"{arm}_{(without or list(second.options))[-1]}"


def simulate(
    plan: Plan, bank: Bank, stage: Stage, effects: dict[str, Truth], first: int, count: int, seed: int
) -> dict[str, Array]:
    """Trials: both tests, and the survival of each sequence as three analyses see it.

    Hierarchical: the second course is tested (log-rank from then on, among those followed there)
    only when the first test, all of the treated arm against control, has succeeded.
    """
    second = plan.protocol.rerandomisation
    assert second is not None
    more, fewer = _sequences(plan)
    weights = [option.weight for option in second.options.values()]
    share = next(
        option.weight / sum(weights) for name, option in second.options.items() if more.endswith(f"_{name}")
    )
    slots = draw_slots(seed, np.arange(first, first + count), plan.patients, len(bank.usable))
    treated = arm_of_slots(slots.order, plan.sizes) == 0
    day = {name: _day(stage, slots.person, slots.luck, name, effects[name]) for name in (more, fewer)}
    control = _day(stage, slots.person, slots.luck, "", Truth("control", NONE))
    gets_more = slots.delivery < share
    event_day = np.where(treated, np.where(gets_more, day[more], day[fewer]), control)
    time, event = np.minimum(event_day, plan.horizon), event_day <= plan.horizon
    everybody = np.ones_like(treated)
    z1 = -logrank_rows(sort_rows(time, event, treated, everybody))[0]
    reached = treated & (event_day > second.day)
    z2 = -logrank_rows(sort_rows(np.maximum(time - second.day, 0.0), event, gets_more, reached))[0]
    naive = -logrank_rows(sort_rows(time, event, reached & gets_more, (reached & gets_more) | ~treated))[0]
    alive = event_day > plan.horizon
    weight = np.where(reached, np.where(gets_more, 1 / share, 0.0), 1.0) * treated
    with np.errstate(invalid="ignore", divide="ignore"):
        weighted = (weight * alive).sum(axis=1) / weight.sum(axis=1)
        immortal = (alive & reached & gets_more).sum(axis=1) / (reached & gets_more).sum(axis=1)
    bound = float(ndtri(1 - plan.design.alpha))
    cells = np.nan_to_num(z1) >= bound
    return {
        "cells": cells,
        "second": cells & (np.nan_to_num(z2) >= bound),
        "second_alone": np.nan_to_num(z2) >= bound,
        "naive": np.nan_to_num(naive) >= bound,
        "reached": reached.sum(axis=1).astype(float),
        "weighted": weighted,
        "immortal": immortal,
    }


def _day(stage: Stage, person: Any, luck: Array, sequence: str, truth: Truth) -> Array:
    paths = stage.control
    if truth.effect is None:
        paths = stage.bank.paths(sequence, truth.variant)
    died = paths.death(luck, person, truth.effect or NONE, stage.scale)
    return np.minimum(died, paths.courses.transplant[person]) if stage.plan.composite else died


def evaluate_second_course(
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
    """Both questions of a design with a second randomisation, and what a naive comparison would have said."""
    stage, found = make_stage(plan, bank), truths(plan, bank)
    more, fewer = _sequences(plan)

    def row(place: int, ended: Joined) -> dict[str, Any]:
        name, effects = found[place]
        truth = effects[more]
        paths = stage.control if truth.effect is not None else bank.paths(more, truth.variant)
        true = float(
            paths.survival(plan.horizon, truth.effect or NONE, stage.scale, composite=plan.composite).mean()
        )
        return {
            "truth": name,
            **{key: number(values).as_dict() for key, values in ended.items()},
            "true_survival_more": true,
            "weighted_bias": number(ended["weighted"] - true).as_dict(),
            "immortal_bias": number(ended["immortal"] - true).as_dict(),
        }

    rows = rows_of_truths(
        len(found),
        lambda place, first, count: simulate(plan, bank, stage, found[place][1], first, count, seed),
        row, trials=trials, precision=precision, threads=threads, progress=progress, keep=keep,
    )  # fmt: skip
    return {"kind": "second_course", "sequences": [more, fewer], "rows": rows,
            "trials": whole_trials(trials), "precision": precision, "seed": seed}  # fmt: skip
