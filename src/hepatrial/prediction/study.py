"""A study file: definition, causes, Table 1, selection, arms, endpoints. Read with every problem reported
together."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.prediction.interventions import Intervention, find_intervention, spellings
from hepatrial.prediction.table1 import Reader, Wanted, pool_arms, read_share, read_table1
from hepatrial.prediction.vocabulary import (
    ALIASES,
    CONTRASTS,
    DEFINITION_ALIASES,
    DEFINITIONS,
    ENDPOINT_ALIASES,
    ENDPOINTS,
    ETIOLOGIES,
    ETIOLOGY_ALIASES,
    EVENT_KINDS,
    key,
    resolve,
)
from hepatrial.protocol.sections import Care, Limit
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, read_quantity

SECTIONS = ("study", "etiology", "selection", "baseline", "care", "arms", "endpoints")
LARGEST_ARM = 1_000_000
LONGEST = 1830.0
"""Days; the longest follow-up that is predicted."""


@dataclass(frozen=True)
class Arm:
    """A group of patients.

    Attributes:
        name: of its table.
        n: patients.
        given: what it gets.
        regimen: lines of cell infusions as ``protocol`` reads them.
        care: what it has instead of the shared care, as ``protocol`` reads it.
        control: whether it is the arm that the others are compared with.
        implied: added because a treated arm is never shown alone.
    """

    name: str
    n: int
    given: tuple[Intervention, ...] = ()
    regimen: tuple[Mapping[str, Any], ...] = ()
    care: Mapping[str, Any] = field(default_factory=dict)
    control: bool = False
    implied: bool = False

    @property
    def treated(self) -> bool:
        """Whether it gets more than standard care."""
        return any(one.treats for one in self.given)


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


@dataclass(frozen=True)
class Study:
    """A study as its paper describes it before any result.

    Attributes:
        id: short name; moves no number.
        title, source: for people.
        definition: tag.
        etiology: cause -> share, adding up to 1.
        country, years: where and when.
        limits: entry criteria on measures, SI.
        age: lowest and highest age, or infinities.
        exclude: exclusions by name.
        baseline: rows of the Table 1.
        not_used: rows that were read and that the model has no column for.
        care: shared care as ``protocol`` reads it.
        arms: by name.
        endpoints: in order.
        notes: what the reader did that a user should know.
        centres: hospitals that took part, None when not told.
    """

    id: str
    title: str
    source: str
    definition: str
    etiology: Mapping[str, float]
    country: str
    years: str
    limits: tuple[Limit, ...]
    age: tuple[float, float]
    exclude: tuple[str, ...]
    baseline: tuple[Wanted, ...]
    not_used: tuple[str, ...]
    care: Mapping[str, Any]
    arms: Mapping[str, Arm]
    endpoints: tuple[Endpoint, ...]
    notes: tuple[str, ...] = ()
    centres: int | None = None

    @property
    def control(self) -> str:
        """Name of the control arm."""
        return next(name for name, arm in self.arms.items() if arm.control)

    @property
    def follow_up(self) -> float:
        """Days until the last endpoint."""
        return max(endpoint.day for endpoint in self.endpoints)


def fast_share(study: Study) -> float:
    """Share of acute failure by causes that end or recover within days; half where no cause is told."""
    told = 1.0 - study.etiology.get("other", 0.0)
    if told <= 0.0:
        return 0.5
    return sum(study.etiology.get(name, 0.0) for name in ("paracetamol", "ischaemia", "pregnancy"))


def read_study(path: Path | str) -> Study:
    """Read a study file.

    Raises:
        BadInput: no such file, not TOML, or with everything that is wrong in it.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput([Problem("STUDY", str(path), f"a study file ({error.strerror})")]) from None
    except UnicodeDecodeError:
        raise BadInput([Problem("STUDY", str(path), "a text file in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem(str(path), str(error), "TOML; see docs/predict.md")]) from None
    return study_from_dict(data, default_id=key(path.stem) or "study")


def study_from_dict(data: Mapping[str, Any], default_id: str = "study") -> Study:
    """A study from plain data.

    Raises:
        BadInput: with everything that is wrong.
    """
    reader = Reader([], [])
    problems = reader.problems
    for name in data:
        if name not in SECTIONS:
            allowed = f"the sections are {', '.join(SECTIONS)}"
            problems.append(
                Problem(str(name), f"unknown section {name!r}", allowed, nearest_name(str(name), SECTIONS))
            )
    about = _table(data, "study", problems)
    entries = (
        "id",
        "title",
        "source",
        "doi",
        "definition",
        "country",
        "region",
        "years",
        "centres",
        "note",
        "design",
        "role",
    )
    _known(about, entries, "study", problems)
    definition = _definition(about, problems)
    centres = _centres(about, problems)
    etiology = _etiology(data.get("etiology"), definition, problems)
    limits, age, exclude = _selection(_table(data, "selection", problems), problems)
    shared = read_table1(data.get("baseline", {}), "baseline", reader)
    arms, by_arm, notes = _arms(data.get("arms"), reader)
    care = _care(_table(data, "care", problems), "care", problems)
    endpoints = _endpoints(data.get("endpoints"), arms, problems)
    if problems:
        raise BadInput(problems)
    pooled = pool_arms([(arms[name].n, rows) for name, rows in by_arm.items()])
    named = {one.variable for one in shared}
    baseline = (*shared, *(one for one in pooled if one.variable not in named))
    return Study(
        id=str(about.get("id", default_id)),
        title=str(about.get("title", about.get("id", default_id))),
        source=str(about.get("source", about.get("doi", ""))),
        definition=definition,
        etiology=etiology,
        country=str(about.get("country", about.get("region", ""))),
        years=str(about.get("years", "")),
        limits=limits,
        age=age,
        exclude=exclude,
        baseline=baseline,
        not_used=tuple(dict.fromkeys(reader.not_used)),
        care=care,
        arms=arms,
        endpoints=endpoints,
        notes=tuple(notes),
        centres=centres,
    )


def _centres(about: Mapping[str, Any], problems: list[Problem]) -> int | None:
    given = about.get("centres")
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 1):
        return given
    problems.append(Problem("study.centres", repr(given), "a whole number of hospitals, at least 1"))
    return None


def _table(data: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = data.get(name, {})
    if isinstance(value, Mapping):
        return value
    problems.append(Problem(name, repr(value), f"a table: [{name}]"))
    return {}


def _known(table: Mapping[str, Any], entries: tuple[str, ...], place: str, problems: list[Problem]) -> None:
    for name in table:
        if name not in entries:
            allowed = f"the entries here are {', '.join(entries)}"
            problems.append(Problem(f"{place}.{name}", repr(name), allowed, nearest_name(str(name), entries)))


def _definition(about: Mapping[str, Any], problems: list[Problem]) -> str:
    given = about.get("definition")
    allowed = f"the definition of the disease: {', '.join(DEFINITIONS)}"
    found = resolve(given, DEFINITIONS, DEFINITION_ALIASES) if isinstance(given, str) else None
    if found is None:
        nearest = nearest_name(str(given), (*DEFINITIONS, *DEFINITION_ALIASES)) if given else None
        problems.append(Problem("study.definition", repr(given) if given else "nothing", allowed, nearest))
        return "chinese_medical_association"
    return found


def _etiology(given: object, definition: str, problems: list[Problem]) -> dict[str, float]:
    """Shares adding up to 1; what is missing is "other". A single name is all of it."""
    if isinstance(given, str):
        given = {given: 1.0}
    if given is None:
        return {"hbv": 1.0} if definition == "cossh" else {"other": 1.0}
    if not isinstance(given, Mapping):
        problems.append(Problem("etiology", repr(given), '"hbv" or a table: hbv = "60 %", alcohol = "30 %"'))
        return {"other": 1.0}
    shares: dict[str, float] = {}
    for name, value in given.items():
        cause = resolve(str(name), ETIOLOGIES, ETIOLOGY_ALIASES)
        place = f"etiology.{name}"
        if cause is None:
            nearest = nearest_name(str(name), (*ETIOLOGIES, *ETIOLOGY_ALIASES))
            problems.append(Problem(place, repr(name), f"a cause: {', '.join(ETIOLOGIES)}", nearest))
            continue
        share = read_share(value, place, problems)
        if share is not None:
            shares[cause] = shares.get(cause, 0.0) + share
    total = sum(shares.values())
    if total > 1.02:
        problems.append(
            Problem("etiology", f"shares adding up to {total:.2f}", "shares that add up to at most 1")
        )
        return {"other": 1.0}
    if total < 0.98:
        shares["other"] = shares.get("other", 0.0) + 1.0 - total
    total = sum(shares.values())
    return {name: share / total for name, share in sorted(shares.items()) if share > 0}


_CRITERION = re.compile(r"^\s*([A-Za-z][\w\s-]*?)\s*(>=|<=|≥|≤|>|<|at least|at most|=|from)?\s*([-+]?\d.*)$")
_EXCLUSIONS = {
    "infection": "infection_at_entry", "infection_at_entry": "infection_at_entry",
    "vasopressors": "vasopressors_at_entry", "vasopressors_at_entry": "vasopressors_at_entry",
    "cirrhosis": "cirrhosis",
}  # fmt: skip


def _selection(
    table: Mapping[str, Any], problems: list[Problem]
) -> tuple[tuple[Limit, ...], tuple[float, float], tuple[str, ...]]:
    _known(table, ("criteria", "exclude", "note"), "selection", problems)
    limits: list[Limit] = []
    age = (-math.inf, math.inf)
    for number, text in enumerate(_list(table.get("criteria", []), "selection.criteria", problems)):
        place = f"selection.criteria[{number}]"
        read = _criterion(text, place, problems)
        if read is None:
            continue
        name, low, high = read
        if name == "age":
            age = (
                max(age[0], -math.inf if low is None else low),
                min(age[1], math.inf if high is None else high),
            )
        else:
            limits.append(Limit.model_construct(measure=name, min=low, max=high))
    exclude = []
    for number, text in enumerate(_list(table.get("exclude", []), "selection.exclude", problems)):
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


def _list(value: object, place: str, problems: list[Problem]) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    problems.append(Problem(place, repr(value), "a list"))
    return []


def _criterion(
    text: object, place: str, problems: list[Problem]
) -> tuple[str, float | None, float | None] | None:
    allowed = 'a limit such as "INR >= 1.5", "MELD 17-30", "bilirubin at least 5 mg/dL", "age 18-65"'
    match = _CRITERION.match(text) if isinstance(text, str) else None
    if match is None:
        problems.append(Problem(place, repr(text), allowed))
        return None
    name = ALIASES.get(key(match[1]), key(match[1]))
    if name not in MEASURES and name != "age":
        known = ("age", *MEASURES)
        problems.append(
            Problem(place, repr(match[1]), f"a measure: {', '.join(known)}", nearest_name(name, known))
        )
        return None
    sign, rest = match[2] or "=", match[3]
    span = re.match(r"^([-+]?[\d.]+)\s*(?:-|–|to)\s*([\d.]+)\s*(.*)$", rest)
    if span and sign in ("=", "from"):
        low = _quantity(name, f"{span[1]} {span[3]}", place, problems)
        high = _quantity(name, f"{span[2]} {span[3]}", place, problems)
        if low is None or high is None:
            return None
        if low > high:
            problems.append(Problem(place, repr(text), "the lower end first"))
            return None
        return name, low, high
    value = _quantity(name, rest, place, problems)
    if value is None:
        return None
    if sign in (">=", "≥", ">", "at least", "from"):
        return name, value, None
    if sign in ("<=", "≤", "<", "at most"):
        return name, None, value
    problems.append(Problem(place, repr(text), allowed))
    return None


def _quantity(name: str, text: str, place: str, problems: list[Problem]) -> float | None:
    unit = "years" if name == "age" else MEASURES[name].unit
    text = text.strip()
    try:
        if unit in ("1", "points", "years", "%") or unit in ("mmHg", "log10 IU/mL", "U/L", "1e9/L"):
            bare = re.match(r"^[-+]?\d+\.?\d*", text)
            if bare and bare[0] == re.sub(r"\s*(years?|points?|%|mmHg)?$", "", text).strip():
                return float(bare[0])
        return read_quantity(text, unit, name)
    except UnitError as error:
        problems.append(error.problem(place))
        return None


_ARM = (
    "n", "label", "control", "treatment", "treatments", "products", "drugs", "devices", "regimen", "care",
    "baseline", "dose", "route", "days", "note",
)  # fmt: skip


def _arms(given: object, reader: Reader) -> tuple[dict[str, Arm], dict[str, list[Wanted]], list[str]]:
    problems = reader.problems
    if not isinstance(given, Mapping) or not given:
        problems.append(
            Problem(
                "arms", "nothing" if not given else repr(given), "a table for each arm: [arms.msc] with n"
            )
        )
        return {}, {}, []
    arms: dict[str, Arm] = {}
    rows: dict[str, list[Wanted]] = {}
    for name, raw in given.items():
        place = f"arms.{name}"
        if not isinstance(raw, Mapping):
            problems.append(Problem(place, repr(raw), f"a table: [{place}] with n"))
            continue
        arm = _arm(str(name), raw, place, problems)
        if "baseline" in raw:
            rows[str(name)] = read_table1(raw["baseline"], f"{place}.baseline", reader)
        if arm is not None:
            arms[str(name)] = arm
    notes: list[str] = []
    if arms and len(arms) == len(given):
        arms = _with_control(arms, problems, notes)
    return arms, {name: found for name, found in rows.items() if name in arms}, notes


def _arm(name: str, raw: Mapping[str, Any], place: str, problems: list[Problem]) -> Arm | None:
    before = len(problems)
    _known(raw, _ARM, place, problems)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name):
        problems.append(Problem(place, repr(name), "letters, digits and underscores, a letter first"))
    n = raw.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LARGEST_ARM:
        problems.append(
            Problem(
                f"{place}.n", "nothing" if n is None else repr(n), "a whole number of patients, at least 1"
            )
        )
        n = 1
    given, regimen = _given(raw, place, problems)
    care = raw.get("care", {})
    if not isinstance(care, Mapping):
        problems.append(Problem(f"{place}.care", repr(care), f"a table: [{place}.care]"))
        care = {}
    else:
        care = _care(care, f"{place}.care", problems)
    control = raw.get("control", False)
    if not isinstance(control, bool):
        problems.append(Problem(f"{place}.control", repr(control), "true or false"))
        control = False
    if len(problems) > before:
        return None
    return Arm(name, n, given, regimen, care, control)


def _given(
    raw: Mapping[str, Any], place: str, problems: list[Problem]
) -> tuple[tuple[Intervention, ...], tuple[Mapping[str, Any], ...]]:
    """Treatments of an arm and its lines of infusions (with stated defaults when the file gives none)."""
    found: dict[str, Intervention] = {}
    for entry in ("treatment", "treatments", "products", "drugs", "devices"):
        value = raw.get(entry, [])
        items = [value] if isinstance(value, str) else _list(value, f"{place}.{entry}", problems)
        for number, text in enumerate(items):
            one = find_intervention(text) if isinstance(text, str) else None
            if one is None:
                other = {"products": "other_cells", "devices": "other_device"}.get(entry, "other_drug")
                allowed = f"a treatment that is known, or {other!r} for one that is not"
                nearest = nearest_name(str(text), spellings())
                problems.append(Problem(f"{place}.{entry}[{number}]", repr(text), allowed, nearest))
            else:
                found[one.name] = one
    lines = []
    for number, line in enumerate(_list(raw.get("regimen", []), f"{place}.regimen", problems)):
        here = f"{place}.regimen[{number}]"
        if not isinstance(line, Mapping):
            problems.append(Problem(here, repr(line), "a table with product, dose, route and days"))
            continue
        one = find_intervention(str(line.get("product", "")))
        if one is None or not one.product:
            nearest = nearest_name(str(line.get("product", "")), spellings())
            problems.append(
                Problem(f"{here}.product", repr(line.get("product", "nothing")), "a cell product", nearest)
            )
            continue
        found[one.name] = one
        lines.append({**line, "product": one.name})
    for one in found.values():
        if one.product and one.how == "model" and not lines:
            defaults = {name: raw[name] for name in ("dose", "route", "days") if name in raw}
            lines.append({"product": one.name, **DEFAULT_REGIMEN, **defaults})
    return tuple(found[name] for name in sorted(found)), tuple(lines)


DEFAULT_REGIMEN: Mapping[str, Any] = {"dose": "1e6 cells/kg", "route": "peripheral_vein", "days": [0, 7, 14]}
"""Of a cell product named without a regimen."""


def _care(table: Mapping[str, Any], place: str, problems: list[Problem]) -> Mapping[str, Any]:
    """Care as the protocol has it, checked by its own types."""
    from pydantic import ValidationError

    from hepatrial.protocol.problems import problems_of

    if not table:
        return {}
    try:
        Care.model_validate(dict(table))
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), tuple(place.split(".")), Care)
        return {}
    return dict(table)


