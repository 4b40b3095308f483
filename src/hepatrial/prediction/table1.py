"""Rows of a Table 1 as people write them, read into locations, spreads and shares.

Accepted for a number: ``"43.9 (11.6)"`` and ``"43.9 +- 11.6"`` (mean and SD), ``"316 (252-399) umol/L"``
and ``"316 [252, 399] umol/L"`` (median and quartiles), ``"44"`` (mean), or a table of ``mean``, ``sd``,
``se`` (with ``n``), ``median``, ``iqr``, ``q1``, ``q3``, ``unit``. For yes or no: ``"80 %"``, ``0.8``,
``"45/56"``. For classes: a table of label (``"1"``, ``"1-2"``, ``"A"``) and share.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hepatrial.errors import Problem, nearest_name
from hepatrial.prediction.vocabulary import (
    ALIASES,
    FIELDS_OF_MEASURES,
    GRADED,
    ONLY_READ,
    VARIABLES,
    YES_NO_FROM,
    Variable,
    key,
)
from hepatrial.units import UnitError, convert, read_quantity, usual_units

MISSPELT = 0.8
"""Likeness to a known row (difflib) from which an unknown one is taken for a slip of the pen and refused;
others
are rows that the model has no column for."""
NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution in SDs."""


@dataclass(frozen=True)
class Wanted:
    """One figure that a cohort shall show at entry.

    Attributes:
        variable: as named in the vocabulary.
        column: of the pool.
        low, high: of a share, the range of the column that counts; else infinite.
        share: of patients in the range, or None.
        location: mean on the working scale (of the logarithm when ``log``), or None.
        spread: SD on that scale, or None.
        log: whether the working scale is the logarithm.
        text: what was written.
        place: where.
    """

    variable: str
    column: str
    share: float | None = None
    low: float = -math.inf
    high: float = math.inf
    location: float | None = None
    spread: float | None = None
    log: bool = False
    text: str = ""
    place: str = ""

    @property
    def label(self) -> str:
        """Name in tables."""
        if self.share is None:
            return self.variable
        if self.variable in YES_NO_FROM:
            return self.variable
        ends = f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"
        return f"{self.variable} {ends}"


@dataclass
class Reader:
    """Collects what is read, what is known but not modelled, and what is wrong."""

    problems: list[Problem]
    not_used: list[str]


def read_table1(raw: object, place: str, reader: Reader) -> list[Wanted]:
    """All rows of a ``[baseline]`` table; problems go to the reader."""
    if not isinstance(raw, Mapping):
        reader.problems.append(Problem(place, repr(raw), 'a table: age = "44 (11)", bilirubin = "...'))
        return []
    found: list[Wanted] = []
    seen: dict[str, str] = {}
    for written, value in raw.items():
        name = _graded(ALIASES.get(key(str(written)), key(str(written))), value)
        here = f"{place}.{written}"
        if name in VARIABLES:
            if name in seen:
                text = f"each variable once; {seen[name]!r} is the same one"
                reader.problems.append(Problem(here, repr(written), text))
                continue
            seen[name] = str(written)
            found += read_row(VARIABLES[name], name, value, here, reader.problems)
        elif name in ONLY_READ:
            reader.not_used.append(name)
        else:
            names = (*VARIABLES, *ONLY_READ, *ALIASES)
            if not get_close_matches(name, names, 1, MISSPELT):
                reader.not_used.append(name)
                continue
            allowed = f"a row that is known: {', '.join(VARIABLES)}; or one that is like none of them"
            reader.problems.append(Problem(here, repr(written), allowed, nearest_name(name, names)))
    return found


def _graded(name: str, value: object) -> str:
    """The row of classes when a table of classes is given."""
    if name in GRADED and isinstance(value, Mapping):
        row, begins = GRADED[name]
        if value and all(str(label).strip().lower().startswith(begins) for label in value):
            return row
    return name


def read_row(
    variable: Variable, name: str, value: object, place: str, problems: list[Problem]
) -> list[Wanted]:
    """One row; a wrong one adds its problems and gives nothing."""
    if variable.scale == "yes_no":
        share = read_share(value, place, problems)
        if share is None:
            return []
        column, low, high = YES_NO_FROM[name]
        return [Wanted(name, column, share, low, high, text=_told(value), place=place)]
    if variable.scale == "classes":
        return _read_classes(variable, name, value, place, problems)
    return _read_number(variable, name, value, place, problems)


