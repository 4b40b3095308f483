"""The patient model in libRoadRunner: flares with infections, cells and plasma exchange, path by path."""

import numpy as np
import pytest
from roadrunner_course import roadrunner_course

from hepatrial.engine import Impulses, compile_model, simulate
from hepatrial.model import load_patient_model
from hepatrial.population.candidates import draw_candidates
from hepatrial.population.deck import make_deck

VISITS = np.array([0.5, 3.2, 8.0, 15.5, 30.3, 45.7, 60.1, 90.0])


@pytest.mark.slow
def test_compiled_and_libroadrunner_agree_on_drawn_patients():
    pytest.importorskip("roadrunner", reason="the interop extra is not installed")
    spec, n = load_patient_model(), 6
    drawn = draw_candidates(spec, make_deck(), 3, np.arange(1, n + 1), "hbv_aclf")
    parameters = drawn.parameters
    for name, value in {"in_hospital": 1.0, "effect_macrophage": 0.5, "effect_infection": 0.5}.items():
        parameters[:, spec.parameters.index(name)] = value
    thresholds = np.full((n, len(spec.hazards), 6), np.inf)
    thresholds[:, :, :2] = np.random.default_rng(4).exponential(size=(n, len(spec.hazards), 2))
    for i, hazard in enumerate(spec.hazards):
        if hazard.recurrent:  # libRoadRunner has one step for all occurrences
            thresholds[:, i, 1:] = thresholds[:, i, 1:2] + 0.5
    table = [
        (7.0, spec.actions.index("infuse_cells"), 1.0),
        (21.0, spec.actions.index("plasma_exchange"), 0.8),
    ]
    time, action, amount = (np.tile(column, n) for column in zip(*table, strict=True))
    result = simulate(
        compile_model(spec),
        parameters,
        drawn.initial,
        thresholds,
        np.tile(VISITS, (n, 1)),
        np.full(n, 90.0),
        Impulses(np.repeat(np.arange(n), len(table)), time, action, amount),
        rtol=1e-7,
    )
    assert result.ok.all()
    assert len(result.events) > 3
    for i in range(n):
        alive = result.end_time[i] >= VISITS
        other = roadrunner_course(spec, parameters[i], drawn.initial[i], thresholds[i], VISITS[alive], table)
        typical = np.maximum(np.abs(other).max(axis=0), 1e-3)
        off = np.abs(result.values[i][alive] - other) / (np.abs(other) + 0.01 * typical)
        assert off.max() < 1e-4, (i, spec.outputs[int(off.max(axis=0).argmax())])
