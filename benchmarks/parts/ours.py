"""The compiled engine on a comparison."""

from __future__ import annotations

import time

import numpy as np

from hepatrial.engine import Impulses, compile_model, simulate
from parts.problems import DOSE_TIMES, VISITS, Array, Comparison


class Hepatrial:
    """One core, float64."""

    name = "hepatrial"
    precision = "float64"
    tolerances = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    variants = ("",)

    def __init__(self, comparison: Comparison) -> None:
        self.c = comparison
        self.model = compile_model(comparison.spec)

    def run(self, n: int, rtol: float, variant: str = "") -> tuple[Array, float]:
        """(n, n_visits, n_outputs) values of the first n patients, and seconds of CPU time a patient."""
        del variant
        c, doses = self.c, len(DOSE_TIMES)
        impulses = Impulses(
            np.repeat(np.arange(n), doses),
            np.tile(DOSE_TIMES, n),
            np.full(n * doses, c.spec.actions.index(c.dose)),
            np.ones(n * doses),
        )
        begin = time.process_time()
        result = simulate(
            self.model,
            c.parameters[:n],
            c.initial[:n],
            np.full((n, len(c.spec.hazards), 1), np.inf),
            np.tile(VISITS, (n, 1)),
            np.full(n, VISITS[-1]),
            impulses,
            outputs=c.outputs,
            rtol=rtol,
            precision=self.precision,
        )
        seconds = (time.process_time() - begin) / n
        if not result.ok.all():
            raise RuntimeError("a course failed; a time without its result is no measurement")
        return result.values, seconds


class Screening(Hepatrial):
    """The screening mode: single precision, doubtful patients repeated in double."""

    name = "hepatrial-screen"
    precision = "screen"
    tolerances = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5)
