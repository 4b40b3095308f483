"""What an analysis adds when asked: batches shared within the cell arm, tipping points of imputations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis.estimands.analyse import sample_of
from hepatrial.analysis.estimands.apply import People, in_population, people_of
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import INTERCURRENT, TrialTables, with_keys
from hepatrial.analysis.estimands.imputation import tipping_point
from hepatrial.analysis.estimands.nested import nested_difference, with_batches
from hepatrial.analysis.estimands.sample import TimeSample, ValueSample
from hepatrial.analysis.inferences import Inferences
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.report.analysis_source import Source
from hepatrial.report.analysis_tables import _interval, _number, _p
from hepatrial.report.tables import Row, Table

NESTED = ("difference", "mean_difference")
"""Summary measures that have a partially nested analysis."""


@dataclass(frozen=True)
class Nested:
    """An estimand whose first arm's patients share batches.

    Attributes:
        estimand: what is estimated.
        result: with the error that batches give, a value a trial; batches: in the shown trial.
    """

    estimand: Estimand
    result: Inferences
    batches: int

    def as_dict(self) -> dict[str, Any]:
        """Of the shown trial, as plain data."""
        return {"estimand": self.estimand.name, "batches": self.batches, **_told(self.result)}


@dataclass(frozen=True)
class Tipping:
    """An imputed estimand when the unseen values of the first arm are so much worse.

    Attributes:
        estimand: what is estimated.
        rows: (delta, result).
    """

    estimand: Estimand
    rows: tuple[tuple[float, Inferences], ...]

    @property
    def tips_at(self) -> float | None:
        """First delta at which the shown trial's interval holds no effect; None when none does."""
        for delta, result in self.rows:
            low, high = result.one(0).ci
            if low <= result.null <= high:
                return delta
        return None

    def as_dict(self) -> dict[str, Any]:
        """Of the shown trial, as plain data."""
        rows = [{"delta": delta, **_told(result)} for delta, result in self.rows]
        return {"estimand": self.estimand.name, "tips_at": self.tips_at, "rows": rows}


def _told(result: Inferences) -> dict[str, Any]:
    one = result.one(0)
    values = {"estimate": one.estimate, "low": one.ci[0], "high": one.ci[1], "p": one.p}
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


def nested(
    source: Source, trials: TrialTables, estimands: Sequence[Estimand], column: str | None, level: float
) -> list[Nested]:
    """Estimands again with the error that batches shared within the first arm give.

    Args:
        source: whose first arm gets cells.
        trials: tables of the randomised trials, the shown one first.
        estimands: those whose summary measure is a difference are taken.
        column: of the subject table with the batch; None: as a run deals them out, nothing where its protocol
            has one patient a batch.
        level: of the intervals.

    Raises:
        BadInput: no such column, or no estimand that can be taken.
    """
    made = _batched(source, trials, column)
    if made is None:
        return []
    tables, name = made
    found = []
    for one in estimands:
        if one.summary not in NESTED or one.estimator != "plain":
            continue
        people = in_population(people_of(tables, source.contrast), one)
        sample = sample_of(people, tables, one)
        if not isinstance(sample, TimeSample | ValueSample) or (
            # by the estimand, not by this trial's events: the table beside it is of all trials
            isinstance(sample, TimeSample)
            and any(str(one.strategy(event)).startswith("while") for event in INTERCURRENT)
        ):
            continue
        code, batches = _codes(people, name)
        day = one.endpoint.day if isinstance(sample, TimeSample) else None
        result = nested_difference(sample, code, day=day, level=level)
        found.append(Nested(one, result, batches))
    if column is not None and not found:
        allowed = "at least one estimand that is a difference of survival or of means, without weights"
        raise BadInput([Problem("--batch", ", ".join(one.name for one in estimands), allowed)])
    return found


