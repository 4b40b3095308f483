"""A claim and what it asserts, as typed data; a verdict and its reasons."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Scope = Literal["dish", "animal", "human"]
SCOPES: tuple[Scope, ...] = ("dish", "animal", "human")
"""From furthest to nearest to a patient."""

Kind = Literal["definition", "notice", "care", "mechanism", "numbers", "benefit", "safety", "question"]
Verdict = Literal[
    "supported", "partly supported", "overstated", "unsupported", "contradicted", "not checkable"
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Printed = Annotated[str, StringConstraints(pattern=r"^-?\d+(\.\d+)?$")]
"""A number as printed, in quotes: its digits say how it was rounded."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FactAssertion(_Record):
    """That something happens: ``topic`` is one of the base's."""

    kind: Literal["fact"]
    topic: Text


class EffectAssertion(_Record):
    """That an outcome moves with treatment, or does not."""

    kind: Literal["effect"]
    outcome: Text
    direction: Literal["up", "down", "none"]
    all_diseases: bool = False


class AbsenceAssertion(_Record):
    """That an event was not reported with cells."""

    kind: Literal["absence"]
    event: Text


class FigureAssertion(_Record):
    """A number of a trial or pool: survival percentage, patients, patients with an event, dose, effect."""

    kind: Literal["figure"]
    trial: Text
    quantity: Literal["survival", "n", "event", "dose", "effect"]
    value: Printed
    arm: str = ""
    week: float | None = None
    event: str = ""
    """Event or outcome of ``event`` and ``effect``."""


class PercentAssertion(_Record):
    """A percentage of ``n`` whole patients."""

    kind: Literal["percent"]
    value: Printed
    n: int = Field(ge=1)


class DifferenceAssertion(_Record):
    """Survival differences of two arms at weeks, percentage points."""

    kind: Literal["differences"]
    points: dict[str, Printed]
    """Week -> first arm less second."""
    n1: int = Field(ge=1)
    n2: int = Field(ge=1)
    first: dict[str, Printed] = {}
    """Week -> percentage of the first arm, where printed too."""


class CourseAssertion(_Record):
    """Survival percentages of an arm by week."""

    kind: Literal["course"]
    points: dict[str, Printed]


class IntervalAssertion(_Record):
    """An estimate with its limits."""

    kind: Literal["interval"]
    estimate: Printed
    low: Printed
    high: Printed


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
    """That the treatment is safe."""

    kind: Literal["safe"]


class CureAssertion(_Record):
    """That the treatment cures."""

    kind: Literal["cure"]


class UncheckableAssertion(_Record):
    """Something no source of the base speaks of, with the reason."""

    kind: Literal["uncheckable"]
    reason: Text
    reason_zh: str = ""


Assertion = Annotated[
    FactAssertion | EffectAssertion | AbsenceAssertion | FigureAssertion | PercentAssertion
    | DifferenceAssertion | CourseAssertion | IntervalAssertion | LimitAssertion | SafeAssertion
    | CureAssertion | UncheckableAssertion,
    Field(discriminator="kind"),
]  # fmt: skip


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
            "printed": self.claim.printed,
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
