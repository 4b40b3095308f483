"""An open design: one function decides at every look, from nothing but what is known there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.rows import logrank_rows, sort_rows
from hepatrial.design.effect import NONE
from hepatrial.design.operating import number
from hepatrial.design.replicates import BATCH
from hepatrial.design.slots import PARTS, draw_slots, entry_days, in_turn
from hepatrial.design.truth import Stage, Truth
from hepatrial.errors import BadInput, Problem

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]


@dataclass(frozen=True)
class Look:
    """What is known of one trial at a look; the read-only arrays hold nobody who is not yet in.

    Attributes:
        number: of the look, from 1.
        final: whether everybody has been followed to the horizon; the decision is then the trial's result.
        day: since the first patient was randomised.
        arms: names, the control last; active: those that still take patients.
        arm: (m,) index into ``arms`` of each patient randomised so far, in order.
        entry: (m,) day of randomisation.
        time: (m,) days from randomisation to the event, the cut-off or the horizon.
        event: (m,) whether the event has been seen.
        patients: planned in all at this moment; most: the largest number allowed.
        horizon: days for which a patient is followed.
        alpha: one-sided level.
        memory: what the function's earlier decisions of this trial put there.
    """

    number: int
    final: bool
    day: float
    arms: tuple[str, ...]
    active: tuple[str, ...]
    arm: NDArray[np.int64]
    entry: Array
    time: Array
    event: Yes
    patients: int
    most: int
    horizon: float
    alpha: float
    memory: Mapping[str, Any]

    def test(self, treated: str, since: int = 0) -> tuple[float, float]:
        """Log-rank z of an arm against the control (positive = better) and its variance.

        Args:
            treated: arm.
            since: use patients from this place on only.
        """
        mine, control = self.arms.index(treated), len(self.arms) - 1
        kept = (self.arm == mine) | (self.arm == control)
        kept[:since] = False
        rows = sort_rows(self.time[None], self.event[None], (self.arm == mine)[None], kept[None])
        z, variance = logrank_rows(rows)
        return (-float(z[0]) if np.isfinite(z[0]) else 0.0), float(variance[0])

    def alive(self, arm: str, day: float) -> tuple[int, int]:
        """Patients of an arm known to be without event at a day since randomisation, and those known"
        " either way."""
        mine = self.arm == self.arms.index(arm)
        known = mine & ((self.time >= day) | (self.event & (self.time < day)))
        return int((known & (self.time >= day)).sum()), int(known.sum())


@dataclass(frozen=True)
class Decision:
    """What a function decides at a look; nothing said is nothing changed.

    Attributes:
        stop: "efficacy", "futility" or "" to go on; at the final look "" means not shown.
        winner: arm for which efficacy is claimed; default the only treated one.
        patients: new number in all, from those already in to the most allowed.
        allocation: arm -> weight for the patients to come; arms not named get none.
        drop: arms that take no more patients.
        remember: added to ``memory``.
    """

    stop: str = ""
    winner: str = ""
    patients: int | None = None
    allocation: Mapping[str, float] | None = None
    drop: Sequence[str] = ()
    remember: Mapping[str, Any] = field(default_factory=dict)


Decide = Callable[[Look], Decision]


@dataclass(frozen=True)
class AdaptiveTrials:
    """How r trials ended.

    Attributes:
        success, futility: (r,) yes or no; winner: (r,) index of the arm claimed, -1 for none.
        patients: (r,); by_arm: (r, a) randomised; days: (r,) duration; deaths: (r,) events among those in.
    """

    success: Yes
    futility: Yes
    winner: NDArray[np.int64]
    patients: NDArray[np.int64]
    by_arm: NDArray[np.int64]
    days: Array
    deaths: NDArray[np.int64]


