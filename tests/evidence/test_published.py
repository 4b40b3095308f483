"""Published figures: equal to the evidence files, consistent in themselves, and used only as they may be."""

from __future__ import annotations

import csv
import itertools
import math
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from scipy.stats import fisher_exact

from hepatrial.errors import BadInput
from hepatrial.evidence import (
    VARIABLES,
    Figure,
    Published,
    SurvivalPoint,
    cohort,
    list_cohorts,
    list_published,
    published,
)
from hepatrial.protocol import DEFINITIONS, list_protocols, load_protocol
from hepatrial.provenance import GRADES
from hepatrial.schema import MEASURES

SHARED = Path(__file__).parents[2] / "../shared/science/evidence"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the evidence files are not beside the project")

TRIALS = {
    "Lin2017": "lin2017",
    "Shi2012": "shi2012",
    "Peng2011": "peng2011",
    "Zekri2015": "zekri2015",
    "REALISTIC2018": "realistic2018",
}
ARMS = {
    "MSC": "msc",
    "SMT": "smt",
    "UC-MSC": "uc_msc",
    "control": "control",
    "BM-MSC": "bm_msc",
    "single": "single",
    "standard": "standard",
    "G-CSF": "gcsf",
    "G-CSF+CD133": "gcsf_cd133",
}
COUNTED = ("Lin2017", "Shi2012", "Peng2011")
"""Trials whose events are laid beside a simulation; those of the others stand in the evidence base alone."""

AS_TREATED = "standard (safety set)"
"""A row that counts one death by the treatment received; the published figures are as randomised."""


