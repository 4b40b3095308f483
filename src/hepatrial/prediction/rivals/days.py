"""Event days of a mixture of Weibull classes, by inversion on a grid of days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from hepatrial.prediction.rivals.weibull import REFERENCE_DAY

Array = NDArray[np.float64]

GRID = np.concatenate([[0.0], np.geomspace(0.01, 4000.0, 800)])


def mixture_risk(parts: Sequence[tuple[float, float, float]], effect: float) -> Array:
    """Incidence on ``GRID`` of classes (share, level, shape), its logit shifted by ``effect``."""
    risk: Array = np.zeros_like(GRID)
    for share, level, shape in parts:
        risk += share * -np.expm1(-np.exp(level) * (GRID / REFERENCE_DAY) ** shape)
    risk = np.clip(risk, 0.0, 1.0 - 1e-12)
    risk[1:] = expit(logit(np.maximum(risk[1:], 1e-300)) + effect)
    return risk


def mixture_days(parts: Sequence[tuple[float, float, float]], effect: float, uniform: Array) -> Array:
    """Day of the event of each uniform number; infinite beyond the grid."""
    risk = mixture_risk(parts, effect)
    days = np.interp(uniform, risk, GRID)
    return np.asarray(np.where(uniform > risk[-1], np.inf, days), dtype=np.float64)
