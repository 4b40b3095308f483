"""Every generated sentence has its Chinese: no English word is left but names of methods and trials."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hepatrial.claims import RULES, article, audit
from hepatrial.claims.findings import finding_text
from hepatrial.claims.grade import grade_html, grade_rows
from hepatrial.claims.page import rule_text
from hepatrial.evidence import checks
from hepatrial.evidence.arithmetic import check_base
from hepatrial.evidence.base import load_base

BASE = load_base(Path("/dev/null/none"))
METHODS = (
    r"Kaplan-Meier|Wald|Wilson|Welch|Fisher|Agresti-Coull|Clopper-Pearson|Jeffreys|Newcombe|Katz|Woolf|GRIM+E?R?|"
    r"cells/kg|umol/L|non-RCT|hepatrial [a-z-]+|[a-z]+\d{4}|\bn\b|log-log|logit|\blog\b|standard|single|"
    r"procedure_complication|severe_infection|abstract|doi:\S+|PMC\S+|Table|Results|vein|fall"
)


def left(text: str) -> list[str]:
    return re.findall(r"\b[a-z]{3,}\b", re.sub(METHODS, "", text))


def every_check() -> list[checks.Finding]:
    c, line = checks, checks.CountLine
    return [
        c.percent_of_patients("x", "74.1", 56), c.percent_of_patients("x", "73.2", 56),
        c.percent_of_patients("x", "73", 990), c.percent_of_patients("x", "73.2", 56, censored=True),
        c.percent_of_patients("x", "73.21", 57), c.percent_of_count("x", "73.2", 42, 56),
        c.percent_of_count("x", "73.2", 41, 56), c.percent_of_count("x", "74.1", 42, 56),
        c.percent_within("x", "120"), c.percent_within("x", "20"), c.count_within("x", 9, 5),
        c.count_within("x", 4, 5), c.difference_of_patients("x", "41.9", 24, 19),
        c.difference_of_patients("x", "24.3", 24, 19), c.difference_of_patients("x", "19.3", 56, 54),
        c.difference_of_patients("x", "17.6", 56, 54, percent1="73.2"),
        c.difference_of_patients("x", "17.6", 56, 54, percent1="73.3"),
        c.difference_of_percentages("x", "27.6", "73.2", "55.6"),
        c.difference_of_percentages("x", "17.6", "55.6", "73.2"),
        c.difference_of_percentages("x", "17.6", "73.2", "55.6"),
        c.course_of_differences("x", [(4, "41.9"), (12, "24.3")], 24, 19),
        c.course_of_differences("x", [(4, "22.2"), (24, "17.6")], 56, 54),
        c.course_of_differences("x", [(4, "22.2")], 56, 54),
        c.mixed_denominators("x", [line("a", 12, "40.0"), line("b", 9, "36.0")], 30),
        c.mixed_denominators("x", [line("a", 12, "40.0")], 30), c.mixed_denominators("x", [line("a", 1)], 3),
        c.mixed_denominators("x", [line("a", 0, "3.0"), line("b", 9, "36.6")], 30),
        c.monotone_survival("x", [(4, "80"), (12, "83")]), c.monotone_survival("x", [(4, "80"), (12, "80")]),
        c.monotone_survival("x", [(4, "80")]), c.interval_holds_estimate("x", "0.48", "0.55", "0.91"),
        c.interval_holds_estimate("x", "0.6", "0.9", "0.5"), c.interval_holds_estimate("x", "1", "0.5", "2"),
        c.interval_of_counts("x", 41, 56, "61.6", "84.8", estimate="73.2"),
        c.interval_of_counts("x", 41, 56, "1.6", "84.8"),
        c.interval_of_two("x", 9, 56, 18, 54, "RR", "0", "1"),
        *(c.ratio_of_counts("x", e, 9, 56, 18, 54, "RR") for e in ("0.48", "2.07", "0.9")),
        c.ratio_of_counts("x", "0.9", 0, 56, 18, 54, "RR"),
        c.p_of_interval("x", "0.8", "0.6", "1.07", "0.001", "OR"),
        c.p_of_interval("x", "0.5", "0.33", "0.76", "0.6", "RR"),
        c.p_of_interval("x", "0.50", "0.33", "0.76", "0.00009", "RR"),
        c.p_of_interval("x", "0.50", "0.33", "0.76", "0.001", "RR"),
        c.p_of_interval("x", "0", "0", "0.76", "0.001", "RR"),
        c.p_of_interval("x", "1", "2", "0.76", "0.001", "MD"),
        c.p_of_counts("x", 9, 56, 18, 54, "0.0001"), c.p_of_counts("x", 9, 56, 18, 54, "0.035"),
        c.p_of_counts("x", 15, 56, 24, 54, "0.03", survival=True),
        c.p_of_counts("x", 15, 56, 24, 54, "<0.00001", test="log-rank"),
        c.p_of_survivors("x", 56, [56, 47, 41], 54, [42, 35, 30], "0.03"),
        c.p_of_survivors("x", 56, [56, 47, 41], 54, [42, 35, 30], "0.5"),
        c.p_of_means("x", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.291", stated="SD"),
        c.p_of_means("x", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.291"),
        c.p_of_means("x", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.9"),
        c.grim("x", "2.46", 19, integers=True), c.grim("x", "2.43", 28, integers=True),
        c.grim("x", "2.4", 28, integers=True), c.grim("x", "2.43", 28, integers=False),
        c.grim("x", "2.43", 14, integers=True, items=2),
        c.grimmer("x", "2.43", "0.50", 28, integers=True), c.grimmer("x", "2.43", "0.01", 28, integers=True),
        c.claimed_limit("x", "<", "10", {"a": "16.1"}), c.claimed_limit("x", "<", "10", {"a": "1.1"}),
        c.claimed_limit("x", "<", "10", {}), c.no_event_by_chance("x", 56, 12, 54),
        c.no_event_by_chance("x", 5, 1, 54),
        c.randomised_against_treated("x", {"a": (0, 27)}, {"a": (1, 28)}),
        c.randomised_against_treated("x", {"a": (0, 27)}, {"a": (0, 27)}),
        c.randomised_against_treated("x", {"a": (0, 27)}, {}),
        *c.repeated_rows("x", [{"年龄": "44"}, {"年龄": "44"}]),
    ]  # fmt: skip


@pytest.mark.parametrize("finding", every_check(), ids=lambda f: f"{f.check}, {f.verdict}")
def test_a_check_speaks_chinese(finding: checks.Finding) -> None:
    text = finding_text(finding, "zh")
    assert not left(text), text


def test_the_arithmetic_of_the_base_speaks_chinese() -> None:
    for one in check_base(BASE):
        text = finding_text(one.finding, "zh")
        assert not left(text), text


def test_the_audits_reasons_speak_chinese() -> None:
    for entry in audit(article(), BASE):
        for reason in entry.as_dict("zh")["reasons"]:
            assert not [word for word in left(reason["text"]) if word not in ("control", "points")], reason


def test_the_certainty_table_speaks_chinese() -> None:
    for row in grade_rows(BASE, "zh"):
        for text in (row["effect"], row["design"], *(reason for _, reason in row["steps"])):
            assert not left(text), text
    page = grade_html(BASE, "zh")
    assert "⊕○○○" in page
    assert "偏倚风险" in page


def test_every_rule_of_the_verdicts_has_its_chinese() -> None:
    for rule in RULES:
        assert re.search(r"[\u4e00-\u9fff]", rule_text(rule, "zh")), rule.name
        assert rule_text(rule, "en") == rule.says
