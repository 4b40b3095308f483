"""The admission-laboratory table: a simulated cohort in the statistics that published cohorts print."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.model.scores import clif_c_organs, meld_unfloored

Array = NDArray[np.float64]

ADMISSION_MEASURES = (
    "alt",
    "ast",
    "bilirubin",
    "albumin",
    "inr",
    "pta",
    "creatinine",
    "sodium",
    "ammonia",
    "wbc",
    "platelets",
    "map",
    "pf_ratio",
    "he_grade",
    "ascites_grade",
    "hbv_dna",
    "meld",
    "meld_na",
    "child_pugh",
    "clif_c_of",
    "clif_c_aclf",
)
"""Measures that are known of every admitted patient whatever the protocol measures later."""

ORGAN_INPUTS = ("bilirubin", "creatinine", "he_grade", "inr", "map", "vasopressor", "pf_ratio")
"""Needed for organ failures; ``vasopressor`` is a model output and no measure."""

HYPONATRAEMIA_BELOW = 135.0
"""mmol/L; the usual limit (35.4 % of the HBV-ACLF n = 684 were below it)."""


def admission_table(
    measures: Mapping[str, Array], age: Array, female: Array, cirrhosis: Array, infected: Array
) -> pl.DataFrame:
    """What an admission table prints of a cohort.

    Args:
        measures: ``ADMISSION_MEASURES`` and ``vasopressor``, each (n,), SI units.
        age, female, cirrhosis, infected: (n,); the last three 0 or 1.

    Returns:
        Columns ``measure``, ``statistic`` (``mean``, ``sd``, ``median``, ``q1``, ``q3`` or ``percent``) and
        ``value``.
    """
    continuous = {"age": age, **{name: measures[name] for name in ADMISSION_MEASURES if "grade" not in name}}
    continuous["meld_unfloored"] = meld_unfloored(
        bilirubin=measures["bilirubin"], creatinine=measures["creatinine"], inr=measures["inr"], units="si"
    )
    rows = [
        (name, statistic, value)
        for name, values in continuous.items()
        for statistic, value in _statistics(values)
    ]
    shares = _shares(measures, female, cirrhosis, infected)
    rows += [(name, "percent", 100.0 * float(np.mean(yes))) for name, yes in shares.items()]
    return pl.DataFrame(
        rows, schema={"measure": pl.String, "statistic": pl.String, "value": pl.Float64}, orient="row"
    )


def _statistics(values: Array) -> tuple[tuple[str, float], ...]:
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    sd = values.std(ddof=1) if len(values) > 1 else 0.0
    pairs = (("mean", values.mean()), ("sd", sd), ("q1", q1), ("median", median), ("q3", q3))
    return tuple((name, float(value)) for name, value in pairs)


def _shares(
    measures: Mapping[str, Array], female: Array, cirrhosis: Array, infected: Array
) -> dict[str, NDArray[np.bool_]]:
    he = measures["he_grade"]
    failing = clif_c_organs(**{name: measures[name] for name in ORGAN_INPUTS}, units="si").failure
    return {
        "male": female == 0,
        "cirrhosis": cirrhosis == 1,
        "infected": infected == 1,
        "he_any": he >= 1,
        "he_1_2": (he >= 1) & (he <= 2),
        "he_3_4": he >= 3,
        "ascites": measures["ascites_grade"] >= 1,
        "hyponatraemia": measures["sodium"] < HYPONATRAEMIA_BELOW,
        **{f"of_{organ}": yes == 1 for organ, yes in failing.items()},
    }
