"""The dish and the mouse: models that read the same text of the mechanisms as the patient does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache

from hepatrial.errors import BadInput, Problem
from hepatrial.model.cards import FOLDER, Card, card_faults, load_cards, units_of_text
from hepatrial.model.checks import unit_problems
from hepatrial.model.spec import ModelSpec

WORLDS = ("dish", "mouse")

_TABLES = {
    "dish": ("differentiation", "migration", "secretome", "dish"),
    "mouse": ("differentiation", "homing", "secretome", "mouse"),
}
_OF_THE_PATIENT = {"dish": ("switches",), "mouse": ("switches", "msc_kinetics")}
_SWITCHES = ("secretome_on", "homing_on", "differentiation_on")
REPLACED = "mouse_for_patient"
"""Table of the cards that the mouse has instead of the patient's."""


def world_text(world: str) -> str:
    """A world as one Antimony text: its file, the files it imports, values from the cards.

    Raises:
        BadInput: no such world, or cards that are wrong.
    """
    if world not in WORLDS:
        raise BadInput([Problem("world", repr(world), f"must be one of {', '.join(WORLDS)}")])
    text = (FOLDER / f"{world}.ant").read_text(encoding="utf-8")
    joined = re.sub(r'^import "(\w+\.ant)"$', lambda m: (FOLDER / m[1]).read_text("utf-8"), text, flags=re.M)
    patient = (FOLDER / "patient.ant").read_text(encoding="utf-8")
    named = units_of_text(patient + _MORE_UNITS)
    declared = [line for line in patient.splitlines() if line.startswith("unit ")]
    values = [
        f"{name} = {card.value!r}; {name} has {named.get(card.unit, card.unit)};"
        for name, card in world_cards(world).items()
    ]
    return "\n".join([f"model {world}", *declared, _MORE_UNITS, joined, *values, "end", ""])


_MORE_UNITS = 'unit mmol_per_L_day = 1e-3 mole / (1 litre * 86400 second); mmol_per_L_day is "mmol/L/day";'


@cache
def world_cards(world: str) -> Mapping[str, Card]:
    """Cards of a world by parameter: those of its mechanisms, and the patient's for the text they share.

    Raises:
        BadInput: with every card of ``mechanisms.toml`` that is wrong.
    """
    own, problems = _own_cards()
    if problems:
        raise BadInput(problems)
    cards = dict(_shared(world))
    for table in _TABLES[world]:
        cards.update(own[table])
    if world == "mouse":
        cards.update(own[REPLACED])
    return cards


def _shared(world: str) -> Iterator[tuple[str, Card]]:
    patient = load_cards()
    for name, card in patient.model.items():
        kinetic = patient.process[name] == "msc_kinetics" and "msc_kinetics" in _OF_THE_PATIENT[world]
        if (kinetic or name in _SWITCHES) and name not in _PATIENT_ONLY:
            yield name, card


_PATIENT_ONLY = ("effect_calming", "effect_regulatory", "effect_infection", "effect_collagen")
"""Effects on parts that the mouse does not have."""


@cache
def experiment_cards() -> Mapping[str, Card]:
    """Cards of what the experiments set: animals, over-expression, engraftment."""
    return _own_cards()[0]["experiments"]


def _own_cards() -> tuple[dict[str, dict[str, Card]], list[Problem]]:
    tables = tomllib.loads((FOLDER / "mechanisms.toml").read_text(encoding="utf-8"))
    keys = load_cards().references
    found: dict[str, dict[str, Card]] = {}
    problems: list[Problem] = []
    for table, rows in tables.items():
        found[table] = {}
        for name, raw in rows.items():
            card, faults = card_faults(f"mechanisms.toml [{table}] {name}", raw, keys)
            problems += faults
            if card is not None:
                found[table][name] = card
    return found, problems


@cache
def load_world(world: str) -> ModelSpec:
    """A world, checked: every parameter has a card, every card a parameter, every unit fits.

    Raises:
        BadInput: with everything that is wrong.
    """
    from hepatrial.model.antimony import spec_from_antimony

    spec = spec_from_antimony(world_text(world))
    cards = world_cards(world)
    problems = [
        *(
            Problem(f"{world}: {name}", "no card", "needs one")
            for name in spec.parameters
            if name not in cards
        ),
        *(
            Problem(f"{world}: {name}", "a card without a parameter", "must name one")
            for name in cards
            if name not in spec.parameters
        ),
        *unit_problems(spec),
    ]
    if problems:
        raise BadInput(problems)
    return spec
