"""Two languages: every text of the pages has its Chinese, with the same places to fill."""

from __future__ import annotations

import re
from importlib import resources

from hepatrial.calibration.shipped import taught
from hepatrial.claims.chinese import of_source, translated
from hepatrial.evidence.base import load_base
from hepatrial.evidence.certainty import certainty_table
from hepatrial.model.variants import load_variants
from hepatrial.protocol import protocol_schema
from hepatrial.schema import MEASURES
from hepatrial.web import atlas, downloads
from hepatrial.web.api.claims import audited_article
from hepatrial.web.forms import help_of, label_of, words_of
from hepatrial.web.language import catalogue, preferred, translate
from hepatrial.web.pages import SECTIONS
from hepatrial.web.routes import claims, credibility, evidence, mechanism, runs, trial

TEXT = re.compile(r'(?:_|said)\(\s*"((?:[^"\\]|\\.)*)"')
CHINESE = re.compile("[一-鿿]")
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


def test_every_process_parameter_and_variant_of_the_model_has_its_chinese():
    for process in atlas.PLACES:
        assert CHINESE.search(atlas.about_in("zh", process))
        for name in atlas.process_of(process).cards:
            assert CHINESE.search(atlas.parameter_in("zh", name)), name
        for name, card in atlas.process_of(process).cards.items():
            assert "<span" not in atlas.note_in("zh", name, card.note), f"{name}: marked as English"
        for equation in atlas.process_of(process).equations:
            assert atlas.variables_in("zh", [equation.name]), equation.name
    for row in taught()["numbers"]:
        assert CHINESE.search(atlas.parameter_in("zh", row["card"])), row["card"]
    for variant in load_variants():
        assert CHINESE.search(atlas.basis_in("zh", variant))


def test_every_reason_finding_and_entry_of_the_evidence_base_has_its_chinese():
    base = load_base()
    said = {
        domain.reason
        for trial in base.trials.values()
        if trial.risk
        for domain in trial.risk.domains.values()
    }
    said |= {trial.disease for trial in base.trials.values()} | {pool.scope for pool in base.pools.values()}
    said |= {entry.product for entry in base.pending.values()}
    said |= {trial.read for trial in base.trials.values()}
    arms = [arm for trial in base.trials.values() for arm in trial.arms]
    said |= {arm.product.cells for arm in arms if arm.product}
    said |= {arm.n_unknown for arm in arms if arm.n_unknown}
    said |= {trial.allocation for trial in base.trials.values() if trial.allocation}
    said |= {row["what"] for entry in audited_article() for row in entry.as_dict("zh")["evidence"]}
    assert len(said) > 200
    assert sorted(text for text in said if of_source(text) is None) == []


def test_every_step_of_the_certainty_has_its_chinese():
    for row in certainty_table(load_base()):
        for step in row.steps:
            text = translated(f"{step.domain}: {step.reason}")
            assert not re.search(r"(?:\b[a-z]{3,}\b[ ,;]*){2,}", text), text


def test_a_sentence_of_a_source_that_is_half_known_stays_as_it_is():
    assert of_source("lin2017: bilirubin lower, week 4") == "lin2017：胆红素降低，第 4 周"
    assert of_source("lin2017: bilirubin lower in those who came late") is None
    assert of_source("A sentence of a trial that a reader added.") is None


def test_a_measure_is_named_as_in_the_report():
    assert words_of("zh", "inr") == "国际标准化比值（INR）"
    assert words_of("zh", "hepatic_artery") == "肝动脉"
    assert words_of("en", "hbv_aclf") == "HBV-ACLF"


def test_braces_in_what_a_reader_typed_are_left_alone():
    assert translate("en", "Did you mean {name}?", name="{x}") == "Did you mean {x}?"


def test_an_absurd_header_is_english():
    assert preferred("x" * 100_000) == "en"
    assert preferred("zh;q=abc") == "en"
