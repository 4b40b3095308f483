"""Claims: the audited article, claim by claim, and an editor for claims of one's own."""

from __future__ import annotations

from functools import cache, partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hepatrial.claims import RULES, article
from hepatrial.claims.names import NAMES
from hepatrial.claims.page import rule_text, words
from hepatrial.web.api.claims import AuditedOut, about, kept, of_article, vocabulary
from hepatrial.web.api.evidence import base_now
from hepatrial.web.pages import page, translator
from hepatrial.web.state import Lang, Served

router = APIRouter(include_in_schema=False)

TABS = (("/claims", "The audited article"), ("/claims/mine", "Your own claims"))


@cache
def _rows(lang: str) -> list[AuditedOut]:
    """The article's claims as the page shows them; neither they nor the base change while the server runs."""
    return of_article(lang)


@router.get("/claims")
def claims(request: Request, lang: Lang) -> HTMLResponse:
    """The source article."""
    shown, told = article(), about(lang)
    return page(
        request,
        "claims.html.j2",
        "claims",
        tabs=TABS,
        w=words("page")[lang],
        title=told.title,
        article=shown,
        rows=_rows(lang),
        counts=told.counts,
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
    said, known = translator(request), vocabulary(lang)
    verdicts = {key: text for key, text in words("page")[lang].items() if isinstance(text, str)}
    return page(
        request,
        "my_claims.html.j2",
        "claims",
        tabs=TABS,
        mine=kept(server),
        named={key: said[lang == "zh"] for key, said in NAMES.items()},
        kinds=known.kinds,
        scopes=known.scopes,
        topics=[one.value for one in known.topics],
        outcomes=[one.value for one in known.outcomes],
        events=[one.value for one in known.events],
        trials=known.trials,
        texts={**verdicts, **{key: said(text) for key, text in TEXTS.items()}},
    )
