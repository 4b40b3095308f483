"""The same patients in libRoadRunner (CVODE): a second engine that shares no code with ours.

The model's own SBML is given to it, with what a comparison needs added: the thresholds of one patient (or
draws of its own), doses as events at fixed times, and variables that note when each event happened.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.model.expr import evaluate
from hepatrial.model.spec import ModelSpec

Array = NDArray[np.float64]
Dose = tuple[float, str, float]
"""Day (above 0), action, amount."""

RTOL, ATOL, STEPS = 1e-10, 1e-13, 1_000_000
_NEVER = 1e9
_PULSE = 0.01
"""Days for which the flag of an action is up; an action may not be repeated within them."""


def roadrunner() -> Any:
    """The library.

    Raises:
        BadInput: it is not installed.
    """
    try:
        import roadrunner as found
    except ImportError:
        allowed = "is needed as the second engine; install hepatrial with the extra 'interop'"
        raise BadInput([Problem("libroadrunner", "not installed", allowed)]) from None
    found.Logger.disableLogging()
    return found


class ConventionsInRoadRunner:
    """A model of the conventions with a fixed schedule of doses.

    Args:
        spec: the model.
        doses: what is done when.
        occurrences: thresholds that a patient may use up per cause.
        draws: let libRoadRunner draw the thresholds (SBML package distrib) instead of being given them.
        seed: of those draws.

    Raises:
        BadInput: libRoadRunner is not installed.
    """

    def __init__(
        self, spec: ModelSpec, doses: Sequence[Dose], occurrences: int, draws: bool = False, seed: int = 1
    ) -> None:
        self.spec, self.occurrences, self.draws = spec, occurrences, draws
        library = roadrunner()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.runner = library.RoadRunner(_noting(spec, doses, occurrences, draws))
        if draws:
            self.runner.setSeed(seed)
        tight(self.runner)

    def course(
        self, parameters: Array, initial: Array, thresholds: Array | None, visits: Array, end: float
    ) -> tuple[Array, list[tuple[str, float]]]:
        """One patient.

        Args:
            parameters: (n_parameters,).
            initial: (n_states,).
            thresholds: (n_hazards, n_occurrences) increments; None where libRoadRunner draws them.
            visits: (n_visits,) ascending days.
            end: last day; events after it are left out.

        Returns:
            (n_visits, n_outputs) values, and (cause, day) of each event, by day. After a terminal event
            libRoadRunner goes on; what it says then means nothing and is left to the caller to drop.

        Raises:
            RunFailed: libRoadRunner could not follow the course.
        """
        runner, spec = self.runner, self.spec
        runner.resetAll() if self.draws else runner.reset()
        for name, value in self._values(parameters, initial, thresholds).items():
            runner[name] = value
        times = np.unique(np.concatenate([[0.0], visits, [end]]))
        try:
            found = np.array(runner.simulate(times=times, selections=["time", *spec.outputs]))
        except RuntimeError as failed:
            raise RunFailed(f"libRoadRunner: {failed}") from None
        events = [
            (cause, float(runner[_when(cause, k)]))
            for cause in spec.causes
            for k in range(int(runner[_count(cause)]))
            if k < self.occurrences
        ]
        kept = sorted((e for e in events if e[1] <= end), key=lambda e: e[1])
        return found[np.searchsorted(times, visits), 1:], kept

    def _values(self, parameters: Array, initial: Array, thresholds: Array | None) -> Mapping[str, float]:
        spec = self.spec
        values = dict(zip(spec.parameters, parameters.tolist(), strict=True))
        derived = evaluate(list(spec.derived.values()), values)
        values |= {name: float(v) for name, v in zip(spec.derived, derived, strict=True)}
        values |= dict(zip(spec.states, initial.tolist(), strict=True))
        # libRoadRunner's reset leaves alone what only events change.
        values |= {_count(cause): 0.0 for cause in spec.causes}
        values |= {f"{kind}_{action}": 0.0 for kind in ("do", "amount") for action in spec.actions}
        if thresholds is not None:
            finite = np.where(np.isfinite(thresholds), thresholds, _NEVER)
            for hazard, row in zip(spec.hazards, finite.tolist(), strict=True):
                values[f"theta_{hazard.name}"] = row[0]
                if hazard.recurrent:
                    values |= {_increment(hazard.name, k): v for k, v in enumerate(row)}
        return values


def general_course(spec: ModelSpec, parameters: Array, times: Array, names: Sequence[str]) -> Array:
    """A model of other people with a patient's parameters written into its SBML, so that its starts follow.

    Args:
        spec: the model.
        parameters: (n_parameters,); only constants of the file's list of parameters may differ from it.
        times: (n_times,) ascending from 0.
        names: species (as amounts), parameters or compartments.

    Returns:
        (n_times, n_names).

    Raises:
        BadInput: libRoadRunner is not installed, or a value differs that cannot be set.
        RunFailed: libRoadRunner could not follow the course.
    """
    import libsbml

    library = roadrunner()
    document = libsbml.readSBMLFromString(spec.sbml)
    model = document.getModel()
    for name, value, given in zip(spec.parameters, parameters, spec.default_parameters, strict=True):
        if value == given:
            continue
        if name not in varied_parameters(spec):
            allowed = "only a constant of the list of parameters, with a value of its own, may differ"
            raise BadInput([Problem(f"parameter {name}", f"{value:g}", allowed)])
        model.getParameter(name).setValue(float(value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runner = library.RoadRunner(libsbml.writeSBMLToString(document))
        tight(runner)
        found = np.array(runner.simulate(times=times, selections=["time", *names]))
    except RuntimeError as failed:
        raise RunFailed(f"libRoadRunner: {failed}") from None
    values: Array = found[:, 1:]
    return values


def varied_parameters(spec: ModelSpec) -> tuple[str, ...]:
    """Parameters whose value in the file is a number of their own."""
    import libsbml

    document = libsbml.readSBMLFromString(spec.sbml)  # held: its parts die with it
    model = document.getModel()
    return tuple(
        name
        for name in spec.parameters
        if model.getParameter(name) is not None and model.getInitialAssignment(name) is None
    )


def tight(runner: Any) -> None:
    """Tolerances far below those compared with."""
    runner.integrator.relative_tolerance = RTOL
    runner.integrator.absolute_tolerance = ATOL
    runner.integrator.maximum_num_steps = STEPS


def _count(cause: str) -> str:
    return f"noted_count_{cause}"


def _when(cause: str, k: int) -> str:
    return f"noted_day_{cause}_{k}"


def _increment(cause: str, k: int) -> str:
    return f"given_increment_{cause}_{k}"


def _noting(spec: ModelSpec, doses: Sequence[Dose], occurrences: int, draws: bool) -> str:
    """The model's SBML with noted events, given increments or draws, and doses at their times."""
    import libsbml

    from hepatrial.model.distrib import with_draws

    document = libsbml.readSBMLFromString(with_draws(spec.sbml) if draws else spec.sbml)
    model = document.getModel()
    for hazard in spec.hazards:
        event = _event_of(model, f"H_{hazard.name} >= theta_{hazard.name}")
        _note(model, event, hazard.name, occurrences)
        if hazard.recurrent and not draws:
            _give(model, event, hazard.name, occurrences)
    for number, (day, action, amount) in enumerate(doses):
        _at(model, f"given_dose_{number}", day, {f"do_{action}": 1.0, f"amount_{action}": amount})
        _at(model, f"given_dose_{number}_over", day + _PULSE, {f"do_{action}": 0.0})
    written: str = libsbml.writeSBMLToString(document)
    return written


