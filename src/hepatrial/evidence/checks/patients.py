"""Whole patients behind percentages and behind differences of percentages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from hepatrial.errors import Problem
from hepatrial.evidence.checks.finding import (
    Figure,
    Finding,
    Verdict,
    figure,
    refuse,
    rounded,
    roundings,
    whole,
)

ALMOST_ALL = 0.95
"""Share of printable figures with a solution above which a solution says nothing."""
MANY = 20_000
"""Pairs of counts beyond which their differences are reasoned about, not listed."""
_CENSORED = "a Kaplan-Meier percentage with censoring is no share of whole patients: not checkable as counts"


def _share(x: int, n: int) -> Fraction:
    return Fraction(100 * x, n)


def counts_of(percent: Figure, n: int) -> list[int]:
    """The numbers of ``n`` whole patients that print as ``percent``."""
    middle = float(percent.value) * n / 100
    near = range(max(0, math.floor(middle) - n // 100 - 2), min(n, math.ceil(middle) + n // 100 + 2) + 1)
    return [x for x in near if percent.fits(_share(x, n))]


def percent_of_patients(place: str, percent: str, n: int, *, censored: bool = False) -> Finding:
    """Does a percentage belong to a whole number of ``n`` patients?

    Args:
        place: where it stands.
        percent: as printed.
        n: patients.
        censored: it is a Kaplan-Meier percentage of a curve with censoring.

    Raises:
        BadInput: a percentage outside 0 to 100, an ``n`` that is no count.
    """
    problems: list[Problem] = []
    given = figure(place, percent)
    whole(f"{place} n", n, problems, least=1)
    if not 0 <= given.value <= 100:
        problems.append(Problem(place, f"{percent} %", "must lie in 0 to 100"))
    refuse(problems)
    name, said = "percentage as whole patients", f"{given.text} % of {n}"
    if censored:
        return Finding(name, place, said, "not checkable", _CENSORED)
    found = counts_of(given, n)
    readings = tuple(f"{x}/{n} = {float(_share(x, n)):.{given.decimals + 2}f} %" for x in found)
    if not found:
        x = round(float(given.value) * n / 100)
        needed = (
            f"another number of patients than {n}, censoring, or another figure than {given.text} %: "
            f"the nearest whole patients are {x}/{n} = {float(_share(x, n)):.{given.decimals + 1}f} %"
        )
        cut = [
            k for k in (x - 1, x, x + 1) if 0 <= k <= n and 0 <= _share(k, n) - given.value < 2 * given.half
        ]
        if cut:
            needed += f"; {cut[0]}/{n} gives it if digits were cut off instead of rounded"
        return Finding(name, place, said, "inconsistent", needed)
    facts = {"count": float(found[0])} if len(found) == 1 else {}
    if Fraction(100, n) <= 2 * given.half:
        needed = f"with {n} patients every percentage printed to {given.decimals} decimals is some count"
        return Finding(name, place, said, "not checkable", needed, readings, facts)
    return Finding(name, place, said, "consistent", f"{found[0]} of {n} patients", readings, facts)


def percent_of_count(place: str, percent: str, count: int, n: int) -> Finding:
    """Is a percentage that of the count printed beside it?

    Args:
        place: where they stand.
        percent: as printed.
        count, n: patients with the event, and all.

    Raises:
        BadInput: a percentage outside 0 to 100, counts that are none.
    """
    problems: list[Problem] = []
    given = figure(place, percent)
    whole(f"{place} n", n, problems, least=1)
    whole(f"{place} count", count, problems)
    if not 0 <= given.value <= 100:
        problems.append(Problem(place, f"{percent} %", "must lie in 0 to 100"))
    if count > n:
        problems.append(Problem(f"{place} count", f"{count} of {n}", "must not exceed n"))
    refuse(problems)
    name, said = "percentage of its count", f"{given.text} % beside {count} of {n}"
    exact = float(_share(count, n))
    if given.fits(_share(count, n)):
        return Finding(name, place, said, "consistent", f"{count} of {n} is {exact:.{given.decimals + 1}f} %")
    others = counts_of(given, n)
    held = (
        f"; {given.text} % of {n} would be {others[0]}"
        if others
        else f"; no count of {n} gives {given.text} %"
    )
    shown = f"{count} of {n} is {exact:.{given.decimals + 1}f} %"
    needed = f"{shown}: another count, another n or another figure{held}"
    return Finding(name, place, said, "inconsistent", needed, (), {"percent": exact})


def difference_of_percentages(place: str, difference: str, percent1: str, percent2: str) -> Finding:
    """Is a difference that of the two percentages printed beside it?

    Args:
        place: where they stand.
        difference: first minus second in points, as printed.
        percent1, percent2: as printed.
    """
    d, one, two = (figure(place, text) for text in (difference, percent1, percent2))
    exact = one.value - two.value
    name, said = "difference of its percentages", f"{d.text} points beside {one.text} % and {two.text} %"
    slack = d.half + one.half + two.half
    if abs(exact - d.value) <= slack:
        return Finding(name, place, said, "consistent", "it is their difference within rounding")
    turned = abs(exact + d.value) <= slack
    needed = f"the two differ by {float(exact):.{max(one.decimals, two.decimals)}f} points" + (
        ": the sign, or the order of the arms, would have to be turned" if turned else ": another figure"
    )
    return Finding(name, place, said, "inconsistent", needed, (), {"difference": float(exact)})


def difference_of_patients(
    place: str,
    difference: str,
    n1: int,
    n2: int,
    *,
    percent1: str | None = None,
    percent2: str | None = None,
    censored: bool = False,
) -> Finding:
    """Does a difference of two percentages belong to whole patients of ``n1`` and ``n2``?

    Two readings are tried: the difference of the unrounded percentages, and that of the two after rounding
    to the decimals of the difference; the readings say which holds.

    Args:
        place: where it stands.
        difference: first minus second in percentage points, as printed.
        n1, n2: patients of the arms.
        percent1, percent2: an arm's own percentage, if printed too; its counts are then the only ones tried.
        censored: the percentages are of Kaplan-Meier curves with censoring.

    Raises:
        BadInput: percentages outside 0 to 100, an n that is no count.
    """
    problems: list[Problem] = []
    given = figure(place, difference)
    for number, n in ((1, n1), (2, n2)):
        whole(f"{place} n{number}", n, problems, least=1)
    own = [figure(place, p) if p is not None else None for p in (percent1, percent2)]
    if abs(given.value) > 100:
        problems.append(Problem(place, f"{difference} points", "must lie in -100 to 100"))
    problems += [
        Problem(place, f"{p.text} %", "must lie in 0 to 100") for p in own if p and not 0 <= p.value <= 100
    ]
    refuse(problems)
    beside = "".join(f", with {p.text} % of {n}" for p, n in zip(own, (n1, n2), strict=True) if p)
    name, said = "difference as whole patients", f"{given.text} points between {n1} and {n2} patients{beside}"
    if censored:
        return Finding(name, place, said, "not checkable", _CENSORED)
    firsts, seconds = (
        counts_of(p, n) if p else list(range(n + 1)) for p, n in zip(own, (n1, n2), strict=True)
    )
    if not firsts or not seconds:
        needed = "a percentage beside it belongs to no whole number of patients; see its own check"
        return Finding(name, place, said, "not checkable", needed)
    pairs = _near_pairs(given, firsts, seconds, n1, n2)
    plain, of_rounded = solutions(given, pairs, n1, n2)
    readings = tuple(_reading(pair, n1, n2, given, pair in plain, pair in of_rounded)
                     for pair in pairs if pair in plain or pair in of_rounded)  # fmt: skip
    facts = {"unrounded_solutions": float(len(plain)), "rounded_solutions": float(len(of_rounded))}
    if not readings:
        return Finding(name, place, said, "inconsistent", _nearest(given, pairs, n1, n2), (), facts)
    facts["coverage"] = _coverage(given, firsts, seconds, n1, n2)
    if facts["coverage"] > ALMOST_ALL:
        needed = "with these numbers of patients almost every printed difference has a solution"
        return Finding(name, place, said, "not checkable", needed, readings, facts)
    how = "the unrounded percentages" if plain else "the two rounded percentages, not of the unrounded ones"
    many = "" if len(readings) == 1 else f" ({len(readings)} pairs of counts fit)"
    return Finding(name, place, said, "consistent", f"it is the difference of {how}{many}", readings, facts)


def solutions(
    given: Figure, pairs: Sequence[tuple[int, int]], n1: int, n2: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs of counts whose difference prints as given: of unrounded, and of rounded percentages."""
    plain, of_rounded = [], []
    for x1, x2 in pairs:
        p1, p2 = _share(x1, n1), _share(x2, n2)
        if given.fits(p1 - p2):
            plain.append((x1, x2))
        ones, twos = roundings(p1, given.decimals), roundings(p2, given.decimals)
        if any(one - two == given.value for one in ones for two in twos):
            of_rounded.append((x1, x2))
    return plain, of_rounded


