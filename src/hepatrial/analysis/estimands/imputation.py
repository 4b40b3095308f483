"""Multiple imputation of values that exist and were not seen: at random, reference-based, shifted.

Death is not missing data: those known to be dead by the day are handled by the estimand's strategy for death
and are neither imputed nor part of the imputation model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import stdtr, stdtrit

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.estimands.apply import People, measured, value_sample
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import KEY, TrialTables, with_keys
from hepatrial.analysis.estimands.sample import ValueSample
from hepatrial.analysis.estimands.values import mean_difference
from hepatrial.analysis.inferences import Inferences
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.rng import Stream

ASSUMPTIONS = {
    "mar": "like those of the same arm with the same course so far (missing at random)",
    "j2r": "jump to reference: from leaving on, the course of the second arm",
    "cir": "copy increments in reference: from leaving on, the changes of the second arm",
}
"""What may be assumed of values that were not seen."""

_STEPS = 100
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Assumed:
    """How missing values are imputed.

    Attributes:
        assumption: a name of ``ASSUMPTIONS``.
        draws: number of imputations.
        delta: added to imputed values of the first arm, in the unit of the measure; worse is positive
            where lower is better.
        seed: of the draws.
    """

    assumption: str = "mar"
    draws: int = 50
    delta: float = 0.0
    seed: int = 1

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Assumed:
        """From an estimand's ``imputation`` table.

        Raises:
            BadInput: with everything that is wrong.
        """
        known = tuple(cls.__dataclass_fields__)
        found = [
            Problem(
                f"imputation.{key}",
                "unknown entry",
                f"must be one of {', '.join(known)}",
                nearest_name(key, known),
            )
            for key in given
            if key not in known
        ]
        name = str(given.get("assumption", "mar"))
        if name not in ASSUMPTIONS:
            allowed = f"must be one of {', '.join(ASSUMPTIONS)}"
            found.append(
                Problem("imputation.assumption", repr(name), allowed, nearest_name(name, ASSUMPTIONS))
            )
        draws, delta, seed = given.get("draws", 50), given.get("delta", 0.0), given.get("seed", 1)
        if not isinstance(draws, int) or not 2 <= draws <= 2000:
            found.append(Problem("imputation.draws", repr(draws), "must be a whole number from 2 to 2000"))
        if not isinstance(delta, int | float) or not np.isfinite(delta):
            found.append(Problem("imputation.delta", repr(delta), "must be a number"))
        if not isinstance(seed, int) or seed < 0:
            found.append(Problem("imputation.seed", repr(seed), "must be a whole number of at least 0"))
        if found:
            raise BadInput(found)
        return cls(name, int(str(draws)), float(str(delta)), int(str(seed)))


def impute_and_compare(
    people: People, tables: TrialTables, estimand: Estimand, *, level: float = 0.95
) -> Inferences:
    """ANCOVA over multiple imputations, combined by Rubin's rules (Barnard and Rubin 1999).

    Each imputation draws a bootstrap sample of each arm's patients, fits a multivariate normal to baseline
    and visits up to the day by EM, and draws the missing values given what was seen (as openpharma/rbmi's
    "approximate Bayes"). Reference-based means follow Carpenter, Roger and Kenward 2013 with the second arm
    as reference: only patients of the first arm jump, from their last seen visit on; its residuals keep the
    reference's covariance. With them Rubin's variance is larger than the sampling variance, on purpose.
    """
    assumed = Assumed.from_dict(estimand.imputation)
    seen = course_of(people, tables, estimand)
    values = imputed_values(seen, assumed)  # (draws, n)
    return combine(seen, values, level=level, note=f"{assumed.draws} imputations, {assumed.assumption}")


def tipping_point(
    people: People,
    tables: TrialTables,
    estimand: Estimand,
    deltas: Sequence[float],
    *,
    level: float = 0.95,
) -> list[tuple[float, Inferences]]:
    """The estimate when the unseen values of the first arm are each ``delta`` worse than imputed.

    Returns:
        (delta, result) in the order of ``deltas``; the tipping point of a trial is the first delta at which
        its interval holds 0.
    """
    assumed = Assumed.from_dict(estimand.imputation)
    seen = course_of(people, tables, estimand)
    base = imputed_values(seen, replace(assumed, delta=0.0))
    made = []
    for delta in deltas:
        shifted = base + np.where(seen.missing & (seen.sample.arm == 0), delta, 0.0)
        note = f"{assumed.draws} imputations, {assumed.assumption}, delta {delta:g}"
        made.append((float(delta), combine(seen, shifted, level=level, note=note)))
    return made


# --- what was seen --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """Courses of the patients of a contrast.

    Attributes:
        sample: values at the day after the strategies (NaN: missing, to be imputed).
        course: (n, visits) baseline and values at the planned visits up to the day, NaN = not seen.
        modelled: (n,) part of the imputation model: not known to be dead by the day, baseline known.
        missing: (n,) to be imputed.
        change: whether the endpoint is a change from baseline.
    """

    sample: ValueSample
    course: Floats
    modelled: np.ndarray
    missing: np.ndarray
    change: bool


def course_of(people: People, tables: TrialTables, estimand: Estimand) -> Seen:
    """The courses that an imputation rests on.

    Raises:
        BadInput: as ``measured``.
    """
    sample = value_sample(people, tables, estimand)
    found = measured(people, tables, estimand.endpoint)
    assert tables.visits is not None  # measured() refused it
    place = people.days.select(*KEY).with_row_index("_row")
    rows = with_keys(tables.visits).select(
        *KEY, "week", "day", value=pl.col(estimand.endpoint.measure).cast(pl.Float64)
    )
    rows = rows.join(place, on=list(KEY)).filter(
        (pl.col("week") > 0) & (pl.col("week") * 7 <= found.planned + 1e-6)
    )
    removed = [e for e in ("transplant",) if estimand.strategy(e) == "hypothetical"]
    planned = sorted(rows["week"].unique().to_list())
    course = np.full((len(people), 1 + len(planned)), np.nan)
    course[:, 0] = found.baseline
    for column, week in enumerate(planned, start=1):
        at = rows.filter(pl.col("week") == week)
        row, value = at["_row"].to_numpy(), at["value"].fill_null(float("nan")).to_numpy().copy()
        for event in removed:
            value[people.day(event)[row] < at["day"].to_numpy()] = np.nan
        course[row, column] = value
    dead = people.day("death") <= found.planned
    modelled = ~dead & ~np.isnan(found.baseline)
    missing = np.isnan(sample.value) & modelled
    return Seen(sample, course, modelled, missing, estimand.endpoint.change)


# --- imputation -----------------------------------------------------------------------------------------


def imputed_values(seen: Seen, assumed: Assumed) -> Floats:
    """(draws, n) values at the day; those seen are the same in every draw."""
    sample, draws = seen.sample, assumed.draws
    values = np.tile(sample.value, (draws, 1))
    rows = np.flatnonzero(seen.modelled)
    for trial in range(sample.units):
        mine = rows[sample.unit[rows] == trial]
        if not seen.missing[mine].any():
            continue
        fits = [_fits(seen.course[mine[sample.arm[mine] == arm]], assumed, trial, arm) for arm in (0, 1)]
        for arm in (0, 1):
            wanted = mine[(sample.arm[mine] == arm) & seen.missing[mine]]
            if wanted.size == 0:
                continue
            other = fits[1] if arm == 0 and assumed.assumption != "mar" else None
            drawn = _draw(seen.course[wanted], fits[arm], other, assumed, wanted)
            drawn = drawn - (seen.course[wanted, 0] if seen.change else 0.0)
            values[:, wanted] = drawn + (assumed.delta if arm == 0 else 0.0)
    return values


def _fits(course: Floats, assumed: Assumed, trial: int, arm: int) -> tuple[Floats, Floats]:
    """Means (draws, p) and covariances (draws, p, p) of bootstrap samples of an arm.

    Raises:
        BadInput: fewer patients than the model needs.
    """
    n, p = course.shape
    if n < p + 2:
        allowed = f"must be at least {p + 2} alive and with a baseline to fit {p} visits"
        raise BadInput([Problem("imputation", f"{n} patients in an arm", allowed)])
    stream = Stream(assumed.seed, f"imputation.bootstrap.{arm}")
    number = np.arange(assumed.draws)[:, None]
    u = stream.uniform(trial * 100_000 + np.arange(n)[None, :], number)
    index = np.minimum((u * n).astype(np.int64), n - 1)
    times = np.zeros((assumed.draws, n))
    np.add.at(times, (number, index), 1.0)
    return em(course, times)


def em(course: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Maximum-likelihood mean and covariance of a normal from weighted samples with missing values.

    Args:
        course: (n, p) values, NaN = missing at random; every column has some.
        weight: (samples, n) how often each patient is in each sample.

    Returns:
        Means (samples, p), covariances (samples, p, p). Source: Dempster, Laird and Rubin 1977, by patterns
        of missing values; a small ridge (1e-6 of the variance) keeps covariances of few patients invertible.
    """
    known = ~np.isnan(course)
    filled = np.where(known, course, 0.0)
    p, total = course.shape[1], weight.sum(axis=1)
    count = np.maximum(weight @ known, 1e-12)
    mean = weight @ filled / count
    variance = weight @ (filled**2) / count - mean**2
    covariance = np.maximum(variance, 1e-12)[:, :, None] * np.eye(p)
    patterns, pattern = np.unique(known, axis=0, return_inverse=True)
    groups = [(seen, np.flatnonzero(pattern.ravel() == k)) for k, seen in enumerate(patterns)]
    for _ in range(_STEPS):
        expected = np.broadcast_to(filled, (len(weight), *course.shape)).copy()
        residual = np.zeros_like(covariance)
        for seen, rows in groups:
            if seen.all():
                continue
            m, o = np.flatnonzero(~seen), np.flatnonzero(seen)
            slope, left = _regression(covariance, m, o)
            step = np.einsum("smo,sno->snm", slope, filled[rows][None, :, o] - mean[:, None, o])
            expected[:, rows[:, None], m] = mean[:, None, m] + step
            residual[:, m[:, None], m] += weight[:, rows].sum(axis=1)[:, None, None] * left
        new_mean = np.einsum("sn,snp->sp", weight, expected) / total[:, None]
        gap = expected - new_mean[:, None, :]
        new = (np.swapaxes(gap * weight[:, :, None], 1, 2) @ gap + residual) / total[:, None, None]
        size = np.einsum("sii->si", new)
        new = new + 1e-6 * np.eye(p) * size[:, :, None]
        moved = np.abs(new_mean - mean) / np.sqrt(size)
        # the first step fills with means, which moves the covariance only
        turned = np.abs(new - covariance) / np.sqrt(size[:, :, None] * size[:, None, :])
        mean, covariance = new_mean, new
        if known.all() or max(moved.max(), turned.max()) < _TOLERANCE:
            break
    return mean, covariance


