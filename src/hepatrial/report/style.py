"""How every figure looks: one palette, one font stack, and the mark that no figure is without."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

FONTS = (
    "Liberation Sans, Arial, Helvetica, PingFang SC, Hiragino Sans GB, Microsoft YaHei, "
    "Noto Sans CJK SC, Source Han Sans SC, WenQuanYi Micro Hei, sans-serif"
)
"""The first is metrically Arial and known to the renderer, so Latin text is measured alike everywhere."""

CONTROL_COLOUR = "#a34700"
TREATED_COLOURS = ("#0067a5", "#00694f", "#7a3b8f", "#5b5b00")
"""Darkened Okabe-Ito hues: told apart with any colour vision, at least 5:1 on white, and dashed besides."""

FURTHER_CONTROL = "#5f5f5f"
"""Of a second control and those after it, which must not look like the first."""

CONTROL_DASH = [7, 3]
FURTHER_DASHES = ([1, 3], [3, 2, 1, 2])
TREATED_DASHES = ([1, 0], [2, 2], [10, 3, 2, 3], [4, 4])
INK = "#1c1c1c"
QUIET = "#565656"
RULE = "#d9d9d9"

WIDE = 680
NARROW = 350
"""Widths in CSS pixels: of a printed column, and of a phone."""


@dataclass(frozen=True)
class Frame:
    """What every figure of one report shares.

    Attributes:
        mark: the mark of simulated results in the report's language.
        stamp: the run's hash in words ("run 1a2b3c...").
        arms: arm names, control arms first.
        controls: those of them that are controls; never empty.
        labels: arm name -> what the reader sees.
        width: total width in CSS pixels.
    """

    mark: str
    stamp: str
    arms: tuple[str, ...]
    controls: tuple[str, ...]
    labels: dict[str, str]
    width: int = WIDE

    @property
    def narrow(self) -> bool:
        """Whether the figure is drawn for a phone."""
        return self.width < 500

    def require_control(self, shown: set[str]) -> None:
        """Refuse to draw treated arms without a control arm.

        Raises:
            ValueError: when no control arm is among the arms shown.
        """
        if not shown & set(self.controls):
            raise ValueError(f"a treated arm is never shown alone: {sorted(shown)} holds no control arm")

    def colours(self) -> alt.Scale:
        """Colour by arm label, in the order of ``arms``."""
        treated = iter(TREATED_COLOURS * len(self.arms))
        control = iter((CONTROL_COLOUR, *(FURTHER_CONTROL for _ in self.arms)))
        chosen = [next(control if arm in self.controls else treated) for arm in self.arms]
        return alt.Scale(domain=[self.labels[arm] for arm in self.arms], range=chosen)

    def dashes(self) -> alt.Scale:
        """Dash pattern by arm label: control arms dashed."""
        treated = iter(TREATED_DASHES * len(self.arms))
        control = iter((CONTROL_DASH, *(FURTHER_DASHES * len(self.arms))))
        chosen = [next(control if arm in self.controls else treated) for arm in self.arms]
        return alt.Scale(domain=[self.labels[arm] for arm in self.arms], range=chosen)

    def arm_legend(self) -> alt.Legend:
        """The legend of arms, above the figure."""
        columns = 1 if self.narrow else len(self.arms)
        return alt.Legend(
            orient="top",
            title=None,
            columns=columns,
            symbolType="stroke",
            symbolSize=400,
            symbolOpacity=1,
            symbolStrokeWidth=2.4,
            symbolFillColor="transparent",
        )


def text_width(text: str, size: float) -> float:
    """Rough width in pixels: East Asian wide characters one em, others a little over half."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return size * (wide + 0.53 * (len(text) - wide))


