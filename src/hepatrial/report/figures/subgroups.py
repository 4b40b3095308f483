"""Forest of subgroups of one trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from hepatrial.report.figures.canvas import Canvas
from hepatrial.report.style import INK, QUIET, RULE, TREATED_COLOURS, WIDE, Rows, finish_published

_ROW = 24.0


class Line(Protocol):
    """What a line needs; ``analysis_tables.Subgroup`` has it."""

    @property
    def label(self) -> str: ...
    @property
    def n(self) -> tuple[int, int]: ...
    @property
    def estimate(self) -> float: ...
    @property
    def lower(self) -> float: ...
    @property
    def upper(self) -> float: ...


def subgroup_forest(
    lines: Sequence[Line],
    *,
    title: str,
    arms: tuple[str, str],
    null: float,
    better: int,
    foot: str,
    width: int = WIDE,
) -> dict[str, Any]:
    """A disc and a line for every group, on a common scale.

    Args:
        lines: the whole first.
        title: what is estimated.
        arms: first and second, for the heads.
        null: value without a difference.
        better: 1 when larger favours the first arm, -1 when smaller does.
        foot: the mark and hash of a simulation, or where real data come from.
        width: in CSS pixels.
    """
    canvas = Canvas(width - 14)
    left, right = 190.0, canvas.width - 150.0
    known = [v for line in lines for v in (line.lower, line.upper) if np.isfinite(v)]
    reach = 1.08 * (max((abs(v - null) for v in known), default=0.0) or 1.0)
    y = 8.0
    canvas.text(0, y, "group", weight="bold")
    canvas.text(left - 8, y, "n", weight="bold", align="right")
    canvas.text(canvas.width, y, "estimate (CI)", weight="bold", align="right")
    top = y + 14
    y += _ROW

    def x(value: float) -> float:
        return left + (right - left) * (value - null + reach) / (2 * reach)

    for number, line in enumerate(lines):
        strong = "bold" if number == 0 else "normal"
        canvas.text(0, y, line.label, weight=strong)
        canvas.text(left - 8, y, f"{line.n[0]} / {line.n[1]}", align="right", size=11, colour=QUIET)
        if np.isfinite(line.estimate) and np.isfinite(line.lower):
            canvas.rule(x(line.lower), y, x(line.upper), y, width=1.6)
            canvas.disc(x(line.estimate), y, 4.6 if number == 0 else 3.6, TREATED_COLOURS[0], INK)
            words = f"{line.estimate:.2f} ({line.lower:.2f} to {line.upper:.2f})".replace(
                "-", "\N{MINUS SIGN}"
            )
        else:
            words = "too few"
        canvas.text(canvas.width, y, words, align="right", size=11, weight=strong)
        y += _ROW
    canvas.rule(x(null), top, x(null), y - 8, colour=QUIET, dash="dash")
    canvas.rule(left, y - 4, right, y - 4, colour=RULE)
    for value in (null - reach / 1.08, null, null + reach / 1.08):
        canvas.text(x(value), y + 8, f"{value:.2f}".replace("-", "\N{MINUS SIGN}"), size=10.5, align="center")
    ends = (f"favours {arms[1]}", f"favours {arms[0]}")
    low, high = ends if better > 0 else ends[::-1]
    canvas.text(left, y + 24, f"\N{LEFTWARDS ARROW} {low}", size=10.5, colour=QUIET)
    canvas.text(right, y + 24, f"{high} \N{RIGHTWARDS ARROW}", size=10.5, colour=QUIET, align="right")
    canvas.text((left + right) / 2, y + 42, title, size=11, align="center")
    canvas.height = y + 52
    rows = Rows()
    return finish_published(canvas.view(rows), foot, width, rows)
