"""Intercurrent events (ICH E9(R1)): what happens after randomisation and changes what an outcome means."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.endpoints import usable
from hepatrial.errors import Problem

KEY = ("replicate", "subject", "arm")

INTERCURRENT: dict[str, str] = {
    "death": "death",
    "transplant": "liver transplant",
    "undelivered_infusion": "a planned infusion not given to a patient alive",
    "death_before_first_infusion": "death of a patient of a treated arm before any infusion",
    "rescue_plasma_exchange": "plasma exchange as rescue, not part of the arm's treatment",
    "renal_replacement": "renal replacement",
    "outside_cells": "cells bought outside the protocol",
    "withdrawal_of_care": "withdrawal of life-prolonging care",
    "dropout": "observation ended early, alive as far as is known",
}
"""Intercurrent event -> what it is."""

STRATEGIES: dict[str, str] = {
    "treatment_policy": "the outcome counts whatever happens",
    "hypothetical": "as if the event could not happen",
    "composite": "the event is itself a failure",
    "while_alive": "the outcome until death",
    "while_untransplanted": "the outcome until transplant",
    "while_on_treatment": "the outcome until the event",
    "principal_stratum": "only patients to whom the event would not happen under either treatment",
}
"""Strategy -> what is meant by it."""

_BY_ROW = {
    "rescue_plasma_exchange": "rescue_plasma_exchange",
    "renal_replacement": "renal_replacement",
    "outside_cells": "outside_cells",
    "withdrawal_of_care": "withdrawal",
}
"""Intercurrent events that are rows of the event table -> their name there."""


@dataclass(frozen=True)
class TrialTables:
    """The tables of one trial or of many replicates; simulated or real.

    Attributes:
        subjects: one row a patient (``schema.SUBJECT``); needs ``arm``, the survival and transplant-free
            times and events, and ``first_event``.
        visits: one row a visit (``schema.VISIT``), or None.
        events: one row an event (``schema.EVENT``), or None.
    """

    subjects: pl.DataFrame
    visits: pl.DataFrame | None = None
    events: pl.DataFrame | None = None

    def replicate(self, number: int) -> TrialTables:
        """The rows of one replicate."""
        return self.where(pl.col("replicate") == number)

    def where(self, chosen: pl.Expr) -> TrialTables:
        """Rows of every table by a condition on the shared key."""
        return TrialTables(
            self.subjects.filter(chosen),
            None if self.visits is None else self.visits.filter(chosen),
            None if self.events is None else self.events.filter(chosen),
        )


def with_keys(table: pl.DataFrame) -> pl.DataFrame:
    """A real trial's table has no replicate: it is replicate 1."""
    if "replicate" in table.columns:
        return table
    return table.with_columns(pl.lit(1, dtype=pl.Int32).alias("replicate"))


def intercurrent_days(tables: TrialTables) -> pl.DataFrame:
    """First day of every intercurrent event of every usable patient, infinite where it did not happen.

    A transplant, a death and the end of observation are read from the subject table; the rest from the event
    table: ``rescue_plasma_exchange``, ``renal_replacement``, ``outside_cells``, ``withdrawal``,
    ``missed_infusion``. An infusion counts as undelivered on the day it was missed, or when a transplant or a
    withdrawal of care ended the infusions; one that death prevented is a death. The dead who got none of
    their planned infusions are ``death_before_first_infusion``.

    Returns:
        The key (replicate, subject, arm), ``end`` (days observed), ``died`` (0 or 1) and a column of days for
        each name of ``INTERCURRENT``, in the order of the subject table.

    Raises:
        BadInput: columns that are missing.
    """
    problems: list[Problem] = []
    subjects = with_keys(tables.subjects)
    needed = ("subject", "arm", "overall_survival_time", "overall_survival_event")
    check.need_columns(subjects, "subjects", (*needed, "transplant_free_time", "first_event"), problems)
    if tables.events is not None:
        check.need_columns(tables.events, "events", ("subject", "day", "event"), problems)
    check.refuse(problems)
    people = usable(subjects)
    never = float("inf")
    died = pl.col("overall_survival_event") == 1
    end = pl.col("overall_survival_time").cast(pl.Float64)
    transplanted = pl.col("first_event") == "transplant"
    left = ~died & (pl.col("first_event") == "dropout")
    if "dropout_reason" in people.columns:
        left = ~died & (left | (pl.col("dropout_reason") != ""))
    days = people.select(
        *KEY,
        end=end,
        died=died.cast(pl.Int64),
        death=pl.when(died).then(end).otherwise(never),
        transplant=pl.when(transplanted)
        .then(pl.col("transplant_free_time").cast(pl.Float64))
        .otherwise(never),
        dropout=pl.when(left).then(end).otherwise(never),
        **_infusions(people),
    )
    for name, row in {**_BY_ROW, "_missed": "missed_infusion"}.items():
        days = _first_days(days, tables.events, row, name)
    return _infusion_events(days).select(*KEY, "end", "died", *INTERCURRENT)


def _infusions(people: pl.DataFrame) -> dict[str, pl.Expr]:
    known = {"infusions_planned", "infusions_received"} <= set(people.columns)
    planned = pl.col("infusions_planned") if known else pl.lit(0)
    received = pl.col("infusions_received") if known else pl.lit(0)
    return {"_planned": planned.cast(pl.Int64), "_received": received.cast(pl.Int64)}


def _first_days(days: pl.DataFrame, events: pl.DataFrame | None, row: str, name: str) -> pl.DataFrame:
    if events is None or not (mine := with_keys(events).filter(pl.col("event") == row)).height:
        return days.with_columns(pl.lit(float("inf")).alias(name))
    first = mine.group_by("replicate", "subject", "arm").agg(pl.col("day").min().cast(pl.Float64).alias(name))
    joined = days.join(first, on=list(KEY), how="left", maintain_order="left")
    return joined.with_columns(pl.col(name).fill_null(float("inf")))


def _infusion_events(days: pl.DataFrame) -> pl.DataFrame:
    short = pl.col("_received") < pl.col("_planned")
    stopped = pl.min_horizontal("transplant", "withdrawal_of_care")
    none = (pl.col("_planned") > 0) & (pl.col("_received") == 0) & (pl.col("died") == 1)
    return days.with_columns(
        undelivered_infusion=pl.min_horizontal(
            "_missed", pl.when(short & (stopped <= pl.col("end"))).then(stopped).otherwise(float("inf"))
        ),
        death_before_first_infusion=pl.when(none).then(pl.col("death")).otherwise(float("inf")),
    )


def occurred(days: pl.DataFrame) -> dict[str, int]:
    """How many patients had each intercurrent event, of those that happened at all."""
    counts = {name: int((days[name].is_finite()).sum()) for name in INTERCURRENT}
    return {name: count for name, count in counts.items() if count}
