"""Laboratory values of the patient model: clearance, balances, treated values that move no hazard."""

from __future__ import annotations

import numpy as np
import pytest
from patient_course import FAILURE, FLARE, REFERENCE, follow
from scipy.integrate import simpson

from hepatrial.model import load_patient_model

HAZARDS = tuple(hazard.state for hazard in load_patient_model().hazards)
WASHABLE = {
    "bilirubin_unconjugated_amount", "bilirubin_conjugated_amount", "bilirubin_delta_amount", "creatinine",
    "alt", "ast", "albumin", "fibrinogen", "ammonia",
    "factor_seven", "factor_two", "factor_five", "factor_ten",
}  # fmt: skip


@pytest.mark.parametrize(("name", "hours"), [("alt", 34.6), ("ast", 15.8)])
def test_enzymes_are_cleared_with_their_published_half_lives(name, hours):
    # 91,086 courses of acute injury (doi:10.1101/2022.09.14.22279084).
    course = follow([0, hours / 24, 2 * hours / 24], start={name: 3000.0}, **REFERENCE)
    excess = course[name] - follow([0, 1], **REFERENCE)[name][0]
    assert excess[1] / excess[0] == pytest.approx(0.5, abs=0.005)
    assert excess[2] / excess[0] == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize(("name", "hours"), [("alt", 34.6), ("ast", 15.8)])
def test_after_an_acute_insult_enzymes_end_by_falling_with_their_half_lives(name, hours):
    course = follow([0, 2, 9, 11, 60], insult_size=1.0, insult_decay=5.0, **REFERENCE)
    excess = course[name] - course[name][0]
    half_life = 24 * 2 * np.log(2) / np.log(excess[2] / excess[3])
    # Never faster than clearance, and at most twice as slow: dying goes on, as in 60 % of real courses.
    assert hours < half_life < 2 * hours
    assert course[name].max() > 5 * course[name][0]


def test_bilirubin_is_balanced_production_is_excretion_renal_loss_removal_and_change_of_store():
    pools = ("unconjugated", "conjugated", "delta")
    days = np.concatenate([np.linspace(0, 40, 4001), np.linspace(40 + 1e-9, 90, 5001)])
    course = follow(days, actions=[(40.0, "mars_session", 0.35)], **FLARE)
    store = sum(course[f"bilirubin_{pool}_amount"] for pool in pools)
    removed = store[4000] - store[4001]
    assert removed == pytest.approx(0.35 * (store - course["bilirubin_delta_amount"])[4000], rel=1e-6)
    assert course["bilirubin_delta_amount"][4001] == pytest.approx(course["bilirubin_delta_amount"][4000])
    flows = {
        name: simpson(course[f"bilirubin_{name}"][:4001], x=days[:4001])
        + simpson(course[f"bilirubin_{name}"][4001:], x=days[4001:])
        for name in ("production", "excretion", "renal_loss")
    }
    left = flows["production"] - flows["excretion"] - flows["renal_loss"] - removed
    assert store[-1] - store[0] == pytest.approx(left, abs=1e-4 * flows["production"])


def test_total_bilirubin_is_the_sum_of_its_fractions_and_most_is_conjugated_in_failure():
    course = follow([0, 45], **FLARE)
    fractions = [course[f"bilirubin_{pool}"] for pool in ("unconjugated", "conjugated", "delta")]
    assert np.allclose(course["bilirubin"], sum(fractions))
    assert (fractions[1] + fractions[2])[1] / course["bilirubin"][1] > 0.6


def test_renal_loss_bounds_bilirubin_when_no_bile_flows():
    # Complete obstruction with normal kidneys ends near 500 umol/L, above 1000 with renal failure.
    closed = {**REFERENCE, "secretion_max_per_kg": 1e-6}
    start = {"bilirubin_conjugated_amount": 20.0, "bilirubin_delta_amount": 10.0}
    plateau = follow([0, 400], start=start, **closed)["bilirubin"][-1]
    assert 400 < plateau < 650
    anuric = follow([0, 400], start=start, bilirubin_renal_clearance=0.01, **closed)["bilirubin"][-1]
    assert anuric > 1000


