"""A course that cannot be followed is a status with a sentence, never a silent number."""

import numpy as np
import pytest
from engine_cases import DECAY, ENGINES, run, spec_of, thresholds_for

from hepatrial.engine import Status
from hepatrial.errors import BadInput


def test_each_status_has_its_own_sentence():
    sentences = {status.sentence for status in Status}
    assert len(sentences) == len(Status)
    assert [status.name for status in Status if status.ok] == ["COMPLETED", "ENDED"]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_exhausted_table_of_occurrences_ends_the_course_with_a_status(engine):
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, 2, 2, relapse=[[0.5, 0.5], [0.5, np.inf]])
    result = run(engine, spec, n=2, thresholds=thresholds, visits=[1.0, 9.0], outputs=["x"])
    assert result.status.tolist() == [Status.OCCURRENCES_EXHAUSTED, Status.COMPLETED]
    assert result.end_time == pytest.approx([5, 10], abs=1e-3)
    assert np.isnan(result.values[:, 1, 0]).tolist() == [True, False]
    assert result.end_occurrences[:, 1].tolist() == [2, 1]
    assert result.ok.tolist() == [False, True]


BLOW_UP = "model blow()\n a = 1; x = 1; x' = a*x^2;\nend"  # x = 1/(1 - t)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_solution_that_escapes_to_infinity_is_a_status(engine):
    spec = spec_of(BLOW_UP)
    result = run(engine, spec, parameters=np.array([[1.0], [0.05]]), visits=[0.5, 5.0], end=5.0)
    assert not result.ok[0]
    assert result.ok[1]
    assert result.end_time[0] == pytest.approx(1, abs=1e-2)
    assert np.isnan(result.values[0, 1, 0])
    assert result.values[1, 1, 0] == pytest.approx(1 / 0.75, rel=1e-3)


LOGARITHM = "model falls()\n a = 1; x = 1; y = 0; x' = -a; y' = ln(x);\nend"


@pytest.mark.parametrize("engine", ["one lane", "four lanes"])
def test_rates_that_are_not_numbers_are_a_status_for_that_patient_alone(engine):
    spec = spec_of(LOGARITHM)
    parameters = np.array([[1.0], [0.1], [1.0], [0.2], [0.0]])
    result = run(engine, spec, parameters=parameters, visits=[0.5, 2.0], end=2.0)
    assert result.status.tolist() == [Status.NOT_FINITE, 0, Status.NOT_FINITE, 0, 0]
    assert np.isnan(result.values[0, 1]).all()
    np.testing.assert_allclose(result.values[4, 1], [1, 0], atol=1e-12)
    assert result.end_time[0] == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("engine", ENGINES)
def test_rates_that_are_never_numbers_fail_at_the_start(engine):
    spec = spec_of("model never()\n a = -1; x = 1; x' = ln(a);\nend")
    result = run(engine, spec, visits=[0.0, 1.0], end=1.0)
    assert result.status.tolist() == [Status.NOT_FINITE]
    assert result.values[0, 0, 0] == 1
    assert np.isnan(result.values[0, 1, 0])


GROWTH = "model growth()\n a = 300; x = 1e-3; x' = a*x*(1 - x);\nend"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pivot_that_passes_through_zero_does_not_spoil_the_solution(engine):
    # 1/(h gamma) - J vanishes for h = 1/(300 gamma), a step that the controller would like to take.
    visits = np.array([0.01, 0.02, 0.03, 0.1])
    result = run(engine, spec_of(GROWTH), visits=visits, end=0.1, rtol=1e-6)
    exact = 1 / (1 + 999 * np.exp(-300 * visits))
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-3)


OSCILLATOR = "model turns()\n w = 1; x = 1; v = 0; x' = v; v' = -w^2*x;\nend"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_time_budget_ends_the_slow_course_and_spares_the_quick_ones(engine):
    spec = spec_of(OSCILLATOR)
    parameters = np.array([[0.1], [1e6], [0.2]])  # the second has a million turns to follow
    options = {"rtol": 1e-8, "max_steps": 10**9, "max_seconds": 0.3}
    result = run(engine, spec, parameters=parameters, visits=[1.0], end=50.0, **options)
    assert result.status.tolist() == [0, Status.TIME_BUDGET, 0]
    assert 0 < result.end_time[1] < 50
    assert not result.ok[1]
    assert "time budget" in Status.TIME_BUDGET.sentence


def test_an_ample_time_budget_changes_no_bit():
    spec = spec_of(OSCILLATOR)
    without, ample = (run("four lanes", spec, visits=[1.0, 9.0], max_seconds=s) for s in (None, 1e6))
    assert without.values.tobytes() == ample.values.tobytes()


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), "soon", True])
def test_a_time_budget_that_is_no_positive_number_is_refused(seconds):
    with pytest.raises(BadInput, match="max_seconds"):
        run("four lanes", spec_of(OSCILLATOR), max_seconds=seconds)
