"""The summary of a prediction in Chinese: nothing of ours is left in English, every number is the same."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from test_prediction_summary import FACTS
from typer.testing import CliRunner

import hepatrial.prediction as prediction
from hepatrial.cli.app import app
from hepatrial.prediction import MODELS
from hepatrial.prediction.interventions import interventions
from hepatrial.prediction.library import list_studies, load_study
from hepatrial.prediction.vocabulary import DEFINITIONS, ETIOLOGIES, VARIABLES
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.prediction_summary import (
    endpoint_words,
    facts_lines,
    said,
    summary_text,
    table_head,
    table_rows,
)

CHINESE = re.compile("[一-鿿]")
ZH, EN = Catalogue("zh"), Catalogue("en")
NOT_WORDS = {"cells", "control", "gcsf", "crp"} | {"umol", "mmol"}
"""Names of arms and rows as their author wrote them, units."""


def english(text):
    """Words of small letters that are none of an author's own."""
    return sorted(set(re.findall(r"\b[a-z]{3,}\b", text)) - NOT_WORDS)


def test_whatever_a_shipped_study_or_treatment_is_called_has_its_chinese():
    texts = {load_study(name).title for name in list_studies()} | set(ETIOLOGIES)
    texts |= {name.replace("_", " ") for name in DEFINITIONS}
    for one in interventions().values():
        texts |= {one.label, one.evidence}
    texts |= {"CLIF-C ACLF", "MELD", "MELD-Na", "MELD 3.0", "MELD from bilirubin, INR and creatinine"}
    texts |= {"the usual MELD of the class"}
    assert [text for text in texts if not CHINESE.search(said(text, ZH)) or english(said(text, ZH))] == []
    assert all(said(text, EN) == text for text in texts)


def notes_of_the_program():
    """Every note that reading a study can leave, its places filled with what may stand there."""
    filled = {"disease.replace('_', ' ')": "acute liver failure", "folded": "hcv, biliary: counted as other",
              "ends": "17 to 30", "name": "age", "study.country": "Neverland"}  # fmt: skip
    for file in ("planned.py", "study.py", "arms.py"):
        tree = ast.parse((Path(prediction.__file__).parent / file).read_text("utf-8"))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "append"
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "notes"
            ):
                (text,) = node.args
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                yield "".join(
                    str(part.value)
                    if isinstance(part, ast.Constant)
                    else repr("mirror")
                    if part.conversion == ord("r")
                    else filled.get(ast.unparse(part.value), "12.5")
                    for part in parts
                )


def test_every_note_that_reading_a_study_leaves_has_its_chinese():
    notes = list(notes_of_the_program())
    assert len(notes) >= 8
    for note in notes:
        chinese = said(note, ZH)
        assert CHINESE.search(chinese), note
        assert set(english(chinese)) <= {"mirror"}, chinese
        assert Counter(re.findall(r"\d[\d.]*", note)) == Counter(re.findall(r"\d[\d.]*", chinese)) or (
            "Table 1" in note or "five" in note
        )


def test_every_endpoint_of_the_shipped_studies_has_its_chinese_with_its_day():
    for name in list_studies():
        for endpoint in load_study(name).endpoints:
            words = endpoint_words(endpoint.name, ZH)
            if endpoint.name != "survival_discharge":  # its author's own name
                assert CHINESE.search(words), endpoint.name
                assert re.findall(r"\d+", words) == re.findall(r"(?<=_d)\d+$", endpoint.name)
            assert endpoint_words(endpoint.name, EN) == endpoint.name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("transplant_free_survival_d90", "第 90 天无移植生存率"),
        ("hazard_ratio_transplant_free_survival_d90", "死亡或移植的风险比（至第 90 天）"),
        ("odds_ratio_death_d28", "死亡的比值比（至第 28 天）"),
        ("lab_change_bilirubin_d14", "第 14 天总胆红素（TBil）变化"),
        ("lab_difference_meld_na_d28", "第 28 天MELD-Na 评分变化之差"),
        ("lab_inr_d7", "第 7 天国际标准化比值（INR）"),
        ("encephalopathy_3_d28", "至第 28 天 3 级及以上肝性脑病率"),
        ("severe_infection_d168", "至第 168 天严重感染率"),
        ("my_own_name", "my_own_name"),
        ("my_own_name_d28", "my_own_name_d28"),
    ],
)
def test_an_endpoint_is_called_by_what_it_is(name, words):
    assert endpoint_words(name, ZH) == words


MORE = FACTS | {
    "definition": "easl_clif", "relaxed": 3, "draws": 8, "not_used": ["crp"], "notes": [],
    "treatments": [
        {"arm": "cells", "label": one.label, "evidence": one.evidence, "how": one.how, "centre": one.centre,
         "sd": one.sd, "cells": one.product}
        for one in interventions().values()
    ],
    "misses": [
        {"label": f"{name} 1-3", "requested": 44.0, "achieved": 40.0, "miss": -0.6} for name in VARIABLES
    ][:5],
}  # fmt: skip


def test_the_chinese_lines_hold_no_english_word_and_the_same_numbers():
    for facts in (MORE, FACTS | {"misses": [], "notes": []}):
        for line, other in zip(facts_lines(facts, "zh"), facts_lines(facts, "en"), strict=True):
            assert english(line.removeprefix("Made up：")) == [], line
            numbers = [
                Counter(
                    re.findall(r"(?<![A-Za-z\d.])[+-]?\d+(?:\.\d+)?", text.replace("^2", "").replace("²", ""))
                )
                for text in (line, other)
            ]
            assert numbers[0] == numbers[1] or "Table 1" in other or "0.68" in other, line


def draws(*arms):
    rows = [
        {"endpoint": "survival_d91", "arm": arm, "model": model, "draw": draw, "value": draw / 10}
        for arm in arms
        for model in MODELS
        for draw in range(10)
    ]
    return pl.DataFrame(rows)


def test_the_table_is_chinese_its_columns_stand_under_each_other_and_the_draws_stay():
    from rich.cells import cell_len

    made = draws("gcsf", "gcsf vs control")
    assert english(" ".join(table_head("zh"))) == []
    assert english(" ".join(cell for row in table_rows(made, "zh") for cell in row)) == []
    lines = summary_text(made, MORE, "zh").splitlines()
    table = lines[lines.index("") + 1 :]
    column = [cell_len(line[: re.search(r"(?<=  )[\d中]", line).start()]) for line in table]
    assert len(set(column)) == 1
    assert [row[0] for row in table_rows(made, "en")] == ["survival_d91"] * 2 * len(MODELS)


def test_an_unknown_language_is_refused_before_anything_is_simulated(tmp_path):
    done = CliRunner().invoke(app, ["predict", "duan2013", "--lang", "fr", "--out", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert "--lang" in done.stderr
    assert not (tmp_path / "no").exists()
