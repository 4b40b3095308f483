"""By which path an effect comes about: the causal graph of the cells, switched on edge by edge.

    delivery -> lung or systemic action -> homing and local action -> engraftment

Every step adds one edge for the same patients with the same luck (``secretome_on``, ``homing_on``,
``differentiation_on`` of ``msc_kinetics.ant``), so that the steps add up to the total effect. Only
differences of marginal shares are told: no patient's own effect is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.cohort import Admission, TooFewAdmitted, admit, follow
from hepatrial.calibration.ensemble import prior_ensemble
from hepatrial.calibration.shipped import taught
from hepatrial.calibration.worlds import worlds_of
from hepatrial.errors import BadInput, Problem, RunFailed, nearest_name
from hepatrial.model.variants import load_variants
from hepatrial.population.machine import Machine
from hepatrial.prediction.predict import shipped_ensemble
from hepatrial.protocol import Protocol
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.rng import Stream
from hepatrial.trial.plausible import Worlds
from hepatrial.trial.run import patient_machine
from hepatrial.uncertainty.units import Progress, do_units

Array = NDArray[np.float64]

SWITCHES = ("secretome_on", "homing_on", "differentiation_on")
GRAPH: dict[str, tuple[float, float, float]] = {
    "delivery": (0.0, 0.0, 0.0),
    "lung_action": (1.0, 0.0, 0.0),
    "homing_and_local_action": (1.0, 1.0, 0.0),
    "engraftment": (1.0, 1.0, 1.0),
}
"""Edge -> switches from this edge on, in causal order. Delivery alone is what given cells do without acting
(clotting, reactions, sensitisation)."""
OUTCOMES = ("alive", "severe_infection")
LEAST = 0.005
"""Share of candidates admitted below which a member is replaced."""
STEADY = 3.0
"""Prior and posterior coincide when they differ by less than so many Monte-Carlo errors: of the hundred rows
of a page two errors would flag five by chance."""
RESOLVED = 0.02
"""Monte-Carlo error beyond which a difference of prior and posterior is not judged: too few patients."""


@dataclass(frozen=True)
class Asked:
    """An attribution that has been checked.

    Attributes:
        protocol: the design.
        arm: arm with cells.
        members: of the prior and of the posterior.
        patients: followed in each member.
        seed: of all chance.
    """

    protocol: Protocol
    arm: str
    members: int
    patients: int
    seed: int


def check(protocol: Protocol, arm: str | None, members: int, patients: int, seed: int) -> Asked:
    """Check what is asked.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems = [
        Problem(name, str(value), f"a whole number, {low} to {high:,}")
        for name, value, low, high in (
            ("--members", members, 2, 1_000),
            ("--patients", patients, 10, 100_000),
            ("--seed", seed, 0, 2**63),
        )
        if isinstance(value, bool) or not low <= value <= high
    ]
    acting = [
        name
        for name, one in protocol.arms.items()
        if name != protocol.control_arm and any(dosing.effect_of for dosing in one.cells)
    ]
    if not acting:
        allowed = "a protocol with an arm whose cells have an effect of their own or borrow one"
        problems.append(Problem("protocol", protocol.identity.id, allowed))
    elif arm is not None and arm not in acting:
        problems.append(Problem("--arm", arm, f"one of {', '.join(acting)}", nearest_name(arm, acting)))
    if problems:
        raise BadInput(problems)
    return Asked(protocol, arm or acting[0], members, patients, seed)


