"""Designs side by side: what the page and the API say of up to four finished runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hepatrial.protocol import protocol_from_dict
from hepatrial.report.wording import percent, points
from hepatrial.web.changes import flat
from hepatrial.web.forms import entry_label
from hepatrial.web.jobs.registry import Run
from hepatrial.web.state import Server

SIDES = 4
"""Designs that stand beside each other at most."""


def chosen_of(server: Server, asked: list[str]) -> tuple[list[Run], int]:
    """The finished ones of the runs asked for, the earliest first, and how many are left out."""
    chosen = [one for one in reversed(server.registry.list("done")) if one.id in asked][:SIDES]
    return chosen, len(set(asked)) - len(chosen)


def arms_of(run: Run, lang: str) -> list[dict[str, Any]]:
    """The arms of a run, its control first."""
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


def strategies_of(server: Server, run: Run, week: float) -> list[dict[str, Any]]:
    """Each arm and each difference under every strategy at the primary week, from the finished run."""
    kept = server.folders(run.id).read("curves.json") or {}
    return [{"strategy": name, "week": week, **row} for name, row in kept.get("landmarks", {}).items()]


def comparable(runs: list[Run]) -> bool:
    """Whether the designs differ in treatment alone."""
    return len({_besides_treatment(run) for run in runs}) < 2


def _besides_treatment(run: Run) -> str:
    data = run.request["protocol"]
    return repr([data["population"], data["identity"]["definition"], data["follow_up"], data["selection"]])


def results_table(
    server: Server, runs: list[Run], strategy: str, lang: str, said: Callable[..., str]
) -> list[dict[str, Any]]:
    """Survival by arm and difference at each run's primary week."""
    if not runs:
        return []
    found = []
    for run in runs:
        protocol = protocol_from_dict(run.request["protocol"])
        week = protocol.endpoints.primary.week
        row = next((row for row in strategies_of(server, run, week) if row["strategy"] == strategy), None)
        size = str(run.request["options"]["patients"] or protocol.patients)
        found.append((size, week, row, arms_of(run, lang)))
    most = max(len(arms) for *_, arms in found)
    return [
        {"label": said("Primary week"), "cells": [f"{week:g}" for _, week, _, _ in found]},
        {"label": said("Patients in each trial"), "cells": [size for size, *_ in found]},
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


def _arm(row: dict[str, Any] | None, arms: list[dict[str, Any]], place: int) -> str:
    if row is None or place >= len(arms):
        return "–"
    return f"{arms[place]['label']}: {_ranged(row['arms'][arms[place]['name']], percent)}"


def _gap(row: dict[str, Any] | None, arms: list[dict[str, Any]], place: int) -> str:
    if row is None or place >= len(arms):
        return "–"
    return _ranged(row["differences"][arms[place]["name"]], points)


def _ranged(x: dict[str, Any], written: Callable[[float], str]) -> str:
    """A mean with the range of 95 % of trials, where there are enough of them for one."""
    interval = "" if x["low"] is None else f" ({written(x['low'])} – {written(x['high'])})"
    return f"{written(x['mean'])}{interval}"


def differences(runs: list[Run], lang: str) -> list[dict[str, Any]]:
    """Entries in which the protocols differ, each by its place in the file and by the form's labels."""
    if len(runs) < 2:
        return []
    told = [dict(flat(run.request["protocol"])) for run in runs]
    places = dict.fromkeys(place for one in told for place in one)
    rows = []
    for place in places:
        cells = [one.get(place, "") for one in told]
        if len(set(cells)) > 1 and not place.startswith(("identity", "assumptions")):
            first = next(run for run, one in zip(runs, told, strict=True) if place in one)
            label = entry_label(place, first.request["protocol"], lang)
            rows.append({"place": place, "label": label, "cells": cells})
    return rows
