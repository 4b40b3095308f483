"""Tables as RTF, which word processors open and edit; one file, one table after the other."""

from __future__ import annotations

from collections.abc import Sequence

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import text_width
from hepatrial.report.tables import Table

_WIDTH = 14_000
"""Of the text on a landscape A4 page, in twips (1/1440 inch)."""
_LETTER = 1.9
"""Size at which a Latin letter has a width of about one."""


def _escape(text: str) -> str:
    made = []
    for letter in text:
        code = ord(letter)
        if letter in "\\{}":
            made.append(f"\\{letter}")
        elif code < 128:
            made.append(letter)
        else:  # RTF counts in signed 16-bit units; the question mark is for readers that know none of it
            units = letter.encode("utf-16-le")
            for i in range(0, len(units), 2):
                unit = int.from_bytes(units[i : i + 2], "little")
                made.append(f"\\u{unit - 65536 if unit > 32767 else unit}?")
    return "".join(made)


def _row(cells: Sequence[str], edges: Sequence[int], *, bold: bool, line: bool) -> str:
    border = "\\clbrdrb\\brdrs\\brdrw10" if line else ""
    sizes = "".join(f"{border}\\cellx{edge}" for edge in edges)
    start, end = ("{\\b ", "}") if bold else ("", "")
    body = "".join(f"\\pard\\intbl\\ql {start}{_escape(cell)}{end}\\cell" for cell in cells)
    return f"\\trowd\\trgaph70\\trleft0{sizes}\n{body}\\row\n"


def _edges(table: Table) -> list[int]:
    """Right edges of the columns, wide by their longest cell within limits."""
    columns = list(zip(table.head, *(row.cells for row in table.rows if row.kind != "group"), strict=True))
    weight = [min(max(max(text_width(cell, _LETTER) for cell in column), 6.0), 46) for column in columns]
    total, edge, edges = sum(weight), 0.0, []
    for one in weight:
        edge += _WIDTH * one / total
        edges.append(round(edge))
    return edges


def rtf(tables: Sequence[Table], title: str, foot: str, lang: str = "en") -> bytes:
    """One RTF file of some tables.

    Args:
        tables: in order.
        title: heading of the file.
        foot: stands under the title and in the foot of every page (the mark of a simulation).
        lang: of the numbers before the captions and of the font.
    """
    t = Catalogue(lang)
    font = "\\fnil\\fcharset134 SimSun" if lang == "zh" else "\\fswiss Arial"
    parts = [
        f"{{\\rtf1\\ansi\\ansicpg1252\\uc1\\deff0{{\\fonttbl{{\\f0{font};}}}}\n",
        "\\landscape\\paperw16838\\paperh11906\\margl1417\\margr1417\\margt1134\\margb1134\\f0\\fs18\n",
        f"{{\\footer\\pard\\qc\\fs16 {_escape(foot)}\\par}}\n" if foot else "",
        f"\\pard\\sb0\\sa120{{\\b\\fs26 {_escape(title)}}}\\par\n",
        f"\\pard\\sa200 {_escape(foot)}\\par\n" if foot else "",
    ]
    for number, table in enumerate(tables, start=1):
        edges = _edges(table)
        name = _escape(t("table", n=number))
        parts.append(f"\\pard\\keepn\\sb240\\sa80{{\\b {name}}} {_escape(table.caption)}\\par\n")
        parts.append(_row(table.head, edges, bold=True, line=True))
        for row in table.rows:
            cells = row.cells if row.kind != "group" else (row.cells[0], *[""] * (len(table.head) - 1))
            parts.append(_row(cells, edges, bold=row.kind in ("group", "total"), line=False))
        parts += [f"\\pard\\sb60\\fs16 {_escape(note)}\\fs18\\par\n" for note in table.notes]
    return ("".join(parts) + "}").encode("ascii")
