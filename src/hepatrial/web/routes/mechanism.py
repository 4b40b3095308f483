"""Mechanism: the model as a diagram, a population through time, variants, dish and mouse, one's own model."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hepatrial.calibration.shipped import taught
from hepatrial.experiment import EXPERIMENTS, Experiment, run_experiment
from hepatrial.experiment.figures import drawings
from hepatrial.experiment.types import NOT_EVIDENCE
from hepatrial.experiment.words import word
from hepatrial.report.card_names import card_name
from hepatrial.report.catalogue import Catalogue
from hepatrial.web import atlas, weights
from hepatrial.web.api.mechanism import variants
from hepatrial.web.background import begin
from hepatrial.web.diagram import diagram
from hepatrial.web.pages import page, translator
from hepatrial.web.problems import Refused
from hepatrial.web.state import Lang

router = APIRouter(include_in_schema=False)

TABS = (
    ("/mechanism", "The model"),
    ("/mechanism/patients", "Patients through time"),
    ("/mechanism/variants", "Variants"),
    ("/mechanism/experiments", "Dish and mouse"),
    ("/mechanism/own", "Your own model"),
)


TEXTS = {
    "patients": (
        "{n} virtual patients, each followed with and without the cells, with the same luck. Bands hold the"
        " middle 80 of 100 of those alive and not transplanted."
    ),
    "alive": "Alive at the end: {control} without the cells, {treated} with them.",
    "mild": "mildest third",
    "middle": "middle third",
    "sick": "sickest third",
}


def _page(request: Request, template: str, **context: Any) -> HTMLResponse:
    return page(request, template, "mechanism", tabs=TABS, **context)


@router.get("/mechanism")
def model(request: Request, lang: Lang, process: str = "liver") -> HTMLResponse:
    """The diagram and one process."""
    if process not in atlas.PLACES:
        raise Refused(404, f"There is no process {process!r}.", f"One of {', '.join(atlas.PLACES)}.")
    said = translator(request)
    flows = atlas.flows()
    variables = partial(atlas.variables_in, lang)
    return _page(
        request,
        "mechanism.html.j2",
        diagram=diagram(said, variables, process, said("The model: what each process reads of the others")),
        process=atlas.process_of(process),
        about=atlas.about_in(lang, process),
        named=partial(card_name, lang=lang),
        variables=variables,
        noted=partial(atlas.note_in, lang),
        reads=[flow for flow in flows if flow.target == process],
        feeds=[flow for flow in flows if flow.source == process],
        titles=atlas.TITLES,
        sources=atlas.sources(),
    )


@router.get("/mechanism/patients")
def patients(request: Request, lang: Lang) -> HTMLResponse:
    """The fixed cohort with its sliders."""
    said = translator(request)
    texts = {key: said(text) for key, text in TEXTS.items()}
    return _page(request, "patients.html.j2", variants=variants(lang), texts=texts)


@router.get("/mechanism/variants")
def variant_weights(request: Request, lang: Lang) -> HTMLResponse:
    """Structural variants, prior beside posterior."""
    rows, found = variants(lang), taught()
    figures = weight_figures(lang)
    numbers = sorted(found["numbers"], key=lambda row: row["sd_ratio"])
    return _page(
        request,
        "variants.html.j2",
        rows=rows,
        figures=figures,
        numbers=numbers,
        bias=found["bias"],
        basis=partial(atlas.basis_in, lang),
        named=partial(card_name, lang=lang),
    )


@cache
def weight_figures(lang: str) -> dict[str, Markup]:
    """The figure of the weights, made once in each language."""
    return weights.drawings(variants(lang), Catalogue(lang), taught()["model"])


@router.get("/mechanism/experiments")
def experiments(request: Request, lang: Lang, name: str = "differentiation") -> HTMLResponse:
    """An experiment in the dish or the mouse."""
    if name not in EXPERIMENTS:
        raise Refused(404, f"There is no experiment {name!r}.", f"One of {', '.join(EXPERIMENTS)}.")
    names = [(one, word("titles", one, lang)) for one in EXPERIMENTS]
    made = begin(run_experiment, name)
    if not made.done():
        return _page(request, "waiting.html.j2", names=names, name=name)
    done: Experiment = made.result()
    figures = [
        {"wide": Markup(wide), "narrow": Markup(narrow)}
        for wide, narrow in zip(
            drawings(done, lang, 520).values(), drawings(done, lang, 340).values(), strict=True
        )
    ]
    return _page(
        request,
        "experiments.html.j2",
        names=names,
        done=done,
        figures=figures,
        warning=NOT_EVIDENCE[lang],
        verdicts={one.verdict: word("verdicts", one.verdict, lang) for one in done.findings},
        mechanisms={one.mechanism: word("mechanisms", one.mechanism, lang) for one in done.knock_outs},
    )


@router.get("/mechanism/own")
def own(request: Request) -> HTMLResponse:
    """A model of one's own, read in a child process."""
    return _page(request, "own_model.html.j2")
