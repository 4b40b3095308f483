"""Migration: cells through a membrane, wild type against over-expressing, by gradient and by hour."""

from __future__ import annotations

from hepatrial.experiment.solve import course
from hepatrial.experiment.types import Curve, KnockOut
from hepatrial.model.worlds import experiment_cards

HOURS = tuple(float(hour) for hour in range(0, 49, 2))
GRADIENTS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
READ_HOURS = 24.0


def through(gradient: float, fold: float, hours: float = READ_HOURS, homing: float = 1.0) -> float:
    """Cells below the membrane after some hours, as a share of those seeded."""
    asked = {"gradient": gradient, "receptor_fold": fold, "homing_on": homing}
    return float(course("dish", (0.0, hours / 24), ("lower_cells",), asked)["lower_cells"][1])


def over() -> float:
    """Receptors of over-expressing cells against wild type."""
    return experiment_cards()["receptor_fold_over"].value


def curves() -> tuple[Curve, ...]:
    """By hour at one gradient, and by gradient after 24 h."""
    days = tuple(hour / 24 for hour in HOURS)
    lines = []
    kinds = (("wild_type", True, 1.0, 1.0), ("over", False, over(), 1.0), ("no_gradient", True, 1.0, 0.0))
    for name, control, fold, gradient in kinds:
        asked = {"receptor_fold": fold, "gradient": gradient}
        below = course("dish", days, ("lower_cells",), asked)["lower_cells"]
        lines.append(Curve("by_hour", name, control, HOURS, tuple(100 * below)))
    for name, control, fold, _ in kinds[:2]:
        y = tuple(100 * through(gradient, fold) for gradient in GRADIENTS)
        lines.append(Curve("by_gradient", name, control, GRADIENTS, y))
    return tuple(lines)


def numbers() -> dict[str, float]:
    """What stands beside the published figures."""

    def fold(gradient: float) -> float:
        return through(gradient, over()) / through(gradient, 1.0)

    return {
        "fold": fold(1.0),
        "dose": through(2.0, over()) / through(1.0, over()),
        "saturation": fold(GRADIENTS[-1]) / fold(GRADIENTS[1]),
    }


def knock_outs() -> tuple[KnockOut, ...]:
    """Cells through the membrane with and without homing."""
    measure = {"en": "cells through the membrane in 24 h, share", "zh": "24 小时过膜细胞比例"}
    return (KnockOut("homing", measure, through(1.0, over()), through(1.0, over(), homing=0.0), 0.0),)
