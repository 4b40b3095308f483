"""Which cheap reading, in how many patients, would tell the variants apart or change a decision.

For a reading with result s, variant v and member theta, p(s | v, theta) is normal on the logarithm: mean from
the simulated difference of the arms, variance (patients' own and of the reading, of both arms) / n. With the
members as draws of theta,

    EIG  = E_s,v [ log2 p(s | v) / p(s) ]                  bits of the variants' entropy, nested Monte Carlo
    EVSI = E_s [ max(0, E[gain | s]) ] - max(0, E[gain])   gain = difference in survival minus the threshold

where "go" is worth the gain and "stop" nothing. A few members are draws of a continuum: between them the
density of a reading is smoothed (Silverman's bandwidth), and of a member's own gain only what runs linearly
with the reading counts (``smooth_gain``), or a sharp reading would seem to know the luck of the patients.
EVPPI is the same with the variant known.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.cohort import follow
from hepatrial.calibration.worlds import worlds_of
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.variants import load_variants
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.prediction.predict import shipped_ensemble
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.trial.plausible import Worlds
from hepatrial.trial.run import patient_machine
from hepatrial.uncertainty import attribute
from hepatrial.uncertainty.units import Progress, do_units

Array = NDArray[np.float64]

DRAWS = 4_000
"""Results of a reading that are drawn."""
FLOOR = 1e-6
"""Readings below this are read as this: a logarithm must exist."""


@dataclass(frozen=True)
class Reading:
    """A measurement card.

    Attributes:
        name: its key in ``measurements.toml``.
        label: by language.
        reads: output of the model, or "".
        card: number of the model that is measured itself, or "".
        day: of the output.
        cv: coefficient of variation of one reading besides the patients' own spread.
        grade, source, source_zh: how it is known.
    """

    name: str
    label: Mapping[str, str]
    reads: str
    card: str
    day: float
    cv: float
    grade: str
    source: str
    source_zh: str


@cache
def load_readings() -> Mapping[str, Reading]:
    """The measurements that ship, by name."""
    text = resources.files("hepatrial.uncertainty").joinpath("measurements.toml").read_text("utf-8")
    return {
        name: Reading(
            name,
            {"en": raw["en"], "zh": raw["zh"]},
            raw.get("reads", ""),
            raw.get("card", ""),
            raw.get("day", 0.0),
            raw["cv"],
            raw["grade"],
            raw["source"],
            raw["source_zh"],
        )
        for name, raw in tomllib.loads(text).items()
    }


@dataclass(frozen=True)
class Belief:
    """What one member says under one variant.

    Attributes:
        weight: (m,) of the pair of variant and member.
        variant: (m,) code of the variant.
        gain: (m,) difference in survival.
    """

    weight: Array
    variant: NDArray[np.int64]
    gain: Array


def check_more(readings: Sequence[str], sizes: Sequence[int], threshold: float) -> None:
    """Refuse readings, sizes and thresholds that cannot be.

    Raises:
        BadInput: with all of them.
    """
    known = load_readings()
    problems = [
        Problem("--measurement", repr(name), f"one of {', '.join(known)}", nearest_name(name, known))
        for name in readings
        if name not in known
    ]
    problems += [
        Problem("--measured", str(n), "a whole number, 1 to 100,000") for n in sizes if not 1 <= n <= 100_000
    ]
    if not -0.5 <= threshold <= 0.5:
        problems.append(Problem("--threshold", f"{threshold:g}", "a difference in survival, -0.5 to 0.5"))
    if problems:
        raise BadInput(problems)


def voi(
    asked: attribute.Asked,
    readings: Sequence[str],
    sizes: Sequence[int],
    threshold: float,
    out: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    machine: Machine | None = None,
) -> dict[str, Any]:
    """Value of each reading in each number of patients.

    Args:
        asked: protocol, arm, members, patients followed in each, seed (``attribute.check``).
        readings: names; none: all that ship.
        sizes: patients measured in each arm.
        threshold: difference in survival at the primary week above which to go on.
        out: folder of the units; an interrupted analysis goes on there.
        threads, progress: as in ``units.do_units``.
        machine: model and engine; default those of patients.

    Returns:
        JSON: ``rows`` (``measurement, n, bits, bits_mcse, evsi, evsi_mcse``), ``entropy``, ``evppi``,
        ``expected_gain``, ``weights``, ``hash`` and what was asked.

    Raises:
        BadInput: an unknown reading, a size or threshold that cannot be.
    """
    check_more(readings, sizes, threshold)
    machine = machine or patient_machine()
    worlds = worlds_of(shipped_ensemble(), asked.members, asked.seed)
    chosen = [load_readings()[name] for name in (readings or load_readings())]
    spec = {
        "what": "voi",
        "protocol": asked.protocol.as_dict(),
        "options": {name: getattr(asked, name) for name in ("arm", "members", "patients", "seed")},
        "readings": {one.name: [one.reads, one.card, one.day] for one in chosen},
        "model_hash": machine.spec.hash,
        "worlds": worlds.hash,
        "versions": package_versions(),
    }
    units = {
        f"world-{w:04d}": partial(follow_world, machine, asked, worlds, w, chosen) for w in range(len(worlds))
    }
    found = list(do_units(out, spec, units, stage="worlds", threads=threads, progress=progress).values())
    names = [name for name in load_variants() if worlds.variants.get(name, 0.0) > 0]
    belief = belief_of(found, names, worlds.variants)
    rows = []
    for one in chosen:
        centre, spread = read_off(found, names, one)
        for n in sizes:
            error = np.sqrt(spread_of(one, spread) / n + bandwidth(belief, centre) ** 2)
            smooth = replace(belief, gain=smooth_gain(belief, centre))
            bits, bits_mcse, evsi, evsi_mcse = value_of(smooth, centre, error, threshold, asked.seed)
            rows.append({"measurement": one.name, "label": dict(one.label), "n": n, "bits": bits,
                         "bits_mcse": bits_mcse, "evsi": evsi, "evsi_mcse": evsi_mcse, "cv": one.cv,
                         "grade": one.grade, "source": one.source})  # fmt: skip
    gain = belief.gain - threshold
    share = np.array([worlds.variants[name] for name in names])
    share = share / share.sum()
    return {
        "protocol": asked.protocol.identity.id,
        "arm": asked.arm,
        "control": asked.protocol.control_arm,
        "week": asked.protocol.endpoints.primary.week,
        "members": asked.members,
        "patients": asked.patients,
        "threshold": threshold,
        "entropy": float(-(share * np.log2(share)).sum()),
        "expected_gain": float(belief.weight @ belief.gain),
        "go": bool(belief.weight @ gain > 0),
        "evppi": float(
            belief.weight @ np.maximum(of_variant(belief, gain), 0.0) - max(float(belief.weight @ gain), 0.0)
        ),
        "weights": dict(zip(names, share.tolist(), strict=True)),
        "rows": sorted(rows, key=lambda row: (-row["bits"], row["measurement"], row["n"])),
        "hash": fingerprint(spec),
    }


def follow_world(
    machine: Machine, asked: attribute.Asked, worlds: Worlds, world: int, chosen: Sequence[Reading]
) -> dict[str, Any]:
    """Survival and readings of a world's patients: control, and each variant of the arm with cells.

    Raises:
        RunFailed: none of the members for this world admits patients.
    """
    settings, admission = attribute.admit_world(machine, asked, worlds, world)
    outputs = tuple(dict.fromkeys(one.reads for one in chosen if one.reads))
    days = sorted({one.day for one in chosen if one.reads})
    end = 7 * asked.protocol.endpoints.primary.week

    def told(arm: str, overrides: Mapping[str, float]) -> dict[str, Any]:
        cohort = follow(admission, arm, end, visits=days, outputs=outputs, variant=overrides)
        found: dict[str, Any] = {"alive": float(np.mean(cohort.times["death"] > end))}
        for one in chosen:
            if one.reads:
                seen = cohort.courses[one.reads][:, days.index(one.day)]
                logs = np.log(np.maximum(seen[np.isfinite(seen)], FLOOR))
                found[one.name] = [float(logs.mean()), float(logs.var(ddof=1))]
        return found

    deck = make_deck(settings)
    return {
        "control": told(asked.protocol.control_arm, {}),
        "variants": {name: told(asked.arm, one.overrides) for name, one in load_variants().items()},
        "cards": {one.name: math.log(deck.value(one.card)) for one in chosen if one.card},
    }


def belief_of(
    found: Sequence[Mapping[str, Any]], names: Sequence[str], weights: Mapping[str, float]
) -> Belief:
    """Pairs of variant and member with their weights and gains, variants outermost."""
    total = sum(weights[name] for name in names)
    weight = np.repeat([weights[name] / total / len(found) for name in names], len(found))
    gain = [world["variants"][name]["alive"] - world["control"]["alive"] for name in names for world in found]
    return Belief(weight, np.repeat(np.arange(len(names)), len(found)), np.array(gain))


def of_variant(belief: Belief, values: Array) -> Array:
    """(m,) mean over the members of each pair's variant."""
    mass = np.bincount(belief.variant, belief.weight)
    return np.asarray((np.bincount(belief.variant, belief.weight * values) / mass)[belief.variant])


