"""What a protocol changes against another one: places with both values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

QUIET = ("identity", "assumptions")
"""Sections that are words about the trial, not the trial."""


class Change(BaseModel):
    """One entry that differs."""

    place: str
    before: str
    after: str
    label: str = ""
    """The place by the labels of the form."""


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The entries that differ, in the order of the file."""
    old, new = dict(flat(before)), dict(flat(after))
    places = [*old, *(place for place in new if place not in old)]
    return [
        Change(place=place, before=old.get(place, ""), after=new.get(place, ""))
        for place in places
        if old.get(place, "") != new.get(place, "") and not place.startswith(QUIET)
    ]


def flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every entry that is given: its place and its value as text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from flat(item, f"{place}[{number}]")
    elif value not in (None, "", [], ()):
        yield place, shown(value)


def shown(value: Any) -> str:
    """A value as a reader writes it: whole numbers without a point, lists with commas."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        number, _, unit = value.partition(" ")
        try:
            return f"{shown_number(float(number))} {unit}".strip() if unit else value
        except ValueError:
            return value
    return str(value)


def shown_number(value: float) -> str:
    """A number short and exact: ``320000.0`` as 3.2e5, ``171.0`` as 171."""
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        mantissa, _, exponent = (
            f"{value!r}".partition("e") if "e" in repr(value) else f"{value:.12e}".partition("e")
        )
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
        return text if float(text) == value else repr(value)
    return str(int(value)) if value.is_integer() else repr(value)
