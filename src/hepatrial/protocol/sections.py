"""The sections of a protocol file as frozen types. Inside: SI units, days, fractions, cells."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hepatrial.errors import nearest_name
from hepatrial.protocol.definitions import DefinitionTag
from hepatrial.protocol.diseases import CAUSES_OF, Cause, Disease
from hepatrial.protocol.fields import (
    SOME,
    Days,
    Dose,
    Grade,
    GramsPerDay,
    GramsPerLitre,
    LitresPerDay,
    MeasureName,
    Name,
    PlasmaVolumes,
    PositiveDays,
    Rate,
    Refusal,
    Share,
    Text,
    Time,
    refuse,
)
from hepatrial.protocol.plausible import PLAUSIBLE
from hepatrial.protocol.products import PRODUCTS, ProductName, Route
from hepatrial.protocol.regions import REGIONS, RegionName
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, read_quantity, write_quantity

YES_NO = ("female", "cirrhosis", "infected_at_entry")
"""Traits that a Table 1 can have a share of."""

Exclusion = Literal["infection_at_entry", "vasopressors_at_entry", "cirrhosis"]
"""What can be excluded by name. Whatever is a number is an eligibility limit instead."""

Endpoint = Literal["overall_survival", "transplant_free_survival"]
Strategy = Literal["treatment_policy", "composite", "hypothetical", "while_untransplanted"]
"""How a transplant is handled (ICH E9 R1)."""

LABORATORY = tuple(
    name
    for name in MEASURES
    if name
    not in (
        "he_grade",
        "ascites_grade",
        "meld",
        "meld_na",
        "meld3",
        "child_pugh",
        "clif_c_of",
        "clif_c_aclf",
        "aclf_grade",
    )
)
"""Measures that an assay reports; grades and scores are made of them and have no noise of their own."""


def _unit(variable: str) -> str:
    if variable in MEASURES:
        return MEASURES[variable].unit
    return "kg" if variable == "weight" else "1"


class _Written:
    """A value in the unit of the variable that is named beside it, under ``measure`` or ``variable``."""

    def read(self, given: object, info: ValidationInfo) -> float | None:
        variable = info.data.get("measure") or info.data.get("variable")
        if given is None:
            return None
        if variable in YES_NO:
            raise refuse(Refusal("", given, f"nothing: {variable} is yes or no and has a share only"))
        if variable not in PLAUSIBLE:
            return None  # a wrong name is refused where it stands
        try:
            value = read_quantity(given, _unit(variable), variable)
        except UnitError as error:
            raise refuse(Refusal("", error.given, error.allowed, error.nearest)) from None
        low, high = PLAUSIBLE[variable]
        if info.field_name != "sd" and not low <= value <= high:
            raise refuse(Refusal("", given, f"{variable} from {low:g} to {high:g} {_unit(variable)}".strip()))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = 'in the unit of the measure, written out ("171 umol/L") unless the measure has none'
        return {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}], "description": text}


Written = Annotated[float | None, _Written()]


class Section(BaseModel):
    """A part of the file: every entry known, every type exact, nothing changeable."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    def text(self, name: str, lang: str) -> str:
        """The entry ``name`` in ``lang`` ("en", "zh"); English when there is no translation."""
        return str(getattr(self, f"{name}_{lang}", "") or getattr(self, name))


class Identity(Section):
    """Which trial this is and what it is simulated for."""

    id: Name
    """Short name; also names the run folder."""
    title: Text
    title_zh: str = ""
    citation: str = ""
    doi: str = ""
    registration: str = ""
    country: str = ""
    period: str = ""
    question: Text
    """What the simulation is to answer."""
    question_zh: str = ""
    context_of_use: Text
    """What the answer may inform, and with what else."""
    context_of_use_zh: str = ""
    definition: DefinitionTag
    """Definition of the disease; chooses the baseline hazards."""
    allocation: Literal["randomised", "by_treatment_received", "unclear"] = "randomised"
    """How the published arms came about. The simulation always randomises."""
    blinding: Literal["open", "single", "double"] = "open"
    published: Name | None = None
    """Name of the published figures to lay beside the simulation."""
    pending: Name | None = None
    """Entry of the evidence base on a trial that has no public result."""


