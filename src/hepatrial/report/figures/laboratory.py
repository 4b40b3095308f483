"""Laboratory courses: median and interquartile range of those alive and measured, all arms in each panel."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import Frame, Rows, finish, layered, side_by_side, titled
from hepatrial.schema import MEASURES

_LOG = frozenset(("alt", "ast"))


def laboratory_courses(
    courses: dict[str, dict[str, list[dict[str, Any]]]], frame: Frame, t: Catalogue, *, weeks: float
) -> dict[str, Any]:
    """Small multiples of laboratory courses.

    Args:
        courses: measure -> arm -> list of {week, median, q1, q3}, as ``laboratory_numbers`` returns.
        frame: the common look.
        t: texts.
        weeks: length of the horizontal axes.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    columns = 1 if frame.narrow else 3
    width = (frame.width - 62 * columns - 14) / columns
    rows_of = Rows()
    panels = []
    for measure, by_arm in courses.items():
        frame.require_control(set(by_arm))
        panels.append(_panel(measure, by_arm, frame, t, weeks, width, rows_of))
    return finish(side_by_side(panels, columns), frame, rows_of)


def _panel(
    measure: str,
    by_arm: dict[str, list[dict[str, Any]]],
    frame: Frame,
    t: Catalogue,
    weeks: float,
    width: float,
    rows_of: Rows,
) -> dict[str, Any]:
    rows = [
        {
            "arm": frame.labels[arm],
            "week": row["week"],
            **{k: float(f"{row[k]:.5g}") for k in ("median", "q1", "q3")},
        }
        for arm, course in by_arm.items()
        for row in course
    ]
    unit = MEASURES[measure].unit
    name = t(f"measure.{measure}")
    title = name if unit == "1" else f"{name} ({t.get(f'unit.{unit}', unit)})"
    step = 4 if weeks <= 28 else 12
    x_axis = alt.Axis(
        title=t("axis.weeks"), values=list(range(0, int(weeks) + 1, step)), grid=False, format="d"
    )
    kind = "log" if measure in _LOG else "linear"
    ticks: dict[str, Any] = {"values": [1, 5, 20, 100, 500, 2000]} if kind == "log" else {"tickCount": 5}
    y_axis = alt.Axis(title=None, minExtent=32, maxExtent=32, format="~r", **ticks)
    base = alt.Chart(rows_of(rows)).encode(
        x=alt.X("week:Q", scale=alt.Scale(domain=[0, weeks], nice=False), axis=x_axis),
        color=alt.Color("arm:N", scale=frame.colours(), legend=frame.arm_legend()),
    )
    y_scale = alt.Scale(type=kind, zero=False, nice=True)
    band = base.mark_area(opacity=0.14).encode(y=alt.Y("q1:Q", scale=y_scale, axis=y_axis), y2="q3:Q")
    line = base.mark_line(strokeWidth=2, point={"size": 26}).encode(
        y=alt.Y("median:Q", scale=y_scale, axis=y_axis),
        strokeDash=alt.StrokeDash("arm:N", scale=frame.dashes(), legend=frame.arm_legend()),
    )
    return titled(layered(band, line, width=width, height=130), title)
