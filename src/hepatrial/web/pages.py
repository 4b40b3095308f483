"""Rendering of pages: one environment for each language, what every template may use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hepatrial.report.catalogue import Catalogue
from hepatrial.schema import MARK, RESEARCH_USE_ONLY
from hepatrial.web import language
from hepatrial.web.format import filters

SECTIONS = (
    ("start", "/"),
    ("trial", "/trial"),
    ("mechanism", "/mechanism"),
    ("evidence", "/evidence"),
    ("claims", "/claims"),
    ("credibility", "/credibility"),
    ("runs", "/runs"),
)
"""Name and address of each page, in the order of the menu."""


@cache
def environment(lang: str) -> Environment:
    """Templates in a language; ``_`` translates."""
    made = Environment(
        loader=PackageLoader("hepatrial.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters(lang))
    made.globals.update(
        _=partial(language.translate, lang),
        t=Catalogue(lang),
        lang=lang,
        locale=language.LOCALE[lang],
        languages=language.LANGUAGES,
        mark=MARK[lang],
        research=RESEARCH_USE_ONLY[lang],
        sections=SECTIONS,
    )
    return made


def lang_of(request: Request) -> str:
    """Language of a request."""
    return language.chosen(request.query_params, request.cookies, request.headers)


def units_of(request: Request) -> str:
    """Unit system of a request."""
    return language.chosen_units(request.query_params, request.cookies)


def translator(request: Request) -> Callable[..., str]:
    """``_`` of the request's language."""
    return partial(language.translate, lang_of(request))


def page(request: Request, template: str, section: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page of the app.

    Args:
        request: whose language and units it is in.
        template: file name.
        section: entry of the menu it belongs to.
        status: of the response.
        context: further names of the template.
    """
    lang = lang_of(request)
    text = environment(lang).get_template(template).render(
        section=section,
        path=request.url.path,
        units=units_of(request),
        csrf=request.state.csrf,
        version=request.app.version,
        switch=partial(_switch, request),
        **context,
    )  # fmt: skip
    answer = HTMLResponse(text, status)
    answer.headers["content-language"] = language.LOCALE[lang]
    answer.headers["vary"] = "accept-language, cookie"
    for name, value in language.remembered(request.query_params).items():
        answer.set_cookie(name, value, max_age=31_536_000, samesite="strict", httponly=True)
    return answer


def _switch(request: Request, name: str, value: str) -> Markup:
    """This page's address with another language or unit system."""
    return Markup("?{}").format(str(request.query_params.__class__({**request.query_params, name: value})))


def error_page(request: Request, problem: dict[str, Any]) -> str:
    """The page of an error."""
    answer = page(request, "error.html.j2", "", problem=problem)
    return bytes(answer.body).decode()