def attribute(
    asked: Asked,
    out: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    machine: Machine | None = None,
) -> dict[str, Any]:
    """Effects along the graph by structural variant, prior beside posterior.

    Args:
        asked: checked.
        out: folder of the units; an interrupted attribution goes on there.
        threads, progress: as in ``units.do_units``.
        machine: model and engine; default those of patients.

    Returns:
        JSON: ``edges`` (rows with ``edge``, ``outcome``, ``variant`` or "all", ``prior``, ``posterior``,
        each with ``difference`` and ``mcse``, ``learnt``, ``resolved``), ``tipping``, ``hash`` and what was
        asked.
    """
    machine = machine or patient_machine()
    posterior = shipped_ensemble()
    beliefs = {
        "prior": worlds_of(prior_ensemble(max(asked.members, 100), asked.seed), asked.members, asked.seed),
        "posterior": worlds_of(posterior, asked.members, asked.seed),
    }
    spec = {
        "what": "attribute",
        "protocol": asked.protocol.as_dict(),
        "options": {name: getattr(asked, name) for name in ("arm", "members", "patients", "seed")},
        "model_hash": machine.spec.hash,
        "worlds": {name: worlds.hash for name, worlds in beliefs.items()},
        "versions": package_versions(),
    }
    units = {
        f"{belief}-{world:04d}": partial(follow_world, machine, asked, worlds, world)
        for belief, worlds in beliefs.items()
        for world in range(len(worlds))
    }
    found = do_units(out, spec, units, stage="worlds", threads=threads, progress=progress)
    weights = {
        "prior": {name: one.weight for name, one in load_variants().items()},
        "posterior": dict(beliefs["posterior"].variants),
    }
    shown = {
        belief: [found[f"{belief}-{world:04d}"] for world in range(len(worlds))]
        for belief, worlds in beliefs.items()
    }
    return {
        "protocol": asked.protocol.identity.id,
        "arm": asked.arm,
        "control": asked.protocol.control_arm,
        "labels": arm_labels(asked),
        "week": asked.protocol.endpoints.primary.week,
        "members": asked.members,
        "patients": asked.patients,
        "ensemble": posterior.origin.kind,
        "edges": list(edge_rows(shown, weights)),
        "weights": weights,
        "tipping": tipping_points(),
        "hash": fingerprint(spec),
    }


def arm_labels(asked: Asked) -> dict[str, dict[str, str]]:
    """Arm -> language -> name to show."""
    arms = {name: asked.protocol.arms[name] for name in (asked.arm, asked.protocol.control_arm)}
    return {name: {lang: arm.text("label", lang) for lang in ("en", "zh")} for name, arm in arms.items()}


def variants_of(engrafts_only: bool = False) -> list[str]:
    """Variants that act at all; those that engraft."""
    known = load_variants()
    return [
        name
        for name, one in known.items()
        if one.overrides and (not engrafts_only or one.overrides.get("engrafting_share", 0.0) > 0)
    ]


def follow_world(machine: Machine, asked: Asked, worlds: Worlds, world: int) -> dict[str, Any]:
    """Shares of a world's patients with each outcome: control, and each variant along the graph.

    A variant that does not engraft has no last edge, and with all switches off variants are alike: neither is
    simulated more than once.

    Raises:
        RunFailed: none of the members for this world admits patients.
    """
    _, admission = admit_world(machine, asked, worlds, world)
    day = 7 * asked.protocol.endpoints.primary.week

    def shares(arm: str, overrides: Mapping[str, float]) -> list[float]:
        cohort = follow(admission, arm, day, variant=overrides)
        infected = cohort.first(["severe_infection", "sbp"]) <= day
        return [float(np.mean(cohort.times["death"] > day)), float(infected.mean())]

    off = dict.fromkeys(SWITCHES, 0.0)
    found: dict[str, Any] = {
        "control": shares(asked.protocol.control_arm, {}),
        "delivery": shares(asked.arm, off),
        "variants": {},
    }
    known = load_variants()
    for name in variants_of():
        row = {}
        for edge, switches in list(GRAPH.items())[1:]:
            if edge == "engraftment" and name not in variants_of(engrafts_only=True):
                continue
            row[edge] = shares(
                asked.arm, {**known[name].overrides, **dict(zip(SWITCHES, switches, strict=True))}
            )
        found["variants"][name] = row
    return found


