"""The report's page as a Word file: headings, paragraphs, tables and figures, the mark on every page.

The page is walked, not made a second time, so that both say the same.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from hepatrial.report.word_style import add_cells, dress, grey_bar, new_document, picture_size

SKIPPED = frozenset(("style", "nav", "head", "script", "summary"))
HEADINGS = {"h1": 0, "h2": 1, "h3": 2}
_SVG = re.compile(r"<svg\b.*?</svg>", re.S)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.S)


def docx_bytes(page: str, stamp: str, mark: str = "") -> bytes:
    """A Word file of a report's page.

    Args:
        page: the HTML that ``documents.html`` makes.
        stamp: mark, hash and how often there is no benefit: at the head of every page.
        mark: at the foot of every page, beside its number; the stamp when not given.
    """
    parser: Any = import_module("lxml.html")  # python-docx brings it
    figures: list[str] = []

    def kept(found: re.Match[str]) -> str:
        figures.append(found[0])
        return f'<img alt="{len(figures) - 1}">'

    tree = parser.document_fromstring(_SVG.sub(kept, page))
    document = new_document(stamp, mark or stamp, tree.get("lang", "en"), tree.findtext(".//title") or "")
    Walker(document, figures).walk(tree.find("body"))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


class Walker:
    """Puts the elements of a page into a Word document, in their order.

    Args:
        document: of python-docx.
        figures: SVG of each figure; an image of the page names its place in the list.
    """

    def __init__(self, document: Any, figures: list[str]) -> None:
        self._document = document
        self._figures = figures
        self._known: dict[str, Callable[[Any], None]] = {
            "table": self._table,
            "img": self._figure,
            "dt": self._term,
            "p": self._paragraph,
            "dd": self._paragraph,
            "li": self._item,
            "figcaption": self._caption,
        } | dict.fromkeys(HEADINGS, self._heading)

    def walk(self, element: Any) -> None:
        """Set an element that holds others."""
        if element.get("class") == "mark":
            grey_bar(self._document.add_paragraph(_text(element)))
            return
        for child in element:
            if child.tag in SKIPPED or child.get("class") == "phone":
                continue
            self._known.get(child.tag, self.walk)(child)

    def _heading(self, element: Any) -> None:
        level = HEADINGS[element.tag]
        made = self._document.add_heading(_text(element), level)
        made.paragraph_format.page_break_before = element.get("id") == "appendix"
        if "quiet" in element.get("class", ""):
            dress(made, "quiet")

    def _paragraph(self, element: Any) -> None:
        answer = element.tag == "dd" and element.getparent().get("class") == "answer"
        if answer:
            paragraph = self._document.paragraphs[-1]
            paragraph.add_run("\t")
        else:
            paragraph = self._document.add_paragraph()
        _runs(paragraph, element)
        dress(paragraph, "answer" if answer else element.get("class", ""))

    def _term(self, element: Any) -> None:
        paragraph = self._document.add_paragraph()
        paragraph.add_run(_text(element)).bold = True
        paragraph.paragraph_format.keep_with_next = True

    def _item(self, element: Any) -> None:
        numbered = element.getparent().tag == "ol"
        paragraph = self._document.add_paragraph(style="List Number" if numbered else "List Bullet")
        _runs(paragraph, element)

    def _caption(self, element: Any) -> None:
        paragraph = self._document.add_paragraph(style="Caption")
        _runs(paragraph, element)

    def _table(self, element: Any) -> None:
        caption = element.find("caption")
        if caption is not None:
            self._caption(caption)
            self._document.paragraphs[-1].paragraph_format.keep_with_next = True
        widths = [float(re.sub(r"[^\d.]", "", col.get("style"))) for col in element.iter("col")]
        add_cells(self._document, list(element.iter("tr")), widths, _lines)

    def _figure(self, element: Any) -> None:
        from hepatrial.report.export import png_bytes

        svg = self._figures[int(element.get("alt"))]
        size = picture_size(svg, element.getparent().getparent().get("id", ""))
        paragraph = self._document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        shape = paragraph.add_run().add_picture(io.BytesIO(png_bytes(svg)), width=size)
        title = _TITLE.search(svg)
        shape._inline.docPr.set("descr", html.unescape(title[1]) if title else "")


def _text(element: Any) -> str:
    """All words of an element on one line."""
    return re.sub(r"[ \t\n]+", " ", element.text_content()).strip()


def _lines(cell: Any) -> str:
    """A cell's words; lines of numbers stay apart, as on the page."""
    if "word" in cell.get("class", "").split() and cell.tag == "td":
        return _text(cell)
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in cell.text_content().strip().split("\n"))


def _runs(paragraph: Any, element: Any) -> None:
    """The words of an element, bold ones as such."""
    pieces = [(element.text or "", False)]
    for child in element:
        pieces += [(child.text_content(), child.tag in ("b", "strong")), (child.tail or "", False)]
    pieces = [(re.sub(r"[ \t\n]+", " ", text), bold) for text, bold in pieces if text]
    for place, (text, bold) in enumerate(pieces):
        words = text.lstrip() if place == 0 else text
        paragraph.add_run(words.rstrip() if place == len(pieces) - 1 else words).bold = bold or None
