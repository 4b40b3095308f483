"""libRoadRunner (CVODE, LLVM) on a comparison, spared the search for hazard events: it has the doses only."""

from __future__ import annotations

import ctypes
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hepatrial.model.expr import const, evaluate, substitute
from hepatrial.model.expr import text as as_text
from parts.problems import DOSE_TIMES, VISITS, Array, Comparison


class RoadRunnerPeer:
    """Parameters and initial values set in one call a patient, the fastest way that its interface has."""

    name = "libroadrunner"
    tolerances = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    variants = ("one atol", "atol by state")

    def __init__(self, comparison: Comparison) -> None:
        import roadrunner

        self.c = comparison
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.runner: Any = roadrunner.RoadRunner(_with_doses(comparison))
        self.runner.timeCourseSelections = ["time", *comparison.outputs]
        ids = list(self.runner.model.getGlobalParameterIds())
        spec = comparison.spec
        self.place = [ids.index(name) for name in (*spec.parameters, *spec.derived, *spec.states)]
        # Setting values in one call leaves constants that follow from others as they were: they are set too.
        columns = dict(zip(spec.parameters, comparison.parameters.T, strict=True))
        derived = [
            np.broadcast_to(v, len(comparison.initial))
            for v in evaluate(list(spec.derived.values()), columns)
        ]
        self.rows = np.concatenate(
            [comparison.parameters, *(v[:, None] for v in derived), comparison.initial], 1
        )
        inside = self.runner.model
        self.state_ids = [inside.getStateVectorId(i) for i in range(len(comparison.outputs))]

    def run(self, n: int, rtol: float, variant: str = "one atol") -> tuple[Array, float]:
        """(n, n_visits, n_outputs) values of the first n patients, and seconds of CPU time a patient."""
        runner = self.runner
        runner.integrator.relative_tolerance = rtol
        runner.integrator.absolute_tolerance = self._absolute(rtol, variant)
        runner.integrator.maximum_num_steps = 100_000
        found = []
        with _no_warnings():
            begin = time.process_time()
            for row in self.rows[:n]:
                runner.reset()
                runner.model.setGlobalParameterValues(self.place, row)
                found.append(np.array(runner.simulate(times=VISITS)))
            seconds = (time.process_time() - begin) / n
        return np.array(found)[:, :, 1:], seconds

    def _absolute(self, rtol: float, variant: str) -> float | list[float]:
        if variant == "one atol":
            return rtol * 1e-3
        size = dict(zip(self.c.spec.states, self.c.spec.scales.tolist(), strict=True))
        return [rtol * 1e-2 * size.get(name, 1.0) for name in self.state_ids]


@contextmanager
def _no_warnings() -> Iterator[None]:
    """CVODE writes lines after each dose; a terminal that shows them would slow the peer down."""
    flush = ctypes.CDLL(None).fflush
    sys.stdout.flush()
    flush(None)
    kept, nowhere = {out: os.dup(out) for out in (1, 2)}, os.open(os.devnull, os.O_WRONLY)
    for out in kept:
        os.dup2(nowhere, out)
    try:
        yield
    finally:
        flush(None)
        for out, before in kept.items():
            os.dup2(before, out)
            os.close(before)
        os.close(nowhere)


def _with_doses(c: Comparison) -> str:
    """The model's SBML with the doses as its only events, at fixed times."""
    import antimony
    import libsbml

    document = libsbml.readSBMLFromString(c.spec.sbml)
    document.getModel().getListOfEvents().clear()
    antimony.clearPreviousLoads()
    antimony.loadSBMLString(libsbml.writeSBMLToString(document))
    text: str = antimony.getAntimonyString(antimony.getMainModuleName())
    jump = c.spec.jumps[c.spec.actions.index(c.dose)]
    changes = substitute([e for _, e in jump.assignments], {jump.amount: const(1)})
    names = [name for name, _ in jump.assignments]
    what = ", ".join(f"{name} = {as_text(e)}" for name, e in zip(names, changes, strict=True))
    doses = [f"at (time >= {t}): {what};" for t in DOSE_TIMES]
    cut = text.rindex("\nend")
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text[:cut] + "\n" + "\n".join(doses) + text[cut:]) < 0:
        raise RuntimeError(antimony.getLastError())
    sbml: str = antimony.getSBMLString(antimony.getMainModuleName())
    return sbml