def _with_control(arms: dict[str, Arm], problems: list[Problem], notes: list[str]) -> dict[str, Arm]:
    """Exactly one control arm: the one that says so, or the only one without treatment, or an implied one."""
    said = [name for name, arm in arms.items() if arm.control]
    if len(said) > 1:
        problems.append(Problem("arms", f"control = true in {', '.join(said)}", "one control arm"))
        return arms
    if not said:
        plain = [name for name, arm in arms.items() if not arm.treated]
        if plain:
            words = ("control", "standard", "smt", "placebo", "conventional", "sham")
            said = sorted(plain, key=lambda name: (not any(word in name.lower() for word in words), name))[:1]
        else:
            first = min(arms.values(), key=lambda arm: arm.name)
            name = "control" if "control" not in arms else "implied_control"
            notes.append(f"No arm is without treatment: an arm {name!r} of the same size is added beside.")
            return {**arms, name: Arm(name, first.n, control=True, implied=True)}
    return {
        name: Arm(arm.name, arm.n, arm.given, arm.regimen, arm.care, name == said[0])
        for name, arm in arms.items()
    }


_ENDPOINT = (
    "name", "kind", "day", "week", "month", "year", "measure", "statistic", "event", "grade", "arm", "arms",
    "treated", "control", "note",
)  # fmt: skip
_TIMES = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}


