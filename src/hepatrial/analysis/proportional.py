"""Test of proportional hazards (the score test of R ``cox.zph`` from version 3.0 on)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.cox import CoxFit, PartialLikelihood, cox
from hepatrial.analysis.result import Inference
from hepatrial.errors import BadInput, Problem

TRANSFORMS = ("km", "rank", "identity", "log")


@dataclass(frozen=True)
class ProportionalHazards:
    """Score tests that the log hazard ratios do not change with the transformed time.

    Attributes:
        fit: the Cox model tested.
        transform: of time.
        tests: one a covariate; overall: all together.
    """

    fit: CoxFit
    transform: str
    tests: tuple[Inference, ...]
    overall: Inference


def proportional_hazards(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    start: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    strata: ArrayLike | None = None,
    ties: str = "efron",
    transform: str = "km",
) -> ProportionalHazards:
    """Fit the Cox model and test each coefficient for a trend in time.

    Args:
        time, event, covariates, start, names, strata, ties: as in ``cox``.
        transform: of time g(t): "km" (1 - S(t-) of everyone), "rank" of the event times, "identity" or
            "log".

    Raises:
        BadInput: with every problem of the input; also if a coefficient is infinite.

    Source: Grambsch and Therneau 1994; the score test of adding x g(t) at the fitted coefficients
    (Therneau, R survival 3.0), not the older approximation with one averaged variance.
    """
    problems: list[Problem] = []
    check.choice("transform", transform, TRANSFORMS, problems)
    check.refuse(problems)
    fit = cox(time, event, covariates, start=start, names=names, strata=strata, ties=ties)
    if not np.isfinite(fit.coef).all():
        infinite = [name for name, b in zip(fit.names, fit.coef, strict=True) if not np.isfinite(b)]
        raise BadInput([Problem(f"covariates.{name}", "infinite", "must be estimable") for name in infinite])
    time_ = np.asarray(time, dtype=np.float64)
    event_ = np.asarray(event).astype(np.int64)
    x = np.asarray(covariates, dtype=np.float64).reshape(time_.size, -1)
    start_ = np.full(time_.size, -np.inf) if start is None else np.asarray(start, dtype=np.float64)
    strata_ = np.zeros(time_.size) if strata is None else check.labels("strata", strata, problems)
    scale = x.std(axis=0)
    likelihood = PartialLikelihood(start_, time_, event_, (x - x.mean(axis=0)) / scale, strata_, ties)
    return _tests(likelihood, fit, fit.coef * scale, _scale(start_, time_, event_, transform), transform)


def _scale(start: Floats, time: Floats, event: Ints, transform: str) -> dict[float, float]:
    """g of each event time."""
    when, counts = np.unique(time[event == 1], return_counts=True)
    if transform == "identity":
        values = when
    elif transform == "log":
        values = np.log(when)
    elif transform == "rank":
        values = np.cumsum(counts) - (counts - 1) / 2  # mean rank of tied events
    else:
        not_left = time.size - np.searchsorted(np.sort(time), when, side="left")
        not_yet = time.size - np.searchsorted(np.sort(start), when, side="left")
        survival = np.cumprod(1 - counts / (not_left - not_yet))
        values = 1 - np.concatenate([[1.0], survival[:-1]])
    return dict(zip(when.tolist(), values.tolist(), strict=True))


def _tests(
    likelihood: PartialLikelihood, fit: CoxFit, beta: Floats, g: dict[float, float], transform: str
) -> ProportionalHazards:
    p = beta.size
    score = np.zeros(p)
    plain, once, twice = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    middle = float(np.mean(list(g.values())))
    for part in likelihood.parts:
        _, mean, variance = part.moments(beta)
        at = np.array([g[t] for t in part.death_times.tolist()]) - middle
        score += at @ (part.death_x - mean)
        plain += variance.sum(axis=0)
        once += np.einsum("k,kij->ij", at, variance)
        twice += np.einsum("k,kij->ij", at**2, variance)
    left = twice - once @ np.linalg.solve(plain, once)  # information on the trends, coefficients free
    method = f"proportional hazards, score test, {transform} transform"
    tests = [
        _chi(method, f"no trend of the log hazard ratio, {name}", float(score[j] ** 2 / left[j, j]), 1)
        for j, name in enumerate(fit.names)
    ]
    together = float(score @ np.linalg.solve(left, score))
    overall = _chi(method, "no trend of any log hazard ratio", together, p)
    return ProportionalHazards(fit, transform, tuple(tests), overall)


def _chi(method: str, parameter: str, chisq: float, df: int) -> Inference:
    nan = float("nan")
    return Inference(method, parameter, nan, nan, chisq, float(chdtrc(df, chisq)), (nan, nan), "none", df=df)
