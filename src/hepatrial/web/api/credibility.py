"""Credibility: how stored predictions of published studies scored, misses first."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from hepatrial.calibration.shipped import taught
from hepatrial.prediction.scoreboard import (
    beside,
    left_out_class,
    scoreboard,
    staleness,
    stored_draws,
    stored_left_out,
)
from hepatrial.web.problems import RESPONSES

router = APIRouter(prefix="/api/credibility", tags=["credibility"], responses=RESPONSES)


class Scores(BaseModel):
    """The scoreboard."""

    classes: list[dict[str, Any]]
    draws: int
    seed: int
    model: str
    ensemble: dict[str, Any]
    stale: str
    mark: str


@lru_cache(maxsize=1)
def scores() -> Scores:
    """The stored scores, computed once."""
    table, notes = stored_draws()
    classes = scoreboard(beside(table))
    if (without := stored_left_out()) is not None:
        classes.append(left_out_class(without))
    return Scores(
        classes=classes,
        draws=notes["draws"],
        seed=notes["seed"],
        model=notes["model_hash"],
        ensemble=notes["ensemble"],
        stale=staleness(notes),
        mark=notes["mark"],
    )


@router.get("/scores")
def told() -> Scores:
    """One object a class; fitted and predicted, levels and contrasts, same and other diseases stay apart."""
    return scores()


@router.get("/fit")
def fit() -> dict[str, Any]:
    """What the shipped fit taught: misses first, then free numbers and variants."""
    return taught()
