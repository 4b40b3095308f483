"""Counterfactual arms: the same virtual patients under two treatments, and the error of their contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.clusters import clustered_error
from hepatrial.analysis.endpoints import SurvivalData, survival_data
from hepatrial.analysis.replicates import days
from hepatrial.analysis.risk_sets import risk_sets
from hepatrial.errors import BadInput, Problem
from hepatrial.schema import PAIR_REPLICATE


@dataclass(frozen=True)
class MarginalContrast:
    """Survival of the same virtual patients under two treatments, and the contrast of the two curves.

    The errors are Monte-Carlo errors only: they say how far the simulated population's value is known
    from finitely many virtual patients. No trial could have them, so they are never a standard error.

    Attributes:
        endpoint, arms, times: what, first arm minus second, when (days).
        survival: (2, t) marginal survival by arm.
        difference: (t,) first minus second.
        survival_mcse: (2, t) Monte-Carlo standard error of ``survival``.
        mcse: (t,) Monte-Carlo standard error of ``difference``, patients kept in pairs.
        pairs: number of patients seen in both arms.
        excluded: patients left out because the engine failed on them in an arm.
    """

    endpoint: str
    arms: tuple[str, str]
    times: Floats
    survival: Floats
    difference: Floats
    survival_mcse: Floats
    mcse: Floats
    pairs: int
    excluded: int


def marginal_contrast(
    subjects: pl.DataFrame,
    times: ArrayLike,
    arms: tuple[str, str],
    *,
    endpoint: str = "overall_survival",
    clusters: str | None = None,
) -> MarginalContrast:
    """Contrast of the two counterfactual arms' marginal survival at ``times`` (days).

    Uses the rows of replicate 0. The marginal curves are Kaplan-Meier estimates; the error of their
    difference comes from the difference of each patient's two influence functions, which without
    censoring is the difference of the two survival indicators minus its mean. Patients with one value of
    the column ``clusters`` (a plausible world) count as alike; without it as independent.

    Raises:
        BadInput: with every problem, among them a patient who is not in both arms exactly once.
    """
    if "replicate" not in subjects.columns:
        raise BadInput(
            [Problem("subjects.replicate", "no such column", "is needed to find the counterfactual arms")]
        )
    if len(set(arms)) != 2:
        raise BadInput([Problem("arms", repr(arms), "must name two different arms")])
    table = subjects.filter(pl.col("replicate") == PAIR_REPLICATE)
    if table.height == 0:
        raise BadInput([Problem("subjects", "no rows of replicate 0", "must hold counterfactual arms")])
    problems: list[Problem] = []
    check.need_columns(table, "subjects", ("patient", *([clusters] if clusters else [])), problems)
    check.refuse(problems)
    wanted = days(times)
    first, second, excluded = _pairs(table, endpoint, arms)
    survival, influence = zip(
        *(person_influence(part.time, part.event, wanted) for part in (first, second)), strict=True
    )
    pairs = first.time.size
    both = np.stack(influence)
    held = _clusters_of(table, first.patient, clusters) if clusters else None
    return MarginalContrast(
        endpoint=endpoint,
        arms=arms,
        times=wanted,
        survival=np.stack(survival),
        difference=survival[0] - survival[1],
        survival_mcse=np.stack([_error(one, held) for one in both]),
        mcse=_error(both[0] - both[1], held),
        pairs=pairs,
        excluded=excluded,
    )


def _error(influence: Floats, held: Ints | None) -> Floats:
    """Of independent patients the root of Greenwood's variance, else the error of their clusters."""
    if held is None:
        return np.asarray(np.sqrt((influence**2).sum(axis=0)) / influence.shape[0])
    return clustered_error(influence, held)


def _clusters_of(table: pl.DataFrame, patients: Ints, column: str) -> Ints:
    known = table.select(pl.col("patient").cast(pl.Int64), pl.col(column).cast(pl.Int64)).unique("patient")
    known = known.sort("patient")
    return known[column].to_numpy()[np.searchsorted(known["patient"].to_numpy(), patients)]


def _pairs(
    table: pl.DataFrame, endpoint: str, arms: tuple[str, str]
) -> tuple[SurvivalData, SurvivalData, int]:
    """Both arms' data, sorted by patient, of those usable in both."""
    asked = [_patients_of(table, arm) for arm in arms]
    problems = [
        Problem(f"subjects.patient ({arm})", "a patient twice", "must hold each patient once")
        for arm, patients in zip(arms, asked, strict=True)
        if np.unique(patients).size != patients.size
    ]
    alone = np.setxor1d(asked[0], asked[1])
    if alone.size:
        problems.append(
            Problem(
                "subjects.patient",
                f"{alone.size} patients in one arm only",
                "must hold the same patients in both",
            )
        )
    check.refuse(problems)
    data = [survival_data(table, endpoint, arms=(arm,)) for arm in arms]
    common = np.intersect1d(data[0].patient, data[1].patient)
    first, second = (_in_order(part, common) for part in data)
    return first, second, int(asked[0].size - common.size)


def _patients_of(table: pl.DataFrame, arm: str) -> Ints:
    return table.filter(pl.col("arm") == arm)["patient"].cast(pl.Int64).to_numpy()


def _in_order(data: SurvivalData, patients: Ints) -> SurvivalData:
    order = np.argsort(data.patient)
    row = order[np.searchsorted(data.patient[order], patients)]
    return SurvivalData(
        endpoint=data.endpoint,
        replicate=data.replicate[row],
        arm=data.arm[row],
        patient=data.patient[row],
        time=data.time[row],
        event=data.event[row],
        arms=data.arms,
        excluded=data.excluded,
    )


def person_influence(time: Floats, event: Ints, times: Floats) -> tuple[Floats, Floats]:
    """S(t) and each patient's influence on it: (t,) and (n, t).

    IF_i(t) = -S(t) n (event_i 1[T_i <= t] / Y(T_i) - sum over s <= min(T_i, t) of dN(s) / Y(s)^2),
    with the jump's 1 / Y replaced by 1 / (Y - dN) so that the sum of squares is Greenwood's variance.
    """
    n = time.size
    sets = risk_sets(time, event, np.zeros(n, dtype=np.int64), 1)
    at_risk, events = sets.at_risk[:, 0], sets.events[:, 0]
    curve = np.cumprod(1.0 - events / at_risk)
    alive = np.maximum(at_risk - events, 1)  # where nobody is left S is 0 and so is the influence
    jump = 1.0 / alive
    integral = np.cumsum(events / (at_risk * alive))
    own = np.searchsorted(sets.time, time)
    survival, influence = np.empty(times.size), np.empty((n, times.size))
    for column, t in enumerate(times):
        until = int(np.searchsorted(sets.time, t, side="right")) - 1
        s = 1.0 if until < 0 else float(curve[until])
        if t > sets.time[-1] and curve[-1] > 0:
            s = float("nan")
        seen = np.minimum(own, until)
        compensator = np.where(seen >= 0, integral[seen], 0.0)
        influence[:, column] = (
            -n * s * (np.where((event == 1) & (own <= until), jump[own], 0.0) - compensator)
        )
        survival[column] = s
    return survival, influence
