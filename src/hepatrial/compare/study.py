"""The Table 1 of a real cohort, and the study whose virtual patients are laid beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.compare.people import LEAST, LOG, LONGEST, People
from hepatrial.errors import BadInput, Problem
from hepatrial.prediction.interventions import find_intervention
from hepatrial.prediction.study import Study, study_from_dict
from hepatrial.prediction.vocabulary import VARIABLES
from hepatrial.schema import MEASURES

ARM, CONTROL = "cohort", "standard"


def table1(people: People) -> dict[str, Any]:
    """Rows of a Table 1 as ``prediction`` reads them, of what at least ``LEAST`` patients have at entry."""
    rows: dict[str, Any] = {}
    for name, x in people.entry.items():
        known = x[np.isfinite(x)]
        variable = VARIABLES.get(name)
        if variable is None or len(known) < LEAST:
            continue
        if variable.scale == "classes":
            rows[name] = _classes(known, variable.classes)
        elif variable.scale == "yes_no":
            rows[name] = float(known.mean())
        elif float(known.std()) > 0.0:
            rows[name] = _number(name, known, variable.unit)
    return rows


def _classes(known: NDArray[np.float64], classes: tuple[tuple[str, float, float], ...]) -> dict[str, float]:
    shares = {}
    for label, low, high in classes:
        if label.isdigit():
            shares[label] = float(np.mean((known >= low) & (known <= high)))
    return shares


def _number(name: str, known: NDArray[np.float64], unit: str) -> dict[str, Any]:
    row: dict[str, Any] = {"unit": unit} if unit not in ("1", "points", "years") else {}
    if name in LOG:
        q1, middle, q3 = np.quantile(known, (0.25, 0.5, 0.75))
        return row | {"median": float(middle), "q1": float(q1), "q3": float(q3)}
    return row | {"mean": float(known.mean()), "sd": float(known.std(ddof=1))}


def horizon(people: People) -> float:
    """Days compared: until 90 % of those who were not lost earlier are no longer under observation."""
    end = np.where(np.isfinite(people.bad), np.inf, people.seen)
    known = end[np.isfinite(end)]
    last = float(np.quantile(known, 0.5)) if len(known) else float(np.max(people.seen))
    return float(min(max(math.floor(last), 1.0), LONGEST))


def matching_study(
    name: str,
    people: People,
    *,
    definition: str,
    etiology: Mapping[str, float | str] | None,
    country: str = "",
    treatment: str | None = None,
) -> Study:
    """The study whose one arm is the cohort.

    Args:
        name: id.
        people: the real patients.
        definition, etiology, country: as in a study file.
        treatment: what everybody of the cohort got, or None.

    Raises:
        BadInput: too little to match, or what a study file would refuse.
    """
    rows = table1(people)
    if not rows:
        allowed = f"a measure of the model at entry in at least {LEAST} subjects: {', '.join(MEASURES)}"
        raise BadInput([Problem("COHORT.csv", f"{len(people)} subjects", allowed)])
    end = horizon(people)
    arm: dict[str, Any] = {"n": len(people)} | ({"treatment": treatment} if treatment else {"control": True})
    arms = {ARM: arm} | ({CONTROL: {"n": len(people), "control": True}} if treatment else {})
    data: dict[str, Any] = {
        "study": {"id": name, "definition": definition} | ({"country": country} if country else {}),
        "baseline": rows,
        "arms": arms,
        "endpoints": [*_laboratory(people, end), {"kind": "survival", "day": end}],
    }
    if etiology:
        data["etiology"] = dict(etiology)
    return study_from_dict(data)


def _laboratory(people: People, end: float) -> list[dict[str, Any]]:
    """One endpoint for each measure and day that enough patients have."""
    return [
        {"kind": "lab", "measure": measure, "statistic": "median", "day": day}
        for measure, days in people.labs.items()
        if measure in MEASURES
        for day, x in days.items()
        if day <= end and np.isfinite(x).sum() >= LEAST
    ]


def known_treatment(group: str) -> str | None:
    """The treatment that a 0/1 trait is named after, or None."""
    found = find_intervention(group)
    return found.name if found is not None and found.treats and not found.product else None
