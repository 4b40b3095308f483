"""Sound protocols: what they say, that every optional entry does something, and that nothing is lost."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hepatrial.errors import BadInput
from hepatrial.protocol import (
    DEFINITIONS,
    PRODUCTS,
    Dose,
    Protocol,
    list_protocols,
    load_protocol,
    new_protocol,
    protocol_from_dict,
    protocol_schema,
    protocol_text,
)
from hepatrial.protocol.products import ProductName
from hepatrial.protocol.sections import LABORATORY
from hepatrial.provenance import GRADES
from hepatrial.schema import MEASURES

Data = dict[str, Any]


@pytest.fixture(params=list_protocols())
def shipped(request: pytest.FixtureRequest) -> Protocol:
    """Each protocol that ships."""
    return load_protocol(request.param)


def test_lin_shi_and_peng_ship() -> None:
    assert set(list_protocols()) >= {"lin2017", "shi2012", "peng2011"}


def test_lin2017_says_what_the_abstract_says() -> None:
    lin = load_protocol("lin2017")
    assert {name: arm.n for name, arm in lin.arms.items()} == {"msc": 56, "smt": 54}
    assert lin.control_arm == "smt"
    assert lin.other_arms == ("msc",)
    (dosing,) = lin.arms["msc"].regimen
    assert dosing.days == (0.0, 7.0, 14.0, 21.0)
    assert lin.arms["msc"].infusions == 4
    assert lin.arms["smt"].infusions == 0
    assert dosing.dose.per_kg
    assert 1e5 < dosing.dose.cells < 1e6
    # the middle of 1e5 to 1e6 on the log scale, to the two digits a dose is written in
    assert dosing.dose.cells == pytest.approx((1e5 * 1e6) ** 0.5, rel=0.02)
    assert lin.follow_up.length == 168
    assert lin.survival_days == (28, 84, 168)
    assert {limit.measure: (limit.min, limit.max) for limit in lin.entry_limits} == {
        "bilirubin": (171.0, None),
        "inr": (1.5, None),
        "meld": (17.0, 30.0),
    }


def test_shi2012_and_peng2011_have_their_arms_products_and_routes() -> None:
    shi, peng = load_protocol("shi2012"), load_protocol("peng2011")
    assert [arm.n for arm in shi.arms.values()] == [24, 19]
    assert [arm.n for arm in peng.arms.values()] == [53, 105]
    assert shi.arms["uc_msc"].regimen[0].days == (0, 28, 56)
    assert (shi.arms["uc_msc"].regimen[0].product, shi.arms["uc_msc"].regimen[0].dose) == (
        "uc_msc",
        Dose(5e5, True),
    )
    dosing = peng.arms["bm_msc"].regimen[0]
    assert (dosing.product, dosing.route) == ("bm_msc_autologous", "hepatic_artery")
    assert dosing.dose.cells == pytest.approx((5e7 * 8.45e8) ** 0.5, rel=0.05)
    (wish,) = peng.population.table1
    assert wish.share == pytest.approx((39 + 77) / (53 + 105), abs=5e-4)


def test_every_guess_of_a_shipped_protocol_is_said_in_two_languages(shipped: Protocol) -> None:
    assert shipped.assumptions
    for assumption in shipped.assumptions:
        assert assumption.text("known", "zh") != assumption.known
        assert assumption.text("handled", "zh") != assumption.handled
    assert shipped.identity.text("title", "zh") != shipped.identity.title
    about = " ".join(assumption.about for assumption in shipped.assumptions)
    entries = ["population.table1", "dropout", "selection", "visits", "care"]
    if any(arm.cells for arm in shipped.arms.values()):
        entries += ["batch", "regimen[0].dose"]
    for entry in entries:
        assert entry in about or (shipped.identity.id, entry) in {
            ("peng2011", "batch"),
            ("peng2011", "visits"),
        }


def test_an_entry_without_a_translation_is_given_in_english(small: Data) -> None:
    identity = protocol_from_dict(small).identity
    assert identity.text("title", "zh") == identity.text("title", "en") == "A small trial"


def test_plain_data_makes_an_equal_protocol_with_an_equal_hash(shipped: Protocol) -> None:
    again = protocol_from_dict(shipped.as_dict())
    assert again == shipped
    assert again.hash == shipped.hash


def test_the_hash_sees_every_number_but_not_how_it_is_written(small: Data) -> None:
    base = protocol_from_dict(small).hash
    same = copy.deepcopy(small)
    same["population"]["eligibility"][0]["min"] = "10 mg/dL"
    same["follow_up"]["length"] = "56 d"
    same = dict(reversed(same.items()))
    assert protocol_from_dict(same).hash == base
    other = copy.deepcopy(small)
    other["population"]["eligibility"][0]["min"] = "10.1 mg/dL"
    assert protocol_from_dict(other).hash != base


def test_a_protocol_cannot_be_changed(small: Data) -> None:
    protocol = protocol_from_dict(small)
    with pytest.raises(ValidationError):
        protocol.follow_up.length = 3.0  # type: ignore[misc]


def test_a_protocol_that_breaks_a_rule_cannot_be_made_in_python_either(small: Data) -> None:
    protocol = protocol_from_dict(small)
    values = {name: getattr(protocol, name) for name in type(protocol).model_fields}
    values["endpoints"] = protocol.endpoints.model_copy(update={"control_arm": "nobody"})
    with pytest.raises(ValueError, match="nobody"):
        Protocol(**values)


OPTIONAL: list[tuple[str, Any]] = [
    ("selection.referral_delay", {"median": "10 d", "log_sd": 0.5}),
    ("selection.screening_failure", "10 %"),
    ("selection.consent", "80 %"),
    ("selection.screening_to_randomisation", "3 d"),
    ("population.exclude", ["cirrhosis"]),
    ("population.table1", [{"variable": "female", "share": 0.2, "grade": "seen", "source": "x"}]),
    ("care.antiviral", "50 %"),
    ("care.plasma", {"inr_above": 2, "rate": "300 mL/d"}),
    ("care.albumin", {"below": "3 g/dL", "rate": "10 g/d"}),
    (
        "care.plasma_exchange",
        {"sessions": 3, "volumes": "1 plasma volume", "first_day": "1 d", "every": "3 d"},
    ),
    ("care.transplant", {"listed": 0.1, "offer_rate": "1 % per week"}),
    ("batch.patients_per_batch", 4),
    ("batch.between_batch_cv", "40 %"),
    ("visits.window", "1 d"),
    ("assay_noise", [{"measure": "bilirubin", "cv": "5 %"}]),
    ("dropout.reasons", {"moved": 1.0}),
    ("discharge_to_die.share", "30 %"),
    ("discharge_to_die.lead_time", "2 d"),
    ("discharge_to_die.vital_status_known", "50 %"),
    ("endpoints.strategies", ["hypothetical"]),
    ("assumptions", [{"about": "care", "known": "a", "handled": "b", "grade": "assumed"}]),
]


@pytest.mark.parametrize(("place", "value"), OPTIONAL)
def test_each_optional_entry_changes_the_protocol(small: Data, place: str, value: Any) -> None:
    base = protocol_from_dict(small)
    section, _, entry = place.partition(".")
    if entry:
        small.setdefault(section, {})[entry] = value
    else:
        small[section] = value
    changed = protocol_from_dict(small)
    assert changed.hash != base.hash
    assert protocol_from_dict(changed.as_dict()) == changed


def test_quantities_arrive_in_the_units_of_the_model(small: Data) -> None:
    small["care"] = {
        "plasma": {"inr_above": 1.5, "rate": "300 mL/d"},
        "albumin": {"below": "3.5 g/dL", "rate": "10 g/d"},
        "transplant": {"listed": "2 %", "offer_rate": "7 % per week"},
    }
    small["visits"] = {"days": [3, 10], "measures": ["inr"]}
    small["assay_noise"] = [{"measure": "hbv_dna", "sd": "0.2 log10 IU/mL"}, {"measure": "alt", "cv": "8 %"}]
    protocol = protocol_from_dict(small)
    care = protocol.care
    assert care.plasma is not None
    assert care.albumin is not None
    assert care.transplant is not None
    assert care.plasma.rate == 0.3
    assert (care.albumin.below, care.albumin.rate) == (35.0, 10.0)
    assert (care.transplant.listed, care.transplant.offer_rate) == (0.02, pytest.approx(0.01))
    assert [(visit.name, visit.day, visit.week) for visit in protocol.visits.planned] == [
        ("day 3", 3.0, 3 / 7),
        ("day 10", 10.0, 10 / 7),
    ]
    assert [(noise.cv, noise.sd) for noise in protocol.assay_noise] == [(None, 0.2), (0.08, None)]


def test_an_arm_has_the_shared_care_with_its_own_entries_in_their_places(small: Data) -> None:
    small["care"] = {"antiviral": "90 %", "plasma": {"inr_above": 2, "rate": "0.3 L/d"}}
    small["arms"]["cells"]["care"] = {"plasma": {"inr_above": 3, "rate": "0.2 L/d"}}
    protocol = protocol_from_dict(small)
    own, shared = protocol.care_of("cells"), protocol.care_of("control")
    assert shared == protocol.care
    assert own.antiviral == 0.9
    assert own.plasma is not None
    assert own.plasma.inr_above == 3
    assert own.albumin is None


def test_the_limits_of_the_definition_join_those_of_the_protocol_the_tighter_of_each(small: Data) -> None:
    small["population"]["eligibility"] = [
        {"measure": "inr", "min": 1.2, "max": 3},
        {"measure": "meld", "min": 20},
        {"measure": "meld", "max": 30},
    ]
    limits = {limit.measure: (limit.min, limit.max) for limit in protocol_from_dict(small).entry_limits}
    assert limits == {"inr": (1.5, 3.0), "meld": (20.0, 30.0), "bilirubin": (171.0, None)}


def test_the_primary_time_is_among_the_survival_times(small: Data) -> None:
    small["endpoints"]["primary"]["week"] = 6
    assert protocol_from_dict(small).survival_days == (14, 28, 42)


def test_a_total_dose_depends_on_weight_and_a_dose_per_kg_does_not() -> None:
    assert Dose(1e8, False).cells_per_kg(50) == 2e6
    assert Dose(1e6, True).cells_per_kg(50) == Dose(1e6, True).cells_per_kg(100) == 1e6


@given(st.integers(2, 3000))
def test_a_trial_of_another_size_has_that_size_and_the_ratio_of_the_arms(patients: int) -> None:
    lin = load_protocol("lin2017")
    sizes = {name: arm.n for name, arm in lin.with_patients(patients).arms.items()}
    assert sum(sizes.values()) == patients
    assert min(sizes.values()) >= 1
    assert abs(sizes["msc"] - patients * 56 / 110) <= 1


def test_the_size_as_planned_changes_nothing_and_fewer_patients_than_arms_are_refused() -> None:
    lin = load_protocol("lin2017")
    assert lin.with_patients(110) == lin
    with pytest.raises(BadInput, match="--patients"):
        lin.with_patients(1)


def test_very_unequal_arms_keep_a_patient_each(small: Data) -> None:
    small["arms"]["cells"]["n"] = 999
    small["arms"]["control"]["n"] = 1
    sizes = [arm.n for arm in protocol_from_dict(small).with_patients(3).arms.values()]
    assert sizes == [2, 1]


# ---- files


def test_a_file_is_read_like_the_shipped_one_of_the_same_text(tmp_path: Path) -> None:
    file = tmp_path / "copy.toml"
    file.write_text(
        protocol_text("lin2017"), encoding="utf-8-sig"
    )  # with a byte-order mark, as editors leave it
    assert load_protocol(file) == load_protocol(str(file)) == load_protocol("lin2017")


@pytest.mark.parametrize("origin", list_protocols())
def test_a_new_protocol_is_sound_commented_and_free_of_the_original_s_results(origin: str) -> None:
    text = new_protocol("my_trial", origin)
    fresh, old = protocol_from_dict(tomllib.loads(text)), load_protocol(origin)
    assert text.count("#") > 5
    assert (fresh.identity.id, fresh.identity.published, fresh.identity.doi) == ("my_trial", None, "")
    assert fresh.assumptions == ()
    assert fresh.population.criteria.grade == "assumed"
    assert fresh.visits == old.visits
    assert fresh.population.eligibility == old.population.eligibility
    assert {name: arm.n for name, arm in fresh.arms.items()} == {n: arm.n for n, arm in old.arms.items()}


@pytest.mark.parametrize("name", ["", "My Trial", "2nd", "a-b", "x" * 41])
def test_a_new_protocol_needs_a_plain_name(name: str) -> None:
    with pytest.raises(BadInput, match="lower-case"):
        new_protocol(name)


def test_a_new_protocol_begins_from_one_that_ships() -> None:
    with pytest.raises(BadInput, match="lin2017"):
        new_protocol("mine", "lin2016")


def test_the_json_schema_accepts_what_ships_and_refuses_an_unknown_entry() -> None:
    schema = protocol_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in list_protocols():
        data = tomllib.loads(protocol_text(name))
        validator.validate(data)
        validator.validate(load_protocol(name).as_dict())
        data["visits"]["weaks"] = [1]
        assert not validator.is_valid(data)


def test_every_entry_of_a_section_is_described_or_named_in_the_schema() -> None:
    schema = protocol_schema()
    assert set(schema["properties"]) == set(Protocol.model_fields)
    assert all(definition.get("description") for definition in schema["$defs"].values())


# ---- words


def test_the_grades_are_those_of_the_project(shipped: Protocol) -> None:
    grades = [assumption.grade for assumption in shipped.assumptions] + [shipped.population.criteria.grade]
    assert set(grades) <= set(GRADES)
    assert all(definition.grade in GRADES for definition in DEFINITIONS.values())


def test_every_product_that_may_be_named_has_a_card() -> None:
    assert set(PRODUCTS) == set(get_args(ProductName))
    assert {name for name, product in PRODUCTS.items() if product.msc} == {
        "bm_msc_allogeneic",
        "bm_msc_autologous",
        "uc_msc",
        "at_msc",
    }


def test_assays_and_scores_divide_the_measures() -> None:
    assert set(LABORATORY) < set(MEASURES)
    assert {"meld", "he_grade", "clif_c_of"}.isdisjoint(LABORATORY)
    assert {"bilirubin", "inr", "hbv_dna"} <= set(LABORATORY)
