"""What an arm gives its patients."""

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model
from hepatrial.population.deck import make_deck
from hepatrial.protocol import PRODUCTS, load_protocol, protocol_from_dict
from hepatrial.trial.plan import arm_names, make_plan
from hepatrial.trial.regimen import arm_weights, batch_potency, course_doses, course_parameters

LIN = load_protocol("lin2017")
SPEC = load_patient_model()
COLUMN = {name: i for i, name in enumerate(SPEC.parameters)}
NOTHING = ({},)


def with_(**settings):
    return LIN.with_settings({name.replace("__", "."): value for name, value in settings.items()})[0]


def parameters(protocol, plan=None, deck=None, variants=NOTHING):
    plan = plan if plan is not None else make_plan(protocol, 1, 1, 400, np.ones(len(variants)))
    before = np.tile(SPEC.default_parameters, (len(plan), 1))
    before[:, COLUMN["weight"]] = 50.0
    return plan, course_parameters(protocol, SPEC, deck or make_deck(), 1, plan, before, variants)


def by_arm(protocol, plan, values):
    return {name: values[plan.arm == code] for code, name in enumerate(arm_names(protocol))}


def test_everybody_is_in_hospital_and_gets_the_shared_care():
    plan, p = parameters(LIN)
    assert (p[:, COLUMN["in_hospital"]] == 1).all()
    assert (p[:, COLUMN["antiviral"]] == 1).all()
    assert (p[:, COLUMN["plasma_rate"]] == LIN.care.plasma.rate).all()
    assert (p[:, COLUMN["plasma_inr_above"]] == LIN.care.plasma.inr_above).all()
    assert (p[:, COLUMN["albumin_rate"]] == LIN.care.albumin.rate).all()
    assert (p[:, COLUMN["albumin_below"]] == LIN.care.albumin.below).all()
    listed = p[:, COLUMN["listed"]]
    assert (p[:, COLUMN["transplant_base"]] == LIN.care.transplant.offer_rate).all()
    assert 0 < listed.mean() < 0.06
    assert len(plan) == len(p)


def test_an_arms_own_care_replaces_the_shared_one_for_the_same_persons():
    protocol = with_(**{"care.antiviral": 0.5, "arms.smt.care": {"antiviral": 0.2}})
    plan, p = parameters(protocol)
    pairs = by_arm(protocol, plan.rows(slice(0, 800)), p[:800, COLUMN["antiviral"]])
    assert pairs["msc"].mean() == pytest.approx(0.5, abs=0.08)
    assert pairs["smt"].mean() == pytest.approx(0.2, abs=0.07)
    assert (pairs["msc"] >= pairs["smt"]).all()  # one draw a person: 0.2 of them are among the 0.5


def test_care_without_transplant_lists_nobody():
    data = LIN.as_dict()
    data["care"].pop("transplant")
    data["assumptions"] = []
    _, p = parameters(protocol_from_dict(data))
    assert (p[:, COLUMN["listed"]] == 0).all()


def test_a_variant_touches_the_treated_arm_only():
    variants = ({}, {"effect_macrophage": 0.5})
    plan, p = parameters(LIN, variants=variants)
    effect = by_arm(LIN, plan, p[:, COLUMN["effect_macrophage"]])
    chosen = by_arm(LIN, plan, plan.variant)
    assert (effect["smt"] == 0).all()
    assert np.array_equal(effect["msc"], 0.5 * chosen["msc"])
    assert 0 < chosen["msc"].mean() < 1
    _, none = parameters(LIN)
    control = plan.arm == 1
    assert np.array_equal(p[control], none[control])


def test_a_setting_of_the_run_wins_over_the_variant():
    deck = make_deck({"effect_macrophage": 0.9})
    plan, p = parameters(LIN, deck=deck, variants=({"effect_macrophage": 0.5, "education_time": 30.0},))
    treated = plan.arm == 0
    assert (
        p[treated, COLUMN["effect_macrophage"]] == SPEC.default_parameters[COLUMN["effect_macrophage"]]
    ).all()
    assert (p[treated, COLUMN["education_time"]] == 30.0).all()


def test_the_route_decides_what_share_goes_into_the_livers_vessels():
    for route, share in (("peripheral_vein", 0.0), ("hepatic_artery", 1.0), ("portal_vein", 1.0)):
        protocol = with_(**{"arms.msc.regimen[0].route": route})
        plan, p = parameters(protocol)
        values = by_arm(protocol, plan, p[:, COLUMN["route_liver_share"]])
        assert (values["msc"] == share).all()
        assert (values["smt"] == 0).all()


