"""Which dose, route, timing, care and patients, by the mechanism; which endpoint, many transplanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from hepatrial.design.bank import Bank, make_bank
from hepatrial.design.operating import Runner, make_runner, number
from hepatrial.design.plan import Plan, make_plan
from hepatrial.design.truth import Stage, Truth, hazard_ratio, make_stage
from hepatrial.errors import BadInput, RunFailed
from hepatrial.protocol import protocol_from_dict

Progress = Callable[[str, int, int], None]
Piece = Callable[[str, Callable[[], Any]], Any]
Data = dict[str, Any]
Change = Callable[[Data], None]

BANK = 5000
"""Patients of the bank of an option; one bank serves every option that changes the treated arm only."""
TRIALS = 500
"""Trials for each structural variant of an option."""
MOST = {"kg": 1.9e7, "": 1.3e9}
"""Largest dose that is tried: cells a kilogram, cells in all."""
GRAFTS = {"listed": 0.5, "offer_rate": "10 % per week"}
EXCHANGE = {
    "share": 1.0,
    "sessions": 3,
    "volumes": "1 plasma volume",
    "first_day": "1 d",
    "every": "3 d",
}
MELD_CUT = 24.0


def _cells(arm: Data) -> list[Data]:
    return [line for line in arm["regimen"] if "cells" in str(line["dose"])]


def _dose(factor: float) -> Change:
    def change(arm: Data) -> None:
        for line in _cells(arm):
            amount, unit = str(line["dose"]).split(" ", 1)
            top = MOST["kg" if "kg" in unit else ""]
            line["dose"] = f"{min(float(amount) * factor, top):.3g} {unit}"

    return change


def _later(days: float) -> Change:
    def change(arm: Data) -> None:
        for line in _cells(arm):
            line["days"] = [day + days for day in line["days"]]

    return change


def _artery(arm: Data) -> None:
    for line in _cells(arm):
        line["route"] = "hepatic_artery"


REGIMENS: dict[str, Change] = {
    "dose_3": _dose(3.0),
    "dose_10": _dose(10.0),
    "artery": _artery,
    "day_3": _later(3.0),
}
"""What an option changes in the treated arm."""


def _regraded(data: Data) -> None:
    data["selection"]["screening_to_randomisation"] = "7 d"


def _exchange(data: Data) -> None:
    data["care"]["plasma_exchange"] = EXCHANGE


def _no_exchange(data: Data) -> None:
    data["care"]["plasma_exchange"] = None


def _grafts(data: Data) -> None:
    data["care"]["transplant"] = GRAFTS


def _meld(low: float | None, high: float | None) -> Change:
    def change(data: Data) -> None:
        limits = data["population"]["eligibility"]
        old: Data = next((one for one in limits if one["measure"] == "meld"), {})
        mine = {
            "min": old.get("min") if low is None else low,
            "max": old.get("max") if high is None else high,
        }
        data["population"]["eligibility"] = [
            *(one for one in limits if one["measure"] != "meld"),
            {"measure": "meld", **{k: v for k, v in mine.items() if v is not None}},
        ]

    return change


def _populations(plan: Plan) -> dict[str, Change]:
    """What an option changes in patients or care of both arms; each needs a bank of its own."""
    exchanged = plan.protocol.as_dict()["care"].get("plasma_exchange")
    return {
        "regraded": _regraded,
        **({"no_exchange": _no_exchange} if exchanged else {"exchange": _exchange}),
        "grafts": _grafts,
        "meld_low": _meld(None, MELD_CUT),
        "meld_high": _meld(MELD_CUT, None),
    }


def _open(plan: Plan, data: Data, patients: int, threads: int) -> tuple[Plan, Bank]:
    """A plan for changed data whose controls survive as the model has it, and its bank."""
    data["design"]["control_survival"] = None
    made = make_plan(protocol_from_dict(data), plan.settings)
    few = min(BANK, patients)
    return made, make_bank(made.protocol, patients=few, settings=plan.settings, threads=threads)


def _with_regimens(plan: Plan) -> Data:
    """The protocol with every option of the treated arm as one more arm."""
    data = plan.protocol.as_dict()
    for key, change in REGIMENS.items():
        arm = plan.protocol.as_dict()["arms"][plan.treated]
        change(arm)
        if arm != data["arms"][plan.treated]:
            data["arms"][key] = {**arm, "label": f"{arm['label']} ({key})"}
    return data


def options(runner: Runner, trials: int, threads: int, tell: Progress, held: Piece) -> list[dict[str, Any]]:
    """Each option under the mechanism's prior: true survivals, success, and its change on the same trials."""
    plan, bank = runner.stage.plan, runner.stage.bank
    if not any(bank.variants_of(plan.treated)):
        return []  # no effect is borrowed: the mechanism has nothing to say about the product
    data, few = _with_regimens(plan), min(trials, TRIALS)
    own = _populations(plan)
    total, done = 1 + len(own) + sum(key in data["arms"] for key in REGIMENS), 0
    rows: list[dict[str, Any]] = []
    success: dict[str, list[float]] = {}

    def add(key: str, make: Callable[[], dict[str, Any]]) -> None:
        nonlocal done
        tell("options of the mechanism", done, total)
        row = dict(held(f"option-{key}", make))
        success[key] = row.pop("by_trial", [])
        if success[key]:
            change = np.array(success[key]) - np.array(success["planned"])
            row["change"] = number(change).as_dict()
        rows.append({"key": key, **row})
        done += 1

    def regimen(arm: str) -> dict[str, Any]:
        data["design"]["arm"] = arm
        return _under_variants(*_open(plan, data, bank.patients, threads), runner.seed, few, threads)

    def population(change: Change) -> dict[str, Any]:
        changed = plan.protocol.as_dict()
        change(changed)
        try:
            made = _open(plan, changed, bank.patients, threads)
        except (BadInput, RunFailed) as refused:
            return {"refused": str(refused)}
        return _under_variants(*made, runner.seed, few, threads)

    add("planned", lambda: regimen(plan.treated))
    for key in REGIMENS:
        if key in data["arms"]:
            add(key, partial(regimen, key))
    for key, change in own.items():
        add(key, partial(population, change))
    tell("options of the mechanism", total, total)
    return rows


