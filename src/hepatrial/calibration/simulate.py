"""One evaluation: the targets of a layer as the model shows them under given settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.cohort import TooFewAdmitted, admit, follow
from hepatrial.calibration.donors import donors
from hepatrial.calibration.summary import select, with_error
from hepatrial.calibration.targets import Declaration, Target, transformed
from hepatrial.population import Machine

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """What one setting shows.

    Attributes:
        values: (J,) of the layer's targets on their transformed scales, NaN when given up.
        errors: (J,) Monte-Carlo standard errors.
        admitted: patients in all worlds.
        reason: why it was given up, "" when it was not.
    """

    values: Array
    errors: Array
    admitted: int
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether every target has a value."""
        return bool(np.isfinite(self.values).all())


def evaluate(
    machine: Machine, declaration: Declaration, layer: str, settings: Mapping[str, float], seed: int
) -> Evaluation:
    """Simulate the worlds of a layer and take its targets' statistics."""
    targets = declaration.of_layer(layer)
    found: dict[str, tuple[float, float]] = {}
    admitted = 0
    worlds = dict.fromkeys(declaration.views[target.cohort].world for target in targets)
    for name in worlds:
        mine = [target for target in targets if declaration.views[target.cohort].world == name]
        if name == "donors":
            shown = donors(machine, settings)
            for t in mine:
                value = np.array([shown[t.cohort][t.statistic]])
                found[t.id] = (float(transformed(value, t.transform)[0]), 0.0)
            continue
        try:
            admitted += _world(machine, declaration, name, mine, settings, seed, found)
        except TooFewAdmitted as reason:
            none = np.full(len(targets), np.nan)
            return Evaluation(none, none, admitted, str(reason))
    values, errors = (np.array([found[target.id][i] for target in targets]) for i in (0, 1))
    missing = [target.id for target, value in zip(targets, values, strict=True) if not np.isfinite(value)]
    return Evaluation(values, errors, admitted, f"no value of {', '.join(missing)}" if missing else "")


def _world(
    machine: Machine,
    declaration: Declaration,
    name: str,
    targets: list[Target],
    settings: Mapping[str, float],
    seed: int,
    found: dict[str, tuple[float, float]],
) -> int:
    world = declaration.worlds[name]
    admission = admit(machine, world.reference, settings, size=world.size, seed=seed, least=world.least)
    arms = dict.fromkeys(declaration.views[target.cohort].arm for target in targets)
    cohorts = {
        arm: follow(admission, arm, world.days, visits=world.visits, outputs=world.outputs) for arm in arms
    }
    for target in targets:
        patients = declaration.views[target.cohort]
        view = select(cohorts[patients.arm], patients.where)
        scale = partial(transformed, transform=target.transform)
        found[target.id] = with_error(view, target.statistic, scale)
    return len(admission.pool)
