"""Runs: history, one run, up to four side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hepatrial.protocol import list_protocols, load_protocol, protocol_from_dict
from hepatrial.report import sentences
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.gather import gather
from hepatrial.report.spread import MIN_REPLICATES
from hepatrial.report.strategies import STRATEGIES
from hepatrial.report.style import to_svg
from hepatrial.report.wording import percent, points
from hepatrial.web import downloads, figures
from hepatrial.web.api.runs import Strategy, title_of, told
from hepatrial.web.changes import changes_of, flat
from hepatrial.web.jobs.registry import Run
from hepatrial.web.pages import page, translator
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
SIDES = 4


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
    protocol = protocol_from_dict(found.request["protocol"])
    context: dict[str, Any] = {
        "run": told(server, found, lang),
        "strategies": STRATEGIES,
        "arms": _arms(found, lang),
        "changes": _changes(found),
        "command": downloads.command(found),
        "files": downloads.GROUPS,
        "texts": {key: said(text) for key, text in TEXTS.items()},
        "answer": [],
        "rows": [],
        "few": found.request["options"]["replicates"] < MIN_REPLICATES,
    }
    if found.state == "done":
        context["rows"] = _strategies(server, found, protocol.endpoints.primary.week)
        context["answer"] = sentences.answer(
            gather(downloads.opened(server, found)), downloads.results(server, found), Catalogue(lang)
        )
    return page(request, "run.html.j2", "runs", **context)


def _arms(run: Run, lang: str) -> list[dict[str, Any]]:
    protocol = protocol_from_dict(run.request["protocol"])
    order = (protocol.control_arm, *protocol.other_arms)
    return [
        {
            "name": name,
            "label": protocol.arms[name].text("label", lang),
            "control": name == protocol.control_arm,
        }
        for name in order
    ]


def _changes(run: Run) -> list[Any]:
    if run.origin not in list_protocols():
        return []
    return changes_of(load_protocol(run.origin).as_dict(), run.request["protocol"])


def _strategies(server: Server, run: Run, week: float) -> list[dict[str, Any]]:
    """Each arm and each difference under every strategy at the primary week, from the finished run."""
    kept = server.folders(run.id).read("curves.json") or {}
    return [{"strategy": name, "week": week, **row} for name, row in kept.get("landmarks", {}).items()]


@router.get("/compare")
def compare(
    request: Request,
    server: Served,
    lang: Lang,
    run: Annotated[list[str], Query(max_length=50)] = [],  # noqa: B006 (FastAPI copies it)
    strategy: Strategy = "treatment_policy",
) -> HTMLResponse:
    """Up to four finished runs side by side, the earliest first."""
    chosen = [one for one in reversed(server.registry.list("done")) if one.id in run][:SIDES]
    sides = [_side(server, one, lang, strategy) for one in chosen]
    context: dict[str, Any] = {
        **choice(server, lang),
        "chosen": {one.id for one in chosen},
        "left_out": len(set(run)) - len(chosen),
        "sides": sides,
        "strategy": strategy,
        "table": _table(server, chosen, strategy, lang, translator(request)),
        "differences": _differences(chosen),
        "few": any(one.request["options"]["replicates"] < MIN_REPLICATES for one in chosen),
        "comparable": len({_comparable(one) for one in chosen}) < 2,
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


def _comparable(run: Run) -> str:
    data = run.request["protocol"]
    return repr([data["population"], data["identity"]["definition"], data["follow_up"], data["selection"]])


def _table(server: Server, runs: list[Run], strategy: str, lang: str, said: Any) -> list[dict[str, Any]]:
    """Survival by arm and difference at each run's primary week."""
    if not runs:
        return []
    found = []
    for run in runs:
        protocol = protocol_from_dict(run.request["protocol"])
        week = protocol.endpoints.primary.week
        row = next((row for row in _strategies(server, run, week) if row["strategy"] == strategy), None)
        found.append((run, week, row, _arms(run, lang)))
    most = max(len(arms) for *_, arms in found)
    return [
        {"label": said("Primary week"), "cells": [f"{week:g}" for _, week, _, _ in found]},
        {"label": said("Patients in each trial"), "cells": [_size(run) for run, *_ in found]},
        *(
            {
                "label": said("Treated {n}", n=place) if place else said("Control"),
                "cells": [_arm(row, arms, place) for *_, row, arms in found],
            }
            for place in range(most)
        ),
        *(
            {
                "label": said("Difference {n}, points", n=place),
                "cells": [_gap(row, arms, place) for *_, row, arms in found],
            }
            for place in range(1, most)
        ),
    ]


def _size(run: Run) -> str:
    planned = protocol_from_dict(run.request["protocol"]).patients
    return str(run.request["options"]["patients"] or planned)


def _arm(row: dict[str, Any] | None, arms: list[dict[str, Any]], place: int) -> str:
    if row is None or place >= len(arms):
        return "–"
    x = row["arms"][arms[place]["name"]]
    interval = "" if x["low"] is None else f" ({percent(x['low'])} – {percent(x['high'])})"
    return f"{arms[place]['label']}: {percent(x['mean'])}{interval}"


def _gap(row: dict[str, Any] | None, arms: list[dict[str, Any]], place: int) -> str:
    if row is None or place >= len(arms):
        return "–"
    x = row["differences"][arms[place]["name"]]
    interval = "" if x["low"] is None else f" ({points(x['low'])} – {points(x['high'])})"
    return f"{points(x['mean'])}{interval}"


def _differences(runs: list[Run]) -> list[dict[str, Any]]:
    """Entries in which the protocols differ."""
    if len(runs) < 2:
        return []
    told = [dict(flat(run.request["protocol"])) for run in runs]
    places = dict.fromkeys(place for one in told for place in one)
    rows = []
    for place in places:
        cells = [one.get(place, "") for one in told]
        if len(set(cells)) > 1 and not place.startswith(("identity", "assumptions")):
            rows.append({"place": place, "cells": cells})
    return rows
