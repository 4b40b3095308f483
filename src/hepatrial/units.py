"""Quantities as a clinician writes them ("10 mg/dL", "5.5e5 cells/kg", "4 weeks"), converted exactly.

A unit is a product of atoms; conversion is done in rational numbers, so that 10 mg/dL of bilirubin is
171 umol/L and not 170.99999999999997. Mass and amount of substance convert only for a named analyte. The
conventional factors (bilirubin 17.1, creatinine 88.4 umol/L per mg/dL) are those of ``schema.MEASURES``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from hepatrial.errors import Problem, nearest_name

_ATOMS: dict[str, tuple[str, str]] = {
    # spelling: (base, factor to the base)
    "d": ("time", "1"),
    "h": ("time", "1/24"),
    "min": ("time", "1/1440"),
    "s": ("time", "1/86400"),
    "week": ("time", "7"),
    "month": ("time", "487/16"),  # 365.25 / 12 days
    "year": ("time", "1461/4"),
    "kg": ("mass", "1000"),
    "g": ("mass", "1"),
    "mg": ("mass", "1e-3"),
    "ug": ("mass", "1e-6"),
    "ng": ("mass", "1e-9"),
    "L": ("volume", "1"),
    "dL": ("volume", "1e-1"),
    "mL": ("volume", "1e-3"),
    "uL": ("volume", "1e-6"),
    "nL": ("volume", "1e-9"),
    "mol": ("amount", "1"),
    "mmol": ("amount", "1e-3"),
    "umol": ("amount", "1e-6"),
    "nmol": ("amount", "1e-9"),
    "mEq": ("charge", "1e-3"),
    "U": ("activity", "1"),
    "ukat": ("activity", "60"),  # 1 U turns over 1 umol/min, 1 ukat 1 umol/s
    "mmHg": ("pressure", "1"),
    "kPa": ("pressure", "7.50062"),
    "cells": ("cells", "1"),
    "particles": ("particles", "1"),
    "plasma volume": ("plasma volume", "1"),
    "points": ("points", "1"),
    "log10 IU/mL": ("log10 IU/mL", "1"),
    "%": ("", "1/100"),
    "1": ("", "1"),
}

_SPELLINGS: dict[str, str] = {
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hour", "hours"), "h"),
    **dict.fromkeys(("w", "wk", "weeks"), "week"),
    "months": "month",
    **dict.fromkeys(("y", "a", "years"), "year"),
    **dict.fromkeys(("minute", "minutes"), "min"),
    **dict.fromkeys(("µg", "μg", "mcg"), "ug"),
    **dict.fromkeys(("µmol", "μmol"), "umol"),
    "l": "L",
    "dl": "dL",
    "ml": "mL",
    **dict.fromkeys(("ul", "µL", "μL", "µl", "μl", "mm3", "mm^3"), "uL"),
    "nl": "nL",
    "IU": "U",
    "cell": "cells",
    "plasma volumes": "plasma volume",
    "point": "points",
    "percent": "%",
}

_ANALYTES: dict[str, tuple[str, int]] = {
    # molar mass in g/mol, charge number
    "bilirubin": ("10000/17.1", 0),
    "creatinine": ("10000/88.4", 0),
    "albumin": ("66500", 0),
    "ammonia": ("17.03", 0),
    "lactate": ("90.08", 0),
    "sodium": ("22.99", 1),
}

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*")
_POWER = re.compile(r"(?:[x×*]\s*)?(?:10\s*\^\s*\(?([+-]?\d{1,3})\)?|1[eE]([+-]?\d{1,3}))\s*")


def _fraction(text: str) -> Fraction:
    """Exact value of a decimal or of a quotient of decimals."""
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below) if below else Fraction(above)


class UnitError(ValueError):
    """A text that is no quantity of the wanted kind.

    Attributes:
        given: what was given.
        allowed: what is allowed, a sentence without its full stop.
        nearest: the nearest right unit, or None.
    """

    def __init__(self, given: object, allowed: str, nearest: str | None = None) -> None:
        self.given, self.allowed, self.nearest = given, allowed, nearest
        super().__init__(f"{given!r}: {allowed}")

    def problem(self, place: str) -> Problem:
        """The same as a ``Problem`` at ``place``."""
        return Problem(place, repr(self.given), self.allowed, self.nearest)


@dataclass(frozen=True)
class Unit:
    """A unit of measurement.

    Attributes:
        text: as it was written.
        factor: size in base units (days, g, L, mol, cells, U, mmHg), exact.
        dimension: pairs (base, power), sorted, no zero powers.
    """

    text: str
    factor: Fraction
    dimension: tuple[tuple[str, int], ...]


def _atom(token: str) -> tuple[str, Fraction]:
    name = _SPELLINGS.get(token, token)
    if name not in _ATOMS:
        raise UnitError(token, f"{token!r} is no known unit", nearest_name(token, (*_ATOMS, *_SPELLINGS)))
    base, factor = _ATOMS[name]
    return base, _fraction(factor)


def _tokens(text: str) -> list[str]:
    """Atoms of one side of a slash; two-word atoms stay whole."""
    if text in _ATOMS or text in _SPELLINGS:
        return [text]
    return [token for token in re.split(r"[\s*·]+", text) if token]


def parse_unit(text: str) -> Unit:
    """Read a unit such as ``umol/L``, ``cells/kg``, ``1e9/L``, ``% per week``, ``log10 IU/mL``.

    Raises:
        UnitError: an atom is not known.
    """
    clean = re.sub(r"\bper\b", "/", text.strip())
    sides = [clean] if clean in _ATOMS else [side.strip() for side in clean.split("/")]
    factor, powers = Fraction(1), dict[str, int]()
    for position, written in enumerate(sides):
        side, power = written, -1 if position else 1
        if number := _POWER.match(side):
            factor *= Fraction(10) ** (power * int(number[1] or number[2]))
            side = side[number.end() :]
        elif position and not side:
            raise UnitError(text, f"{text.strip()!r} ends in a slash")
        for token in _tokens(side):
            base, size = _atom(token)
            factor *= size**power
            powers[base] = powers.get(base, 0) + power
    dimension = tuple(sorted((base, power) for base, power in powers.items() if base and power))
    return Unit(text.strip(), factor, dimension)


def _bridge(source: Unit, target: Unit, analyte: str | None) -> Fraction | None:
    """Factor from the source's to the target's base units, or None when they do not fit."""
    if source.dimension == target.dimension:
        return Fraction(1)
    if analyte not in _ANALYTES:
        return None
    molar_mass, charge = _fraction(_ANALYTES[analyte][0]), _ANALYTES[analyte][1]
    per_mole = {"mass": molar_mass, "amount": Fraction(1)} | ({"charge": Fraction(charge)} if charge else {})
    for have, have_size in per_mole.items():
        for want, want_size in per_mole.items():
            swapped = tuple(
                sorted((want if base == have else base, power) for base, power in source.dimension)
            )
            if (have, 1) in source.dimension and swapped == target.dimension:
                return want_size / have_size
    return None


def convert(value: float | str, source: str, target: str, analyte: str | None = None) -> float:
    """Convert a number from one unit to another.

    Args:
        value: the number; text is taken exactly as the decimal it shows.
        source: its unit.
        target: the unit wanted.
        analyte: bilirubin, creatinine, albumin, ammonia, lactate or sodium: with one of these named, mass,
            amount and charge convert into one another.

    Raises:
        UnitError: unknown unit, or the dimensions differ.
    """
    return float(_convert(Fraction(str(value)), source, target, analyte))


def _convert(value: Fraction, source: str, target: str, analyte: str | None) -> Fraction:
    have, want = parse_unit(source), parse_unit(target)
    bridge = _bridge(have, want, analyte)
    if bridge is None:
        raise UnitError(f"{float(value):g} {source}", f"a number {_with_unit(target, analyte)}")
    return value * have.factor * bridge / want.factor


_USUAL: dict[str, tuple[str, ...]] = {
    "d": ("d", "weeks", "h", "months"),
    "weeks": ("weeks", "d", "months"),
    "years": ("years", "months"),
    "kg": ("kg",),
    "L": ("L", "mL"),
    "g": ("g", "kg", "mg"),
    "g/L": ("g/L", "g/dL"),
    "1/d": ("% per week", "1/d", "1/week"),
    "%": ("%",),
    "cells/kg": ("cells/kg",),
    "cells": ("cells",),
    "mmHg": ("mmHg", "kPa"),
    "1e9/L": ("1e9/L", "1/nL"),
    "U/L": ("U/L", "ukat/L"),
}
_USUAL_OF_ANALYTE: dict[str, tuple[str, ...]] = {
    "bilirubin": ("umol/L", "mg/dL"),
    "creatinine": ("umol/L", "mg/dL"),
    "ammonia": ("umol/L", "ug/dL"),
    "lactate": ("mmol/L", "mg/dL"),
    "sodium": ("mmol/L", "mEq/L"),
}


def usual_units(target: str, analyte: str | None = None) -> tuple[str, ...]:
    """The units to name in a message, the one used inside first."""
    return _USUAL_OF_ANALYTE.get(analyte or "", _USUAL.get(target, (target,)))


def _with_unit(target: str, analyte: str | None) -> str:
    names = usual_units(target, analyte)
    return f"with the unit {names[0]}" if len(names) == 1 else f"with one of the units {', '.join(names)}"


def _split(given: str) -> tuple[Fraction, str]:
    match = _NUMBER.match(given)
    if match is None:
        raise UnitError(given, "")
    return Fraction(match[1]), given[match.end() :].strip()


def read_quantity(given: object, target: str, analyte: str | None = None) -> float:
    """Read a quantity written as text or number and return it in ``target``.

    Targets without a unit ("1", "points") take a bare number, all others ask for a unit to be written.

    Args:
        given: what the user wrote.
        target: unit of the returned number.
        analyte: see ``convert``.

    Raises:
        UnitError: no finite number, a missing or unknown unit, or one of another dimension.
    """
    bare = target in ("1", "points")
    allowed = "a number without a unit" if bare else f"a number {_with_unit(target, analyte)}"
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise UnitError(given, allowed)
    if not isinstance(given, str):
        if bare and math.isfinite(given):
            return float(given)
        raise UnitError(given, allowed)
    try:
        number, unit = _split(given)
        if bare:
            if unit not in ("", target):
                raise UnitError(given, "")
            return float(number)
        if not unit:
            raise UnitError(given, "")
        return float(_convert(number, unit, target, analyte))
    except UnitError as error:
        raise UnitError(given, allowed, error.nearest) from None
    except OverflowError:
        raise UnitError(given, "a number that a computer can hold") from None


def write_quantity(value: float, unit: str) -> str | float:
    """The text (or bare number) that ``read_quantity`` reads back as the same float."""
    return value if unit in ("1", "points") else f"{value!r} {unit}"
