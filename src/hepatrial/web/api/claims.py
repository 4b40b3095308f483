"""Claims: the audited article, and claims of one's own by the same rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, get_args

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hepatrial.claims import RULES, Audited, article, audit, check_article
from hepatrial.claims.names import NAMES
from hepatrial.claims.page import rule_text, words
from hepatrial.claims.types import SCOPES, Kind
from hepatrial.ensemble.storage import write_atomic
from hepatrial.web.api.evidence import BaseOut, base_now, in_language
from hepatrial.web.api.protocols import Body, TextIn
from hepatrial.web.plain import check_plain
from hepatrial.web.problems import RESPONSES
from hepatrial.web.state import Lang, Served, Server
from hepatrial.web.untrusted import read_toml_text

router = APIRouter(prefix="/api/claims", tags=["claims"], responses=RESPONSES)


class ArticleIn(Body):
    """An article's claims, as ``claims/data/article.toml`` holds them."""

    title: str = Field(min_length=1, max_length=300)
    source: str = Field(min_length=1, max_length=300)
    date: str = Field(default="", max_length=40)
    claims: list[dict[str, Any]] = Field(max_length=100)


class ArticleOut(BaseModel):
    """Claims of one's own as they were kept; empty where there are none."""

    title: str
    source: str
    date: str
    claims: list[dict[str, Any]]


class ReasonOut(BaseModel):
    """What one assertion met."""

    assertion: str
    status: str
    text: str
    certainty: str | None


class EvidenceOut(BaseModel):
    """One thing that a verdict rests on."""

    id: str
    what: str
    grade: str
    source: str
    scope: str


class AuditedOut(BaseModel):
    """A claim with its verdict."""

    id: str
    claim: str
    printed: str
    read_from_text: bool
    verdict: str = Field(description="supported, overstated, contradicted, ...")
    verdict_text: str = Field(description="The verdict in the language asked for.")
    rule: str
    scope: str
    scope_sentence: str
    reasons: list[ReasonOut]
    omits: str
    evidence: list[EvidenceOut]
    checks: list[dict[str, Any]]
    simulation: dict[str, Any] | None


class AboutOut(BaseModel):
    """The audited article, how it was audited and what came out."""

    title: str
    source: str
    how: str
    fair: str
    counts: dict[str, int] = Field(description="Claims of each verdict.")
    base: BaseOut


class RuleOut(BaseModel):
    """A rule, in the order in which they are tried."""

    name: str
    verdict: str
    says: str


class Word(BaseModel):
    """A word that a claim may use, and how it is shown."""

    value: str
    label: str


class Vocabulary(BaseModel):
    """What a claim of one's own may speak of."""

    kinds: list[str]
    scopes: list[str]
    topics: list[Word]
    outcomes: list[Word]
    events: list[Word]
    trials: dict[str, list[str]] = Field(description="Trial -> its arms.")


@lru_cache(maxsize=1)
def audited_article() -> tuple[Audited, ...]:
    """The source article's claims with their verdicts."""
    return audit(article(), base_now())


@router.get("/article")
def of_article(lang: Lang) -> list[AuditedOut]:
    """The source article, claim by claim."""
    return told(audited_article(), lang)


@router.get("/about")
def about(lang: Lang) -> AboutOut:
    """The source article: what it is, how it was audited, how many claims met which verdict."""
    shown, text, counts = article(), words("page")[lang], dict[str, int]()
    for entry in audited_article():
        counts[entry.verdict] = counts.get(entry.verdict, 0) + 1
    return AboutOut(
        title=(shown.title_zh if lang == "zh" else "") or shown.title,
        source=in_language(shown.source, lang),
        how=text["how"],
        fair=text["fair"],
        counts=counts,
        base=BaseOut.of(base_now()),
    )


@router.get("/rules")
def rules(lang: Lang) -> list[RuleOut]:
    """The rules of the audit; the first that applies gives the verdict."""
    return [RuleOut(name=one.name, verdict=one.verdict, says=rule_text(one, lang)) for one in RULES]


@router.get("/vocabulary")
def vocabulary(lang: Lang) -> Vocabulary:
    """Kinds, scopes, topics, outcomes, events and trials that a claim of one's own may name."""
    base = base_now()
    outcomes = {row.outcome for trial in base.trials.values() for row in trial.effects}
    outcomes |= {row.outcome for pool in base.pools.values() for row in pool.results}
    return Vocabulary(
        kinds=list(get_args(Kind)),
        scopes=list(SCOPES),
        topics=_named({fact.topic for fact in base.facts}, lang),
        outcomes=_named(outcomes, lang),
        events=_named({row.event for trial in base.trials.values() for row in trial.events}, lang),
        trials={trial.id: [arm.name for arm in trial.arms] for trial in base.trials.values()},
    )


def _named(values: set[str], lang: str) -> list[Word]:
    return [
        Word(value=one, label=NAMES[one][lang == "zh"] if one in NAMES else one.replace("_", " "))
        for one in sorted(values)
    ]


@router.post("/audit")
def check(given: ArticleIn, lang: Lang) -> list[AuditedOut]:
    """Audit claims of one's own; nothing is kept."""
    return judged(given.model_dump(), lang)


@router.get("/mine")
def mine(server: Served) -> ArticleOut:
    """One's own claims as they were kept."""
    return ArticleOut.model_validate(kept(server))


@router.put("/mine")
def keep(given: ArticleIn, server: Served, lang: Lang) -> list[AuditedOut]:
    """Keep claims of one's own, if they are sound, and audit them."""
    data = given.model_dump()
    found = judged(data, lang)
    server.settings.data.mkdir(parents=True, exist_ok=True)
    write_atomic(server.settings.data / "claims.json", json.dumps(data, ensure_ascii=False).encode())
    return found


@router.post("/read")
def read(given: TextIn, lang: Lang) -> list[AuditedOut]:
    """Audit the text of a claims file (TOML), read in a child process with limits."""
    return judged(read_toml_text(given.text, "file"), lang)


def judged(data: dict[str, Any], lang: str) -> list[AuditedOut]:
    """Claims with their verdicts.

    Raises:
        BadInput: with everything that is wrong.
    """
    check_plain(data, "claims")
    data = {name: value for name, value in data.items() if value != ""}
    base = base_now()
    return told(audit(check_article(data, base), base), lang)


def told(audited: Iterable[Audited], lang: str) -> list[AuditedOut]:
    """Claims and verdicts in a language; sources and names of trials stay as printed."""
    text, found = words("page")[lang], []
    for entry in audited:
        row = entry.as_dict(lang)
        evidence = [
            EvidenceOut(**{**one, "what": in_language(one["what"], lang)}) for one in row.pop("evidence")
        ]
        found.append(AuditedOut(evidence=evidence, verdict_text=text[row["verdict"]], **row))
    return found


def kept(server: Server) -> dict[str, Any]:
    """One's own claims, or an empty article."""
    try:
        found: dict[str, Any] = json.loads((server.settings.data / "claims.json").read_bytes())
    except (OSError, ValueError):
        return {"title": "", "source": "", "date": "", "claims": []}
    return found
