"""Charts of a comparison: real patients in one colour, virtual ones in another, the mark burnt in."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.compare.people import LOG
from hepatrial.compare.statistics import Item
from hepatrial.compare.words import measure_label, measure_name, word
from hepatrial.report.style import Frame, Rows, finish, heading, layered, side_by_side, titled

LARGEST = 24
"""Correlations drawn; the others stand in the table."""
REAL, VIRTUAL = "real", "virtual"


def marginal_chart(items: list[Item], frame: Frame, lang: str) -> dict[str, Any]:
    """Median, quartiles and 10th to 90th percentile of each measure at entry."""
    rows_of, panels = Rows(), []
    columns = 1 if frame.narrow else 3
    width = (frame.width - 70 * columns) / columns
    for item in items:
        rows = [
            {"who": frame.labels[who], **{f"q{i}": float(f"{q:.5g}") for i, q in enumerate(item.detail[who])}}
            for who in (REAL, VIRTUAL)
        ]
        scale = alt.Scale(type="log" if item.label in LOG else "linear", zero=False, nice=False)
        axis = alt.Axis(title=None, tickCount=4, format="~r", grid=True)
        base = alt.Chart(rows_of(rows)).encode(
            y=alt.Y("who:N", sort=[frame.labels[REAL], frame.labels[VIRTUAL]], axis=alt.Axis(title=None)),
            color=alt.Color("who:N", scale=frame.colours(), legend=None),
        )
        thin = base.mark_rule(strokeWidth=1.5).encode(x=alt.X("q0:Q", scale=scale, axis=axis), x2="q4:Q")
        thick = base.mark_rule(strokeWidth=7, opacity=0.55).encode(x=alt.X("q1:Q", scale=scale), x2="q3:Q")
        point = base.mark_point(filled=True, size=60, opacity=1).encode(x=alt.X("q2:Q", scale=scale))
        title = heading(measure_label(item.label, lang))
        panels.append(layered(thin, thick, point, width=width, height=46, title=title))
    return finish(side_by_side(panels, columns), frame, rows_of)


def correlation_chart(items: list[Item], frame: Frame, lang: str) -> dict[str, Any]:
    """Rank correlations: the real one with its interval, the virtual one beside it."""
    rows_of = Rows()
    shown = sorted(items, key=lambda item: -abs(item.size))[:LARGEST]
    rows = [
        {
            "pair": " – ".join(measure_name(name, lang) for name in item.label.split(", ")),
            REAL: item.real, VIRTUAL: item.virtual, "low": item.low, "high": item.high,
        }
        for item in shown
    ]  # fmt: skip
    order = [row["pair"] for row in rows]
    scale = alt.Scale(domain=[-1, 1])
    y = alt.Y("pair:N", sort=order, axis=alt.Axis(title=None, labelLimit=300))
    base = alt.Chart(rows_of(rows)).encode(y=y)
    x_axis = alt.Axis(title=word(lang, "rank_correlation"), values=[-1, -0.5, 0, 0.5, 1])
    colours = dict(zip((REAL, VIRTUAL), frame.colours().to_dict()["range"], strict=True))
    span = base.mark_rule(strokeWidth=2, color=colours[REAL]).encode(
        x=alt.X("low:Q", scale=scale, axis=x_axis), x2="high:Q"
    )
    parts = [span]
    for who, shape in ((REAL, "circle"), (VIRTUAL, "diamond")):
        mark = base.mark_point(filled=True, size=70, shape=shape, color=colours[who], opacity=1)
        parts.append(mark.encode(x=alt.X(f"{who}:Q", scale=scale)))
    width = frame.width - (150 if frame.narrow else 310)
    return finish(layered(*parts, width=width, height=20 * len(rows)), frame, rows_of)


def risk_chart(items: list[Item], frame: Frame, lang: str) -> dict[str, Any]:
    """Share with a bad outcome by quarter of the real distribution of what is known at entry."""
    rows_of, panels = Rows(), []
    columns = 1 if frame.narrow else 3
    width = (frame.width - 60 * columns) / columns
    for item in items:
        name = item.label.split(":")[0]
        rows = [
            {"who": frame.labels[who], "quarter": row["quarter"], "risk": row[who], "n": row[f"{who}_n"]}
            for row in item.detail["bins"]
            for who in (REAL, VIRTUAL)
            if row[who] is not None and row[f"{who}_n"] >= 5
        ]
        axis = alt.Axis(title=word(lang, "quarter"), values=[1, 2, 3, 4], format="d", grid=False)
        chart = (
            alt.Chart(rows_of(rows))
            .mark_line(point={"size": 40}, strokeWidth=2)
            .encode(
                x=alt.X("quarter:Q", scale=alt.Scale(domain=[0.8, 4.2], nice=False), axis=axis),
                y=alt.Y(
                    "risk:Q",
                    scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(title=None, format="%", tickCount=5),
                ),
                color=alt.Color("who:N", scale=frame.colours(), legend=frame.arm_legend()),
                strokeDash=alt.StrokeDash("who:N", scale=frame.dashes(), legend=frame.arm_legend()),
            )
        )
        panels.append(titled(layered(chart, width=width, height=110), measure_label(name, lang)))
    return finish(side_by_side(panels, columns), frame, rows_of)


def course_chart(items: list[Item], frame: Frame, lang: str) -> dict[str, Any]:
    """Median and quartiles by day, of those with and without a bad outcome, a column each."""
    rows_of, panels = Rows(), []
    columns = 1 if frame.narrow else 2
    width = (frame.width - 70 * columns) / columns
    measures = list(dict.fromkeys(item.detail["measure"] for item in items))
    for measure in measures:
        for group in ("bad outcome", "no bad outcome"):
            mine = [i for i in items if i.detail["measure"] == measure and i.detail["group"] == group]
            if len(mine) < 2:
                continue
            rows = [
                {
                    "who": frame.labels[who], "day": item.detail["day"],
                    **{f"q{i}": float(f"{q:.5g}") for i, q in enumerate(item.detail[who])},
                }
                for item in mine
                for who in (REAL, VIRTUAL)
            ]  # fmt: skip
            panels.append(_course(rows, measure, group, frame, lang, width, rows_of))
    return finish(side_by_side(panels, columns), frame, rows_of)


def _course(
    rows: list[dict[str, Any]], measure: str, group: str, frame: Frame, lang: str, width: float,
    rows_of: Rows,
) -> dict[str, Any]:  # fmt: skip
    scale = alt.Scale(type="log" if measure in LOG else "linear", zero=False, nice=True)
    y_axis = alt.Axis(title=None, tickCount=4, format="~r", minExtent=34, maxExtent=34)
    x = alt.X("day:Q", axis=alt.Axis(title=word(lang, "day"), format="d", grid=False, tickMinStep=1))
    base = alt.Chart(rows_of(rows)).encode(
        x=x, color=alt.Color("who:N", scale=frame.colours(), legend=frame.arm_legend())
    )
    band = base.mark_area(opacity=0.16).encode(y=alt.Y("q0:Q", scale=scale, axis=y_axis), y2="q2:Q")
    line = base.mark_line(strokeWidth=2, point={"size": 26}).encode(
        y=alt.Y("q1:Q", scale=scale, axis=y_axis),
        strokeDash=alt.StrokeDash("who:N", scale=frame.dashes(), legend=frame.arm_legend()),
    )
    title = f"{measure_label(measure, lang)}: {word(lang, group.replace(' ', '_'))}"
    return titled(layered(band, line, width=width, height=110), title)