def _reading(pair: tuple[int, int], n1: int, n2: int, given: Figure, plain: bool, of_rounded: bool) -> str:
    (x1, x2), d = pair, given.decimals
    exact = float(_share(x1, n1) - _share(x2, n2))
    both = {(True, True): "unrounded and rounded", (True, False): "unrounded only"}
    how = both.get((plain, of_rounded), "rounded percentages only")
    return f"{x1}/{n1} against {x2}/{n2}: {exact:.{d + 1}f} unrounded ({how})"


def _nearest(given: Figure, pairs: Sequence[tuple[int, int]], n1: int, n2: int) -> str:
    x1, x2 = min(pairs, key=lambda p: abs(_share(p[0], n1) - _share(p[1], n2) - given.value))
    exact = float(_share(x1, n1) - _share(x2, n2))
    return (
        f"other numbers of patients than {n1} and {n2}, Kaplan-Meier estimates with censoring, or another "
        f"figure than {given.text}: the nearest whole patients, {x1}/{n1} against {x2}/{n2}, give "
        f"{exact:.{given.decimals + 1}f}"
    )


def _near_pairs(
    given: Figure, firsts: Sequence[int], seconds: Sequence[int], n1: int, n2: int
) -> list[tuple[int, int]]:
    """For each count of the first arm those of the second that may give the difference, or come nearest."""
    known, pairs = set(seconds), []
    slack = 2 + math.ceil(n2 * float(4 * given.half) / 100)
    for x1 in firsts:
        middle = round((100 * x1 / n1 - float(given.value)) * n2 / 100)
        pairs += [(x1, x2) for x2 in range(middle - slack, middle + slack + 1) if x2 in known]
    return pairs or [(x1, x2) for x1 in (firsts[0], firsts[-1]) for x2 in (seconds[0], seconds[-1])]


