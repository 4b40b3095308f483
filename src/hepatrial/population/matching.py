"""Matching a pool of admitted patients to a published Table 1.

Weights are those of entropy balancing (Hainmueller 2012, doi:10.1093/pan/mpr025, eq. 1-6): of all weights
that meet the requested moments exactly, the ones nearest to equal weights in Kullback-Leibler divergence.
They have the form ``exp(lambda . c(x))``; lambda minimises a convex dual, here by damped Newton steps.
A cohort of weight 1 each is then drawn by systematic resampling (Kitagawa 1996, doi:10.2307/1390750,
appendix): patient i appears floor or ceiling of its weight times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem
from hepatrial.rng import Stream

STATISTICS = ("mean", "sd", "median", "q25", "q75", "share", "share_above", "share_below")
MATCH_TOLERANCE = 0.01
"""Largest miss of a requested figure, in SDs of its feature over the pool, that still counts as met."""
SMALLEST_EFFECTIVE_SHARE = 0.02
"""Below this share of the pool the match rests on so few patients that it is refused."""

_QUANTILE = {"q25": 0.25, "median": 0.5, "q75": 0.75}
_MAX_EXPONENT = 600.0


@dataclass(frozen=True)
class Target:
    """One figure of a Table 1.

    Attributes:
        variable: column of the pool (``bilirubin``, ``age``, ``cirrhosis``).
        statistic: one of ``STATISTICS``; ``sd`` needs the same variable's ``mean``; ``share`` is of
            a 0/1 column, ``share_above`` and ``share_below`` of those beyond ``cut``.
        value: the requested figure, in the column's unit.
        cut: for ``share_above`` and ``share_below``.
        place: where it was asked for, for messages.
    """

    variable: str
    statistic: str
    value: float
    cut: float | None = None
    place: str = "population.table1"

    @property
    def label(self) -> str:
        """Name for messages and tables (``bilirubin mean``)."""
        return f"{self.variable} {self.statistic}"


@dataclass(frozen=True)
class Match:
    """Weights of a pool and how well they meet the request.

    Attributes:
        weights: (n,) with mean 1.
        effective_n: (sum w)^2 / sum w^2 (Kish).
        achieved: the weighted pool's figure for each target, in its unit.
        misses: |achieved - requested| for each target, in SDs of its feature over the pool.
        targets: the request.
    """

    weights: NDArray[np.float64]
    effective_n: float
    achieved: tuple[float, ...]
    misses: tuple[float, ...]
    targets: tuple[Target, ...]

    @property
    def largest_miss(self) -> float:
        """The worst of ``misses``; 0 when nothing was requested."""
        return max(self.misses, default=0.0)

    @property
    def worst_target(self) -> Target | None:
        """The target with the largest miss."""
        return self.targets[int(np.argmax(self.misses))] if self.targets else None


def features(
    columns: Mapping[str, NDArray[np.float64]], targets: Sequence[Target]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moment functions of a Table 1 and the values their means shall take.

    A mean is the value itself, an SD the squared distance from the requested mean, a quantile or a share an
    indicator, so every requested figure becomes a mean.

    Returns:
        ``(n, k)`` features and ``(k,)`` requested means.

    Raises:
        BadInput: a variable the pool does not have, an unknown statistic, an SD without its mean.
    """
    _check(columns, targets)
    means = {target.variable: target.value for target in targets if target.statistic == "mean"}
    n = len(next(iter(columns.values())))
    moment = np.empty((n, len(targets)))
    goal = np.empty(len(targets))
    for j, target in enumerate(targets):
        x = np.asarray(columns[target.variable], dtype=np.float64)
        if target.statistic == "sd":
            moment[:, j], goal[j] = (x - means[target.variable]) ** 2, target.value**2
        elif target.statistic in _QUANTILE:
            moment[:, j], goal[j] = x <= target.value, _QUANTILE[target.statistic]
        else:
            moment[:, j], goal[j] = _beyond(x, target), target.value
    return moment, goal


def _beyond(x: NDArray[np.float64], target: Target) -> NDArray[np.float64]:
    """The column itself, or whether it lies beyond the target's cut."""
    if target.cut is None:
        return x
    return (x > target.cut if target.statistic == "share_above" else x < target.cut).astype(np.float64)


def _check(columns: Mapping[str, NDArray[np.float64]], targets: Sequence[Target]) -> None:
    with_mean = {target.variable for target in targets if target.statistic == "mean"}
    problems = []
    for target in targets:
        if target.variable not in columns:
            allowed = "must be one of " + ", ".join(sorted(columns))
            problems.append(Problem(target.place, repr(target.variable), allowed))
        if target.statistic not in STATISTICS:
            allowed = "must be one of " + ", ".join(STATISTICS)
            problems.append(Problem(target.place, repr(target.statistic), allowed))
        if target.statistic == "sd" and target.variable not in with_mean:
            given = f"an sd of {target.variable} alone"
            problems.append(Problem(target.place, given, "an sd needs the mean of the same variable"))
        if (target.cut is None) == target.statistic.startswith("share_"):
            given = f"{target.statistic} with cut {target.cut}"
            problems.append(Problem(target.place, given, "a cut goes with share_above and share_below only"))
    if problems:
        raise BadInput(problems)


