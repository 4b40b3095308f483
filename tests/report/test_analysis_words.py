"""The analysis report in Chinese: every sentence has its Chinese, none is half of each, names stay."""

from __future__ import annotations

import json
import re
import string
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fake_run import fake_facts
from typer.testing import CliRunner

import hepatrial.report as report
from hepatrial.analysis.adam.words import ADVERSE
from hepatrial.analysis.estimands.endpoints import STEMS
from hepatrial.analysis.estimands.estimand import SUMMARIES
from hepatrial.analysis.estimands.events import INTERCURRENT, STRATEGIES
from hepatrial.analysis.estimands.side_by_side import Row
from hepatrial.analysis.estimands.standard import standard_estimands
from hepatrial.analysis.estimands.truth import Truth
from hepatrial.analysis.inferences import Inferences
from hepatrial.cli.app import app
from hepatrial.report.analysis_tables import estimates, missing_trials
from hepatrial.report.analysis_words import Words, entries
from hepatrial.schema import MARK, MEASURES

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
from made_trials import make

ZH = Words("zh")
CJK = re.compile(r"[\u4e00-\u9fff]")
NAMES = {
    *("msc", "smt", "cells", "control", "imputed", "other", "meld", "meld3", "bilirubin", "aclf_grade"),
    *("Kaplan", "Meier", "log", "ICH", "E9", "R1", "CI", "SMD", "MedDRA", "Clopper", "Pearson"),
    *("Schoenfeld", "cox", "zph", "MAR", "MELD", "Na", "CLIF", "OF", "ACLF", "Child", "Pugh", "HE"),
    *("INR", "ALT", "AST", "PTA", "ALB", "HBV", "DNA", "WBC", "MAP", "PaO2", "FiO2", "PaO", "FiO", "TBil"),
    *("kg", "mol", "mmol", "mmHg", "IU", "mL", "log10", "lg"),
}
"""What stays: the data's own names, names of people and methods, abbreviations and units."""


def left_in_english(text):
    """Words of Latin letters that are no names."""
    return sorted(set(re.findall(r"[A-Za-z][A-Za-z_0-9]+", text)) - NAMES)


def read(page):
    """What a reader or a screen reader meets on a page."""
    body = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&gt;", ">").replace("&lt;", "<")


