"""Credibility: the scoreboard, misses first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hepatrial.calibration.shipped import taught
from hepatrial.prediction.scoreboard import RIVALS
from hepatrial.web.api.credibility import scores
from hepatrial.web.pages import page

router = APIRouter(include_in_schema=False)

NAMES = {
    "map_control": "MAP control",
    "severity_score": "severity score",
    "no_effect": "no effect",
}
"""Rival -> its name in the tables."""


@router.get("/credibility")
def credibility(request: Request) -> HTMLResponse:
    """The stored scores."""
    told, fit = scores(), taught()
    misses = [
        {**miss, "role": row.get("role", "predicted")} for row in told.classes for miss in row["misses"]
    ]
    rivals = [(rival, NAMES.get(rival, rival.replace("_", " "))) for rival in RIVALS]
    return page(
        request, "credibility.html.j2", "credibility", scores=told, misses=misses, rivals=rivals, fit=fit
    )