def test_a_patients_own_cells_do_not_sensitise():
    own = with_(**{"arms.msc.regimen[0].product": "bm_msc_autologous", "batch.patients_per_batch": 1})
    plan, p = parameters(own)
    gain = by_arm(own, plan, p[:, COLUMN["sensitisation_gain"]])
    assert (gain["msc"] == 0).all()
    assert (gain["smt"] > 0).all()


def test_patients_of_one_batch_share_its_potency_and_batches_differ():
    deck = make_deck()
    replicate = np.repeat([1, 2], 16)
    potency = batch_potency(LIN, deck, 1, "uc_msc", replicate, np.tile(np.arange(16), 2))
    batches = potency.reshape(4, 8)
    assert (batches == batches[:, :1]).all()
    assert len(np.unique(batches[:, 0])) == 4
    other = batch_potency(LIN, deck, 1, "bm_msc_allogeneic", replicate, np.tile(np.arange(16), 2))
    assert not np.isclose(potency, other).any()


def test_potency_has_the_cards_spread_or_the_protocols():
    replicate, number = np.arange(20_000), np.zeros(20_000, dtype=int)
    card = make_deck().model["potency"]
    logs = np.log(batch_potency(LIN, make_deck(), 1, "uc_msc", replicate, number))
    cv = PRODUCTS["uc_msc"].value("batch_cv")
    assert logs.std() == pytest.approx(np.sqrt(np.log1p(cv**2)), rel=0.02)
    set_ = make_deck({"potency.spread": 2 * card.spread})
    logs = np.log(batch_potency(LIN, set_, 1, "uc_msc", replicate, number))
    assert logs.std() == pytest.approx(2 * card.spread, rel=0.02)
    wide = with_(batch__between_batch_cv=0.8)
    logs = np.log(batch_potency(wide, make_deck(), 1, "uc_msc", replicate, number))
    assert logs.std() == pytest.approx(np.sqrt(np.log(1.64)), rel=0.02)


def doses(protocol, end=168.0, n=300):
    plan = make_plan(protocol, 1, 1, n, np.ones(1))
    p = np.tile(SPEC.default_parameters, (len(plan), 1))
    p[:, COLUMN["weight"]] = np.linspace(40, 90, len(plan))
    given = course_doses(protocol, SPEC, 1, plan, p, np.full(len(plan), end))
    return plan, p[:, COLUMN["weight"]], given


def test_only_the_treated_arm_is_infused_as_often_as_planned():
    plan, _, given = doses(LIN)
    assert (SPEC.actions.index("infuse_cells") == given.action).all()
    counts = by_arm(LIN, plan, np.bincount(given.row, minlength=len(plan)))
    assert (counts["msc"] == 4).all()
    assert (counts["smt"] == 0).all()
    assert np.allclose(given.amount, 0.32 * PRODUCTS["bm_msc_allogeneic"].value("viability"))
    assert set(given.detail) == {"bm_msc_allogeneic"}


def test_a_total_dose_is_shared_by_body_weight():
    protocol = with_(**{"arms.msc.regimen[0].dose": "5e7 cells"})
    _, weight, given = doses(protocol)
    assert np.allclose(given.amount, 0.9 * 50.0 / weight[given.row])


def test_nothing_is_given_after_a_course_ends():
    _, _, given = doses(LIN, end=13.0)
    assert given.day.max() < 13.0
    assert len(given.day) > 0


def test_plasma_exchange_goes_to_its_share_of_patients_in_every_arm_alike():
    course = {"share": 0.5, "sessions": 3, "volumes": "1.2 plasma volume", "first_day": "1 d", "every": "2 d"}
    protocol = with_(care__plasma_exchange=course)
    plan, _, given = doses(protocol)
    mine = given.action == SPEC.actions.index("plasma_exchange")
    assert set(given.day[mine]) == {1.0, 3.0, 5.0}
    assert (given.amount[mine] == 1.2).all()
    counts = np.bincount(given.row[mine], minlength=len(plan))
    assert set(counts) == {0, 3}
    pairs = by_arm(protocol, plan.rows(slice(0, 600)), counts[:600])
    assert np.array_equal(pairs["msc"], pairs["smt"])
    assert np.mean(pairs["msc"] == 3) == pytest.approx(0.5, abs=0.1)


def test_a_protocol_without_anything_to_give_has_no_impulses():
    data = LIN.as_dict()
    data["arms"]["msc"]["regimen"] = []
    data["assumptions"] = []
    _, _, given = doses(protocol_from_dict(data))
    assert len(given.row) == 0


