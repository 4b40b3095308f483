"""Settings of a time course, as the SBML Test Suite writes them (``settings.txt``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem, nearest_name

_NUMBERS = ("start", "duration", "absolute", "relative")
_LISTS = ("variables", "amount", "concentration")
_MOST_ROWS = 10_000_000


@dataclass(frozen=True)
class Settings:
    """What to simulate.

    Attributes:
        start: first time recorded; the model itself always starts at time 0.
        duration: from the first to the last time.
        steps: intervals; one row more is recorded. None is the first time alone.
        variables: ids in column order.
        absolute, relative: error allowed.
        amount, concentration: species to be recorded as one or the other; the rest as formulas mean them.
    """

    start: float
    duration: float
    steps: int
    variables: tuple[str, ...]
    absolute: float
    relative: float
    amount: frozenset[str]
    concentration: frozenset[str]

    @property
    def times(self) -> NDArray[np.float64]:
        """(steps + 1,)."""
        return self.start + self.duration * (np.arange(self.steps + 1) / max(self.steps, 1))


def read_settings(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        BadInput: with everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput([Problem(str(path), str(error), "must be a readable text file")]) from None
    return settings_of_text(text, str(path))


def settings_of_text(text: str, place: str = "settings") -> Settings:
    """The settings in a text of lines ``key: value``.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    found = _lines(text, place, problems)
    numbers = {key: _number(found, key, place, problems) for key in (*_NUMBERS, "steps")}
    lists = {key: _list(found.get(key, "")) for key in _LISTS}
    if not lists["variables"]:
        problems.append(Problem(f"{place} variables", "nothing", "must name at least one variable"))
    for key in ("amount", "concentration"):
        for name in lists[key]:
            if name not in lists["variables"]:
                nearest = nearest_name(name, lists["variables"])
                problems.append(Problem(f"{place} {key}", repr(name), "must be one of variables", nearest))
    problems += [
        Problem(f"{place} amount", repr(name), "may not be a concentration too")
        for name in sorted({*lists["amount"]} & {*lists["concentration"]})
    ]
    steps = numbers["steps"]
    if not (steps >= 0 and steps == math.floor(steps) and steps < _MOST_ROWS) and not math.isnan(steps):
        allowed = f"must be a whole number from 0 to {_MOST_ROWS}"
        problems.append(Problem(f"{place} steps", f"{steps:g}", allowed))
    if problems:
        raise BadInput(problems)
    return Settings(
        start=numbers["start"],
        duration=numbers["duration"],
        steps=int(steps),
        variables=lists["variables"],
        absolute=numbers["absolute"],
        relative=numbers["relative"],
        amount=frozenset(lists["amount"]),
        concentration=frozenset(lists["concentration"]),
    )


def _lines(text: str, place: str, problems: list[Problem]) -> dict[str, str]:
    keys = (*_NUMBERS, "steps", *_LISTS)
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, colon, value = (part.strip() for part in line.partition(":"))
        key = key.lower()
        if not colon or key not in keys:
            allowed = f"must be 'key: value' with key one of {', '.join(keys)}"
            given = repr(line.strip()[:60])
            problems.append(Problem(f"{place} line {number}", given, allowed, nearest_name(key, keys)))
        elif key in found:
            problems.append(Problem(f"{place} line {number}", key, "is given twice; give it once"))
        else:
            found[key] = value
    return found


def _number(found: dict[str, str], key: str, place: str, problems: list[Problem]) -> float:
    given = found.get(key)
    above = key == "absolute"
    allowed = f"must be a finite number, {'above 0' if above else 'not negative'}"
    if given is None:
        problems.append(Problem(f"{place} {key}", "nothing", allowed))
        return math.nan
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and (value > 0 if above else value >= 0)):
        problems.append(Problem(f"{place} {key}", repr(given[:40]), allowed))
        return math.nan
    return value


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
