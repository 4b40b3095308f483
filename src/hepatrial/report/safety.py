"""Numbers of the safety table: events by arm, per simulated trial and pooled with exact intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis import event_rates
from hepatrial.analysis.adam.words import ADVERSE
from hepatrial.analysis.clusters import design_effect
from hepatrial.analysis.proportions import clopper_pearson, garwood
from hepatrial.report.facts import Facts
from hepatrial.report.spread import finite, spread
from hepatrial.report.survival import share_with_event
from hepatrial.schema import PAIR_REPLICATE

SHOWN = (
    "any_adverse",
    "any_serious",
    "severe_infection",
    "mild_infection",
    "peritonitis",
    "variceal_bleeding",
    "aki",
    "encephalopathy",
    "thrombosis",
    "fever",
    "fever_after_infusion",
    "infusion_reaction",
    "liver_cancer",
    "transplant",
    "rejection",
    "withdrawal",
    "death",
)
"""Events in the order shown; others found in the run follow by name."""

KINDS = ("any", "serious", "other", "care")
"""Of rows: those of any event; serious and other adverse events; ends and what is done to a patient."""
_KIND = {
    "any_adverse": "any",
    "any_serious": "any",
    "peritonitis": "serious",
    "fever_after_infusion": "other",
    **{name: "serious" if serious == "Y" else "other" for name, (_, serious) in ADVERSE.items()},
}

NOT_SAFETY = frozenset(("cell_infusion", "growth_factor", "plasma_exchange", "albumin_dialysis", "dropout"))
INFUSION_DAYS = 2.0
PER_DAYS = 30.4375
"""Rates are per patient-month."""
TAIL = 0.025
"""Of each side of the pooled limits."""


def safety_numbers(facts: Facts) -> list[dict[str, Any]]:
    """Events of the simulated trials.

    Returns:
        One row an event with its ``kind``, in the order of ``KINDS``, with an entry an arm: patients with it
        per trial (``mean, low, high``), pooled
        ``share`` with exact binomial limits and ``rate`` per patient-month with exact Poisson limits, of
        effective counts where trials share a plausible world (``design_effect``). The pooled limits tell the
        precision of the simulation, not that of a trial.
    """
    events = _with_any(facts.events.filter(pl.col("replicate") != PAIR_REPLICATE))
    events = _with_peritonitis(_with_infusion_fever(events))
    present = set(events["event"].unique().to_list()) - NOT_SAFETY
    names = [name for name in SHOWN if name in present] + sorted(present - set(SHOWN))
    names.sort(key=lambda name: KINDS.index(_KIND.get(name, "care")))
    order = [arm.name for arm in facts.ordered]
    table = event_rates(events, facts.trials, names=names, arms=order, per=PER_DAYS)
    return [
        {
            "event": name,
            "kind": _KIND.get(name, "care"),
            "arms": {
                arm: _pooled(facts, table.filter((pl.col("event") == name) & (pl.col("arm") == arm)))
                for arm in order
            },
        }
        for name in names
    ]


def _with_any(events: pl.DataFrame) -> pl.DataFrame:
    """The events and, under names of their own, every adverse and every serious adverse event."""
    serious = [name for name, (_, grave) in ADVERSE.items() if grave == "Y"]
    named = [
        events.filter(pl.col("event").is_in(list(names))).with_columns(event=pl.lit(as_))
        for as_, names in (("any_adverse", ADVERSE), ("any_serious", serious))
    ]
    return pl.concat([events, *named])


def _with_infusion_fever(events: pl.DataFrame) -> pl.DataFrame:
    """The events and, under a name of its own, every fever that follows a cell infusion within two days."""
    key = ["replicate", "subject"]
    infusions = events.filter(pl.col("event") == "cell_infusion").select(*key, infusion="day")
    after = (pl.col("day") - pl.col("infusion")).is_between(0, INFUSION_DAYS)
    fevers = events.filter(pl.col("event") == "fever").with_row_index("fever")
    caused = fevers.join(infusions, on=key).filter(after).unique("fever", keep="first").sort("fever")
    named = caused.with_columns(event=pl.lit("fever_after_infusion")).select(events.columns)
    return pl.concat([events, named]) if named.height else events


def _with_peritonitis(events: pl.DataFrame) -> pl.DataFrame:
    """The events and, under a name of its own, every severe infection that is peritonitis."""
    mine = (pl.col("event") == "severe_infection") & (pl.col("detail") == "peritonitis")
    return pl.concat([events, events.filter(mine).with_columns(event=pl.lit("peritonitis"))])


def fever_ratio(facts: Facts) -> list[dict[str, Any]]:
    """Share with fever by week 4 in each arm with cells and its control, and their ratio."""
    rows = []
    for treated, control in facts.contrasts:
        shares = [share_with_event(facts, "fever", arm.name, 4.0) for arm in (treated, control)]
        a, b = (sum(values) / len(values) for values in shares)
        if treated.infusions and a > 0 and b > 0:
            rows.append(
                {"arm": treated.name, "control": control.name, "treated": a, "untreated": b, "ratio": a / b}
            )
    return rows


def _pooled(facts: Facts, rows: pl.DataFrame) -> dict[str, Any]:
    patients, struck = int(rows["patients"].sum()), int(rows["patients_with"].sum())
    total, months = int(rows["events"].sum()), float(rows["person_days"].sum()) / PER_DAYS
    worlds = facts.worlds_of(rows["replicate"].to_numpy())
    with_it, sizes, counts, days = (
        rows[name].to_numpy().astype(float) for name in ("patients_with", "patients", "events", "person_days")
    )
    alike = design_effect(with_it, sizes, worlds, binomial=True)
    low, high = clopper_pearson(np.array(struck / alike), np.array(patients / alike), TAIL)
    alike = design_effect(counts, days, worlds, binomial=False)
    rate_low, rate_high = garwood(np.array(total / alike), np.array(months / alike), TAIL)
    return {
        "patients": spread(with_it, worlds),
        "share": struck / patients if patients else None,
        "share_low": finite(low),
        "share_high": finite(high),
        "events": total / rows.height if rows.height else None,
        "rate": total / months if months > 0 else None,
        "rate_low": finite(rate_low),
        "rate_high": finite(rate_high),
    }
