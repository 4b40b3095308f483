"""The credibility page is made from results and says first what does not exist."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from hepatrial.prediction.scoreboard import beside, scoreboard, stored_draws

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
            assert (
                not row["class"].startswith("predicted")
                or f"| {one['study']} | {one['endpoint']} | {one['arm']} |" in page
            )


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
