"""Endpoints by name: what is measured of each patient, and by which day."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hepatrial.errors import BadInput, Problem, nearest_name


@dataclass(frozen=True)
class NamedEndpoint:
    """An endpoint and its day.

    Attributes:
        name: stem and day, as ``transplant_free_survival_90``.
        kind: "time" (to an event), "value" (at a visit), "days" (counted), "levels" (a hierarchy).
        day: days from randomisation up to which it is looked at.
        outcome: "time": events that are the outcome, ``death`` and ``transplant`` or rows of the event table.
        measure: "value" and the last level: column of the visit table.
        change: whether the baseline is subtracted.
        higher_is_better: direction of a value.
        label: English.
    """

    name: str
    kind: str
    day: float
    label: str
    outcome: tuple[str, ...] = ()
    measure: str = ""
    change: bool = False
    higher_is_better: bool = False


@dataclass(frozen=True)
class Stem:
    """An endpoint without its day."""

    kind: str
    label: str
    outcome: tuple[str, ...] = ()
    measure: str = ""
    change: bool = False
    higher_is_better: bool = False


STEMS: dict[str, Stem] = {
    "overall_survival": Stem("time", "overall survival", ("death",)),
    "transplant_free_survival": Stem("time", "transplant-free survival", ("death", "transplant")),
    "infection": Stem("time", "first severe infection", ("severe_infection",)),
    "encephalopathy": Stem("time", "hepatic encephalopathy of grade 3 or more", ("encephalopathy",)),
    "aki": Stem("time", "acute kidney injury of stage 2 or more", ("aki",)),
    "meld_change": Stem("value", "change of MELD", measure="meld", change=True),
    "meld3_change": Stem("value", "change of MELD 3.0", measure="meld3", change=True),
    "bilirubin_change": Stem("value", "change of total bilirubin", measure="bilirubin", change=True),
    "aclf_grade": Stem("value", "course of the ACLF grade", measure="aclf_grade", change=True),
    "hospital_free_days": Stem("days", "days alive and out of hospital", higher_is_better=True),
    "hierarchical": Stem(
        "levels", "hierarchy of death, transplant, severe infection, change of MELD", measure="meld"
    ),
}
"""Stem -> endpoint; a name is a stem, an underscore and a day (28, 90 and 180 are usual, any is allowed)."""

HIERARCHY = ("death", "transplant", "severe_infection")
"""Events of the hierarchical composite, the gravest first; the change of a measure comes last."""

USUAL_DAYS = (28, 90, 180)


def endpoint_names() -> tuple[str, ...]:
    """Every stem with the usual days."""
    return tuple(f"{stem}_{day}" for stem in STEMS for day in USUAL_DAYS)


def endpoint(name: str) -> NamedEndpoint:
    """The endpoint of a name, as ``overall_survival_90`` or ``meld_change_28``.

    Raises:
        BadInput: no such stem, or no day behind it.
    """
    found = re.fullmatch(r"(.+)_(\d+(?:\.\d+)?)", name)
    stem = found.group(1) if found else name
    if stem not in STEMS:
        allowed = f"must be one of {', '.join(STEMS)}, an underscore and a day (overall_survival_90)"
        nearest = nearest_name(stem, STEMS)
        raise BadInput([Problem("endpoint", repr(name), allowed, nearest and f"{nearest}_90")])
    if not found or float(found.group(2)) <= 0:
        raise BadInput([Problem("endpoint", repr(name), "must end with a day above 0", f"{stem}_90")])
    day, parts = float(found.group(2)), vars(STEMS[stem]).copy()
    label = f"{parts.pop('label')} by day {day:g}"
    return NamedEndpoint(name=name, day=day, label=label, **parts)
