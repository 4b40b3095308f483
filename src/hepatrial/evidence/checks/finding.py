"""The one shape in which every arithmetic check answers, and the words it does not use.

Authors of a checked figure were not asked: the strongest a finding says is that the figure as printed does
not follow, with what would have to be true for it to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Literal

from hepatrial.errors import BadInput, Problem

Verdict = Literal["consistent", "inconsistent", "not checkable"]
UNFAIR = ("impossible", "copied", "misplaced", "fraud", "fabricat", "fake", "manipulat", "misconduct")
"""Word beginnings that no generated text may hold."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: name of the check.
        place: where the figure stands, as the caller named it.
        given: what was printed.
        verdict: "consistent", "inconsistent" (with the other figures given) or "not checkable".
        needed: what would have to be true for the printed figure to hold; for a consistent one, what holds.
        readings: the ways of computing that reproduce the printed figure, each in words.
        facts: the numbers computed, by name.
    """

    check: str
    place: str
    given: str
    verdict: Verdict
    needed: str
    readings: tuple[str, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A printed number: its value and half a unit of its last digit, exactly."""

    text: str
    value: Fraction
    half: Fraction
    decimals: int

    def fits(self, exact: Fraction | float) -> bool:
        """Whether ``exact`` prints as this figure (at a tie either way of rounding counts)."""
        if isinstance(exact, float) and not math.isfinite(exact):
            return False
        slack = Fraction(0) if isinstance(exact, Fraction) else Fraction(1, 10**12)
        return abs(Fraction(exact) - self.value) <= self.half + slack

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value that print as this figure."""
        return float(self.value - self.half), float(self.value + self.half)


def figure(place: str, text: str) -> Figure:
    """Read a printed number, keeping its digits ("22.2", "73.20", "41.9 %").

    Raises:
        BadInput: when it is none.
    """
    cleaned = str(text).strip().removesuffix("%").strip()
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise BadInput([Problem(place, repr(text), "must be a number as printed, such as '22.2'")])
    exponent = number.as_tuple().exponent
    decimals = max(0, -int(exponent))
    return Figure(cleaned, Fraction(number), Fraction(1, 2 * 10**decimals), decimals)


def rounded(exact: Fraction, decimals: int) -> Fraction:
    """``exact`` to so many decimals, ties away from 0, as printed tables do."""
    scaled = abs(exact) * 10**decimals
    whole = math.floor(scaled + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole, 10**decimals)


def roundings(exact: Fraction, decimals: int) -> set[Fraction]:
    """``exact`` to so many decimals; at a tie both ways, since programs differ."""
    away = rounded(exact, decimals)
    tie = abs(exact - away) * 2 * 10**decimals == 1
    return {away, away - Fraction(1 if exact >= 0 else -1, 10**decimals)} if tie else {away}


@dataclass(frozen=True)
class PrintedP:
    """A printed p-value: a number, or a bound ("<0.001", ">0.05")."""

    text: str
    sign: str
    figure: Figure

    def fits(self, low: float, high: float) -> bool:
        """Whether some p between ``low`` and ``high`` prints so."""
        if self.sign == "<":
            return low < float(self.figure.value)
        if self.sign == ">":
            return high > float(self.figure.value)
        bottom, top = self.figure.range
        return low <= top + 1e-12 and high >= bottom - 1e-12


def printed_p(place: str, text: str) -> PrintedP:
    """Read a printed p-value ("0.291", "<0.001", "P = 0.03", ">0.05").

    Raises:
        BadInput: when it is none, or above 1.
    """
    found = re.fullmatch(r"(?:[pP]\s*)?([<>=≤≥])?\s*([0-9.eE-]+)", str(text).strip())
    allowed = "must be a p-value as printed, such as '0.03' or '<0.001'"
    if not found:
        raise BadInput([Problem(place, repr(text), allowed)])
    number = figure(place, found[2])
    if not 0 <= number.value <= 1:
        raise BadInput([Problem(place, repr(text), allowed)])
    sign = {"≤": "<", "≥": ">", "=": "", None: ""}.get(found[1], found[1])
    return PrintedP(str(text).strip(), sign, number)


def whole(place: str, value: float, problems: list[Problem], *, least: int = 0) -> None:
    """Note a problem unless ``value`` is a whole number of at least ``least``."""
    if not (math.isfinite(value) and value == math.floor(value) and value >= least):
        problems.append(Problem(place, f"{value:g}", f"must be a whole number of at least {least}"))


def refuse(problems: list[Problem]) -> None:
    """Raise ``BadInput`` if there is any problem."""
    if problems:
        raise BadInput(problems)
