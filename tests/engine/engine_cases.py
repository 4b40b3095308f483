"""Small models with known solutions, and default arguments of the engine's call."""

from functools import cache
from pathlib import Path

import numpy as np

from hepatrial.engine import compile_model, simulate, simulate_plain
from hepatrial.model.antimony import spec_from_antimony, spec_from_antimony_file

DECAY = """
model decay()
  k = 0.3; h = 0.1; g = 0.2; scale = 1;
  x = 2; x' = -k*x;
  twice := 2*x;
  H_death = 0; H_death' = h;
  H_relapse = 0; H_relapse' = g*scale;
  theta_death = 1e9; theta_relapse = 1e9; step_relapse = 1e9; ended = 0;
  do_give = 0; amount_give = 0; do_clear = 0; amount_clear = 0;
  at (H_death >= theta_death): ended = 1, x = 100;
  at (H_relapse >= theta_relapse): x = x + 1, theta_relapse = theta_relapse + step_relapse;
  at (do_give > 0.5): x = x + amount_give;
  at (do_clear > 0.5): x = x*(1 - amount_clear);
end
"""


@cache
def spec_of(text):
    return spec_from_antimony(text)


@cache
def exercise_spec():
    return spec_from_antimony_file(Path(__file__).parent / "exercise_patient.ant")


@cache
def compiled(spec, lanes):
    return compile_model(spec, lanes)


ENGINES = ("plain", "one lane", "four lanes")


def run(engine, spec, parameters=None, initial=None, thresholds=None, visits=(), end=10.0, n=1, **options):
    """One call with everything that is not given at its default and no event."""
    if parameters is None:
        parameters = np.tile(spec.default_parameters, (n, 1))
    n = len(parameters)
    initial = spec.initial_states(np.asarray(parameters)) if initial is None else initial
    thresholds = np.full((n, len(spec.hazards), 1), np.inf) if thresholds is None else thresholds
    visits = np.tile(np.asarray(visits, dtype=float), (n, 1)) if np.ndim(visits) < 2 else visits
    arguments = (parameters, initial, thresholds, visits, np.broadcast_to(end, (n,)))
    if engine == "plain":
        return simulate_plain(spec, *arguments, **options)
    return simulate(compiled(spec, 1 if engine == "one lane" else 4), *arguments, **options)


def thresholds_for(spec, n, occurrences=1, **rows):
    """Thresholds that are infinite but for the named causes (a number, or an (n, occurrences) table)."""
    table = np.full((n, len(spec.hazards), occurrences), np.inf)
    for cause, row in rows.items():
        table[:, spec.causes.index(cause)] = row
    return table


def exercise_arguments(n, seed=1, spread=0.05):
    """Patients of the exercise model in motion: traits, thresholds, weekly visits, doses and exchanges."""
    spec = exercise_spec()
    rng = np.random.default_rng(seed)
    factors = np.exp(spread * rng.normal(size=(n, len(spec.parameters))))
    parameters = np.tile(spec.default_parameters, (n, 1)) * factors
    thresholds = rng.exponential(size=(n, len(spec.hazards), 12))
    visits = np.tile(np.arange(0.0, 85.0, 7.0), (n, 1))
    return [parameters, spec.initial_states(parameters), thresholds, visits, np.full(n, 84.0)]
