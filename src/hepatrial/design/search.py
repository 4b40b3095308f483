"""Which design: size, looks, endpoint; what it hangs on; whether to run it at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.operating import Runner, make_runner, number
from hepatrial.design.options import endpoints, options
from hepatrial.design.plan import Plan
from hepatrial.design.priors import Prior, priors
from hepatrial.design.truth import Stage, Truth, hazard_ratio, make_stage
from hepatrial.errors import BadInput

Progress = Callable[[str, int, int], None]
Piece = Callable[[str, Callable[[], Any]], Any]
Array = NDArray[np.float64]

SIZES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the planned number of patients."""
GO = 0.5
"""Assurance from which a belief says go."""
WORTHS = (2.0, 5.0, 20.0)
"""What a success may be worth, in multiples of the cost of the planned number of patients."""
PENDING = (("NCT05985863", 100, 50), ("NCT06884904", 132, 132))
"""Pending trials of these cells and their arms (of the second its chosen dose; its second phase's size is
assumed in its protocol)."""
_READOUTS = 201


def search(
    runner: Runner,
    results: Mapping[str, Any],
    *,
    trials: int = 2000,
    threads: int = 1,
    progress: Progress | None = None,
    keep: Piece | None = None,
) -> dict[str, Any]:
    """Search around a design.

    Args:
        runner: the design.
        results: of ``evaluate``, whose power curve the beliefs are averaged over.
        trials: for each design and assumption; the same trials for all.
        threads: workers; change no result.
        progress: called with (stage, done, total).
        keep: called with the name of a piece and what makes it; may give a piece that was kept instead.
    """
    tell = progress or (lambda _stage, _done, _total: None)
    held = keep or (lambda _name, make: make())
    curves = _sizes(runner, trials, threads, tell, held)
    wanted = runner.stage.plan.design.power
    return {
        "trials": trials,
        "wanted": wanted,
        "curves": curves,
        "cheapest": _cheapest(curves, wanted),
        "assumptions": _assumptions(runner, trials, threads, tell, held),
        "options": options(runner, trials, threads, tell, held),
        "endpoints": endpoints(runner, trials, threads, tell, held),
        "beliefs": _beliefs(runner, results),
    }


# --- how many, which looks, which endpoint ------------------------------------------------------------


def _families(plan: Plan) -> dict[str, dict[str, Any]]:
    futility = {"kind": "hwang_shih_decani", "parameter": -4.0}
    efficacy: dict[str, Any] = {"kind": "spending_obrien_fleming", "parameter": None, "cumulative": []}

    def looks(*information: float) -> dict[str, Any]:
        return {"information": list(information), "events": [], "calendar": []}

    other = "overall_survival" if plan.composite else "transplant_free_survival"
    base = {"efficacy": efficacy, "method": "logrank"}
    one = {**base, "looks": looks(1.0), "futility": None}
    return {
        "one_look": one,
        "two_looks": {**base, "looks": looks(0.5, 1.0), "futility": futility},
        "three_looks": {**base, "looks": looks(0.33, 0.67, 1.0), "futility": futility},
        "milestone": {**one, "method": "milestone"},
        other: {**one, "endpoint": other},
    }


def same_world(stage: Stage, **entries: Any) -> Stage:
    """Another design for the same patients with the same death hazard, whatever its endpoint."""
    return replace(stage, plan=stage.plan.changed(**entries))


def _sizes(runner: Runner, trials: int, threads: int, tell: Progress, held: Piece) -> list[dict[str, Any]]:
    plan = runner.stage.plan
    planned = hazard_ratio(plan.design.hazard_ratio, plan.design.delay)
    jobs = [
        (key, entries, 2 * round(plan.patients * share / 2))
        for key, entries in _families(plan).items()
        for share in SIZES
    ]

    def simulated(key: str, entries: dict[str, Any], size: int) -> dict[str, Any]:
        made = make_runner(same_world(runner.stage, patients=size, **entries), runner.seed)
        ended = made.run(planned, trials, threads=threads)
        return {
            "key": key,
            "patients": size,
            "success": number(ended.decision == 1).as_dict(),
            "expected_patients": number(ended.patients).as_dict(),
            "days": number(ended.days).as_dict(),
        }

    rows = []
    for place, job in enumerate(jobs):
        tell("designs", place, len(jobs))
        rows.append(held(f"design-{job[0]}-{job[2]}", partial(simulated, *job)))
    tell("designs", len(jobs), len(jobs))
    return rows


def _cheapest(rows: list[dict[str, Any]], wanted: float) -> dict[str, Any] | None:
    """The design with the fewest expected patients among those that reach the power wanted."""
    enough = [row for row in rows if row["success"]["value"] >= wanted]
    return min(enough, key=lambda row: row["expected_patients"]["value"], default=None)


# --- what it hangs on ---------------------------------------------------------------------------------


