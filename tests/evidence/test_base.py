"""The evidence base holds what was read, keeps what was only recalled apart, and refuses what cannot be."""

from __future__ import annotations

import copy
import csv
import io
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from hepatrial.errors import BadInput
from hepatrial.evidence import published
from hepatrial.evidence.base import (
    Judgement,
    Risk,
    add_trial,
    base_json,
    check_trial,
    load_base,
    numbers,
    numbers_csv,
)
from hepatrial.evidence.base.risk import overall
from hepatrial.provenance import GRADES

SHARED = Path(__file__).parents[2] / "../shared/science/evidence"
BASE = load_base(Path("/dev/null/none"))
MINIMAL = """
id = "mine"
name = "Mine"
citation = "Mine 2026"
kind = "randomised"
disease = "HBV-ACLF"
population = "aclf"
read = "full text"
survival = [
  { arm = "cells", week = 4, n = 20, survivors = 18, percent = 90.0, grade = "seen", source = "t" },
  { arm = "cells", week = 24, n = 20, survivors = 15, percent = 75.0, grade = "seen", source = "t" },
]
[sources]
t = "Table 2"
[[arms]]
name = "cells"
role = "treated"
n = 20
grade = "seen"
source = "t"
"""


def refused(data: dict) -> list[str]:
    with pytest.raises(BadInput) as caught:
        check_trial(data)
    return [problem.sentence() for problem in caught.value.problems]


def minimal() -> dict:
    return tomllib.loads(MINIMAL)


def shared(name: str) -> list[dict[str, str]]:
    if not (SHARED / name).is_file():
        pytest.skip("the shared science is not beside this checkout")
    return list(csv.DictReader(io.StringIO((SHARED / name).read_text(encoding="utf-8"))))


def test_every_survival_percentage_of_the_science_folder_is_here_with_its_grade() -> None:
    held = [
        (t.id, row.percent, row.grade) for t in BASE.trials.values() for row in t.survival
    ] + [(t.id, row.points, row.grade) for t in BASE.trials.values() for row in t.differences]  # fmt: skip
    for row in shared("survival.csv"):
        key = (row["trial"].lower(), float(row["survival_percent"]), row["seen"])
        assert key in held, row
        held.remove(key)
    assert held == []


def test_every_event_count_of_the_science_folder_is_here() -> None:
    for row in shared("events.csv"):
        if row["n"].isdigit():
            found = [
                e for e in BASE.trials[row["trial"].lower()].events
                if e.count == int(row["n"]) and (e.n is None or str(e.n) == row["denominator"])
                and e.grade == row["seen"] and e.label.lower() == row["event"].lower()
            ]  # fmt: skip
            assert found, row


@pytest.mark.parametrize(
    ("name", "attribute"), [("biomarkers.csv", "laboratory"), ("baseline.csv", "baseline")]
)
def test_every_value_of_the_science_tables_is_here(name: str, attribute: str) -> None:
    held = {trial.id: [row.value for row in getattr(trial, attribute)] for trial in BASE.trials.values()}
    count = 0
    for row in shared(name):
        text = row["value"] if name == "baseline.csv" else row["value"].split(" (")[0]
        try:
            value: float | str = float(text)
        except ValueError:
            value = text
        assert value in held[row["trial"].lower()], row
        count += 1
    assert count == sum(len(values) for values in held.values())


def test_every_number_has_a_known_grade_and_a_place() -> None:
    for row in numbers(BASE):
        assert row["grade"] in GRADES
        assert len(row["place"]) > 3, row


def test_the_figures_the_report_uses_are_those_of_the_base() -> None:
    base = BASE.trials["lin2017"]
    names = {"msc": "MSC", "smt": "SMT"}
    for point in published("lin2017").survival:
        rows = [r for r in base.survival if r.arm == names[point.arm] and r.week == point.week]
        assert point.percent in [r.percent for r in rows if r.grade == point.grade]
    for event in published("lin2017").events:
        if event.count is not None:
            key = (names[event.arm], event.event, event.count)
            assert key in [(e.arm, e.event, e.count) for e in base.events]


def test_a_recalled_or_article_figure_is_never_usable() -> None:
    for trial in BASE.trials.values():
        for figure in trial.figures:
            if figure.grade in ("recalled", "article"):
                assert not figure.usable
    shi = [row for row in BASE.trials["shi2012"].survival if row.grade == "derived"]
    assert len(shi) == 2, "derived from an article's figure"
    assert not any(row.usable for row in shi)


def test_every_trial_of_cells_has_a_judged_risk_of_bias_with_reasons() -> None:
    for trial in BASE.trials.values():
        if trial.kind != "natural_history":
            assert trial.risk is not None, trial.id
            assert trial.risk.tool == ("rob2" if trial.kind == "randomised" else "robins_i")
            assert all(domain.reason for domain in trial.risk.domains.values())


