"""Counts and their denominators: counts above n, percentages above 100, and mixed denominators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hepatrial.errors import Problem
from hepatrial.evidence.checks.finding import Figure, Finding, figure, refuse, whole
from hepatrial.evidence.checks.patients import counts_of


@dataclass(frozen=True)
class CountLine:
    """A line of a table: ``count`` patients, printed as ``percent`` of the arm."""

    label: str
    count: int
    percent: str | None = None


def count_within(place: str, count: int, n: int) -> Finding:
    """Is a count at most its n?"""
    problems: list[Problem] = []
    whole(f"{place} count", count, problems)
    whole(f"{place} n", n, problems, least=1)
    refuse(problems)
    name, said = "count within n", f"{count} of {n}"
    if count <= n:
        return Finding(name, place, said, "consistent", "the count is at most n")
    needed = "events counted, not patients, or another denominator"
    return Finding(name, place, said, "inconsistent", needed)


def percent_within(place: str, percent: str) -> Finding:
    """Does a percentage of patients lie in 0 to 100?"""
    value = figure(place, percent)
    name, said = "percentage within 0 to 100", f"{value.text} %"
    if 0 <= value.value <= 100:
        return Finding(name, place, said, "consistent", "it lies in 0 to 100")
    needed = "a ratio or a change, not a share of patients, or events counted more than once a patient"
    return Finding(name, place, said, "inconsistent", needed)


def mixed_denominators(place: str, lines: Sequence[CountLine], n: int) -> Finding:
    """Are all percentages of a table out of the same ``n``?

    Args:
        place: where the table stands.
        lines: its lines; those without a percentage are left out.
        n: the arm's size as stated.

    Raises:
        BadInput: for an n that is no count.
    """
    problems: list[Problem] = []
    whole(f"{place} n", n, problems, least=1)
    for line in lines:
        whole(f"{place} {line.label}", line.count, problems)
    refuse(problems)
    read = [
        (line, figure(f"{place} {line.label}", line.percent)) for line in lines if line.percent is not None
    ]
    off = [(line, f) for line, f in read if line.count not in counts_of(f, n)]
    said = f"{len(read)} percentages of {n}"
    name = "one denominator"
    if not read:
        return Finding(name, place, said, "not checkable", "no percentage is printed")
    if not off:
        return Finding(name, place, said, "consistent", f"every percentage is out of {n}")
    parts = [f"{line.label} {line.count} ({f.text} %): {_denominators(line.count, f, n)}" for line, f in off]
    return Finding(
        name, place, said, "inconsistent", "other denominators would have to hold: " + "; ".join(parts), (),
        {"off": float(len(off))},
    )  # fmt: skip


def _denominators(count: int, percent: Figure, n: int) -> str:
    """The denominators up to twice ``n`` that would give the percentage."""
    if count == 0:
        return "no denominator gives it"
    fits = [size for size in range(max(count, 1), 2 * n + 1) if count in counts_of(percent, size)]
    if not fits:
        return f"no denominator up to {2 * n}"
    return f"out of {fits[0]}" if len(fits) == 1 else f"out of {fits[0]} to {fits[-1]}"
