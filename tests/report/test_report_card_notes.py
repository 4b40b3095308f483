"""The notes of the parameter cards in Chinese: none lacks, none is left over, none is outdated."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from hepatrial.population.deck import make_deck
from hepatrial.report.card_notes import PARTS, chinese_note, chinese_notes, fingerprint, note_in_each

NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e\d+)?")
NAME = re.compile(r"[A-Za-z]\w*_\w*|\b[a-z]+\d{4,}\b|\b[A-Z]{2,}[\w-]*|\b[A-Z][a-z]+ \d{4}\b")
"""Names of cards, keys of references, abbreviations (TNF, IL-6, INR), studies (Zekri 2015)."""
SYMBOLS = (
    "%", "/d", "d", "h", "min", "L", "g/mol", "mg/kg/d", "mg", "mL/kg/h", "mL/kg", "mL/min", "ug/kg",
    "umol/L", "log10 IU/mL", "IU/mL", "mmHg", "kg",
)  # fmt: skip
UNIT = re.compile(
    rf"(?<=[\d)]) ?({'|'.join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True)))})(?![\w/])"
)
WORDS = {
    "y": "年", "years": "[岁年]", "year": "[岁年]", "weeks": "周", "months": "个?月",
    "points": "个?(?:百分点|分)", "patients": "例", "infusions": "次",
}  # fmt: skip
WORDED = re.compile(rf"({NUMBER.pattern}) ({'|'.join(WORDS)})\b")
SAID = {"US": "美国", "MSC": "间充质干细胞", "SD": "标准差", "RCTs": "RCT", "EASL-defined": "按 EASL 定义"}
"""Abbreviations that Chinese says in words."""
ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,;]+){2,}")
CARDS = [(part, name, card.note) for part in PARTS for name, card in getattr(make_deck(None), part).items()]


def plain(text):
    """A text with its dashes as in English: what is between numbers is not compared."""
    return text.replace("–", "-").replace("，", ", ").replace("（", "(").replace("）", ")").replace("：", ":")


def figures(text):
    return Counter(NUMBER.findall(plain(text)))


def units(text):
    return set(UNIT.findall(plain(text)))


def names(text):
    return set(NAME.findall(plain(text)))


def test_every_card_has_its_chinese_note_and_no_note_is_left_over():
    for part in PARTS:
        assert set(chinese_notes()[part]) == set(getattr(make_deck(None), part))


@pytest.mark.parametrize("part", PARTS)
def test_every_chinese_note_is_of_the_english_that_its_card_has_now(part):
    old = {
        name: fingerprint(note)
        for where, name, note in CARDS
        if where == part and chinese_note(part, name, note) is None
    }
    assert old == {}, "notes that changed: translate anew and put this fingerprint beside"


def test_every_number_unit_and_name_of_a_note_stands_in_its_chinese():
    for part, name, note in CARDS:
        said = chinese_note(part, name, note)
        assert figures(note) == figures(said), name
        assert units(note) == units(said), name
        lost = {one for one in names(note) - names(said) if SAID.get(one, one) not in said}
        assert lost == set(), name
        for number, unit in WORDED.findall(note):
            assert re.search(rf"{re.escape(number)} ?{WORDS[unit]}", said), (name, number, unit)


def test_a_chinese_note_is_a_chinese_sentence():
    for part, name, note in CARDS:
        said = chinese_note(part, name, note)
        assert said.endswith("。"), name
        assert len(re.findall("[一-鿿]", said)) >= 2, name
        assert not ENGLISH.search(said), name
        assert not re.search(r"[一-鿿][,;:]|[,;:][一-鿿]", said), f"{name}: punctuation of Chinese text"


def test_the_reader_of_these_tests_sees_a_changed_number_unit_and_name():
    assert figures("0.3-0.7/d, 91,086 courses") == Counter(["0.3", "0.7", "91,086"])
    assert units("半衰期 3.5 h（2–6），清除 47 mL/min，25%") == {"h", "mL/min", "%"}
    assert names("(aoki2011, resection_61) TNF of Zekri 2015") == {
        "aoki2011",
        "resection_61",
        "TNF",
        "Zekri 2015",
    }


def test_a_note_that_is_not_the_one_translated_stays_english():
    note = make_deck(None).model["turnover"].note
    assert "zh" in note_in_each("model", "turnover", note)
    assert note_in_each("model", "turnover", f"{note} More.") == {"en": f"{note} More."}
    assert note_in_each("model", "no_such_card", note) == {"en": note}
