"""The texts: two languages that say the same, none missing, none idle."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import hepatrial.report as report
from hepatrial.errors import BadInput
from hepatrial.model.variants import load_variants
from hepatrial.population.onset import OUTCOMES
from hepatrial.provenance import GRADES
from hepatrial.report.catalogue import LANGUAGES, Catalogue, texts
from hepatrial.schema import MARK, MEASURES

FOLDER = Path(report.__file__).parent
WEB, CLI = FOLDER.parent / "web", FOLDER.parent / "cli"
CODE = "\n".join(
    path.read_text("utf-8")
    for path in [*FOLDER.rglob("*.py"), FOLDER / "report.html.j2", *WEB.rglob("*.py"), *CLI.rglob("*.py")]
)
"""The web draws figures with the report's texts, and the command line says its last lines with them."""
LITERAL = set(re.findall(r'"([a-z_]+(?:\.[a-zA-Z_0-9]+)*)"', CODE))
PATTERNS = [
    re.sub(r"\\\{.*?\\\}", ".+", re.escape(key)) for key in re.findall(r'f"([a-z_]+[^"]*\{[^"]*)"', CODE)
]
PATTERNS += [re.escape(key) + ".+" for key in re.findall(r'"([a-z_.]+\.)" ~', CODE)]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys():
    assert set(texts("en")) == set(texts("zh"))


def test_a_text_has_the_same_placeholders_in_both_languages():
    en, zh = texts("en"), texts("zh")
    assert [key for key in en if placeholders(en[key]) != placeholders(zh[key])] == []


def test_every_text_that_the_code_names_exists():
    named = set(re.findall(r'\bt\(\s*"([^"]+)"', CODE)) - {"grade.", "grade.long.", "section."}
    assert named <= set(texts("en"))


def test_no_text_is_idle():
    idle = [
        key
        for key in texts("en")
        if key not in LITERAL and not any(re.fullmatch(pattern, key) for pattern in PATTERNS)
    ]
    assert idle == []


def test_chinese_texts_are_chinese():
    en, zh = texts("en"), texts("zh")
    words = {
        key: re.findall("[a-z]{5,}", re.sub(r"\{.*?\}", "", zh[key])) for key in zh if zh[key] == en[key]
    }
    assert [key for key, found in words.items() if found and not key.startswith("unit_of.")] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_that_come_from_the_data_have_words(lang):
    known = texts(lang)
    assert {f"measure.{name}" for name in MEASURES} <= set(known)
    assert {f"grade.{grade}" for grade in GRADES} | {f"grade.long.{grade}" for grade in GRADES} <= set(known)
    assert {f"flow.step.{name}" for name in OUTCOMES if name != "admitted"} <= set(known)
    assert {f"variant.{name}" for name in load_variants()} <= set(known)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_mark_is_that_of_the_schema(lang):
    assert Catalogue(lang).mark == MARK[lang]


def test_an_unknown_language_is_refused_with_what_there_is():
    with pytest.raises(BadInput) as caught:
        Catalogue("zz")
    assert "en and zh" in caught.value.problems[0].allowed


def test_a_text_falls_back_to_english_when_a_name_has_no_translation():
    assert Catalogue("zh").pick({"en": "marrow"}) == "marrow"
    assert Catalogue("zh").pick({"en": "marrow", "zh": "骨髓"}) == "骨髓"
