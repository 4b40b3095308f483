"""GRIM and GRIMMER: can a mean, and an SD, of whole-number items be what was printed?

Brown and Heathers 2017, Soc Psychol Personal Sci 8:363 (GRIM); Anaya 2016 and Allard 2018 (GRIMMER, by
whole sums of squares). They speak only of items that are whole numbers, and only while n is small enough
that not every printed value can occur.
"""

from __future__ import annotations

import math
from fractions import Fraction

from hepatrial.errors import Problem
from hepatrial.evidence.checks.finding import Figure, Finding, figure, refuse, whole

_NOT_WHOLE = "the items are not whole numbers, so every mean can occur"


def _totals(mean: Figure, count: int) -> list[int]:
    """Whole sums of ``count`` values whose mean prints so."""
    low = math.ceil((mean.value - mean.half) * count)
    high = math.floor((mean.value + mean.half) * count)
    return list(range(low, high + 1))


def _checked(place: str, n: int, items: int) -> None:
    problems: list[Problem] = []
    whole(f"{place} n", n, problems, least=1)
    whole(f"{place} items", items, problems, least=1)
    refuse(problems)


def grim(place: str, mean: str, n: int, *, integers: bool, items: int = 1) -> Finding:
    """Is the mean of ``n`` whole-number scores (each a mean of ``items`` whole-number items) one that occurs?

    Args:
        place: where it stands.
        mean: as printed.
        n: patients.
        integers: whether the items are whole numbers (grades, points, counts; not ages or laboratory values).
        items: items a score is the mean of.
    """
    _checked(place, n, items)
    given, count = figure(place, mean), n * items
    name, said = "GRIM", f"mean {given.text} of {n}" + (f" x {items} items" if items > 1 else "")
    if not integers:
        return Finding(name, place, said, "not checkable", _NOT_WHOLE)
    found = _totals(given, count)
    if Fraction(1, count) <= 2 * given.half:
        needed = f"{count} values are too many for {given.decimals} decimals: every mean can occur"
        return Finding(name, place, said, "not checkable", needed)
    if found:
        return Finding(name, place, said, "consistent", f"a sum of {found[0]}", (f"sum {found[0]}",))
    near = round(float(given.value) * count)
    needed = (
        f"another n than {n} (missing values), items that are not whole, or another mean: the nearest is "
        f"{near}/{count} = {near / count:.{given.decimals + 1}f}"
    )
    return Finding(name, place, said, "inconsistent", needed)


def grimmer(place: str, mean: str, sd: str, n: int, *, integers: bool, items: int = 1) -> Finding:
    """Is there a list of ``n`` whole-number scores with this mean and this sample SD?

    Args:
        place: where they stand.
        mean, sd: as printed; the SD with n - 1.
        n: patients, at least 2.
        integers, items: as in ``grim``.
    """
    _checked(place, n, items)
    first = grim(place, mean, n, integers=integers, items=items)
    m, s = figure(place, mean), figure(place, sd)
    name, said = "GRIMMER", f"mean {m.text}, SD {s.text} of {n}" + (f" x {items} items" if items > 1 else "")
    problems = [Problem(f"{place} n", f"{n}", "must be at least 2")] if n < 2 else []
    if s.value < 0:
        problems.append(Problem(f"{place} sd", s.text, "must not be below 0"))
    refuse(problems)
    if not integers:
        return Finding(name, place, said, "not checkable", _NOT_WHOLE)
    if first.verdict == "inconsistent":
        return Finding(name, place, said, "inconsistent", first.needed)
    # Scores times their items are whole numbers; their SD is so many times the printed one.
    low = max(Fraction(0), s.value - s.half) * items
    high = (s.value + s.half) * items
    fits, spans = [], []
    for total in _totals(Figure(m.text, m.value * items, m.half * items, m.decimals), n):
        base = Fraction(total**2, n)
        bottom, top = math.ceil((n - 1) * low**2 + base), math.floor((n - 1) * high**2 + base)
        spans.append(top - bottom + 1)
        least = _least_squares(total, n)
        # A whole number and its square are odd or even together, and so are their sums.
        fits += [(total, q) for q in range(max(bottom, least), top + 1) if (q - total) % 2 == 0]
        if len(fits) > 20:
            break
    if fits and (first.verdict == "not checkable" or max(spans) > 2):
        needed = "n is too large for these decimals: sums of squares for almost any SD occur"
        return Finding(name, place, said, "not checkable", needed)
    if fits:
        total, q = fits[0]
        reading = f"sum {total}, sum of squares {q}"
        return Finding(name, place, said, "consistent", reading, (reading,))
    needed = (
        f"another n than {n} (missing values), an SD computed with n instead of n - 1, a standard error, "
        "items that are not whole, or another figure"
    )
    return Finding(name, place, said, "inconsistent", needed)


def _least_squares(total: int, n: int) -> int:
    """Smallest sum of squares of n whole numbers with this sum."""
    small, more = divmod(total, n)
    return (n - more) * small**2 + more * (small + 1) ** 2
