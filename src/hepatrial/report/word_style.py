"""How the Word file of a report looks: A4, fonts for both scripts, tables of three rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

WIDTH_CM = 17.4
HEIGHT_CM = 11.0
TALL_CM = 14.5
"""Of figures, so that one shares its page with words; the flow and the parts of doubt are taller."""
TALL = ("figure-flow", "figure-doubt")
SERIF, SANS = ("Times New Roman", "SimSun"), ("Arial", "Microsoft YaHei")
RUST, QUIET = "A34700", "565656"
SMALL = 7.5
GREY = {"miss": "FDF3E7", "total": "F4F6F8"}
FOLLOWERS = {
    "w:tblBorders": ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook"),
    "w:tblCellMar": ("w:tblLook",),
    "w:tcBorders": ("w:shd", "w:noWrap", "w:tcMar", "w:vAlign"),
    "w:shd": ("w:noWrap", "w:tcMar", "w:vAlign", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr"),
}
"""Element -> those of the schema that stand after it: Word refuses a file whose order differs."""
ANSWER_CM = 4.2
HEAD = 7.0
"""Points of the line at the head, which holds mark, run and how often there is no benefit."""


def new_document(stamp: str, mark: str, lang: str, title: str) -> Any:
    """An empty document with its styles, head and foot."""
    from docx import Document
    from docx.shared import Cm

    document = Document()
    _styles(document, lang)
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(1.8)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
    section.header_distance = section.footer_distance = Cm(1.0)
    head, foot = section.header.paragraphs[0], section.footer.paragraphs[0]
    _small_line(head, stamp, RUST)
    _small_line(foot, mark, QUIET)
    _page_number(foot)
    document.core_properties.title = title[:255]
    document.core_properties.keywords = stamp[:255]
    document.core_properties.author = "hepatrial"
    return document


def _styles(document: Any, lang: str) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt

    sizes = {"Normal": 10, "Title": 18, "Heading 1": 13, "Heading 2": 10.5, "Caption": 8.5,
             "List Bullet": 10, "List Number": 9}  # fmt: skip
    for name, size in sizes.items():
        style = document.styles[name]
        latin, east = SANS if name in ("Title", "Heading 1", "Heading 2", "Caption") else SERIF
        style.font.name, style.font.size = latin, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), east)
        style.font.color.rgb = _colour("1C1C1C")
        style.font.bold = name not in ("Normal", "Caption", "List Bullet", "List Number")
        style.paragraph_format.space_after = Pt(3 if name.startswith("List") else 5)
    document.styles["Heading 1"].paragraph_format.space_before = Pt(16)
    document.styles["Heading 2"].paragraph_format.space_before = Pt(10)
    for border in document.styles["Title"].element.iter(qn("w:pBdr")):
        border.getparent().remove(border)
        break
    tongue = {"w:val": "en-GB", "w:eastAsia": "en-GB" if lang == "en" else "zh-CN"}
    document.styles["Normal"].element.get_or_add_rPr().append(_element("w:lang", **tongue))


def _colour(hexadecimal: str) -> Any:
    from docx.shared import RGBColor

    return RGBColor.from_string(hexadecimal)


def _put(parent: Any, element: Any, name: str) -> None:
    """Put an element where the schema wants it."""
    parent.insert_element_before(element, *FOLLOWERS[name])


def _element(name: str, **attributes: str) -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    made = OxmlElement(name)
    for key, value in attributes.items():
        made.set(qn(key), value)
    return made


def _small_line(paragraph: Any, text: str, colour: str) -> None:
    from docx.shared import Pt

    run = paragraph.add_run(text)
    run.font.name, run.font.size, run.font.color.rgb = SANS[0], Pt(HEAD), _colour(colour)
    run.font.bold = colour == RUST


def _page_number(paragraph: Any) -> None:
    """The page's number at the right of a line."""
    from docx.enum.text import WD_TAB_ALIGNMENT
    from docx.shared import Cm

    stops = paragraph.paragraph_format.tab_stops
    for stop in list(paragraph.style.paragraph_format.tab_stops):
        stops.add_tab_stop(stop.position, WD_TAB_ALIGNMENT.CLEAR)
    stops.add_tab_stop(Cm(WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT)
    for place, words in enumerate(("\t", "PAGE", " / ", "NUMPAGES")):
        _small_line(paragraph, "" if place % 2 else words, QUIET)
        if place % 2:
            run = paragraph.runs[-1]._r
            run.append(_element("w:fldChar", **{"w:fldCharType": "begin"}))
            code = _element("w:instrText")
            code.text = words
            run.append(code)
            run.append(_element("w:fldChar", **{"w:fldCharType": "end"}))


def grey_bar(paragraph: Any) -> None:
    """The mark as a bar over the whole width."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _put(paragraph._p.get_or_add_pPr(), _element("w:shd", **{"w:val": "clear", "w:fill": RUST}), "w:shd")
    for run in paragraph.runs:
        run.font.name, run.font.bold, run.font.color.rgb = SANS[0], True, _colour("FFFFFF")


def dress(paragraph: Any, kind: str) -> None:
    """Set a paragraph as its class on the page says."""
    from docx.shared import Cm, Pt

    if kind == "answer":
        form = paragraph.paragraph_format
        form.left_indent, form.first_line_indent = Cm(ANSWER_CM), Cm(-ANSWER_CM)
        form.tab_stops.add_tab_stop(Cm(ANSWER_CM))
        form.keep_with_next = False
    sizes = {"notes": 8, "facts": 8.5, "quiet": 9, "kind": 9, "question": 12}
    colours = {"notes": QUIET, "facts": QUIET, "quiet": QUIET, "subtitle": QUIET, "kind": RUST}
    for run in paragraph.runs:
        if kind in sizes:
            run.font.size = Pt(sizes[kind])
        if kind == "notes":
            run.font.name = SANS[0]
        if kind in colours:
            run.font.color.rgb = _colour(colours[kind])


def picture_size(svg: str, name: str) -> Any:
    """Width of a figure: of the page, or less so that it is not too tall."""
    from docx.shared import Cm

    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    tallest = TALL_CM if name.startswith(TALL) else HEIGHT_CM
    ratio = float(found[1]) / float(found[2]) if found else 1.0
    return Cm(min(WIDTH_CM, tallest * ratio))


def add_cells(
    document: Any, rows: Sequence[Any], widths: Sequence[float], words_of: Callable[[Any], str]
) -> None:
    """A table of three rules whose head is repeated on every page and whose rows are not torn.

    Args:
        document: of python-docx.
        rows: the page's rows.
        widths: of the columns, in per cent; none for equal ones.
        words_of: gives the words of a cell, its lines apart.
    """
    from docx.shared import Cm

    columns = max(len(row) for row in rows)
    widths = widths or [100 / columns] * columns
    table = document.add_table(rows=len(rows), cols=columns)
    table.autofit = False
    _borders(table._tbl.tblPr, top=12, bottom=12)
    margins = _element("w:tblCellMar")
    margins.extend(_element(f"w:{side}", **{"w:w": "60", "w:type": "dxa"}) for side in ("left", "right"))
    _put(table._tbl.tblPr, margins, "w:tblCellMar")
    for column, share in zip(table.columns, widths, strict=True):
        column.width = Cm(WIDTH_CM * share / 100)
    made = table._tbl.tr_lst  # cells by python-docx's table.cell() take seconds in a table of 500 rows
    for row, line in zip(made, rows, strict=True):
        _fill_row(row, line, widths, words_of, last=line is rows[-1])
    after = document.add_paragraph()
    after.paragraph_format.space_after = Cm(0)
    after.paragraph_format.line_spacing = Cm(0.25)


def _fill_row(
    row: Any, line: Any, widths: Sequence[float], words_of: Callable[[Any], str], *, last: bool
) -> None:
    """A row of the page into one of the table; a shorter one is a heading over all columns."""
    from docx.shared import Cm

    properties = row.get_or_add_trPr()
    properties.append(_element("w:cantSplit"))
    head, kind, cells = line.getparent().tag == "thead", line.get("class") or "", list(row.tc_lst)
    if head:
        properties.append(_element("w:tblHeader"))
    if len(line) < len(widths):
        for spare in cells[len(line) :]:
            row.remove(spare)
        cells[0].grid_span = len(widths)
        widths = [sum(widths)] * len(line)
    for i, (cell, source, share) in enumerate(zip(cells, line, widths, strict=False)):
        cell.width = Cm(WIDTH_CM * share / 100)
        left = i == 0 or "word" in source.get("class", "")
        strong = head or kind == "group"
        _fill(cell, words_of(source), left=left, strong=strong, quiet=kind == "quiet")
        if kind in GREY:
            shade = _element("w:shd", **{"w:val": "clear", "w:fill": GREY[kind]})
            _put(cell.get_or_add_tcPr(), shade, "w:shd")
        if head or last:
            _borders(cell.get_or_add_tcPr(), "w:tcBorders", bottom=8 if head else 12)


def _borders(properties: Any, name: str = "w:tblBorders", **sizes: int) -> None:
    borders = _element(name)
    for side, size in sizes.items():
        borders.append(_element(f"w:{side}", **{"w:val": "single", "w:sz": str(size), "w:color": "1C1C1C"}))
    _put(properties, borders, name)


def _fill(cell: Any, text: str, *, left: bool, strong: bool, quiet: bool) -> None:
    """Words into a cell of a table; those of heads are bold and stay with what follows."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Pt
    from docx.text.paragraph import Paragraph

    paragraph = Paragraph(cell.p_lst[0], cell)
    run: Any = paragraph.add_run(text)
    run.font.name, run.font.size, run.font.bold = SANS[0], Pt(SMALL), strong or None
    run._r.rPr.rFonts.set(qn("w:eastAsia"), SANS[1])
    if quiet:
        run.font.color.rgb = _colour(QUIET)
    form = paragraph.paragraph_format
    form.space_before = form.space_after = Pt(1.2)
    form.keep_with_next = strong or None
    form.alignment = WD_ALIGN_PARAGRAPH.LEFT if left else WD_ALIGN_PARAGRAPH.RIGHT
