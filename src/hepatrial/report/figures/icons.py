"""Of 100 people, how many: icon arrays of two groups side by side, never one alone."""

from __future__ import annotations

from typing import Any

from hepatrial.report.figures.canvas import Canvas
from hepatrial.report.style import CONTROL_COLOUR, QUIET, Rows, finish_published, wrap

_STEP, _RADIUS = 15.0, 5.6
EMPTY = "#8a8a8a"


def icon_arrays(
    groups: tuple[tuple[int, str, str], tuple[int, str, str]], foot: str, *, width: int = 400
) -> dict[str, Any]:
    """Two squares of 100 discs; filled ones had the event. Real people only, so it carries no mark.

    Args:
        groups: (of 100, heading, line below) with treatment first, then without.
        foot: where the numbers were read.
        width: total width in CSS pixels.

    Raises:
        ValueError: a number outside 0 to 100.
    """
    canvas = Canvas(width - 14)
    column = canvas.width / 2
    bottom = 0.0
    for index, (count, heading, below) in enumerate(groups):
        if not 0 <= count <= 100:
            raise ValueError(f"{count} of 100 is no number of people")
        left = index * column
        canvas.text(left, 8, heading, size=12.5, weight="bold")
        for i in range(100):
            x, y = left + _RADIUS + 2 + _STEP * (i % 10), 30 + _STEP * (i // 10)
            filled = i < count
            canvas.disc(x, y, _RADIUS, CONTROL_COLOUR if filled else "#ffffff",
                        CONTROL_COLOUR if filled else EMPTY)  # fmt: skip
        y = 30 + 10 * _STEP
        for line in wrap(below, column - 12, 11):
            canvas.text(left, y + 4, line, size=11, colour=QUIET)
            y += 14
        bottom = max(bottom, y)
    canvas.height = bottom + 6
    rows = Rows()
    return finish_published(canvas.view(rows), foot, width, rows)
