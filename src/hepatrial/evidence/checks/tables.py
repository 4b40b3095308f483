"""Oddities of a table of studies, found from the table itself (and, cell by cell, against other records)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.checks.finding import Figure, Finding, Verdict, figure
from hepatrial.evidence.checks.pvalues import means_p

Row = Mapping[str, str]
_PLUS_MINUS = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*(?:±|\+/-|\+-)\s*(\d+(?:\.\d+)?)\s*$")
_DOSE = re.compile(r"(\d+(?:\.\d+)?)(?:\s*[-–]\s*(\d+(?:\.\d+)?))?\s*[×x*]\s*10\^?(\d+)\s*(.*)$")
_UNITS = ("day", "week", "month", "year", "天", "周", "月", "年")


@dataclass(frozen=True)
class TableColumns:
    """Which column of a table of studies is what; "" where the table has none."""

    study: str = "study"
    year: str = "year"
    design: str = "design"
    values: tuple[tuple[str, str], ...] = (("age_treated", "n_treated"), ("age_control", "n_control"))
    """(column of "mean ± SD", column of its n), treated arm first."""
    dose: str = "dose_as_printed"
    follow_up: str = "follow_up"
    centre: str = ""


def check_table(rows: Sequence[Row], columns: TableColumns | None = None) -> tuple[Finding, ...]:
    """Every check that a table of studies allows by itself; findings that are not consistent, in order.

    Args:
        rows: cells as printed, by column name.
        columns: what the columns are.

    Raises:
        BadInput: naming every column that the table lacks.
    """
    c = columns or TableColumns()
    named = [
        c.study,
        c.year,
        c.design,
        c.dose,
        c.follow_up,
        c.centre,
        *(x for pair in c.values for x in pair),
    ]
    have = set(rows[0]) if rows else set()
    problems = [
        Problem("columns", name, "must be a column of the table", nearest_name(name, have))
        for name in named
        if name and name not in have
    ]
    if not rows:
        problems.append(Problem("rows", "none", "at least one study is needed"))
    if problems:
        raise BadInput(problems)
    found = [
        *missing_numbers(rows, c),
        *value_equals_size(rows, c),
        *repeated_values(rows, c),
        *baseline_apart(rows, c),
        *doses_apart(rows, c),
        *units_missing(rows, c),
        *control_overlap(rows, c),
    ]
    return tuple(f for f in found if f.verdict != "consistent")


def _pair(text: str) -> tuple[Figure, Figure] | None:
    match = _PLUS_MINUS.match(text or "")
    return (figure("", match[1]), figure("", match[2])) if match else None


def _size(text: str) -> int | None:
    cleaned = (text or "").strip()
    return int(cleaned) if cleaned.isdigit() else None


def missing_numbers(rows: Sequence[Row], c: TableColumns) -> list[Finding]:
    """An arm without n, and a value that is no mean with its spread."""
    found = []
    for row in rows:
        for value, n in c.values:
            place = f"{row[c.study]} {n}"
            if _size(row[n]) is None:
                needed = "the number of patients would have to be known before anything is computed"
                found.append(Finding("arm without n", place, row[n] or "(empty)", "not checkable", needed))
            if _pair(row[value]) is None:
                needed = "a mean with its standard deviation is needed to compare arms"
                given = row[value] or "(empty)"
                found.append(
                    Finding("no mean and spread", f"{row[c.study]} {value}", given, "not checkable", needed)
                )
    return found


def value_equals_size(rows: Sequence[Row], c: TableColumns) -> list[Finding]:
    """A mean that is the arm's own n, printed with fewer decimals than its spread."""
    found = []
    for row in rows:
        for value, n in c.values:
            pair, size = _pair(row[value]), _size(row[n])
            if pair and size is not None and pair[0].value == size and pair[0].decimals < pair[1].decimals:
                needed = (
                    f"the mean would have to be {size} exactly, the number of patients in the arm, while its "
                    f"spread has {pair[1].decimals} decimals; a number entered in another column explains it"
                )
                place = f"{row[c.study]} {value}"
                found.append(Finding("mean equals n", place, row[value], "inconsistent", needed))
    return found


def repeated_values(rows: Sequence[Row], c: TableColumns) -> list[Finding]:
    """The same means or spreads, to two decimals or more, in two studies."""
    found = []
    for one, other in combinations(rows, 2):
        same: list[str] = []
        for value, _ in c.values:
            a, b = _pair(one[value]), _pair(other[value])
            if a is None or b is None:
                continue
            for x, y, what in zip(a, b, ("mean", "SD"), strict=True):
                # One decimal or fewer coincides too easily between studies of like patients.
                if x.text == y.text and (x.decimals >= 2 or (x.decimals == 1 and a[0].text == b[0].text)):
                    same.append(f"{value} {what} {x.text}")
        if same:
            needed = (
                "two studies share numbers: the same patients in both, chance, or one study's numbers "
                "entered for the other would have to hold"
            )
            place = f"{one[c.study]} and {other[c.study]}"
            found.append(
                Finding("values of one study in another", place, "; ".join(same), "inconsistent", needed, (),
                        {"shared": float(len(same))})
            )  # fmt: skip
    return found


def baseline_apart(rows: Sequence[Row], c: TableColumns, *, threshold: float = 0.001) -> list[Finding]:
    """Arms said to be randomised whose baseline differs more than chance does."""
    found = []
    for row in rows:
        randomised = row[c.design].strip().upper().startswith("RCT") if c.design else False
        pairs = [(_pair(row[value]), _size(row[n])) for value, n in c.values[:2]]
        if not randomised or len(pairs) < 2:
            continue
        (a, n1), (b, n2) = pairs
        if a is None or b is None or n1 is None or n2 is None or min(n1, n2) < 2:
            continue
        p = means_p(_value(a[0]), _value(a[1]), n1, _value(b[0]), _value(b[1]), n2)["Welch"]
        if p < threshold:
            needed = (
                f"a chance of {p:.1g} under randomisation, no randomisation, or another figure would have "
                "to hold"
            )
            given = " against ".join(row[value] for value, _ in c.values[:2])
            place = f"{row[c.study]} {c.values[0][0]}"
            found.append(
                Finding("baseline of randomised arms", place, given, "inconsistent", needed, (), {"p": p})
            )
    return found