def _reached_by_hazards() -> set[str]:
    """States that any hazard rate depends on, through however many steps: rates and what events assign."""
    spec = load_patient_model()
    feeds = {name: set(e.symbols) for name, e in zip(spec.states, spec.inline(spec.rates), strict=True)}
    for hazard in spec.hazards:
        for name, expression in hazard.jump.assignments:
            feeds[name] |= set(spec.inline([expression])[0].symbols)
    frontier = set().union(*(e.symbols for e in spec.inline([h.rate for h in spec.hazards])))
    reached: set[str] = set()
    while frontier:
        name = frontier.pop()
        if name in feeds and name not in reached:
            reached.add(name)
            frontier |= feeds[name]
    return reached


def test_no_hazard_depends_on_a_washable_laboratory_value_through_any_chain():
    reached = _reached_by_hazards()
    assert {"tnf", "gfr", "healthy_cells", "toxins", "infection"} <= reached
    assert not reached & WASHABLE


def test_an_albumin_dialysis_session_changes_bilirubin_and_creatinine_and_no_hazard():
    days = np.arange(0, 85.0, 7.0)
    plain = follow(days, rtol=1e-8, **FLARE)
    sessions = [(30.0 + k, "mars_session", 0.3) for k in range(6)]
    washed = follow(days, rtol=1e-8, actions=sessions, **FLARE)
    assert washed["bilirubin"][5] < 0.7 * plain["bilirubin"][5]
    assert washed["creatinine"][5] < 0.9 * plain["creatinine"][5]
    for name in HAZARDS:
        assert np.allclose(washed[name], plain[name], rtol=1e-6, atol=1e-10), name


def test_infused_plasma_and_albumin_change_laboratory_values_and_no_hazard():
    days = np.arange(0, 85.0, 7.0)
    plain = follow(days, rtol=1e-8, **FAILURE)
    orders = {"plasma_rate": 0.6, "plasma_inr_above": 1.1, "albumin_rate": 20.0, "albumin_below": 35.0}
    given = [(30.0, "give_plasma", 1.0), (30.0, "give_albumin", 40.0)]
    treated = follow(days, rtol=1e-8, actions=given, **FAILURE, **orders)
    assert treated["inr"][6] < plain["inr"][6] - 0.02
    assert treated["albumin"][6] > plain["albumin"][6] + 1
    assert treated["fibrinogen"][6] > plain["fibrinogen"][6]
    for name in HAZARDS:
        assert np.allclose(treated[name], plain[name], rtol=1e-6, atol=1e-10), name


def test_standing_orders_rest_while_the_laboratory_value_is_good():
    orders = {"plasma_rate": 0.6, "plasma_inr_above": 1.5, "albumin_rate": 20.0, "albumin_below": 30.0}
    course = follow([0, 30], **REFERENCE, **orders)
    assert np.all(course["plasma_flow"] < 0.01)
    assert np.all(course["albumin_flow"] < 0.1)


def test_plasma_exchange_changes_laboratory_values_and_helps_only_by_removing_toxins():
    days = np.array([0.0, 30.0, 30.001, 60.0])
    session = [(30.0, "plasma_exchange", 1.0)]
    before_after = follow(days, actions=session, **FLARE)
    for name in ("bilirubin", "inr", "alt", "toxins"):
        assert before_after[name][2] < before_after[name][1]
    assert before_after["factor_v"][2] > before_after["factor_v"][1]
    plain = follow(days, rtol=1e-8, **FLARE)
    no_toxins = follow(days, rtol=1e-8, actions=session, exchange_share_toxins=0.0, **FLARE)
    for name in HAZARDS:
        assert np.allclose(no_toxins[name], plain[name], rtol=1e-6, atol=1e-10), name
    assert before_after["H_death"][-1] < plain["H_death"][-1]


