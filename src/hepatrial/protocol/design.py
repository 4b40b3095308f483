"""The ``[design]`` section: what is asked, when the trial looks, where it stops, how patients come in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hepatrial.errors import nearest_name
from hepatrial.protocol.fields import (
    SOME,
    Days,
    Grade,
    Name,
    PositiveDays,
    Rate,
    Refusal,
    Share,
    Text,
    refuse,
)
from hepatrial.protocol.sections import Endpoint, Section

QUESTIONS = {
    "superiority": "does the treated arm do better than the control?",
    "dose_selection": "which dose goes on, and does it do better than the control?",
    "second_course": "does a second course add anything for those still followed?",
    "borrowing": "does the treated arm do better, with controls of earlier trials counted in part?",
}
"""What a design here can answer."""
UNANSWERED = {
    "non_inferiority": "needs a margin justified by an effect of the control that trials have shown; usual"
    " care in liver failure has none, so a margin would be invented",
    "equivalence": "needs a margin on both sides, which no evidence here justifies",
    "enrichment": "needs a design that narrows the population at a look and controls the error over"
    " subgroups; no design here does, and a standard group-sequential table would answer another question",
    "subgroup": "needs power for an interaction and a subgroup named before; the designs here compare whole"
    " arms",
    "individual_benefit": "cannot be answered by any parallel-group trial: nobody is seen in both arms",
    "mechanism": "is about why, not whether; a survival trial without a measured mediator cannot tell",
    "cure": "has no endpoint here: nothing is followed long enough to call anybody cured",
    "safety_rare": "needs thousands of patients: with 200 treated an event of 1 in 1,000 is missed in 82 % of"
    " trials",
}
"""What is asked for often and refused, with the reason."""


def _answerable(question: str) -> str:
    if question in UNANSWERED:
        allowed = f"one that a design here can answer ({', '.join(QUESTIONS)}); this {UNANSWERED[question]}"
        raise refuse(Refusal("", question, allowed))
    if question not in QUESTIONS:
        nearest = nearest_name(question, (*QUESTIONS, *UNANSWERED))
        raise refuse(Refusal("", question, f"one of {', '.join(QUESTIONS)}", nearest))
    return question


Method = Literal["logrank", "maxcombo", "milestone", "rmst"]
SPENDING_KINDS = ("spending_obrien_fleming", "spending_pocock", "hwang_shih_decani", "kim_demets", "custom")
FAMILY_KINDS = ("obrien_fleming", "pocock", "wang_tsiatis")
WITH_PARAMETER = ("hwang_shih_decani", "kim_demets", "wang_tsiatis")


class Stop(Section):
    """A stopping boundary by its kind."""

    kind: Literal[
        "obrien_fleming",
        "pocock",
        "wang_tsiatis",
        "spending_obrien_fleming",
        "spending_pocock",
        "hwang_shih_decani",
        "kim_demets",
        "custom",
    ]
    parameter: float | None = None
    """Shape of wang_tsiatis, gamma of hwang_shih_decani, rho of kim_demets."""
    cumulative: tuple[float, ...] = ()
    """Error spent by each look, for kind custom."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found = []
        if (self.kind in WITH_PARAMETER) != (self.parameter is not None):
            allowed = "a number" if self.kind in WITH_PARAMETER else "nothing"
            found.append(Refusal("parameter", self.parameter, f"{allowed} for kind {self.kind}"))
        if (self.kind == "custom") != bool(self.cumulative):
            allowed = "the error spent by each look" if self.kind == "custom" else "nothing"
            found.append(Refusal("cumulative", list(self.cumulative), f"{allowed} for kind {self.kind}"))
        if any(later < earlier for earlier, later in pairwise(self.cumulative)):
            found.append(
                Refusal(
                    "cumulative", list(self.cumulative), "spending that does not decrease from look to look"
                )
            )
        if any(not 0 <= value <= 1 for value in self.cumulative):
            found.append(Refusal("cumulative", list(self.cumulative), "shares of error from 0 to 1"))
        if found:
            raise refuse(*found)
        return self


class Futility(Stop):
    """A boundary below which the trial stops for futility."""

    binding: bool = False
    """Whether it must be obeyed; only then may the efficacy boundary count on it."""

    @model_validator(mode="after")
    def _spends(self) -> Self:
        if self.kind in FAMILY_KINDS:
            allowed = f"a spending function: {', '.join(SPENDING_KINDS)}"
            raise refuse(Refusal("kind", self.kind, allowed))
        return self


class Looks(Section):
    """When the data are analysed; exactly one of ``information``, ``events`` and ``calendar``."""

    information: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Shares of the planned information (events, or patients with a known outcome); the last is 1."""
    events: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Numbers of events; the trial also ends when everybody has been followed to the end."""
    calendar: tuple[PositiveDays, ...] = ()
    """Times since the first patient was randomised."""
    overrun: Days = 0.0
    """From the cut-off of a look to its decision; patients and events go on coming in meanwhile."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        given = {
            name: getattr(self, name) for name in ("information", "events", "calendar") if getattr(self, name)
        }
        if len(given) != 1:
            told = ", ".join(given) or "nothing"
            raise refuse(Refusal("", told, "exactly one of information, events and calendar"))
        ((name, times),) = given.items()
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise refuse(Refusal(name, list(times), "looks in order, each later than the one before"))
        if len(times) > 20:
            raise refuse(Refusal(name, f"{len(times)} looks", "at most 20 looks"))
        if name == "information" and abs(times[-1] - 1) > 1e-9:
            raise refuse(Refusal(f"information[{len(times) - 1}]", times[-1], "1, the final look"))
        return self

    @property
    def count(self) -> int:
        """Number of looks."""
        return len(self.information or self.events or self.calendar)


class Recruitment(Section):
    """How patients come in: one by one at random times."""

    rate: Rate
    """Patients randomised, "2 per week"."""
    ramp: Days = 0.0
    """Time over which the rate grows from nothing to its full value."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.rate <= 0:
            raise refuse(Refusal("rate", self.rate, "a rate above 0"))
        return self


