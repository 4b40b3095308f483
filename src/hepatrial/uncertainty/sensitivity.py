"""What drives survival, bilirubin and MELD of a protocol's control arm: Morris and Sobol over the cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.calibration.cohort import TooFewAdmitted, admit, follow
from hepatrial.calibration.prior import Doubt, doubts_of, settings_at
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.scores import meld_raw
from hepatrial.population.machine import Machine
from hepatrial.protocol import DEFINITIONS, Protocol
from hepatrial.protocol.diseases import CAUSES, DISEASES
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.trial.run import patient_machine
from hepatrial.uncertainty.morris import elementary_effects, trajectories
from hepatrial.uncertainty.sobol import design, indices
from hepatrial.uncertainty.units import Progress, do_units

Array = NDArray[np.float64]
Method = Literal["morris", "sobol"]

RANGE = (0.05, 0.95)
"""Quantiles of a card's prior between which it moves."""
OUTPUTS = ("alive", "bilirubin", "meld")
UNITS = {"alive": "share", "bilirubin": "umol/L", "meld": "points"}
LAB_DAY = 28.0
LEAST = 0.005
AT_ONCE = 16
"""Evaluations in one unit of work."""
MOST_FACTORS = 12
"""Factors that Sobol takes when none are named: the first of those given."""


@dataclass(frozen=True)
class Asked:
    """A sensitivity analysis that has been checked.

    Attributes:
        protocol: its control arm is followed.
        method: "morris" or "sobol".
        factors: unknown numbers that move.
        number: trajectories (Morris) or points (Sobol).
        patients: followed at each evaluation, with the same luck at all of them.
        seed: of all chance.
    """

    protocol: Protocol
    method: Method
    factors: tuple[Doubt, ...]
    number: int
    patients: int
    seed: int


def check(
    protocol: Protocol, method: str, factors: Sequence[str], number: int | None, patients: int, seed: int
) -> Asked:
    """Check what is asked.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems = []
    if method not in ("morris", "sobol"):
        problems.append(
            Problem("--method", repr(method), "morris or sobol", nearest_name(method, ["morris", "sobol"]))
        )
    known = {doubt.name: doubt for doubt in doubts_of()}
    for name in factors:
        if name not in known:
            allowed = "a card with a prior width (`hepatrial model show`)"
            problems.append(Problem("--factor", repr(name), allowed, nearest_name(name, known)))
    if method == "sobol" and not factors:
        allowed = f"at least one --factor; take the first of a Morris run, up to {MOST_FACTORS} or so"
        problems.append(Problem("--factor", "none", allowed))
    given = number if number is not None else {"morris": 4, "sobol": 64}.get(method, 1)
    for name, value, low, high in (
        ("--number", given, 2, 65_536),
        ("--patients", patients, 10, 100_000),
        ("--seed", seed, 0, 2**63),
    ):
        if not low <= value <= high:
            problems.append(Problem(name, str(value), f"a whole number, {low} to {high:,}"))
    if method == "sobol" and given & (given - 1):
        problems.append(Problem("--number", str(given), "a power of two, which a Sobol sequence needs"))
    if problems:
        raise BadInput(problems)
    every = tuple(doubt for doubt in known.values() if relevant(doubt, protocol))
    moved = tuple(known[name] for name in dict.fromkeys(factors)) or every
    return Asked(protocol, "morris" if method == "morris" else "sobol", moved, given, patients, seed)


def relevant(doubt: Doubt, protocol: Protocol) -> bool:
    """Whether a protocol can read a card: not one named after a cause, class or definition of others."""
    population = protocol.population
    own: set[str] = {one.cause for one in population.causes} or set(DISEASES[population.disease].usual_mix)
    own |= {population.disease, protocol.identity.definition}
    ends = [name for name in (*CAUSES, *DISEASES, *DEFINITIONS) if doubt.name.endswith(f"_{name}")]
    return not ends or max(ends, key=len) in own


def settings_of(factors: Sequence[Doubt], point: Array) -> dict[str, float]:
    """Card -> value at a point of the unit cube: its quantile of the card's prior, within ``RANGE``."""
    low, high = RANGE
    return settings_at(factors, ndtri(low + (high - low) * np.asarray(point)))


