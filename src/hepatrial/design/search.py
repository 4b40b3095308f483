"""Which design: size, looks, endpoint, dose, route, timing, who; what it hangs on; whether to run it at"
" all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.bank import make_bank
from hepatrial.design.operating import Runner, make_runner, number
from hepatrial.design.plan import Plan, make_plan
from hepatrial.design.priors import Prior, priors
from hepatrial.design.truth import Truth, hazard_ratio, make_stage
from hepatrial.errors import BadInput
from hepatrial.protocol import protocol_from_dict

Progress = Callable[[str, int, int], None]
Array = NDArray[np.float64]

SIZES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the planned number of patients."""
OPTION_BANK = 5000
"""Patients of the bank of each option of the mechanism."""
GO = 0.5
"""Assurance from which a belief says go."""
PENDING = (("NCT05985863", 100, 50), ("NCT06884904, chosen dose", 132, 132))
"""Pending trials of these cells and their arms (the second phase's size is assumed in its protocol)."""
_READOUTS = 201


def search(
    runner: Runner,
    results: Mapping[str, Any],
    *,
    trials: int = 2000,
    threads: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search around a design.

    Args:
        runner: the design.
        results: of ``evaluate``, whose power curve the beliefs are averaged over.
        trials: for each design and assumption; the same trials for all.
        threads: workers; change no result.
        progress: called with (stage, done, total).
    """
    tell = progress or (lambda _stage, _done, _total: None)
    curves = _sizes(runner, trials, threads, tell)
    return {
        "trials": trials,
        "wanted": runner.stage.plan.design.power,
        "curves": curves,
        "cheapest": _cheapest(curves, runner.stage.plan.design.power),
        "assumptions": _assumptions(runner, trials, threads, tell),
        "options": _options(runner, trials, threads, tell),
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
    return {
        "one look, log-rank": {**base, "looks": looks(1.0), "futility": None},
        "two looks, futility": {**base, "looks": looks(0.5, 1.0), "futility": futility},
        "three looks, futility": {**base, "looks": looks(0.33, 0.67, 1.0), "futility": futility},
        "one look, survival at the horizon": {
            **base,
            "looks": looks(1.0),
            "futility": None,
            "method": "milestone",
        },
        f"one look, {other.replace('_', ' ')}": {
            **base,
            "looks": looks(1.0),
            "futility": None,
            "endpoint": other,
        },
    }


def _sizes(runner: Runner, trials: int, threads: int, tell: Progress) -> list[dict[str, Any]]:
    stage, plan = runner.stage, runner.stage.plan
    families, rows = _families(plan), []
    planned = hazard_ratio(plan.design.hazard_ratio, plan.design.delay)
    for place, (label, entries) in enumerate(families.items()):
        for number_, share in enumerate(SIZES):
            tell("designs", place * len(SIZES) + number_, len(families) * len(SIZES))
            size = 2 * round(plan.patients * share / 2)
            made = make_runner(make_stage(plan.changed(patients=size, **entries), stage.bank), runner.seed)
            ended = made.run(planned, trials, threads=threads)
            rows.append(
                {
                    "label": label,
                    "patients": size,
                    "success": number(ended.decision == 1).as_dict(),
                    "expected_patients": number(ended.patients).as_dict(),
                    "days": number(ended.days).as_dict(),
                }
            )
    tell("designs", len(families) * len(SIZES), len(families) * len(SIZES))
    return rows


def _cheapest(rows: list[dict[str, Any]], wanted: float) -> dict[str, Any] | None:
    """The design with the fewest expected patients among those that reach the power wanted."""
    enough = [row for row in rows if row["success"]["value"] >= wanted]
    return min(enough, key=lambda row: row["expected_patients"]["value"], default=None)


# --- what it hangs on ---------------------------------------------------------------------------------


def _assumptions(runner: Runner, trials: int, threads: int, tell: Progress) -> list[dict[str, Any]]:
    """Power lost when one assumption is wrong, on the same trials; the gravest first."""
    stage, plan = runner.stage, runner.stage.plan
    design = plan.design
    ratio, delay = design.hazard_ratio, design.delay
    control = stage.survival(Truth("control"))[1]
    same = hazard_ratio(ratio, delay)
    rate = f"{design.recruitment.rate * 7 / 2:g} per week"
    cases: list[tuple[str, dict[str, Any], Truth]] = [
        ("effect one tenth weaker", {}, hazard_ratio(ratio + 0.1, delay)),
        ("effect begins two weeks later", {}, hazard_ratio(ratio, delay + 14)),
        ("controls survive 10 points more", {"control_survival": min(control + 0.1, 0.99)}, same),
        ("controls survive 10 points less", {"control_survival": max(control - 0.1, 0.01)}, same),
        ("slow screening: half the rate", {"recruitment": {"rate": rate}}, same),
        ("crossover: 20 % of controls", {"operations": {"crossover": 0.2}}, same),
        ("15 % never get the product", {"operations": {"undelivered": 0.15}}, same),
        ("early withdrawal: 2 % a week", {"operations": {"dropout": "2 % per week"}}, same),
    ]  # fmt: skip
    base = runner.run(same, trials, threads=threads)
    rows = []
    for place, (label, entries, truth) in enumerate(cases):
        tell("assumptions", place, len(cases))
        made = runner
        if entries:
            try:
                made = make_runner(make_stage(plan.changed(**entries), stage.bank), runner.seed)
            except BadInput:
                continue  # a survival that this bank cannot reach
        ended = made.run(truth, trials, threads=threads)
        change = (ended.decision == 1).astype(float) - (base.decision == 1).astype(float)
        rows.append(
            {
                "label": label,
                "success": number(ended.decision == 1).as_dict(),
                "change": number(change).as_dict(),
                "days": number(ended.days - base.days).as_dict(),
            }
        )
    tell("assumptions", len(cases), len(cases))
    return sorted(rows, key=lambda row: row["change"]["value"])


# --- which dose, route, timing, care, patients --------------------------------------------------------


def _variations(plan: Plan) -> dict[str, Callable[[dict[str, Any]], None]]:
    """Name -> what it changes in the protocol as plain data."""
    treated = plan.treated

    def lines(data: dict[str, Any]) -> list[dict[str, Any]]:
        return [line for line in data["arms"][treated]["regimen"] if "cells" in str(line["dose"])]

    def dose(factor: float) -> Callable[[dict[str, Any]], None]:
        def change(data: dict[str, Any]) -> None:
            for line in lines(data):
                amount, unit = str(line["dose"]).split(" ", 1)
                top = 1.9e7 if "kg" in unit else 1.3e9
                line["dose"] = f"{min(float(amount) * factor, top)!r} {unit}"

        return change

    def later(days: float) -> Callable[[dict[str, Any]], None]:
        def change(data: dict[str, Any]) -> None:
            for line in lines(data):
                line["days"] = [day + days for day in line["days"]]

        return change

    def artery(data: dict[str, Any]) -> None:
        for line in lines(data):
            line["route"] = "hepatic_artery"

    def regraded(data: dict[str, Any]) -> None:
        data["selection"]["screening_to_randomisation"] = "7 d"

    def exchange(data: dict[str, Any]) -> None:
        data["care"]["plasma_exchange"] = {
            "share": 1.0, "sessions": 3, "volumes": "1 plasma volume", "first_day": "1 d", "every": "3 d",
        }  # fmt: skip

    def grafts(data: dict[str, Any]) -> None:
        data["care"]["transplant"] = {"listed": 0.5, "offer_rate": "10 % per week"}

    def meld(low: float | None, high: float | None) -> Callable[[dict[str, Any]], None]:
        def change(data: dict[str, Any]) -> None:
            limits = [one for one in data["population"]["eligibility"] if one["measure"] != "meld"]
            old: dict[str, Any] = next(
                (one for one in data["population"]["eligibility"] if one["measure"] == "meld"), {}
            )
            own = {
                "min": low if low is not None else old.get("min"),
                "max": high if high is not None else old.get("max"),
            }
            data["population"]["eligibility"] = [
                *limits,
                {"measure": "meld", **{k: v for k, v in own.items() if v}},
            ]

        return change

    return {
        "as planned": lambda _data: None,
        "dose: three times as much": dose(3.0),
        "dose: ten times as much": dose(10.0),
        "route: hepatic artery": artery,
        "timing: first infusion on day 3": later(3.0),
        "timing: patients re-graded after 7 days": regraded,
        "care: with plasma exchange in both arms": exchange,
        "many transplants: half listed, 10 % a week": grafts,
        "who: MELD up to 24": meld(None, 24.0),
        "who: MELD from 24": meld(24.0, None),
    }


def _options(runner: Runner, trials: int, threads: int, tell: Progress) -> list[dict[str, Any]]:
    """Each option under the mechanism's prior: true survivals and the success of trials of the planned size.

    Both endpoints are shown, so that the one which keeps power when many are transplanted can be seen.
    """
    plan, bank = runner.stage.plan, runner.stage.bank
    if not any(bank.variants_of(plan.treated)):
        return []  # no effect is borrowed: the mechanism has nothing to say about the product
    cases, rows = _variations(plan), []
    for place, (label, change) in enumerate(cases.items()):
        tell("options of the mechanism", place, len(cases))
        data = plan.protocol.as_dict()
        change(data)
        data["design"]["control_survival"] = None
        try:
            varied = make_plan(protocol_from_dict(data), plan.settings)
            own = make_bank(
                varied.protocol,
                patients=min(OPTION_BANK, bank.patients),
                settings=plan.settings,
                threads=threads,
            )
        except BadInput as bad:
            rows.append({"label": label, "refused": str(bad)})
            continue
        rows.append({"label": label, **_under_variants(varied, own, runner.seed, trials, threads)})
    tell("options of the mechanism", len(cases), len(cases))
    return rows


def _under_variants(plan: Plan, bank: Any, seed: int, trials: int, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {"patients": plan.patients}
    for endpoint in ("overall_survival", "transplant_free_survival"):
        runner = make_runner(make_stage(plan.changed(endpoint=endpoint), bank), seed)
        names = [name for name in bank.variants_of(plan.treated) if name]
        total = sum(bank.weights[name] for name in names)
        mixed, treated, control = np.zeros(1), 0.0, 0.0
        for name in names:
            truth, weight = Truth(name, None, name), bank.weights[name] / total
            mixed = mixed + weight * (runner.run(truth, min(trials, 500), threads=threads).decision == 1)
            first, control = runner.stage.survival(truth)
            treated += weight * first
        found[endpoint] = {"treated": treated, "control": control, "success": number(mixed).as_dict()}
    return found


# --- whether at all -----------------------------------------------------------------------------------


def _beliefs(runner: Runner, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each belief: assurance, what a success must be worth, and what the pending trials would change."""
    curve = results["power"]
    grid = np.log([row["hazard_ratio"] for row in curve])
    power = np.array([row["success"]["value"] for row in curve])
    patients = np.array([row["patients"]["value"] for row in curve])
    died = 1 - results["design"]["control_survival"]
    rows = []
    for prior in priors(runner.stage.plan.design.hazard_ratio):
        points = prior.points()
        now = float(np.interp(points, grid, power).mean())
        cost = float(np.interp(points, grid, patients).mean())
        rows.append(
            {
                "name": prior.name,
                "assurance": now,
                "verdict": "go" if now >= GO else "no-go",
                "expected_patients": cost,
                "worth": cost / now if now > 0 else None,
                "pending": [
                    {
                        "trial": name,
                        **waiting(prior, grid, power, 1 / ((a + b) * died * a * b / (a + b) ** 2)),
                    }
                    for name, a, b in PENDING
                ],
            }
        )
    return rows


def waiting(prior: Prior, grid: Array, power: Array, variance: float) -> dict[str, float]:
    """What another trial's result would change: how often one would then go, and the assurance when one does.

    Args:
        prior: the belief now.
        grid: (g,) log hazard ratios; power: (g,) of the design there.
        variance: of the other trial's estimate, about 1 / (events x share x share).

    Returns:
        ``go``: probability that the assurance after the result is at least ``GO``; ``then``: its mean when
        it is.
    """
    points = prior.points()[::8]
    success = np.interp(points, grid, power)
    sd = math.sqrt(variance)
    noise = _quantiles(_READOUTS) * sd
    readout = (points[:, None] + noise[None, :]).ravel()
    likelihood = np.exp(-0.5 * ((readout[:, None] - points[None, :]) / sd) ** 2)
    after = (likelihood @ success) / likelihood.sum(axis=1)
    goes = after >= GO
    return {"go": float(goes.mean()), "then": float(after[goes].mean()) if goes.any() else 0.0}


def _quantiles(n: int) -> Array:
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(n) + 0.5) / n))
