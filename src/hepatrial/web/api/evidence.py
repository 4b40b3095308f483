"""The evidence base: trials, pools, pending trials, certainty, forests, risk of bias."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from hepatrial.claims.drawings import forest_drawing
from hepatrial.evidence.base import Base, load_base
from hepatrial.evidence.certainty import certainty_table
from hepatrial.evidence.contrasts import outcomes
from hepatrial.web.problems import RESPONSES, Refused
from hepatrial.web.state import Lang

router = APIRouter(prefix="/api/evidence", tags=["evidence"], responses=RESPONSES)


class Entry(BaseModel):
    """An entry of the base."""

    id: str
    kind: str
    name: str
    about: str
    numbers: int


@lru_cache(maxsize=1)
def base_now() -> Base:
    """The base with the user's trials, read once."""
    return load_base()


@router.get("")
def listing() -> list[Entry]:
    """Trials, cohorts, meta-analyses and pending trials."""
    base = base_now()
    found = [
        Entry(id=t.id, kind=t.kind, name=t.name, about=t.disease, numbers=len(t.figures))
        for t in base.trials.values()
    ]
    found += [
        Entry(id=p.id, kind="meta_analysis", name=p.citation, about=p.scope, numbers=len(p.results))
        for p in base.pools.values()
    ]
    found += [
        Entry(id=e.id, kind="pending", name=e.name, about=e.product, numbers=0) for e in base.pending.values()
    ]
    return found


@router.get("/certainty")
def certainty() -> list[dict[str, Any]]:
    """Certainty (GRADE) of each outcome, with every step down."""
    return [row.as_dict() for row in certainty_table(base_now())]


@router.get("/forest/{outcome}")
def forest(outcome: str, lang: Lang, width: Annotated[int, Query(ge=280, le=1200)] = 680) -> dict[str, Any]:
    """The forest of an outcome as Vega-Lite; real trials only."""
    known = outcomes(base_now())
    if outcome not in known:
        raise Refused(404, f"There is no outcome {outcome!r}.", f"One of {', '.join(known)}.")
    return _forest(outcome, lang, width)


@lru_cache(maxsize=64)
def _forest(outcome: str, lang: str, width: int) -> dict[str, Any]:
    return forest_drawing(base_now(), outcome, lang=lang, width=width)


@router.get("/{entry}")
def one(entry: str) -> dict[str, Any]:
    """An entry: design, arms, every number with place and grade, risk of bias."""
    base = base_now()
    for entries in (base.trials, base.pools, base.pending):
        if entry in entries:
            found: dict[str, Any] = entries[entry].model_dump(mode="json")
            return found
    raise Refused(404, f"There is no entry {entry!r}.", "GET /api/evidence lists them.")
