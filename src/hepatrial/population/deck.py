"""All cards that patients are drawn from, with the run's settings applied."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.cards import Card, Cards, load_cards

SET_BY_PROTOCOL = {
    "hbv": "population.disease",
    "in_hospital": "the trial",
    "antiviral": "care.antiviral",
    "listed": "care.transplant.listed",
    "transplant_base": "care.transplant.offer_rate",
    "route_liver_share": "arms.NAME.regimen[0].route",
    "plasma_rate": "care.plasma",
    "plasma_inr_above": "care.plasma.inr_above",
    "albumin_rate": "care.albumin",
    "albumin_below": "care.albumin.below",
    "infection_at_onset": "precipitating_infection_share",
    "acetylcysteine": "care.acetylcysteine",
    "acetylcysteine_days": "care.acetylcysteine.days",
    "corticosteroid": "care.corticosteroid",
    "corticosteroid_days": "care.corticosteroid.days",
    "lactulose": "care.lactulose",
    "rifaximin": "care.rifaximin",
    "antibiotics": "care.antibiotics",
    "prophylaxis": "care.prophylaxis",
    "terlipressin": "care.vasoconstrictor",
    "noradrenaline": "care.vasoconstrictor",
    "renal_replacement": "care.renal_replacement",
    "ventilation": "care.ventilation",
    "withdrawal_rate": "care.withdrawal.rate",
    "withdrawal_organs": "care.withdrawal.organs",
    "insult_size": "population.causes and the cards insult_CAUSE",
    "insult_decay": "population.causes and the cards insult_decay_CAUSE",
    "insult_by_glutathione": "population.causes",
    "scarring": "population.causes and the cards scarring_CAUSE",
    "tolerance_lost": "population.disease",
}
"""Parameters that a setting may not change, and what decides them."""

_SUFFIXES = ("spread", "share")


@dataclass(frozen=True)
class Deck:
    """Cards by name.

    Attributes:
        model: cards of the equations' parameters.
        population: cards of the layer that draws patients (referral delay, share of men, onset window ...).
        assay: error of each laboratory result.
        changed: names of the parameters that a setting changed.
    """

    model: Mapping[str, Card]
    population: Mapping[str, Card]
    assay: Mapping[str, Card]
    changed: frozenset[str] = frozenset()

    @property
    def traits(self) -> dict[str, Card]:
        """Model parameters that differ between patients."""
        return {name: card for name, card in self.model.items() if card.role == "trait"}

    def value(self, name: str) -> float:
        """Centre of a card."""
        card = self.model.get(name) or self.population[name]
        return card.value


@cache
def _own_cards() -> dict[str, dict[str, Card]]:
    text = files("hepatrial.population").joinpath("cards.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {
        table: {name: Card.model_validate(raw) for name, raw in cards.items()}
        for table, cards in tables.items()
    }


def make_deck(settings: Mapping[str, float] | None = None, cards: Cards | None = None) -> Deck:
    """The cards with settings applied.

    Args:
        settings: card -> new centre; ``NAME.spread`` and ``NAME.share`` change how patients differ.
        cards: the model's cards; default those that ship.

    Raises:
        BadInput: every unknown name, value that cannot be, or parameter that something else decides.
    """
    cards = cards or load_cards()
    own = _own_cards()
    model, population = dict(cards.model), dict(cards.population)
    for part, more in own.items():
        if part != "assay":
            population |= more
    problems: list[Problem] = []
    changed = set()
    for name, value in (settings or {}).items():
        base, _, suffix = name.partition(".")
        table = model if base in model else population
        if problem := _problem(name, base, suffix, value, {**model, **population}):
            problems.append(problem)
            continue
        table[base] = table[base].model_copy(update={suffix or "value": float(value)})
        changed.add(base)
    if problems:
        raise BadInput(problems)
    return Deck(model, population, own["assay"], frozenset(changed))


def _problem(name: str, base: str, suffix: str, value: object, cards: Mapping[str, Card]) -> Problem | None:
    given = f"{name}={value}"
    if base in SET_BY_PROTOCOL:
        return Problem(name, given, f"is decided by {SET_BY_PROTOCOL[base]}; set that instead")
    if base not in cards:
        allowed = "a model parameter or a population card (`hepatrial model show` lists them)"
        return Problem(name, given, allowed, nearest_name(base, cards))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Problem(name, given, "a finite number")
    card = cards[base]
    if suffix and suffix not in _SUFFIXES:
        return Problem(name, given, f"only .spread and .share follow a name, not .{suffix}")
    if suffix == "spread" and (card.spread == 0 or value <= 0):
        return Problem(name, given, "a spread above 0, of a card whose patients differ")
    if suffix == "share" and (card.share is None or not 0 <= value <= 1):
        return Problem(name, given, "a share from 0 to 1, of a card that is yes or no")
    if not suffix:
        return _value_problem(name, given, float(value), card)
    return None


def _value_problem(name: str, given: str, value: float, card: Card) -> Problem | None:
    if card.distribution == "bernoulli":
        return Problem(name, given, f"differs between patients as yes or no; set {name}.share")
    low = -math.inf if card.low is None else card.low
    high = math.inf if card.high is None else card.high
    if not low <= value <= high:
        return Problem(name, given, f"from {low:g} to {high:g} {card.unit}")
    if card.distribution == "lognormal" and value <= 0:
        return Problem(name, given, "a number above 0")
    if card.distribution == "logitnormal" and not 0 < value < 1:
        return Problem(name, given, "a number between 0 and 1")
    return None
