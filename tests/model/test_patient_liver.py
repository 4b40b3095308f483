"""The liver of the patient model: health, regrowth, collapse, balances (acceptance tests of the science)."""

from __future__ import annotations

import numpy as np
import pytest
from patient_course import FAILURE, FLARE, INFLAMED, REFERENCE, follow
from scipy.integrate import simpson

from hepatrial.model import load_cards

TEN_YEARS = 3650.0
DONOR_DAYS = [0, 7, 14, 30, 90, 180, 365, 1460]
# Liver volume after right and left living-donor hepatectomy (doi:10.1007/s11605-011-1590-y), share of the
# preoperative volume, and the SD of the volume at one year in another series (9 points).
PUBLISHED = {
    0.42: [0.42, 0.51, 0.57, 0.64, 0.74, 0.77, 0.81, 0.88],
    0.63: [0.63, 0.69, 0.72, 0.76, 0.79, 0.83, 0.84, 0.91],
}
PUBLISHED_SD = 0.09


def test_a_healthy_liver_stays_healthy_for_ten_years():
    course = follow([0, 365, TEN_YEARS], **REFERENCE)
    assert abs(course["function_mass"][-1] / course["function_mass"][0] - 1) < 0.01
    for name, low, high in (
        ("alt", 15, 30), ("ast", 15, 30), ("bilirubin", 5, 15), ("albumin", 39, 45), ("inr", 0.99, 1.02),
        ("ammonia", 30, 40), ("creatinine", 60, 80), ("wbc", 5, 6), ("lactate", 0.9, 1.1), ("map", 85, 95),
        ("sodium", 137, 141), ("fibrinogen", 2.5, 3.1), ("factor_v", 98, 101), ("he_index", 0, 0.3),
    ):  # fmt: skip
        assert np.all((course[name] > low) & (course[name] < high)), name


def test_a_healthy_persons_hazard_of_death_is_negligible_even_in_hospital():
    course = follow([0, TEN_YEARS], in_hospital=1.0, **{**REFERENCE, "age": 75.0})
    assert course["H_death"][-1] < 5e-3
    assert course["H_variceal_bleeding"][-1] == 0
    assert course["H_transplant"][-1] == 0


def test_a_tolerant_carrier_of_hepatitis_b_stays_quiet_for_ten_years():
    course = follow([0, 365, TEN_YEARS], hbv=1.0, tolerance_lost=0.0, **REFERENCE)
    assert np.all(course["function_mass"] > 0.9)
    assert np.all(course["alt"] < 30)
    assert np.all(course["tnf"] < 1e-3)
    assert np.all(course["hbv_dna"] > 6.5)
    assert course["H_death"][-1] < 0.01


@pytest.mark.parametrize("left", [0.42, 0.63])
def test_donors_regrow_within_the_spread_of_published_courses(left):
    volume = follow(DONOR_DAYS, start={"healthy_cells": left}, **REFERENCE)["liver_volume"]
    assert np.all(np.abs(volume[1:] - np.array(PUBLISHED[left])[1:]) < PUBLISHED_SD)
    assert np.sqrt(np.mean((volume[1:] - PUBLISHED[left][1:]) ** 2)) < 0.035


def test_inr_is_normal_by_day_10_after_donation_and_bilirubin_is_not_which_is_a_known_miss():
    # Published: INR and bilirubin normal by day 10 (doi:10.1002/lt.20182).
    course = follow([0, 3, 10, 30, 90, 365], start={"healthy_cells": 0.42}, **REFERENCE)
    print("INR on days 3, 10, 30, 90:", np.round(course["inr"][1:5], 2), "(published: normal by day 10)")
    print("bilirubin:", np.round(course["bilirubin"][1:5]), "umol/L (published: normal, below 21, by day 10)")
    assert 1.1 < course["inr"][1] < 1.5
    assert course["inr"][2] < 1.2
    assert course["inr"][3] < 1.1
    assert course["bilirubin"][2] < 60  # missed: still raised on day 10
    assert course["bilirubin"][4] < 21


def test_prothrombin_returns_within_a_week_in_a_survivor_of_acute_failure():
    # Japanese survivors: PT% 44, 59, 66, 71, 86 on days 0, 1, 2, 3, 7.
    course = follow(np.arange(0, 11.0), insult_size=4.0, insult_decay=1.2, in_hospital=1.0, **REFERENCE)
    nadir = int(np.argmin(course["pta"]))
    assert course["pta"][nadir] < 45
    assert 60 < course["pta"][nadir + 7] < 95
    assert course["function_mass"][-1] > 0.5


