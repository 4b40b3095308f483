"""Rows of a Table 1: the same figure in several spellings, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hepatrial.errors import Problem
from hepatrial.prediction.table1 import Reader, Wanted, read_table1


def read(**rows: object) -> tuple[list[Wanted], list[Problem]]:
    reader = Reader([], [])
    return read_table1(rows, "baseline", reader), reader.problems


def only(**rows: object) -> Wanted:
    found, problems = read(**rows)
    assert not problems
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("text", ["44 (11)", "44±11", "44 ± 11 years", "44 +- 11", {"mean": 44, "sd": 11}])
def test_mean_and_sd_in_several_spellings_are_the_same(text: object) -> None:
    row = only(age=text)
    assert (row.location, row.spread) == (44.0, 11.0)


@pytest.mark.parametrize(
    "text",
    [
        "300 (137-829)",
        "300 [137, 829] U/L",
        "300 (137 to 829)",
        {"median": 300, "iqr": [137, 829]},
        {"median": "300 U/L", "q1": "137 U/L", "q3": 829},
    ],
)
def test_median_and_quartiles_in_several_spellings_are_the_same(text: object) -> None:
    row = only(alt=text)
    assert row.location == pytest.approx(math.log(300))
    assert row.spread == pytest.approx(math.log(829 / 137) / 1.349)


def test_units_change_nothing() -> None:
    si, us = only(bilirubin="390 (125) umol/L"), only(TBil="22.80701754385965 (7.309941520467836) mg/dL")
    assert us.location == pytest.approx(si.location)
    assert us.spread == pytest.approx(si.spread)


def test_the_moments_of_a_skewed_variable_are_those_of_a_log_normal() -> None:
    row = only(bilirubin="323.5 (148.4) umol/L")
    assert row.location is not None
    assert row.spread is not None
    draws = np.exp(row.location + row.spread * np.random.default_rng(1).standard_normal(400_000))
    assert draws.mean() == pytest.approx(323.5, rel=0.005)
    assert draws.std() == pytest.approx(148.4, rel=0.02)


def test_a_standard_error_becomes_an_sd_by_its_number_of_patients() -> None:
    assert only(albumin={"mean": 28, "se": 0.5, "n": 36, "unit": "g/L"}).spread == pytest.approx(3.0)


@pytest.mark.parametrize("written", ["80 %", 0.8, "48/60", "48 (80 %)", {"percent": 80}, {"share": "80 %"}])
def test_shares_in_several_spellings_are_the_same(written: object) -> None:
    assert only(male=written).share == pytest.approx(0.8)


def test_classes_become_ranges_of_a_column() -> None:
    found, problems = read(he_grade={"1-2": "13 %", "3-4": "4 %"}, child_pugh_class={"B": 0.3, "C": 0.7})
    assert not problems
    assert [(row.column, row.low, row.high, row.share) for row in found] == [
        ("he_grade", 1, 2, 0.13),
        ("he_grade", 3, 4, 0.04),
        ("child_pugh", 7, 9, 0.3),
        ("child_pugh", 10, 15, 0.7),
    ]


def test_a_row_that_is_printed_by_class_is_read_by_class_whatever_its_name() -> None:
    for name, classes, column in (
        ("ascites", {"none": 0.4, "mild": 0.3, "moderate-severe": 0.3}, "ascites_grade"),
        ("HE", {"1-2": 0.2, "3-4": 0.1}, "he_grade"),
        ("CTP", {"B": 0.5, "C": 0.5}, "child_pugh"),
    ):
        found, problems = read(**{name: classes})
        assert not problems
        assert {row.column for row in found} == {column}


@pytest.mark.parametrize(
    ("rows", "allowed"),
    [
        ({"bilirubin": "18"}, "umol/L or mg/dL"),
        ({"bilirubin": "18 g/kg"}, "unit"),
        ({"bilirubin": "9000 umol/L"}, "bilirubin from"),
        ({"age": "44 (60-20)"}, "quartiles in order"),
        ({"age": "forty"}, "a mean and SD"),
        ({"age": {"sd": 3}}, "at least a mean"),
        ({"age": {"mean": 44, "sd": 0}}, "above 0"),
        ({"age": {"mean": 44, "se": 3}}, "with n"),
        ({"male": "120 %"}, "a share"),
        ({"he_grade": {"1": 0.7, "2": 0.7}}, "at most 1"),
        ({"he_grade": {"1-2": 0.2, "2": 0.2}}, "each class once"),
        ({"male": 0.5, "men": 0.5}, "each variable once"),
        ({"bilirubine": "3 (1) mg/dL"}, "a row that is known"),
    ],
)
def test_what_cannot_be_is_refused(rows: dict[str, object], allowed: str) -> None:
    _, problems = read(**rows)
    assert len(problems) == 1
    assert allowed in problems[0].allowed


def test_a_row_that_is_like_no_known_one_is_read_and_not_used() -> None:
    reader = Reader([], [])
    found = read_table1({"age": "44 (11)", "arterial pH": "7.36", "serum_zinc": "9 (2)"}, "baseline", reader)
    assert [one.variable for one in found] == ["age"]
    assert reader.not_used == ["arterial_ph", "serum_zinc"]
    assert not reader.problems


@pytest.mark.parametrize(
    ("name", "written", "same"),
    [
        ("inr", "2·1 (0·5)", "2.1 (0.5)"),
        ("inr", "2,1 (1,7-2,5)", "2.1 (1.7-2.5)"),
        ("creatinine", "78 (64−98) μmol/L", "78 (64-98) umol/L"),
        ("creatinine", "78 umol/L (64–98)", "78 (64-98) umol/L"),
        ("creatinine", "78（64～98）umol/L", "78 (64-98) umol/L"),
        ("alt", "6,200 (3,100-9,800) U/L", "6200 (3100-9800) U/L"),
        ("alt", "316 (252,399)", "316 (252-399)"),
        ("age", "mean 44 (SD: 11) years", "44 (11)"),
        ("age", "44 [IQR 30-50]", "44 (30-50)"),
        ("platelets", "90 (40) ×10⁹/L", "90 (40)"),
        ("wbc", "9100 (4000) /mm³", "9.1 (4)"),
        ("hbv_dna", "5.2 (1.1) lg IU/mL", "5.2 (1.1)"),
    ],
)
def test_figures_as_papers_and_word_processors_write_them(name: str, written: str, same: str) -> None:
    one, other = only(**{name: written}), only(**{name: same})
    assert (one.location, one.spread) == pytest.approx((other.location, other.spread))


def test_a_range_is_no_pair_of_quartiles() -> None:
    row = only(age="median 44 (range 18-70)")
    assert (row.location, row.spread) == (44.0, None)


@pytest.mark.parametrize(
    ("name", "written", "allowed"),
    [
        ("inr", "2.1 mg/dL", "without a unit"),
        ("meld", "24 range 10-40", "without a unit"),
        ("pta", "31 (6) umol/L", "unit %"),
        ("hbv_dna", "250000 IU/mL", "logarithm"),
        ("age", "44 (60)", "SD"),
        ("albumin", "28 (SE 0.5) g/L", "se = 2, n = 30"),
        ("sex", "80 % male", "male ="),
    ],
)
def test_what_stands_behind_a_number_is_never_skipped(name: str, written: str, allowed: str) -> None:
    found, problems = read(**{name: written})
    assert not found
    assert allowed in problems[0].allowed


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("creatinine", "88 (20) mg/dL", "88 umol/L"),
        ("albumin", "3.1 (0.4) g/L", "3.1 g/dL"),
        ("albumin", "31 mg/dL", "31 g/L"),
    ],
)
def test_a_wrong_unit_is_named_with_the_one_that_fits(name: str, written: str, meant: str) -> None:
    assert read(**{name: written})[1][0].nearest == meant


def test_classes_in_roman_numbers_with_their_words_and_alone() -> None:
    found, problems = read(
        he={"grade I-II": "40 %", "III": "10 %"}, aclf_grade={"ACLF-1": 0.6, "ACLF 2-3": 0.4}, child_class="C"
    )
    assert not problems
    assert [(one.column, one.low, one.high, one.share) for one in found] == [
        ("he_grade", 1, 2, 0.4),
        ("he_grade", 3, 3, 0.1),
        ("aclf_grade", 1, 1, 0.6),
        ("aclf_grade", 2, 3, 0.4),
        ("child_pugh", 10, 15, 1.0),
    ]


@pytest.mark.parametrize("written", ["45 (80.4)", "45 (80,4 %)", "45/56 (80 %)", "80.4%"])
def test_counts_with_their_percentage_are_shares(written: str) -> None:
    assert only(male=written).share == pytest.approx(0.804, abs=1e-3)


def test_the_shares_of_the_sexes_add_up() -> None:
    assert "add up" in read(male="80 %", female="50 %")[1][0].allowed
    assert not read(male="80 %", female="20 %")[1]


def test_a_row_that_only_looks_like_an_unused_one_is_not_refused() -> None:
    reader = Reader([], [])
    assert not read_table1({"height": "170 (8)", "pt": "25 (6) s", "lymphocyte": 1.2}, "baseline", reader)
    assert (reader.problems, len(reader.not_used)) == ([], 3)
