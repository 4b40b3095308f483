"""The arithmetic of the base itself: every check that its printed figures allow, none of them typed in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import combinations

from hepatrial.evidence import checks
from hepatrial.evidence.base.read import Base
from hepatrial.evidence.base.types import LabRow, Pool, SurvivalRow, Trial
from hepatrial.evidence.checks import Finding
from hepatrial.evidence.contrasts import year_of

REVIEW = "lu2025"
"""The pool whose table of studies ships (its file is read by the checks alone)."""
_REVIEW_ROWS = {
    "Shi": "shi2012", "Xu": "xu2019", "Li": "li2016", "Lin": "lin2017", "Peng": "peng2011",
    "Schacher": "schacher2021", "Jia": "jia2020",
}  # fmt: skip
"""Row of the review's table -> trial of the base."""
_SEEN = ("seen", "seen_secondary")


@dataclass(frozen=True)
class Checked:
    """A finding and the entry it is about."""

    entry: str
    grade: str
    finding: Finding


def check_base(base: Base, only: str = "") -> tuple[Checked, ...]:
    """Every finding on the base, or on one entry (a trial, a pool); those that are consistent too.

    Figures of grade ``article`` are checked (that is what they are kept for), recalled ones are not.
    """
    found: list[Checked] = []
    for trial in base.trials.values():
        if only in ("", trial.id):
            found += _trial(trial)
    for pool in base.pools.values():
        if only in ("", pool.id):
            found += _pool(pool)
            if pool.id == REVIEW:
                found += _review(base)
    found += [one for one in _overlaps(base) if not only or only in one.entry.split(" ")]
    return tuple(found)


def _trial(trial: Trial) -> Iterator[Checked]:
    for s in trial.survival:
        if s.grade != "recalled":
            yield from (Checked(trial.id, s.grade, f) for f in _survival_row(trial, s))
    yield from _courses(trial)
    for e in trial.events:
        arm = trial.arm(e.arm)
        n = e.n or (arm.n if arm else None)
        if e.grade != "recalled" and e.count is not None and n is not None and e.unit == "patients":
            place = f"{trial.name}, {e.arm}, {e.label}"
            yield Checked(trial.id, e.grade, checks.count_within(place, e.count, n))
            if e.percent is not None and e.count <= n:
                found = checks.percent_of_count(place, f"{e.percent:g}", e.count, n)
                yield Checked(trial.id, e.grade, found)
    yield from _zero_early(trial)
    yield from _sets(trial)
    yield from _p_values(trial)
    for t in trial.tests:
        one, two = (_lab(trial, arm, t.variable, t.week) for arm in t.arms)
        sizes = [arm.n for name in t.arms if (arm := trial.arm(name)) and arm.n]
        if one and two and one.sd and two.sd and len(sizes) == 2:
            place = f"{trial.name}, {t.variable}, week {t.week:g}"
            m1, s1, m2, s2 = _together(one.value, one.sd, two.value, two.sd)
            found = checks.p_of_means(place, m1, s1, sizes[0], m2, s2, sizes[1], t.p, stated=t.stated or None)
            yield Checked(trial.id, t.grade, found)


def _together(*values: float) -> tuple[str, ...]:
    """Numbers printed side by side: all with as many decimals as the one that has most."""
    decimals = max(len(f"{value:.10g}".partition(".")[2]) for value in values)
    return tuple(f"{value:.{decimals}f}" for value in values)


def _survival_row(trial: Trial, s: SurvivalRow) -> Iterator[Finding]:
    when = f", week {s.week:g}" if s.week is not None else ""
    place, printed = f"{trial.name}, {s.arm}{when}", f"{s.percent:g}"
    if s.n is None:
        return
    if s.survivors is not None:
        yield checks.percent_of_count(place, printed, s.survivors, s.n)
        if s.ci_low is not None and s.ci_high is not None:
            low, high = _together(s.ci_low, s.ci_high)
            yield checks.interval_of_counts(place, s.survivors, s.n, low, high, estimate=printed)
    else:
        yield checks.percent_of_patients(place, printed, s.n)


