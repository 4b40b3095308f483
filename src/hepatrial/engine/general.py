"""Courses of any model: piecewise rates, general events with priority and persistence, in plain scipy.

Between switches the equations are smooth (:mod:`hepatrial.engine.switching`) and LSODA integrates them;
within each of its steps every condition is looked at on the dense output, and the first one to pass zero is
located and ends the step. What then happens follows SBML Level 3 Version 2, section 4.11: an event is
triggered when its condition turns from false to true, events of one instant strike by priority, each may
trigger others, and one that is not persistent is dropped when its condition has turned false. A value at the
time of an event is the one after it.

Where the order of events of one instant is left open and matters, the course fails rather than take one.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.engine.switching import Signs
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.expr import Expr, as_expr, choose, python_function, substitute, sym
from hepatrial.model.spec import TIME, ModelSpec

Function = Callable[..., list[float]]

_SAMPLES = 6
"""Points within a step at which conditions are looked at."""
_SAME_TIME = 1e-12
"""Instants closer than this, relative to time, are one."""
_MOST_AT_ONCE = 1_000
"""Events or switches without progress in time after which a course is said to be stuck."""


class CourseFailed(RuntimeError):
    """A course cannot be followed; the message is the reason."""


@dataclass(frozen=True)
class Courses:
    """What :func:`simulate_model` found.

    Attributes:
        outputs: recorded names.
        times: (n_times,).
        values: (n, n_times, n_outputs), NaN after a failure.
        failures: (n,) sentence that says why a course failed, empty where it is whole.
    """

    outputs: tuple[str, ...]
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    failures: tuple[str, ...]


def named_expressions(spec: ModelSpec) -> dict[str, Expr]:
    """Every name that has a value, in states, parameters and time."""
    names: dict[str, Expr] = {n: sym(n) for n in (*spec.states, *spec.parameters)}
    return {**names, **spec.derived, **spec.inlined_observables}


def simulate_model(
    spec: ModelSpec,
    times: ArrayLike,
    parameters: ArrayLike | None = None,
    outputs: Sequence[str] | None = None,
    rtol: float = 1e-8,
    atol: float = 1e-12,
    max_steps: int = 200_000,
) -> Courses:
    """Follow a model of :func:`hepatrial.load_model` from time 0 for each row of parameters.

    Args:
        spec: a model without hazards; it may have general events.
        times: (n_times,) ascending from 0 on.
        parameters: (n, n_parameters); default one row, the file's own values. Initial values follow.
        outputs: names to record: states, observables, parameters; default states and observables.
        rtol: relative tolerance.
        atol: absolute tolerance of every state.
        max_steps: solver steps of one course.

    Raises:
        BadInput: with everything that is wrong with the arguments.
    """
    at, rows, wanted = _check(spec, times, parameters, outputs)
    names = named_expressions(spec)
    equations = _Equations(spec, [names[n] for n in wanted])
    values = np.full((len(rows), len(at), len(wanted)), np.nan)
    failures = []
    for row, found in zip(rows, values, strict=True):
        course = _Course(equations, row.tolist(), at, found, (rtol, atol, max_steps))
        try:
            course.follow()
            failures.append("")
        except CourseFailed as failed:
            failures.append(f"At time {course.t:g}: {failed}")
    return Courses(tuple(wanted), at, values, tuple(failures))


def _check(
    spec: ModelSpec, times: ArrayLike, parameters: ArrayLike | None, outputs: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    problems = []
    if spec.hazards or spec.jumps:
        given = ", ".join([*spec.causes, *spec.actions])
        problems.append(Problem("model", f"hazard events or actions ({given})", "use simulate"))
    at = np.asarray(times, dtype=np.float64)
    if (
        at.ndim != 1
        or len(at) == 0
        or not (np.isfinite(at).all() and at[0] >= 0 and (np.diff(at) >= 0).all())
    ):
        problems.append(Problem("times", f"shape {at.shape}", "must be finite, ascending times from 0 on"))
    rows = np.asarray(
        spec.default_parameters[None, :] if parameters is None else parameters, dtype=np.float64
    )
    if rows.ndim != 2 or rows.shape[1] != len(spec.parameters):
        allowed = f"must have shape (any, {len(spec.parameters)})"
        problems.append(Problem("parameters", f"shape {rows.shape}", allowed))
    names = named_expressions(spec)
    wanted = list(spec.outputs if outputs is None else outputs)
    for name in wanted:
        if name not in names:
            allowed = "must be a variable of the model that has a value"
            problems.append(Problem("outputs", repr(name), allowed, nearest_name(name, names)))
    if problems:
        raise BadInput(problems)
    return at, rows, wanted


class _Equations:
    """The model as Python functions of (y, p, t, c); c holds the signs of the conditions."""

    def __init__(self, spec: ModelSpec, outputs: list[Expr]) -> None:
        self.spec = spec
        self.n = len(spec.states)
        signs = Signs()
        rates = signs.held(spec.inline(spec.rates))
        conditions = spec.inline([t.condition for t in spec.triggers])
        truths = [choose(e, 1, 0) for e in signs.held(conditions)]
        place = {name: j for j, name in enumerate(signs.names)}
        self.compared = [[place[name] for name in sorted(e.symbols) if name in place] for e in truths]
        self.depends = [e.symbols for e in signs.differences]
        self.n_signs = len(signs.names)
        vectors: dict[str, Sequence[str]] = {"y": spec.states, "p": spec.parameters, "t": (TIME,)}
        self.outputs = python_function(outputs, vectors)
        self.initial = python_function(list(spec.initial_state_expressions), {"p": spec.parameters})
        jumps = [spec.inline([e for _, e in t.assignments]) for t in spec.triggers]
        self.jumps = [python_function(e, vectors) for e in jumps]
        self.targets = [[self._target(name) for name, _ in t.assignments] for t in spec.triggers]
        self.struck = [{spec.states[state] for state, _ in targets} for targets in self.targets]
        self.priorities = [
            python_function(spec.inline([as_expr(-math.inf if t.priority is None else t.priority)]), vectors)
            for t in spec.triggers
        ]
        vectors["c"] = signs.names
        self.rates = python_function(rates, vectors)
        self.truths = python_function(truths, vectors)
        self.differences = python_function(signs.differences, vectors)
        self.each = [python_function([e], vectors) for e in signs.differences]

    def _target(self, name: str) -> tuple[int, Function | None]:
        """Which state an assignment changes, and by what its value is multiplied first."""
        spec = self.spec
        if name in spec.states:
            return spec.states.index(name), None
        species = spec.species[name]
        assert species.size is not None
        size = substitute([species.size], named_expressions(spec))
        vectors: dict[str, Sequence[str]] = {"y": spec.states, "p": spec.parameters, "t": (TIME,)}
        return spec.states.index(species.amount.name), python_function(size, vectors)


def _sign(x: float) -> float:
    return x if math.isnan(x) else float((x > 0) - (x < 0))


class _Course:
    """One course."""

    def __init__(
        self,
        equations: _Equations,
        p: list[float],
        times: NDArray[np.float64],
        values: NDArray[np.float64],
        limits: tuple[float, float, int],
    ) -> None:
        self.e, self.p, self.times, self.values = equations, p, times, values
        self.triggers = equations.spec.triggers
        self.rtol, self.atol, self.max_steps = limits
        self.t, self.end = 0.0, float(times[-1])
        self.y: list[float] = equations.initial(p)
        self.signs: list[float] = [0.0] * equations.n_signs
        self.truths: list[bool] = []
        self.next_row, self.steps, self.stuck = 0, 0, 0

    def follow(self) -> None:
        """Live until the last time."""
        if not all(map(math.isfinite, self.y)):
            bad = self.e.spec.states[[math.isfinite(v) for v in self.y].index(False)]
            raise CourseFailed(f"the initial value of {bad} is not a finite number.")
        self.truths = [t.initial for t in self.triggers]
        self._happen({})
        while self.t < self.end:
            self._advance()

    # ---- signs --------------------------------------------------------------------------------------------

    def _differences(self, y: Sequence[float], t: float, c: list[float]) -> list[float]:
        return self.e.differences(y, self.p, (t,), c)

    def _settle(
        self, y: Sequence[float], t: float, known: dict[int, float], start: list[float]
    ) -> list[float]:
        """Signs that agree with the differences they are the signs of; those known are kept."""
        c = list(start)
        for _ in range(self.e.n_signs + 1):
            new = [known.get(k, _sign(g)) for k, g in enumerate(self._differences(y, t, c))]
            if all(a == b or (a != a and b != b) for a, b in zip(new, c, strict=True)):
                break
            c = new
        return c

    def _instant(self, zeros: dict[int, tuple[float, float]]) -> tuple[list[float], list[float]]:
        """Signs at this instant and right after it.

        Args:
            zeros: conditions that pass zero now: the difference as computed, the sign that follows.
        """
        now = self._settle(self.y, self.t, dict.fromkeys(zeros, 0.0), self.signs)
        raw = self._differences(self.y, self.t, now)
        passing = {k: after for k, (g, after) in zeros.items() if raw[k] == g}
        now = self._settle(self.y, self.t, dict.fromkeys(passing, 0.0), now)
        return now, self._ahead(now, passing)

    def _ahead(self, now: list[float], passing: dict[int, float]) -> list[float]:
        """Signs right after this instant: where a difference is zero, that of a small step ahead."""
        after = self._settle(self.y, self.t, passing, now)
        h = 1e-8 * max(self.end - self.t, _SAME_TIME)
        for _ in range(3):
            slopes = self.e.rates(self.y, self.p, (self.t,), after)
            near = [v + h * s for v, s in zip(self.y, slopes, strict=True)]
            raw = self._differences(self.y, self.t, after)
            ahead = self._differences(near, self.t + h, after)
            known = dict(passing)
            for k, g in enumerate(raw):
                if k not in passing and g == 0:
                    known[k] = _sign(ahead[k])
            new = self._settle(self.y, self.t, known, after)
            if new == after:
                break
            after = new
        return after

    def _truths(self, c: list[float]) -> list[bool]:
        return [v > 0.5 for v in self.e.truths(self.y, self.p, (self.t,), c)]

    # ---- events -------------------------------------------------------------------------------------------

    def _happen(self, zeros: dict[int, tuple[float, float]]) -> None:
        """Everything that happens at this instant, and the values recorded at it."""
        at, after = self._instant(zeros)
        at_truths, after_truths = self._truths(at), self._truths(after)
        risen = [
            i
            for i, before in enumerate(self.truths)
            if (at_truths[i] and not before) or (after_truths[i] and not at_truths[i])
        ]
        self.signs = after
        if risen:
            self._resolve_all(risen, zeros, (at_truths, after_truths))
        self.truths = self._truths(self.signs)
        self._record_now()

    def _resolve_all(
        self,
        risen: list[int],
        zeros: dict[int, tuple[float, float]],
        truths: tuple[list[bool], list[bool]],
    ) -> None:
        """Let the triggered events strike; fail where an order that nothing decides matters."""
        start, signs = list(self.y), self.signs
        tied = self._resolve(risen, zeros, truths, lambda best: best[0])
        found, found_signs = self.y, self.signs
        if not tied:
            return
        for pick in (lambda best: best[-1], lambda best: best[len(best) // 2]):
            self.y, self.signs = start, signs
            self._resolve(risen, zeros, truths, pick)
            self._compare_orders(found, tied)
        self.y, self.signs = found, found_signs

    def _compare_orders(self, found: list[float], tied: list[int]) -> None:
        for name, a, b in zip(self.e.spec.states, found, self.y, strict=True):
            if a != b and not abs(a - b) <= 1e-12 * max(abs(a), abs(b)):
                names = ", ".join(self.triggers[i].name for i in tied)
                raise CourseFailed(
                    f"events {names} happen at the same time and their order decides {name}, "
                    "but no priority says which comes first; give them different priorities."
                )

    def _resolve(
        self,
        risen: list[int],
        zeros: dict[int, tuple[float, float]],
        truths: tuple[list[bool], list[bool]],
        pick: Callable[[list[int]], int],
    ) -> list[int]:
        """Let the triggered events strike.

        Args:
            risen: events that were triggered.
            zeros: as in :meth:`_instant`.
            truths: of the conditions at this instant and right after it.
            pick: takes one of several that nothing puts in order, by their places among the pending.

        Returns:
            events whose order nothing decided.
        """
        pending = [(i, self._assigned(i)) for i in risen]
        tied: list[int] = []
        count = 0
        while pending:
            at, after = truths
            pending = [(i, v) for i, v in pending if self.triggers[i].persistent or at[i] or after[i]]
            if not pending:
                break
            ranks = [self.e.priorities[i](self.y, self.p, (self.t,))[0] for i, _ in pending]
            best = [k for k, rank in enumerate(ranks) if rank == max(ranks)]
            if len(best) > 1:
                tied = [pending[k][0] for k in best]
            i, values = pending.pop(pick(best))
            self._strike(i, values if self.triggers[i].early else self._assigned(i))
            signs_at, signs_after = self._instant(zeros)
            new = self._truths(signs_at), self._truths(signs_after)
            self._refuse_edge(i, zeros, truths, new, signs_at)
            # A condition that turns right after this instant has turned: it does not turn anew when a strike
            # makes it hold at the instant itself.
            pending += [
                (k, self._assigned(k))
                for k in range(len(self.triggers))
                if (new[0][k] or new[1][k]) and not (at[k] or after[k])
            ]
            truths, self.signs = new, signs_after
            count += 1
            if count > _MOST_AT_ONCE:
                raise CourseFailed(f"event {self.triggers[i].name} triggers itself without end.")
        return tied

    def _assigned(self, i: int) -> list[float]:
        return self.e.jumps[i](self.y, self.p, (self.t,))

    def _strike(self, i: int, values: list[float]) -> None:
        """The assignments of an event, all at once; concentrations become amounts by the sizes before it."""
        if not all(map(math.isfinite, values)):
            name = self.triggers[i].name
            raise CourseFailed(f"event {name} assigns a value that is not a finite number.")
        y = list(self.y)
        for (state, size), value in zip(self.e.targets[i], values, strict=True):
            y[state] = value if size is None else value * size(self.y, self.p, (self.t,))[0]
        self.y = y

    # ---- time ---------------------------------------------------------------------------------------------

    def _record(self, time: float, y: Sequence[float], row: int) -> None:
        self.values[row] = self.e.outputs(y, self.p, (time,))

    def _record_now(self) -> None:
        """Values at this instant, also where they were recorded a moment before it."""
        near = np.abs(self.times - self.t) <= _SAME_TIME * max(1.0, abs(self.t))
        for row in np.flatnonzero(near):
            self._record(float(self.times[row]), self.y, int(row))
            self.next_row = max(self.next_row, int(row) + 1)

    def _record_until(self, until: float, path: Callable[[float], NDArray[np.float64]]) -> None:
        while self.next_row < len(self.times) and self.times[self.next_row] <= until:
            time = float(self.times[self.next_row])
            self._record(time, path(time).tolist(), self.next_row)
            self.next_row += 1

    def _refuse_edge(
        self,
        i: int,
        zeros: dict[int, tuple[float, float]],
        old: tuple[list[bool], list[bool]],
        new: tuple[list[bool], list[bool]],
        signs: list[float],
    ) -> None:
        """Fail where event i puts a condition that was met exactly on its edge, to be met again at once."""
        raw = self._differences(self.y, self.t, signs)
        for k, trigger in enumerate(self.triggers):
            if not (old[0][k] or old[1][k]) or new[0][k] or not new[1][k]:
                continue
            edges = [j for j in self.e.compared[k] if raw[j] == 0 or (j in zeros and zeros[j][0] == raw[j])]
            if any(self.e.depends[j] & self.e.struck[i] for j in edges):
                raise CourseFailed(
                    f"event {self.triggers[i].name} sets a variable exactly to where event {trigger.name} is "
                    "triggered, so that it would strike without end; set it a little beyond."
                )

    def _advance(self) -> None:
        """Integrate to the end or to the next switch, whichever is first."""
        from scipy.integrate import LSODA  # here, because importing it costs more than a compiled run

        n, p, signs = self.e.n, self.p, self.signs
        rates = self.e.rates

        def slopes(t: float, z: NDArray[np.float64]) -> list[float]:
            return rates(z.tolist(), p, (t,), signs) if n else [0.0]

        longest = math.inf
        if self.e.n_signs:
            longest = max((self.end / max(len(self.times) - 1, 1)), self.end / 1000)
        start = np.array(self.y if n else [0.0])
        if not all(map(math.isfinite, slopes(self.t, start))):
            raise CourseFailed("the rates are not finite numbers.")
        solver = LSODA(slopes, self.t, start, self.end, rtol=self.rtol, atol=self.atol, max_step=longest)
        while solver.status == "running":
            self._step(solver)
            path = self._path(solver)
            zeros, now = self._first_zeros(path, solver.t_old, solver.t)
            if zeros:
                self._record_until(now, path)
                self._count_progress(now)
                self.t, self.y = now, (path(now).tolist() if n else [])
                raw = self._differences(self.y, self.t, self.signs)
                self._happen({k: (raw[k], after) for k, after in zeros.items()})
                return
            self._record_until(solver.t, path)
            self.t, self.y = float(solver.t), (solver.y.tolist() if n else [])

    def _step(self, solver: Any) -> None:
        self.steps += 1
        if self.steps > self.max_steps:
            raise CourseFailed("the solver used up its steps.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LSODA's failures are seen in its status
            solver.step()
        if solver.status == "failed" or not np.isfinite(solver.y).all():
            raise CourseFailed("the solver could not meet its tolerance, or the rates are not finite.")

    def _path(self, solver: Any) -> Callable[[float], NDArray[np.float64]]:
        dense, last, y = solver.dense_output(), solver.t, solver.y.copy()
        return lambda t: y if t == last else dense(t)

    def _count_progress(self, now: float) -> None:
        close = now - self.t <= 1e-9 * max(self.end, 1e-300)
        self.stuck = self.stuck + 1 if close else 0
        if self.stuck > _MOST_AT_ONCE:
            raise CourseFailed("a condition turns on and off without end.")

    # ---- where conditions turn ----------------------------------------------------------------------------

    def _first_zeros(
        self, path: Callable[[float], NDArray[np.float64]], before: float, after: float
    ) -> tuple[dict[int, float], float]:
        """The conditions that turn first within a step, with the signs that follow, and when."""
        if not self.e.n_signs:
            return {}, after
        times = np.linspace(before, after, _SAMPLES + 1)
        samples = [self._at(path, float(t)) for t in times]
        for j in range(_SAMPLES):
            found = {}
            for k in range(self.e.n_signs):
                turn = self._turn(path, k, times, samples, j)
                if turn is not None:
                    found[k] = turn
            if found:
                first = min(time for time, _ in found.values())
                first = self._snapped(first)
                same = _SAME_TIME * max(1.0, abs(first))
                return {k: sign for k, (time, sign) in found.items() if time <= first + same}, min(
                    max(first, before), after
                )
        return {}, after

    def _at(self, path: Callable[[float], NDArray[np.float64]], t: float) -> list[float]:
        return self._differences(path(t).tolist() if self.e.n else [], t, self.signs)

    def _snapped(self, t: float) -> float:
        row = int(np.argmin(np.abs(self.times - t)))
        near = float(self.times[row])
        return near if abs(near - t) <= _SAME_TIME * max(1.0, abs(t)) else t

    def _turn(
        self,
        path: Callable[[float], NDArray[np.float64]],
        k: int,
        times: NDArray[np.float64],
        samples: list[list[float]],
        j: int,
    ) -> tuple[float, float] | None:
        """When the difference leaves its sign within the j-th part of the step, and the sign it takes."""
        held = self.signs[k]
        if math.isnan(held):
            return None
        new = _sign(samples[j + 1][k])
        right = float(times[j + 1])
        if new == held:
            middle = self._vertex(k, times, samples, j)
            if middle is None:
                return None
            there = self._at(path, middle)[k]
            if _sign(there) == held:
                self._refuse_touch(there, max(abs(sample[k]) for sample in samples))
                return None
            right, new = middle, -held
        if math.isnan(new):
            raise CourseFailed("a condition compares a value that is not a number.")
        left = float(times[j])
        if held == 0:
            return left, new
        if new == 0:
            # It touches zero at the sample; what follows is seen a little later.
            beyond = _sign(self._at(path, right)[k])
            return right, beyond if beyond else self._sign_beyond(path, k, right)
        return self._locate(path, k, left, right, held), new

    def _refuse_touch(self, least: float, around: float) -> None:
        """Fail where a condition comes nearer to turning than the solver can tell, and goes away again."""
        unsure = 10 * (self.atol + self.rtol * max(map(abs, self.y), default=0.0))
        if abs(least) <= unsure and around > 10 * unsure:
            raise CourseFailed("a condition comes so near to turning that rounding would decide it.")

    def _sign_beyond(self, path: Callable[[float], NDArray[np.float64]], k: int, t: float) -> float:
        h = 1e-8 * self.end
        y = path(t).tolist() if self.e.n else []
        slopes = self.e.rates(y, self.p, (t,), self.signs)
        near = [v + h * s for v, s in zip(y, slopes, strict=True)]
        return _sign(self._differences(near, t + h, self.signs)[k])

    def _vertex(self, k: int, times: NDArray[np.float64], samples: list[list[float]], j: int) -> float | None:
        """Where the parabola through three samples turns, if it does so beyond zero within the part."""
        first = min(max(j - 1, 0), _SAMPLES - 2)
        a, b, c = (samples[first + i][k] for i in range(3))
        bend = a - 2 * b + c
        if not math.isfinite(bend) or bend == 0:
            return None
        h = float(times[1] - times[0])
        place = float(times[first + 1]) - h * (c - a) / (2 * bend)
        value = b - (c - a) ** 2 / (8 * bend)
        inside = times[j] < place < times[j + 1]
        return place if inside and abs(value) < max(abs(a), abs(b), abs(c)) else None

    def _locate(
        self,
        path: Callable[[float], NDArray[np.float64]],
        k: int,
        left: float,
        right: float,
        held: float,
    ) -> float:
        """The first instant, to rounding, at which the difference no longer has its sign."""
        from scipy.optimize import brentq

        one = self.e.each[k]

        def value(t: float) -> float:
            return one(path(t).tolist() if self.e.n else [], self.p, (t,), self.signs)[0]

        if _sign(value(left)) != held:
            return left
        if _sign(value(right)) == held:
            return right
        if value(right) == 0:
            return right
        return float(brentq(value, left, right, xtol=1e-15, rtol=1e-14, maxiter=200))
