"""The ``[randomisation]`` section: centres, and strata within which blocks are permuted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from hepatrial.errors import nearest_name
from hepatrial.protocol.fields import Refusal, refuse
from hepatrial.protocol.sections import Section
from hepatrial.schema import MEASURES

YES_OR_NO = ("cirrhosis", "infected_at_entry", "sex")
"""Baseline columns with two values, which need no cut."""


class Stratum(Section):
    """What patients are told apart by before they are randomised."""

    by: str
    """cirrhosis, infected_at_entry, sex, or a measure with a cut."""
    cut: float | None = None
    """Value of the measure from which a patient is in the upper stratum."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = (*YES_OR_NO, *MEASURES)
        if self.by not in names:
            allowed = f"{', '.join(YES_OR_NO)} or a measure"
            raise refuse(Refusal("by", self.by, allowed, nearest_name(self.by, names)))
        if (self.by in YES_OR_NO) != (self.cut is None):
            allowed = "nothing" if self.by in YES_OR_NO else "the value that parts the strata"
            raise refuse(Refusal("cut", self.cut, f"{allowed} for {self.by}"))
        return self


class Randomisation(Section):
    """Allocation in permuted blocks within strata and centres; absent: permuted over the whole trial."""

    block: Annotated[int, Field(ge=2, le=100)] = 4
    """Patients in a block, whose arms have exactly their planned shares."""
    strata: tuple[Stratum, ...] = ()
    centres: Annotated[int, Field(ge=1, le=500)] = 1
    """Number of centres; each patient comes to any of them with equal probability."""
    by_centre: bool = True
    """Whether blocks are also kept within centres."""
    centre_effect: Annotated[float, Field(ge=0, le=2)] = 0.0
    """SD between centres of the log of the death hazard, in every arm alike."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        names = [one.by for one in self.strata]
        found = []
        if len(set(names)) < len(names):
            found.append(Refusal("strata", names, "each entry once"))
        if self.centre_effect > 0 and self.centres < 2:
            found.append(Refusal("centre_effect", self.centre_effect, "0 with one centre"))
        if found:
            raise refuse(*found)
        return self

    def block_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Patients of each arm in a block, or () where the planned sizes are not whole in it."""
        total = sum(sizes)
        exact = [self.block * size / total for size in sizes]
        counts = tuple(round(one) for one in exact)
        whole = total // self.block
        fits = sum(counts) == self.block and all(
            count >= 1 and whole * count <= size for count, size in zip(counts, sizes, strict=True)
        )
        return counts if fits else ()

    def fitting_blocks(self, sizes: Sequence[int]) -> Iterator[int]:
        """Sizes of blocks up to 24 in which the planned sizes are whole."""
        for block in range(2, 25):
            if self.model_copy(update={"block": block}).block_of(sizes):
                yield block
