"""Arms of a study file: patients, treatments, regimens, care, and which one is the control."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from hepatrial.errors import Problem, nearest_name
from hepatrial.prediction.interventions import Intervention, find_intervention, spellings
from hepatrial.prediction.shapes import as_list, frozen, known_entries
from hepatrial.prediction.table1 import Reader, Wanted, read_table1
from hepatrial.protocol import PRODUCTS
from hepatrial.protocol.problems import problems_of
from hepatrial.protocol.sections import Care, Dosing

LARGEST_ARM = 1_000_000
_NAME = re.compile(r"[^\W_](?:[\w +./&()-]{0,58}[\w)+])?")
_NAME_ALLOWED = "letters, digits, blanks and - _ + . / &, at most 60 of them, a letter or digit first"


@dataclass(frozen=True)
class Arm:
    """A group of patients.

    Attributes:
        name: of its table.
        n: patients.
        given: what it gets.
        regimen: lines of cell infusions as ``protocol`` reads them.
        care: what it has instead of the shared care, as ``protocol`` reads it.
        control: whether it is the arm that the others are compared with.
        implied: added because a treated arm is never shown alone.
    """

    name: str
    n: int
    given: tuple[Intervention, ...] = ()
    regimen: tuple[Mapping[str, Any], ...] = ()
    care: Mapping[str, Any] = field(default_factory=dict)
    control: bool = False
    implied: bool = False

    @property
    def treated(self) -> bool:
        """Whether it gets more than standard care."""
        return any(one.treats for one in self.given)


_ARM = (
    "n", "label", "control", "treatment", "treatments", "products", "drugs", "devices", "regimen", "care",
    "baseline", "dose", "route", "days", "note",
)  # fmt: skip


def read_arms(given: object, reader: Reader) -> tuple[dict[str, Arm], dict[str, list[Wanted]], list[str]]:
    problems = reader.problems
    allowed = "a table for each arm: [arms.msc] with n"
    if isinstance(given, list) and all(isinstance(one, Mapping) and "name" in one for one in given):
        allowed = "each arm once, as a table of its own: [arms.msc] with n"
        named = {str(one["name"]): {k: v for k, v in one.items() if k != "name"} for one in given}
        given = named if len(named) == len(given) else None
    if not isinstance(given, Mapping) or not given:
        problems.append(Problem("arms", "nothing" if not given else repr(given), allowed))
        return {}, {}, []
    arms: dict[str, Arm] = {}
    rows: dict[str, list[Wanted]] = {}
    for name, raw in given.items():
        place = f"arms.{name}"
        if not isinstance(raw, Mapping):
            problems.append(Problem(place, repr(raw), f"a table: [{place}] with n"))
            continue
        arm = _arm(str(name), raw, place, problems)
        if "baseline" in raw:
            rows[str(name)] = read_table1(raw["baseline"], f"{place}.baseline", reader)
        if arm is not None:
            arms[str(name)] = arm
    if len({str(name).casefold() for name in given}) < len(given):
        problems.append(
            Problem("arms", ", ".join(map(str, given)), "names that differ in more than capitals")
        )
    notes: list[str] = []
    if arms and len(arms) == len(given):
        arms = _with_control(arms, problems, notes)
    return arms, {name: found for name, found in rows.items() if name in arms}, notes


def _arm(name: str, raw: Mapping[str, Any], place: str, problems: list[Problem]) -> Arm | None:
    before = len(problems)
    known_entries(raw, _ARM, place, problems)
    if not _NAME.fullmatch(name) or " vs " in name:
        problems.append(Problem(place, repr(name), _NAME_ALLOWED))
    n = raw.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LARGEST_ARM:
        allowed = f"a whole number of patients, from 1 to {LARGEST_ARM:,}"
        problems.append(Problem(f"{place}.n", "nothing" if n is None else repr(n), allowed))
        n = 1
    given, regimen = _given(raw, place, problems)
    care = raw.get("care", {})
    if not isinstance(care, Mapping):
        problems.append(Problem(f"{place}.care", repr(care), f"a table: [{place}.care]"))
        care = {}
    else:
        care = read_care(care, f"{place}.care", problems)
    control = raw.get("control", False)
    if not isinstance(control, bool):
        problems.append(Problem(f"{place}.control", repr(control), "true or false"))
        control = False
    if len(problems) > before:
        return None
    return Arm(name, n, given, regimen, care, control)


def _given(
    raw: Mapping[str, Any], place: str, problems: list[Problem]
) -> tuple[tuple[Intervention, ...], tuple[Mapping[str, Any], ...]]:
    """Treatments of an arm and its lines of infusions (with stated defaults when the file gives none)."""
    found: dict[str, Intervention] = {}
    for entry in ("treatment", "treatments", "products", "drugs", "devices"):
        value = raw.get(entry, [])
        items = [value] if isinstance(value, str) else as_list(value, f"{place}.{entry}", problems)
        for number, text in enumerate(items):
            one = find_intervention(text) if isinstance(text, str) else None
            if one is None:
                other = {"products": "other_cells", "devices": "other_device"}.get(entry, "other_drug")
                allowed = f"a treatment that is known, or {other!r} for one that is not"
                nearest = nearest_name(str(text), spellings())
                problems.append(Problem(f"{place}.{entry}[{number}]", repr(text), allowed, nearest))
            else:
                found[one.name] = one
    asked = _list_of_lines(raw, place, found, problems)
    lines = list(asked)
    defaults = {name: raw[name] for name in ("dose", "route", "days") if name in raw}
    cells = [one for one in found.values() if one.product]
    if defaults and (asked or not cells):
        allowed = "nothing: the regimen says it" if asked else "nothing: this arm is given no cell product"
        problems += [Problem(f"{place}.{name}", repr(value), allowed) for name, value in defaults.items()]
    elif not asked:
        for one in cells:
            line = {"product": one.name, **DEFAULT_REGIMEN[PRODUCTS[one.name].kind], **defaults}
            if defaults:
                _check_line(line, tuple(place.split(".")), problems)
            if one.how == "model":
                lines.append(line)
    return tuple(found[name] for name in sorted(found)), tuple(lines)


def _list_of_lines(
    raw: Mapping[str, Any], place: str, found: dict[str, Intervention], problems: list[Problem]
) -> list[Mapping[str, Any]]:
    """The lines of ``regimen``, with the products they give added to those found."""
    lines: list[Mapping[str, Any]] = []
    for number, line in enumerate(as_list(raw.get("regimen", []), f"{place}.regimen", problems)):
        here = f"{place}.regimen[{number}]"
        if not isinstance(line, Mapping):
            problems.append(Problem(here, repr(line), "a table with product, dose, route and days"))
            continue
        one = find_intervention(str(line.get("product", "")))
        if one is None or not one.product:
            given = repr(line["product"]) if "product" in line else "nothing"
            nearest = nearest_name(str(line.get("product", "")), tuple(PRODUCTS))
            problems.append(Problem(f"{here}.product", given, f"one of {', '.join(PRODUCTS)}", nearest))
            continue
        found[one.name] = one
        lines.append({**line, "product": one.name})
        _check_line(lines[-1], (*place.split("."), "regimen", number), problems)
    return lines


def _check_line(line: Mapping[str, Any], place: tuple[str | int, ...], problems: list[Problem]) -> None:
    """Check a line of a regimen by the protocol's own types."""
    try:
        Dosing.model_validate(frozen(line))
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), place, Dosing)


