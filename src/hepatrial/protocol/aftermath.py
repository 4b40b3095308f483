"""Intercurrent events that a trial may have on purpose: all off unless the protocol asks for them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from hepatrial.protocol.fields import (
    SOME,
    Days,
    MeasureName,
    Name,
    PlasmaVolumes,
    PositiveDays,
    Refusal,
    Share,
    Text,
    refuse,
)
from hepatrial.protocol.sections import Dosing, Limit, Section


class OutsideCells(Section):
    """Cells that patients buy outside the protocol."""

    share: Share
    """Share of patients who buy them."""
    arms: tuple[Name, ...] = ()
    """Arms whose patients may; empty: all."""
    regimen: Dosing
    """What they get; its days are the earliest ones."""
    spread: Days = 0.0
    """Each patient begins up to this much later."""


class RescueExchange(Section):
    """Plasma exchange for those who get worse, seen once a day."""

    share: Share = 1.0
    """Share of those who get worse that get it."""
    arms: tuple[Name, ...] = ()
    """Arms in which it is done; empty: all."""
    measure: MeasureName = "meld"
    """What is watched."""
    rise: Annotated[float, Field(gt=0)]
    """Rise above the value at randomisation at which it begins, in the measure's SI unit."""
    until: PositiveDays
    """It begins on this day at the latest."""
    sessions: Annotated[int, Field(ge=1, le=30)]
    every: PositiveDays
    volumes: PlasmaVolumes


class Intercurrent(Section):
    """Events after randomisation that change what an outcome means."""

    missed_infusion: Share = 0.0
    """Share of planned infusions not given although the patient is there (refusal, failed release)."""
    missed_infusion_arms: tuple[Name, ...] = ()
    """Arms in which infusions are missed; empty: all."""
    outside_cells: OutsideCells | None = None
    rescue_plasma_exchange: RescueExchange | None = None
    record_renal_replacement: bool = False
    """Write the first day of renal replacement into the event table (``care.renal_replacement`` gives it)."""


class EstimandPlan(Section):
    """One estimand as ``hepatrial analyse`` takes it; names are checked before a run begins."""

    name: Text
    endpoint: Text
    """Stem, underscore and day (``overall_survival_90``)."""
    summary: Text
    strategies: dict[Name, str] = Field(default_factory=dict)
    """Intercurrent event -> strategy."""
    population: str = "all randomised patients"
    estimator: str = "plain"
    method: str = ""
    landmark: Annotated[float, Field(gt=0)] | None = None
    note: str = ""
    imputation: dict[str, str | int | float] = Field(default_factory=dict)


class Hospital(Section):
    """When patients go home; it is written down and changes nothing in their care or their course."""

    discharge: Annotated[tuple[Limit, ...], SOME]
    """Limits on true values that all hold on the day of discharge."""
    stay: PositiveDays = 7.0
    """Shortest stay, from randomisation and after every reason to be readmitted."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [limit.measure for limit in self.discharge]
        if len(set(names)) < len(names):
            raise refuse(Refusal("discharge", names, "each measure once"))
        return self
