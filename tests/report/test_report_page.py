"""The page: well formed, alone in the world, marked, readable, misses first, the same bytes each time."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from fake_run import fake_facts

import hepatrial.report
from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.documents import SECTIONS, drawings_of, html
from hepatrial.report.results import results_of
from hepatrial.report.terminal import Comparison

VOID = {"meta", "br", "img", "hr", "link", "input", "col"}


class Page(HTMLParser):
    """Elements, attributes and text; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=25, pairs=200)


@pytest.fixture(scope="module")
def results(facts):
    return results_of(facts)


@pytest.fixture(scope="module")
def drawings(facts, results):
    return {lang: drawings_of(facts, results, Catalogue(lang)) for lang in LANGUAGES}


@pytest.fixture(scope="module")
def pages(facts, results, drawings):
    return {lang: html(facts, results, lang, drawings[lang]) for lang in LANGUAGES}


@pytest.fixture(scope="module")
def read(pages):
    return {lang: Page(page) for lang, page in pages.items()}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_tag_is_closed_and_every_id_is_used_once(read, lang):
    page = read[lang]
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")}
    assert targets == set(SECTIONS[2:])
    labels = {name for _, a in page.tags for name in a.get("aria-labelledby", "").split()}
    assert set(SECTIONS) | labels <= set(ids)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_loads_nothing_and_runs_nothing(pages, read, lang):
    """Citations may be links to doi.org; nothing else points out, and nothing is fetched to show the page."""
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {tag for tag, _ in read[lang].tags}
    for tag, attributes in read[lang].tags:
        assert not any(name.startswith("on") or name in ("src", "srcset", "action") for name in attributes)
        if tag != "a":
            assert not any(name.endswith("href") for name in attributes)
        elif not attributes["href"].startswith("#"):
            assert attributes["href"].startswith("https://doi.org/10.")
    assert not re.search(r"@import|url\((?!#)", pages[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_mark_stands_at_both_ends_and_the_language_is_declared(pages, read, lang):
    t = Catalogue(lang)
    assert read[lang].text.count(t.mark) >= 2 + 14
    assert t.research_use_only in read[lang].text
    attributes = dict(next(a for tag, a in read[lang].tags if tag == "html"))
    assert attributes["lang"] == {"en": "en", "zh": "zh-Hans"}[lang]
    assert pages[lang].startswith("<!DOCTYPE html>")


def test_every_table_has_a_caption_a_head_and_rows_as_wide(pages):
    for table in re.findall(r"<table.*?</table>", pages["en"], re.S):
        assert "<caption" in table
        width = len(re.findall(r"<th scope=\"col\"", table))
        body = table.split("<tbody>")[1]
        for row in re.findall(r"<tr.*?</tr>", body, re.S):
            cells = len(re.findall(r"<t[hd]", row))
            assert cells == width or f'colspan="{width}"' in row


def test_figures_and_tables_are_numbered_in_the_order_of_the_page(pages):
    for word in ("Figure", "Table"):
        numbers = [int(n) for n in re.findall(rf"<b>{word} (\d+)\.</b>", pages["en"])]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 7


def test_numbering_has_no_gap_when_a_figure_or_table_falls_away(facts, drawings):
    bare = replace(facts, published=(), reported=())
    page = html(bare, results_of(bare), "en", {k: v for k, v in drawings["en"].items() if k != "published"})
    for word in ("Figure", "Table"):
        numbers = [int(n) for n in re.findall(rf"<b>{word} (\d+)\.</b>", page)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_publication_with_nothing_verified_is_not_said_to_agree(facts, drawings):
    article = tuple(replace(p, role="article") for p in facts.published)
    unverified = replace(facts, published=article)
    page = Page(html(unverified, results_of(unverified), "en", drawings["en"]))
    assert "No number of this publication is verified and of a kind that can be counted." in page.text
    assert "0 of 0" not in page.text


def test_a_page_without_the_figures_that_have_no_data_is_still_whole(facts):
    gap = replace(facts.published[0], endpoint="difference", control="smt", count=None, of=None)
    visits = facts.visits.drop("alt", "bilirubin", "albumin", "inr", "creatinine", "meld")
    little = replace(facts, published=(gap,), visits=visits)
    results = results_of(little)
    drawn = drawings_of(little, results, Catalogue("en"))
    assert "published" not in drawn
    assert "laboratory" not in drawn
    assert "Difference in survival, week 4" in Page(html(little, results, "en", drawn)).text


def test_the_question_comes_first_then_the_answer_then_the_comparison(pages):
    places = [pages["en"].index(f'id="{name}"') for name in SECTIONS]
    assert places == sorted(places)


def test_misses_come_first_in_the_table_and_in_words(pages, results):
    table = re.search(r'<table id="table-published".*?</table>', pages["en"], re.S)
    assert table
    kinds = re.findall(r'<tr(?: class="(\w+)")?>', table[0].split("<tbody>")[1])
    rows = [kind == "miss" for kind in kinds if kind != "group"]
    assert rows == sorted(rows, reverse=True)
    assert sum(rows) == sum(row["inside"] is False for row in results["comparison"]) > 0


def test_the_role_of_every_published_number_is_written_beside_it(read):
    text = read["en"].text
    assert text.count("article, unverified") >= 4
    assert "fitted" in text
    assert "predicted" in text


def test_the_numbers_of_the_answer_are_those_of_the_results(read, results):
    contrast = next(
        row
        for row in results["survival"]["contrasts"]
        if (row["endpoint"], row["week"]) == ("overall_survival", 24)
    )
    shown = f"{100 * contrast['mean']:+.1f}".replace("-", "−")
    assert f"MSC + standard care minus Standard care: {shown} percentage points" in read["en"].text
    assert "+17.7 percentage points (95% interval −0.2 to +34.1" in read["en"].text
    assert "p = 0.073" in read["en"].text


def test_an_impossible_week_is_told_with_its_probability_and_its_causes(read, results):
    row = next(r for r in results["comparison"] if r["count"] == r["of"] == 56)
    assert row["inside"] is False
    assert "no deaths at all among 56 patients" in read["en"].text
    assert "immortal time" in read["en"].text
    assert "7.7 × 10⁻⁷" in read["en"].text


def test_the_chinese_page_is_chinese_and_shows_the_same_numbers(read):
    zh, en = read["zh"].text, read["en"].text
    for word in ("生存", "国际标准化比值", "四分位距", "反事实组", "随机分组", "严重感染"):
        assert word in zh
    for number in ("+17.7", "0.073", "7.7 × 10⁻⁷", "73.2%"):
        assert number in zh
        assert number in en
    assert not re.search("percentage points|trials|Simulated", zh.rsplit("参考文献", 1)[0])
    assert "最大分裂率。" in zh
    assert "Largest division rate." not in zh
    assert "并非预测：使风险比为 2.48。" in zh


def test_what_was_not_read_and_not_known_is_said(read):
    for words in (
        "The abstract.",
        "Those of a sister protocol.",
        "The trial was open.",
        "not learnt from data",
    ):
        assert words in read["en"].text


def test_the_page_is_the_same_each_time(facts, results, pages):
    assert html(facts, results, "en") == pages["en"]


def test_text_from_outside_is_escaped(facts, results, drawings):
    nasty = replace(facts.study, citation="Doe <b>J</b> & Co")
    page = html(replace(facts, study=nasty), results, "en", drawings["en"])
    assert "Doe &lt;b&gt;J&lt;/b&gt; &amp; Co" in page


def test_a_run_without_pairs_without_publication_and_of_few_trials_still_has_a_report():
    bare = fake_facts(replicates=3, pairs=0)
    facts = replace(bare, published=(), reported=(), read={}, remarks=(), published_baseline=())
    page = Page(html(facts, results_of(facts), "en"))
    assert "No published number of this trial is verified or can be compared." in page.text
    assert "No counterfactual arms were simulated" in page.text
    assert "Too few trials were simulated for a 95% range." in page.text
    assert not re.search(r"\bnan\b|>None<|\(None", page.text)


def test_failed_solves_are_named_on_the_page(facts, drawings):
    broken = pl.when((pl.col("replicate") == 2) & (pl.col("subject") <= 2)).then(pl.lit("step_too_small"))
    failed = replace(facts, subjects=facts.subjects.with_columns(status=broken.otherwise(pl.col("status"))))
    page = Page(html(failed, results_of(failed), "en", drawings["en"]))
    assert "2 in msc (simulated trials): step_too_small" in page.text


# --- style sheet ------------------------------------------------------------------------------------


def luminance(colour):
    colour = "#" + "".join(2 * c for c in colour[1:]) if len(colour) == 4 else colour
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_reaches_wcag_aa_on_every_ground_it_stands_on():
    css = (Path(hepatrial.report.__file__).parent / "report.css").read_text("utf-8")
    colour = dict(re.findall(r"--(\w+): (#[0-9a-f]+)", css))
    pairs = [("ink", "paper"), ("ink", "tint"), ("ink", "warn"), ("quiet", "paper"), ("blue", "paper")]
    pairs += [("quiet", "tint"), ("rust", "paper"), ("paper", "rust"), ("blue", "tint")]
    for text, ground in pairs:
        high, low = sorted((luminance(colour[text]), luminance(colour[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


# --- terminal ---------------------------------------------------------------------------------------


def test_the_terminal_table_is_a_list_for_programs_and_text_for_people(facts, results):
    table = Comparison(results["comparison"], facts, "en")
    assert list(table) == results["comparison"]
    text = str(table)
    assert "Alive, week 24" in text
    assert "NO" in text
    assert "Simulated. No patients. Not evidence of benefit." in text
    assert "3f2a9c01d4e7" in text
    lines = [line for line in text.splitlines() if "Alive, week" in line]
    assert len(lines) == 6


def test_the_terminal_table_speaks_chinese(facts, results):
    text = str(Comparison(results["comparison"], facts, "zh"))
    assert "模拟结果，非患者数据，不能证明疗效" in text
    assert "存活，第 24 周" in text
