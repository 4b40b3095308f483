"""A study as a protocol: what is asked of the model, and what stands in for what it does not know."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepatrial.population.reference import URGENT_OFFERS
from hepatrial.prediction.study import Arm, Study, fast_share
from hepatrial.protocol import DEFINITIONS, Protocol, protocol_from_dict
from hepatrial.protocol.diseases import CAUSES, CAUSES_OF, Disease
from hepatrial.schema import MEASURES
from hepatrial.units import write_quantity

_CAUSE = {
    "dili": "drug", "hcv": "other", "biliary": "other", "pregnancy": "other",
}  # fmt: skip
"""Cause of a study file -> cause of the model, where they differ."""

_TRIVIAL = {"inr": (0.7, None)}
"""A limit that everybody meets, since a protocol has at least one; the tag enforces most definitions."""

_LISTED = {
    # share put on the waiting list in a Western and in another country, by definition; assumed
    "compensated_cirrhosis": (0.0, 0.0),
    "acute_liver_injury": (0.15, 0.05),
}
_LISTED_OTHERS = (0.2, 0.03)
_ACUTE_FAST, _ACUTE_SLOW, _ACUTE_ELSEWHERE = 0.12, 0.53, 0.3
"""Acute failure: share listed for an urgent graft by cause (paracetamol, ischaemia and pregnancy recover
fast; means of population/reference/classes.toml by size), what is left of it outside the West (assumed)."""
_REGIONS: Mapping[str, tuple[str, ...]] = {
    "china": ("china", "taiwan", "hong kong", "p.r. china", "pr china", "people's republic of china"),
    "japan": ("japan",),
    "us": ("usa", "united states", "us", "u.s.", "canada", "united states of america", "north america"),
    "eu": (
        "europe", "germany", "france", "uk", "united kingdom", "england", "scotland", "spain", "italy",
        "denmark", "belgium", "netherlands", "sweden", "norway", "finland", "switzerland", "austria",
        "portugal", "ireland", "australia", "new zealand", "great britain", "european union", "eu",
        "the netherlands", "czech republic", "czechia", "poland", "hungary", "slovakia", "slovenia",
        "croatia", "greece", "estonia", "latvia", "lithuania", "luxembourg", "iceland",
    ),
}  # fmt: skip
"""Countries of the regions whose transplant programmes the protocol knows."""


@dataclass(frozen=True)
class Planned:
    """A study ready to be simulated.

    Attributes:
        protocol: what is simulated.
        relaxed: the same with the definition's criteria alone, for when nobody passes the study's.
        notes: what a reader should know.
    """

    protocol: Protocol
    relaxed: Protocol
    notes: tuple[str, ...]


def plan_study(study: Study) -> Planned:
    """The protocol of a study.

    Raises:
        BadInput: what the study file says cannot be simulated, in the places of the study file.
    """
    disease = disease_class(study)
    full = _protocol(study, disease, relaxed=False)
    notes = (*study.notes, *study_notes(study, disease))
    return Planned(full, _protocol(study, disease, relaxed=True), notes)


def inner_names(study: Study) -> dict[str, str]:
    """Name of each arm in the protocol, which takes lower-case letters, digits and underscores alone."""
    found: dict[str, str] = {}
    for number, name in enumerate(study.arms, start=1):
        plain = name.lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", plain):
            plain = f"arm_{number}"
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def disease_class(study: Study) -> Disease:
    """The class of disease that a study is of."""
    if study.definition.startswith("acute_liver"):
        return "acute_liver_failure"
    if study.definition == "decompensated_cirrhosis":
        return "decompensated_cirrhosis"
    if study.definition == "compensated_cirrhosis":
        return "compensated_cirrhosis"
    viral = study.etiology.get("hbv", 0.0)
    return "hbv_aclf" if study.definition == "cossh" or viral >= 0.5 else "aclf"


def _protocol(study: Study, disease: Disease, *, relaxed: bool) -> Protocol:
    days = visit_days_of(study)
    inner = inner_names(study)
    data: dict[str, Any] = {
        "identity": {
            "id": "study",
            "title": "study",
            "question": "What does the model predict for this study?",
            "context_of_use": "Prediction of a study from its Table 1; it informs no patient's care.",
            "definition": study.definition,
        },
        "population": {
            "disease": disease,
            "age": _age(study, relaxed),
            "eligibility": _eligibility(study, relaxed),
            "exclude": [] if relaxed else list(study.exclude),
            "criteria": {"basis": "this_trial", "grade": "seen_secondary", "source": "the study file"},
            **_causes(study, disease),
        },
        "selection": {},
        "arms": {inner[name]: _arm(arm, study) for name, arm in study.arms.items()},
        "care": {**_shared_care(study), **study.care},
        "visits": {"days": days, "measures": list(measures_of(study))},
        "endpoints": {
            "control_arm": inner[study.control],
            "primary": {"endpoint": "overall_survival", "week": study.follow_up / 7},
            "survival_weeks": [study.follow_up / 7],
        },
        "follow_up": {"length": f"{study.follow_up!r} d"},
    }
    if len(data["arms"]) == 1:
        data["arms"]["mirror" if "mirror" not in data["arms"] else "mirrored"] = {
            "label": "mirror of the only arm",
            "n": 1,
        }
    return protocol_from_dict(data)


def _causes(study: Study, disease: Disease) -> dict[str, Any]:
    """Shares of causes that the class has; the others count as "other"."""
    able = CAUSES_OF[disease]
    shares: dict[str, float] = {}
    for name, share in study.etiology.items():
        cause = _CAUSE.get(name, name)
        cause = cause if cause in able else ("other" if "other" in able else able[0])
        shares[cause] = shares.get(cause, 0.0) + share
    if set(study.etiology) == {"other"} and disease != "hbv_aclf":
        return {}
    total = sum(shares.values())
    return {"causes": [{"cause": name, "share": share / total} for name, share in sorted(shares.items())]}


def _age(study: Study, relaxed: bool) -> dict[str, float]:
    low, high = study.age
    if relaxed:
        return {"min": 16.0, "max": 100.0}
    return {"min": 16.0 if math.isinf(low) else low, "max": 100.0 if math.isinf(high) else high}


def study_notes(study: Study, disease: Disease) -> tuple[str, ...]:
    """What was made of the file that its writer may not expect."""
    notes = []
    if folded := _folded(study, disease):
        notes.append(f"The class {disease.replace('_', ' ')} has no cause of its own for {folded}.")
    if not study.country:
        notes.append("No country is told: transplants are as rare as outside Europe and North America.")
    elif region_of(study) is None:
        notes.append(f"Transplants in {study.country} are taken to be as rare as outside the West.")
    rows = {one.variable: one for one in study.baseline if one.location is not None}
    if study.age[1] < 18 or ("age" in rows and (rows["age"].location or 0.0) < YOUNGEST):
        notes.append(
            f"The model has no children: patients of at least {YOUNGEST:g} years stand in for them, and what "
            "is said of children is a guess."
        )
    limits = [(one.measure, one.min, one.max) for one in study.limits] + [("age", *study.age)]
    for name, low, high in limits:
        if name not in rows:
            continue
        middle = rows[name].location or 0.0
        middle = math.exp(middle) if rows[name].log else middle
        if (low is not None and middle < low) or (high is not None and middle > high):
            ends = f"{'-' if low is None else f'{low:g}'} to {'-' if high is None else f'{high:g}'}"
            notes.append(
                f"The criteria exclude the middle of the Table 1: {name} {middle:.3g}, criteria {ends} (SI)."
            )
    if study.follow_up > FITTED_UNTIL:
        notes.append("Nothing was fitted beyond five years: later figures are extrapolated.")
    return tuple(notes)


FITTED_UNTIL = 1830.0
"""Days; the latest figure of a fitted cohort."""
YOUNGEST = 16.0
"""Years; the model's youngest patients."""


