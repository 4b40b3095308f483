"""The compiled engine beside libRoadRunner: the same patients, path by path, and their events.

Three comparisons, each with a limit that is stated beside its result:

* trajectories: per output the largest and the median of |ours - theirs| / (|theirs| + 1 % of the largest
  |theirs|) over patients and times before the patient's end;
* paired events: the same thresholds in both, so the same events in the same order, and how far apart in time;
* distributions: thresholds drawn by each engine for itself (libRoadRunner from the ``distrib`` export); times
  to the first event of each cause by the two-sample Kolmogorov-Smirnov test at ``LEVEL`` over the causes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine.call import Impulses, Result, Status
from hepatrial.engine.roadrunner import ConventionsInRoadRunner, Dose, general_course
from hepatrial.engine.settings import Settings
from hepatrial.engine.simulate import compile_model, simulate
from hepatrial.engine.timecourse import time_course
from hepatrial.errors import RunFailed
from hepatrial.model.spec import ModelSpec

Array = NDArray[np.float64]

RTOL = 1e-7
MINUTES = 5.0
"""Most that a paired event time may differ."""
LEVEL = 0.001
"""Chance of a false alarm of all distribution tests together."""
_TYPICAL = 0.01
_FEWEST = 5
"""Events of a cause in both engines together below which nothing is tested."""


def allowed_error(rtol: float) -> float:
    """The stated limit of a trajectory's error: a thousand times the tolerance, 1e-6 or more."""
    return max(1000.0 * rtol, 1e-6)


@dataclass(frozen=True)
class OutputError:
    """How far one output is from the other engine's.

    Attributes:
        name: output.
        largest, median: scaled error over patients and times.
        patient: of the largest, from 1.
        time: of the largest.
    """

    name: str
    largest: float
    median: float
    patient: int
    time: float


@dataclass(frozen=True)
class PairedEvents:
    """Events under the same thresholds.

    Attributes:
        ours, theirs: number of events.
        largest_minutes, median_minutes: difference in time of events that both have (0 without any).
        differing: patients, from 1, whose events or their order differ.
    """

    ours: int
    theirs: int
    largest_minutes: float
    median_minutes: float
    differing: tuple[int, ...]


@dataclass(frozen=True)
class DrawnEvents:
    """Times to the first event of a cause, thresholds drawn by each engine for itself.

    Attributes:
        cause: of the event.
        ours, theirs: share of courses that have it.
        statistic: Kolmogorov-Smirnov distance.
        p: its two-sided p-value; NaN where events are too few to test.
    """

    cause: str
    ours: float
    theirs: float
    statistic: float
    p: float


@dataclass(frozen=True)
class Verification:
    """What was compared and found.

    Attributes:
        patients: compared path by path.
        outputs: errors, largest first.
        error_allowed: limit of every output's largest error.
        events: paired events; None in a model without hazards.
        minutes_allowed: limit of their time difference.
        drawn: distributions; empty where none were asked for.
        courses_drawn: courses in each engine behind ``drawn``.
        level: of all tests of ``drawn`` together; each is held to its share (Bonferroni).
    """

    patients: int
    outputs: tuple[OutputError, ...]
    error_allowed: float
    events: PairedEvents | None = None
    minutes_allowed: float = MINUTES
    drawn: tuple[DrawnEvents, ...] = ()
    courses_drawn: int = 0
    level: float = LEVEL

    @property
    def disagreements(self) -> tuple[str, ...]:
        """Sentences; empty when the two engines agree within the limits."""
        found = [
            f"{o.name}: error {o.largest:.1e} in patient {o.patient} at {o.time:g}, "
            f"allowed {self.error_allowed:.1e}"
            for o in self.outputs
            if not o.largest <= self.error_allowed
        ]
        if self.events is not None and self.events.differing:
            patients = ", ".join(map(str, self.events.differing))
            found.append(f"events or their order differ in patients {patients}")
        if self.events is not None and not self.events.largest_minutes <= self.minutes_allowed:
            given = self.events.largest_minutes
            found.append(f"an event time differs by {given:.2g} min, allowed {self.minutes_allowed:g} min")
        found += [
            f"{d.cause}: times to the first event are distributed differently "
            f"(p = {d.p:.1e}, level {self.level / len(self.drawn):.1e})"
            for d in self.drawn
            if d.p < self.level / len(self.drawn)
        ]
        return tuple(found)

    @property
    def agreed(self) -> bool:
        """Whether nothing was beyond its limit."""
        return not self.disagreements


