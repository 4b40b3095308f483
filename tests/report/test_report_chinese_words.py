"""What stood in English inside the Chinese run report has its Chinese: sources, times, units, fits."""

from __future__ import annotations

import re

import pytest

from hepatrial.evidence import published
from hepatrial.model import load_cards
from hepatrial.protocol import list_protocols, load_protocol
from hepatrial.report.card_names import card_words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.references import read_references
from hepatrial.report.sources import chinese, said_in
from hepatrial.report.tables import _source
from hepatrial.report.wording import unit_text

CHINESE = re.compile("[一-鿿]")
NUMBER = re.compile(r"[A-Z]*\d+")
EN, ZH = Catalogue("en"), Catalogue("zh")
PLAIN = re.compile(r"(NCT|ISRCTN|ChiCTR)\w+|")


def test_where_criteria_and_registrations_come_from_is_chinese_with_the_same_numbers():
    for name in list_protocols():
        protocol = load_protocol(name)
        for text in (protocol.identity.registration, protocol.population.criteria.source):
            if not PLAIN.fullmatch(text):
                assert CHINESE.search(said_in(text, "zh")), f"{name}: {text}"
                assert said_in(text, "en") == text
    for english, said in chinese().items():
        assert sorted(NUMBER.findall(english)) == sorted(NUMBER.findall(said)), english


def test_what_an_author_wrote_of_his_own_protocol_stays():
    assert said_in("my own notes of 2020", "zh") == "my own notes of 2020"


@pytest.mark.parametrize("name", ["lin2017", "peng2011", "shi2012"])
def test_when_a_laboratory_value_moved_is_said_in_both_languages(name):
    for found in published(name).laboratory:
        assert CHINESE.search(found.text("weeks", "zh"))
        assert re.findall(r"\d+", found.text("weeks", "zh")) == re.findall(r"\d+", found.weeks)


@pytest.mark.parametrize(
    ("unit", "english", "said"),
    [
        ("1", "", ""),
        ("day", " day", " 天"),
        ("year", " year", " 岁"),
        ("1/year", " 1/year", "/年"),
        ("1/(1e6/kg)/day", " 1/(1e6/kg)/day", "/(1e6/kg)/天"),
        ("1e6 cells", " 1e6 cells", " 1e6 个细胞"),
        ("umol/kg/day", " µmol/kg/day", " µmol/kg/天"),
        ("log10 IU/mL", " log10 IU/mL", " log10 IU/mL"),
    ],
)
def test_a_unit_stands_after_its_number_in_the_language(unit, english, said):
    assert (unit_text(unit, EN), unit_text(unit, ZH)) == (english, said)


def test_no_unit_of_a_card_has_an_english_word_in_chinese():
    cards = load_cards()
    units = {card.unit for part in (cards.model, cards.population) for card in part.values()}
    assert [unit for unit in units if re.search("day|year|cells|points|hour|week", unit_text(unit, ZH))] == []


def test_a_source_of_a_card_is_a_work_of_the_bibliography_or_has_its_chinese():
    known, cards = read_references(), load_cards()
    for part in (cards.model, cards.population):
        for name, card in part.items():
            said = _source({"source": card.source, "changed": False}, ZH)
            assert said in known or CHINESE.search(said), f"{name}: {said}"
            assert _source({"source": card.source, "changed": False}, EN) == card.source.removeprefix(
                "fitted: "
            )


def test_a_card_is_called_by_its_name_and_its_id():
    assert card_words("death_base", "en") == "death_base"
    assert re.fullmatch("[一-鿿]+（death_base）", card_words("death_base", "zh"))
    assert card_words("assay.alt", "zh") == "检测误差：丙氨酸转氨酶（ALT）（assay.alt）"
