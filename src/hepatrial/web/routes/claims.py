"""Claims: the audited article, claim by claim, and an editor for claims of one's own."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hepatrial.claims import RULES, article
from hepatrial.claims.names import NAMES
from hepatrial.claims.page import rule_text, words
from hepatrial.claims.types import SCOPES, Kind
from hepatrial.web.api.claims import audited_article, kept
from hepatrial.web.api.evidence import base_now
from hepatrial.web.pages import page, translator
from hepatrial.web.state import Lang, Served

router = APIRouter(include_in_schema=False)

TABS = (("/claims", "The audited article"), ("/claims/mine", "Your own claims"))


@cache
def _rows(lang: str) -> list[dict[str, Any]]:
    """The article's claims as the page shows them; neither they nor the base change while the server runs."""
    return [entry.as_dict(lang) for entry in audited_article()]


@router.get("/claims")
def claims(request: Request, lang: Lang) -> HTMLResponse:
    """The source article."""
    shown = article()
    rows = _rows(lang)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    return page(
        request,
        "claims.html.j2",
        "claims",
        tabs=TABS,
        w=words("page")[lang],
        title=(shown.title_zh if lang == "zh" else "") or shown.title,
        article=shown,
        rows=rows,
        counts=counts,
        rules=RULES,
        rule_text=partial(rule_text, lang=lang),
        base=base_now(),
    )


TEXTS = {
    "remove": "Remove",
    "kept": "Kept and audited.",
    "claim": "Claim {n}",
}


@router.get("/claims/mine")
def mine(request: Request, server: Served, lang: Lang) -> HTMLResponse:
    """The editor."""
    base, said = base_now(), translator(request)
    outcomes = {row.outcome for trial in base.trials.values() for row in trial.effects}
    outcomes |= {row.outcome for pool in base.pools.values() for row in pool.results}
    verdicts = {key: text for key, text in words("page")[lang].items() if isinstance(text, str)}
    return page(
        request,
        "my_claims.html.j2",
        "claims",
        tabs=TABS,
        mine=kept(server),
        named={key: said[lang == "zh"] for key, said in NAMES.items()},
        kinds=get_args(Kind),
        scopes=SCOPES,
        topics=sorted({fact.topic for fact in base.facts}),
        outcomes=sorted(outcomes),
        events=sorted({row.event for trial in base.trials.values() for row in trial.events}),
        trials={trial.id: [arm.name for arm in trial.arms] for trial in base.trials.values()},
        texts={**verdicts, **{key: said(text) for key, text in TEXTS.items()}},
    )
