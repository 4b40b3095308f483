"""Every report in Chinese, whole: no English words but those with a reason (``chinese.ALLOWED``)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from chinese import english_of_page, left_in_english
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.design import run as design_run

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
sys.path += [str(TESTS / "design"), str(TESTS / "prediction")]

THEIRS = {"gcsf", "control", "smt", "msc", "some", "shi", "peng", "json"}
"""Names of arms, of protocols and of a made-up variant as their authors wrote them, and of a form."""


def call(*words):
    done = CliRunner().invoke(app, [*map(str, words), "--lang", "zh"])
    assert done.exit_code == 0, done.output
    return done.stdout


def english(text):
    """Lines of a terminal with English words in them; paths are no words."""
    left = {line: left_in_english(line) for line in text.splitlines()}
    return {line: words for line, words in left.items() if set(words) - THEIRS}


def english_of_file(path):
    left = english_of_page(path.read_text("utf-8"))
    return {text: words for text, words in left.items() if set(words) - THEIRS}


def test_the_test_finds_what_it_looks_for():
    page = (
        '<html lang="zh"><p>第 24 周生存率 within 24 weeks</p><p>评分（death_base）</p><p lang="en">Lin</p>'
    )
    page += (
        '<svg aria-label="day by day"><text>assumed</text></svg><code>a b c</code><p>log-rank 检验</p></html>'
    )
    assert english_of_page(page) == {
        "第 24 周生存率 within 24 weeks": ["within", "weeks"],
        "day by day": ["day", "day"],
        "assumed": ["assumed"],
    }
    assert left_in_english("Report: runs/x/report.html") == ["Report"]
    assert left_in_english("hepatrial resume runs/x") == ["resume", "runs"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run of a shipped trial and what the terminal said of it."""
    folder = tmp_path_factory.mktemp("zh") / "run"
    told = call("run", "lin2017", "--patients", "8", "--replicates", "2", "--pairs", "4", "--parameters",
                "cards", "--threads", "1", "--out", folder)  # fmt: skip
    return folder, told


@pytest.mark.slow
def test_a_run_its_report_and_its_analysis_are_chinese(run):
    folder, told = run
    assert english(told) == {}
    assert english(call("report", folder)) == {}
    assert english_of_file(folder / "report.html") == {}
    shown = call("analyse", folder, "--no-truth", "--out", folder / "analysis")
    assert english(shown) == {}
    assert "间充质干细胞＋标准治疗 对 标准治疗" in shown
    assert english_of_file(folder / "analysis" / "analysis.html") == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attribute", "voi", "sensitivity"])
def test_what_drives_an_outcome_is_told_in_chinese(name, tmp_path):
    small = ["--members", "2", "--patients", "12"]
    if name == "sensitivity":
        small = ["--factor", "flare", "--factor", "death_base", "--number", "2", "--patients", "12"]
    told = call(name, "lin2017", *small, "--threads", "1", "--out", tmp_path / name)
    assert english(told) == {}
    assert english_of_file(tmp_path / name / "report.html") == {}


@pytest.mark.slow
def test_a_prediction_is_told_in_chinese_and_its_draws_keep_their_columns(tmp_path):
    import polars as pl

    told = call("predict", "duan2013", "--draws", "8", "--threads", "1", "--out", tmp_path / "p")
    assert english(told) == {}
    assert english((tmp_path / "p" / "summary.txt").read_text("utf-8")) == {}
    made = pl.read_parquet(tmp_path / "p" / "draws.parquet")
    assert {"study", "endpoint", "arm", "model", "value"} <= set(made.columns)
    assert set(made["endpoint"]) == {"survival_d91", "survival_difference_d91"}


@pytest.mark.parametrize("name", ["lin_again", "borrowed_controls"])
def test_a_design_is_told_in_chinese(name, tmp_path, monkeypatch):
    from fake_bank import exponential_bank

    bank = exponential_bank(patients=500, transplant=0.001)
    monkeypatch.setattr(design_run, "make_bank", lambda *_args, **_more: bank)
    told = call(
        "design", EXAMPLES / f"{name}.toml", "--trials", "100", "--threads", "1", "--out", tmp_path / "d"
    )
    assert english(told) == {}
    assert english_of_file(tmp_path / "d" / "report.html") == {}


def test_experiments_the_article_s_trials_and_claims_are_told_in_chinese(tmp_path):
    for words in (("experiment", "differentiation"), ("article-trials",)):
        told = call(*words, "--out", tmp_path / words[0])
        assert english(told) == {}
        assert english_of_file(tmp_path / words[0] / "report.html") == {}
    told = call("claims")
    assert english(told) == {}
    assert "有支持" in told
