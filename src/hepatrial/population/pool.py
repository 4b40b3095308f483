"""The pool: admitted candidates, stored once and shared by all arms.

Candidates are followed in chunks of fixed size until enough are admitted of every cause (``mix``). The
chunks are consumed in candidate order and the pool is cut at the last candidate used, so that it depends
neither on the size of a chunk nor on the number of workers, and a larger pool begins with a smaller one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem
from hepatrial.model.spec import ModelSpec
from hepatrial.population.candidates import Candidates
from hepatrial.population.machine import Machine
from hepatrial.population.mix import queue
from hepatrial.population.onset import OUTCOMES, Admitted, Illness, Onset, draw_ill, live_through_onset

CHUNK = 1024
"""Candidates followed in one engine call."""

GIVE_UP_AFTER = 20_000
"""Candidates after which a pool with next to nobody admitted is given up."""
SMALLEST_ACCEPTANCE = 1e-3
"""Share admitted below which the criteria are met by next to nobody."""


class Store(Protocol):
    """Where finished chunks are kept (a run folder), so that an interrupted run need not repeat them."""

    def get(self, name: str) -> bytes | None:
        """A finished chunk, or None."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Keep a finished chunk."""
        ...


@dataclass(frozen=True)
class Pool:
    """Admitted candidates in the order of the queue (``mix``): with one cause that of their numbers.

    Attributes:
        admitted: their states and measures at randomisation.
        measures: names of the columns of ``admitted.measures``.
        candidates: candidates up to and including the last one taken.
        outcomes: outcome -> number of those candidates, in the order of ``onset.OUTCOMES``.
        unmet: criterion -> number of those candidates who never met it.
    """

    admitted: Admitted
    measures: tuple[str, ...]
    candidates: int
    outcomes: dict[str, int]
    unmet: dict[str, int]

    def __len__(self) -> int:
        return len(self.admitted)

    def measure(self, name: str) -> NDArray[np.float64]:
        """(m,) a measure at randomisation."""
        return self.admitted.measures[:, self.measures.index(name)]


def traits_of(spec: ModelSpec, illness: Illness, pool: Pool) -> Candidates:
    """The admitted candidates' parameters, sex and so on; drawn again, being functions of their numbers."""
    return draw_ill(spec, illness, pool.admitted.number)


def build_pool(
    machine: Machine,
    illness: Illness,
    size: int,
    *,
    threads: int = 1,
    chunk: int = CHUNK,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
    ahead: int | None = None,
    name: Callable[[int], str] | None = None,
    budget: int | None = None,
) -> Pool:
    """Follow candidates until ``size`` are admitted.

    Args:
        machine: model and engine.
        illness: protocol, cards, clinic, seed.
        size: admitted candidates wanted.
        threads: chunks followed at a time.
        chunk: candidates in a chunk; changes nothing but memory and speed.
        store: keeps finished chunks.
        progress: called with (taken so far, size) after each chunk.
        ahead: chunks begun before they are needed; default one more than threads. With 1, a store that holds
            all that is needed is read and nothing else is done.
        name: where the i-th chunk is kept; default ``onset_name``.
        budget: candidates among whom ``size`` have to be admitted; default no such limit. Whether it is met
            does not depend on the chunk.

    Raises:
        BadInput: next to nobody is admitted; says which criterion fails most.
    """
    name = name or partial(onset_name, chunk)
    parts: list[Onset] = []
    seen = 0
    with _ordered(machine, illness, chunk, threads, store, ahead or threads + 1, name) as onsets:
        for onset in onsets:
            parts.append(onset)
            admitted = len(taken(illness, parts))
            seen += len(onset.number)
            if progress:
                progress(min(admitted, size), size)
            if admitted >= size:
                break
            if hopeless(admitted, seen) or (budget is not None and seen >= budget):
                raise BadInput([_nobody(illness, parts, seen)])
    pool = cut_pool(illness, parts, size)
    if budget is not None and pool.candidates > budget:
        raise BadInput([_nobody(illness, parts, seen)])
    return pool


def hopeless(admitted: int, seen: int) -> bool:
    """Whether next to nobody of the candidates seen so far could be taken."""
    return seen >= GIVE_UP_AFTER and admitted < SMALLEST_ACCEPTANCE * seen


def taken(illness: Illness, parts: Sequence[Onset]) -> NDArray[np.intp]:
    """Places, among the admitted of the chunks, of those whom the mix of causes takes, in its order."""
    return queue(illness, np.concatenate([part.admitted.number for part in parts]))


