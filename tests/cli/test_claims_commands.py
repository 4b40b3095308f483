"""`hepatrial evidence`, `claims` and `answers` at the terminal: output, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepatrial.article import stored
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.cli.app import app
from hepatrial.model import load_patient_model

RUNNER = CliRunner()
SECOND = Path(__file__).parents[1] / "claims" / "second_article.toml"
HARMFUL = """
id = "mine2026"
name = "Mine 2026"
citation = "Mine 2026"
kind = "randomised"
disease = "HBV-related acute-on-chronic liver failure"
population = "aclf"
read = "full text"
events = [
  { arm = "cells", event = "allergy", label = "Allergy", n = 50, count = 9, grade = "seen", source = "t" },
  { arm = "control", event = "allergy", label = "Allergy", n = 50, count = 1, grade = "seen", source = "t" },
]
effects = [ { outcome = "bilirubin", direction = "up", grade = "seen", source = "t" } ]
[sources]
t = "Table 2"
[[arms]]
name = "cells"
role = "treated"
n = 50
grade = "seen"
source = "t"
[arms.product]
kind = "msc"
cells = "cord MSC"
grade = "seen"
source = "t"
[[arms]]
name = "control"
role = "control"
n = 50
grade = "seen"
source = "t"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEPATRIAL_EVIDENCE", str(tmp_path / "kept"))
    return tmp_path


def ok(*arguments: str) -> str:
    result = RUNNER.invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_is_a_list_of_the_28_claims() -> None:
    rows = json.loads(ok("claims", "--format", "json"))
    assert len(rows) == 28
    assert {"id", "verdict", "scope", "reasons", "evidence", "checks", "simulation"} <= set(rows[0])
    simulated = {row["id"]: row["simulation"] for row in rows if row["simulation"]}
    assert set(simulated) == {"S1", "S2", "S3", "F1"}
    for shown in simulated.values():
        assert shown["mark"] == "Simulated. No patients. Not evidence of benefit."
        assert shown["hash"]
        assert shown["lowers"] is False


def test_the_language_changes_the_words_and_not_the_verdicts() -> None:
    en, zh = (json.loads(ok("claims", "--format", "json", "--lang", lang)) for lang in ("en", "zh"))
    assert [row["verdict"] for row in en] == [row["verdict"] for row in zh]
    assert en[0]["claim"] != zh[0]["claim"]


def test_a_file_of_claims_is_audited() -> None:
    rows = json.loads(ok("claims", str(SECOND), "--format", "json"))
    assert [row["id"] for row in rows][:2] == ["T1", "T2"]


def test_the_example_is_a_sound_claim_file(own_folder: Path) -> None:
    file = own_folder / "example.toml"
    file.write_text(ok("claims", "--example"), encoding="utf-8")
    rows = json.loads(ok("claims", str(file), "--format", "json"))
    assert rows[0]["verdict"] == "supported"
    assert rows[0]["read_from_text"]
    assert all(row["simulation"] is None for row in rows), (
        "the article's own trials speak of the article only"
    )


@pytest.mark.parametrize(("form", "begins"), [("html", "<!doctype html>"), ("md", "# Claims audited")])
def test_a_page_goes_to_stdout_or_to_a_new_file(own_folder: Path, form: str, begins: str) -> None:
    assert ok("claims", "--format", form).startswith(begins)
    target = own_folder / "page"
    ok("claims", "--format", form, "--out", str(target))
    assert target.read_text(encoding="utf-8").startswith(begins)
    assert RUNNER.invoke(app, ["claims", "--format", form, "--out", str(target)]).exit_code == 2


def test_a_run_is_laid_beside_the_claims(own_folder: Path) -> None:
    row = {
        "endpoint": "difference", "arm": "msc", "control": "smt", "week": 4, "grade": "article",
        "published": 22.2, "simulated": 3.0, "low": -5.0, "high": 9.0, "inside": False,
    }  # fmt: skip
    data = {"design": {"protocol": "lin2017"}, "comparison": [row], "provenance": {"run_hash": "abc"}}
    (own_folder / "results.json").write_text(json.dumps(data))
    rows = {r["id"]: r for r in json.loads(ok("claims", "--format", "json", "--run", str(own_folder)))}
    assert rows["S2"]["simulation"]["lowers"]
    assert rows["S2"]["verdict"] == "overstated"
    assert rows["S1"]["simulation"]["folder"] == "hepatrial article-trials"


@pytest.mark.parametrize(
    "arguments",
    [
        ["claims", "--format", "pdf"],
        ["claims", "--lang", "fr"],
        ["claims", "nowhere.toml"],
        ["claims", "--run", "nowhere"],
        ["answers", "--lang", "de"],
        ["evidence", "show", "lin2071"],
        ["evidence", "export", "--format", "xml"],
        ["evidence", "add", "nowhere.toml"],
        ["evidence", "add"],
        ["evidence", "predict", "dhelivr"],
    ],
)
def test_bad_input_ends_with_2(arguments: list[str]) -> None:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert "nothing was done" in result.stderr


