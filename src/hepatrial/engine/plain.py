"""The engine's call in plain scipy: one patient at a time, for reading and for tests.

The same conventions as :mod:`hepatrial.engine.call`; states and cumulative hazards are integrated together
by LSODA, visits and event times are read from its dense output.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.engine.call import Call, Impulses, Result, Status, check_call, event_table
from hepatrial.model.expr import python_function, sym
from hepatrial.model.spec import TIME, Jump, ModelSpec

Function = Callable[..., list[float]]


@dataclass(frozen=True)
class _Functions:
    """The model's equations as Python functions of (y, H, p, t) or, for jumps, (y, H, p, t, amount)."""

    slopes: Function
    outputs: Function
    events: tuple[Function, ...]
    actions: tuple[Function, ...]


def _functions(spec: ModelSpec) -> _Functions:
    vectors: dict[str, Sequence[str]] = {
        "y": spec.states,
        "H": [hazard.state for hazard in spec.hazards],
        "p": spec.parameters,
        "t": (TIME,),
    }
    everything = dict(zip(spec.outputs, [sym(name) for name in spec.outputs], strict=True))
    everything |= spec.inlined_observables

    def jump(j: Jump) -> Function:
        after = dict(j.assignments)
        new = spec.inline([after.get(name, everything[name]) for name in spec.states])
        return python_function(new, {**vectors, "a": (j.amount,)})

    return _Functions(
        slopes=python_function(spec.inline([*spec.rates, *(h.rate for h in spec.hazards)]), vectors),
        outputs=python_function(list(everything.values()), vectors),
        events=tuple(jump(hazard.jump) for hazard in spec.hazards),
        actions=tuple(jump(j) for j in spec.jumps),
    )


def simulate_plain(
    model: Any,
    parameters: ArrayLike,
    initial: ArrayLike,
    thresholds: ArrayLike,
    visits: ArrayLike,
    end: ArrayLike,
    impulses: Impulses | None = None,
    cumulative_hazards: ArrayLike | None = None,
    occurrences: ArrayLike | None = None,
    outputs: tuple[str, ...] | list[str] | None = None,
    rtol: float = 1e-4,
    max_steps: int = 20_000,
    max_seconds: float | None = None,
    precision: str = "float64",
) -> Result:
    """Follow each patient; the arguments are those of :func:`hepatrial.engine.simulate`.

    There is only one precision here: the screening mode's answer is the float64 answer, nobody is repeated.

    Args:
        model: a ModelSpec or a compiled model.

    Raises:
        BadInput: with everything that is wrong with the arguments.
    """
    spec: ModelSpec = getattr(model, "spec", model)
    call = check_call(
        spec,
        parameters,
        initial,
        thresholds,
        visits,
        end,
        impulses,
        cumulative_hazards,
        occurrences,
        outputs,
        rtol,
        max_steps,
        max_seconds,
        precision,
    )
    functions = _functions(spec)
    courses = [_followed(_Course(spec, functions, call, i)) for i in range(call.n)]
    shape = (call.n, call.visits.shape[1], len(call.outputs))
    return Result(
        outputs=call.outputs,
        values=np.array([c.values for c in courses]).reshape(shape),
        events=event_table(np.array([c.event_times for c in courses]).reshape(call.sums.shape)),
        status=np.array([c.status for c in courses], dtype=np.int64),
        end_time=np.array([c.t for c in courses]),
        end_state=np.array([c.y for c in courses]).reshape(call.initial.shape),
        end_cumulative_hazards=np.array([c.hazards for c in courses]).reshape(call.cumulative_hazards.shape),
        end_occurrences=np.array([c.occurrences for c in courses]).reshape(call.occurrences.shape),
        steps=np.array([c.steps for c in courses], dtype=np.int64),
        rejected=np.zeros(call.n, dtype=np.int64),
        pivoted=np.zeros(call.n, dtype=np.int64),
        repeated=np.zeros(call.n, dtype=bool),
    )


def _followed(course: _Course) -> _Course:
    course.follow()
    return course


