"""A claim and what it asserts, as typed data; a verdict and its reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from hepatrial.claims.chinese import translated

Scope = Literal["dish", "animal", "human"]
SCOPES: tuple[Scope, ...] = ("dish", "animal", "human")
"""From furthest to nearest to a patient."""

Kind = Literal["definition", "notice", "care", "mechanism", "numbers", "benefit", "safety", "question"]
Verdict = Literal[
    "supported", "partly supported", "overstated", "unsupported", "contradicted", "not checkable"
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def as_printed(given: Any) -> Any:
    """A number as text: its digits say how it was rounded. Percent signs and typographic minus go."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return given
    return str(given).strip().removesuffix("%").strip().replace("\u2212", "-")


Printed = Annotated[str, BeforeValidator(as_printed), StringConstraints(pattern=r"^-?\d+(\.\d+)?$")]
"""A number as printed, with or without quotes."""
PrintedP = Annotated[
    str,
    BeforeValidator(as_printed),
    StringConstraints(pattern=r"^(?:[pP]\s*)?[<>=≤≥]?\s*\d*\.?\d+(?:[eE]-?\d+)?$"),
]
"""A p-value as printed: "0.03", "<0.001"."""
LARGEST = 100_000
"""Patients of an arm beyond which no figure is checked as whole patients."""
Measure = Literal["RR", "OR", "HR", "RD", "MD", "SMD", "percent"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FactAssertion(_Record):
    """That something happens: ``topic`` is one of the base's."""

    kind: Literal["fact"]
    topic: Text
    denied: bool = False
    """That it does not happen."""


class EffectAssertion(_Record):
    """That an outcome moves with treatment, or does not."""

    kind: Literal["effect"]
    outcome: Text
    direction: Literal["up", "down", "none"]
    all_diseases: bool = False
    trial: str = ""
    """Of this trial or pool alone."""
    strength: Literal["", "unanimous", "proven"] = ""
    """That all studies agree (one that differs is enough against it), or that it is proven (which little
    certainty is enough against)."""


class AbsenceAssertion(_Record):
    """That an event was not reported with cells."""

    kind: Literal["absence"]
    event: Text


class FigureAssertion(_Record):
    """A number of a trial or pool: survival percentage, patients, patients with an event, dose, effect.

    ``trial``: id, name or citation ("lin2017", "Lin 2017", "NCT..."). One that was never read is no error of
    the file: it is said in the verdict.
    """

    kind: Literal["figure"]
    trial: Text
    quantity: Literal["survival", "n", "event", "dose", "effect"]
    value: Printed
    arm: str = ""
    """Arm of the trial, or "treated" or "control"; empty for the patients of all arms."""
    week: float | None = None
    event: str = ""
    """Event or outcome of ``event`` and ``effect``."""


class CitedAssertion(_Record):
    """That a trial exists and is what is said of it; what is left out is not compared."""

    kind: Literal["cited"]
    trial: Text
    product: str = ""
    """Class of its cells: msc, liver_progenitor, haematopoietic, mixed, g_csf, device."""
    cells: str = ""
    """Words for the cells ("umbilical", "bone marrow")."""
    origin: Literal["autologous", "allogeneic", ""] = ""
    randomised: bool | None = None
    blinded: bool | None = None
    disease: str = ""


class SameProductAssertion(_Record):
    """That results of several trials speak for one product (or may be pooled)."""

    kind: Literal["same_product"]
    trials: tuple[Text, ...] = Field(min_length=2)
    product: str = ""
    """The class for which they are made to speak; default that of the first."""


class SeparateAssertion(_Record):
    """That trials have patients of their own (no shared control group)."""

    kind: Literal["separate"]
    trials: tuple[Text, ...] = Field(min_length=2)


class PercentAssertion(_Record):
    """A percentage, of ``n`` whole patients where n is known, with the count printed beside it if any."""

    kind: Literal["percent"]
    value: Printed
    n: int | None = Field(default=None, ge=1, le=LARGEST)
    count: int | None = Field(default=None, ge=0, le=LARGEST)
    censored: bool = False
    """It is a Kaplan-Meier percentage of a curve with censoring."""


class CountAssertion(_Record):
    """A number of patients out of a number of patients."""

    kind: Literal["count"]
    count: int = Field(ge=0, le=LARGEST)
    n: int = Field(ge=1, le=LARGEST)


class DifferenceAssertion(_Record):
    """Differences of two arms' percentages at weeks, percentage points."""

    kind: Literal["differences"]
    points: dict[str, Printed]
    """Week -> first arm less second."""
    n1: int | None = Field(default=None, ge=1, le=LARGEST)
    n2: int | None = Field(default=None, ge=1, le=LARGEST)
    first: dict[str, Printed] = {}
    """Week -> percentage of the first arm, where printed too."""
    second: dict[str, Printed] = {}
    """Week -> percentage of the second arm, where printed too."""
    censored: bool = False


class CourseAssertion(_Record):
    """Survival percentages of an arm by week."""

    kind: Literal["course"]
    points: dict[str, Printed]


class IntervalAssertion(_Record):
    """An estimate with its limits; with ``p`` the two are held together, with counts the method is sought."""

    kind: Literal["interval"]
    estimate: Printed
    low: Printed
    high: Printed
    measure: Measure | Literal[""] = ""
    p: PrintedP | None = None
    x1: int | None = Field(default=None, ge=0, le=LARGEST)
    n1: int | None = Field(default=None, ge=1, le=LARGEST)
    x2: int | None = Field(default=None, ge=0, le=LARGEST)
    n2: int | None = Field(default=None, ge=1, le=LARGEST)


class PValueAssertion(_Record):
    """A p-value of two proportions (x1, n1, x2, n2) or of two means (mean, spread and n of each)."""

    kind: Literal["p_value"]
    value: PrintedP
    x1: int | None = Field(default=None, ge=0, le=LARGEST)
    n1: int = Field(ge=1, le=LARGEST)
    x2: int | None = Field(default=None, ge=0, le=LARGEST)
    n2: int = Field(ge=1, le=LARGEST)
    mean1: Printed | None = None
    spread1: Printed | None = None
    mean2: Printed | None = None
    spread2: Printed | None = None
    test: str = ""
    survival: bool = False
    """The outcome is death over time, so a log-rank test may be meant."""
    stated: Literal["SD", "SE", ""] = ""
    """What the text calls the number after ±."""


class MeanAssertion(_Record):
    """A mean of ``n`` whole-number scores, with its SD if printed (GRIM, GRIMMER)."""

    kind: Literal["mean"]
    mean: Printed
    n: int = Field(ge=1, le=LARGEST)
    sd: Printed | None = None
    items: int = Field(default=1, ge=1, le=1_000)
    integers: bool = True
    """Whether the items are whole numbers (grades, points); laboratory values and ages are not."""


class _Line(_Record):
    label: Text
    count: int = Field(ge=0, le=LARGEST)
    percent: Printed | None = None


class TableAssertion(_Record):
    """Counts and percentages of one arm said to be out of the same n."""

    kind: Literal["table"]
    n: int = Field(ge=1, le=LARGEST)
    lines: tuple[_Line, ...] = Field(min_length=1)


class RowsAssertion(_Record):
    """Rows of patients or studies that should differ from one another."""

    kind: Literal["rows"]
    rows: tuple[dict[str, str | int | float], ...] = Field(min_length=2)
    ignore: tuple[str, ...] = ()


class NoEventAssertion(_Record):
    """Nobody of ``n`` had an event of which another arm had ``x_other`` of ``n_other``."""

    kind: Literal["no_event"]
    n: int = Field(ge=1, le=LARGEST)
    x_other: int = Field(ge=0, le=LARGEST)
    n_other: int = Field(ge=1, le=LARGEST)


class SetsAssertion(_Record):
    """Events and patients of arms as randomised and as treated: {arm = [events, patients]}."""

    kind: Literal["analysis_sets"]
    randomised: dict[str, tuple[int, int]]
    treated: dict[str, tuple[int, int]]


class DeathsOf(_Record):
    """Mortality of an arm by a week, percent, as the base has it."""

    trial: Text
    arm: Text
    week: float


class LimitAssertion(_Record):
    """That figures keep to a limit: printed ``values`` by name, and the mortality of published arms."""

    kind: Literal["limit"]
    sign: Literal["<", "<=", ">", ">="]
    limit: Printed
    values: dict[str, Printed] = {}
    deaths_of: tuple[DeathsOf, ...] = ()


class SafeAssertion(_Record):
    """That the treatment is safe; ``denied``: that it is not free of harm."""

    kind: Literal["safe"]
    denied: bool = False


class CureAssertion(_Record):
    """That the treatment cures; ``denied``: that it does not."""

    kind: Literal["cure"]
    denied: bool = False


class AlwaysAssertion(_Record):
    """That every treated patient lives, improves or responds."""

    kind: Literal["always"]


class ApprovedAssertion(_Record):
    """That the treatment is approved for liver failure; ``denied``: that it is not."""

    kind: Literal["approved"]
    denied: bool = False


class UncheckableAssertion(_Record):
    """Something no source of the base speaks of, with the reason."""

    kind: Literal["uncheckable"]
    reason: Text
    reason_zh: str = ""


Assertion = Annotated[
    FactAssertion | EffectAssertion | AbsenceAssertion | FigureAssertion | CitedAssertion
    | SameProductAssertion | SeparateAssertion | PercentAssertion | CountAssertion | DifferenceAssertion
    | CourseAssertion | IntervalAssertion | PValueAssertion | MeanAssertion | TableAssertion | RowsAssertion
    | NoEventAssertion | SetsAssertion | LimitAssertion | SafeAssertion | CureAssertion | AlwaysAssertion
    | ApprovedAssertion | UncheckableAssertion,
    Field(discriminator="kind"),
]  # fmt: skip

ARITHMETIC = (
    "percent", "count", "differences", "course", "interval", "p_value", "mean", "table", "rows", "no_event",
    "analysis_sets", "limit",
)  # fmt: skip
"""Kinds that are checked by arithmetic alone."""


class Claim(_Record):
    """One claim in our words."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    section: str = ""
    kind: Kind
    text: Text
    text_zh: str = ""
    printed: str = ""
    """The figures it prints."""
    scope: Scope
    """About what it speaks."""
    hedged: bool = False
    """Whether it says "may"."""
    omits: str = ""
    """What the article leaves out."""
    omits_zh: str = ""
    protocol: str = ""
    """Protocol whose simulated figures can be laid beside it."""
    engraftment: bool = False
    """Whether a run's bound on engrafted cells can be laid beside it."""
    asserts: tuple[Assertion, ...] = Field(min_length=1)
    read: bool = False
    """Whether the assertions were read from its text by pattern, not given."""

    def words(self, name: str, lang: str) -> str:
        """``text`` or ``omits`` in a language; English when there is no translation."""
        translated = getattr(self, f"{name}_zh") if lang == "zh" else ""
        return str(translated or getattr(self, name))


class Article(_Record):
    """A text whose claims are audited."""

    title: Text
    title_zh: str = ""
    source: Text
    date: str = ""
    claims: tuple[Claim, ...] = Field(min_length=1)


Status = Literal["confirmed", "weak", "consistent", "silent", "broken", "overreach", "refuted", "uncheckable"]
"""What one assertion met.

``confirmed``: evidence of a usable grade agrees. ``weak``: it agrees with low certainty, or not all of it.
``consistent``: the arithmetic holds, which confirms nothing. ``silent``: no usable evidence. ``broken``: the
printed arithmetic is not reproducible. ``overreach``: the evidence is less than what is said. ``refuted``:
evidence, or the article's own figures, against it. ``uncheckable``: nothing to hold it against.
"""


@dataclass(frozen=True)
class Evidence:
    """One thing a verdict rests on."""

    id: str
    what: str
    grade: str
    source: str
    scope: str


@dataclass(frozen=True)
class Reason:
    """What one assertion met, in words."""

    assertion: str
    status: Status
    text: str
    text_zh: str
    scope: Scope | None = None
    certainty: str = ""
    evidence: tuple[Evidence, ...] = ()
    check: dict[str, Any] | None = None


@dataclass(frozen=True)
class Audited:
    """A claim with its verdict.

    Attributes:
        rule: name of the rule of ``rules.RULES`` that gave the verdict.
        scope: nearest to a patient in which anything was seen, or "none".
        simulation: what a run says, or None.
    """

    claim: Claim
    verdict: Verdict
    rule: str
    scope: str
    scope_sentence: str
    scope_sentence_zh: str
    reasons: tuple[Reason, ...]
    simulation: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """Of the claim."""
        return self.claim.id

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """The object of the JSON list."""
        zh = lang == "zh"
        return {
            "id": self.id,
            "claim": self.claim.words("text", lang),
            "printed": translated(self.claim.printed) if zh else self.claim.printed,
            "read_from_text": self.claim.read,
            "verdict": self.verdict,
            "rule": self.rule,
            "scope": self.scope,
            "scope_sentence": self.scope_sentence_zh if zh else self.scope_sentence,
            "reasons": [
                {
                    "assertion": r.assertion, "status": r.status, "text": r.text_zh if zh else r.text,
                    "certainty": r.certainty,
                }
                for r in self.reasons
            ],
            "omits": self.claim.words("omits", lang),
            "evidence": [asdict(e) for e in dict.fromkeys(e for r in self.reasons for e in r.evidence)],
            "checks": [r.check for r in self.reasons if r.check],
            "simulation": self.simulation,
        }  # fmt: skip