def _endpoints(given: object, arms: Mapping[str, Arm], problems: list[Problem]) -> tuple[Endpoint, ...]:
    if given is None:
        given = [{"kind": "survival", "day": 28}, {"kind": "survival", "day": 90}]
        if sum(1 for _ in arms) > 1:
            given.append({"kind": "risk_difference", "day": 90})
    found: list[Endpoint] = []
    for number, raw in enumerate(_list(given, "endpoints", problems)):
        place = f"endpoints[{number}]"
        if not isinstance(raw, Mapping):
            problems.append(Problem(place, repr(raw), "a table: [[endpoints]] with kind and day"))
            continue
        found += _endpoint(raw, place, arms, problems)
    names = [endpoint.name for endpoint in found]
    for name in dict.fromkeys(names):
        pairs = [endpoint.arms for endpoint in found if endpoint.name == name]
        if len(pairs) > 1 and len({*pairs}) < len(pairs):
            problems.append(
                Problem("endpoints", f"{name!r} twice", "each endpoint once; give a name of its own")
            )
    if not found and not problems:
        problems.append(Problem("endpoints", "nothing", "at least one endpoint"))
    return tuple(found)


def _endpoint(
    raw: Mapping[str, Any], place: str, arms: Mapping[str, Arm], problems: list[Problem]
) -> list[Endpoint]:
    before = len(problems)
    _known(raw, _ENDPOINT, place, problems)
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
    chosen = _chosen(raw, kind, place, arms, problems)
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
        parts.append("death" if event in ("survival", "deaths") else event)
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
    raw: Mapping[str, Any], kind: str, place: str, arms: Mapping[str, Arm], problems: list[Problem]
) -> list[tuple[str, ...]]:
    """Arms of a level, one tuple each, or (treated, control) pairs of a contrast."""

    def named(entry: str, value: object) -> str | None:
        if value in arms:
            return str(value)
        problems.append(
            Problem(
                f"{place}.{entry}", repr(value), f"an arm: {', '.join(arms)}", nearest_name(str(value), arms)
            )
        )
        return None

    if kind in CONTRASTS:
        control = next((name for name, arm in arms.items() if arm.control), None)
        if "control" in raw:
            control = named("control", raw["control"])
        treated = (
            [named("treated", raw["treated"])] if "treated" in raw else [n for n in arms if n != control]
        )
        if arms and len(arms) < 2:
            problems.append(Problem(place, kind, "a study of two arms or more: this one is a contrast"))
        if any(name == control for name in treated):
            problems.append(Problem(place, repr(control), "two different arms"))
        return [(name, control) for name in treated if name is not None and control is not None]
    problems += [
        Problem(f"{place}.{entry}", repr(raw[entry]), "only contrasts name these; use arm or arms")
        for entry in ("treated", "control")
        if entry in raw
    ]
    wanted = [raw["arm"]] if "arm" in raw else raw.get("arms", list(arms))
    names = [named("arms", value) for value in _list(wanted, f"{place}.arms", problems)]
    return [(name,) for name in names if name is not None]