class Limit(Section):
    """A limit on a measure or score: ``min`` <= value <= ``max``, each with its unit."""

    measure: MeasureName
    min: Written = None
    max: Written = None

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.min is None and self.max is None:
            raise refuse(Refusal("", self.measure, "a limit needs min, max or both"))
        if self.min is not None and self.max is not None and self.min > self.max:
            raise refuse(Refusal("", f"min {self.min:g} and max {self.max:g}", "min not above max"))
        return self

    @field_serializer("min", "max", when_used="json-unless-none")
    def _write(self, value: float) -> str | float:
        return write_quantity(value, MEASURES[self.measure].unit)


class AgeRange(Section):
    """Age at entry in years, both ends included."""

    min: Annotated[float, Field(ge=0, le=110)] = 18.0
    max: Annotated[float, Field(ge=0, le=110)] = 110.0

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.min > self.max:
            raise refuse(Refusal("", f"min {self.min:g} and max {self.max:g}", "min not above max"))
        return self


class Criteria(Section):
    """Where the entry criteria come from."""

    basis: Literal["this_trial", "sister_protocol", "definition", "assumed"]
    grade: Grade
    source: Text
    note: str = ""
    note_zh: str = ""


class Wish(Section):
    """One statistic (or a few of one variable) that the cohort is to show at entry."""

    variable: str
    """A measure, or ``age`` (years), ``weight``, ``female``, ``cirrhosis``, ``infected_at_entry``."""
    mean: Written = None
    sd: Written = None
    median: Written = None
    q1: Written = None
    q3: Written = None
    share: Share | None = None
    """Share of patients: of a yes/no variable, or of those ``above`` or ``below`` a value."""
    above: Written = None
    below: Written = None
    grade: Grade
    source: Text

    @model_validator(mode="after")
    def _sense(self) -> Self:
        known = (*PLAUSIBLE, *YES_NO)
        if self.variable not in known:
            allowed = f"a measure or trait: {', '.join(known)}"
            raise refuse(Refusal("variable", self.variable, allowed, nearest_name(self.variable, known)))
        if self.variable not in YES_NO:
            if refusals := self._numeric():
                raise refuse(*refusals)
        elif self.share is None:
            raise refuse(Refusal("share", "nothing", "a share, the only statistic of a yes/no variable"))
        return self

    def _numeric(self) -> list[Refusal]:
        found = []
        if self.sd is not None and self.sd <= 0:
            found.append(Refusal("sd", self.sd, "a standard deviation above 0"))
        if self.sd is not None and self.mean is None:
            found.append(Refusal("mean", "nothing", "a mean, which an sd needs beside it"))
        if (self.q1 is None) != (self.q3 is None):
            found.append(Refusal("q1", self.q1, "q1 and q3 come together"))
        quartiles = [value for value in (self.q1, self.median, self.q3) if value is not None]
        if quartiles != sorted(quartiles):
            found.append(Refusal("median", quartiles, "q1 not above the median, the median not above q3"))
        if (self.share is not None) != ((self.above is None) != (self.below is None)):
            found.append(Refusal("share", self.share, "a share with exactly one of above and below"))
        if all(value is None for value in (self.mean, self.sd, self.share, *quartiles)):
            found.append(Refusal("", self.variable, "at least one of mean, sd, median, q1 with q3, share"))
        return found

    @field_serializer("mean", "sd", "median", "q1", "q3", "above", "below", when_used="json-unless-none")
    def _write(self, value: float) -> str | float:
        return write_quantity(value, _unit(self.variable))


class CauseShare(Section):
    """One cause of the disease."""

    cause: Cause
    share: Share


