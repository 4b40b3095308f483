"""Assurance: success averaged over a belief about the effect, never under one belief alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.operating import number
from hepatrial.design.priors import Prior

Array = NDArray[np.float64]


def weights_on(grid: Array, points: Array) -> Array:
    """(g,) weight of each grid effect when the power between two is taken as linear, beyond them as flat.

    Args:
        grid: (g,) ascending effects with simulated power.
        points: (n,) equally probable effects.
    """
    place = np.interp(points, grid, np.arange(len(grid)))
    low = np.minimum(place.astype(int), len(grid) - 2) if len(grid) > 1 else np.zeros(len(points), dtype=int)
    part = place - low
    total = np.bincount(low, 1 - part, minlength=len(grid))
    if len(grid) > 1:
        total = total + np.bincount(low + 1, part, minlength=len(grid))
    return np.asarray(total / len(points))


def assurance(grid: Array, success: NDArray[np.bool_], prior: Prior) -> dict[str, Any]:
    """Assurance under a prior, with the share of it that comes from beyond the grid.

    Args:
        grid: (g,) log hazard ratios, ascending.
        success: (g, r) whether each trial succeeded under each, the same trials under all.
        prior: the belief.
    """
    points = prior.points()
    weight = weights_on(grid, points)
    found = number(weight @ success.astype(np.float64))
    beyond = float(((points < grid[0]) | (points > grid[-1])).mean())
    return {**prior.as_dict(), "assurance": found.as_dict(), "beyond_grid": beyond,
            "centre_at_half": centre_at_half(grid, success.mean(axis=1), prior)}  # fmt: skip


def centre_at_half(grid: Array, power: Array, prior: Prior) -> float | None:
    """Hazard ratio on which a prior of the same spread would have to be centred for an assurance of 50 %.

    None when no centre within the grid gives it.
    """
    from scipy.optimize import brentq

    spread = prior.points() - prior.mean

    def miss(centre: float) -> float:
        return float(np.interp(spread + centre, grid, power).mean()) - 0.5

    low, high = float(grid[0]), float(grid[-1])
    if miss(low) * miss(high) > 0:
        return None
    return math.exp(float(brentq(miss, low, high, xtol=1e-6)))


def effect_at(grid: Array, power: Array, wanted: float) -> float | None:
    """Hazard ratio at which the power is ``wanted``; None when the grid does not reach it."""
    order = np.argsort(power)
    if not power.min() <= wanted <= power.max():
        return None
    return math.exp(float(np.interp(wanted, power[order], grid[order])))


def calibrated(weights: Mapping[str, float], success: Mapping[str, NDArray[np.bool_]]) -> dict[str, Any]:
    """Assurance under the mechanism's own prior: structural variants by their weights.

    Args:
        weights: variant -> prior weight.
        success: variant -> (r,) success of the same trials.
    """
    total = sum(weights[name] for name in success)
    mixed = sum(
        (weights[name] / total * values.astype(np.float64) for name, values in success.items()), np.zeros(1)
    )
    return {
        "name": "calibrated",
        "assurance": number(np.asarray(mixed)).as_dict(),
        "rests_on": "the mechanism's structural variants by their prior weights, which no trial of these"
        " cells has moved (not learnt from data); never to be read alone",
        "grade": "assumed",
    }


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their assurance, the lowest first."""
    return sorted((dict(row) for row in rows), key=lambda row: row["assurance"]["value"])
