"""What products bring into the patient: knock-outs, clotting, a growth factor."""

import numpy as np
import pytest
from patient_course import FLARE, REFERENCE, follow

from hepatrial.model import load_cards, load_variants

DOSES = [(7.0 * k, "infuse_cells", 1.0) for k in range(2)]
DAYS = np.arange(0, 29.0, 7.0)


def dosed(**changes):
    return follow(DAYS, actions=DOSES, **{**FLARE, **changes})


def test_without_the_secretome_a_strong_effect_is_none():
    strong = dict(load_variants()["secretome_14d"].overrides)
    whole, without, none = dosed(**strong), dosed(**strong, secretome_on=0.0), dosed()
    assert (without["cell_effect"] == 0).all()
    assert whole["cell_effect"][1:].min() > 0.05
    assert np.allclose(without["tnf"], none["tnf"], rtol=1e-3, atol=1e-5)
    assert not np.allclose(whole["tnf"], none["tnf"], rtol=1e-2)


def test_without_homing_no_living_cell_passes_the_lung_whatever_the_passage():
    days = [0.0, 0.5]
    dose = [(0.0, "infuse_cells", 1.0)]
    passing = follow(days, actions=dose, lung_passage=0.2, **REFERENCE)["cells_liver"][1]
    knocked = follow(days, actions=dose, lung_passage=0.2, homing_on=0.0, **REFERENCE)["cells_liver"][1]
    assert passing > 0
    assert knocked == 0


def test_without_differentiation_the_engraftment_bound_gives_no_hepatocyte():
    start = [0.0, 0.01]
    dose = [(0.0, "infuse_cells", 100.0)]
    mass = [
        follow(start, actions=dose, engrafting_share=1.0, differentiation_on=on, **REFERENCE)[
            "function_mass"
        ][1]
        for on in (1.0, 0.0)
    ]
    share = 100 * 65 / load_cards().model["hepatocytes_total"].value
    assert mass[0] - mass[1] == pytest.approx(share, rel=0.02)


def test_procoagulant_exposure_is_tissue_factor_times_living_cells_and_raises_its_hazards():
    days = [0.0, 0.001, 3.0]
    dose = [(0.0, "infuse_cells", 1.0)]
    low, high = (follow(days, actions=dose, procoagulant=p, **FLARE) for p in (1.0, 10.0))
    assert high["procoagulant_exposure"][1] == pytest.approx(10 * low["procoagulant_exposure"][1])
    assert low["procoagulant_exposure"][1] == pytest.approx(low["cells_alive"][1])
    none = follow(days, actions=dose, **FLARE)
    assert none["procoagulant_exposure"].max() == 0
    assert high["H_thrombosis"][2] > low["H_thrombosis"][2] > none["H_thrombosis"][2]


def test_a_growth_factor_raises_white_cells_for_days_and_touches_no_hazard_of_death():
    days = np.array([0.0, 4.9, 5.0, 9.0, 20.0])
    doses = [(float(day), "give_gcsf", 10.0) for day in range(5)]
    given, plain = follow(days, rtol=1e-8, actions=doses, **FLARE), follow(days, rtol=1e-8, **FLARE)
    fold = (given["wbc"] / plain["wbc"])[1]
    assert 3 < fold < 10
    assert given["wbc"][4] == pytest.approx(plain["wbc"][4], rel=0.02)
    for name in ("H_death", "H_severe_infection", "function_mass", "tnf"):
        assert np.allclose(given[name], plain[name], rtol=1e-6, atol=1e-10), name
    loss = load_cards().model["gcsf_loss"].value
    assert given["gcsf"][3] / given["gcsf"][2] == pytest.approx(np.exp(-4 * loss), rel=1e-4)