def verify_conventions(
    spec: ModelSpec,
    parameters: Array,
    initial: Array,
    thresholds: Array,
    visits: Array,
    end: float,
    doses: Sequence[Dose] = (),
    rtol: float = RTOL,
) -> Verification:
    """Compare a model of the conventions, path by path and event by event.

    Args:
        spec: the model.
        parameters: (n, n_parameters).
        initial: (n, n_states).
        thresholds: (n, n_hazards, n_occurrences) increments, given to both engines.
        visits: (n_visits,) ascending days, none at the time of a dose.
        end: day on which every course ends.
        doses: done to every patient.
        rtol: of our engine; libRoadRunner runs at 1e-10.

    Raises:
        BadInput: libRoadRunner is not installed, or as :func:`hepatrial.simulate`.
        RunFailed: one of the engines could not follow a patient.
    """
    other = ConventionsInRoadRunner(spec, doses, thresholds.shape[2])
    result = _ours(spec, parameters, initial, thresholds, visits, end, doses, rtol)
    theirs = np.full_like(result.values, np.nan)
    pairs = []
    for i in range(len(parameters)):
        until = min(end, float(result.end_time[i]) + 0.05)
        values, events = other.course(
            parameters[i], initial[i], thresholds[i], visits[visits <= until], until
        )
        theirs[i, : len(values)] = values
        pairs.append((_events(spec, result, i), _until_terminal(spec, events)))
    theirs[np.isnan(result.values)] = np.nan
    outputs = _output_errors(result.outputs, result.values, theirs, visits)
    return Verification(len(parameters), outputs, allowed_error(rtol), _paired(pairs))


def verify_draws(
    spec: ModelSpec,
    parameters: Array,
    initial: Array,
    thresholds: Array,
    end: float,
    doses: Sequence[Dose] = (),
    seed: int = 1,
) -> tuple[DrawnEvents, ...]:
    """Compare times to the first event where each engine has luck of its own.

    Args:
        spec: the model.
        parameters: (n, n_parameters).
        initial: (n, n_states).
        thresholds: (n, n_hazards, n_occurrences) unit-exponential increments of our engine alone.
        end: day on which every course ends.
        doses: done to every patient.
        seed: of libRoadRunner's draws.

    Raises:
        BadInput, RunFailed: as :func:`verify_conventions`.
    """
    from scipy.stats import ks_2samp

    other = ConventionsInRoadRunner(spec, doses, 1, draws=True, seed=seed)
    nothing = np.empty(0)
    result = _ours(spec, parameters, initial, thresholds, nothing, end, doses, 1e-5)
    ours, theirs = (np.full((len(parameters), len(spec.causes)), end) for _ in range(2))
    for i in range(len(parameters)):
        _, found = other.course(parameters[i], initial[i], None, nothing, end)
        for firsts, events in ((ours, _events(spec, result, i)), (theirs, _until_terminal(spec, found))):
            for cause, day in reversed(events):
                firsts[i, spec.causes.index(cause)] = day
    told = []
    for k, cause in enumerate(spec.causes):
        a, b = ours[:, k], theirs[:, k]
        tested = (a < end).sum() + (b < end).sum() >= _FEWEST
        test = ks_2samp(a, b, method="asymp")
        p = float(test.pvalue) if tested else math.nan
        told.append(DrawnEvents(cause, (a < end).mean(), (b < end).mean(), float(test.statistic), p))
    return tuple(told)


