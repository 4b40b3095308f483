"""Inference after a group-sequential trial has stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class StagewiseTable:
    """Stage-wise p-values of a design over drifts and statistics, for the inference of many trials.

    Attributes:
        design: its boundaries.
        drifts: (d,) drifts; z: (m,) statistics.
        score: (k, m, d) normal score of the stage-wise p-value; increasing in the drift.
    """

    design: SequentialDesign
    drifts: Floats
    z: Floats
    score: Floats

    def drift_at(self, look: NDArray[np.int64], z: Floats, p: float) -> Floats:
        """(r,) drift under which the outcome (look from 1, z) has a stage-wise p-value ``p``.

        With p = 0.5 the median-unbiased estimate, with the tails of a level its interval. NaN for a z that is
        not finite; drifts beyond the table are its edge.
        """
        from scipy.special import ndtri

        look_ = look - 1
        place = np.clip(np.interp(z, self.z, np.arange(self.z.size)), 0, self.z.size - 1.000001)
        place = np.nan_to_num(place)
        low = place.astype(np.int64)
        part = (place - low)[:, None]
        line = (1 - part) * self.score[look_, low] + part * self.score[look_, low + 1]
        above = np.clip((line < ndtri(p)).sum(axis=1), 1, self.drifts.size - 1)
        row = np.arange(above.size)
        y0, y1 = line[row, above - 1], line[row, above]
        share = np.clip(np.divide(ndtri(p) - y0, y1 - y0, out=np.zeros_like(y0), where=y1 > y0), 0, 1)
        found = self.drifts[above - 1] + share * (self.drifts[above] - self.drifts[above - 1])
        return np.where(np.isfinite(z), found, np.nan)


def stagewise_table(design: SequentialDesign, *, step: float = 0.1) -> StagewiseTable:
    """Tabulate a design; the estimates read off differ from ``after_stopping`` by less than 0.01.

    Args:
        design: boundaries.
        step: distance of statistics; drifts are twice as far apart.
    """
    from scipy.special import ndtri

    drifts, z = np.arange(-8.0, 12.0 + 2 * step, 2 * step), np.arange(-6.0, 9.0 + step, step)
    t, upper = design.fractions, design.efficacy
    floor = design.futility if design.binding else np.full(t.size, -np.inf)
    score = np.empty((t.size, z.size, drifts.size))
    for place, drift in enumerate(drifts):
        state = paths(t, floor, upper, float(drift), 0)
        rejected = accepted = 0.0
        for look in range(t.size):
            above = state.all_above(float(t[look]), z)
            p = rejected + above
            if np.isfinite(floor[look]):
                p = np.where(z < floor[look], 1 - accepted - (state.mass.sum() - above), p)
            score[look, :, place] = ndtri(np.clip(p, 1e-15, 1 - 1e-15))
            rejected += state.above(float(t[look]), float(upper[look]))
            accepted += state.below(float(t[look]), float(floor[look]))
            state = state.next(t, look, float(floor[look]), float(upper[look]))
    return StagewiseTable(design, drifts, z, score)
