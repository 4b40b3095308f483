"""One time course of any model, computed twice: a value on which the two do not agree is not given out.

Smooth models (no general events, no comparisons in rates, no functions from the platform's library) run in
the compiled engine and beside it in plain scipy; all others in plain scipy at two tolerances. Two courses
that differ by more than a tenth of the error allowed are a failure: a stiff corner, an event that a rounding
error decides, a pulse that one of them stepped over. The values given out are those of the compiled engine,
or of the tighter tolerance. Where the two agreed before (:mod:`hepatrial.engine.confirmed`) one is enough.
"""

from __future__ import annotations

import csv
import dataclasses
import io

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine.call import Status
from hepatrial.engine.general import Courses, named_expressions, simulate_model
from hepatrial.engine.settings import Settings
from hepatrial.engine.simulate import compile_model, simulate
from hepatrial.errors import BadInput, Problem, RunFailed, nearest_name
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.spec import ModelSpec

_SHARE = 1e-4
"""The solver's tolerances as a share of the errors allowed."""
_TIGHTEST = 1e-10


def time_course(spec: ModelSpec, settings: Settings, confirmed: bool = False) -> NDArray[np.float64]:
    """Values of the variables.

    Args:
        spec: a model without hazards and actions.
        settings: what to record, and the error allowed.
        confirmed: the two computations of this very course have agreed before; the second is left out, which
            changes no bit of the values.

    Returns:
        (steps + 1, n_variables).

    Raises:
        BadInput: a variable is not of the model, or a species has no concentration.
        RunFailed: the course could not be computed, or its two computations differ.
    """
    recorded = _with_columns(spec, _columns(spec, settings))
    columns = recorded.observables[len(recorded.observables) - len(settings.variables) :]
    rtol = max(_TIGHTEST, min(1e-7, settings.relative * _SHARE))
    atol = min(settings.absolute * 1e-3, 1e-10)
    smooth = is_smooth(recorded) and settings.times[-1] > 0
    compute = _compiled if smooth else _plain
    if confirmed:
        return compute(recorded, settings, columns, rtol, atol)
    looser = 1 if smooth else 30
    other = _plain(recorded, settings, columns, rtol * looser, atol * looser)  # first, for its plain failures
    values = compute(recorded, settings, columns, rtol, atol)
    _compare(settings, values, other)
    return values


def is_smooth(spec: ModelSpec) -> bool:
    """Whether the compiled engine can follow the model at its full order."""
    if spec.triggers or not spec.states:
        return False
    nodes = ex.topological([*spec.inline(spec.rates), *spec.inline(spec.observable_expressions)])
    rates = ex.topological(spec.inline(spec.rates))
    steps = {*ex.COMPARISONS, "floor", "ceil"}
    return not any(node.op in ex.LIBRARY for node in nodes) and not any(node.op in steps for node in rates)


def csv_text(settings: Settings, values: NDArray[np.float64]) -> str:
    """A table with header ``time`` and the variables, one row a time.

    Raises:
        BadInput: a variable is itself called ``time``, which the table could not tell from the first column.
    """
    if "time" in settings.variables:
        allowed = "has the name of the first column of the table; give the variable another id"
        raise BadInput([Problem("variables", "'time'", allowed)])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", *settings.variables])
    for time, row in zip(settings.times.tolist(), values.tolist(), strict=True):
        writer.writerow([repr(time), *(repr(v) for v in row)])
    return out.getvalue()


def _columns(spec: ModelSpec, settings: Settings) -> list[Expr]:
    problems = []
    if spec.hazards or spec.jumps:
        given = ", ".join([*spec.causes, *spec.actions])
        allowed = (
            "needs thresholds and doses, which a time course does not have; "
            "use `hepatrial model ensemble`, or hepatrial.simulate"
        )
        problems.append(Problem("model", f"hazard events or actions ({given})", allowed))
    names = named_expressions(spec)
    columns: list[Expr] = []
    for variable in settings.variables:
        species = spec.species.get(variable)
        column: Expr | None
        if species is not None and variable in settings.amount:
            column = species.amount
        elif species is not None and variable in settings.concentration:
            column = species.concentration
        else:
            column = names.get(spec.renamed.get(variable, variable))
        if column is None:
            what = "a concentration" if species is not None else "a variable that has a value"
            allowed = f"must be {what} of the model"
            problems.append(Problem("variables", repr(variable), allowed, nearest_name(variable, names)))
        else:
            columns.append(column)
    if problems:
        raise BadInput(problems)
    return columns


def _with_columns(spec: ModelSpec, columns: list[Expr]) -> ModelSpec:
    """The model with an observable for each column, whose names no id can have."""
    names = tuple(f"column {i}" for i in range(len(columns)))
    return dataclasses.replace(
        spec,
        observables=(*spec.observables, *names),
        observable_expressions=(*spec.observable_expressions, *columns),
        hash=f"{spec.hash} {[ex.text(e) for e in columns]}",
    )


def _plain(
    spec: ModelSpec, settings: Settings, columns: tuple[str, ...], rtol: float, atol: float
) -> NDArray[np.float64]:
    found: Courses = simulate_model(spec, settings.times, outputs=columns, rtol=rtol, atol=atol)
    if found.failures[0]:
        raise RunFailed(found.failures[0])
    values: NDArray[np.float64] = found.values[0]
    return values


def _compiled(
    spec: ModelSpec, settings: Settings, columns: tuple[str, ...], rtol: float, atol: float
) -> NDArray[np.float64]:
    sized = dataclasses.replace(spec, sizes=tuple([atol * 100 / rtol] * len(spec.states)))
    times = settings.times
    result = simulate(
        compile_model(sized, lanes=1),
        spec.default_parameters[None, :],
        spec.initial_state[None, :],
        np.zeros((1, 0, 1)),
        times[None, :],
        times[-1:],
        outputs=columns,
        rtol=rtol,
        max_steps=1_000_000,
    )
    if not result.ok[0]:
        raise RunFailed(f"The compiled engine: {Status(int(result.status[0])).sentence}")
    values: NDArray[np.float64] = result.values[0]
    return values


def _compare(settings: Settings, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Raise where two computations of one course differ by more than a tenth of the error allowed."""
    with np.errstate(invalid="ignore"):
        near = np.abs(first - second) <= 0.1 * (settings.absolute + settings.relative * np.abs(first))
        same = near | (first == second) | (np.isnan(first) & np.isnan(second))
    if not same.all():
        row, column = np.argwhere(~same)[0]
        raise RunFailed(
            f"Two computations of {settings.variables[column]} differ at time {settings.times[row]:g} "
            f"({first[row, column]:.6g} and {second[row, column]:.6g}), so neither is given out."
        )
