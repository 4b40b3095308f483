"""The compiled engine against its plain twin, libRoadRunner, and itself at other tolerances."""

import numpy as np
import pytest
from engine_cases import ENGINES, compiled, exercise_arguments, exercise_spec, run, spec_of
from roadrunner_course import roadrunner_course

from hepatrial.engine import Impulses, simulate, simulate_plain


def error_norm(spec, result, reference):
    """Largest |y - ref| / (|ref| + 1 % of the typical size) a patient (the norm of the peer comparison)."""
    typical = np.nanmax(np.abs(reference.values), axis=(0, 1))
    typical[: len(spec.states)] = np.maximum(typical[: len(spec.states)], spec.scales)
    off = np.abs(result.values - reference.values) / (np.abs(reference.values) + 0.01 * typical + 1e-12)
    return np.nanmax(off, axis=(1, 2))


def doses(spec, n):
    """Four weekly infusions for all, and a plasma exchange for every second patient."""
    infuse, exchange = spec.actions.index("infuse_cells"), spec.actions.index("plasma_exchange")
    patient = np.concatenate([np.repeat(np.arange(n), 4), np.arange(0, n, 2)])
    time = np.concatenate([np.tile([0.0, 7.0, 14.0, 21.0], n), np.full((n + 1) // 2, 10.5)])
    action = np.where(np.arange(len(patient)) < 4 * n, infuse, exchange)
    return Impulses(patient, time, action, np.where(action == infuse, 1.0, 0.7))


def test_compiled_and_plain_agree_on_the_exercise_patient():
    spec, n = exercise_spec(), 6
    arguments = [*exercise_arguments(n), doses(spec, n)]
    plain = simulate_plain(spec, *arguments, rtol=1e-8)
    fast = simulate(compiled(spec, 4), *arguments, rtol=1e-7)
    assert np.array_equal(np.isnan(plain.values), np.isnan(fast.values))
    assert error_norm(spec, fast, plain).max() < 1e-4
    assert fast.status.tolist() == plain.status.tolist()
    for column in ("patient", "cause"):
        assert fast.events[column].tolist() == plain.events[column].tolist()
    np.testing.assert_allclose(fast.events["time"], plain.events["time"], atol=1 / 1440)
    assert fast.end_occurrences.tolist() == plain.end_occurrences.tolist()
    np.testing.assert_allclose(fast.end_state, plain.end_state, rtol=1e-4, atol=1e-6)


def test_default_tolerance_gains_and_loses_no_event_and_times_them_to_minutes():
    spec, n = exercise_spec(), 300
    arguments = [*exercise_arguments(n), doses(spec, n)]
    default = simulate(compiled(spec, 4), *arguments)
    exact = simulate(compiled(spec, 4), *arguments, rtol=1e-9)
    assert default.events[["patient", "cause"]].tolist() == exact.events[["patient", "cause"]].tolist()
    minutes = np.abs(default.events["time"] - exact.events["time"]) * 1440
    assert np.quantile(minutes, 0.99) < 5
    assert np.median(error_norm(spec, default, exact)) < 2e-3


def test_compiled_and_libroadrunner_agree_on_the_exercise_patient():
    spec, n = exercise_spec(), 3
    parameters, initial, thresholds, _, _ = exercise_arguments(n, seed=5)
    thresholds[:, :, 1:] = thresholds[:, :, 1:2] * 0.5  # libRoadRunner has one step for all occurrences
    visits = np.array([0.5, 3.2, 8.0, 15.5, 30.3, 50.1, 80.0])
    table = [
        (1.0, spec.actions.index("infuse_cells"), 1.0),
        (10.5, spec.actions.index("plasma_exchange"), 0.7),
    ]
    patient = np.repeat(np.arange(n), len(table))
    time, action, amount = (np.tile(column, n) for column in zip(*table, strict=True))
    result = simulate(
        compiled(spec, 4),
        parameters,
        initial,
        thresholds,
        np.tile(visits, (n, 1)),
        np.full(n, 80.0),
        Impulses(patient, time, action, amount),
        rtol=1e-7,
    )
    assert len(result.events) > 0
    for i in range(n):
        alive = visits <= result.end_time[i]
        other = roadrunner_course(spec, parameters[i], initial[i], thresholds[i], visits[alive], table)
        typical = np.maximum(np.abs(other).max(axis=0), 1e-6)
        off = np.abs(result.values[i][alive] - other) / (np.abs(other) + 0.01 * typical)
        assert off.max() < 1e-4, (i, spec.outputs[int(off.max(axis=0).argmax())])


def test_compiled_and_plain_agree_on_the_real_patient():
    try:
        from hepatrial.model import load_patient_model
    except ImportError:
        pytest.skip("the patient model is not there yet")
    spec = load_patient_model()
    n = 4
    parameters = np.tile(spec.default_parameters, (n, 1))
    initial = spec.initial_states(parameters)
    initial[:, spec.states.index("insult")] = [0.0, 0.5, 1.0, 2.0]
    thresholds = np.random.default_rng(3).exponential(size=(n, len(spec.hazards), 8))
    arguments = [
        parameters,
        initial,
        thresholds,
        np.tile(np.arange(0.0, 57.0, 7.0), (n, 1)),
        np.full(n, 56.0),
    ]
    impulses = Impulses(
        [0, 1, 2, 2],
        [0, 7, 0, 3.5],
        [spec.actions.index(a) for a in ["infuse_cells"] * 3 + ["plasma_exchange"]],
        [1, 1, 1, 0.8],
    )
    plain = simulate_plain(spec, *arguments, impulses, rtol=1e-9)
    fast = simulate(compiled(spec, 4), *arguments, impulses, rtol=1e-8)
    assert fast.events[["patient", "cause"]].tolist() == plain.events[["patient", "cause"]].tolist()
    np.testing.assert_allclose(fast.events["time"], plain.events["time"], atol=1 / 1440)
    assert error_norm(spec, fast, plain).max() < 1e-3
    assert np.median(error_norm(spec, fast, plain)) < 1e-4


PREDATOR = """
model predator()
  a = 2; x = 1; y = 0.3;
  x' = a*x - x*y*(1 + 0.1*x); y' = x*y - y - 0.05*exp(-x)*y^2;
end
"""


def test_the_global_error_falls_with_the_fourth_to_fifth_power_of_the_step():
    spec = spec_of(PREDATOR)
    visits = np.linspace(1, 20, 20)
    exact = run("plain", spec, visits=visits, end=20.0, rtol=1e-12).values
    errors, steps = [], []
    for rtol in (1e-5, 1e-7, 1e-9):
        result = run("one lane", spec, visits=visits, end=20.0, rtol=rtol)
        errors.append(np.abs(result.values - exact).max())
        steps.append(result.steps[0])
    slopes = np.diff(np.log(errors)) / np.diff(np.log(steps))
    assert (slopes < -3.8).all()
    assert errors[-1] < 1e-7


def random_network(seed):
    """A small reaction network with a saturable, a switching and a kinked rate."""
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(5)]
    lines = [f"{name} = {rng.uniform(0.1, 2):.3f};" for name in names]
    terms = {name: f"0.1 - {rng.uniform(0.1, 1):.3f}*{name}" for name in names}
    for j in range(6):
        a, b = rng.choice(names, 2, replace=False)
        k = f"k{j}"
        lines.append(f"{k} = {rng.uniform(0.2, 3):.3f};")
        forms = (f"{k}*{a}/(1 + {a})", f"{k}*{a}^1.5/(0.3 + {a}^1.5)", f"{k}*max(0, {a} - 0.5)",
                 f"{k}*piecewise(0.2, {a} > 0.7 && {b} < 1, 0.1)*{a}", f"{k}*sqrt(abs({a}*{b}))*exp(-{a})",
                 f"{k}*min({a}, {b}, 0.8)")  # fmt: skip
        flux = forms[j % len(forms)]
        terms[a] += f" - {flux}"
        terms[b] += f" + {flux}"
    lines += [f"{name}' = {term};" for name, term in terms.items()]
    return "model network()\n" + "\n".join(lines) + "\nend"


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_with_kinks_agree_with_scipy(seed):
    spec = spec_of(random_network(seed))
    visits = [0.5, 2.0, 6.0]
    results = [run(engine, spec, visits=visits, end=6.0, rtol=1e-8).values for engine in ENGINES]
    np.testing.assert_allclose(results[1], results[0], rtol=2e-5, atol=1e-7)
    assert np.array_equal(results[1], results[2])
