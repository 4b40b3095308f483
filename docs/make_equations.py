"""The model equation by equation, made from its text: the comment, the equation as MathML, units and cards.

``make docs`` writes it to ``docs/generated/equations.md``. Every equation of the compiled model is there once
(a test counts them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path

from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.expr import Expr
from hepatrial.report.mathml import equation

DOCS = Path(__file__).parent
ORDER = (
    "liver", "immunity", "repair", "growth_factor", "laboratory", "circulation", "msc_kinetics", "care",
    "hazards",
)  # fmt: skip
TITLES = {
    "liver": "Liver", "immunity": "Immunity", "repair": "Repair and haemodynamics",
    "growth_factor": "Growth factor", "laboratory": "Laboratory", "circulation": "Circulation and lungs",
    "msc_kinetics": "Infused cells", "care": "Care", "hazards": "Hazards of the events",
}  # fmt: skip
_EQUATION = re.compile(r"^(\w+)\s*(:=|'\s*=)\s*(.*)$", re.S)
_EVENT = re.compile(r"^at\s*\(", re.S)


def statements(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text) in order: "comment", a run of comment lines; "statement", what ends in a semicolon."""
    comment: list[str] = []
    code = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("//"):
            comment.append(stripped.lstrip("/ "))
            continue
        if comment:
            yield "comment", " ".join(comment)
            comment = []
        code += line.split("//")[0].rstrip().removesuffix("\\") + "\n"
        while ";" in code:
            one, code = code.split(";", 1)
            if one.strip():
                yield "statement", " ".join(one.split())
    if comment:
        yield "comment", " ".join(comment)


def expressions() -> dict[tuple[str, bool], Expr]:
    """(name, whether it is a rate) -> right-hand side, of every equation of the patient model."""
    spec = load_patient_model()
    found = {(name, True): rate for name, rate in zip(spec.states, spec.rates, strict=True)}
    found |= {(hazard.state, True): hazard.rate for hazard in spec.hazards}
    return found | {
        (name, False): e for name, e in zip(spec.observables, spec.observable_expressions, strict=True)
    }


def page() -> str:
    """The page as Markdown with MathML."""
    known, units = expressions(), load_patient_model().units
    lines = [
        "# The model, equation by equation", "",
        "Made from the model's text: the comments and equations of `src/hepatrial/model/*.ant` in their "
        "order, as the compiler reads them. Time is in days, the healthy hepatocyte mass is 1. Parameters "
        "stand on [their cards](parameters.md).", "",
    ]  # fmt: skip
    for process in ORDER:
        lines += [f"## {TITLES[process]}", "", *_process(process, known, dict(units)), *_cards(process)]
    return "\n".join(lines) + "\n"


def _process(process: str, known: dict[tuple[str, bool], Expr], units: dict[str, str]) -> Iterator[str]:
    text = files("hepatrial.model").joinpath(f"{process}.ant").read_text(encoding="utf-8")
    for kind, one in statements(text):
        if kind == "comment":
            yield f"{one.replace('_', chr(92) + '_').replace('*', chr(92) + '*')}\n"
        elif match := _EQUATION.match(one):
            name, rate = match[1], match[2] != ":="
            if (name, rate) in known:
                yield _block(name, known[name, rate], rate, units.get(name, ""))
        elif _EVENT.match(one):
            yield f"```text\n{one}\n```\n"


def _block(name: str, right: Expr, rate: bool, unit: str) -> str:
    told = "" if unit in ("", "1", "dimensionless") else f'<span class="unit">[{escape(unit)}]</span>'
    written = equation(name, right, rate=rate)
    body = f'<div class="equation" id="eq-{escape(name)}"><div class="wide">{written}</div>{told}</div>'
    return f"```{{raw}} html\n{body}\n```\n"


def _cards(process: str) -> Iterator[str]:
    cards = load_cards()
    mine = [name for name in cards.model if cards.process[name] == process]
    if mine:
        yield f"{len(mine)} parameters: " + ", ".join(f"`{name}`" for name in mine) + ".\n"


def write_generated() -> None:
    """Write the page where the documentation looks for it."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "equations.md").write_text(page(), encoding="utf-8")