def read_share(value: object, place: str, problems: list[Problem]) -> float | None:
    """A share of patients written ``"80 %"``, ``0.8`` or ``"45/56"``; a table may hold ``share`` or ``n``."""
    allowed = 'a share: "80 %", 0.8 or "45/56"'
    if isinstance(value, Mapping):
        keys = [name for name in ("share", "percent") if name in value]
        if len(value) != 1 or not keys:
            problems.append(Problem(place, repr(dict(value)), f"{allowed}, or share = or percent = with one"))
            return None
        (only,) = keys
        inner = value[only]
        if only == "percent" and isinstance(inner, int | float) and not isinstance(inner, bool):
            inner = f"{inner} %"
        value = inner
    share: float | None = None
    if isinstance(value, str):
        if match := re.fullmatch(r"\s*(\d+)\s*(?:/|of)\s*(\d+)\s*", value):
            share = int(match[1]) / int(match[2]) if int(match[2]) else None
        elif match := re.fullmatch(r"\s*(?:\d+\s*\()?\s*(\d+\.?\d*)\s*(?:%|percent)\s*\)?\s*", value):
            share = float(match[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        share = float(value)
    if share is None or not 0.0 <= share <= 1.0:
        hint = f'{allowed}; {value} of a hundred is written "{value} %"' if _percent_like(value) else allowed
        problems.append(Problem(place, repr(value), hint))
        return None
    return share


def _percent_like(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 100


def _read_classes(
    variable: Variable, name: str, value: object, place: str, problems: list[Problem]
) -> list[Wanted]:
    labels = {label.lower(): (low, high) for label, low, high in variable.classes}
    if not isinstance(value, Mapping):
        example = ", ".join(f'"{label}" = "30 %"' for label, _, _ in variable.classes[:2])
        problems.append(Problem(place, repr(value), f"a table of classes and shares: {{ {example} }}"))
        return []
    found: list[Wanted] = []
    before = len(problems)
    taken: set[float] = set()
    for label, given in value.items():
        ends = [part.strip().lower() for part in re.split(r"-|to|or|/", str(label)) if part.strip()]
        here = f"{place}.{label}"
        if not ends or any(end not in labels for end in ends):
            allowed = (
                f"a class of {name}: {', '.join(dict.fromkeys(label for label, _, _ in variable.classes))}"
            )
            problems.append(Problem(here, repr(label), allowed, nearest_name(str(label), labels)))
            continue
        low, high = labels[ends[0]][0], labels[ends[-1]][1]
        members = {float(grade) for grade in range(math.floor(low), math.floor(high) + 1)}
        if low > high or members & taken:
            problems.append(Problem(here, repr(label), "each class once, the lower one first"))
            continue
        taken |= members
        share = read_share(given, here, problems)
        if share is not None:
            text = f"{label}: {_told(given)}"
            found.append(Wanted(name, variable.name, share, low, high, text=text, place=here))
    total = sum(wanted.share or 0.0 for wanted in found)
    if len(problems) == before and total > 1.02:
        problems.append(Problem(place, f"shares adding up to {total:.2f}", "shares that add up to at most 1"))
    return found if len(problems) == before else []


_NUMBER = r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_FORMS = (
    ("mean_sd", re.compile(rf"^{_NUMBER}\s*(?:±|\+/?-|\+-)\s*{_NUMBER}\s*(.*)$")),
    ("median_iqr", re.compile(
        rf"^{_NUMBER}\s*[\(\[]\s*{_NUMBER}\s*(?:-|–|—|,|;|\bto\b|/)\s*{_NUMBER}\s*[\)\]]\s*(.*)$")),
    ("mean_sd", re.compile(rf"^{_NUMBER}\s*\(\s*(?:SD\s*)?{_NUMBER}\s*\)\s*(.*)$")),
    ("mean", re.compile(rf"^{_NUMBER}\s*(.*)$")),
)  # fmt: skip
_STATISTICS = ("mean", "sd", "se", "n", "median", "q1", "q3", "iqr", "unit", "min", "max", "range", "note")


def _read_number(
    variable: Variable, name: str, value: object, place: str, problems: list[Problem]
) -> list[Wanted]:
    parts = _parts(value, place, problems)
    if parts is None:
        return []
    unit = parts.pop("unit", None)
    si: dict[str, float] = {}
    for statistic, number in parts.items():
        quantity = _in_unit(variable, name, number, unit, f"{place}.{statistic}", problems)
        if quantity is None:
            return []
        si[statistic] = quantity
    low, high = FIELDS_OF_MEASURES.get(name, (-math.inf, math.inf))
    for statistic in ("mean", "median"):
        if statistic in si and not low <= si[statistic] <= high:
            allowed = f"{name} from {low:g} to {high:g} {variable.unit}".strip()
            problems.append(Problem(f"{place}.{statistic}", _told(value), allowed))
            return []
    location, spread = _moments(variable, si)
    return [
        Wanted(
            name,
            variable.name,
            location=location,
            spread=spread,
            log=variable.scale == "log",
            text=_told(value),
            place=place,
        )
    ]


def _parts(value: object, place: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Numbers by statistic, and ``unit``; None with a problem noted."""
    allowed = (
        'a mean and SD as "44 (11)", a median and quartiles as "316 (252-399) umol/L", or a table of them'
    )
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return {"mean": float(value)}
    if isinstance(value, str):
        for form, pattern in _FORMS:
            if match := pattern.match(value.strip()):
                numbers = [float(text) for text in match.groups()[:-1]]
                unit = match.groups()[-1].strip() or None
                names = {"mean_sd": ("mean", "sd"), "median_iqr": ("median", "q1", "q3"), "mean": ("mean",)}[
                    form
                ]
                found: dict[str, Any] = dict(zip(names, numbers, strict=True))
                return _sound(found | ({"unit": unit} if unit else {}), place, value, problems)
        problems.append(Problem(place, repr(value), allowed))
        return None
    if not isinstance(value, Mapping):
        problems.append(Problem(place, repr(value), allowed))
        return None
    unknown = [str(name) for name in value if name not in _STATISTICS]
    problems += [
        Problem(
            f"{place}.{name}", repr(name), f"one of {', '.join(_STATISTICS)}", nearest_name(name, _STATISTICS)
        )
        for name in unknown
    ]
    if unknown:
        return None
    return _from_table(value, place, problems)


def _from_table(value: Mapping[str, Any], place: str, problems: list[Problem]) -> dict[str, Any] | None:
    given = {name: value[name] for name in value if name not in ("min", "max", "range", "note")}
    if "iqr" in given:
        quartiles = given.pop("iqr")
        if not (isinstance(quartiles, list | tuple) and len(quartiles) == 2):
            problems.append(Problem(f"{place}.iqr", repr(quartiles), "the two quartiles: iqr = [252, 399]"))
            return None
        given |= {"q1": quartiles[0], "q3": quartiles[1]}
    unit, found = given.pop("unit", None), {}
    for name, number in given.items():
        if isinstance(number, str) and (match := _FORMS[-1][1].match(number.strip())):
            inner = match[2].strip() or None
            if unit and inner and inner != unit:
                problems.append(Problem(f"{place}.{name}", repr(number), f"in the row's unit, {unit}"))
                return None
            unit, number = unit or inner, float(match[1])
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            problems.append(Problem(f"{place}.{name}", repr(number), "a number"))
            return None
        found[name] = float(number)
    if "se" in found:
        n = found.get("n", 0.0)
        if n < 2:
            problems.append(Problem(f"{place}.se", f"{found['se']:g}", "with n, the patients it is of"))
            return None
        found["sd"] = found.pop("se") * math.sqrt(n)
    found.pop("n", None)
    return _sound(found | ({"unit": unit} if unit else {}), place, value, problems)


def _sound(
    found: dict[str, Any], place: str, value: object, problems: list[Problem]
) -> dict[str, Any] | None:
    """Refuse what cannot be: no location, an SD of 0 or less, quartiles out of order."""
    wrong = None
    quartiles = [found[name] for name in ("q1", "median", "q3") if name in found]
    if "mean" not in found and "median" not in found and not {"q1", "q3"} <= found.keys():
        wrong = "at least a mean, a median or both quartiles"
    elif "sd" in found and found["sd"] <= 0:
        wrong = "a standard deviation above 0"
    elif ("q1" in found) != ("q3" in found):
        wrong = "both quartiles"
    elif quartiles != sorted(quartiles):
        wrong = "quartiles in order, the median between them"
    if wrong:
        problems.append(Problem(place, _told(value), wrong))
        return None
    return found


_BARE = (
    "age",
    "weight",
    "alt",
    "ast",
    "sodium",
    "platelets",
    "wbc",
    "map",
    "pta",
    "factor_v",
    "pf_ratio",
    "hbv_dna",
)
"""Rows whose papers use one unit only, so that a bare number has one meaning."""


def _in_unit(
    variable: Variable, name: str, number: float, unit: str | None, place: str, problems: list[Problem]
) -> float | None:
    target = variable.unit
    if unit is None and (target in ("1", "points") or name in _BARE):
        return number
    try:
        if unit is None:
            raise UnitError(number, f"with its unit, {' or '.join(usual_units(target, name))}")
        if target in ("1", "points"):
            return read_quantity(number, target)
        if target in ("%", "log10 IU/mL") or key(unit) == key(target):
            return number
        if key(unit) in ("10_9_l", "x10_9_l", "10_9l", "g_l", "k_ul") and target == "1e9/L":
            return number
        return convert(number, unit, target, name)
    except UnitError as error:
        problems.append(Problem(place, f"{number:g} {unit or ''}".strip(), error.allowed, error.nearest))
        return None


def _moments(variable: Variable, si: Mapping[str, float]) -> tuple[float, float | None]:
    """Location and SD on the working scale.

    A mean and SD of a log-scale variable become those of the log-normal with that mean and SD; quartiles give
    the SD as their distance over 1.349 (Wan 2014, doi:10.1186/1471-2288-14-135, section 2.2).
    """
    log = variable.scale == "log"
    to = (lambda x: math.log(max(x, 1e-9))) if log else (lambda x: x)
    spread: float | None = None
    if "q1" in si:
        q1, q3 = to(si["q1"]), to(si["q3"])
        spread = (q3 - q1) / NORMAL_IQR or None
        middle = to(si["median"]) if "median" in si else (q1 + q3) / 2
        if not log and "median" in si:
            middle = (q1 + middle + q3) / 3
        if "mean" not in si:
            return middle, spread
    if "mean" not in si:
        return to(si["median"]), None
    if log:
        if "sd" in si:
            spread = math.sqrt(math.log1p((si["sd"] / si["mean"]) ** 2))
            return math.log(si["mean"]) - spread**2 / 2, spread
        if "median" in si:
            return to(si["median"]), spread
        return math.log(si["mean"]) - 0.5 * (spread if spread is not None else LOG_SD_UNKNOWN) ** 2, spread
    return si["mean"], si.get("sd", spread)


LOG_SD_UNKNOWN = 0.5
"""Log-SD by which a lone mean of a skewed laboratory value is turned into a median; assumed."""


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


def pool_arms(rows: list[tuple[float, list[Wanted]]]) -> list[Wanted]:
    """Rows of several arms as those of the whole study.

    Locations and shares are weighted by the arms' patients; the spread has the arms' own variance and that
    between them.

    Args:
        rows: (patients, rows of the arm).
    """
    grouped: dict[tuple[str, str, float, float], list[tuple[float, Wanted]]] = {}
    for n, wanted in rows:
        for one in wanted:
            grouped.setdefault((one.variable, one.column, one.low, one.high), []).append((n, one))
    return [_pooled(members) for members in grouped.values()]


def _pooled(members: list[tuple[float, Wanted]]) -> Wanted:
    first = members[0][1]
    if len(members) == 1:
        return first
    total = sum(n for n, _ in members)
    text = " | ".join(one.text for _, one in members)
    place = members[0][1].place
    if first.share is not None:
        share = sum(n * (one.share or 0.0) for n, one in members) / total
        return Wanted(first.variable, first.column, share, first.low, first.high, text=text, place=place)
    location = sum(n * (one.location or 0.0) for n, one in members) / total
    known = [(n, one) for n, one in members if one.spread is not None]
    spread = None
    if known:
        inside = sum(n * (one.spread or 0.0) ** 2 for n, one in known) / sum(n for n, _ in known)
        between = sum(n * ((one.location or 0.0) - location) ** 2 for n, one in members) / total
        spread = math.sqrt(inside + between)
    return Wanted(
        first.variable, first.column, location=location, spread=spread, log=first.log, text=text, place=place
    )
