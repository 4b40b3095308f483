"""Evaluate a design: boundaries, operating characteristics, power curve, assurance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.analysis import events_for_survival, survival_power
from hepatrial.design.assurance import assurance, calibrated, effect_at
from hepatrial.design.assurance import table as sorted_rows
from hepatrial.design.bank import Bank
from hepatrial.design.conduct import Ended, by_events
from hepatrial.design.operating import Runner, characteristics, make_runner, number
from hepatrial.design.plan import Plan
from hepatrial.design.priors import priors
from hepatrial.design.replicates import largest_error
from hepatrial.design.truth import Truth, hazard_ratio, make_stage, strong_null, weak_null
from hepatrial.design.undrawn import assumptions_of
from hepatrial.errors import BadInput, Problem
from hepatrial.provenance import fingerprint

Progress = Callable[[str, int, int], None]
Keep = Callable[[Truth, Callable[[], Ended]], Ended]


@dataclass(frozen=True)
class Evaluation:
    """A design evaluated.

    Attributes:
        runner: the design with its bank.
        results: everything as plain data.
        ended: truth -> its trials, for paired comparisons.
    """

    runner: Runner
    results: dict[str, Any]
    ended: dict[str, Ended]


def check_trials(trials: int, precision: float | None, seed: int) -> None:
    """Refuse numbers that cannot be.

    Raises:
        BadInput: with all of them.
    """
    problems = []
    if isinstance(trials, bool) or not 100 <= trials <= 1_000_000:
        problems.append(Problem("--trials", repr(trials), "100 to 1,000,000"))
    if precision is not None and not 0.0005 <= precision <= 0.1:
        problems.append(Problem("--precision", repr(precision), "a Monte-Carlo error from 0.0005 to 0.1"))
    if isinstance(seed, bool) or not 0 <= seed < 2**64:
        problems.append(Problem("--seed", repr(seed), "a whole number from 0 to 2^64 - 1"))
    if problems:
        raise BadInput(problems)


def evaluate(
    plan: Plan,
    bank: Bank,
    *,
    trials: int = 10_000,
    precision: float | None = None,
    seed: int = 1,
    threads: int = 1,
    progress: Progress | None = None,
    keep: Keep | None = None,
) -> Evaluation:
    """Simulate a two-arm design under the nulls, its planned effect, a grid of effects and every variant.

    Args:
        plan: the design.
        bank: patients.
        trials: for each truth; at most, with ``precision``.
        precision: stop simulating a truth as soon as no error of its characteristics is larger (see
            ``Runner.run``). The effects of the power curve, paired in the assurance, go on until the last of
            them is there. ``trials`` is the most; who has not reached the precision then is named.
        seed: of all chance.
        threads: workers; change no result.
        progress: called with (stage, done, total).
        keep: called with a truth and what simulates it; may read trials that were kept instead.

    Raises:
        BadInput: numbers that cannot be, a design that does not fit the bank.
    """
    check_trials(trials, precision, seed)
    tell = progress or (lambda _stage, _done, _total: None)
    stage = make_stage(plan, bank)
    runner = make_runner(stage, seed)
    design = plan.design
    named = [strong_null(), weak_null(stage), hazard_ratio(design.hazard_ratio, design.delay)]
    grid = sorted(set(design.grid) | {1.0, design.hazard_ratio})
    curve = [hazard_ratio(ratio, design.delay) for ratio in grid]
    variants = [Truth(name, None, name) for name in bank.variants_of(plan.treated) if name]
    jobs = [*named, *curve, *variants]
    held = keep or (lambda _truth, make: make())
    ended: dict[str, Ended] = {}
    for place, truth in enumerate(jobs):
        tell("truths simulated", place, len(jobs))
        if truth.name not in ended:
            ended[truth.name] = held(
                truth, partial(runner.run, truth, trials, precision=precision, threads=threads)
            )
    # The assurance pairs trials: between effects of the curve, and between variants.
    for group in (curve, variants):
        most = max((len(ended[truth.name].look) for truth in group), default=0)
        for truth in group:
            if len(ended[truth.name].look) < most:
                longer = replace(truth, name=f"{truth.name} longer")
                ended[truth.name] = held(longer, partial(runner.run, truth, most, threads=threads))
    tell("truths simulated", len(jobs), len(jobs))
    rows = [characteristics(runner, truth, ended[truth.name]) for truth in [*named, *variants]]
    for row in rows:
        row["error"] = runner.error_in(row)
    assured = _assurance(runner, grid, curve, variants, ended)
    results = {
        "design": summary(runner),
        "bank": _about(bank, stage.scale),
        "trials": trials,
        "precision": precision,
        "precision_missed": _missed(precision, rows, assured),
        "seed": seed,
        "characteristics": rows,
        "power": _curve(runner, curve, ended),
        "assurance": assured,
        "closed_form": closed_form(runner, rows),
    }
    asked = {"trials": trials, "precision": precision, "seed": seed}
    results["hash"] = fingerprint({"plan": plan.protocol.as_dict(), "bank": bank.hash, **asked})
    return Evaluation(runner, results, ended)


def _missed(precision: float | None, rows: list[dict[str, Any]], assured: dict[str, Any]) -> list[str]:
    """Truths and beliefs whose error is still larger than asked for."""
    if precision is None:
        return []
    late = [row["truth"] for row in rows if row["error"] > precision]
    return late + [row["name"] for row in assured["rows"] if largest_error(row) > precision]


def summary(runner: Runner) -> dict[str, Any]:
    """The design in numbers: arms, looks, boundaries on three scales."""
    plan, boundary = runner.stage.plan, runner.boundary
    ratio = plan.sizes[0] / plan.patients
    looks = []
    for k, fraction in enumerate(boundary.fractions):
        z, low = float(boundary.efficacy[k]), float(boundary.futility[k])
        row: dict[str, Any] = {
            "look": k + 1,
            "information": float(fraction),
            "due": float(runner.planned[k]),
            "unit": "events" if by_events(plan) else "patients with a known outcome",
            "efficacy_z": z if math.isfinite(z) else None,
            "futility_z": low if math.isfinite(low) and k + 1 < len(boundary.fractions) else None,
            "nominal_p": float(boundary.nominal_p[k]),
            "alpha_spent": float(boundary.alpha_spent[k]),
            "beta_spent": float(boundary.beta_spent[k]),
        }
        if by_events(plan) and math.isfinite(z):
            row["hazard_ratio_at_efficacy"] = math.exp(
                -z / math.sqrt(runner.planned[k] * ratio * (1 - ratio))
            )
        looks.append(row)
    design = plan.design
    return {
        "protocol": plan.protocol.identity.id,
        "title": plan.protocol.identity.title,
        "title_zh": plan.protocol.identity.title_zh,
        "question": design.question,
        "treated": plan.treated,
        "control": plan.control,
        "labels": {name: plan.protocol.arms[name].label for name in (plan.treated, plan.control)},
        "labels_zh": {
            name: arm.label_zh
            for name, arm in plan.protocol.arms.items()
            if name in (plan.treated, plan.control) and arm.label_zh
        },
        "patients": plan.patients,
        "sizes": list(plan.sizes),
        "endpoint": plan.endpoint,
        "horizon_days": plan.horizon,
        "method": design.method,
        "alpha": design.alpha,
        "power": design.power,
        "hazard_ratio": design.hazard_ratio,
        "efficacy": design.efficacy.kind,
        "futility": design.futility.kind if design.futility else None,
        "binding": bool(design.futility and design.futility.binding),
        "overrun_days": design.looks.overrun,
        "recruitment_per_week": 7 * design.recruitment.rate,
        "dropout_per_week": 7 * plan.dropout,
        "crossover": design.operations.crossover,
        "undelivered": design.operations.undelivered,
        "control_survival": runner.stage.survival(strong_null())[1],
        "control_survival_asked": design.control_survival,
        "control_source": design.control_source,
        "looks": looks,
        "inflation": float(boundary.inflation),
        "estimands": [one.model_dump(mode="json") for one in plan.protocol.estimands],
        "assumptions": assumptions_of(plan.protocol),
    }


def _about(bank: Bank, scale: float) -> dict[str, Any]:
    return {"patients": bank.patients, "usable": len(bank.usable), "hash": bank.hash, "hazard_scale": scale}


def _curve(runner: Runner, curve: list[Truth], ended: dict[str, Ended]) -> list[dict[str, Any]]:
    rows = []
    for truth in curve:
        one = ended[truth.name]
        treated, control = runner.stage.survival(truth)
        assert truth.effect is not None
        rows.append(
            {
                "hazard_ratio": truth.effect.ratio,
                "survival_treated": treated,
                "survival_control": control,
                "success": number(one.decision == 1).as_dict(),
                "futility": number(one.decision == 2).as_dict(),
                "patients": number(one.patients).as_dict(),
                "days": number(one.days).as_dict(),
            }
        )
    return rows


def _assurance(
    runner: Runner, grid: list[float], curve: list[Truth], variants: list[Truth], ended: dict[str, Ended]
) -> dict[str, Any]:
    success = np.array([ended[truth.name].decision == 1 for truth in curve])
    effects = np.log(np.array(grid))
    rows = [assurance(effects, success, prior) for prior in priors(runner.stage.plan.design.hazard_ratio)]
    if variants:
        weights = runner.stage.bank.weights
        rows.append(calibrated(weights, {truth.name: ended[truth.name].decision == 1 for truth in variants}))
    half = effect_at(effects, success.mean(axis=1), 0.5)
    return {
        "rows": sorted_rows(rows),
        "power_half_at": half,
        "power_wanted_at": effect_at(effects, success.mean(axis=1), runner.stage.plan.design.power),
        "no_effect_borrowed": not variants,
    }


def closed_form(runner: Runner, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Schoenfeld's numbers beside the simulated ones, where they exist (log-rank test, no delay)."""
    plan = runner.stage.plan
    design = plan.design
    if design.method != "logrank" or design.delay > 0 or plan.composite:
        return {}
    ratio = plan.sizes[0] / plan.sizes[1]
    planned = next(row for row in rows if row["truth"] == hazard_ratio(design.hazard_ratio).name)
    events = float(runner.planned[-1])
    fixed = survival_power(events, design.hazard_ratio, alpha=design.alpha, ratio=ratio)
    share = ratio / (1 + ratio)
    drift = -math.log(design.hazard_ratio) * math.sqrt(events * share * (1 - share))
    needed = events_for_survival(design.hazard_ratio, alpha=design.alpha, power=design.power, ratio=ratio)
    return {
        "events": events,
        "schoenfeld_fixed_power": fixed,
        "sequential_power": float(runner.boundary.power_at(drift)[-1]),
        "simulated_power": planned["success"],
        "events_needed": needed * float(runner.boundary.inflation),
        "fixed_z": float(ndtri(1 - design.alpha)),
    }


def paired(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[str, Any]:
    """Difference of two designs' probabilities of success on the same trials."""
    n = min(len(first), len(second))
    return number(first[:n].astype(np.float64) - second[:n].astype(np.float64)).as_dict()


def compare(one: Evaluation, other: Evaluation) -> list[dict[str, Any]]:
    """Two designs in pairs under common random numbers, truth by truth: first minus second.

    Raises:
        BadInput: evaluations with other seeds, whose trials are no pairs.
    """
    if one.results["seed"] != other.results["seed"]:
        given = f"{one.results['seed']} and {other.results['seed']}"
        raise BadInput([Problem("--seed", given, "one seed for both designs")])
    rows = []
    for name in one.ended:
        if name not in other.ended:
            continue
        a, b = one.ended[name], other.ended[name]
        n = min(len(a.look), len(b.look))
        rows.append(
            {
                "truth": name,
                "success": paired(a.decision == 1, b.decision == 1),
                "patients": number((a.patients[:n] - b.patients[:n]).astype(float)).as_dict(),
                "days": number(a.days[:n] - b.days[:n]).as_dict(),
            }
        )
    return rows
