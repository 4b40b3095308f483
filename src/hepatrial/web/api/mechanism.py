"""The mechanism: processes, variants, experiments, a fixed cohort, models of one's own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hepatrial.calibration.shipped import taught
from hepatrial.experiment import EXPERIMENTS, Experiment, run_experiment
from hepatrial.experiment.figures import panel_figure
from hepatrial.experiment.words import word
from hepatrial.model.untrusted import load_model
from hepatrial.model.variants import load_variants
from hepatrial.report.card_names import card_name
from hepatrial.report.card_notes import note_in_each
from hepatrial.report.catalogue import Catalogue
from hepatrial.web import atlas, sandbox, weights
from hepatrial.web.api.protocols import TextIn
from hepatrial.web.background import begin
from hepatrial.web.language import translate
from hepatrial.web.problems import RESPONSES, Refused
from hepatrial.web.state import Lang, Units

router = APIRouter(prefix="/api/mechanism", tags=["mechanism"], responses=RESPONSES)

READING = 20.0
"""Seconds that a model of one's own may take to be read."""


class FlowOut(BaseModel):
    """What one process reads of another."""

    source: str
    target: str
    names: list[str]
    labels: str = Field(description="The names in words of the language asked for.")


class EquationOut(BaseModel):
    """An equation; ``mathml`` is presentational."""

    name: str
    label: str
    kind: str
    unit: str
    mathml: str


class CardOut(BaseModel):
    """A parameter card."""

    name: str
    label: str
    value: float
    unit: str
    uncertainty: float
    role: str
    grade: str
    source: str
    citation: str = Field(description="What the source is; empty where it is no work of the bibliography.")
    note: str


class ProcessOut(BaseModel):
    """A process of the model."""

    name: str
    title: str
    about: str
    equations: list[EquationOut]
    cards: list[CardOut]
    text: str


class VariantOut(BaseModel):
    """A structural variant of the cell effect, before and after the fit."""

    name: str
    meaning: str
    basis: str
    prior: float
    posterior: float
    learnt: bool


class BandsOut(BaseModel):
    """Bands of the fixed cohort as Vega-Lite."""

    spec: dict[str, Any]
    hash: str
    patients: int
    alive: dict[str, float] = Field(description="Share alive at the end, by arm.")
    mark: str


class ModelOut(BaseModel):
    """A model of one's own, as it was understood."""

    name: str
    hash: str
    states: list[str]
    parameters: list[str]
    observables: list[str]
    causes: list[str]
    actions: list[str]
    triggers: list[str]


class Said(BaseModel):
    """A sentence in both languages."""

    en: str
    zh: str


class FindingOut(BaseModel):
    """A published figure or direction beside the simulated one."""

    key: str
    what: Said
    published: Said
    simulated: float
    unit: str
    verdict: str
    grade: str
    source: str
    note: Said


class KnockOutOut(BaseModel):
    """What goes when a mechanism is taken away."""

    mechanism: str
    measure: Said
    whole: float
    without: float
    none: float
    share_lost: float | None


class CurveOut(BaseModel):
    """A line of a figure."""

    panel: str
    series: str
    control: bool
    x: list[float]
    y: list[float]


class ExperimentOut(BaseModel):
    """An experiment in the dish or the mouse beside published figures."""

    experiment: str
    hash: str
    mark: Said
    not_evidence: Said
    findings: list[FindingOut] = Field(description="Misses first.")
    knock_outs: list[KnockOutOut]
    curves: list[CurveOut]


class PanelOut(BaseModel):
    """A figure of an experiment as Vega-Lite; the mark stands in it."""

    panel: str
    title: str
    spec: dict[str, Any]


class WeightsFigure(BaseModel):
    """The weights of the variants before and after the fit as Vega-Lite; the mark stands in it."""

    spec: dict[str, Any]
    mark: str


OF_CARD = ("value", "unit", "uncertainty", "role", "grade", "source")


@router.get("/processes")
def processes() -> list[str]:
    """Names of the processes."""
    return list(atlas.PLACES)


@router.get("/processes/{name}")
def process(name: str, lang: Lang) -> ProcessOut:
    """A process: equations, cards, text; what it is and the notes of its cards in the language asked for."""
    if name not in atlas.PLACES:
        raise Refused(404, f"There is no process {name!r}.", f"One of {', '.join(atlas.PLACES)}.")
    found = atlas.process_of(name)
    cards = [
        CardOut(
            name=key,
            label=card_name(key, lang),
            citation=atlas.sources().get(card.source, ""),
            note=note_in_each("model", key, card.note).get(lang, card.note),
            **{entry: getattr(card, entry) for entry in OF_CARD},
        )
        for key, card in found.cards.items()
    ]
    equations = [
        EquationOut(
            name=one.name,
            label=atlas.variables_in(lang, [one.name]),
            kind=one.kind,
            unit=one.unit,
            mathml=str(one.mathml),
        )
        for one in found.equations
    ]
    return ProcessOut(
        name=name,
        title=translate(lang, found.title),
        about=atlas.about_in(lang, name),
        equations=equations,
        cards=cards,
        text=found.text,
    )