def admit_world(
    machine: Machine, asked: Asked, worlds: Worlds, world: int
) -> tuple[dict[str, float], Admission]:
    """Cards and admitted patients of the first member drawn for a world that admits any.

    Raises:
        RunFailed: none of them does.
    """
    seed = world_seed(asked.seed, world)
    for attempt in range(worlds.attempts(world)):
        settings = dict(worlds.settings_of(world, attempt))
        try:
            return settings, admit(
                machine, asked.protocol, settings, size=asked.patients, seed=seed, least=LEAST
            )
        except TooFewAdmitted:
            continue
    raise RunFailed(f"no member that was tried for world {world + 1} admits patients of the protocol")


def world_seed(seed: int, world: int) -> int:
    """Seed of a world's patients; prior and posterior worlds of one number share it."""
    return int(float(Stream(seed, "attribute.world").uniform(world)) * 2**53)


def edge_rows(
    shown: Mapping[str, Sequence[Mapping[str, Any]]], weights: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Rows by outcome, variant and edge with prior and posterior.

    Args:
        shown: belief -> what ``follow_world`` found in each of its worlds.
        weights: belief -> variant -> weight; "all" is averaged by them, variants that do nothing included.
    """
    rows = []
    steps = {belief: [_steps(world) for world in worlds] for belief, worlds in shown.items()}
    for place, outcome in enumerate(OUTCOMES):
        for variant in ("all", *variants_of()):
            for edge in (*GRAPH, "total"):
                told = {
                    belief: _mean([_of(one, variant, edge, weights[belief])[place] for one in steps[belief]])
                    for belief in steps
                }
                gap = abs(told["posterior"]["difference"] - told["prior"]["difference"])
                error = math.hypot(told["posterior"]["mcse"], told["prior"]["mcse"])
                rows.append(
                    {
                        "outcome": outcome,
                        "variant": variant,
                        "edge": edge,
                        **told,
                        "learnt": bool(gap > STEADY * error),
                        "resolved": bool(error <= RESOLVED),
                    }
                )
    return rows


def _steps(world: Mapping[str, Any]) -> dict[str, dict[str, Array]]:
    """variant -> edge -> (outcomes,) what the edge adds."""
    control, delivery = np.array(world["control"]), np.array(world["delivery"])
    found = {}
    for name, row in world["variants"].items():
        before, steps = delivery, {"delivery": delivery - control}
        for edge in list(GRAPH)[1:]:
            after = np.array(row.get(edge, before))
            steps[edge] = after - before
            before = after
        steps["total"] = before - control
        found[name] = steps
    return found


def _of(
    steps: Mapping[str, Mapping[str, Array]], variant: str, edge: str, weights: Mapping[str, float]
) -> Array:
    if variant != "all":
        return steps[variant][edge]
    total = sum(weights.values())
    idle = sum(weight for name, weight in weights.items() if name not in steps)
    # A variant that does nothing has the first edge only.
    alike = (
        next(iter(steps.values()))["delivery"] if edge in ("delivery", "total") else np.zeros(len(OUTCOMES))
    )
    moved = sum((weights.get(name, 0.0) * row[edge] for name, row in steps.items()), np.zeros(len(OUTCOMES)))
    return np.asarray((moved + idle * alike) / total)


def _mean(values: Sequence[float]) -> dict[str, float]:
    array = np.array(values)
    return {"difference": float(array.mean()), "mcse": float(array.std(ddof=1) / math.sqrt(len(array)))}


def tipping_points() -> list[dict[str, Any]]:
    """Which bias (log odds ratio) would leave no effect in each trial of the fit: prior beside posterior."""
    try:
        bias = taught()["bias"]
    except RunFailed:
        return []
    return [
        {
            "trial": name,
            "observed": row["observed"],
            "tipping_point": row["tipping_point"],
            "prior": list(bias["prior"]),
            "posterior": list(bias["posterior"]),
        }
        for name, row in bias["outcomes"].items()
    ]
