"""Start: the two questions answered from real trials, then three doors."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from hepatrial.claims.answers import answers_html
from hepatrial.claims.page import words
from hepatrial.evidence.base import load_base
from hepatrial.web.pages import page
from hepatrial.web.security import DOCUMENT_POLICY
from hepatrial.web.state import Lang

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def start(request: Request, lang: Lang) -> HTMLResponse:
    """The start page."""
    return page(request, "start.html.j2", "start", answers=words("answers")[lang])


@router.get("/answers")
def answers(lang: Lang) -> Response:
    """The lay page of ``hepatrial answers``."""
    text = answers_html(load_base(), lang)
    return HTMLResponse(text, headers={"content-security-policy": DOCUMENT_POLICY})
