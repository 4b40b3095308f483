"""Forest of subgroups: of one trial with its intervals, or of simulated trials with their range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepatrial.report.figures.canvas import Canvas
from hepatrial.report.style import (
    INK,
    QUIET,
    RULE,
    TREATED_COLOURS,
    WIDE,
    Rows,
    finish_published,
    text_width,
    wrap,
)

_ROW = 24.0
_TALL = 44.0
"""Height of a line of the forest: on a page, and on a phone, where its texts stand above it."""


@dataclass(frozen=True)
class ForestLine:
    """One group.

    Attributes:
        label: who.
        n: patients by arm, as text; both: the outcome in both arms, as text, "" where it is not shown.
        estimate, lower, upper: NaN where there is none.
        shown: estimate and range as text.
        error: half a Monte-Carlo interval of the estimate, drawn as a bar; NaN for none.
    """

    label: str
    n: str
    estimate: float
    lower: float
    upper: float
    shown: str
    both: str = ""
    error: float = float("nan")


@dataclass(frozen=True)
class ForestTexts:
    """What stands around the lines.

    Attributes:
        group, n, both, shown: heads of the columns; without ``both`` the outcome has no column.
        worse, better: what lies left and right of the line of no difference.
        title: what is estimated.
    """

    group: str
    n: str
    shown: str
    worse: str
    better: str
    title: str
    both: str = ""


def subgroup_forest(
    lines: Sequence[ForestLine],
    texts: ForestTexts,
    *,
    null: float,
    written: Callable[[float], str],
    foot: str,
    width: int = WIDE,
) -> dict[str, Any]:
    """A disc and a line for every group, on a common scale.

    Args:
        lines: the whole first.
        texts: heads, ends and title.
        null: value without a difference, in the middle.
        written: a value of the scale as text.
        foot: the mark and hash of a simulation, or where real data come from.
        width: in CSS pixels; below 500 the texts of a line stand above it.
    """
    narrow = width < 500
    canvas = Canvas(width - 14)
    left, right = _span(canvas.width, narrow, bool(texts.both))
    ends = [v for line in lines for v in (line.lower, line.upper, line.estimate) if np.isfinite(v)]
    reach = 1.08 * (max((abs(v - null) for v in ends), default=0.0) or 1.0)

    def x(value: float) -> float:
        return left + (right - left) * (value - null + reach) / (2 * reach)

    top = y = _heads(canvas, texts, narrow, left)
    for number, line in enumerate(lines):
        y = _line(canvas, line, y, number == 0, x, narrow, left, null)
    if not narrow:  # on a phone it would run through the texts: each line has its own piece
        canvas.rule(x(null), top - 10, x(null), y - 8, colour=QUIET, dash="dashed")
    canvas.rule(left, y - 4, right, y - 4, colour=RULE)
    tick = _round_below(reach)
    for value in (null - tick, null, null + tick):
        canvas.rule(x(value), y - 4, x(value), y, colour=QUIET)
        canvas.text(x(value), y + 8, written(value), size=10.5, align="center")
    _foot(canvas, texts, y + 24, left, right)
    rows = Rows()
    return finish_published(canvas.view(rows), foot, width, rows)


def _span(width: float, narrow: bool, both: bool) -> tuple[float, float]:
    """Where the scale begins and ends."""
    if narrow:
        return 4.0, width - 4.0
    return (262.0 if both else 190.0), width - 150.0


def _round_below(reach: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above ``reach``."""
    power = 10.0 ** np.floor(np.log10(reach))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= reach * (1 + 1e-12)))


def _foot(canvas: Canvas, texts: ForestTexts, y: float, left: float, right: float) -> None:
    """Whom each side favours, under each other where they do not fit, and the title."""
    ends = (f"\N{LEFTWARDS ARROW} {texts.worse}", f"{texts.better} \N{RIGHTWARDS ARROW}")
    canvas.text(left, y, ends[0], size=10.5, colour=QUIET)
    if sum(text_width(end, 10.5) for end in ends) > right - left - 12:
        y += 16
    canvas.text(right, y, ends[1], size=10.5, colour=QUIET, align="right")
    for text in wrap(texts.title, canvas.width, 11):
        y += 16
        canvas.text(canvas.width / 2, y, text, size=11, align="center")
    canvas.height = y + 10


def _heads(canvas: Canvas, texts: ForestTexts, narrow: bool, left: float) -> float:
    y = 8.0
    canvas.text(0, y, texts.group, weight="bold")
    canvas.text(canvas.width, y, texts.shown, weight="bold", align="right")
    if narrow:
        words = " · ".join(word for word in (texts.n, texts.both) if word)
        canvas.text(0, y + 16, words, size=11, colour=QUIET)
        return y + 40
    if texts.both:
        canvas.text(left - 82, y, texts.n, weight="bold", align="right")
    canvas.text(left - 8, y, texts.both or texts.n, weight="bold", align="right")
    return y + _ROW


def _line(
    canvas: Canvas, line: ForestLine, y: float, first: bool, x: Callable[[float], float], narrow: bool,
    left: float, null: float,
) -> float:  # fmt: skip
    """Draw one group at y; returns where the next one goes."""
    strong = "bold" if first else "normal"
    canvas.text(0, y, line.label, weight=strong)
    canvas.text(canvas.width, y, line.shown, align="right", size=11, weight=strong)
    at = y
    if narrow:
        at = y + 18
        canvas.rule(x(null), at - 8, x(null), at + 8, colour=QUIET, dash="dashed")
        words = " · ".join(word for word in (line.n, line.both) if word)
        canvas.text(canvas.width / 2 - 12, y, words, align="center", size=11, colour=QUIET)
    else:
        if line.both:
            canvas.text(left - 82, y, line.n, align="right", size=11, colour=QUIET)
        canvas.text(left - 8, y, line.both or line.n, align="right", size=11, colour=QUIET)
    if np.isfinite(line.lower) and np.isfinite(line.upper):
        canvas.rule(x(line.lower), at, x(line.upper), at, width=1.6)
    if np.isfinite(line.estimate):
        if np.isfinite(line.error):
            low, high = x(line.estimate - line.error), x(line.estimate + line.error)
            canvas.rule(low, at, high, at, width=6.0, colour=TREATED_COLOURS[0])
        canvas.disc(x(line.estimate), at, 4.6 if first else 3.6, TREATED_COLOURS[0], INK)
    return y + (_TALL if narrow else _ROW)