def _lives(left: float, start: dict[str, float], parameters: dict[str, float]) -> bool:
    course = follow([0, 365], start={**start, "healthy_cells": left}, **{**REFERENCE, **parameters})
    return bool(course["function_mass"][-1] > 0.3)


@pytest.mark.parametrize(
    ("parameters", "start"),
    [
        ({}, {}),
        ({"regeneration": 0.5}, {}),
        ({"cirrhosis": 1.0, "regeneration": 0.7}, {}),
        ({}, INFLAMED),
        ({"cirrhosis": 1.0, "regeneration": 0.7}, INFLAMED),
    ],
    ids=["healthy", "half regeneration", "cirrhosis", "inflamed", "inflamed cirrhosis"],
)
def test_the_collapse_threshold_lies_between_0_15_and_0_30(parameters, start):
    low, high = 0.05, 0.7
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (low, middle) if _lives(middle, start, parameters) else (middle, high)
    assert 0.15 < high < 0.30


def test_a_worse_background_raises_the_collapse_threshold():
    assert _lives(0.23, {}, {})
    assert not _lives(0.23, {}, {"regeneration": 0.4})
    assert not _lives(0.23, INFLAMED, {"cirrhosis": 1.0, "regeneration": 0.7})


def test_a_liver_below_the_threshold_fails_over_days_to_weeks():
    course = follow([0, 1, 7, 28], start={"healthy_cells": 0.13}, **REFERENCE)
    assert course["function_mass"][1] > 0.09
    assert course["function_mass"][3] < 0.02
    assert course["H_death"][3] > 3


def test_there_are_two_attractors_without_virus_and_no_smouldering_one():
    ends = []
    for left in np.linspace(0.10, 1.0, 16):
        for start in ({}, INFLAMED):
            course = follow([0, 2000], start={**start, "healthy_cells": left}, rtol=1e-4, **REFERENCE)
            ends.append((course["function_mass"][-1], course["tnf"][-1]))
    dead = [end for end in ends if end[0] < 0.02]
    well = [end for end in ends if end[0] > 0.85]
    assert len(dead) + len(well) == len(ends)
    assert dead
    assert all(tnf < 1e-3 for _, tnf in well)


def test_a_donor_does_not_smoulder():
    course = follow([0, 30, 365], start={"healthy_cells": 0.42}, **REFERENCE)
    assert course["tnf"][1] < 0.1
    assert course["tnf"][2] < 1e-3
    assert course["macrophages_activated"][2] < 1e-3


def test_hepatocytes_are_balanced_births_less_deaths_are_the_change():
    days = np.linspace(0, 120, 4801)
    course = follow(days, start={"insult": 0.5}, insult_decay=0.1, **FLARE)
    change = course["living_cells"][-1] - course["living_cells"][0]
    births, deaths = (simpson(course[f"hepatocyte_{what}"], x=days) for what in ("births", "deaths"))
    assert change == pytest.approx(births - deaths, abs=2e-5)
    # Every dead hepatocyte passes through the dying pool, which feeds the enzymes.
    released = simpson(course["dying_cells"], x=days) / 0.8
    assert deaths == pytest.approx(released + course["dying_cells"][-1] - course["dying_cells"][0], abs=2e-5)


def test_no_state_becomes_negative_beyond_a_thousandth_of_its_scale():
    days = np.arange(0, 169.0, 1.0)
    courses = (
        follow(days, rtol=1e-4, **FLARE),
        follow(days, rtol=1e-4, insult_size=4.0, **REFERENCE),
        follow(
            days,
            rtol=1e-4,
            actions=[(10, "plasma_exchange", 1.0), (20, "mars_session", 0.4), (20, "infuse_cells", 1.0)],
            events={"severe_infection": [0.0005], "variceal_bleeding": [0.0]},
            **FAILURE,
        ),
    )
    for course in courses:
        for name in course.spec.states:
            scale = max(1.0, abs(course[name]).max())
            assert course[name].min() > -1e-3 * scale, name


def test_an_acute_insult_heals_and_injured_cells_recover():
    course = follow([0, 1, 4, 60], insult_size=1.0, insult_decay=1.2, **REFERENCE)
    assert course["injured_cells"][1] > 0.1
    assert course["injured_cells"][3] < 0.01
    assert course["pta"][1] < course["pta"][3]
    assert course["function_mass"][3] > 0.6


