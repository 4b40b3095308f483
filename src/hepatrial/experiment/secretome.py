"""Secretome: messengers of stromal cells, macrophages, T cells and stellate cells in co-culture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hepatrial.experiment.differentiation import first_day
from hepatrial.experiment.solve import course
from hepatrial.experiment.types import Curve, KnockOut

DAYS = tuple(float(day) for day in np.linspace(0, 7, 57))
MESSENGERS = ("secreted_hgf", "secreted_il6", "secreted_calming", "vesicles")
RESPONSES = ("il1_level", "restorative_macrophages_dish", "effector_dish", "regulatory_dish", "collagen_dish")
WELLS: Mapping[str, Mapping[str, float]] = {
    "with_cells": {},
    "vesicles_only": {"calming_per_cell": 0.0, "hgf_per_cell": 0.0, "il6_per_cell": 0.0},
    "without_cells": {"cocultured_cells": 0.0},
}


def curves() -> tuple[Curve, ...]:
    """Messengers over time; each response with cells, with their vesicles alone, and without."""
    lines = []
    whole = course("dish", DAYS, MESSENGERS)
    lines += [Curve("messengers", name, False, DAYS, tuple(whole[name])) for name in MESSENGERS]
    nothing = course("dish", DAYS, MESSENGERS, WELLS["without_cells"])
    lines.append(Curve("messengers", "without_cells", True, DAYS, tuple(nothing["secreted_hgf"])))
    for well, changes in WELLS.items():
        found = course("dish", DAYS, RESPONSES, changes)
        control = well == "without_cells"
        lines += [Curve(name, well, control, DAYS, tuple(found[name])) for name in RESPONSES]
    return tuple(lines)


def numbers() -> dict[str, float]:
    """What stands beside the published figures."""
    names = (*RESPONSES, "secreted_il6")
    cells, none = (course("dish", DAYS, names, WELLS[well]) for well in ("with_cells", "without_cells"))
    calm = course("dish", DAYS, names, {"stimulus": 0.0})
    two, seven = DAYS.index(2.0), len(DAYS) - 1
    return {
        "il1": cells["il1_level"][two] / none["il1_level"][two],
        "il6": cells["secreted_il6"][two] / calm["secreted_il6"][two],
        "regulatory": cells["regulatory_dish"][seven] - none["regulatory_dish"][seven],
        "macrophages": min(first_day(DAYS, cells["restorative_macrophages_dish"], 0.5), 99.0),
        "fibrosis": cells["collagen_dish"][seven] / none["collagen_dish"][seven],
    }


def knock_outs() -> tuple[KnockOut, ...]:
    """Restorative macrophages on day 3 with and without the mechanism."""

    def restorative(changes: Mapping[str, float]) -> float:
        name = "restorative_macrophages_dish"
        return float(course("dish", (0.0, 3.0), (name,), changes)[name][1])

    measure = {"en": "restorative macrophages on day 3, share", "zh": "第 3 天修复型巨噬细胞比例"}
    none = restorative(WELLS["without_cells"])
    return (KnockOut("secretome", measure, restorative({}), restorative({"secretome_on": 0.0}), none),)
