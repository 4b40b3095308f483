"""Weights that bring a pool of admitted patients near a Table 1, with the miss and the effective number said.

``population.matching`` meets every figure or refuses. A stranger's Table 1 is often not attainable in
full, so here entropy balancing (Hainmueller 2012, doi:10.1093/pan/mpr025, eq. 1-6) is relaxed: weights
minimise

    KL(w || equal) + sum_j miss_j^2 / (2 r)

whose dual is log-sum-exp(C l) + r |l|^2 / 2, with miss = -r l at the optimum. r = 0 is exact balancing. r
is the smallest at which the effective number of patients reaches a floor, so an answer always
exists and what it could not reach is a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.prediction.table1 import Wanted
from hepatrial.protocol.diseases import CAUSES

Array = NDArray[np.float64]

TIGHTEST, LOOSEST = 1e-4, 1e3
HALVINGS = 14
"""Relaxations between which the smallest that keeps the floor is sought, by halving on the logarithm."""
FLOOR_SHARE = 0.12
FLOOR_LEAST = 30.0
"""Effective number that the weights must keep: this share of the pool, and at least this many."""
PROGNOSTIC = (
    "age", "bilirubin", "inr", "pta", "creatinine", "he_grade", "encephalopathy", "kidney_failure", "meld",
    "meld_na", "meld3", "child_pugh", "child_class", "clif_c_of", "clif_c_aclf", "aclf_grade", "infection",
    "cirrhosis", "map",
)  # fmt: skip
USUAL_IMPORTANCE = 1.0
IMPORTANCE: dict[str, float] = dict.fromkeys(PROGNOSTIC, 3.0) | {
    **dict.fromkeys(map(str, CAUSES), 2.0),
    "albumin": 2.0,
    "ascites": 2.0,
    "sodium": 2.0,
    "ascites_grade": 2.0,
}
"""How much a row counts when not all can be met: scores and what makes them before the rest; assumed."""
MISS_PENALTY = 0.4
"""Logit SD added for each SD by which the worst figure is missed; assumed: one of MELD is worth about 0.8 on
the logit of death, and a missed row is half as telling."""
MISS_CAP = 2.5
"""Misses beyond this many SDs widen no further: the answer is then a guess anyway."""


@dataclass(frozen=True)
class Missed:
    """How a figure was met.

    Attributes:
        label: of the figure.
        requested, achieved: on the scale of the paper: medians of log-scale rows, shares as fractions.
        miss: achieved less requested, in SDs of the request (of the pool when no SD is given).
        importance: of the row, 1 for those that decide most.
    """

    label: str
    requested: float
    achieved: float
    miss: float
    importance: float = 1.0


@dataclass(frozen=True)
class Matched:
    """Weights of a pool.

    Attributes:
        weights: (n,) adding up to 1.
        effective_n: (sum w)^2 / sum w^2 (Kish).
        misses: of each figure.
    """

    weights: Array
    effective_n: float
    misses: tuple[Missed, ...]

    @property
    def worst(self) -> Missed | None:
        """The figure missed most."""
        return max(self.misses, key=lambda one: abs(one.miss), default=None)

    @property
    def widening(self) -> float:
        """Logit SD to add: ``MISS_PENALTY`` times the largest miss, each miss times its row's importance."""
        largest = max((abs(one.miss) * one.importance for one in self.misses), default=0.0)
        return MISS_PENALTY * min(largest, MISS_CAP)


def match_table1(columns: Mapping[str, Array], wanted: Sequence[Wanted]) -> Matched:
    """Weights for a pool.

    Args:
        columns: (n,) each; NaN counts as the pool's mean.
        wanted: the rows of the Table 1 whose columns the pool has.
    """
    n = len(next(iter(columns.values())))
    features, importance = _features(columns, wanted, n)
    if features.shape[1] == 0:
        weights = np.full(n, 1.0 / n)
        return Matched(weights, float(n), ())
    floor = min(0.9 * n, max(FLOOR_SHARE * n, FLOOR_LEAST))
    weights = balance_softly(features, TIGHTEST / importance**2)
    if _effective(weights) < floor:
        low, high = math.log(TIGHTEST), math.log(LOOSEST)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            tried = balance_softly(features, math.exp(middle) / importance**2)
            low, high = (low, middle) if _effective(tried) >= floor else (middle, high)
        weights = balance_softly(features, math.exp(high) / importance**2)
    effective = _effective(weights)
    return Matched(weights, effective, tuple(_missed(columns, one, weights) for one in wanted))


