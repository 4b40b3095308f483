"""Rows (start, stop] from repeated measurements, for time-dependent covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.errors import Problem


@dataclass(frozen=True)
class Episodes:
    """Stretches of follow-up over which the measured values are carried forward.

    Attributes:
        row: (m,) index of the patient in the input.
        start, stop: (m,) the stretch (start, stop].
        event: (m,) 1 in the last stretch of a patient with the event.
        values: (m, p) values measured last at or before ``start``; NaN before the first measurement.
    """

    row: Ints
    start: Floats
    stop: Floats
    event: Ints
    values: Floats


def episodes(
    patient: ArrayLike,
    time: ArrayLike,
    event: ArrayLike,
    visit_patient: ArrayLike,
    visit_time: ArrayLike,
    values: ArrayLike,
) -> Episodes:
    """Split each patient's follow-up at the measurements; a missing value leaves the earlier one standing.

    Args:
        patient, time, event: (n,) labels (each once), end of follow-up, 1 = event.
        visit_patient, visit_time: (v,) whose and when; visits at or after the end are not used.
        values: (v,) or (v, p) measured values.

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    who = check.labels("patient", patient, problems)
    visitor = check.labels("visit_patient", visit_patient, problems)
    when = check.times("visit_time", visit_time, problems)
    table = np.asarray(values, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if np.unique(who).size != who.size:
        problems.append(Problem("patient", "a patient twice", "must hold each patient once"))
    check.refuse(problems)
    check.same_length(problems, time=time_, patient=who)
    check.same_length(problems, visit_time=when, visit_patient=visitor, values=table)
    unknown = np.setdiff1d(visitor, who)
    if unknown.size:
        problems.append(Problem("visit_patient", f"{unknown[0]!r}", "must be one of the patients"))
    check.refuse(problems)

    sorter = np.argsort(who)
    owner = sorter[np.searchsorted(who[sorter], visitor)].astype(np.int64)
    used = (when < time_[owner]) & (when > 0)
    # every patient's follow-up begins at 0, and breaks at each later visit
    row = np.concatenate([np.arange(who.size), owner[used]])
    start = np.concatenate([np.zeros(who.size), when[used]])
    row, start = np.unique(np.stack([row.astype(np.float64), start], axis=1), axis=0).T
    row_ = row.astype(np.int64)
    last = np.append(row_[1:] != row_[:-1], True)
    stop = np.where(last, time_[row_], np.append(start[1:], 0.0))
    carried = np.full((row_.size, table.shape[1]), np.nan)
    for column in range(table.shape[1]):
        carried[:, column] = _carried(row_, start, owner, when, table[:, column])
    return Episodes(row_, start, stop, np.where(last, event_[row_], 0), carried)


def _carried(row: Ints, start: Floats, owner: Ints, when: Floats, value: Floats) -> Floats:
    """Last known value of each row's patient at or before its start."""
    known = ~np.isnan(value)
    order = np.lexsort((when[known], owner[known]))
    of, at, is_ = owner[known][order], when[known][order], value[known][order]
    if of.size == 0:
        return np.full(row.size, np.nan)
    both = np.lexsort(
        (np.append(np.zeros(of.size), np.ones(row.size)), np.append(at, start), np.append(of, row))
    )
    source = np.maximum.accumulate(np.where(both < of.size, np.arange(both.size), -1))
    place = np.empty(row.size, dtype=np.int64)
    query = both >= of.size
    place[both[query] - of.size] = np.where(source[query] >= 0, both[source[query]], -1)
    fits = (place >= 0) & (of[np.maximum(place, 0)] == row)
    return np.where(fits, is_[np.maximum(place, 0)], np.nan)
