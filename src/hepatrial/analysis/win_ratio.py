"""Hierarchical composites: win ratio, win odds and net benefit of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.result import Inference, wald
from hepatrial.errors import Problem


@dataclass(frozen=True)
class TimeLevel:
    """A level compared by who has the event later, as far as both were followed.

    Attributes:
        name: of the event; time: (n,) time of it, NaN or infinite without.
    """

    name: str
    time: ArrayLike


@dataclass(frozen=True)
class ValueLevel:
    """A level compared by a value; the last word when events do not decide.

    Attributes:
        name: of the measure; value: (n,), NaN = not measured: no decision.
        higher_is_better: direction; margin: differences up to this are ties.
    """

    name: str
    value: ArrayLike
    higher_is_better: bool = True
    margin: float = 0.0


@dataclass(frozen=True)
class WinRatio:
    """All pairs of a patient of the first group with one of the second.

    Attributes:
        groups: the two groups; a win is the first group's.
        n: patients of each.
        wins, losses, ties: pairs; wins_by_level, losses_by_level: (levels,) pairs decided there.
        win_ratio: wins / losses; win_odds: (wins + ties / 2) / (losses + ties / 2);
        net_benefit: (wins - losses) / pairs.
    """

    groups: tuple[str, str]
    n: tuple[int, int]
    wins: int
    losses: int
    ties: int
    wins_by_level: Ints
    losses_by_level: Ints
    win_ratio: Inference
    win_odds: Inference
    net_benefit: Inference


def win_ratio(
    group: ArrayLike,
    levels: Sequence[TimeLevel | ValueLevel],
    follow_up: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    level: float = 0.95,
) -> WinRatio:
    """Compare every pair, level by level; the first level that decides counts.

    At a ``TimeLevel`` both are looked at up to the shorter follow-up of the two: who has the event first
    loses; without an event in that time, or at the same time, the pair goes to the next level.

    Args:
        group: (n,) labels.
        levels: from the gravest; follow_up: (n,) time up to which each patient was seen (death included).
        groups: the two groups, first against second; default sorted.
        level: confidence level.

    Raises:
        BadInput: with every problem of the input.

    Source: Pocock 2012; variances of the two-sample U-statistics wins and losses (Bebu and Lachin 2016;
    first projections, divisor n of each group), log scale for the ratios by the delta method.
    """
    problems: list[Problem] = []
    member_ = check.labels("group", group, problems)
    seen = check.times("follow_up", follow_up, problems)
    if not levels:
        problems.append(Problem("levels", "none", "must hold at least one"))
    if len({part.name for part in levels}) < len(levels):
        problems.append(Problem("levels", "a name twice", "must have different names"))
    check.confidence_level(level, problems)
    columns = [_column(part, problems) for part in levels]
    check.refuse(problems)
    named = {f"levels.{part.name}": column for part, column in zip(levels, columns, strict=True)}
    check.same_length(problems, follow_up=seen, group=member_, **named)
    check.refuse(problems)
    names, member = check.group_codes(member_, groups, problems)
    if len(names) > 2:
        problems.append(Problem("group", f"{len(names)} groups", "must be two, or name two in groups"))
    check.refuse(problems)

    first, second = np.flatnonzero(member == 0), np.flatnonzero(member == 1)
    shared = np.minimum(seen[first][:, None], seen[second][None, :])
    result = np.zeros((first.size, second.size), dtype=np.int8)
    won, lost = np.zeros(len(levels), dtype=np.int64), np.zeros(len(levels), dtype=np.int64)
    for number, (part, values) in enumerate(zip(levels, columns, strict=True)):
        decided = _compare(part, values[first][:, None], values[second][None, :], shared)
        decided = np.where(result == 0, decided, 0)
        won[number], lost[number] = (decided > 0).sum(), (decided < 0).sum()
        result = result + decided.astype(np.int8)
    return _summary((names[0], names[1]), result, won, lost, level)


def _column(part: TimeLevel | ValueLevel, problems: list[Problem]) -> Floats:
    given = part.time if isinstance(part, TimeLevel) else part.value
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        problems.append(Problem(f"levels.{part.name}", "something else than numbers", "must be numbers"))
        return np.empty(0)
    if isinstance(part, TimeLevel):
        if (values < 0).any():
            problems.append(Problem(f"levels.{part.name}", f"{np.nanmin(values):g}", "must not be negative"))
        return np.where(np.isnan(values), np.inf, values)
    if not part.margin >= 0:
        problems.append(Problem(f"levels.{part.name}.margin", repr(part.margin), "must be at least 0"))
    return values


def _compare(part: TimeLevel | ValueLevel, a: Floats, b: Floats, shared: Floats) -> NDArray[np.int8]:
    """(n1, n2) 1 where the first wins, -1 where it loses, 0 where this level does not decide."""
    if isinstance(part, TimeLevel):
        a, b = np.where(a <= shared, a, np.inf), np.where(b <= shared, b, np.inf)
        return np.asarray((a > b).astype(np.int8) - (a < b).astype(np.int8))
    difference = (a - b) * (1 if part.higher_is_better else -1)
    return np.asarray(
        (difference > part.margin).astype(np.int8) - (difference < -part.margin).astype(np.int8)
    )


def _summary(
    groups: tuple[str, str], result: NDArray[np.int8], won: Ints, lost: Ints, level: float
) -> WinRatio:
    pairs = result.size
    wins, losses = int(won.sum()), int(lost.sum())
    ties = pairs - wins - losses
    w, l_ = wins / pairs, losses / pairs
    covariance = _covariance(result)
    ratio = _ratio("win ratio", groups, (w, l_), covariance, level)
    half = np.array([[0.5, -0.5], [-0.5, 0.5]])  # win + tie/2 = 1/2 + (win - loss)/2
    odds = _ratio("win odds", groups, ((1 + w - l_) / 2, (1 - w + l_) / 2), half @ covariance @ half.T, level)
    spread = np.array([1.0, -1.0])
    benefit = wald(
        "net benefit",
        f"win minus loss probability, {groups[0]} v {groups[1]}",
        w - l_,
        float(np.sqrt(spread @ covariance @ spread)),
        level,
    )
    n = (result.shape[0], result.shape[1])
    return WinRatio(groups, n, wins, losses, ties, won, lost, ratio, odds, benefit)


def _covariance(result: NDArray[np.int8]) -> Floats:
    """(2, 2) covariance of the shares of wins and of losses."""
    total = np.zeros((2, 2))
    for axis in (1, 0):
        own = np.stack([(result > 0).mean(axis=axis), (result < 0).mean(axis=axis)])
        total += np.cov(own, ddof=0).reshape(2, 2) / own.shape[1]
    return total


def _ratio(
    name: str, groups: tuple[str, str], values: tuple[float, float], covariance: Floats, level: float
) -> Inference:
    above, below = values
    parameter = f"{name}, {groups[0]} v {groups[1]}"
    if above <= 0 or below <= 0:
        nan = float("nan")
        estimate = nan if above <= 0 and below <= 0 else float("inf") if below <= 0 else 0.0
        note = "no win or no loss: no interval"
        return Inference(name, parameter, estimate, nan, nan, nan, (nan, nan), "log", note, level)
    slope = np.array([1 / above, -1 / below])
    se = float(np.sqrt(slope @ covariance @ slope))
    return wald(name, parameter, float(np.log(above / below)), se, level, exponentiated=True)
