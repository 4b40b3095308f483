"""The report's page as a Word file: headings, paragraphs, tables and figures, the mark on every page.

The page is walked, not made a second time, so that both say the same.
"""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from typing import Any

SKIPPED = frozenset(("style", "nav", "head"))
HEADINGS = {"h1": 0, "h2": 1, "h3": 2}
WIDTH_CM = 16.5
_VOID = frozenset(("meta", "br", "link", "img", "path", "rect", "line", "circle", "use", "stop"))


def docx_bytes(page: str, stamp: str) -> bytes:
    """A Word file of a report's page.

    Args:
        page: the HTML that ``documents.html`` makes.
        stamp: mark and hash, for header and footer.
    """
    from docx import Document
    from docx.shared import Pt

    document = Document()
    document.styles["Normal"].font.size = Pt(10)
    for section in document.sections:
        section.header.paragraphs[0].text = stamp
        section.footer.paragraphs[0].text = stamp
    document.core_properties.keywords = stamp[:255]
    Walker(document).feed(page)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


class Walker(HTMLParser):
    """Puts what it meets into a Word document.

    Args:
        document: of python-docx.
    """

    def __init__(self, document: Any) -> None:
        super().__init__(convert_charrefs=True)
        self._document = document
        self._text: list[str] = []
        self._rows: list[list[str]] | None = None
        self._svg: list[str] | None = None
        self._deep = 0
        self._skip = 0
        self._phone = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if self._svg is not None or tag == "svg":
            self._svg = self._svg or []
            self._deep += tag not in _VOID or tag in ("path", "rect", "line", "circle", "use", "stop")
            self._svg.append(self.get_starttag_text() or "")
            if (self.get_starttag_text() or "").endswith("/>"):
                self._deep -= 1
            return
        if tag in SKIPPED:
            self._skip += 1
        if tag == "div" and ("class", "phone") in attrs:
            self._phone = 1
        elif tag == "div" and self._phone:
            self._phone += 1
        if tag == "table":
            self._end_paragraph("p")
            self._rows = []
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("p", "li", "dt", "dd", "caption", "figcaption", *HEADINGS):
            self._end_paragraph("p")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """An element without content."""
        if self._svg is not None:
            self._svg.append(self.get_starttag_text() or "")
        elif tag == "br":
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if self._svg is not None:
            self._svg.append(f"</{tag}>")
            self._deep -= 1
            if tag == "svg":
                self._picture("".join(self._svg))
                self._svg, self._deep = None, 0
            return
        if tag in SKIPPED:
            self._skip -= 1
        if tag == "div" and self._phone:
            self._phone -= 1
        if tag in ("td", "th") and self._rows:
            self._rows[-1].append(self._taken())
        elif tag == "table":
            self._table()
        elif tag in ("p", "li", "dt", "dd", "caption", "figcaption", "div", *HEADINGS):
            self._end_paragraph(tag)

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._svg is not None:
            self._svg.append(data.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
        elif not self._skip and not self._phone:
            self._text.append(data)

    def _taken(self) -> str:
        text = re.sub(r"\s+", " ", "".join(self._text)).strip()
        self._text = []
        return text

    def _end_paragraph(self, tag: str) -> None:
        if self._rows is not None and tag != "caption":
            return
        text = self._taken()
        if not text or self._skip or self._phone:
            return
        if tag in HEADINGS:
            self._document.add_heading(text, HEADINGS[tag])
        elif tag == "li":
            self._document.add_paragraph(text, style="List Bullet")
        elif tag in ("caption", "figcaption"):
            self._document.add_paragraph(text, style="Caption")
        else:
            paragraph = self._document.add_paragraph()
            paragraph.add_run(text).bold = tag == "dt"

    def _table(self) -> None:
        rows, self._rows = [row for row in self._rows or [] if row], None
        if not rows:
            return
        columns = max(len(row) for row in rows)
        table = self._document.add_table(rows=0, cols=columns)
        table.style = "Light List"
        for row in rows:
            cells = table.add_row().cells
            for cell, text in zip(cells, row, strict=False):
                cell.text = text

    def _picture(self, svg: str) -> None:
        if self._phone:
            return
        from docx.shared import Cm

        from hepatrial.report.export import png_bytes

        self._document.add_picture(io.BytesIO(png_bytes(svg)), width=Cm(WIDTH_CM))
