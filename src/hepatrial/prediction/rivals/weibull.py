"""Survival on the complementary log-log scale: log(-log S(t)) = a + g log t, so a study is one number and
time is shared."""

from __future__ import annotations

import math

REFERENCE_DAY = 90.0


def cloglog(survival: float) -> float:
    """log(-log S)."""
    return math.log(-math.log(survival))


def survival_at(level: float, shape: float, day: float) -> float:
    """S(day) of a study whose cloglog at ``REFERENCE_DAY`` is ``level``."""
    return math.exp(-math.exp(level) * (day / REFERENCE_DAY) ** shape)
