"""Designs side by side."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hepatrial.report.catalogue import Catalogue
from hepatrial.web.api.runs import RunOut, Strategy, told
from hepatrial.web.language import translate
from hepatrial.web.problems import RESPONSES
from hepatrial.web.sides import chosen_of, comparable, differences, results_table
from hepatrial.web.state import Lang, Served

router = APIRouter(prefix="/api/compare", tags=["runs"], responses=RESPONSES)


class Row(BaseModel):
    """A result of each run."""

    label: str
    cells: list[str]


class Difference(BaseModel):
    """An entry of the protocol in which the runs differ."""

    place: str = Field(description="In the protocol file.")
    label: str = Field(description="By the labels of the form.")
    cells: list[str] = Field(description="As the runs have it; empty where one has no such entry.")


class CompareOut(BaseModel):
    """Up to four finished runs side by side, the earliest first."""

    runs: list[RunOut]
    left_out: int = Field(description="Runs asked for that are not finished, unknown, or beyond four.")
    comparable: bool = Field(description="False where more than treatment differs between the designs.")
    results: list[Row]
    differences: list[Difference]
    mark: str


@router.get("")
def compare(
    server: Served,
    lang: Lang,
    run: Annotated[list[str], Query(max_length=50, description="Id of a run; give it once for each.")],
    strategy: Strategy = "treatment_policy",
) -> CompareOut:
    """Survival by arm under one way of handling transplants, its differences, where the designs differ."""
    chosen, left_out = chosen_of(server, run)
    rows = results_table(server, chosen, strategy, lang, partial(translate, lang))
    return CompareOut(
        runs=[told(server, one, lang) for one in chosen],
        left_out=left_out,
        comparable=comparable(chosen),
        results=[Row(**row) for row in rows],
        differences=[Difference(**row) for row in differences(chosen, lang)],
        mark=Catalogue(lang).mark,
    )
