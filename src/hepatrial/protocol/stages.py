"""Designs in stages: a second randomisation of some arms, and a first phase that chooses a dose."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from hepatrial.protocol.fields import SOME, Name, PositiveDays, Refusal, Text, refuse
from hepatrial.protocol.sections import Dosing, Section


class SecondOption(Section):
    """One thing that a second randomisation may give."""

    label: Text
    label_zh: str = ""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Patients in proportion; each patient is drawn alone, so that the numbers of a trial vary."""
    regimen: tuple[Dosing, ...] = ()
    """Infusions from the second randomisation on; days count from the first one."""


class Rerandomisation(Section):
    """A second randomisation of the patients of some arms who are still followed."""

    day: PositiveDays
    """From the first randomisation."""
    arms: Annotated[tuple[Name, ...], SOME]
    options: dict[Name, SecondOption]

    @model_validator(mode="after")
    def _sense(self) -> Self:
        refusals = []
        if len(self.options) < 2:
            refusals.append(Refusal("options", list(self.options), "at least two options"))
        for name, option in self.options.items():
            for number, dosing in enumerate(option.regimen):
                if dosing.days[0] - dosing.window < self.day:
                    place = f"options.{name}.regimen[{number}].days[0]"
                    allowed = f"not before the second randomisation on day {self.day:g}"
                    refusals.append(Refusal(place, dosing.days[0], allowed))
        if refusals:
            raise refuse(*refusals)
        return self


class DoseSelection(Section):
    """A seamless design: the first patients of each arm choose one of several treated arms for the rest.

    The arm that is not chosen takes no further patients: its later subjects, though simulated, are no part of
    the trial and of its tables. The counterfactual arms hold all.
    """

    first: dict[Name, Annotated[int, Field(ge=1)]]
    """Patients of each arm in the first phase; the arm's ``n`` counts both phases."""
    among: Annotated[tuple[Name, ...], SOME]
    """Arms of which one is chosen."""
    week: Annotated[float, Field(gt=0)]
    """The arm with the highest survival at this week of the first phase goes on; of equals the first."""
