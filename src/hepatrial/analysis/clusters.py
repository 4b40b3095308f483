"""Monte-Carlo error of a mean over simulated trials or patients; those of one plausible world are alike."""

from __future__ import annotations

import numpy as np
import polars as pl

from hepatrial.analysis.check import Floats, Ints


def clustered_error(influence: Floats, clusters: Ints) -> Floats:
    """Standard error of a mean whose terms come in clusters.

    The sandwich: root of K/(K - 1) sum over clusters of (sum of the terms)^2, over n (Cameron, Gelbach and
    Miller 2008, doi:10.1162/rest.90.3.414, with their factor for few clusters). One term a cluster, or one
    cluster alone, gives the sd over the root of n.

    Args:
        influence: (n, ...) terms less their mean, or values of an influence function.
        clusters: (n,) cluster of each.

    Returns:
        (...) the error; NaN for fewer than two terms.
    """
    n = influence.shape[0]
    flat = influence.reshape(n, -1)
    if n < 2:
        return np.full(influence.shape[1:], np.nan)
    _, place = np.unique(clusters, return_inverse=True)
    if place.max() == 0:
        place = np.arange(n)
    sums = np.zeros((place.max() + 1, flat.shape[1]))
    np.add.at(sums, place, flat)
    many = sums.shape[0]
    error = np.sqrt(many / (many - 1) * np.square(sums).sum(axis=0)) / n
    return np.asarray(error.reshape(influence.shape[1:]))


def mean_with_error(values: Floats, clusters: Ints | None = None) -> tuple[float, float]:
    """Mean of the finite values and its Monte-Carlo error; NaN for none, and the error for a single one.

    Args:
        values: (n,) one of each trial or pair.
        clusters: (n,) cluster of each, as in ``clustered_error``; None: each is its own.
    """
    known = np.isfinite(values)
    if not known.any():
        return float("nan"), float("nan")
    alike = np.arange(values.size) if clusters is None else clusters
    mean = float(values[known].mean())
    return mean, float(clustered_error(values[known] - mean, alike[known]))


def design_effect(events: Floats, sizes: Floats, clusters: Ints, *, binomial: bool) -> float:
    """By how much trials of one plausible world, being alike, widen the variance of a pooled share or rate.

    Counts divided by it are effective counts, whose exact limits are those of a clustered sample (Korn and
    Graubard 1998, Survey Methodology 24:193, section 2). At least 1; 1 too for a single cluster.

    Args:
        events: (n,) events of each trial.
        sizes: (n,) its patients (``binomial``) or its time at risk.
        clusters: (n,) world of each.
        binomial: events are patients, at most one each; otherwise Poisson counts.
    """
    total, size = float(events.sum()), float(sizes.sum())
    if size <= 0 or total <= 0 or np.unique(clusters).size < 2:
        return 1.0
    share = total / size
    chance = total * (1.0 - share) if binomial else total
    if chance <= 0:
        return 1.0
    error = clustered_error(events - share * sizes, clusters) * len(events)
    return max(1.0, float(error) ** 2 / chance)


def world_by_trial(trials: pl.DataFrame) -> pl.DataFrame:
    """``replicate, world`` of the simulated trials, in the order of the replicates."""
    return trials.group_by("replicate").agg(pl.col("world").first()).sort("replicate")
