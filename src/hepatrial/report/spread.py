"""Spread over simulated trials, and when there are too few of them to speak of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.analysis import mean_with_error, summarise

MIN_REPLICATES = 20
"""Fewer simulated trials give no 95 % range: its ends would be the extremes of a handful."""

BOOTSTRAPS = 200
"""Samples of the worlds by which the ends of a range are judged."""

Floats = NDArray[np.float64]


def spread(values: ArrayLike, worlds: NDArray[np.int64]) -> dict[str, float | None]:
    """Mean over replicates with the central 95 % range of single trials and the mean's Monte-Carlo error.

    Args:
        values: (r,) one value a replicate; values that are not finite are left out.
        worlds: (r,) plausible world that each was held in (``Facts.worlds_of``).

    Returns:
        ``mean``, ``low``, ``high``, ``mcse``; None for what too few replicates cannot tell.
    """
    array = np.asarray(values, dtype=np.float64)
    summary = summarise(array[:, None])
    enough = int(summary.replicates[0]) >= MIN_REPLICATES
    return {
        "mean": finite(summary.mean[0]),
        "low": finite(summary.lower[0]) if enough else None,
        "high": finite(summary.upper[0]) if enough else None,
        "mcse": finite(mean_with_error(array, worlds)[1]),
    }


def ends_error(values: ArrayLike, worlds: NDArray[np.int64]) -> dict[str, float | None]:
    """Monte-Carlo error of the ends of the central 95 % range, by drawing the worlds again.

    Args:
        values: (r,) one value a replicate; values that are not finite are left out.
        worlds: (r,) plausible world that each was held in; with one world each trial is drawn by itself.

    Returns:
        ``low``, ``high``: SD of each end over ``BOOTSTRAPS`` samples of as many worlds; None where too few
        replicates give no range. The samples are the same for the same number of worlds.
    """
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    array, worlds = array[known], worlds[known]
    if array.size < MIN_REPLICATES:
        return {"low": None, "high": None}
    names = np.unique(worlds)
    parts = [array[worlds == name] for name in names] if names.size > 1 else list(array[:, None])
    rng = np.random.default_rng(len(parts))
    again = rng.integers(len(parts), size=(BOOTSTRAPS, len(parts)))
    ends = [np.percentile(np.concatenate([parts[k] for k in drawn]), (2.5, 97.5)) for drawn in again]
    low, high = np.std(ends, axis=0, ddof=1)
    return {"low": float(low), "high": float(high)}


def finite(value: Any) -> float | None:
    """A float, or None for what is no number."""
    number = float(value)
    return number if np.isfinite(number) else None


def finite_list(values: Sequence[float] | Floats) -> list[float | None]:
    """Floats, with None for what is no number."""
    return [finite(value) for value in values]


def share_with_error(flags: ArrayLike, worlds: NDArray[np.int64]) -> dict[str, float]:
    """Share of replicates with a property, and its Monte-Carlo standard error (0 for a single trial)."""
    share, error = mean_with_error(np.asarray(flags, dtype=np.float64), worlds)
    return {"share": share, "mcse": error if np.isfinite(error) else 0.0}
