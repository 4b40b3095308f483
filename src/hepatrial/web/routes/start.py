"""Start: the two questions answered from real trials, then three doors."""

from __future__ import annotations

import re
from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hepatrial.claims.answers import answers_fragment
from hepatrial.claims.page import words
from hepatrial.evidence.base import load_base
from hepatrial.web.pages import page
from hepatrial.web.state import Lang

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def start(request: Request, lang: Lang) -> HTMLResponse:
    """The start page."""
    return page(request, "start.html.j2", "start", answers=words("answers")[lang])


@router.get("/answers")
def answers(request: Request, lang: Lang) -> HTMLResponse:
    """The lay page of ``hepatrial answers``; its style stands in our style sheet, as the policy wants."""
    title = words("answers")[lang]["title"]
    return page(request, "answers.html.j2", "start", title=title, fragment=fragment(lang))


@cache
def fragment(lang: str) -> Markup:
    """Its content, made once in each language."""
    return Markup(re.sub(r"<style>.*?</style>", "", answers_fragment(load_base(), lang), flags=re.S))
