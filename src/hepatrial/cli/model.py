"""``hepatrial model show | check | export``: the science, for reading and for other tools."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge

if TYPE_CHECKING:
    from hepatrial.model import Card, ModelSpec

SHOW_EXAMPLES = """Examples:

  hepatrial model show                       (what the model is made of)

  hepatrial model show liver                 (the parameters of a process)

  hepatrial model show bilirubin             (equation, unit; of a parameter: value, source, grade)
"""
EXPORT_EXAMPLES = """Examples:

  hepatrial model export patient.xml         (SBML L3V2: libRoadRunner, COPASI, Tellurium)

  hepatrial model export patient.xml --draws (event thresholds drawn by the simulator: libRoadRunner)

  hepatrial model export patient.ant         (Antimony text)
"""
HEALTHY_DAYS, HEALTHY_DRIFT = 3650.0, 0.01
"""A healthy liver left alone for ten years may drift by this share of its starting mass."""

model = typer.Typer(
    no_args_is_help=True,
    help="The patient model, or one of your own: show, check, export, simulate, verify.",
    rich_markup_mode="rich",
)


def _card(name: str, card: Card, process: str) -> dict[str, Any]:
    return {"name": name, "process": process, **card.model_dump(exclude_none=True)}


def _equations(spec: ModelSpec) -> dict[str, tuple[str, str]]:
    """Name -> (kind, equation as Antimony text)."""
    from hepatrial.model.expr import text

    found = {
        name: ("state", f"{name}' = {text(rate)}") for name, rate in zip(spec.states, spec.rates, strict=True)
    }
    for name, expression in zip(spec.observables, spec.observable_expressions, strict=True):
        found[name] = ("observable", f"{name} := {text(expression)}")
    for hazard in spec.hazards:
        found[hazard.name] = ("cause", f"{hazard.state}' = {text(hazard.rate)}")
        _add_jump(found, hazard.name, hazard.jump.assignments)
    for jump in spec.jumps:
        found[jump.name] = ("action", f"at {jump.name}")
        _add_jump(found, jump.name, jump.assignments)
    return found


def _add_jump(found: dict[str, tuple[str, str]], name: str, assignments: tuple[tuple[str, Any], ...]) -> None:
    from hepatrial.model.expr import text

    kind, equation = found[name]
    lines = [f"  {state} = {text(expression)}" for state, expression in assignments]
    found[name] = kind, "\n".join([equation, *lines])


def _overview() -> dict[str, Any]:
    from hepatrial.model import load_cards, load_patient_model

    spec, cards = load_patient_model(), load_cards()
    return {
        "hash": spec.hash,
        "states": list(spec.states),
        "causes": list(spec.causes),
        "actions": list(spec.actions),
        "observables": list(spec.observables),
        "parameters": dict(Counter(cards.process.values())),
        "grades": dict(Counter(card.grade for card in cards.model.values())),
    }


def _print_overview(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        edge.print_json(told)
        return
    console = edge.out()
    console.print(f"Patient model, SBML hash {told['hash'][:12]}", style="bold")
    for key in ("states", "causes", "actions", "observables"):
        console.print(f"\n{len(told[key])} {key}: {', '.join(told[key])}")
    total = sum(told["parameters"].values())
    for key, title in (("parameters", "by process"), ("grades", "by grade")):
        counts = ", ".join(f"{name} {count}" for name, count in told[key].items())
        console.print(f"\n{total} parameters {title}: {counts}")


def _print_cards(told: list[dict[str, Any]]) -> None:
    rows = (
        [
            str(card[key]) if key != "value" else f"{card[key]:g}"
            for key in ("name", "value", "unit", "grade", "source", "note")
        ]
        for card in told
    )
    edge.print_table("Parameters", ("name", "value", "unit", "grade", "source", "note"), rows)


@model.command(epilog=SHOW_EXAMPLES)
def show(
    name: Annotated[
        str | None, typer.Argument(help="Process, parameter, state, observable, cause or action.")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Show the model, a process of it, or one name: equation, unit, value, source, grade."""
    with edge.exit_codes(as_json):
        if name is None:
            _print_overview(_overview(), as_json)
            return
        from hepatrial.errors import BadInput, Problem, nearest_name
        from hepatrial.model import load_cards, load_patient_model

        cards, spec = load_cards(), load_patient_model()
        listed = [
            _card(key, card, cards.process[key])
            for key, card in cards.model.items()
            if name in (key, cards.process[key])
        ]
        equations = _equations(spec)
        if listed:
            edge.print_json(listed) if as_json else _print_cards(listed)
            return
        if name not in equations:
            names = {*cards.model, *cards.process.values(), *equations}
            allowed = "must be a process, parameter, state, observable, cause or action of the model"
            raise BadInput([Problem("NAME", repr(name), allowed, nearest_name(name, names))])
        kind, equation = equations[name]
        told = {"name": name, "kind": kind, "unit": spec.units.get(name, ""), "equation": equation}
        if as_json:
            edge.print_json(told)
            return
        edge.out().print(f"{name}, {kind}" + (f", {told['unit']}" if told["unit"] else ""), style="bold")
        edge.out().print(equation)


