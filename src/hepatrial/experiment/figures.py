"""Figures of the experiments in the house style: one for each panel, mark and hash in its foot."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.experiment.types import Curve, Experiment
from hepatrial.experiment.words import word
from hepatrial.report.style import Frame, Rows, finish, heading, layered, side_by_side, to_svg
from hepatrial.schema import MARK

WIDTH = 520
LOG_X = frozenset(("by_gradient", "by_dose"))
"""Panels whose horizontal axis grows in proportion; 0 keeps a place of its own."""


def drawings(experiment: Experiment, lang: str, width: int = WIDTH) -> dict[str, str]:
    """Panel -> SVG, in the order of the curves."""
    panels = dict.fromkeys(curve.panel for curve in experiment.curves)
    return {
        panel: _draw(experiment, panel, [c for c in experiment.curves if c.panel == panel], lang, width)
        for panel in panels
    }


def _draw(experiment: Experiment, panel: str, curves: list[Curve], lang: str, width: int) -> str:
    title = word("panels", panel, lang)
    return to_svg(
        panel_figure(experiment, panel, curves, lang, width),
        f"{experiment.name}-{panel}-{width}",
        title,
        f"{title}. {MARK[lang]}",
    )


def panel_figure(
    experiment: Experiment, panel: str, curves: list[Curve], lang: str, width: int
) -> dict[str, Any]:
    """A panel as Vega-Lite.

    Raises:
        ValueError: treated cells or animals without a control.
    """
    names = [curve.series for curve in sorted(curves, key=lambda curve: not curve.control)]
    frame = Frame(
        mark=MARK[lang],
        stamp=word("words", "stamp", lang).format(hash=experiment.hash[:12]),
        arms=tuple(names),
        controls=tuple(curve.series for curve in curves if curve.control),
        labels={name: word("series", name, lang) for name in names},
        width=width,
    )
    frame.require_control(set(names))
    rows_of = Rows()
    rows = [
        {"series": frame.labels[curve.series], "x": x, "y": float(f"{y:.5g}")}
        for curve in curves
        for x, y in zip(curve.x, curve.y, strict=True)
    ]
    legend = alt.Legend(
        orient="top", title=None, columns=2, symbolType="stroke", symbolSize=400, symbolStrokeWidth=2.4,
        symbolOpacity=1, symbolFillColor="transparent",
    )  # fmt: skip
    scale = alt.Scale(type="symlog", constant=0.1, nice=False) if panel in LOG_X else alt.Scale(nice=False)
    ticks = {"values": list(curves[0].x), "format": ".3~g"} if panel in LOG_X else {"tickCount": 7}
    x = alt.X("x:Q", scale=scale, axis=alt.Axis(title=word("panels", panel, lang, "x"), grid=False, **ticks))
    y = alt.Y("y:Q", axis=alt.Axis(title=word("panels", panel, lang, "y"), tickCount=5))
    line = (
        alt.Chart(rows_of(rows))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=x,
            y=y,
            color=alt.Color("series:N", scale=frame.colours(), legend=legend),
            strokeDash=alt.StrokeDash("series:N", scale=frame.dashes(), legend=legend),
        )
    )
    view = layered(line, width=width - 80, height=190, title=heading(word("panels", panel, lang)))
    # A foot belongs to the whole drawing, a heading to its one view.
    return finish(side_by_side([view], 1), frame, rows_of)
