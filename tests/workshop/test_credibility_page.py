"""The credibility page is made from results and says first what does not exist."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from hepatrial.prediction.scoreboard import LEFT_OUT_CLASSES, beside, scoreboard, stored_draws
from hepatrial.web.format import endpoint
from hepatrial.web.targets import predicted_in

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import make_credibility  # noqa: E402

SAID = tomllib.loads((DOCS / "credibility.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page() -> str:
    return make_credibility.page()


def test_the_first_lines_say_that_no_held_out_contrast_exists(page: str) -> None:
    first = page.splitlines()[2]
    assert "No verified held-out survival contrast" in first
    assert "4 against 5" in first


def test_misses_stand_before_the_scoreboard_and_every_predicted_miss_is_there(page: str) -> None:
    assert page.index("## Misses of the predictions") < page.index("## Scoreboard")
    for row in scoreboard(beside(stored_draws()[0])):
        for one in row["misses"]:
            what, arm = endpoint("en", one["endpoint"]), one["arm"].replace("_", " ")
            assert (
                not row["class"].startswith("predicted")
                or f"| {predicted_in('en', one['study'])} | {what} | {arm} |" in page
            )


def test_fitted_cohorts_without_themselves_and_without_their_class_have_a_row(page: str) -> None:
    board = page.split("## Scoreboard")[1].split("\n## ")[0]
    for name in LEFT_OUT_CLASSES.values():
        assert f"| {name} |" in board


@pytest.mark.parametrize("factor", SAID["factor"], ids=lambda one: one["name"])
def test_every_factor_has_tests_behind_each_pattern_and_a_gap(factor: dict[str, object]) -> None:
    patterns = factor["tests"]
    assert isinstance(patterns, list)
    for pattern in patterns:
        assert make_credibility.written([pattern]) > 0, pattern
    assert factor["gap"]
    assert factor["level"] in ("a", "b", "c")


def test_a_failing_test_takes_the_level_down_and_no_run_gives_none() -> None:
    factor = {"level": "c"}
    assert make_credibility.level(factor, Counter(passed=3, failed=0), True) == "c"
    assert make_credibility.level(factor, Counter(passed=3, failed=1), True) == "a"
    assert make_credibility.level(factor, Counter(passed=3), False) == "–"
    assert make_credibility.level(factor, Counter(), True) == "–"


def test_outcomes_are_read_from_the_reports_of_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests-fast.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.engine.test_x" name="a"/>'
        '<testcase classname="tests.engine.test_x" name="b"><failure/></testcase>'
        '<testcase classname="tests.model.test_y" name="c"><skipped/></testcase></testsuite></testsuites>'
    )
    monkeypatch.setattr(make_credibility, "REPORTS", tmp_path)
    ended = make_credibility.outcomes()
    assert make_credibility.tally(["engine/*"], ended) == {"passed": 1, "failed": 1, "skipped": 0}
    assert make_credibility.tally(["model/*"], ended) == {"passed": 0, "failed": 0, "skipped": 1}


def test_a_miss_stands_once_although_two_classes_hold_its_study(page: str) -> None:
    table = page.split("## Scoreboard")[0].splitlines()
    rows = [tuple(line.split(" | ")[:3]) for line in table if line.startswith("| ")]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    ("ends", "verdict"), [((0.1, 0.3), "met"), ((-0.1, 0.3), "not shown"), ((-0.3, -0.1), "not met")]
)
def test_a_skill_is_met_only_when_its_whole_interval_lies_above_0(
    ends: tuple[float, float], verdict: str
) -> None:
    row = {"skill": {"no_effect": {"value": sum(ends) / 2, "low": ends[0], "high": ends[1]}}}
    assert make_credibility.judge({"measure": "no_effect"}, row)[1] == verdict


@pytest.mark.parametrize(
    ("ends", "verdict"), [((0.4, 0.95), "not refuted"), ((0.4, 0.8), "not met"), ((0.95, 1.0), "too wide")]
)
def test_a_coverage_is_judged_by_its_interval(ends: tuple[float, float], verdict: str) -> None:
    row = {"coverage_90": {"value": 0.9, "low": ends[0], "high": ends[1]}}
    assert make_credibility.judge({"measure": "coverage_90"}, row)[1] == verdict


def test_a_rejected_distribution_is_not_met_and_none_is_unknown() -> None:
    assert make_credibility.judge({"measure": "pit_p"}, {"pit_p": 0.01})[1] == "not met"
    assert make_credibility.judge({"measure": "pit_p"}, {"pit_p": 0.2})[1] == "not rejected"
    assert make_credibility.judge({"measure": "pit_p"}, {"pit_p": None})[1] == make_credibility.UNKNOWN


def test_every_criterion_names_a_class_and_the_assessment_counts_them_all(page: str) -> None:
    board = scoreboard(beside(stored_draws()[0]))
    told = make_credibility.judgements(SAID["criterion"], board)
    assert len(told) == len(SAID["criterion"])
    assert f"{len(told)} criteria: " in page.split("## ICH M15 assessment")[1]


def test_real_cohorts_say_whether_the_fit_has_seen_them(page: str) -> None:
    section = page.split("## Real patients")[1].split("## Context")[0]
    assert "fitted" in section
    assert "predicted" in section
