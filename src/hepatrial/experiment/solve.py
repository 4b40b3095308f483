"""Courses of the dish and the mouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine import Impulses, Result, compile_model, simulate
from hepatrial.engine.simulate import CompiledModel
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.spec import ModelSpec
from hepatrial.model.worlds import load_world

Array = NDArray[np.float64]
Settings = Mapping[str, float]
ACTION = {"dish": "feed_ammonia", "mouse": "infuse_cells"}
"""What a dose is: fresh medium with ammonia (mmol/L), cells (1e6/kg)."""


@cache
def machine(world: str) -> CompiledModel:
    """A world in the compiled engine."""
    return compile_model(load_world(world))


def parameters_of(spec: ModelSpec, settings: Settings, n: int = 1) -> Array:
    """(n, n_parameters) of a world with settings.

    Raises:
        BadInput: a setting that names no parameter of the world.
    """
    problems = [
        Problem(name, f"{value:g}", f"a parameter of the {spec.name}", nearest_name(name, spec.parameters))
        for name, value in settings.items()
        if name not in spec.parameters
    ]
    if problems:
        raise BadInput(problems)
    rows = np.tile(spec.default_parameters, (n, 1))
    for name, value in settings.items():
        rows[:, spec.parameters.index(name)] = value
    return rows


def course(
    world: str,
    days: Sequence[float],
    outputs: Sequence[str],
    settings: Settings | None = None,
    doses: Sequence[tuple[float, float]] = (),
) -> dict[str, Array]:
    """One course without chance.

    Args:
        world: "dish" or "mouse".
        days: times, ascending.
        outputs: names of states and observables.
        settings: parameter -> value.
        doses: (day, amount): cells in 1e6/kg to a mouse, ammonia in mmol/L to a dish.

    Returns:
        output -> (n_days,); a value at the time of a dose is the one before it.
    """
    rows = parameters_of(load_world(world), settings or {})
    result = _solve(world, rows, np.array([list(days)], dtype=float), doses, None, tuple(outputs))
    return {name: result.values[0, :, i] for i, name in enumerate(result.outputs)}


def animals(
    rows: Array, days: Sequence[float], doses: Sequence[tuple[float, float]], thresholds: Array
) -> Result:
    """Mice that may die.

    Args:
        rows: (n, n_parameters).
        days: the last one ends the observation.
        doses: given to every animal.
        thresholds: (n,) unit-exponential thresholds of death; infinite: nobody dies.
    """
    visits = np.tile(np.asarray(days, dtype=float), (len(rows), 1))
    return _solve("mouse", rows, visits, doses, thresholds, ("liver_mass",))


def _solve(
    world: str,
    rows: Array,
    visits: Array,
    doses: Sequence[tuple[float, float]],
    thresholds: Array | None,
    outputs: tuple[str, ...],
) -> Result:
    spec, n = load_world(world), len(rows)
    chance = np.full((n, len(spec.hazards), 1), np.inf)
    if thresholds is not None:
        chance[:, :, 0] = thresholds[:, None]
    impulses = None
    if doses:
        each = len(doses)
        impulses = Impulses(
            np.repeat(np.arange(n), each),
            np.tile([day for day, _ in doses], n),
            np.full(n * each, spec.actions.index(ACTION[world])),
            np.tile([amount for _, amount in doses], n),
        )
    end = visits[:, -1] + 1e-9
    result = simulate(
        machine(world), rows, spec.initial_states(rows), chance, visits, end,
        impulses=impulses, outputs=outputs, rtol=1e-8,
    )  # fmt: skip
    if not result.ok.all():
        raise RuntimeError(f"the {world} could not be solved")
    return result
