"""The science: equations in Antimony text, parameter cards, structural variants. No numerics.

Cards and variants load on first use: whoever simulates a model of their own needs no pydantic,
and a command that only starts a child process no numpy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepatrial.errors import BadInput, Problem

if TYPE_CHECKING:
    from hepatrial.model.cards import Card, Cards, load_cards
    from hepatrial.model.spec import ModelSpec
    from hepatrial.model.untrusted import load_model
    from hepatrial.model.variants import Variant, load_variants

__all__ = [
    "Card",
    "Cards",
    "ModelSpec",
    "Variant",
    "check",
    "load_cards",
    "load_model",
    "load_patient_model",
    "load_variants",
    "patient_text",
]


_HOME = {
    "Card": "cards",
    "Cards": "cards",
    "ModelSpec": "spec",
    "load_cards": "cards",
    "load_model": "untrusted",
    "Variant": "variants",
    "load_variants": "variants",
}
FOLDER = Path(__file__).parent


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"hepatrial.model.{_HOME[name]}"), name)
    raise AttributeError(f"module 'hepatrial.model' has no attribute {name!r}")


def patient_text() -> str:
    """The whole patient model as one Antimony text: ``patient.ant``, its imports, values from the cards."""
    from hepatrial.model.cards import load_cards, units_of_text

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

    A model that was read and checked before comes from the cache folder (:mod:`hepatrial.cache`).

    Raises:
        BadInput: with everything that is wrong in the text or in the cards.
    """
    from hepatrial.model.kept import kept_or_read

    return kept_or_read("patient", _texts, _read_patient_model)


def _texts() -> list[bytes]:
    """Everything that the patient model is made of."""
    files = [*sorted(FOLDER.glob("*.ant")), FOLDER / "parameters.toml", FOLDER / "references.bib"]
    return [file.read_bytes() for file in files]


def _read_patient_model() -> ModelSpec:
    from hepatrial.model.antimony import antimony_to_sbml
    from hepatrial.model.cards import load_cards
    from hepatrial.model.checks import card_problems, unit_problems
    from hepatrial.model.sbml import spec_from_sbml

    problems = _unknown_units()
    if problems:
        raise BadInput(problems)
    spec = replace(spec_from_sbml(antimony_to_sbml(patient_text())), nonnegative=True)
    problems = [*card_problems(spec, load_cards()), *unit_problems(spec)]
    if problems:
        raise BadInput(problems)
    return spec


def check() -> tuple[Problem, ...]:
    """Everything that is wrong with the patient model; empty when it can be used."""
    from hepatrial.model.variants import load_variants

    try:
        _read_patient_model()
        load_variants()
    except BadInput as bad:
        return bad.problems
    return ()


def _unknown_units() -> list[Problem]:
    from hepatrial.model.cards import load_cards, units_of_text

    known = units_of_text((FOLDER / "patient.ant").read_text(encoding="utf-8"))
    return [
        Problem(f"parameters.toml {name}.unit", repr(card.unit), f"must be one of {', '.join(sorted(known))}")
        for name, card in load_cards().model.items()
        if card.unit not in known
    ]
