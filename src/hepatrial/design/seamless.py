"""A seamless trial that chooses a dose: closed combination test beside the naive pooled one (NCT06884904)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.analysis.combination import closed_selection, one_sided
from hepatrial.analysis.rows import logrank_rows, sort_rows
from hepatrial.design.bank import Bank
from hepatrial.design.effect import NONE, Effect
from hepatrial.design.operating import number
from hepatrial.design.plan import Plan
from hepatrial.design.replicates import Joined, Piece, Progress, rows_of_truths, whole_trials
from hepatrial.design.slots import arm_of_slots, draw_slots
from hepatrial.design.truth import Truth, make_stage

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Doses:
    """What is true of each dose.

    Attributes:
        name: of the row; effects: dose -> its truth.
    """

    name: str
    effects: dict[str, Truth]


@dataclass(frozen=True)
class Chosen:
    """r seamless trials.

    Attributes:
        chosen: (r,) dose that went on; closed, naive, second_only: (r,) whether each analysis claims a
        success.
    """

    chosen: NDArray[np.int64]
    closed: NDArray[np.bool_]
    naive: NDArray[np.bool_]
    second_only: NDArray[np.bool_]


def truths(plan: Plan, bank: Bank) -> tuple[Doses, ...]:
    """Nothing works; one dose works; both do; and every structural variant."""
    doses = _doses(plan)
    ratio = plan.design.hazard_ratio
    works = Truth(f"hazard ratio {ratio:g}", Effect(ratio))
    inert = Truth("nothing", NONE)
    found = [Doses("no dose does anything", dict.fromkeys(doses, inert))]
    found += [
        Doses(f"only {dose} works ({ratio:g})", {one: works if one == dose else inert for one in doses})
        for dose in doses
    ]
    found.append(Doses(f"every dose works ({ratio:g})", dict.fromkeys(doses, works)))
    found += [
        Doses(f"variant {name}", {dose: Truth(name, None, name) for dose in doses})
        for name in bank.variants_of(doses[0])
        if name
    ]
    return tuple(found)


def _doses(plan: Plan) -> tuple[str, ...]:
    selection = plan.protocol.dose_selection
    assert selection is not None
    return selection.among


def simulate(plan: Plan, bank: Bank, truth: Doses, first: int, count: int, seed: int) -> Chosen:
    """Trials ``first`` to ``first + count - 1`` of a seamless design.

    Everybody is followed to the horizon; the choice rests on the share of each dose's first-phase patients
    alive at the week of the selection. The stages' patients are different ones, so their p-values are
    independent under the null, however the choice was made.
    """
    protocol, selection = plan.protocol, plan.protocol.dose_selection
    assert selection is not None
    stage = make_stage(plan, bank)
    doses, control = selection.among, protocol.control_arm
    names = (*doses, control)
    early = tuple(selection.first[name] for name in names)
    later = protocol.arms[doses[0]].n - selection.first[doses[0]]
    later_control = protocol.arms[control].n - selection.first[control]
    replicate = np.arange(first, first + count)
    slots = draw_slots(seed, replicate, sum(early) + later + later_control, len(bank.usable))
    died, grafted = _fates(stage, slots.person, slots.luck, truth, names)
    event_day = np.minimum(died, grafted) if plan.composite else died
    one = arm_of_slots(slots.order[:, : sum(early)], early)
    two = arm_of_slots(slots.order[:, sum(early) :], (later, later_control)) == 0
    phase = event_day[:, :, : sum(early)]
    mine = np.take_along_axis(phase, one[None], axis=0)[0]
    died_one = np.take_along_axis(died[:, :, : sum(early)], one[None], axis=0)[0]
    alive = np.array(
        [
            np.where(one == k, died_one > 7 * selection.week, False).sum(axis=1) / early[k]
            for k in range(len(doses))
        ]
    )
    chosen = np.argmax(alive, axis=0)
    z1 = np.array(
        [_z(mine, one == k, (one == k) | (one == len(doses)), plan.horizon) for k in range(len(doses))]
    )
    arm = np.where(two, chosen[:, None], len(doses))
    second = np.take_along_axis(event_day[:, :, sum(early) :], arm[None], axis=0)[0]
    z2 = _z(second, two, np.ones_like(two), plan.horizon)
    weight = 2 * early[0] / (2 * early[0] + later + later_control)
    closed, _ = closed_selection(one_sided(z1), one_sided(z2), chosen, weight, plan.design.alpha)
    both = np.concatenate([mine, second], axis=1)
    picked = one == chosen[:, None]
    pooled = _z(
        both,
        np.concatenate([picked, two], axis=1),
        np.concatenate([picked | (one == len(doses)), np.ones_like(two)], axis=1),
        plan.horizon,
    )
    bound = float(ndtri(1 - plan.design.alpha))
    return Chosen(chosen, closed, np.nan_to_num(pooled) >= bound, np.nan_to_num(z2) >= bound)


def _fates(stage: Any, person: Any, luck: Array, truth: Doses, names: tuple[str, ...]) -> tuple[Array, Array]:
    """(arm, r, n) days of death and of transplant of everybody in every arm."""
    died, grafted = [], []
    for name in names:
        one = truth.effects.get(name, Truth("control", NONE))
        paths, effect = stage.control, one.effect or NONE
        if one.effect is None:
            paths = stage.bank.paths(name, one.variant)
        died.append(paths.death(luck, person, effect, stage.scale))
        grafted.append(paths.courses.transplant[person])
    return np.stack(died), np.stack(grafted)


def _z(day: Array, treated: NDArray[np.bool_], kept: NDArray[np.bool_], horizon: float) -> Array:
    rows = sort_rows(np.minimum(day, horizon), day <= horizon, treated, kept)
    return -logrank_rows(rows)[0]


def evaluate_selection(
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
    """Which dose goes on, how often a success is claimed, and how often wrongly, by analysis."""
    doses, found = _doses(plan), truths(plan, bank)

    def row(place: int, ended: Joined) -> dict[str, Any]:
        idle = np.array([_inert(found[place].effects[dose]) for dose in doses])[ended["chosen"]]
        made: dict[str, Any] = {"truth": found[place].name}
        for dose_place, dose in enumerate(doses):
            made[f"chosen_{dose}"] = number(ended["chosen"] == dose_place).as_dict()
        for name in ("closed", "naive", "second_only"):
            made[name] = number(ended[name]).as_dict()
            made[f"{name}_wrong"] = number(ended[name] & idle).as_dict()
        return made

    rows = rows_of_truths(
        len(found),
        lambda place, first, count: vars(simulate(plan, bank, found[place], first, count, seed)),
        row, trials=trials, precision=precision, threads=threads, progress=progress, keep=keep,
    )  # fmt: skip
    return {"kind": "dose_selection", "doses": list(doses), "rows": rows, "trials": whole_trials(trials),
            "precision": precision, "seed": seed}  # fmt: skip


def _inert(truth: Truth) -> bool:
    """Whether claiming this dose would be an error of the first kind."""
    return truth.effect is not None and math.isclose(truth.effect.ratio, 1.0)
