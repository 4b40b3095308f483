"""Restricted mean survival time and its contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.kaplan_meier import KaplanMeier, kaplan_meier
from hepatrial.analysis.result import Inference, wald
from hepatrial.errors import BadInput, Problem

_METHOD = "restricted mean survival time"


@dataclass(frozen=True)
class RmstContrast:
    """Two groups' restricted means to the same horizon.

    Attributes:
        tau: the horizon, in the unit of time.
        groups: the two groups; contrasts are first against second.
        means: restricted mean of each.
        difference: first minus second.
        ratio: first over second.
        lost_ratio: ratio of the restricted mean times lost (tau - mean).
    """

    tau: float
    groups: tuple[str, str]
    means: tuple[Inference, Inference]
    difference: Inference
    ratio: Inference
    lost_ratio: Inference


def rmst(time: ArrayLike, event: ArrayLike, tau: float, *, level: float = 0.95) -> Inference:
    """Area under the Kaplan-Meier curve from 0 to ``tau``.

    Args:
        time, event: (n,) times and 1 = event.
        tau: horizon; must not lie beyond the last observed time while the curve is above 0.

    Raises:
        BadInput: with every problem of the input.

    Source: variance sum over event times of (area under S from t to tau)^2 d/(n(n-d)), as survRM2.
    """
    problems: list[Problem] = []
    if not (np.isfinite(tau) and tau > 0):
        problems.append(Problem("tau", repr(tau), "must be a positive number"))
    check.survival(time, event, problems)
    check.confidence_level(level, problems)
    check.refuse(problems)
    curve = kaplan_meier(time, event, level=level)
    if curve.time[-1] < tau and curve.survival[-1] > 0:
        allowed = f"must be at most the last observed time {curve.time[-1]:g}, beyond it S is not known"
        raise BadInput([Problem("tau", f"{tau:g}", allowed)])
    mean, se = _area(curve, tau)
    parameter, note = f"mean time up to tau = {tau:g}", f"tau = {tau:g}"
    return wald(_METHOD, parameter, mean, se, level, tested=False, note=note)


def _area(curve: KaplanMeier, tau: float) -> tuple[float, float]:
    inside = curve.time < tau
    steps = np.diff(np.concatenate([[0.0], curve.time[inside], [tau]]))
    areas = steps * np.concatenate([[1.0], curve.survival[inside]])
    after = (areas.sum() - np.cumsum(areas))[:-1] if areas.size > 1 else np.empty(0)
    n, d = curve.at_risk[inside], curve.events[inside]
    # n == d leaves nobody: S and the area after it are 0.
    terms = np.where(n > d, after**2 * d / np.where(n > d, n * (n - d), 1), 0.0)
    return float(areas.sum()), float(np.sqrt(terms.sum()))


def rmst_contrast(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    tau: float,
    *,
    groups: Sequence[object] | None = None,
    level: float = 0.95,
) -> RmstContrast:
    """Difference and ratios of two groups' restricted means to ``tau``.

    Args:
        time, event, group: (n,) times, 1 = event, group labels.
        tau: horizon, within the follow-up of both groups.
        groups: the two groups, first against second; default sorted.

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    group_ = check.labels("group", group, problems)
    check.refuse(problems)
    check.same_length(problems, time=time_, group=group_)
    check.refuse(problems)
    names, code = check.group_codes(group_, groups, problems)
    if len(names) > 2:
        problems.append(Problem("group", f"{len(names)} groups", "must be two, or name two in groups"))
    check.refuse(problems)
    first, second = names
    means = []
    for number, value in enumerate(names):
        inside = code == number
        try:
            means.append(rmst(time_[inside], event_[inside], tau, level=level))
        except BadInput as bad:
            problems.extend(
                Problem(f"{p.place} ({value})", p.given, p.allowed, p.nearest) for p in bad.problems
            )
    check.refuse(problems)
    a, b = means
    name, note = f"{first} v {second}, tau = {tau:g}", f"tau = {tau:g}"
    return RmstContrast(
        tau=float(tau),
        groups=(first, second),
        means=(a, b),
        difference=wald(
            _METHOD,
            f"difference of means, {name}",
            a.estimate - b.estimate,
            float(np.hypot(a.se, b.se)),
            level,
            note=note,
        ),
        ratio=_ratio(f"ratio of means, {name}", (a.estimate, a.se), (b.estimate, b.se), level, note),
        lost_ratio=_ratio(
            f"ratio of mean times lost, {name}",
            (tau - a.estimate, a.se),
            (tau - b.estimate, b.se),
            level,
            note,
        ),
    )


def _ratio(
    parameter: str, first: tuple[float, float], second: tuple[float, float], level: float, note: str
) -> Inference:
    """Ratio by the delta method on the log scale; NaN where either mean is 0."""
    if first[0] <= 0 or second[0] <= 0:
        nan = float("nan")
        return Inference(
            _METHOD, parameter, nan, nan, nan, nan, (nan, nan), "log", f"{note}; a mean is 0", level
        )
    log_ratio, se = np.log(first[0] / second[0]), np.hypot(first[1] / first[0], second[1] / second[0])
    return wald(_METHOD, parameter, float(log_ratio), float(se), level, exponentiated=True, note=note)