def balance(columns: Mapping[str, NDArray[np.float64]], targets: Sequence[Target]) -> Match:
    """Entropy-balancing weights of the pool; the best attainable ones when the request cannot be met.

    Args:
        columns: the pool's columns, each (n,).
        targets: the request; empty gives equal weights.
    """
    targets = tuple(targets)
    n = len(next(iter(columns.values())))
    if not targets:
        return Match(np.ones(n), float(n), (), (), ())
    moment, goal = features(columns, targets)
    scale = moment.std(axis=0)
    varies = scale > 0
    scale = np.where(varies, scale, np.maximum(np.abs(goal), 1.0))
    centred = (moment - goal) / scale
    share = _dual_weights(centred[:, varies])
    misses = np.abs(share @ centred)
    weights = n * share
    return Match(
        weights=weights,
        effective_n=float(n / np.mean(weights**2)),
        achieved=tuple(_figure(columns[t.variable], share, t) for t in targets),
        misses=tuple(float(m) for m in misses),
        targets=targets,
    )


def _figure(x: NDArray[np.float64], share: NDArray[np.float64], target: Target) -> float:
    x = np.asarray(x, dtype=np.float64)
    mean = float(share @ x)
    if target.statistic == "sd":
        return float(np.sqrt(share @ (x - mean) ** 2))
    if target.statistic in _QUANTILE:
        order = np.argsort(x, kind="stable")
        at = np.searchsorted(np.cumsum(share[order]), _QUANTILE[target.statistic] - 1e-9)
        return float(x[order[min(int(at), len(x) - 1)]])
    return float(share @ _beyond(x, target))


def _dual_weights(c: NDArray[np.float64], iterations: int = 200) -> NDArray[np.float64]:
    """Weights ``exp(c . l) / sum`` that make the mean of ``c`` zero, by Newton steps with line search."""
    lam = np.zeros(c.shape[1])
    value, weight = _dual(c, lam)
    for _ in range(iterations):
        gradient = weight @ c
        if np.max(np.abs(gradient), initial=0.0) < 1e-10:
            break
        hessian = (c * weight[:, None]).T @ c - np.outer(gradient, gradient)
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(lam)), -gradient)
        size = 1.0
        while size > 1e-8:
            trial_value, trial_weight = _dual(c, lam + size * step)
            if trial_value <= value + 1e-4 * size * float(gradient @ step):
                break
            size *= 0.5
        else:
            break
        lam, value, weight = lam + size * step, trial_value, trial_weight
        if np.max(np.abs(lam)) > _MAX_EXPONENT:
            break
    return weight


def _dual(c: NDArray[np.float64], lam: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    exponent = c @ lam
    top = float(exponent.max())
    raw = np.exp(exponent - top)
    total = float(raw.sum())
    return top + float(np.log(total)), raw / total


def require_match(match: Match) -> None:
    """Refuse a Table 1 that the pool cannot be weighted to.

    Raises:
        BadInput: with the largest miss, the nearest attainable figure and the effective number of patients.
    """
    n = len(match.weights)
    effective = f"effective number {match.effective_n:.0f} of {n}"
    problems = [
        Problem(
            target.place,
            f"{target.label} {target.value:g}",
            f"what admitted patients reach; together with the other figures the nearest is {got:.4g} "
            f"(miss {miss:.2f} SD, {effective})",
        )
        for target, got, miss in zip(match.targets, match.achieved, match.misses, strict=True)
        if miss > MATCH_TOLERANCE
    ]
    if not problems and match.effective_n < SMALLEST_EFFECTIVE_SHARE * n:
        allowed = f"figures that more patients have ({effective}; at least {SMALLEST_EFFECTIVE_SHARE:.0%})"
        problems = [Problem("population.table1", "figures that hardly an admitted patient has", allowed)]
    if problems:
        raise BadInput(problems)


def resample(weights: NDArray[np.float64], offset: float) -> NDArray[np.intp]:
    """Systematic resampling to weight 1.

    Args:
        weights: (n,) with mean 1.
        offset: in (0, 1), where the first of the n equally spaced picks falls.

    Returns:
        (n,) indices into the pool, ascending; index i occurs floor or ceiling of ``weights[i]`` times.
    """
    n = len(weights)
    cumulative = np.cumsum(weights) * (n / float(np.sum(weights)))
    picks = np.arange(n) + offset
    return np.minimum(np.searchsorted(cumulative, picks, side="right"), n - 1)


def matched_order(weights: NDArray[np.float64], seed: int, block: int) -> NDArray[np.intp]:
    """The matched cohort of one block of the pool, in random order.

    The order is shuffled because systematic resampling puts copies of a patient side by side, and
    neighbours share a trial replicate.

    Returns:
        (n,) indices into the block.
    """
    picked = resample(weights, float(Stream(seed, "matching.offset").uniform(block)))
    keys = Stream(seed, "matching.order").uniform(block, np.arange(len(picked)))
    return picked[np.argsort(keys, kind="stable")]
