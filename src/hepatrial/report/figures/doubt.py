"""Half the 95 % range that each part of the uncertainty would leave alone, by arm and for the difference."""

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
    heading,
    lane_scale,
    layered,
    line_axis,
    side_by_side,
    wrap,
)


def parts_of_doubt(rows: Sequence[dict[str, Any]], frame: Frame, t: Catalogue) -> dict[str, Any]:
    """Bars with Monte-Carlo whiskers, one view a quantity.

    Args:
        rows: ``label``, ``parts`` (list of ``label``, ``half``, ``low``, ``high`` in shares and ``kind``:
            "part", "studies" or "together"), control arm first.
        frame: the common look.
        t: texts.
    """
    rows_of = Rows()
    longest = max(100 * part["high"] for row in rows for part in row["parts"])
    return finish(side_by_side([_view(row, frame, t, rows_of, longest) for row in rows], 1), frame, rows_of)


def _view(row: dict[str, Any], frame: Frame, t: Catalogue, rows_of: Rows, longest: float) -> dict[str, Any]:
    data = [
        {
            "lane": lane,
            "zero": 0.0,
            "half": 100 * part["half"],
            "low": 100 * part["low"],
            "high": 100 * part["high"],
            "kind": part["kind"],
        }
        for lane, part in enumerate(row["parts"])
    ]
    limit = 150 if frame.narrow else 250
    axis = line_axis([wrap(part["label"], limit, 12) for part in row["parts"]], limit)
    kinds = alt.Scale(domain=["part", "studies", "together"], range=[TREATED_COLOURS[0], QUIET, INK])
    base = alt.Chart(rows_of(data)).encode(
        y=alt.Y("lane:Q", scale=lane_scale(len(data)), axis=axis),
        color=alt.Color("kind:N", scale=kinds, legend=None),
    )
    title = wrap(t("axis.doubt"), frame.width - limit - 40, 12)
    x = alt.X(
        "zero:Q", scale=alt.Scale(domain=[0, longest], nice=True), axis=alt.Axis(title=title, tickCount=6)
    )
    bars = base.mark_rule(strokeWidth=9, opacity=0.85).encode(x=x, x2="half:Q")
    whiskers = base.mark_rule(strokeWidth=1.6, color=INK).encode(x="low:Q", x2="high:Q", color=alt.value(INK))
    width, height = frame.width - limit - 34, (36 if frame.narrow else 27) * len(data)
    return {**layered(bars, whiskers, width=width, height=height), "title": heading(row["label"])}
