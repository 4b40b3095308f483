"""Partially nested trials: patients of the cell arm share batches, those of the other arm share nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.estimands.sample import TimeSample, ValueSample
from hepatrial.analysis.estimands.values import t_inferences
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.risk_sets import risk_sets
from hepatrial.errors import BadInput, Problem


def with_batches(subjects: pl.DataFrame, treated: list[str], patients_per_batch: int) -> pl.DataFrame:
    """The subject table with a column ``batch``: treated patients of a replicate in order, so many a batch.

    This is how a run deals its batches out. Patients of the other arms get null.

    Args:
        subjects: needs ``replicate``, ``subject``, ``arm``.
        treated: arms that get cells.
        patients_per_batch: of the protocol.
    """
    problems: list[Problem] = []
    check.need_columns(subjects, "subjects", ("replicate", "subject", "arm"), problems)
    if patients_per_batch < 1:
        problems.append(Problem("patients_per_batch", repr(patients_per_batch), "must be at least 1"))
    check.refuse(problems)
    given = pl.col("arm").is_in(treated)
    place = pl.when(given).then(pl.col("subject")).rank("ordinal").over("replicate") - 1
    return subjects.with_columns(
        batch=pl.when(given).then((place // patients_per_batch).cast(pl.Int64)).otherwise(None)
    )


def nested_difference(
    sample: TimeSample | ValueSample, batch: Ints, *, day: float | None = None, level: float = 0.95
) -> Inferences:
    """Difference of survival on a day, or of means, when the first arm's patients share batches.

    The first arm's variance is that of its batches' summed influences, G / (G - 1) sum of squares over G
    batches; the second arm's is the usual one; t with Satterthwaite's degrees of freedom from G - 1 and
    n - 1. It holds for batches of any size and any correlation within them (Bell and McCaffrey 2002 without
    the leverage correction), and costs power as a trial with shared batches does. Competing events and
    strata are not taken.

    Args:
        sample: times (with ``day``) or values.
        batch: (n,) batch of each patient, anything for the second arm; numbers may repeat between trials.
        day: of the survival difference.

    Raises:
        BadInput: competing events or strata in the sample, or no day for times.
    """
    problems = []
    if sample.strata > 1:
        problems.append(Problem("strata", f"{sample.strata}", "must be 1 in a partially nested analysis"))
    if isinstance(sample, TimeSample):
        if day is None or not day > 0:
            problems.append(Problem("day", repr(day), "must be a number of days above 0"))
        if (sample.cause == 2).any():
            problems.append(Problem("sample", "competing events", "must have none"))
    check.refuse(problems)
    if isinstance(sample, TimeSample):
        assert day is not None
        value, influence = survival_influence(sample, day)
        what, benefit = f"difference of survival on day {day:g}", 1
    else:
        value, influence = _mean_influence(sample)
        what, benefit = "difference of means", 1 if sample.higher_is_better else -1
    variance, df = _variances(sample, batch, influence)
    total = variance.sum(axis=1)
    return t_inferences(
        "partially nested, batch-robust error",
        f"{what}, {sample.contrast}",
        value[:, 0] - value[:, 1],
        np.sqrt(total),
        total**2 / np.maximum((variance**2 / df).sum(axis=1), 1e-300),
        sample.count(),
        sample.count(influence != 0),
        benefit=benefit,
        level=level,
        note="batches shared within the first arm",
    )


def _variances(sample: TimeSample | ValueSample, batch: Ints, influence: Floats) -> tuple[Floats, Floats]:
    """(units, 2) variance of each arm's estimate and its degrees of freedom."""
    nested = sample.arm == 0
    own = np.where(nested, batch, -1 - np.arange(len(sample)))  # the second arm's patients stand alone
    keys = np.stack([sample.group, own], axis=1)
    found, cluster = np.unique(keys, axis=0, return_inverse=True)
    total = np.bincount(cluster.ravel(), influence)
    groups = np.bincount(found[:, 0], minlength=2 * sample.units).astype(np.float64)
    squares = np.bincount(found[:, 0], total**2, 2 * sample.units)
    scale = np.where(groups > 1, groups / np.maximum(groups - 1, 1), np.nan)
    shape = (sample.units, 2)
    variance: Floats = np.asarray(scale * squares, dtype=np.float64).reshape(shape)
    df: Floats = np.asarray(np.maximum(groups - 1, 1.0), dtype=np.float64).reshape(shape)
    return variance, df


