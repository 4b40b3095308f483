"""Parameter cards: value, unit, spread between patients, what we do not know, source and grade.

The cards stand in ``parameters.toml``; ``references.bib`` holds the sources. Nothing here computes a model.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hepatrial.errors import BadInput, Problem, nearest_name

FOLDER = Path(__file__).parent
Distribution = Literal["fixed", "normal", "lognormal", "logitnormal", "bernoulli"]
Grade = Literal["seen", "seen_secondary", "derived", "article", "recalled", "assumed", "fitted"]
Role = Literal["constant", "trait", "input", "batch", "variant", "reading"]
RECALLED_UNCERTAINTY = 0.7
"""Least log-SD of a recalled value (rule of the science folder)."""


class Card(BaseModel):
    """One parameter.

    Attributes:
        value: centre: the value itself when fixed, mean when normal, median when lognormal or logitnormal,
            the default when bernoulli.
        unit: as in ``patient.ant`` ("1", "1/day", "umol/L").
        distribution: how patients (or batches) differ.
        spread: SD when normal, log-SD when lognormal, SD on the logit scale when logitnormal.
        share: probability of 1 when bernoulli.
        low, high: truncation of the distribution.
        uncertainty: log-SD of what is not known about ``value``; 0 = by definition or set by care.
        role: constant, trait (between patients), input (care or onset), batch, variant (of the cell
            effect), reading (used where a value is read, not in the equations).
        source: key of ``references.bib``, "assumed", or "fitted: <layer>".
        grade: how the value is known.
        note: one sentence.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    unit: str
    distribution: Distribution = "fixed"
    spread: float = 0.0
    share: float | None = None
    low: float | None = None
    high: float | None = None
    uncertainty: float = 0.0
    role: Role = "constant"
    source: str
    grade: Grade
    note: str


@dataclass(frozen=True)
class Cards:
    """All cards.

    Attributes:
        model: parameter -> card, in the order of the equations' files.
        process: parameter -> file of the equations ("liver").
        population: cards of the layer that draws patients (referral delay, share of men ...).
        references: keys of ``references.bib``.
    """

    model: Mapping[str, Card]
    process: Mapping[str, str]
    population: Mapping[str, Card]
    references: frozenset[str]

    @property
    def traits(self) -> dict[str, Card]:
        """Parameters that differ between patients."""
        return {name: card for name, card in self.model.items() if card.role == "trait"}

    @property
    def inputs(self) -> dict[str, Card]:
        """Parameters that care or onset sets."""
        return {name: card for name, card in self.model.items() if card.role == "input"}


@cache
def load_cards() -> Cards:
    """The cards of the patient model.

    Raises:
        BadInput: with every card that is wrong and why.
    """
    toml = (FOLDER / "parameters.toml").read_text(encoding="utf-8")
    return read_cards(toml, (FOLDER / "references.bib").read_text(encoding="utf-8"))


