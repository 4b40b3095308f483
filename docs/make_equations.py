"""The model equation by equation, made from its text: comments, equations as MathML, units, parameters with
what they mean and where they come from, and one figure a process, drawn from the model.

``make docs`` writes it to ``docs/generated/equations.md``. Every equation of the compiled model is there once
(a test counts them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path

from make_figures import CAPTIONS

from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.cards import Card
from hepatrial.model.expr import Expr, topological
from hepatrial.report.mathml import equation
from hepatrial.report.references import read_references

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
WIDTH = 74
"""Characters of an equation's line on the page."""
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
    known, units = expressions(), dict(load_patient_model().units)
    lines = [
        "# The model, equation by equation", "",
        "Made from the model's text: the comments and equations of `src/hepatrial/model/*.ant` in their "
        "order, as the compiler reads them. Time is in days, the healthy hepatocyte mass is 1. Below each "
        "group of equations stand the parameters that are new in it, with value, meaning and source; the "
        "same by process on [their cards](parameters.md).", "",
    ]  # fmt: skip
    told: set[str] = set()
    for process in ORDER:
        lines += [f"## {TITLES[process]}", ""]
        lines += [f"![{CAPTIONS[process]}]({process}.svg)", "", CAPTIONS[process], ""]
        lines += _process(process, known, units, told)
    return "\n".join(lines) + "\n"


def _process(
    process: str, known: Mapping[tuple[str, bool], Expr], units: Mapping[str, str], told: set[str]
) -> Iterator[str]:
    """The text of a process; names of parameters that were explained are added to ``told``."""
    text = files("hepatrial.model").joinpath(f"{process}.ant").read_text(encoding="utf-8")
    new: list[str] = []
    for kind, one in statements(text):
        if kind == "comment":
            yield from _where(new)
            new = []
            yield f"{one.replace('_', chr(92) + '_').replace('*', chr(92) + '*')}\n"
        elif match := _EQUATION.match(one):
            name, rate = match[1], match[2] != ":="
            if (name, rate) in known:
                yield _block(name, known[name, rate], rate, units.get(name, ""))
                new += _unexplained(_names(known[name, rate]), told)
        elif _EVENT.match(one):
            yield f"```text\n{event_lines(one)}\n```\n"
            new += _unexplained(re.findall(r"\w+", one), told)
    yield from _where(new)


def _names(e: Expr) -> list[str]:
    return [node.name for node in topological([e]) if node.op == "sym"]


def _unexplained(names: Iterable[str], told: set[str]) -> list[str]:
    """The parameters among some names that nobody has explained yet, in alphabetical order."""
    cards = load_cards().model
    found = sorted({name for name in names if name in cards} - told)
    told.update(found)
    return found


def _block(name: str, right: Expr, rate: bool, unit: str) -> str:
    told = "" if unit in ("", "1", "dimensionless") else f'<span class="unit">[{escape(unit)}]</span>'
    written = equation(name, right, rate=rate, width=WIDTH)
    body = f'<div class="equation" id="eq-{escape(name)}"><div class="wide">{written}</div>{told}</div>'
    return f"```{{raw}} html\n{body}\n```\n"


def event_lines(statement: str) -> str:
    """``at (...): a = b, c = d`` with one assignment a line."""
    head, _, rest = statement.partition("):")
    parts, depth, part = [], 0, ""
    for letter in rest:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += letter
    return "\n".join([f"{head}):", *(f"    {one}" for one in [*parts, part.strip()])])


def _where(names: list[str]) -> Iterator[str]:
    """What some parameters are, folded away."""
    if not names:
        return
    cards = load_cards().model
    rows = "".join(_row(name, cards[name]) for name in names)
    head = f"{len(names)} parameter{'s' if len(names) > 1 else ''}: "
    shown = escape(", ".join(name.replace("_", " ") for name in names))
    body = f'<details class="where"><summary>{head}{shown}</summary><table>{rows}</table></details>'
    yield f"```{{raw}} html\n{body}\n```\n"


def _row(name: str, card: Card) -> str:
    unit = "" if card.unit == "1" else f" {escape(card.unit)}"
    link = source_link(card.source)
    source = link if card.source.startswith(card.grade) else f"{card.grade}: {link}"
    return (
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{card.value:g}{unit}</td>"
        f"<td>{escape(card.note)}</td><td>{source}</td></tr>"
    )


def source_link(source: str) -> str:
    """A source as HTML, linked to the list of sources where it is one of them."""
    if source not in read_references():
        return escape(source)
    return f'<a href="parameters.html#source-{escape(source)}">{escape(source)}</a>'


def write_generated() -> None:
    """Write the page where the documentation looks for it."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "equations.md").write_text(page(), encoding="utf-8")
