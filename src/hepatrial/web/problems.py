"""Errors as problem+json (RFC 9457) with place and remedy, or as a page for a browser."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.protocol.problems import allowed_by, shown
from hepatrial.web.language import chosen
from hepatrial.web.messages import of_problem, told

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("hepatrial.web")


class OneProblem(BaseModel):
    """One thing that is wrong."""

    place: str = Field(description="Where: a field, a part of a file, a header.")
    given: str = Field(description="What stood there.")
    allowed: str = Field(description="What may stand there, which is the remedy.")
    nearest: str | None = Field(default=None, description="The nearest right name.")

    @classmethod
    def of(cls, problem: Problem, lang: str) -> OneProblem:
        """A problem in the reader's language."""
        return cls(**vars(of_problem(lang, problem)))


class ProblemDetails(BaseModel):
    """An error, RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str
    problems: list[OneProblem] = []


class Refused(Exception):
    """A request that is refused, with status and remedy."""

    def __init__(self, status: int, detail: str, remedy: str, problems: Iterable[Problem] = ()) -> None:
        self.status, self.detail, self.remedy, self.problems = status, detail, remedy, tuple(problems)
        super().__init__(detail)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status in (400, 401, 403, 404, 409, 413, 421, 422, 429)
}
"""What every operation of the API may answer besides its result."""

REMEDIES = {
    401: "Open the address that the server printed, which holds the token.",
    404: "Check the address; runs and protocols are listed on their pages.",
    405: "Use a method that the Allow header names.",
    413: "Send less.",
}


def details(
    status: int, detail: str, remedy: str, problems: Iterable[Problem] = (), lang: str = "en"
) -> dict[str, Any]:
    """The body of a problem response, its sentences in a language."""
    return {
        "type": "about:blank",
        "title": told(lang, HTTPStatus(status).phrase),
        "status": status,
        "detail": told(lang, detail),
        "remedy": told(lang, remedy),
        "problems": [vars(of_problem(lang, problem)) for problem in problems],
    }


def response(
    status: int,
    detail: str,
    remedy: str,
    problems: Iterable[Problem] = (),
    headers: dict[str, str] | None = None,
    lang: str = "en",
) -> JSONResponse:
    """A problem as JSON."""
    body = details(status, detail, remedy, problems, lang)
    return JSONResponse(body, status, media_type=MEDIA_TYPE, headers=headers)


def wants_page(request: Request) -> bool:
    """Whether a browser asked for a page, so that an error should be one too."""
    asked = "text/html" in request.headers.get("accept", "")
    link = request.headers.get("sec-fetch-mode") == "navigate"  # a download that a reader clicked
    return asked and (link or not request.url.path.startswith("/api/"))


def _answer(
    request: Request,
    status: int,
    detail: str,
    remedy: str,
    problems: Iterable[Problem] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    lang = chosen(request.query_params, request.cookies, request.headers)
    if wants_page(request):
        from hepatrial.web.pages import error_page

        page = error_page(request, details(status, detail, remedy, problems, lang))
        return HTMLResponse(page, status, headers=headers)
    return response(status, detail, remedy, problems, headers, lang)


def install(app: FastAPI) -> None:
    """Turn every exception that a route may raise into a problem."""

    @app.exception_handler(BadInput)
    def bad_input(request: Request, error: BadInput) -> Response:
        count = len(error.problems)
        detail = f"{count} problem{'s' if count > 1 else ''}; nothing was done."
        return _answer(request, 422, detail, "Correct each place as it says.", error.problems)

    @app.exception_handler(RunFailed)
    def run_failed(request: Request, error: RunFailed) -> Response:
        return _answer(request, 409, str(error), "Wait until the run is done, or resume it.")

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return _answer(request, error.status, error.detail, error.remedy, error.problems)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [_problem(entry) for entry in error.errors()[:50]]
        return _answer(
            request, 422, "The request is not as the API describes it.", "See each place.", problems
        )

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        remedy = REMEDIES.get(error.status_code, "See the description of the API at /api/openapi.json.")
        headers = dict(error.headers or {})
        return _answer(request, error.status_code, str(error.detail), remedy, headers=headers)

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        return _answer(request, 500, "The server failed on this request.", "This is a bug; please report it.")


def _problem(entry: dict[str, Any]) -> Problem:
    steps = [str(step) for step in entry["loc"]]
    place = ".".join(
        steps[1:] if steps[0] == "body" and isinstance(entry["loc"][-1], str) and len(steps) > 1 else steps
    )
    given = "nothing" if entry["type"] == "missing" else shown(entry.get("input"))
    return Problem(place, given, allowed_by(cast("ErrorDetails", entry)))
