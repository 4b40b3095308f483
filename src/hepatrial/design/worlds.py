"""Worlds: an arm of a protocol under a structural variant, and a patient's course in it without death.

Death changes nothing before itself, so a course that goes on past every death holds all deaths at once: the
patient dies on the day on which the cumulative hazard reaches a unit-exponential threshold. So one course a
patient and world serves every trial, every luck and every assumed effect on death.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.population.luck import thresholds
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.trial.courses import Trial, first_event, solve_until_stopped
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.regimen import Doses, course_doses, course_parameters

Array = NDArray[np.float64]

LARGEST = 40.0
"""Cumulative hazard at which a course ends: nobody outlives it (4e-18)."""
NO_VARIANT = ""
"""Variant of arms in which no structural variant acts."""


@dataclass(frozen=True)
class World:
    """An arm under a variant.

    Attributes:
        arm: name of the arm, or of the arm and its option at the second randomisation.
        variant: structural variant in force, "" where none acts.
    """

    arm: str
    variant: str = NO_VARIANT

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.arm}.{self.variant or 'none'}"


def bank_protocol(protocol: Protocol) -> Protocol:
    """The protocol whose arms are all that a patient can meet: options of a second randomisation are arms.

    What a trial draws for itself (sizes, dropout, looks) is taken out: trials of other sizes share a bank.
    """
    written: dict[str, Any] = protocol.as_dict()
    arms: dict[str, Any] = {}
    second = written.pop("rerandomisation", None)
    for name, arm in written["arms"].items():
        if second is None or name not in second["arms"]:
            arms[name] = {**arm, "n": 1}
            continue
        for option, more in second["options"].items():
            regimen = [*arm["regimen"], *more["regimen"]]
            arms[f"{name}_{option}"] = {**arm, "n": 1, "regimen": regimen}
    for section in (
        "design",
        "assumptions",
        "randomisation",
        "dropout",
        "discharge_to_die",
        "dose_selection",
    ):
        written.pop(section, None)
    return protocol_from_dict({**written, "arms": arms})


def worlds_of(protocol: Protocol, variants: Mapping[str, float]) -> tuple[World, ...]:
    """Every world of a bank protocol, controls first.

    Args:
        protocol: of ``bank_protocol``.
        variants: structural variants that act on products with an effect.
    """
    found = []
    order = (protocol.control_arm, *protocol.other_arms)
    for name in order:
        acts = any(dosing.effect_of for dosing in protocol.arms[name].regimen)
        found += [World(name, variant) for variant in (variants if acts else (NO_VARIANT,))]
    return tuple(found)


def grid_days(length: float) -> Array:
    """Days of which the cumulative hazard is kept: daily for four weeks, every four days, the end."""
    days = np.concatenate([np.arange(0.0, 29.0), np.arange(32.0, length, 4.0)])
    return np.append(days[days < length], length)


@dataclass(frozen=True)
class Courses:
    """Courses of n patients in one world.

    Attributes:
        hazard: (n, g) cumulative hazard of death on the grid, not decreasing; beyond ``LARGEST`` it is that.
        transplant, infection, withdrawal: (n,) day of the first, infinite for none.
        fever: (n,) whether fever followed an infusion.
        failed: (n,) whether the course could not be solved to its end.
    """

    hazard: Array
    transplant: Array
    infection: Array
    withdrawal: Array
    fever: NDArray[np.bool_]
    failed: NDArray[np.bool_]


def simulate_world(trial: Trial, world: World, person: NDArray[np.int64], grid: Array) -> Courses:
    """Follow some patients in a world.

    Args:
        trial: machine, illness with the bank protocol, cohort, variants.
        world: arm and variant.
        person: (n,) numbers of the bank's patients.
        grid: (g,) days.
    """
    protocol, seed, spec = trial.protocol, trial.seed, trial.machine.spec
    n, names = len(person), arm_names(protocol)
    zero = np.zeros(n, dtype=np.int64)
    variant = trial.variants.names.index(world.variant) if world.variant else 0
    arm = zero + names.index(world.arm)
    plan = Plan(zero, person, person, arm, person - 1, zero + variant, zero, person - 1)
    row = trial.cohort.index[person - 1]
    before = trial.cohort.traits.parameters[row]
    parameters = course_parameters(
        protocol, spec, trial.illness.deck, seed, plan, before, trial.variants.overrides
    )
    end = np.full(n, grid[-1])
    doses = course_doses(protocol, spec, seed, plan, parameters, end)
    luck = thresholds(seed, "course", spec.hazards, person)
    death = [hazard.name for hazard in spec.hazards].index("death")
    luck[:, death, :] = np.inf
    luck[:, death, 0] = LARGEST
    days = np.broadcast_to(grid, (n, len(grid)))

    def solve(rows: NDArray[np.intp], given: Doses) -> Any:
        return trial.machine.solve(
            parameters[rows],
            trial.cohort.pool.admitted.state[row[rows]],
            luck[rows],
            days[rows],
            end[rows],
            impulses=given.impulses,
            outputs=["H_death"],
        )

    result, _ = solve_until_stopped(spec, solve, n, doses)
    at = {cause: first_event(result, spec.causes.index(cause), n) for cause in spec.causes}
    hazard = np.asarray(result.values[:, :, 0])
    # A course ends at LARGEST, where nobody is left alive; what failed is not used at all.
    hazard = np.where(np.isnan(hazard), LARGEST, hazard)
    hazard = np.maximum.accumulate(np.clip(hazard, 0.0, LARGEST), axis=1)
    return Courses(
        hazard,
        at["transplant"],
        np.minimum(at["severe_infection"], at["sbp"]),
        at["withdrawal"],
        np.isfinite(at["fever"]),
        ~result.ok,
    )
