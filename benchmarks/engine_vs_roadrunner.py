"""Time per patient of the compiled engine and of libRoadRunner, interleaved, at the error each one reaches.

Both simulate the same patients for 24 weeks with four weekly doses and 26 visits at which all states and
cumulative hazards are recorded; no hazard event happens, and libRoadRunner is spared looking for them: its
model has the four doses as its only events. The error is, per patient, the largest
|y - ref| / (|ref| + 1 % of the typical size) over states and visits, median over patients; ref is
libRoadRunner at rtol 1e-10; typical is the initial value, or the largest value at a visit if that is larger.
The ratio is libRoadRunner's time over ours, read off our time-error curve at libRoadRunner's error.

Usage: python benchmarks/engine_vs_roadrunner.py [rounds]
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine import Impulses, compile_model, simulate
from hepatrial.model.antimony import spec_from_antimony_file
from hepatrial.model.expr import const, substitute
from hepatrial.model.expr import text as as_text
from hepatrial.model.spec import ModelSpec

VISITS = np.linspace(0, 168, 26)
DOSE_TIMES = (7.0, 14.0, 21.0, 28.0)
MANY, FEW = 1024, 48
OURS, THEIRS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6), (1e-4, 1e-6)
Array = NDArray[np.float64]


class Problem:
    """One model with its patients, runnable in both engines."""

    def __init__(self, name: str, spec: ModelSpec, dose: str, parameters: Array) -> None:
        self.name, self.spec, self.dose, self.parameters = name, spec, dose, parameters
        self.initial = spec.initial_states(parameters)
        self.outputs = (*spec.states, *(hazard.state for hazard in spec.hazards))
        self.model = compile_model(spec)
        self.runner: Any = None

    def ours(self, n: int, rtol: float) -> tuple[Array, float]:
        """Values of the first n patients and seconds a patient."""
        hazards = len(self.spec.hazards)
        doses = Impulses(
            np.repeat(np.arange(n), len(DOSE_TIMES)),
            np.tile(DOSE_TIMES, n),
            np.full(n * len(DOSE_TIMES), self.spec.actions.index(self.dose)),
            np.ones(n * len(DOSE_TIMES)),
        )
        begin = time.perf_counter()
        result = simulate(
            self.model,
            self.parameters[:n],
            self.initial[:n],
            np.full((n, hazards, 1), np.inf),
            np.tile(VISITS, (n, 1)),
            np.full(n, VISITS[-1]),
            doses,
            outputs=self.outputs,
            rtol=rtol,
        )
        assert result.ok.all()
        return result.values, (time.perf_counter() - begin) / n

    def theirs(self, n: int, rtol: float) -> tuple[Array, float]:
        """The same in libRoadRunner."""
        runner = self.runner = self.runner or self._load()
        runner.integrator.relative_tolerance = rtol
        runner.integrator.absolute_tolerance = rtol * 1e-3
        runner.integrator.maximum_num_steps = 100_000
        ids = list(runner.model.getGlobalParameterIds())
        place = [ids.index(name) for name in (*self.spec.parameters, *self.spec.states)]
        rows = np.concatenate([self.parameters[:n], self.initial[:n]], axis=1)
        found = []
        begin = time.perf_counter()
        for row in rows:
            runner.reset()
            runner.model.setGlobalParameterValues(place, row)
            found.append(np.array(runner.simulate(times=VISITS)))
        seconds = (time.perf_counter() - begin) / n
        return np.array(found)[:, :, 1:], seconds

    def _load(self) -> Any:
        import antimony
        import libsbml
        import roadrunner

        document = libsbml.readSBMLFromString(self.spec.sbml)
        document.getModel().getListOfEvents().clear()
        antimony.clearPreviousLoads()
        antimony.loadSBMLString(libsbml.writeSBMLToString(document))
        text = antimony.getAntimonyString(antimony.getMainModuleName())
        jump = self.spec.jumps[self.spec.actions.index(self.dose)]
        changes = substitute([e for _, e in jump.assignments], {jump.amount: const(1)})
        names = [name for name, _ in jump.assignments]
        what = ", ".join(f"{name} = {as_text(e)}" for name, e in zip(names, changes, strict=True))
        doses = [f"at (time >= {t}): {what};" for t in DOSE_TIMES]
        cut = text.rindex("\nend")
        antimony.clearPreviousLoads()
        antimony.loadAntimonyString(text[:cut] + "\n" + "\n".join(doses) + text[cut:])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runner = roadrunner.RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
        runner.timeCourseSelections = ["time", *self.outputs]
        return runner


def errors(found: Array, reference: Array, scales: Array) -> float:
    """Median over patients of the largest scaled error."""
    typical = np.abs(reference).max(axis=(0, 1))
    typical[: len(scales)] = np.maximum(typical[: len(scales)], scales)
    off = np.abs(found - reference) / (np.abs(reference) + 0.01 * typical + 1e-12)
    return float(np.median(off.reshape(len(off), -1).max(axis=1)))


def compare(problem: Problem, rounds: int) -> None:
    """Measure in turns, print the table and the ratios."""
    reference, _ = problem.theirs(FEW, 1e-10)
    scales = problem.spec.scales
    our_times: dict[float, list[float]] = {rtol: [] for rtol in OURS}
    their_times: dict[float, list[float]] = {rtol: [] for rtol in THEIRS}
    our_error = {rtol: errors(problem.ours(FEW, rtol)[0], reference, scales) for rtol in OURS}
    their_error = {rtol: errors(problem.theirs(FEW, rtol)[0], reference, scales) for rtol in THEIRS}
    for _ in range(rounds):
        for rtol in OURS:
            our_times[rtol].append(problem.ours(MANY, rtol)[1])
        for rtol in THEIRS:
            their_times[rtol].append(problem.theirs(FEW, rtol)[1])
    ours = {rtol: statistics.median(t) for rtol, t in our_times.items()}
    theirs = {rtol: statistics.median(t) for rtol, t in their_times.items()}
    print(f"{problem.name}: engine, rtol, error, microseconds a patient")
    for name, seconds, error in (("hepatrial", ours, our_error), ("libroadrunner", theirs, their_error)):
        for rtol in seconds:
            print(f"  {name:14s} {rtol:7.0e} {error[rtol]:9.1e} {seconds[rtol] * 1e6:9.1f}")
    known = sorted((np.log(our_error[rtol]), np.log(ours[rtol])) for rtol in OURS)
    for rtol in THEIRS:
        at = np.exp(np.interp(np.log(their_error[rtol]), *zip(*known, strict=True)))
        print(f"ratio libroadrunner {problem.name} {their_error[rtol]:.0e} {theirs[rtol] / at:.1f}")


def benchmark_problem() -> Problem:
    """The model on which the peers were measured, with fourteen log-normal traits."""
    spec = spec_from_antimony_file(Path(__file__).parent / "engine_benchmark.ant")
    sd = [0.35, 0.35, 0.3, 0.3, 0.3, 0.4, 0.35, 0.4, 0.25, 0.2, 0.2, 0.4, 0.0, 0.25]
    factors = np.exp(sd * np.random.Generator(np.random.Philox(1)).standard_normal((MANY, 14)))
    parameters = np.tile(spec.default_parameters, (MANY, 1))
    varied = [i for i, name in enumerate(spec.parameters) if name.startswith("v_")]
    parameters[:, varied] *= factors
    return Problem("benchmark", spec, "dose", parameters)


def patient_problem() -> Problem:
    """Our own patient under an insult of varied size."""
    from hepatrial.model import load_patient_model

    spec = load_patient_model()
    rng = np.random.Generator(np.random.Philox(2))
    parameters = np.tile(spec.default_parameters, (MANY, 1))
    parameters *= np.exp(0.05 * rng.standard_normal(parameters.shape))
    problem = Problem("patient", spec, "infuse_cells", parameters)
    problem.initial[:, spec.states.index("insult")] = rng.uniform(0, 1, MANY)
    return problem


def main() -> None:
    """Measure both models."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one core")
    for problem in (benchmark_problem(), patient_problem()):
        compare(problem, rounds)


if __name__ == "__main__":
    main()