def test_a_short_insult_is_deeper_and_heals_and_a_slow_one_of_the_same_total_lingers():
    # Idiosyncratic drug injury (slow decay) against paracetamol (fast decay): 24 against 65 % survive
    # without transplant in the American registry.
    days = np.arange(0, 61.0)
    fast = follow(days, insult_size=6.0, insult_decay=1.2, **REFERENCE)
    slow = follow(days, insult_size=0.3, insult_decay=0.06, **REFERENCE)
    assert fast["alt"].max() > slow["alt"].max()
    assert fast["pta"].min() < slow["pta"].min()
    assert fast["pta"][21] > slow["pta"][21] + 10
    assert fast["function_mass"][-1] > slow["function_mass"][-1]


def test_scar_grows_under_inflammation_within_the_measured_synthesis():
    course = follow([0, 28, 56], **FLARE)
    growth = np.diff(course["collagen"])
    assert np.all(growth > 0)
    assert np.all(growth / 28 < 0.006)  # fractional synthesis of collagen is at most 0.6 % a day


def test_regeneration_falls_with_age_as_its_card_says():
    young = follow([0, 1], regeneration=1.0, age=30.0)["regeneration_now"][0]
    old = follow([0, 1], regeneration=1.0, age=60.0)["regeneration_now"][0]
    card = load_cards().model["regeneration_loss_with_age"].value
    assert old / young == pytest.approx(np.exp(-30 * card), rel=0.02)


# Japanese survivors of acute liver injury and failure under plasma exchange: quartiles of PT% by day
# (114 of the 213 published patients; plasma on days 0 to 2 is part of the course).
JAPAN_PT = {0: (25.0, 44.8), 1: (43.0, 65.0), 2: (44.0, 72.0), 3: (50.5, 80.5), 7: (59.5, 100.0)}


def test_prothrombin_of_a_survivor_admitted_at_the_nadir_stays_within_the_published_quartiles():
    traits = {"insult_size": 6.0, "insult_decay": 2.2, "in_hospital": 1.0}
    course = follow(np.arange(0, 12.0), **traits, **REFERENCE)
    nadir = int(np.argmin(course["pta"]))
    for day, (low, high) in JAPAN_PT.items():
        assert low <= course["pta"][nadir + day] <= high, day


def test_the_faster_the_insult_ends_the_more_cells_recover():
    # The same insult, gone within a day or lasting for weeks: injured cells are salvaged only when it ends.
    fast = follow([0, 10], insult_size=2.0, insult_decay=2.0, **REFERENCE)["function_mass"][1]
    slow = follow([0, 10], insult_size=2.0, insult_decay=0.1, **REFERENCE)["function_mass"][1]
    assert fast > slow + 0.2


def test_sepsis_alone_does_not_destroy_a_healthy_liver_but_a_failing_one():
    days = [0, 30]
    healthy = follow(days, start={"infection": 1.0}, **REFERENCE)["function_mass"]
    assert healthy[1] > 0.85
    failing, infected = (
        follow(days, start={"healthy_cells": 0.4, "infection": size}, **REFERENCE)["function_mass"][1]
        for size in (0.0, 1.0)
    )
    assert infected < failing - 0.03


def test_a_cirrhotic_liver_keeps_its_size_until_scar_grows_and_then_loses_it_over_years():
    five_years = [0, 1826.0]
    still = follow(five_years, cirrhosis=1.0, **REFERENCE)
    assert still["function_mass"][0] < 0.85
    assert abs(still["function_mass"][1] / still["function_mass"][0] - 1) < 0.03
    growing = follow(five_years, cirrhosis=1.0, scarring=4e-4, **REFERENCE)
    assert growing["collagen"][1] > still["collagen"][1] + 0.05
    assert growing["function_mass"][1] < still["function_mass"][1] - 0.02
    assert growing["portal_pressure"][1] > still["portal_pressure"][1]


def test_a_cirrhotic_liver_regrows_to_its_own_room_and_not_beyond():
    course = follow([0, 30, 3650], start={"healthy_cells": 0.4}, cirrhosis=1.0, **REFERENCE)
    room = course["room"][-1]
    assert course["function_mass"][1] > 0.42
    assert course["function_mass"][2] < room + 0.02
    healthy = follow([0, 3650], start={"healthy_cells": 0.4}, **REFERENCE)
    assert healthy["function_mass"][1] > course["function_mass"][2]


def test_injured_cells_of_older_patients_recover_more_slowly():
    days = [0, 2]
    young, old = (
        follow(days, start={"injured_cells": 0.5, "healthy_cells": 0.5}, **{**REFERENCE, "age": age})
        for age in (30.0, 75.0)
    )
    assert young["function_mass"][1] > old["function_mass"][1] + 0.01
