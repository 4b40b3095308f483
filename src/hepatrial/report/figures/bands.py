"""A population through time: median and middle ranges of each arm, several quantities side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import Frame, Rows, finish, layered, side_by_side, titled


@dataclass(frozen=True)
class Panel:
    """One quantity.

    Attributes:
        title: above the panel.
        unit: of the vertical axis.
        rows: ``arm`` (label), ``day``, ``value`` and, for a band, ``low`` and ``high``.
        share: whether the axis is in per cent.
        step: whether the line is a staircase (shares of patients).
    """

    title: str
    unit: str
    rows: Sequence[dict[str, Any]]
    share: bool = False
    step: bool = False


def population_bands(panels: Sequence[Panel], frame: Frame, t: Catalogue, *, days: float) -> dict[str, Any]:
    """Panels side by side, every one with the same horizontal axis.

    Args:
        panels: what is drawn; each shows a control arm.
        frame: the common look.
        t: texts.
        days: length of the horizontal axes.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    names = {label: arm for arm, label in frame.labels.items()}
    rows_of = Rows()
    for panel in panels:
        frame.require_control({names[row["arm"]] for row in panel.rows})
        rows_of(list(panel.rows))
    shapes = tuple((p.title, p.unit, p.share, p.step, _banded(p), _flat(p)) for p in panels)
    labels = tuple(frame.labels.items())
    view = _views(shapes, _Key(frame.mark, frame.arms, frame.controls, labels, frame.width), t.lang, days)
    return finish(dict(view), frame, rows_of)


def _banded(panel: Panel) -> bool:
    return any(row.get("low") is not None for row in panel.rows)


def _flat(panel: Panel) -> bool:
    """Whether nothing is above 0, so that the axis needs an end of its own."""
    return all(max(row["value"], row.get("high") or 0.0) <= 0 for row in panel.rows)


@dataclass(frozen=True)
class _Key:
    """What of a frame the views depend on."""

    mark: str
    arms: tuple[str, ...]
    controls: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    width: int


@lru_cache(maxsize=64)
def _views(
    shapes: tuple[tuple[str, str, bool, bool, bool, bool], ...], key: _Key, lang: str, days: float
) -> dict[str, Any]:
    """Everything but the numbers: kept, since a slider changes nothing else."""
    frame = Frame(key.mark, "", key.arms, key.controls, dict(key.labels), key.width)
    columns = 1 if frame.narrow else 2 if frame.width < 760 else 3
    width = (frame.width - 66 * columns - 10) / columns
    views = [
        _view(shape, f"rows{number}", frame, Catalogue(lang), days, width)
        for number, shape in enumerate(shapes, start=1)
    ]
    return side_by_side(views, columns)


def _view(
    shape: tuple[str, str, bool, bool, bool, bool],
    data: str,
    frame: Frame,
    t: Catalogue,
    days: float,
    width: float,
) -> dict[str, Any]:
    title, unit, share, step, banded, flat = shape
    key = frame.arm_legend() if data == "rows1" else None
    colour = alt.Color("arm:N", scale=frame.colours(), legend=key)
    dash = alt.StrokeDash("arm:N", scale=frame.dashes(), legend=key)
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[0, days], nice=False),
        axis=alt.Axis(title=t("axis.days"), grid=False, tickCount=5),
    )
    scale = alt.Scale(domain=[0, 1], nice=False) if share or flat else alt.Scale(zero=True, nice=True)
    axis = alt.Axis(title=unit or None, tickCount=4, **({"format": ".0%"} if share else {}))
    base = alt.Chart(alt.NamedData(data))
    course: Any = "step-after" if step else "monotone"
    line = base.mark_line(strokeWidth=2, interpolate=course).encode(
        x=x, y=alt.Y("value:Q", scale=scale, axis=axis), color=colour, strokeDash=dash
    )
    layers = [line]
    if banded:
        area = base.mark_area(opacity=0.16, interpolate=course)
        layers.insert(0, area.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour, detail="arm:N"))
    return titled(layered(*layers, width=width, height=130 if frame.narrow else 140), title)