def _under_variants(plan: Plan, bank: Bank, seed: int, trials: int, threads: int) -> dict[str, Any]:
    """Survival and success averaged over the structural variants by their prior weights."""
    runner = make_runner(make_stage(plan, bank), seed)
    stage = runner.stage
    names = [name for name in bank.variants_of(plan.treated) if name]
    total = sum(bank.weights[name] for name in names)
    mixed = np.zeros(1)
    survival = {name: [0.0, 0.0] for name in ("overall_survival", "transplant_free_survival")}
    for name in names:
        truth, weight = Truth(name, None, name), bank.weights[name] / total
        mixed = mixed + weight * (runner.run(truth, trials, threads=threads).decision == 1)
        for endpoint, pair in survival.items():
            seen = replace(stage, plan=replace(plan, endpoint=endpoint)).survival(truth)
            pair[:] = [old + weight * new for old, new in zip(pair, seen, strict=True)]
    bank.forget()
    return {
        "regimen": [
            {name: line.get(name) for name in ("dose", "route", "days")}
            for line in _cells(plan.protocol.as_dict()["arms"][plan.treated])
        ],
        **{name: {"treated": pair[0], "control": pair[1]} for name, pair in survival.items()},
        "success": number(mixed).as_dict(),
        "by_trial": mixed.tolist(),
    }


def endpoints(
    runner: Runner,
    trials: int,
    threads: int,
    tell: Progress,
    held: Piece,
    cares: tuple[str, ...] = ("planned", "grafts"),
) -> list[dict[str, Any]]:
    """Power at the planned effect by endpoint and analysis, with few transplants and with many.

    The death hazard is the design's in every row: only endpoint, analysis and transplants differ.
    """
    plan, stage = runner.stage.plan, runner.stage
    truth = hazard_ratio(plan.design.hazard_ratio, plan.design.delay)
    stages: dict[str, Callable[[], Stage]] = {
        "planned": lambda: stage,
        "grafts": cache(lambda: _grafted(stage, threads)),
    }
    cases = [
        (care, endpoint, method)
        for care in cares
        for endpoint in ("overall_survival", "transplant_free_survival")
        for method in ("logrank", "milestone")
    ]

    def simulated(care: str, endpoint: str, method: str) -> dict[str, Any]:
        base = stages[care]()
        one: Data = {"looks": {"information": [1.0], "events": [], "calendar": []}, "futility": None}
        efficacy: Data = {"kind": "spending_obrien_fleming", "parameter": None, "cumulative": []}
        changed = base.plan.changed(endpoint=endpoint, method=method, efficacy=efficacy, **one)
        made = make_runner(replace(base, plan=changed), runner.seed)
        ended = made.run(truth, trials, threads=threads)
        courses = base.control.courses
        return {
            "care": care,
            "endpoint": endpoint,
            "method": method,
            "transplanted": float((courses.transplant <= plan.horizon).mean()),
            "success": number(ended.decision == 1).as_dict(),
            "events": number(ended.events).as_dict(),
        }

    rows = []
    for place, case in enumerate(cases):
        tell("endpoints", place, len(cases))
        rows.append(held(f"endpoint-{'-'.join(case)}", partial(simulated, *case)))
    tell("endpoints", len(cases), len(cases))
    return rows


def _grafted(stage: Stage, threads: int) -> Stage:
    """The same design where half are listed and grafts are frequent."""
    data = stage.plan.protocol.as_dict()
    _grafts(data)
    made, bank = _open(stage.plan, data, stage.bank.patients, threads)
    return Stage(made, bank, stage.scale, bank.paths(made.control))
