"""Classes of disease and their causes: what each sets in a candidate before the illness begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.population.deck import Deck
from hepatrial.population.draws import draw_from
from hepatrial.protocol.diseases import CAUSES, DISEASES, Cause, Disease
from hepatrial.rng import Stream

Array = NDArray[np.float64]


_BY_CAUSE = {
    "brain_sensitivity": "brain",
    "kidney_sensitivity": "kidney",
    "alt_content": "enzymes",
    "cholestasis": "cholestasis",
}
"""Traits that a cause of acute failure scales -> stem of its cards."""

_SPREADS = {"coagulation_spread": ("vitamin_k", "coagulopathy"), "scar_spread": ("collagen_factor",)}
"""Stem of a class's card, a power -> traits that it widens or narrows about their medians."""

SHARES = frozenset({"severe_share", "room_lost_to_scar"})
"""Parameters that a factor of a class takes no higher than 1."""


def told_mix(disease: Disease, mix: Mapping[Cause, float] | None) -> dict[Cause, float]:
    """Cause -> share above 0 of those admitted: as told, or the usual mix of the class."""
    return {cause: share for cause, share in (mix or DISEASES[disease].usual_mix).items() if share > 0.0}


def draw_causes(
    seed: int, number: NDArray[np.int64], disease: Disease, mix: Mapping[Cause, float] | None
) -> NDArray[np.int64]:
    """(n,) index into ``CAUSES`` of each candidate's cause.

    Half of the candidates have the told mix and half have every cause alike (a defensive mixture: Hesterberg
    1995, doi:10.1080/00401706.1995.10484303), so that no pool waits long for a rare cause; those admitted are
    brought to the told shares by ``mix``.

    Args:
        seed: the run's seed.
        number: candidate numbers.
        disease: class of disease; decides which cause there is when ``mix`` is empty.
        mix: cause -> share of those admitted, adding up to 1.
    """
    shares = told_mix(disease, mix)
    uniform = Stream(seed, "trait.cause").uniform(number)
    bounds = np.cumsum(0.5 * np.array(list(shares.values())) + 0.5 / len(shares))
    codes = np.array([CAUSES.index(cause) for cause in shares])
    return np.asarray(codes[np.minimum(np.searchsorted(bounds, uniform), len(codes) - 1)], dtype=np.int64)


def set_disease(
    parameters: Array,
    names: Sequence[str],
    deck: Deck,
    seed: int,
    number: NDArray[np.int64],
    disease: Disease,
    cause: NDArray[np.int64],
) -> None:
    """Write the illness into the candidates' parameters: virus, insult, scar and its progress, age.

    Args:
        parameters: (n, n_parameters) with the traits; changed in place.
        names: the model's parameters in their order.
        deck: cards.
        seed: the run's seed.
        number: candidate numbers.
        disease: class of disease.
        cause: index into ``CAUSES``.
    """
    column = {name: i for i, name in enumerate(names)}
    kind = DISEASES[disease]
    for code in np.unique(cause):
        name, rows = CAUSES[code], np.flatnonzero(cause == code)
        some = _Some(parameters, column, deck, seed, number, rows)
        if name == "hbv":
            some.put("hbv", 1.0)
        if kind.quiet:
            some.put("tolerance_lost", 0.0)
            some.put("antiviral", 1.0 if name == "hbv" else 0.0)
        elif name != "hbv":
            some.draw("insult_size", card_of(deck, f"insult_{name}", disease))
            some.draw("insult_decay", f"insult_decay_{name}")
            some.put("insult_by_glutathione", 1.0 if name == "paracetamol" else 0.0)
        elif disease == "acute_liver_failure":
            some.scale("flare", deck.value("flare_acute_hbv"))
        for trait, stem in _BY_CAUSE.items():
            if disease == "acute_liver_failure" and f"{stem}_{name}" in deck.population:
                some.scale(trait, deck.value(f"{stem}_{name}"))
        if kind.progressive and f"scarring_{name}" in deck.population:
            some.draw("scarring", f"scarring_{name}")
        age = kind.age_card or f"age_{name}"
        if age in deck.population:
            some.redraw("age", age)
    for stem, traits in _SPREADS.items():
        if f"{stem}_{disease}" in deck.population:
            for trait in traits:
                centre = deck.model[trait].value
                ratio = parameters[:, column[trait]] / centre
                parameters[:, column[trait]] = centre * ratio ** deck.value(f"{stem}_{disease}")
    if disease == "acute_liver_failure":
        everyone = _Some(parameters, column, deck, seed, number, np.arange(len(number)))
        everyone.multiply("injured_death", f"salvage_{disease}")
    if kind.cirrhosis is not None:
        parameters[:, column["cirrhosis"]] = kind.cirrhosis
    for name, card in kind.factors.items():
        scaled = parameters[:, column[name]] * deck.value(card)
        parameters[:, column[name]] = np.minimum(scaled, 1.0) if name in SHARES else scaled


def card_of(deck: Deck, name: str, group: str) -> str:
    """A group's own card of a population quantity where it has one, else the common card.

    Args:
        deck: cards.
        name: of the common card.
        group: a class of disease or a definition tag.
    """
    own = f"{name}_{group}"
    return own if own in deck.population else name


def men_share(deck: Deck, disease: Disease, cause: NDArray[np.int64]) -> Array:
    """(n,) share of men of each candidate's cause or class."""
    kind = DISEASES[disease]
    if disease == "hbv_aclf":
        return np.full(len(cause), deck.value("male_share"))
    cards = [kind.women_card or f"women_{CAUSES[code]}" for code in cause]
    return np.array([1.0 - deck.value(card) for card in cards])


class _Some:
    """Some of the candidates, whose parameters can be set by name."""

    def __init__(
        self,
        parameters: Array,
        column: Mapping[str, int],
        deck: Deck,
        seed: int,
        number: NDArray[np.int64],
        rows: NDArray[np.intp],
    ) -> None:
        self._parameters, self._column, self._deck = parameters, column, deck
        self._seed, self._number, self._rows = seed, number, rows

    def put(self, name: str, value: float | Array) -> None:
        self._parameters[self._rows, self._column[name]] = value

    def scale(self, name: str, factor: float) -> None:
        self._parameters[self._rows, self._column[name]] *= factor

    def draw(self, name: str, card: str) -> None:
        """A value of the cause's card, from the parameter's own stream."""
        self.put(name, self._from(card, f"trait.{name}"))

    def multiply(self, name: str, card: str) -> None:
        """By a factor of the card, from a stream of its own."""
        self._parameters[self._rows, self._column[name]] *= self._from(card, f"trait.{card}")

    def redraw(self, name: str, card: str) -> None:
        """The trait under the cause's card instead of the model's: the same rank in another distribution."""
        self.put(name, self._from(card, f"trait.{name}"))

    def _from(self, card: str, stream: str) -> Array:
        uniform = Stream(self._seed, stream).uniform(self._number[self._rows])
        return draw_from(self._deck.population[card], uniform)
