"""How wide the columns of a table are: as its words need, so that it is as short as it can be.

Browsers, WeasyPrint and Word share out a table's width each by rules of their own, and starve a column of
short words beside one of sentences, in Chinese down to one character. Here widths are chosen once for all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.report.style import text_width

ROOM = 58.0
"""Width of a table in ems of its letters: between a column on a screen and an A4 page."""
NARROW = frozenset(" .,:;()[]|'ijl\u202f")
"""Signs of about a quarter of an em in the page's sans serif."""
GAP = 1.3
"""Between two columns, in ems."""
LEAST = 4.5
LONGEST_PIECE = 8.0
"""A longer word may be broken."""
HEAD_LINES = 3
REACH = 5
"""Steps of one em that are looked ahead, since a single one may save no line."""


def column_widths(
    head: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int] = ()
) -> tuple[float, ...]:
    """The share of a table's width that each column gets, in per cent.

    Columns of numbers get what their longest line needs, since numbers are not broken. What is left goes, em
    by em, to the column of words where it saves most lines.

    Args:
        head: heads of the columns.
        rows: cells; a row of fewer cells than the head (a heading over rows) is not counted.
        words: columns that hold words; the first always does.
    """
    columns = [_Column([row[i] for row in rows if len(row) == len(head)]) for i in range(len(head))]
    least, most = [], []
    for i, (column, title) in enumerate(zip(columns, head, strict=True)):
        title_least = max(_longest_piece(title), _ems(title) / HEAD_LINES)
        needed = max(column.longest, title_least)
        breakable = i == 0 or i in words
        narrow = max(min(column.piece, LONGEST_PIECE), min(column.longest, LEAST), title_least)
        least.append(min(narrow, needed) if breakable else needed)
        most.append(needed)
    widths = np.array(least)
    room = ROOM - GAP * len(head)
    while room - widths.sum() >= 1 and (widths < most).any():
        best, steps = max(
            ((i, k) for i in range(len(head)) for k in range(1, REACH + 1) if widths[i] < most[i]),
            key=lambda step: _saved(columns, widths, *step),
        )
        widths[best] = min(widths[best] + steps, most[best])
    shares = (widths + GAP) / (widths + GAP).sum()
    return tuple(float(round(100 * share, 1)) for share in shares)


class _Column:
    """The lines of a column's cells: their lengths in ems, and the row of each."""

    def __init__(self, cells: Sequence[str]) -> None:
        lines = [(row, line) for row, cell in enumerate(cells) for line in cell.split("\n")]
        self.rows = len(cells)
        self.row = np.array([row for row, _ in lines], dtype=int)
        self.length = np.array([_ems(line) for _, line in lines])
        self.longest = float(self.length.max(initial=0))
        self.piece = max((_longest_piece(line) for _, line in lines), default=0.0)

    def lines(self, width: float) -> NDArray[np.float64]:
        """Lines that each row needs at a width."""
        needed = np.maximum(1, np.ceil(1.06 * self.length / max(width, 1.0)))
        return np.bincount(self.row, needed, self.rows).astype(float)


def _saved(
    columns: Sequence[_Column], widths: NDArray[np.float64], which: int, steps: int
) -> tuple[float, float]:
    """Lines of the table saved by each em given to a column; where none is, those of the column alone."""
    before = [column.lines(width) for column, width in zip(columns, widths, strict=True)]
    after = columns[which].lines(widths[which] + steps)
    others = np.maximum.reduce([np.zeros_like(after), *before[:which], *before[which + 1 :]])
    whole = np.maximum(before[which], others).sum() - np.maximum(after, others).sum()
    return float(whole / steps), float((before[which] - after).sum() / steps)


def _ems(text: str) -> float:
    """Width in ems, with narrow signs at their own width: numbers are full of them."""
    narrow = sum(character in NARROW for character in text)
    return text_width(text, 1.0) - 0.25 * narrow


def _longest_piece(text: str) -> float:
    """The longest piece that is not broken: a word; a Chinese character breaks from the next."""
    pieces = re.findall(r"[^\s\u2e80-\uffef]+|[\u2e80-\uffef]", text)
    return max((_ems(piece) for piece in pieces), default=0.0)