DEFAULT_REGIMEN: Mapping[str, Mapping[str, Any]] = {
    "cells": {"dose": "1e6 cells/kg", "route": "peripheral_vein", "days": [0, 7, 14]},
    "vesicles": {"dose": "1e9 particles/kg", "route": "peripheral_vein", "days": [0, 7, 14]},
    "drug": {"dose": "5 ug/kg", "route": "subcutaneous", "days": [0, 1, 2, 3, 4]},
}
"""Of a product named without a regimen, by its kind."""


def read_care(table: Mapping[str, Any], place: str, problems: list[Problem]) -> Mapping[str, Any]:
    """Care as the protocol has it, checked by its own types."""
    if not table:
        return {}
    try:
        Care.model_validate(frozen(table))
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), tuple(place.split(".")), Care)
        return {}
    return dict(table)


_CONTROL_WORDS = ("control", "standard", "smt", "soc", "placebo", "conventional", "sham", "saline", "usual")


def _with_control(arms: dict[str, Arm], problems: list[Problem], notes: list[str]) -> dict[str, Arm]:
    """Exactly one control arm: the one that says so, or the one without a treatment of its own, or an implied
    one. What all arms of a study are given is no arm's own."""
    said = [name for name, arm in arms.items() if arm.control]
    if len(said) > 1:
        problems.append(Problem("arms", f"control = true in {', '.join(said)}", "one control arm"))
        return arms
    if not said:
        shared = set.intersection(*({one.name for one in arm.given} for arm in arms.values()))
        shared = shared if len(arms) > 1 else set()
        plain = [
            name
            for name, arm in arms.items()
            if not any(one.treats and one.name not in shared for one in arm.given)
        ]
        if plain:
            said = sorted(plain, key=lambda name: (not _sounds_like_control(name), name))[:1]
        else:
            first = min(arms.values(), key=lambda arm: arm.name)
            name = "control" if "control" not in arms else "implied_control"
            notes.append(f"No arm is without treatment: an arm {name!r} of the same size is added beside.")
            return {**arms, name: Arm(name, first.n, control=True, implied=True)}
    return {name: replace(arm, control=name == said[0]) for name, arm in arms.items()}


def _sounds_like_control(name: str) -> bool:
    return any(word in name.lower() for word in _CONTROL_WORDS)