@contextmanager
def _ordered(
    machine: Machine,
    illness: Illness,
    chunk: int,
    threads: int,
    store: Store | None,
    in_flight: int,
    name: Callable[[int], str],
) -> Iterator[Iterator[Onset]]:
    """The chunks of candidates 1, 2, 3 ... in order, some of them worked on ahead by other threads."""
    pool = ThreadPoolExecutor(max_workers=threads)
    try:
        yield _consume(pool, machine, illness, chunk, in_flight, store, name)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _consume(
    pool: ThreadPoolExecutor,
    machine: Machine,
    illness: Illness,
    chunk: int,
    in_flight: int,
    store: Store | None,
    name_of: Callable[[int], str],
) -> Iterator[Onset]:
    def begin(index: int) -> tuple[str, bytes | None, Future[Onset] | None]:
        name = name_of(index)
        stored = store.get(name) if store else None
        if stored is not None:
            return name, stored, None
        return name, None, pool.submit(onset_chunk, machine, illness, chunk, index)

    # One more in flight than there are workers, so that none waits while this thread writes.
    ahead = [begin(index) for index in range(in_flight)]
    for index in count(in_flight):
        name, stored, future = ahead.pop(0)
        if future is None:
            assert stored is not None
            yield onset_from_bytes(stored)
        else:
            onset = future.result()
            if store:
                store.put(name, onset_to_bytes(onset))
            yield onset
        ahead.append(begin(index))


def onset_name(chunk: int, index: int) -> str:
    """Where the ``index``-th chunk of candidates is kept."""
    return f"shards/onset-{chunk}-{index:05d}.npz"


def onset_chunk(machine: Machine, illness: Illness, chunk: int, index: int) -> Onset:
    """Follow the ``index``-th chunk of candidates."""
    start = illness.first + index * chunk
    return live_through_onset(machine, illness, np.arange(start, start + chunk, dtype=np.int64))


def _nobody(illness: Illness, parts: Sequence[Onset], seen: int) -> Problem:
    admitted = sum(len(part.admitted) for part in parts)
    if admitted >= SMALLEST_ACCEPTANCE * seen:
        allowed = (
            f"causes whose patients meet the criteria in these shares: of {admitted} admitted among {seen} "
            f"candidates only {len(taken(illness, parts))} could be taken"
        )
        return Problem("population.causes", "causes of which next to nobody is admitted", allowed)
    unmet = _unmet(parts, seen)
    worst, times = max(unmet.items(), key=lambda item: item[1])
    outcomes = np.concatenate([part.outcome for part in parts])
    most = OUTCOMES[int(np.bincount(outcomes, minlength=len(OUTCOMES)).argmax())].replace("_", " ")
    allowed = (
        f"criteria that some patients meet: {admitted} of {seen} candidates were admitted; "
        f"{times / seen:.1%} never had {worst}; most often: {most}"
    )
    return Problem("population.eligibility", "criteria that next to nobody meets", allowed)


def _unmet(parts: Sequence[Onset], candidates: int) -> dict[str, int]:
    table = np.concatenate([part.unmet for part in parts])[:candidates]
    return {label: int(n) for label, n in zip(parts[0].labels, table.sum(axis=0), strict=True)}


def cut_pool(
    illness: Illness, parts: Sequence[Onset], size: int, order: NDArray[np.intp] | None = None
) -> Pool:
    """The first ``size`` whom the mix of causes takes, and the candidates up to the last of them.

    Args:
        illness: protocol, seed, first candidate.
        parts: chunks of candidates.
        size: of the pool.
        order: places of the admitted in another order than the mix's (``taken``).
    """
    chosen = (taken(illness, parts) if order is None else order)[:size]
    joined = {
        field.name: np.concatenate([getattr(part.admitted, field.name) for part in parts])
        for field in fields(Admitted)
    }
    admitted = Admitted(**{name: values[chosen] for name, values in joined.items()})
    candidates = int(admitted.number.max()) - illness.first + 1 if size else 0
    outcome = np.concatenate([part.outcome for part in parts])[:candidates]
    spare = np.setdiff1d(np.arange(len(joined["number"])), chosen)
    left = joined["number"][spare] - illness.first
    outcome[left[left < candidates]] = OUTCOMES.index("cause_full")
    counts = np.bincount(outcome, minlength=len(OUTCOMES))
    return Pool(
        admitted,
        illness.measures,
        candidates,
        {name: int(n) for name, n in zip(OUTCOMES, counts, strict=True)},
        _unmet(parts, candidates),
    )


def onset_to_bytes(onset: Onset) -> bytes:
    """A chunk for storage; equal chunks give equal bytes."""
    buffer = io.BytesIO()
    admitted = {f"admitted_{f.name}": getattr(onset.admitted, f.name) for f in fields(Admitted)}
    np.savez(
        buffer,
        allow_pickle=False,
        number=onset.number,
        outcome=onset.outcome,
        unmet=onset.unmet,
        labels=np.array(onset.labels),
        **admitted,
    )
    return buffer.getvalue()


def onset_from_bytes(data: bytes) -> Onset:
    """The chunk that ``onset_to_bytes`` stored."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        admitted: dict[str, Any] = {f.name: arrays[f"admitted_{f.name}"] for f in fields(Admitted)}
        labels = tuple(str(label) for label in arrays["labels"])
        return Onset(arrays["number"], arrays["outcome"], arrays["unmet"], labels, Admitted(**admitted))
