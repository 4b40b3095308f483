"""Study files: what is accepted, and that every mistake is reported at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from hepatrial.errors import BadInput
from hepatrial.prediction.library import example_text, list_studies, load_study
from hepatrial.prediction.planned import plan_study
from hepatrial.prediction.study import Study, read_study, study_from_dict

BASE = """
[study]
id = "try"
definition = "CMA"
country = "China"
[etiology]
hbv = 1.0
[arms.cells]
n = 40
products = ["cord MSC"]
[arms.smt]
n = 42
[[endpoints]]
kind = "survival"
week = 12
"""


def study(text: str = "", **changes: Any) -> Study:
    data = tomllib.loads(BASE + text)
    for name, value in changes.items():
        data[name] = {**data.get(name, {}), **value} if isinstance(value, dict) else value
    return study_from_dict(data)


@pytest.mark.parametrize("name", list_studies())
def test_every_study_that_ships_can_be_planned(name: str) -> None:
    planned = plan_study(load_study(name))
    assert planned.protocol.population.disease
    assert planned.protocol.follow_up.length == load_study(name).follow_up


def test_the_example_is_a_study() -> None:
    made = study_from_dict(tomllib.loads(example_text()))
    assert made.control == "control"
    assert plan_study(made).protocol.arms["cells"].regimen[0].product == "uc_msc"


def test_the_untreated_arm_is_the_control() -> None:
    assert study().control == "smt"


def test_a_treated_arm_is_never_alone() -> None:
    data = tomllib.loads(BASE)
    del data["arms"]["smt"]
    made = study_from_dict(data)
    assert [arm.implied for arm in made.arms.values()] == [False, True]
    assert made.arms[made.control].n == 40


def test_causes_that_are_not_named_are_others() -> None:
    data = tomllib.loads(BASE) | {"etiology": {"hepatitis B": "60 %", "ALD": 0.25}}
    assert study_from_dict(data).etiology == pytest.approx({"hbv": 0.6, "alcohol": 0.25, "other": 0.15})


def test_limits_and_exclusions_are_read_with_their_units() -> None:
    made = study(
        selection={
            "criteria": ["age 18-65", "MELD 17-30", "TBil at least 10 mg/dL", "INR <= 3"],
            "exclude": ["infection"],
        }
    )
    assert made.age == (18, 65)
    assert {(one.measure, one.min, one.max) for one in made.limits} == {
        ("meld", 17.0, 30.0),
        ("bilirubin", 171.0, None),
        ("inr", None, 3.0),
    }
    assert made.exclude == ("infection_at_entry",)


def test_rows_that_the_model_has_no_column_for_are_listed_and_move_nothing() -> None:
    with_rows = study("[baseline]\ncrp = '12 (3)'\nBMI = 23\nage = '44 (11)'\n")
    assert with_rows.not_used == ("crp", "bmi")
    assert [one.variable for one in with_rows.baseline] == ["age"]


def test_baseline_by_arm_is_pooled_by_the_arms_patients() -> None:
    data = tomllib.loads(BASE)
    data["arms"]["cells"]["baseline"] = {"age": "40 (10)", "male": "80 %"}
    data["arms"]["smt"]["baseline"] = {"age": "50 (10)", "male": "90 %"}
    rows = {one.variable: one for one in study_from_dict(data).baseline}
    assert rows["age"].location == pytest.approx((40 * 40 + 42 * 50) / 82)
    assert rows["age"].spread == pytest.approx((100 + 40 * 42 / 82**2 * 100) ** 0.5)
    assert rows["male"].share == pytest.approx((40 * 0.8 + 42 * 0.9) / 82)


def test_all_mistakes_are_reported_together_with_their_places() -> None:
    data = tomllib.loads(
        """
        extra = 1
        [study]
        definition = "easl_clf"
        nonsense = 3
        [etiology]
        hpv = 0.5
        alcohol = "130 %"
        [selection]
        criteria = ["bilirubin >= 5", "foo > 3", "MELD 30-17"]
        exclude = ["dialysis"]
        [baseline]
        bilirubin = 18
        creatinin = "1.0 (0.2) mg/dL"
        male = 85
        albumin = "31 (-2) g/L"
        alt = { mean = 100, medain = 90 }
        he_grade = { "7" = "10 %" }
        [arms.a]
        n = 0
        products = ["magic"]
        [[endpoints]]
        kind = "survivle"
        week = 4
        [[endpoints]]
        kind = "lab"
        day = 0
        measure = "bilirubn"
        """
    )
    with pytest.raises(BadInput) as caught:
        study_from_dict(data)
    places = {problem.place for problem in caught.value.problems}
    assert places >= {
        "extra",
        "study.definition",
        "study.nonsense",
        "etiology.hpv",
        "etiology.alcohol",
        "selection.criteria[0]",
        "selection.criteria[1]",
        "selection.criteria[2]",
        "selection.exclude[0]",
        "baseline.bilirubin.mean",
        "baseline.creatinin",
        "baseline.male",
        "baseline.alt.medain",
        "baseline.he_grade.7",
        "arms.a.n",
        "arms.a.products[0]",
        "endpoints[0].kind",
        "endpoints[1].day",
        "endpoints[1].measure",
    }
    nearest = {problem.place: problem.nearest for problem in caught.value.problems}
    assert nearest["study.definition"] == "easl_clif"
    assert nearest["baseline.creatinin"] == "creatinine"
    assert nearest["endpoints[0].kind"] == "survival"


def test_a_percentage_as_a_bare_number_is_refused_with_the_right_spelling() -> None:
    with pytest.raises(BadInput, match='"85 %"'):
        study("[baseline]\nmale = 85\n")


def test_a_laboratory_value_without_its_unit_is_refused_and_the_units_are_named() -> None:
    with pytest.raises(BadInput, match="umol/L or mg/dL"):
        study("[baseline]\nbilirubin = '22.8 (7.3)'\n")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[[endpoints]]\nkind='hazard_ratio'\nweek=4\ntreated='smt'\n", "two different arms"),
        ("[[endpoints]]\nkind='survival'\nweek=4\nmonth=1\n", "one of day, week"),
        ("[[endpoints]]\nkind='survival'\nweek=4\nmeasure='alt'\n", "not of a measure"),
        ("[[endpoints]]\nkind='survival'\nweek=12\n", "each endpoint once"),
    ],
)
def test_endpoints_that_contradict_themselves_are_refused(written: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        study(written)


def test_a_row_that_only_a_further_measurement_gives_is_measured() -> None:
    made = study("[baseline]\nlactate = '2.4 (1.2) mmol/L'\nmeld3 = '25 (5)'\n")
    assert {"lactate", "meld3"} <= set(plan_study(made).protocol.visits.measures)


def test_access_to_transplants_follows_country_definition_and_cause() -> None:
    def listed(country: str, definition: str, cause: str) -> float:
        data = tomllib.loads(BASE) | {"etiology": {cause: 1.0}}
        data["study"] = {"definition": definition, "country": country}
        transplant = plan_study(study_from_dict(data)).protocol.care.transplant
        assert transplant is not None
        return transplant.listed

    assert listed("Germany", "easl_clif", "alcohol") > listed("China", "easl_clif", "alcohol")
    assert listed("USA", "alf", "dili") > listed("USA", "alf", "paracetamol")
    assert listed("USA", "compensated", "alcohol") == 0.0


def test_the_files_own_care_comes_before_what_is_usual() -> None:
    made = study("[care]\nantiviral = '40 %'\n")
    assert plan_study(made).protocol.care.antiviral == 0.4


def test_bad_care_is_refused_in_its_place() -> None:
    with pytest.raises(BadInput, match=r"care\.antivral"):
        study("[care]\nantivral = 0.4\n")


@pytest.mark.parametrize("given", [0, -3, "one", True, 2.5])
def test_hospitals_are_a_whole_number(given: object) -> None:
    data = {"study": {"definition": "cossh", "centres": given}, "arms": {"a": {"n": 20}}}
    with pytest.raises(BadInput) as caught:
        study_from_dict(data)
    assert [problem.place for problem in caught.value.problems] == ["study.centres"]
    assert study_from_dict({**data, "study": {"definition": "cossh", "centres": 3}}).centres == 3


def test_acute_hepatitis_a_and_e_are_the_virus_that_clears_itself() -> None:
    data = {
        "study": {"definition": "acute_liver_failure"},
        "etiology": {"HAV": "30 %", "hepatitis E": "20 %"},
        "arms": {"a": {"n": 20}},
    }
    study = study_from_dict(data)
    assert study.etiology == {"other": 0.5, "viral": 0.5}
    causes = plan_study(study).protocol.as_dict()["population"]["causes"]
    assert {one["cause"]: one["share"] for one in causes} == {"other": 0.5, "viral": 0.5}


def problems_in(text: str) -> dict[str, str]:
    with pytest.raises(BadInput) as caught:
        study_from_dict(tomllib.loads(text))
    return {one.place: one.allowed for one in caught.value.problems}


def arms(text: str, definition: str = "cossh") -> Study:
    return study_from_dict(tomllib.loads(f"study.definition = '{definition}'\n{text}"))


def test_a_file_of_an_editor_that_writes_byte_order_marks_and_crlf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(("\ufeff" + BASE.replace("\n", "\r\n")).encode())
    assert read_study(path).control == "smt"


def test_causes_among_the_entries_of_the_study_are_read() -> None:
    made = study_from_dict({"study": {"definition": "apasl", "etiology": "ALD"}, "arms": {"a": {"n": 9}}})
    assert made.etiology == {"alcohol": 1.0}
    with pytest.raises(BadInput, match="once"):
        study_from_dict({"study": {"definition": "apasl", "etiology": "ALD"}, "etiology": "hbv"})


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("EASL-CLIF ACLF", "easl_clif"),
        ("COSSH-ACLF criteria", "cossh"),
        ("Chinese Medical Association", "chinese_medical_association"),
        ("fulminant hepatic failure", "acute_liver_failure"),
    ],
)
def test_definitions_with_the_words_beside_their_names(written: str, tag: str) -> None:
    assert study_from_dict({"study": {"definition": written}, "arms": {"a": {"n": 9}}}).definition == tag


def test_a_mistake_in_one_arm_makes_no_others() -> None:
    found = problems_in(
        """
        [study]
        definition = "cossh"
        [arms.a]
        n = 20
        products = ["uc msk"]
        [arms.b]
        n = 20
        [[endpoints]]
        kind = "hazard_ratio"
        day = 28
        [[endpoints]]
        kind = "survival"
        day = 28
        arms = ["a"]
        """
    )
    assert list(found) == ["arms.a.products[0]"]


def test_regimens_are_checked_with_everything_else() -> None:
    found = problems_in(
        """
        [study]
        definition = "cosh"
        [arms.a]
        n = 20
        regimen = [{ product = "uc_msc", dose = "banana", route = "nose", days = [-3] }]
        [arms.b]
        n = 20
        drugs = ["G-CSF"]
        dose = "1e6 cells/kg"
        [arms.c]
        n = 20
        products = ["HepaStem"]
        days = [3, 0]
        """
    )
    assert found.keys() == {
        "study.definition", "arms.a.regimen[0].dose", "arms.a.regimen[0].route",
        "arms.a.regimen[0].days[0]", "arms.b.dose", "arms.c.days",
    }  # fmt: skip


def test_what_all_arms_are_given_makes_no_arm_a_treated_one() -> None:
    made = arms("[arms.pe_msc]\nn=9\ndevices=['PE']\nproducts=['uc_msc']\n[arms.pe]\nn=9\ndevices=['PE']\n")
    assert (made.control, len(made.arms)) == ("pe", 2)


def test_an_arm_of_albumin_is_treated_and_its_comparator_the_control() -> None:
    made = arms("[arms.albumin]\nn=9\ndrugs=['albumin']\n[arms.nothing]\nn=9\n", "decompensated_cirrhosis")
    assert made.control == "nothing"
    assert plan_study(made).protocol.arms["albumin"].care.albumin is not None


def test_an_antiviral_of_one_arm_is_withheld_from_the_other() -> None:
    made = plan_study(arms("[arms.etv]\nn=9\ndrugs=['entecavir']\n[arms.none]\nn=9\n")).protocol.arms
    assert (made["etv"].care.antiviral, made["none"].care.antiviral) == (1.0, 0.0)
    both = plan_study(arms("[arms.a]\nn=9\n[arms.b]\nn=9\nproducts=['uc_msc']\n")).protocol.arms
    assert both["a"].care.antiviral is None


def test_arms_are_named_as_their_paper_names_them() -> None:
    made = arms("[arms.'UC-MSC + PE']\nn=9\nproducts=['uc_msc']\n[arms.'对照组']\nn=9\n")
    assert made.control == "对照组"
    assert len(plan_study(made).protocol.arms) == 2
    assert problems_in("study.definition='cossh'\n[arms.a]\nn=9\n[arms.A]\nn=9\n").keys() == {"arms"}


def test_arms_as_a_list_of_tables_are_read_and_one_named_twice_is_refused() -> None:
    made = arms("[[arms]]\nname='a'\nn=9\n[[arms]]\nname='b'\nn=8\n")
    assert {name: arm.n for name, arm in made.arms.items()} == {"a": 9, "b": 8}
    assert "arms" in problems_in(
        "study.definition='cossh'\n[[arms]]\nname='a'\nn=9\n[[arms]]\nname='a'\nn=8\n"
    )


def test_mortality_is_a_share_and_deaths_are_a_number() -> None:
    kinds = "[[endpoints]]\nkind='mortality'\nday=28\n[[endpoints]]\nkind='deaths'\nday=28\n"
    assert [one.name for one in arms(f"[arms.a]\nn=9\n{kinds}").endpoints] == ["mortality_d28", "deaths_d28"]


def test_criteria_as_people_write_them() -> None:
    made = arms(
        "[arms.a]\nn=9\n[selection]\ncriteria=['18 ≤ age ≤ 65 years', 'PTA<40%', 'TBil ≥ 10 mg/dL', "
        "'MELD between 17 and 30', 'MELD >= 20', 'encephalopathy grade: 0-2']\n"
    )
    assert made.age == (18, 65)
    assert {(one.measure, one.min, one.max) for one in made.limits} == {
        ("pta", None, 40.0), ("bilirubin", 171.0, None), ("meld", 20.0, 30.0), ("he_grade", 0.0, 2.0),
    }  # fmt: skip


def test_criteria_that_nobody_meets_are_refused() -> None:
    found = problems_in(
        "study.definition='cossh'\n[arms.a]\nn=9\n[selection]\n"
        "criteria=['MELD 30-40','MELD 10-20','age 60-70','age 20-30',\n"
        "'creatinine <= 1.5 umol/L','no cancer']\n"
    )
    places = [f"selection.criteria[{number}]" for number in (1, 3, 4, 5)]
    assert list(found) == places


def test_a_bilirubin_that_only_another_unit_makes_liver_failure_is_refused() -> None:
    found = problems_in("study.definition='apasl'\n[arms.a]\nn=9\n[baseline]\nbilirubin='18 (6) umol/L'\n")
    assert "mg/dL" in found["baseline.bilirubin"]
    found = problems_in(
        "study.definition='compensated'\n[arms.a]\nn=9\n[baseline]\nbilirubin='18 (6) mg/dL'\n"
    )
    assert "umol/L" in found["baseline.bilirubin"]


def test_what_the_file_cannot_mean_is_told_in_the_notes() -> None:
    made = arms(
        "etiology='HCV'\n[arms.a]\nn=9\n[selection]\ncriteria=['MELD 10-15','age 1-17']\n"
        "[baseline]\nmeld='22 (3)'\nage='4 (1-12)'\n[[endpoints]]\nkind='survival'\nyear=9\n",
        "decompensated",
    )
    told = " ".join(plan_study(made).notes)
    for words in (
        "hcv: counted as other",
        "No country",
        "no children",
        "meld 22, criteria 10 to 15",
        "five years",
    ):
        assert words in told


def test_the_studies_that_ship_need_no_note_of_their_writer() -> None:
    told = {name: load_study(name).notes for name in list_studies()}
    assert not any(told.values()), told
