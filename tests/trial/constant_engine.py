"""An engine of constant hazards: everything about its courses has a closed form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hepatrial.engine import Impulses, Result, Status
from hepatrial.engine.call import event_table
from hepatrial.model.spec import ModelSpec

LABS = {
    "bilirubin": 300.0,
    "inr": 2.0,
    "creatinine": 90.0,
    "alt": 200.0,
    "ast": 150.0,
    "albumin": 31.0,
    "sodium": 137.0,
    "wbc": 6.0,
    "platelets": 100.0,
    "pta": 40.0,
}


class ConstantEngine:
    """Solves every course with the same constant hazards; remembers what it was asked."""

    def __init__(self, spec: ModelSpec, rates: Mapping[str, float], fails: int = 0) -> None:
        self.spec, self.rates, self.fails = spec, rates, fails
        self.calls: list[dict] = []

    def __call__(self, parameters, initial, thresholds, visits, end, impulses=None, outputs=None) -> Result:
        spec, n = self.spec, len(parameters)
        self.calls.append(
            {"parameters": parameters, "initial": initial, "thresholds": thresholds, "visits": visits,
             "end": end, "impulses": impulses or Impulses([], [], [], [])}
        )  # fmt: skip
        rate = np.array([self.rates.get(cause, 0.0) for cause in spec.causes])
        with np.errstate(divide="ignore"):
            times = np.cumsum(thresholds, axis=2) / rate[None, :, None]
        status = np.full(n, Status.COMPLETED, dtype=np.int64)
        stop = np.array(end, dtype=float)
        if self.fails:
            stop[:: self.fails] = np.minimum(stop[:: self.fails], 10.0)
            status[:: self.fails] = Status.NOT_FINITE
        death = times[:, spec.causes.index("death"), 0]
        dies = death <= stop
        status[dies & (status == Status.COMPLETED)] = Status.ENDED
        stop = np.minimum(stop, death)
        times = np.where(times <= stop[:, None, None], times, np.nan)
        names = tuple(outputs or spec.outputs)
        values = np.full((n, visits.shape[1], len(names)), np.nan)
        seen = visits <= stop[:, None]
        for i, name in enumerate(names):
            values[:, :, i] = np.where(seen, LABS.get(name, 1.0), np.nan)
        zero = np.zeros((n, len(spec.hazards)))
        return Result(
            names, values, event_table(times), status, stop, np.array(initial), zero, zero.astype(int),
            np.ones(n, dtype=int), np.zeros(n, dtype=int), np.zeros(n, dtype=int), np.zeros(n, dtype=bool),
        )  # fmt: skip
