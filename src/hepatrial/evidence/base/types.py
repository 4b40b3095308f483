"""The evidence base as types: trials, their arms, products and numbers, pools, facts, pending trials.

Every number carries a grade of ``provenance.GRADES`` and the place it was read in. A figure of grade
``recalled`` or ``article`` is kept, so that it can be shown and checked, and is never used for a result:
``usable`` says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Grade = Literal["seen", "seen_secondary", "derived", "article", "recalled"]
USABLE = ("seen", "seen_secondary", "derived")
"""Grades that may enter a pooled result or a verdict; ``derived`` only with a ``basis`` that may."""

Kind = Literal["randomised", "controlled", "cohort", "single_arm", "natural_history"]
ProductClass = Literal["msc", "liver_progenitor", "haematopoietic", "mixed", "g_csf", "device", "none"]
Scope = Literal["dish", "animal", "human"]
Direction = Literal["up", "down", "none"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

UNITS = (
    "years", "patients", "points", "percent", "ratio", "1", "umol/L", "mmol/L", "mg/dL", "g/L", "g/dL",
    "U/L", "IU/L", "1e9/L", "1e3/uL", "per uL", "s", "%", "kPa", "score", "log10 IU/mL", "as printed",
)  # fmt: skip
"""Units a laboratory or baseline row may be in. ``as printed``: the source's unit is in doubt."""


class Record(BaseModel):
    """Frozen, and strict about what it is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Figure(Record):
    """What every number carries."""

    grade: Grade
    source: Text
    """Key of the trial's ``sources``, or the place itself."""
    basis: Grade | None = None
    """Of a ``derived`` figure: the grade of what it was derived from."""
    note: str = ""

    @property
    def usable(self) -> bool:
        """Whether it may enter a pooled result or a verdict."""
        return self.grade in USABLE and (self.grade != "derived" or self.basis in USABLE)


class Product(Record):
    """What was infused, as printed."""

    kind: ProductClass
    cells: Text
    origin: Literal["autologous", "allogeneic", "unknown", "none"] = "unknown"
    dose: str = ""
    """In the source's words."""
    dose_low: float | None = Field(default=None, gt=0)
    dose_high: float | None = Field(default=None, gt=0)
    dose_unit: Literal["cells/kg", "cells", ""] = ""
    infusions: int | None = Field(default=None, ge=1)
    interval: str = ""
    route: str = ""
    grade: Grade
    source: Text


class Arm(Record):
    """A group of patients."""

    name: Text
    role: Literal["treated", "control", "other"]
    n: int | None = Field(default=None, ge=1)
    n_unknown: str = ""
    """Why ``n`` is not given, when it is not."""
    grade: Grade
    source: Text
    product: Product | None = None
    co_treatment: str = ""


class SurvivalRow(Figure):
    """Survivors of an arm at a week."""

    arm: Text
    week: float | None = Field(default=None, ge=0)
    """None when the source does not say."""
    n: int | None = Field(default=None, ge=1)
    survivors: int | None = Field(default=None, ge=0)
    percent: float = Field(ge=0, le=100)
    ci_low: float | None = None
    ci_high: float | None = None
    endpoint: Literal["overall", "transplant_free"] = "overall"
    analysis_set: str = "as randomised"

    @property
    def deaths(self) -> int | None:
        """Patients with the event, when whole patients are known."""
        return None if self.n is None or self.survivors is None else self.n - self.survivors


class DifferenceRow(Figure):
    """Treated less control survival, percentage points."""

    treated: Text
    control: Text
    week: float = Field(ge=0)
    points: float = Field(ge=-100, le=100)


class EventRow(Figure):
    """Patients with an event, or the source's words where no number is given."""

    arm: Text
    event: Id
    label: Text
    n: int | None = Field(default=None, ge=1)
    count: int | None = Field(default=None, ge=0)
    words: str = ""
    percent: float | None = Field(default=None, ge=0, le=100)
    window: str = ""
    unit: Literal["patients", "episodes"] = "patients"
    analysis_set: str = "as randomised"


class LabRow(Figure):
    """A laboratory value of an arm at a week."""

    arm: Text
    week: float = Field(ge=0)
    variable: Text
    unit: Text
    statistic: Literal["mean", "median", "change_mean", "change_median"]
    value: float
    sd: float | None = Field(default=None, gt=0)
    q1: float | None = None
    q3: float | None = None


class BaselineRow(Figure):
    """One statistic of an arm before treatment; ``value`` is a number or a range as printed."""

    arm: Text
    variable: Text
    unit: Text
    statistic: Literal["mean", "sd", "median", "iqr", "range", "n", "percent"]
    value: float | str


class EffectRow(Figure):
    """A between-group result in words or numbers, of a trial, a cohort or a pool."""

    outcome: Id
    week: float | None = None
    time: str = ""
    measure: str = ""
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p: float | None = Field(default=None, ge=0, le=1)
    direction: Direction
    """Of the outcome with treatment; ``none``: no difference was found."""
    population: str = ""


