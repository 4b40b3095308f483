"""Runs: history, one run, up to four side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hepatrial.report.spread import MIN_REPLICATES
from hepatrial.report.strategies import STRATEGIES
from hepatrial.report.style import to_svg
from hepatrial.web import downloads, figures
from hepatrial.web.api.runs import Strategy, changes_against_origin, findings, title_of, told
from hepatrial.web.jobs.registry import Run
from hepatrial.web.pages import page, translator
from hepatrial.web.sides import arms_of, chosen_of, comparable, differences, results_table
from hepatrial.web.state import Lang, RunId, Served, Server

router = APIRouter(include_in_schema=False)

TEXTS = {
    "queued": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "stopped",
    "waits": "Waits for its turn.",
    "first": "Following the first patients.",
    "admission": "Growing patients: {done} of {total} admitted.",
    "worlds": "Growing patients: {done} of {total} plausible settings.",
    "courses": "Following trials: {done} of {total} parts.",
    "report": "Writing the report.",
    "lost": "The server does not answer; trying again. The run goes on with the server.",
}


@router.get("/runs")
def runs(request: Request, server: Served, lang: Lang) -> HTMLResponse:
    """All runs."""
    rows = [told(server, run, lang) for run in server.registry.list()]
    return page(request, "runs.html.j2", "runs", runs=rows, folder=str(server.settings.data))


@router.get("/runs/{run}")
def one(request: Request, run: RunId, server: Served, lang: Lang) -> HTMLResponse:
    """A run, whatever its state."""
    found = server.run(run)
    said = translator(request)
    came = findings(run, server, lang) if found.state == "done" else None
    context: dict[str, Any] = {
        "run": told(server, found, lang),
        "strategies": STRATEGIES,
        "arms": arms_of(found, lang),
        "changes": changes_against_origin(found, lang),
        "command": downloads.command(found),
        "files": downloads.GROUPS,
        "texts": {key: said(text) for key, text in TEXTS.items()},
        "answer": came.sentences if came else [],
        "rows": came.strategies if came else [],
        "few": found.request["options"]["replicates"] < MIN_REPLICATES,
    }
    return page(request, "run.html.j2", "runs", **context)


@router.get("/compare")
def compare(
    request: Request,
    server: Served,
    lang: Lang,
    run: Annotated[list[str], Query(max_length=50)] = [],  # noqa: B006 (FastAPI copies it)
    strategy: Strategy = "treatment_policy",
) -> HTMLResponse:
    """Up to four finished runs side by side, the earliest first."""
    chosen, left_out = chosen_of(server, run)
    sides = [_side(server, one, lang, strategy) for one in chosen]
    context: dict[str, Any] = {
        **choice(server, lang),
        "chosen": {one.id for one in chosen},
        "left_out": left_out,
        "sides": sides,
        "strategy": strategy,
        "table": results_table(server, chosen, strategy, lang, translator(request)),
        "differences": differences(chosen, lang),
        "few": any(one.request["options"]["replicates"] < MIN_REPLICATES for one in chosen),
        "comparable": comparable(chosen),
    }
    return page(request, "compare.html.j2", "runs", **context)


def choice(server: Server, lang: str) -> dict[str, Any]:
    """What the choice of runs to compare shows: those that are finished, and the strategies."""
    rows = [told(server, one, lang) for one in server.registry.list("done")]
    return {"finished": rows, "strategies": STRATEGIES}


def _side(server: Server, run: Run, lang: str, strategy: str) -> dict[str, Any]:
    found = figures.survival(server, run, lang, strategy, 400)
    svg = to_svg(found["spec"], f"side-{run.id}", title_of(run, lang), found["caption"])
    return {"run": told(server, run, lang), "figure": Markup(svg), "caption": found["caption"]}
