"""A Table 1 as people copy it out of a paper: one row a line, read into the protocol's rows.

Accepted values: ``45.2 ± 11.0`` and ``45.2 (11.0)`` (mean, SD), ``316 (252-399)`` and ``316 [252, 399]``
(median, quartiles), ``80 %``, ``45/56`` and ``45 (80.4 %)`` (share), ``44`` (mean). A unit stands behind the
name (``TBil (mg/dL)``) or behind the value; without one the unit inside is meant. Cells are separated by
a tab, a comma (a semicolon), a bar or two spaces; those of a CSV file may be quoted. Of several columns the
first that holds a value is read: paste the whole cohort's column, or one arm.
"""

from __future__ import annotations

import csv
import re
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.prediction.vocabulary import ALIASES, ONLY_READ, VARIABLES, YES_NO_FROM, Variable, key
from hepatrial.protocol.sections import Wish
from hepatrial.units import UnitError, convert, parse_unit

MOST_ROWS = 200
SOURCE = "Table 1 as given by the user"

_N = r"[-+]?\d+(?:[.,]\d+)?"
_MEAN_SD = re.compile(rf"^({_N})\s*(?:±|\+/?-)\s*({_N})")
_QUARTILES = re.compile(rf"^({_N})\s*[\(\[]\s*({_N})\s*(?:-|–|—|,|;|to|至|~|～)\s*({_N})\s*[\)\]]")
_COUNT = re.compile(rf"^\d+\s*\(\s*({_N})\s*%\s*\)|^({_N})\s*%|^(\d+)\s*/\s*(\d+)")
_BRACKET = re.compile(rf"^({_N})\s*\(\s*({_N})\s*\)")
_SINGLE = re.compile(rf"^({_N})\b")
_OUTSIDE = r"(?![^(\[]*[)\]])"  # a comma inside brackets parts quartiles, not cells
_SPLIT = re.compile(rf"\t|\||;(?=\s*\d){_OUTSIDE}|:\s|=\s|,\s*(?=\d){_OUTSIDE}|\s{{2,}}")
_NUMBER_IN_BRACKETS = re.compile(r"[(\[][^)\]]*\d")
_STATISTIC = re.compile(
    r"[,;]?\s*(?:\bmean\s*(?:±|\+/-)?\s*[(\[]?SD[)\]]?|\bmedian\s*[(\[]IQR[)\]]|\bn(?:/N)?\s*\(%\))",
    re.IGNORECASE,
)
_NAME_UNIT = re.compile(r"^(.*?)(?:\s*[\(\[（](.+?)[\)\]）]|,\s*([^,]+))\s*$")
CHINESE = {
    "年龄": "age",
    "体重": "weight",
    "女性": "female",
    "男性": "male",
    "女": "female",
    "男": "male",
    "肝硬化": "cirrhosis",
    "感染": "infection",
    "总胆红素": "bilirubin",
    "胆红素": "bilirubin",
    "白蛋白": "albumin",
    "肌酐": "creatinine",
    "血钠": "sodium",
    "血氨": "ammonia",
    "血小板": "platelets",
    "白细胞": "wbc",
    "凝血酶原活动度": "pta",
    "乳酸": "lactate",
    "腹水": "ascites",
    "肝性脑病": "encephalopathy",
    "国际标准化比值": "inr",
    "谷丙转氨酶": "alt",
    "谷草转氨酶": "ast",
    "丙氨酸转氨酶": "alt",
    "天冬氨酸转氨酶": "ast",
    "纤维蛋白原": "fibrinogen",
    "平均动脉压": "map",
}
INSIDE = {"infection": "infected_at_entry"}
"""Name in the vocabulary -> name in a protocol's Table 1."""
NO_ROW = ("ascites", "encephalopathy", "kidney_failure", "aclf_grade", "child_class")
"""Known rows for which a protocol's Table 1 has no entry of its own."""


def read_table(text: str) -> tuple[list[dict[str, Any]], list[str], list[Problem]]:
    """Rows of ``population.table1``, names that are known but not used, and what could not be read."""
    rows: list[dict[str, Any]] = []
    not_used: list[str] = []
    problems: list[Problem] = []
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines[: MOST_ROWS + 1], start=1):
        if not line or set(line) <= set("|-: \t"):
            continue
        place = f"line {number}"
        if number > MOST_ROWS:
            problems.append(Problem(place, f"{len(lines)} lines", f"at most {MOST_ROWS} lines"))
            break
        row = _row(line[:500], place, not_used, problems)
        if row is not None:
            rows.append(row)
    return _once(rows, problems), list(dict.fromkeys(not_used)), problems