def evaluate(machine: Machine, asked: Asked, settings: Mapping[str, float]) -> list[float] | None:
    """``OUTPUTS`` of a cohort at some settings; None when too few are admitted."""
    protocol = asked.protocol
    day = 7 * protocol.endpoints.primary.week
    try:
        admission = admit(machine, protocol, settings, size=asked.patients, seed=asked.seed, least=LEAST)
    except TooFewAdmitted:
        return None
    labs = ("bilirubin", "creatinine", "inr")
    cohort = follow(admission, protocol.control_arm, day, visits=[min(LAB_DAY, day)], outputs=labs)
    bilirubin, creatinine, inr = (cohort.courses[name][:, 0] for name in labs)
    meld = meld_raw(bilirubin, creatinine, inr, units="si")
    seen = np.isfinite(bilirubin)
    if not seen.any():
        return [float(np.mean(cohort.times["death"] > day)), float("nan"), float("nan")]
    return [
        float(np.mean(cohort.times["death"] > day)),
        float(bilirubin[seen].mean()),
        float(np.asarray(meld)[seen].mean()),
    ]


def sensitivity(
    asked: Asked,
    out: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    machine: Machine | None = None,
) -> dict[str, Any]:
    """Rank the factors.

    Args:
        asked: checked.
        out: folder of the evaluations; an interrupted analysis goes on there.
        threads, progress: as in ``units.do_units``.
        machine: model and engine; default those of patients.

    Returns:
        JSON: ``rows`` (by output, largest first), ``failed``, ``evaluations``, ``hash`` and what was asked.
    """
    machine = machine or patient_machine()
    names = [doubt.name for doubt in asked.factors]
    build = trajectories if asked.method == "morris" else design
    points = build(len(names), asked.number, asked.seed)
    flat = points.reshape(-1, len(names))
    spec = {
        "what": "sensitivity",
        "protocol": asked.protocol.as_dict(),
        "options": {name: getattr(asked, name) for name in ("method", "number", "patients", "seed")},
        "factors": {doubt.name: [doubt.centre, doubt.sd, doubt.scale] for doubt in asked.factors},
        "model_hash": machine.spec.hash,
        "versions": package_versions(),
    }
    units = {
        f"evaluations-{start:06d}": partial(evaluate_all, machine, asked, flat[start : start + AT_ONCE])
        for start in range(0, len(flat), AT_ONCE)
    }
    found = do_units(out, spec, units, stage="evaluations", threads=threads, progress=progress)
    values = np.array(
        [
            [np.nan if v is None else v for v in row] if row else [np.nan] * len(OUTPUTS)
            for unit in found.values()
            for row in unit["values"]
        ]
    )
    return {
        "protocol": asked.protocol.identity.id,
        "method": asked.method,
        "number": asked.number,
        "patients": asked.patients,
        "week": asked.protocol.endpoints.primary.week,
        "evaluations": len(flat),
        "failed": int(np.isnan(values).all(axis=1).sum()),
        "rows": rank(asked.method, names, points, values.reshape(*points.shape[:2], len(OUTPUTS))),
        "hash": fingerprint(spec),
    }


def evaluate_all(machine: Machine, asked: Asked, points: Array) -> dict[str, Any]:
    """One unit of work: ``evaluate`` at some points, what is no number as None."""
    rows = [evaluate(machine, asked, settings_of(asked.factors, point)) for point in points]
    return {"values": [row and [v if np.isfinite(v) else None for v in row] for row in rows]}


def rank(method: Method, names: Sequence[str], points: Array, values: Array) -> list[dict[str, Any]]:
    """Rows of every output, the most important factor first.

    Args:
        method: of the points.
        names: k factors.
        points: (r, k + 1, k) or (n, k + 2, k).
        values: (r or n, evaluations, outputs), NaN for what failed.
    """
    rows = []
    for place, output in enumerate(OUTPUTS):
        mine = [
            {"output": output, "unit": UNITS[output], "factor": name, **told}
            for name, told in zip(names, _told(method, points, values[:, :, place]), strict=True)
        ]
        rows += sorted(mine, key=lambda row: -(row["value"] if row["value"] is not None else -1.0))
    return rows


def _told(method: Method, points: Array, values: Array) -> list[dict[str, Any]]:
    if method == "morris":
        e = elementary_effects(points, values)
        columns = {"value": e.mu_star, "low": e.low, "high": e.high, "mu": e.mu, "sigma": e.sigma,
                   "used": e.used}  # fmt: skip
    else:
        s = indices(values)
        columns = {"value": s.total, "low": s.total_low, "high": s.total_high, "first": s.first,
                   "first_low": s.first_low, "first_high": s.first_high, "used": s.used}  # fmt: skip
    plain = [[float(x) if np.isfinite(x) else None for x in column] for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*plain, strict=True)]