def test_the_worst_domain_decides_and_many_concerns_make_high() -> None:
    def rob(*words: str) -> Risk:
        names = ("randomisation", "deviations", "missing", "measurement", "reporting")
        return Risk(
            tool="rob2",
            domains={n: Judgement(judgement=w, reason="r") for n, w in zip(names, words, strict=True)},
        )

    assert overall(rob("low", "low", "low", "low", "low")) == "low"
    assert overall(rob("low", "some concerns", "low", "low", "low")) == "some concerns"
    assert overall(rob("low", "no information", "low", "low", "low")) == "some concerns"
    assert overall(rob("low", "some concerns", "some concerns", "low", "no information")) == "high"
    assert overall(rob("low", "high", "low", "low", "low")) == "high"
    silent = Risk(tool="robins_i", domains={"confounding": Judgement(judgement="no information", reason="r")})
    assert overall(silent) == "no information"
    assert overall(BASE.trials["jia2020"].risk) == "critical"


def test_a_sound_file_is_read() -> None:
    assert check_trial(minimal()).survival[1].deaths == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["survival"][0].update(survivors=21), "must not be above n"),
        (lambda d: d["survival"][0].update(percent=130.0), "not above 100"),
        (lambda d: d["survival"][1].update(ci_low=76.0, ci_high=90.0), "must hold its estimate"),
        (lambda d: d["survival"][1].update(survivors=19, percent=95.0), "survival cannot rise"),
        (lambda d: d["survival"][1].update(n=19, percent=78.9), "mixed denominators"),
        (lambda d: d["arms"][0].pop("n"), "number of patients is required"),
        (lambda d: d["survival"][0].update(arm="cell"), "Did you mean 'cells'?"),
        (lambda d: d["survival"][0].update(percent=80.0), "count and percentage must agree"),
        (lambda d: d.update(citaton="x"), "Did you mean 'citation'?"),
        (lambda d: d.update(kind="randomized"), "Did you mean 'randomised'?"),
        (
            lambda d: d.update(laboratory=[{
                "arm": "cells", "week": 4, "variable": "TBil", "unit": "umol", "statistic": "mean",
                "value": 100.0, "grade": "seen", "source": "t",
            }]),
            "unknown unit",
        ),
        (
            lambda d: d.update(effects=[{
                "outcome": "death", "measure": "RR", "value": 0.5, "ci_low": 0.6, "ci_high": 0.9,
                "direction": "down", "grade": "seen", "source": "t",
            }]),
            "must hold its estimate",
        ),
        (lambda d: d.update(risk={"tool": "rob2", "domains": {}}), "this domain is required"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(change, said) -> None:
    data = minimal()
    change(data)
    assert any(said in sentence for sentence in refused(data))


def test_all_problems_come_at_once() -> None:
    data = minimal()
    data["survival"][0]["survivors"] = 30
    data["survival"][1]["percent"] = 120.0
    data["survival"][1]["arm"] = "control"
    del data["arms"][0]["n"]
    data["year"] = 2026
    text = "\n".join(refused(data))
    for said in ("above n", "not above 100", "'control'", "number of patients", "unknown entry 'year'"):
        assert said in text


def test_another_analysis_set_may_have_its_own_denominator() -> None:
    data = minimal()
    data["survival"][1] |= {"n": 19, "survivors": 15, "percent": 78.9, "analysis_set": "as treated"}
    assert check_trial(data)


def test_an_added_trial_stands_beside_the_shipped_ones_and_only_once(tmp_path: Path) -> None:
    file, folder = tmp_path / "t.toml", tmp_path / "kept"
    file.write_text(MINIMAL)
    add_trial(file, folder)
    base = load_base(folder)
    assert base.added == ("mine",)
    assert base.hash != BASE.hash
    with pytest.raises(BadInput, match="no trial, pool or pending trial has"):
        add_trial(file, folder)


def test_nothing_is_kept_of_a_file_that_is_not_sound(tmp_path: Path) -> None:
    file, folder = tmp_path / "t.toml", tmp_path / "kept"
    file.write_text(MINIMAL.replace("n = 20\ngrade", "grade"))
    with pytest.raises(BadInput):
        add_trial(file, folder)
    assert not folder.exists()


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text("id = ")
    with pytest.raises(BadInput, match="must be TOML"):
        add_trial(file, tmp_path / "kept")


def test_json_and_csv_hold_the_same_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(numbers_csv(BASE))))
    data = base_json(BASE)
    kinds = ("survival", "differences", "events", "laboratory", "baseline", "effects", "tests")
    count = sum(len(trial[kind]) for trial in data["trials"] for kind in kinds)
    assert len(rows) == count + sum(len(pool["results"]) for pool in data["meta_analyses"])


def test_the_shipped_files_pass_the_check_that_a_user_meets() -> None:
    folder = resources.files("hepatrial.evidence.base") / "data" / "trials"
    for file in folder.iterdir():
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        assert check_trial(copy.deepcopy(data)).id == file.name.removesuffix(".toml")
