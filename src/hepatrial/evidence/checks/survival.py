"""Survival figures against one another: courses, limits claimed of them, deaths that did not occur."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from itertools import pairwise

from hepatrial.analysis import fisher_exact, proportion_interval
from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.checks.finding import Finding, figure, refuse, whole
from hepatrial.evidence.checks.pvalues import check_level


def monotone_survival(place: str, points: Sequence[tuple[float, str]]) -> Finding:
    """Does survival stay or fall with time?

    Args:
        place: where the figures stand.
        points: (time, percent alive as printed), any order.

    Raises:
        BadInput: a percentage outside 0 to 100, one time twice.
    """
    read = sorted((time, figure(place, text)) for time, text in points) if _distinct(place, points) else []
    problems = [
        Problem(place, f"{f.text} % at {time:g}", "must lie in 0 to 100")
        for time, f in read
        if not 0 <= f.value <= 100
    ]
    refuse(problems)
    said = ", ".join(f"{f.text} % at {time:g}" for time, f in read)
    name = "survival does not rise"
    if len(read) < 2:
        return Finding(name, place, said, "not checkable", "one time only")
    rises = [
        f"from {a.text} % at {s:g} to {b.text} % at {t:g}"
        for (s, a), (t, b) in pairwise(read)
        if b.value > a.value
    ]
    if rises:
        needed = f"survival rises {'; '.join(rises)}: other patients at the later time, or another figure"
        return Finding(name, place, said, "inconsistent", needed)
    return Finding(name, place, said, "consistent", "survival stays or falls at each time")


def _distinct(place: str, points: Sequence[tuple[float, str]]) -> bool:
    times = [time for time, _ in points]
    twice = sorted({time for time in times if times.count(time) > 1})
    refuse([Problem(place, f"time {time:g} twice", "must be given once") for time in twice])
    return True


def claimed_limit(place: str, sign: str, limit: str, values: Mapping[str, str]) -> Finding:
    """Do all figures keep to a limit claimed of them ("mortality below 10 %")?

    Args:
        place: where the claim stands.
        sign: "<", "<=", ">" or ">=".
        limit: as printed.
        values: name and printed figure of each ("control, week 4": "22.2").

    Raises:
        BadInput: for another sign.
    """
    rules = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    if sign not in rules:
        raise BadInput([Problem(f"{place} sign", repr(sign), f"must be one of {', '.join(rules)}")])
    bound = float(figure(place, limit).value)
    read = {name: figure(f"{place} {name}", text) for name, text in values.items()}
    beyond = [
        f"{name}: {f.text}" for name, f in read.items() if not rules[sign](f.range[sign[0] == ">"], bound)
    ]
    said = f"{sign} {limit} of " + ", ".join(f"{name} {f.text}" for name, f in read.items())
    check = "figures keep to a claimed limit"
    if not read:
        return Finding(check, place, said, "not checkable", "no figure to hold it against")
    if beyond:
        needed = f"the claim would have to be of other arms, times or patients than {'; '.join(beyond)}"
        return Finding(check, place, said, "inconsistent", needed, (), {"beyond": float(len(beyond))})
    return Finding(check, place, said, "consistent", "every figure keeps to it", (), {"beyond": 0.0})


def no_event_by_chance(
    place: str, n: int, x_other: int, n_other: int, *, threshold: float = 0.001
) -> Finding:
    """How probable is no event among ``n`` patients at the risk seen in another arm?

    "inconsistent" here means: not at the other arm's risk. A true effect is one of the explanations, and
    so is an arm that patients enter only if they live long enough.

    Args:
        place: where it stands.
        n: patients without an event.
        x_other, n_other: events and patients of the other arm.
        threshold: probability below which equal risks are called inconsistent.

    Raises:
        BadInput: for counts that are none.
    """
    problems: list[Problem] = []
    for what, value, least in (("n", n, 1), ("events", x_other, 0), ("other n", n_other, 1)):
        whole(f"{place} {what}", value, problems, least=least)
    if x_other > n_other:
        problems.append(Problem(f"{place} events", f"{x_other} of {n_other}", "must not exceed n"))
    refuse(problems)
    check_level(threshold)
    risk = x_other / n_other
    chance = (1 - risk) ** n
    upper = float(proportion_interval(0, n)[1])
    facts = {"probability": chance, "fisher_p": fisher_exact(0, n, x_other, n_other).p, "upper_limit": upper}
    said = f"0 of {n} against {x_other} of {n_other} ({100 * risk:.1f} %)"
    name = "no event by chance"
    if chance >= threshold:
        needed = f"no event among {n} has probability {chance:.2g} at the other arm's risk"
        return Finding(name, place, said, "consistent", needed, (), facts)
    needed = (
        f"at the other arm's risk the probability is {chance:.1g}; a risk of at most {100 * upper:.1f} % "
        "would have to hold: by an effect from the first day on, or because patients had to live to be "
        "treated (immortal time), consented late, or were left out after randomisation"
    )
    return Finding(name, place, said, "inconsistent", needed, (), facts)


def randomised_against_treated(
    place: str,
    randomised: Mapping[str, tuple[int, int]],
    treated: Mapping[str, tuple[int, int]],
) -> Finding:
    """Do the counts of arms as randomised and as treated differ, and by how much?

    Args:
        place: where they stand.
        randomised, treated: arm -> (events, patients); arms of ``treated`` may be some of them.

    Raises:
        BadInput: counts above n, arms as treated that nobody was randomised to.
    """
    problems = [
        Problem(f"{place} {arm}", f"{x} of {n}", "events must not exceed n")
        for group in (randomised, treated)
        for arm, (x, n) in group.items()
        if not 0 <= x <= n
    ]
    problems += [
        Problem(f"{place} {arm}", "not randomised", f"must be one of {list(randomised)}")
        for arm in treated
        if arm not in randomised
    ]
    refuse(problems)
    name = "as randomised against as treated"
    said = "; ".join(
        f"{arm} {randomised[arm][0]}/{randomised[arm][1]} randomised, {x}/{n} treated"
        for arm, (x, n) in treated.items()
    )
    if not treated:
        return Finding(name, place, "no counts as treated", "not checkable", "only one analysis set is given")
    moved = {arm: (x - randomised[arm][0], n - randomised[arm][1]) for arm, (x, n) in treated.items()}
    facts = {f"{arm} {what}": float(move[i]) for arm, move in moved.items()
             for i, what in enumerate(("events moved", "patients moved"))}  # fmt: skip
    if not any(x or n for x, n in moved.values()):
        return Finding(name, place, said, "consistent", "both sets hold the same counts", (), facts)
    parts = "; ".join(f"{arm} {x:+d} events, {n:+d} patients" for arm, (x, n) in moved.items() if x or n)
    needed = (
        f"patients counted under another arm than they were randomised to: {parts}. "
        "A comparison keeps its randomisation only as randomised"
    )
    return Finding(name, place, said, "inconsistent", needed, (), facts)
