"""A drawing in pixels: texts, rules, boxes, discs and diamonds, handed to Vega-Lite in layers."""

from __future__ import annotations

from typing import Any

import altair as alt

from hepatrial.report.style import INK, Rows, layered


class Canvas:
    """Marks by kind; ``view`` is the layered chart."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.height = 0.0
        self._texts: dict[tuple[str, float, str, str], list[dict[str, Any]]] = {}
        self._rules: list[dict[str, Any]] = []
        self._boxes: list[dict[str, Any]] = []
        self._discs: list[dict[str, Any]] = []
        self._diamonds: list[dict[str, Any]] = []

    def text(
        self, x: float, y: float, words: str, *, size: float = 12, align: str = "left",
        weight: str = "normal", colour: str = INK,
    ) -> None:  # fmt: skip
        """One line of text, vertically centred on y."""
        self._texts.setdefault((align, size, weight, colour), []).append({"x": x, "y": y, "text": words})

    def rule(
        self, x: float, y: float, x2: float, y2: float, *, colour: str = INK, width: float = 1.0,
        dash: str = "solid",
    ) -> None:  # fmt: skip
        """A straight line."""
        self._rules.append({"x": x, "y": y, "x2": x2, "y2": y2, "colour": colour, "w": width, "dash": dash})

    def box(self, x: float, y: float, x2: float, y2: float, colour: str) -> None:
        """A filled rectangle."""
        self._boxes.append({"x": x, "y": y, "x2": x2, "y2": y2, "colour": colour})

    def disc(self, x: float, y: float, radius: float, fill: str, edge: str) -> None:
        """A filled circle."""
        self._discs.append({"x": x, "y": y, "size": 3.1416 * radius**2, "fill": fill, "edge": edge})

    def diamond(self, left: float, middle: float, right: float, y: float, half: float, colour: str) -> None:
        """A diamond from left to right with its corners at middle."""
        name = len(self._diamonds)
        for x, h in ((left, 0.0), (middle, half), (right, 0.0)):
            self._diamonds.append({"x": x, "y": y - h, "y2": y + h, "name": name, "colour": colour})

    def view(self, rows: Rows) -> dict[str, Any]:
        """The chart; marks drawn later lie on top: boxes, rules, diamonds, discs, texts."""
        x = alt.X("x:Q", scale=alt.Scale(domain=[0, self.width], nice=False), axis=None)
        y = alt.Y("y:Q", scale=alt.Scale(domain=[self.height, 0], nice=False), axis=None)
        paint: dict[str, Any] = {"scale": None, "legend": None}
        colour = alt.Color("colour:N", **paint)
        layers = []
        if self._boxes:
            layers.append(
                alt.Chart(rows(self._boxes)).mark_rect().encode(x=x, y=y, x2="x2:Q", y2="y2:Q", color=colour)
            )
        for dash, pattern in (("solid", [1, 0]), ("dashed", [4, 3])):
            mine = [row for row in self._rules if row["dash"] == dash]
            for w in sorted({row["w"] for row in mine}):
                chart = alt.Chart(rows([row for row in mine if row["w"] == w]))
                layers.append(
                    chart.mark_rule(strokeWidth=w, strokeDash=pattern)
                    .encode(x=x, y=y, x2="x2:Q", y2="y2:Q", color=colour)
                )  # fmt: skip
        if self._diamonds:
            layers.append(
                alt.Chart(rows(self._diamonds))
                .mark_area(opacity=1)
                .encode(x=x, y=y, y2="y2:Q", detail="name:N", color=colour)
            )
        for size in sorted({row["size"] for row in self._discs}):
            chart = alt.Chart(rows([row for row in self._discs if row["size"] == size]))
            layers.append(
                chart.mark_point(filled=True, size=size, opacity=1, strokeWidth=1.4)
                .encode(x=x, y=y, fill=alt.Fill("fill:N", **paint), stroke=alt.Stroke("edge:N", **paint))
            )  # fmt: skip
        for (align, font, weight, shade), words in self._texts.items():
            mark = alt.Chart(rows(words)).mark_text(
                align=align,
                baseline="middle",
                fontSize=font,
                fontWeight=weight,
                color=shade,
            )
            layers.append(mark.encode(x=x, y=y, text="text:N"))
        return layered(*layers, width=self.width, height=self.height)