class Population(Section):
    """Who may enter."""

    disease: Disease
    """Class of disease."""
    causes: tuple[CauseShare, ...] = ()
    """Causes with their shares of those who enter, adding up to 100 %; empty: the usual mix of the class."""
    age: AgeRange = AgeRange()
    eligibility: Annotated[tuple[Limit, ...], SOME]
    """Limits on measures and scores, all of which hold on the day of screening."""
    exclude: tuple[Exclusion, ...] = ()
    criteria: Criteria
    table1: tuple[Wish, ...] = ()
    """Statistics at entry to which the cohort is matched; empty: as the model and the criteria give it."""

    @model_validator(mode="after")
    def _causes_of_the_disease(self) -> Self:
        allowed = CAUSES_OF[self.disease]
        for number, one in enumerate(self.causes):
            if one.cause not in allowed:
                raise refuse(Refusal(f"causes[{number}].cause", one.cause, f"one of {', '.join(allowed)}"))
        if len({one.cause for one in self.causes}) < len(self.causes):
            raise refuse(Refusal("causes", "a cause twice", "each cause once"))
        total = sum(one.share for one in self.causes)
        if self.causes and abs(total - 1.0) > 1e-6:
            raise refuse(
                Refusal("causes", f"shares that add up to {total:.1%}", "shares that add up to 100 %")
            )
        return self

    @property
    def cause_shares(self) -> dict[Cause, float] | None:
        """Cause -> share; None when the protocol leaves the class's usual mix."""
        return {one.cause: one.share for one in self.causes} or None


class Delay(Section):
    """A log-normal time."""

    median: PositiveDays
    log_sd: Annotated[float, Field(gt=0, le=3)]


class Selection(Section):
    """What happens between becoming eligible and being randomised."""

    referral_delay: Delay | None = None
    """From the first eligible day to arrival; absent: the population model's own."""
    screening_failure: Share = 0.0
    """Share of eligible arrivals lost for reasons the model does not know."""
    consent: Share = 1.0
    """Share of those asked who consent."""
    screening_to_randomisation: Days = 0.0
    """Days in which a patient may still die or leave eligibility before randomisation."""