def _healthy_drift() -> float:
    """Largest relative change of the functional mass of a healthy liver over ten years."""
    import numpy as np

    from hepatrial.engine import simulate_plain
    from hepatrial.model import load_patient_model

    spec = load_patient_model()
    result = simulate_plain(
        spec,
        spec.default_parameters[None, :],
        spec.initial_state[None, :],
        np.full((1, len(spec.hazards), 1), np.inf),
        np.linspace(0.0, HEALTHY_DAYS, 121)[None, :],
        np.array([HEALTHY_DAYS]),
        outputs=("function_mass",),
    )
    mass = result.values[0, :, 0]
    return float(np.abs(mass / mass[0] - 1).max())


@model.command(epilog="Example:\n\n  hepatrial model check\n")
def check(as_json: edge.JsonOption = False) -> None:
    """Check names, units and cards of the model, and that a healthy liver stays healthy for ten years."""
    with edge.exit_codes(as_json):
        from hepatrial.errors import BadInput, Problem
        from hepatrial.model import check as find_problems

        problems = list(find_problems())
        if problems:
            raise BadInput(problems)
        drift = _healthy_drift()
        if not drift <= HEALTHY_DRIFT:
            allowed = f"must stay within {HEALTHY_DRIFT:.0%} of its mass for ten years"
            raise BadInput([Problem("healthy liver", f"a drift of {drift:.2%}", allowed)])
        told = _overview()
        if as_json:
            edge.print_json({"problems": [], "healthy_drift": drift, "hash": told["hash"]})
            return
        total = sum(told["parameters"].values())
        edge.out().print(
            f"Sound. {len(told['states'])} states, {len(told['causes'])} causes, {total} parameters: "
            "every unit fits, every parameter has a card. "
            f"A healthy liver drifts by {drift:.2%} in ten years."
        )


@model.command(epilog=EXPORT_EXAMPLES)
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="New file ending in .xml or .ant.")],
    draws: Annotated[
        bool, typer.Option("--draws", help="SBML whose simulator draws the thresholds itself (distrib).")
    ] = False,
) -> None:
    """Write the model as SBML or as Antimony, the values of the cards filled in.

    Thresholds of events are parameters theta_<cause> and step_<cause> at 1e9 (never), to be set by whoever
    simulates; with --draws they are draws of SBML's package distrib.
    """
    with edge.exit_codes():
        from hepatrial.errors import BadInput, Problem
        from hepatrial.model import load_patient_model, patient_text

        if path.suffix not in ((".xml",) if draws else (".xml", ".ant")):
            allowed = "must end in .xml (SBML)" + ("" if draws else " or .ant (Antimony)")
            raise BadInput([Problem("FILE", str(path), allowed)])
        text = load_patient_model().sbml if path.suffix == ".xml" else patient_text()
        if draws:
            from hepatrial.model.distrib import with_draws

            text = with_draws(text)
        edge.write_new(path, text, "FILE")
        edge.out().print(f"Wrote {path}")