@router.get("/flows")
def flows(lang: Lang) -> list[FlowOut]:
    """What flows between the processes."""
    return [
        FlowOut(
            source=one.source,
            target=one.target,
            names=list(one.names),
            labels=atlas.variables_in(lang, one.names),
        )
        for one in atlas.flows()
    ]


@router.get("/variants")
def variants(lang: Lang) -> list[VariantOut]:
    """Structural variants: weight before and after the fit; where both are one, nothing was learnt."""
    after = {row["variant"]: row for row in taught()["variants"]}
    return [
        VariantOut(
            name=name,
            meaning=one.meaning[lang],
            basis=atlas.basis_in(lang, name),
            prior=one.weight,
            posterior=after[name]["posterior"],
            learnt=after[name]["learnt"],
        )
        for name, one in load_variants().items()
    ]


@router.get("/variants/figure")
def weights_figure(lang: Lang, width: Annotated[int, Query(ge=280, le=1200)] = 680) -> WeightsFigure:
    """The weights of the variants, before and after the fit."""
    t = Catalogue(lang)
    return WeightsFigure(spec=weights.figure(variants(lang), t, taught()["model"], width), mark=t.mark)


@router.get("/bands")
def bands(
    lang: Lang,
    units: Units,
    dose: Annotated[float, Query(ge=1e4, le=2e7, description="Cells per kg in each infusion.")] = 1e6,
    infusions: Annotated[int, Query(ge=1, le=8)] = 4,
    first: Annotated[float, Query(ge=0, le=28, description="Day of the first infusion.")] = 0.0,
    every: Annotated[float, Query(ge=1, le=28, description="Days between infusions.")] = 7.0,
    route: sandbox.Route = "peripheral_vein",
    severity: Annotated[float, Query(ge=0, le=1, description="0: mildest third by MELD; 1: sickest.")] = 0.5,
    days: Annotated[int, Query(ge=7, le=168, description="Followed for so long.")] = 84,
    variant: Annotated[str, Query(max_length=60)] = "",
    weights: sandbox.Weights = "prior",
    width: Annotated[int, Query(ge=280, le=1200)] = 760,
) -> BandsOut:
    """A population through time, with and without the cells: survival, laboratory, cells, events."""
    if variant and variant not in load_variants():
        raise Refused(404, f"There is no variant {variant!r}.", "GET /api/mechanism/variants lists them.")
    question = sandbox.Question(dose, infusions, first, every, route, severity, float(days), variant, weights)
    return BandsOut(**sandbox.answer(question, lang, width, units))


@router.get("/experiments")
def experiments() -> list[str]:
    """Names of the experiments in the dish and the mouse."""
    return list(EXPERIMENTS)


@router.get("/experiments/{name}")
def experiment(name: str) -> ExperimentOut:
    """An experiment beside published figures, misses first."""
    return ExperimentOut.model_validate(_done(name).as_dict())


@router.get("/experiments/{name}/figures")
def experiment_figures(
    name: str, lang: Lang, width: Annotated[int, Query(ge=280, le=1200)] = 520
) -> list[PanelOut]:
    """The figures of an experiment; no treated cells or animals without their control."""
    done = _done(name)
    panels = dict.fromkeys(curve.panel for curve in done.curves)
    return [
        PanelOut(
            panel=panel,
            title=word("panels", panel, lang),
            spec=panel_figure(done, panel, [c for c in done.curves if c.panel == panel], lang, width),
        )
        for panel in panels
    ]


def _done(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        raise Refused(404, f"There is no experiment {name!r}.", f"One of {', '.join(EXPERIMENTS)}.")
    done: Experiment = begin(run_experiment, name).result()
    return done


@router.post("/model")
def model(given: TextIn) -> ModelOut:
    """Read a model of one's own (SBML or Antimony) in a child process with limits of time and memory."""
    with tempfile.TemporaryDirectory(prefix="hepatrial-") as folder:
        file = Path(folder) / "model.txt"
        file.write_text(given.text, encoding="utf-8", errors="replace")
        spec = load_model(file, seconds=READING, megabytes=1024)
    return ModelOut(
        name=spec.name,
        hash=spec.hash,
        states=list(spec.states),
        parameters=list(spec.parameters),
        observables=list(spec.observables),
        causes=list(spec.causes),
        actions=list(spec.actions),
        triggers=[one.name for one in spec.triggers],
    )