class _Course:
    """One patient's course."""

    def __init__(self, spec: ModelSpec, functions: _Functions, call: Call, i: int) -> None:
        self.spec, self.functions = spec, functions
        self.p = call.parameters[i].tolist()
        self.sums = call.sums[i]
        self.t = 0.0
        self.y = call.initial[i].tolist()
        self.hazards = call.cumulative_hazards[i].tolist()
        self.occurrences = call.occurrences[i].tolist()
        self.end = float(call.end[i])
        self.visits = call.visits[i]
        self.to_visit = [j for j, t in enumerate(self.visits) if not math.isnan(t)]
        mine = slice(call.first_impulse[i], call.first_impulse[i + 1])
        self.impulses = list(
            zip(call.impulse_time[mine], call.impulse_action[mine], call.impulse_amount[mine], strict=True)
        )
        self.rtol, self.max_steps = call.rtol, call.max_steps
        self.deadline = time.perf_counter() + call.max_seconds
        self.columns = call.output_index
        self.values = np.full((len(self.visits), len(call.outputs)), np.nan)
        self.event_times = np.full(self.sums.shape, np.nan)
        self.steps = 0
        self.status = Status.COMPLETED

    def follow(self) -> None:
        """Live until the horizon, a terminal event or a failure."""
        self._visit(self.t, lambda _: np.array([*self.y, *self.hazards]))
        while self._events_and_impulses() and self.t < self.end:
            until = min([self.end, *(day for day, _, _ in self.impulses[:1])])
            if not self._advance(until):
                return

    def _threshold(self, q: int) -> float:
        """Value of the cumulative hazard at which the cause strikes next."""
        k = self.occurrences[q]
        if k > 0 and not self.spec.hazards[q].recurrent:
            return math.inf
        return float(self.sums[q, k])

    def _events_and_impulses(self) -> bool:
        """Everything that happens now; False when the course ends here."""
        while True:
            due = [q for q, H in enumerate(self.hazards) if self._threshold(q) <= H]
            if due:
                if not self._strike(due[0]):
                    return False
            elif self.impulses and self.impulses[0][0] <= self.t < self.end:
                _, action, amount = self.impulses.pop(0)
                self._jump(self.functions.actions[action], amount)
            else:
                return True

    def _jump(self, function: Function, amount: float) -> None:
        self.y = function(self.y, self.hazards, self.p, (self.t,), (amount,))

    def _strike(self, q: int) -> bool:
        """The event of cause q happens now; False when the course ends with it."""
        self.event_times[q, self.occurrences[q]] = self.t
        self.occurrences[q] += 1
        hazard = self.spec.hazards[q]
        self._jump(self.functions.events[q], 0.0)
        if hazard.terminal:
            self.status = Status.ENDED
        elif hazard.recurrent and self.occurrences[q] == self.sums.shape[1]:
            self.status = Status.OCCURRENCES_EXHAUSTED
        return self.status is Status.COMPLETED

    def _visit(self, until: float, at: Callable[[float], NDArray[np.float64]]) -> None:
        """Record the visits up to a time."""
        while self.to_visit and self.visits[self.to_visit[0]] <= min(until, self.end):
            row = self.to_visit.pop(0)
            day = float(self.visits[row])
            y, hazards = np.split(at(day), [len(self.spec.states)])
            found = self.functions.outputs(y.tolist(), hazards.tolist(), self.p, (day,))
            self.values[row] = np.array(found)[self.columns]

    def _advance(self, until: float) -> bool:
        """Integrate to a time or to the next event, whichever is first; False on failure."""
        n = len(self.spec.states)
        thresholds = [self._threshold(q) for q in range(len(self.hazards))]
        scales = np.concatenate([self.spec.scales, np.ones(len(self.hazards))])

        def slopes(t: float, z: NDArray[np.float64]) -> list[float]:
            values = z.tolist()
            return self.functions.slopes(values[:n], values[n:], self.p, (t,))

        from scipy.integrate import LSODA  # here, because importing it costs more than a compiled run

        start = np.array([*self.y, *self.hazards])
        solver = LSODA(slopes, self.t, start, until, rtol=self.rtol, atol=self.rtol * 1e-2 * scales)
        while solver.status == "running":
            if self.steps >= self.max_steps:
                self.status = Status.STEP_BUDGET
                return False
            if time.perf_counter() > self.deadline:
                self.status = Status.TIME_BUDGET
                return False
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # LSODA's failures are seen in its status
                solver.step()
            self.steps += 1
            if not np.isfinite(solver.y).all():
                self.status = Status.NOT_FINITE
                return False
            if solver.status == "failed":
                self.status = Status.STEP_TOO_SMALL
                return False
            path = solver.dense_output()
            reached = [q for q in range(len(thresholds)) if solver.y[n + q] >= thresholds[q]]
            times = [_crossing(path, n + q, thresholds[q], solver.t_old, solver.t) for q in reached]
            now = min(times, default=solver.t)
            self._visit(now, path)
            self._arrive(now, path(now) if times else solver.y)
            for q, day in zip(reached, times, strict=True):
                if day == now:
                    self.hazards[q] = thresholds[q]
            if times:
                return True
        return True

    def _arrive(self, t: float, z: NDArray[np.float64]) -> None:
        self.t = float(t)
        values = z.tolist()
        self.y, self.hazards = values[: len(self.y)], values[len(self.y) :]


def _crossing(path: Any, row: int, level: float, before: float, after: float) -> float:
    """When the row of the dense output reaches the level, within one step."""
    from scipy.optimize import brentq

    def excess(t: float) -> float:
        return float(path(t)[row]) - level

    if excess(after) <= 0:  # the interpolant may miss the end of the step by rounding
        return after
    if excess(before) >= 0:
        return before
    return float(brentq(excess, before, after, xtol=1e-13, rtol=1e-14))
