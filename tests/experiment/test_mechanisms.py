"""The mechanisms in the dish and the mouse: invariants, closed forms, worlds that differ by one thing."""

import math
import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hepatrial.errors import BadInput
from hepatrial.experiment import biodistribution, differentiation, migration, mouse
from hepatrial.experiment.solve import course
from hepatrial.model import load_cards, patient_text
from hepatrial.model.cards import FOLDER, RECALLED_UNCERTAINTY
from hepatrial.model.worlds import WORLDS, experiment_cards, load_world, world_cards, world_text

STAGES = ("stage_uncommitted", "stage_committed", "stage_hepatic", "stage_mature")
DAYS = np.linspace(0, 28, 15)
QUIET = {"insult_dose": 0.0}


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.ant").read_text(encoding="utf-8")


def test_patient_and_mouse_read_the_same_text_of_the_kinetics_and_dish_and_mouse_that_of_the_mechanisms():
    assert text_of("msc_kinetics") in patient_text()
    assert text_of("msc_kinetics") in world_text("mouse")
    for name in ("msc_differentiation", "msc_secretome"):
        assert text_of(name) in world_text("dish")
        assert text_of(name) in world_text("mouse")
    assert text_of("msc_homing") in world_text("mouse")


def test_no_card_of_a_world_is_without_width_or_reason():
    for world in WORLDS:
        assert set(load_world(world).parameters) == set(world_cards(world))
    for card in (*world_cards("dish").values(), *world_cards("mouse").values(), *experiment_cards().values()):
        if card.grade == "recalled":
            assert card.uncertainty >= RECALLED_UNCERTAINTY
    replaced = ("education_time", "educated_half", "weight", "hepatocytes_total")
    patient = load_cards()
    for name, card in world_cards("mouse").items():
        if name in patient.model and name not in replaced:
            assert card == patient.model[name]


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.4])
def test_cells_are_conserved_minus_death_under_induction(loss):
    found = course("dish", DAYS, (*STAGES, "stage_lost"), {"stage_loss": loss})
    assert np.allclose(sum(found.values()), 1.0, atol=1e-6)
    assert np.allclose(sum(found[name] for name in STAGES), np.exp(-loss * DAYS), atol=1e-6)


def test_the_first_stage_empties_by_its_closed_form_and_the_product_card_uses_the_same_rate():
    from hepatrial.model.products import load_products

    cards = world_cards("dish")
    drive = float(course("dish", [0.0, 1.0], ("induction_drive",))["induction_drive"][0])
    hgf, bfgf = (
        cards[f"drive_by_{name}"].value * cards[f"induction_{name}"].value
        / (cards[f"{name}_half"].value + cards[f"induction_{name}"].value)
        for name in ("hgf", "bfgf")
    )  # fmt: skip
    assert drive == pytest.approx(1 - (1 - hgf) * (1 - bfgf))
    rate = cards["rate_commit"].value
    left = course("dish", DAYS, ("stage_uncommitted",))["stage_uncommitted"]
    assert np.allclose(left, np.exp(-rate * drive * DAYS), atol=1e-6)
    assert load_products()["uc_msc"].value("commitment_rate") == rate


def test_without_a_factor_or_the_mechanism_nothing_differentiates_and_each_factor_adds():
    work = {
        medium: course("dish", [0, 28], ("hepatic_work",), changes)["hepatic_work"][1]
        for medium, changes in differentiation.MEDIA.items()
    }
    assert work["none"] == 0
    assert work["hgf_bfgf"] > work["hgf"] > work["bfgf"] > 0
    off = course("dish", DAYS, ("stage_uncommitted",), {"differentiation_on": 0.0})["stage_uncommitted"]
    assert np.allclose(off, 1.0)


def test_ammonia_falls_only_where_cells_work_and_more_the_longer_they_were_induced():
    removed = [differentiation.ammonia_removed(day, {}) for day in (0.0, 14.0, 28.0)]
    assert removed[0] == pytest.approx(0.0, abs=1e-3)
    assert removed == sorted(removed)
    assert differentiation.ammonia_removed(28.0, differentiation.MEDIA["none"]) == pytest.approx(0, abs=1e-9)


