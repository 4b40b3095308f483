"""A share of a run: what one job of an array does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hepatrial.errors import BadInput, Problem

MOST = 100_000
"""Most shares of a run."""


@dataclass(frozen=True)
class Share:
    """The ``number``-th of ``of`` shares, from 1: every ``of``-th chunk.

    Attributes:
        number: from 1.
        of: how many shares there are.
    """

    number: int
    of: int

    @property
    def writer(self) -> str:
        """Name of its manifest."""
        return f"{self.number}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, chunk: int) -> bool:
        """Whether the chunk (from 0) is one of this share."""
        return chunk % self.of == self.number - 1


def parse_share(text: str | Share | None) -> Share | None:
    """The share that ``"i/n"`` names; None is the whole run.

    Raises:
        BadInput: it names none.
    """
    if text is None or isinstance(text, Share):
        return text
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", str(text))
    number, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= of <= MOST:
        allowed = f"must be i/n with whole numbers 1 <= i <= n <= {MOST}, such as 2/8"
        raise BadInput([Problem("--shard", repr(text), allowed)])
    return Share(number, of)


def share_of_writer(writer: str) -> Share | None:
    """The share whose manifest bears the name."""
    found = re.fullmatch(r"(\d{1,6})-of-(\d{1,6})", writer)
    return Share(int(found[1]), int(found[2])) if found else None
