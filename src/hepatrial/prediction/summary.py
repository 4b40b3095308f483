"""The printed summary of a prediction: intervals first, then what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

INTERVALS = (0.05, 0.25, 0.5, 0.75, 0.95)
SHOWN_MISSES = 5
LOUD_MISS = 0.25
"""A figure missed by more than this many SDs is said in the first lines."""


def intervals(draws: pl.DataFrame) -> list[dict[str, Any]]:
    """Median, 50 % and 90 % intervals by endpoint, arm and model, in the order of the draws."""
    rows = []
    for keys, group in draws.group_by("endpoint", "arm", "model", maintain_order=True):
        values = group["value"].drop_nulls().to_numpy()
        numbers: Sequence[float | None] = [None] * len(INTERVALS)
        if len(values):
            numbers = [float(q) for q in np.quantile(values, INTERVALS)]
        names = ("low_90", "low_50", "median", "high_50", "high_90")
        rows.append(
            {
                **dict(zip(("endpoint", "arm", "model"), map(str, keys), strict=True)),
                **dict(zip(names, numbers, strict=True)),
                "draws": len(group),
                "unknown": len(group) - len(values),
            }
        )
    return rows


def number(value: float | None) -> str:
    """Three digits, all of a number from 1,000, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def facts_lines(facts: Mapping[str, Any]) -> list[str]:
    """The mark, then what the intervals rest on, a sentence a line; misses first."""
    arms = ", ".join(f"{name} (n = {arm['n']}{_role(arm)})" for name, arm in facts["arms"].items())
    lines = [facts["mark"], f"{facts['title']}: {facts['definition'].replace('_', ' ')}; {arms}."]
    lines += _match_lines(facts)
    between, kind = facts["between_study"], facts["ensemble"]["kind"]
    lines.append(
        f"A study's own deviation from the model, SD: {between['mortality']:.2f} (log odds of death), "
        f"{between['infection']:.2f} (infections), {between['laboratory']:.2f} (log of laboratory values); "
        + (
            f"the model's log odds of death are moved by {between['shift']:+.2f}, as fitted cohorts teach."
            if between["learnt"]
            else "NOT learnt for this ensemble: the prior's."
        )
    )
    learnt = "posterior" if kind == "posterior" else "PRIOR, not learnt from data: intervals are wide"
    lines.append(
        f"{facts['worlds']} worlds of an ensemble of {facts['ensemble']['size']} ({learnt}); "
        f"{facts['replaced']} draws admitted too few and were replaced."
    )
    lines += [
        f"{one['arm']}: {one['label']}; evidence {one['evidence']}. {_effect(one)}"
        for one in facts["treatments"]
    ]
    score = facts["severity_score"]
    lines.append(f"Severity rival: {score['score']}, risk of death by day 90 {score['risk_d90']:.0%}.")
    if facts["not_used"]:
        lines.append(f"Read but not used (the model has no such column): {', '.join(facts['not_used'])}.")
    if units := facts.get("units"):
        told = ", ".join(f"{name} {unit}".strip() for name, unit in units.items())
        lines.append(f"Shares are fractions of the arm; laboratory values: {told}.")
    if facts["draws"] < FEW_DRAWS:
        lines.append(
            f"{facts['draws']} draws only: the ends of the 90 % interval are uncertain; 200 are usual."
        )
    return [*lines, *facts["notes"], f"Hash {facts['hash'][:12]}."]


FEW_DRAWS = 100
"""Fewer draws leave less than five beyond each end of a 90 % interval."""


def _role(arm: Mapping[str, Any]) -> str:
    return ", implied control" if arm["implied"] else ", control" if arm["control"] else ""


def _asked(one: Mapping[str, Any]) -> str:
    return f"{one['label']}: {number(one['requested'])} asked, {number(one['achieved'])} reached"


def _miss(one: Mapping[str, Any]) -> str:
    return f"{round(one['miss'], 2) + 0.0:+.2f} SD"


def _match_lines(facts: Mapping[str, Any]) -> list[str]:
    misses = facts["misses"]
    if not misses:
        return [
            "No Table 1 was given that the model can match: the cohort is what definition and criteria give."
        ]
    worst = misses[0]
    lines = [
        f"Matched to {len(misses)} figures of the Table 1 with an effective number of "
        f"{facts['effective_n']:.0f} of {facts['admitted']:.0f} patients a world; largest miss "
        f"{_miss(worst)} ({_asked(worst)})."
    ]
    loud = [one for one in misses if abs(one["miss"]) > LOUD_MISS]
    if loud:
        told = "; ".join(f"{_asked(one)} ({_miss(one)})" for one in loud[:SHOWN_MISSES])
        lines.append(
            f"The Table 1 cannot be matched: {told}. Log-odds SD widened by {facts['widening']:.2f} "
            "(0.4 for each SD of the largest miss; rows of little prognostic weight count less)."
        )
    if facts["relaxed"]:
        lines.append(
            f"In {facts['relaxed']} of {facts['worlds']} worlds next to nobody passed the study's own "
            "criteria; the definition's alone were used there."
        )
    return lines


def _effect(one: Mapping[str, Any]) -> str:
    prior = f"log odds ratio of death drawn from N({one['centre']:g}, {one['sd']:g}^2)"
    variants = " through structural variants, one of them without any effect" if one.get("cells") else ""
    return {
        "model": f"The equations follow it{variants}.",
        "prior": f"The equations have no effect for it: {prior}.",
        "both": f"The equations follow what is known of it; in addition {prior}.",
        "none": "Taken to change nothing.",
    }[str(one["how"])]


def summary_text(draws: pl.DataFrame, facts: Mapping[str, Any]) -> str:
    """The summary as plain text: table and lines."""
    header = ("endpoint", "arm", "model", "median", "50 %", "90 %")
    rows = [header, *table_rows(draws)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([*facts_lines(facts), "", *table]) + "\n"


def table_rows(draws: pl.DataFrame) -> list[tuple[str, ...]]:
    """Cells of the printed table."""
    return [
        (
            row["endpoint"],
            row["arm"],
            row["model"],
            number(row["median"]),
            f"{number(row['low_50'])} to {number(row['high_50'])}",
            f"{number(row['low_90'])} to {number(row['high_90'])}",
        )
        for row in intervals(draws)
    ]
