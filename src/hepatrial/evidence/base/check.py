"""A trial file checked at the edge: every problem at once, each with its place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base.risk import risk_problems
from hepatrial.evidence.base.types import UNITS, Trial

ALL_ARMS = "all"
"""Name by which a row speaks of every arm together."""
TOLERANCE = 0.15
"""Points by which a printed percentage may miss its own count: one unit of the last digit and a little."""

_ALLOWED = {
    "missing": "this entry is required",
    "string_type": "text in quotes",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table of entries",
    "model_type": "a table of entries",
    "string_too_short": "text that is not empty",
    "finite_number": "a finite number",
    "too_short": "a list that is not empty",
    "union_tag_not_found": "a table with its kind",
    "string_pattern_mismatch": "lower-case letters, digits and underscores, beginning with a letter",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("not below", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("not above", "le"),
}

Raw = Mapping[str, Any]


def place_text(location: tuple[int | str, ...]) -> str:
    """``("arms", 0, "n")`` as ``arms[0].n``."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def typed_problems(error: ValidationError, model: type[BaseModel], root: str = "") -> Iterator[Problem]:
    """Problems behind a validation error, in the words of the edge.

    A list that is empty only because its rows are wrong is no problem of its own.
    """
    entries = error.errors()
    for entry in entries:
        inside = any(other["loc"][: len(entry["loc"])] == entry["loc"] != other["loc"] for other in entries)
        if entry["type"] == "too_short" and inside:
            continue
        location = tuple(step for step in entry["loc"] if step != "[key]")
        place = ".".join(part for part in (root, place_text(location)) if part) or root or "file"
        kind, given = entry["type"], repr(entry["input"])[:80]
        if kind == "extra_forbidden":
            names = _entries(model, location[:-1])
            last = str(location[-1])
            allowed = f"the entries here are {', '.join(names)}" if names else "no such entry exists"
            yield Problem(place, f"unknown entry {last!r}", allowed, nearest_name(last, names))
        elif kind == "missing":
            yield Problem(place, "nothing", _ALLOWED[kind])
        elif kind in _BOUNDS:
            word, key = _BOUNDS[kind]
            yield Problem(place, given, f"must be a number {word} {entry['ctx'][key]:g}")
        elif kind == "literal_error":
            allowed = f"must be one of {entry['ctx']['expected']}"
            options = [word.strip("' ") for word in entry["ctx"]["expected"].replace(" or ", ", ").split(",")]
            yield Problem(place, given, allowed, nearest_name(str(entry["input"]), options))
        elif kind == "union_tag_invalid":
            options = [word.strip("' ") for word in str(entry["ctx"]["expected_tags"]).split(",")]
            tag = str(entry["ctx"]["tag"])
            what = str(entry["ctx"]["discriminator"]).strip("'")
            allowed = f"must be one of {', '.join(options)}"
            yield Problem(f"{place}.{what}", repr(tag), allowed, nearest_name(tag, options))
        elif kind == "string_pattern_mismatch" and r"\d" in entry["ctx"]["pattern"]:
            yield Problem(place, given, "must be a number as it was printed, such as 73.2")
        else:
            yield Problem(place, given, f"must be {_ALLOWED[kind]}" if kind in _ALLOWED else entry["msg"])


