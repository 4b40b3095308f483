"""Trials run through their looks: cut-off days, what is known there, boundaries, decisions, estimates."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis import SequentialDesign
from hepatrial.analysis.estimands.compare import compare
from hepatrial.analysis.estimands.sample import TimeSample
from hepatrial.analysis.rows import SortedRows, cox_rows, logrank_rows, milestone_rows, sort_rows
from hepatrial.analysis.sequential import efficacy_boundary
from hepatrial.analysis.spending import FAMILIES, Boundary, spent_by
from hepatrial.design.plan import Plan, boundary_of

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Yes = NDArray[np.bool_]

DECISIONS = ("not shown", "efficacy", "futility")
"""How a trial ends."""
_GRAIN = 100
"""Information fractions are taken to hundredths when boundaries are made for fractions as they came."""


@dataclass(frozen=True)
class Records:
    """What would be recorded of r trials of n places if each were followed to the end.

    Attributes:
        entry: (r, n) day of randomisation.
        treated: (r, n) whether in the treated arm.
        time: (r, n) days from randomisation to event, leaving or the end.
        event: (r, n) whether it is the event.
        horizon: days for which a patient is followed.
    """

    entry: Array
    treated: Yes
    time: Array
    event: Yes
    horizon: float

    def at(self, day: Array, *, place: Yes | None = None) -> tuple[Array, Yes, Yes]:
        """Time, event and presence of everybody as known on a day of the trial, (r, n) each.

        Args:
            day: (r,) days since the first patient was randomised.
            place: (r, n) places that are filled; default all.
        """
        seen = day[:, None] - self.entry
        here = seen > 0
        if place is not None:
            here &= place
        # as the look's day was found: entry + time, whose rounding would else lose the event that is due
        ended = self.entry + self.time <= day[:, None]
        return np.where(ended, self.time, np.maximum(seen, 0.0)), self.event & ended, here

    @property
    def end(self) -> Array:
        """(r,) day on which the last patient has been followed to the horizon."""
        return np.asarray(self.entry[:, -1] + self.horizon)


@dataclass(frozen=True)
class Ended:
    """How r trials ended.

    Attributes:
        decision: (r,) index into ``DECISIONS``.
        look: (r,) look of the end, from 1.
        patients: (r,) randomised when the trial ended, those of an overrun among them.
        days: (r,) from the first randomisation to the decision.
        events: (r,) known at the cut-off.
        z: (r,) statistic there, positive for the treated arm; overrun_z: (r,) with the data that came in
            until the decision.
        estimate, se: (r,) effect at the end, log hazard ratio or difference of survival, and its error.
        information: (r,) information of the statistic at the cut-off.
    """

    decision: Whole
    look: Whole
    patients: Whole
    days: Array
    events: Whole
    z: Array
    overrun_z: Array
    estimate: Array
    se: Array
    information: Array

    @staticmethod
    def joined(parts: list[Ended]) -> Ended:
        """Several batches as one."""
        return Ended(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Ended)))

    def rows(self, which: Any) -> Ended:
        """Some of the trials."""
        return Ended(*(getattr(self, f.name)[which] for f in fields(Ended)))


def by_events(plan: Plan) -> bool:
    """Whether information is events (else patients whose outcome at the horizon is known)."""
    return plan.design.method in ("logrank", "maxcombo")


def look_days(plan: Plan, records: Records, planned: Array) -> Array:
    """(r, k) cut-off day of each look; the last is the end of the trial.

    Args:
        plan: the design.
        records: the trials.
        planned: (k,) events, or patients with a known outcome, at which looks are due; unused for calendar
            looks.
    """
    end, looks = records.end, plan.design.looks
    if looks.calendar:
        days = np.minimum(np.array(looks.calendar)[None, :], end[:, None])
        return np.asarray(np.concatenate([days[:, :-1], days[:, -1:]], axis=1))
    counted = np.sort(np.where(_tells(plan, records), records.entry + records.time, np.inf), axis=1)
    place = np.clip(np.ceil(planned - 1e-9).astype(int) - 1, 0, counted.shape[1] - 1)
    days = np.minimum(counted[:, place], end[:, None])
    if not looks.events or looks.count == 1:
        days[:, -1] = end if not looks.events else days[:, -1]
    return np.asarray(np.maximum.accumulate(days, axis=1))


def _tells(plan: Plan, records: Records) -> Yes:
    """(r, n) whose end adds information: the events; for survival at the horizon also whoever reaches it."""
    if by_events(plan):
        return records.event
    return np.asarray(records.event | (records.time >= records.horizon - 1e-9))


def information_at(plan: Plan, records: Records, day: Array) -> Whole:
    """(r,) events known on a day of the trial, or patients whose outcome at the horizon is known then."""
    return np.asarray((_tells(plan, records) & (records.entry + records.time <= day[:, None])).sum(axis=1))


def statistic(plan: Plan, rows: SortedRows) -> tuple[Array, Array]:
    """(r,) z of the design's test, positive for the treated arm, and its information."""
    if plan.design.method == "logrank":
        z, variance = logrank_rows(rows)
        return -z, variance
    if plan.design.method == "maxcombo":
        found = compare(_sample(rows, plan), "maxcombo")
        from scipy.special import ndtri

        # one-sided: the p-value of the largest statistic counts only when it favours the treated arm
        favours = np.nan_to_num(found.benefit_z) > 0
        z = np.where(
            favours, -ndtri(np.clip(found.p / 2, 1e-300, 0.5)), ndtri(np.clip(found.p / 2, 1e-300, 0.5))
        )
        return z, logrank_rows(rows)[1]
    if plan.design.method == "rmst":
        found = compare(_sample(rows, plan), "rmst", day=plan.horizon * (1 - 1e-9))
        return np.asarray(found.benefit_z), np.asarray(1 / found.se**2)
    _, difference, se = milestone_rows(rows, plan.horizon * (1 - 1e-9))
    return difference / se, 1 / se**2


