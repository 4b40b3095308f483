"""Who is at risk, and who has an event, at each distinct time: counted once, for all methods.

Several independent data sets ("units": strata, replicates) are counted in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepatrial.analysis.check import Floats, Ints


@dataclass(frozen=True)
class RiskSets:
    """Counts at the distinct times of each unit, sorted by unit and time.

    Attributes:
        unit: (m,) unit of the row.
        time: (m,) distinct observed times, censored ones included.
        at_risk: (m, k) patients with time >= this time, by group.
        events: (m, k) events at this time, by group.
        unit_start: (u,) first row of each unit.
    """

    unit: Ints
    time: Floats
    at_risk: Ints
    events: Ints
    unit_start: Ints

    def sum_by_unit(self, values: Floats) -> Floats:
        """Sum of row values over each unit: (m, ...) to (u, ...)."""
        result: Floats = np.add.reduceat(values, self.unit_start, axis=0)
        return result

    def survival_before(self) -> Floats:
        """(m,) pooled Kaplan-Meier estimate just before each time, within the unit (left-continuous)."""
        return self.survival_before_of(self.at_risk.sum(axis=1), self.events.sum(axis=1))

    def survival_before_of(self, n: Floats | Ints, d: Floats | Ints) -> Floats:
        """(m,) product of the factors 1 - d / n of the earlier rows of the unit."""
        # n == d empties the unit, so it can only be its last row and is never "before" another.
        log_factor = np.log1p(-np.where(n > d, d / n, 0.0))
        before = np.cumsum(log_factor) - log_factor
        start = np.repeat(before[self.unit_start], np.diff(np.append(self.unit_start, n.size)))
        survival: Floats = np.exp(before - start)
        return survival


def risk_sets(time: Floats, event: Ints, group: Ints, groups: int, unit: Ints | None = None) -> RiskSets:
    """Count the risk sets.

    Args:
        time: (n,) times.
        event: (n,) 1 for an event.
        group: (n,) group codes 0..groups-1.
        groups: number of groups k.
        unit: (n,) unit codes; one unit when None.
    """
    unit_ = np.zeros(time.size, dtype=np.int64) if unit is None else unit
    order = np.lexsort((time, unit_))
    time, event, group, unit_ = time[order], event[order], group[order], unit_[order]
    new = np.ones(time.size, dtype=bool)
    new[1:] = (np.diff(time) != 0) | (np.diff(unit_) != 0)
    start = np.flatnonzero(new)
    member = np.zeros((time.size, groups), dtype=np.int64)
    member[np.arange(time.size), group] = 1
    leaving = np.add.reduceat(member, start, axis=0)
    events = np.add.reduceat(member * event[:, None], start, axis=0)
    row_unit = unit_[start]
    unit_start = np.flatnonzero(np.append(True, np.diff(row_unit) != 0))
    rows = np.diff(np.append(unit_start, start.size))
    gone = np.cumsum(leaving, axis=0) - leaving
    gone -= np.repeat(gone[unit_start], rows, axis=0)
    total = np.repeat(np.add.reduceat(leaving, unit_start, axis=0), rows, axis=0)
    return RiskSets(row_unit, time[start], total - gone, events, unit_start)
