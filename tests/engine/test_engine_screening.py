"""The screening mode: single precision, with every doubtful patient repeated in float64."""

import importlib

import numpy as np
import pytest
from engine_cases import DECAY, compiled, exercise_arguments, exercise_spec, run, spec_of, thresholds_for
from test_engine_agreement import doses
from test_engine_invariance import FIELDS

from hepatrial.engine import Impulses, Status, simulate
from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model

STATED_ERROR = 0.02
"""Largest |y - y64| / (|y64| + 1 % of the state's scale) of a patient that was not repeated, at rtol 1e-4 on
the exercise patient; float64 itself is as far from the exact course."""


def both(spec, arguments, impulses, **options):
    fast = simulate(compiled(spec, 4), *arguments, impulses, precision="screen", **options)
    return fast, simulate(compiled(spec, 4), *arguments, impulses, **options)


def screened(n=90, lanes=4, rows=None, **options):
    spec = exercise_spec()
    arguments, impulses = exercise_arguments(n), doses(spec, n)
    if rows is not None:
        arguments = [a[rows] for a in arguments]
        place = {int(row): i for i, row in enumerate(rows)}
        kept = [j for j, p in enumerate(impulses.patient) if int(p) in place]
        mine = [place[int(impulses.patient[j])] for j in kept]
        others = (np.asarray(c)[kept] for c in (impulses.time, impulses.action, impulses.amount))
        impulses = Impulses(mine, *others)
    return simulate(compiled(spec, lanes), *arguments, impulses, precision="screen", **options)


def moved(spec, fast, exact):
    """Largest error of each patient in the states, in units of the stated norm."""
    n = len(spec.states)
    off = np.abs(fast.values - exact.values)[..., :n]
    return np.nanmax(off / (np.abs(exact.values[..., :n]) + 0.01 * spec.scales), axis=(1, 2))


@pytest.mark.parametrize("n", [500, pytest.param(2500, marks=pytest.mark.slow)])
def test_no_event_is_gained_or_lost_and_values_keep_the_stated_error(n):
    spec = exercise_spec()
    fast, exact = both(spec, exercise_arguments(n), doses(spec, n))
    assert fast.events[["patient", "cause"]].tolist() == exact.events[["patient", "cause"]].tolist()
    assert fast.status.tolist() == exact.status.tolist()
    assert np.array_equal(np.isnan(fast.values), np.isnan(exact.values))
    assert moved(spec, fast, exact)[~fast.repeated].max() < STATED_ERROR
    np.testing.assert_allclose(fast.events["time"], exact.events["time"], atol=30 / 1440)
    assert 0 < fast.repeated.mean() < 0.15
    assert len(exact.events) > n / 2


@pytest.mark.slow
def test_no_event_of_the_real_patient_is_gained_or_lost():
    spec, n = load_patient_model(), 3000
    arguments, impulses = patients(spec, n)
    fast, exact = both(spec, arguments, impulses)
    assert fast.events[["patient", "cause"]].tolist() == exact.events[["patient", "cause"]].tolist()
    assert fast.status.tolist() == exact.status.tolist()
    assert 0 < fast.repeated.mean() < 0.25
    # The patient's states are steep functions of each other: float64 at this tolerance is as far from exact.
    assert moved(spec, fast, exact)[~fast.repeated].max() < 0.2
    assert np.median(moved(spec, fast, exact)) < 0.05


def patients(spec, n, seed=2):
    """Patients of the real model after an insult of varied size, dosed four times, with thresholds drawn."""
    rng = np.random.default_rng(seed)
    parameters = np.tile(spec.default_parameters, (n, 1))
    parameters *= np.exp(0.05 * rng.standard_normal(parameters.shape))
    initial = spec.initial_states(parameters)
    initial[:, spec.states.index("insult")] = rng.uniform(0, 2, n)
    thresholds = rng.exponential(size=(n, len(spec.hazards), 8))
    visits, end = np.tile(np.arange(0.0, 169.0, 7.0), (n, 1)), np.full(n, 168.0)
    action = np.full(4 * n, spec.actions.index("infuse_cells"))
    impulses = Impulses(
        np.repeat(np.arange(n), 4), np.tile([0.0, 7.0, 14.0, 21.0], n), action, np.ones(4 * n)
    )
    return [parameters, initial, thresholds, visits, end], impulses


def assert_same(result, reference, rows=slice(None)):
    for name in (*FIELDS, "repeated", "pivoted"):
        assert getattr(result, name).tobytes() == getattr(reference, name)[rows].tobytes(), name


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.slow
def test_lanes_change_no_bit(lanes):
    assert_same(screened(lanes=lanes), screened())


