"""What assertions meet that arithmetic alone checks: percentages, differences, intervals, p-values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from hepatrial.claims import types as t
from hepatrial.claims.citations import find_arm, find_study
from hepatrial.claims.findings import finding_text
from hepatrial.claims.types import Claim, Evidence, Reason
from hepatrial.errors import BadInput
from hepatrial.evidence import checks
from hepatrial.evidence.base import Base, Trial
from hepatrial.evidence.checks import Finding

MANY_PAIRS = 20_000
"""Pairs of survivors beyond which a course of differences is not searched."""


def check_arithmetic(assertion: Any, claim: Claim, base: Base) -> Iterator[Reason]:
    """The reasons of an assertion whose kind is in ``types.ARITHMETIC``.

    Figures that no check can take (a time given twice, a percentage that is none) become a reason, since an
    article is judged, not refused.
    """
    try:
        yield from _CHECKS[assertion.kind](assertion, claim, base)
    except BadInput as error:
        said = "; ".join(f"{p.given}, {p.allowed}" for p in error.problems)
        found = Finding(
            "figures that can be", claim.id, said, "inconsistent", "other figures would have to be meant"
        )
        yield checked(assertion.kind, found, "refuted")


def checked(kind: str, finding: Finding, bad: t.Status) -> Reason:
    """A check's finding as a reason; what does not follow is 'as printed, not reproducible'."""
    status: t.Status = "consistent" if finding.verdict == "consistent" else "uncheckable"
    if finding.verdict == "inconsistent":
        status = bad
    check: dict[str, Any] = {
        **asdict(finding),
        "readings": list(finding.readings),
        "facts": dict(finding.facts),
    }
    return Reason(kind, status, finding_text(finding), finding_text(finding, "zh"), check=check)


