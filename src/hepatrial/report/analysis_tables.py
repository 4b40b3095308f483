"""Tables of an analysis report: participants, baseline, estimands, estimates, subgroups, adverse events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from hepatrial.analysis import baseline_table, event_rates, proportional_hazards
from hepatrial.analysis.adam.words import ADVERSE
from hepatrial.analysis.estimands.analyse import analyse, apply_estimand
from hepatrial.analysis.estimands.apply import people_of
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import INTERCURRENT, TrialTables
from hepatrial.analysis.estimands.sample import TimeSample
from hepatrial.analysis.estimands.side_by_side import Row as EstimandRow
from hepatrial.errors import BadInput
from hepatrial.report.analysis_source import Source
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.groups import baseline_groups
from hepatrial.report.tables import Row, Table, subgroup_label
from hepatrial.report.wording import DASH
from hepatrial.schema import MEASURES

FEWEST = 10
"""Smallest subgroup with an estimate."""


def _number(value: float | None, digits: int = 3) -> str:
    if value is None or not np.isfinite(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _interval(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return DASH
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _p(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return DASH
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _of(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.0f} %)" if total else "0"


def _both(source: Source) -> tuple[str, str]:
    return tuple(source.labels.get(arm, arm) for arm in source.contrast)  # type: ignore[return-value]


def participants(source: Source, one: TrialTables) -> Table:
    """CONSORT's numbers of one trial: randomised, treated, every intercurrent event, followed to the end."""
    people = people_of(one, source.contrast)
    total = [int((people.arm == arm).sum()) for arm in (0, 1)]
    rows = [Row(("Randomised and analysed", *(str(n) for n in total)), "total")]
    excluded = one.subjects.height and "status" in one.subjects.columns
    if excluded:
        bad = one.subjects.filter(pl.col("status") != "ok")
        count = [bad.filter(pl.col("arm") == arm).height for arm in source.contrast]
        rows.append(Row(("Left out: course could not be solved", *(str(n) for n in count))))
    if {"infusions_planned", "infusions_received"} <= set(people.subjects.columns):
        got = (people.subjects["infusions_received"] > 0).to_numpy()
        cells = [_of(int((got & (people.arm == arm)).sum()), total[arm]) for arm in (0, 1)]
        rows.append(Row(("Received at least one infusion", *cells)))
    rows.append(Row(("Intercurrent events", "", ""), "group"))
    for event, words in INTERCURRENT.items():
        happened = np.isfinite(people.day(event))
        cells = [_of(int((happened & (people.arm == arm)).sum()), total[arm]) for arm in (0, 1)]
        rows.append(Row((words[0].upper() + words[1:], *cells)))
    return Table("participants", "Participants.", ("", *_both(source)), tuple(rows))


def baseline(source: Source, one: TrialTables) -> Table:
    """Means (SD) and counts by arm with the standardised difference; no p-values."""
    found = baseline_table(one.subjects, arms=source.contrast)
    gaps = {
        row["variable"]: row["smd"]
        for row in found.differences.iter_rows(named=True)
        if row["smd"] is not None
    }
    rows, seen = [], []
    for row in found.rows.iter_rows(named=True):
        key = (row["variable"], row["level"])
        if key in seen:
            continue
        seen.append(key)
        cells = []
        for arm in source.contrast:
            mine = found.rows.filter(
                (pl.col("variable") == key[0]) & (pl.col("level") == key[1]) & (pl.col("arm") == arm)
            )
            part = mine.to_dicts()[0] if mine.height else {}
            if key[1] == "":
                mean = part.get("mean")
                cells.append(
                    DASH if mean is None or mean != mean else f"{_number(mean, 1)} ({_number(part['sd'], 1)})"
                )
            else:
                cells.append(f"{part.get('count') or 0} ({100 * (part.get('share') or 0):.0f} %)")
        name = key[0].removeprefix("baseline_")
        label = (
            f"{MEASURES[name].label} ({MEASURES[name].unit})" if name in MEASURES else name.replace("_", " ")
        )
        label = label.removesuffix(" (1)")
        label = label if name in MEASURES else label.capitalize()
        rows.append(Row((f"{label}: {key[1]}" if key[1] else label, *cells, _number(gaps.get(key[0]), 2))))
    note = (
        "Mean (SD) or number (%). SMD: standardised difference; randomised arms are not tested at baseline."
    )
    return Table("baseline", "Baseline.", ("", *_both(source), "SMD"), tuple(rows), (note,))


