"""The weights of the structural variants, before and after the fit, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import altair as alt
from markupsafe import Markup

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import (
    CONTROL_COLOUR,
    TREATED_COLOURS,
    Frame,
    Rows,
    finish,
    lane_scale,
    layered,
    line_axis,
    to_svg,
    wrap,
)
from hepatrial.web.language import translate


class Weighed(Protocol):
    """A variant with its weights."""

    name: str
    prior: float
    posterior: float


def drawings(rows: Sequence[Weighed], t: Catalogue, model: str) -> dict[str, Markup]:
    """The figure for a page and for a phone."""
    title = translate(t.lang, "Weight of each structural variant, before and after the fit")
    return {
        kind: Markup(to_svg(figure(rows, t, model, width), f"weights-{kind}", title, f"{title}. {t.mark}"))
        for kind, width in (("wide", 680), ("narrow", 350))
    }


def figure(rows: Sequence[Weighed], t: Catalogue, model: str, width: int) -> dict[str, Any]:
    """Two marks a variant, joined by a line.

    Args:
        rows: the variants.
        t: texts.
        model: hash of the model that was fitted.
        width: in CSS pixels.
    """
    stamp = translate(t.lang, "model {hash}", hash=model[:12])
    frame, rows_of = Frame(t.mark, stamp, (), (), {}, width), Rows()
    room = 150 if frame.narrow else 270
    names = [wrap(t.get(f"variant.{row.name}", row.name), room - 12, 12) for row in rows]
    before, after = translate(t.lang, "before"), translate(t.lang, "after")
    points = [
        {"lane": lane, "weight": value, "when": when}
        for lane, row in enumerate(rows)
        for when, value in ((before, row.prior), (after, row.posterior))
    ]
    joins = [{"lane": lane, "low": row.prior, "high": row.posterior} for lane, row in enumerate(rows)]
    y = alt.Y("lane:Q", scale=lane_scale(len(rows)), axis=line_axis(names, room))
    axis = alt.Axis(format=".0%", title=translate(t.lang, "Weight"), tickCount=5)
    x = alt.X("weight:Q", scale=alt.Scale(domain=[0, 0.3]), axis=axis)
    key = alt.Legend(orient="top", title=None, symbolSize=110)
    domain = [before, after]
    marks = alt.Chart(rows_of(points)).mark_point(size=90, strokeWidth=2, opacity=1, filled=False)
    view = layered(
        alt.Chart(rows_of(joins))
        .mark_rule(strokeWidth=1.4, color="#8a8a8a")
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        marks.encode(
            x=x,
            y=y,
            color=alt.Color(
                "when:N",
                scale=alt.Scale(domain=domain, range=[CONTROL_COLOUR, TREATED_COLOURS[0]]),
                legend=key,
            ),
            shape=alt.Shape("when:N", scale=alt.Scale(domain=domain, range=["circle", "square"]), legend=key),
        ),
        width=frame.width - room - 40,
        height=34 * len(rows),
    )
    return finish(view, frame, rows_of)