def _percent(a: t.PercentAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    whole = checks.percent_within(claim.id, a.value)
    if whole.verdict == "inconsistent":
        yield checked(a.kind, whole, "refuted")
        return
    if a.count is not None and a.n is not None:
        if a.count > a.n:
            yield checked(a.kind, checks.count_within(claim.id, a.count, a.n), "refuted")
        else:
            yield checked(a.kind, checks.percent_of_count(claim.id, a.value, a.count, a.n), "refuted")
    elif a.n is not None:
        found = checks.percent_of_patients(claim.id, a.value, a.n, censored=a.censored)
        yield checked(a.kind, found, "broken")
    else:
        needed = "the number of patients would have to be known"
        found = Finding(whole.check, claim.id, whole.given, "not checkable", needed)
        yield checked(a.kind, found, "broken")


def _count(a: t.CountAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    yield checked(a.kind, checks.count_within(claim.id, a.count, a.n), "refuted")


def _differences(a: t.DifferenceAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    for week, value in a.points.items():
        place, one, two = f"{claim.id}, week {week}", a.first.get(week), a.second.get(week)
        if one is not None and two is not None:
            subtracted = checks.difference_of_percentages(place, value, one, two)
            yield checked(a.kind, subtracted, "refuted")
            if subtracted.verdict == "inconsistent":
                continue
        if a.n1 is None or a.n2 is None:
            continue
        found = checks.difference_of_patients(
            place, value, a.n1, a.n2, percent1=one, percent2=two, censored=a.censored
        )
        yield checked(a.kind, found, "broken")
    small = a.n1 is not None and a.n2 is not None and a.n1 * a.n2 <= MANY_PAIRS
    if small and a.n1 and a.n2 and len(a.points) > 1 and not a.censored:
        points = [(float(week), value) for week, value in a.points.items()]
        yield checked(a.kind, checks.course_of_differences(claim.id, points, a.n1, a.n2), "broken")


def _course(a: t.CourseAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    found = checks.monotone_survival(claim.id, [(float(week), value) for week, value in a.points.items()])
    yield checked(a.kind, found, "refuted")


def _interval(a: t.IntervalAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    held = checks.interval_holds_estimate(claim.id, a.estimate, a.low, a.high)
    yield checked(a.kind, held, "refuted")
    if held.verdict == "inconsistent":
        return
    if a.p is not None and a.measure not in ("", "percent"):
        found = checks.p_of_interval(claim.id, a.estimate, a.low, a.high, a.p, a.measure)
        yield checked(a.kind, found, "broken")
    if a.x1 is not None and a.n1 is not None:
        if a.x2 is not None and a.n2 is not None and a.measure in ("RR", "OR", "RD"):
            counts = (a.x1, a.n1, a.x2, a.n2)
            yield checked(a.kind, checks.ratio_of_counts(claim.id, a.estimate, *counts, a.measure), "broken")
            yield checked(
                a.kind, checks.interval_of_two(claim.id, *counts, a.measure, a.low, a.high), "broken"
            )
        elif a.measure in ("", "percent"):
            found = checks.interval_of_counts(claim.id, a.x1, a.n1, a.low, a.high, estimate=a.estimate)
            yield checked(a.kind, found, "broken")


def _p_value(a: t.PValueAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    """A p smaller than every reading gives says more than was found; another is not reproducible."""
    if a.x1 is not None and a.x2 is not None:
        found = checks.p_of_counts(
            claim.id, a.x1, a.n1, a.x2, a.n2, a.value, test=a.test or None, survival=a.survival
        )
    elif a.mean1 and a.spread1 and a.mean2 and a.spread2:
        found = checks.p_of_means(
            claim.id, a.mean1, a.spread1, a.n1, a.mean2, a.spread2, a.n2, a.value, stated=a.stated or None
        )
    else:
        needed = "the counts (x1, x2) or the means with their spreads would have to be known"
        found = Finding("p-value", claim.id, f"p {a.value}", "not checkable", needed)
    printed = checks.printed_p(claim.id, a.value)
    least = min(found.facts.values(), default=1.0)
    smaller = printed.sign != ">" and float(printed.figure.value) < least
    yield checked(a.kind, found, "overreach" if smaller else "broken")


def _mean(a: t.MeanAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    found = checks.grim(claim.id, a.mean, a.n, integers=a.integers, items=a.items)
    yield checked(a.kind, found, "broken")
    if a.sd is not None and found.verdict != "inconsistent" and a.n > 1:
        more = checks.grimmer(claim.id, a.mean, a.sd, a.n, integers=a.integers, items=a.items)
        yield checked(a.kind, more, "broken")


def _table(a: t.TableAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    for line in a.lines:
        if line.count > a.n:
            found = checks.count_within(f"{claim.id} {line.label}", line.count, a.n)
            yield checked(a.kind, found, "refuted")
    lines = [checks.CountLine(line.label, line.count, line.percent) for line in a.lines]
    yield checked(a.kind, checks.mixed_denominators(claim.id, lines, a.n), "broken")


def _rows(a: t.RowsAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    rows = [{name: str(value) for name, value in row.items()} for row in a.rows]
    found = checks.repeated_rows(claim.id, rows, ignore=a.ignore)
    if not found:
        said = f"{len(rows)} rows"
        found = (Finding("repeated row", claim.id, said, "consistent", "no row stands twice"),)
    for one in found:
        yield checked(a.kind, one, "broken")


def _no_event(a: t.NoEventAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    """Not at the other arm's risk: a true effect is one of the explanations, so it is only said."""
    found = checks.no_event_by_chance(claim.id, a.n, a.x_other, a.n_other)
    yield checked(a.kind, found, "uncheckable")


def _sets(a: t.SetsAssertion, claim: Claim, _base: Base) -> Iterator[Reason]:
    yield checked(a.kind, checks.randomised_against_treated(claim.id, a.randomised, a.treated), "broken")


def _limit(a: t.LimitAssertion, claim: Claim, base: Base) -> Iterator[Reason]:
    values, evidence = dict(a.values), []
    for asked in a.deaths_of:
        trial = find_study(base, asked.trial)
        arm = find_arm(trial, asked.arm) if isinstance(trial, Trial) else None
        if not isinstance(trial, Trial) or arm is None:
            continue
        for s in trial.survival:
            if s.usable and (s.arm, s.week) == (arm.name, asked.week):
                died = f"{100 - s.percent:.1f}"
                values[f"{trial.name}, {s.arm}, week {asked.week:g}, as read"] = died
                what = f"{trial.id} {s.arm}: {died} % dead by week {asked.week:g}"
                evidence.append(Evidence(trial.id, what, s.grade, trial.place(s), "human"))
    reason = checked(a.kind, checks.claimed_limit(claim.id, a.sign, a.limit, values), "refuted")
    yield replace(reason, evidence=tuple(evidence))


_CHECKS: dict[str, Callable[[Any, Claim, Base], Iterator[Reason]]] = {
    "percent": _percent, "count": _count, "differences": _differences, "course": _course,
    "interval": _interval, "p_value": _p_value, "mean": _mean, "table": _table, "rows": _rows,
    "no_event": _no_event, "analysis_sets": _sets, "limit": _limit,
}  # fmt: skip
