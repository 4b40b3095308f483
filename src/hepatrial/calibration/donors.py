"""The donors' world: healthy livers cut to a remnant, without chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepatrial.population import Machine, make_deck

Array = NDArray[np.float64]

REMNANT = {"donors/right": 0.42, "donors/left": 0.63}
"""Share of the liver that stays (aoki2011)."""
DAYS = (7.0, 14.0, 30.0, 90.0, 180.0, 365.0, 1460.0)
GRID = np.arange(0.06, 0.36, 0.01)
"""Remnants among which the smallest that survives is sought."""
HEALTHY = {"regeneration": 1.0, "immune_drive": 1.0, "cholestasis": 1.0, "vitamin_k": 1.0, "cirrhosis": 0.0}
"""A donor: regenerative capacity 1 by definition; age at the reference."""
ALIVE = 0.3
"""Liver work after a year above which a remnant has survived."""


def donors(machine: Machine, settings: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Volume of the remnant by day, and the smallest remnant that survives.

    Returns:
        cohort -> statistic ("volume 7", "threshold") -> value; volumes as a share of the whole liver.
    """
    spec, deck = machine.spec, make_deck(settings)
    column = {name: i for i, name in enumerate(spec.parameters)}
    one = spec.default_parameters.copy()
    for name in deck.changed & column.keys():
        one[column[name]] = deck.model[name].value
    for name, value in HEALTHY.items():
        one[column[name]] = value
    one[column["age"]] = one[column["reference_age"]]
    left = np.concatenate([list(REMNANT.values()), GRID])
    parameters = np.tile(one, (len(left), 1))
    state = spec.initial_states(parameters)
    state[:, spec.states.index("healthy_cells")] = left
    luck = np.full((len(left), len(spec.hazards), 1), np.inf)
    days = np.tile(np.array([*DAYS]), (len(left), 1))
    outputs = ("liver_volume", "function_mass")
    result = machine.solve(parameters, state, luck, days, np.full(len(left), DAYS[-1]), outputs=outputs)
    volume, work = result.values[:, :, 0], result.values[:, :, 1]
    found: dict[str, dict[str, float]] = {
        cohort: {f"volume {day:g}": float(volume[row, i]) for i, day in enumerate(DAYS)}
        for row, cohort in enumerate(REMNANT)
    }
    lives = work[len(REMNANT) :, DAYS.index(365.0)] > ALIVE
    smallest = GRID[lives].min() if lives.any() else GRID[-1] + 0.01
    found["donors/remnant"] = {"threshold": float(smallest - 0.005)}
    return found
