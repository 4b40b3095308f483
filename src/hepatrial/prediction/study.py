"""A study file: definition, causes, Table 1, selection, arms, endpoints. Read with every problem reported
together."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.prediction.arms import Arm, read_arms, read_care
from hepatrial.prediction.criteria import read_selection
from hepatrial.prediction.endpoints import Endpoint, read_endpoints
from hepatrial.prediction.shapes import as_table, known_entries
from hepatrial.prediction.table1 import Reader, Wanted, pool_arms, read_share, read_table1
from hepatrial.prediction.tidy import tidy
from hepatrial.prediction.vocabulary import (
    DEFINITION_ALIASES,
    DEFINITIONS,
    ETIOLOGIES,
    ETIOLOGY_ALIASES,
    FIELDS_OF_MEASURES,
    VARIABLES,
    key,
    resolve,
)
from hepatrial.protocol import DEFINITIONS as TAGS
from hepatrial.protocol.sections import Limit
from hepatrial.units import convert, usual_units

__all__ = ["Arm", "Endpoint", "Study", "fast_share", "read_study", "study_from_dict"]

SECTIONS = ("study", "etiology", "selection", "baseline", "care", "arms", "endpoints")
_ENTRIES = (
    "id", "title", "source", "doi", "definition", "etiology", "country", "region", "years", "centres", "note",
    "design", "role",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A study as its paper describes it before any result.

    Attributes:
        id: short name; moves no number.
        title, source: for people.
        definition: tag.
        etiology: cause -> share of its patients, adding up to 1.
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
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput([Problem("STUDY", str(path), f"a study file ({error.strerror})")]) from None
    except UnicodeDecodeError:
        raise BadInput([Problem("STUDY", str(path), "a text file in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        allowed = "TOML, as `hepatrial predict --example` prints it; see docs/predict.md"
        raise BadInput([Problem(str(path), str(error), allowed)]) from None
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
    about = as_table(data, "study", problems)
    known_entries(about, _ENTRIES, "study", problems)
    notes: list[str] = []
    definition = _definition(about, problems)
    etiology = _etiology(_causes(data, about, problems), definition, problems, notes)
    limits, age, exclude = read_selection(as_table(data, "selection", problems), problems)
    shared = read_table1(data.get("baseline", {}), "baseline", reader)
    arms, by_arm, told = read_arms(data.get("arms"), reader)
    for rows in (shared, *by_arm.values()):
        _fits_definition(rows, definition, problems)
    names = tuple(map(str, data["arms"])) if isinstance(data.get("arms"), Mapping) else tuple(arms)
    found = {
        "centres": _centres(about, problems),
        "care": read_care(as_table(data, "care", problems), "care", problems),
        "endpoints": read_endpoints(data.get("endpoints"), arms, names, problems),
    }
    if problems:
        raise BadInput(problems)
    pooled = pool_arms([(arms[name].n, rows) for name, rows in by_arm.items()])
    named = {one.variable for one in shared}
    return Study(
        id=str(about.get("id", "") or default_id),
        title=str(about.get("title", about.get("id", default_id))),
        source=str(about.get("source", about.get("doi", ""))),
        definition=definition,
        etiology=etiology,
        country=_country(about.get("country", about.get("region", ""))),
        years=str(about.get("years", "")),
        limits=limits,
        age=age,
        exclude=exclude,
        baseline=(*shared, *(one for one in pooled if one.variable not in named)),
        not_used=tuple(dict.fromkeys(reader.not_used)),
        arms=arms,
        notes=(*notes, *told),
        **found,  # type: ignore[arg-type]
    )


def _country(given: object) -> str:
    return ", ".join(map(str, given)) if isinstance(given, list | tuple) else str(given)


def _centres(about: Mapping[str, Any], problems: list[Problem]) -> int | None:
    given = about.get("centres")
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 1):
        return given
    problems.append(Problem("study.centres", repr(given), "a whole number of hospitals, at least 1"))
    return None


_BESIDE = (
    "aclf",
    "criteria",
    "definition",
    "acute_on_chronic_liver_failure",
    "hbv",
    "consortium",
    "liver_failure",
)
"""Words beside the name of a definition, which change nothing."""


def _definition(about: Mapping[str, Any], problems: list[Problem]) -> str:
    given = about.get("definition")
    found = resolve(given, DEFINITIONS, DEFINITION_ALIASES) if isinstance(given, str) else None
    if found is None and isinstance(given, str):
        bare = f"_{key(given)}_"
        for words in _BESIDE:
            bare = bare.replace(f"_{words}_", "_")
        found = resolve(bare, DEFINITIONS, DEFINITION_ALIASES)
    if found is None:
        allowed = f"the definition of the disease: {', '.join(DEFINITIONS)}"
        nearest = nearest_name(str(given), (*DEFINITIONS, *DEFINITION_ALIASES)) if given else None
        nearest = DEFINITION_ALIASES.get(nearest or "", nearest)
        problems.append(Problem("study.definition", repr(given) if given else "nothing", allowed, nearest))
        return "chinese_medical_association"
    return found


def _causes(data: Mapping[str, Any], about: Mapping[str, Any], problems: list[Problem]) -> object:
    """The causes, which may stand among the entries of [study]: TOML puts there what follows its head."""
    if "etiology" in data and "etiology" in about:
        problems.append(Problem("study.etiology", repr(about["etiology"]), "the causes once, in [etiology]"))
    return data.get("etiology", about.get("etiology"))


def _etiology(given: object, definition: str, problems: list[Problem], notes: list[str]) -> dict[str, float]:
    """Shares adding up to 1; what is missing is "other". A single name is all of it."""
    if isinstance(given, str):
        given = {given: 1.0}
    if given is None:
        if definition == "chinese_medical_association":
            notes.append("No cause is told: hepatitis B, as in nearly all who meet the Chinese criteria.")
        return {"hbv": 1.0} if definition in ("cossh", "chinese_medical_association") else {"other": 1.0}
    if not isinstance(given, Mapping):
        problems.append(Problem("etiology", repr(given), '"hbv" or a table: hbv = "60 %", alcohol = "30 %"'))
        return {"other": 1.0}
    shares: dict[str, float] = {}
    for name, value in given.items():
        cause = resolve(tidy(str(name)), ETIOLOGIES, ETIOLOGY_ALIASES)
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


MOST = {"compensated_cirrhosis": {"bilirubin": 51.0}}
"""Tag -> measure -> value (SI) that no patient of the definition passes."""


def _fits_definition(rows: list[Wanted], definition: str, problems: list[Problem]) -> None:
    """Refuse a middle value that the definition excludes and that another unit would put right."""
    for one in rows:
        limits = FIELDS_OF_MEASURES.get(one.variable)
        if one.location is None or limits is None:
            continue
        middle = math.exp(one.location) if one.log else one.location
        least = TAGS[definition].minimum.get(one.variable, limits[0])
        most = MOST.get(definition, {}).get(one.variable, limits[1])
        if least <= middle <= most:
            continue
        units = usual_units(VARIABLES[one.variable].unit, one.variable)
        sizes = [convert(1.0, unit, units[0], one.variable) for unit in units[1:]]
        if any(least <= middle * factor <= most for size in sizes for factor in (size, 1.0 / size)):
            ends = f"{one.variable} from {least:g} to {most:g} {units[0]}, as {definition} has it"
            allowed = f"{ends}; the number fits another unit of {', '.join(units)}"
            problems.append(Problem(one.place, repr(one.text), allowed))