def test_engrafted_cells_halve_by_their_half_life():
    half = experiment_cards()["engrafted_half_life"].value
    share = differentiation.engrafted([0.0, half, 3 * half])
    assert share[1] / share[0] == pytest.approx(0.5, rel=1e-5)
    assert share[2] / share[0] == pytest.approx(0.125, rel=1e-5)


def test_the_patients_bound_of_engraftment_is_never_exceeded_by_the_full_course():
    found = course(
        "mouse", np.linspace(0, 60, 61), ("engraftment_bound", "engrafted_share"),
        {**QUIET, "engrafting_reach": 1.0}, [(0.0, 10.0), (7.0, 10.0)],
    )  # fmt: skip
    assert (found["engrafted_share"] <= found["engraftment_bound"] + 1e-12).all()
    assert found["engrafted_share"].max() > 0
    assert differentiation.patient_bound() == pytest.approx(4 * 65 / 160_000)


def test_migration_is_zero_without_a_gradient_and_without_the_mechanism():
    assert migration.through(0.0, 4.0) == 0.0
    assert migration.through(1.0, 4.0, homing=0.0) == 0.0
    assert migration.through(1.0, 4.0) > migration.through(1.0, 1.0) > 0


def test_migration_has_its_closed_form_and_cells_are_conserved_minus_death():
    cards = world_cards("dish")
    rate, death = 0.5 * cards["migration_rate"].value, cards["culture_death"].value
    found = course("dish", DAYS / 7, ("upper_cells", "lower_cells", "dead_cells"))
    t = DAYS / 7
    assert np.allclose(found["upper_cells"], np.exp(-(rate + death) * t), atol=1e-6)
    assert np.allclose(found["lower_cells"], np.exp(-death * t) * (1 - np.exp(-rate * t)), atol=1e-6)
    assert np.allclose(sum(found.values()), 1.0, atol=1e-6)


def test_more_receptors_help_less_where_the_gradient_already_saturates():
    folds = [migration.through(g, 4.0) / migration.through(g, 1.0) for g in (0.125, 1.0, 8.0)]
    assert folds == sorted(folds, reverse=True)
    assert 1.0 < folds[-1] < folds[0] < 4.0


@pytest.mark.parametrize("route", biodistribution.ROUTES)
@pytest.mark.parametrize("passage", [0.0, 0.1])
def test_living_cells_never_outnumber_the_label_and_all_label_is_accounted_for(route, passage):
    found = biodistribution.shares(route, {"lung_passage": passage, "sensitisation_gain": 0.0})
    for organ in biodistribution.ORGANS:
        assert (found[f"viable_{organ}"] <= found[f"label_{organ}"] + 1e-9).all()
    assert np.allclose(found["label_total"], 1.0, atol=1e-5)


def test_label_is_conserved_under_sensitisation_too():
    found = biodistribution.shares("peripheral_vein", {"sensitisation_gain": 0.5})
    assert np.allclose(found["label_total"], 1.0, atol=1e-5)


def test_living_cells_in_the_lung_have_the_closed_form_of_the_patients_clearance():
    clearance = load_cards().model["cell_clearance"].value
    living = biodistribution.shares("peripheral_vein", {"sensitisation_gain": 0.0})["viable_lung"]
    expected = np.exp(-clearance * np.array(biodistribution.HOURS) / 24)
    assert np.allclose(living, expected, atol=1e-5)


def test_the_split_of_the_portal_bed_is_a_spleen_that_empties_into_the_liver():
    # Second implementation: spleen and liver as compartments of their own, one death rate in both.
    cards = world_cards("mouse")
    k, r = cards["cell_clearance"].value, cards["spleen_release"].value
    days = np.array(biodistribution.HOURS) / 24
    two = solve_ivp(
        lambda _t, y: [-(k + r) * y[0], r * y[0] - k * y[1]], (0, days[-1]), [1.0, 0.0], t_eval=days,
        rtol=1e-10, atol=1e-12,
    ).y  # fmt: skip
    found = biodistribution.shares("intrasplenic", {"sensitisation_gain": 0.0})
    assert np.allclose(found["viable_spleen"], two[0], atol=1e-5)
    assert np.allclose(found["viable_liver"], two[1], atol=1e-5)
    # The patient's compartment is their sum whatever the release: the reduced form is exact.
    portal = biodistribution.shares("portal_vein", {"sensitisation_gain": 0.0})
    assert np.allclose(found["viable_spleen"] + found["viable_liver"], portal["viable_liver"], atol=1e-6)


