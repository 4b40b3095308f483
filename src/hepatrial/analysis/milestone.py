"""Difference of survival at one time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.kaplan_meier import kaplan_meier
from hepatrial.analysis.result import Inference, two_sided_p, wald
from hepatrial.errors import BadInput, Problem


def milestone(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    at: float,
    *,
    groups: Sequence[object] | None = None,
    test: str = "plain",
    level: float = 0.95,
) -> Inference:
    """Kaplan-Meier survival of the first group minus that of the second at time ``at``.

    Args:
        time, event, group: (n,) times, 1 = event, group labels.
        at: within the follow-up of both groups.
        groups: the two groups, first against second; default sorted.
        test: scale of z and p: "plain", or "log-log" (nearer its level in small groups; z then is positive
            when the first survives better). The interval is of the difference either way.
        level: confidence level.

    Raises:
        BadInput: with every problem of the input.

    Source: Greenwood's variances added; tests at a fixed time as Klein, Logan, Harhoff and Andersen 2007.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    group_ = check.labels("group", group, problems)
    check.choice("test", test, ("plain", "log-log"), problems)
    check.confidence_level(level, problems)
    if not (np.isfinite(at) and at > 0):
        problems.append(Problem("at", repr(at), "must be a positive number"))
    check.refuse(problems)
    check.same_length(problems, time=time_, group=group_)
    check.refuse(problems)
    names, code = check.group_codes(group_, groups, problems)
    if len(names) > 2:
        problems.append(Problem("group", f"{len(names)} groups", "must be two, or name two in groups"))
    check.refuse(problems)
    curves = [kaplan_meier(time_[code == number], event_[code == number]) for number in (0, 1)]
    for name, curve in zip(names, curves, strict=True):
        if np.isnan(curve.survival_at(at)):
            allowed = f"must be at most the last observed time {curve.time[-1]:g} of {name}"
            problems.append(Problem("at", f"{at:g}", allowed))
    if problems:
        raise BadInput(problems)

    survival = np.array([float(curve.survival_at(at)) for curve in curves])
    se = np.nan_to_num(np.array([float(curve.se_at(at)) for curve in curves]))
    result = wald(
        "Kaplan-Meier at one time",
        f"difference of survival at {at:g}, {names[0]} v {names[1]}",
        float(survival[0] - survival[1]),
        float(np.hypot(*se)),
        level,
        note=f"survival {survival[0]:.4g} v {survival[1]:.4g}",
    )
    if test == "plain":
        return result
    z = float("nan")
    if ((survival > 0) & (survival < 1)).all():
        scaled = np.log(-np.log(survival))
        error = se / (survival * -np.log(survival))
        z = float((scaled[1] - scaled[0]) / np.hypot(*error))
    return replace(result, statistic=z, p=two_sided_p(z), method=f"{result.method}, log-log test")
