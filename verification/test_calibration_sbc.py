"""Simulation-based calibration of the fit on its first layer: six numbers, fifteen targets, the real model.

Truth is drawn from the prior, the donors' targets are simulated with their errors, the layer is fitted as
in the
product (rounds of simulation, emulator, elliptical slice sampling, weights by plausibility), and the place
of the truth
in the weighted members must be uniform (Talts et al. 2018, arXiv:1804.06788).

About 20 minutes on one core; REPEATS and MEMBERS of the environment shorten it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import kstest

from hepatrial.calibration.donors import donors
from hepatrial.calibration.fit import Members, Schedule, draw_members, fit_layer, plausibility
from hepatrial.calibration.prior import settings_at
from hepatrial.calibration.simulate import Evaluation, evaluate
from hepatrial.calibration.targets import Declaration, load_declaration, natural, transformed
from hepatrial.population import Machine
from hepatrial.trial.run import patient_machine

LAYER = "donors"
REPEATS = int(os.environ.get("REPEATS", "100"))
MEMBERS = int(os.environ.get("MEMBERS", "64"))


def made_up(declaration: Declaration, machine: Machine, repeat: int) -> tuple[Declaration, np.ndarray]:
    """Targets as a truth drawn from the prior would have printed them, and the truth's steps."""
    rng = np.random.default_rng([7, repeat])
    free = declaration.free[LAYER]
    truth = rng.standard_normal(len(free))
    shown = donors(machine, settings_at(free, truth))
    targets = []
    for target in declaration.of_layer(LAYER):
        place = transformed(np.array([shown[target.cohort][target.statistic]]), target.transform)
        value = natural(place + target.spread * rng.standard_normal(1), target.transform)
        scale = float(value[0]) / target.value if target.transform == "log" else 1.0
        targets.append(target.model_copy(update={"value": float(value[0]), "se": target.se * scale}))
    return replace(declaration, targets=tuple(targets)), truth


def ranks(repeat: int, declaration: Declaration, machine: Machine) -> np.ndarray:
    """Place of each true step among the weighted members, in (0, 1)."""
    mine, truth = made_up(declaration, machine, repeat)
    members: Members = draw_members(declaration.free[LAYER], MEMBERS, 1000 + repeat)

    def simulate(
        layer: str, settings: Sequence[Mapping[str, float]], seeds: Sequence[int], _batch: str
    ) -> list[Evaluation]:
        return [evaluate(machine, mine, layer, one, seed) for one, seed in zip(settings, seeds, strict=True)]

    plan = Schedule(members=MEMBERS, rounds={LAYER: (MEMBERS,) * 3}, iterations=200, seed=repeat)
    result = fit_layer(mine, LAYER, members, plan, simulate)
    weights = plausibility(result.distance, len(mine.of_layer(LAYER)))
    below = (result.posterior < truth) * weights[:, None]
    return np.asarray((below.sum(axis=0) + 0.5 * weights.mean()) / (weights.sum() + weights.mean()))


def test_the_truth_lies_anywhere_in_the_fitted_members() -> None:
    declaration, machine = load_declaration(), patient_machine(rtol=1e-3)
    found = np.array([ranks(repeat, declaration, machine) for repeat in range(REPEATS)])
    names = [doubt.name for doubt in declaration.free[LAYER]]
    told = {name: float(kstest(found[:, i], "uniform").pvalue) for i, name in enumerate(names)}
    inside = {name: float(np.mean(np.abs(found[:, i] - 0.5) < 0.45)) for i, name in enumerate(names)}
    print(f"{REPEATS} repeats, {MEMBERS} members; KS p by number: {told}; within 90 %: {inside}")
    assert min(told.values()) > 0.001 / len(names)
    assert 0.8 < np.mean(list(inside.values())) < 0.98