def _coverage(given: Figure, firsts: Sequence[int], seconds: Sequence[int], n1: int, n2: int) -> float:
    """Share of the printable differences within 10 points of the given one that some pair gives."""
    unit = 2 * given.half
    if len(firsts) * len(seconds) > MANY:
        # Differences of free counts are the multiples of 100 / lcm.
        return min(1.0, float(unit * math.lcm(n1, n2) / 100))
    reached = {rounded(_share(a, n1) - _share(b, n2), given.decimals) for a in firsts for b in seconds}
    around = [given.value + k * unit for k in range(-int(10 / unit), int(10 / unit) + 1)]
    inside = [value for value in around if abs(value) <= 100]
    return sum(value in reached for value in inside) / len(inside)


def course_of_differences(place: str, points: Sequence[tuple[float, str]], n1: int, n2: int) -> Finding:
    """Can survival differences at several times belong to two arms in which nobody comes back to life?

    Each arm's survivors may only fall. A difference with whole-patient solutions is held to them; one with
    none is still held to what any difference says: the second arm has at most 100 minus it.

    Args:
        place: where they stand.
        points: (time, difference first minus second in points as printed), any order.
        n1, n2: patients of the arms.
    """
    problems: list[Problem] = []
    for number, n in ((1, n1), (2, n2)):
        whole(f"{place} n{number}", n, problems, least=1)
    refuse(problems)
    ordered = sorted(points)
    pairs = [(a, b) for a in range(n1 + 1) for b in range(n2 + 1)]
    reach: set[tuple[float, float]] = {(100.0, 100.0)}
    said = ", ".join(f"{text} at {time:g}" for time, text in ordered)
    name = "course of a survival difference"
    for index, (time, text) in enumerate(ordered):
        given = figure(place, text)
        plain, of_rounded = solutions(given, pairs, n1, n2)
        options = {(float(_share(a, n1)), float(_share(b, n2))) for a, b in {*plain, *of_rounded}}
        if not options:
            top, slack = 100 - float(given.value), float(given.half)
            steps = [top * k / 400 for k in range(401)]
            options = {(min(100.0, b + float(given.value) + slack), b + slack) for b in steps}
        before = reach
        reach = {o for o in options if any(o[0] <= p[0] + 1e-9 and o[1] <= p[1] + 1e-9 for p in before)}
        if not reach:
            earlier = ordered[index - 1]
            needed = (
                f"as raw proportions the difference {text} at {time:g} and {earlier[1]} at {earlier[0]:g} "
                f"would have survivors rise in an arm; censoring (Kaplan-Meier estimates), other numbers of "
                "patients at each time, or another figure would have to hold"
            )
            return Finding(name, place, said, "inconsistent", needed)
    verdict: Verdict = "consistent" if len(ordered) > 1 else "not checkable"
    needed = "survivors of both arms can fall through these" if len(ordered) > 1 else "one time only"
    return Finding(name, place, said, verdict, needed)