def test_the_patients_education_is_the_limit_of_the_full_one():
    days = np.linspace(0, 80, 801)
    names = ("educated_phagocytes", "taught_phagocytes")
    gaps, areas = [], []
    for uptake in (2.0, 12.0, 100.0):
        found = course("mouse", days, names, {**QUIET, "debris_uptake": uptake}, [(0.0, 10.0), (7.0, 10.0)])
        reduced, full = (found[name] for name in names)
        gaps.append(np.abs(full - reduced).max() / reduced.max())
        areas.append(np.trapezoid(full, days) / np.trapezoid(reduced, days))
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.02
    # What is learnt in all does not depend on how fast debris is eaten.
    assert np.allclose(areas, 1.0, atol=0.01)


def test_messengers_are_gone_within_days_of_the_cells_so_that_the_slow_part_is_what_the_patient_keeps():
    names = ("secreted_hgf", "secreted_calming", "vesicles", "cell_effect")
    found = course("mouse", [0.0, 0.5, 5.0], names, {}, [(0.0, 10.0)])
    for name in names[:3]:
        assert found[name][2] < 0.01 * max(found[name][1], 1e-9), name
    assert found["cell_effect"][2] > 0.5 * found["cell_effect"][1]


def test_without_the_secretome_stromal_cells_do_nothing_to_others():
    names = ("growth_signal", "calming_signal", "restorative_macrophages_dish", "regulatory_dish")
    off = course("dish", [0.0, 3.0], names, {"secretome_on": 0.0})
    assert all(off[name][1] == 0 for name in names)
    on = course("dish", [0.0, 3.0], names)
    assert all(on[name][1] > 0 for name in names)


def test_unlicensed_cells_calm_nothing_by_messengers():
    calm = course("dish", [0.0, 2.0], ("secreted_calming", "secreted_hgf"), {"stimulus": 0.0})
    assert calm["secreted_calming"][1] == 0
    assert calm["secreted_hgf"][1] > 0


def test_a_mouse_without_toxin_stays_well_and_nobody_dies():
    found = course("mouse", np.linspace(0, 30, 31), ("liver_mass", "inflammation", "H_death"), QUIET)
    assert np.allclose(found["liver_mass"], 1.0)
    assert (found["H_death"] == 0).all()
    assert mouse.survival(mouse.Group(0.0, 1.0, QUIET), n=50)[-1] == 1.0


def test_saline_and_cells_differ_by_the_cells_alone():
    saline, none = mouse.Group(dose=0.0), mouse.Group(changes={"secretome_on": 0.0})
    assert np.array_equal(mouse.survival(saline, 300), mouse.survival(none, 300))
    assert (mouse.survival(mouse.Group(), 300) >= mouse.survival(saline, 300)).all()


def test_no_fold_of_receptors_helps_where_nothing_passes_the_lung():
    some = mouse.over_expressing(0.05)["lung_passage"]
    attraction = [
        float(course("dish", [0, 1], ("attraction",), {"receptor_fold": fold})["attraction"][0])
        for fold in (4.0, 1.0)
    ]
    assert mouse.over_expressing(0.0) == {"lung_passage": 0.0}
    assert some / 0.05 == pytest.approx(attraction[0] / attraction[1])


def test_a_setting_that_the_world_does_not_have_is_refused():
    with pytest.raises(BadInput, match="gradient"):
        course("dish", [0, 1], ("attraction",), {"gradiant": 1.0})
    with pytest.raises(BadInput, match="world"):
        world_text("rat")


def test_every_rate_in_the_text_of_the_mechanisms_is_named():
    for name in ("msc_differentiation", "msc_homing", "msc_secretome", "msc_migration", "dish", "mouse"):
        body = re.sub(r"//.*|\".*?\"", "", text_of(name))
        numbers = {float(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e\d+)?", body)}
        assert numbers <= {0.0, 1.0, 2.0, 0.5, 0.1, 1e9}, (name, numbers)
    assert math.isclose(world_cards("mouse")["weight"].value, 0.025)
