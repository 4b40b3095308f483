"""Evidence: certainty, forests, risk of bias, every entry of the base."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hepatrial.claims.drawings import FOREST_OUTCOMES, forest_svg, outcome_name, risk_svg
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.errors import BadInput
from hepatrial.evidence.base import Base, Pending, Pool, Trial, numbers
from hepatrial.evidence.base.risk import overall, table
from hepatrial.evidence.contrasts import outcomes
from hepatrial.evidence.forest import forest
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures.lights import WORDS
from hepatrial.report.style import NARROW, WIDE
from hepatrial.web.api.evidence import base_now, certainty_now, listing
from hepatrial.web.format import sourced
from hepatrial.web.language import translate
from hepatrial.web.pages import page
from hepatrial.web.problems import Refused
from hepatrial.web.state import Lang

router = APIRouter(include_in_schema=False)

TABS = (
    ("/evidence", "Forests and certainty"),
    ("/evidence/risk", "Risk of bias"),
    ("/evidence/entries", "Every entry"),
)


@lru_cache(maxsize=64)
def forest_of(outcome: str, lang: str) -> tuple[Markup, Markup]:
    """The forest of an outcome for a page and for a phone."""
    shown = forest(base_now(), outcome)
    return Markup(forest_svg(shown, lang, WIDE)), Markup(forest_svg(shown, lang, NARROW))


@lru_cache(maxsize=4)
def risk_of(lang: str) -> tuple[Markup, Markup]:
    """The traffic lights for a page and for a phone."""
    return Markup(risk_svg(base_now(), lang, WIDE)), Markup(risk_svg(base_now(), lang, NARROW))


@router.get("/evidence")
def evidence(request: Request, lang: Lang, outcome: str = "death") -> HTMLResponse:
    """The certainty of each outcome and one forest."""
    known = outcomes(base_now())
    if outcome not in known:
        raise Refused(404, f"There is no outcome {outcome!r}.", f"One of {', '.join(known)}.")
    choice = [one for one in (*FOREST_OUTCOMES, *known) if one in known]
    try:
        figure = forest_of(outcome, lang)
    except BadInput:
        figure = None
    return page(
        request,
        "evidence.html.j2",
        "evidence",
        tabs=TABS,
        certainty=certainty_now(),
        levels=LEVELS_ZH if lang == "zh" else {},
        outcomes=[(one, outcome_name(one, lang)) for one in dict.fromkeys(choice)],
        outcome=outcome,
        figure=figure,
        base=base_now(),
    )


@router.get("/evidence/risk")
def risk(request: Request, lang: Lang) -> HTMLResponse:
    """Risk of bias of every trial, with the reasons."""
    rows = table(base_now().trials.values())
    return page(
        request,
        "risk.html.j2",
        "evidence",
        tabs=TABS,
        figure=risk_of(lang),
        rows=rows,
        words=WORDS[lang],
        base=base_now(),
    )


@router.get("/evidence/entries")
def entries(request: Request) -> HTMLResponse:
    """Every entry."""
    return page(request, "entries.html.j2", "evidence", tabs=TABS, rows=listing("en"), base=base_now())


@router.get("/evidence/entries/{entry}")
def one(request: Request, entry: str, lang: Lang) -> HTMLResponse:
    """A trial, a meta-analysis or a pending trial: every number with its place and grade."""
    base = base_now()
    for found in (base.trials, base.pools, base.pending):
        if entry not in found:
            continue
        shown = found[entry]
        is_trial = isinstance(shown, Trial)
        return page(
            request,
            "entry.html.j2",
            "evidence",
            tabs=TABS,
            entry=shown,
            is_trial=is_trial,
            numbers=list(numbers(Base({entry: shown}))) if isinstance(shown, Trial) else [],
            risks=WORDS[lang],
            facts=() if isinstance(shown, Trial) else facts_of(shown, lang),
            overall=overall(shown.risk) if isinstance(shown, Trial) and shown.risk else "",
            base=base,
        )
    raise Refused(404, f"There is no entry {entry!r}.", "They are listed at /evidence/entries.")


FACTS = {
    "citation": "Citation",
    "registration": "Registration",
    "name": "Name",
    "read": "What was read",
    "scope": "Scope",
    "population": "Population",
    "product": "Product",
    "design": "Design",
    "studies": "Studies",
    "patients": "Patients",
    "randomised_only": "Randomised trials only",
    "status": "Status",
    "notes": "Notes",
    "grade": "Grade",
    "source": "Source",
}
"""Field of a meta-analysis or a pending trial -> its label."""


def facts_of(shown: Pool | Pending, lang: str) -> list[tuple[str, str | Markup]]:
    """Fields of an entry that is no trial, as label and text; citation and source stay as printed."""
    given = shown.model_dump(mode="json")
    if isinstance(shown, Pending) and lang == "zh":
        given["status"] = shown.status_zh
    return [(label, _fact(key, given[key], lang)) for key, label in FACTS.items() if given.get(key)]


def _fact(key: str, value: Any, lang: str) -> str | Markup:
    if key in ("citation", "source"):
        return Markup('<span lang="en">{}</span>').format(value)
    if key == "notes":
        return Markup(" ").join(sourced(lang, note) for note in value)
    if key == "randomised_only":
        return translate(lang, "yes")
    if key == "grade":
        return str(Catalogue(lang).get(f"grade.{value}", value))
    said = translate(lang, str(value).replace("_", " "))
    return said if said != value or lang == "en" or key == "status" else sourced(lang, said)
