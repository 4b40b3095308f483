"""Figures of the pages about the model, drawn from the model when the documentation is built.

One for each process, of people in whom no event strikes. Every one carries the mark; whatever is treated or
ill is shown beside its control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from hepatrial.calibration.donors import HEALTHY
from hepatrial.engine import Impulses, compile_model, simulate
from hepatrial.model import load_patient_model
from hepatrial.report.style import Frame, Rows, finish, heading, layered, side_by_side, to_svg
from hepatrial.schema import MARK

DOCS = Path(__file__).parent
REMNANTS = (0.6, 0.4, 0.25, 0.15)
ROUTES = {"peripheral vein": 0.0, "hepatic artery": 1.0}
"""Route -> share of the cells that reaches the liver first."""
INSULTS = {"no insult": 0.0, "an insult": 4.0, "three times the insult": 12.0}
"""Label -> size of a paracetamol-like insult on day 0."""
CAPTIONS = {
    "liver": "A healthy liver cut to a remnant grows back above a threshold and collapses below it.",
    "immunity": "After an insult macrophages drive TNF; calming messengers and paralysis follow it.",
    "repair": "Scar raises the pressure in the portal vein, and with lost synthesis ascites gathers.",
    "growth_factor": "Five days of G-CSF release white cells from the marrow and do nothing else.",
    "laboratory": "What a laboratory reports after an insult: enzymes and INR first, bilirubin later.",
    "circulation": "Vessels widen and lactate rises with the inflammation that an insult leaves.",
    "msc_kinetics": "Cells from a peripheral vein stay in the lung, cells given into the hepatic artery "
    "begin in the liver; both live for hours (the two curves coincide).",
    "care": "Plasma exchange on three days takes bilirubin out of the blood at once; the work of the liver "
    "hardly moves.",
    "hazards": "Probability of being alive, as the hazard of death of each course implies.",
}
"""Process -> what its figure shows."""

Doses = Sequence[tuple[int, float, str, float]]
"""Row, day, action, amount."""
Lines = Mapping[str, tuple[Any, Any]]
"""Label -> x, y."""


def courses(
    changes: Mapping[str, Any],
    days: Any,
    outputs: tuple[str, ...],
    start: Mapping[str, Any],
    doses: Doses = (),
) -> Any:
    """(n, n_days, n_outputs) of healthy people with some parameters or states changed, no event striking.

    Args:
        changes: parameter -> (n,) values.
        days: (n_days,) to record.
        outputs: names.
        start: state -> (n,) values at day 0.
        doses: what is given.
    """
    spec = load_patient_model()
    n = len(next(iter({**changes, **start}.values())))
    parameters = np.tile(spec.default_parameters, (n, 1))
    for name, value in {**HEALTHY, **changes}.items():
        parameters[:, spec.parameters.index(name)] = value
    state = spec.initial_states(parameters)
    for name, value in start.items():
        state[:, spec.states.index(name)] = value
    luck = np.full((n, len(spec.hazards), 1), np.inf)
    given = None
    if doses:
        rows, when, what, amount = (np.array(column) for column in zip(*doses, strict=True))
        actions = np.array([spec.actions.index(name) for name in what])
        given = Impulses(rows, when.astype(float), actions, amount.astype(float))
    result = simulate(
        compile_model(spec), parameters, state, luck, np.tile(days, (n, 1)), np.full(n, float(days[-1])),
        impulses=given, outputs=outputs,
    )  # fmt: skip
    return result.values


def drawing(name: str, panels: Mapping[str, Lines], x: str = "days") -> str:
    """Panels of lines by label, side by side, as one SVG; the first label is the control of all."""
    labels = tuple(dict.fromkeys(label for lines in panels.values() for label in lines))
    told = {label: label for label in labels}
    frame = Frame(MARK["en"], f"model {load_patient_model().hash[:12]}", labels, labels[:1], told)
    rows_of = Rows()
    columns = min(len(panels), 3)
    views = [_panel(title, lines, x, frame, rows_of, 600 // columns - 50) for title, lines in panels.items()]
    return to_svg(finish(side_by_side(views, columns), frame, rows_of), name, CAPTIONS[name], CAPTIONS[name])


def _panel(title: str, lines: Lines, x: str, frame: Frame, rows_of: Rows, width: int) -> dict[str, Any]:
    rows = [
        {"who": label, "x": float(a), "y": float(f"{b:.5g}")}
        for label, (xs, ys) in lines.items()
        for a, b in zip(xs, ys, strict=True)
    ]
    chart = (
        alt.Chart(rows_of(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("x:Q", axis=alt.Axis(title=x, grid=False, tickCount=5), scale=alt.Scale(nice=False)),
            y=alt.Y("y:Q", axis=alt.Axis(title=None, tickCount=5), scale=alt.Scale(zero=True)),
            color=alt.Color("who:N", scale=frame.colours(), legend=frame.arm_legend()),
            strokeDash=alt.StrokeDash("who:N", scale=frame.dashes(), legend=frame.arm_legend()),
        )
    )
    return layered(chart, width=width, height=170, title=heading(title))


def panelled(labels: Sequence[str], titles: Sequence[str], days: Any, shown: Any) -> dict[str, Lines]:
    """Panels of ``shown`` (label, day, title)."""
    return {
        title: {label: (days, shown[row, :, i]) for row, label in enumerate(labels)}
        for i, title in enumerate(titles)
    }


def by_insult(name: str, outputs: Mapping[str, str], last: float) -> str:
    """Outputs (name -> title) of a process to a last day, after insults of growing size."""
    days = np.linspace(0, last, 241)
    start = {"insult": np.array(list(INSULTS.values()))}
    shown = courses({}, days, tuple(outputs), start)
    return drawing(name, panelled(tuple(INSULTS), tuple(outputs.values()), days, shown))


def liver() -> str:
    """Remnants after resection: recovery above a threshold, collapse below."""
    days = np.linspace(0.5, 120, 240)
    shown = courses({}, days, ("function_mass",), {"healthy_cells": np.array(REMNANTS)})
    lines = {f"remnant {100 * r:.0f} %": (days, shown[i, :, 0]) for i, r in enumerate(REMNANTS)}
    return drawing("liver", {"Work of the liver (healthy 1)": lines})


def immunity() -> str:
    """Messengers after an insult."""
    panels = {"tnf": "TNF (severe ACLF 1)", "calming": "Calming messengers", "paralysis": "Immune paralysis"}
    return by_insult("immunity", panels, 28)


def repair() -> str:
    """A scarred liver beside a whole one."""
    days = np.linspace(0, 180, 181)
    scar = {"cirrhosis": np.array([0.0, 1.0, 1.0])}
    start = {"insult": np.array([0.0, 0.0, 4.0])}
    outputs = {"collagen": "Collagen", "portal_pressure": "Portal pressure (index)", "ascites": "Ascites, L"}
    shown = courses(scar, days, tuple(outputs), start)
    labels = ("no scar", "cirrhosis", "cirrhosis and an insult")
    return drawing("repair", panelled(labels, tuple(outputs.values()), days, shown))


def growth_factor() -> str:
    """G-CSF on five days beside nothing."""
    days = np.linspace(0, 14, 281)
    doses = [(1, float(day), "give_gcsf", 5.0) for day in range(5)]
    shown = courses({}, days, ("wbc", "function_mass"), {"insult": np.array([4.0, 4.0])}, doses)
    labels = ("no G-CSF", "5 ug/kg on days 0 to 4")
    titles = ("White cells, 1e9/L", "Work of the liver (healthy 1)")
    return drawing("growth_factor", panelled(labels, titles, days, shown))


def laboratory() -> str:
    """Reported values after an insult."""
    return by_insult("laboratory", {"alt": "ALT, U/L", "inr": "INR", "bilirubin": "Bilirubin, umol/L"}, 60)


def circulation() -> str:
    """Pressure, gas exchange and lactate after an insult."""
    panels = {"map": "Arterial pressure, mmHg", "pf_ratio": "PaO2/FiO2, mmHg", "lactate": "Lactate, mmol/L"}
    return by_insult("circulation", panels, 28)


def msc_kinetics() -> str:
    """Living cells in the lung and the liver by route, beside no infusion."""
    days = np.linspace(0.01, 4, 200)
    share = np.array(list(ROUTES.values()))
    doses = [(row, 0.0, "infuse_cells", 1.0) for row in range(len(share))]
    shown = courses({"route_liver_share": share}, days, ("cells_lung", "cells_liver"), {}, doses)
    lines: dict[str, tuple[Any, Any]] = {"no infusion": (days, np.zeros(len(days)))}
    for i, route in enumerate(ROUTES):
        for j, organ in enumerate(("lung", "liver")):
            if shown[i, :, j].max() > 1e-3:
                lines[f"{organ}, {route}"] = (days, shown[i, :, j])
    return drawing("msc_kinetics", {"Living cells (1e6/kg) after 1e6/kg": lines})


def care() -> str:
    """Plasma exchange on three days beside none: the blood changes, the organ does not."""
    days = np.linspace(0, 28, 281)
    doses = [(1, day, "plasma_exchange", 1.0) for day in (7.0, 9.0, 11.0)]
    shown = courses(
        {}, days, ("bilirubin", "inr", "function_mass"), {"insult": np.array([12.0, 12.0])}, doses
    )
    labels = ("no exchange", "exchange on days 7, 9, 11")
    titles = ("Bilirubin, umol/L", "INR", "Work of the liver (healthy 1)")
    return drawing("care", panelled(labels, titles, days, shown))


def hazards() -> str:
    """Survival that the cumulative hazard of death implies, after insults of growing size."""
    days = np.linspace(0, 90, 181)
    shown = courses({}, days, ("H_death",), {"insult": np.array(list(INSULTS.values()))})
    alive = np.exp(-shown[:, :, 0])
    return drawing("hazards", {"Alive": {label: (days, alive[row]) for row, label in enumerate(INSULTS)}})


FIGURES = (liver, immunity, repair, growth_factor, laboratory, circulation, msc_kinetics, care, hazards)


def write_generated() -> None:
    """Write the figures where the pages look for them."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    for draw in FIGURES:
        (folder / f"{draw.__name__}.svg").write_text(draw(), encoding="utf-8")