def test_answers_writes_one_page_and_never_over_another(own_folder: Path) -> None:
    target = own_folder / "answers.html"
    ok("answers", "--out", str(target), "--lang", "zh")
    assert 'lang="zh-CN"' in target.read_text(encoding="utf-8")
    assert RUNNER.invoke(app, ["answers", "--out", str(target)]).exit_code == 2


def test_evidence_lists_shows_and_exports() -> None:
    rows = json.loads(ok("evidence", "list", "--json"))
    assert {"trial", "meta-analysis", "pending"} & {row["kind"] for row in rows} == {
        "meta-analysis",
        "pending",
    }
    assert "lin2017" in [row["id"] for row in rows]
    assert "1.0 to 10 x 10^5 per kg" in ok("evidence", "show", "lin2017")
    assert json.loads(ok("evidence", "show", "thompson2020", "--json"))["patients"] == 2696
    assert len(json.loads(ok("evidence", "export"))["trials"]) > 25
    assert ok("evidence", "export", "--format", "csv").startswith("study,kind,arm,what")
    assert "very low" in ok("evidence", "certainty")


def test_adding_a_trial_says_which_verdicts_change(own_folder: Path) -> None:
    file = own_folder / "mine.toml"
    file.write_text(HARMFUL)
    told = json.loads(ok("evidence", "add", str(file), "--json"))
    assert told["id"] == "mine2026"
    assert told["changed"] == {}, "A2 was overstated before and is so after"
    reasons = {r["id"]: r for r in json.loads(ok("claims", "--format", "json"))}["A2"]["reasons"]
    assert any(r["status"] == "refuted" and r["text"].startswith("Allergy") for r in reasons)
    assert "mine2026" in [row["id"] for row in json.loads(ok("evidence", "list", "--json"))]


def test_a_trial_that_reports_a_cure_changes_a_verdict(own_folder: Path) -> None:
    file = own_folder / "mine.toml"
    file.write_text(HARMFUL.replace('outcome = "bilirubin"', 'outcome = "cure"'))
    told = ok("evidence", "add", str(file))
    assert "Q2: unsupported -> partly supported" in told


def test_adding_a_trial_prints_what_changes_on_every_page_and_writes_them(own_folder: Path) -> None:
    file = own_folder / "example.toml"
    file.write_text(ok("evidence", "add", "--example"), encoding="utf-8")
    told = json.loads(ok("evidence", "add", str(file), "--pages", str(own_folder / "site"), "--json"))
    pages = {row["page"] for row in told["changes"]}
    assert {"certainty", "forests", "answers"} <= pages
    death = next(row for row in told["changes"] if row["page"] == "certainty" and row["what"] == "death")
    assert "1 studies, 110 patients" in death["before"]
    assert "2 studies, 230 patients" in death["after"]
    names = {Path(path).name for path in told["pages"]}
    assert names == {"claims-en.html", "claims-zh.html", "answers-en.html", "answers-zh.html"}
    assert "My trial" in (own_folder / "site" / "answers-en.html").read_text(encoding="utf-8")


def test_adding_the_result_of_a_pending_trial_scores_its_prediction(own_folder: Path) -> None:
    text = ok("evidence", "add", "--example").replace('id = "mytrial2026"', 'id = "dheliver_result"')
    text = text.replace("[sources]", "registrations = [ { id = 'NCT04229901', grade = 'seen' } ]\n[sources]")
    text = text.replace("week = 24", "week = 12.9")
    file = own_folder / "result.toml"
    file.write_text(text, encoding="utf-8")
    (made,) = json.loads(ok("evidence", "add", str(file), "--json"))["scored"]
    row = next(r for r in made["rows"] if (r["endpoint"], r["arm"]) == ("survival_d90", "placebo"))
    assert row["observed"] == pytest.approx(0.65)
    assert set(row["scores"]) == {"mechanistic", "map_control", "severity_score", "no_effect"}


def test_kept_predictions_are_listed_and_put_on_one_page(own_folder: Path) -> None:
    rows = json.loads(ok("evidence", "predict", "--json"))
    assert {row["trial"] for row in rows} == {"dheliver", "apache", "nct05985863", "nct06884904"}
    target = own_folder / "pending.html"
    ok("evidence", "predict", "--page", str(target), "--lang", "zh")
    assert "NCT06884904" in target.read_text(encoding="utf-8")


def test_a_bad_trial_file_is_refused_with_every_problem(own_folder: Path) -> None:
    file = own_folder / "mine.toml"
    file.write_text(HARMFUL.replace("count = 9", "count = 90").replace('kind = "randomised"', 'kind = "rct"'))
    result = RUNNER.invoke(app, ["evidence", "add", str(file), "--json"])
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["problems"]) == 2
    assert not (own_folder / "kept").exists()


def test_posterior_and_stored_trials_of_the_article_are_of_this_model_at_every_version_allowed() -> None:
    # `make lowest` runs this too: the model's hash is that of the SBML which libAntimony writes.
    assert stored()["model"] == load_patient_model().hash == load_ensemble().origin.model
