"""The rivals' and the scoreboard's numbers are those that were read: laid beside the shared facts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hepatrial.prediction.library import list_studies
from hepatrial.prediction.rivals.map_control import load_controls
from hepatrial.prediction.scoreboard import load_seen

SHARED = Path(__file__).parents[2].parent / "shared"

needs_shared = pytest.mark.skipif(
    not (SHARED / "science").is_dir(), reason="the shared facts do not lie beside this checkout"
)


def survivors(trial: str, arm: str, week: float) -> float:
    """Share alive in ``survival.csv``, read in the source."""
    with (SHARED / "science" / "evidence" / "survival.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            right = row["trial"] == trial and row["arm"].startswith(arm) and row["seen"] == "seen"
            if right and row["week"] and float(row["week"]) == week:
                return int(row["survivors"]) / int(row["n_at_start"])
    raise AssertionError(f"{trial} {arm} week {week} is not in survival.csv")


def control(name: str, day: float) -> float:
    (one,) = (row for row in load_controls()[0] if row.study == name)
    return dict(one.points)[day]


def seen(study: str, endpoint: str, arm: str) -> float:
    (one,) = (row for row in load_seen() if (row.study, row.endpoint, row.arm) == (study, endpoint, arm))
    return one.value


@needs_shared
def test_control_arms_are_those_of_the_survival_table() -> None:
    for name, day, trial, arm, week in (
        ("lin2017", 168, "Lin2017", "SMT", 24),
        ("duan2013", 91, "Duan2013", "control", 13),
        ("graft2021", 90, "GRAFT2021", "SMT", 12.9),
        ("zekri2015_control", 182, "Zekri2015", "control", 26),
        ("zekri2015_control", 364, "Zekri2015", "control", 52),
        ("realistic2018", 364, "REALISTIC2018", "standard", 52),
    ):
        assert control(name, day) == pytest.approx(1 - survivors(trial, arm, week), abs=5e-4), name
    assert control("cai2024", 28) == pytest.approx(1 - survivors("NH_SciRep2024", "all ACLF", 4), abs=1e-3)
    assert control("cai2024", 90) == pytest.approx(1 - survivors("NH_SciRep2024", "all ACLF", 12.9), abs=1e-3)


@needs_shared
def test_what_was_seen_is_what_the_survival_table_says() -> None:
    for study, endpoint, arm, trial, there, week in (
        ("graft2021", "transplant_free_survival_d90", "gcsf", "GRAFT2021", "G-CSF", 12.9),
        ("graft2021", "transplant_free_survival_d90", "smt", "GRAFT2021", "SMT", 12.9),
        ("duan2013", "survival_d91", "gcsf", "Duan2013", "G-CSF", 13),
        ("duan2013", "survival_d91", "control", "Duan2013", "control", 13),
        ("realistic2018", "survival_d364", "cd133", "REALISTIC2018", "G-CSF+CD133", 52),
        ("zekri2015", "survival_d182", "single", "Zekri2015", "single", 26),
        ("zekri2015", "survival_d364", "single", "Zekri2015", "single", 52),
        ("lin2017", "survival_d168", "msc", "Lin2017", "MSC", 24),
        ("lin2017", "survival_d168", "smt", "Lin2017", "SMT", 24),
    ):
        assert seen(study, endpoint, arm) == pytest.approx(survivors(trial, there, week), abs=5e-4), study


@needs_shared
def test_the_two_cohorts_of_patients_are_counted_from_their_rows() -> None:
    with (SHARED / "data" / "aclf_guangzhou_test75.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for column, endpoint in (("bad_30d", "d30"), ("bad_90d", "d90"), ("bad_1y", "d365")):
        free = sum(row[column] == "0" for row in rows) / len(rows)
        assert seen("aclf75", f"transplant_free_survival_{endpoint}", "cohort") == pytest.approx(
            free, abs=5e-4
        )
    with (SHARED / "data" / "support2_cirrhosis508.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for day in (28, 90, 180):
        dead = sum(row["death"] == "1" and float(row["d.time"]) <= day for row in rows) / len(rows)
        assert seen("support", f"survival_d{day}", "cohort") == pytest.approx(1 - dead, abs=5e-4)


def test_contrasts_that_were_derived_are_the_differences_of_their_arms() -> None:
    for study, difference, treated, comparator, level in (
        ("fulmar2013", "survival_difference_d182", "mars", "conventional", "survival_d182"),
        ("duan2013", "survival_difference_d91", "gcsf", "control", "survival_d91"),
        ("realistic2018", "survival_difference_d364", "cd133", "standard", "survival_d364"),
        ("lin2017", "survival_difference_d168", "msc", "smt", "survival_d168"),
    ):
        apart = seen(study, level, treated) - seen(study, level, comparator)
        assert seen(study, difference, f"{treated} vs {comparator}") == pytest.approx(apart, abs=2e-3)


def test_every_study_that_is_scored_ships_a_file_and_the_other_way_round() -> None:
    assert {one.study for one in load_seen()} == set(list_studies())