def run_adaptive(
    stage: Stage,
    decide: Decide,
    truth: Truth | Mapping[str, Truth],
    *,
    looks: Sequence[int],
    most: int | None = None,
    trials: int = 1000,
    seed: int = 1,
    arms: Sequence[str] | None = None,
) -> AdaptiveTrials:
    """Simulate trials that a function steers.

    A look comes on the day on which a given number of patients has been randomised, with what is known that
    day; patients to come are randomised by the decision. The last look is when everybody has been followed.
    The patient and the luck of each place are those of every other design under the same seed.

    Args:
        stage: plan and bank.
        decide: the function; called once a look and trial.
        truth: of the treated arm, or arm -> truth.
        looks: numbers of patients randomised at which the trial is looked at, ascending.
        most: largest number of patients; default the planned one.
        trials: how many; rounded up to whole multiples of PARTS.
        seed: of all chance.
        arms: treated arms, default the plan's.

    Raises:
        BadInput: looks out of order or beyond the patients, decisions that cannot be.
    """
    plan = stage.plan
    treated = tuple(arms or (plan.treated,))
    top = most or plan.patients
    _check(looks, top, plan.patients)
    names = (*treated, plan.control)
    truths = truth if isinstance(truth, Mapping) else dict.fromkeys(treated, truth)
    made = []
    whole = -(-trials // PARTS) * PARTS
    for first in range(1, whole + 1, BATCH):
        count = min(BATCH, whole + 1 - first)
        slots = draw_slots(seed, np.arange(first, first + count), top, len(stage.bank.usable))
        entry = entry_days(slots.arrival, plan.design.recruitment)
        day = np.stack(
            [_outcome(stage, slots, truths.get(name)) for name in treated] + [_outcome(stage, slots, None)]
        )
        made += [
            _one(stage, decide, names, looks, top, entry[r], day[:, r], slots.order[r]) for r in range(count)
        ]
    columns = list(zip(*made, strict=True))
    return AdaptiveTrials(*(np.array(column) for column in columns))


def _check(looks: Sequence[int], top: int, planned: int) -> None:
    problems = []
    if any(b <= a for a, b in pairwise(looks)) or (looks and looks[0] < 4):
        problems.append(Problem("looks", repr(list(looks)), "numbers of patients in order, from 4"))
    if looks and looks[-1] > top:
        problems.append(Problem("looks", repr(looks[-1]), f"at most the {top} patients"))
    if top < planned:
        problems.append(Problem("most", repr(top), f"at least the {planned} planned"))
    if problems:
        raise BadInput(problems)


def _outcome(stage: Stage, slots: Any, truth: Truth | None) -> Array:
    """(r, n) day of the event of everybody in one arm."""
    paths, effect = (stage.control, NONE) if truth is None else stage.treated(truth)
    died = paths.death(slots.luck, slots.person, effect, stage.scale)
    if stage.plan.composite:
        died = np.minimum(died, paths.courses.transplant[slots.person])
    leaves = slots.dropout / stage.plan.dropout if stage.plan.dropout else np.inf
    return np.where(died <= leaves, died, np.inf) if stage.plan.dropout else died


def _one(
    stage: Stage,
    decide: Decide,
    names: tuple[str, ...],
    looks: Sequence[int],
    top: int,
    entry: Array,
    day: Array,
    key: Array,
) -> tuple[bool, bool, int, int, NDArray[np.int64], float, int]:
    """One trial, look by look."""
    plan, horizon = stage.plan, stage.plan.horizon
    planned, weights = plan.patients, dict.fromkeys(names, 1.0)
    memory: dict[str, Any] = {}
    arm = np.empty(0, dtype=np.int64)
    number_ = 0
    due = [look for look in looks if look < planned]
    while True:
        until = min(due[number_], planned) if number_ < len(due) else planned
        arm = np.append(arm, _allocate(names, weights, key[len(arm) : until]))
        final = number_ >= len(due)
        when = float(entry[until - 1]) + (horizon if final else 0.0)
        look = _look(stage, names, weights, number_ + 1, final, when, arm, entry, day, planned, top, memory)
        said = decide(look)
        _allowed(said, names, until, top)
        memory |= said.remember
        if said.stop or final:
            own = day[arm, np.arange(len(arm))]
            deaths = int((own <= np.minimum(horizon, when - entry[: len(arm)])).sum())
            winner = names.index(said.winner or names[0]) if said.stop == "efficacy" else -1
            counts = np.bincount(arm, minlength=len(names))
            return said.stop == "efficacy", said.stop == "futility", winner, len(arm), counts, when, deaths
        planned = said.patients or planned
        if said.allocation is not None:
            weights = {name: float(said.allocation.get(name, 0.0)) for name in names}
        for name in said.drop:
            weights[name] = 0.0
        number_ += 1
        due = [look for look in looks if look < planned]


def _allocate(names: tuple[str, ...], weights: Mapping[str, float], keys: Array) -> NDArray[np.int64]:
    """Arms of the next patients: as even as the weights allow, permuted in blocks."""
    n = len(keys)
    share = np.array([weights[name] for name in names])
    share = share / share.sum()
    sizes = np.floor(share * n).astype(int)
    for place in np.argsort(sizes - share * n)[: n - sizes.sum()]:
        sizes[place] += 1
    kept = np.flatnonzero(sizes)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    base = kept[in_turn(tuple(int(sizes[k]) for k in kept))]
    block = 2 * max(2, len(kept))
    return np.asarray(base[np.argsort(np.arange(n) // block + keys)])


def _look(
    stage: Stage, names: tuple[str, ...], weights: Mapping[str, float], number_: int, final: bool, when:
    float, arm: NDArray[np.int64], entry: Array, day: Array, planned: int, top: int, memory: Mapping[str,
    Any],
) -> Look:  # fmt: skip
    own = day[arm, np.arange(len(arm))]
    seen = np.minimum(when - entry[: len(arm)], stage.plan.horizon)
    arrays = (arm.copy(), entry[: len(arm)].copy(), np.minimum(own, seen), own <= seen)
    for values in arrays:
        values.flags.writeable = False
    active = tuple(name for name in names if weights[name] > 0)
    return Look(number_, final, when, names, active, *arrays, planned, top, stage.plan.horizon,
                stage.plan.design.alpha, dict(memory))  # fmt: skip


def _allowed(said: Decision, names: tuple[str, ...], until: int, top: int) -> None:
    """Refuse what a function may not decide.

    Raises:
        BadInput: with all of it.
    """
    problems = []
    if said.stop not in ("", "efficacy", "futility"):
        problems.append(Problem("decision.stop", repr(said.stop), "efficacy, futility or nothing"))
    if said.patients is not None and not until <= said.patients <= top:
        problems.append(
            Problem("decision.patients", repr(said.patients), f"from {until} already in to {top}")
        )
    named = [*(said.allocation or {}), *said.drop, *([said.winner] if said.winner else [])]
    problems += [
        Problem("decision", repr(name), f"an arm: {', '.join(names)}") for name in named if name not in names
    ]
    if names[-1] in said.drop or (said.allocation is not None and not said.allocation.get(names[-1], 0) > 0):
        problems.append(
            Problem("decision", names[-1], "the control goes on: a treated arm is never shown alone")
        )
    if said.allocation is not None and any(weight < 0 for weight in said.allocation.values()):
        problems.append(Problem("decision.allocation", repr(dict(said.allocation)), "weights not below 0"))
    if problems:
        raise BadInput(problems)


def summary_of(ended: AdaptiveTrials, arms: Sequence[str]) -> dict[str, Any]:
    """Characteristics of adaptive trials, each with its error."""
    return {
        "success": number(ended.success).as_dict(),
        "futility": number(ended.futility).as_dict(),
        "patients": number(ended.patients).as_dict(),
        "days": number(ended.days).as_dict(),
        "events": number(ended.deaths).as_dict(),
        "by_arm": {name: number(ended.by_arm[:, k]).as_dict() for k, name in enumerate(arms)},
        "claimed": {name: number(ended.winner == k).as_dict() for k, name in enumerate(arms[:-1])},
    }
