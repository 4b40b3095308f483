"""Amounts stay amounts: behind the pole of a saturable loss is a loss without end."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from engine_cases import run, spec_of
from scipy.special import lambertw

from hepatrial.engine import Status
from hepatrial.model import load_patient_model

SATURABLE = "model loss()\n v = 1; k = 0.0001; x = 1; x' = -v*x/(k + x);\nend"
ENGINES = ("one lane", "four lanes")
VISITS = np.array([0.3, 0.9, 1.0, 1.1, 2.0, 3.0])
K = 1e-4


@cache
def amounts(text):
    return replace(spec_of(text), nonnegative=True)


def closed_form(t, k=K):
    """x + k ln(x) = 1 - t, solved by Lambert's W."""
    argument = np.exp(np.clip((1 - t) / k - np.log(k), -700, 700))
    return k * lambertw(argument).real


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_cannot_jump_over_the_pole_when_states_are_amounts(engine):
    for rtol in (1e-2, 1e-3, 1e-4):
        free = run(engine, spec_of(SATURABLE), visits=VISITS, end=3.0, outputs=["x"], rtol=rtol)
        kept = run(engine, amounts(SATURABLE), visits=VISITS, end=3.0, outputs=["x"], rtol=rtol)
        assert free.values[0, -1, 0] == pytest.approx(-2.0, abs=0.01)  # wrong, and no error is seen
        assert free.ok.all()
        assert kept.status.tolist() == [Status.COMPLETED]
        late = VISITS >= 2.0
        np.testing.assert_allclose(kept.values[0, late, 0], closed_form(VISITS)[late], atol=rtol)
        np.testing.assert_allclose(kept.values[0, :2, 0], 1 - VISITS[:2], atol=0.01 + rtol)


@pytest.mark.parametrize("engine", ENGINES)
def test_who_never_comes_near_zero_has_the_same_bits(engine):
    options = {
        "visits": VISITS,
        "end": 3.0,
        "outputs": ["x"],
        "parameters": np.array([[0.1, 0.5], [0.2, 1.0]]),
    }
    free, kept = (run(engine, spec, **options) for spec in (spec_of(SATURABLE), amounts(SATURABLE)))
    np.testing.assert_array_equal(free.values, kept.values)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_state_that_begins_below_zero_is_left_alone(engine):
    text = "model decay()\n a = 1; x = 1; x' = -a*x;\nend"
    result = run(engine, amounts(text), initial=np.array([[-1.0]]), visits=[1.0], outputs=["x"], rtol=1e-6)
    assert result.values[0, 0, 0] == pytest.approx(-np.exp(-1), rel=1e-5)


def test_every_state_of_the_patient_is_an_amount():
    spec = load_patient_model()
    assert spec.nonnegative
    assert (spec.initial_state >= 0).all()
    assert not spec_of(SATURABLE).nonnegative
