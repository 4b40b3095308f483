"""Regions of liver transplantation: how soon an offer comes and how long recipients live, each with its card.

``regions.toml`` has one table a region with cards of the model's parameters that the region changes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from hepatrial.model.cards import Card

RegionName = Literal["eu", "us", "china", "japan"]


@dataclass(frozen=True)
class Region:
    """One region.

    Attributes:
        name: as in a protocol file.
        label, label_zh: for people.
        cards: model parameter -> card; the trial puts their centres in the place of the model's.
    """

    name: str
    label: str
    label_zh: str
    cards: Mapping[str, Card]

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters that the region sets."""
        return {name: card.value for name, card in self.cards.items()}


def _read() -> dict[str, Region]:
    text = files("hepatrial.protocol").joinpath("regions.toml").read_text(encoding="utf-8")
    regions = {}
    for name, table in tomllib.loads(text).items():
        cards = {key: Card.model_validate(raw) for key, raw in table["cards"].items()}
        regions[name] = Region(name, table["label"], table["label_zh"], MappingProxyType(cards))
    return regions


REGIONS: Mapping[str, Region] = MappingProxyType(_read())
