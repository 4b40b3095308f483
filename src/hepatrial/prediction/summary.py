"""Intervals of predictive draws, and their numbers as text; ``report.prediction_summary`` tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

INTERVALS = (0.05, 0.25, 0.5, 0.75, 0.95)


def intervals(draws: pl.DataFrame) -> list[dict[str, Any]]:
    """Median, 50 % and 90 % intervals by endpoint, arm and model, in the order of the draws."""
    rows = []
    for keys, group in draws.group_by("endpoint", "arm", "model", maintain_order=True):
        values = group["value"].drop_nulls().to_numpy()
        numbers: Sequence[float | None] = [None] * len(INTERVALS)
        if len(values):
            numbers = [float(q) for q in np.quantile(values, INTERVALS)]
        names = ("low_90", "low_50", "median", "high_50", "high_90")
        rows.append(
            {
                **dict(zip(("endpoint", "arm", "model"), map(str, keys), strict=True)),
                **dict(zip(names, numbers, strict=True)),
                "draws": len(group),
                "unknown": len(group) - len(values),
            }
        )
    return rows


def number(value: float | None) -> str:
    """Three digits, all of a number from 1,000, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
