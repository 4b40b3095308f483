"""Endpoints of a study file: what is to be predicted, of which arms, when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepatrial.errors import Problem, nearest_name
from hepatrial.prediction.arms import Arm
from hepatrial.prediction.shapes import as_list, known_entries
from hepatrial.prediction.vocabulary import (
    ALIASES,
    CONTRASTS,
    ENDPOINT_ALIASES,
    ENDPOINTS,
    EVENT_KINDS,
    key,
    resolve,
)
from hepatrial.schema import MEASURES

LONGEST = 3660.0
"""Days; the longest follow-up that is predicted."""


@dataclass(frozen=True)
class Endpoint:
    """What is to be predicted.

    Attributes:
        name: in the answer's table.
        kind: key of ``vocabulary.ENDPOINTS``.
        day: from entry.
        measure: of laboratory endpoints.
        statistic: "mean" or "median".
        event: of contrasts of events, key of ``vocabulary.EVENT_KINDS``.
        grade: of encephalopathy, the lowest that counts.
        arms: of levels, those asked for; of contrasts, (treated, control).
    """

    name: str
    kind: str
    day: float
    measure: str = ""
    statistic: str = "mean"
    event: str = "survival"
    grade: int = 2
    arms: tuple[str, ...] = ()

    @property
    def contrast(self) -> bool:
        """Whether it compares two arms."""
        return self.kind in CONTRASTS


_ENDPOINT = (
    "name", "kind", "day", "week", "month", "year", "measure", "statistic", "event", "grade", "arm", "arms",
    "treated", "control", "note",
)  # fmt: skip
_TIMES = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}


def read_endpoints(
    given: object, arms: Mapping[str, Arm], names: tuple[str, ...], problems: list[Problem]
) -> tuple[Endpoint, ...]:
    """The endpoints of a study file; without any, survival at days 28 and 90.

    Args:
        given: what stands under ``endpoints``.
        arms: those that were read without a problem.
        names: of all arms in the file, so that a problem of one arm makes no others here.
        problems: of the file, to which are added.
    """
    if given is None:
        given = [{"kind": "survival", "day": 28}, {"kind": "survival", "day": 90}]
        if len(arms) > 1:
            given.append({"kind": "risk_difference", "day": 90})
    found: list[Endpoint] = []
    allowed = 'tables [[endpoints]] with kind and day: kind = "survival", day = 90'
    for number, raw in enumerate(as_list(given, "endpoints", problems, allowed)):
        place = f"endpoints[{number}]"
        if not isinstance(raw, Mapping):
            problems.append(Problem(place, repr(raw), "a table: [[endpoints]] with kind and day"))
            continue
        found += _endpoint(raw, place, arms, names, problems)
    for name in dict.fromkeys(endpoint.name for endpoint in found):
        pairs = [endpoint.arms for endpoint in found if endpoint.name == name]
        if len(pairs) > 1 and len({*pairs}) < len(pairs):
            problems.append(
                Problem("endpoints", f"{name!r} twice", "each endpoint once; give a name of its own")
            )
    if not found and not problems:
        problems.append(Problem("endpoints", "nothing", "at least one endpoint"))
    return tuple(found)


def _endpoint(
    raw: Mapping[str, Any],
    place: str,
    arms: Mapping[str, Arm],
    all_names: tuple[str, ...],
    problems: list[Problem],
) -> list[Endpoint]:
    before = len(problems)
    known_entries(raw, _ENDPOINT, place, problems)
    kind = resolve(str(raw.get("kind", "")), ENDPOINTS, ENDPOINT_ALIASES)
    if kind is None:
        given = raw.get("kind")
        nearest = nearest_name(str(given), (*ENDPOINTS, *ENDPOINT_ALIASES)) if given else None
        problems.append(
            Problem(
                f"{place}.kind",
                repr(given) if given else "nothing",
                f"one of {', '.join(ENDPOINTS)}",
                nearest,
            )
        )
        return []
    day = _day(raw, place, problems)
    measure = _measure(raw, kind, place, problems)
    statistic = raw.get("statistic", "mean")
    if statistic not in ("mean", "median"):
        problems.append(
            Problem(
                f"{place}.statistic",
                repr(statistic),
                "mean or median",
                nearest_name(str(statistic), ("mean", "median")),
            )
        )
    event = _event(raw, kind, place, problems)
    grade = raw.get("grade", 2)
    if isinstance(grade, bool) or not isinstance(grade, int) or not 1 <= grade <= 4:
        problems.append(Problem(f"{place}.grade", repr(grade), "a whole number from 1 to 4"))
    chosen = _chosen(raw, kind, place, arms, all_names, problems)
    if len(problems) > before or day is None:
        return []
    stem = str(raw.get("name", "")) or _stem(kind, event, measure, day, grade)
    base = Endpoint(stem, kind, day, measure, statistic, event, grade)
    return [
        Endpoint(stem, kind, day, measure, statistic, event, grade, pair)
        for pair in (chosen if base.contrast else [tuple(name for (name,) in chosen)])
    ]


def _stem(kind: str, event: str, measure: str, day: float, grade: int) -> str:
    parts = [kind]
    if kind in CONTRASTS and kind not in ("survival_difference", "lab_difference"):
        parts.append("death" if EVENT_KINDS[event] == "death" else event)
    if measure:
        parts.append(measure)
    if kind == "encephalopathy":
        parts.append(f"{grade}")
    return "_".join((*parts, f"d{round(day)}"))


def _day(raw: Mapping[str, Any], place: str, problems: list[Problem]) -> float | None:
    given = [name for name in _TIMES if name in raw]
    if len(given) != 1:
        problems.append(Problem(place, f"{len(given)} times", "one of day, week, month, year"))
        return None
    value = raw[given[0]]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value * _TIMES[given[0]] <= LONGEST
    ):
        problems.append(
            Problem(f"{place}.{given[0]}", repr(value), f"a time above 0 and at most {LONGEST:g} days")
        )
        return None
    return round(float(value) * _TIMES[given[0]], 3)


def _measure(raw: Mapping[str, Any], kind: str, place: str, problems: list[Problem]) -> str:
    if kind not in ("lab", "lab_change", "lab_difference"):
        if "measure" in raw:
            problems.append(
                Problem(f"{place}.measure", repr(raw["measure"]), f"nothing: {kind} is not of a measure")
            )
        return ""
    name = key(str(raw.get("measure", "")))
    name = ALIASES.get(name, name)
    if name not in MEASURES:
        given = repr(raw.get("measure", "nothing"))
        problems.append(
            Problem(
                f"{place}.measure", given, f"a measure: {', '.join(MEASURES)}", nearest_name(name, MEASURES)
            )
        )
    return name


def _event(raw: Mapping[str, Any], kind: str, place: str, problems: list[Problem]) -> str:
    event = resolve(str(raw.get("event", "survival")), ENDPOINTS, {**ENDPOINT_ALIASES, "death": "survival"})
    if event not in EVENT_KINDS:
        allowed = f"an event: death, {', '.join(EVENT_KINDS)}"
        problems.append(
            Problem(
                f"{place}.event",
                repr(raw.get("event")),
                allowed,
                nearest_name(str(raw.get("event")), EVENT_KINDS),
            )
        )
        return "survival"
    if "event" in raw and kind not in CONTRASTS:
        problems.append(Problem(f"{place}.event", repr(raw["event"]), "only contrasts name an event"))
    return event


def _chosen(
    raw: Mapping[str, Any],
    kind: str,
    place: str,
    arms: Mapping[str, Arm],
    all_names: tuple[str, ...],
    problems: list[Problem],
) -> list[tuple[str, ...]]:
    """Arms of a level, one tuple each, or (treated, control) pairs of a contrast."""
    known = tuple(dict.fromkeys((*all_names, *arms)))

    def named(entry: str, value: object) -> str | None:
        if value in known:
            return str(value)
        allowed = f"an arm: {', '.join(known)}" if known else "an arm of the study; it has none"
        problems.append(Problem(f"{place}.{entry}", repr(value), allowed, nearest_name(str(value), known)))
        return None

    if kind in CONTRASTS:
        control = next((name for name, arm in arms.items() if arm.control), None)
        if "control" in raw:
            control = named("control", raw["control"])
        treated = (
            [named("treated", raw["treated"])] if "treated" in raw else [n for n in arms if n != control]
        )
        if len(known) == 1:
            problems.append(Problem(place, kind, "a study of two arms or more: this one is a contrast"))
        if "treated" in raw and any(name is not None and name == control for name in treated):
            problems.append(Problem(place, repr(control), "two different arms"))
        return [(name, control) for name in treated if name is not None and control is not None]
    problems += [
        Problem(f"{place}.{entry}", repr(raw[entry]), "only contrasts name these; use arm or arms")
        for entry in ("treated", "control")
        if entry in raw
    ]
    wanted = [raw["arm"]] if "arm" in raw else raw.get("arms", list(arms))
    names = [named("arms", value) for value in as_list(wanted, f"{place}.arms", problems)]
    return [(name,) for name in names if name is not None]
