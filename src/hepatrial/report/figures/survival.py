"""Survival curves of all arms with their between-trial band, published points, and numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures.roles import OWN_ROLE_KEY, published_marks
from hepatrial.report.style import (
    QUIET,
    Frame,
    Rows,
    finish,
    heading,
    lane_scale,
    layered,
    side_by_side,
    titled,
)
from hepatrial.report.wording import number


def survival_curves(
    curves: dict[str, dict[str, list[float]]],
    frame: Frame,
    t: Catalogue,
    *,
    weeks: float,
    y_title: str,
    published: Sequence[dict[str, Any]] = (),
    at_risk: bool = True,
    risk_title: str | None = None,
) -> dict[str, Any]:
    """Survival by arm.

    Args:
        curves: arm -> ``day``, ``estimate``, ``low``, ``high`` (empty when there is no band), ``at_risk``.
        frame: the common look; must know a control arm among those shown.
        t: texts.
        weeks: length of the horizontal axis.
        y_title: what is drawn.
        published: points with ``arm``, ``week``, ``value``, ``low``, ``high``, ``role``.
        at_risk: whether the table of numbers at risk is drawn below.
        risk_title: its title; default that of means over simulated trials.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    rows_of = Rows()
    frame.require_control(set(curves))
    width = frame.width - 76
    layers = _curve_layers(curves, frame, t, weeks, y_title, rows_of)
    x, y = _x(frame, t, weeks), _y(y_title)
    layers += _point_layers(published, frame, t, x, y, rows_of)
    figure = layered(*layers, width=width, height=260 if frame.narrow else 330, resolve=OWN_ROLE_KEY)
    if at_risk:
        title = risk_title or t("figure.at_risk")
        table = _risk_table(curves, frame, title, _ticks(weeks, frame.narrow), x, width, rows_of)
        figure = {"vconcat": [figure, table], "spacing": 8}
    return finish(figure, frame, rows_of)


def _x(frame: Frame, t: Catalogue, weeks: float) -> alt.X:
    axis = alt.Axis(values=_ticks(weeks, frame.narrow), title=t("axis.weeks"), grid=False, format="d")
    return alt.X("week:Q", scale=alt.Scale(domain=[0, weeks], nice=False), axis=axis)


def _y(title: str | None) -> alt.Y:
    axis = alt.Axis(title=title, values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".0%", minExtent=38, maxExtent=38)
    return alt.Y("estimate:Q", scale=alt.Scale(domain=[0, 1.02], nice=False), axis=axis)


def _curve_layers(
    curves: dict[str, dict[str, list[float]]],
    frame: Frame,
    t: Catalogue,
    weeks: float,
    y_title: str | None,
    rows_of: Rows,
) -> list[Any]:
    """Band and line of every arm."""
    x = _x(frame, t, weeks)
    colour = alt.Color("arm:N", scale=frame.colours(), legend=frame.arm_legend())
    dash = alt.StrokeDash("arm:N", scale=frame.dashes(), legend=frame.arm_legend())
    base = alt.Chart(rows_of(_curve_rows(curves, frame)))
    band = base.mark_area(interpolate="step-after", opacity=0.16).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour, detail="arm:N"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2.2)
    return [
        band.transform_filter("isValid(datum.low)"),
        line.encode(x=x, y=_y(y_title), color=colour, strokeDash=dash),
    ]


def _ticks(weeks: float, narrow: bool) -> list[int]:
    for step in (1, 2, 4, 8, 12, 24, 52):
        if weeks / step <= (6 if narrow else 8):
            return list(range(0, int(weeks) + 1, step))
    return [0, int(weeks)]


