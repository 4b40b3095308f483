"""Each item of care in two worlds that differ by it alone: what it changes, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from patient_course import FAILURE, FLARE, INFLAMED, REFERENCE, follow

from hepatrial.model import load_cards, load_patient_model

SPEC = load_patient_model()
CARDS = load_cards().model
HAZARDS = tuple(hazard.state for hazard in SPEC.hazards)
DAYS = np.arange(0, 43.0, 7.0)
CARE = (
    "acetylcysteine",
    "corticosteroid",
    "lactulose",
    "rifaximin",
    "terlipressin",
    "noradrenaline",
    "renal_replacement",
    "prophylaxis",
)
FACTORS = ("factor_seven", "factor_two", "factor_five", "factor_ten")
SICK = {**FAILURE, "in_hospital": 1.0}


def same(a, b, names):
    return all(np.allclose(a[name], b[name], rtol=1e-6, atol=1e-9) for name in names)


def changed(a, b, names):
    return [name for name in names if not np.allclose(a[name], b[name], rtol=1e-6, atol=1e-9)]


@pytest.mark.parametrize("name", CARE)
def test_no_care_changes_the_liver_of_a_healthy_person(name):
    plain, treated = (follow([0, 30, 60], rtol=1e-9, **{**REFERENCE, name: on}) for on in (0.0, 1.0))
    kept = [state for state in SPEC.states if state != "ammonia"]
    assert same(plain, treated, kept)


def test_every_event_but_infection_and_fever_vanishes_in_health():
    healthy = follow([0, 3650], in_hospital=1.0, listed=1.0, **REFERENCE)
    for name in set(HAZARDS) - {"H_severe_infection", "H_mild_infection", "H_fever", "H_transplant"}:
        assert healthy[name][1] < 1e-3, name
    assert healthy["H_severe_infection"][1] > 0


def test_acetylcysteine_clears_a_paracetamol_insult_and_salvages_cells_for_its_days_only():
    def course(**changes):
        start = {**REFERENCE, "insult_size": 7.0, "insult_by_glutathione": 1.0, **changes}
        return follow([0, 0.5, 1, 3, 6], rtol=1e-8, **start)

    plain, treated = course(), course(acetylcysteine=1.0)
    decay = CARDS["insult_decay"].value
    assert plain["insult"][2] == pytest.approx(7 * np.exp(-decay), rel=1e-4)
    faster = 1 + CARDS["acetylcysteine_detoxifies"].value
    assert treated["insult"][2] == pytest.approx(7 * np.exp(-decay * faster), rel=1e-3)
    assert treated["function_mass"][3] > plain["function_mass"][3] + 0.02
    assert treated["H_death"][-1] < plain["H_death"][-1]
    short = course(acetylcysteine=1.0, acetylcysteine_days=0.5)
    assert plain["insult"][3] > short["insult"][3] > treated["insult"][3]


def test_acetylcysteine_does_nothing_for_another_insult_unless_the_switch_says_so():
    def course(**changes):
        return follow(DAYS, rtol=1e-8, **{**REFERENCE, "insult_size": 0.3, "insult_decay": 0.05, **changes})

    plain, treated = course(), course(acetylcysteine=1.0, acetylcysteine_days=40.0)
    assert same(plain, treated, (*SPEC.states, *HAZARDS))
    switched = course(acetylcysteine=1.0, acetylcysteine_days=40.0, acetylcysteine_other=1.0)
    assert switched["function_mass"][2] > plain["function_mass"][2]
    assert same(plain, switched, ["insult"])


def test_a_corticosteroid_calms_and_infects_by_its_cards_and_ends():
    plain, treated = (
        follow([0, 0.01, 7, 60], rtol=1e-8, start=INFLAMED, **{**SICK, "corticosteroid": on}) for on in (0, 1)
    )
    ratio = treated["H_severe_infection"][1] / plain["H_severe_infection"][1]
    assert ratio == pytest.approx(1 + CARDS["infection_by_corticosteroid"].value, rel=1e-2)
    assert treated["tnf"][2] < plain["tnf"][2]
    assert treated["immune_drive_now"][1] == pytest.approx(
        plain["immune_drive_now"][1] * (1 - CARDS["steroid_calming"].value)
    )
    assert treated["immune_drive_now"][3] == pytest.approx(plain["immune_drive_now"][3], rel=1e-3)


def test_lactulose_and_rifaximin_lower_ammonia_and_the_strain_of_the_brain_and_no_other_laboratory_value():
    plain = follow([0, 0.01, 3], rtol=1e-9, start=INFLAMED, **SICK)
    for drug in ("lactulose", "rifaximin"):
        treated = follow([0, 0.01, 3], rtol=1e-9, start=INFLAMED, **{**SICK, drug: 1.0})
        share = 1 - CARDS[f"{drug}_effect"].value
        assert treated["brain_strain"][2] == pytest.approx(plain["brain_strain"][2] * share)
        assert treated["ammonia"][2] < plain["ammonia"][2]
        assert changed(plain, treated, SPEC.states) == ["ammonia"]
        moved = {"H_death", "H_encephalopathy", "H_transplant", "H_withdrawal", "H_sbp"}
        assert set(changed(plain, treated, HAZARDS)) <= moved


def test_rifaximin_prevents_a_little_peritonitis_and_no_other_infection():
    start = {**INFLAMED, "ascites": 4.0}
    plain, treated = (follow([0, 2], rtol=1e-9, start=start, **{**SICK, "rifaximin": on}) for on in (0, 1))
    kept = 1 - CARDS["rifaximin_peritonitis"].value
    assert treated["H_sbp"][1] == pytest.approx(kept * plain["H_sbp"][1], rel=1e-4)
    assert same(plain, treated, ["H_severe_infection", "H_mild_infection"])


def test_prophylaxis_prevents_its_share_of_every_infection():
    plain, treated = (
        follow([0, 2], rtol=1e-9, start=INFLAMED, **{**SICK, "prophylaxis": on}) for on in (0, 1)
    )
    for name in ("H_severe_infection", "H_sbp", "H_mild_infection"):
        assert treated[name][1] == pytest.approx(plain[name][1] * (1 - CARDS["prophylaxis_effect"].value))


@pytest.mark.parametrize("drug", ["terlipressin", "noradrenaline"])
def test_a_vasoconstrictor_reverses_kidney_injury_and_raises_pressure_only_where_there_is_injury(drug):
    injured = {"kidney_injury": 0.8, "gfr": 0.4}
    plain, treated = (
        follow([0, 1, 7], start=injured, in_hospital=1.0, **{**REFERENCE, drug: on}) for on in (0, 1)
    )
    assert plain["kidney_injury"][2] == pytest.approx(
        0.8 * np.exp(-7 / CARDS["kidney_injury_time"].value), rel=1e-4
    )
    assert treated["kidney_injury"][2] < 0.6 * plain["kidney_injury"][2]
    assert treated["gfr"][2] > plain["gfr"][2]
    assert treated["map"][1] > plain["map"][1] + 4
    lung = treated["lung_injury"][2] - plain["lung_injury"][2]
    assert lung > 0.1 if drug == "terlipressin" else lung == pytest.approx(0, abs=1e-9)
    well = [follow([0, 7], in_hospital=1.0, **{**REFERENCE, drug: on}) for on in (0, 1)]
    assert same(*well, ["map", "gfr", "lung_injury", "creatinine"])


def test_renal_replacement_clears_creatinine_ammonia_and_water_and_leaves_the_kidney_failed_in_every_hazard():
    injured = {**INFLAMED, "kidney_injury": 2.5, "gfr": 0.05, "creatinine": 400.0, "ammonia": 90.0}
    plain, treated = (
        follow([0, 1, 3], rtol=1e-9, start=injured, **{**SICK, "renal_replacement": on}) for on in (0, 1)
    )
    assert treated["creatinine"][2] < 0.5 * plain["creatinine"][2]
    assert treated["ammonia"][2] < 0.9 * plain["ammonia"][2]
    assert treated["sodium"][2] > plain["sodium"][2] + 1
    assert set(changed(plain, treated, SPEC.states)) == {"creatinine", "ammonia"}
    assert same(plain, treated, (*HAZARDS, "kidney_failure", "organ_burden"))
    working = [follow([0, 7], in_hospital=1.0, **{**REFERENCE, "renal_replacement": on}) for on in (0, 1)]
    assert np.allclose(*(course["creatinine"] for course in working), rtol=1e-4)


def test_without_a_ventilator_a_failed_lung_kills_sooner_and_with_one_pneumonia_is_commoner():
    start = {"lung_injury": 3.0, "healthy_cells": 0.6}
    usual, none = (
        follow([0, 0.2], rtol=1e-9, start=start, in_hospital=1.0, **{**REFERENCE, "ventilation": on})
        for on in (1, 0)
    )
    assert none["H_death"][1] > 1.5 * usual["H_death"][1]
    assert usual["H_severe_infection"][1] > 1.5 * none["H_severe_infection"][1]
    assert same(usual, none, SPEC.states)
    well = [follow([0, 30], in_hospital=1.0, **{**REFERENCE, "ventilation": on}) for on in (1, 0)]
    assert same(*well, (*SPEC.states, *HAZARDS))


@pytest.mark.parametrize("action", ["plasma_exchange", "albumin_exchange"])
def test_an_exchange_takes_from_each_pool_what_lies_in_the_plasma_and_gives_back_what_the_fluid_holds(action):
    days = np.array([0.0, 30.0, 30.0 + 1e-9])
    volumes = 1.3
    course = follow(days, rtol=1e-9, actions=[(30.0, action, volumes)], **FLARE)
    before, after = ({name: course[name][k] for name in SPEC.states} for k in (1, 2))

    def left(card):
        return np.exp(-CARDS[card].value * volumes)

    for name in ("bilirubin_unconjugated_amount", "bilirubin_conjugated_amount"):
        assert after[name] == pytest.approx(before[name] * left("exchange_share_bilirubin"))
    assert after["bilirubin_delta_amount"] == pytest.approx(
        before["bilirubin_delta_amount"] * left("exchange_share_albumin")
    )
    for name in ("ammonia", "creatinine"):
        assert after[name] == pytest.approx(before[name] * left("exchange_share_water"))
    assert after["toxins"] == pytest.approx(before["toxins"] * left("exchange_share_toxins"))
    # Supply: what has been washed out is replaced at the concentration of the fluid.
    plasma = action == "plasma_exchange"
    supply = CARDS["plasma_factor"].value if plasma else 0.0
    gone = 1 - np.exp(-volumes)
    for name in FACTORS:
        assert after[name] - before[name] == pytest.approx(gone * (supply - before[name]))
    fibrinogen = CARDS["fibrinogen_normal"].value if plasma else 0.0
    assert after["fibrinogen"] - before["fibrinogen"] == pytest.approx(
        gone * (fibrinogen - before["fibrinogen"])
    )
    albumin = CARDS["plasma_albumin" if plasma else "solution_albumin"].value
    mixed = 1 - left("exchange_share_albumin")
    assert after["albumin"] - before["albumin"] == pytest.approx(mixed * (albumin - before["albumin"]))
    touched = set(
        changed({n: [v] for n, v in before.items()}, {n: [v] for n, v in after.items()}, SPEC.states)
    )
    blood = {n for n in SPEC.states if n.startswith("bilirubin")} | {"albumin", "fibrinogen", "alt", "ast"}
    assert touched == blood | {*FACTORS, "ammonia", "creatinine", "toxins"}


def test_two_sessions_of_an_exchange_equal_one_of_their_sum():
    days = [0, 30.0, 30.0 + 1e-9]
    twice = follow(days, actions=[(30.0, "plasma_exchange", 0.6), (30.0, "plasma_exchange", 0.9)], **FLARE)
    once = follow(days, actions=[(30.0, "plasma_exchange", 1.5)], **FLARE)
    assert all(twice[name][2] == pytest.approx(once[name][2]) for name in SPEC.states)


def test_albumin_dialysis_lowers_ammonia_for_hours_and_leaves_delta_bilirubin():
    days = np.array([0.0, 30.0, 30.0 + 1e-9, 31.0, 33.0])
    plain = follow(days, rtol=1e-9, **FLARE)
    washed = follow(days, rtol=1e-9, actions=[(30.0, "mars_session", 0.4)], **FLARE)
    share = 1 - 0.4 * CARDS["mars_ammonia"].value
    assert washed["ammonia"][2] == pytest.approx(plain["ammonia"][2] * share)
    assert washed["ammonia"][4] == pytest.approx(plain["ammonia"][4], rel=1e-3)
    assert washed["bilirubin_delta"][2] == pytest.approx(plain["bilirubin_delta"][2])
    assert washed["creatinine"][2] == pytest.approx(0.6 * plain["creatinine"][2])
    assert same(plain, washed, HAZARDS)


def test_peritonitis_is_a_share_of_the_severe_infections_that_grows_with_ascites():
    rates = {}
    for litres in (0.0, 1.5, 8.0):
        course = follow([0, 0.001], rtol=1e-10, start={**INFLAMED, "ascites": litres}, **SICK)
        rates[litres] = (course["H_sbp"][1], course["H_severe_infection"][1])
    totals = [sum(pair) for pair in rates.values()]
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-4)
    assert rates[0.0][0] == pytest.approx(0, abs=1e-12)
    assert rates[1.5][0] / totals[1] == pytest.approx(CARDS["peritonitis_share_max"].value / 2, rel=1e-3)
    assert rates[8.0][0] > 1.5 * rates[1.5][0]


def test_a_kidney_injury_doubles_creatinine_within_a_week_and_heals():
    start = {"kidney_injury": CARDS["aki_size"].value}
    ratio = (
        follow(np.arange(0, 60.0), start=start, **REFERENCE)["creatinine"] / REFERENCE["creatinine_habitual"]
    )
    assert 2.0 < ratio[:9].max() < 3.0
    assert ratio[-1] < 1.1


def test_kidney_injury_strikes_under_strain_kills_and_does_not_add_to_a_fresh_one():
    days = np.arange(0, 40.0, 1.0)
    sick = {"start": {"infection": 1.5, "healthy_cells": 0.5}, "in_hospital": 1.0, **REFERENCE}
    plain = follow(days, **sick)
    assert follow(days, **REFERENCE)["H_aki"][-1] < 1e-6 < plain["H_aki"][-1]
    struck = follow(days, events={"aki": [0.01, 0.01, 50.0]}, **sick)
    first, second = (day for cause, day in struck.events if cause == "aki")
    assert second > first + 1
    assert struck["H_death"][-1] > plain["H_death"][-1]


def test_a_manifestation_is_counted_once_and_changes_nothing():
    start = {**INFLAMED, "healthy_cells": 0.2}
    patient = {**REFERENCE, "in_hospital": 1.0, "brain_sensitivity": 1.0}
    days = np.arange(0, 10.0)
    plain = follow(days, rtol=1e-9, start=start, **patient)
    seen = follow(days, rtol=1e-9, start=start, events={"encephalopathy": [0.5]}, **patient)
    assert [cause for cause, _ in seen.events] == ["encephalopathy"]
    assert same(plain, seen, (*SPEC.states, *HAZARDS))
    mild = follow([0, 30], **SICK)
    assert mild["H_encephalopathy"][1] < 0.05 or mild["brain_strain"].max() > 1.4


def test_procoagulant_cells_clot_and_bleed_and_others_do_not():
    doses = [(0.0, "infuse_cells", 1.0)]
    for cause in ("H_thrombosis", "H_variceal_bleeding"):
        cirrhosis = {**REFERENCE, "cirrhosis": 1.0}
        none, plain = follow([0, 20], **cirrhosis), follow([0, 20], actions=doses, **cirrhosis)
        clotting = follow([0, 20], actions=doses, procoagulant=5.0, **cirrhosis)
        assert plain[cause][1] == pytest.approx(none[cause][1], rel=1e-4)
        assert clotting[cause][1] > 1.02 * none[cause][1]


def test_a_clot_raises_portal_pressure():
    course = follow([0, 99.9, 100.2, 130], events={"thrombosis": [0.02]}, cirrhosis=1.0, **REFERENCE)
    ((_, day),) = course.events
    around = follow(
        [0, day - 0.01, day + 0.01, 130], events={"thrombosis": [0.02]}, cirrhosis=1.0, **REFERENCE
    )
    rise = around["portal_pressure"][2] - around["portal_pressure"][1]
    assert rise == pytest.approx(CARDS["thrombosis_portal"].value, abs=0.01)


def test_infusion_reactions_need_living_cells():
    assert follow([0, 30], **SICK)["H_infusion_reaction"][1] == 0
    doses = [(0.0, "infuse_cells", 1.0)]
    given = follow([0, 30], actions=doses, sensitisation_gain=0.0, **REFERENCE)["H_infusion_reaction"][1]
    assert given == pytest.approx(CARDS["reaction_by_cells"].value / CARDS["cell_clearance"].value, rel=1e-3)


def test_rejection_is_as_common_as_published_and_injures_the_graft_for_a_while():
    grafted = {"transplanted": 1.0, "perioperative": 1.0}
    hazard = follow([0, 365], start=grafted, **REFERENCE)["H_rejection"][1]
    assert 1 - np.exp(-hazard) == pytest.approx(0.114, abs=0.012)
    stopped = follow([0, 365], start=grafted, immunosuppression=0.0, **REFERENCE)["H_rejection"][1]
    assert stopped > 3 * hazard
    course = follow([0, 2, 90], start=grafted, events={"rejection": [0.001]}, **REFERENCE)
    assert course["function_mass"][1] < 0.95
    assert course["function_mass"][2] > 0.97
    assert follow([0, 365], **REFERENCE)["H_rejection"][1] == 0


def test_an_active_infection_halves_offers_at_its_card_and_does_not_take_the_patient_off_the_list():
    def rate(**start):
        return follow([0, 1e-3], rtol=1e-10, start=start, listed=1.0, **REFERENCE)["H_transplant"][1]

    half = CARDS["transplant_infection_half"].value
    assert rate(infection=half) == pytest.approx(rate() / 2, rel=0.01)
    assert rate(infection=3.0) > 0


def test_cancer_needs_a_scar_and_leaves_with_the_liver():
    assert follow([0, 3650], **REFERENCE)["H_liver_cancer"][1] == 0
    years = follow([0, 365], cirrhosis=1.0, **REFERENCE)["H_liver_cancer"][1]
    assert 0.005 < years < 0.05
    grafted = follow([0, 365], start={"transplanted": 1.0}, cirrhosis=1.0, **REFERENCE)
    assert grafted["H_liver_cancer"][1] == 0


def test_care_is_withdrawn_only_by_policy_from_failing_patients_and_death_follows_within_days():
    dying = {"healthy_cells": 0.1, "infection": 2.0, "vasodilation": 4.0, "gfr": 0.1, "lung_injury": 4.0}
    assert follow([0, 2], start=dying, **REFERENCE)["H_withdrawal"][1] == 0
    policy = {**REFERENCE, "withdrawal_rate": 1.0, "withdrawal_organs": 3.0}
    hazard = follow([0, 2], start=dying, **policy)["H_withdrawal"][1]
    assert hazard > 0.3
    assert follow([0, 60], **policy)["H_withdrawal"][1] == 0
    course = follow([0, 6], start=dying, events={"withdrawal": [0.01]}, **policy)
    assert course["H_death"][1] > 4
    assert course["hazard_of_withdrawal"][1] == CARDS["death_in_comfort_care"].value


def test_the_parts_of_the_risk_of_death_add_up_to_it():
    course = follow(DAYS, start={**INFLAMED, "infection": 1.0, "blood_loss": 0.5}, **SICK)
    organs = [name for name in SPEC.observables if name.startswith("risk_")]
    assert len(organs) == 8
    assert np.allclose(course["death_risk"], sum(course[name] for name in organs))