def estimates(plan: Plan, rows: SortedRows) -> tuple[Array, Array]:
    """(r,) estimated effect and its standard error: log hazard ratio, or a difference."""
    if plan.design.method in ("logrank", "maxcombo"):
        return cox_rows(rows)
    if plan.design.method == "rmst":
        found = compare(_sample(rows, plan), "rmst", day=plan.horizon * (1 - 1e-9))
        return np.asarray(found.estimate), np.asarray(found.se)
    _, difference, se = milestone_rows(rows, plan.horizon * (1 - 1e-9))
    return difference, se


def _sample(rows: SortedRows, plan: Plan) -> TimeSample:
    """The patients as the analysis package takes them."""
    unit, place = np.nonzero(np.isfinite(rows.time))
    return TimeSample(
        unit=unit.astype(np.int64),
        arm=np.where(rows.treated[unit, place], 0, 1).astype(np.int64),
        units=len(rows.events),
        arms=(plan.treated, plan.control),
        stratum=np.zeros(len(unit), dtype=np.int64),
        strata=1,
        time=rows.time[unit, place],
        cause=rows.event[unit, place].astype(np.int64),
    )


@lru_cache(maxsize=4096)
def _bounds(fractions: tuple[float, ...], spent: tuple[float, ...]) -> tuple[float, ...]:
    alpha = spent[-1]
    kind = Boundary("custom", cumulative=spent)
    return tuple(efficacy_boundary(np.array(fractions), alpha, kind).tolist())