def read_cards(toml: str, references: str) -> Cards:
    """Cards from TOML text, checked against a BibTeX text.

    Raises:
        BadInput: not TOML, or with every card that is wrong and why.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("parameters.toml", str(error), "must be TOML")]) from error
    keys = frozenset(re.findall(r"^@\w+\{\s*([^,\s]+)\s*,", references, flags=re.MULTILINE))
    problems: list[Problem] = [
        Problem(f"parameters.toml [{name}]", "unknown table", "must be [model.<file>] or [population]")
        for name in tables
        if name not in ("model", "population")
    ]
    model: dict[str, Card] = {}
    process: dict[str, str] = {}
    for part, name, raw in _rows(tables.get("model", {})):
        place = f"parameters.toml [model.{part}] {name}"
        if name in process:
            problems.append(Problem(place, f"also in [model.{process[name]}]", "must have one card"))
        process[name] = part
        _read(place, raw, keys, model, problems)
    population: dict[str, Card] = {}
    for name, raw in tables.get("population", {}).items():
        _read(f"parameters.toml [population] {name}", raw, keys, population, problems)
    if problems:
        raise BadInput(problems)
    return Cards(model, process, population, keys)


def units_of_text(text: str) -> dict[str, str]:
    """Unit as cards write it ("1/day") -> its id in the Antimony text ("per_day")."""
    named = {label: name for name, label in re.findall(r'(\w+) is "([^"]+)";', text)}
    return {"1": "dimensionless", **named}


def _rows(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    for part, cards in tables.items():
        for name, raw in cards.items():
            yield part, name, raw


def _read(place: str, raw: Any, keys: frozenset[str], into: dict[str, Card], problems: list[Problem]) -> None:
    card, faults = card_faults(place, raw, keys)
    if card is not None:
        into[place.rsplit(maxsplit=1)[-1]] = card
    problems.extend(faults)


def card_faults(place: str, raw: Any, keys: frozenset[str]) -> tuple[Card | None, list[Problem]]:
    """A card from plain data, or None, and everything that is wrong with it.

    Args:
        place: where it stands.
        raw: what TOML gives.
        keys: keys of ``references.bib``.
    """
    try:
        card = Card.model_validate(raw)
    except ValidationError as error:
        problems = []
        for e in error.errors():
            field = ".".join(str(part) for part in e["loc"])
            nearest = nearest_name(field, Card.model_fields) if e["type"] == "extra_forbidden" else None
            problems.append(Problem(f"{place}.{field}", repr(e["input"]), e["msg"], nearest))
        return None, problems
    return card, [Problem(place, given, allowed) for given, allowed in _faults(card, keys)]


def _faults(card: Card, keys: frozenset[str]) -> Iterator[tuple[str, str]]:
    yield from _distribution_faults(card)
    yield from _source_faults(card, keys)
    if card.uncertainty < 0:
        yield f"uncertainty {card.uncertainty}", "must not be negative"
    if not card.note.strip().endswith("."):
        yield f"note {card.note!r}", "must be a sentence"


def _distribution_faults(card: Card) -> Iterator[tuple[str, str]]:
    kind = card.distribution
    if (kind in ("normal", "lognormal", "logitnormal")) != (card.spread > 0):
        yield f"{kind} with spread {card.spread}", "spread must be above 0 exactly when values differ"
    if (kind == "bernoulli") != (card.share is not None):
        yield f"{kind} with share {card.share}", "share belongs to bernoulli and only to it"
    if card.share is not None and not 0 <= card.share <= 1:
        yield f"share {card.share}", "must lie between 0 and 1"
    if kind == "lognormal" and card.value <= 0:
        yield f"lognormal with value {card.value}", "the median must be above 0"
    if kind == "logitnormal" and not 0 < card.value < 1:
        yield f"logitnormal with value {card.value}", "the median must lie between 0 and 1"
    if kind in ("fixed", "bernoulli") and (card.low is not None or card.high is not None):
        yield f"{kind} with low or high", "only a continuous distribution is truncated"
    low = card.value if card.low is None else card.low
    high = card.value if card.high is None else card.high
    if not low <= card.value <= high:
        yield f"value {card.value} outside {low} to {high}", "must lie between low and high"
    if kind == "fixed" and card.role in ("trait", "batch"):
        yield f"{card.role} that is fixed", "needs a distribution"


def _source_faults(card: Card, keys: frozenset[str]) -> Iterator[tuple[str, str]]:
    fitted = card.source.startswith("fitted: ")
    if fitted != (card.grade == "fitted"):
        yield f"source {card.source!r} with grade {card.grade}", "'fitted: <layer>' goes with grade fitted"
    if card.grade == "assumed" and card.source != "assumed":
        yield f"source {card.source!r} with grade assumed", "an assumed value has source 'assumed'"
    if card.source == "assumed" and card.grade not in ("assumed", "recalled"):
        yield f"source 'assumed' with grade {card.grade}", "must name a source of references.bib"
    if card.source != "assumed" and not fitted and card.source not in keys:
        nearest = nearest_name(card.source, keys)
        hint = f" (nearest: {nearest})" if nearest else ""
        yield f"source {card.source!r}", f"must be a key of references.bib{hint}"
    if card.grade == "recalled" and card.uncertainty < RECALLED_UNCERTAINTY:
        yield f"recalled with uncertainty {card.uncertainty}", f"needs at least {RECALLED_UNCERTAINTY}"
