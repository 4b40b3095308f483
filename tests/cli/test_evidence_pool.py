"""`hepatrial evidence pool`, `forest`, `risk`, `check`: R's numbers, products apart, figures as files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app

RUNNER = CliRunner()
DATA = Path(__file__).parents[2] / "../shared/data"
TRIALS = """study,x1,n1,x2,n2,year,dose,product
A,4,50,9,50,2001,1,msc
B,6,40,8,42,2004,2,msc
C,1,30,5,31,2008,3,msc
D,10,80,12,78,2012,4,g_csf
E,0,20,0,20,2015,5,msc
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEPATRIAL_EVIDENCE", str(tmp_path / "kept"))
    (tmp_path / "trials.csv").write_text(TRIALS)
    return tmp_path


def told(*arguments: str) -> dict:
    result = RUNNER.invoke(app, ["evidence", "pool", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_pagliaros_beta_blockers_under_hartung_knapp(own_folder: Path) -> None:
    source = DATA / "meta_pagliaro1992_cirrhosis.csv"
    if not source.is_file():
        pytest.skip("the shared data are not beside this checkout")
    arms: dict[str, dict[str, tuple[str, str]]] = {}
    with source.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            arms.setdefault(row["study"], {})[row["trt"]] = (row["xi"], row["ni"])
    lines = ["study,x1,n1,x2,n2"]
    for study, found in arms.items():
        names = {name.lower()[:4]: value for name, value in found.items()}
        if "beta" in names and "cont" in names:
            lines.append(",".join((study, *names["beta"], *names["cont"])))
    file = own_folder / "pagliaro.csv"
    file.write_text("\n".join(lines))
    group = told("--rows", str(file), "--measure", "OR")["groups"][0]
    assert group["k"] == 9
    shown = [round(group[name], 2) for name in ("estimate", "lower", "upper")]
    assert shown == [0.53, 0.23, 1.23]
    wald = told("--rows", str(file), "--measure", "OR", "--interval", "wald")["groups"][0]
    assert (round(wald["lower"], 2), round(wald["upper"], 3)) == (0.28, 0.995)


def test_products_are_pooled_apart_unless_asked_together(own_folder: Path) -> None:
    file = str(own_folder / "trials.csv")
    apart = told("--rows", file)
    assert apart["apart"] == "product"
    assert [(g["label"], g["k"]) for g in apart["groups"]] == [("msc", 3), ("g_csf", 1)]
    assert "no information" in apart["groups"][0]["refused"][0]["reason"]
    together = told("--rows", file, "--together")
    assert [(g["label"], g["k"]) for g in together["groups"]] == [("all", 4)]


def test_every_kind_of_sensitivity_is_at_hand(own_folder: Path) -> None:
    file = str(own_folder / "trials.csv")
    group = told(
        "--rows", file, "--together", "--leave-one-out", "--cumulative", "--by", "product", "--bayes",
        "--regress", "dose",
    )["groups"][0]  # fmt: skip
    assert [row["without"] for row in group["leave_one_out"]] == ["A", "B", "C", "D"]
    assert [row["added"] for row in group["cumulative"]] == ["A", "B", "C", "D"]
    assert group["cumulative"][-1]["estimate"] == pytest.approx(group["estimate"])
    assert {row["label"] for row in group["subgroups"]["groups"]} == {"msc", "g_csf"}
    assert [c["name"] for c in group["regression"]["coefficients"]] == ["intercept", "dose"]
    assert "tau ~ half_normal with scale 0.5" in group["bayes"]["priors"]


@pytest.mark.parametrize("method", ["common", "mantel_haenszel", "peto"])
def test_other_methods_pool_the_same_studies(own_folder: Path, method: str) -> None:
    file = str(own_folder / "trials.csv")
    group = told("--rows", file, "--together", "--measure", "OR", "--method", method)["groups"][0]
    assert group["k"] == 4
    assert 0.3 < group["estimate"] < 0.9


def test_a_test_for_small_studies_is_refused_below_ten(own_folder: Path) -> None:
    arguments = ["evidence", "pool", "--rows", str(own_folder / "trials.csv"), "--together", "--small-study"]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2
    assert "at least 10 are needed" in result.stderr


def test_the_base_is_pooled_with_bias_adjusted_rows_by_domain() -> None:
    groups = {g["label"]: g for g in told("death", "--population", "aclf", "--bias")["groups"]}
    rows = {row["domain"]: row for row in groups["msc"]["bias_adjusted"]}
    assert set(rows) == {"randomisation", "deviations", "reporting", "all domains"}
    assert groups["msc"]["estimate"] < rows["all domains"]["estimate"] < 1
    assert {r["study"] for r in groups["msc"]["refused"]} == {"li2016", "schacher2021", "shi2012"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("trial,x1\nA,1", "a column 'study' is needed"),
        ("study,x1,n1,x2,n2\nA,5,4,1,9", "must not exceed n"),
        ("study,x1,n1,x2,n2\nA,a,4,1,9\nB,1,2,1,b", "line 3, n2"),
        ("study,estimate,lower,upper,measure\nA,1,2,3,RX", "line 2, measure"),
        ("study,estimate,lower,upper,measure\nA,1,2,3,RR", "hold its estimate"),
        ("study,x1\nA,1", "needs x1 n1 x2 n2"),
    ],
)
def test_a_bad_table_is_refused_by_line(own_folder: Path, content: str, said: str) -> None:
    file = own_folder / "bad.csv"
    file.write_text(content)
    result = RUNNER.invoke(app, ["evidence", "pool", "--rows", str(file)])
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(("suffix", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("json", b"{")])
def test_a_forest_is_written_to_a_new_file(own_folder: Path, suffix: str, begins: bytes) -> None:
    target = own_folder / f"forest.{suffix}"
    arguments = ["evidence", "forest", "death", "--out", str(target), "--width", "350"]
    assert RUNNER.invoke(app, arguments).exit_code == 0
    assert target.read_bytes().startswith(begins)
    assert RUNNER.invoke(app, arguments).exit_code == 2


def test_the_risk_of_bias_is_drawn_or_listed_with_reasons(own_folder: Path) -> None:
    target = own_folder / "risk.svg"
    assert RUNNER.invoke(app, ["evidence", "risk", "--out", str(target), "--lang", "zh"]).exit_code == 0
    assert "偏离干预" in target.read_text(encoding="utf-8")
    rows = json.loads(RUNNER.invoke(app, ["evidence", "risk", "--json"]).stdout)
    lin = next(row for row in rows if row["trial"] == "lin2017")
    assert lin["overall"] == "high"
    assert all(reason for _, reason in lin["domains"].values())


def test_checks_of_the_base_in_two_languages() -> None:
    rows = json.loads(RUNNER.invoke(app, ["evidence", "check", "zekri2015", "--json"]).stdout)
    assert [row["check"] for row in rows] == ["p-value of two means"]
    assert "standard error" in rows[0]["sentence"]
    zh = RUNNER.invoke(app, ["evidence", "check", "lin2017", "--lang", "zh", "--all"]).stdout
    assert "永生时间" in zh


@pytest.mark.parametrize(
    "arguments",
    [
        ["pool"],
        ["pool", "deth"],
        ["pool", "death", "--measure", "RX"],
        ["pool", "death", "--method", "petto"],
        ["forest", "death", "--out", "x.pdf"],
        ["forest", "death", "--out", "x.svg", "--measure", "HR"],
        ["risk", "--lang", "fr", "--out", "x.svg"],
        ["check", "lin2071"],
    ],
)
def test_bad_input_ends_with_2(arguments: list[str]) -> None:
    result = RUNNER.invoke(app, ["evidence", *arguments])
    assert result.exit_code == 2, result.output
