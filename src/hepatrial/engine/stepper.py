"""The generated step: Rodas5P with patients in independent lanes, written in the IR's own words.

Every lane holds its own patient with its own time, step size, visits, impulses and events; a lane whose
patient has ended takes the next one. No operation mixes lanes, so a patient's result does not depend on who
else is simulated. One round of the main loop is

    settle:  lanes that start, stop or meet an event: initial visits, due events, impulses, end, next patient
    attempt: one step of Rodas5P in all lanes, its error, hazards on its dense output
    judge:   per lane accept or reject; the first hazard that crosses its threshold cuts the step short
    record:  visits inside the accepted step, from the dense output
    commit:  move the accepted lanes

Hazards are integrated by Boole's rule on five points of the dense output; the difference to Simpson's rule is
in the error norm. Between the points the hazard is their quartic, so the cumulative hazard is a quintic in
the step, and an event time its root.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from hepatrial.engine.call import ARGUMENTS, ARRAYS, Status
from hepatrial.engine.ir import Array, Function, Value
from hepatrial.engine.kernels import Kernels
from hepatrial.engine.pivoting import LARGEST
from hepatrial.engine.tableau import DENSE, GAMMA, ORDER, STAGES, A, C

FIRST_STEP = 0.01
"""Days; the step tried first. After a change of state it is the one that would have been right after the last
change in the same patient, within ``_FIRST_STEP_RANGE``."""
_FIRST_STEP_RANGE = (1e-3, 0.1)
_GROWTH, _SHRINK, _SAFETY = 10.0, 0.2, 0.9
_SMALLEST = 1e-12
"""Smallest step, relative to 1 + t."""
_PIVOT_LIMIT = {"double": 1e8, "float": 1e3}
"""Largest 1/(h gamma) over a pivot that is trusted; beyond it the step is repeated with pivoting."""
_SMALLEST_PIVOT = 1e-14
"""Smallest pivot relative to its row with which a step that pivots is taken."""
_CLOCK_ROUNDS = 16
"""Rounds of the main loop between two looks at the clock (a power of 2)."""
_KINK_CARE = 8.0
"""Weight of the error of a step across a kink (of min, max, abs, a comparison).

The error estimate takes the rates to be smooth and sees too little of a step across a kink; on the patient
model nearly all of the error of event times came from there.
"""
_QUADRATURE_CARE = 10.0
"""Weight of the quadrature of the hazards in the error norm, which is a mean over all states at rest too."""
_HAZARD_SCALE = 0.01
"""Cumulative hazard from which its relative error counts."""
_INFINITE = 1e300
_RUNNING = -1

_WHOLES = {
    "first_impulse",
    "impulse_action",
    "occurrences",
    "output_index",
    "status",
    "end_occurrences",
    "steps",
    "rejected",
    "pivoted",
}


def _quartic() -> list[list[float]]:
    """Row k: weights of the values at x = 0, 1/4, 1/2, 3/4, 1 in the coefficient of x**k of their quartic."""
    nodes = [Fraction(i, 4) for i in range(5)]
    rows = [[Fraction(0)] * 5 for _ in range(5)]
    for i in range(5):
        poly = [Fraction(1)]
        for j in range(5):
            if j != i:
                scale = nodes[i] - nodes[j]
                shifted = [Fraction(0), *poly]
                poly = [s - nodes[j] * p for s, p in zip(shifted, [*poly, Fraction(0)], strict=True)]
                poly = [p / scale for p in poly]
        for k in range(5):
            rows[k][i] = poly[k]
    return [[float(x) for x in row] for row in rows]


QUARTIC = _quartic()
_BOOLE = [7 / 90, 32 / 90, 12 / 90, 32 / 90, 7 / 90]
_SIMPSON = [1 / 6, 0.0, 4 / 6, 0.0, 1 / 6]
_BOOLE_LESS_SIMPSON = [b - s for b, s in zip(_BOOLE, _SIMPSON, strict=True)]


def write_crossing() -> Function:
    """Smallest x in [0, 1] with x (a0 + x (a1/2 + ...)) = need, by Newton's method kept inside a bracket."""
    f = Function("crossing", [("double", n) for n in ("need", "a0", "a1", "a2", "a3", "a4")], "double")
    need = f.argument("need")
    slope = [f.argument(f"a{k}") for k in range(5)]
    low, high = f.variable("double", 0.0), f.variable("double", 1.0)
    x, rounds = f.variable("double", 0.5), f.variable("i64", 0)
    with f.forever() as loop:
        at = x.get()
        height, rate = f.constant("double", 0.0), f.constant("double", 0.0)
        for k in reversed(range(5)):
            height = f.fma(height, at, slope[k] * (1.0 / (k + 1)))
            rate = f.fma(rate, at, slope[k])
        excess = height * at - need
        below = excess < 0.0
        low.set(f.select(below, at, low.get()))
        high.set(f.select(below, high.get(), at))
        guess = at - excess / rate
        inside = (guess > low.get()) & (guess < high.get())
        following = f.select(inside, guess, (low.get() + high.get()) * 0.5)
        x.set(following)
        rounds.set(rounds.get() + 1)
        loop.leave_if(f.absolute(following - at) <= 1e-15)
        loop.leave_if(rounds.get() >= 100)
    f.finish(x.get())
    return f


