"""What is true in simulated trials, and the trials that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.bank import Bank
from hepatrial.design.conduct import Records, by_events, information_at
from hepatrial.design.effect import NONE, Effect, Paths, paid_back, scale_for
from hepatrial.design.plan import Plan
from hepatrial.design.slots import Slots, arm_of_slots, draw_slots, entry_days
from hepatrial.errors import BadInput, Problem

Array = NDArray[np.float64]

PILOT = 200
"""Trials by which expected events at looks are planned; of their own stream."""
EARLY = 0.6
"""Hazard ratio of the weak null before it is paid back."""


@dataclass(frozen=True)
class Truth:
    """What the product does in a simulated world.

    Attributes:
        name: of the row in tables.
        effect: hazard ratio against the controls; None for a mechanism.
        variant: structural variant whose courses the treated arm has; "" with an effect.
    """

    name: str
    effect: Effect | None = NONE
    variant: str = ""


@dataclass(frozen=True)
class Stage:
    """A plan, its bank and how they fit together.

    Attributes:
        plan: the design.
        bank: patients.
        scale: factor of the death hazard in every arm, so that controls survive as the design says.
        control: the control's paths.
    """

    plan: Plan
    bank: Bank
    scale: float
    control: Paths

    def treated(self, truth: Truth) -> tuple[Paths, Effect]:
        """Paths and effect of the treated arm."""
        if truth.effect is not None:
            return self.control, truth.effect
        return self.bank.paths(self.plan.treated, truth.variant), NONE

    def survival(self, truth: Truth, day: float | None = None) -> tuple[float, float]:
        """True share without the event at a day: treated and control, over the whole bank."""
        when = self.plan.horizon if day is None else day
        paths, effect = self.treated(truth)
        return (
            float(paths.survival(when, effect, self.scale, composite=self.plan.composite).mean()),
            float(self.control.survival(when, NONE, self.scale, composite=self.plan.composite).mean()),
        )


def make_stage(plan: Plan, bank: Bank) -> Stage:
    """Fit a plan to a bank.

    Raises:
        BadInput: the bank does not follow patients long enough, or no hazard gives the survival asked for.
    """
    if plan.horizon > bank.grid[-1] + 1e-9:
        allowed = f"at most week {bank.grid[-1] / 7:g}, the end of follow-up"
        raise BadInput([Problem("design.week", f"week {plan.horizon / 7:g}", allowed)])
    paths = bank.paths(plan.control)
    scale = 1.0
    if plan.design.control_survival is not None:
        scale = scale_for(paths, plan.horizon, plan.design.control_survival, composite=plan.composite)
        if not math.isfinite(scale):
            given = f"{plan.design.control_survival:.1%}"
            raise BadInput(
                [Problem("design.control_survival", given, "a survival that some death hazard gives")]
            )
    return Stage(plan, bank, scale, paths)


def strong_null() -> Truth:
    """An inert product: every patient has the course of a control, without fever."""
    return Truth("strong null", NONE)


def weak_null(stage: Stage) -> Truth:
    """No net effect: deaths prevented in the first third of follow-up come later, survival is then equal.

    The hazards cross, so that a test of equal hazards may reject although nothing was gained.
    """
    plan = stage.plan
    return Truth("weak null", paid_back(stage.control, plan.horizon, EARLY, plan.horizon / 3, stage.scale))


def hazard_ratio(ratio: float, delay: float = 0.0) -> Truth:
    """A hazard ratio of death between the arms, from a day on."""
    return Truth(f"hazard ratio {ratio:g}", Effect(ratio, delay=delay))


def records(stage: Stage, slots: Slots, truth: Truth) -> Records:
    """Everything that would be recorded of some trials.

    Args:
        stage: plan and bank.
        slots: luck.
        truth: what the product does.
    """
    plan = stage.plan
    operations = plan.design.operations
    treated = arm_of_slots(slots.order, plan.sizes) == 0
    entry = entry_days(slots.arrival, plan.design.recruitment)
    death, transplant = np.empty(treated.shape), np.empty(treated.shape)
    paths, effect = stage.treated(truth)
    gets = treated & (slots.delivery >= operations.undelivered)
    crosses = ~treated & (slots.crossover < operations.crossover)
    late = effect
    if truth.effect is not None:
        late = Effect(effect.ratio, max(effect.delay, operations.crossover_day), effect.until, effect.after)
    groups = ((gets, paths, effect), (crosses, paths, late), (~gets & ~crosses, stage.control, NONE))
    for which, path, acts in groups:
        if which.any():
            row = slots.person[which]
            death[which] = path.death(slots.luck[which], row, acts, stage.scale)
            transplant[which] = path.courses.transplant[row]
    when = np.minimum(death, transplant) if plan.composite else death
    leaves = np.full(when.shape, np.inf) if plan.dropout == 0 else slots.dropout / plan.dropout
    end = np.minimum(plan.horizon, leaves)
    return Records(entry, treated, np.minimum(when, end), when <= end, plan.horizon)


def planned_information(stage: Stage, seed: int) -> Array:
    """(k,) events, or patients with a known outcome, planned for each look, from pilot trials.

    The pilot has the design's hazard ratio; it looks at the arms together, as a planner would.
    """
    plan = stage.plan
    looks = plan.design.looks
    if looks.events:
        return np.array(looks.events, dtype=np.float64)
    slots = draw_slots(seed, np.arange(1, PILOT + 1) + 2**40, plan.patients, len(stage.bank.usable))
    seen = records(stage, slots, hazard_ratio(plan.design.hazard_ratio, plan.design.delay))
    whole = seen.event.sum(axis=1).mean() if by_events(plan) else float(plan.patients)
    if looks.information:
        return np.asarray(np.array(looks.information) * whole)
    days = np.minimum(np.array(looks.calendar)[None, :], seen.end[:, None])
    counts = [information_at(plan, seen, days[:, k]).mean() for k in range(days.shape[1])]
    expected = np.array(counts, dtype=np.float64)
    if expected[0] < 1:
        given = f"{looks.calendar[0] / 7:g} weeks"
        raise BadInput([Problem("design.looks.calendar[0]", given, "a time by which something is known")])
    return expected
