"""The two answers: real trials only, warnings first, natural frequencies that are those of the base."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hepatrial.claims.answers import answer_pairs, answers_fragment, answers_html, death_pairs, raised_counts
from hepatrial.claims.page import words
from hepatrial.errors import BadInput
from hepatrial.evidence.base import load_base
from hepatrial.evidence.checks import UNFAIR

BASE = load_base(Path("/dev/null/none"))


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_warnings_come_before_any_result(lang: str) -> None:
    text, t = Text(answers_html(BASE, lang)).text, words("answers")[lang]
    order = ["not_approved", "not_pay", "urgent", "registration", "a1", "cancer_text", "a2", "why", "treat"]
    places = [text.index(" ".join(t[name].split())) for name in order]
    assert places == sorted(places)
    for approval in BASE.approvals:
        assert approval.date in text
    assert BASE.assembled in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_raised_event_and_both_cancer_cohorts_are_shown(lang: str) -> None:
    text = Text(answers_html(BASE, lang)).text
    pooled = (
        "2.48|1.27|4.86|3.65 (2.05-6.49)|1.98 (1.01-3.87)|2.99 (1.06-8.44)|2.45 (1.01-5.97)|5.9 (1.04-33.47)"
    )
    for number in (*pooled.split("|"), "5.9 (1.04-33.47)", "11 / 23", "15 / 69"):
        assert number in text, number
    for number in ("21.1 %", "20.4 %"):
        assert number in text, number


def test_the_frequencies_are_those_of_the_base() -> None:
    pairs = answer_pairs(BASE)
    (death,) = death_pairs(BASE)
    assert (death.treated, death.control) == (27, 44)
    assert death.counts == ("15 / 56", "24 / 54")
    assert death.p == pytest.approx(0.073, abs=5e-4)
    assert (pairs["infection"].treated, pairs["infection"].control) == (16, 33)
    assert (pairs["cancer_wang"].treated, pairs["cancer_wang"].control) == (48, 22)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_treated_arm_is_shown_without_its_control(lang: str) -> None:
    page = answers_html(BASE, lang)
    assert page.count("<svg") == len(answer_pairs(BASE)) + len(death_pairs(BASE))
    t = words("answers")[lang]
    assert page.count(f"{t['with_cells']}: ") == page.count(f"{t['without']}: ") > 0


def test_a_figure_that_is_only_recalled_is_not_shown() -> None:
    lin = BASE.trials["lin2017"]
    rows = tuple(row.model_copy(update={"grade": "recalled"}) for row in lin.survival)
    base = replace(BASE, trials={**BASE.trials, "lin2017": lin.model_copy(update={"survival": rows})})
    assert death_pairs(base) == ()
    assert words("answers")["en"]["no_deaths"] in Text(answers_html(base)).text


def test_a_second_trial_with_usable_counts_stands_beside_the_first() -> None:
    lin = BASE.trials["lin2017"]
    base = replace(BASE, trials={**BASE.trials, "new": lin.model_copy(update={"id": "new", "name": "New"})})
    assert [pair.name for pair in death_pairs(base)] == ["Lin 2017", "New"]


def test_harms_of_single_trials_are_named_with_product_and_patients() -> None:
    rows = {row["name"]: row for row in raised_counts(BASE)}
    assert rows["REALISTIC"]["number"] == "12/28 : 3/28"
    assert rows["REALISTIC"]["about"] == "haematopoietic cells; compensated cirrhosis"
    assert {"Lin 2017", "Wang 2018"} <= set(rows)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_fragment_is_the_page_without_head_and_body(lang: str) -> None:
    part = answers_fragment(BASE, lang)
    assert part.strip().startswith('<div class="answers">')
    assert "<html" not in part
    assert "<body" not in part
    assert part.strip() in answers_html(BASE, lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_simulated_number_and_no_unfair_word_is_on_the_page(lang: str) -> None:
    page = answers_html(BASE, lang)
    text = Text(page).text.lower()
    assert "simulated. no patients" not in text
    assert len(re.findall("simulat|模拟", text)) == 1, "only the sentence that nothing is simulated"
    for word in UNFAIR:
        assert word not in text
    assert not re.search(r'(src|href)="http', page)


def test_numbers_in_the_texts_about_care_stand_in_the_base() -> None:
    facts = " ".join(fact.text for fact in BASE.facts)
    for number in (
        "44.8 % against 73.3 %",
        "0.68 (0.54-0.84)",
        "0.74 (0.60-0.94)",
        "84 %",
        "71 after five",
        "11.5 %",
    ):
        if number == "71 after five":
            assert "71 % after five" in facts
        else:
            assert number in facts, number
    en, zh = words("answers")["en"], words("answers")["zh"]
    for name in ("antivirals", "plasma", "transplant", "death_note", "why"):
        digits = [set(re.findall(r"\d+(?:\.\d+)?", t[name])) for t in (en, zh)]
        assert digits[0] - digits[1] <= {"100"}, name
    assert set(en) == set(zh)


def test_another_language_is_refused() -> None:
    with pytest.raises(BadInput, match="must be en or zh"):
        answers_html(BASE, "fr")
