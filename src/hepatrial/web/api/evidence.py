"""The evidence base: trials, pools, pending trials, certainty, forests, risk of bias."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hepatrial.claims.chinese import of_source, translated
from hepatrial.claims.drawings import forest_drawing, outcome_name, risk_drawing
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.evidence.base import Base, Pending, Pool, Trial, load_base
from hepatrial.evidence.base.risk import table
from hepatrial.evidence.certainty import Certainty, certainty_table
from hepatrial.evidence.contrasts import outcomes
from hepatrial.web.problems import RESPONSES, Refused
from hepatrial.web.state import Lang

router = APIRouter(prefix="/api/evidence", tags=["evidence"], responses=RESPONSES)

Width = Annotated[int, Query(ge=280, le=1200, description="Of the drawing, in CSS pixels.")]


class Entry(BaseModel):
    """An entry of the base."""

    id: str
    kind: str
    name: str
    about: str
    numbers: int


class BaseOut(BaseModel):
    """Which evidence base this is."""

    version: str
    assembled: str
    hash: str

    @classmethod
    def of(cls, base: Base) -> BaseOut:
        """That of a base."""
        return cls(version=base.version, assembled=base.assembled, hash=base.hash)


class Outcome(BaseModel):
    """An outcome that trials were compared in."""

    outcome: str
    name: str


class StepOut(BaseModel):
    """One step down, or a domain that took none."""

    domain: str
    steps: int
    reason: str = Field(description="In Chinese with its domain before it.")


class CertaintyOut(BaseModel):
    """How sure the evidence is of an outcome (GRADE)."""

    key: str
    outcome: str
    effect: str
    studies: int
    patients: int
    level: str
    steps: list[StepOut]
    sources: list[str] = Field(description="Entries that the rating rests on.")
    refused: list[str] = Field(description="Rows that were kept out, with the reason.")


class DomainOut(BaseModel):
    """A domain of risk of bias."""

    domain: str
    judgement: str
    reason: str


class RiskOut(BaseModel):
    """Risk of bias of a trial's result."""

    trial: str
    name: str
    tool: Literal["rob2", "robins_i"]
    outcome: str
    overall: str
    domains: list[DomainOut]


@lru_cache(maxsize=1)
def base_now() -> Base:
    """The base with the user's trials, read once."""
    return load_base()


@lru_cache(maxsize=1)
def certainty_now() -> tuple[Certainty, ...]:
    """Certainty of each outcome, rated once."""
    return tuple(certainty_table(base_now()))


def in_language(text: str, lang: str) -> str:
    """A sentence of the base in a language; in that of its source where it has no Chinese."""
    return (of_source(text) or text) if lang == "zh" and text else text


@router.get("")
def listing(lang: Lang) -> list[Entry]:
    """Trials, cohorts, meta-analyses and pending trials."""
    base = base_now()
    found = [
        Entry(id=t.id, kind=t.kind, name=t.name, about=t.disease, numbers=len(t.figures))
        for t in base.trials.values()
    ]
    found += [
        Entry(id=p.id, kind="meta_analysis", name=p.citation, about=p.scope, numbers=len(p.results))
        for p in base.pools.values()
    ]
    found += [
        Entry(id=e.id, kind="pending", name=e.name, about=e.product, numbers=0) for e in base.pending.values()
    ]
    return [
        one.model_copy(update={"name": in_language(one.name, lang), "about": in_language(one.about, lang)})
        for one in found
    ]


@router.get("/base")
def which() -> BaseOut:
    """Version, date and hash of the base."""
    return BaseOut.of(base_now())


@router.get("/outcomes")
def known(lang: Lang) -> list[Outcome]:
    """Outcomes that have a forest."""
    return [Outcome(outcome=one, name=outcome_name(one, lang)) for one in outcomes(base_now())]


@router.get("/certainty")
def certainty(lang: Lang) -> list[CertaintyOut]:
    """Certainty (GRADE) of each outcome, with every step down."""
    zh = lang == "zh"
    return [
        CertaintyOut(
            key=row.key,
            outcome=row.outcome_zh if zh else row.outcome,
            effect=translated(row.effect) if zh else row.effect,
            studies=row.studies,
            patients=row.patients,
            level=LEVELS_ZH.get(row.level, row.level) if zh else row.level,
            steps=[
                StepOut(
                    domain=step.domain,
                    steps=step.steps,
                    reason=translated(f"{step.domain}: {step.reason}") if zh else step.reason,
                )
                for step in row.steps
            ],
            sources=list(row.sources),
            refused=list(row.refused),
        )
        for row in certainty_now()
    ]


@router.get("/risk")
def risk(lang: Lang) -> list[RiskOut]:
    """Risk of bias of every trial (RoB 2, ROBINS-I), with the reason of each judgement."""
    found = []
    for row in table(base_now().trials.values()):
        domains: Any = row["domains"]
        told = [
            DomainOut(domain=name, judgement=judgement, reason=in_language(reason, lang))
            for name, (judgement, reason) in domains.items()
        ]
        name = in_language(str(row["name"]), lang)
        found.append(RiskOut.model_validate({**row, "name": name, "domains": told}))
    return found


@router.get("/risk/figure")
def risk_figure(lang: Lang, width: Width = 680) -> dict[str, Any]:
    """Risk of bias of every trial as Vega-Lite (traffic lights)."""
    return _risk_figure(lang, width)


@lru_cache(maxsize=64)
def _risk_figure(lang: str, width: int) -> dict[str, Any]:
    return risk_drawing(base_now(), lang=lang, width=width)


@router.get("/forest/{outcome}")
def forest(outcome: str, lang: Lang, width: Width = 680) -> dict[str, Any]:
    """The forest of an outcome as Vega-Lite; real trials only."""
    known = outcomes(base_now())
    if outcome not in known:
        raise Refused(404, f"There is no outcome {outcome!r}.", f"One of {', '.join(known)}.")
    return _forest(outcome, lang, width)


@lru_cache(maxsize=64)
def _forest(outcome: str, lang: str, width: int) -> dict[str, Any]:
    return forest_drawing(base_now(), outcome, lang=lang, width=width)


@router.get("/{entry}")
def one(entry: str, lang: Lang) -> Trial | Pool | Pending:
    """An entry: design, arms, every number with place and grade, risk of bias."""
    base = base_now()
    for entries in (base.trials, base.pools, base.pending):
        if entry in entries:
            found: Trial | Pool | Pending = entries[entry]
            return found if lang == "en" else _chinese(found)
    raise Refused(404, f"There is no entry {entry!r}.", "GET /api/evidence lists them.")


SAID = (
    "disease", "read", "allocation", "n_unknown", "cells", "dose", "text", "reason", "note", "scope",
    "design", "notes", "time",
)  # fmt: skip
"""Fields of an entry that are sentences of the base; citations, places and names of arms stay as printed."""


def _chinese(entry: Trial | Pool | Pending) -> Trial | Pool | Pending:
    said = _said(entry.model_dump())
    if not isinstance(entry, Pool):
        said["name"] = in_language(entry.name, "zh")
    if isinstance(entry, Pending):
        said["product"] = in_language(entry.product, "zh")
    return type(entry).model_validate(said)


def _said(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _said(inner, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_said(inner, key) for inner in value]
    return in_language(value, "zh") if isinstance(value, str) and key in SAID else value