def smooth_gain(belief: Belief, centre: Array) -> Array:
    """(m,) gain of the variant, and of the member what runs linearly with the reading (one slope for all)."""
    mean = of_variant(belief, belief.gain)
    away = centre - of_variant(belief, centre)
    room = float(belief.weight @ away**2)
    slope = float(belief.weight @ (away * (belief.gain - mean))) / room if room > 0 else 0.0
    return np.asarray(mean + slope * away)


def bandwidth(belief: Belief, centre: Array) -> Array:
    """(m,) Silverman's bandwidth of the members of each pair's variant; 0 where there is one."""
    members = np.bincount(belief.variant)[belief.variant]
    spread = np.sqrt(of_variant(belief, (centre - of_variant(belief, centre)) ** 2))
    return np.asarray(1.06 * spread * members**-0.2)


def read_off(found: Sequence[Mapping[str, Any]], names: Sequence[str], one: Reading) -> tuple[Array, Array]:
    """Centre of the result on the logarithm and variance of one patient's reading, for each pair."""
    if one.card:
        centre = np.tile([world["cards"][one.name] for world in found], len(names))
        return centre, np.zeros(len(centre))
    middle: list[float] = []
    spread: list[float] = []
    for name in names:
        for world in found:
            cells, control = world["variants"][name][one.name], world["control"][one.name]
            absent = control[0] <= math.log(FLOOR) + 1e-9
            middle.append(cells[0] - (0.0 if absent else control[0]))
            spread.append(cells[1] + (0.0 if absent else control[1]))
    return np.array(middle), np.array(spread)


