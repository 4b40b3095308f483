"""Times of events at the default tolerance against those at 1e-9."""

from pathlib import Path

import numpy as np
import pytest
from engine_cases import run, spec_of

from hepatrial.engine import Impulses, compile_model, simulate
from hepatrial.model import load_patient_model
from hepatrial.model.antimony import spec_from_antimony_file

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "parts" / "engine_benchmark.ant"
MINUTES = 24 * 60


def benchmark(rng, n):
    """The engine's benchmark model with its fourteen log-normal traits and weekly doses."""
    spec = spec_from_antimony_file(BENCHMARK)
    traits = [i for i, name in enumerate(spec.parameters) if name.startswith("v_")]
    parameters = np.tile(spec.default_parameters, (n, 1))
    parameters[:, traits] *= np.exp(0.3 * rng.standard_normal((n, len(traits))))
    return spec, parameters, spec.initial_states(parameters), "dose"


def patient(rng, n):
    """Our own patient: some 5 % in every parameter, insults of all sizes, four infusions of cells."""
    spec = load_patient_model()
    parameters = np.tile(spec.default_parameters, (n, 1))
    parameters *= np.exp(0.05 * rng.standard_normal(parameters.shape))
    initial = spec.initial_states(parameters)
    initial[:, spec.states.index("insult")] = rng.uniform(0, 2, n)
    return spec, parameters, initial, "infuse_cells"


def events(people, seed, rtol=None):
    spec, parameters, initial, dose = people
    n = len(parameters)
    thresholds = np.random.default_rng(seed).exponential(size=(n, len(spec.hazards), 200))
    action = spec.actions.index(dose)
    impulses = Impulses(
        np.repeat(np.arange(n), 4),
        np.tile([7.0, 14.0, 21.0, 28.0], n),
        np.full(4 * n, action),
        np.ones(4 * n),
    )
    options = {} if rtol is None else {"rtol": rtol, "max_steps": 1_000_000}
    found = simulate(
        compile_model(spec), parameters, initial, thresholds, np.zeros((n, 0)), np.full(n, 168.0), impulses,
        outputs=(), **options,
    )  # fmt: skip
    assert found.ok.all()
    return found.events


@pytest.mark.slow
@pytest.mark.parametrize("people", [benchmark, patient], ids=["benchmark", "patient"])
def test_99_of_100_events_are_within_five_minutes_and_none_is_gained_or_lost(people):
    who = people(np.random.default_rng(11), 2500)
    found, exact = events(who, 12), events(who, 12, rtol=1e-9)
    assert len(exact) > 1500
    assert found["patient"].tolist() == exact["patient"].tolist()
    assert found["cause"].tolist() == exact["cause"].tolist()
    late = np.abs(found["time"] - exact["time"]) * MINUTES
    assert np.quantile(late, 0.99) <= 5
    assert np.quantile(late, 0.5) <= 1


def test_the_tolerance_decides_how_exact_event_times_are():
    who = benchmark(np.random.default_rng(1), 60)
    exact = events(who, 2, rtol=1e-9)["time"]
    off = [np.abs(events(who, 2, rtol=rtol)["time"] - exact).max() for rtol in (1e-3, 1e-5)]
    assert off[1] < 0.1 * off[0]


KINK = """
model kink()
  z = 1; z' = -0.3*z; x = 0; x' = 5*max(0, z - 0.4) - 2*x;
  H_death = 0; H_death' = 0.02 + x; theta_death = 1e9; ended = 0;
  at (H_death >= theta_death): ended = 1;
  {}
end
"""
AT_REST = "\n".join(f"r{i} = 1; r{i}' = 1 - r{i};" for i in range(40))


def test_a_step_across_a_kink_is_taken_with_care_however_many_states_are_at_rest():
    """x is known in closed form: driven by max(0, exp(-0.3 t) - 0.4) until that ends, then decaying."""
    spec = spec_of(KINK.format(AT_REST))
    until = np.log(1 / 0.4) / 0.3
    t = np.array([0.5 * until, until + 0.5, until + 2])

    def driven(s):
        return 5 * ((np.exp(-0.3 * s) - np.exp(-2 * s)) / 1.7 - 0.4 * (1 - np.exp(-2 * s)) / 2)

    exact = np.where(t <= until, driven(t), driven(until) * np.exp(-2 * (t - until)))
    found = run("four lanes", spec, visits=t, end=10.0, outputs=("x",)).values[0, :, 0]
    np.testing.assert_allclose(found, exact, rtol=2e-4)
