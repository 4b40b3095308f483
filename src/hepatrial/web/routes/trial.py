"""Trial: choose or begin a design, change it in a form, run it."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hepatrial.model.variants import load_variants
from hepatrial.protocol import Protocol, list_protocols, load_protocol, protocol_from_dict
from hepatrial.web.api.designs import Designed
from hepatrial.web.api.protocols import begun, listing
from hepatrial.web.forms import Builder, words_of
from hepatrial.web.pages import page, translator
from hepatrial.web.problems import Refused
from hepatrial.web.routes.runs import choice
from hepatrial.web.state import Lang, RunId, Served, Units

router = APIRouter(include_in_schema=False)


@router.get("/trial")
def trials(request: Request, server: Served, lang: Lang) -> HTMLResponse:
    """The trials to begin from, and designs that were run, to be laid beside each other."""
    words = partial(words_of, lang)
    context = {"protocols": listing(lang), "words": words, **choice(server, lang)}
    return page(request, "trial.html.j2", "trial", **context)


@router.get("/trial/new")
def new(request: Request, lang: Lang, units: Units) -> HTMLResponse:
    """A design of one's own, begun from a shipped one without what belongs to that alone."""
    return _design(request, lang, units, begun(lang), "", first="identity")


@router.get("/trial/run/{run}")
def again(request: Request, run: RunId, server: Served, lang: Lang, units: Units) -> HTMLResponse:
    """The design of a run, to be changed."""
    found = server.run(run)
    return _design(request, lang, units, protocol_from_dict(found.request["protocol"]), found.origin)


@router.get("/trial/design/{design}")
def opened(request: Request, design: Designed, server: Served, lang: Lang, units: Units) -> HTMLResponse:
    """A design read from a file."""
    from hepatrial.web.api.designs import kept

    return _design(request, lang, units, protocol_from_dict(kept(server, design)), "")


@router.get("/trial/{name}")
def shipped(request: Request, name: str, lang: Lang, units: Units) -> HTMLResponse:
    """A design that ships."""
    if name not in list_protocols():
        raise Refused(404, f"There is no protocol {name!r}.", "The protocols are listed at /trial.")
    return _design(request, lang, units, load_protocol(name), name)


TEXTS = {
    "was": "was: {value}",
    "changed": "{n} changed",
    "nearest": "Did you mean {name}?",
    "sound": "Sound: {n} patients in each trial.",
    "problems": "Problems: {n}. See the marked entries.",
    "twice": "Another entry is called {name} already; each needs a name of its own.",
    "notUsed": "Known, but the model has no such column",
    "noRow": "No row could be read; the form keeps what it had.",
    "tooLarge": "{name} holds {n} kB; at most {most} kB are read. Nothing was changed.",
    "noText": "{name} is no text file; save the table as CSV or TSV. Nothing was changed.",
    "emptyFile": "{name} is empty. Nothing was changed.",
}


def _design(
    request: Request, lang: str, units: str, protocol: Protocol, origin: str, first: str = ""
) -> HTMLResponse:
    """The form of a protocol; the section ``first`` stands before the others."""
    said = translator(request)
    identity = protocol.identity
    context: dict[str, Any] = {
        "title": identity.text("title", lang),
        "question": identity.text("question", lang),
        "citation": identity.citation,
        "registration": identity.registration,
        "origin": origin,
        "fields": sorted(Builder(units).form(protocol.as_dict()), key=lambda field: field.name != first),
        "ids": count().__next__,
        "words": partial(words_of, lang),
        "variants": [{"name": one.name, "meaning": one.meaning[lang]} for one in load_variants().values()],
        "texts": {key: said(text) for key, text in TEXTS.items()},
    }
    return page(request, "design.html.j2", "trial", **context)