def decay_in(lanes):
    """A small ensemble with deaths and relapses at times drawn."""
    spec, n = spec_of(DECAY), 60
    parameters = np.tile(spec.default_parameters, (n, 1)) * np.linspace(0.5, 2, n)[:, None]
    thresholds = np.random.default_rng(4).exponential(size=(n, 2, 9))
    arguments = parameters, spec.initial_states(parameters), thresholds, np.tile(np.arange(11.0), (n, 1))
    return simulate(compiled(spec, lanes), *arguments, np.full(n, 10.0), precision="screen")


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_lanes_change_no_bit_of_a_small_model(lanes):
    assert_same(decay_in(lanes), decay_in(4))


def test_threads_and_chunks_change_no_bit(monkeypatch):
    reference = screened()
    monkeypatch.setattr(importlib.import_module("hepatrial.engine.simulate"), "_CHUNK", 7)
    assert_same(screened(threads=2), reference)


def test_order_and_company_change_no_bit():
    rows = np.random.default_rng(0).permutation(90)[:31]
    assert_same(screened(rows=rows), screened(), rows)


def test_repeated_patients_have_the_bits_of_float64():
    spec, n = exercise_spec(), 400
    fast, exact = both(spec, exercise_arguments(n), doses(spec, n))
    assert fast.repeated.any()
    assert fast.values[fast.repeated].tobytes() == exact.values[fast.repeated].tobytes()
    assert fast.values[~fast.repeated].tobytes() != exact.values[~fast.repeated].tobytes()


def decay_with(theta, visits=(3.0,), **options):
    """The decay model with a constant hazard of 0.1 and the thresholds of death."""
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, len(theta), death=np.array(theta)[:, None])
    return run(
        "four lanes", spec, n=len(theta), thresholds=thresholds, visits=visits, precision="screen", **options
    )


def test_a_threshold_near_the_hazard_at_the_end_is_doubtful_on_both_sides():
    assert decay_with([0.9, 0.9999, 1.0001, 1.1]).repeated.tolist() == [False, True, True, False]


def test_an_event_near_a_visit_is_doubtful_on_both_sides():
    assert decay_with([0.2, 0.2999, 0.3001, 0.4]).repeated.tolist() == [False, True, True, False]


def test_an_event_near_an_impulse_or_another_event_is_doubtful():
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, 4, 2, death=[[0.5, 1]] * 4, relapse=[[0.9, 9]] * 4)
    thresholds[2, spec.causes.index("relapse")] = [1.0001, 9]  # strikes with death at day 5
    dose = Impulses([0, 1], [2.0, 4.5001], [spec.actions.index("give")] * 2, [1.0, 1.0])
    result = run("four lanes", spec, n=4, thresholds=thresholds, impulses=dose, precision="screen")
    assert result.repeated.tolist() == [False, True, True, False]


def test_what_overflows_single_precision_is_repeated():
    rows, options = np.array([[1.0], [0.5]]), {"visits": [1.0], "end": 2.0, "precision": "screen"}
    for equations, repeated in (("x = 1e60; x' = -a*x;", True), ("x = 1; x' = -a*x; big := 1e60*x;", False)):
        spec = spec_of(f"model large()\n a = 1; {equations}\nend")  # observables are computed in double
        result = run("four lanes", spec, parameters=rows, **options)
        assert result.repeated.tolist() == [repeated, repeated]
        np.testing.assert_allclose(result.values[:, 0, -1], 1e60 * np.exp(-rows[:, 0]), rtol=1e-3)


def test_a_course_that_fails_is_repeated_and_has_the_status_of_float64():
    spec = spec_of("model falls()\n a = 1; x = 1; y = 0; x' = -a; y' = ln(x);\nend")
    result = run(
        "four lanes", spec, parameters=np.array([[1.0], [0.1]]), visits=[0.5], end=2.0, precision="screen"
    )
    assert result.repeated.tolist() == [True, False]
    assert result.status.tolist() == [Status.NOT_FINITE, Status.COMPLETED]


def test_float64_repeats_nobody_and_plain_neither():
    spec = spec_of(DECAY)
    assert not run("four lanes", spec, n=3).repeated.any()
    assert not run("plain", spec, n=3, precision="screen").repeated.any()


def test_an_unknown_precision_and_too_fine_a_tolerance_are_told_together():
    with pytest.raises(BadInput) as caught:
        run("four lanes", spec_of(DECAY), precision="scren", max_steps=0)
    assert "did you mean" in str(caught.value).lower() or "screen" in str(caught.value)
    assert "max_steps" in str(caught.value)
    with pytest.raises(BadInput, match="1e-05"):
        run("four lanes", spec_of(DECAY), precision="screen", rtol=1e-7)