def spread_of(one: Reading, spread: Array) -> Array:
    """Variance of a difference of one reading in each arm (of one reading where controls have none)."""
    arms = 1.0 if one.card or one.name in ALONE else 2.0
    return spread + arms * math.log1p(one.cv**2)


ALONE = ("cells_in_liver_day_1", "d_dimer_day_1")
"""Read in patients with cells alone."""


def value_of(
    belief: Belief, centre: Array, error: Array, threshold: float, seed: int, draws: int = DRAWS
) -> tuple[float, float, float, float]:
    """EIG (bits) and EVSI of a reading, each with its Monte-Carlo error.

    Args:
        belief: m pairs of variant and member.
        centre, error: (m,) mean and standard error of the result under each pair.
        threshold: of the decision.
        seed: of the draws.
        draws: results drawn.
    """
    rng = np.random.default_rng(seed)
    pair = rng.choice(len(centre), size=draws, p=belief.weight / belief.weight.sum())
    result = centre[pair] + error[pair] * rng.standard_normal(draws)
    z = (result[:, None] - centre[None, :]) / error[None, :]
    joint = belief.weight * np.exp(-0.5 * z**2) / error[None, :]
    evidence = joint.sum(axis=1)
    kinds = int(belief.variant.max()) + 1
    share = np.bincount(belief.variant, belief.weight, minlength=kinds)
    own = belief.variant[pair]
    mine = np.where(belief.variant[None, :] == own[:, None], joint, 0.0).sum(axis=1) / share[own]
    information = np.log2(mine / evidence)
    gain = belief.gain - threshold
    expected = joint @ gain / evidence
    # The mean of `expected` is known; what it misses is taken off (control variate).
    worth = np.maximum(expected, 0.0) - max(float(belief.weight @ gain), 0.0)
    worth = worth - (expected - float(belief.weight @ gain)) * float(belief.weight @ gain > 0)
    root = math.sqrt(draws)
    return (
        max(float(information.mean()), 0.0),
        float(information.std(ddof=1) / root),
        max(float(worth.mean()), 0.0),
        float(worth.std(ddof=1) / root),
    )
