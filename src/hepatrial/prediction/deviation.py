"""How a study differs from what the model shows: learnt from the fitted cohorts, or between-study SDs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.prediction.discrepancy import KIND, Bend, Effects
from hepatrial.rng import Stream

Array = NDArray[np.float64]

MORTAL = ("death", "death_or_transplant")


@dataclass(frozen=True)
class Luck:
    """Streams of one predictive draw; keyed by the names of arms, so that their order moves nothing."""

    seed: int
    draw: int
    made: dict[tuple[str, int], Array] = field(default_factory=dict, compare=False, repr=False)
    """What was drawn before: the models of a draw share their luck."""

    def uniform(self, what: str, n: int) -> Array:
        """(n,) of a decision."""
        if (what, n) not in self.made:
            self.made[what, n] = Stream(self.seed, f"predict.{what}").uniform(self.draw, np.arange(n))
        return self.made[what, n]

    def normal(self, what: str) -> float:
        """One standard normal number of a decision."""
        return float(ndtri(self.uniform(what, 1)[0]))


class Deviation(Protocol):
    """How a study differs from what the model shows."""

    @property
    def laboratory(self) -> float:
        """SD of laboratory ratios, natural logarithm."""

    def bend(self, event: str, luck: Luck) -> Bend:
        """Of an event's incidence in one predictive draw; the same in all arms."""

    def widened(self, extra: float) -> Deviation:
        """With an independent SD added on the logit."""


@dataclass(frozen=True)
class Spread:
    """Between-study SDs of a prediction when nothing else was learnt.

    Attributes:
        mortality: of death and transplant, log odds.
        infection: of other events, log odds.
        laboratory: of laboratory ratios, natural logarithm.
    """

    mortality: float
    infection: float
    laboratory: float

    def widened(self, extra: float) -> Spread:
        """With an independent SD added on the logit; laboratory in proportion."""
        ratio = math.hypot(self.mortality, extra) / self.mortality if self.mortality > 0 else 1.0
        return Spread(
            math.hypot(self.mortality, extra), math.hypot(self.infection, extra), self.laboratory * ratio
        )

    def bend(self, event: str, luck: Luck) -> Bend:
        """A shift of the logit at all times."""
        sd = self.mortality if event in MORTAL or event == "transplant" else self.infection
        return Bend(sd * luck.normal("study.death" if event in MORTAL else f"study.{event}"))


@dataclass(frozen=True)
class Learned:
    """A study's deviation as the fitted cohorts teach it.

    Attributes:
        effects: kind of event ("mortality", "infection", "transplant", "other") -> its effects.
        laboratory: SD of laboratory ratios, natural logarithm.
    """

    effects: Mapping[str, Effects]
    laboratory: float

    def widened(self, extra: float) -> Learned:
        """With an independent SD added to the level of every kind; laboratory by a quarter of it."""
        wider = {kind: one.widened(extra) for kind, one in self.effects.items()}
        return replace(self, effects=wider, laboratory=math.hypot(self.laboratory, 0.25 * extra))

    def bend(self, event: str, luck: Luck) -> Bend:
        """Level, slope and gain of an event; death and death or transplant share their luck."""
        kind = KIND.get(event, "other")
        name = kind if kind != "other" else event
        steps = np.array([luck.normal(f"study.{name}.{i}") for i in range(4)])
        level, slope, gain, transplant = self.effects[kind].draw(steps)
        return Bend(level + (transplant if event == "death_or_transplant" else 0.0), slope, gain)
