"""Biodistribution: lung, liver and spleen by route and hour, living cells against label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hepatrial.experiment.mouse import over_expressing
from hepatrial.experiment.solve import Array, course
from hepatrial.experiment.types import Curve, KnockOut
from hepatrial.model.worlds import experiment_cards

HOURS = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 120.0, 168.0, 240.0)
ORGANS = ("lung", "liver", "spleen")
ROUTES: Mapping[str, Mapping[str, float]] = {
    "peripheral_vein": {"route_liver_share": 0.0},
    "portal_vein": {"route_liver_share": 1.0},
    "hepatic_artery": {"route_liver_share": 1.0},
    "intrasplenic": {"route_liver_share": 1.0, "route_spleen_share": 1.0},
}
DOSE = 10.0
"""1e6 cells/kg; shares of it are shown."""

MOMENT = 1e-6
"""A dose is read just after it, days."""


def shares(route: str, changes: Mapping[str, float] | None = None) -> dict[str, Array]:
    """Living cells and label by organ as shares of the dose, at ``HOURS`` (the first just after the dose)."""
    days = [max(hour / 24, MOMENT) for hour in HOURS]
    names = [f"{kind}_{organ}" for kind in ("viable", "label") for organ in ORGANS]
    asked = {"insult_dose": 0.0, **ROUTES[route], **(changes or {})}
    found = course("mouse", days, (*names, "label_total"), asked, [(0.0, DOSE)])
    # a tolerance below 0 is none
    return {name: np.maximum(values, 0.0) / DOSE for name, values in found.items()}


def curves() -> tuple[Curve, ...]:
    """A panel for each organ after a vein (living and label), and living cells in the liver by route."""
    lines = []
    vein = shares("peripheral_vein")
    for organ in ORGANS:
        lines.append(Curve(organ, "label", True, HOURS, tuple(100 * vein[f"label_{organ}"])))
        lines.append(Curve(organ, "viable", False, HOURS, tuple(100 * vein[f"viable_{organ}"])))
    for route in ("peripheral_vein", "portal_vein", "intrasplenic"):
        living = shares(route)["viable_liver"]
        lines.append(Curve("routes", route, route == "peripheral_vein", HOURS, tuple(100 * living)))
    return tuple(lines)


def numbers() -> dict[str, float]:
    """What stands beside the published figures."""
    vein = shares("peripheral_vein")
    day = HOURS.index(24.0)
    label = {organ: vein[f"label_{organ}"] for organ in ORGANS}
    living = vein["viable_lung"] + vein["viable_liver"]
    return {
        "lung_start": label["lung"][0],
        "liver_start": label["liver"][0],
        "spleen_start": label["spleen"][0],
        "over_liver": over_gain(0.0),
        "over_liver_if_passing": over_gain(experiment_cards()["passage_if_any"].value),
        "liver_day_10": label["liver"][-1],
        "spleen_day_10": label["spleen"][-1],
        "spleen_over_liver": label["spleen"][-1] / label["liver"][-1],
        "lung_ratio": label["lung"][-1] / label["lung"][0],
        "viable_liver": float((vein["viable_liver"] + vein["viable_spleen"]).max()),
        "viable_lung_72h": vein["viable_lung"][HOURS.index(72.0)],
        "label_against_living": label["liver"][day] / living[day],
    }


def over_gain(passage: float) -> float:
    """Living cells in the liver at 12 h, over-expressing less wild-type, where ``passage`` pass the lung."""
    at = HOURS.index(12.0)
    over, wild = (
        shares("peripheral_vein", changes)["viable_liver"][at]
        for changes in (over_expressing(passage), {"lung_passage": passage})
    )
    return float(over - wild)


def knock_outs() -> tuple[KnockOut, ...]:
    """Living cells in the liver at 12 h in the world where some pass the lung."""
    at = HOURS.index(12.0)
    passing = {"lung_passage": experiment_cards()["passage_if_any"].value}

    def living(changes: Mapping[str, float]) -> float:
        return float(shares("peripheral_vein", changes)["viable_liver"][at])

    measure = {
        "en": "living cells in the liver at 12 h, share of dose, where some pass the lung",
        "zh": "12 小时肝内活细胞占剂量比例（假设部分细胞通过肺）",
    }
    return (KnockOut("homing", measure, living(passing), living({**passing, "homing_on": 0.0}), 0.0),)