def _once(rows: list[dict[str, Any]], problems: list[Problem]) -> list[dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["variable"] in kept:
            problems.append(Problem(row["variable"], "a second row", "each variable once; the first is kept"))
        else:
            kept[row["variable"]] = row
    return list(kept.values())


def _row(line: str, place: str, not_used: list[str], problems: list[Problem]) -> dict[str, Any] | None:
    cells = _cells(line)
    if len(cells) < 2:
        found = re.match(r"^(\D+?)\s*(\d.*)$", line)
        cells = [found[1], found[2]] if found else cells
    if len(cells) < 2:
        problems.append(Problem(place, repr(line[:60]), "a name and a value"))
        return None
    name, unit = _named(cells[0])
    if name in ONLY_READ or name in NO_ROW:
        not_used.append(name)
        return None
    if name not in VARIABLES:
        names = (*VARIABLES, *ALIASES)
        allowed = f"a row that is known: {', '.join(list(VARIABLES)[:14])} ..."
        problems.append(Problem(place, repr(cells[0][:60]), allowed, nearest_name(name, names)))
        return None
    value = next((cell for cell in cells[1:] if re.match(r"^[-+]?\d", cell)), "")
    try:
        return _wish(name, VARIABLES[name], unit, value)
    except (BadInput, UnitError, ValueError) as error:
        told = error.problems[0].allowed if isinstance(error, BadInput) else str(error)[:200]
        problems.append(Problem(place, repr((value or cells[1])[:60]), f"a value of {name}: {told}"))
        return None


def _cells(line: str) -> list[str]:
    """Cells of a line; a line with quotes is one of a CSV file."""
    if '"' in line:
        mark = next((one for one in ("\t", '";', ';"') if one in line), ",").strip('"')
        found = next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    else:
        found = _SPLIT.split(line.strip("|"))
    return [cell.strip() for cell in found if cell.strip()]


def _named(cell: str) -> tuple[str, str]:
    """Variable and unit of a row's name, which may say the statistic too (``Age, mean (SD), y``)."""
    cell = _STATISTIC.sub("", cell).strip(" ,;")
    for text, unit in ((cell, ""), *_parts(cell)):
        name = CHINESE.get(text.strip(), key(text))
        name = ALIASES.get(name, name)
        if name in VARIABLES or name in ONLY_READ:
            return name, unit or ("%" if cell.endswith("(%)") else "")
    first = next(iter(_parts(cell)), (cell, ""))
    name = key(first[0])
    return ALIASES.get(name, name), first[1]


def _parts(cell: str) -> list[tuple[str, str]]:
    found = _NAME_UNIT.match(cell)
    return [(found[1], (found[2] or found[3]).strip())] if found else []


def _wish(name: str, variable: Variable, unit: str, value: str) -> dict[str, Any]:
    found = _statistics(value)
    if name in YES_NO_FROM or variable.scale == "yes_no":
        if unit == "%" and set(found) == {"mean"}:
            found = {"share": found["mean"] / 100}
        if "share" not in found:
            raise ValueError("a share: 45/56, 45 (80 %) or 80 %")
        share = found["share"]
        row = (
            {"variable": "female", "share": 1 - share}
            if name == "male"
            else {"variable": name, "share": share}
        )
        row["variable"] = INSIDE.get(str(row["variable"]), row["variable"])
    else:
        if not found or "share" in found:
            raise ValueError("mean ± SD, median (q1-q3) or a mean")
        inside = variable.unit
        row = {"variable": variable.name}
        for statistic, number in found.items():
            row[statistic] = _written(number, _unit(unit, value, inside), inside, name)
    row |= {"grade": "seen", "source": SOURCE}
    try:
        return _plain(Wish.model_validate(row))
    except ValueError as error:
        raise ValueError(_reason(error)) from None


def _reason(error: ValueError) -> str:
    listed: list[Any] = getattr(error, "errors", list)()
    for entry in listed:
        for refusal in entry.get("ctx", {}).get("refusals", ()):
            return str(refusal.allowed)
    return "a plausible value"


def _plain(wish: Wish) -> dict[str, Any]:
    return {name: value for name, value in wish.model_dump(mode="json").items() if value is not None}


def _unit(of_name: str, value: str, inside: str) -> str:
    behind = re.sub(r"^[-+\d.,\s±()\[\]–—~;/]*(?:to\s*)?[\d.,\s()\[\]]*", "", value).strip()
    for text in (of_name, behind):
        candidate = (
            text.replace("μ", "u").replace("µ", "u").replace("×10^9", "1e9").replace("10^9", "1e9").strip()
        )
        candidate = re.sub(r"^[×x]\s*1?0?⁹", "1e9", candidate)
        if not candidate or candidate in ("yr", "years", "y"):
            continue
        try:
            parse_unit(candidate)
        except UnitError:
            continue
        return candidate
    return inside


def _written(number: float, unit: str, inside: str, analyte: str) -> str | float:
    if inside in ("1", "points") or analyte == "age":
        return number
    return f"{convert(repr(number), unit, inside, analyte)!r} {inside}"


def _statistics(value: str) -> dict[str, float]:
    if found := _MEAN_SD.match(value):
        return {"mean": _number(found[1]), "sd": _number(found[2])}
    if found := _QUARTILES.match(value):
        return {"median": _number(found[1]), "q1": _number(found[2]), "q3": _number(found[3])}
    if found := _COUNT.match(value):
        if found[3]:
            return {"share": int(found[3]) / max(1, int(found[4]))}
        return {"share": _number(found[1] or found[2]) / 100}
    if found := _BRACKET.match(value):
        return {"mean": _number(found[1]), "sd": _number(found[2])}
    if (found := _SINGLE.match(value)) and not _NUMBER_IN_BRACKETS.search(value):
        return {"mean": _number(found[1])}
    return {}


def _number(text: str) -> float:
    return float(text.replace(",", "."))