def test_inr_follows_the_japanese_series_of_acute_failure():
    # INR = 1 + 0.51 (100/PT% - 1), median residual 0.013.
    course = follow(np.arange(0, 60.0, 5.0), **FLARE)
    assert np.allclose(course["inr"], 1 + 0.51 * (100 / course["pta"] - 1))


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("factor_seven", 5 / 24),
        ("factor_two", 65 / 24),
        ("factor_five", 20 / 24),
        ("factor_ten", 45 / 24),
        ("fibrinogen", 4.5),
    ],
)
def test_clotting_factors_are_cleared_with_their_half_lives(name, days):
    high = follow([0, days], start={name: 4.0}, **REFERENCE)[name]
    rest = follow([0, days], **REFERENCE)[name]
    assert (high - rest)[1] / (high - rest)[0] == pytest.approx(0.5, abs=0.005)


FACTORS = ("factor_seven", "factor_five", "factor_ten", "factor_two")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_plasma_diluted_to_a_share_has_that_prothrombin(share):
    # How a laboratory calibrates PT %: normal plasma in saline.
    course = follow([0.0], start=dict.fromkeys(FACTORS, share), **REFERENCE)
    assert course["pta"][0] == pytest.approx(100 * share)


def test_each_factor_lowers_prothrombin_by_its_weight():
    weights = {"factor_seven": 2.0, "factor_five": 1.7, "factor_ten": 2.0, "factor_two": 1.0}
    whole = follow([0.0], start=dict.fromkeys(FACTORS, 1.0), **REFERENCE)["pta"][0]
    for name, weight in weights.items():
        start = dict.fromkeys(FACTORS, 1.0) | {name: 0.5}
        low = follow([0.0], start=start, **REFERENCE)["pta"][0]
        assert low / whole == pytest.approx(0.5 ** (weight / 6.7)), name
    alone = {"seven_weight": 0.0, "five_weight": 0.0, "ten_weight": 0.0}
    start = dict.fromkeys(FACTORS, 1.0) | {"factor_two": 0.5}
    assert follow([0.0], start=start, **REFERENCE, **alone)["pta"][0] == pytest.approx(50.0)


def test_without_bile_the_factors_that_need_vitamin_k_fall_and_factor_v_does_not():
    blocked = REFERENCE | {"bile_block_time": 1e6, "cholestasis": 20.0}
    course = follow([0, 30], start={"bile_block": 20.0}, **blocked)
    for name in ("factor_seven", "factor_ten", "factor_two"):
        assert course[name][1] < 0.95 * course[name][0], name
    assert course["factor_five"][1] > 0.98 * course["factor_five"][0]


def test_what_plasma_exchange_brings_is_gone_in_the_order_of_the_half_lives():
    days = [0.0, 0.001, 1.0]
    low = dict.fromkeys(FACTORS, 0.2)
    none = REFERENCE | {"vitamin_k": 0.0}
    course = follow(days, start=low, actions=[(0.0, "plasma_exchange", 1.4)], **none)
    left = {name: course[name][2] / course[name][1] for name in FACTORS}
    for name, hours in (("factor_seven", 5), ("factor_ten", 45), ("factor_two", 65)):
        assert left[name] == pytest.approx(0.5 ** (24 / hours), rel=0.02), name
    assert left["factor_seven"] < left["factor_ten"] < left["factor_two"]


def test_conjugated_bilirubin_bound_to_albumin_makes_bilirubin_fall_slowly_after_recovery():
    course = follow([0, 20.0], start={"bilirubin_delta_amount": 400.0}, **REFERENCE)
    assert course["bilirubin_delta"][1] / course["bilirubin_delta"][0] == pytest.approx(0.5, abs=0.02)


def test_the_kidney_moves_creatinine_and_creatinine_moves_nothing():
    sick = follow([0, 5, 10], start={"infection": 1.5}, **REFERENCE)
    assert sick["gfr"][1] < 0.8
    assert sick["creatinine"][1] > 75
    load = follow([0, 5, 10], start={"creatinine": 400.0}, **REFERENCE)
    assert load["gfr"] == pytest.approx(1.0)