def _assumptions(
    runner: Runner, trials: int, threads: int, tell: Progress, held: Piece
) -> list[dict[str, Any]]:
    """Power lost when one assumption is wrong, on the same trials; the gravest first."""
    stage, plan = runner.stage, runner.stage.plan
    design = plan.design
    ratio, delay = design.hazard_ratio, design.delay
    control = stage.survival(Truth("control"))[1]
    same = hazard_ratio(ratio, delay)
    rate = f"{design.recruitment.rate * 7 / 2:g} per week"
    cases: list[tuple[str, dict[str, Any], Truth]] = [
        ("effect_weaker", {}, hazard_ratio(ratio + 0.1, delay)),
        ("effect_later", {}, hazard_ratio(ratio, delay + 14)),
        ("controls_better", {"control_survival": min(control + 0.1, 0.99)}, same),
        ("controls_worse", {"control_survival": max(control - 0.1, 0.01)}, same),
        ("slow_screening", {"recruitment": {"rate": rate}}, same),
        ("crossover", {"operations": {"crossover": 0.2}}, same),
        ("undelivered", {"operations": {"undelivered": 0.15}}, same),
        ("early_withdrawal", {"operations": {"dropout": "2 % per week"}}, same),
    ]  # fmt: skip
    base = runner.run(same, trials, threads=threads)

    def simulated(key: str, entries: dict[str, Any], truth: Truth) -> dict[str, Any] | None:
        made = runner
        if entries:
            try:
                made = make_runner(make_stage(plan.changed(**entries), stage.bank), runner.seed)
            except BadInput:
                return None  # a survival that this bank cannot reach
        ended = made.run(truth, trials, threads=threads)
        change = (ended.decision == 1).astype(float) - (base.decision == 1).astype(float)
        return {
            "key": key,
            "success": number(ended.decision == 1).as_dict(),
            "change": number(change).as_dict(),
            "days": number(ended.days - base.days).as_dict(),
        }

    rows = []
    for place, case in enumerate(cases):
        tell("assumptions", place, len(cases))
        rows.append(held(f"assumption-{case[0]}", partial(simulated, *case)))
    tell("assumptions", len(cases), len(cases))
    return sorted((row for row in rows if row), key=lambda row: row["change"]["value"])


# --- whether at all -----------------------------------------------------------------------------------


def _beliefs(runner: Runner, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each belief: assurance, what a success must be worth, and what the pending trials would change."""
    curve = results["power"]
    grid = np.log([row["hazard_ratio"] for row in curve])
    power = np.array([row["success"]["value"] for row in curve])
    patients = np.array([row["patients"]["value"] for row in curve])
    order = np.argsort(grid)
    grid, power, patients = grid[order], power[order], patients[order]
    died = 1 - results["design"]["control_survival"]
    variances = {name: 1 / ((a + b) * died * a * b / (a + b) ** 2) for name, a, b in PENDING}
    planned = runner.stage.plan.patients
    rows = []
    for prior in priors(runner.stage.plan.design.hazard_ratio):
        points = prior.points()
        now = float(np.interp(points, grid, power).mean())
        cost = float(np.interp(points, grid, patients).mean())
        after = {
            name: posterior_means(prior, grid, np.array([power, patients]), variance)
            for name, variance in variances.items()
        }
        rows.append(
            {
                "name": prior.name,
                "assurance": now,
                "verdict": "go" if now >= GO else "no-go",
                "expected_patients": cost,
                "worth": cost / now if now > 0 else None,
                "pending": [{"trial": name, **_goes(found[0])} for name, found in after.items()],
                "values": [_value(now, cost, after, times * planned) for times in WORTHS],
            }
        )
    return rows


def _value(now: float, cost: float, after: Mapping[str, Array], worth: float) -> dict[str, Any]:
    """Expected value in patients' cost if a success is worth ``worth``: now, or after a pending result.

    Whoever waits runs the trial only where its value is then above 0; waiting itself is taken to be free.
    """
    run = now * worth - cost

    def after_result(found: Array) -> float:
        return run + float(np.maximum(found[1] - found[0] * worth, 0.0).mean())  # the losses not run into

    return {"worth": worth, "now": run, "after": {name: after_result(one) for name, one in after.items()}}


def waiting(prior: Prior, grid: Array, power: Array, variance: float) -> dict[str, float]:
    """What another trial's result would change: how often one would then go, and the assurance when one does.

    Args:
        prior: the belief now.
        grid: (g,) log hazard ratios, ascending; power: (g,) of the design there.
        variance: of the other trial's estimate, about 1 / (events x share x share).

    Returns:
        ``go``: probability that the assurance after the result is at least ``GO``; ``then``: its mean when
        it is.
    """
    return _goes(posterior_means(prior, grid, power[None, :], variance)[0])


def _goes(after: Array) -> dict[str, float]:
    goes = after >= GO
    return {"go": float(goes.mean()), "then": float(after[goes].mean()) if goes.any() else 0.0}


def posterior_means(prior: Prior, grid: Array, curves: Array, variance: float) -> Array:
    """(c, n) mean of curves over the belief after each of n equally probable results of another trial.

    Args:
        prior: the belief now.
        grid: (g,) log hazard ratios, ascending.
        curves: (c, g) values there.
        variance: of the other trial's estimate.
    """
    points = prior.points()[::8]
    values = np.array([np.interp(points, grid, curve) for curve in curves])
    sd = math.sqrt(variance)
    noise = _quantiles(_READOUTS) * sd
    readout = (points[:, None] + noise[None, :]).ravel()
    likelihood = np.exp(-0.5 * ((readout[:, None] - points[None, :]) / sd) ** 2)
    return np.asarray((likelihood @ values.T / likelihood.sum(axis=1)[:, None]).T)


def _quantiles(n: int) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(n) + 0.5) / n))
