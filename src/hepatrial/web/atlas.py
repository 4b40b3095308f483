"""The patient model for reading: its processes, what flows between them, equations, cards, sources."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markupsafe import Markup

from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.cards import FOLDER, Card
from hepatrial.model.expr import Expr, topological
from hepatrial.model.variants import load_variants
from hepatrial.report.card_notes import chinese_note
from hepatrial.report.mathml import equation
from hepatrial.report.references import read_references

PLACES: dict[str, tuple[int, int]] = {
    "care": (20, 20),
    "immunity": (300, 20),
    "msc_kinetics": (580, 20),
    "liver": (300, 160),
    "growth_factor": (580, 160),
    "repair": (20, 160),
    "circulation": (20, 300),
    "laboratory": (300, 300),
    "hazards": (580, 300),
}
"""Process -> upper left corner of its box."""
WIDTH, HEIGHT = 190, 64
TITLES = {
    "care": "Care",
    "immunity": "Immunity",
    "msc_kinetics": "Infused cells",
    "liver": "Liver",
    "growth_factor": "Growth factor (G-CSF)",
    "repair": "Repair, portal pressure",
    "circulation": "Circulation and lung",
    "laboratory": "Laboratory",
    "hazards": "Events",
}


LINE, NARROW_LINE = 84, 34
"""Characters of a line of an equation on a page and on a phone."""


@dataclass(frozen=True)
class Flow:
    """What one process reads of another.

    Attributes:
        source, target: processes.
        names: variables of the source that the target's equations use.
    """

    source: str
    target: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Equation:
    """An equation of a process.

    Attributes:
        name: what it defines.
        kind: "state", "observable" or "event".
        unit: of the name.
        mathml: to be set by a browser, in lines that fit a page.
        narrow: the same in lines that fit a phone.
        uses: names of other processes' variables in it.
    """

    name: str
    kind: str
    unit: str
    mathml: Markup
    narrow: Markup
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Process:
    """A file of the model.

    Attributes:
        name: of the file.
        title: in words.
        about: its opening comment.
        equations: in the order of the text.
        cards: parameter -> card.
        text: the Antimony text.
    """

    name: str
    title: str
    about: str
    equations: tuple[Equation, ...]
    cards: dict[str, Card]
    text: str


@cache
def _definitions() -> dict[str, tuple[str, str, Expr]]:
    """Name -> (process, kind, expression)."""
    spec = load_patient_model()
    rates = dict(zip(spec.states, spec.rates, strict=True))
    watched = dict(zip(spec.observables, spec.observable_expressions, strict=True))
    hazards = {hazard.state: hazard.rate for hazard in spec.hazards}
    found: dict[str, tuple[str, str, Expr]] = {}
    for process in PLACES:
        text = _text(process)
        for name in re.findall(r"^\s*(\w+)'\s*=", text, re.M):
            if name in rates or name in hazards:
                kind = "event" if name in hazards else "state"
                found[name] = (process, kind, rates.get(name, hazards.get(name)))  # type: ignore[assignment]
        for name in re.findall(r"^\s*(\w+)\s*:=", text, re.M):
            if name in watched:
                found.setdefault(name, (process, "observable", watched[name]))
    return found


def _text(process: str) -> str:
    return (FOLDER / f"{process}.ant").read_text(encoding="utf-8")


def _names(expression: Expr) -> Iterator[str]:
    for node in topological([expression]):
        if node.op == "sym":
            yield node.name


@cache
def flows() -> tuple[Flow, ...]:
    """What flows between processes, read off the equations."""
    definitions = _definitions()
    found: dict[tuple[str, str], list[str]] = {}
    for process, _, expression in definitions.values():
        for name in _names(expression):
            source = definitions[name][0] if name in definitions else process
            if source != process:
                found.setdefault((source, process), []).append(name)
    return tuple(Flow(a, b, tuple(dict.fromkeys(names))) for (a, b), names in sorted(found.items()))


@cache
def process_of(name: str) -> Process:
    """A process of the model."""
    spec, cards, definitions = load_patient_model(), load_cards(), _definitions()
    text = _text(name)
    order = {one: text.find(one) for one in definitions}
    mine = [one for one, (process, _, _) in definitions.items() if process == name]
    equations = []
    for one in sorted(mine, key=lambda key: _defined_at(text, key, order)):
        _, kind, expression = definitions[one]
        uses = tuple(
            dict.fromkeys(n for n in _names(expression) if n in definitions and definitions[n][0] != name)
        )
        wide, narrow = (
            Markup(equation(one, expression, rate=kind != "observable", width=width))
            for width in (LINE, NARROW_LINE)
        )
        equations.append(Equation(one, kind, spec.units.get(one, ""), wide, narrow, uses))
    about = " ".join(re.findall(r"^//\s?(.*)$", text.partition("\n\n")[0], re.M))
    own = {key: card for key, card in cards.model.items() if cards.process[key] == name}
    return Process(name, TITLES[name], about, tuple(equations), own, text)


def _defined_at(text: str, name: str, otherwise: dict[str, int]) -> int:
    found = re.search(rf"^\s*{name}(?:'\s*=|\s*:=)", text, re.M)
    return found.start() if found else otherwise[name]


@cache
def _chinese() -> dict[str, dict[str, str]]:
    file = resources.files("hepatrial.web") / "model_zh.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def about_in(lang: str, process: str) -> str:
    """What a process is, in a language."""
    return _chinese()["processes"][process] if lang == "zh" else process_of(process).about


def variables_in(lang: str, names: Iterable[str]) -> str:
    """Variables of the equations in words, one after the other."""
    if lang == "zh":
        return "、".join(_chinese()["variables"][name] for name in names)
    return ", ".join(name.replace("_", " ") for name in names)


def note_in(lang: str, name: str, note: str) -> str | Markup:
    """The note of a card of the model in a language; marked as English where it has no Chinese."""
    if lang != "zh":
        return note
    said = chinese_note("model", name, note)
    return said if said is not None else Markup('<span lang="en">{}</span>').format(note)


def basis_in(lang: str, variant: str) -> str:
    """What speaks for a structural variant, in a language."""
    return _chinese()["variants"][variant] if lang == "zh" else load_variants()[variant].basis


@cache
def sources() -> dict[str, str]:
    """Key of ``references.bib`` -> what it is."""
    return read_references()
