"""Two languages: every text of the pages has its Chinese, with the same places to fill."""

from __future__ import annotations

import re
from importlib import resources

from hepatrial.protocol import protocol_schema
from hepatrial.schema import MEASURES
from hepatrial.web import atlas, downloads
from hepatrial.web.forms import help_of, label_of, words_of
from hepatrial.web.language import catalogue, preferred, translate
from hepatrial.web.pages import SECTIONS
from hepatrial.web.routes import claims, credibility, evidence, mechanism, runs, trial

TEXT = re.compile(r'(?:_|said)\(\s*"((?:[^"\\]|\\.)*)"')
PLACES = re.compile(r"\{(\w+)\}")


def files():
    package = resources.files("hepatrial.web")
    for folder, ending in (("templates", ".j2"), (".", ".py"), ("routes", ".py"), ("api", ".py")):
        for item in (package / folder).iterdir():
            if item.name.endswith(ending):
                yield item


def texts():
    """Every text that a page may show in English."""
    found = {m for item in files() for m in TEXT.findall(item.read_text(encoding="utf-8"))}
    for module in (trial, runs, mechanism, claims):
        found |= set(module.TEXTS.values())
    for module in (mechanism, evidence, claims):
        found |= {name for _, name in module.TABS}
    found |= set(atlas.TITLES.values()) | set(credibility.NAMES.values())
    found |= {name for name, _ in downloads.GROUPS}
    return found | {name.capitalize() for name, _ in SECTIONS}


def schema_words():
    """Labels, help and options of the form."""
    found, left = set(), [*protocol_schema()["$defs"].values()]
    left.append({"properties": protocol_schema()["properties"]})
    while left:
        node = left.pop()
        if isinstance(node, dict):
            found |= {label_of(one) for one in node.get("enum", ()) if one not in MEASURES}
            if isinstance(node.get("description"), str):
                found.add(help_of(node["description"]))
            properties = node.get("properties")
            found |= {label_of(name) for name in properties} if isinstance(properties, dict) else set()
            left += list(node.values())
        elif isinstance(node, list):
            left += node
    return found


def test_every_text_of_a_page_has_its_chinese():
    assert sorted(texts() - set(catalogue("zh"))) == []


def test_every_entry_and_option_of_a_protocol_has_its_chinese():
    assert sorted(schema_words() - set(catalogue("zh"))) == []


def test_a_translation_keeps_the_places_to_fill():
    for english, chinese in catalogue("zh").items():
        assert sorted(PLACES.findall(english)) == sorted(PLACES.findall(chinese)), english


def test_a_measure_is_named_as_in_the_report():
    assert words_of("zh", "inr") == "国际标准化比值（INR）"
    assert words_of("zh", "hepatic_artery") == "肝动脉"
    assert words_of("en", "hbv_aclf") == "HBV-ACLF"


def test_braces_in_what_a_reader_typed_are_left_alone():
    assert translate("en", "Did you mean {name}?", name="{x}") == "Did you mean {x}?"


def test_an_absurd_header_is_english():
    assert preferred("x" * 100_000) == "en"
    assert preferred("zh;q=abc") == "en"