def definitions(rows: Sequence[EstimandRow]) -> Table:
    """The attributes of every estimand (ICH E9(R1))."""
    made = []
    for row in rows:
        one = row.estimand
        strategies: dict[str, list[str]] = {}
        for event in INTERCURRENT:
            if strategy := one.strategy(event):
                strategies.setdefault(strategy.replace("_", " "), []).append(event.replace("_", " "))
        shown = "; ".join(f"{name}: {', '.join(events)}" for name, events in strategies.items())
        population = one.population
        if one.landmark is not None:
            population += f", alive on day {one.landmark:g}"
        made.append(Row((one.name, population, one.endpoint.label, shown, one.summary.replace("_", " "))))
    head = ("Estimand", "Population", "Endpoint", "Intercurrent events", "Summary")
    return Table("definitions", "Estimands.", head, tuple(made), words=frozenset(range(5)))


def proportionality(source: Source, one: TrialTables, rows: Sequence[EstimandRow]) -> list[str]:
    """A sentence on proportional hazards for every hazard ratio of the shown trial."""
    said = []
    for row in rows:
        if not row.result.method.startswith("Cox"):
            continue
        sample = apply_estimand(one, row.estimand, source.contrast)
        assert isinstance(sample, TimeSample)
        try:
            test = proportional_hazards(sample.time, sample.cause == 1, sample.arm == 0).overall
        except BadInput:
            continue  # too few events for a ratio at all
        said.append(
            f"{row.estimand.name}: test of proportional hazards (scaled Schoenfeld residuals as cox.zph) "
            f"p = {_p(test.p)}; a large p does not show that they are proportional."
        )
    return said


def estimates(rows: Sequence[EstimandRow], level: float, more: Sequence[str] = ()) -> Table:
    """Each estimate with its interval, beside the truth and its behaviour over replicates where simulated.

    ``more`` are further notes.
    """
    simulated = any(row.result.estimate.size > 1 for row in rows)
    truth = any(row.truth for row in rows)
    head = ["Estimand", "What is estimated", f"Estimate ({100 * level:.0f} % CI)", "p"]
    head += ["Mean over trials", "Rejected"] if simulated else []
    head += ["Truth", "Bias", "Coverage"] if truth else []
    made = []
    for row in rows:
        shown, own = row.as_dict(), row.result.one(0)
        cells = [
            row.estimand.name,
            str(shown["parameter"]),
            _interval(own.estimate, *own.ci),
            _p(own.p),
        ]
        if simulated:
            spread = shown.get("replicates")
            cells += _over_trials(spread if isinstance(spread, dict) else {})
        if truth:
            known = shown.get("truth")
            cells += _beside(known if isinstance(known, dict) else {})
        made.append(Row(tuple(cells)))
    said = [
        (row.estimand.name, "; ".join(part for part in (row.estimand.note, row.result.one(0).note) if part))
        for row in rows
    ]
    notes = [*(f"{name}: {words}." for name, words in said if words), *missing_trials(rows), *more]
    if truth:
        notes.append(
            "Truth: the same simulated patients under both treatments, where the hypothetical events cannot "
            "happen in either arm, averaged over the structural variants (a single trial has one of them, "
            "which can lower coverage); ± is Monte-Carlo error; the bias of a ratio is that of its logarithm."
        )
    return Table("estimates", "Estimates.", tuple(head), tuple(made), tuple(notes), frozenset((0, 1)))


def missing_trials(rows: Sequence[EstimandRow]) -> list[str]:
    """A sentence for every estimand without an estimate in some of several trials, with the reasons."""
    said = []
    for row in rows:
        total, missing = row.result.estimate.size, row.result.missing
        # a test without an estimate of its own is missing nothing
        if total < 2 or not missing or (np.isnan(row.result.estimate).all() and not any(missing)):
            continue
        why = "; ".join(f"{reason} ({count})" for reason, count in missing.items() if reason)
        said.append(
            f"{row.estimand.name}: not estimable in {sum(missing.values())} of {total} trials"
            f"{': ' if why else ''}{why}. They are left out of mean, bias and coverage, which then speak of "
            "the other trials only, and count as not rejected."
        )
    return said


