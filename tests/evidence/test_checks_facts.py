"""The checks on the figures this project already worked out by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hepatrial.evidence.checks import (
    UNFAIR,
    against_record,
    check_table,
    claimed_limit,
    course_of_differences,
    difference_of_patients,
    interval_of_counts,
    no_event_by_chance,
    outside_scope,
    p_of_counts,
    p_of_means,
    p_of_survivors,
    percent_of_patients,
    randomised_against_treated,
)

TABLE = Path(__file__).parents[2] / "../shared/science/evidence/review2025_table1.csv"


def test_lins_difference_at_week_4_is_whole_patients():
    found = difference_of_patients("S2, week 4", "22.2", 56, 54, percent1="100")
    assert found.verdict == "consistent"
    assert [r.split(":")[0] for r in found.readings] == ["56/56 against 42/54"]


def test_lins_difference_at_week_12_is_no_count_either_way():
    found = difference_of_patients("S2, week 12", "19.3", 56, 54, percent1="83.9")
    assert found.verdict == "inconsistent"
    assert found.facts == {"unrounded_solutions": 0, "rounded_solutions": 0}
    assert "47/56 against 35/54, give 19.11" in found.needed


def test_lins_difference_at_week_24_is_that_of_the_rounded_rates_only():
    found = difference_of_patients("S2, week 24", "17.6", 56, 54, percent1="73.2", percent2="55.6")
    assert found.verdict == "consistent"
    assert found.facts["unrounded_solutions"] == 0
    assert found.facts["rounded_solutions"] == 1
    assert "41/56 against 30/54: 17.66 unrounded (rounded percentages only)" in found.readings


def test_with_both_arms_free_lins_numbers_of_patients_let_any_difference_pass():
    found = difference_of_patients("S2, week 12", "19.3", 56, 54)
    assert found.verdict == "not checkable"
    assert found.facts["coverage"] > 0.95


def test_shis_difference_of_24_3_has_one_solution_and_41_9_none():
    one, none = (difference_of_patients("S1", d, 24, 19) for d in ("24.3", "41.9"))
    assert one.verdict == "consistent"
    assert [r.split(":")[0] for r in one.readings] == ["21/24 against 12/19"]
    assert none.verdict == "inconsistent"
    assert none.readings == ()


def test_shis_two_differences_cannot_both_be_raw_proportions_of_one_course():
    found = course_of_differences("S1", [(24, "24.3"), (4, "41.9"), (12, "24.3")], 24, 19)
    assert found.verdict == "inconsistent"
    assert "survivors rise" in found.needed
    assert course_of_differences("S1", [(12, "24.3"), (24, "24.3")], 24, 19).verdict == "consistent"
    assert course_of_differences("S1", [(12, "24.3")], 24, 19).verdict == "not checkable"


def test_the_mortality_below_ten_percent_of_s3_against_s2():
    found = claimed_limit(
        "S3", "<", "10", {"control, week 4": "22.2", "cells, week 12": "16.1", "cells, week 4": "0"}
    )
    assert found.verdict == "inconsistent"
    assert found.facts["beyond"] == 2
    assert "control, week 4: 22.2" in found.needed
    assert "cells, week 4" not in found.needed


def test_lins_intervals_are_wald_intervals_so_nobody_was_censored():
    cells = interval_of_counts("Lin, cells", 41, 56, "61.6", "84.8", estimate="73.2")
    assert cells.readings == ("Wald", "Wald about the rounded proportion")
    control = interval_of_counts("Lin, control", 30, 54, "42.3", "68.9", estimate="55.6")
    assert control.readings == ("Wald about the rounded proportion",)
    assert control.facts["Wald upper"] == pytest.approx(68.809, abs=1e-3)


def test_lins_p_is_no_test_of_counts_but_no_contradiction_either():
    found = p_of_counts("Lin", 41, 56, 30, 54, "0.03", survival=True)
    assert found.verdict == "not checkable"
    assert found.facts["Fisher"] == pytest.approx(0.073, abs=5e-4)
    assert p_of_counts("Lin", 41, 56, 30, 54, "0.03").verdict == "inconsistent"
    assert p_of_counts("Lin", 41, 56, 30, 54, "0.03", test="log-rank").verdict == "not checkable"
    tied = p_of_survivors("Lin", 56, [56, 47, 41], 54, [42, 35, 30], "0.03")
    assert tied.verdict == "consistent"
    assert tied.facts["log-rank"] == pytest.approx(0.0234, abs=1e-4)


def test_no_death_among_56_at_the_risk_of_lins_control_arm():
    found = no_event_by_chance("Lin, week 4", 56, 12, 54)
    assert found.verdict == "inconsistent"
    assert found.facts["probability"] == pytest.approx(8e-7, rel=0.05)
    for said in ("effect from the first day", "immortal time", "consented late", "after randomisation"):
        assert said in found.needed


def test_zekris_p_fits_a_standard_error_and_no_standard_deviation():
    numbers = ("Zekri, albumin", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.291")
    as_stated = p_of_means(*numbers, stated="SD")
    assert as_stated.verdict == "inconsistent"
    assert "standard error" in as_stated.needed
    assert as_stated.facts["t, SE"] == pytest.approx(0.28, abs=5e-3)
    assert as_stated.facts["t, SD"] < 1e-5
    assert all("standard error" in reading for reading in as_stated.readings)
    assert p_of_means(*numbers, stated="SE").verdict == "consistent"
    assert "± would have to be a standard error" in p_of_means(*numbers).needed


def test_realistic_as_treated_counts_a_death_under_the_other_arm():
    randomised = {"standard": (0, 27), "G-CSF": (0, 26), "G-CSF+CD133": (3, 28)}
    found = randomised_against_treated("REALISTIC", randomised, {"standard": (1, 28)})
    assert found.verdict == "inconsistent"
    assert found.facts == {"standard events moved": 1, "standard patients moved": 1}


@pytest.fixture(scope="module")
def table():
    if not TABLE.exists():
        pytest.skip("the review's table is absent")
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_oddities_of_the_2025_review_come_out_of_its_table(table):
    found = {(f.check, f.place): f for f in check_table(table)}
    assert ("mean equals n", "Shi age_treated") in found
    assert ("baseline of randomised arms", "Shi age_treated") in found
    assert found["values of one study in another", "Xu and Li"].facts["shared"] == 4
    peng = found["values of one study in another", "Lin and Peng"]
    assert peng.given == "age_treated SD 9.94; age_control mean 42.78; age_control SD 8.4"
    apart = {
        place.split()[0]: f.facts["times"] for (check, place), f in found.items() if check.startswith("dose")
    }
    assert apart == pytest.approx({"Shi": 5, "Li": 100, "Lin": 100})
    assert ("arm without n", "Jia n_control") in found
    assert ("no mean and spread", "Jia age_treated") in found
    assert {place for check, place in found if check == "time without unit"} == {
        "Schacher follow_up", "Jia follow_up",
    }  # fmt: skip
    clean = {"Xu", "Schacher"}
    alone = {
        place.split()[0] for check, place in found if " and " not in place and check != "time without unit"
    }
    assert not alone & clean


def test_a_study_outside_the_reviews_scope_and_cells_that_other_records_contradict(table):
    assert [f.place for f in outside_scope(table, "design", ["RCT"])] == ["Jia design"]
    rows = {row["study"]: row for row in table}
    lin = against_record(
        "Lin", rows["Lin"], {"year": "2017", "cells": "BM-MSC", "n_treated": "56"}, "its abstract"
    )
    assert [f.place for f in lin] == ["Lin year", "Lin cells"]
    assert "its abstract says 2017" in lin[0].needed


def test_every_word_of_the_findings_is_fair(table):
    findings = [
        *check_table(table),
        percent_of_patients("x", "50.1", 7),
        difference_of_patients("S1", "41.9", 24, 19),
        course_of_differences("S1", [(4, "41.9"), (12, "24.3")], 24, 19),
        claimed_limit("S3", "<", "10", {"a": "22.2"}),
        no_event_by_chance("Lin", 56, 12, 54),
        p_of_means("Zekri", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.291", stated="SD"),
        randomised_against_treated("R", {"a": (0, 27)}, {"a": (1, 28)}),
    ]
    source = "".join(
        path.read_text()
        for path in (Path(__file__).parents[2] / "src/hepatrial/evidence/checks").glob("*.py")
        if path.name != "finding.py"
    )
    for word in UNFAIR:
        assert word not in source.lower()
        assert not [f for f in findings if word in f"{f.check} {f.needed} {f.readings}".lower()]