def _effective(weights: Array) -> float:
    return 1.0 / float(np.sum(weights**2))


def balance_softly(features: Array, relaxation: Array, iterations: int = 100) -> Array:
    """Weights adding up to 1 that minimise the relaxed objective, by damped Newton steps on the dual.

    Args:
        features: (n, k) standardised distances from the requested figures.
        relaxation: (k,) r of each figure, above 0.
    """
    lam = np.zeros(features.shape[1])
    value, weight = _dual(features, lam, relaxation)
    for _ in range(iterations):
        gradient = weight @ features + relaxation * lam
        if float(np.max(np.abs(gradient))) < 1e-9:
            break
        centred = features - weight @ features
        hessian = (centred * weight[:, None]).T @ centred + np.diag(relaxation + 1e-12)
        step = np.linalg.solve(hessian, -gradient)
        size = 1.0
        while size > 1e-8:
            tried, tried_weight = _dual(features, lam + size * step, relaxation)
            if tried <= value + 1e-4 * size * float(gradient @ step):
                break
            size *= 0.5
        else:
            break
        lam, value, weight = lam + size * step, tried, tried_weight
    return weight


def _dual(features: Array, lam: Array, relaxation: Array) -> tuple[float, Array]:
    exponent = features @ lam
    top = float(exponent.max())
    raw = np.exp(exponent - top)
    total = float(raw.sum())
    return top + math.log(total) + 0.5 * float(relaxation @ lam**2), raw / total


def _column(columns: Mapping[str, Array], one: Wanted) -> Array:
    x = np.asarray(columns[one.column], dtype=np.float64)
    if one.share is not None:
        x = ((x >= one.low) & (x <= one.high)).astype(np.float64)
    elif one.log:
        x = np.log(np.maximum(x, 1e-9))
    known = np.isfinite(x)
    return np.where(known, x, x[known].mean() if known.any() else 0.0)


def _features(columns: Mapping[str, Array], wanted: Sequence[Wanted], n: int) -> tuple[Array, Array]:
    """Standardised distances, one column a figure, clipped at 6 SDs so that one patient cannot decide, and
    how much each figure counts (``IMPORTANCE``; a spread half as much as its location)."""
    found, counts = [], []
    for one in wanted:
        x = _column(columns, one)
        scale = float(x.std())
        if scale == 0.0:
            continue
        importance = IMPORTANCE.get(one.variable, USUAL_IMPORTANCE)
        counts.append(importance)
        if one.share is not None:
            found.append((x - one.share) / scale)
            continue
        assert one.location is not None
        spread = one.spread or scale
        found.append(np.clip((x - one.location) / spread, -6.0, 6.0))
        if one.spread is not None:
            found.append(np.clip(((x - one.location) / spread) ** 2 - 1.0, -1.0, 12.0) / math.sqrt(2.0))
            counts.append(importance / 2)
    return (np.stack(found, axis=1) if found else np.empty((n, 0))), np.asarray(counts)


def _missed(columns: Mapping[str, Array], one: Wanted, weights: Array) -> Missed:
    x = _column(columns, one)
    mean = float(weights @ x)
    importance = IMPORTANCE.get(one.variable, USUAL_IMPORTANCE) / max(IMPORTANCE.values())
    if one.share is not None:
        sd = math.sqrt(max(one.share * (1 - one.share), 0.05 * 0.95))
        return Missed(one.label, one.share, mean, (mean - one.share) / sd, importance)
    assert one.location is not None
    spread = one.spread or float(x.std()) or 1.0
    back = math.exp if one.log else float
    return Missed(one.label, back(one.location), back(mean), (mean - one.location) / spread, importance)