class Stepper:
    """Writes the function ``simulate(arguments, first, last)`` for the patients first <= i < last.

    Times and everything that concerns one lane alone are doubles in both precisions. In single precision the
    function also notes how near each patient's course comes to having its events in another order: the
    smallest distance of a cumulative hazard to its next or its last threshold, relative to the hazard, at
    any visit, impulse, event or end.

    Args:
        kernels: the model's functions.
    """

    def __init__(self, kernels: Kernels) -> None:
        self.k = kernels
        self.lanes = kernels.lanes
        self.w = self.lanes.width
        self.screening = self.lanes.scalar == "float"
        self.n, self.hazards = kernels.n, kernels.spec.hazards
        self.nh = len(self.hazards)
        self.nc = len(kernels.constants.index)
        arguments = [("ptr", "arguments"), ("i64", "first"), ("i64", "last")]
        self.f = Function("simulate", arguments, external=True)

    def write(self) -> Function:
        """The whole function."""
        f = self.f
        self._read_arguments()
        self._allocate()
        self._start()
        with f.forever() as loop:
            self._look_at_the_clock()
            self._settle()
            loop.leave_if(self.live.get().equals(0))
            self._choose_step()
            self._attempt()
            self._arrive()
            self._hazard_nodes()
            self._weigh_error()
            self._judge()
            self._record()
            self._cut_short()
            self._commit()
        f.finish()
        return f

    # ---- memory -------------------------------------------------------------------------------------------

    def _read_arguments(self) -> None:
        f = self.f
        block = f.argument("arguments")
        self.arg: dict[str, Array] = {}
        for i, name in enumerate(ARRAYS):
            pointer = Array(f, block, "ptr")[i]
            self.arg[name] = Array(f, pointer, "i64" if name in _WHOLES else "double")

        def slot(name: str, type_: str) -> Value:
            return Array(f, block, type_)[ARGUMENTS.index(name)]

        self.n_visits, self.n_occurrences = slot("n_visits", "i64"), slot("n_occurrences", "i64")
        self.n_outputs, self.max_steps = slot("n_outputs", "i64"), slot("max_steps", "i64")
        self.rtol, self.max_seconds = slot("rtol", "double"), slot("max_seconds", "double")
        self.clock = slot("clock", "ptr")
        self.timed = slot("clock", "i64").differs(0)

    def _allocate(self) -> None:
        f, real = self.f, self.lanes.real

        def vectors(count: int) -> Array:
            return f.array(real, count)

        n, nh = self.n, max(self.nh, 1)
        # ``u`` is where a stage looks, and in the end the new state.
        self.y, self.u, self.slopes = vectors(n), vectors(n), vectors(n)
        self.stage = [vectors(n) for _ in range(STAGES)]
        self.inside = [vectors(self.k.in_hazards) for _ in range(3)]
        self.atol = f.array("double", n)
        self.M, self.c = vectors(len(self.k.plan.index)), vectors(self.nc)
        self.H, self.H_new = vectors(nh), vectors(nh)
        self.node = [vectors(nh) for _ in range(5)]
        # One value a lane.
        self.pivot, self.e2, self.factor = vectors(1), vectors(1), vectors(1)
        self.squares, self.finite = vectors(1), vectors(1)
        self.threshold = vectors(nh)
        self.side, self.side_new = vectors(1), vectors(1)

        def doubles(count: int) -> Array:
            return f.array(self.lanes.double, count)

        self.t, self.h, self.used, self.stop = doubles(1), doubles(1), doubles(1), doubles(1)
        self.theta, self.until = doubles(1), doubles(1)
        self.begun, self.near, self.passed = doubles(1), doubles(1), doubles(nh)
        self.first_step = doubles(1)

        def wholes(count: int) -> Array:
            return f.array("i64", count)

        w = self.w
        self.id, self.at_visit, self.at_impulse, self.last_impulse = (wholes(w) for _ in range(4))
        self.accepted, self.hits, self.striking, self.shrunk = (wholes(w) for _ in range(4))
        self.state, self.unsettled, self.fresh, self.taken, self.refused = (wholes(w) for _ in range(5))
        self.pivoted, self.opening = wholes(w), wholes(w)
        self.count = wholes(nh * w)
        # One lane's own state, for the functions that serve one patient at a time.
        self.one_y, self.one_H = f.array("double", n), f.array("double", nh)
        self.one_out = f.array("double", len(self.k.spec.observables))
        self.place_of = wholes(len(self.k.spec.outputs))
        self.repeated_step = f.array("double", (STAGES + 1) * n if n <= LARGEST else 1)

    def _start(self) -> None:
        f = self.f
        self.next = f.variable("i64", f.argument("first"))
        self.live = f.variable("i64", self.w)
        self.restart = f.variable("i64", 0)
        self.rounds = f.variable("i64", 0)
        self._place_outputs()
        for i, column in enumerate(self.k.columns):
            scale = 1.0 if column is None else float(self.k.spec.scales[column])
            self.atol[i] = self.rtol * (0.01 * scale)
        for array, count in (
            (self.y, self.n),
            (self.H, self.nh),
            (self.c, self.nc),
            (self.threshold, self.nh),
        ):
            with f.count(0, count * self.w) as j:
                array.scalars()[j] = 0.0
        with f.count(0, self.w) as lane:
            self.t.scalars()[lane] = 0.0
            self.h.scalars()[lane] = FIRST_STEP
            self.begun.scalars()[lane] = 0.0
            self._take(lane)

    def _place_outputs(self) -> None:
        """Where each output stands among the states (of ``y``), cumulative hazards and observables, in this
        order; whether an observable is asked for, and whether a cumulative hazard is or might be."""
        f, spec = self.f, self.k.spec
        order = [*self.k.states, *(hazard.state for hazard in self.hazards), *spec.observables]
        for i, name in enumerate(spec.outputs):
            self.place_of[i] = order.index(name)
        self.observing, self.counting = f.variable("i64", 0), f.variable("i64", 0)
        with f.count(0, self.n_outputs) as j:
            place = self.place_of[self.arg["output_index"][j]]
            with f.where(place >= self.n + self.nh):
                self.observing.set(1)
            with f.where(place >= self.n):
                self.counting.set(1)

    def _take(self, lane: Value) -> None:
        """Put the next patient into a lane, or leave the lane idle."""
        f = self.f
        i = self.next.get()
        left = i < f.argument("last")
        self.unsettled[lane] = 0
        with f.where(~left):
            self.id[lane] = -1
            self.live.set(self.live.get() - 1)
        with f.where(left):
            self.next.set(i + 1)
            self.id[lane] = i
            self.state[lane] = _RUNNING
            self.unsettled[lane], self.fresh[lane] = 1, 1
            self.begun.scalars()[lane] = -1.0
            self.near.scalars()[lane] = _INFINITE
            for zero in (self.at_visit, self.shrunk, self.taken, self.refused, self.pivoted):
                zero[lane] = 0
            self.at_impulse[lane] = self.arg["first_impulse"][i]
            self.last_impulse[lane] = self.arg["first_impulse"][i + 1]
            self.t.scalars()[lane] = 0.0
            self.first_step.scalars()[lane] = FIRST_STEP
            self._restart_step(lane)
            self._load(lane, i)

    def _load(self, lane: Value, i: Value) -> None:
        f = self.f
        mine = self.arg["parameters"].at(i * len(self.k.spec.parameters))
        f.call("prepare", [mine, self.c.pointer, lane])
        row = i * len(self.k.spec.states)
        for place, column in enumerate(self.k.columns):
            self.y.set_lane(place, lane, 0.0 if column is None else self.arg["initial"][row + column])
        for q in range(self.nh):
            self.H.set_lane(q, lane, self.arg["cumulative_hazards"][i * self.nh + q])
            self.count[lane * self.nh + q] = self.arg["occurrences"][i * self.nh + q]
            self.passed.set_lane(q, lane, -_INFINITE)
            self._set_threshold(q, lane, i)

    def _set_threshold(self, q: int, lane: Value, i: Value) -> None:
        """The cumulative hazard at which cause q strikes next."""
        f = self.f
        happened = self.count[lane * self.nh + q]
        self.threshold.set_lane(q, lane, _INFINITE)
        may = happened < (self.n_occurrences if self.hazards[q].recurrent else 1)
        with f.where(may):
            self.threshold.set_lane(q, lane, self.arg["sums"][self._occurrence(q, i, happened)])

    def _occurrence(self, q: int, i: Value, occurrence: Value) -> Value:
        """Place of an occurrence in the tables of thresholds and event times."""
        return (i * self.nh + q) * self.n_occurrences + occurrence

    def _look_at_the_clock(self) -> None:
        """Where there is a time budget, end the courses that have used it up."""
        f = self.f
        now = f.variable("double", 0.0)
        with f.where(self.timed):
            self.rounds.set(self.rounds.get() + 1)
            with f.where((self.rounds.get() & (_CLOCK_ROUNDS - 1)).equals(0)):
                now.set(f.emit("double", f"call double {self.clock.text}()"))
                with f.count(0, self.w) as lane, f.where(self.id[lane] >= 0):
                    with f.where(self.begun.lane(0, lane) < 0.0):
                        self.begun.set_lane(0, lane, now.get())
                    spent = (now.get() - self.begun.lane(0, lane)) > self.max_seconds
                    with f.where(spent & self.state[lane].equals(_RUNNING)):
                        self.state[lane] = int(Status.TIME_BUDGET)
                        self.unsettled[lane] = 1

    # ---- settle -------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        f = self.f
        with f.count(0, self.w) as lane, f.forever() as loop:
            loop.leave_if(self.unsettled[lane].equals(0))
            self.restart.set(1)
            self.unsettled[lane] = 0
            self._gather(lane)
            with f.where(self.fresh[lane].equals(1)):
                self.fresh[lane] = 0
                self._first_visits(lane)
            with f.where(self.state[lane].equals(_RUNNING)):
                self._note_nearness(lane, self.one_H, 0)
                self._happen(lane)
            self._scatter(lane)
            with f.where(self.state[lane].differs(_RUNNING)):
                self._finish(lane)
                self._take(lane)
        with f.where(self.restart.get().equals(1)):
            self.restart.set(0)
            if self.nh:
                self._call("hazards", self.y.pointer, self.c.pointer, self.node[0].pointer)
            self._note_side(self.y, self.side)

    def _note_side(self, state: Array, side: Array) -> None:
        """On which side of the kinks of the rates a state is."""
        if self.k.kinks:
            arguments = [state.pointer, self.c.pointer]
            side[0] = self.f.call(f"kinks_{self.lanes.tag}", arguments, self.lanes.real)

    def _call(self, name: str, *arguments: Value) -> None:
        self.f.call(f"{name}_{self.lanes.tag}", arguments)

    def _note_nearness(self, lane: Value, hazards: Array, pick: Value | int) -> None:
        """How near the cumulative hazards are to thresholds now; what is due is not near but there."""
        f = self.f
        if not self.screening:
            return
        for q in range(self.nh):
            height = hazards.lane(q, pick)
            away = self.threshold.lane(q, lane) - height
            since = f.absolute(height - self.passed.lane(q, lane))
            away = f.select(away > 0.0, f.smaller(away, since), since)
            near = away / (height + _HAZARD_SCALE)
            self.near.set_lane(0, lane, f.smaller(near, self.near.lane(0, lane)))

    def _gather(self, lane: Value) -> None:
        f = self.f
        for one, all_, count in self._pairs():
            with f.count(0, count) as j:
                one[j] = all_.lane(j, lane)

    def _scatter(self, lane: Value) -> None:
        f = self.f
        for one, all_, count in self._pairs():
            with f.count(0, count) as j:
                all_.set_lane(j, lane, one[j])

    def _pairs(self) -> list[tuple[Array, Array, int]]:
        return [(self.one_y, self.y, self.n), (self.one_H, self.H, self.nh)]

    def _next_visit(self, lane: Value) -> tuple[Value, Value]:
        """Skip visits that do not take place; whether one is left, and its time (NaN if none)."""
        f = self.f
        first = self.id[lane] * self.n_visits
        time = f.variable("double", float("nan"))
        with f.forever() as loop:
            at = self.at_visit[lane]
            loop.leave_if(at >= self.n_visits)
            time.set(self.arg["visits"][first + at])
            loop.leave_if(~time.get().is_nan())
            self.at_visit[lane] = at + 1
        return self.at_visit[lane] < self.n_visits, time.get()

    def _store_outputs(self, lane: Value, time: Value, state: Callable[[Value], Value]) -> None:
        """Store the chosen outputs of the visit at which the lane stands, and go on to the next visit.

        Args:
            lane: whose.
            time: of the visit.
            state: writes the value of a state then. The cumulative hazards, if they or observables are asked
                for, are in ``one_H``, and in the latter case all states in ``one_y``.
        """
        f, n, nh = self.f, self.n, self.nh
        if self.k.spec.observables:
            with f.where(self.observing.get().equals(1)):
                memory = [a.pointer for a in (self.one_y, self.one_H, self.c, self.one_out)]
                f.call("observables", [*memory, lane, time])
        at = self.at_visit[lane]
        row = (self.id[lane] * self.n_visits + at) * self.n_outputs
        values = self.arg["values"]
        with f.count(0, self.n_outputs) as j:
            place = self.place_of[self.arg["output_index"][j]]
            with f.where(place < n):
                values[row + j] = state(place)
            with f.where((place >= n) & (place < n + nh)):
                values[row + j] = self.one_H[place - n]
            with f.where(place >= n + nh):
                values[row + j] = self.one_out[place - (n + nh)]
        self.at_visit[lane] = at + 1

    def _first_visits(self, lane: Value) -> None:
        """Visits at time 0, before anything happens."""
        f = self.f
        with f.forever() as loop:
            _, time = self._next_visit(lane)
            loop.leave_if(~(time <= 0.0))
            self._store_outputs(lane, f.constant("double", 0.0), lambda i: self.one_y[i])

    def _happen(self, lane: Value) -> None:
        """Due events, then impulses due now, until nothing is due; then the horizon."""
        f = self.f
        t, end = self.t.lane(0, lane), self.arg["end"][self.id[lane]]
        with f.forever() as loop:
            for q in range(self.nh):
                with f.where(self.one_H[q] >= self.threshold.lane(q, lane)):
                    self._strike(q, lane, t)
                    loop.leave_if(self.state[lane].differs(_RUNNING))
                    loop.next_if(self.state[lane].equals(_RUNNING))
            at = self.at_impulse[lane]
            loop.leave_if(at >= self.last_impulse[lane])
            loop.leave_if(~(self.arg["impulse_time"][at] <= t))
            loop.leave_if(t >= end)
            self._act(lane, at, t)
        with f.where(self.state[lane].equals(_RUNNING)), f.where(t >= end):
            self.state[lane] = int(Status.COMPLETED)

    def _strike(self, q: int, lane: Value, t: Value) -> None:
        """The event of cause q happens now."""
        f, hazard = self.f, self.hazards[q]
        i = self.id[lane]
        happened = self.count[lane * self.nh + q]
        self.arg["event_times"][self._occurrence(q, i, happened)] = t
        self.count[lane * self.nh + q] = happened + 1
        self.passed.set_lane(q, lane, self.threshold.lane(q, lane))
        self._set_threshold(q, lane, i)
        self._jump(f"event_{q}", lane, t, f.constant("double", 0.0))
        if hazard.jump.assignments:
            self._restart_step(lane)
        if hazard.terminal:
            self._note_what_was_missed(q, lane, t)
            self.state[lane] = int(Status.ENDED)
        elif hazard.recurrent:
            with f.where((happened + 1) >= self.n_occurrences):
                self.state[lane] = int(Status.OCCURRENCES_EXHAUSTED)

    def _note_what_was_missed(self, q: int, lane: Value, t: Value) -> None:
        """How near before the next visit, impulse or horizon, none of which will follow, a terminal event is.

        The hazard is the largest of the step that led here; before the first step there was none.
        """
        f = self.f
        if not self.screening:
            return
        with f.where(self.taken[lane] > 0):
            rate = self.node[1].lane(q, lane)
            for node in self.node[2:]:
                rate = f.larger(rate, node.lane(q, lane))
            scale = rate / (self.one_H[q] + _HAZARD_SCALE)
            stop = f.variable("double", self.arg["end"][self.id[lane]])
            stop.set(self.arg["end"][self.id[lane]])
            at = self.at_impulse[lane]
            with f.where(at < self.last_impulse[lane]):
                stop.set(f.smaller(self.arg["impulse_time"][at], stop.get()))
            _, visit = self._next_visit(lane)
            following = f.smaller(visit, stop.get())
            near = (f.select(following.is_nan(), stop.get(), following) - t) * scale
            self.near.set_lane(0, lane, f.smaller(near, self.near.lane(0, lane)))

    def _act(self, lane: Value, at: Value, t: Value) -> None:
        """The impulse in place ``at`` acts now."""
        action = self.arg["impulse_action"][at]
        for a in range(len(self.k.spec.jumps)):
            with self.f.where(action.equals(a)):
                self._jump(f"action_{a}", lane, t, self.arg["impulse_amount"][at])
        self._restart_step(lane)
        self.at_impulse[lane] = at + 1

    def _jump(self, name: str, lane: Value, t: Value, amount: Value) -> None:
        memory = (self.one_y, self.one_H, self.c)
        self.f.call(name, [*(a.pointer for a in memory), lane, t, amount])

    def _restart_step(self, lane: Value) -> None:
        """The state has changed: the step sizes that were right before say nothing now."""
        self.h.set_lane(0, lane, self.first_step.lane(0, lane))
        self.opening[lane] = 1

    def _finish(self, lane: Value) -> None:
        """Store how the patient's course ended."""
        i = self.id[lane]
        self.arg["status"][i] = self.state[lane]
        self.arg["end_time"][i] = self.t.lane(0, lane)
        self.arg["steps"][i] = self.taken[lane]
        self.arg["rejected"][i] = self.refused[lane]
        self.arg["pivoted"][i] = self.pivoted[lane]
        if self.screening:
            self.arg["nearness"][i] = self.near.lane(0, lane)
        row = i * len(self.k.spec.states)
        for place, column in enumerate(self.k.columns):
            if column is not None:
                self.arg["end_state"][row + column] = self.one_y[place]
        for q in range(self.nh):
            self.arg["end_cumulative_hazards"][i * self.nh + q] = self.one_H[q]
            self.arg["end_occurrences"][i * self.nh + q] = self.count[lane * self.nh + q]

    # ---- attempt ------------------------------------------------------------------------------------------

    def _choose_step(self) -> None:
        """Step to try in each lane, cut so that it ends exactly at the next impulse or the horizon."""
        f = self.f
        with f.count(0, self.w) as lane:
            h, t = self.h.lane(0, lane), self.t.lane(0, lane)
            self.used.set_lane(0, lane, h)
            self.hits[lane] = 0
            with f.where(self.id[lane] >= 0):
                stop = f.variable("double", self.arg["end"][self.id[lane]])
                at = self.at_impulse[lane]
                with f.where(at < self.last_impulse[lane]):
                    stop.set(f.smaller(self.arg["impulse_time"][at], stop.get()))
                self.stop.set_lane(0, lane, stop.get())
                left = stop.get() - t
                with f.where(h > left * 0.5):
                    self.used.set_lane(0, lane, left * 0.5)
                with f.where(h >= left * 0.999999):
                    self.used.set_lane(0, lane, f.larger(left, (t + 1.0) * _SMALLEST))
                    self.hits[lane] = 1

    def _attempt(self) -> None:
        """All stages; ``u`` is where the last of them looked, and the last stage is the error."""
        f = self.f
        inverse = f.constant(self.lanes.real, 1.0) / self._used()
        g = inverse * (1.0 / GAMMA)
        y, c, matrix = self.y.pointer, self.c.pointer, self.M.pointer
        self._call("rates_and_jacobian", y, c, self.slopes.pointer, matrix)
        self.pivot[0] = f.call(f"factor_{self.lanes.tag}", [matrix, g], self.lanes.real)
        with f.count(0, self.n) as i:
            self.stage[0][i] = 0.0
        self._call("solve", matrix, self.slopes.pointer, inverse, self.stage[0].pointer)
        for s in range(1, STAGES):
            self._begin_stage(s)
            self._call("rates", self.u.pointer, c, self.slopes.pointer)
            self._call("solve", matrix, self.slopes.pointer, inverse, self.stage[s].pointer)
        if self.n <= LARGEST:
            with f.count(0, self.w) as lane:
                bad = ~(self.pivot.lane(0, lane) <= _PIVOT_LIMIT[self.lanes.scalar])
                with f.where((self.id[lane] >= 0) & bad):
                    self._repeat_with_pivoting(lane)

    def _begin_stage(self, s: int) -> None:
        """Both sums of stage s in one pass over the earlier stages: where it looks, and what it adds."""
        f = self.f
        with f.count(0, self.n) as i:
            earlier = [self.stage[j][i] for j in range(s)]
            if s > 1 and A[s] == (*A[s - 1], 1.0):
                self.u[i] = self.u[i] + earlier[-1]
            else:
                self.u[i] = self._sum(A[s], earlier, self.y[i])
            self.stage[s][i] = self._sum(C[s], earlier, None)

    def _repeat_with_pivoting(self, lane: Value) -> None:
        f, out = self.f, self.repeated_step
        memory = [self.y.pointer, self.c.pointer, self.used.lane(0, lane), lane, out.pointer]
        smallest = f.call("pivoted_step", memory, "double")
        with f.where(smallest >= _SMALLEST_PIVOT):
            for s, target in enumerate((*self.stage, self.u)):
                with f.count(0, self.n) as i:
                    target.set_lane(i, lane, out[i + s * self.n])
            self.pivot.set_lane(0, lane, 0.0)
            self.pivoted[lane] = self.pivoted[lane] + 1

    def _arrive(self) -> None:
        """The new state, and the sum of the squares of its scaled errors."""
        f = self.f
        rtol = self._spread(self.rtol)
        self.squares[0], self.finite[0] = 0.0, 0.0
        with f.count(0, self.n) as i:
            error, old = self.stage[STAGES - 1][i], self.y[i]
            new = self.u[i] + error
            self.u[i] = new
            size = f.larger(f.absolute(old), f.absolute(new))
            atol = self._spread(self.atol[i])
            e = error / f.fma(rtol, size, atol)
            self.squares[0] = f.fma(e, e, self.squares[0])
            if self.k.spec.nonnegative:
                # 100 atol is rtol times the scale; a state that is already below may stay there.
                below = f.smaller(new / atol + 100.0, 0.0)
                below = f.select(f.fma(atol, 100.0, old) >= 0.0, below, 0.0)
                self.squares[0] = f.fma(below, below, self.squares[0])
            # 0 * new is NaN for an infinite state, which a finite error would hide.
            self.finite[0] = f.fma(new, 0.0, self.finite[0])

    def _used(self) -> Value:
        """The step that is tried, in the precision of the states."""
        return self.f.cast(self.used[0], self.lanes.scalar)

    def _sum(self, coefficients: tuple[float, ...], stages: list[Value], start: Value | None) -> Value:
        """start + sum of coefficient times stage."""
        total = start
        for a, k in zip(coefficients, stages, strict=True):
            total = k * a if total is None else self.f.fma(k, a, total)
        assert total is not None
        return total

    def _hazard_nodes(self) -> None:
        """Hazards at five points of the step and the cumulative hazards at its end."""
        if not self.nh:
            return
        f = self.f
        with f.count(0, self.k.in_hazards) as i:
            stages = [stage[i] for stage in self.stage]
            d = [self._sum(row, stages, None) for row in DENSE]
            old, new = self.y[i], self.u[i]
            for m, states in enumerate(self.inside, 1):
                x = m / 4
                bend = f.fma(f.fma(d[2], x, d[1]), x, d[0])
                states[i] = f.fma(f.fma(bend, 1.0 - x, new), x, old * (1.0 - x))
        for m, states in enumerate((*self.inside, self.u), 1):
            self._call("hazards", states.pointer, self.c.pointer, self.node[m].pointer)
        for q in range(self.nh):
            self.H_new[q] = f.fma(self._used(), self._mix(_BOOLE, q), self.H[q])

    def _mix(self, weights: list[float], q: int) -> Value:
        """Weighted sum of the hazard of cause q at the five points."""
        total: Value | None = None
        for m, weight in enumerate(weights):
            if weight:
                value = self.node[m][q]
                total = value * weight if total is None else self.f.fma(value, weight, total)
        assert total is not None
        return total

    def _weigh_error(self) -> None:
        """Mean square of the scaled errors, those of the hazards too, and the factor for the next step."""
        f, real = self.f, self.lanes.real
        total = self.squares
        for q in range(self.nh):
            scale = self._spread(self.rtol) * (self.H_new[q] + _HAZARD_SCALE)
            e = self._used() * self._mix(_BOOLE_LESS_SIMPSON, q) * _QUADRATURE_CARE / scale
            total[0] = f.fma(e, e, total[0])
        e2 = (total[0] + self.finite[0]) * (1.0 / max(1, len(self.k.spec.states) + self.nh)) + 1e-12
        if self.k.kinks:
            self._note_side(self.u, self.side_new)
            e2 = f.select(self.side_new[0].differs(self.side[0]), e2 * _KINK_CARE**2, e2)
        self.e2[0] = f.select(self.pivot[0] <= _PIVOT_LIMIT[self.lanes.scalar], e2, float("nan"))
        logarithm = f.call(f"ln_{self.lanes.tag}", [self.e2[0]], real)
        factor = f.call(f"exp_{self.lanes.tag}", [logarithm * (-0.5 / ORDER)], real) * _SAFETY
        factor = f.smaller(f.constant(real, _GROWTH), factor)
        self.factor[0] = f.select(factor >= _SHRINK, factor, _SHRINK)

    def _spread(self, scalar: Value) -> Value:
        """The scalar in every lane, in the precision of the states."""
        f, real = self.f, self.lanes.real
        scalar = f.cast(scalar, self.lanes.scalar)
        if self.w == 1:
            return scalar
        first = f.emit(real, f"insertelement {real} poison, {scalar.type} {scalar.text}, i64 0")
        zeros = self.lanes.of("i32")
        return f.emit(real, f"shufflevector {real} {first.text}, {real} poison, {zeros} zeroinitializer")

    # ---- judge --------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        f = self.f
        with f.count(0, self.w) as lane:
            self.accepted[lane], self.striking[lane] = 0, -1
            self.theta.set_lane(0, lane, 1.0)
            with f.where(self.id[lane] >= 0):
                good = self.e2.lane(0, lane) <= 1.0
                with f.where(good):
                    self.accepted[lane] = 1
                    self.taken[lane] = self.taken[lane] + 1
                    self._first_crossing(lane)
                    self._arrival(lane)
                with f.where(~good):
                    self._reject(lane)
                with f.where(self.state[lane].equals(_RUNNING)):
                    spent = (self.taken[lane] + self.refused[lane]) >= self.max_steps
                    last = (self.accepted[lane] & self.hits[lane]).equals(1)
                    with f.where(spent & ~last):
                        self.state[lane] = int(Status.STEP_BUDGET)
                        self.unsettled[lane] = 1

    def _first_crossing(self, lane: Value) -> None:
        """The first hazard to reach its threshold within the step, and where."""
        f = self.f
        for q in range(self.nh):
            threshold = self.threshold.lane(q, lane)
            with f.where(self.H_new.lane(q, lane) >= threshold):
                before = self.H.lane(q, lane)
                need = (threshold - before) / self.used.lane(0, lane)
                x = f.call("crossing", [need, *self._polynomial(q, lane)], "double")
                with f.where(self.striking[lane].equals(-1) | (x < self.theta.lane(0, lane))):
                    self.striking[lane] = q
                    self.theta.set_lane(0, lane, x)

    def _polynomial(self, q: int, lane: Value) -> list[Value]:
        """Coefficients of the hazard's quartic in one lane."""
        f = self.f
        values = [node.lane(q, lane) for node in self.node]
        coefficients = []
        for row in QUARTIC:
            total: Value | None = None
            for weight, value in zip(row, values, strict=True):
                if weight:
                    total = value * weight if total is None else f.fma(value, weight, total)
            assert total is not None
            coefficients.append(total)
        return coefficients

    def _arrival(self, lane: Value) -> None:
        """The time at which the accepted step ends."""
        f = self.f
        t, h = self.t.lane(0, lane), self.used.lane(0, lane)
        full = f.select(self.hits[lane].equals(1), self.stop.lane(0, lane), t + h)
        cut = f.fma(self.theta.lane(0, lane), h, t)
        struck = self.striking[lane] >= 0
        with f.where(struck):
            self.hits[lane] = 0
        self.until.set_lane(0, lane, f.select(struck, f.smaller(cut, full), full))

    def _reject(self, lane: Value) -> None:
        f = self.f
        self.refused[lane] = self.refused[lane] + 1
        self.shrunk[lane] = 1
        shorter = self.used.lane(0, lane) * f.smaller(self.factor.lane(0, lane), 0.9)
        self.h.set_lane(0, lane, shorter)
        with f.where(shorter < (self.t.lane(0, lane) + 1.0) * _SMALLEST):
            bad = self.e2.lane(0, lane).is_nan() & (
                self.pivot.lane(0, lane) <= _PIVOT_LIMIT[self.lanes.scalar]
            )
            finite = int(Status.STEP_TOO_SMALL)
            self.state[lane] = f.select(bad, f.whole(int(Status.NOT_FINITE)), f.whole(finite))
            self.unsettled[lane] = 1

    # ---- record and commit --------------------------------------------------------------------------------

    def _record(self) -> None:
        """Visits inside the accepted steps."""
        f = self.f
        with f.count(0, self.w) as lane, f.where(self.accepted[lane].equals(1)), f.forever() as loop:
            left, time = self._next_visit(lane)
            loop.leave_if(~(left & (time <= self.until.lane(0, lane))))
            x = (time - self.t.lane(0, lane)) / self.used.lane(0, lane)
            weights = self._dense_weights(f.smaller(f.constant("double", 1.0), x))
            if self.screening:
                self._heights(lane, weights[1])
                self._note_nearness(lane, self.one_H, 0)
            else:
                with f.where(self.counting.get().equals(1)):
                    self._heights(lane, weights[1])
            with f.where(self.observing.get().equals(1)), f.count(0, self.n) as i:
                self.one_y[i] = self._between(i, lane, weights)
            self._store_outputs(lane, time, partial(self._between, lane=lane, weights=weights))

    def _dense_weights(self, x: Value) -> list[Value]:
        """Weights of the old state, the new state and the stages in the dense output at the fraction x."""
        f = self.f
        rest = 1.0 - x
        bend = x * rest
        weights = [rest, x]
        for d0, d1, d2 in zip(*DENSE, strict=True):
            slope = f.fma(x, d2, f.constant("double", d1))
            weights.append(f.fma(slope, x, d0) * bend)
        return weights

    def _between(self, i: Value, lane: Value, weights: list[Value]) -> Value:
        """State i of one lane in the dense output."""
        parts = [a.lane(i, lane) for a in (self.y, self.u, *self.stage)]
        total = parts[0] * weights[0]
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            total = self.f.fma(part, weight, total)
        return total

    def _heights(self, lane: Value, x: Value) -> None:
        """The cumulative hazards of one lane at the fraction x of the step, into ``one_H``."""
        f = self.f
        scale = self.used.lane(0, lane) * x
        weights = []
        for column in zip(*QUARTIC, strict=True):
            total = f.constant("double", column[-1] / len(column))
            for k in reversed(range(len(column) - 1)):
                total = f.fma(total, x, column[k] / (k + 1))
            weights.append(total * scale)
        with f.count(0, self.nh) as q:
            height = self.H.lane(q, lane)
            for node, weight in zip(self.node, weights, strict=True):
                height = f.fma(node.lane(q, lane), weight, height)
            self.one_H[q] = height

    def _cut_short(self) -> None:
        """Where a hazard strikes, the step ends there."""
        if not self.nh:
            return
        f = self.f
        with f.count(0, self.w) as lane, f.where(self.striking[lane] >= 0):
            weights = self._dense_weights(self.theta.lane(0, lane))
            with f.count(0, self.n) as i:
                self.u.set_lane(i, lane, self._between(i, lane, weights))
            self._heights(lane, weights[1])
            with f.count(0, self.nh) as q:
                self.H_new.set_lane(q, lane, self.one_H[q])
            struck = self.striking[lane]
            self.H_new.set_lane(struck, lane, self.threshold.lane(struck, lane))

    def _commit(self) -> None:
        f = self.f
        mask = self.e2[0] <= 1.0
        if self.k.kinks:
            self.side[0] = f.select(mask, self.side_new[0], self.side[0])
        with f.count(0, self.n) as i:
            self.y[i] = f.select(mask, self.u[i], self.y[i])
        for q in range(self.nh):
            self.H[q] = f.select(mask, self.H_new[q], self.H[q])
            self.node[0][q] = f.select(mask, self.node[4][q], self.node[0][q])
        with f.count(0, self.w) as lane, f.where(self.accepted[lane].equals(1)):
            self._next_step(lane)
            self.t.set_lane(0, lane, self.until.lane(0, lane))
            for place, column in enumerate(self.k.columns):
                if column is None:
                    self.y.set_lane(place, lane, self.until.lane(0, lane))
            with f.where((self.striking[lane] >= 0) | self.hits[lane].equals(1)):
                self.unsettled[lane] = 1

    def _next_step(self, lane: Value) -> None:
        """The next step size; a step cut by a stop does not make the solver forget the size it had."""
        f = self.f
        h, used, factor = (a.lane(0, lane) for a in (self.h, self.used, self.factor))
        factor = f.select(self.shrunk[lane].equals(1), f.smaller(factor, 1.0), factor)
        self.shrunk[lane] = 0
        proposed = used * factor
        with f.where(self.opening[lane].equals(1)):
            self.opening[lane] = 0
            low, high = _FIRST_STEP_RANGE
            self.first_step.set_lane(0, lane, f.smaller(f.larger(proposed, low), high))
        kept = f.larger(proposed, f.smaller(h, proposed * _GROWTH))
        self.h.set_lane(0, lane, f.select(used < h * 0.99, kept, proposed))