def _mean_influence(sample: ValueSample) -> tuple[Floats, Floats]:
    """(units, 2) means and (n,) what each patient adds to the deviation of its arm's mean, 0 if unseen."""
    used = np.isfinite(sample.value)
    group = sample.group
    size = np.bincount(group[used], minlength=2 * sample.units)
    mean = np.bincount(group[used], sample.value[used], 2 * sample.units) / np.maximum(size, 1)
    influence = np.where(used, sample.value - mean[group], 0.0) / np.maximum(size, 1)[group]
    influence = np.where(used, influence, 0.0)
    return np.where(size > 0, mean, np.nan).reshape(sample.units, 2), influence


def survival_influence(sample: TimeSample, day: float) -> tuple[Floats, Floats]:
    """(units, 2) Kaplan-Meier survival on a day and (n,) each patient's share of its deviation.

    The sum of squares over an arm is Greenwood's variance (as ``counterfactual.marginal_contrast``).
    """
    event = (sample.cause == 1).astype(np.int64)
    group = sample.group
    sets = risk_sets(sample.time, event, np.zeros(len(sample), dtype=np.int64), 1, group)
    n = sets.at_risk[:, 0].astype(np.float64)
    d = sets.events[:, 0].astype(np.float64)
    inside = sets.time <= day
    factor = np.where(inside, 1 - d / n, 1.0)
    survival = np.ones(2 * sample.units)
    np.multiply.at(survival, sets.unit, factor)
    last = np.zeros(2 * sample.units)
    np.maximum.at(last, sample.group, sample.time)
    survival = np.where((day > last) & (survival > 0), np.nan, survival)
    alive = np.maximum(n - d, 1.0)
    jump = np.where(inside, d / (n * alive), 0.0)
    running = np.cumsum(jump)
    start = np.repeat((running - jump)[sets.unit_start], np.diff(np.append(sets.unit_start, n.size)))
    integral = running - start
    # each patient's own row of the risk sets: rows are sorted by (group, time), as these keys are
    order = np.lexsort((sample.time, group))
    new = np.ones(len(sample), dtype=bool)
    new[1:] = (np.diff(sample.time[order]) != 0) | (np.diff(group[order]) != 0)
    row = np.empty(len(sample), dtype=np.int64)
    row[order] = np.cumsum(new) - 1
    own = np.where((event == 1) & inside[row], 1 / alive[row], 0.0)
    influence = -survival[group] * (own - integral[row])
    return survival.reshape(sample.units, 2), np.nan_to_num(influence)


def cluster_robust(sample: TimeSample | ValueSample, centre: Ints, *, day: float | None = None) -> Inferences:
    """The same with both arms' patients grouped (centres): treatment is compared within and between them.

    Raises:
        BadInput: as ``nested_difference``.
    """
    if isinstance(sample, TimeSample) and day is None:
        raise BadInput([Problem("day", "nothing", "must be a number of days above 0")])
    value, influence = (
        survival_influence(sample, float(day or 0))
        if isinstance(sample, TimeSample)
        else _mean_influence(sample)
    )
    signed = np.where(sample.arm == 0, influence, -influence)
    found, cluster = np.unique(np.stack([sample.unit, centre], axis=1), axis=0, return_inverse=True)
    total = np.bincount(cluster.ravel(), signed)
    groups = np.bincount(found[:, 0], minlength=sample.units).astype(np.float64)
    squares = np.bincount(found[:, 0], total**2, sample.units)
    variance = np.where(groups > 1, groups / np.maximum(groups - 1, 1), np.nan) * squares
    result = t_inferences(
        "centre-robust error",
        f"difference, {sample.contrast}",
        value[:, 0] - value[:, 1],
        np.sqrt(variance),
        np.maximum(groups - 1, 1),
        sample.count(),
        sample.count(),
        benefit=1 if isinstance(sample, TimeSample) or sample.higher_is_better else -1,
        level=0.95,
    )
    return replace(result, note="patients of a centre are alike")
