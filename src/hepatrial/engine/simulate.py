"""The engine's one call on compiled models.

In the screening mode every patient is first followed in single precision, with twice the lanes. Those whose
course cannot be trusted to that precision are then repeated in double precision:

* the course failed, or something in it is not finite;
* at a visit, an impulse, an event or the end, a cumulative hazard H stood nearer than ``SCREEN_MARGIN`` times
  (H + 0.01) to its next threshold or to the last that it had passed, so that rounding could decide whether
  (or in which order) things happened;
* more steps were rejected than half of those accepted: rounding disturbs the error estimate.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.engine.build import Machine, machine_of, usual_lanes
from hepatrial.engine.call import (
    ARGUMENTS,
    ARRAYS,
    Call,
    Impulses,
    Result,
    Status,
    check_call,
    event_table,
)
from hepatrial.errors import BadInput, Problem
from hepatrial.model.spec import ModelSpec

_CHUNK = 512
"""Most patients that a thread takes at a time; results do not depend on it."""
SCREEN_MARGIN = 2e-3
"""Distance to a threshold, relative to the cumulative hazard, below which single precision is not trusted."""
_MOST_REJECTED = 0.5
_CLOCK = ctypes.CFUNCTYPE(ctypes.c_double)(time.perf_counter)
"""Seconds, for the generated code to call when there is a time budget."""


@dataclass(frozen=True)
class CompiledModel:
    """A model ready to simulate.

    Attributes:
        spec: what was compiled.
        lanes: patients that advance side by side in one core; results do not depend on it.
    """

    spec: ModelSpec
    lanes: int
    machine: Machine

    @cached_property
    def screening_machine(self) -> Machine:
        """The machine code of the screening mode, compiled (or found in the cache) at first use."""
        return machine_of(self.spec, 2 * self.lanes, "float")

    def __reduce__(self) -> tuple[object, ...]:
        return compile_model, (self.spec, self.lanes)


def compile_model(spec: ModelSpec, lanes: int | None = None) -> CompiledModel:
    """Compile a model, or find it in the cache.

    Args:
        spec: the model.
        lanes: patients side by side: 1, 2, 4 or 8; default what is fastest on this processor.

    Raises:
        BadInput: another number of lanes.
    """
    if lanes is None:
        lanes = usual_lanes(len(spec.states))
    if lanes not in (1, 2, 4, 8):
        raise BadInput([Problem("lanes", str(lanes), "must be 1, 2, 4 or 8")])
    return CompiledModel(spec, lanes, machine_of(spec, lanes))


def simulate(
    model: CompiledModel,
    parameters: ArrayLike,
    initial: ArrayLike,
    thresholds: ArrayLike,
    visits: ArrayLike,
    end: ArrayLike,
    impulses: Impulses | None = None,
    cumulative_hazards: ArrayLike | None = None,
    occurrences: ArrayLike | None = None,
    outputs: Sequence[str] | None = None,
    rtol: float = 1e-4,
    threads: int = 1,
    max_steps: int = 20_000,
    max_seconds: float | None = None,
    precision: str = "float64",
) -> Result:
    """Follow n patients from day 0 to their ends. No random number is drawn.

    The conventions are those of :mod:`hepatrial.engine.call`. Results have the same bits for any number of
    threads and lanes, any order and any subset of patients.

    Args:
        model: from :func:`compile_model`.
        parameters: (n, n_parameters) in the order of ``spec.parameters``.
        initial: (n, n_states).
        thresholds: (n, n_hazards, n_occurrences) unit-exponential increments; the k-th event of a cause
            happens when its cumulative hazard reaches the sum of the first k. Infinity means never.
        visits: (n, n_visits) days, ascending in each row; NaN is no visit.
        end: (n,) days.
        impulses: actions at given times.
        cumulative_hazards: (n, n_hazards) at day 0; default 0.
        occurrences: (n, n_hazards) events before day 0; default 0.
        outputs: names of states, cumulative hazards (``H_<cause>``) or observables; default all.
        rtol: relative tolerance; the absolute one is a hundredth of it times ``spec.scales``.
        threads: number of threads.
        max_steps: steps, accepted and rejected, that one patient may take.
        max_seconds: wall-clock time that one patient may take, None for no limit. What it cuts off depends on
            the machine and its load, so a run that must be repeatable has none.
        precision: 'float64', or 'screen': single precision at about twice the speed, with every patient of
            doubtful course repeated in float64 (``Result.repeated``); for looking around, not for reporting.
            It needs rtol >= 1e-5.

    Raises:
        BadInput: with everything that is wrong with the arguments.
    """
    call = check_call(
        model.spec,
        parameters,
        initial,
        thresholds,
        visits,
        end,
        impulses,
        cumulative_hazards,
        occurrences,
        None if outputs is None else tuple(outputs),
        rtol,
        max_steps,
        max_seconds,
        precision,
    )
    if not (isinstance(threads, int | np.integer) and threads >= 1):
        raise BadInput([Problem("threads", str(threads), "must be a whole number from 1")])
    if precision == "screen":
        filled = _screened(model, call, threads)
    else:
        filled = _run(model.machine, call, threads)
        filled["repeated"] = np.zeros(call.n, dtype=bool)
    events = event_table(filled.pop("event_times"))
    del filled["nearness"]
    return Result(outputs=call.outputs, events=events, **filled)


def _screened(model: CompiledModel, call: Call, threads: int) -> dict[str, Any]:
    """The result's arrays in single precision, doubtful patients in double."""
    filled = _run(model.screening_machine, call, threads)
    doubtful = _doubtful(call, filled)
    rows = np.flatnonzero(doubtful)
    if len(rows):
        for name, array in _run(model.machine, call.of(rows), threads).items():
            filled[name][rows] = array
    filled["repeated"] = doubtful
    return filled