def _folded(study: Study, disease: Disease) -> str:
    """The causes that the class does not have, and as what they count."""
    told = [
        name
        for name in study.etiology
        if name != "other" and (_CAUSE.get(name, name) in ("other", *(set(CAUSES) - set(CAUSES_OF[disease]))))
    ]
    able = CAUSES_OF[disease]
    return f"{', '.join(told)}: counted as {'other' if 'other' in able else able[0]}" if told else ""


def _eligibility(study: Study, relaxed: bool) -> list[dict[str, Any]]:
    limits: dict[str, list[float | None]] = {
        name: [low, None] for name, low in DEFINITIONS[study.definition].minimum.items()
    }
    if not relaxed:
        for limit in study.limits:
            low, high = limits.get(limit.measure, [None, None])
            mine = [limit.min, limit.max]
            limits[limit.measure] = [
                mine[0] if mine[0] is not None else low if mine[1] is None or (low or 0) <= mine[1] else None,
                mine[1] if mine[1] is not None else high,
            ]
    if not limits:
        limits = {name: list(ends) for name, ends in _TRIVIAL.items()}
    return [
        {
            "measure": name,
            **({} if low is None else {"min": write_quantity(float(low), MEASURES[name].unit)}),
            **({} if high is None else {"max": write_quantity(float(high), MEASURES[name].unit)}),
        }
        for name, (low, high) in limits.items()
    ]


