"""A mouse with acute liver failure: survival by arm, route, hour and dose; each mechanism knocked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from hepatrial.experiment.solve import Array, animals, parameters_of
from hepatrial.experiment.types import Curve, KnockOut
from hepatrial.model.variants import load_variants
from hepatrial.model.worlds import experiment_cards, load_world
from hepatrial.rng import Stream

ANIMALS = 2000
DAYS = tuple(float(day) for day in np.linspace(0.25, 7, 28))
SEED = 1
DOSE = 10.0
"""1e6 cells/kg, the usual dose of the animal studies."""

VARIANT = "secretome_14d"
"""Strengths of the effect: those assumed for patients, the same in the animal."""


@dataclass(frozen=True)
class Group:
    """What animals get.

    Attributes:
        dose: 1e6 cells/kg; 0 for saline.
        day: after the toxin.
        changes: parameters of the mouse.
    """

    dose: float = DOSE
    day: float = 1.0
    changes: Mapping[str, float] = field(default_factory=dict)


def over_expressing(passage: float) -> dict[str, float]:
    """Over-expressing cells where ``passage`` of wild-type cells pass the lung: their fold of attraction."""
    receptors = experiment_cards()["receptor_fold_over"].value
    # attraction of msc_migration.ant at one half-saturating gradient, against wild type
    return {"lung_passage": min(1.0, passage * (receptors / (1 + receptors)) / 0.5)}


def passage_if_any() -> float:
    """Share of wild-type cells that pass the lung in the world where some do."""
    return experiment_cards()["passage_if_any"].value


def arms() -> dict[str, Group]:
    """The arms of the survival figure."""
    some = passage_if_any()
    return {
        "saline": Group(dose=0.0),
        "cells": Group(),
        "over": Group(changes=over_expressing(0.0)),
        "over_passing": Group(changes=over_expressing(some)),
        "early": Group(day=2 / 24),
    }


def effects() -> dict[str, float]:
    """Strengths of the variant that the mouse has a part for."""
    known = load_world("mouse").parameters
    return {name: value for name, value in load_variants()[VARIANT].overrides.items() if name in known}


def survival(group: Group, n: int = ANIMALS, seed: int = SEED) -> Array:
    """(n_days,) share alive at ``DAYS``: the same animals with the same luck in every group."""
    spec = load_world("mouse")
    rows = parameters_of(spec, {**effects(), **group.changes}, n)
    number = np.arange(n)
    spread = experiment_cards()["insult_log_sd"].value
    column = spec.parameters.index("insult_dose")
    rows[:, column] *= np.exp(spread * Stream(seed, "mouse.insult").normal(number))
    luck = Stream(seed, "mouse.death").exponential(number)
    doses = [(group.day, group.dose)] if group.dose else []
    result = animals(rows, DAYS, doses, luck)
    dead = result.events["time"]
    return np.asarray([1 - np.count_nonzero(dead <= day) / n for day in DAYS])


@cache
def week(dose: float = DOSE, day: float = 1.0, changes: tuple[tuple[str, float], ...] = ()) -> float:
    """Share alive after seven days."""
    return float(survival(Group(dose, day, dict(changes)))[-1])


def curves() -> tuple[Curve, ...]:
    """Survival of the arms, saline first, and survival by dose."""
    days = (0.0, *DAYS)
    lines = [
        Curve("survival", name, name == "saline", days, (100.0, *(100 * survival(group))))
        for name, group in arms().items()
    ]
    doses = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
    bell = (("dose_bell", 1.0), ("dose_high", 20.0))
    monotone = tuple(100 * week(dose) for dose in doses)
    lines.append(Curve("by_dose", "monotone", False, doses, monotone))
    lines.append(Curve("by_dose", "bell", False, doses, tuple(100 * week(dose, 1.0, bell) for dose in doses)))
    lines.append(Curve("by_dose", "saline", True, doses, (100 * week(0.0),) * len(doses)))
    return tuple(lines)


def numbers() -> dict[str, float]:
    """What stands beside the published figures."""
    some = passage_if_any()
    passing = (("lung_passage", some),)
    portal = (("route_liver_share", 1.0),)
    saline, cells = week(0.0), week()
    without = week(changes=(("differentiation_on", 0.0),))
    return {
        "better_homing": week(changes=tuple(over_expressing(0.0).items())) - cells,
        "better_homing_if_passing": week(changes=tuple(over_expressing(some).items()))
        - week(changes=passing),
        "cells": cells - saline,
        "free_cells": cells - saline,
        "timing": week(day=2 / 24) - cells,
        "route": week(changes=portal) - cells,
        "engraftment_not_needed": (without - saline) / (cells - saline),
        "dose_window": week(100.0) - cells,
    }


def knock_outs() -> tuple[KnockOut, ...]:
    """Seven-day survival where some cells pass the lung and engraft, one mechanism away at a time."""
    full = (("lung_passage", passage_if_any()), ("engrafting_reach", passage_if_any()))
    measure = {
        "en": "seven-day survival, where some cells pass the lung and engraft",
        "zh": "7 天生存率（假设部分细胞通过肺并植入）",
    }
    whole, none = week(changes=full), week(0.0)
    return tuple(
        KnockOut(name, measure, whole, week(changes=(*full, (f"{name}_on", 0.0))), none)
        for name in ("differentiation", "homing", "secretome")
    )
