"""Figures of a design: boundaries, power, expected patients, assurance. Mark and hash in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from hepatrial.report.design_search import design_label, option_label
from hepatrial.report.style import CONTROL_COLOUR, QUIET, TREATED_COLOURS, Frame, Rows, finish, layered

HEIGHT = 250
BLUE = TREATED_COLOURS[0]


def _line(rows_of: Rows, rows: list[dict[str, Any]], x: alt.X, y: alt.Y, **mark: Any) -> alt.Chart:
    chart = alt.Chart(rows_of(rows)).mark_line(
        point=alt.OverlayMarkDef(size=42, filled=True), strokeWidth=2.2, **mark
    )
    return chart.encode(x=x, y=y)


def _view(frame: Frame, rows: Rows, *charts: Any) -> dict[str, Any]:
    return finish(layered(*charts, width=frame.width - 90, height=HEIGHT), frame, rows)


def boundaries(looks: Sequence[Mapping[str, Any]], frame: Frame, w: Mapping[str, str]) -> dict[str, Any]:
    """Efficacy and futility boundaries against the share of information."""
    rows_of, rows = Rows(), []
    for look in looks:
        for key, label in (("efficacy_z", w["l_efficacy"]), ("futility_z", w["l_futility"])):
            if look[key] is not None:
                rows.append({"t": round(look["information"], 4), "z": round(look[key], 4), "which": label})
    shown = list(dict.fromkeys(row["which"] for row in rows))
    colours = alt.Scale(domain=shown, range=[BLUE, CONTROL_COLOUR][: len(shown)])
    x = alt.X(
        "t:Q",
        scale=alt.Scale(domain=[0, 1.02], nice=False),
        axis=alt.Axis(title=w["x_information"], format="%", tickCount=6),
    )
    y = alt.Y("z:Q", axis=alt.Axis(title=w["y_z"], tickCount=6), scale=alt.Scale(zero=True))
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", symbolSize=400, symbolStrokeWidth=2.4)
    line = _line(rows_of, rows, x, y).encode(
        color=alt.Color("which:N", scale=colours, legend=legend),
        strokeDash=alt.StrokeDash(
            "which:N", scale=alt.Scale(domain=shown, range=[[1, 0], [6, 3]]), legend=legend
        ),
    )
    text = alt.Chart(rows_of([{**r, "label": f"{r['z']:.2f}"} for r in rows])).mark_text(
        dy=-11, fontSize=11.5
    )
    return _view(frame, rows_of, line, text.encode(x=x, y=y, text="label:N"))


def power(
    curve: Sequence[Mapping[str, Any]],
    alpha: float,
    wanted: float,
    frame: Frame,
    w: Mapping[str, str],
    x_title: str,
) -> dict[str, Any]:
    """Probability of success over the hazard ratio, with its band."""
    rows_of = Rows()
    rows = [
        {
            "hr": one["hazard_ratio"],
            "p": one["success"]["value"],
            "low": max(0.0, one["success"]["value"] - 2 * (one["success"]["mcse"] or 0)),
            "high": min(1.0, one["success"]["value"] + 2 * (one["success"]["mcse"] or 0)),
        }
        for one in curve
    ]
    x = alt.X(
        "hr:Q",
        scale=alt.Scale(nice=False, zero=False, reverse=True),
        axis=alt.Axis(title=x_title, tickCount=8),
    )
    y = alt.Y(
        "p:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=w["y_power"], format="%", tickCount=6)
    )
    band = (
        alt.Chart(rows_of(rows)).mark_area(opacity=0.2, color=BLUE).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    )
    levels = rows_of([{"p": alpha}, {"p": wanted}])
    rule = alt.Chart(levels).mark_rule(color=QUIET, strokeDash=[4, 3]).encode(y=y)
    return _view(frame, rows_of, band, rule, _line(rows_of, rows, x, y, color=BLUE))


def patients(
    curve: Sequence[Mapping[str, Any]], frame: Frame, w: Mapping[str, str], x_title: str
) -> dict[str, Any]:
    """Expected patients over the hazard ratio."""
    rows_of = Rows()
    rows = [{"hr": one["hazard_ratio"], "n": one["patients"]["value"]} for one in curve]
    x = alt.X(
        "hr:Q",
        scale=alt.Scale(nice=False, zero=False, reverse=True),
        axis=alt.Axis(title=x_title, tickCount=8),
    )
    y = alt.Y("n:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title=w["y_patients"], tickCount=6))
    return _view(frame, rows_of, _line(rows_of, rows, x, y, color=BLUE))


def assurance(rows: Sequence[Mapping[str, Any]], frame: Frame, w: Mapping[str, str]) -> dict[str, Any]:
    """A dot for each belief with its error."""
    rows_of = Rows()
    drawn = [
        {
            "belief": w[row["name"]],
            "p": row["assurance"]["value"],
            "low": max(0.0, row["assurance"]["value"] - 2 * (row["assurance"]["mcse"] or 0)),
            "high": min(1.0, row["assurance"]["value"] + 2 * (row["assurance"]["mcse"] or 0)),
            "label": f"{100 * row['assurance']['value']:.0f}%",
        }
        for row in rows
    ]
    order = [row["belief"] for row in drawn]
    axis = alt.Axis(title=None, labelLimit=240, grid=True, ticks=False, domain=False)
    y = alt.Y("belief:N", sort=order, axis=axis, scale=alt.Scale(padding=0.6))
    x = alt.X(
        "p:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=w["x_assurance"], format="%", tickCount=6)
    )
    rule = (
        alt.Chart(rows_of(drawn))
        .mark_rule(strokeWidth=2.4, color=BLUE)
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    )
    dot = alt.Chart(rows_of(drawn)).mark_point(filled=True, size=80, opacity=1, color=BLUE).encode(x=x, y=y)
    text = alt.Chart(rows_of(drawn)).mark_text(dy=-13, fontSize=11.5).encode(x=x, y=y, text="label:N")
    return finish(layered(rule, dot, text, width=frame.width - 250, height=46 * len(drawn)), frame, rows_of)


def search(
    rows: Sequence[Mapping[str, Any]], wanted: float, frame: Frame, w: Mapping[str, str]
) -> dict[str, Any]:
    """Probability of success over the number of patients, one line a design."""
    rows_of = Rows()
    drawn = [
        {"n": row["patients"], "p": row["success"]["value"], "design": design_label(row["key"], w)}
        for row in rows
    ]
    names = list(dict.fromkeys(row["design"] for row in drawn))
    palette = [*TREATED_COLOURS, CONTROL_COLOUR, "#7f3b3b", "#3b6e7f", QUIET]
    legend = alt.Legend(
        orient="top", title=None, columns=2, symbolType="stroke", symbolSize=400, symbolStrokeWidth=2.4
    )
    colour = alt.Color(
        "design:N", scale=alt.Scale(domain=names, range=(palette * len(names))[: len(names)]), legend=legend
    )
    dashes = [[1, 0], [2, 2], [10, 3, 2, 3], [4, 4], [7, 3]]
    dash = alt.StrokeDash(
        "design:N", scale=alt.Scale(domain=names, range=(dashes * len(names))[: len(names)]), legend=legend
    )
    x = alt.X(
        "n:Q", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(title=w["x_patients"], tickCount=7)
    )
    y = alt.Y(
        "p:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=w["y_power"], format="%", tickCount=6)
    )
    rule = alt.Chart(rows_of([{"p": wanted}])).mark_rule(color=QUIET, strokeDash=[4, 3]).encode(y=y)
    return _view(frame, rows_of, rule, _line(rows_of, drawn, x, y).encode(color=colour, strokeDash=dash))


def hangs(rows: Sequence[Mapping[str, Any]], frame: Frame, w: Mapping[str, str]) -> dict[str, Any]:
    """Change of power by assumption, the gravest first, with its error."""
    drawn = [
        {
            "label": w[f"sa_{row['key']}"],
            **_span(row["change"], 100.0),
            "text": f"{100 * row['change']['value']:+.0f}",
        }
        for row in rows
    ]
    return _dots(drawn, alt.X("p:Q", axis=alt.Axis(title=w["x_change"], tickCount=7)), frame, zero=True)


def options(rows: Sequence[Mapping[str, Any]], frame: Frame, w: Mapping[str, str]) -> dict[str, Any]:
    """Probability of success by option of the mechanism."""
    drawn: list[dict[str, Any]] = [
        {
            "label": option_label(row, w),
            **_span(row["success"]),
            "text": f"{100 * row['success']['value']:.0f}%",
        }
        for row in rows
        if "success" in row
    ]
    top = max([0.2, *(float(row["high"]) for row in drawn)])
    x = alt.X(
        "p:Q", scale=alt.Scale(domain=[0, top]), axis=alt.Axis(title=w["y_power"], format="%", tickCount=6)
    )
    return _dots(drawn, x, frame, zero=False)


def _span(found: Mapping[str, Any], factor: float = 1.0) -> dict[str, float]:
    value, error = factor * found["value"], 2 * factor * (found["mcse"] or 0)
    return {"p": value, "low": value - error, "high": value + error}


def _dots(drawn: list[dict[str, Any]], x: alt.X, frame: Frame, *, zero: bool) -> dict[str, Any]:
    """A dot with its error for each row, in order."""
    rows_of = Rows()
    axis = alt.Axis(title=None, labelLimit=300, grid=True, ticks=False, domain=False)
    order = [row["label"] for row in drawn]
    y = alt.Y("label:N", sort=order, axis=axis, scale=alt.Scale(padding=0.6))
    bar = alt.Chart(rows_of(drawn)).mark_rule(strokeWidth=2.4, color=BLUE)
    dot = alt.Chart(rows_of(drawn)).mark_point(filled=True, size=70, opacity=1, color=BLUE).encode(x=x, y=y)
    text = alt.Chart(rows_of(drawn)).mark_text(dy=-11, fontSize=11).encode(x=x, y=y, text="text:N")
    charts = [bar.encode(x=alt.X("low:Q"), x2="high:Q", y=y), dot, text]
    if zero:
        charts.insert(
            0, alt.Chart(rows_of([{"p": 0.0}])).mark_rule(color=QUIET, strokeDash=[4, 3]).encode(x=x)
        )
    return finish(layered(*charts, width=frame.width - 300, height=40 * len(drawn)), frame, rows_of)
