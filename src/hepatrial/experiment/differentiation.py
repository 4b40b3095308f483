"""Differentiation: markers, LDL, albumin and ammonia in the dish; engraftment and decay in the animal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

import numpy as np

from hepatrial.experiment.solve import Array, course
from hepatrial.experiment.types import Curve, KnockOut
from hepatrial.model import load_cards
from hepatrial.model.worlds import experiment_cards

DAYS = tuple(float(day) for day in np.linspace(0, 42, 169))
TEST_DAYS = (0.0, 7.0, 14.0, 21.0, 28.0, 35.0, 41.0)
READ = 28.0
"""Day on which function is usually tested."""

CORD_FACTOR = 1.5
"""Albumin of cord cells against marrow cells; published as above 1, the factor is a guess."""

AMMONIA = 2.0
"""mmol/L in fresh medium."""

MARKERS = ("marker_afp", "marker_ck18", "marker_albumin", "marker_cyp")
MEDIA: Mapping[str, Mapping[str, float]] = {
    "hgf_bfgf": {},
    "hgf": {"induction_bfgf": 0.0},
    "bfgf": {"induction_hgf": 0.0},
    "none": {"induction_hgf": 0.0, "induction_bfgf": 0.0},
}
"""Induction media of the experiment: changes of the dish."""


def curves() -> tuple[Curve, ...]:
    """Markers under both factors; LDL, albumin and ammonia by medium; decay of engrafted cells."""
    both = course("dish", DAYS, MARKERS)
    lines = [Curve("markers", name, False, DAYS, tuple(both[name])) for name in MARKERS]
    plain = course("dish", DAYS, MARKERS, MEDIA["none"])
    lines.append(Curve("markers", "uninduced", True, DAYS, tuple(plain["marker_ck18"])))
    for medium, changes in MEDIA.items():
        untreated = medium == "none"
        made = course("dish", DAYS, ("albumin_made", "ldl_share"), changes)
        lines.append(Curve("ldl", medium, untreated, DAYS, tuple(made["ldl_share"])))
        lines.append(Curve("albumin", medium, untreated, DAYS, tuple(made["albumin_made"])))
        removed = tuple(ammonia_removed(day, changes) for day in TEST_DAYS)
        lines.append(Curve("ammonia", medium, untreated, TEST_DAYS, removed))
    weeks = tuple(float(week) for week in range(21))
    decay = 100 * engrafted([7 * week for week in weeks])
    lines.append(Curve("engrafted", "engrafted", False, weeks, tuple(decay)))
    lines.append(Curve("engrafted", "no_cells", True, weeks, (0.0,) * len(weeks)))
    return tuple(lines)


def ammonia_removed(day: float, changes: Mapping[str, float]) -> float:
    """Ammonia (mmol/L) that cells induced for ``day`` days take from fresh medium in 24 h."""
    left = course("dish", (day, day + 1.0), ("ammonia_medium",), changes, [(day, AMMONIA)])["ammonia_medium"]
    return AMMONIA - float(left[1])


def engrafted(days: Sequence[float]) -> Array:
    """Share of an animal's hepatocytes from engrafted cells: the card's share, lost by its half-life."""
    cards = experiment_cards()
    loss = {"stage_loss": log(2) / cards["engrafted_half_life"].value, "insult_dose": 0.0}
    alive = course("mouse", days, ("stages_alive",), loss)["stages_alive"]
    return np.asarray(cards["engrafting_share"].value * alive)


def first_day(days: Sequence[float], values: Array, level: float) -> float:
    """First day on which a rising course reaches a level (straight between points); infinite for never."""
    above = np.flatnonzero(values >= level)
    if not len(above):
        return float("inf")
    at = int(above[0])
    if at == 0:
        return days[0]
    return float(np.interp(level, values[at - 1 : at + 1], days[at - 1 : at + 1]))


def patient_bound(doses: int = 4, per_kg: float = 1.0) -> float:
    """Share of a patient's hepatocytes that doses of ``per_kg`` 1e6/kg number, if every cell became one."""
    cards = load_cards().model
    return doses * per_kg * cards["weight"].value / cards["hepatocytes_total"].value


def numbers() -> dict[str, float]:
    """What stands beside the published figures."""
    both = course("dish", DAYS, (*MARKERS, "ldl_share", "albumin_made"))
    at = DAYS.index(READ)
    cord = course("dish", DAYS, ("albumin_made",), {"source_factor": CORD_FACTOR})["albumin_made"]
    plain = course("dish", DAYS, MARKERS, MEDIA["none"])
    share = engrafted([70.0, 140.0])
    afp, cyp = (first_day(DAYS, both[name], 0.2) for name in ("marker_afp", "marker_cyp"))
    return {
        "time_to_mature": first_day(DAYS, both["marker_cyp"], 0.5),
        "ldl_share": both["ldl_share"][at],
        "ammonia": ammonia_removed(READ, {}) - ammonia_removed(READ, MEDIA["none"]),
        "albumin": both["marker_albumin"][at] - plain["marker_albumin"][at],
        "order": cyp - afp,
        "source_ratio": cord[at] / both["albumin_made"][at],
        "relative_albumin": both["albumin_made"][at],
        "engrafted_week_20": share[1] / share[0],
        "engrafted_share": patient_bound(),
    }


def knock_outs() -> tuple[KnockOut, ...]:
    """Albumin on day 28 with and without the mechanism."""
    at = (0.0, READ)

    def albumin(changes: Mapping[str, float]) -> float:
        return float(course("dish", at, ("albumin_made",), changes)["albumin_made"][1])

    measure = {
        "en": "albumin on day 28, against as many hepatocytes",
        "zh": "第 28 天白蛋白（相对等量肝细胞）",
    }
    without = albumin({"differentiation_on": 0.0})
    return (KnockOut("differentiation", measure, albumin({}), without, albumin(MEDIA["none"])),)
