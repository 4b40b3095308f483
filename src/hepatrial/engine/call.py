"""The engine's one call: what goes in, checked; what comes out.

Conventions, the same in every implementation of the call:

* A visit reports the values before anything that happens at the same time (event, dose).
* Impulses act on [0, end); several at one time act in the order of the table.
* A hazard event happens when the cumulative hazard reaches its threshold, immediately if it already has.
  Hazards are taken to be never negative.
  Events at the same time happen in the order of the causes.
* After a patient's end (horizon, terminal event, failure) every visit is NaN; one at the very end is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.spec import ModelSpec

EVENT = np.dtype([("patient", np.int64), ("cause", np.int64), ("time", np.float64)])
"""One event: row of the patient, index into ``spec.causes``, day."""


ARRAYS = (
    "parameters",
    "initial",
    "sums",
    "visits",
    "end",
    "first_impulse",
    "impulse_time",
    "impulse_action",
    "impulse_amount",
    "cumulative_hazards",
    "occurrences",
    "output_index",
    "values",
    "event_times",
    "status",
    "end_time",
    "end_state",
    "end_cumulative_hazards",
    "end_occurrences",
    "steps",
    "rejected",
    "pivoted",
    "nearness",
)
SIZES = ("n_visits", "n_occurrences", "n_outputs", "max_steps")
REALS = ("rtol", "max_seconds")
ARGUMENTS = (*ARRAYS, *SIZES, *REALS, "clock")
"""What the eight-byte slots of the argument block hold: pointers, sizes, doubles, and the address of a clock
(a function without arguments that returns seconds; 0 for none)."""


PRECISIONS = ("float64", "screen")
SCREEN_RTOL = 1e-5
"""Smallest relative tolerance that single precision can keep."""


class Status(IntEnum):
    """How a patient's course ended. Below ``STEP_BUDGET`` all is well."""

    COMPLETED = 0
    ENDED = 1
    STEP_BUDGET = 2
    STEP_TOO_SMALL = 3
    NOT_FINITE = 4
    OCCURRENCES_EXHAUSTED = 5
    TIME_BUDGET = 6

    @property
    def ok(self) -> bool:
        """Whether the course is whole: until the horizon or a terminal event."""
        return self < Status.STEP_BUDGET

    @property
    def sentence(self) -> str:
        """What happened, for a reader."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.COMPLETED: "The course was followed until its horizon.",
    Status.ENDED: "A terminal event ended the course.",
    Status.STEP_BUDGET: "The solver used up its step budget before the horizon; raise max_steps or rtol.",
    Status.STEP_TOO_SMALL: "The solver met its tolerance with no step, however small; is the model singular?",
    Status.NOT_FINITE: "The model's rates are not finite numbers for this patient, however small the step.",
    Status.OCCURRENCES_EXHAUSTED: (
        "A recurrent event used the last threshold of its row, so the next could not be timed; "
        "give more occurrences, or end the row with infinity to allow no more."
    ),
    Status.TIME_BUDGET: (
        "The solver used up its time budget before the horizon; raise max_seconds or rtol "
        "(on another day, or another machine, it may not)."
    ),
}


@dataclass(frozen=True)
class Impulses:
    """Actions at given times: four arrays of equal length.

    Attributes:
        patient: row of the patient.
        time: days, not negative; those at or after the patient's end do not act.
        action: index into ``spec.actions``.
        amount: finite; its unit is the action's own.
    """

    patient: ArrayLike
    time: ArrayLike
    action: ArrayLike
    amount: ArrayLike


@dataclass(frozen=True)
class Result:
    """What happened to n patients.

    Attributes:
        outputs: recorded names, in column order.
        values: (n, n_visits, n_outputs).
        events: structured array (``patient``, ``cause``, ``time``), sorted by patient and time.
        status: (n,) values of :class:`Status`.
        end_time: (n,) day on which the course ended.
        end_state: (n, n_states) at the end, after the terminal event's assignments.
        end_cumulative_hazards: (n, n_hazards).
        end_occurrences: (n, n_hazards) events so far, those before the start included.
        steps: (n,) accepted steps.
        rejected: (n,) rejected steps.
        pivoted: (n,) steps that were repeated with pivoting because the static elimination met a tiny pivot.
        repeated: (n,) whether the screening mode repeated the patient in float64; never in float64.
    """

    outputs: tuple[str, ...]
    values: NDArray[np.float64]
    events: NDArray[np.void]
    status: NDArray[np.int64]
    end_time: NDArray[np.float64]
    end_state: NDArray[np.float64]
    end_cumulative_hazards: NDArray[np.float64]
    end_occurrences: NDArray[np.int64]
    steps: NDArray[np.int64]
    rejected: NDArray[np.int64]
    pivoted: NDArray[np.int64]
    repeated: NDArray[np.bool_]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """(n,) whether each course is whole."""
        return self.status < Status.STEP_BUDGET


@dataclass(frozen=True)
class Call:
    """The checked arguments as contiguous arrays.

    Attributes:
        sums: (n, n_hazards, n_occurrences) partial sums of the thresholds.
        max_seconds: infinite for no budget.
        first_impulse: (n + 1,) where each patient's impulses begin in the three impulse arrays, which are
            sorted by patient and time.
        output_index: (n_outputs,) indices into ``spec.outputs``.

    The other attributes are those of the call.
    """

    parameters: NDArray[np.float64]
    initial: NDArray[np.float64]
    sums: NDArray[np.float64]
    visits: NDArray[np.float64]
    end: NDArray[np.float64]
    first_impulse: NDArray[np.int64]
    impulse_time: NDArray[np.float64]
    impulse_action: NDArray[np.int64]
    impulse_amount: NDArray[np.float64]
    cumulative_hazards: NDArray[np.float64]
    occurrences: NDArray[np.int64]
    outputs: tuple[str, ...]
    output_index: NDArray[np.int64]
    rtol: float
    max_steps: int
    max_seconds: float

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.parameters)

    def of(self, rows: NDArray[np.int64]) -> Call:
        """The call for some of the patients, ascending rows."""
        counts = np.diff(self.first_impulse)[rows]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        mask = np.zeros(self.n, dtype=bool)
        mask[rows] = True
        kept = np.repeat(mask, np.diff(self.first_impulse))
        mine: dict[str, Any] = {name: np.ascontiguousarray(getattr(self, name)[rows]) for name in _BY_PATIENT}
        table: dict[str, Any] = {name: getattr(self, name)[kept] for name in _BY_IMPULSE}
        return replace(self, first_impulse=first, **mine, **table)


_BY_PATIENT = ("parameters", "initial", "sums", "visits", "end", "cumulative_hazards", "occurrences")
_BY_IMPULSE = ("impulse_time", "impulse_action", "impulse_amount")


class _Checker:
    """Reads arguments and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def complain(self, place: str, given: str, allowed: str, nearest: str | None = None) -> None:
        self.problems.append(Problem(place, given, allowed, nearest))

    def floats(self, name: str, x: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
        """``x`` as float64 of the shape, None standing for any length; zeros when it does not fit."""
        try:
            array = np.ascontiguousarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            self.complain(name, f"{type(x).__name__} ({error})", "must be an array of numbers")
            return np.zeros([s or 0 for s in shape])
        fits = array.ndim == len(shape) and all(
            s in (None, a) for s, a in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if s is None else str(s) for s in shape)
            self.complain(name, f"shape {array.shape}", f"must have shape ({wanted})")
            return np.zeros([s or 0 for s in shape])
        return array

    def require(self, name: str, array: NDArray[np.float64], good: NDArray[np.bool_], allowed: str) -> None:
        """Complain about the first entry of ``array`` that is not good, and how many there are."""
        if not good.all():
            bad = np.argwhere(~good)
            index = tuple(int(i) for i in bad[0])
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            place = f"{name}[{', '.join(map(str, index))}]"
            self.complain(place, f"{array[index]}{more}", allowed)


def check_call(
    spec: ModelSpec,
    parameters: ArrayLike,
    initial: ArrayLike,
    thresholds: ArrayLike,
    visits: ArrayLike,
    end: ArrayLike,
    impulses: Impulses | None,
    cumulative_hazards: ArrayLike | None,
    occurrences: ArrayLike | None,
    outputs: tuple[str, ...] | list[str] | None,
    rtol: float,
    max_steps: int,
    max_seconds: float | None = None,
    precision: str = "float64",
) -> Call:
    """The arguments of the call as arrays that fit each other.

    Raises:
        BadInput: with everything that is wrong.
    """
    c = _Checker()
    hazards, n_states = len(spec.hazards), len(spec.states)
    for trigger in spec.triggers:
        c.complain(
            f"event {trigger.name}",
            "a general trigger",
            "this call knows hazard events and actions only; use simulate_model",
        )
    p = c.floats("parameters", parameters, (None, len(spec.parameters)))
    n = len(p)
    y = c.floats("initial", initial, (n, n_states))
    unit = c.floats("thresholds", thresholds, (n, hazards, None))
    v = c.floats("visits", visits, (n, None))
    stop = c.floats("end", end, (n,))
    h = c.floats(
        "cumulative_hazards",
        np.zeros((n, hazards)) if cumulative_hazards is None else cumulative_hazards,
        (n, hazards),
    )
    o = c.floats("occurrences", np.zeros((n, hazards)) if occurrences is None else occurrences, (n, hazards))
    c.require("parameters", p, np.isfinite(p), "must be finite")
    c.require("initial", y, np.isfinite(y), "must be finite")
    c.require("thresholds", unit, unit >= 0, "must not be negative or NaN (infinity means never)")
    c.require("end", stop, np.isfinite(stop) & (stop >= 0), "must be finite and not negative")
    c.require(
        "visits", v, np.isnan(v) | ((v >= 0) & np.isfinite(v)), "must be days from 0, or NaN for no visit"
    )
    c.require("visits", v, _ascending(v), "must ascend in each row")
    c.require("cumulative_hazards", h, np.isfinite(h) & (h >= 0), "must be finite and not negative")
    whole = (o >= 0) & (o == np.floor(o)) & np.isfinite(o)
    c.require("occurrences", o, whole, "must be whole numbers, not negative")
    _check_occurrences(c, spec, unit, o)
    start, time, action, amount = _impulses(c, spec, n, impulses)
    names, index = _outputs(c, spec, outputs)
    if not (isinstance(rtol, int | float) and 1e-13 <= rtol <= 0.1):
        c.complain("rtol", str(rtol), "must be between 1e-13 and 0.1")
    if not (isinstance(max_steps, int | np.integer) and max_steps >= 1):
        c.complain("max_steps", str(max_steps), "must be a whole number from 1")
    seconds = math.inf if max_seconds is None else max_seconds
    if isinstance(seconds, bool) or not (isinstance(seconds, int | float | np.floating) and seconds > 0):
        c.complain(
            "max_seconds", str(max_seconds), "must be a positive number of seconds, or None for no limit"
        )
    if precision not in PRECISIONS:
        allowed = f"must be one of {', '.join(PRECISIONS)}"
        c.complain("precision", repr(precision), allowed, nearest_name(str(precision), PRECISIONS))
    if precision == "screen" and isinstance(rtol, int | float) and rtol < SCREEN_RTOL:
        c.complain("rtol", str(rtol), f"must be at least {SCREEN_RTOL:g} in the screening mode")
    if c.problems:
        raise BadInput(c.problems)
    sums, before = np.cumsum(unit, axis=2), o.astype(np.int64)
    limits = (float(rtol), int(max_steps), float(seconds))
    return Call(p, y, sums, v, stop, start, time, action, amount, h, before, names, index, *limits)


def _ascending(v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where an entry is not below an earlier one of its row (NaN entries are skipped)."""
    if v.size == 0:
        return np.ones(v.shape, dtype=bool)
    highest = np.fmax.accumulate(v, axis=1)
    return np.isnan(v) | (v >= highest)


def _check_occurrences(
    c: _Checker, spec: ModelSpec, thresholds: NDArray[np.float64], occurrences: NDArray[np.float64]
) -> None:
    columns = thresholds.shape[2]
    if len(spec.hazards) and len(thresholds) and columns == 0:
        c.complain("thresholds", "no occurrence", "needs at least one column of occurrences")
    for q, hazard in enumerate(spec.hazards):
        if hazard.recurrent and (occurrences[:, q] >= columns).any():
            given = f"{int(occurrences[:, q].max())} events of {hazard.name} before the start"
            c.complain(
                "thresholds", f"{columns} occurrences and {given}", "needs one more than have happened"
            )


def _impulses(
    c: _Checker, spec: ModelSpec, n: int, impulses: Impulses | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    if impulses is None:
        impulses = Impulses([], [], [], [])
    patient = c.floats("impulses.patient", impulses.patient, (None,))
    time = c.floats("impulses.time", impulses.time, (len(patient),))
    action = c.floats("impulses.action", impulses.action, (len(patient),))
    amount = c.floats("impulses.amount", impulses.amount, (len(patient),))
    c.require("impulses.patient", patient, _is_index(patient, n), f"must be a row below {n}")
    c.require("impulses.time", time, np.isfinite(time) & (time >= 0), "must be finite and not negative")
    actions = len(spec.actions)
    allowed = f"must be an index of one of {', '.join(spec.actions) or 'no actions'}"
    c.require("impulses.action", action, _is_index(action, actions), allowed)
    c.require("impulses.amount", amount, np.isfinite(amount), "must be finite")
    if c.problems:
        return np.zeros(n + 1, dtype=np.int64), time, action.astype(np.int64), amount
    order = np.lexsort((time, patient))  # stable: equal times keep the order of the table
    start = np.searchsorted(patient[order], np.arange(n + 1)).astype(np.int64)
    return start, time[order], action[order].astype(np.int64), amount[order]


def _is_index(x: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """Which numbers are whole, from 0, below a size. (``numpy.isin`` would sort, and load ``numpy.ma``.)"""
    found: NDArray[np.bool_] = (x >= 0) & (x < size) & (x == np.floor(x))
    return found


def _outputs(
    c: _Checker, spec: ModelSpec, outputs: tuple[str, ...] | list[str] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    names = spec.outputs if outputs is None else tuple(outputs)
    place = {name: i for i, name in enumerate(spec.outputs)}
    for name in names:
        if name not in place:
            allowed = "must be a state, a cumulative hazard or an observable of the model"
            c.complain("outputs", repr(name), allowed, nearest_name(str(name), place))
    return names, np.array([place.get(name, 0) for name in names], dtype=np.int64)


def event_table(times: NDArray[np.float64]) -> NDArray[np.void]:
    """The events of all patients, sorted by patient, time and cause.

    Args:
        times: (n, n_hazards, n_occurrences) day of each occurrence, NaN where none.
    """
    _, hazards, occurrences = times.shape
    place = np.flatnonzero(~np.isnan(times))  # a single index is found many times faster than three
    patient, cause = place // max(1, hazards * occurrences), place // max(1, occurrences) % max(1, hazards)
    day = times.ravel()[place]
    order = np.lexsort((cause, day, patient))
    table = np.empty(len(day), dtype=EVENT)
    table["patient"], table["cause"], table["time"] = patient[order], cause[order], day[order]
    return table
