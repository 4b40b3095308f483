"""Analysis of covariance: a final value adjusted for its baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from hepatrial.analysis import check
from hepatrial.analysis.result import Inference
from hepatrial.errors import Problem


def ancova(
    value: ArrayLike,
    baseline: ArrayLike,
    group: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    strata: ArrayLike | None = None,
    robust: bool = False,
    level: float = 0.95,
) -> Inference:
    """Difference of group means at equal baseline, by least squares.

    The dead have no value: leave them out only if the estimand is "while alive", and say so.

    Args:
        value, baseline: (n,) numbers without missing ones; group: (n,) labels.
        groups: the two groups, first against second; default sorted.
        strata: (n,) labels, each with its own intercept.
        robust: heteroscedasticity-consistent error HC3 (MacKinnon and White 1985) instead of the pooled one.

    Raises:
        BadInput: with every problem of the input, among them too few patients.
    """
    problems: list[Problem] = []
    y, x = check.numbers("value", value, problems), check.numbers("baseline", baseline, problems)
    group_ = check.labels("group", group, problems)
    strata_ = np.zeros(y.size) if strata is None else check.labels("strata", strata, problems)
    check.confidence_level(level, problems)
    check.refuse(problems)
    check.same_length(problems, value=y, baseline=x, group=group_, strata=strata_)
    check.refuse(problems)
    names, code = check.group_codes(group_, groups, problems)
    if len(names) > 2:
        problems.append(Problem("group", f"{len(names)} groups", "must be two, or name two in groups"))
    keep = code >= 0
    kinds, stratum = np.unique(strata_[keep], return_inverse=True)
    design = np.column_stack([code[keep] == 0, x[keep] - x[keep].mean(), np.eye(kinds.size)[stratum]]).astype(
        float
    )
    df = design.shape[0] - design.shape[1]
    if df < 1:
        problems.append(
            Problem("value", f"{design.shape[0]} patients", f"must be more than {design.shape[1]}")
        )
    elif np.linalg.matrix_rank(design) < design.shape[1]:
        allowed = "must not be determined by each other"
        problems.append(Problem("group, baseline, strata", "linear combinations", allowed))
    check.refuse(problems)

    inverse = np.linalg.inv(design.T @ design)
    coefficient = inverse @ design.T @ y[keep]
    residual = y[keep] - design @ coefficient
    if robust:
        leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
        scaled = design * (residual / np.maximum(1 - leverage, 1e-12))[:, None]
        covariance = inverse @ (scaled.T @ scaled) @ inverse
    else:
        covariance = inverse * (residual @ residual) / df
    estimate, se = float(coefficient[0]), float(np.sqrt(covariance[0, 0]))
    t = estimate / se if se > 0 else float("nan")
    half = float(stdtrit(df, 0.5 + level / 2)) * se
    method = "ANCOVA" + (", HC3 errors" if robust else "") + ("" if strata is None else ", stratified")
    return Inference(
        method,
        f"difference of means at equal baseline, {names[0]} v {names[1]}",
        estimate,
        se,
        t,
        float(2 * stdtr(df, -abs(t))),
        (estimate - half, estimate + half),
        "none",
        f"t with {df} degrees of freedom",
        level,
    )
