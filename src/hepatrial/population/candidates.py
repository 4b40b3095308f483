"""Candidates: numbers with joint traits and the chronic liver that follows from them.

A candidate is a number. Every trait is drawn from its own stream, indexed by that number, so that the first
candidates of a larger population are those of a smaller one. Traits are joint by construction: age lowers
regeneration (in the model's equations) and raises the chance of cirrhosis; cirrhosis sets scar, portal
pressure and albumin before the illness (in the model's initial values); sex shifts weight and creatinine.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from hepatrial.model.cards import Card
from hepatrial.model.spec import ModelSpec
from hepatrial.population.deck import Deck
from hepatrial.rng import Stream

Array = NDArray[np.float64]

FIRST_CANDIDATE = 1


@dataclass(frozen=True)
class Candidates:
    """n candidates.

    Attributes:
        number: (n,) candidate numbers.
        parameters: (n, n_parameters) in the model's order, before admission to hospital.
        initial: (n, n_states) chronic state at the start of the illness.
        female: (n,) 1 for women.
        delay: (n,) referral delay in whole days.
    """

    number: NDArray[np.int64]
    parameters: Array
    initial: Array
    female: Array
    delay: Array

    def column(self, spec: ModelSpec, name: str) -> Array:
        """(n,) a parameter by name."""
        return self.parameters[:, spec.parameters.index(name)]

    def rows(self, index: NDArray[np.intp]) -> Candidates:
        """Some of the candidates."""
        return Candidates(*(getattr(self, field.name)[index] for field in fields(self)))


def draw_from(card: Card, uniform: Array) -> Array:
    """Values of a card by inversion of its (truncated) distribution.

    Args:
        card: normal, lognormal, logitnormal, bernoulli or fixed.
        uniform: draws in (0, 1).
    """
    if card.distribution == "fixed":
        return np.full_like(uniform, card.value)
    if card.distribution == "bernoulli":
        return (uniform < (card.share or 0.0)).astype(np.float64)
    to, back = _SCALES[card.distribution]
    centre = float(to(card.value))

    def probability(bound: float | None, default: float) -> float:
        return default if bound is None else float(ndtr((to(bound) - centre) / card.spread))

    low, high = probability(card.low, 0.0), probability(card.high, 1.0)
    return np.asarray(back(centre + card.spread * ndtri(low + (high - low) * uniform)), dtype=np.float64)


def _same(x: float | Array) -> float | Array:
    return x


_SCALES = {"normal": (_same, _same), "lognormal": (np.log, np.exp), "logitnormal": (logit, expit)}


def draw_candidates(
    spec: ModelSpec, deck: Deck, seed: int, number: NDArray[np.int64], disease: str
) -> Candidates:
    """Draw candidates by number.

    Args:
        spec: the model.
        deck: cards with settings applied.
        seed: the run's seed.
        number: (n,) candidate numbers from 1.
        disease: ``"hbv_aclf"``: chronic hepatitis B whose tolerance is lost.
    """
    column = {name: i for i, name in enumerate(spec.parameters)}
    parameters = np.tile(spec.default_parameters, (len(number), 1))
    for name in deck.changed & column.keys():
        parameters[:, column[name]] = deck.model[name].value
    uniform = {name: Stream(seed, f"trait.{name}").uniform(number) for name in (*deck.traits, "sex")}
    for name, card in deck.traits.items():
        parameters[:, column[name]] = draw_from(card, uniform[name])
    female = (uniform["sex"] >= deck.value("male_share")).astype(np.float64)
    _join_traits(parameters, column, deck, uniform, female)
    parameters[:, column["hbv"]] = 1.0 if disease == "hbv_aclf" else 0.0
    parameters[:, column["infection_at_onset"]] = _precipitating_infection(deck, seed, number)
    initial = spec.initial_states(parameters)
    return Candidates(number, parameters, initial, female, _referral_delay(deck, seed, number))


def _join_traits(
    parameters: Array, column: dict[str, int], deck: Deck, uniform: dict[str, Array], female: Array
) -> None:
    """Dependence between traits that the equations do not make."""
    age, age_card = parameters[:, column["age"]], deck.model["age"]
    share = deck.model["cirrhosis"].share or 0.0
    if 0.0 < share < 1.0:
        # The probit's variance grows by that of the age term; the factor keeps the share as carded.
        slope = deck.value("cirrhosis_by_age")
        centre = ndtri(share) * np.sqrt(1.0 + (slope * age_card.spread) ** 2)
        chance = ndtr(centre + slope * (age - age_card.value))
        parameters[:, column["cirrhosis"]] = uniform["cirrhosis"] < chance
    for trait, ratio in (("weight", "women_weight"), ("creatinine_habitual", "women_creatinine")):
        low, men = deck.value(ratio), deck.value("male_share")
        mean = men + (1.0 - men) * low
        parameters[:, column[trait]] *= np.where(female == 1.0, low, 1.0) / mean


def _precipitating_infection(deck: Deck, seed: int, number: NDArray[np.int64]) -> Array:
    begins = Stream(seed, "trait.precipitating_infection").uniform(number)
    size = Stream(seed, "trait.precipitating_infection_size").uniform(number)
    infected = begins < deck.value("precipitating_infection_share")
    return np.where(infected, draw_from(deck.population["precipitating_infection_size"], size), 0.0)


def _referral_delay(deck: Deck, seed: int, number: NDArray[np.int64]) -> Array:
    card = deck.population["referral_delay"].model_copy(update={"high": deck.value("referral_delay_cap")})
    return np.round(draw_from(card, Stream(seed, "trait.referral_delay").uniform(number)))