class Dosing(Section):
    """One line of a regimen: a product, how much, by which route, when."""

    product: ProductName
    dose: Dose
    """Cells in each infusion: "1e6 cells/kg", or in total "1e8 cells"."""
    dose_reported: str = ""
    """The dose as the source prints it."""
    route: Route
    days: Annotated[tuple[Time, ...], SOME]
    """Days of infusion from randomisation."""
    window: Days = 0.0
    """An infusion may come this much earlier or later, never before randomisation."""
    viability: Share | None = None
    """Share of the cells that live on infusion; absent: the product card's."""
    passage: Annotated[float, Field(ge=0, le=40)] | None = None
    """Passage of the cells; absent: the product's usual one. Later passages hold more senescent cells."""
    induction: Days = 0.0
    """Days of hepatic induction (HGF and bFGF) before the cells are given."""
    borrow_from: ProductName | None = None
    """Another product whose effect this one is supposed to have; absent: no effect is borrowed."""
    after_transplant: Literal["stop", "continue"] = "stop"
    """Whether infusions still planned are given after a transplant; withdrawal of care always ends them."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        _ascending("days", self.days, self.window)
        if refusals := self._unfit():
            raise refuse(*refusals)
        return self

    def _unfit(self) -> list[Refusal]:
        product = PRODUCTS[self.product]
        unit = {"cells": "cells", "vesicles": "particles", "drug": "ug"}[product.kind]
        found = []
        if self.dose.kind != unit:
            found.append(Refusal("dose", self.dose.text, f"{self.product} is dosed in {unit}"))
        if (self.route == "subcutaneous") != (product.kind == "drug"):
            allowed = "subcutaneous for a drug, a vessel for cells and vesicles"
            found.append(Refusal("route", self.route, allowed))
        if product.kind != "cells":
            cells_only: dict[str, object] = {
                "viability": self.viability,
                "passage": self.passage,
                "induction": self.induction or None,
            }
            if product.kind == "drug":
                cells_only["borrow_from"] = self.borrow_from
            found += [
                Refusal(entry, given, f"nothing: {self.product} is no cell")
                for entry, given in cells_only.items()
                if given is not None
            ]
        return found

    @property
    def effect_of(self) -> str | None:
        """The product whose effect is supposed: its own, a borrowed one, or None when none is known."""
        if PRODUCTS[self.product].has_effect:
            return self.product
        return self.borrow_from


def _ascending(key: str, times: tuple[float, ...], window: float, day: float = 1.0) -> None:
    """Refuse times out of order or so near that windows meet; ``day`` is a day in the unit of ``times``."""
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise refuse(Refusal(key, list(times), f"{key} in order, each once"))
    gap = min((later - earlier for earlier, later in pairwise(times)), default=float("inf"))
    if 2 * window * day > gap:
        raise refuse(
            Refusal("window", f"{window:g} d", f"at most half the shortest gap, {gap / day / 2:g} d")
        )


class Plasma(Section):
    """A standing order of fresh frozen plasma while the INR is high."""

    inr_above: Annotated[float, Field(ge=1, le=10)]
    rate: LitresPerDay
    """Volume a day ("0.3 L/d")."""


class Albumin(Section):
    """A standing order of albumin while serum albumin is low."""

    below: GramsPerLitre
    rate: GramsPerDay
    """Amount a day ("10 g/d")."""


class Sessions(Section):
    """When a device runs."""

    share: Share = 1.0
    """Share of patients who get it."""
    sessions: Annotated[int, Field(ge=0, le=30)]
    first_day: Days
    every: PositiveDays

    @property
    def days(self) -> tuple[float, ...]:
        """Days of the sessions from randomisation."""
        return tuple(self.first_day + number * self.every for number in range(self.sessions))


class PlasmaExchange(Sessions):
    """A course of plasma exchange; ``volumes`` or, as high-volume exchange is written, ``body_weight``."""

    volumes: PlasmaVolumes | None = None
    """Exchanged in one session."""
    body_weight: Annotated[Share, Field(gt=0, le=0.2)] | None = None
    """The same as a share of body weight ("15 %": 0.15 L/kg)."""
    replacement: Literal["plasma", "albumin"] = "plasma"
    """What is given back: donor plasma, or albumin solution, which brings no clotting factor."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.volumes is None) == (self.body_weight is None):
            given = "both" if self.volumes else "nothing"
            raise refuse(Refusal("volumes", given, "either volumes or body_weight"))
        return self


class AlbuminDialysis(Sessions):
    """A course of albumin dialysis (MARS)."""

    removed: Annotated[Share, Field(gt=0, le=0.8)] = 0.3
    """Share of free and loosely bound bilirubin and of creatinine that one session removes."""


class Course(Section):
    """A drug from randomisation on for some days."""

    share: Share = 1.0
    """Share of patients who get it."""
    days: PositiveDays


class Vasoconstrictor(Section):
    """Treatment of acute kidney injury, with albumin, while it lasts."""

    drug: Literal["terlipressin", "noradrenaline"]
    share: Share = 1.0
    """Share of patients who would get it."""


class Withdrawal(Section):
    """Withdrawal of care from patients whose organs fail."""

    rate: Rate
    """For each failed organ beyond ``organs``."""
    organs: Annotated[float, Field(ge=0, le=6)] = 3.0