def _arm(arm: Arm, study: Study) -> dict[str, Any]:
    """The arm as the protocol has it; only cells that the model has an effect for are given.

    An antiviral that some arms are given is withheld from the others.
    """
    able = {one.name for one in arm.given if one.how in ("model", "both")}
    lines = [dict(line) for line in arm.regimen if line["product"] in able]
    care = dict(arm.care)
    for one in arm.given:
        for entry, course in COURSES.get(one.name, {}).items():
            care.setdefault(entry, course)
    if "antiviral" not in study.care and any(_antiviral(other) for other in study.arms.values()):
        care.setdefault("antiviral", 1.0 if _antiviral(arm) else 0.0)
    return {"label": arm.name, "n": arm.n, "regimen": lines, **({"care": care} if care else {})}


def _antiviral(arm: Arm) -> bool:
    return any(one.name == "antiviral" for one in arm.given)


COURSES: Mapping[str, Mapping[str, Any]] = {
    "plasma_exchange": {
        "plasma_exchange": {"sessions": 3, "volumes": "1 plasma volume", "first_day": "1 d", "every": "3 d"}
    },
    "high_volume_plasma_exchange": {
        "plasma_exchange": {"sessions": 3, "body_weight": "15 %", "first_day": "0 d", "every": "1 d"}
    },
    "mars": {"albumin_dialysis": {"sessions": 6, "first_day": "1 d", "every": "2 d"}},
    "acetylcysteine": {"acetylcysteine": {"days": "3 d"}},
    "corticosteroid": {"corticosteroid": {"days": "28 d"}},
    "terlipressin": {"vasoconstrictor": {"drug": "terlipressin"}},
    "rifaximin": {"rifaximin": 1.0},
    "lactulose": {"lactulose": 1.0},
    "antibiotic": {"prophylaxis": 1.0},
    "albumin": {"albumin": {"below": "30 g/L", "rate": "20 g/d"}},
}
"""Course of care of a treatment that an arm names without one; assumed but for larsen2016."""


def region_of(study: Study) -> str | None:
    """The region of transplantation of the study's country, None when it is not known."""
    country = study.country.lower().strip()
    words = {country, *(part.strip() for part in re.split(r"[,;/]| and ", country))}
    return next((name for name, names in _REGIONS.items() if words & set(names)), None)


def _shared_care(study: Study) -> dict[str, Any]:
    """Care of all arms when the file does not say: antivirals for hepatitis B, transplants by region."""
    region = region_of(study)
    west = region in ("eu", "us")
    transplant: dict[str, Any] = {"region": region or "eu"}
    if study.definition == "acute_liver_failure":
        fast = fast_share(study)
        listed = fast * _ACUTE_FAST + (1.0 - fast) * _ACUTE_SLOW
        transplant |= {"listed": listed * (1.0 if west else _ACUTE_ELSEWHERE), "offer_rate": URGENT_OFFERS}
    else:
        transplant["listed"] = _LISTED.get(study.definition, _LISTED_OTHERS)[0 if west else 1]
    return {"antiviral": 1.0, "transplant": transplant}


def measures_of(study: Study) -> tuple[str, ...]:
    """What has to be measured: laboratory endpoints, what is watched for, rows of the Table 1."""
    names = {endpoint.measure for endpoint in study.endpoints if endpoint.measure}
    names |= {one.column for one in study.baseline if one.column in MEASURES}
    if any("aki" in (endpoint.kind, endpoint.event) for endpoint in study.endpoints):
        names.add("creatinine")
    if any("encephalopathy" in (endpoint.kind, endpoint.event) for endpoint in study.endpoints):
        names.add("he_grade")
    return tuple(sorted(names or {"bilirubin"}))


def visit_days_of(study: Study) -> list[float]:
    """Days of laboratory endpoints, and weekly ones until the last endpoint that is watched for at visits."""
    days = {endpoint.day for endpoint in study.endpoints if endpoint.measure}
    watched = ("aki", "encephalopathy")
    for endpoint in study.endpoints:
        if endpoint.kind in watched or (endpoint.contrast and endpoint.event in watched):
            days |= {float(day) for day in range(2, min(int(endpoint.day), 14) + 1, 3)}
            days |= {float(day) for day in range(14, int(endpoint.day) + 1, 7)}
            days.add(endpoint.day)
    return sorted(days or {study.follow_up})