def _over_trials(spread: dict[str, float]) -> list[str]:
    if not spread:
        return [DASH, DASH]
    if spread["mean"] is None:
        return [DASH, f"{100 * spread['rejected']:.1f} % ± {100 * spread['rejected_mcse']:.1f}"]
    mean = f"{_number(spread['mean'])} ± {_number(spread['mcse'])}"
    return [mean, f"{100 * spread['rejected']:.1f} % ± {100 * spread['rejected_mcse']:.1f}"]


def _beside(known: dict[str, float | None]) -> list[str]:
    if not known:
        return [DASH, DASH, DASH]
    value = _number(known["value"])
    if known["mcse"] is not None:
        value += f" ± {_number(known['mcse'])}"
    covered = known["coverage"]
    coverage = (
        DASH if covered is None else f"{100 * covered:.1f} % ± {100 * (known['coverage_mcse'] or 0):.1f}"
    )
    return [value, f"{_number(known['bias'])} ± {_number(known['bias_mcse'])}", coverage]


# --- subgroups ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subgroup:
    """One line of a forest of subgroups.

    Attributes:
        label: who; n: patients by arm.
        estimate, lower, upper: NaN where the group is too small.
    """

    label: str
    n: tuple[int, int]
    estimate: float
    lower: float
    upper: float


def subgroups(source: Source, one: TrialTables, estimand: Estimand, level: float) -> list[Subgroup]:
    """The estimate in all patients and in usual subgroups at baseline."""
    lines = []
    words = Catalogue("en")
    for group in baseline_groups(one.subjects):
        part = TrialTables(one.subjects.filter(group.chosen), one.visits, one.events)
        count = [part.subjects.filter(pl.col("arm") == arm).height for arm in source.contrast]
        n = (count[0], count[1])
        values = (float("nan"),) * 3
        if min(n) >= FEWEST:
            try:
                found = analyse(part, estimand, source.contrast, level=level).one(0)
                values = (found.estimate, *found.ci)
            except BadInput:
                pass  # no event in the group: its line says so
        lines.append(Subgroup(subgroup_label(words, group.name, group.at), n, *values))
    return lines


def subgroup_table(source: Source, lines: Sequence[Subgroup], estimand: Estimand, level: float) -> Table:
    """The forest in numbers."""
    rows = [
        Row((
            line.label,
            f"{line.n[0]} / {line.n[1]}",
            _interval(line.estimate, line.lower, line.upper),
        ))
        for line in lines
    ]  # fmt: skip
    note = "Subgroups describe: none was the question, and intervals are not adjusted for their number."
    head = ("", f"n {' / '.join(_both(source))}", f"{estimand.endpoint.label} ({100 * level:.0f} % CI)")
    return Table("subgroups", "Subgroups.", head, tuple(rows), (note,))


def adverse_events(source: Source, one: TrialTables) -> Table | None:
    """Patients with each adverse event and rate per patient-year, with exact limits; None without events."""
    if one.events is None or "replicate" not in one.subjects.columns:
        return None
    present = [name for name in ADVERSE if (one.events["event"] == name).any()]
    if not present:
        return None
    table = event_rates(one.events, one.subjects, names=present, arms=source.contrast)
    rows = []
    for name in present:
        cells = []
        for arm in source.contrast:
            got = table.filter((pl.col("event") == name) & (pl.col("arm") == arm)).to_dicts()[0]
            share = f"{100 * got['proportion']:.0f} % ({100 * got['lower']:.0f} to {100 * got['upper']:.0f})"
            cells += [
                f"{got['patients_with']} / {got['patients']}, {share}",
                f"{got['events']}, {got['rate']:.1f}",
            ]
        term, serious = ADVERSE[name]
        rows.append(Row((f"{term}{' (serious)' if serious == 'Y' else ''}", *cells)))
    first, second = _both(source)
    head = (
        "",
        f"{first}: patients",
        "events, per patient-year",
        f"{second}: patients",
        "events, per patient-year",
    )
    note = (
        "Exact (Clopper-Pearson) limits; time at risk ends with observation. Terms are not coded with MedDRA."
    )
    return Table("adverse", "Adverse events.", head, tuple(rows), (note,))
