"""Meta-regression by REML, and Egger's test for small-study effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from hepatrial.analysis.result import Inference
from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.synthesis.effects import Effects
from hepatrial.evidence.synthesis.pool import check_choice, check_level
from hepatrial.evidence.synthesis.result import NAN, Heterogeneity, p_value, quantile
from hepatrial.evidence.synthesis.tau import ESTIMATORS, estimate_tau2, heterogeneity, ones

ENOUGH = 10
"""Studies below which a test for small-study effects is refused (Sterne et al. 2011, BMJ 343:d4002)."""


@dataclass(frozen=True)
class MetaRegression:
    """Effects explained by study covariates.

    Attributes:
        names: "intercept" and the covariates.
        coefficients: one inference each, on the analysis scale.
        qm, qm_df, qm_p: Wald chi-square that all slopes are 0.
        heterogeneity: of the residuals (its Q is QE).
        r2: percent of the tau-squared without covariates that they take away; NaN when that was 0.
        note: what a reader must know.
    """

    names: tuple[str, ...]
    coefficients: tuple[Inference, ...]
    qm: float
    qm_df: int
    qm_p: float
    heterogeneity: Heterogeneity
    r2: float
    note: str


def meta_regression(
    effects: Effects,
    covariates: Sequence[str],
    *,
    estimator: str = "REML",
    interval: str = "hartung_knapp",
    safeguard: bool = True,
    level: float = 0.95,
) -> MetaRegression:
    """Mixed-effects regression of the effects on study covariates.

    Args:
        effects: studies with ``numbers``.
        covariates: names among them.
        estimator: of the residual tau-squared.
        interval: "hartung_knapp" (Knapp and Hartung 2003, Stat Med 22:2693; t with k - p df) or "wald".
        safeguard: Knapp-Hartung standard errors are never below the Wald ones.
        level: of the intervals.

    Raises:
        BadInput: naming every study that lacks a covariate, covariates that do not vary or repeat each
            other, and pools with too few studies.
    """
    check_level(level)
    check_choice("estimator", estimator, ESTIMATORS)
    check_choice("interval", interval, ("hartung_knapp", "wald"))
    problems = [
        Problem(f"{s.study} {name}", "none", "is needed for the regression")
        for s in effects.studies
        for name in covariates
        if not math.isfinite(s.numbers.get(name, NAN))
    ]
    if not covariates:
        problems.append(Problem("covariates", "none", "at least one is needed"))
    if problems:
        raise BadInput(problems)
    y, v, k = effects.y, effects.v, len(effects)
    x = np.column_stack([np.ones(k), *([s.numbers[n] for s in effects.studies] for n in covariates)])
    p = x.shape[1]
    if k <= p:
        raise BadInput([Problem("studies", f"{k}", f"at least {p + 1} are needed for {p - 1} covariates")])
    if np.linalg.matrix_rank(x) < p:
        raise BadInput([Problem("covariates", ", ".join(covariates), "must vary and not repeat each other")])
    tau2 = estimate_tau2(y, v, x, estimator)
    w = 1 / (v + tau2)
    covariance = np.linalg.inv(x.T @ (w[:, None] * x))
    b = covariance @ (x.T @ (w * y))
    df: int | None = None
    if interval == "hartung_knapp":
        ratio = float(np.sum(w * (y - x @ b) ** 2)) / (k - p)
        covariance, df = covariance * (max(ratio, 1.0) if safeguard else ratio), k - p
    names = ("intercept", *covariates)
    qm = float(b[1:] @ np.linalg.solve(covariance[1:, 1:], b[1:]))
    empty = estimate_tau2(y, v, ones(k), estimator)
    few = "" if k >= ENOUGH * (p - 1) else f"fewer than ten studies a covariate ({k} for {p - 1})"
    return MetaRegression(
        names=names,
        coefficients=tuple(
            _coefficient(n, float(b[i]), math.sqrt(covariance[i, i]), df, level, f"{estimator}, {interval}")
            for i, n in enumerate(names)
        ),
        qm=qm,
        qm_df=p - 1,
        qm_p=float(chdtrc(p - 1, qm)),
        heterogeneity=heterogeneity(y, v, x, tau2, estimator, level),
        r2=100 * max(0.0, (empty - tau2) / empty) if empty > 0 else NAN,
        note=few,
    )


def _coefficient(
    name: str, b: float, se: float, df: int | None, level: float, method: str, note: str = ""
) -> Inference:
    half, statistic = quantile(level, df) * se, b / se if se > 0 else NAN
    tail = f"t with {df} degrees of freedom" if df is not None else ""
    said = "; ".join(part for part in (tail, note) if part)
    ci = (b - half, b + half)
    return Inference(method, name, b, se, statistic, p_value(statistic, df), ci, "none", said, level)


def egger(effects: Effects, *, level: float = 0.95) -> Inference:
    """Egger's regression test: the intercept of y / se on 1 / se (Egger et al. 1997, BMJ 315:629).

    Raises:
        BadInput: with fewer than ten studies, where the test cannot tell bias from chance.
    """
    check_level(level)
    k = len(effects)
    if k < ENOUGH:
        allowed = (
            f"at least {ENOUGH} are needed: with fewer the test cannot tell small-study effects from chance"
        )
        raise BadInput([Problem("studies", f"{k}", allowed)])
    se = np.sqrt(effects.v)
    if float(np.ptp(se)) <= 1e-12 * float(se.max()):
        raise BadInput([Problem("studies", "equal standard errors", "the studies must differ in size")])
    x = np.column_stack([np.ones(k), 1 / se])
    z = effects.y / se
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ (x.T @ z)
    spread = math.sqrt(float(np.sum((z - x @ b) ** 2)) / (k - 2) * inverse[0, 0])
    note = "small-study effects have other causes than missing studies"
    return _coefficient(
        "intercept (0 = no small-study effect)", float(b[0]), spread, k - 2, level, "Egger", note
    )
