"""Rows of a Table 1 as people write them, read into locations, spreads and shares.

Accepted for a number: ``"43.9 (11.6)"`` and ``"43.9 +- 11.6"`` (mean and SD), ``"316 (252-399) umol/L"``
and ``"316 [252, 399] umol/L"`` (median and quartiles), ``"44"`` (mean), ``"44 (range 18-70)"`` (the range
is not used), or a table of ``mean``, ``sd``, ``se`` (with ``n``), ``median``, ``iqr``, ``q1``, ``q3``,
``unit``. For yes or no: ``"80 %"``, ``0.8``, ``"45/56"``, ``"45 (80.4)"``. For classes: a table of label
(``"1"``, ``"1-2"``, ``"III"``, ``"A"``) and share, or one label that everybody has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hepatrial.errors import Problem, nearest_name
from hepatrial.prediction.tidy import tidy, without_commas
from hepatrial.prediction.vocabulary import (
    ALIASES,
    FIELDS_OF_MEASURES,
    GRADED,
    ONLY_READ,
    SEX,
    VARIABLES,
    YES_NO_FROM,
    Variable,
    key,
)
from hepatrial.protocol.diseases import CAUSES
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
        if self.variable in YES_NO_FROM or self.variable in CAUSES:
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
        allowed = 'a table of rows: age = "44 (11)", bilirubin = "323 (148) umol/L"'
        reader.problems.append(Problem(place, repr(raw), allowed))
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
        elif name in SEX:
            reader.problems.append(Problem(here, repr(value), 'male = "80 %" or female = "20 %"'))
        elif name in ONLY_READ or not (like := get_close_matches(name, _MODELLED, 1, MISSPELT)):
            reader.not_used.append(name)
        else:
            allowed = f"a row that is known: {', '.join(VARIABLES)}; leave out one that only looks like these"
            reader.problems.append(Problem(here, repr(written), allowed, ALIASES.get(like[0], like[0])))
    if {"male", "female"} <= seen.keys():
        shares = {one.variable: one.share or 0.0 for one in found if one.variable in ("male", "female")}
        if len(shares) == 2 and abs(sum(shares.values()) - 1.0) > 0.02:
            given = f"male {shares['male']:.3g} and female {shares['female']:.3g}"
            reader.problems.append(Problem(place, given, "shares that add up to 1; one of the two is enough"))
    return found


_MODELLED = (*VARIABLES, *ALIASES)


def _graded(name: str, value: object) -> str:
    """The row of classes when a table of classes is given."""
    if name in GRADED and isinstance(value, Mapping):
        row = GRADED[name]
        labels = {label.lower(): low for label, low, _ in VARIABLES[row].classes}
        if value and all(_ends(str(label), labels) for label in value):
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
        text = re.sub(r"(?<=\d),(?=\d{1,2}(?!\d))", ".", tidy(value))
        if match := re.fullmatch(r"(\d+) ?(?:/|of) ?(\d+)(?: ?\([\d.]+ ?%?\))?", text):
            share = int(match[1]) / int(match[2]) if int(match[2]) else None
        elif match := re.fullmatch(_PERCENT, text):
            share = float(match[1] or match[2]) / 100
        elif re.fullmatch(r"0?\.\d+|0|1|0\.0|1\.0", text):
            share = float(text)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        share = float(value)
    if share is None or not 0.0 <= share <= 1.0:
        hint = f'{allowed}; {value} of a hundred is written "{value} %"' if _percent_like(value) else allowed
        problems.append(Problem(place, repr(value), hint))
        return None
    return share


_PERCENT = r"(?:\d+ ?\( ?)?(\d+\.?\d*) ?(?:%|percent) ?\)?|\d+ ?\( ?(\d+\.?\d*) ?\)"
"""A percentage, or a count with its percentage, whose sign may stand in the head of the column."""


def _percent_like(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 100


def _read_classes(
    variable: Variable, name: str, value: object, place: str, problems: list[Problem]
) -> list[Wanted]:
    labels = {label.lower(): (low, high) for label, low, high in variable.classes}
    known = ", ".join(dict.fromkeys(label for label, _, _ in variable.classes))
    if isinstance(value, str | int) and not isinstance(value, bool) and _ends(str(value), labels):
        value = {str(value): 1.0}
    if not isinstance(value, Mapping):
        example = ", ".join(f'"{label}" = "30 %"' for label, _, _ in variable.classes[:2])
        allowed = f"a table of classes and shares, {{ {example} }}, or the one class of all; classes: {known}"
        problems.append(Problem(place, repr(value), allowed))
        return []
    found: list[Wanted] = []
    before = len(problems)
    taken: set[float] = set()
    for label, given in value.items():
        ends = _ends(str(label), labels)
        here = f"{place}.{label}"
        if not ends:
            problems.append(
                Problem(here, repr(label), f"a class of {name}: {known}", nearest_name(str(label), labels))
            )
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


_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


def _ends(text: str, labels: Mapping[str, object]) -> list[str]:
    """The lowest and highest class of a label such as "1-2", "grade III-IV", "ACLF-2" or "moderate to
    severe"; empty when it is none."""
    bare = re.sub(r"^(?:(?:grade|class|stage|aclf|child-pugh|child|he)[\s_-]*)+", "", tidy(text).lower())
    parts = [part.strip() for part in re.split(r"-|/|,|&|\bto\b|\bor\b|\band\b|_", bare) if part.strip()]
    parts = [part if part in labels else _ROMAN.get(part, part) for part in parts]
    return parts if parts and all(part in labels for part in parts) else []


