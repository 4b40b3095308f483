"""Where the range of a trial's result comes from: luck, patients drawn, parameters, structure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hepatrial.analysis import survival_by_arm
from hepatrial.analysis.doubt import PARTS, Doubt, doubt
from hepatrial.report.facts import Arm, Facts
from hepatrial.report.spread import Floats, ends_error, finite
from hepatrial.report.survival import ENDPOINTS

SCALE = 1.96
QUANTITIES = ("control", "treated", "difference")
FEWEST_PARTS = 2
"""Parts of the difference that a run must tell to be shown."""
STUDIES = "studies"
"""A study's own deviation: not in the simulated trials, added beside them from the ensemble's SD."""


def doubt_numbers(facts: Facts) -> list[dict[str, Any]]:
    """One entry a contrast; none without counterfactual arms or with too few persons in them.

    A part's ``half`` is half the 95 % range that it would leave alone (1.96 SD), with ``low`` and ``high``
    from its Monte-Carlo error (95 %); all are shares. ``None`` where the run cannot tell. ``simulated`` is
    1.96 SD of the simulated trials, which the parts together should meet, and ``ends`` how far the ends of
    their 95 % range would move with other worlds (``spread.ends_error``).
    """
    if facts.pairs.height == 0:
        return []
    entries = [_contrast(facts, treated, control) for treated, control in facts.contrasts]
    return [entry for entry in entries if _told(entry) >= FEWEST_PARTS]


def _told(entry: dict[str, Any]) -> int:
    return sum(part is not None for part in entry["rows"][-1]["parts"].values())


def _contrast(facts: Facts, treated: Arm, control: Arm) -> dict[str, Any]:
    day = 7 * facts.study.primary_week
    arms = (treated.name, control.name)
    found = doubt(
        facts.pairs,
        facts.again,
        day,
        arms,
        (treated.size, control.size),
        {variant.name: variant.weight for variant in facts.variants},
        endpoint=ENDPOINTS[facts.study.endpoint],
        both_vary=control.infusions > 0,
    )
    simulated = survival_by_arm(facts.trials, [day], arms=arms, endpoint=ENDPOINTS[facts.study.endpoint])
    shares = simulated.survival[:, :, 0]
    worlds = facts.worlds_of(simulated.replicates)
    shown = (shares[:, 1], shares[:, 0], shares[:, 0] - shares[:, 1])
    rows = [
        {**_row(facts, found, place, name, _sd(shown[place])), "ends": ends_error(shown[place], worlds)}
        for place, name in enumerate(QUANTITIES)
    ]
    return {
        "arm": treated.name,
        "control": control.name,
        "week": facts.study.primary_week,
        "persons": found.persons,
        "worlds": found.worlds,
        "kind": facts.worlds_kind,
        "followed_again": found.followed_again,
        "rows": rows,
    }


def _sd(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else math.nan


def _row(facts: Facts, found: Doubt, place: int, name: str, simulated_sd: float) -> dict[str, Any]:
    parts = {part: _half(found.variance[place, i], found.mcse[place, i]) for i, part in enumerate(PARTS)}
    total = float(np.nansum(np.maximum(found.variance[place], 0.0)))
    mean = float(found.mean[place])
    return {
        "quantity": name,
        "mean": finite(mean),
        "mean_mcse": finite(found.mean_mcse[place]),
        "parts": parts,
        "together": SCALE * math.sqrt(total),
        "simulated": finite(SCALE * simulated_sd),
        STUDIES: _between(facts, name, mean),
    }


def _half(variance: float, mcse: float) -> dict[str, float] | None:
    if not math.isfinite(variance):
        return None
    error = SCALE * mcse if math.isfinite(mcse) else 0.0
    half, low, high = (SCALE * math.sqrt(max(v, 0.0)) for v in (variance, variance - error, variance + error))
    return {"variance": float(variance), "mcse": float(mcse), "half": half, "low": low, "high": high}


def _between(facts: Facts, name: str, mean: float) -> float | None:
    """Half the range of a study's own deviation in mortality, by the delta method; shared by both arms."""
    sd = facts.between_study.get("mortality")
    if sd is None or name == "difference":
        return None
    return SCALE * sd * mean * (1.0 - mean)
