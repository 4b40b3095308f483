"""One virtual patient followed through the patient model, for the tests of the science."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

import hepatrial.engine as engine
from hepatrial.model import load_patient_model
from hepatrial.model.spec import ModelSpec

REFERENCE = {
    "age": 45.0,
    "regeneration": 1.0,
    "immune_drive": 1.0,
    "cholestasis": 1.0,
    "vitamin_k": 1.0,
    "alt_content": 12000.0,
    "creatinine_habitual": 68.0,
}
"""A patient whose liver regrows as a donor's; traits are pinned so that no calibration moves the tests."""
FLARE = {**REFERENCE, "hbv": 1.0, "infected_share": 0.86, "flare": 2.5, "regeneration": 0.8}
"""A carrier of hepatitis B whose tolerance breaks: liver injury within weeks, survived."""
FAILURE = {**FLARE, "flare": 4.0, "regeneration": 0.6, "immune_drive": 1.4}
"""The same in a patient who falls into liver failure."""
INFLAMED = {"macrophages_activated": 0.5, "tnf": 0.7, "il6": 0.6, "paralysis": 0.9, "toxins": 0.5}
"""Starting states of a patient with systemic inflammation."""

_models: dict[str, object] = {}


class Course:
    """What happened: ``course["alt"]`` is the series at the days asked for, one row a patient if several."""

    def __init__(self, days: Sequence[float], result: engine.Result, spec: ModelSpec) -> None:
        self.days = np.asarray(days, dtype=float)
        self.result = result
        self.spec = spec

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        values = self.result.values[:, :, self.result.outputs.index(name)]
        return values[0] if len(values) == 1 else values

    @property
    def events(self) -> list[tuple[str, float]]:
        """(cause, day) of the first patient."""
        rows = self.result.events[self.result.events["patient"] == 0]
        return [(self.spec.causes[int(row["cause"])], float(row["time"])) for row in rows]


def follow(
    days: Sequence[float],
    start: Mapping[str, float] | None = None,
    actions: Iterable[tuple[float, str, float]] = (),
    events: Mapping[str, Sequence[float]] | None = None,
    rtol: float = 1e-6,
    parameters: NDArray[np.float64] | None = None,
    **changed: float,
) -> Course:
    """Follow one patient (or one for each row of ``parameters``) without chance.

    Args:
        days: days to look at; the last is the end.
        start: states that differ from a quiet liver.
        actions: (day, action, amount).
        events: cause -> unit-exponential increments of its thresholds; absent: never happens.
        rtol: the solver's relative tolerance.
        parameters: (n, n_parameters) instead of the cards' values.
        changed: parameters that differ from their cards.
    """
    spec = load_patient_model()
    p = np.array(spec.default_parameters)[None, :] if parameters is None else np.array(parameters)
    for name, value in changed.items():
        p[:, spec.parameters.index(name)] = value
    y = spec.initial_states(p).copy()
    for name, value in (start or {}).items():
        y[:, spec.states.index(name)] = value
    n = len(p)
    thresholds = np.full((n, len(spec.causes), 4), np.inf)
    for cause, increments in (events or {}).items():
        thresholds[:, spec.causes.index(cause), : len(increments)] = increments
    table = [(q, day, spec.actions.index(name), amount) for q in range(n) for day, name, amount in actions]
    impulses = engine.Impulses(*(np.array(column) for column in zip(*table, strict=True))) if table else None
    model, simulate = _engine(spec)
    result = simulate(
        model, p, y, thresholds, np.tile(days, (n, 1)), np.full(n, days[-1]), impulses=impulses, rtol=rtol
    )
    assert result.ok.all()
    return Course(days, result, spec)


def _engine(spec: ModelSpec):
    if not hasattr(engine, "simulate"):
        return spec, engine.simulate_plain
    if spec.hash not in _models:
        _models[spec.hash] = engine.compile_model(spec)
    return _models[spec.hash], engine.simulate
