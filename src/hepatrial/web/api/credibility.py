"""Credibility: how stored predictions of published studies scored, misses first."""

from __future__ import annotations

from functools import lru_cache

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hepatrial.calibration.shipped import taught
from hepatrial.prediction.scoreboard import beside, staleness, stored_draws, whole_scoreboard
from hepatrial.report.card_names import card_name
from hepatrial.report.catalogue import Catalogue
from hepatrial.web.messages import told as in_words
from hepatrial.web.problems import RESPONSES
from hepatrial.web.state import Lang
from hepatrial.web.targets import target_in

router = APIRouter(prefix="/api/credibility", tags=["credibility"], responses=RESPONSES)


class Ranged(BaseModel):
    """A number with its interval by study; null ends where there are too few studies for one."""

    value: float | None
    low: float | None
    high: float | None


class MissOut(BaseModel):
    """A published number outside the 90 % predictive interval."""

    study: str
    endpoint: str
    arm: str
    observed: float
    low_90: float
    high_90: float
    pit: float


class ClassOut(BaseModel):
    """How the numbers of one class were foreseen."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(alias="class")
    studies: int
    numbers: int
    coverage_50: Ranged | None
    coverage_90: Ranged | None
    skill: dict[str, Ranged | None] = Field(description="Rival -> skill against it; above 0 we are better.")
    pit_p: float | None
    misses: list[MissOut]


class EnsembleOut(BaseModel):
    """The plausible settings that the predictions were made with."""

    kind: str
    hash: str
    size: int


class Scores(BaseModel):
    """The scoreboard."""

    classes: list[ClassOut]
    draws: int
    seed: int
    model: str
    ensemble: EnsembleOut
    stale: str
    mark: str


class TargetMiss(BaseModel):
    """A fitted statistic beside the simulated one."""

    target: str
    label: str
    layer: str
    published: float
    simulated: float
    interval_90: tuple[float, float]
    unit: str
    miss: float = Field(description="In declared standard deviations.")
    grade: str


class FreeNumber(BaseModel):
    """A free number of the model, before and after the fit."""

    card: str
    label: str
    layer: str
    prior: float
    posterior: float
    posterior_90: tuple[float, float]
    sd_ratio: float = Field(description="Width after the fit, before = 1.")
    shift: float
    learnt: bool


class VariantWeight(BaseModel):
    """A structural variant of the cell effect."""

    variant: str
    prior: float
    posterior: float
    learnt: bool


class BiasOutcome(BaseModel):
    """What the bias term of Lin 2017 does to one outcome, log odds ratios."""

    observed: float
    se: float
    modelled_prior: tuple[float, float]
    modelled_posterior: tuple[float, float]
    tipping_point: float
    sentence: str


class BiasOut(BaseModel):
    """The bias term of Lin 2017: mean and SD before and after the fit."""

    prior: tuple[float, float]
    posterior: tuple[float, float]
    outcomes: dict[str, BiasOutcome]


class Taught(BaseModel):
    """What the shipped fit taught."""

    misses: list[TargetMiss]
    numbers: list[FreeNumber]
    variants: list[VariantWeight]
    bias: BiasOut
    members: int
    effective_members: float
    given_up: int
    evaluations: int
    between_study: dict[str, float]
    frozen: list[str]
    targets: str
    model: str


@lru_cache(maxsize=1)
def scores() -> Scores:
    """The stored scores, computed once."""
    table, notes = stored_draws()
    return Scores(
        classes=[ClassOut.model_validate(one) for one in whole_scoreboard(beside(table))],
        draws=notes["draws"],
        seed=notes["seed"],
        model=notes["model_hash"],
        ensemble=EnsembleOut(**notes["ensemble"]),
        stale=staleness(notes),
        mark=notes["mark"],
    )


@router.get("/scores")
def told(lang: Lang) -> Scores:
    """One object a class; fitted and predicted, levels and contrasts, same and other diseases stay apart."""
    return scores().model_copy(update={"mark": Catalogue(lang).mark})


@router.get("/fit")
def fit(lang: Lang) -> Taught:
    """What the shipped fit taught: misses first, then free numbers and variants."""
    found = taught()
    misses = [{**row, "label": target_in(lang, row["target"])} for row in found["misses"]]
    numbers = [{**row, "label": card_name(row["card"], lang)} for row in found["numbers"]]
    outcomes = {
        name: {**one, "sentence": in_words(lang, one["sentence"])}
        for name, one in found["bias"]["outcomes"].items()
    }
    bias = {**found["bias"], "outcomes": outcomes}
    return Taught.model_validate({**found, "misses": misses, "numbers": numbers, "bias": bias})
