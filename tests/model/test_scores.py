"""Scores: printed and computed worked examples, clamps, monotonicity, unit round trips, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.errors import BadInput
from hepatrial.model import scores as sc
from hepatrial.schema import MEASURES

REFERENCE = Path(__file__).parents[2] / "../shared/data/reference_numbers.json"

KIM = [
    # female, bilirubin, sodium, inr, creatinine, albumin, raw MELD, MELD, MELD-Na, raw MELD 3.0, MELD 3.0
    (0, 2.5, 131, 1.0, 1.2, 3.8, 11.638, 12, 18, 15.810, 16),
    (1, 2.5, 131, 1.0, 1.2, 3.8, 11.638, 12, 18, 17.140, 17),
    (0, 6.0, 131, 1.5, 1.5, 3.5, 21.624, 22, 26, 24.713, 25),
    (0, 6.0, 131, 1.5, 1.5, 2.2, 21.624, 22, 26, 26.153, 26),
    (1, 6.0, 131, 1.5, 1.5, 2.2, 21.624, 22, 26, 27.483, 27),
    (0, 12.0, 128, 2.2, 1.8, 2.0, 30.279, 30, 33, 34.220, 34),
    (0, 12.0, 128, 2.2, 2.8, 2.0, 34.507, 35, 36, 37.930, 38),
    (1, 12.0, 128, 2.2, 2.8, 2.0, 34.507, 35, 36, 39.260, 39),
    (1, 12.0, 120, 0.9, 4.5, 3.5, 29.090, 29, 33, 33.583, 34),
    (0, 12.0, 120, 0.9, 4.5, 3.5, 29.090, 29, 33, 32.253, 32),
]


@pytest.mark.parametrize("row", KIM)
def test_the_meld_family_gives_the_worked_examples(row):
    female, b, na, i, c, alb, raw, whole, with_na, raw3, whole3 = row
    units = {"units": "conventional"}
    assert sc.meld_raw(b, c, i, **units) == pytest.approx(raw, abs=6e-4)
    assert sc.meld(b, c, i, **units) == whole
    assert sc.meld_na(b, c, i, na, **units) == with_na
    assert sc.meld3_raw(b, c, i, na, alb, female, **units) == pytest.approx(raw3, abs=6e-4)
    assert sc.meld3(b, c, i, na, alb, female, **units) == whole3


def test_the_meld_family_agrees_with_the_independent_checks_on_file():
    if not REFERENCE.exists():
        pytest.skip("reference numbers are not in this checkout")
    ref = json.loads(REFERENCE.read_text())["meld"]
    units = {"units": "conventional"}
    assert sc.meld_raw(4.2, 1.9, 1.2, **units) == pytest.approx(ref["MELD_cr1.9_bili4.2_inr1.2"], rel=1e-8)
    assert sc.meld_raw(0.5, 0.6, 0.9, **units) == pytest.approx(ref["MELD_UNOS_floor_all_normal"])
    assert sc.meld_na(4.2, 1.9, 1.2, 125, **units) == ref["MELDNa_UNOS_na125_rounded"]
    assert (
        sc.meld3(4.2, 1.9, 1.2, 140, 3.5, 1, **units) == ref["MELD3_cr1.9_bili4.2_inr1.2_alb3.5_na140_female"]
    )
    assert sc.meld3(4.2, 1.9, 1.2, 140, 3.5, 0, **units) == ref["same_male"]
    assert sc.meld3(4.2, 1.9, 1.2, 140, 1.5, 1, **units) == ref["same_female_alb1.5"]
    kim = {name: np.array(column) for name, column in ref["Kim2021_Table4"].items()}
    got = sc.meld3(kim["bili"], kim["cr"], kim["inr"], kim["na"], kim["alb"], kim["female"], **units)
    np.testing.assert_array_equal(got, kim["MELD3"])


def test_meld3_is_not_the_bogus_formula_of_a_web_calculator():
    sodium = np.arange(125, 137)
    bogus = 6.43 * np.log(140 - sodium) + 3.78 * np.log(6.0) + 11.2 * np.log(1.5) + 9.57 * np.log(1.5) + 6.43
    ours = sc.meld3_raw(6.0, 1.5, 1.5, sodium, 3.0, 0, units="conventional")
    assert (np.abs(ours - bogus) > 0.5).all()


def test_meld_na_is_not_the_form_of_2008():
    older = 22 - 137 - 0.025 * 22 * (140 - 137) + 140
    assert sc.meld_na(6.0, 1.5, 1.5, 137, units="conventional") != round(older)


def test_meld_na_adds_nothing_up_to_eleven_points():
    assert sc.meld(2.0, 1.1, 1.1, units="conventional") <= 11
    assert sc.meld_na(2.0, 1.1, 1.1, 125, units="conventional") == sc.meld(
        2.0, 1.1, 1.1, units="conventional"
    )


def test_dialysis_counts_as_the_creatinine_cap_which_differs_between_meld_and_meld3():
    units = {"units": "conventional"}
    for function in (sc.meld_raw, sc.meld, sc.meld_unfloored):
        assert function(6, 1.0, 1.5, dialysis=1, **units) == function(6, 4.0, 1.5, **units)
    assert sc.meld_na(6, 1.0, 1.5, 130, dialysis=1, **units) == sc.meld_na(6, 4.0, 1.5, 130, **units)
    for function3 in (sc.meld3, sc.meld3_raw):
        assert function3(6, 1.0, 1.5, 130, 3, 0, dialysis=1, **units) == function3(
            6, 3.0, 1.5, 130, 3, 0, **units
        )


def test_clamps_act_after_the_conversion():
    # 50 umol/L creatinine is 0.57 mg/dL (floored); a floor of 1 before the conversion would do nothing
    assert sc.meld_raw(10, 50, 0.8, units="si") == pytest.approx(6.43)
    assert sc.meld_raw(17.1, 4 * 88.4, 1.0, units="si") == sc.meld_raw(17.1, 9 * 88.4, 1.0, units="si")


def test_every_clamp_is_a_plateau():
    units = {"units": "conventional"}
    assert sc.meld_raw(0.2, 2, 2, **units) == sc.meld_raw(1.0, 2, 2, **units)
    assert sc.meld_raw(2, 0.4, 2, **units) == sc.meld_raw(2, 1.0, 2, **units)
    assert sc.meld_raw(2, 2, 0.8, **units) == sc.meld_raw(2, 2, 1.0, **units)
    assert sc.meld(40, 4, 9, **units) == 40 == sc.meld(60, 4, 12, **units)
    assert sc.meld(0.5, 0.5, 0.9, **units) == 6
    low, high = ({"sodium": 125, "albumin": 1.5}, {"sodium": 137, "albumin": 3.5})
    for edge, beyond in ((low, {"sodium": 110, "albumin": 1.0}), (high, {"sodium": 150, "albumin": 5.0})):
        for name, outside in beyond.items():
            at = {"sodium": 130, "albumin": 2.5, name: edge[name]}
            out = {"sodium": 130, "albumin": 2.5, name: outside}
            assert sc.meld3_raw(6, 2, 2, female=0, **at, **units) == sc.meld3_raw(
                6, 2, 2, female=0, **out, **units
            )
    assert sc.meld_na(6, 2, 2, 125, **units) == sc.meld_na(6, 2, 2, 101, **units)
    assert sc.meld_na(6, 2, 2, 137, **units) == sc.meld_na(6, 2, 2, 150, **units)
    assert sc.meld3_raw(6, 3, 2, 130, 3, 0, **units) == sc.meld3_raw(6, 7, 2, 130, 3, 0, **units)


def test_only_the_unfloored_meld_sees_creatinine_below_one():
    assert sc.meld_unfloored(18.5, 0.76, 1.7, units="conventional") == pytest.approx(
        9.57 * np.log(0.76) + 3.78 * np.log(18.5) + 11.2 * np.log(1.7) + 6.43
    )
    assert sc.meld_unfloored(18.5, 1.4, 1.7, units="conventional") == sc.meld_raw(
        18.5, 1.4, 1.7, units="conventional"
    )


LAB = {
    "bilirubin": st.floats(0.3, 40),
    "creatinine": st.floats(0.3, 8),
    "inr": st.floats(0.8, 9),
    "sodium": st.floats(115, 150),
    "albumin": st.floats(1.2, 5),
}
WORSE = {"bilirubin": 1, "creatinine": 1, "inr": 1, "sodium": -1, "albumin": -1}


@pytest.mark.parametrize("name", ["meld", "meld_raw", "meld_unfloored", "meld3_raw", "meld3", "meld_na"])
@settings(deadline=None)
@given(labs=st.fixed_dictionaries(LAB), step=st.floats(0.01, 2), female=st.integers(0, 1))
def test_a_worse_laboratory_value_never_lowers_a_meld(name, labs, step, female):
    values = {**labs, "female": female}
    before = sc.compute_score(name, values, units="conventional")
    for need in set(sc.SCORES[name].inputs) & set(WORSE):
        if name == "meld_na" and need != "sodium":
            continue  # the rounding of MELD inside it: next test
        if name.startswith("meld3") and _outside_monotone_region(need, labs):
            continue
        worse = values[need] + WORSE[need] * step
        if worse > 0:
            assert sc.compute_score(name, {**values, need: worse}, units="conventional") >= before - 1e-9


def _outside_monotone_region(need, labs):
    """The interactions turn the sign of albumin above Cr exp(1.85/1.83), of sodium above B exp(0.82/0.24)."""
    if need == "albumin":
        return labs["creatinine"] > np.exp(1.85 / 1.83)
    return need == "sodium" and labs["bilirubin"] > np.exp(0.82 / 0.24)


def test_meld3_as_published_falls_with_worse_albumin_or_sodium_in_its_corners():
    units = {"units": "conventional"}
    assert sc.meld3_raw(5, 3.0, 2, 130, 2.0, 0, **units) < sc.meld3_raw(5, 3.0, 2, 130, 3.0, 0, **units)
    assert sc.meld3_raw(40, 1.0, 2, 126, 3.0, 0, **units) < sc.meld3_raw(40, 1.0, 2, 136, 3.0, 0, **units)


@settings(deadline=None)
@given(labs=st.fixed_dictionaries(LAB), step=st.floats(0.01, 2))
def test_meld_na_never_falls_below_meld_and_rises_with_bilirubin(labs, step):
    units = {"units": "conventional"}
    b, c, i, na = (labs[name] for name in ("bilirubin", "creatinine", "inr", "sodium"))
    assert sc.meld_na(b, c, i, na, **units) >= sc.meld(b, c, i, **units)
    assert sc.meld_na(b + step, c, i, na, **units) >= sc.meld_na(b, c, i, na, **units)


SI_VALUES = {
    "bilirubin": st.floats(5, 700),
    "creatinine": st.floats(30, 700),
    "inr": st.floats(0.8, 9),
    "sodium": st.floats(115, 150),
    "albumin": st.floats(12, 50),
    "female": st.integers(0, 1),
    "he_grade": st.integers(0, 4),
    "ascites_grade": st.integers(0, 3),
    "map": st.floats(40, 120),
    "vasopressor": st.floats(0, 1),
    "pf_ratio": st.floats(60, 500),
    "age": st.floats(18, 80),
    "wbc": st.floats(1, 40),
    "lactate": st.floats(0.5, 10),
    "ast": st.floats(10, 5000),
    "alt": st.floats(10, 5000),
    "platelets": st.floats(10, 400),
    "ph": st.floats(6.9, 7.6),
    "unfavourable_etiology": st.integers(0, 1),
    "jaundice_to_he_days": st.floats(0, 60),
}


WORSE_ELSEWHERE = {
    "child_pugh": {"bilirubin": 1, "albumin": -1, "inr": 1, "ascites_grade": 1, "he_grade": 1},
    "clif_c_of": {
        "bilirubin": 1, "creatinine": 1, "he_grade": 1, "inr": 1, "map": -1, "vasopressor": 1, "pf_ratio": -1,
    },
    "clif_c_aclf": {"bilirubin": 1, "creatinine": 1, "inr": 1, "age": 1, "wbc": 1},
    "clif_c_ad": {"age": 1, "creatinine": 1, "inr": 1, "wbc": 1, "sodium": -1},
    "aarc": {"bilirubin": 1, "he_grade": 1, "inr": 1, "lactate": 1, "creatinine": 1},
    "albi": {"bilirubin": 1, "albumin": -1},
    "fib4": {"age": 1, "ast": 1, "alt": -1, "platelets": -1},
    "apri": {"ast": 1, "platelets": -1},
    "kings_college_paracetamol": {"ph": -1, "he_grade": 1, "inr": 1, "creatinine": 1},
    "kings_college_other": {"inr": 1, "unfavourable_etiology": 1, "jaundice_to_he_days": 1, "bilirubin": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", list(WORSE_ELSEWHERE))
@settings(deadline=None)
@given(data=st.data())
def test_a_worse_value_never_lowers_the_other_scores(name, data):
    values = data.draw(st.fixed_dictionaries({need: SI_VALUES[need] for need in sc.SCORES[name].inputs}))
    before = sc.compute_score(name, values, units="si")
    for need, sign in WORSE_ELSEWHERE[name].items():
        other = data.draw(SI_VALUES[need])
        worse = max(values[need], other) if sign > 0 else min(values[need], other)
        assert sc.compute_score(name, {**values, need: worse}, units="si") >= before - 1e-9


@pytest.mark.parametrize("name", list(sc.SCORES))
@settings(deadline=None)
@given(values=st.fixed_dictionaries(SI_VALUES))
def test_both_unit_systems_give_the_same_score(name, values):
    conventional = {
        key: value * (MEASURES[key].factor if key in MEASURES else 1) for key, value in values.items()
    }
    si = sc.compute_score(name, values, units="si")
    assert sc.compute_score(name, conventional, units="conventional") == pytest.approx(si, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", list(sc.SCORES))
def test_each_missing_value_makes_the_score_missing_and_only_there(name):
    score = sc.SCORES[name]
    typical = {
        "bilirubin": 316.0, "creatinine": 90.0, "inr": 2.6, "sodium": 134.0, "albumin": 30.0, "female": 0.0,
        "he_grade": 1.0, "ascites_grade": 1.0, "map": 80.0, "vasopressor": 0.0, "pf_ratio": 400.0,
        "age": 48.0, "wbc": 8.0, "lactate": 2.0, "ast": 200.0, "alt": 250.0, "platelets": 110.0, "ph": 7.35,
        "unfavourable_etiology": 1.0, "jaundice_to_he_days": 9.0, "dialysis": 0.0, "renal_replacement": 0.0,
        "ast_upper_limit": 40.0,
    }  # fmt: skip
    for hole in (*score.inputs, *score.optional):
        values = {need: np.full(3, typical[need]) for need in (*score.inputs, *score.optional)}
        values[hole][1] = np.nan
        got = sc.compute_score(name, values, units="si")
        np.testing.assert_array_equal(np.isnan(got), [False, True, False], err_msg=hole)


def test_a_missing_score_has_no_class_and_no_grade():
    np.testing.assert_array_equal(sc.child_pugh_class([5, np.nan, 14]), ["A", "", "C"])
    np.testing.assert_array_equal(sc.aarc_grade([np.nan, 7]), [np.nan, 1])
    np.testing.assert_array_equal(sc.albi_grade([np.nan, -3]), [np.nan, 1])


@pytest.mark.parametrize(
    ("values", "points", "letter"),
    [((1.0, 4.0, 1.1, 0, 0), 5, "A"), ((2.5, 3.0, 1.8, 1, 0), 9, "B"), ((18, 2.7, 2.5, 2, 2), 14, "C")],
)
def test_child_pugh_gives_the_worked_examples(values, points, letter):
    got = sc.child_pugh(*values, units="conventional")
    assert got == points
    assert sc.child_pugh_class(got) == letter


def test_child_pugh_boundaries_fall_in_the_middle_band():
    for name, edges in {"bilirubin": (2, 3), "albumin": (2.8, 3.5), "inr": (1.7, 2.3)}.items():
        for edge in edges:
            healthy = {"bilirubin": 1.0, "albumin": 4.0, "inr": 1.0, "ascites_grade": 0, "he_grade": 0}
            assert sc.compute_score("child_pugh", {**healthy, name: edge}, units="conventional") == 6
    np.testing.assert_array_equal(sc.child_pugh_class(np.arange(5, 16)), list("AABBBCCCCCC"))


HEALTHY = {
    "bilirubin": 1.0,
    "creatinine": 1.0,
    "he_grade": 0,
    "inr": 1.0,
    "map": 85.0,
    "vasopressor": 0,
    "pf_ratio": 400.0,
}


@pytest.mark.parametrize(
    ("change", "total", "grade"),
    [
        ({"creatinine": 2.2}, 7, 1),
        ({"bilirubin": 13, "inr": 2.6}, 10, 2),
        ({"bilirubin": 20, "inr": 3, "he_grade": 3, "map": 75}, 12, 3),
        ({"bilirubin": 15}, 8, 0),
        ({}, 6, 0),
    ],
)
def test_clif_c_of_gives_the_worked_examples(change, total, grade):
    values = {**HEALTHY, **change}
    assert sc.compute_score("clif_c_of", values, units="conventional") == total
    assert sc.compute_score("aclf_grade", values, units="conventional") == grade


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({"bilirubin": 15, "creatinine": 1.5}, 1),
        ({"bilirubin": 15, "creatinine": 1.49}, 0),
        ({"bilirubin": 15, "he_grade": 2}, 1),
        ({"vasopressor": 0.6}, 0),
        ({"vasopressor": 0.6, "he_grade": 1}, 1),
        ({"he_grade": 3}, 0),
        ({"he_grade": 4, "creatinine": 1.6}, 1),
        ({"bilirubin": 15, "he_grade": 3}, 2),
        ({"creatinine": 2.0, "he_grade": 3}, 2),
        ({"creatinine": 1.9, "he_grade": 2}, 0),
        ({"creatinine": 2.5, "he_grade": 3, "inr": 2.5}, 3),
        ({"bilirubin": 12, "inr": 2.5, "pf_ratio": 200, "vasopressor": 1, "he_grade": 4, "creatinine": 5}, 3),
    ],
)
def test_aclf_grade_follows_the_rules_for_a_single_failure(change, grade):
    assert sc.compute_score("aclf_grade", {**HEALTHY, **change}, units="conventional") == grade


def test_organ_points_and_failures_at_every_boundary():
    def organ(name, **change):
        got = sc.clif_c_organs(**{**HEALTHY, **change}, units="conventional")
        return got.points[name].tolist(), got.failure[name].tolist()

    assert organ("liver", bilirubin=[5.99, 6, 11.99, 12]) == ([1, 2, 2, 3], [0, 0, 0, 1])
    assert organ("kidney", creatinine=[1.99, 2, 3.49, 3.5]) == ([1, 2, 2, 3], [0, 1, 1, 1])
    assert organ("brain", he_grade=[0, 1, 2, 3, 4]) == ([1, 2, 2, 3, 3], [0, 0, 0, 1, 1])
    assert organ("coagulation", inr=[1.99, 2, 2.49, 2.5]) == ([1, 2, 2, 3], [0, 0, 0, 1])
    assert organ("circulation", map=[70, 69.9], vasopressor=0) == ([1, 2], [0, 0])
    assert organ("circulation", vasopressor=[0.5, 0.51]) == ([1, 3], [0, 1])
    assert organ("respiration", pf_ratio=[301, 300, 201, 200]) == ([1, 2, 2, 3], [0, 0, 0, 1])


def test_twelve_mg_of_bilirubin_is_liver_failure_also_when_given_in_umol():
    values = {**HEALTHY, "bilirubin": 205.2, "creatinine": 88.4}
    assert sc.clif_c_organs(**values, units="si").failure["liver"] == 1


def test_renal_replacement_is_three_kidney_points_whatever_the_creatinine():
    got = sc.clif_c_organs(**HEALTHY, units="conventional", renal_replacement=[0, 1])
    assert got.points["kidney"].tolist() == [1, 3]
    assert got.grade.tolist() == [0, 1]
    plain = {**HEALTHY, "age": 60.0, "wbc": 10.0}
    of = sc.clif_c_of(**HEALTHY, units="conventional", renal_replacement=1)
    grade = sc.aclf_grade(**HEALTHY, units="conventional", renal_replacement=1)
    assert (of, grade) == (8, 1)
    with_rrt = sc.clif_c_aclf(**plain, units="conventional", renal_replacement=1)
    assert with_rrt == pytest.approx(sc.clif_c_aclf(**plain, units="conventional") + 10 * 0.33 * 2)


def test_clif_c_aclf_and_its_mortality_give_the_printed_values():
    assert sc.clif_c_aclf_from_of(12, 60, 10) == pytest.approx(58.1063, abs=5e-5)
    assert sc.clif_c_aclf_from_of(8, 60, 15) == pytest.approx(47.5, abs=0.05)
    assert sc.clif_c_aclf_from_of(11, 55, 12) == pytest.approx(54.0, abs=0.05)
    assert sc.clif_c_aclf_from_of(9, 60, 15) == pytest.approx(50.8, abs=0.05)
    grid = np.array([40, 50, 60, 70])
    np.testing.assert_array_equal(sc.round_half_up(100 * sc.clif_c_aclf_death(grid, 28)), [11, 27, 58, 90])
    np.testing.assert_array_equal(sc.round_half_up(100 * sc.clif_c_aclf_death(grid, 90)), [23, 46, 77, 97])
    score = sc.clif_c_aclf_from_of(9, 60, 15)
    assert sc.round_half_up(100 * sc.clif_c_aclf_death(score, 28)) == 29
    assert sc.round_half_up(100 * sc.clif_c_aclf_death(score, 90)) == 48


def test_clif_c_aclf_from_laboratory_values_is_that_of_its_organ_score():
    values = {**HEALTHY, "bilirubin": 20, "inr": 3, "he_grade": 3, "map": 75}
    got = sc.clif_c_aclf(**values, age=60, wbc=10, units="conventional")
    assert got == pytest.approx(58.1063, abs=5e-5)


@pytest.mark.parametrize("day", [180, 365, 30])
def test_mortality_at_days_whose_coefficients_are_only_remembered_is_refused(day):
    with pytest.raises(BadInput, match="28 or 90"):
        sc.clif_c_aclf_death(50, day)


@pytest.mark.parametrize(
    ("values", "expected"),
    [((60, 1.2, 1.5, 8, 135), 56.9), ((55, 1.0, 1.2, 6, 138), 46.4), ((60, 1.7, 1.5, 8, 135), 59.2)],
)
def test_clif_c_ad_gives_the_printed_values(values, expected):
    assert sc.clif_c_ad(*values, units="conventional") == pytest.approx(expected, abs=0.05)


def test_clif_c_scores_stay_between_0_and_100():
    assert sc.clif_c_aclf_from_of(6, 18, 0.01) == 0
    assert sc.clif_c_aclf_from_of(18, 110, 200) == 100
    assert sc.clif_c_ad(90, 10, 15, 60, 110, units="conventional") == 100
    assert sc.clif_c_ad(18, 0.3, 0.8, 0.5, 150, units="conventional") == 0


@pytest.mark.parametrize(
    ("values", "points", "grade"),
    [((12, 0, 1.6, 1.2, 0.6), 5, 1), ((18, 1, 2.2, 2.0, 1.0), 10, 2), ((28, 3, 3.0, 3.2, 2.0), 15, 3)],
)
def test_aarc_gives_the_worked_examples(values, points, grade):
    bilirubin, he, inr, lactate, creatinine = values
    got = sc.aarc(bilirubin * 17.1, he, inr, lactate, creatinine * 88.4, units="si")
    assert (got, sc.aarc_grade(got)) == (points, grade)


def test_aarc_boundaries_fall_in_the_middle_band():
    for name, edges in {
        "bilirubin": (15, 25),
        "inr": (1.8, 2.5),
        "lactate": (1.5, 2.5),
        "creatinine": (0.7, 1.5),
    }.items():
        scale = {"bilirubin": 17.1, "creatinine": 88.4}.get(name, 1.0)
        for edge in edges:
            mild = {"bilirubin": 100.0, "he_grade": 0, "inr": 1.2, "lactate": 1.0, "creatinine": 50.0}
            assert sc.compute_score("aarc", {**mild, name: edge * scale}, units="si") == 6
    np.testing.assert_array_equal(sc.aarc_grade(np.arange(5, 16)), [1] * 3 + [2] * 3 + [3] * 5)


def test_lactate_in_conventional_units_is_mg_per_dl():
    mild = {"bilirubin": 5.0, "he_grade": 0, "inr": 1.2, "creatinine": 0.5}
    points = sc.compute_score(
        "aarc", {**mild, "lactate": np.array([1.4, 2.0, 2.6]) * 9.008}, units="conventional"
    )
    np.testing.assert_array_equal(points, [5, 6, 7])


@pytest.mark.parametrize(
    ("bilirubin", "albumin", "score", "grade"),
    [(17.1, 40, -2.5862, 2), (51, 30, -1.4230, 2), (316, 31.2, -1.0022, 3), (10, 42, -2.9100, 1)],
)
def test_albi_gives_the_worked_examples(bilirubin, albumin, score, grade):
    got = sc.albi(bilirubin, albumin, units="si")
    assert got == pytest.approx(score, abs=6e-5)
    assert sc.albi_grade(got) == grade


def test_albi_grades_include_their_upper_cut_offs():
    np.testing.assert_array_equal(sc.albi_grade([-2.60, -2.59, -1.39, -1.38]), [1, 2, 2, 3])


@pytest.mark.parametrize(
    ("values", "expected"),
    [((50, 40, 36, 200), 1.6667), ((48, 158.5, 250, 110), 4.3743), ((30, 25, 25, 250), 0.6)],
)
def test_fib4_gives_the_worked_examples(values, expected):
    assert sc.fib4(*values, units="si") == pytest.approx(expected, abs=6e-5)


def test_apri_scales_with_the_laboratorys_upper_limit():
    assert sc.apri(80, 100, units="si") == pytest.approx(2.0)
    assert sc.apri(80, 100, units="si", ast_upper_limit=20) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ((7.25, 0, 1, 1), 1),
        ((7.38, 3, 7, 4), 1),
        ((7.38, 2, 7, 4), 0),
        ((7.30, 0, 1, 1), 0),
        ((7.38, 3, 6.5, 4), 0),
    ],
)
def test_kings_college_after_paracetamol_gives_the_worked_examples(values, met):
    assert sc.kings_college_paracetamol(*values, units="conventional") == met


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ((3, 45, 1, 12, 250), 1),
        ((4, 35, 0, 5, 350), 0),
        ((6.6, 25, 0, 1, 50), 1),
        ((6.5, 25, 0, 1, 50), 0),
        ((4, 9, 0, 5, 350), 1),
        ((4, 10, 0, 5, 350), 0),
        ((4, 40, 0, 5, 350), 0),
        ((4, 35, 0, 8, 350), 1),
        ((3.5, 35, 1, 8, 300), 0),
    ],
)
def test_kings_college_for_other_causes_gives_the_worked_examples_and_boundaries(values, met):
    assert sc.kings_college_other(*values, units="si") == met


def test_halves_round_up_and_float_noise_does_not_decide():
    np.testing.assert_array_equal(sc.round_half_up([0.5, 1.5, 2.5, 2.4999, 2.5 - 1e-12]), [1, 2, 3, 2, 3])


def test_scalars_and_arrays_broadcast():
    assert np.ndim(sc.meld(100, 90, 1.5, units="si")) == 0
    assert sc.meld([[100.0], [200.0]], [90, 100, 110], 1.5, units="si").shape == (2, 3)


def test_a_score_whose_inputs_are_missing_is_refused_and_every_missing_one_is_named():
    with pytest.raises(BadInput) as caught:
        sc.compute_score("aarc", {"bilirubin": 100, "inr": 2, "creatinine": 90}, units="si")
    assert [problem.place for problem in caught.value.problems] == ["aarc.he_grade", "aarc.lactate"]
    assert sc.missing_inputs("aarc", ["bilirubin", "inr", "creatinine"]) == ("he_grade", "lactate")


def test_available_scores_are_exactly_those_with_all_inputs():
    assert sc.available_scores(["bilirubin", "creatinine", "inr"]) == ("meld", "meld_raw", "meld_unfloored")
    assert sc.available_scores([]) == ()
    everything = {need for score in sc.SCORES.values() for need in score.inputs}
    assert set(sc.available_scores(everything)) == set(sc.SCORES)


@pytest.mark.parametrize("name", ["COSSH-ACLF", "cossh_aclf_ii", "cossh"])
def test_cossh_scores_are_refused_with_the_reason(name):
    with pytest.raises(BadInput, match=r"not shipped: the (cut-offs|units)"):
        sc.compute_score(name, {}, units="si")


def test_an_unknown_score_names_the_nearest():
    with pytest.raises(BadInput, match="Did you mean 'meld_na'"):
        sc.find_score("meldna")


def test_impossible_values_are_all_reported_together():
    with pytest.raises(BadInput) as caught:
        sc.child_pugh([-1.0, np.inf], "low", 1.0, 5, 1.5, units="us")
    assert [p.place for p in caught.value.problems] == [
        "units",
        "bilirubin",
        "albumin",
        "ascites_grade",
        "he_grade",
    ]
    with pytest.raises(BadInput, match="broadcast"):
        sc.meld([1, 2], [1, 2, 3], 1, units="si")
    with pytest.raises(BadInput, match="vasopressor"):
        sc.compute_score("clif_c_of", {**HEALTHY, "vasopressor": 2}, units="conventional")
    with pytest.raises(BadInput, match="female"):
        sc.meld3(1, 1, 1, 140, 4, 2, units="conventional")
    with pytest.raises(BadInput, match="age"):
        sc.fib4(-3, 30, 30, 200, units="si")


@pytest.mark.parametrize("score", list(sc.SCORES.values()), ids=lambda score: score.name)
def test_every_registered_score_says_where_it_comes_from_and_takes_what_it_declares(score):
    assert score.citation
    assert score.clamps
    assert score.label
    parameters = score.function.__annotations__
    assert set(score.inputs) | set(score.optional) | {"units", "return"} == set(parameters)
