"""Time-to-event data out of the subject table (``hepatrial.schema.SUBJECT``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.competing import CumulativeIncidence, aalen_johansen
from hepatrial.analysis.kaplan_meier import KaplanMeier, kaplan_meier
from hepatrial.errors import Problem

ENDPOINTS: dict[str, tuple[str, str]] = {
    "overall_survival": ("overall_survival_time", "overall_survival_event"),
    "transplant_free": ("transplant_free_time", "transplant_free_event"),
}
"""Endpoint name -> its time and event columns."""


@dataclass(frozen=True)
class SurvivalData:
    """What an analysis of one endpoint needs, one entry a subject.

    Attributes:
        endpoint: name.
        replicate, arm, patient: keys (replicate 1 and patient = row number where the table has none).
        time: days; event: 1 = event.
        arms: arm names in the order of comparison.
        excluded: rows left out because the engine failed on them (``status`` other than "ok").
    """

    endpoint: str
    replicate: Ints
    arm: check.Labels
    patient: Ints
    time: Floats
    event: Ints
    arms: tuple[str, ...]
    excluded: int


def survival_data(
    subjects: pl.DataFrame, endpoint: str = "overall_survival", *, arms: Sequence[str] | None = None
) -> SurvivalData:
    """Times and events of an endpoint.

    Args:
        subjects: subject table; needs ``arm`` and the endpoint's columns, uses ``replicate``, ``patient``
            and ``status`` where present.
        endpoint: "overall_survival" or "transplant_free".
        arms: arms wanted, in order; default all, sorted.

    Raises:
        BadInput: with every problem of the table.
    """
    problems: list[Problem] = []
    check.choice("endpoint", endpoint, ENDPOINTS, problems)
    check.refuse(problems)
    time_column, event_column = ENDPOINTS[endpoint]
    check.need_columns(subjects, "subjects", ("arm", time_column, event_column), problems)
    check.refuse(problems)
    table, names = chosen_arms(subjects, arms)
    kept = usable(table)
    time, event = check.survival(
        kept[time_column].cast(pl.Float64).to_numpy(),
        kept[event_column].cast(pl.Float64).to_numpy(),
        problems,
    )
    check.refuse([Problem(f"subjects.{endpoint}_{p.place}", p.given, p.allowed, p.nearest) for p in problems])
    rows = np.arange(kept.height, dtype=np.int64)
    return SurvivalData(
        endpoint=endpoint,
        replicate=_integers(kept, "replicate", np.ones_like(rows)),
        arm=kept["arm"].to_numpy().astype(str),
        patient=_integers(kept, "patient", rows),
        time=time,
        event=event,
        arms=names,
        excluded=table.height - kept.height,
    )


def usable(subjects: pl.DataFrame) -> pl.DataFrame:
    """The rows whose ``status`` is "ok" (all, where there is no such column)."""
    return subjects.filter(pl.col("status") == "ok") if "status" in subjects.columns else subjects


def chosen_arms(table: pl.DataFrame, arms: Sequence[str] | None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The rows of the wanted arms, and the arms in order.

    Raises:
        BadInput: for an arm that has no row.
    """
    found = sorted(table["arm"].unique().to_list())
    if arms is None:
        return table, tuple(found)
    problems: list[Problem] = []
    for arm in arms:
        check.choice("arms", arm, found, problems)
    check.refuse(problems)
    return table.filter(pl.col("arm").is_in(list(arms))), tuple(arms)


def _integers(table: pl.DataFrame, column: str, default: Ints) -> Ints:
    return table[column].cast(pl.Int64).to_numpy() if column in table.columns else default


def kaplan_meier_by_arm(
    subjects: pl.DataFrame,
    endpoint: str = "overall_survival",
    *,
    arms: Sequence[str] | None = None,
    transform: str = "log-log",
    level: float = 0.95,
) -> dict[str, KaplanMeier]:
    """One survival curve an arm; all replicates in the table are pooled, so filter first for one trial.

    Raises:
        BadInput: as ``survival_data`` and ``kaplan_meier``.
    """
    data = survival_data(subjects, endpoint, arms=arms)
    return {
        arm: kaplan_meier(
            data.time[data.arm == arm], data.event[data.arm == arm], transform=transform, level=level
        )
        for arm in data.arms
    }


def incidence_by_arm(
    subjects: pl.DataFrame,
    *,
    causes: Sequence[str] = ("death", "transplant"),
    arms: Sequence[str] | None = None,
) -> dict[str, CumulativeIncidence]:
    """Cumulative incidence of death before transplant and of transplant, by arm.

    Time is ``transplant_free_time``, the cause is ``first_event``; dropout and "none" are censored.

    Raises:
        BadInput: with every problem of the table.
    """
    problems: list[Problem] = []
    check.need_columns(subjects, "subjects", ("arm", "transplant_free_time", "first_event"), problems)
    check.refuse(problems)
    table, names = chosen_arms(usable(subjects), arms)
    made = {}
    for arm in names:
        rows = table.filter(pl.col("arm") == arm)
        made[arm] = aalen_johansen(
            rows["transplant_free_time"].to_numpy(), rows["first_event"].to_numpy().astype(str), causes=causes
        )
    return made
