"""Events and cells in the patient model: what they change and what they must not."""

from __future__ import annotations

import numpy as np
import pytest
from patient_course import FLARE, REFERENCE, follow

from hepatrial.model import load_cards, load_patient_model


def test_paralysed_patients_have_more_infections():
    days = [0, 7]
    quiet = follow(days, in_hospital=1.0, **REFERENCE)
    paralysed = follow(days, start={"paralysis": 1.0}, in_hospital=1.0, **REFERENCE)
    for cause in ("severe", "mild"):
        assert paralysed[f"H_{cause}_infection"][1] > 5 * quiet[f"H_{cause}_infection"][1]


def test_infection_is_commoner_in_hospital_than_at_home_by_the_cards_share():
    at_home, in_hospital = (follow([0, 20], in_hospital=h, **FLARE)["H_severe_infection"] for h in (0.0, 1.0))
    assert at_home[1] / in_hospital[1] == pytest.approx(load_cards().model["community_share"].value)


def test_an_infection_raises_inflammation_and_recurs():
    days = np.arange(0, 90.0, 1.0)
    course = follow(days, events={"severe_infection": [0.01, 0.01, 0.01]}, in_hospital=1.0, **FLARE)
    causes = [cause for cause, _ in course.events]
    assert causes.count("severe_infection") >= 2
    first = course.events[0][1]
    plain = follow(days, in_hospital=1.0, **FLARE)
    after = int(first) + 2
    assert course["infection"][after] > 0.5
    assert course["tnf"][after] > plain["tnf"][after] + 0.1
    assert course["map"][after] < plain["map"][after]
    assert course["pf_ratio"][after + 2] < plain["pf_ratio"][after + 2]


def test_antibiotics_in_hospital_hasten_the_healing_of_infection():
    start = {"infection": 1.0}
    treated = follow([0, 7], start=start, in_hospital=1.0, **REFERENCE)["infection"][1]
    untreated = follow([0, 7], start=start, in_hospital=1.0, antibiotics=0.0, **REFERENCE)["infection"][1]
    assert treated < 0.7 * untreated


def test_a_bleed_costs_hepatocytes_and_perfusion_and_raises_ammonia():
    days = [0, 29.99, 30.01, 31]
    cirrhosis = {**FLARE, "cirrhosis": 1.0}
    plain = follow(days, **cirrhosis)
    threshold = follow([0, 30], rtol=1e-8, **cirrhosis)["H_variceal_bleeding"][1]
    bled = follow(days, events={"variceal_bleeding": [threshold]}, **cirrhosis)
    assert [cause for cause, _ in bled.events] == ["variceal_bleeding"]
    assert bled["function_mass"][3] < plain["function_mass"][3]
    assert bled["ammonia"][3] > 1.1 * plain["ammonia"][3]
    assert bled["map"][3] < plain["map"][3]


def test_varices_bleed_only_under_portal_hypertension():
    assert follow([0, 365], **REFERENCE)["H_variceal_bleeding"][1] == 0
    cirrhosis = follow([0, 365], cirrhosis=1.0, **REFERENCE)["H_variceal_bleeding"][1]
    assert 0.005 < cirrhosis < 0.2


def test_transplant_needs_a_list_and_replaces_the_liver():
    assert follow([0, 60], events={"transplant": [1e-6]}, **FLARE).events == []
    days = np.array([0.0, 40.0, 41.0, 100.0, 300.0])
    course = follow(days, events={"transplant": [0.2]}, listed=1.0, **FLARE)
    (cause, day), *rest = course.events
    assert cause == "transplant"
    assert not rest
    after = days > day + 20
    assert np.all(course["function_mass"][after] > 0.95)
    assert np.all(course["infected_cells"][after] < 1e-6)
    assert np.all(course["transplanted"][after] == 1)
    assert course["inr"][-1] < 1.05


def test_the_peri_operative_hazard_adds_up_to_about_ten_percent():
    # 6.3 to 13.5 % die in hospital after transplant.
    start = {"transplanted": 1.0, "perioperative": 1.0}
    assert 0.063 < follow([0, 200], start=start, **REFERENCE)["H_death"][1] < 0.135


def test_death_ends_the_course():
    course = follow(np.arange(0, 61.0), start={"healthy_cells": 0.12}, events={"death": [0.1]}, **REFERENCE)
    assert [cause for cause, _ in course.events] == ["death"]
    assert np.isnan(course["alt"][-1])


def test_the_hazard_of_death_rises_with_each_failing_organ():
    base = {"function_mass": 0.45}
    rates = {}
    for name, start in {
        "none": {}, "liver": {"healthy_cells": 0.2}, "kidney": {"gfr": 0.2}, "lung": {"lung_injury": 3.0},
        "circulation": {"vasodilation": 3.0}, "infection": {"infection": 1.5},
    }.items():  # fmt: skip
        course = follow([0, 0.05], start={"healthy_cells": base["function_mass"], **start}, **REFERENCE)
        rates[name] = course["H_death"][1]
    assert all(rate > 1.2 * rates["none"] for name, rate in rates.items() if name != "none")


