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
        "mcse": finite(clustered_error(array, worlds)),
    }


def clustered_error(values: ArrayLike, worlds: NDArray[np.int64]) -> float:
    """Monte-Carlo standard error of a mean over trials, of which those of one world are alike.

    The sandwich of a mean with clusters, K/(K - 1) sum over worlds of (sum of residuals)^2, over n^2
    (Cameron, Gelbach and Miller 2008, with their factor). One trial a world, or one world alone, gives the
    sd over the root of n.

    Args:
        values: (r,) one value a trial; values that are not finite are left out.
        worlds: (r,) world of each.

    Returns:
        The error; NaN for fewer than two trials.
    """
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    array, worlds = array[known], worlds[known]
    if array.size < 2:
        return float("nan")
    _, cluster = np.unique(worlds, return_inverse=True)
    if cluster.max() == 0:
        cluster = np.arange(array.size)
    sums = np.bincount(cluster, weights=array - array.mean())
    return float(np.sqrt(sums.size / (sums.size - 1) * np.square(sums).sum()) / array.size)


def finite(value: Any) -> float | None:
    """A float, or None for what is no number."""
    number = float(value)
    return number if np.isfinite(number) else None


def finite_list(values: Sequence[float] | Floats) -> list[float | None]:
    """Floats, with None for what is no number."""
    return [finite(value) for value in values]


def share_with_error(flags: ArrayLike, worlds: NDArray[np.int64]) -> dict[str, float]:
    """Share of replicates with a property, and its Monte-Carlo standard error (0 for a single trial)."""
    array = np.asarray(flags, dtype=np.float64)
    error = clustered_error(array, worlds)
    return {"share": float(array.mean()), "mcse": error if np.isfinite(error) else 0.0}