class Operations(Section):
    """What goes wrong in a trial; absent: nothing beyond what the protocol says."""

    crossover: Share = 0.0
    """Share of control patients who get the treatment elsewhere."""
    crossover_day: Days = 7.0
    undelivered: Share = 0.0
    """Share of the treated arm that never gets the product."""
    dropout: Rate | None = None
    """Leaving the trial alive, vital status unknown; absent: the protocol's."""


class Cohort(Section):
    """Controls of an earlier trial or cohort."""

    name: Text
    n: Annotated[int, Field(ge=1)]
    survivors: Annotated[int, Field(ge=0)]
    grade: Grade
    source: Text

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.survivors > self.n:
            raise refuse(Refusal("survivors", self.survivors, f"at most n, {self.n}"))
        return self


class Borrowing(Section):
    """A robust meta-analytic-predictive prior for the control arm."""

    cohorts: Annotated[tuple[Cohort, ...], SOME]
    robust: Share = 0.2
    """Weight of the part of the prior that knows nothing."""
    between: Annotated[float, Field(gt=0, le=5)] = 0.5
    """Scale of the half-normal prior of the between-cohort SD (log odds)."""
    threshold: Share = 0.975
    """Posterior probability of a better survival from which the trial is called a success."""
    drift: tuple[float, ...] = (-1.0, -0.5, 0.0, 0.5, 1.0)
    """Log odds by which the trial's controls differ from the cohorts' centre, for the characteristics."""


class Design(Section):
    """A comparison of one treated arm with the control, its looks and boundaries."""

    question: Annotated[str, AfterValidator(_answerable)] = "superiority"
    arm: Name | None = None
    """Treated arm; absent: the only one, or every one where a dose is selected."""
    patients: Annotated[int, Field(ge=4, le=100_000)] | None = None
    """Randomised in all; absent: the sum of the arms."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.025
    """One-sided type I error."""
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    hazard_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Hazard ratio of death at which the power is wanted."""
    endpoint: Endpoint | None = None
    """Absent: the protocol's primary endpoint."""
    week: Annotated[float, Field(gt=0)] | None = None
    method: Method = "logrank"
    control_survival: Share | None = None
    """Survival of controls at ``week``, to which both arms' death hazard is scaled; absent: the model's."""
    control_source: str = ""
    looks: Looks = Looks(information=(1.0,))
    efficacy: Stop = Stop(kind="spending_obrien_fleming")
    futility: Futility | None = None
    recruitment: Recruitment = Recruitment.model_validate({"rate": "2 per week"})
    operations: Operations = Operations()
    borrowing: Borrowing | None = None
    grid: Annotated[tuple[Annotated[float, Field(gt=0.05, le=3)], ...], SOME] = (
        1.2,
        1.0,
        0.9,
        0.8,
        0.7,
        0.6,
        0.5,
        0.4,
        0.3,
    )
    """Hazard ratios of death over which the power is shown."""
    delay: Days = 0.0
    """From randomisation until the effect begins."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        found = list(self._refusals())
        if found:
            raise refuse(*found)
        return self

    def _refusals(self) -> Iterator[Refusal]:
        if self.power <= self.alpha:
            yield Refusal("power", self.power, f"above alpha, {self.alpha:g}")
        if (self.question == "borrowing") != (self.borrowing is not None):
            allowed = (
                "cohorts to borrow from" if self.borrowing is None else 'question = "borrowing" beside it'
            )
            yield Refusal("borrowing", "nothing" if self.borrowing is None else "cohorts", allowed)
        if self.control_survival in (0.0, 1.0):
            yield Refusal("control_survival", self.control_survival, "above 0 % and below 100 %")
        if self.method == "maxcombo" and self.looks.count > 1:
            yield Refusal(
                "method",
                "maxcombo",
                "logrank, milestone or rmst with more than one look: the joint law"
                " of MaxCombo over looks is not offered",
            )
        for name, stop in (("efficacy", self.efficacy), ("futility", self.futility)):
            if stop is None or not stop.cumulative:
                continue
            whole = self.alpha if name == "efficacy" else 1 - self.power
            if len(stop.cumulative) != self.looks.count:
                yield Refusal(
                    f"{name}.cumulative", f"{len(stop.cumulative)} values", f"{self.looks.count}, one a look"
                )
            elif abs(stop.cumulative[-1] - whole) > 1e-9:
                yield Refusal(
                    f"{name}.cumulative", stop.cumulative[-1], f"the whole error {whole:g} at the last look"
                )
