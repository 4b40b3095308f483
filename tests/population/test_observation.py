"""How values are read."""

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model
from hepatrial.model.scores import meld
from hepatrial.population.deck import make_deck
from hepatrial.population.observation import (
    draw_errors,
    grade,
    inputs_of,
    make_clinic,
    measured,
    outputs_of,
    read_measures,
)
from hepatrial.protocol import load_protocol

CLINIC = make_clinic(make_deck())
PERSON = np.arange(40_000)


def test_a_grade_is_the_number_of_cuts_reached():
    value = np.array([0.0, 1.0, 1.5, 5.0, np.nan])
    assert np.array_equal(grade(value, (1.0, 1.5, 2.0)), [0, 1, 2, 3, np.nan], equal_nan=True)


def test_the_cuts_are_those_of_the_cards():
    deck = make_deck({"he_cut_3": 1.75})
    assert make_clinic(deck).cuts["he_grade"][2] == 1.75
    assert len(CLINIC.cuts["ascites_grade"]) == 3


def test_a_score_needs_the_inputs_that_a_clinic_would_measure():
    assert set(inputs_of("meld")) == {"bilirubin", "creatinine", "inr"}
    assert "age" not in inputs_of("clif_c_aclf")
    assert inputs_of("alt") == ("alt",)


def test_outputs_of_measures_stand_in_the_models_order_without_repetition():
    spec = load_patient_model()
    names = outputs_of(["meld", "bilirubin", "he_grade", "clif_c_of"], spec.outputs)
    assert names == tuple(name for name in spec.outputs if name in names)
    assert {"he_index", "vasopressor", "inr"} <= set(names)


def test_measures_that_the_model_cannot_make_are_refused_together():
    with pytest.raises(BadInput) as refused:
        outputs_of(["meld", "lactate", "alt"], ["alt", "bilirubin"])
    assert len(refused.value.problems) == 2
    assert "creatinine, inr" in str(refused.value)


def test_without_errors_values_are_true():
    outputs = {"alt": np.array([1.0, 2.0])}
    assert measured(outputs, CLINIC, None) == outputs


def test_errors_have_the_size_of_their_cards_and_leave_the_median_alone():
    n = len(PERSON)
    outputs = {name: np.full(n, 100.0) for name in ("alt", "sodium", "unmeasured")}
    errors = draw_errors(1, "visit", outputs, CLINIC, PERSON, 0)
    seen = measured(outputs, CLINIC, errors)
    assert np.log(seen["alt"]).std() == pytest.approx(CLINIC.assays["alt"].size, rel=0.02)
    assert seen["sodium"].std() == pytest.approx(CLINIC.assays["sodium"].size, rel=0.02)
    assert np.median(seen["alt"]) == pytest.approx(100, rel=0.002)
    assert (seen["unmeasured"] == 100).all()


def test_inr_and_pta_of_one_clotting_time_err_in_opposite_directions():
    n = len(PERSON)
    outputs = {"inr": np.full(n, 2.0), "pta": np.full(n, 40.0)}
    seen = measured(outputs, CLINIC, draw_errors(1, "visit", outputs, CLINIC, PERSON, 0))
    assert np.corrcoef(np.log(seen["inr"]), np.log(seen["pta"]))[0, 1] == pytest.approx(-1)


def test_an_error_belongs_to_a_person_a_measurement_and_a_stage():
    one = draw_errors(1, "visit", ["alt"], CLINIC, PERSON[:50], 3)["alt"]
    assert np.array_equal(one[10:20], draw_errors(1, "visit", ["alt"], CLINIC, PERSON[10:20], 3)["alt"])
    for other in (
        draw_errors(1, "visit", ["alt"], CLINIC, PERSON[:50], 4)["alt"],
        draw_errors(1, "screening", ["alt"], CLINIC, PERSON[:50], 3)["alt"],
        draw_errors(2, "visit", ["alt"], CLINIC, PERSON[:50], 3)["alt"],
    ):
        assert not np.isclose(one, other).any()


def test_a_protocol_may_have_assays_of_its_own():
    noise = [{"measure": "alt", "cv": 0.5}, {"measure": "sodium", "sd": "3 mmol/L"}]
    protocol, _ = load_protocol("lin2017").with_settings({"assay_noise": noise})
    clinic = make_clinic(make_deck(), protocol)
    assert clinic.assays["alt"].size == pytest.approx(np.sqrt(np.log(1.25)))
    assert (clinic.assays["sodium"].size, clinic.assays["sodium"].relative) == (3.0, False)
    assert clinic.assays["ast"] == CLINIC.assays["ast"]


def test_scores_are_made_of_what_was_measured():
    outputs = {
        "bilirubin": np.array([[300.0, np.nan]]),
        "creatinine": np.array([[120.0, np.nan]]),
        "inr": np.array([[2.0, np.nan]]),
        "he_index": np.array([[1.4, np.nan]]),
    }
    age, female = np.array([[50.0]]), np.array([[0.0]])
    seen = read_measures(outputs, ["meld", "he_grade", "inr"], CLINIC, age, female)
    assert seen["meld"][0, 0] == meld(bilirubin=300.0, creatinine=120.0, inr=2.0, units="si")
    assert seen["he_grade"][0, 0] == 2
    assert all(np.isnan(values[0, 1]) for values in seen.values())