def test_older_patients_die_sooner_with_the_same_organs():
    young, old = (follow([0, 30], start={"healthy_cells": 0.4}, **{**REFERENCE, "age": a}) for a in (30, 60))
    assert old["H_death"][1] > 2 * young["H_death"][1]


def test_viable_cells_from_a_vein_never_reach_the_liver_and_live_for_hours():
    days = [0, 0.001, 0.35, 1, 3]
    course = follow(days, actions=[(0.0, "infuse_cells", 1.0)], **REFERENCE)
    assert np.all(course["cells_liver"] == 0)
    assert course["cells_lung"][1] == pytest.approx(1.0, abs=0.01)
    assert course["cells_lung"][2] == pytest.approx(0.5, abs=0.01)
    assert course["cells_lung"][4] < 0.01


def test_the_route_and_the_lung_passage_decide_which_cells_reach_the_liver():
    dose = [(0.0, "infuse_cells", 1.0)]
    artery = follow([0, 0.01], actions=dose, route_liver_share=1.0, **REFERENCE)
    assert artery["cells_liver"][1] == pytest.approx(1.0, abs=0.03)
    assert artery["cells_lung"][1] == 0
    passing = follow([0, 0.5], actions=dose, lung_passage=0.15, **REFERENCE)
    assert 0.02 < passing["cells_liver"][1] < 0.15


def test_the_engraftment_bound_is_arithmetic_and_reaches_nothing_in_the_patient():
    doses = [(7.0 * k, "infuse_cells", 1.0) for k in range(4)]
    course = follow([0, 28], actions=doses, **FLARE)
    # 4 x 1e6 cells/kg x 65 kg against 1.6e11 hepatocytes.
    assert course["engraftment_bound"][1] == pytest.approx(4 * 65 / 160000)
    assert course["engraftment_bound"][1] == pytest.approx(0.0016, abs=1e-4)
    spec = load_patient_model()
    users = [name for name, e in spec.inlined_observables.items() if "cells_given" in e.symbols]
    assert users == ["engraftment_bound"]
    assert all("cells_given" not in e.symbols for e in spec.inline(spec.rates))


def test_cells_without_an_effect_change_nothing_but_fever():
    days = np.arange(0, 85.0, 7.0)
    doses = [(7.0 * k, "infuse_cells", 1.0) for k in range(4)]
    plain, dosed = follow(days, rtol=1e-8, **FLARE), follow(days, rtol=1e-8, actions=doses, **FLARE)
    for name in ("H_death", "H_severe_infection", "function_mass", "tnf", "bilirubin"):
        assert np.allclose(plain[name], dosed[name], rtol=1e-6, atol=1e-10), name
    assert dosed["H_fever"][-1] > plain["H_fever"][-1]


def test_fever_after_four_infusions_has_the_published_risk_ratio():
    # 2.48 (1.27 to 4.86), 55 randomised trials: ratio of expected fevers over four weeks.
    doses = [(7.0 * k, "infuse_cells", 1.0) for k in range(4)]
    dosed, plain = follow([0, 28], actions=doses, **REFERENCE), follow([0, 28], **REFERENCE)
    assert dosed["H_fever"][1] / plain["H_fever"][1] == pytest.approx(2.48, abs=0.1)


def test_educated_phagocytes_outlive_the_cells_by_their_card():
    dose = [(0.0, "infuse_cells", 1.0)]
    long, short = (
        follow([0, 5, 15], actions=dose, education_time=time, **REFERENCE)["educated_phagocytes"]
        for time in (30.0, 5.0)
    )
    assert long[2] / long[1] == pytest.approx(np.exp(-10 / 30), rel=0.01)
    assert short[2] / short[1] == pytest.approx(np.exp(-10 / 5), rel=0.01)


def test_the_dose_response_is_monotone_or_bell_shaped_by_its_switch():
    def effect(dose: float, bell: float) -> float:
        course = follow([0, 3], actions=[(0.0, "infuse_cells", dose)], dose_bell=bell, **REFERENCE)
        return float(course["cell_effect"][1])

    doses = (0.1, 1.0, 10.0, 100.0)
    monotone = [effect(dose, 0.0) for dose in doses]
    assert monotone == sorted(monotone)
    bell = [effect(dose, 1.0) for dose in doses]
    assert max(bell) > bell[-1]
    assert max(bell) > bell[0]


def test_potency_of_the_batch_scales_what_the_cells_leave_behind():
    dose = [(0.0, "infuse_cells", 1.0)]
    low, high = (
        follow([0, 2], actions=dose, potency=p, **REFERENCE)["educated_phagocytes"] for p in (0.5, 1.0)
    )
    assert high[1] / low[1] == pytest.approx(2.0)


def test_sensitisation_shortens_the_life_of_later_cells():
    dose = [(0.0, "infuse_cells", 1.0)]
    naive = follow([0, 1], actions=dose, **REFERENCE)["cells_lung"][1]
    sensitised = follow([0, 1], start={"sensitisation": 1.0}, actions=dose, **REFERENCE)["cells_lung"][1]
    assert sensitised < 0.3 * naive
    assert follow([0, 5], actions=dose, **REFERENCE)["sensitisation"][1] > 0
