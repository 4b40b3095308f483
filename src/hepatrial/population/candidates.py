"""Candidates: numbers with joint traits and the chronic liver that follows from them.

A candidate is a number. Every trait is drawn from its own stream, indexed by that number, so that the first
candidates of a larger population are those of a smaller one. Traits are joint by construction: age lowers
regeneration (in the model's equations) and raises the chance of cirrhosis; cirrhosis sets scar, portal
pressure and albumin before the illness (in the model's initial values); sex shifts weight and creatinine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from hepatrial.model.spec import ModelSpec
from hepatrial.population.deck import Deck
from hepatrial.population.diseases import card_of, draw_causes, men_share, set_disease
from hepatrial.population.draws import draw_from
from hepatrial.protocol.diseases import DISEASES, Cause, Disease
from hepatrial.rng import Stream

Array = NDArray[np.float64]

FIRST_CANDIDATE = 1

MOST_EXCRETED = 0.8
"""Share of its capacity that a whole liver needs for a day's bilirubin, at most: above 1 it has no rest."""


@dataclass(frozen=True)
class Candidates:
    """n candidates.

    Attributes:
        number: (n,) candidate numbers.
        parameters: (n, n_parameters) in the model's order, before admission to hospital.
        initial: (n, n_states) chronic state at the start of the illness.
        female: (n,) 1 for women.
        delay: (n,) referral delay in whole days.
        cause: (n,) index into ``protocol.diseases.CAUSES``.
    """

    number: NDArray[np.int64]
    parameters: Array
    initial: Array
    female: Array
    delay: Array
    cause: NDArray[np.int64]

    def column(self, spec: ModelSpec, name: str) -> Array:
        """(n,) a parameter by name."""
        return self.parameters[:, spec.parameters.index(name)]

    def rows(self, index: NDArray[np.intp]) -> Candidates:
        """Some of the candidates."""
        return Candidates(*(getattr(self, field.name)[index] for field in fields(self)))


def draw_candidates(
    spec: ModelSpec,
    deck: Deck,
    seed: int,
    number: NDArray[np.int64],
    disease: Disease,
    *,
    causes: Mapping[Cause, float] | None = None,
    definition: str | None = None,
) -> Candidates:
    """Draw candidates by number.

    Args:
        spec: the model.
        deck: cards with settings applied.
        seed: the run's seed.
        number: (n,) candidate numbers from 1.
        disease: class of disease.
        causes: cause -> share of those admitted (``mix``), adding up to 1; None: the class's usual mix.
        definition: tag whose baseline hazards of death and infection hold; None: those of the cards.
    """
    column = {name: i for i, name in enumerate(spec.parameters)}
    parameters = np.tile(spec.default_parameters, (len(number), 1))
    for name in deck.changed & column.keys():
        parameters[:, column[name]] = deck.model[name].value
    uniform = {name: Stream(seed, f"trait.{name}").uniform(number) for name in (*deck.traits, "sex")}
    for name, card in deck.traits.items():
        parameters[:, column[name]] = draw_from(card, uniform[name])
    cause = draw_causes(seed, number, disease, causes)
    men = men_share(deck, disease, cause)
    female = (uniform["sex"] >= men).astype(np.float64)
    set_disease(parameters, spec.parameters, deck, seed, number, disease, cause)
    _join_traits(parameters, column, deck, uniform, female, men, scarred=disease == "hbv_aclf")
    parameters[:, column["infection_at_onset"]] = _precipitating("infection", deck, seed, number, disease)
    if definition is not None:
        parameters[:, column["death_base"]] *= deck.value(f"death_scale_{definition}")
        parameters[:, column["infection_base"]] *= deck.value(f"infection_scale_{definition}")
    if disease == "aclf":
        scale = card_of(deck, "death_scale_on_cirrhosis", definition or "")
        parameters[:, column["death_base"]] *= deck.value(scale)
        parameters[:, column["infection_base"]] *= deck.value("infection_scale_on_cirrhosis")
    initial = spec.initial_states(parameters)
    initial[:, spec.states.index("kidney_injury")] = _precipitating(
        "kidney_injury", deck, seed, number, disease
    )
    return Candidates(
        number, parameters, initial, female, _referral_delay(deck, seed, number, disease), cause
    )


def _join_traits(
    parameters: Array,
    column: dict[str, int],
    deck: Deck,
    uniform: dict[str, Array],
    female: Array,
    men: Array,
    *,
    scarred: bool,
) -> None:
    """Dependence between traits that the equations do not make."""
    age, age_card = parameters[:, column["age"]], deck.model["age"]
    share = deck.model["cirrhosis"].share or 0.0
    if scarred and 0.0 < share < 1.0:
        # The probit's variance grows by that of the age term; the factor keeps the share as carded.
        slope = deck.value("cirrhosis_by_age")
        centre = ndtri(share) * np.sqrt(1.0 + (slope * age_card.spread) ** 2)
        chance = ndtr(centre + slope * (age - age_card.value))
        parameters[:, column["cirrhosis"]] = uniform["cirrhosis"] < chance
    for trait, ratio in (("weight", "women_weight"), ("creatinine_habitual", "women_creatinine")):
        low = deck.value(ratio)
        mean = men + (1.0 - men) * low
        parameters[:, column[trait]] *= np.where(female == 1.0, low, 1.0) / mean
    capacity, made = (
        parameters[:, column[name]] for name in ("secretion_max_per_kg", "bilirubin_production_per_kg")
    )
    haem = parameters[:, column["haem_breakdown"]]
    parameters[:, column["haem_breakdown"]] = np.minimum(haem, MOST_EXCRETED * capacity / made)
    years = age - deck.value("reference_age")
    for trait in ("frailty", "kidney_sensitivity", "brain_sensitivity"):
        parameters[:, column[trait]] *= np.exp(deck.value(f"{trait}_by_age") * years)


def _precipitating(what: str, deck: Deck, seed: int, number: NDArray[np.int64], disease: Disease) -> Array:
    """(n,) size of what precipitates an illness, 0 in most; a class without a card of its share has none."""
    share = card_of(deck, f"precipitating_{what}_share", disease)
    if not DISEASES[disease].precipitated or share not in deck.population:
        return np.zeros(len(number))
    begins = Stream(seed, f"trait.precipitating_{what}").uniform(number)
    size = Stream(seed, f"trait.precipitating_{what}_size").uniform(number)
    drawn = draw_from(deck.population[f"precipitating_{what}_size"], size)
    return np.where(begins < deck.value(share), drawn, 0.0)


def _referral_delay(deck: Deck, seed: int, number: NDArray[np.int64], disease: Disease) -> Array:
    card = deck.population[card_of(deck, "referral_delay", disease)]
    card = card.model_copy(update={"high": deck.value("referral_delay_cap")})
    return np.round(draw_from(card, Stream(seed, "trait.referral_delay").uniform(number)))
