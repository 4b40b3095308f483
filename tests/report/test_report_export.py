"""Every form of a report carries the mark, the run's hash and how often there is no benefit."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from fake_run import fake_facts
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.documents import html, no_benefit_of, stamp_of
from hepatrial.report.export import _check, forms_of, laid_out
from hepatrial.report.results import results_of


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=60, pairs=100)


@pytest.fixture(scope="module")
def results(facts):
    return results_of(facts)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_stamp_tells_how_often_there_is_no_benefit_and_few_trials_tell_none(facts, results, lang):
    t = Catalogue(lang)
    stamp = stamp_of(facts, results, t)
    [contrast] = [
        row
        for row in results["survival"]["contrasts"]
        if row["week"] == 24 and row["endpoint"] == "overall_survival"
    ]
    assert f"{100 * contrast['no_benefit']['share']:.0f}" in stamp
    few = fake_facts(replicates=10, pairs=20)
    assert "%" not in stamp_of(few, results_of(few), t)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_word_carries_the_mark_on_every_page_and_says_what_the_page_says(facts, results, lang):
    pytest.importorskip("docx")
    import docx

    t = Catalogue(lang)
    data = forms_of(facts, results, ("docx",), lang)["report.docx"]
    document = docx.Document(io.BytesIO(data))
    for section in document.sections:
        for part in (section.header, section.footer):
            assert t.mark in part.paragraphs[0].text
        assert stamp_of(facts, results, t) in section.header.paragraphs[0].text
    page = html(facts, results, lang)
    assert len(document.inline_shapes) == page.count('class="desk"')
    assert len(document.tables) == page.count("<table")
    heads = [p.text for p in document.paragraphs if p.style.name.startswith("Heading 1")]
    assert len(heads) == len(re.findall(r"<h2", page))
    _check_tables(document, page)
    pictures = [name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if name.endswith(".png")]
    assert pictures


ORDER = {
    "tblPr": "tblStyle tblW jc tblInd tblBorders shd tblLayout tblCellMar tblLook",
    "tcPr": "tcW gridSpan vMerge tcBorders shd noWrap tcMar vAlign",
    "pPr": "pStyle keepNext keepLines pageBreakBefore pBdr shd tabs spacing ind jc rPr",
}
"""Of the schema of WordprocessingML (ECMA-376, part 1): Word calls a file in another order damaged."""


def _check_tables(document, page):
    """Heads are repeated, rows are not torn, widths are those of the page, and the order is the schema's."""
    from docx.oxml.ns import qn

    for table, source in zip(document.tables, re.findall(r"<table.*?</table>", page, re.S), strict=True):
        head, *rows = table._tbl.tr_lst
        assert head.trPr.find(qn("w:tblHeader")) is not None
        assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in rows)
        shares = [float(share) for share in re.findall(r'<col style="width:([\d.]+)%">', source)]
        wide = [column.w for column in table._tbl.tblGrid.gridCol_lst]
        assert [100 * w / sum(wide) for w in wide] == pytest.approx(shares, abs=0.2)
    for name, order in ORDER.items():
        known = [qn(f"w:{tag}") for tag in order.split()]
        for element in document.element.iter(qn(f"w:{name}")):
            places = [known.index(child.tag) for child in element]
            assert places == sorted(places), [child.tag for child in element]


@pytest.mark.slow
def test_every_page_of_the_pdf_has_the_mark_at_its_head(facts, results):
    pytest.importorskip("weasyprint", exc_type=(ImportError, OSError))
    t = Catalogue("en")
    document = laid_out(html(facts, results, "en"))
    assert len(document.pages) > 5
    for page in document.pages:
        text = " ".join(box.text for box in page._page_box.descendants() if hasattr(box, "text"))
        assert t.mark in text
        assert facts.run_hash[:12] in text
        assert no_benefit_of(facts, results, t)[0] in text
        [head] = [box for box in page._page_box.children if getattr(box, "at_keyword", "") == "@top-left"]
        assert sum(type(box).__name__ == "LineBox" for box in head.descendants()) == 1


def test_png_is_drawn_from_the_figure_with_the_mark(facts, results):
    files = forms_of(facts, results, ("svg", "png"), "en")
    from hepatrial.report.export import png_bytes

    for name in [name for name in files if name.endswith(".svg")]:
        svg = files[name].decode()
        words = "".join(re.findall(r">([^<>]+)<", svg))
        assert Catalogue("en").mark.replace(" ", "") in words.replace(" ", "")
        assert files[name.replace(".svg", ".png")].startswith(b"\x89PNG")
    name = "figure-km.svg"
    bare = re.sub(r"Simulated\. No patients[^<]*", "", files[name].decode())
    assert png_bytes(bare) != files["figure-km.png"]


def test_unknown_forms_are_refused_together(tmp_path: Path):
    with pytest.raises(BadInput) as caught:
        _check(["pdff", "wrod"])
    assert caught.value.problems[0].nearest == "pdf"
    assert len(caught.value.problems) == 2
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--form", "pdf"])
    assert done.exit_code == 2
    assert "--export" in done.stderr
