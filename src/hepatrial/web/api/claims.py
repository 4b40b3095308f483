"""Claims: the audited article, and claims of one's own by the same rules."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from hepatrial.claims import Audited, article, audit, check_article
from hepatrial.ensemble.storage import write_atomic
from hepatrial.web.api.evidence import base_now
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


@lru_cache(maxsize=1)
def audited_article() -> tuple[Audited, ...]:
    """The source article's claims with their verdicts."""
    return audit(article(), base_now())


@router.get("/article")
def of_article(lang: Lang) -> list[dict[str, Any]]:
    """The source article, claim by claim."""
    return [entry.as_dict(lang) for entry in audited_article()]


@router.post("/audit")
def check(given: ArticleIn, lang: Lang) -> list[dict[str, Any]]:
    """Audit claims of one's own; nothing is kept."""
    return judged(given.model_dump(), lang)


@router.get("/mine")
def mine(server: Served) -> dict[str, Any]:
    """One's own claims as they were kept."""
    return kept(server)


@router.put("/mine")
def keep(given: ArticleIn, server: Served, lang: Lang) -> list[dict[str, Any]]:
    """Keep claims of one's own, if they are sound, and audit them."""
    data = given.model_dump()
    found = judged(data, lang)
    server.settings.data.mkdir(parents=True, exist_ok=True)
    write_atomic(server.settings.data / "claims.json", json.dumps(data, ensure_ascii=False).encode())
    return found


@router.post("/read")
def read(given: TextIn, lang: Lang) -> list[dict[str, Any]]:
    """Audit the text of a claims file (TOML), read in a child process with limits."""
    return judged(read_toml_text(given.text, "file"), lang)


def judged(data: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """Claims with their verdicts.

    Raises:
        BadInput: with everything that is wrong.
    """
    check_plain(data, "claims")
    data = {name: value for name, value in data.items() if value != ""}
    base = base_now()
    return [entry.as_dict(lang) for entry in audit(check_article(data, base), base)]


def kept(server: Server) -> dict[str, Any]:
    """One's own claims, or an empty article."""
    try:
        found: dict[str, Any] = json.loads((server.settings.data / "claims.json").read_bytes())
    except (OSError, ValueError):
        return {"title": "", "source": "", "date": "", "claims": []}
    return found
