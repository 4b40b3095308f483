"""Inference after a group-sequential trial has stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.analysis.result import Inference
from hepatrial.analysis.sequential import SequentialDesign, crossing, paths
from hepatrial.errors import Problem

_WIDE = 12.0


@dataclass(frozen=True)
class AfterStopping:
    """What a stopped trial says, its looks taken into account.

    Attributes:
        decision: "efficacy", "futility" or "no boundary crossed".
        estimate: median-unbiased estimate with its interval and the one-sided p-value, by stage-wise
            ordering; ``statistic`` is the naive z.
        naive: the estimate as if there had been one look.
        repeated: repeated confidence interval at this look (valid whether or not the trial stopped),
            level 1 - 2 alpha.
    """

    decision: str
    estimate: Inference
    naive: float
    repeated: tuple[float, float]


def after_stopping(
    design: SequentialDesign, look: int, z: float, *, information: float = 1.0, level: float | None = None
) -> AfterStopping:
    """Stage-wise p-value, median-unbiased estimate and interval, repeated interval.

    Outcomes are ordered: efficacy stops earlier first, then by z; futility stops later first. With
    non-binding futility the futility boundary is not part of the ordering, so that the p-value is valid
    whether or not it was obeyed.

    Args:
        look: at which look the trial stopped, counted from 1.
        z: statistic there.
        information: largest information, 1 / variance of the effect's estimate at the last look (for a
            log hazard ratio about events / 4); effects are on that scale, positive = benefit.
        level: of the interval; default 1 - 2 alpha.

    Raises:
        BadInput: with every problem of the input.

    Source: Tsiatis, Rosner and Mehta 1984 (stage-wise ordering); Jennison and Turnbull 1989 (repeated).
    """
    problems: list[Problem] = []
    looks = design.fractions.size
    if not 1 <= look <= looks:
        problems.append(Problem("look", repr(look), f"must be 1 to {looks}"))
    if not np.isfinite(z):
        problems.append(Problem("z", repr(z), "must be a number"))
    if not (np.isfinite(information) and information > 0):
        problems.append(Problem("information", repr(information), "must be a positive number"))
    level_ = 1 - 2 * design.alpha if level is None else level
    check.confidence_level(level_, problems)
    check.refuse(problems)

    k = look - 1
    upper = design.efficacy[k]
    decision = "efficacy" if z >= upper else "futility" if z < design.futility[k] else "no boundary crossed"
    floor = design.futility if design.binding else np.full(looks, -np.inf)
    naive = z / np.sqrt(design.fractions[k])
    tail = (1 - level_) / 2
    scale = np.sqrt(information)

    def solve(wanted: float) -> float:
        from scipy.optimize import brentq

        low, high = naive - _WIDE, naive + _WIDE
        at = float(brentq(lambda d: stagewise_p(design, floor, k, z, d) - wanted, low, high, xtol=1e-10))
        return float(at / scale)

    p = stagewise_p(design, floor, k, z, 0.0)
    note = "" if decision != "no boundary crossed" else "the trial had not crossed a boundary"
    estimate = Inference(
        "stage-wise ordering",
        "median-unbiased effect; p is one-sided",
        solve(0.5),
        float("nan"),
        float(z),
        p,
        (solve(tail), solve(1 - tail)),
        "none",
        note,
        level_,
    )
    # at an infinite boundary the repeated interval is the whole line
    half = upper / np.sqrt(design.fractions[k])
    repeated = (float((naive - half) / scale), float((naive + half) / scale))
    return AfterStopping(decision, estimate, float(naive / scale), repeated)


def stagewise_p(design: SequentialDesign, floor: Floats, look: int, z: float, drift: float) -> float:
    """Probability under ``drift`` of an outcome at least as much in favour as ``z`` at ``look`` (from 0)."""
    t, upper = design.fractions, design.efficacy
    reach = paths(t, floor, upper, drift, look)
    if z < floor[look]:
        earlier = crossing(t[: look + 1], floor[: look + 1], upper[: look + 1], drift)[1][:look].sum()
        return float(1 - earlier - reach.below(t[look], z))
    earlier = crossing(t[: look + 1], floor[: look + 1], upper[: look + 1], drift)[0][:look].sum()
    return float(earlier + reach.above(t[look], z))