def efficacy_at(plan: Plan, planned: SequentialDesign, information: Array, last: Yes) -> Array:
    """(r, k) efficacy boundaries at the information that the trials really had.

    Boundary families and binding futility keep the planned boundaries. Spending functions spend by the share
    of the planned information seen, and everything at the trial's last look; correlations are those of the
    information seen. Shares are taken to hundredths.

    Args:
        plan, planned: the design and its boundaries.
        information: (r, k) share of the planned information at each look.
        last: (r, k) whether the look is the trial's last.
    """
    design = plan.design
    fixed = design.efficacy.kind in FAMILIES or bool(design.futility and design.futility.binding)
    if fixed or design.looks.count == 1:
        return np.broadcast_to(planned.efficacy, information.shape)
    kind = boundary_of(design.efficacy)
    share = np.maximum(np.round(information * _GRAIN), 1) / _GRAIN
    bounds = np.full(information.shape, np.inf)
    shapes, which = np.unique(np.concatenate([share, last], axis=1), axis=0, return_inverse=True)
    for number, shape in enumerate(shapes):
        seen, final = shape[: share.shape[1]], shape[share.shape[1] :].astype(bool)
        looks = int(np.argmax(final)) + 1 if final.any() else len(seen)
        t = np.maximum.accumulate(seen[:looks])
        for k in range(1, looks):  # looks nearer than a grain: taken for less alike than they are
            t[k] = max(t[k], t[k - 1] + 1 / _GRAIN)
        if kind.kind == "custom":
            spent = np.array(kind.cumulative[:looks])
        else:
            spent = spent_by(kind, design.alpha, np.minimum(t, 1.0))
        spent = np.minimum(spent, design.alpha)
        spent[-1] = design.alpha
        bounds[which.ravel() == number, :looks] = _bounds(
            tuple((t / t[-1]).round(6).tolist()), tuple(spent.round(12).tolist())
        )
    return bounds


def conduct(plan: Plan, boundary: SequentialDesign, planned: Array, records: Records) -> Ended:
    """Run trials through their looks.

    Args:
        plan: the design.
        boundary: planned boundaries.
        planned: (k,) events, or patients with a known outcome, due at each look.
        records: the trials.
    """
    days = look_days(plan, records, planned)
    looks, count = days.shape[1], len(days)
    z, information = np.full((count, looks), np.nan), np.zeros((count, looks))
    seen, events = np.zeros((count, looks)), np.zeros((count, looks), dtype=np.int64)
    sorted_at: list[SortedRows] = []
    for k in range(looks):
        time, event, here = records.at(days[:, k])
        rows = sort_rows(time, event, records.treated, here)
        sorted_at.append(rows)
        z[:, k], information[:, k] = statistic(plan, rows)
        events[:, k] = rows.events
        seen[:, k] = information_at(plan, records, days[:, k]) / planned[-1]
    last = days >= days[:, -1:] - 1e-9
    upper = efficacy_at(plan, boundary, seen, last)
    known = np.nan_to_num(z, nan=-np.inf)
    crossed = known >= upper
    futile = (known < boundary.futility[None, :]) & ~last
    stop = crossed | futile | last
    look = np.argmax(stop, axis=1)
    row = np.arange(count)
    decision = np.where(crossed[row, look], 1, np.where(futile[row, look], 2, 0))
    cut = days[row, look]
    final = last[row, look]
    lag = plan.design.looks.overrun
    decided = np.where(final, cut, np.minimum(cut + lag, records.end))
    time, event, here = records.at(decided)
    after = sort_rows(time, event, records.treated, here)
    overrun_z = np.where(final, z[row, look], statistic(plan, after)[0]) if lag > 0 else z[row, look]
    estimate, se = _at_end(plan, sorted_at, look)
    return Ended(
        decision=decision,
        look=look + 1,
        patients=(records.entry < decided[:, None]).sum(axis=1),
        days=decided,
        events=events[row, look],
        z=z[row, look],
        overrun_z=overrun_z,
        estimate=estimate,
        se=se,
        information=information[row, look],
    )


def _at_end(plan: Plan, sorted_at: list[SortedRows], look: Whole) -> tuple[Array, Array]:
    """Estimates at the look at which each trial ended."""
    estimate, se = np.full(len(look), np.nan), np.full(len(look), np.nan)
    for k, rows in enumerate(sorted_at):
        mine = np.flatnonzero(look == k)
        if len(mine):
            estimate[mine], se[mine] = estimates(plan, rows.rows(mine))
    return estimate, se
