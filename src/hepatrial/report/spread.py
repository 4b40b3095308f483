"""Spread over simulated trials, and when there are too few of them to speak of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.analysis import summarise

MIN_REPLICATES = 20
"""Fewer simulated trials give no 95 % range: its ends would be the extremes of a handful."""

Floats = NDArray[np.float64]


def spread(values: ArrayLike) -> dict[str, float | None]:
    """Mean over replicates with the central 95 % range of single trials and the mean's Monte-Carlo error.

    Args:
        values: (r,) one value a replicate; values that are not finite are left out.

    Returns:
        ``mean``, ``low``, ``high``, ``mcse``; None for what too few replicates cannot tell.
    """
    summary = summarise(np.asarray(values, dtype=np.float64)[:, None])
    enough = int(summary.replicates[0]) >= MIN_REPLICATES
    return {
        "mean": finite(summary.mean[0]),
        "low": finite(summary.lower[0]) if enough else None,
        "high": finite(summary.upper[0]) if enough else None,
        "mcse": finite(summary.mcse[0]),
    }


def finite(value: Any) -> float | None:
    """A float, or None for what is no number."""
    number = float(value)
    return number if np.isfinite(number) else None


def finite_list(values: Sequence[float] | Floats) -> list[float | None]:
    """Floats, with None for what is no number."""
    return [finite(value) for value in values]


def share_with_error(flags: ArrayLike) -> dict[str, float]:
    """Share of replicates with a property, and its Monte-Carlo standard error."""
    array = np.asarray(flags, dtype=bool)
    share = float(array.mean())
    return {"share": share, "mcse": float(np.sqrt(share * (1 - share) / array.size))}
