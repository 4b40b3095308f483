"""One call from tables and an estimand to its estimate in every trial."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepatrial.analysis.estimands.apply import (
    People,
    days_sample,
    in_population,
    level_sample,
    measured,
    people_of,
    time_sample,
    value_sample,
)
from hepatrial.analysis.estimands.compare import METHODS, compare
from hepatrial.analysis.estimands.estimand import ALONE, METHOD_OF, REPEATED_MEASURES, Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.sample import Sample, ValueSample
from hepatrial.analysis.estimands.values import mean_difference
from hepatrial.analysis.inferences import Inferences
from hepatrial.errors import BadInput, Problem

_SAMPLES = {"time": time_sample, "value": value_sample, "days": days_sample, "levels": level_sample}


def apply_estimand(
    tables: TrialTables,
    estimand: Estimand,
    contrast: tuple[str, str] | None = None,
    *,
    strata: Sequence[str] = (),
    pairs: bool = False,
) -> Sample:
    """The sample an estimand makes of a trial's tables; draw trials from it or hand it to ``compare``.

    Args:
        tables: one trial or many replicates, simulated or real.
        estimand: what is to be estimated.
        contrast: first arm against second; default the estimand's treatments.
        strata: columns of the subject table whose combinations are strata.
        pairs: use the counterfactual arms (replicate 0) instead of the randomised trials.

    Raises:
        BadInput: with everything that is wrong, among them an intercurrent event that occurred and has no
            strategy.
    """
    people = in_population(
        people_of(tables, arms_of(estimand, contrast), strata=strata, pairs=pairs), estimand
    )
    return sample_of(people, tables, estimand)


def sample_of(people: People, tables: TrialTables, estimand: Estimand) -> Sample:
    """The estimand's sample of patients who are already chosen."""
    return _SAMPLES[estimand.endpoint.kind](people, tables, estimand)


def arms_of(estimand: Estimand, contrast: tuple[str, str] | None) -> tuple[str, str]:
    """The contrast asked for, or the estimand's own.

    Raises:
        BadInput: neither names two arms.
    """
    arms = contrast or estimand.treatments
    if not all(arms):
        raise BadInput([Problem("contrast", "nothing", "must name the two arms, first against second")])
    return arms


def analyse(
    tables: TrialTables,
    estimand: Estimand,
    contrast: tuple[str, str] | None = None,
    *,
    method: str | None = None,
    strata: Sequence[str] = (),
    level: float = 0.95,
) -> Inferences:
    """Estimate an estimand in every trial of the tables.

    Args:
        tables, estimand, contrast, strata: as ``apply_estimand``.
        method: a name of ``METHODS``; default the one of the estimand's summary measure. A test
            (``logrank``, ``maxcombo``) may stand for the hazard ratio.
        level: of the intervals.

    Returns:
        One result a replicate, in the order of the replicates.

    Raises:
        BadInput: as ``apply_estimand``; a repeated-measures model alone, with the reason.
    """
    if method in REPEATED_MEASURES:
        raise BadInput([Problem("method", repr(method), ALONE)])
    people = in_population(people_of(tables, arms_of(estimand, contrast), strata=strata), estimand)
    if estimand.estimator == "ipcw":
        from hepatrial.analysis.estimands.weighting import weighted_difference

        return weighted_difference(people, tables, estimand, level=level)
    if estimand.estimator == "principal_score":
        from hepatrial.analysis.estimands.survivors import survivor_average

        return survivor_average(people, tables, estimand, level=level)
    if estimand.estimator == "imputation":
        from hepatrial.analysis.estimands.imputation import impute_and_compare

        return impute_and_compare(people, tables, estimand, level=level)
    sample = sample_of(people, tables, estimand)
    note = visit_note(people, tables, estimand)
    name = method or estimand.method or METHOD_OF[estimand.summary]
    if isinstance(sample, ValueSample) and name == "ancova" and np.isnan(sample.baseline).all():
        return mean_difference(sample, adjust=False, level=level).noted(note)
    known = METHODS.get(name)
    day = estimand.endpoint.day if known is None or known.needs_day else None
    return compare(sample, name, day=day, level=level).noted(note)


def visit_note(people: People, tables: TrialTables, estimand: Estimand) -> str:
    """Which visit stands for the endpoint's day, where it is another day; else ""."""
    if not estimand.endpoint.measure:
        return ""
    planned = measured(people, tables, estimand.endpoint).planned
    return "" if abs(planned - estimand.endpoint.day) < 0.5 else f"values of the visit on day {planned:g}"
