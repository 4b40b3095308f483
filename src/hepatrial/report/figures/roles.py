"""How the standing of a published number is drawn: fitted, predicted, or an unverified article's."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import QUIET, Frame, Rows

OWN_ROLE_KEY = {"scale": {"shape": "independent", "fill": "independent", "stroke": "independent"}}
"""How layers with ``published_marks`` resolve their scales: the key of roles has a filling of its own."""

SHAPES = {"fitted": "diamond", "predicted": "square", "article": "circle"}


def published_marks(
    rows: list[dict[str, Any]], x: Any, y: Any, frame: Frame, t: Catalogue, rows_of: Rows
) -> list[Any]:
    """Layers with the marks of published numbers and their legend.

    Fitted and predicted numbers are filled, an article's are hollow. The legend hangs on an invisible layer,
    so that it can show the filling in a neutral colour.

    Args:
        rows: ``arm`` (label), ``role``, and the fields of ``x`` and ``y``.
        x, y: position channels.
        frame: the common look.
        t: texts.
        rows_of: the drawing's data.
    """
    present = [role for role in SHAPES if any(row["role"] == role for row in rows)]
    shapes = alt.Scale(domain=list(SHAPES), range=list(SHAPES.values()))
    shape = alt.Shape("role:N", scale=shapes, legend=None)
    colour = alt.Color("arm:N", scale=frame.colours(), legend=None)
    layers = []
    for hollow in (False, True):
        chosen = [row for row in rows if (row["role"] == "article") == hollow]
        if chosen:
            mark: dict[str, Any] = {"fill": "white"} if hollow else {"filled": True}
            points = alt.Chart(rows_of(chosen)).mark_point(size=90, strokeWidth=2, opacity=1, **mark)
            layers.append(points.encode(x=x, y=y, color=colour, shape=shape))
    words = [t(f"role.{role}") for role in present]
    legend = alt.Legend(
        orient="top",
        title=None,
        direction="vertical" if frame.narrow else "horizontal",
        symbolStrokeColor=QUIET,
        symbolStrokeWidth=1.6,
        symbolOpacity=1,
        symbolSize=80,
    )
    outline = alt.Scale(domain=words, range=[QUIET] * len(words))
    fills = ["white" if role == "article" else QUIET for role in present]
    key = alt.Chart(rows_of([{"key": word} for word in words])).mark_point(opacity=0)
    layers.append(
        key.encode(
            x=alt.value(0),
            y=alt.value(0),
            shape=alt.Shape(
                "key:N",
                scale=alt.Scale(domain=words, range=[SHAPES[role] for role in present]),
                legend=legend,
            ),
            fill=alt.Fill("key:N", scale=alt.Scale(domain=words, range=fills), legend=legend),
            stroke=alt.Stroke("key:N", scale=outline, legend=legend),
        )
    )
    return layers