def test_an_antiviral_lowers_viraemia_by_two_orders_and_helps_the_liver():
    days = [0, 21, 60, 120]
    none = follow(days, **FLARE)
    treated = follow(days, antiviral=1.0, **FLARE)
    assert treated["hbv_dna"][0] - treated["hbv_dna"][2] > 2
    assert treated["hbv_dna"][2] < none["hbv_dna"][2] - 1.3
    assert treated["function_mass"][3] > none["function_mass"][3]


def test_hgf_is_a_readout_that_is_highest_in_those_who_lose_their_liver():
    # 4.3 ng/mL in survivors and 10.1 in deaths of acute failure; 0.24 in health.
    healthy = follow([0, 1], **REFERENCE)["hgf"][0]
    survives = follow([0, 14], start={"healthy_cells": 0.3}, **REFERENCE)["hgf"][1]
    dies = follow([0, 14], start={"healthy_cells": 0.14}, **REFERENCE)["hgf"][1]
    assert healthy == pytest.approx(0.24, abs=0.01)
    assert healthy < survives < dies
    spec = load_patient_model()
    assert all("hgf" not in e.symbols for e in (*spec.rates, *(h.rate for h in spec.hazards)))


def test_albumin_turns_over_in_25_days():
    # Synthesis stopped: what is left after the turnover time is 1/e (Levitt: 25 d).
    none = follow(
        [0, 25.0], start={"albumin": 40.0}, albumin_normal=1e-9, albumin_by_collagen=0.0, **REFERENCE
    )
    assert none["albumin"][1] / none["albumin"][0] == pytest.approx(np.exp(-1), abs=0.01)


def test_delta_bilirubin_outlives_the_conjugated_bilirubin_it_came_from():
    start = {"bilirubin_conjugated_amount": 2000.0, "bilirubin_delta_amount": 500.0}
    course = follow([0, 3, 14], start=start, **REFERENCE)
    assert course["bilirubin_conjugated"][2] < 0.05 * course["bilirubin_conjugated"][0]
    assert course["bilirubin_delta"][2] > 0.5 * course["bilirubin_delta"][0]


def test_vitamin_k_in_hospital_helps_the_factors_of_a_patient_without_bile():
    at_home, in_hospital = (follow([0, 60.0], in_hospital=h, **FLARE) for h in (0.0, 1.0))
    assert in_hospital["vitamin_k_now"][1] > at_home["vitamin_k_now"][1]
    healthy = follow([0, 1.0], **REFERENCE)
    assert healthy["vitamin_k_now"][1] == pytest.approx(1.0, abs=1e-3)


def test_infection_consumes_factors_and_stops_bile_and_a_trait_says_how_much():
    start = {"infection": 1.0}
    mild, strong = (follow([0, 3.0], start=start, coagulopathy=c, **REFERENCE) for c in (0.3, 3.0))
    assert strong["inr"][1] > mild["inr"][1] + 0.05
    plain = follow([0, 3.0], start={"infection": 0.0}, **REFERENCE)
    assert mild["bile_flow"][1] < 0.8 * plain["bile_flow"][1]


def test_bilirubin_lags_behind_prothrombin_in_acute_failure():
    course = follow(np.arange(0, 30.0), insult_size=5.0, insult_decay=2.2, in_hospital=1.0, **REFERENCE)
    assert np.argmin(course["pta"]) + 2 <= np.argmax(course["bilirubin"])


def test_symptoms_are_absent_in_health_bounded_and_worse_in_failure_and_move_nothing():
    healthy, sick = follow([0, 1], **REFERENCE), follow([0, 50.0], **FAILURE)
    assert healthy["symptom_score"][1] < 0.5
    assert sick["symptom_score"][1] > 2
    assert np.all(sick["symptom_score"] <= 10)
    spec = load_patient_model()
    rates = spec.inline((*spec.rates, *(h.rate for h in spec.hazards)))
    assert all("fatigue" not in e.symbols and "appetite_loss" not in e.symbols for e in rates)


def test_an_infection_at_home_is_treated_once_it_is_severe():
    mild, severe = (follow([0, 1.0], start={"infection": size}, **REFERENCE) for size in (0.1, 1.0))
    assert severe["treated_infection"][0] > 0.8
    assert mild["treated_infection"][0] < 0.1
