"""Two languages: every text of the pages has its Chinese, with the same places to fill."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources

from hepatrial.calibration.shipped import taught
from hepatrial.claims.chinese import of_source, translated
from hepatrial.evidence.base import load_base, numbers
from hepatrial.evidence.certainty import certainty_table
from hepatrial.model.variants import load_variants
from hepatrial.protocol import list_protocols, load_protocol, protocol_schema
from hepatrial.report.card_names import card_name
from hepatrial.schema import MEASURES
from hepatrial.web import atlas, downloads
from hepatrial.web.api.claims import audited_article
from hepatrial.web.changes import flat
from hepatrial.web.forms import entry_label, help_of, label_of, words_of
from hepatrial.web.language import catalogue, preferred, translate
from hepatrial.web.pages import SECTIONS
from hepatrial.web.routes import claims, credibility, evidence, mechanism, runs, trial

TEXT = re.compile(r'(?:_|said)\(\s*"((?:[^"\\]|\\.)*)"')
CHINESE = re.compile("[一-鿿]")
MONTHS = {"May": 5}
WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10, "first": 1}
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
            assert CHINESE.search(card_name(name, "zh")), name
        for name, card in atlas.process_of(process).cards.items():
            assert "<span" not in atlas.note_in("zh", name, card.note), f"{name}: marked as English"
        for equation in atlas.process_of(process).equations:
            assert atlas.variables_in("zh", [equation.name]), equation.name
    for row in taught()["numbers"]:
        assert CHINESE.search(card_name(row["card"], "zh")), row["card"]
    for variant in load_variants():
        assert CHINESE.search(atlas.basis_in("zh", variant))


def sourced_texts() -> set[str]:
    """Every text of the evidence base that a page shows but for names, citations and places."""
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
    said |= {note.text for trial in base.trials.values() for note in trial.notes}
    said |= {arm.product.dose for arm in arms if arm.product and arm.product.dose}
    said |= {row["note"] for row in numbers(base) if row["note"]}
    said |= {pool.read for pool in base.pools.values()}
    said |= {note for pool in base.pools.values() for note in pool.notes}
    said |= {result.time for pool in base.pools.values() for result in pool.results if result.time}
    said |= {entry.design for entry in base.pending.values()}
    said |= {row["what"] for entry in audited_article() for row in entry.as_dict("zh")["evidence"]}
    return said


def test_every_text_of_the_evidence_base_has_its_chinese():
    said = sourced_texts()
    assert len(said) > 400
    assert sorted(text for text in said if of_source(text) is None) == []


def figures(text: str) -> Counter[str]:
    """Numbers of a text; not those within a name, as CD34, and a month's name as its number."""
    for month, at in MONTHS.items():
        text = re.sub(rf"\b{month} (?=\d{{4}})", f"{at} ", text)
    return Counter(re.findall(r"(?<![A-Za-z\d.])\d+(?:[.,]\d+)*", text))


def test_the_chinese_of_the_evidence_base_has_the_numbers_of_its_source():
    wrong = {}
    for text in sourced_texts():
        theirs, ours = figures(text), figures(of_source(text) or "")
        in_words = Counter(str(WORDS[word]) for word in re.findall("[a-z]+", text.lower()) if word in WORDS)
        if theirs - ours or ours - theirs - in_words:
            wrong[text] = of_source(text)
    assert wrong == {}


def test_a_changed_number_is_found():
    assert figures("41 of 56 (61.6-84.8), CD34") == figures("56 例中 41 例（61.6–84.8），CD34")
    assert figures("41 of 56") != figures("56 例中 14 例")


def test_every_label_and_class_of_an_entry_has_its_chinese():
    base = load_base()
    said = set(evidence.FACTS.values()) | {"yes"}
    said |= {note.about for trial in base.trials.values() for note in trial.notes}
    for pool in base.pools.values():
        said |= {pool.population.replace("_", " "), pool.product.replace("_", " ")}
    assert sorted(said - set(catalogue("zh"))) == []


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


def test_every_entry_of_every_protocol_has_its_labels_in_both_languages():
    for name in list_protocols():
        data = load_protocol(name).as_dict()
        for place, _ in flat(data):
            english, chinese = (entry_label(place, data, lang).split(" › ") for lang in ("en", "zh"))
            assert len(english) == len(chinese) == place.count(".") + 1, place
            assert all(part and "_" not in part for part in english), place
            assert CHINESE.search(chinese[0]), place


def test_a_row_is_called_by_its_measure_and_an_arm_by_its_label():
    data = load_protocol("lin2017").as_dict()
    place = "population.eligibility[1].min"
    assert entry_label(place, data, "en") == "Population › Eligibility 2: INR › At least"
    assert entry_label(place, data, "zh") == "人群 › 入选标准 2：国际标准化比值（INR） › 下限"