def rows(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def everything() -> list[Figure]:
    trials = [published(name).figures for name in list_published()]
    return [
        figure for group in trials + [cohort(name).figures for name in list_cohorts()] for figure in group
    ]


@needs_shared
def test_every_survival_row_that_is_not_recalled_is_there_and_nothing_else() -> None:
    expected: set[tuple[Any, ...]] = set()
    for row in rows("survival.csv"):
        if row["arm"] == AS_TREATED:
            continue
        if row["trial"] in TRIALS and row["seen"] != "recalled" and "difference" not in row["arm"]:
            # what is derived from the article's figures is as good as the article's
            grade = "article" if row["seen"] == "derived" else row["seen"]
            percent = float(row["survival_percent"])
            expected.add((TRIALS[row["trial"]], ARMS[row["arm"]], float(row["week"]), percent, grade))
    found = {
        (name, point.arm, point.week, point.percent, point.grade)
        for name in list_published()
        for point in published(name).survival
    }
    # the article repeats the abstract at week 24; the seen figure stands for both
    doubled = {(*key[:4], "article") for key in expected if key[4] == "seen"}
    assert found == expected - doubled


@needs_shared
def test_every_count_of_an_event_is_that_of_the_evidence_files() -> None:
    expected = {
        (TRIALS[row["trial"]], ARMS[row["arm"]], int(row["n"]), int(row["denominator"]))
        for row in rows("events.csv")
        if row["trial"] in COUNTED and row["seen"] != "recalled" and row["n"].isdigit()
    }
    found = {
        (name, event.arm, event.count, event.n)
        for name in list_published()
        for event in published(name).events
        if event.count is not None
    }
    assert found == expected


@needs_shared
def test_every_seen_statistic_of_cai_2024_is_that_of_the_evidence_files() -> None:
    names = {"MELD": "meld", "ALT": "alt", "AST": "ast", "TBil": "bilirubin", "age": "age"}
    names |= {"CLIF-C ACLF": "clif_c_aclf", "MELD-Na": "meld_na"}
    cai = cohort("cai2024")
    checked = 0
    for row in rows("baseline.csv"):
        if row["trial"] != "NH_SciRep2024" or row["variable"] not in names:
            continue
        variable, group = names[row["variable"]], f"grade {row['arm'][-1]}"
        wanted = {"iqr": ("q1", "q3")}.get(row["statistic"], (row["statistic"],))
        for statistic, text in zip(wanted, row["value"].split("-"), strict=True):
            assert cai.value(variable, statistic, group) == float(text)
            checked += 1
    assert checked == 3 * (5 * 3 + 2 * 2)


def test_the_printed_intervals_of_lin_2017_are_wald_intervals_of_whole_patients() -> None:
    """Rate and half-width were rounded before they were added: 55.6 + 13.3 = 68.9, unrounded 68.81."""
    for point in published("lin2017").survival:
        if point.ci_low is not None and point.count is not None:
            p = point.count / point.n
            rate, half = round(100 * p, 1), round(196 * math.sqrt(p * (1 - p) / point.n), 1)
            assert (rate - half, rate + half) == pytest.approx((point.ci_low, point.ci_high))


def test_every_count_gives_the_printed_percentage() -> None:
    for name in list_published():
        for figure in (*published(name).survival, *published(name).events):
            if figure.count is not None and figure.percent is not None:
                assert figure.percent_of_count == pytest.approx(figure.percent, abs=0.06), figure.key


def test_no_whole_patients_make_the_figures_that_have_no_count() -> None:
    """64.6 % of 54; 41.9 points between 24 and 19; 24.3 points only as 21/24 less 12/19."""
    assert not [k for k in range(55) if round(100 * k / 54, 1) == 64.6]
    gaps = {(a, b): round(100 * (a / 24 - b / 19), 1) for a, b in itertools.product(range(25), range(20))}
    assert not [pair for pair, gap in gaps.items() if gap == 41.9]
    assert [pair for pair, gap in gaps.items() if gap == 24.3] == [(21, 12)]
    assert max(gap for (_, b), gap in gaps.items() if b >= 12) == pytest.approx(36.8)


def test_the_arithmetic_of_the_remarks_on_lin_2017_holds() -> None:
    assert fisher_exact([[41, 15], [30, 24]]).pvalue == pytest.approx(0.073, abs=5e-4)
    assert pytest.approx(8e-7, rel=0.05) == (1 - 0.222) ** 56
    assert pytest.approx(73.2, abs=0.05) == 100 * 41 / 56
    assert pytest.approx(71.4, abs=0.05) == 100 * 30 / 42
    assert pytest.approx(17.66, abs=0.005) == 100 * (41 / 56 - 30 / 54)
    assert not [k for k in range(55) if round(100 * (47 / 56 - k / 54), 1) == 19.3]


def test_only_these_figures_of_a_trial_may_be_fitted_to() -> None:
    may = {figure.key for name in list_published() for figure in published(name).figures if figure.may_fit}
    assert may == {
        "lin2017.survival.msc.24",
        "lin2017.survival.smt.24",
        "lin2017.severe_infection.msc",
        "lin2017.severe_infection.smt",
        "zekri2015.survival.control.52",  # the chronic course of standard care (science/README.md)
    }


def test_nothing_recalled_is_shown_and_nothing_of_the_article_or_of_a_review_is_fitted_to() -> None:
    for figure in everything():
        assert figure.grade in GRADES
        assert figure.grade not in ("recalled", "assumed", "fitted")
        assert not (figure.may_fit and figure.grade in ("article", "seen_secondary")), figure.key


def test_each_figure_says_what_it_is_to_the_simulation() -> None:
    by_key = {figure.key: figure.use for figure in everything()}
    assert by_key["lin2017.survival.smt.24"] == "fitted"
    assert by_key["lin2017.survival.msc.24"] == "predicted"
    assert by_key["lin2017.survival.msc.4"] == "article, unverified"
    assert by_key["cai2024.death.28"] == "fitted"
    assert {use for key, use in by_key.items() if key.startswith("shi2012.survival")} == {
        "article, unverified"
    }


def test_keys_are_unique() -> None:
    keys = [figure.key for figure in everything()]
    assert len(keys) == len(set(keys))


def calibration_targets() -> list[dict[str, Any]]:
    file = resources.files("hepatrial.calibration") / "targets.toml"
    targets: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["target"]
    return targets


def test_fitted_and_predicted_agree_with_the_declared_calibration_targets() -> None:
    declared = {target["id"]: target["study"] for target in calibration_targets()}
    claimed = {figure.target for figure in everything() if figure.target}
    assert claimed <= set(declared)
    ours = (*list_published(), *list_cohorts())
    resting_on_ours = {name for name, source in declared.items() if source.startswith(ours)}
    assert resting_on_ours <= claimed


def test_the_targets_of_deaths_and_infections_are_the_published_counts() -> None:
    value = {target["id"]: target["value"] for target in calibration_targets()}
    deaths = {figure.target: figure.percent / 100 for figure in cohort("cai2024").mortality}
    for name, share in deaths.items():
        assert value[name or ""] == pytest.approx(share, abs=5e-4)
    for point in published("lin2017").survival:
        if point.target:
            assert value[point.target] == pytest.approx(1 - point.percent / 100, abs=5e-4)
    for event in published("lin2017").events:
        if event.target and event.count is not None:
            assert value[event.target] == pytest.approx(event.count / event.n, abs=5e-4)


def test_the_pooled_figures_of_cai_2024_are_those_of_its_parts() -> None:
    cai = cohort("cai2024")
    sizes = {"grade 1": 394, "grade 2": 103, "grade 3": 21}
    outcomes = {"alive at day 28": 380, "dead by day 28": 138}
    assert sum(sizes.values()) == sum(outcomes.values()) == cai.n
    for variable, parts in (("clif_c_aclf", sizes), ("meld_na", sizes), ("age", outcomes)):
        means = {part: cai.value(variable, "mean", part) or 0.0 for part in parts}
        sds = {part: cai.value(variable, "sd", part) or 0.0 for part in parts}
        mean = sum(n * means[part] for part, n in parts.items()) / cai.n
        within = sum((n - 1) * sds[part] ** 2 for part, n in parts.items())
        between = sum(n * (means[part] - mean) ** 2 for part, n in parts.items())
        assert cai.value(variable, "mean") == pytest.approx(mean, abs=0.005)
        assert cai.value(variable, "sd") == pytest.approx(
            math.sqrt((within + between) / (cai.n - 1)), abs=0.005
        )


def test_cohorts_carry_a_definition_known_variables_and_units_of_the_project() -> None:
    for name in list_cohorts():
        found = cohort(name)
        assert found.definition in DEFINITIONS
        for figure in found.admission:
            assert figure.variable in VARIABLES
            assert figure.label
            assert figure.label_zh
            assert figure.n <= found.n
            if figure.variable in MEASURES:
                assert figure.unit == MEASURES[figure.variable].unit
            if figure.statistic == "percent":
                assert 0 <= figure.value <= 100
    assert (cohort("cai2024").n, cohort("bmcgastro2020").n) == (518, 684)
    assert cohort("bmcgastro2020").value("bilirubin", "mean") == 323.5
    assert cohort("bmcgastro2020").value("bilirubin", "median") is None


@pytest.mark.parametrize("name", list_protocols())
def test_arms_of_protocol_and_publication_are_the_same(name: str) -> None:
    protocol = load_protocol(name)
    if protocol.identity.published is None:
        pytest.skip("no published figures are laid beside this protocol")
    figures = published(protocol.identity.published)
    assert figures.arms == {arm: each.n for arm, each in protocol.arms.items()}
    assert figures.citation == protocol.identity.citation
    for difference in figures.differences:
        assert difference.control == protocol.control_arm
        assert difference.treated in protocol.other_arms


def test_the_points_of_an_arm_come_by_week() -> None:
    points = published("lin2017").survival_of("msc")
    assert [(point.week, point.survivors, point.grade) for point in points] == [
        (4, 56, "article"),
        (12, 47, "article"),
        (24, 41, "seen"),
    ]
    assert published("lin2017").survival_of("nobody") == ()


def point(**changes: Any) -> SurvivalPoint:
    values = {
        "key": "x",
        "grade": "seen",
        "source": "x",
        "arm": "a",
        "n": 10,
        "count": 5,
        "week": 4,
        "percent": 50,
    }
    return SurvivalPoint.model_validate({**values, **changes})


def test_where_a_seen_and_an_article_figure_meet_the_seen_one_is_given() -> None:
    both = (point(key="article", grade="article"), point(key="seen"))
    trial = Published(id="x", citation="x", read="x", read_zh="x", arms={"a": 10}, survival=both)
    assert [found.key for found in trial.survival_of("a")] == ["seen"]


def test_the_interval_of_a_count_is_exact_and_widens_with_the_level() -> None:
    """0 of n has the upper limit 1 - (alpha/2)^(1/n)."""
    low, high = point(count=0).interval() or (0, 0)
    assert (low, high) == (0.0, pytest.approx(100 * (1 - 0.025 ** (1 / 10))))
    inner, outer = point().interval(0.8), point().interval(0.99)
    assert inner is not None
    assert outer is not None
    assert outer[0] < inner[0] < 50 < inner[1] < outer[1]
    assert point(count=None).interval() is None
    assert point(count=None).percent_of_count is None


@pytest.mark.parametrize(
    "changes",
    [
        {"grade": "article", "may_fit": True},
        {"grade": "seen_secondary", "may_fit": True},
        {"grade": "recalled"},
        {"target": "death_28"},
        {"count": 11},
        {"n": 0, "count": 0},
        {"colour": "red"},
    ],
)
def test_a_dishonest_or_impossible_figure_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        point(**changes)


def test_a_figure_of_an_arm_that_does_not_exist_cannot_be_loaded() -> None:
    with pytest.raises(ValidationError, match="not as in arms"):
        Published(id="x", citation="x", read="x", read_zh="x", arms={"b": 10}, survival=(point(),))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(BadInput) as caught:
        published("lin2018")
    assert caught.value.problems[0].nearest == "lin2017"
    with pytest.raises(BadInput, match="cai2024"):
        cohort("cai2023")


def test_remarks_and_words_come_in_two_languages() -> None:
    for name in list_published():
        trial = published(name)
        assert trial.text("read", "zh") != trial.text("read", "en")
        for remark in trial.remarks:
            assert remark.in_language("zh") != remark.in_language("en")
        for event in trial.events:
            assert event.text("label", "zh") != event.label