def _entries(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the entries at a place below a model, as far as the types say."""
    here: Any = model
    for step in location:
        if isinstance(step, int):
            continue
        field = here.model_fields.get(step) if hasattr(here, "model_fields") else None
        if field is None:
            return []
        here = next((t for t in _inner(field.annotation) if hasattr(t, "model_fields")), None)
        if here is None:
            return []
    return list(here.model_fields)


def _inner(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _inner(part)


def check_trial(data: Raw) -> Trial:
    """A trial file as a ``Trial``.

    Raises:
        BadInput: with everything that is wrong: unknown or missing entries, wrong types and units, an arm
            without its number of patients, counts above n, percentages outside 0-100, intervals that do
            not hold their estimate, survival that rises, mixed denominators, arms that do not exist.
    """
    problems: list[Problem] = []
    trial: Trial | None = None
    try:
        trial = Trial.model_validate(data)
    except ValidationError as error:
        problems += typed_problems(error, Trial)
    for check in (_arms, _survival, _differences, _events, _units, _tests, _effects):
        problems += check(data)
    if trial is not None and trial.risk:
        problems += risk_problems(trial.risk)
    if problems or trial is None:
        raise BadInput(dict.fromkeys(problems))
    return trial


def _rows(data: Raw, name: str) -> Iterator[tuple[str, Raw]]:
    rows = data.get(name, ())
    if isinstance(rows, list | tuple):
        for index, row in enumerate(rows):
            if isinstance(row, Mapping):
                yield f"{name}[{index}]", row


def _number(row: Raw, name: str) -> float | None:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _arm_sizes(data: Raw) -> dict[str, float | None]:
    return {str(row.get("name")): _number(row, "n") for _, row in _rows(data, "arms")}


def _arms(data: Raw) -> Iterator[Problem]:
    names: set[str] = set()
    for place, row in _rows(data, "arms"):
        name = str(row.get("name"))
        if name in names:
            yield Problem(f"{place}.name", repr(name), "must be named once")
        names.add(name)
        if row.get("n") is None and not row.get("n_unknown"):
            allowed = "the number of patients is required (or n_unknown with the reason why it is not known)"
            yield Problem(f"{place}.n", "nothing", allowed)
        product = row.get("product")
        if isinstance(product, Mapping):
            low, high = _number(product, "dose_low"), _number(product, "dose_high")
            if low is not None and high is not None and low > high:
                yield Problem(f"{place}.product.dose_low", f"{low:g}", f"must not be above {high:g}")
            if (low or high) and not product.get("dose_unit"):
                yield Problem(f"{place}.product.dose_unit", "nothing", "must be 'cells/kg' or 'cells'")
    for section in ("survival", "events", "laboratory", "baseline"):
        for place, row in _rows(data, section):
            arm = row.get("arm")
            if isinstance(arm, str) and arm not in names | {ALL_ARMS}:
                allowed = f"must be one of {', '.join(sorted(names))} or {ALL_ARMS}"
                yield Problem(f"{place}.arm", repr(arm), allowed, nearest_name(arm, names))


def _count(place: str, row: Raw, name: str, sizes: Mapping[str, float | None]) -> Iterator[Problem]:
    """A count, its denominator and its percentage, against each other and against the arm."""
    count, n, percent = _number(row, name), _number(row, "n"), _number(row, "percent")
    if count is not None and n is not None and count > n and row.get("unit") != "episodes":
        yield Problem(f"{place}.{name}", f"{count:g} of {n:g}", "must not be above n")
    elif count is not None and n and percent is not None:
        share = 100 * (n - count if row.get("unit") == "non-events" else count) / n
        if abs(share - percent) > TOLERANCE and row.get("grade") != "article":
            allowed = f"{count:g} of {n:g} is {share:.1f} %; count and percentage must agree"
            yield Problem(f"{place}.percent", f"{percent:g}", allowed)
    size = sizes.get(str(row.get("arm")))
    set_given = row.get("analysis_set", "as randomised") != "as randomised"
    if n is not None and size is not None and n != size and not set_given:
        allowed = f"mixed denominators: the arm has {size:g}; name the analysis_set if another set was meant"
        yield Problem(f"{place}.n", f"{n:g}", allowed)


def _interval(place: str, low: float | None, value: float | None, high: float | None) -> Iterator[Problem]:
    if low is not None and high is not None and low > high:
        yield Problem(f"{place}.ci_low", f"{low:g} to {high:g}", "the lower limit must be below the upper")
    elif value is not None and (
        (low is not None and value < low - 1e-9) or (high is not None and value > high + 1e-9)
    ):
        given = f"{value:g} ({low if low is not None else '?'} to {high if high is not None else '?'})"
        yield Problem(f"{place}.ci_low", given, "the interval must hold its estimate")


def _survival(data: Raw) -> Iterator[Problem]:
    sizes = _arm_sizes(data)
    courses: dict[tuple[str, str, str, str], list[tuple[float, float, str]]] = {}
    for place, row in _rows(data, "survival"):
        yield from _count(place, row, "survivors", sizes)
        percent, week = _number(row, "percent"), _number(row, "week")
        yield from _interval(place, _number(row, "ci_low"), percent, _number(row, "ci_high"))
        if percent is not None and week is not None:
            group = tuple(
                str(row.get(name, default))
                for name, default in (
                    ("arm", ""), ("endpoint", "overall"), ("analysis_set", "as randomised"), ("source", ""),
                )
            )  # fmt: skip
            courses.setdefault((group[0], group[1], group[2], group[3]), []).append((week, percent, place))
    for course in courses.values():
        points = sorted(course)
        for (_, before, _), (week, after, place) in pairwise(points):
            if after > before + 1e-9:
                allowed = f"survival cannot rise: {before:g} % stood before week {week:g}"
                yield Problem(f"{place}.percent", f"{after:g}", allowed)


def _differences(data: Raw) -> Iterator[Problem]:
    names = set(_arm_sizes(data))
    for place, row in _rows(data, "differences"):
        for side in ("treated", "control"):
            arm = row.get(side)
            if isinstance(arm, str) and arm not in names:
                allowed = f"must be one of {', '.join(sorted(names))}"
                yield Problem(f"{place}.{side}", repr(arm), allowed, nearest_name(arm, names))


def _tests(data: Raw) -> Iterator[Problem]:
    names = set(_arm_sizes(data))
    for place, row in _rows(data, "tests"):
        arms = row.get("arms")
        for arm in arms if isinstance(arms, list | tuple) else ():
            if isinstance(arm, str) and arm not in names:
                allowed = f"must be one of {', '.join(sorted(names))}"
                yield Problem(f"{place}.arms", repr(arm), allowed, nearest_name(arm, names))


def _events(data: Raw) -> Iterator[Problem]:
    sizes = _arm_sizes(data)
    for place, row in _rows(data, "events"):
        yield from _count(place, row, "count", sizes)
        if row.get("count") is None and not row.get("words"):
            yield Problem(f"{place}.count", "nothing", "a count, or the source's words, is required")
        if row.get("count") is not None and row.get("n") is None and not row.get("analysis_set"):
            yield Problem(f"{place}.n", "nothing", "a count needs the number of patients it is out of")


def _units(data: Raw) -> Iterator[Problem]:
    for section in ("laboratory", "baseline"):
        for place, row in _rows(data, section):
            unit = row.get("unit")
            if isinstance(unit, str) and unit not in UNITS:
                allowed = f"unknown unit; the units are {', '.join(UNITS)}"
                yield Problem(f"{place}.unit", repr(unit), allowed, nearest_name(unit, UNITS))
            value = _number(row, "value")
            level = not str(row.get("statistic", "")).startswith("change") and row.get("variable") != "PTA"
            if unit in ("percent", "%") and value is not None and level and not 0 <= value <= 100:
                yield Problem(f"{place}.value", f"{value:g}", "a percentage lies between 0 and 100")
            q1, q3 = _number(row, "q1"), _number(row, "q3")
            if q1 is not None and q3 is not None and value is not None and not q1 <= value <= q3:
                yield Problem(
                    f"{place}.q1", f"{value:g} ({q1:g} to {q3:g})", "the quartiles must hold the median"
                )


def _effects(data: Raw) -> Iterator[Problem]:
    for place, row in _rows(data, "effects"):
        low, value, high = (_number(row, name) for name in ("ci_low", "value", "ci_high"))
        yield from _interval(place, low, value, high)
        ratio = str(row.get("measure", "")).split(" ")[0] in ("RR", "OR", "HR")
        for name, number in (("value", value), ("ci_low", low)):
            if ratio and number is not None and not (math.isfinite(number) and number > 0):
                yield Problem(f"{place}.{name}", f"{number:g}", "a ratio is above 0")
