"""The two comparison models with their patients, and the error that every time is laid beside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.spec import ModelSpec

VISITS = np.linspace(0, 168, 26)
DOSE_TIMES = (7.0, 14.0, 21.0, 28.0)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One model with its patients: 24 weeks, four weekly doses, 26 visits, every state recorded.

    Attributes:
        name: as the ratio lines say it.
        spec: the model.
        dose: the action given at ``DOSE_TIMES``, amount 1.
        parameters: (n, n_parameters).
        initial: (n, n_states).
    """

    name: str
    spec: ModelSpec
    dose: str
    parameters: Array
    initial: Array

    @property
    def outputs(self) -> tuple[str, ...]:
        """States and cumulative hazards."""
        return (*self.spec.states, *(hazard.state for hazard in self.spec.hazards))


def benchmark_model(n: int) -> Comparison:
    """The model on which the peers were measured, with fourteen log-normal traits."""
    from hepatrial.model.antimony import spec_from_antimony_file

    spec = spec_from_antimony_file(Path(__file__).parent / "engine_benchmark.ant")
    sd = [0.35, 0.35, 0.3, 0.3, 0.3, 0.4, 0.35, 0.4, 0.25, 0.2, 0.2, 0.4, 0.0, 0.25]
    factors = np.exp(sd * np.random.Generator(np.random.Philox(1)).standard_normal((n, 14)))
    parameters = np.tile(spec.default_parameters, (n, 1))
    parameters[:, [i for i, name in enumerate(spec.parameters) if name.startswith("v_")]] *= factors
    return Comparison("benchmark", spec, "dose", parameters, spec.initial_states(parameters))


def patient_model(n: int) -> Comparison:
    """Our own patient under an insult of varied size, every parameter spread by 5 %."""
    from hepatrial.model import load_patient_model

    spec = load_patient_model()
    rng = np.random.Generator(np.random.Philox(2))
    parameters = np.tile(spec.default_parameters, (n, 1))
    parameters *= np.exp(0.05 * rng.standard_normal(parameters.shape))
    initial = spec.initial_states(parameters)
    initial[:, spec.states.index("insult")] = rng.uniform(0, 1, n)
    return Comparison("patient", spec, "infuse_cells", parameters, initial)


def median_error(found: Array, reference: Array, scales: Array) -> float:
    """Median over patients of the largest |y - ref| / (|ref| + 1 % of the typical size).

    Typical is the initial value of a state (1 where that is 0), or its largest value if that is larger.
    """
    typical = np.abs(reference).max(axis=(0, 1))
    typical[: len(scales)] = np.maximum(typical[: len(scales)], scales)
    off = np.abs(found - reference) / (np.abs(reference) + 0.01 * typical + 1e-12)
    return float(np.median(off.reshape(len(off), -1).max(axis=1)))