def verify_general(
    spec: ModelSpec, parameters: Array, end: float, rows: int = 60, rtol: float = RTOL
) -> Verification:
    """Compare a model of other people: its species (amounts), variable parameters and compartments.

    Args:
        spec: a model without hazards.
        parameters: (n, n_parameters); only constants of the file's list of parameters may differ from it.
        end: last time.
        rows: times compared.
        rtol: error allowed in our course; libRoadRunner runs at 1e-10.

    Raises:
        BadInput: libRoadRunner is not installed.
        RunFailed: one of the engines could not follow a course.
    """
    species = frozenset(spec.species)
    kept = [n for n in spec.states if not any(s.amount.name == n for s in spec.species.values())]
    names = tuple(dict.fromkeys((*(n for n in spec.species), *(n for n in kept if n not in species))))
    # A factor that no event is likely to be at: engines differ in the value at the instant of one.
    asked = Settings(0.0, end * 0.99731, rows, names, rtol * 1e-3, rtol, species, frozenset())
    ours, theirs = [], []
    for row in parameters:
        one = dataclasses.replace(
            spec, default_parameters=row, initial_state=spec.initial_states(row[None, :])[0]
        )
        ours.append(time_course(one, asked)[1:])
        theirs.append(general_course(spec, row, asked.times, names)[1:])
    outputs = _output_errors(names, np.array(ours), np.array(theirs), asked.times[1:])
    return Verification(len(parameters), outputs, allowed_error(rtol))


def _ours(
    spec: ModelSpec,
    parameters: Array,
    initial: Array,
    thresholds: Array,
    visits: Array,
    end: float,
    doses: Sequence[Dose],
    rtol: float,
) -> Result:
    n = len(parameters)
    impulses = Impulses(
        np.repeat(np.arange(n), len(doses)),
        np.tile([day for day, _, _ in doses], n),
        np.tile([spec.actions.index(action) for _, action, _ in doses], n).astype(np.int64),
        np.tile([amount for _, _, amount in doses], n),
    )
    # What is beyond the table never happens here, and is not noted by the other engine.
    table = np.concatenate([thresholds, np.full((*thresholds.shape[:2], 1), np.inf)], axis=2)
    rows = np.tile(visits, (n, 1))
    result = simulate(
        compile_model(spec), parameters, initial, table, rows, np.full(n, end), impulses, rtol=rtol
    )
    if not result.ok.all():
        bad = int(np.flatnonzero(~result.ok)[0])
        raise RunFailed(f"Patient {bad + 1}: {Status(int(result.status[bad])).sentence}")
    return result


def _events(spec: ModelSpec, result: Result, patient: int) -> list[tuple[str, float]]:
    mine = result.events[result.events["patient"] == patient]
    return [(spec.causes[e["cause"]], float(e["time"])) for e in mine]


def _until_terminal(spec: ModelSpec, events: list[tuple[str, float]]) -> list[tuple[str, float]]:
    ending = {hazard.name for hazard in spec.hazards if hazard.terminal}
    for place, (cause, _) in enumerate(events):
        if cause in ending:
            return events[: place + 1]
    return events


def _paired(pairs: list[tuple[list[tuple[str, float]], list[tuple[str, float]]]]) -> PairedEvents:
    minutes: list[float] = []
    differing = []
    for patient, (mine, other) in enumerate(pairs, 1):
        if [cause for cause, _ in mine] != [cause for cause, _ in other]:
            differing.append(patient)
            continue
        minutes += [abs(a - b) * 1440 for (_, a), (_, b) in zip(mine, other, strict=True)]
    return PairedEvents(
        sum(len(mine) for mine, _ in pairs),
        sum(len(other) for _, other in pairs),
        max(minutes, default=0.0),
        float(np.median(minutes)) if minutes else 0.0,
        tuple(differing),
    )


def _output_errors(names: Sequence[str], ours: Array, theirs: Array, times: Array) -> tuple[OutputError, ...]:
    """Per output, over (n, n_times, n_outputs) values; where both are NaN there is nothing to compare."""
    told = []
    for k, name in enumerate(names):
        a, b = ours[:, :, k], theirs[:, :, k]
        seen = ~(np.isnan(a) & np.isnan(b))
        if not seen.any():
            continue
        typical = np.nanmax(np.abs(b), initial=0.0)
        off = np.where(seen, np.abs(a - b) / (np.abs(b) + _TYPICAL * typical + 1e-12), 0.0)
        off = np.where(np.isnan(off), np.inf, off)
        patient, place = np.unravel_index(int(off.argmax()), off.shape)
        told.append(
            OutputError(
                name, float(off.max()), float(np.median(off[seen])), int(patient) + 1, float(times[place])
            )
        )
    return tuple(sorted(told, key=lambda o: -o.largest))
