"""Tables and lists of a study file, before what stands in them is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepatrial.errors import Problem, nearest_name


def as_table(data: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    """A section, empty when it is missing; a problem is noted when it is no table."""
    value = data.get(name, {})
    if isinstance(value, Mapping):
        return value
    problems.append(Problem(name, repr(value), f"a table: [{name}]"))
    return {}


def as_list(value: object, place: str, problems: list[Problem], allowed: str = "a list") -> list[Any]:
    """A list, empty with a problem noted when it is none."""
    if isinstance(value, list | tuple):
        return list(value)
    problems.append(Problem(place, repr(value), allowed))
    return []


def known_entries(
    table: Mapping[str, Any], entries: tuple[str, ...], place: str, problems: list[Problem]
) -> None:
    """Note a problem for every entry that is none of those a table may have."""
    for name in table:
        if name not in entries:
            allowed = f"the entries here are {', '.join(entries)}"
            problems.append(Problem(f"{place}.{name}", repr(name), allowed, nearest_name(str(name), entries)))


def frozen(value: Any) -> Any:
    """TOML's lists as tuples, which is what the types of a protocol take."""
    if isinstance(value, Mapping):
        return {name: frozen(item) for name, item in value.items()}
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value
