"""Engines measured in turns, and how many times faster one is than another at the same error."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from parts.problems import Array, Comparison, median_error


class Engine(Protocol):
    """Something that simulates a comparison."""

    name: str
    tolerances: tuple[float, ...]
    variants: tuple[str, ...]

    def run(self, n: int, rtol: float, variant: str = ...) -> tuple[Array, float]:
        """Values of the first n patients and seconds of CPU time a patient."""
        ...


@dataclass
class Point:
    """One engine at one tolerance."""

    engine: Any
    rtol: float
    variant: str
    patients: int
    error: float = float("nan")
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds a patient, median of the rounds."""
        return statistics.median(self.seconds)


def measure(
    comparison: Comparison, engines: Sequence[Engine], reference: Array, rounds: int, patients: dict[str, int]
) -> list[Point]:
    """Every engine at every tolerance and setting: its error, and its time in interleaved rounds."""
    points = [
        Point(engine, rtol, variant, patients[engine.name])
        for engine in engines
        for variant in engine.variants
        for rtol in engine.tolerances
    ]
    kept = []
    for point in points:
        try:
            found, _ = point.engine.run(len(reference), point.rtol, point.variant)
        except RuntimeError as failed:  # a tolerance that a peer cannot meet is left out, and said
            print(f"left out {point.engine.name} {comparison.name} rtol {point.rtol:g}: {failed}", flush=True)
            continue
        point.error = median_error(found, reference, comparison.spec.scales)
        kept.append(point)
    for _ in range(rounds):
        for point in kept:
            point.seconds.append(point.engine.run(point.patients, point.rtol, point.variant)[1])
    return kept


def seconds_at(points: Sequence[Point], error: float) -> float:
    """Time at an error, log-log between measured points of the best settings.

    Only points that no other beats in both time and error are kept, so each engine is taken at its best. An
    engine whose fastest point is more accurate than asked has that time; NaN where it is nowhere so accurate.
    """
    best = [p for p in points if not any(q.error <= p.error and q.median < p.median for q in points)]
    best.sort(key=lambda p: p.error)
    if not best or error < best[0].error:
        return float("nan")
    x, y = [np.log(p.error) for p in best], [np.log(p.median) for p in best]
    return float(np.exp(np.interp(np.log(error), x, y)))


def ratio(points: Sequence[Point], peer: str, error: float, ours: str = "hepatrial") -> float:
    """How many times faster we are than the peer at the same error; NaN where one was not measured."""
    theirs = seconds_at([p for p in points if p.engine.name == peer], error)
    return theirs / seconds_at([p for p in points if p.engine.name == ours], error)
