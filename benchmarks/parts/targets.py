"""What the measurements are held against, and which of it is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RATIOS = {
    ("libroadrunner", 1e-3): 40.0,
    ("libroadrunner", 1e-5): 27.0,
    ("numbalsoda", 2e-3): 25.0,
    ("numbalsoda", 2e-4): 25.0,
    ("numbalsoda", 4e-6): 20.0,
}
"""(peer, error) -> times faster, at least, on the benchmark model."""

MOST = {
    "model text to first result, cold": 2.0,
    "model text to first result, cached": 0.3,
    "hepatrial model simulate, cached": 0.6,
}
"""Start-up -> seconds, at most."""

MILLION = (
    ("seconds", "at most", 60.0),
    ("largest resident memory, MB", "at most", 500.0),
    ("growth of memory after a tenth", "at most", 1.05),
    ("share of output in CPU time", "at most", 0.2),
    ("two-thread efficiency of the engine, wall", "at least", 0.95),
    ("two-thread efficiency of the whole run, wall", "at least", 0.95),
)
"""Of a million patients of the benchmark model, 24 weeks, 12 observables to Parquet, rtol 1e-4, 2 threads."""


@dataclass(frozen=True)
class Target:
    """One target.

    Attributes:
        what: in words.
        side: 'at least' or 'at most'.
        wanted: the bound.
        found: the measurement; NaN where there is none.
    """

    what: str
    side: str
    wanted: float
    found: float

    @property
    def verdict(self) -> str:
        """Whether it is met."""
        if math.isnan(self.found):
            return "not measured"
        good = self.found >= self.wanted if self.side == "at least" else self.found <= self.wanted
        return "met" if good else "MISSED"


def targets(
    ratios: Sequence[tuple[str, str, float, float]], start: dict[str, float], million: dict[str, Any] | None
) -> list[Target]:
    """All targets, the misses first."""
    measured = {(peer, error): value for peer, model, error, value in ratios if model == "benchmark"}
    found = [
        Target(
            f"times faster than {peer} at error {error:.0e}".replace("e-0", "e-"),
            "at least",
            wanted,
            measured.get((peer, error), math.nan),
        )
        for (peer, error), wanted in RATIOS.items()
    ]
    found += [Target(f"{what}, s", "at most", most, start.get(what, math.nan)) for what, most in MOST.items()]
    figures = dict((million or {}).get("benchmark", {}))
    if figures:
        early = figures["the same when a tenth was done, MB"]
        figures["growth of memory after a tenth"] = figures["largest resident memory, MB"] / early
    found += [
        Target(f"a million patients: {what}", side, wanted, figures.get(what, math.nan))
        for what, side, wanted in MILLION
    ]
    return sorted(found, key=lambda t: ("MISSED", "not measured", "met").index(t.verdict))