def wrap(text: str, width: float, size: float) -> list[str]:
    """Lines no wider than ``width`` pixels, broken at spaces and between Chinese characters."""
    pieces = re.findall(r"[^\s\u2e80-\uffef]+\s*|[\u2e80-\uffef]\s*", text)
    lines, line = [], ""
    for piece in pieces:
        closing = unicodedata.category(piece[0]) in ("Pe", "Po", "Pf") and ord(piece[0]) > 0x2E80
        if line and not closing and text_width((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


class Rows:
    """The rows of a drawing, kept beside the chart: Altair copies whatever is inside it many times over."""

    def __init__(self) -> None:
        self.sets: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, rows: list[dict[str, Any]]) -> alt.NamedData:
        """Keep some rows and return the name by which a chart asks for them."""
        name = f"rows{len(self.sets) + 1}"
        self.sets[name] = rows
        return alt.NamedData(name)


def line_axis(labels: list[list[str]], limit: int) -> alt.Axis:
    """A vertical axis with a label of one or more lines at 0, 1, 2 ..."""
    text = json.dumps(labels, ensure_ascii=False)
    return alt.Axis(
        title=None,
        labelExpr=f"{text}[datum.value]",
        values=list(range(len(labels))),
        labelLimit=limit,
        labelLineHeight=14,
        labelBaseline="middle",
        ticks=False,
        domain=False,
        minExtent=limit,
        maxExtent=limit,
    )


def lane_scale(lanes: int) -> alt.Scale:
    """The scale of a vertical axis with ``lanes`` lines, the first on top."""
    return alt.Scale(domain=[lanes - 0.5, -0.5], nice=False, zero=False)


def unit(chart: Any) -> dict[str, Any]:
    """A single mark with its encodings as plain Vega-Lite."""
    plain: dict[str, Any] = chart.to_dict(validate=False, context={"top_level": False})
    return plain


def layered(*charts: Any, **properties: Any) -> dict[str, Any]:
    """Charts on top of each other. (Altair's own layering copies every chart many times over.)"""
    return {"layer": [unit(chart) for chart in charts], **properties}


def side_by_side(views: list[dict[str, Any]], columns: int) -> dict[str, Any]:
    """Views in rows of ``columns``, each with axes of its own."""
    return {"concat": views, "columns": columns, "spacing": 18}


def heading(text: str) -> dict[str, Any]:
    """The title of one view among several."""
    return {"text": text, "anchor": "start", "fontSize": 12.5, "fontWeight": "bold", "offset": 4}


def titled(view: dict[str, Any], text: str) -> dict[str, Any]:
    """A layered panel with its title over it, at the same height in a row of panels.

    A title of Vega's stands on the highest label of the axes, which differs from panel to panel.
    """
    mark = {"type": "text", "x": -32, "y": -14, "align": "left", "baseline": "alphabetic", "text": text}
    mark |= {"fontSize": 12.5, "fontWeight": "bold", "color": INK}
    return {**view, "layer": [*view["layer"], {"data": {"values": [{}]}, "mark": mark}]}


CONFIG: dict[str, Any] = {
    "font": FONTS,
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": RULE,
        "gridWidth": 0.6,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "labelFlush": False,
    },
    "legend": {
        "labelFontSize": 12,
        "labelLimit": 400,
        "labelColor": INK,
        "rowPadding": 3,
        "offset": 6,
        "layout": {"top": {"direction": "vertical", "anchor": "start", "margin": 4}},
    },
    "title": {"font": FONTS, "color": INK},
}


def finish(view: dict[str, Any], frame: Frame, rows: Rows) -> dict[str, Any]:
    """Give a view the common look and burn the mark and the run's hash into its foot.

    Returns:
        The whole drawing as a Vega-Lite specification.
    """
    return _framed(view, f"{frame.mark} · {frame.stamp}", frame.width, rows)


def finish_published(view: dict[str, Any], foot: str, width: int, rows: Rows) -> dict[str, Any]:
    """Give a view of real trials the common look; its foot says where the numbers come from.

    Nothing simulated may be in such a view: it carries no mark.
    """
    return _framed(view, foot, width, rows)


def _framed(view: dict[str, Any], words: str, width: int, rows: Rows) -> dict[str, Any]:
    foot = {
        "text": wrap(words, width - 12, 11),
        "orient": "bottom",
        "anchor": "start",
        "fontSize": 11,
        "fontWeight": "bold",
        "offset": 14,
    }
    return {
        "$schema": alt.SCHEMA_URL,
        "config": CONFIG,
        "background": "white",
        "padding": {"left": 4, "right": 8, "top": 6, "bottom": 6},
        "title": foot,
        "datasets": rows.sets,
        **view,
    }


def to_svg(specification: dict[str, Any], identifier: str, title: str, description: str) -> str:
    """A finished drawing as one SVG element that can stand in a page with others, or alone as a file.

    Clip paths are renumbered under ``identifier`` (the renderer counts them over the whole process), and
    the title and description are put in for readers who cannot see it.
    """
    svg: str = vl_convert.vegalite_to_svg(specification)
    numbers: dict[str, str] = {}
    for old in re.findall(r'id="(clip\d+)"', svg):
        numbers.setdefault(old, f"{identifier}-clip{len(numbers) + 1}")
    for old, new in numbers.items():
        svg = svg.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    names = f'<title id="{identifier}-title">{_escape(title)}</title>'
    names += f'<desc id="{identifier}-desc">{_escape(description)}</desc>'
    opening = f'role="img" aria-labelledby="{identifier}-title {identifier}-desc"'
    svg = re.sub(r' (role="[^"]*"|aria-[a-z]+="[^"]*"|pointer-events="none"|class="[^"]*")', "", svg)
    return re.sub(r"<svg ([^>]*)>", rf"<svg {opening} \1>{names}", svg, count=1)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
