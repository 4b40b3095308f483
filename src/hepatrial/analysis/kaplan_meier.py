"""Kaplan-Meier survival with Greenwood's variance and intervals by a named transform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.result import Inference, z_quantile
from hepatrial.analysis.risk_sets import risk_sets
from hepatrial.errors import Problem

_SAME = float(np.finfo(np.float64).eps ** 0.5)
"""Two survival probabilities closer than this are the same step (the tolerance R uses for a median)."""


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve; arrays have one entry a distinct observed time, sorted.

    Attributes:
        time: distinct times (events and censorings).
        at_risk: patients with time >= this time (before the events at it).
        events: events at this time.
        censored: censored at this time.
        survival: S at and after this time.
        se: Greenwood's standard error of ``survival``; NaN once it is 0.
        hazard_se: standard error of -log S (square root of Greenwood's sum).
        lower, upper: pointwise interval; NaN where the transform has none (S = 1 or S = 0 for log-log,
            logit and arcsin; S = 0 for log and plain).
        transform: name of the transform of the interval.
        level: its confidence level.
    """

    time: Floats
    at_risk: Ints
    events: Ints
    censored: Ints
    survival: Floats
    se: Floats
    hazard_se: Floats
    lower: Floats
    upper: Floats
    transform: str
    level: float

    @property
    def n(self) -> int:
        """Number of patients."""
        return int(self.at_risk[0])

    @property
    def n_events(self) -> int:
        """Number of events."""
        return int(self.events.sum())

    def survival_at(self, times: ArrayLike) -> Floats:
        """S(t) at each time; NaN beyond the last observed time while the curve is above 0."""
        return self._step(self.survival, times, 1.0)

    def se_at(self, times: ArrayLike) -> Floats:
        """Greenwood's standard error of S(t); NaN where S(t) is not known or 0."""
        return self._step(self.se, times, 0.0)

    def interval_at(self, times: ArrayLike) -> tuple[Floats, Floats]:
        """Pointwise interval of S(t) by the curve's transform."""
        start = confidence_limits(np.ones(1), np.zeros(1), self.transform, self.level)
        return self._step(self.lower, times, start[0][0]), self._step(self.upper, times, start[1][0])

    def number_at_risk(self, times: ArrayLike) -> Ints:
        """Patients whose time is >= t (still at risk just before t)."""
        left_before = np.searchsorted(self.time, np.asarray(times, dtype=np.float64), side="left")
        gone = np.concatenate([[0], np.cumsum(self.events + self.censored)])
        return np.asarray(self.n - gone[left_before], dtype=np.int64)

    def quantile(self, probability: float) -> Inference:
        """Time by which a share ``probability`` has had the event, with interval (Brookmeyer-Crowley type).

        The first time at which the curve is at or below 1 - probability; where it stays exactly there, the
        middle of that step. The limits read the limits of the curve in the same way; NaN = not reached.
        """
        level = 1.0 - probability
        point = _crossing(self.survival, self.time, level)
        limits = (_crossing(self.lower, self.time, level), _crossing(self.upper, self.time, level))
        note = "" if np.isfinite(point) else "not reached"
        name = "median" if probability == 0.5 else f"{probability:g} quantile"
        return Inference(
            "Kaplan-Meier",
            f"{name} time",
            point,
            np.nan,
            np.nan,
            np.nan,
            limits,
            self.transform,
            note,
            self.level,
        )

    @property
    def median(self) -> Inference:
        """Median time with its interval."""
        return self.quantile(0.5)

    def _step(self, curve: Floats, times: ArrayLike, start: float) -> Floats:
        wanted = np.asarray(times, dtype=np.float64)
        position = np.searchsorted(self.time, wanted, side="right")
        values = np.concatenate([[start], curve])[position]
        beyond = (wanted > self.time[-1]) & (self.survival[-1] > 0)
        return np.asarray(np.where(beyond | np.isnan(wanted), np.nan, values), dtype=np.float64)