_NUMBER = r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_UNIT = r"((?:[A-Za-zµμ%×/*]|10\^|1e\d)[^()\[\]±;,]*?)?"
_BETWEEN = r"\s*(?:-|,|;|\bto\b|\band\b|/)\s*"
_QUARTILES = r"(?:(?:IQR|Q1 ?[-,] ?Q3|quartiles?)\s*[:,=]?\s*)?"
_FORMS = tuple(
    (names, re.compile(rf"^{pattern}$", re.IGNORECASE))
    for names, pattern in (
        (("mean", "unit", "sd", "unit"), rf"{_NUMBER}\s*{_UNIT}\s*(?:±|\+/?-)\s*{_NUMBER}\s*{_UNIT}"),
        (
            ("median", "unit", "q1", "q3", "unit"),
            rf"{_NUMBER}\s*{_UNIT}\s*[\(\[]\s*{_QUARTILES}{_NUMBER}{_BETWEEN}{_NUMBER}\s*[\)\]]\s*{_UNIT}",
        ),
        (
            ("median", "unit", "unit"),
            rf"{_NUMBER}\s*{_UNIT}\s*[\(\[]\s*(?:range|min-max)\s*[:,=]?[^()\[\]]*[\)\]]\s*{_UNIT}",
        ),
        (
            ("mean", "unit", "sd", "unit"),
            rf"{_NUMBER}\s*{_UNIT}\s*\(\s*(?:S\.?D\.?\s*[:=]?\s*|±\s*)?{_NUMBER}\s*\)\s*{_UNIT}",
        ),
        (("mean", "unit"), rf"{_NUMBER}\s*{_UNIT}"),
    )
)
"""What a figure may look like, and what its parts are; the unit may stand in front of the brackets or at the
end."""
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
    if not _possible(variable, name, parts, si, place, value, problems):
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


def _possible(
    variable: Variable,
    name: str,
    parts: Mapping[str, float],
    si: Mapping[str, float],
    place: str,
    value: object,
    problems: list[Problem],
) -> bool:
    """Whether every figure is one that patients can have; else a problem, with the unit that was meant."""
    low, high = FIELDS_OF_MEASURES.get(name, (-math.inf, math.inf))
    unit = "" if variable.unit in ("1", "points") else f" {variable.unit}"
    for statistic in ("mean", "median", "q1", "q3"):
        if statistic in si and not low <= si[statistic] <= high:
            allowed = f"{name} from {low:g} to {high:g}{unit}"
            meant = other_unit(variable, name, parts[statistic], low, high)
            problems.append(Problem(f"{place}.{statistic}", _told(value), allowed, meant))
            return False
    if si.get("sd", 0.0) > (high - low) / 2:  # Popoviciu's inequality
        allowed = (
            f"an SD of {name} of at most {(high - low) / 2:g}{unit}, half of what patients can differ by"
        )
        problems.append(Problem(f"{place}.sd", _told(value), allowed))
        return False
    return True


def other_unit(variable: Variable, name: str, number: float, low: float, high: float) -> str | None:
    """The number with another usual unit in which it lies between two SI values, or None."""
    for unit in usual_units(variable.unit, name):
        try:
            if low <= convert(number, unit, variable.unit, name) <= high:
                return f"{number:g} {unit}"
        except (UnitError, ValueError, OverflowError):  # the last two: no finite number
            continue
    return None


def _parts(value: object, place: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Numbers by statistic, and ``unit``; None with a problem noted."""
    allowed = (
        'a mean and SD as "44 (11)", a median and quartiles as "316 (252-399) umol/L", or a table of them '
        "({ mean = 44, sd = 11 }, { mean = 44, se = 2, n = 30 })"
    )
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return {"mean": float(value)}
    if isinstance(value, str):
        found = _written(value)
        if found is not None:
            return _sound(found, place, value, problems)
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


def _written(value: str) -> dict[str, Any] | None:
    """A figure in one of ``_FORMS``, or None."""
    text = without_commas(tidy(value))
    lead = re.match(r"^(mean|median)\b\s*[:=]?\s*(.*)$", text, re.IGNORECASE)
    text = lead[2] if lead else text
    for names, pattern in _FORMS:
        if match := pattern.match(text):
            found: dict[str, Any] = {}
            for name, part in zip(names, match.groups(), strict=True):
                if name == "unit":
                    if part and part.strip():
                        found["unit"] = part.strip()
                else:
                    found[name] = float(part)
            if lead and lead[1].lower() == "median" and "mean" in found and "sd" not in found:
                found["median"] = found.pop("mean")
            if lead and lead[1].lower() == "mean" and names == ("median", "unit", "unit"):
                found["mean"] = found.pop("median")
            return found
    return None


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
        if isinstance(number, str) and (match := _FORMS[-1][1].match(without_commas(tidy(number)))):
            inner = (match[2] or "").strip() or None
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


_LOG_IU = ("log_iu_ml", "log_10_iu_ml", "lg_iu_ml", "log10iu_ml", "log10", "log", "lg")


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
            return read_quantity(f"{number!r} {unit}", target)
        if key(unit) == key(target) or (target == "log10 IU/mL" and key(unit) in _LOG_IU):
            return number
        if target == "%":
            if unit.split()[0] in ("%", "percent"):
                return number
            raise UnitError(number, "a number with the unit %")
        if target == "log10 IU/mL":
            raise UnitError(number, "the decimal logarithm, as in 5.2 log10 IU/mL")
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
