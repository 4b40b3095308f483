"""Credibility: the scoreboard, misses first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hepatrial.prediction.scoreboard import CONTROL_CLASS, RIVALS, role_of
from hepatrial.web.api.credibility import fit, scores
from hepatrial.web.pages import page
from hepatrial.web.state import Lang
from hepatrial.web.targets import predicted_in

router = APIRouter(include_in_schema=False)

NAMES = {
    "map_control": "MAP control",
    "severity_score": "severity score",
    "no_effect": "no effect",
}
"""Rival -> its name in the tables."""


@router.get("/credibility")
def credibility(request: Request, lang: Lang) -> HTMLResponse:
    """The stored scores."""
    told, taught = scores(), fit(lang)
    misses = [
        {**miss.model_dump(), "study": predicted_in(lang, miss.study), "role": role_of(row.name)}
        for row in told.classes
        if row.name != CONTROL_CLASS  # its numbers stand in other classes too
        for miss in row.misses
    ]
    rivals = [(rival, NAMES.get(rival, rival.replace("_", " "))) for rival in RIVALS]
    return page(
        request, "credibility.html.j2", "credibility", scores=told, misses=misses, rivals=rivals, fit=taught
    )