class Transplant(Section):
    """Access to liver transplantation."""

    listed: Share
    """Share of patients who are put on the list."""
    offer_rate: Rate | None = None
    """Rate of offers to a listed patient; absent: that of the region."""
    region: RegionName | None = None
    """Region whose offers and survival after transplantation hold; absent: ``offer_rate`` and the cards."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.offer_rate is None and self.region is None:
            allowed = f"a rate of offers, or region = one of {', '.join(REGIONS)}"
            raise refuse(Refusal("offer_rate", "nothing", allowed))
        return self


class Care(Section):
    """Care besides the cells; a share is that of patients who get it (when they need it)."""

    antiviral: Share = 1.0
    """On a nucleoside or nucleotide analogue."""
    acetylcysteine: Course | None = None
    corticosteroid: Course | None = None
    lactulose: Share = 0.0
    rifaximin: Share = 0.0
    antibiotics: Share = 1.0
    """Whose infections are treated."""
    prophylaxis: Share = 0.0
    """On an antibiotic that prevents infections."""
    vasoconstrictor: Vasoconstrictor | None = None
    renal_replacement: Share = 0.0
    """Given renal replacement when filtration is lost."""
    ventilation: Share = 1.0
    """Ventilated when the lung fails; 100 % is usual care, to which the hazards were fitted."""
    plasma: Plasma | None = None
    albumin: Albumin | None = None
    plasma_exchange: PlasmaExchange | None = None
    albumin_dialysis: AlbuminDialysis | None = None
    transplant: Transplant | None = None
    withdrawal: Withdrawal | None = None


class ArmCare(Section):
    """What an arm's care has instead of the shared care; absent entries are as shared."""

    antiviral: Share | None = None
    acetylcysteine: Course | None = None
    corticosteroid: Course | None = None
    lactulose: Share | None = None
    rifaximin: Share | None = None
    antibiotics: Share | None = None
    prophylaxis: Share | None = None
    vasoconstrictor: Vasoconstrictor | None = None
    renal_replacement: Share | None = None
    ventilation: Share | None = None
    plasma: Plasma | None = None
    albumin: Albumin | None = None
    plasma_exchange: PlasmaExchange | None = None
    albumin_dialysis: AlbuminDialysis | None = None
    transplant: Transplant | None = None
    withdrawal: Withdrawal | None = None


class Arm(Section):
    """A group assigned one regimen."""

    label: Text
    label_zh: str = ""
    n: Annotated[int, Field(ge=1, le=1_000_000)]
    """Patients randomised to it."""
    regimen: tuple[Dosing, ...] = ()
    care: ArmCare = ArmCare()

    @property
    def infusions(self) -> int:
        """Number of infusions of cells or vesicles planned."""
        return sum(len(dosing.days) for dosing in self.cells)

    @property
    def cells(self) -> tuple[Dosing, ...]:
        """The lines of the regimen that give cells or vesicles, not a drug."""
        return tuple(dosing for dosing in self.regimen if PRODUCTS[dosing.product].kind != "drug")


class Batch(Section):
    """How the product is made."""

    patients_per_batch: Annotated[int, Field(ge=1)] = 1
    """Patients dosed from one batch, who share its potency."""
    between_batch_cv: Share | None = None
    """Coefficient of variation of potency between batches; absent: the parameter card's."""


@dataclass(frozen=True)
class Visit:
    """A planned contact.

    Attributes:
        name: "week 4", "day 3".
        day: days from randomisation.
        week: the same in weeks.
    """

    name: str
    day: float
    week: float


