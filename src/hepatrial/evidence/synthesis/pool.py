"""Inverse-variance pooling: common effect, and random effects with Hartung-Knapp intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.synthesis.effects import Effects
from hepatrial.evidence.synthesis.result import (
    NAN,
    Contribution,
    Heterogeneity,
    Pooled,
    Prediction,
    p_value,
    quantile,
)
from hepatrial.evidence.synthesis.tau import ESTIMATORS, estimate_tau2, heterogeneity, ones

Floats = NDArray[np.float64]

PREDICTIONS: dict[str, str] = {
    "t_k-1": "t with k - 1 degrees of freedom, standard error of the pool's own interval",
    "t_k-2": "t with k - 2 degrees of freedom, Wald standard error (Higgins, Thompson, Spiegelhalter 2009)",
    "z": "normal, Wald standard error",
}
"""Conventions for a prediction interval: estimate +- quantile * sqrt(tau2 + se^2)."""


def check_choice(name: str, given: str, allowed: object) -> None:
    """Raise ``BadInput`` unless ``given`` is one of the allowed words."""
    words = list(allowed)  # type: ignore[call-overload]
    if given not in words:
        near = nearest_name(str(given), words)
        raise BadInput([Problem(name, repr(given), f"must be one of {', '.join(words)}", near)])


def check_level(level: float) -> None:
    """Raise ``BadInput`` unless the level lies between 0 and 1."""
    if not 0 < level < 1:
        raise BadInput([Problem("level", repr(level), "must lie between 0 and 1, for instance 0.95")])


def contributions(effects: Effects, weights: Floats, level: float) -> tuple[Contribution, ...]:
    """The studies with Wald intervals and weights in percent."""
    z, share = quantile(level, None), 100 * weights / weights.sum()
    found = []
    for s, w in zip(effects.studies, share, strict=True):
        se = math.sqrt(s.v)
        found.append(Contribution(s.study, s.grade, s.y, se, s.y - z * se, s.y + z * se, float(w), s.note))
    return tuple(found)


def common_effect(effects: Effects, *, level: float = 0.95) -> Pooled:
    """Inverse-variance pool under one true effect.

    Args:
        effects: from ``effect_sizes``.
        level: of the intervals.
    """
    check_level(level)
    y, v = effects.y, effects.v
    w = 1 / v
    estimate, se = float(np.sum(w * y) / w.sum()), float(1 / math.sqrt(w.sum()))
    spread = heterogeneity(y, v, ones(len(y)), 0.0, "none", level)
    return wald_pool("inverse variance, common effect", effects, w, estimate, se, spread, level)


def wald_pool(
    method: str,
    effects: Effects,
    weights: Floats,
    estimate: float,
    se: float,
    spread: Heterogeneity | None,
    level: float,
    *,
    prediction: Prediction | None = None,
    notes: tuple[str, ...] = (),
) -> Pooled:
    """A pool with a normal interval."""
    half, z = quantile(level, None) * se, estimate / se
    return Pooled(
        method=method,
        measure=effects.measure,
        estimate=estimate,
        se=se,
        lower=estimate - half,
        upper=estimate + half,
        statistic=z,
        df=None,
        p=p_value(z, None),
        heterogeneity=spread,
        prediction=prediction,
        studies=contributions(effects, weights, level),
        refused=effects.refused,
        notes=effects.notes + notes,
        level=level,
    )


def random_effects(
    effects: Effects,
    *,
    estimator: str = "REML",
    interval: str = "hartung_knapp",
    safeguard: bool = True,
    prediction: str = "t_k-1",
    tau2: float | None = None,
    level: float = 0.95,
) -> Pooled:
    """Inverse-variance pool of true effects that vary with variance tau-squared.

    Args:
        effects: from ``effect_sizes``.
        estimator: of tau-squared: "REML", "PM", "DL", "HE", "SJ", "ML" or "HS"; "REML_1e-5" is REML with
            the early stop of R metafor, for comparing digits.
        interval: "hartung_knapp" (t with k - 1 degrees of freedom and a standard error from the spread of
            the studies; Hartung and Knapp 2001, Stat Med 20:3875) or "wald".
        safeguard: a Hartung-Knapp standard error is never taken below the Wald one (Rover et al. 2015,
            BMC Med Res Methodol 15:99); False gives the unguarded one.
        prediction: a convention of ``PREDICTIONS``; "t_k-2" needs three studies.
        tau2: a value to use instead of an estimate.
        level: of the intervals.

    One study has no spread: its own Wald interval is given, with a note.

    Raises:
        BadInput: for an unknown word.
    """
    check_level(level)
    check_choice("estimator", estimator, ESTIMATORS)
    check_choice("interval", interval, ("hartung_knapp", "wald"))
    check_choice("prediction", prediction, PREDICTIONS)
    if tau2 is not None and not (math.isfinite(tau2) and tau2 >= 0):
        raise BadInput([Problem("tau2", f"{tau2}", "must be at least 0")])
    y, v, k = effects.y, effects.v, len(effects)
    x = ones(k)
    used, word = (estimate_tau2(y, v, x, estimator), estimator) if tau2 is None else (tau2, "given")
    w = 1 / (v + used)
    estimate, wald_se = float(np.sum(w * y) / w.sum()), float(1 / math.sqrt(w.sum()))
    spread = heterogeneity(y, v, x, used, word, level)
    if k == 1:
        note = ("one study: nothing is pooled, tau-squared and prediction are not known",)
        return wald_pool(f"{word}, one study", effects, w, estimate, wald_se, spread, level, notes=note)
    if interval == "wald":
        shown = _prediction(estimate, used, wald_se, wald_se, k, prediction, level)
        return wald_pool(f"{word}, Wald", effects, w, estimate, wald_se, spread, level, prediction=shown)
    ratio = math.sqrt(float(np.sum(w * (y - estimate) ** 2)) / (k - 1))
    guarded = safeguard and ratio < 1
    se = wald_se * (1.0 if guarded else ratio)
    notes = (f"Hartung-Knapp would narrow the standard error by {ratio:.3g}: not done",) if guarded else ()
    half = quantile(level, k - 1) * se
    t = estimate / se if se > 0 else NAN
    return Pooled(
        method=f"{word}, Hartung-Knapp" + (" with safeguard" if safeguard else ""),
        measure=effects.measure,
        estimate=estimate,
        se=se,
        lower=estimate - half,
        upper=estimate + half,
        statistic=t,
        df=k - 1,
        p=p_value(t, k - 1),
        heterogeneity=spread,
        prediction=_prediction(estimate, used, se, wald_se, k, prediction, level),
        studies=contributions(effects, w, level),
        refused=effects.refused,
        notes=effects.notes + notes,
        level=level,
    )


def _prediction(
    estimate: float, tau2: float, se: float, wald_se: float, k: int, convention: str, level: float
) -> Prediction | None:
    df = {"t_k-1": k - 1, "t_k-2": k - 2, "z": None}[convention]
    if df is not None and df < 1:
        return None
    own = se if convention == "t_k-1" else wald_se
    half = quantile(level, df) * math.sqrt(tau2 + own**2)
    return Prediction(estimate - half, estimate + half, f"{convention}: {PREDICTIONS[convention]}")