class TestRow(Figure):
    """A p-value printed for two arms, to be held against their numbers in the other rows."""

    arms: tuple[Text, Text]
    variable: Text
    """Of the laboratory rows."""
    week: float = Field(ge=0)
    p: Annotated[str, StringConstraints(pattern=r"^[<>]?\s*\d*\.?\d+$")]
    """As printed."""
    stated: Literal["SD", "SE", ""] = ""
    """What the source calls the number after its mean."""


class Note(Record):
    """Something a reader must know: ``about`` says of what."""

    about: Literal["bias", "registration", "finding", "data", "dose", "overlap", "funding"]
    text: Text
    grade: Grade


class Registration(Record):
    """A registry record and what became of its plan."""

    id: Text
    grade: Grade
    planned: str = ""
    published: str = ""


class Judgement(Record):
    """One domain's risk of bias."""

    judgement: Literal["low", "some concerns", "high", "moderate", "serious", "critical", "no information"]
    reason: Text


class Risk(Record):
    """Risk of bias of a trial's result: RoB 2 for randomised trials, ROBINS-I for the rest."""

    tool: Literal["rob2", "robins_i"]
    outcome: Text = "death"
    domains: dict[str, Judgement]


class Trial(Record):
    """One trial or cohort."""

    id: Id
    name: Text
    citation: Text
    doi: str = ""
    pmid: str = ""
    pmcid: str = ""
    kind: Kind
    allocation: str = ""
    blinding: str = ""
    centre: str = ""
    country: str = ""
    period: str = ""
    disease: Text
    population: Literal["aclf", "decompensated", "compensated", "liver_failure", "cirrhosis"]
    eligibility: str = ""
    followup_weeks: float | None = Field(default=None, gt=0)
    read: Text
    """What of it was read."""
    published: bool = True
    sources: dict[str, str] = {}
    arms: tuple[Arm, ...] = Field(min_length=1)
    registrations: tuple[Registration, ...] = ()
    survival: tuple[SurvivalRow, ...] = ()
    differences: tuple[DifferenceRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    laboratory: tuple[LabRow, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()
    effects: tuple[EffectRow, ...] = ()
    tests: tuple[TestRow, ...] = ()
    notes: tuple[Note, ...] = ()
    risk: Risk | None = None

    def arm(self, name: str) -> Arm | None:
        """The arm of this name."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def arms_of(self, role: str) -> tuple[Arm, ...]:
        """The arms of a role."""
        return tuple(arm for arm in self.arms if arm.role == role)

    @property
    def product_kinds(self) -> tuple[str, ...]:
        """Classes of the products of the treated arms, each once."""
        kinds = (arm.product.kind for arm in self.arms if arm.product and arm.role == "treated")
        return tuple(dict.fromkeys(kinds))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every number, whatever its kind."""
        kinds = (
            self.survival, self.differences, self.events, self.laboratory, self.baseline, self.effects,
            self.tests,
        )  # fmt: skip
        return tuple(figure for rows in kinds for figure in rows)

    def place(self, figure: Figure) -> str:
        """Where a figure was read."""
        return self.sources.get(figure.source, figure.source)


class Pool(Record):
    """A published meta-analysis; nothing of it was re-pooled here."""

    id: Id
    citation: Text
    doi: str = ""
    read: Text
    scope: Text
    population: str
    """"aclf", "cirrhosis", "liver_failure" or "all diseases"."""
    product: ProductClass
    studies: int | None = None
    patients: int | None = None
    randomised_only: bool = False
    results: tuple[EffectRow, ...] = ()
    notes: tuple[str, ...] = ()


class Fact(Record):
    """What was found about a topic in a dish, an animal or people, and whether it says yes or no."""

    id: Id
    topic: Id
    scope: Scope
    finding: Literal["yes", "no"]
    about: str = ""
    """Species and setting."""
    text: Text
    text_zh: Text
    grade: Grade
    source: Text

    @property
    def usable(self) -> bool:
        """Whether it may enter a verdict."""
        return self.grade in USABLE


class Pending(Record):
    """A trial whose result is not public."""

    id: Id
    registration: Text
    name: Text
    product: Text
    design: Text
    patients: int | None = None
    status: Text
    status_zh: Text
    grade: Grade
    source: Text


class BiasFeature(Record):
    """What meta-epidemiology says of a design feature: ratio of odds ratios, below 1 exaggerates benefit."""

    feature: Text
    ratio: float
    ci_low: float
    ci_high: float
    note: str = ""
    source: Text
    grade: Grade


class Approval(Record):
    """What a regulator has approved, with the date of the decision."""

    id: Id
    jurisdiction: Text
    jurisdiction_zh: Text
    regulator: Text
    date: Text
    product: Text
    indication: Text
    indication_zh: Text
    for_liver_failure: bool
    source: Text
    grade: Grade
