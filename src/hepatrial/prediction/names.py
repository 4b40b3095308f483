"""Every word that a study file may use, with its other spellings: what the reader itself knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import fill

from hepatrial.prediction.interventions import interventions, other_spellings
from hepatrial.prediction.vocabulary import (
    ALIASES,
    DEFINITION_ALIASES,
    DEFINITIONS,
    ENDPOINT_ALIASES,
    ENDPOINTS,
    ETIOLOGIES,
    ETIOLOGY_ALIASES,
    VARIABLES,
    Variable,
)
from hepatrial.units import usual_units

_HOW = {
    "model": "followed by the equations",
    "prior": "a prior centred at odds ratio {odds:.2f}",
    "both": "followed by the equations, and a prior centred at odds ratio {odds:.2f}",
    "none": "taken to change nothing",
}


def names_of_files() -> dict[str, dict[str, dict[str, object]]]:
    """Kind of word -> word -> ``means`` (a phrase) and ``also`` (other spellings)."""
    return {
        "definitions": _listed(DEFINITIONS, DEFINITION_ALIASES),
        "causes": _listed(ETIOLOGIES, ETIOLOGY_ALIASES),
        "rows of the Table 1": _listed({name: _row(name, one) for name, one in VARIABLES.items()}, ALIASES),
        "treatments": {
            one.name: {
                "means": f"{one.label}; {_HOW[one.how].format(odds=2.718281828459045**one.centre)}",
                "also": other_spellings(one.name),
            }
            for one in interventions().values()
            if one.name != "msc_class"
        },
        "endpoints": _listed(ENDPOINTS, ENDPOINT_ALIASES),
    }


def _listed(names: Mapping[str, str], aliases: Mapping[str, str]) -> dict[str, dict[str, object]]:
    return {
        name: {"means": says, "also": [word for word, of in aliases.items() if of == name]}
        for name, says in names.items()
    }


def _row(name: str, one: Variable) -> str:
    if one.scale == "yes_no":
        return "share of patients"
    if one.scale == "classes":
        return f"shares of {', '.join(dict.fromkeys(label for label, _, _ in one.classes))}"
    units = usual_units(one.unit, name)
    return "number" if one.unit in ("1", "points") else f"number in {' or '.join(units)}"


def names_text() -> str:
    """The same for people, at most 80 characters a line."""
    lines: list[str] = []
    for kind, names in names_of_files().items():
        lines += [kind.upper(), ""]
        for name, told in names.items():
            lines.append(_entry(name, str(told["means"]), told["also"]))
        lines.append("")
    lines.append("Capitals, blanks, hyphens and underscores make no difference.")
    return "\n".join(lines) + "\n"


def _entry(name: str, means: str, also: object) -> str:
    words = ", ".join(map(str, also)) if isinstance(also, Iterable) else ""
    text = f"{name}: {means}" + (f" (also {words})" if words else "")
    return fill(text, 80, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