def _regression(covariance: Floats, m: Ints, o: Ints) -> tuple[Floats, Floats]:
    """Slopes (s, m, o) of the columns m on the columns o, and the covariance (s, m, m) that is left."""
    across = covariance[:, m[:, None], o]
    if o.size == 0:
        return across, covariance[:, m[:, None], m]
    slope = np.swapaxes(np.linalg.solve(covariance[:, o[:, None], o], np.swapaxes(across, 1, 2)), 1, 2)
    return slope, covariance[:, m[:, None], m] - slope @ np.swapaxes(across, 1, 2)


def _draw(
    course: Floats,
    own: tuple[Floats, Floats],
    reference: tuple[Floats, Floats] | None,
    assumed: Assumed,
    patient: Ints,
) -> Floats:
    """(draws, k) value at the last visit of k patients who miss it."""
    draws, (k, p) = assumed.draws, course.shape
    mean, covariance = own
    means = np.broadcast_to(mean[:, None, :], (draws, k, p)).copy()
    if reference is not None:
        last = p - 1 - (~np.isnan(course))[:, ::-1].argmax(axis=1)  # the last visit seen
        after = np.arange(p)[None, :] > last[:, None]
        jumped = np.broadcast_to(reference[0][:, None, :], means.shape)
        if assumed.assumption == "cir":
            own_last = np.take_along_axis(means, np.broadcast_to(last[None, :, None], (draws, k, 1)), 2)
            ref_last = np.take_along_axis(jumped, np.broadcast_to(last[None, :, None], (draws, k, 1)), 2)
            jumped = own_last + jumped - ref_last
        means = np.where(after[None], jumped, means)
        covariance = reference[1]
    expected, sd = np.empty((draws, k)), np.empty((draws, k))
    last_column = np.array([p - 1])
    for row in range(k):
        o = np.flatnonzero(~np.isnan(course[row]))
        slope, left = _regression(covariance, last_column, o)
        gap = course[row, o][None] - means[:, row, o]
        expected[:, row] = means[:, row, -1] + np.einsum("so,so->s", slope[:, 0], gap)
        sd[:, row] = np.sqrt(np.maximum(left[:, 0, 0], 0.0))
    normal = Stream(assumed.seed, "imputation.value").normal(patient[None, :], np.arange(draws)[:, None])
    return np.asarray(expected + sd * normal)