def _courses(trial: Trial) -> Iterator[Checked]:
    """Survival of each arm by source: it may stay or fall."""
    groups: dict[tuple[str, ...], dict[float, str]] = {}
    grades: dict[tuple[str, ...], str] = {}
    for s in trial.survival:
        if s.grade != "recalled" and s.week is not None:
            key: tuple[str, ...] = (s.arm, s.endpoint, s.analysis_set, s.source)
            groups.setdefault(key, {})[s.week] = f"{s.percent:g}"
            grades[key] = s.grade
    for key, points in groups.items():
        if len(points) > 1:
            place = f"{trial.name}, {key[0]}"
            yield Checked(trial.id, grades[key], checks.monotone_survival(place, list(points.items())))


def _zero_early(trial: Trial) -> Iterator[Checked]:
    """An arm in which nobody died by a week at which the other arm had deaths."""
    treated, control = trial.arms_of("treated"), trial.arms_of("control")
    if len(treated) != 1 or len(control) != 1:
        return
    rows = {
        (s.arm, s.week, s.grade): s
        for s in trial.survival
        if s.grade != "recalled" and s.deaths is not None and s.analysis_set == "as randomised"
    }
    for (arm, week, grade), s in rows.items():
        other = rows.get((control[0].name, week, grade))
        if arm == treated[0].name and s.deaths == 0 and s.n and other and other.deaths and other.n:
            place = f"{trial.name}, deaths by week {week:g}"
            found = checks.no_event_by_chance(place, s.n, other.deaths, other.n)
            yield Checked(trial.id, grade, found)


def _sets(trial: Trial) -> Iterator[Checked]:
    """Deaths of arms as randomised against as treated."""
    sets: dict[str, dict[str, tuple[int, int]]] = {}
    grade = "seen"
    for s in trial.survival:
        if s.grade in _SEEN and s.deaths is not None and s.n is not None and s.endpoint == "overall":
            sets.setdefault(s.analysis_set, {})[s.arm] = (s.deaths, s.n)
            grade = s.grade
    for name, treated in sets.items():
        if name != "as randomised" and "as randomised" in sets:
            known = {arm: row for arm, row in treated.items() if arm in sets["as randomised"]}
            found = checks.randomised_against_treated(f"{trial.name}, deaths", sets["as randomised"], known)
            yield Checked(trial.id, grade, found)


def _p_values(trial: Trial) -> Iterator[Checked]:
    """Printed p-values of outcomes whose counts stand in the base."""
    treated, control = trial.arms_of("treated"), trial.arms_of("control")
    if len(treated) != 1 or len(control) != 1:
        return
    for row in trial.effects:
        if row.p is None or row.grade == "recalled":
            continue
        pair = [_events_of(trial, arm.name, row.outcome, row.week) for arm in (treated[0], control[0])]
        if pair[0] and pair[1]:
            (x1, n1), (x2, n2) = pair[0], pair[1]
            test = "log-rank" if "log-rank" in row.note else None
            place = f"{trial.name}, {row.outcome.replace('_', ' ')}"
            found = checks.p_of_counts(
                place, x1, n1, x2, n2, f"{row.p:g}", test=test, survival=row.outcome == "death"
            )
            yield Checked(trial.id, row.grade, found)


def _events_of(trial: Trial, arm: str, outcome: str, week: float | None) -> tuple[int, int] | None:
    if outcome == "death":
        for s in trial.survival:
            if (s.arm, s.week) == (arm, week) and s.grade in _SEEN and s.deaths is not None and s.n:
                return s.deaths, s.n
        return None
    for e in trial.events:
        if (e.arm, e.event, e.unit) == (arm, outcome, "patients") and e.grade in _SEEN and e.n:
            return (e.count, e.n) if e.count is not None else None
    return None


