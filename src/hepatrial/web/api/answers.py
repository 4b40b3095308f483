"""The two questions of the start page, answered from real trials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hepatrial.claims.answers import Pair, context
from hepatrial.evidence.base import Base
from hepatrial.web.api.evidence import BaseOut, base_now
from hepatrial.web.problems import RESPONSES
from hepatrial.web.state import Lang

router = APIRouter(prefix="/api/answers", tags=["answers"], responses=RESPONSES)

SURE = ("death", "severe_infection", "fever", "liver_cancer", "cure")
"""Outcomes whose certainty the page says."""


class Group(BaseModel):
    """One side of a comparison."""

    of_100: int = Field(description="People of 100, rounded.")
    counted: str = Field(description='As printed, as "15 / 56".')


class Comparison(BaseModel):
    """People with cells and without, in one real trial or cohort."""

    about: str
    treated: Group
    control: Group
    study: str
    source: str
    fisher_p: float | None = Field(description="Fisher's exact test on the counts, where the page gives it.")


class PooledHarm(BaseModel):
    """A harm that a pool of randomised trials found raised."""

    outcome: str
    name: str
    measure: str
    value: float
    low: float | None
    high: float | None
    citation: str


class SingleHarm(BaseModel):
    """A harm that one trial or cohort found raised."""

    outcome: str
    name: str
    study: str
    number: str
    about: str = Field(description="Product and patients.")


class First(BaseModel):
    """What a reader should know before the answers."""

    not_approved: str
    checked: str
    approvals: list[str]
    not_pay: str
    urgent: str
    registration: str


class SafeOut(BaseModel):
    """Is it safe?"""

    question: str
    answer: str
    findings: list[str]
    raised: list[PooledHarm]
    raised_once: list[SingleHarm]
    cancer: str
    cancer_cohorts: list[Comparison]


class CureOut(BaseModel):
    """Does it cure?"""

    question: str
    answer: str
    deaths: list[Comparison]
    note: str
    infection: list[Comparison]


class Sure(BaseModel):
    """How sure the evidence is of one outcome (GRADE)."""

    outcome: str
    level: str


class Awaited(BaseModel):
    """A trial whose result is not public."""

    name: str
    registration: str
    patients: int | None
    status: str


class AnswersOut(BaseModel):
    """Both answers with their numbers, from people in real trials and cohorts; none is simulated."""

    title: str
    for_whom: str
    first: First
    safe: SafeOut
    cure: CureOut
    certainty: list[Sure]
    why: str
    awaited: list[Awaited]
    helps: list[str] = Field(description="What is already known to help.")
    foot: str
    base: BaseOut
    research: str


@router.get("")
def both(lang: Lang) -> AnswersOut:
    """Is it safe, does it cure: what the page at /answers says, for patients and their families."""
    return answered(lang)


@cache
def answered(lang: str) -> AnswersOut:
    """Both answers, put together once in each language."""
    base = base_now()
    told = context(base, lang)
    text: Mapping[str, str] = told["t"]
    return AnswersOut(
        title=text["title"],
        for_whom=text["for_whom"],
        first=_first(base, text, lang),
        safe=_safe(told, text),
        cure=_cure(told, text),
        certainty=[Sure(outcome=key, level=told["level"](key)) for key in SURE],
        why=text["why"],
        awaited=[
            Awaited(
                name=one.name,
                registration=one.registration,
                patients=one.patients,
                status=one.status_zh if lang == "zh" else one.status,
            )
            for one in base.pending.values()
        ],
        helps=[text[key] for key in ("antivirals", "plasma", "transplant", "treat")],
        foot=text["foot"],
        base=BaseOut.of(base),
        research=told["research"],
    )


def _first(base: Base, text: Mapping[str, str], lang: str) -> First:
    zh = lang == "zh"
    approvals = [
        f"{a.jurisdiction_zh if zh else a.jurisdiction} ({a.regulator}, {a.date}): {a.product}; "
        f"{a.indication_zh if zh else a.indication}"
        for a in base.approvals
    ]
    said = {key: text[key] for key in ("not_approved", "not_pay", "urgent", "registration")}
    return First(checked=text["checked"].format(date=base.assembled), approvals=approvals, **said)


def _safe(told: dict[str, Any], text: Mapping[str, str]) -> SafeOut:
    fever, pairs, harm = told["fever"], told["pairs"], told["harm"]
    findings = []
    if fever is not None:
        findings.append(text["fever_rr"].format(rr=fever.value, low=fever.ci_low, high=fever.ci_high))
    findings += [text["clotting"], text["not_raised"].format(**told["not_raised"])]
    cohorts = (("cancer_wang", "cohort1"), ("cancer_guo", "cohort2"))
    return SafeOut(
        question=text["q1"],
        answer=text["a1"],
        findings=findings,
        raised=[PooledHarm(name=harm(row["outcome"]), **row) for row in told["raised"]],
        raised_once=[
            SingleHarm(
                outcome=row["outcome"],
                name=harm(row["outcome"]),
                study=row["name"],
                number=row["number"],
                about=row["about"],
            )
            for row in told["counted"]
        ],
        cancer=text["cancer_text"],
        cancer_cohorts=[_compared(pairs[key], text[head]) for key, head in cohorts if key in pairs],
    )


def _cure(told: dict[str, Any], text: Mapping[str, str]) -> CureOut:
    infection = told["pairs"].get("infection")
    return CureOut(
        question=text["q2"],
        answer=text["a2"],
        deaths=[_compared(pair, text["death_head"]) for pair in told["deaths"]],
        note=text["death_note"],
        infection=[] if infection is None else [_compared(infection, text["infection_head"])],
    )


def _compared(pair: Pair, about: str) -> Comparison:
    return Comparison(
        about=about,
        treated=Group(of_100=pair.treated, counted=pair.counts[0]),
        control=Group(of_100=pair.control, counted=pair.counts[1]),
        study=pair.name,
        source=pair.source,
        fisher_p=pair.p,
    )
