"""Bad input as data: every problem at once, each with its place, what was given, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input.

    Attributes:
        place: where, as the user wrote it (``arms.msc.regimen[0].dose``, ``--patients``).
        given: what stood there, as text.
        allowed: what may stand there, one sentence.
        nearest: the nearest right name, or None.
    """

    place: str
    given: str
    allowed: str
    nearest: str | None = None

    def sentence(self) -> str:
        """The problem as one line for a terminal."""
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.place}: given {self.given}; {self.allowed}.{hint}"


class BadInput(ValueError):
    """The input cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(problem.sentence() for problem in self.problems))

    def __reduce__(self) -> tuple[type[BadInput], tuple[tuple[Problem, ...]]]:
        """So that a worker process can hand it over whole."""
        return type(self), (self.problems,)


class RunFailed(RuntimeError):
    """The input was sound but the work could not be finished; the message says why and what to do."""


def nearest_name(given: str, names: Iterable[str]) -> str | None:
    """The name most like ``given``, or None when nothing is close."""
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(given.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None
