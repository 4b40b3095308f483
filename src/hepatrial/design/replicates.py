"""Trials in batches until there are enough of them, for every kind of design."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.slots import PARTS

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
Piece = Callable[[str, Callable[[], Any]], Any]
Joined = dict[str, NDArray[Any]]

BATCH = 500
"""Trials simulated together; a multiple of PARTS. Changes no result."""
assert BATCH % PARTS == 0
LEAST = 1000
"""Trials below which no error is believed."""
AMOUNTS = ("patients", "days", "events", "reached")
"""Characteristics whose error is stated as a share of their size; all others are probabilities or effects."""


def whole_trials(trials: int) -> int:
    """Trials rounded up so that every part of the bank has as many."""
    return -(-trials // PARTS) * PARTS


def in_batches(
    make: Callable[[int, int], T],
    trials: int,
    *,
    threads: int = 1,
    enough: Callable[[Sequence[T]], bool] | None = None,
    tell: Callable[[int], None] | None = None,
) -> list[T]:
    """Simulate trials 1, 2, 3 ... batch by batch.

    Args:
        make: simulates trials from the first number on, so many.
        trials: how many, or at most with ``enough``; rounded up to whole batches of PARTS.
        threads: workers; change no result.
        enough: whether some batches suffice; asked after 2, 4, 8 ... batches, so that the number of threads
            decides nothing.
        tell: called with the number of trials done.
    """
    whole = whole_trials(trials)
    jobs = [(first, min(BATCH, whole + 1 - first)) for first in range(1, whole + 1, BATCH)]
    done: list[T] = []
    asked = LEAST // BATCH
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for at in range(0, len(jobs), threads):
            done += pool.map(lambda job: make(*job), jobs[at : at + threads])
            if tell:
                tell(min(BATCH * len(done), whole))
            while enough is not None and asked <= len(done):
                if enough(done[:asked]):
                    return done[:asked]
                asked *= 2
    return done


def largest_error(found: Any, scale: Mapping[str, float] | None = None, name: str = "") -> float:
    """The largest Monte-Carlo error anywhere in some characteristics; infinite when one is not known.

    Args:
        found: numbers as ``{"value", "mcse", "trials"}``, in dicts and lists of any depth; anything else is
            passed over, and so is a number that no trial had.
        scale: characteristic -> unit in which its error counts. ``AMOUNTS`` count in shares of their value.
        name: of ``found``.
    """
    if isinstance(found, Mapping):
        if {"value", "mcse", "trials"} <= set(found):
            if found["trials"] == 0:
                return 0.0
            if found["mcse"] is None:
                return float("inf")
            unit = abs(found["value"]) if name in AMOUNTS else (scale or {}).get(name, 1.0)
            return float(found["mcse"] / unit) if unit > 0 else 0.0
        return max((largest_error(value, scale, key) for key, value in found.items()), default=0.0)
    if isinstance(found, list):
        return max((largest_error(value, scale, name) for value in found), default=0.0)
    return 0.0


def rows_of_truths(
    count: int,
    simulate: Callable[[int, int, int], Joined],
    row: Callable[[int, Joined], dict[str, Any]],
    *,
    trials: int,
    precision: float | None,
    threads: int,
    progress: Progress | None,
    keep: Piece | None,
) -> list[dict[str, Any]]:
    """A row of characteristics for each truth.

    Args:
        count: how many truths.
        simulate: called with the place of a truth, the first trial and how many; arrays with a value a trial.
        row: makes the row of a truth from all its trials.
        trials: for each truth; at most, with ``precision``.
        precision: stop when no error of the row is larger (``largest_error``).
        threads: workers; change no result.
        progress: called with (stage, done, total).
        keep: called with a name and what makes a row; may give a row that was kept instead.
    """
    tell, held = progress or (lambda _stage, _done, _total: None), keep or (lambda _name, make: make())
    rows = []
    for place in range(count):
        tell("truths simulated", place, count)

        def whole(place: int = place) -> dict[str, Any]:
            def enough(parts: Sequence[Joined]) -> bool:
                return precision is not None and largest_error(row(place, joined(parts))) <= precision

            parts = in_batches(
                lambda first, size: simulate(place, first, size), trials, threads=threads,
                enough=None if precision is None else enough,
            )  # fmt: skip
            everything = joined(parts)
            found = row(place, everything)
            return {**found, "trials": len(next(iter(everything.values()))), "error": largest_error(found)}

        rows.append(held(f"truth-{place}", whole))
    tell("truths simulated", count, count)
    return rows


def joined(parts: Sequence[Joined]) -> Joined:
    """Several batches as one."""
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
