"""What is not known about the cards, as one standard normal number a card.

A card's ``uncertainty`` is the log-SD of its centre. ``Doubt`` carries it to a scale on which the prior is
normal: the logarithm, or the logit where a value cannot exceed 1. The prior of the steps is N(0, I).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from hepatrial.model.cards import Card
from hepatrial.population.deck import SET_BY_PROTOCOL, Deck, make_deck

Array = NDArray[np.float64]

SHARES = ("share", "efficacy", "work", "factor", "lost", "suppression")
"""Endings and parts of names of cards of unit 1 that lie below 1 because they are a part of a whole."""
NOT_DRAWN = ("input", "variant")
"""Roles that care, onset or the variants set; a setting of the same name would override those."""


@dataclass(frozen=True)
class Doubt:
    """One unknown number.

    Attributes:
        name: setting as ``population.deck.make_deck`` takes it ("flare", "flare.spread", "cirrhosis.share").
        centre: value at step 0.
        sd: log-SD of the centre, whatever the scale.
        scale: "log", or "logit" for parts of a whole, where a step is ``sd / (1 - centre)`` logits: to first
            order the same log-SD.
        low, high: bounds that a setting may not cross.
    """

    name: str
    centre: float
    sd: float
    scale: Literal["log", "logit"] = "log"
    low: float = -math.inf
    high: float = math.inf

    def value(self, step: float) -> float:
        """The value at ``step`` prior standard deviations from the centre."""
        if self.scale == "logit":
            drawn = float(expit(logit(self.centre) + self.sd / (1.0 - self.centre) * step))
        else:
            drawn = self.centre * math.exp(self.sd * step)
        return min(max(drawn, self.low), self.high)

    def step(self, value: float) -> float:
        """Prior standard deviations from the centre to a value; inverse of ``value`` within the bounds."""
        if self.scale == "logit":
            return float((logit(value) - logit(self.centre)) * (1.0 - self.centre) / self.sd)
        return math.log(value / self.centre) / self.sd


def doubts_of(deck: Deck | None = None) -> tuple[Doubt, ...]:
    """Every card whose centre is uncertain and that nothing else decides, in the deck's order."""
    deck = deck or make_deck()
    cards = {**deck.model, **deck.population}
    return tuple(doubt for name, card in cards.items() if (doubt := _doubt(name, card)) is not None)


def _doubt(name: str, card: Card) -> Doubt | None:
    if name in SET_BY_PROTOCOL or card.role in NOT_DRAWN or card.uncertainty == 0.0:
        return None
    if card.distribution == "bernoulli":
        share = card.share or 0.0
        return Doubt(f"{name}.share", share, card.uncertainty, "logit") if 0.0 < share < 1.0 else None
    if card.value == 0.0:
        return None
    low = -math.inf if card.low is None else card.low
    high = math.inf if card.high is None else card.high
    part = card.unit == "1" and 0.0 < card.value < 1.0 and any(word in name for word in SHARES)
    scale: Literal["log", "logit"] = "logit" if part or card.distribution == "logitnormal" else "log"
    return Doubt(name, card.value, card.uncertainty, scale, low, high)


def settings_at(doubts: Sequence[Doubt], steps: Array) -> dict[str, float]:
    """Settings at given steps.

    Args:
        doubts: m unknown numbers.
        steps: (m,) prior standard deviations.
    """
    return {doubt.name: doubt.value(float(step)) for doubt, step in zip(doubts, steps, strict=True)}


def steps_of(doubts: Sequence[Doubt], settings: Mapping[str, float]) -> Array:
    """(m,) steps of settings; 0 for a doubt that they do not name."""
    return np.array([d.step(settings[d.name]) if d.name in settings else 0.0 for d in doubts])