def _lab(trial: Trial, arm: str, variable: str, week: float) -> LabRow | None:
    for row in trial.laboratory:
        if (row.arm, row.variable, row.week, row.statistic) == (arm, variable, week, "mean"):
            return row
    return None


def _pool(pool: Pool) -> Iterator[Checked]:
    for row in pool.results:
        if row.grade == "recalled" or row.value is None or row.ci_low is None or row.ci_high is None:
            continue
        when = f", week {row.week:g}" if row.week is not None else f", {row.time}" if row.time else ""
        place = f"{pool.id}, {row.outcome.replace('_', ' ')}{when}"
        value, low, high = _together(row.value, row.ci_low, row.ci_high)
        yield Checked(pool.id, row.grade, checks.interval_holds_estimate(place, value, low, high))
        measure = row.measure.split(" ")[0]
        if row.p is not None and measure in ("RR", "OR", "HR", "MD"):
            printed = f"<{row.p:g}" if "below" in row.note else f"{row.p:g}"
            yield Checked(pool.id, row.grade, checks.p_of_interval(place, value, low, high, printed, measure))


def _overlaps(base: Base) -> Iterator[Checked]:
    """Trials whose control groups have one size and whose centres name each other: may share patients."""
    trials = [t for t in base.trials.values() if len(t.arms_of("control")) == 1]
    for one, other in combinations(trials, 2):
        n1, n2 = one.arms_of("control")[0].n, other.arms_of("control")[0].n
        together = other.name in one.centre or one.name in other.centre
        if n1 is not None and n1 == n2 and together:
            needed = (
                "same number of controls and the same centre: separate patients would have to be shown "
                "before both are pooled"
            )
            place, said = f"{one.name} and {other.name}", f"n {n1} in both"
            finding = Finding("one control group in two studies", place, said, "inconsistent", needed)
            yield Checked(f"{one.id} {other.id}", "seen", finding)


def review_table() -> list[dict[str, str]]:
    """The review's table of studies, cell by cell as printed."""
    file = resources.files("hepatrial.evidence.base") / "data" / "review2025_table1.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _review(base: Base) -> Iterator[Checked]:
    """The review's table by itself, against its own scope, and against the trials' own records."""
    rows = review_table()
    grade = "seen"
    yield from (Checked(REVIEW, grade, f) for f in checks.check_table(rows))
    yield from (Checked(REVIEW, grade, f) for f in checks.outside_scope(rows, "design", ["RCT"]))
    for row in rows:
        trial = base.trials.get(_REVIEW_ROWS.get(row["study"], ""))
        if trial:
            record = _record(trial, row)
            found = checks.against_record(row["study"], row, record, f"the record of {trial.id}")
            yield from (Checked(REVIEW, grade, f) for f in found)


def _record(trial: Trial, row: dict[str, str]) -> dict[str, str]:
    """What the base has of a trial in the cells of the table; cells it does not know are left out."""
    known: dict[str, str] = {}
    year = year_of(trial)
    if year is not None:
        known["year"] = f"{year:.0f}"
    grouped = ("matched", "treatment received", "doubtful")
    if trial.kind != "randomised" and any(word in trial.allocation for word in grouped):
        known["design"] = "non-RCT"
    product = next((a.product for a in trial.arms_of("treated") if a.product), None)
    if product and product.grade == "seen":
        words = product.cells.lower()
        source = "UC" if "umbilical" in words or "cord" in words else "BM" if "marrow" in words else ""
        if source:
            known["cells"] = f"{source}-MSC"
    for cell, role in (("n_treated", "treated"), ("n_control", "control")):
        arms = trial.arms_of(role)
        if len(arms) == 1 and arms[0].n is not None and arms[0].grade == "seen":
            known[cell] = str(arms[0].n)
    hbv = "hbv" in trial.disease.lower() or "hepatitis b" in trial.disease.lower()
    if row["cause"] and "any cause" in trial.disease.lower() and not hbv:
        known["cause"] = "any cause"
    return known
