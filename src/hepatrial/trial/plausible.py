"""Plausible worlds of a run: members of an ensemble of parameters, each with candidates of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hepatrial.ensemble.storage import json_bytes
from hepatrial.population.candidates import FIRST_CANDIDATE
from hepatrial.provenance import fingerprint

FILE = "inputs/worlds.json"
"""Where a run folder keeps the worlds, so that it does not depend on the ensemble that ships."""

CANDIDATES = 100_000_000
"""Candidate numbers of one world."""
BUDGET, SCARCE = 8_192, 200
"""A world must admit m subjects among ``BUDGET + SCARCE * m`` candidates; one that does not is replaced."""
BLOCK = 500
"""Admitted patients of a world that are matched together to a Table 1."""


@dataclass(frozen=True)
class Worlds:
    """The worlds that a run averages over.

    Attributes:
        kind: "cards" (one world, that of the cards), "posterior" or "prior".
        members: (k worlds) indices of members, in the order tried: the first in which patients are admitted
            is the world.
        settings: member -> card -> value.
        variants: structural variant -> weight, replacing the prior weights; empty: the prior weights.
        between_study: scale -> SD of a study's own deviation.
        ensemble: hash of the ensemble, "" for the cards.
    """

    kind: str
    members: tuple[tuple[int, ...], ...]
    settings: Mapping[int, Mapping[str, float]]
    variants: Mapping[str, float] = field(default_factory=dict)
    between_study: Mapping[str, float] = field(default_factory=dict)
    ensemble: str = ""

    def __len__(self) -> int:
        return len(self.members)

    @property
    def alone(self) -> bool:
        """Whether there is only the world of the cards."""
        return self.kind == "cards"

    def attempts(self, world: int) -> int:
        """How many members can be tried for a world."""
        return len(self.members[world])

    def settings_of(self, world: int, attempt: int) -> Mapping[str, float]:
        """Card -> value in a world."""
        return self.settings[self.members[world][attempt]]

    def first_candidate(self, world: int) -> int:
        """Number of the first candidate of a world."""
        return FIRST_CANDIDATE + world * CANDIDATES

    @cached_property
    def told(self) -> dict[str, Any]:
        """What the spec of a run says of its worlds."""
        return {"kind": self.kind, "number": len(self), "ensemble": self.ensemble, "hash": self.hash}

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the worlds, "" for the cards."""
        return "" if self.alone else fingerprint(json.loads(self.to_bytes()))

    def to_bytes(self) -> bytes:
        """The worlds as JSON: names of the cards once, one row of values a member."""
        names = list(dict.fromkeys(name for values in self.settings.values() for name in values))
        return json_bytes(
            {
                "kind": self.kind,
                "ensemble": self.ensemble,
                "members": [list(row) for row in self.members],
                "cards": names,
                "values": {
                    str(member): [values.get(name) for name in names]
                    for member, values in self.settings.items()
                },
                "variants": dict(self.variants),
                "between_study": dict(self.between_study),
            }
        )


def budget(size: int) -> int:
    """Candidates among whom ``size`` subjects have to be admitted in a world."""
    return BUDGET + SCARCE * size


def worlds_from_bytes(data: bytes) -> Worlds:
    """The inverse of ``Worlds.to_bytes``."""
    told = json.loads(data)
    settings = {
        int(member): {
            name: float(value) for name, value in zip(told["cards"], row, strict=True) if value is not None
        }
        for member, row in told["values"].items()
    }
    members = tuple(tuple(row) for row in told["members"])
    return Worlds(told["kind"], members, settings, told["variants"], told["between_study"], told["ensemble"])


CARDS = Worlds("cards", ((0,),), {0: {}})
"""The one world of the cards as they stand."""