def call(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def possible(folder, contrast):
    """Endpoints that the tables can tell."""
    kept = []
    for stem in STEMS:
        name = f"{stem}_28"
        if call("analyse", folder, "--contrast", contrast, "--endpoint", name, "--json").exit_code == 0:
            kept.append(name)
    return kept


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages that together show every section: many endpoints over replicates, and batches with imputation."""
    folder = tmp_path_factory.mktemp("words") / "lots"
    folder.mkdir()
    facts = fake_facts(replicates=3, pairs=20)
    people = facts.trials.with_columns(
        centre=pl.col("subject") % 2, discharge_day=pl.lit(20.0), stratum=pl.lit("a")
    )
    people.write_parquet(folder / "subject.parquet")
    extra = [pl.lit(1.0 * k).alias(name) for k, name in enumerate(("meld3", "aclf_grade"), start=1)]
    facts.visits.filter(pl.col("replicate") > 0).with_columns(extra).write_parquet(folder / "visit.parquet")
    events = facts.events.filter(pl.col("replicate") > 0)
    more = [events.head(4).with_columns(event=pl.lit(name)) for name in ADVERSE]
    pl.concat([events, *more]).write_parquet(folder / "event.parquet")
    names = possible(folder, "msc:smt")
    asked = [part for name in names for part in ("--endpoint", name)]
    made = [call("analyse", folder, "--contrast", "msc:smt", *asked, "--strata", "centre", "--lang", "zh",
                 "--out", folder / "a", "--json")]  # fmt: skip
    lots = folder.parent / "lots2"
    lots.mkdir()
    tables = make(1, 120, 43, dropout=0.02)
    own = pl.col("arm") == "cells"
    place = pl.when(own).then(pl.col("subject")).rank("ordinal") - 1
    tables.subjects.with_columns(lot=pl.when(own).then(place // 6)).write_parquet(lots / "subject.parquet")
    tables.visits.write_parquet(lots / "visit.parquet")
    tables.events.write_parquet(lots / "event.parquet")
    (lots / "mine.toml").write_text(
        '[[estimand]]\nname = "imputed"\nendpoint = "meld_change_28"\nsummary = "mean_difference"\n'
        'estimator = "imputation"\nimputation = {assumption = "mar", draws = 5}\n'
        'strategies = {death = "while_alive", transplant = "while_untransplanted", '
        'dropout = "treatment_policy"}\n[[estimand]]\nname = "other"\nendpoint = "overall_survival_60"\n'
        'summary = "difference"\n'
        'strategies = {transplant = "treatment_policy", dropout = "treatment_policy"}\n'
    )
    base = ("analyse", lots, "--contrast", "cells:control", "--estimand", lots / "mine.toml")
    made.append(call(*base, "--batch", "lot", "--tipping", "0,5", "--lang", "zh", "--out", folder / "b"))
    assert [one.exit_code for one in made] == [0, 0], made
    return {
        "names": names,
        "first": (folder / "a" / "analysis.html").read_text(),
        "second": (folder / "b" / "analysis.html").read_text(),
        "rtf": (folder / "a" / "analysis.rtf").read_bytes(),
        "json": json.loads((folder / "a" / "analysis.json").read_text()),
        "shown": made[1].output,
    }


def test_the_pages_are_of_most_endpoints(pages):
    assert len(pages["names"]) >= 6, pages["names"]


@pytest.mark.parametrize("which", ["first", "second"])
def test_no_english_is_left_on_the_chinese_page_but_names(pages, which):
    assert '<html lang="zh' in pages[which]
    assert left_in_english(read(pages[which]).replace("lots2", "").replace("lots", "")) == []


def test_the_terminal_and_the_word_processor_get_the_same_chinese(pages):
    assert left_in_english(re.sub(r"\S*/\S+|lots2", "", pages["shown"])) == []
    codes = [int(code) % 65536 for code in re.findall(rb"\\u(-?\d+)\?", pages["rtf"])]
    assert "估计目标" in "".join(map(chr, codes))
    plain = re.sub(rb"\\[a-z]+-?\d*\??", b" ", pages["rtf"]).decode()
    assert left_in_english(plain.replace("SimSun", "").replace("lots", "")) == []


def test_the_json_keeps_its_english_keys_and_texts(pages):
    row = pages["json"]["estimands"][0]
    assert row["name"] == standard_estimands(pages["names"][0])[0].name
    assert row["parameter"].endswith("msc v smt")


def texts_of_the_program():
    """Every fixed text that can come onto the page."""
    folder = Path(report.__file__).parent
    yield from re.findall(r'w\("([^"~]+)"\)', (folder / "analysis.html.j2").read_text("utf-8"))
    yield from INTERCURRENT.values()
    for event in INTERCURRENT:
        yield event.replace("_", " ")
    for names in (STRATEGIES, SUMMARIES):
        for name in names:
            yield name.replace("_", " ")
    for stem in STEMS:
        for one in standard_estimands(f"{stem}_28"):
            yield from (one.name, one.population, one.endpoint.label, *([one.note] if one.note else []))
    for term, serious in ADVERSE.values():
        yield f"{term} (serious)" if serious == "Y" else term
    for path in ("ipcw.py", "estimands/weighting.py"):
        code = (folder.parent / "analysis" / path).read_text("utf-8")
        for reason in re.findall(r'(?:reason|unseen) = "([^"]+)"', code):
            yield from (reason, f"{reason} (3)")


@pytest.mark.parametrize("text", sorted(set(texts_of_the_program())))
def test_every_fixed_text_has_its_chinese(text):
    words = text[0].upper() + text[1:] if text in INTERCURRENT.values() else text
    assert CJK.search(ZH(words)), words
    assert left_in_english(ZH(words)) == []


def test_every_measure_has_its_chinese_or_is_an_abbreviation():
    for measure in MEASURES.values():
        label = f"{measure.label} ({measure.unit})".removesuffix(" (1)")
        assert left_in_english(ZH(label)) == [], label


def test_both_sides_of_an_entry_have_the_same_slots():
    def slots(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    assert [key for key, value in entries("zh").items() if slots(key) != slots(value)] == []


def test_what_is_said_of_trials_without_an_estimate_and_of_the_truth_is_chinese():
    one = standard_estimands("overall_survival_28")[2]
    nan = np.full(3, np.nan)
    counts = np.full((3, 2), 9)
    values = np.array([0.1, np.nan, np.nan])
    reasons = ("", "nobody of an arm was seen up to the day", "nobody of an arm was seen up to the day")
    result = Inferences("m", "p", values, nan, nan, nan, nan, nan, counts, counts, reasons=reasons)
    row = Row(one, result, Truth(0.1, 0.01, 100, frozenset()))
    (said,) = missing_trials([row])
    assert left_in_english(ZH(said)) == []
    assert "3 个试验中有 2 个" in ZH(said)
    table = ZH.table(estimates([row], 0.95))
    assert all(left_in_english(note) == [] for note in table.notes)
    assert left_in_english(" ".join(table.head)) == []
    told = ZH("; ".join(("alive had there been no offers", result.one(1).note)))
    assert left_in_english(told) == []


def test_what_is_not_known_stays_whole():
    unknown = "alpha beta, gamma and delta; epsilon zeta: the rest"
    assert ZH(unknown) == unknown
    assert ZH(f"mine: {unknown}.") == f"mine: {unknown}."
    assert Words("en")("Baseline.") == "Baseline."


def test_a_name_of_ones_own_stays_and_what_is_said_of_it_is_chinese():
    said = ZH("my own estimand: dead before any transplant (incidence).")
    assert said == "my own estimand：移植前死亡（竞争风险下的累积发生率）。"
    assert ZH("0.119 (−0.046 to 0.284)") == "0.119（−0.046 至 0.284）"


def test_a_language_without_texts_is_refused_and_nothing_written(tmp_path):
    make(1, 40, 3).subjects.write_parquet(tmp_path / "subject.parquet")
    done = call("analyse", tmp_path, "--contrast", "cells:control", "--lang", "fr", "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert "--lang" in done.stderr
    assert not (tmp_path / "no").exists()
    assert MARK["zh"]


def test_an_arm_is_called_by_its_label_also_after_what_is_said_of_the_contrast():
    words = Words("zh", {"msc": "间充质干细胞＋标准治疗", "smt": "标准治疗"})
    said = words("difference of survival on day 168, msc v smt")
    assert said == "第 168 天生存率之差，间充质干细胞＋标准治疗 对 标准治疗"
    assert words("msc v smt") == "间充质干细胞＋标准治疗 对 标准治疗"
    assert words("favours smt") == "标准治疗 更优"
    assert words("n msc / smt") == "例数 间充质干细胞＋标准治疗 / 标准治疗"
    assert ZH("difference of survival on day 168, msc v smt").endswith("msc 对 smt")


def test_a_measure_of_the_weights_is_called_by_its_name():
    assert ZH("weights by the course of meld and age") == "按 MELD 评分 的变化过程与年龄加权"
