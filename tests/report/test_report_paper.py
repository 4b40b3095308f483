"""Tables share out their width by their words; every sheet of paper says what it is."""

from __future__ import annotations

import math
import re

import pytest
from fake_run import fake_facts
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.report import tables
from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.documents import html, no_benefit_of
from hepatrial.report.paper import running_heads
from hepatrial.report.results import results_of
from hepatrial.report.style import text_width
from hepatrial.report.widths import ROOM, column_widths
from hepatrial.report.wording import unit_text

WORDS = st.text("abc 中文字", min_size=1, max_size=40)


def lines_needed(rows: list[tuple[str, ...]], widths: tuple[float, ...]) -> int:
    """Lines of the whole table at some widths, as a plain count."""
    return sum(
        max(
            max(1, math.ceil(text_width(cell, 1) / max(ROOM * share / 100 - 1.3, 1)))
            for cell, share in zip(row, widths, strict=True)
        )
        for row in rows
    )


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_shares_of_the_columns_fill_the_table_and_none_is_lost(rows):
    widths = column_widths(("a", "b", "c"), rows, {1, 2})
    assert sum(widths) == pytest.approx(100, abs=0.3)
    assert min(widths) > 3


def test_a_column_of_short_chinese_words_is_not_starved_by_one_of_sentences():
    sentence = "摘要只给出一个范围，两篇后来的综述写的是另一个数，因此取对数尺度的中点。" * 2
    rows = [("剂量", "间充质干细胞＋标准治疗", sentence), ("途径", "标准治疗", sentence)]
    widths = column_widths(("项目", "组别", "处理办法"), rows, {1, 2})
    assert ROOM * widths[1] / 100 > text_width("间充质干细胞＋标准治疗", 1) / 2
    assert widths[2] > widths[1] > widths[0]


def test_a_table_of_sentences_is_shorter_than_with_equal_columns():
    long, short = "what is known about the trial and what was done about it " * 4, "assumed"
    rows = [("Dose", short, long), ("Route", short, long), ("Visits", "derived", short)]
    assert lines_needed(rows, column_widths(("a", "b", "c"), rows, {1, 2})) < lines_needed(rows, (33.3,) * 3)


def test_numbers_get_the_room_of_their_longest_line_and_a_heading_over_rows_is_not_counted():
    heading = ("a heading over rows " * 20,)
    rows = [heading, ("ALT", "−539.3\n(−1094.9 to −264.2)"), ("INR", "−0.5")]
    widths = column_widths(("measure", "week 4"), rows)
    assert widths == column_widths(("measure", "week 4"), rows[1:])
    assert ROOM * widths[1] / 100 > 0.75 * text_width("(−1094.9 to −264.2)", 1)


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=60, pairs=100)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_column_of_the_report_has_its_width(facts, lang):
    page = html(facts, results_of(facts), lang)
    for table in re.findall(r"<table.*?</table>", page, re.S):
        shares = [float(share) for share in re.findall(r'<col style="width:([\d.]+)%">', table)]
        assert len(shares) == table.count('scope="col"')
        assert sum(shares) == pytest.approx(100, abs=0.5)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sheet_says_mark_run_and_how_often_there_is_no_benefit(facts, lang):
    results, t = results_of(facts), Catalogue(lang)
    sheets = re.search(r"@page \{.*?\n\}", html(facts, results, lang), re.S)
    assert sheets
    for text in (t.mark, facts.run_hash[:12], *no_benefit_of(facts, results, t)):
        assert text in sheets[0]


def test_no_name_of_an_arm_can_end_the_style_sheet():
    sheet = running_heads("mark", "run", '</style><script>alert("x")</script>\\\n')
    assert "<" not in sheet
    assert sheet.count('"') % 2 == 0
    assert "\\00003c/style\\00003e" in sheet


def test_micro_is_written_by_its_letter_in_the_table_of_parameters(facts):
    made = tables.parameters(results_of(facts), Catalogue("en"))
    values = " ".join(row.cells[1] for row in made.rows if len(row.cells) > 1)
    assert "umol" not in values
    assert unit_text("umol/L/day", Catalogue("en")) == " µmol/L/day"
    assert unit_text("umol/L", Catalogue("zh")) == " µmol/L"
