"""Treated against control, one row of counts a trial, ready to be pooled; products and diseases as labels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base.read import Base
from hepatrial.evidence.base.types import Arm, Trial
from hepatrial.evidence.synthesis import Counts

ORDER = ("seen", "seen_secondary", "derived", "article", "recalled")
"""Grades from best to worst: a trial's best pair of counts is taken."""
COMPARATIVE = ("randomised", "controlled", "cohort")
DEATH, DEATH_OR_TRANSPLANT = "death", "death_or_transplant"

Count = tuple[int, int, str, str]
"""Events, patients, grade, basis."""


def outcomes(base: Base) -> tuple[str, ...]:
    """Outcomes of which some trial has counts."""
    events = {row.event for trial in base.trials.values() for row in trial.events if row.count is not None}
    return tuple(sorted(events | {DEATH, DEATH_OR_TRANSPLANT}))


def contrasts(
    base: Base,
    outcome: str,
    *,
    week: float | None = None,
    populations: Sequence[str] = (),
    products: Sequence[str] = (),
    kinds: Sequence[str] = COMPARATIVE,
) -> tuple[Counts, ...]:
    """Counts of an outcome in every trial that compares, whatever their grade; pooling drops the unusable.

    Treated arms of one trial are taken together (so that its controls count once); analysis sets other than
    as randomised are left out.

    Args:
        base: the evidence base.
        outcome: "death" (survival rows), "death_or_transplant", or an event of the base.
        week: of deaths; default the last week that both arms have.
        populations, products, kinds: those wanted; empty: all.

    Raises:
        BadInput: an outcome, population, product or kind that the base has not.
    """
    _check(base, outcome, populations, products, kinds)
    rows = []
    for trial in base.trials.values():
        if trial.kind not in kinds or (populations and trial.population not in populations):
            continue
        if products and not set(trial.product_kinds) & set(products):
            continue
        row = _row(trial, outcome, week, products)
        if row:
            rows.append(row)
    return tuple(rows)


def _check(
    base: Base, outcome: str, populations: Iterable[str], products: Iterable[str], kinds: Iterable[str]
) -> None:
    known = outcomes(base)
    asked = [("outcome", outcome, known)]
    asked += [
        ("population", name, tuple({t.population for t in base.trials.values()})) for name in populations
    ]
    asked += [
        ("product", name, tuple({k for t in base.trials.values() for k in t.product_kinds}))
        for name in products
    ]
    asked += [("kind", name, COMPARATIVE) for name in kinds]
    problems = [
        Problem(place, repr(name), f"must be one of {', '.join(sorted(names))}", nearest_name(name, names))
        for place, name, names in asked
        if name not in names
    ]
    if problems:
        raise BadInput(problems)


def _row(trial: Trial, outcome: str, week: float | None, products: Sequence[str]) -> Counts | None:
    treated = [
        arm for arm in trial.arms_of("treated")
        if not products or (arm.product and arm.product.kind in products)
    ]  # fmt: skip
    control = trial.arms_of("control")
    if not treated or len(control) != 1:
        return None
    for grade in ORDER:
        for when in _weeks(trial, outcome, week):
            two = _count(trial, control[0], outcome, when, grade)
            ones = [c for arm in treated if (c := _count(trial, arm, outcome, when, grade))]
            if two and ones:
                bases = {c[3] for c in (*ones, two)}
                return Counts(
                    study=trial.id, grade=grade, basis=max(bases, key=lambda b: ORDER.index(b) if b else -1),
                    x1=sum(c[0] for c in ones), n1=sum(c[1] for c in ones), x2=two[0], n2=two[1],
                    year=year_of(trial), labels=_labels(trial, treated), numbers=_numbers(trial, treated),
                )  # fmt: skip
    return None


def _weeks(trial: Trial, outcome: str, week: float | None) -> list[float | None]:
    """Weeks to be tried, last first; None for events, which have a window in words."""
    if outcome not in (DEATH, DEATH_OR_TRANSPLANT):
        return [None]
    weeks = sorted({s.week for s in trial.survival if s.week is not None}, reverse=True)
    if week is not None:
        return [w for w in weeks if w == week]
    return [*weeks, None]


def _count(trial: Trial, arm: Arm, outcome: str, week: float | None, grade: str) -> Count | None:
    if outcome in (DEATH, DEATH_OR_TRANSPLANT):
        endpoint = "overall" if outcome == DEATH else "transplant_free"
        for s in trial.survival:
            same = (s.arm, s.week, s.grade, s.endpoint) == (arm.name, week, grade, endpoint)
            if same and s.analysis_set == "as randomised" and s.deaths is not None and s.n is not None:
                return s.deaths, s.n, s.grade, s.basis or ""
        return None
    for e in trial.events:
        same = (e.arm, e.event, e.grade, e.unit) == (arm.name, outcome, grade, "patients")
        if same and e.analysis_set == "as randomised" and e.count is not None and e.n is not None:
            return e.count, e.n, e.grade, e.basis or ""
    return None


def year_of(trial: Trial) -> float | None:
    """Year of publication, from the citation or the id."""
    found = re.search(r"\b(19|20)\d\d\b", trial.citation) or re.search(r"(19|20)\d\d", trial.id)
    return float(found[0]) if found else None


def _labels(trial: Trial, treated: Sequence[Arm]) -> dict[str, str]:
    products = [arm.product for arm in treated if arm.product]
    return {
        "product": " + ".join(dict.fromkeys(p.kind for p in products)) or "none",
        "population": trial.population,
        "kind": trial.kind,
        "origin": " + ".join(dict.fromkeys(p.origin for p in products)) or "unknown",
        "country": trial.country or "not given",
        "tool": trial.risk.tool if trial.risk else "not judged",
    }


def _numbers(trial: Trial, treated: Sequence[Arm]) -> dict[str, float]:
    """Covariates: year, and of the first product its infusions and log10 of the dose a kilogram."""
    numbers = {}
    year, product = year_of(trial), treated[0].product
    if year is not None:
        numbers["year"] = year
    if product and product.grade in ("seen", "seen_secondary"):
        if product.infusions:
            numbers["infusions"] = float(product.infusions)
        if product.dose_unit == "cells/kg" and product.dose_low and product.dose_high:
            numbers["log10_dose"] = math.log10(math.sqrt(product.dose_low * product.dose_high))
    return numbers
