"""Between-group results on an outcome, printed or computed from counts; and which outcomes are harms."""

from __future__ import annotations

from hepatrial.analysis import fisher_exact
from hepatrial.evidence.base import Base, EffectRow, Pool, Trial

LIVER = ("aclf", "liver_failure", "decompensated", "cirrhosis")
CELLS = ("msc", "mixed", "haematopoietic", "liver_progenitor")
HARMS = (
    "fever", "administration_site", "fatigue", "constipation", "sleeplessness", "infusion_reaction",
    "infection", "severe_infection", "thrombosis", "malignancy", "liver_cancer", "serious_adverse_event",
)  # fmt: skip
"""Outcomes that are harms, as between-group results name them."""

Found = list[tuple[Trial | Pool, EffectRow]]


def comparisons(base: Base, outcome: str, *, everyone: bool, products: tuple[str, ...] = CELLS) -> Found:
    """Usable between-group results on cells, those computed from counts where a trial prints none.

    Args:
        base: the evidence base.
        outcome: of its effect or event rows.
        everyone: other diseases and compensated cirrhosis too, else liver failure and decompensation only.
        products: classes of product.
    """
    populations = (*LIVER, "compensated", "all diseases") if everyone else LIVER
    rows: Found = [
        (entry, row)
        for entry, row in base.effects(outcome)
        if row.usable and about(entry, populations, products)
    ]
    printed = {entry.id for entry, _ in rows}
    for trial in base.trials.values():
        if trial.id not in printed and about(trial, populations, products):
            row = from_counts(trial, outcome)
            if row:
                rows.append((trial, row))
    return rows


def results_of(entry: Trial | Pool, outcome: str) -> Found:
    """The usable between-group results of one entry; from its counts where none is printed."""
    results = entry.results if isinstance(entry, Pool) else entry.effects
    rows: Found = [(entry, row) for row in results if row.outcome == outcome and row.usable]
    if not rows and isinstance(entry, Trial):
        row = from_counts(entry, outcome)
        return [(entry, row)] if row else []
    return rows


def about(entry: Trial | Pool, populations: tuple[str, ...], products: tuple[str, ...]) -> bool:
    """Whether an entry is of these populations and products."""
    kinds = (entry.product,) if isinstance(entry, Pool) else entry.product_kinds
    return entry.population in populations and bool(set(kinds) & set(products))


def from_counts(trial: Trial, outcome: str) -> EffectRow | None:
    """Direction by Fisher's exact test at 0.05 on the last usable counts of two arms."""
    treated, control = trial.arms_of("treated"), trial.arms_of("control")
    if len(treated) != 1 or len(control) != 1:
        return None
    if outcome == "death":
        rows = [s for s in trial.survival if s.usable and s.endpoint == "overall"]
        whole = [s for s in rows if s.analysis_set == "as randomised"]
        held = [(s.arm, s.week or 0.0, s.deaths, s.n) for s in whole or rows]
    else:
        held = [
            (e.arm, 0.0, e.count, e.n) for e in trial.events
            if e.usable and e.event == outcome and e.unit == "patients"
        ]  # fmt: skip
    sides = {}
    for arm, week, x, n in sorted(held, key=lambda row: row[1]):
        if x is not None and n is not None:
            sides[arm] = (week, x, n)
    one, two = sides.get(treated[0].name), sides.get(control[0].name)
    if not one or not two or one[0] != two[0]:
        return None
    p = float(fisher_exact(one[1], one[2], two[1], two[2]).p)
    higher = one[1] * two[2] > two[1] * one[2]
    direction = "none" if p >= 0.05 else "up" if higher else "down"
    note = f"{one[1]}/{one[2]} against {two[1]}/{two[2]}, Fisher p {p:.2g}"
    return EffectRow.model_validate(
        {"outcome": outcome, "direction": direction, "grade": "derived", "basis": "seen", "p": p,
         "source": "arithmetic on the trial's counts", "note": note}
    )  # fmt: skip
