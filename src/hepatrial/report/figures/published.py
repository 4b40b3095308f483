"""Simulated intervals with the published values on them, misses first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures.roles import OWN_ROLE_KEY, published_marks
from hepatrial.report.style import INK, Frame, Rows, finish, lane_scale, layered, line_axis, wrap


def simulated_against_published(rows: Sequence[dict[str, Any]], frame: Frame, t: Catalogue) -> dict[str, Any]:
    """One line a published number: the interval of simulated trials as a bar, the published value on it.

    Args:
        rows: what ``comparison.compare`` returns, in the order to be shown.
        frame: the common look.
        t: texts.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    rows_of = Rows()
    frame.require_control({row["arm"] for row in rows})
    data = [
        {
            "row": i,
            "below": i + 0.27,
            "name": t("comparison.row", endpoint=t(f"endpoint.{row['endpoint']}"), week=f"{row['week']:g}"),
            "arm": frame.labels[row["arm"]],
            "simulated": row["simulated"],
            "low": row["low"],
            "high": row["high"],
            "published": row["published"],
            "published_low": row["published_low"],
            "published_high": row["published_high"],
            "role": row["role"],
        }
        for i, row in enumerate(rows)
    ]
    limit = 128 if frame.narrow else 210
    axis = line_axis(
        [[*wrap(entry["name"], limit, 12), *wrap(entry["arm"], limit, 12)] for entry in data], limit
    )
    y_scale = lane_scale(len(rows))
    x_axis = alt.Axis(title=t("axis.share"), format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=x_axis)
    base = alt.Chart(rows_of(data))
    lane, below = alt.Y("row:Q", scale=y_scale, axis=axis), alt.Y("below:Q", scale=y_scale)
    colour = alt.Color("arm:N", scale=frame.colours(), legend=frame.arm_legend())
    bar = (
        base.mark_rule(strokeWidth=11, opacity=0.28)
        .encode(x=x, x2="high:Q", y=lane, color=colour)
        .transform_filter("isValid(datum.low)")
    )
    centre = base.mark_tick(thickness=2.4, size=15).encode(x="simulated:Q", y=lane, color=colour)
    whisker = (
        base.mark_rule(strokeWidth=1.4)
        .encode(x="published_low:Q", x2="published_high:Q", y=below, color=colour)
        .transform_filter("isValid(datum.published_low)")
    )
    marks = published_marks(data, alt.X("published:Q"), below, frame, t, rows_of)
    misses = sum(row["inside"] is False for row in rows)
    layers = [bar, centre, whisker, *marks]
    if 0 < misses < len(rows):
        edge = alt.Chart(rows_of([{"edge": misses - 0.5}]))
        layers.append(
            edge.mark_rule(color=INK, strokeDash=[2, 3]).encode(
                y=alt.Y("edge:Q", scale=y_scale), x=alt.value(0), x2=alt.value("width")
            )
        )
    width = frame.width - limit - 34
    height = (64 if frame.narrow else 46) * len(rows)
    return finish(layered(*layers, width=width, height=height, resolve=OWN_ROLE_KEY), frame, rows_of)