def _curve_rows(curves: dict[str, dict[str, list[float]]], frame: Frame) -> list[dict[str, Any]]:
    """Rows of the drawing: one a step, so that flat stretches cost nothing."""
    rows = []
    for arm, curve in curves.items():
        band = bool(curve["low"])
        last = None
        for i, day in enumerate(curve["day"]):
            if curve["estimate"][i] is None:
                continue
            level = (curve["estimate"][i], *((curve["low"][i], curve["high"][i]) if band else ()))
            if level != last or i == len(curve["day"]) - 1:
                row: dict[str, Any] = {
                    "arm": frame.labels[arm],
                    "week": round(day / 7, 4),
                    "estimate": round(level[0], 5),
                }
                if band:
                    row |= {"low": round(level[1], 5), "high": round(level[2], 5)}
                rows.append(row)
            last = level
    return rows


def _point_layers(
    published: Sequence[dict[str, Any]], frame: Frame, t: Catalogue, x: alt.X, y: alt.Y, rows_of: Rows
) -> list[Any]:
    if not published:
        return []
    shift = {arm: (i - (len(frame.arms) - 1) / 2) * 0.2 for i, arm in enumerate(frame.arms)}
    rows = [
        {
            "arm": frame.labels[point["arm"]],
            "week": point["week"] + shift[point["arm"]],
            "estimate": point["value"],
            "low": point["low"],
            "high": point["high"],
            "role": point["role"],
        }
        for point in published
    ]
    colour = alt.Color("arm:N", scale=frame.colours(), legend=None)
    bars = (
        alt.Chart(rows_of(rows))
        .mark_rule(strokeWidth=1.6)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
        .transform_filter("isValid(datum.low)")
    )
    return [bars, *published_marks(rows, x, y, frame, t, rows_of)]


def _risk_table(
    curves: dict[str, dict[str, list[float]]],
    frame: Frame,
    words: str,
    ticks: list[int],
    x: alt.X,
    width: int,
    rows_of: Rows,
) -> dict[str, Any]:
    """Numbers at risk: the arm's name on a line of its own, so that no name is cut, then its numbers."""
    names, counts = [], []
    for lane, (arm, curve) in enumerate(curves.items()):
        label = frame.labels[arm]
        names.append({"arm": label, "lane": 2 * lane, "text": label})
        for week in ticks:
            index = _nearest(curve["day"], 7 * week)
            text = number(curve["at_risk"][index], 0)
            counts.append({"arm": label, "week": week, "lane": 2 * lane + 1, "text": text})
    y = alt.Y("lane:Q", scale=lane_scale(2 * len(curves)), axis=None)
    colour = alt.Color("arm:N", scale=frame.colours(), legend=None)
    title = {**heading(words), "frame": "group", "fontWeight": "normal", "color": QUIET}
    labels = alt.Chart(rows_of(names)).mark_text(fontSize=11.5, align="left", dx=-8, fontWeight="bold")
    numbers = alt.Chart(rows_of(counts)).mark_text(fontSize=11.5)
    return layered(
        labels.encode(x=alt.value(0), y=y, text="text:N", color=colour),
        numbers.encode(x=alt.X("week:Q", scale=x["scale"], axis=None), y=y, text="text:N", color=colour),
        width=width,
        height=32 * len(curves),
        title=title,
    )


def _nearest(days: list[float], day: float) -> int:
    return min(range(len(days)), key=lambda i: abs(days[i] - day))


def endpoint_panels(
    curves: dict[str, dict[str, dict[str, list[float]]]], frame: Frame, t: Catalogue, *, weeks: float
) -> dict[str, Any]:
    """Overall and transplant-free survival side by side, on the same scale.

    Args:
        curves: endpoint -> arm -> ``day``, ``estimate``, ``low``, ``high``.
        frame: the common look.
        t: texts.
        weeks: length of the horizontal axes.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    rows_of = Rows()
    columns = 1 if frame.narrow else 2
    width = (frame.width - 68 * columns - 12) / columns
    panels = []
    for endpoint, by_arm in curves.items():
        frame.require_control(set(by_arm))
        layers = _curve_layers(by_arm, frame, t, weeks, None, rows_of)
        panel = layered(*layers, width=width, height=200 if frame.narrow else 230)
        panels.append(titled(panel, t(f"panel.{endpoint}")))
    return finish(side_by_side(panels, columns), frame, rows_of)
