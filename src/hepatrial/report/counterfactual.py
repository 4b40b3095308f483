"""Numbers of the counterfactual arms: what each structural variant makes of the same virtual patients."""

from __future__ import annotations

from typing import Any

import polars as pl

from hepatrial.analysis import marginal_contrast
from hepatrial.report.facts import Arm, Facts, Variant
from hepatrial.report.spread import finite
from hepatrial.report.survival import ENDPOINTS


def counterfactual_numbers(facts: Facts) -> list[dict[str, Any]]:
    """Marginal contrasts of the counterfactual arms, one entry a non-control arm.

    Only differences between marginal curves are reported; ``mcse`` is the Monte-Carlo error of the
    simulation, not the standard error of any trial. A variant has ``no_benefit`` when its difference at the
    primary week does not exceed zero by two Monte-Carlo errors.

    Returns:
        Entries with ``arm``, ``control``, ``persons``, ``variants`` (largest difference first), ``average``
        by weight, ``no_benefit`` (weight of the variants without), ``driver`` (variant that contributes most
        to the average, with its share), ``lowest`` and ``highest`` difference. Empty without such arms.
    """
    if facts.pairs.height == 0:
        return []
    return [entry for treated, control in facts.contrasts if (entry := _contrast(facts, treated, control))]


def _contrast(facts: Facts, treated: Arm, control: Arm) -> dict[str, Any] | None:
    weights = _present(facts, treated)
    rows = [_variant_row(facts, treated, control, variant) for variant in weights]
    if not rows:
        return None
    total = sum(row["weight"] for row in rows)
    for row in rows:
        row["weight"] = row["weight"] / total if total > 0 else 1 / len(rows)
    rows.sort(key=lambda row: (-row["difference"], row["variant"]))
    average = sum(row["weight"] * row["difference"] for row in rows)
    gains = sum(row["weight"] * max(row["difference"], 0.0) for row in rows)
    leader = max(rows, key=lambda row: row["weight"] * max(row["difference"], 0.0))
    share = leader["weight"] * max(leader["difference"], 0.0) / gains if gains > 0 else None
    return {
        "arm": treated.name,
        "control": control.name,
        "week": facts.study.primary_week,
        "persons": int(facts.pairs["subject"].n_unique()),
        "variants": rows,
        "average": average,
        "average_mcse": sum((row["weight"] * row["mcse"]) ** 2 for row in rows) ** 0.5,
        "no_benefit": sum(row["weight"] for row in rows if row["no_benefit"]),
        "driver": {"variant": leader["variant"], "share": share},
        "lowest": rows[-1]["difference"],
        "highest": rows[0]["difference"],
    }


def _present(facts: Facts, treated: Arm) -> list[Variant]:
    """The variants in the treated arm's counterfactual rows; one without a stated weight has weight 0."""
    found = facts.pairs.filter(pl.col("arm") == treated.name)["variant"].unique().sort().to_list()
    known = {variant.name: variant for variant in facts.variants}
    return [known.get(name) or Variant(name, 0.0, {"en": ""}) for name in found]


def _variant_row(facts: Facts, treated: Arm, control: Arm, variant: Variant) -> dict[str, Any]:
    pairs = _pair_rows(facts, treated, control, variant.name)
    days = [7 * week for week in facts.study.landmarks]
    primary = facts.study.landmarks.index(facts.study.primary_week)
    clusters = "world" if facts.worlds > 1 else None
    found = {
        name: marginal_contrast(
            pairs, days, (treated.name, control.name), endpoint=endpoint, clusters=clusters
        )
        for name, endpoint in ENDPOINTS.items()
    }
    main = found[facts.study.endpoint]
    difference, mcse = float(main.difference[primary]), float(main.mcse[primary])
    return {
        "variant": variant.name,
        "weight": variant.weight,
        "pairs": main.pairs,
        "excluded": main.excluded,
        "difference": difference,
        "mcse": mcse,
        "no_benefit": difference <= 2 * mcse,
        "by_week": {
            name: [
                {
                    "week": week,
                    "treated": finite(contrast.survival[0, i]),
                    "control": finite(contrast.survival[1, i]),
                    "difference": finite(contrast.difference[i]),
                    "mcse": finite(contrast.mcse[i]),
                }
                for i, week in enumerate(facts.study.landmarks)
            ]
            for name, contrast in found.items()
        },
    }


def _pair_rows(facts: Facts, treated: Arm, control: Arm, variant: str) -> pl.DataFrame:
    """The rows of both arms for the persons who are simulated under a variant.

    A control arm without cells is the same under every variant, so its rows may be stored once. The pair is
    the person (``subject``): a patient can stand for several persons when a cohort was matched by resampling.
    """
    pairs = facts.pairs.with_columns(patient=pl.col("subject").cast(pl.Int64))
    of_treated = pairs.filter((pl.col("arm") == treated.name) & (pl.col("variant") == variant))
    of_control = pairs.filter(pl.col("arm") == control.name).join(
        of_treated.select("patient"), on="patient", how="semi"
    )
    own = of_control.filter(pl.col("variant") == variant)
    if own.height != of_treated.height:
        own = of_control.unique("patient", keep="first", maintain_order=True)
    return pl.concat([of_treated, own])