# --- combination ----------------------------------------------------------------------------------------


def combine(seen: Seen, values: Floats, *, level: float, note: str) -> Inferences:
    """Rubin's rules over the imputations, in every trial: each imputation is a trial of one big sample."""
    sample, (draws, n) = seen.sample, values.shape
    index = np.tile(np.arange(n), draws)
    unit = (np.arange(draws)[:, None] * sample.units + sample.unit[None, :]).ravel()
    big = replace(sample.take(index, unit, sample.units * draws), value=values.ravel())
    each = mean_difference(big, level=level)
    estimate = each.estimate.reshape(draws, sample.units)
    within = (each.se**2).reshape(draws, sample.units).mean(axis=0)
    between = estimate.var(axis=0, ddof=1)
    total = within + (1 + 1 / draws) * between
    complete = each.extra["df"].reshape(draws, sample.units)[0]
    share = np.divide((1 + 1 / draws) * between, total, out=np.zeros(sample.units), where=total > 0)
    old = np.divide(draws - 1, share**2, out=np.full(sample.units, np.inf), where=share > 0)
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    df = 1 / (1 / old + 1 / observed)
    mean, se = estimate.mean(axis=0), np.sqrt(total)
    z = np.divide(mean, se, out=np.full(sample.units, np.nan), where=se > 0)
    half = stdtrit(df, 0.5 + level / 2) * se
    return Inferences(
        method="multiple imputation, ANCOVA",
        parameter=f"difference of means at equal baseline, {sample.contrast}",
        estimate=mean,
        se=se,
        statistic=z,
        p=2 * stdtr(df, -np.abs(z)),
        lower=mean - half,
        upper=mean + half,
        n=sample.count(),
        events=sample.count(~np.isnan(sample.value)),
        benefit=1 if sample.higher_is_better else -1,
        note=note,
        level=level,
        extra={"df": df, "imputed_share": share},
    )
