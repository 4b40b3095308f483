"""Points with whiskers, one line a name; two kinds side by side where there is a before and an after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hepatrial.report.style import (
    CONTROL_COLOUR,
    INK,
    TREATED_COLOURS,
    Frame,
    Rows,
    finish,
    lane_scale,
    layered,
    line_axis,
    wrap,
)


def ranked_points(
    rows: Sequence[dict[str, Any]], frame: Frame, *, x_title: str, kinds: Sequence[str]
) -> dict[str, Any]:
    """Points with their intervals.

    Args:
        rows: ``label`` and, for each kind, ``kind -> (value, low, high)``, in the order to be shown.
        frame: the common look.
        x_title: what the values are.
        kinds: one or two names, shown in the legend.
    """
    rows_of = Rows()
    shift = {kind: (i - (len(kinds) - 1) / 2) * 0.3 for i, kind in enumerate(kinds)}
    data = [
        {"lane": lane + shift[kind], "kind": kind, "value": value, "low": low, "high": high}
        for lane, row in enumerate(rows)
        for kind, (value, low, high) in row["values"].items()
        if value is not None
    ]
    limit = 150 if frame.narrow else 250
    axis = line_axis([wrap(row["label"], limit, 12) for row in rows], limit)
    colours = alt.Scale(domain=list(kinds), range=[CONTROL_COLOUR, TREATED_COLOURS[0]][-len(kinds) :])
    legend = alt.Legend(orient="top", title=None) if len(kinds) > 1 else None
    base = alt.Chart(rows_of(data)).encode(
        y=alt.Y("lane:Q", scale=lane_scale(len(rows)), axis=axis),
        color=alt.Color("kind:N", scale=colours, legend=legend),
    )
    title = wrap(x_title, frame.width - limit - 40, 12)
    x = alt.X("value:Q", scale=alt.Scale(nice=True, zero=True), axis=alt.Axis(title=title, tickCount=6))
    zero = alt.Chart(rows_of([{"zero": 0}])).mark_rule(color=INK, strokeWidth=1.2).encode(x="zero:Q")
    whiskers = base.mark_rule(strokeWidth=1.8).encode(x="low:Q", x2="high:Q")
    marks = base.mark_point(size=60, filled=True, opacity=1).encode(x=x)
    width, height = frame.width - limit - 34, (40 if frame.narrow else 30) * len(rows)
    return finish(layered(zero, whiskers, marks, width=width, height=height), frame, rows_of)