def _value(f: Figure) -> float:
    return float(f.value)


def dose_range(text: str) -> tuple[float, float, str] | None:
    """(lowest, highest, unit) of a printed dose such as "1.0-10×10^8 cells/kg"; None when it is none."""
    match = _DOSE.search(text or "")
    if not match:
        return None
    low, power = float(match[1]), 10.0 ** int(match[3])
    return low * power, float(match[2] or match[1]) * power, match[4].strip()


def doses_apart(rows: Sequence[Row], c: TableColumns, *, factor: float = 10**0.5) -> list[Finding]:
    """Doses in the same unit that are ``factor`` times or more (half a power of ten) from the median."""
    doses = {row[c.study]: (dose_range(row[c.dose]), row[c.dose]) for row in rows} if c.dose else {}
    found = []
    for study, (dose, text) in doses.items():
        others = sorted(d[0] for d, _ in doses.values() if d is not None and dose and d[2] == dose[2])
        if dose is None or len(others) < 4:
            continue
        # The lower median: with half of the table high, the low half still is the usual dose.
        middle = others[(len(others) - 1) // 2]
        if dose[0] >= factor * middle or dose[1] <= middle / factor:
            needed = (
                f"{dose[0] / middle:.3g} times the table's usual {middle:.3g} {dose[2]} would have to hold, "
                "or another power of ten, or a total dose instead of one a kilogram; see the trial's own text"
            )
            found.append(
                Finding("dose far from the others", f"{study} {c.dose}", text, "inconsistent", needed, (),
                        {"times": dose[0] / middle})
            )  # fmt: skip
    return found


def units_missing(rows: Sequence[Row], c: TableColumns) -> list[Finding]:
    """Follow-up times without a unit, or none at all."""
    found = []
    for row in rows if c.follow_up else ():
        text = row[c.follow_up].strip()
        if not any(unit in text.lower() for unit in _UNITS):
            needed = "the unit of time would have to be known" if text else "no follow-up time is given"
            place = f"{row[c.study]} {c.follow_up}"
            found.append(Finding("time without unit", place, text or "(empty)", "not checkable", needed))
    return found


def control_overlap(rows: Sequence[Row], c: TableColumns, *, years: int = 3) -> list[Finding]:
    """Control groups that may be the same people: same n, years no further apart than ``years``, same centre.

    Without a column of centres only the first two are compared, and the finding says so.
    """
    found = []
    control = c.values[-1][1]
    for one, other in combinations(rows, 2):
        n1, n2 = _size(one[control]), _size(other[control])
        if n1 is None or n1 != n2 or not _near(one.get(c.year, ""), other.get(c.year, ""), years):
            continue
        if c.centre and (not one[c.centre].strip() or one[c.centre] != other[c.centre]):
            continue
        where = "and the same centre" if c.centre else "(centres not given)"
        needed = (
            f"same number of controls and near years {where}: separate patients would have to be shown "
            "before both are pooled"
        )
        place = f"{one[c.study]} and {other[c.study]}"
        verdict: Verdict = "inconsistent" if c.centre else "not checkable"
        found.append(Finding("one control group in two studies", place, f"n {n1} in both", verdict, needed))
    return found


def outside_scope(
    rows: Sequence[Row], column: str, allowed: Sequence[str], study: str = "study"
) -> tuple[Finding, ...]:
    """Rows whose ``column`` is not among what the table says it holds ("a review of RCTs")."""
    words = [_plain(word) for word in allowed]
    needed = f"the table would have to hold more than {', '.join(allowed)}"
    return tuple(
        Finding("outside the table's scope", f"{row[study]} {column}", row[column], "inconsistent", needed)
        for row in rows
        if _plain(row[column]) not in words
    )


def _near(one: str, other: str, years: int) -> bool:
    a, b = _size(one), _size(other)
    return a is not None and b is not None and abs(a - b) <= years


def against_record(
    place: str, printed: Mapping[str, str], record: Mapping[str, str], source: str
) -> tuple[Finding, ...]:
    """Cells of a table against the same facts in another record; those that differ.

    Args:
        place: the study.
        printed: cells by name.
        record: the same names in the other record; names it lacks are not compared.
        source: of the record.
    """
    found = []
    for name, value in record.items():
        if name in printed and _plain(printed[name]) != _plain(value):
            needed = (
                f"{source} says {value}; one of the two would have to be of another group or to be corrected"
            )
            found.append(
                Finding(
                    "differs from another record", f"{place} {name}", printed[name], "inconsistent", needed
                )
            )
    return tuple(found)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", str(text)).strip().casefold()


def repeated_rows(place: str, rows: Sequence[Row], *, ignore: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Rows that agree in every cell but those ignored (names, numbers of rows)."""
    found = []
    for (i, one), (j, other) in combinations(enumerate(rows, start=1), 2):
        cells = [name for name in one if name not in ignore]
        if cells and all(_plain(one[name]) == _plain(other.get(name, "")) for name in cells):
            needed = "two patients alike in every value, or one patient entered twice, would have to hold"
            given = ", ".join(f"{name} {one[name]}" for name in cells)
            found.append(Finding("repeated row", f"{place} rows {i} and {j}", given, "inconsistent", needed))
    return tuple(found)
