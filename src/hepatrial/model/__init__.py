"""The science: equations in Antimony text, parameter cards, structural variants. No numerics."""

from __future__ import annotations

import re
from functools import cache

from hepatrial.errors import BadInput, Problem
from hepatrial.model.cards import FOLDER, Card, Cards, load_cards, units_of_text
from hepatrial.model.check import card_problems, unit_problems
from hepatrial.model.spec import ModelSpec
from hepatrial.model.variants import Variant, load_variants

__all__ = [
    "Card",
    "Cards",
    "ModelSpec",
    "Variant",
    "check",
    "load_cards",
    "load_patient_model",
    "load_variants",
    "patient_text",
]


def patient_text() -> str:
    """The whole patient model as one Antimony text: ``patient.ant``, its imports, values from the cards."""
    text = (FOLDER / "patient.ant").read_text(encoding="utf-8")
    joined = re.sub(r'^import "(\w+\.ant)"$', lambda m: (FOLDER / m[1]).read_text("utf-8"), text, flags=re.M)
    units = units_of_text(text)
    lines = ["// Values and units of the parameters, from parameters.toml."]
    for name, card in load_cards().model.items():
        unit = units.get(card.unit, card.unit)
        lines.append(f"{name} = {card.value!r}; {name} has {unit};")
    return "\n".join(["model patient", joined, *lines, "end", ""])


@cache
def load_patient_model() -> ModelSpec:
    """The patient model, checked: names, units, cards.

    Raises:
        BadInput: with everything that is wrong in the text or in the cards.
    """
    # libSBML and libAntimony cost half a second; what needs no model should not pay it.
    from hepatrial.model.antimony import antimony_to_sbml
    from hepatrial.model.sbml import spec_from_sbml

    problems = _unknown_units()
    if problems:
        raise BadInput(problems)
    spec = spec_from_sbml(antimony_to_sbml(patient_text()))
    problems = [*card_problems(spec, load_cards()), *unit_problems(spec)]
    if problems:
        raise BadInput(problems)
    return spec


def check() -> tuple[Problem, ...]:
    """Everything that is wrong with the patient model; empty when it can be used."""
    try:
        load_patient_model()
        load_variants()
    except BadInput as bad:
        return bad.problems
    return ()


def _unknown_units() -> list[Problem]:
    known = units_of_text((FOLDER / "patient.ant").read_text(encoding="utf-8"))
    return [
        Problem(f"parameters.toml {name}.unit", repr(card.unit), f"must be one of {', '.join(sorted(known))}")
        for name, card in load_cards().model.items()
        if card.unit not in known
    ]