def _doubtful(call: Call, filled: dict[str, Any]) -> NDArray[np.bool_]:
    """(n,) whose course is not to be trusted to single precision; see the module."""
    failed = filled["status"] >= Status.STEP_BUDGET
    near = filled["nearness"] < SCREEN_MARGIN
    rough = filled["rejected"] > _MOST_REJECTED * filled["steps"]
    due = call.visits <= filled["end_time"][:, None]
    lost = (~np.isfinite(filled["values"]).all(axis=2) & due).any(axis=1)
    for name in ("end_state", "end_cumulative_hazards"):
        lost |= ~np.isfinite(filled[name]).all(axis=1)
    doubtful: NDArray[np.bool_] = failed | near | rough | lost
    return doubtful


def _run(machine: Machine, call: Call, threads: int) -> dict[str, Any]:
    """The result's arrays, filled by the generated code."""
    filled = _empty(call)
    block = _block(call, filled)
    size = _CHUNK if threads == 1 else min(_CHUNK, max(16, -(-call.n // (4 * threads))))
    chunks = [(first, min(first + size, call.n)) for first in range(0, call.n, size)]

    def run(chunk: tuple[int, int]) -> None:
        machine.run(block.ctypes.data, *chunk)

    if threads == 1 or len(chunks) < 2:
        for chunk in chunks:
            run(chunk)
    else:
        pool = ThreadPoolExecutor(min(threads, len(chunks)))
        try:
            list(pool.map(run, chunks))
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C the chunks not yet begun are left
    return filled


def _empty(call: Call) -> dict[str, Any]:
    """The result's arrays, to be filled in place."""
    n, hazards = call.cumulative_hazards.shape
    return {
        "values": np.full((n, call.visits.shape[1], len(call.outputs)), np.nan),
        "event_times": np.full(call.sums.shape, np.nan),
        "status": np.zeros(n, dtype=np.int64),
        "end_time": np.zeros(n),
        "end_state": np.zeros(call.initial.shape),
        "end_cumulative_hazards": np.zeros((n, hazards)),
        "end_occurrences": np.zeros((n, hazards), dtype=np.int64),
        "steps": np.zeros(n, dtype=np.int64),
        "rejected": np.zeros(n, dtype=np.int64),
        "pivoted": np.zeros(n, dtype=np.int64),
        "nearness": np.full(n, np.inf),
    }


def _block(call: Call, filled: dict[str, Any]) -> NDArray[np.int64]:
    """The generated function's arguments as eight-byte slots."""
    others = {
        "n_visits": call.visits.shape[1],
        "n_occurrences": call.sums.shape[2],
        "n_outputs": len(call.outputs),
        "max_steps": call.max_steps,
        "rtol": _bits(call.rtol),
        "max_seconds": _bits(call.max_seconds),
        "clock": ctypes.cast(_CLOCK, ctypes.c_void_p).value if np.isfinite(call.max_seconds) else 0,
    }
    arrays = {name: filled[name] if name in filled else getattr(call, name) for name in ARRAYS}
    slots = others | {name: array.ctypes.data for name, array in arrays.items()}
    return np.array([slots[name] for name in ARGUMENTS], dtype=np.int64)


def _bits(x: float) -> int:
    """The bits of a double as a whole number."""
    return int(np.float64(x).view(np.int64))