class Visits(Section):
    """When patients are seen after randomisation. The baseline is always seen and not listed."""

    weeks: tuple[Time, ...] = ()
    days: tuple[Time, ...] = ()
    """Either ``weeks`` or ``days``."""
    window: Days = 0.0
    """A visit may come this much earlier or later."""
    measures: Annotated[tuple[MeasureName, ...], SOME]

    @model_validator(mode="after")
    def _order(self) -> Self:
        if bool(self.weeks) == bool(self.days):
            given = f"weeks {list(self.weeks)} and days {list(self.days)}"
            raise refuse(Refusal("", given, "either weeks or days, with at least one visit"))
        key, times, day = ("weeks", self.weeks, 1 / 7) if self.weeks else ("days", self.days, 1.0)
        if times[0] == 0:
            raise refuse(Refusal(f"{key}[0]", 0, "a time after 0; the baseline is always seen"))
        _ascending(key, times, self.window, day)
        if self.window * day > times[0]:
            raise refuse(
                Refusal("window", f"{self.window:g} d", "not longer than the time to the first visit")
            )
        if len(set(self.measures)) < len(self.measures):
            raise refuse(Refusal("measures", list(self.measures), "each measure once"))
        return self

    @property
    def planned(self) -> tuple[Visit, ...]:
        """The visits in order, without the baseline."""
        if self.weeks:
            return tuple(Visit(f"week {week:g}", week * 7.0, week) for week in self.weeks)
        return tuple(Visit(f"day {day:g}", day, day / 7.0) for day in self.days)


class Noise(Section):
    """Spread of an assay: ``cv`` (share of the value) or ``sd`` (in the unit of the measure)."""

    measure: MeasureName
    cv: Share | None = None
    sd: Written = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.measure not in LABORATORY:
            allowed = f"an assay: {', '.join(LABORATORY)} (grades and scores are made of these)"
            raise refuse(Refusal("measure", self.measure, allowed))
        if (self.cv is None) == (self.sd is None):
            raise refuse(Refusal("", self.measure, "either cv or sd"))
        if self.sd is not None and self.sd < 0:
            raise refuse(Refusal("sd", self.sd, "a standard deviation not below 0"))
        return self

    @field_serializer("sd", when_used="json-unless-none")
    def _write(self, value: float) -> str | float:
        return write_quantity(value, _unit(self.measure))


class Dropout(Section):
    """Leaving the trial alive."""

    rate: Rate = 0.0
    reasons: dict[Name, Share] = {}
    """Reason -> share; the shares add up to 1."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(self.reasons.values())
        if self.reasons and abs(total - 1) > 1e-6:
            raise refuse(Refusal("reasons", f"shares adding up to {total:g}", "shares that add up to 1"))
        if self.rate > 0 and not self.reasons:
            raise refuse(Refusal("reasons", "nothing", "reasons with their shares when the rate is above 0"))
        return self


class DischargeToDie(Section):
    """Dying patients taken home, as is custom in China."""

    share: Share = 0.0
    """Share of deaths that happen at home after such a discharge."""
    lead_time: Days = 0.0
    """From discharge to death."""
    vital_status_known: Share = 1.0
    """Share of these deaths that the trial learns of; the others are censored at discharge."""


class Primary(Section):
    """The primary endpoint."""

    endpoint: Endpoint
    week: Annotated[float, Field(gt=0)]


class Endpoints(Section):
    """What is compared, with which arm, when."""

    control_arm: str
    primary: Primary
    survival_weeks: Annotated[tuple[Time, ...], SOME]
    """Weeks at which survival is tabulated."""
    strategies: Annotated[tuple[Strategy, ...], SOME] = ("treatment_policy", "composite")
    """How transplants are handled; each is shown."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.survival_weeks[0] == 0:
            raise refuse(Refusal("survival_weeks[0]", 0, "a time after 0"))
        _ascending("survival_weeks", self.survival_weeks, 0.0)
        if len(set(self.strategies)) < len(self.strategies):
            raise refuse(Refusal("strategies", list(self.strategies), "each strategy once"))
        return self


class FollowUp(Section):
    """How long patients are followed."""

    length: PositiveDays
    """From randomisation to the end of observation."""


class Assumption(Section):
    """What is not known about the trial and how the file handles it."""

    about: Text
    """The entry of this file it concerns ("arms.msc.regimen[0].dose")."""
    known: Text
    """What the sources say."""
    known_zh: str = ""
    handled: Text
    """What was done instead, and why."""
    handled_zh: str = ""
    grade: Grade
    """Grade of the value used."""
    source: str = ""
