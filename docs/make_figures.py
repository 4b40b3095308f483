"""Figures of the pages about the model, drawn from the model when the documentation is built.

Every one carries the mark; arms are shown beside their control.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def courses(
    changes: Mapping[str, Any], days: Any, outputs: tuple[str, ...], start: Mapping[str, Any], dose: float
) -> Any:
    """(n, n_days, n_outputs) of healthy people with some parameters or states changed, no event striking.

    Args:
        changes: parameter -> (n,) values.
        days: (n_days,) to record.
        outputs: names.
        start: state -> (n,) values at day 0.
        dose: 1e6 viable cells/kg on day 0.
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
    impulses = None
    if dose:
        action = spec.actions.index("infuse_cells")
        impulses = Impulses(np.arange(n), np.zeros(n), np.full(n, action), np.full(n, dose))
    result = simulate(
        compile_model(spec), parameters, state, luck, np.tile(days, (n, 1)), np.full(n, float(days[-1])),
        impulses=impulses, outputs=outputs,
    )  # fmt: skip
    return result.values


def line_chart(lines: Mapping[str, tuple[Any, Any]], title: str, x: str, first: str) -> str:
    """Lines by label as one SVG, the first label in the control's colour."""
    labels = {name: name for name in lines}
    frame = Frame(MARK["en"], load_patient_model().hash[:12], tuple(lines), (first,), labels)
    rows_of = Rows()
    rows = [
        {"who": name, "x": float(a), "y": float(f"{b:.5g}")}
        for name, (xs, ys) in lines.items()
        for a, b in zip(xs, ys, strict=True)
    ]
    chart = (
        alt.Chart(rows_of(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("x:Q", axis=alt.Axis(title=x, grid=False), scale=alt.Scale(nice=False)),
            y=alt.Y("y:Q", axis=alt.Axis(title=None), scale=alt.Scale(zero=True)),
            color=alt.Color("who:N", scale=frame.colours(), legend=frame.arm_legend()),
            strokeDash=alt.StrokeDash("who:N", scale=frame.dashes(), legend=frame.arm_legend()),
        )
    )
    view = side_by_side([layered(chart, width=560, height=220, title=heading(title))], 1)
    return to_svg(finish(view, frame, rows_of), title.split()[0].lower(), title, title)


def regrowth() -> str:
    """Remnants after resection: recovery above a threshold, collapse below."""
    days = np.linspace(0.5, 120, 240)
    shown = courses({}, days, ("function_mass",), {"healthy_cells": np.array(REMNANTS)}, 0.0)
    lines = {f"remnant {100 * r:.0f} %": (days, shown[i, :, 0]) for i, r in enumerate(REMNANTS)}
    title = "Regrowth: work of the liver (healthy 1) after a healthy liver was cut to a remnant"
    return line_chart(lines, title, "days", f"remnant {100 * REMNANTS[0]:.0f} %")


def cells() -> str:
    """Living cells in the lung and the liver by route, beside no infusion."""
    days = np.linspace(0.01, 4, 200)
    share = np.array(list(ROUTES.values()))
    shown = courses({"route_liver_share": share}, days, ("cells_lung", "cells_liver"), {}, 1.0)
    lines: dict[str, tuple[Any, Any]] = {"no infusion": (days, np.zeros(len(days)))}
    for i, route in enumerate(ROUTES):
        for j, organ in enumerate(("lung", "liver")):
            if shown[i, :, j].max() > 1e-3:
                lines[f"{organ}, {route}"] = (days, shown[i, :, j])
    title = "Cells: living cells (1e6/kg) after one infusion of 1e6/kg"
    return line_chart(lines, title, "days", "no infusion")


FIGURES = {"regrowth": regrowth, "cells": cells}


def write_generated() -> None:
    """Write the figures where the pages look for them."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / f"{name}.svg").write_text(draw(), encoding="utf-8")