def _event_of(model: Any, trigger: str) -> Any:
    import libsbml

    for i in range(model.getNumEvents()):
        event = model.getEvent(i)
        if libsbml.formulaToL3String(event.getTrigger().getMath()) == trigger:
            return event
    raise RunFailed(f"The SBML has no event with the trigger {trigger}.")


def _variable(model: Any, name: str, value: float) -> None:
    parameter = model.createParameter()
    parameter.setId(name)
    parameter.setConstant(False)
    parameter.setValue(value)


def _assign(event: Any, variable: str, formula: str) -> None:
    import libsbml

    assignment = event.getEventAssignment(variable) or event.createEventAssignment()
    assignment.setVariable(variable)
    assignment.setMath(libsbml.parseL3Formula(formula))


def _note(model: Any, event: Any, cause: str, occurrences: int) -> None:
    """The event counts itself and notes the day of each occurrence."""
    _variable(model, _count(cause), 0.0)
    _assign(event, _count(cause), f"{_count(cause)} + 1")
    for k in range(occurrences):
        name = _when(cause, k)
        _variable(model, name, math.nan)
        _assign(event, name, f"piecewise(time, {_count(cause)} == {k}, {name})")


def _give(model: Any, event: Any, cause: str, occurrences: int) -> None:
    """The threshold grows by the patient's own increments."""
    for k in range(occurrences):
        _variable(model, _increment(cause, k), _NEVER)
    pieces = ", ".join(f"{_increment(cause, k + 1)}, {_count(cause)} == {k}" for k in range(occurrences - 1))
    more = f"piecewise({pieces}, {_NEVER})" if pieces else str(_NEVER)
    _assign(event, f"theta_{cause}", f"theta_{cause} + {more}")


def _at(model: Any, name: str, day: float, values: Mapping[str, float]) -> None:
    import libsbml

    event = model.createEvent()
    event.setId(name)
    event.setUseValuesFromTriggerTime(True)
    trigger = event.createTrigger()
    trigger.setPersistent(True)
    trigger.setInitialValue(True)
    trigger.setMath(libsbml.parseL3Formula(f"time >= {day!r}"))
    for variable, value in values.items():
        _assign(event, variable, repr(float(value)))
