"""The engine's one call on compiled models."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.engine.build import Machine, machine_of
from hepatrial.engine.call import ARGUMENTS, Call, Impulses, Result, check_call, event_table
from hepatrial.errors import BadInput, Problem
from hepatrial.model.spec import ModelSpec

_CHUNK = 512
"""Most patients that a thread takes at a time; results do not depend on it."""


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

    def __reduce__(self) -> tuple[object, ...]:
        return compile_model, (self.spec, self.lanes)


def compile_model(spec: ModelSpec, lanes: int = 4) -> CompiledModel:
    """Compile a model, or find it in the cache.

    Args:
        spec: the model.
        lanes: patients side by side: 1, 2, 4 or 8.

    Raises:
        BadInput: another number of lanes.
    """
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
    )
    if not (isinstance(threads, int | np.integer) and threads >= 1):
        raise BadInput([Problem("threads", str(threads), "must be a whole number from 1")])
    filled = _empty(call)
    block = _block(call, filled)
    size = _CHUNK if threads == 1 else min(_CHUNK, max(16, -(-call.n // (4 * threads))))
    chunks = [(first, min(first + size, call.n)) for first in range(0, call.n, size)]

    def run(chunk: tuple[int, int]) -> None:
        model.machine.run(block.ctypes.data, *chunk)

    if threads == 1 or len(chunks) < 2:
        for chunk in chunks:
            run(chunk)
    else:
        pool = ThreadPoolExecutor(min(threads, len(chunks)))
        try:
            list(pool.map(run, chunks))
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C the chunks not yet begun are left
    events = event_table(filled.pop("event_times"))
    return Result(outputs=call.outputs, events=events, **filled)


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
    }


def _block(call: Call, filled: dict[str, Any]) -> NDArray[np.int64]:
    """The generated function's arguments as eight-byte slots."""
    sizes = {
        "n_visits": call.visits.shape[1],
        "n_occurrences": call.sums.shape[2],
        "n_outputs": len(call.outputs),
        "max_steps": call.max_steps,
        "rtol": int(np.float64(call.rtol).view(np.int64)),
    }
    slots = []
    for name in ARGUMENTS:
        if name in sizes:
            slots.append(sizes[name])
        else:
            array = filled[name] if name in filled else getattr(call, name)
            slots.append(array.ctypes.data)
    return np.array(slots, dtype=np.int64)
