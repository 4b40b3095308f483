"""Entry criteria of a study file: limits on measures and age, and exclusions by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from hepatrial.errors import Problem, nearest_name
from hepatrial.prediction.shapes import as_list, known_entries
from hepatrial.prediction.tidy import tidy
from hepatrial.prediction.vocabulary import ALIASES, FIELDS_OF_MEASURES, key
from hepatrial.protocol.sections import Limit
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, read_quantity

_SIGN = r"(>=|<=|=>|=<|≥|≤|≧|≦|>|<|at least|at most|no more than|no less than|between|=|:|from)"
_CRITERION = re.compile(rf"^([A-Za-z][\w\s./-]*?)\s*{_SIGN}?\s*([-+]?\d.*)$", re.IGNORECASE)
_BOTH_SIDES = re.compile(r"^([-+]?\d[^<≤]*?)\s*(?:<=?|≤)\s*([A-Za-z][\w\s./-]*?)\s*(?:<=?|≤)\s*([-+]?\d.*)$")
_LOW_SIGNS = (">=", "=>", "≥", "≧", ">", "at least", "no less than", "from")
_HIGH_SIGNS = ("<=", "=<", "≤", "≦", "<", "at most", "no more than")
_EXCLUSIONS = {
    "infection": "infection_at_entry", "infection_at_entry": "infection_at_entry",
    "vasopressors": "vasopressors_at_entry", "vasopressors_at_entry": "vasopressors_at_entry",
    "cirrhosis": "cirrhosis",
}  # fmt: skip


def read_selection(
    table: Mapping[str, Any], problems: list[Problem]
) -> tuple[tuple[Limit, ...], tuple[float, float], tuple[str, ...]]:
    """Limits on measures, the lowest and highest age (infinite when not told), and exclusions.

    Criteria on one measure hold together; a problem is noted when nobody can meet them.
    """
    known_entries(table, ("criteria", "exclude", "note"), "selection", problems)
    ends: dict[str, tuple[float | None, float | None]] = {}
    allowed = 'a list of limits: criteria = ["age 18-65", "INR >= 1.5"]'
    for number, text in enumerate(
        as_list(table.get("criteria", []), "selection.criteria", problems, allowed)
    ):
        place = f"selection.criteria[{number}]"
        read = _criterion(text, place, problems)
        if read is None:
            continue
        name, low, high = read
        if not _possible(name, low, high):
            least, most = FIELDS_OF_MEASURES[name]
            limit = f"a limit that some patient meets: {name} lies between {least:g} and {most:g}"
            problems.append(Problem(place, repr(text), f"{limit} {_unit(name)}".strip()))
            continue
        before = ends.get(name, (None, None))
        ends[name] = _both(before[0], low, max), _both(before[1], high, min)
        both = ends[name]
        if both[0] is not None and both[1] is not None and both[0] > both[1]:
            problems.append(
                Problem(place, repr(text), f"criteria on {name} that one patient can meet together")
            )
            ends[name] = before
    years = ends.pop("age", (None, None))
    age = (-math.inf if years[0] is None else years[0], math.inf if years[1] is None else years[1])
    limits = [Limit.model_construct(measure=name, min=low, max=high) for name, (low, high) in ends.items()]
    exclude = []
    for number, text in enumerate(as_list(table.get("exclude", []), "selection.exclude", problems)):
        excluded = _EXCLUSIONS.get(key(str(text)))
        if excluded is None:
            allowed = f"one of {', '.join(dict.fromkeys(_EXCLUSIONS))}; limits on numbers are criteria"
            problems.append(
                Problem(
                    f"selection.exclude[{number}]", repr(text), allowed, nearest_name(str(text), _EXCLUSIONS)
                )
            )
        else:
            exclude.append(excluded)
    return tuple(limits), age, tuple(dict.fromkeys(exclude))


def _both(one: float | None, other: float | None, stricter: Callable[[float, float], float]) -> float | None:
    """The stricter of two ends, of which either may be open."""
    return other if one is None else one if other is None else stricter(one, other)


def _possible(name: str, low: float | None, high: float | None) -> bool:
    """Whether any patient is between the ends."""
    least, most = FIELDS_OF_MEASURES.get(name, (-math.inf, math.inf))
    return (low is None or low <= most) and (high is None or high >= least)


def _criterion(
    text: object, place: str, problems: list[Problem]
) -> tuple[str, float | None, float | None] | None:
    """(measure, lowest, highest) of a criterion; None with a problem noted."""
    allowed = (
        'a limit such as "INR >= 1.5", "MELD 17-30", "bilirubin at least 5 mg/dL", "age 18-65"; '
        "what cannot be written so goes into selection.note"
    )
    plain = (
        re.sub(r"\bMELD\s*3\.0\b", "meld3", tidy(text), flags=re.IGNORECASE) if isinstance(text, str) else ""
    )
    if both := _BOTH_SIDES.match(plain):
        plain = f"{both[2]} {both[1]} - {both[3]}"
    match = _CRITERION.match(plain)
    if match is None:
        problems.append(Problem(place, repr(text), allowed))
        return None
    name = ALIASES.get(key(match[1]), key(match[1]))
    if name not in MEASURES and name != "age":
        known = ("age", *MEASURES)
        nearest = nearest_name(name, (*known, *ALIASES))
        nearest = ALIASES.get(nearest or "", nearest)
        problems.append(Problem(place, repr(match[1]), f"a measure: {', '.join(known)}", nearest))
        return None
    sign, rest = (match[2] or "=").lower(), match[3]
    span = re.match(r"^([-+]?[\d.]+)\s*([^\d\s-]*(?:/\w+)?)\s*(?:-|to|and)\s*([\d.]+)\s*(.*)$", rest)
    if span and sign in ("=", ":", "from", "between"):
        low = _quantity(name, f"{span[1]} {span[2] or span[4]}", place, problems)
        high = _quantity(name, f"{span[3]} {span[4] or span[2]}", place, problems)
        if low is None or high is None:
            return None
        if low > high:
            problems.append(Problem(place, repr(text), "the lower end first"))
            return None
        return name, low, high
    value = _quantity(name, rest, place, problems) if sign in (*_LOW_SIGNS, *_HIGH_SIGNS) else None
    if value is None:
        if sign not in (*_LOW_SIGNS, *_HIGH_SIGNS):
            problems.append(Problem(place, repr(text), allowed))
        return None
    return (name, value, None) if sign in _LOW_SIGNS else (name, None, value)


def _unit(name: str) -> str:
    unit = "years" if name == "age" else MEASURES[name].unit
    return "" if unit in ("1", "points") else unit


def _quantity(name: str, text: str, place: str, problems: list[Problem]) -> float | None:
    unit = "years" if name == "age" else MEASURES[name].unit
    text = text.strip()
    try:
        if unit in ("1", "points", "years", "%") or unit in ("mmHg", "log10 IU/mL", "U/L", "1e9/L"):
            bare = re.match(r"^[-+]?\d+\.?\d*", text)
            rest = re.sub(
                r"\s*(years?( old)?|yrs?|y|points?|%|mmHg)?$", "", text, flags=re.IGNORECASE
            ).strip()
            if bare and bare[0] == rest:
                return float(bare[0])
        return read_quantity(text, unit, name)
    except UnitError as error:
        problems.append(error.problem(place))
        return None
