"""Counterfactual worlds hold the same patients with the same luck, and lack what they are to lack."""

import numpy as np
import pytest
from test_aftermath import BOUGHT, RESCUE

from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.trial import run_trial
from hepatrial.trial.worlds import simulate_worlds, world_protocol

BASE, NO_OFFERS = frozenset(), frozenset({"transplant"})


def lin(**more):
    data = load_protocol("lin2017").as_dict()
    data["care"]["transplant"] = {"listed": 0.6, "offer_rate": "10 % per week"}
    return protocol_from_dict({**data, **more})


def test_arms_of_every_world_stand_for_the_trials_arms():
    wide, stands = world_protocol(lin(), [BASE, NO_OFFERS])
    assert sorted(stands.values(), key=str) == sorted(
        [(w, a) for w in (BASE, NO_OFFERS) for a in ("msc", "smt")], key=str
    )
    for own, (world, _) in stands.items():
        listed = wide.care_of(own).transplant.listed
        assert listed == (0.0 if "transplant" in world else 0.6)
    assert wide.dropout.rate == 0


def test_events_are_limited_to_the_worlds_that_have_them():
    later = {"missed_infusion": 0.1, "outside_cells": BOUGHT, "rescue_plasma_exchange": RESCUE}
    without = frozenset({"outside_cells", "undelivered_infusion", "rescue_plasma_exchange"})
    wide, stands = world_protocol(lin(intercurrent=later), [BASE, without])
    inside = {own for own, (world, _) in stands.items() if world == BASE}
    assert set(wide.intercurrent.missed_infusion_arms) == inside
    assert set(wide.intercurrent.rescue_plasma_exchange.arms) == inside
    assert set(wide.intercurrent.outside_cells.arms) == {o for o in inside if stands[o][1] == "smt"}
    nowhere, _ = world_protocol(lin(intercurrent=later), [without])
    assert nowhere.intercurrent.outside_cells is None
    assert nowhere.intercurrent.missed_infusion == 0


@pytest.mark.slow
def test_a_world_without_offers_differs_by_the_transplants_alone(tmp_path):
    protocol = lin()
    worlds = simulate_worlds(protocol, [BASE, NO_OFFERS], pairs=150, seed=3, out=tmp_path / "worlds")
    run = run_trial(protocol, patients=20, replicates=1, pairs=150, seed=3, out=tmp_path / "run")
    pairs = run.subjects.filter(run.subjects["replicate"] == 0).sort("arm", "subject")
    base = worlds[BASE]["subject"].sort("arm", "subject")
    same = ["arm", "subject", "patient", "age", "overall_survival_time", "first_event"]
    assert base.select(same).equals(pairs.select(same))
    other = worlds[NO_OFFERS]["subject"].sort("arm", "subject")
    assert (base["first_event"] == "transplant").sum() > 10
    assert (other["first_event"] == "transplant").sum() == 0
    kept = (base["first_event"] != "transplant").to_numpy()
    np.testing.assert_allclose(
        base["overall_survival_time"].to_numpy()[kept],
        other["overall_survival_time"].to_numpy()[kept],
        rtol=1e-3,
    )
    assert (base["patient"] == other["patient"]).all()
