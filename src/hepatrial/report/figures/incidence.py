"""Cumulative incidence of death and of transplant, side by side, with the arms in each panel."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import Frame, Rows, finish, layered, side_by_side

CAUSES = ("death", "transplant")


def cumulative_incidence(
    curves: dict[str, dict[str, list[float]]], frame: Frame, t: Catalogue, *, weeks: float
) -> dict[str, Any]:
    """Aalen-Johansen curves.

    Args:
        curves: arm -> ``day`` and one list a cause (death before transplant, transplant).
        frame: the common look.
        t: texts.
        weeks: length of the horizontal axis.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    rows_of = Rows()
    frame.require_control(set(curves))
    columns = 1 if frame.narrow else 2
    width = (frame.width - 70 * columns - 20) / columns
    top = max(max(curve[cause]) for curve in curves.values() for cause in CAUSES)
    ceiling = min(1.0, max(0.1, (int(top * 10) + 1) / 10))
    panels = []
    for cause in CAUSES:
        rows = [
            {"arm": frame.labels[arm], "week": round(day / 7, 4), "share": round(value, 5)}
            for arm, curve in curves.items()
            for i, (day, value) in enumerate(zip(curve["day"], curve[cause], strict=True))
            if i == 0 or i == len(curve["day"]) - 1 or value != curve[cause][i - 1]
        ]
        step = 4 if weeks <= 28 else 12
        x_axis = alt.Axis(
            title=t("axis.weeks"), values=list(range(0, int(weeks) + 1, step)), grid=False, format="d"
        )
        line = alt.Chart(rows_of(rows)).mark_line(interpolate="step-after", strokeWidth=2.2)
        panels.append(
            layered(
                line.encode(
                    x=alt.X("week:Q", scale=alt.Scale(domain=[0, weeks], nice=False), axis=x_axis),
                    y=alt.Y(
                        "share:Q",
                        scale=alt.Scale(domain=[0, ceiling], nice=False),
                        axis=alt.Axis(title=t(f"incidence.{cause}"), format=".0%", tickCount=5, minExtent=34),
                    ),
                    color=alt.Color("arm:N", scale=frame.colours(), legend=frame.arm_legend()),
                    strokeDash=alt.StrokeDash("arm:N", scale=frame.dashes(), legend=frame.arm_legend()),
                ),
                width=width,
                height=190 if frame.narrow else 220,
            )
        )
    return finish(side_by_side(panels, columns), frame, rows_of)