def arm_with(*lines):
    """Lin's treated arm with other lines; an autologous product is a batch a patient."""
    data = LIN.as_dict()
    base = data["arms"]["msc"]["regimen"][0]
    data["arms"]["msc"]["regimen"] = [{**base, **line} for line in lines]
    data["batch"] = {"patients_per_batch": 1}
    data["assumptions"] = []
    return protocol_from_dict(data)


def treated(protocol, name, **more):
    plan, p = parameters(protocol, **more)
    return by_arm(protocol, plan, p[:, COLUMN[name]])["msc"]


VARIANT = ({"effect_macrophage": 0.5},)


def test_a_product_without_a_known_effect_has_none_and_leaves_nothing_behind():
    halpc = arm_with({"product": "halpc"})
    assert (treated(halpc, "potency", variants=VARIANT) == 0).all()
    assert (treated(halpc, "effect_macrophage", variants=VARIANT) == 0).all()
    assert (treated(halpc, "procoagulant") == PRODUCTS["halpc"].value("procoagulant")).all()


def test_an_effect_is_borrowed_only_when_the_protocol_says_so():
    borrowed = arm_with({"product": "halpc", "borrow_from": "bm_msc_allogeneic"})
    assert (treated(borrowed, "potency", variants=VARIANT) > 0).all()
    assert (treated(borrowed, "effect_macrophage", variants=VARIANT) == 0.5).all()


def test_an_arm_of_two_products_and_routes_gets_their_mean_by_living_cells():
    mixed = arm_with(
        {"product": "bm_msc_autologous", "dose": "2e6 cells/kg", "viability": 1.0, "days": [0]},
        {
            "product": "cd34_cd133",
            "dose": "1e6 cells/kg",
            "viability": 1.0,
            "days": [0, 7],
            "route": "portal_vein",
        },
    )
    alone = arm_with({"product": "bm_msc_autologous", "dose": "2e6 cells/kg"})
    assert arm_weights(mixed.arms["msc"]).tolist() == [0.5, 0.5]
    assert (treated(mixed, "route_liver_share") == 0.5).all()
    # Half of the cells leave nothing behind; those of the other product are undiluted in all.
    assert np.allclose(treated(mixed, "potency"), 0.5 * treated(alone, "potency"))


def test_viability_passage_and_induction_each_lower_what_the_cells_do():
    base = treated(arm_with({}), "potency")
    assert (treated(arm_with({"passage": 12.0}), "potency") < base).all()
    assert (treated(arm_with({"passage": 2.0}), "potency") > base).all()
    assert (treated(arm_with({"induction": "7 d"}), "potency") < base).all()
    _, _, half = doses(arm_with({"viability": 0.5}))
    assert np.allclose(half.amount, 0.5 * 0.32)
    _, _, card = doses(LIN)
    assert np.allclose(card.amount, 0.32 * PRODUCTS["bm_msc_allogeneic"].value("viability"))


def test_a_growth_factor_is_no_cell():
    days = {"days": [0, 1, 2, 3, 4], "window": "0 d"}
    arm = arm_with({"product": "g_csf", "dose": "15 ug/kg", "route": "subcutaneous", **days})
    assert arm.arms["msc"].infusions == 0
    _, _, given = doses(arm)
    assert set(given.action) == {SPEC.actions.index("give_gcsf")}
    assert (given.amount == 15.0).all()
    assert (treated(arm, "procoagulant") == 0).all()


def test_vesicles_are_counted_as_what_one_cell_gives_off_in_a_day():
    arm = arm_with({"product": "msc_vesicles", "dose": "3e9 particles/kg"})
    _, _, given = doses(arm)
    assert np.allclose(given.amount, 3e9 / PRODUCTS["msc_vesicles"].value("cell_equivalent") / 1e6)


def test_what_does_not_fit_a_product_is_refused_together():
    line = {"product": "g_csf", "dose": "1e6 cells/kg", "route": "portal_vein", "passage": 3.0}
    with pytest.raises(BadInput) as refused:
        arm_with(line)
    places = {problem.place.rpartition(".")[2] for problem in refused.value.problems}
    assert {"dose", "route", "passage"} <= places
    for lender, borrower in (("cd133", "halpc"), ("uc_msc", "bm_msc_allogeneic")):
        with pytest.raises(BadInput, match="borrow_from"):
            arm_with({"product": borrower, "borrow_from": lender})