def _batched(source: Source, trials: TrialTables, column: str | None) -> tuple[TrialTables, str] | None:
    subjects = with_keys(trials.subjects)
    if column is not None:
        if column not in subjects.columns:
            allowed = "a column of the subject table"
            near = nearest_name(column, subjects.columns)
            raise BadInput([Problem("--batch", column, allowed, near)])
        return TrialTables(subjects, trials.visits, trials.events), column
    if source.batch_size < 2:
        return None
    dealt = with_batches(subjects, list(source.with_cells), source.batch_size)
    return TrialTables(dealt, trials.visits, trials.events), "batch"


def _codes(people: People, column: str) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """(n,) code of each patient's batch, and how many the first arm of the shown trial has."""
    values = people.subjects[column].cast(pl.String).fill_null("none").to_numpy()
    _, code = np.unique(values, return_inverse=True)
    mine = (people.arm == 0) & (people.unit == 0)
    return code.astype(np.int64), len(np.unique(code[mine]))


def tipping(
    source: Source, trials: TrialTables, estimands: Sequence[Estimand], deltas: Sequence[float], level: float
) -> list[Tipping]:
    """Imputed estimands when what was not seen in the first arm is worse by each of some amounts.

    Raises:
        BadInput: no estimand that imputes; deltas that are not finite or not in order.
    """
    if not deltas:
        return []
    problems = []
    if not all(np.isfinite(deltas)) or list(deltas) != sorted(set(deltas)):
        given = ", ".join(f"{one:g}" for one in deltas)
        problems.append(Problem("--tipping", given, "finite amounts, each above the one before"))
    imputed = [one for one in estimands if one.estimator == "imputation"]
    if not imputed:
        allowed = 'an estimand with estimator = "imputation" (--estimand FILE, as examples/estimands.toml)'
        problems.append(Problem("--tipping", "no estimand that imputes", allowed))
    if problems:
        raise BadInput(problems)
    return [
        Tipping(
            one,
            tuple(
                tipping_point(
                    in_population(people_of(trials, source.contrast), one), trials, one, deltas, level=level
                )
            ),
        )
        for one in imputed
    ]


def nested_table(rows: Sequence[Nested], plain: dict[str, Inferences], level: float) -> Table | None:
    """Estimates with the error that ignores batches and with the one that does not."""
    if not rows:
        return None
    interval = f"({100 * level:.0f} % CI)"
    head = ("Estimand", "Batches", f"Patients independent {interval}", f"Batches shared {interval}", "p")
    made = []
    for row in rows:
        own, usual = row.result.one(0), plain[row.estimand.name].one(0)
        cells = (row.estimand.name, str(row.batches), _interval(usual.estimate, *usual.ci),
                 _interval(own.estimate, *own.ci), _p(own.p))  # fmt: skip
        made.append(Row(cells))
    note = (
        "Patients of the first arm who share a batch share its potency; its error is that of the batches'"
        " summed influences, with one degree of freedom fewer than batches. The second arm's patients share"
        " nothing."
    )
    caption = "Batches shared within the cell arm."
    return Table("batches", caption, head, tuple(made), (note,), frozenset((0,)))


def tipping_table(rows: Sequence[Tipping], level: float) -> Table | None:
    """Estimates over the amounts by which unseen values are worse, and where the finding tips."""
    if not rows:
        return None
    head = ("Estimand", "Unseen values of the first arm", f"Estimate ({100 * level:.0f} % CI)", "p")
    made, notes = [], []
    for row in rows:
        for delta, result in row.rows:
            own = result.one(0)
            cells = (
                row.estimand.name,
                f"{_number(delta, 1)} added",
                _interval(own.estimate, *own.ci),
                _p(own.p),
            )
            made.append(Row(cells))
        tips = row.tips_at
        said = "no amount tried" if tips is None else f"{tips:g}"
        notes.append(f"{row.estimand.name}: the interval holds no effect from {said} on.")
    caption = "Tipping point of imputed values."
    return Table("tipping", caption, head, tuple(made), tuple(notes), frozenset((0,)))
