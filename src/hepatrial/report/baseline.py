"""Numbers of Table 1 and of the admission-laboratory table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.analysis import smd
from hepatrial.report.facts import CohortFigure, Facts
from hepatrial.report.spread import MIN_REPLICATES, finite
from hepatrial.schema import MEASURES

SKEWED = frozenset(
    (
        "alt",
        "ast",
        "bilirubin",
        "inr",
        "creatinine",
        "ammonia",
        "wbc",
        "platelets",
        "lactate",
        "referral_delay",
    )
)
"""Described by median and quartiles; the others by mean and standard deviation."""

TRAITS = ("age", "female", "weight", "cirrhosis", "infected_at_entry", "referral_delay")
SHARES = frozenset(("female", "cirrhosis", "infected_at_entry"))


def baseline_numbers(facts: Facts) -> list[dict[str, Any]]:
    """Table 1 of the simulated trials, pooled over replicates.

    Each row has a measure, its kind ('mean', 'median' or 'share'), the summary of each arm, and for each
    contrast the standardised mean difference pooled over replicates (near 0 by randomisation) together
    with the 95th percentile of its size over the replicates: the imbalance that chance gives one trial.
    """
    table = facts.trials.with_columns(female=(pl.col("sex") == "female").cast(pl.Float64))
    names = [name for name in TRAITS if name in table.columns]
    names += [f"baseline_{name}" for name in MEASURES if f"baseline_{name}" in table.columns]
    rows = []
    for column in names:
        values = table[column].cast(pl.Float64).to_numpy()
        if np.isfinite(values).any():
            rows.append(_row(facts, table, column, values))
    return rows


def _row(facts: Facts, table: pl.DataFrame, column: str, values: NDArray[np.float64]) -> dict[str, Any]:
    measure = column.removeprefix("baseline_")
    kind = "share" if measure in SHARES else "median" if measure in SKEWED else "mean"
    arm_of = table["arm"].to_numpy()
    replicate = table["replicate"].to_numpy()
    by_arm = {arm.name: values[arm_of == arm.name] for arm in facts.ordered}
    differences = {}
    for treated, control in facts.contrasts:
        sizes = _replicate_smd(values, replicate, arm_of == treated.name, arm_of == control.name)
        differences[treated.name] = {
            "pooled": finite(smd(by_arm[treated.name], by_arm[control.name])),
            "chance_95": float(np.quantile(np.abs(sizes), 0.95)) if sizes.size >= MIN_REPLICATES else None,
        }
    published = [text for text in facts.published_baseline if text.measure == measure]
    return {
        "measure": measure,
        "kind": kind,
        "arms": {name: _summary(sample, kind) for name, sample in by_arm.items()},
        "smd": differences,
        "published": [
            {"arm": p.who, "text": p.text, "grade": p.grade, "source": p.source} for p in published
        ],
    }


def _summary(sample: NDArray[np.float64], kind: str) -> dict[str, float | None]:
    known = sample[np.isfinite(sample)]
    if known.size == 0:
        return {"missing": float(sample.size)}
    missing = {"missing": float(sample.size - known.size)}
    if kind == "share":
        return {"share": float(known.mean()), **missing}
    if kind == "median":
        q1, median, q3 = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
        return {"median": median, "q1": q1, "q3": q3, **missing}
    return {
        "mean": float(known.mean()),
        "sd": float(known.std(ddof=1)) if known.size > 1 else None,
        **missing,
    }


def _replicate_smd(
    values: NDArray[np.float64],
    replicate: NDArray[np.int32],
    treated: NDArray[np.bool_],
    control: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The standardised difference within every replicate that has two known values in both arms."""

    def moments(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        known = mask & np.isfinite(values)
        length = int(replicate.max()) + 1 if replicate.size else 0
        n = np.bincount(replicate[known], minlength=length).astype(float)
        total = np.bincount(replicate[known], weights=values[known], minlength=length)
        mean = np.divide(total, n, out=np.zeros_like(total), where=n > 0)
        squares = np.bincount(
            replicate[known], weights=(values[known] - mean[replicate[known]]) ** 2, minlength=length
        )
        return n, mean, squares

    n_a, mean_a, squares_a = moments(treated)
    n_b, mean_b, squares_b = moments(control)
    usable = (n_a > 1) & (n_b > 1)
    variance = (squares_a[usable] / (n_a[usable] - 1) + squares_b[usable] / (n_b[usable] - 1)) / 2
    difference = mean_a[usable] - mean_b[usable]
    sizes = np.zeros(difference.size)
    np.divide(difference, np.sqrt(variance), out=sizes, where=variance > 0)
    return sizes


FORMS = {"mean_sd": ("mean", "sd"), "median_iqr": ("median", "q1", "q3"), "percent": ("percent",)}
"""How admission statistics are printed together."""


def admission_numbers(facts: Facts) -> list[dict[str, Any]]:
    """Admission values as cohorts print them: simulated, and published by cohort and group.

    One row a measure and form ('mean_sd', 'median_iqr', 'percent') that at least one cohort printed, in the
    order of the run's admission table.
    """
    simulated = {
        (row["measure"], row["statistic"]): row["value"] for row in facts.admission.iter_rows(named=True)
    }
    measures = list(dict.fromkeys(measure for measure, _ in simulated))
    rows = []
    for measure in measures:
        for form, statistics in FORMS.items():
            figures = [
                f for f in facts.published_admission if f.measure == measure and f.statistic in statistics
            ]
            if figures and (measure, statistics[0]) in simulated:
                rows.append(
                    {
                        "measure": measure,
                        "form": form,
                        "simulated": {s: simulated.get((measure, s)) for s in statistics},
                        "published": _by_group(figures),
                    }
                )
    return rows


def _by_group(figures: list[CohortFigure]) -> list[dict[str, Any]]:
    """Figures of the same cohort and group together."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for f in figures:
        group = groups.setdefault(
            (f.cohort, f.group),
            {"cohort": f.cohort, "group": f.group, "n": f.n, "grade": f.grade, "values": {}},
        )
        group["values"][f.statistic] = f.value
    return list(groups.values())
