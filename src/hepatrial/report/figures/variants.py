"""Difference between counterfactual arms by structural variant, with Monte-Carlo error and prior weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import (
    INK,
    QUIET,
    TREATED_COLOURS,
    Frame,
    Rows,
    finish,
    lane_scale,
    layered,
    line_axis,
    wrap,
)
from hepatrial.report.wording import percent


def difference_by_variant(
    rows: Sequence[dict[str, Any]],
    frame: Frame,
    t: Catalogue,
    *,
    average: float,
    published: dict[str, Any] | None,
    x_title: str,
) -> dict[str, Any]:
    """Marginal survival difference (treated minus control) of every variant.

    Args:
        rows: ``label``, ``weight``, ``difference``, ``mcse`` (shares), in the order to be shown.
        frame: the common look.
        t: texts.
        average: difference averaged over the variants by weight.
        published: ``difference``, ``low``, ``high`` of the publication, or None.
        x_title: what the difference is.
    """
    rows_of = Rows()
    data = [
        {
            "lane": lane,
            "label": f"{row['label']} ({percent(row['weight'], 0)})",
            "difference": 100 * row["difference"],
            "low": 100 * (row["difference"] - 1.96 * row["mcse"]),
            "high": 100 * (row["difference"] + 1.96 * row["mcse"]),
            "kind": "variant",
        }
        for lane, row in enumerate(rows)
    ]
    data.append(
        {"lane": len(data), "label": t("variants.average"), "difference": 100 * average, "kind": "average"}
    )
    if published:
        data.append(
            {
                "lane": len(data),
                "label": t("variants.published"),
                "difference": 100 * published["difference"],
                "low": None if published["low"] is None else 100 * published["low"],
                "high": None if published["high"] is None else 100 * published["high"],
                "kind": "published",
            }
        )
    limit = 150 if frame.narrow else 250
    axis = line_axis([wrap(entry["label"], limit, 12) for entry in data], limit)
    kinds = alt.Scale(domain=["variant", "average", "published"], range=[TREATED_COLOURS[0], INK, QUIET])
    base = alt.Chart(rows_of(data)).encode(
        y=alt.Y("lane:Q", scale=lane_scale(len(data)), axis=axis),
        color=alt.Color("kind:N", scale=kinds, legend=None),
    )
    sign = "datum.value > 0 ? '+' + datum.label : datum.label"
    x_axis = alt.Axis(title=wrap(x_title, frame.width - limit - 40, 12), tickCount=6, labelExpr=sign)
    x = alt.X("difference:Q", scale=alt.Scale(nice=True, zero=True), axis=x_axis)
    zero = alt.Chart(rows_of([{"zero": 0}])).mark_rule(color=INK, strokeWidth=1.2).encode(x="zero:Q")
    whiskers = (
        base.mark_rule(strokeWidth=1.8).encode(x="low:Q", x2="high:Q").transform_filter("isValid(datum.low)")
    )
    shapes = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=["variant", "average", "published"], range=["circle", "diamond", "square"]),
        legend=None,
    )
    marks = base.mark_point(size=75, filled=True, opacity=1).encode(x=x, shape=shapes)
    width = frame.width - limit - 34
    height = (46 if frame.narrow else 36) * len(data)
    figure = layered(zero, whiskers, marks, width=width, height=height)
    return finish(figure, frame, rows_of)
