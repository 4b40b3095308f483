"""``hepatrial score``: a clinical score from values in either unit system."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.schema import MEASURES, RESEARCH_USE_ONLY

_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}

EXAMPLES = """Examples:

  hepatrial score                                      (the scores and their inputs)

  hepatrial score meld bilirubin=342 creatinine=133 inr=2.1

  hepatrial score meld_na bilirubin=20 creatinine=1.5 inr=2.1 sodium=130 --units conventional
"""


def _unit(name: str, units: str) -> str:
    measure = MEASURES.get(name)
    if measure is None:
        return {"age": "years", "jaundice_to_he_days": "days"}.get(name, "")
    unit = measure.unit if units == "si" else measure.conventional
    return "" if unit == "1" else unit


def _numbers(texts: list[str], known: tuple[str, ...]) -> dict[str, float]:
    given, problems = edge.assignments(texts, "input")
    values: dict[str, float] = {}
    for name, text in given.items():
        if name not in known:
            allowed = f"must be an input of this score: {', '.join(known)}"
            problems.append(Problem(name, text, allowed, nearest_name(name, known)))
            continue
        try:
            values[name] = _WORDS[text.lower()] if text.lower() in _WORDS else float(text)
        except ValueError:
            problems.append(Problem(name, repr(text), "must be a number (or yes / no)"))
            continue
        if not math.isfinite(values[name]):
            problems.append(Problem(name, repr(text), "must be a finite number"))
    if problems:
        raise BadInput(problems)
    return values


def _list_scores(as_json: bool) -> None:
    from hepatrial.model.scores import SCORES

    if as_json:
        edge.print_json(
            [
                {"name": s.name, "label": s.label, "inputs": s.inputs, "optional": s.optional, "unit": s.unit}
                for s in SCORES.values()
            ]
        )
        return
    rows = [
        (s.name, s.label, " ".join([*s.inputs, *(f"[{name}]" for name in s.optional)]))
        for s in SCORES.values()
    ]
    edge.print_table("Scores, [optional inputs]", ("name", "score", "inputs"), rows)


def score(
    name: Annotated[str | None, typer.Argument(help="Score, for example meld. Without it: the list.")] = None,
    values: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Inputs.")] = None,
    units: Annotated[str, typer.Option(help="Units of the inputs: si or conventional (US).")] = "si",
    as_json: edge.JsonOption = False,
) -> None:
    """Compute a liver score (MELD, CLIF-C, AARC ...) from values in SI or conventional units.

    A score is never approximated from fewer inputs than it has.
    """
    with edge.exit_codes(as_json):
        if name is None:
            _list_scores(as_json)
            return
        from hepatrial.model.scores import compute_score, find_score

        found = find_score(name)
        inputs = _numbers(values or [], (*found.inputs, *found.optional))
        result = float(compute_score(name, inputs, units=units))
        if as_json:
            told = {"score": found.name, "value": result, "unit": found.unit, "units": units}
            edge.print_json({**told, "inputs": inputs, "clamps": found.clamps, "citation": found.citation})
            return
        console = edge.out()
        unit = "" if found.unit == "1" else f" {found.unit}"
        console.print(f"{found.label}: {result:.6g}{unit}", style="bold")
        listed = (f"{key} {value:g} {_unit(key, units)}".rstrip() for key, value in inputs.items())
        console.print(f"from {', '.join(listed)}")
        console.print(f"{found.clamps}. Source: {found.citation}. {RESEARCH_USE_ONLY['en']}")