def _crossing(curve: Floats, time: Floats, level: float) -> float:
    reached = np.flatnonzero(~np.isnan(curve) & (curve < level + _SAME))
    if reached.size == 0:
        return float("nan")
    first = reached[0]
    lower = reached[curve[reached] < curve[first] - _SAME]
    if abs(curve[first] - level) < _SAME and lower.size:
        return float((time[first] + time[lower[0]]) / 2)
    return float(time[first])


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, transform: str = "log-log", level: float = 0.95
) -> KaplanMeier:
    """Product-limit estimate of survival.

    Args:
        time: (n,) times to event or censoring, >= 0.
        event: (n,) 1 = event, 0 = censored. At equal times events come before censorings.
        transform: of the interval: "plain", "log", "log-log", "logit" or "arcsin".
        level: confidence level.

    Raises:
        BadInput: with every problem of the input.

    Source: Kaplan and Meier 1958; Greenwood's sum d/(n(n-d)); transforms as in R survival
    ``survfit_confint``.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    check.choice("transform", transform, TRANSFORMS, problems)
    check.confidence_level(level, problems)
    check.refuse(problems)
    sets = risk_sets(time_, event_, np.zeros(time_.size, dtype=np.int64), 1)
    n, d = sets.at_risk[:, 0], sets.events[:, 0]
    survival, hazard_se = product_limit(n, d)
    lower, upper = confidence_limits(survival, hazard_se, transform, level)
    se = np.where(survival > 0, survival * np.where(np.isfinite(hazard_se), hazard_se, 0.0), np.nan)
    left = n - np.append(n[1:], 0)
    return KaplanMeier(
        time=sets.time,
        at_risk=n,
        events=d,
        censored=left - d,
        survival=survival,
        se=se,
        hazard_se=hazard_se,
        lower=lower,
        upper=upper,
        transform=transform,
        level=level,
    )


def product_limit(at_risk: Ints, events: Ints) -> tuple[Floats, Floats]:
    """S and the standard error of -log S (infinite once S is 0) after each time."""
    survival = np.cumprod(1.0 - events / at_risk)
    with np.errstate(divide="ignore"):
        term = np.where(events > 0, events / (at_risk * (at_risk - events).astype(np.float64)), 0.0)
    return np.asarray(survival), np.sqrt(np.cumsum(term))


# --- transforms -------------------------------------------------------------------------------------


def _plain(p: Floats, half: Floats) -> tuple[Floats, Floats]:
    return np.maximum(p - p * half, 0.0), np.minimum(p + p * half, 1.0)


def _log(p: Floats, half: Floats) -> tuple[Floats, Floats]:
    return p * np.exp(-half), np.minimum(p * np.exp(half), 1.0)


def _log_log(p: Floats, half: Floats) -> tuple[Floats, Floats]:
    step = half / np.log(p)
    return p ** np.exp(-step), p ** np.exp(step)


def _logit(p: Floats, half: Floats) -> tuple[Floats, Floats]:
    step, odds = half / (1 - p), np.log(p / (1 - p))
    return 1 / (1 + np.exp(step - odds)), 1 / (1 + np.exp(-step - odds))


def _arcsin(p: Floats, half: Floats) -> tuple[Floats, Floats]:
    step, angle = 0.5 * half * np.sqrt(p / (1 - p)), np.arcsin(np.sqrt(p))
    return np.sin(np.maximum(angle - step, 0.0)) ** 2, np.sin(np.minimum(angle + step, np.pi / 2)) ** 2


TRANSFORMS: dict[str, Callable[[Floats, Floats], tuple[Floats, Floats]]] = {
    "plain": _plain,
    "log": _log,
    "log-log": _log_log,
    "logit": _logit,
    "arcsin": _arcsin,
}


def confidence_limits(
    survival: Floats, hazard_se: Floats, transform: str, level: float
) -> tuple[Floats, Floats]:
    """Pointwise limits of S on the scale of a transform; NaN where that scale has no value."""
    open_scale = transform in ("log-log", "logit", "arcsin")
    usable = (survival > 0) & ((survival < 1) if open_scale else True)
    p = np.where(usable, survival, 0.5)
    half = z_quantile(level) * np.where(usable, hazard_se, 0.0)
    lower, upper = TRANSFORMS[transform](p, half)
    return np.where(usable, lower, np.nan), np.where(usable, upper, np.nan)
