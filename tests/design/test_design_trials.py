"""Trials of a design drawn from a bank whose law is known: closed forms, errors, invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_bank import exponential_bank
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.analysis import group_sequential, survival_power
from hepatrial.analysis.stopping import after_stopping, stagewise_table
from hepatrial.design.assurance import assurance, centre_at_half, weights_on
from hepatrial.design.conduct import Records, information_at, look_days
from hepatrial.design.effect import Effect, Paths, paid_back, scale_for
from hepatrial.design.evaluate import compare, evaluate
from hepatrial.design.operating import PARTS, characteristics, limit, make_runner, number
from hepatrial.design.plan import Plan, load_design
from hepatrial.design.priors import Prior, log_hazard_ratio, priors
from hepatrial.design.replicates import largest_error
from hepatrial.design.slots import arm_of_slots, draw_slots, entry_days, in_turn
from hepatrial.design.truth import Truth, hazard_ratio, make_stage, records, strong_null, weak_null
from hepatrial.errors import BadInput
from hepatrial.protocol.design import Recruitment

BANK = exponential_bank()
LOOKS = {"information": [0.5, 1.0]}


def plan(**entries: object) -> Plan:
    base = {"patients": 300, "week": 24.0, "endpoint": "overall_survival", "hazard_ratio": 0.6, **entries}
    return load_design("lin2017").changed(**base)


def runner(bank=BANK, **entries):
    return make_runner(make_stage(plan(**entries), bank))


def near(found, wanted, slack=0.0):
    assert abs(found.value - wanted) < 4 * found.mcse + slack, (found, wanted)


# --- effects -----------------------------------------------------------------------------------------


def test_a_death_comes_when_the_hazard_reaches_the_threshold():
    paths = Paths(BANK.courses("smt"), BANK.grid)
    luck = np.array([0.0, 0.1, 0.3, 0.9])
    day = paths.death(luck, np.arange(4))
    assert day[:3] == pytest.approx(luck[:3] / 0.004)
    assert np.isinf(day[3])


@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize("ratio", [0.4, 0.8, 1.3])
def test_an_effect_is_the_hazard_ratio_of_the_population_however_different_patients_are(ratio, spread):
    bank = exponential_bank(spread=spread)
    paths = Paths(bank.courses("smt"), bank.grid)
    rng = np.random.default_rng(1)
    row = rng.integers(0, bank.patients, 200_000)
    died = paths.death(rng.exponential(size=row.size), row, Effect(ratio))
    for day in (20.0, 90.0, 168.0):
        control = float(paths.survival(day).mean())
        assert (died > day).mean() == pytest.approx(control**ratio, abs=0.006)
        assert float(paths.survival(day, Effect(ratio)).mean()) == pytest.approx(control**ratio, abs=2e-4)


def test_a_delayed_effect_leaves_the_days_before_it_alone():
    paths = Paths(BANK.courses("smt"), BANK.grid)
    luck, row = np.random.default_rng(2).exponential(size=500), np.arange(500)
    plain, late = paths.death(luck, row), paths.death(luck, row, Effect(0.5, delay=30.0))
    before = plain <= 30
    assert late[before] == pytest.approx(plain[before])
    assert (late[~before & np.isfinite(plain)] > plain[~before & np.isfinite(plain)]).all()


@given(early=st.floats(0.3, 0.95), until=st.floats(10, 100), scale=st.floats(0.5, 3))
@settings(max_examples=30, deadline=None)
def test_what_is_paid_back_leaves_survival_equal_at_the_end(early, until, scale):
    paths = Paths(BANK.courses("smt"), BANK.grid)
    effect = paid_back(paths, 168.0, early, until, scale)
    assert paths.changed(168.0, effect, scale) == pytest.approx(paths.changed(168.0, Effect(), scale))
    assert effect.after > 1


def test_the_hazard_is_scaled_to_the_survival_asked_for():
    bank = exponential_bank(spread=1.0, transplant=0.002)
    paths = Paths(bank.courses("smt"), bank.grid)
    for composite in (False, True):
        scale = scale_for(paths, 90.0, 0.55, composite=composite)
        assert float(paths.survival(90.0, scale=scale, composite=composite).mean()) == pytest.approx(0.55)


# --- luck --------------------------------------------------------------------------------------------


def test_a_smaller_trial_has_the_first_places_of_a_larger_one():
    replicate = np.arange(1, 51)
    small, large = draw_slots(3, replicate, 40, 5000), draw_slots(3, replicate, 90, 5000)
    assert (small.person == large.person[:, :40]).all()
    assert (small.luck == large.luck[:, :40]).all()


def test_trials_of_different_parts_share_no_patient():
    slots = draw_slots(1, np.arange(1, 2 * PARTS + 1), 200, 5000)
    mine = [set(row) for row in slots.person]
    assert mine[0].isdisjoint(mine[1])
    assert (slots.person[0] // 200 == slots.person[PARTS] // 200).all()


@pytest.mark.parametrize("sizes", [(56, 54), (89, 44), (100, 100), (132, 132, 132)])
def test_arms_have_their_sizes_and_stay_balanced_on_the_way(sizes):
    arm = arm_of_slots(draw_slots(5, np.arange(1, 26), sum(sizes), 5000).order, sizes)
    for code, size in enumerate(sizes):
        assert (np.sum(arm == code, axis=1) == size).all()
    half = arm[:, : sum(sizes) // 2]
    assert np.abs(np.mean(half == 0, axis=1) - sizes[0] / sum(sizes)).max() < 0.08
    assert sorted(in_turn(sizes).tolist()) == sorted(arm[0].tolist())


def test_patients_come_at_the_planned_rate_after_the_ramp():
    gaps = draw_slots(1, np.arange(1, 201), 100, 5000).arrival
    steady = entry_days(gaps, Recruitment.model_validate({"rate": "7 per week"}))
    ramped = entry_days(gaps, Recruitment.model_validate({"rate": "7 per week", "ramp": "20 d"}))
    assert steady[:, -1].mean() == pytest.approx(99, rel=0.05)
    # the ramp costs half its length, less what the first patient's own wait would have been
    assert 4 < (ramped[:, -1] - steady[:, -1]).mean() < 10
    assert (np.diff(ramped, axis=1) >= 0).all()


# --- looks -------------------------------------------------------------------------------------------


def test_nothing_after_the_cut_off_is_known_at_a_look():
    seen = Records(
        np.array([[0.0, 10.0, 50.0]]), np.array([[True, False, True]]), np.array([[30.0, 100.0, 5.0]]),
        np.array([[True, True, True]]), 168.0,
    )  # fmt: skip
    time, event, here = seen.at(np.array([25.0]))
    assert time.tolist() == [[25.0, 15.0, 0.0]]
    assert event.tolist() == [[False, False, False]]
    assert here.tolist() == [[True, True, False]]


def test_an_event_driven_look_comes_on_the_day_of_its_event():
    made = plan(looks={"events": [2, 3], "information": []}, patients=4)
    seen = Records(
        np.array([[0.0, 10.0, 20.0, 30.0]]), np.array([[True, False, True, False]]),
        np.array([[30.0, 100.0, 15.0, 168.0]]), np.array([[True, True, True, False]]), 168.0,
    )  # fmt: skip
    assert look_days(made, seen, np.array([2.0, 3.0])).tolist() == [[35.0, 110.0]]


# --- closed forms ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixed():
    return runner()


@pytest.fixture(scope="module")
def sequential():
    return runner(looks=LOOKS, futility={"kind": "hwang_shih_decani", "parameter": -4.0})


def test_power_is_that_of_schoenfeld(fixed):
    for ratio in (0.6, 0.75):
        ended = fixed.run(hazard_ratio(ratio), 4000)
        events = ended.events.mean()
        near(number(ended.decision == 1), survival_power(events, ratio), slack=0.012)


def test_type_one_error_is_kept_under_both_nulls(fixed, sequential):
    for made in (fixed, sequential):
        for truth in (strong_null(), weak_null(made.stage)):
            found = number(made.run(truth, 4000).decision == 1)
            if truth.name == "strong null":
                near(found, 0.025, slack=0.003 if made is fixed else 0.008)
            else:
                assert found.value < 0.06


def test_the_milestone_test_keeps_its_level_under_the_weak_null():
    made = runner(method="milestone")
    near(number(made.run(weak_null(made.stage), 4000).decision == 1), 0.025, slack=0.004)


def test_looks_stop_as_often_as_recursive_integration_says(sequential):
    ended = sequential.run(hazard_ratio(0.6), 4000)
    boundary = sequential.boundary
    events = sequential.planned[-1]
    drift = -math.log(0.6) * math.sqrt(events / 4)
    high, low = boundary.exits(drift)
    near(number((ended.decision == 1) & (ended.look == 1)), high[0], slack=0.02)
    near(number((ended.decision == 2) & (ended.look == 1)), low[0], slack=0.01)


@pytest.mark.parametrize("kind", ["obrien_fleming", "pocock", "spending_pocock"])
def test_every_family_of_boundaries_keeps_the_level(kind):
    made = runner(looks={"information": [0.33, 0.67, 1.0]}, efficacy={"kind": kind})
    near(number(made.run(strong_null(), 2000).decision == 1), 0.025, slack=0.004)


def test_custom_spending_and_binding_futility_keep_the_level():
    made = runner(
        looks=LOOKS,
        efficacy={"kind": "custom", "cumulative": [0.01, 0.025]},
        futility={"kind": "hwang_shih_decani", "parameter": -2.0, "binding": True},
    )
    near(number(made.run(strong_null(), 2000).decision == 1), 0.025, slack=0.004)


def test_calendar_looks_keep_the_level_at_the_information_that_came():
    made = runner(looks={"calendar": ["40 weeks", "90 weeks", "200 weeks"], "information": []})
    near(number(made.run(strong_null(), 2000).decision == 1), 0.025, slack=0.004)


def test_estimates_after_stopping_cover_and_halve(sequential):
    ended = sequential.run(hazard_ratio(0.6), 2000)
    found = characteristics(sequential, hazard_ratio(0.6), ended)
    assert found["target"] == pytest.approx(math.log(0.6), abs=2e-3)
    assert abs(found["adjusted_coverage"]["value"] - 0.95) < 0.02
    assert abs(found["adjusted_below_target"]["value"] - 0.5) < 0.04


def test_the_table_reads_what_inference_after_stopping_computes():
    design = group_sequential([0.5, 1], futility="spending_obrien_fleming")
    table = stagewise_table(design)
    for look, z in ((1, 3.2), (2, 2.4), (2, 0.7)):
        exact = after_stopping(design, look, z)
        got = [float(table.drift_at(np.array([look]), np.array([z]), p)[0]) for p in (0.5, 0.025, 0.975)]
        assert got == pytest.approx([exact.estimate.estimate, *exact.estimate.ci], abs=0.01)


def test_the_target_of_a_difference_is_the_true_difference():
    made = runner(method="milestone")
    treated, control = made.stage.survival(hazard_ratio(0.5))
    assert limit(made.stage, hazard_ratio(0.5)) == pytest.approx(treated - control)
    assert treated == pytest.approx(control**0.5, abs=1e-4)


# --- what changes what -------------------------------------------------------------------------------


def test_threads_and_the_number_of_trials_change_no_trial(sequential):
    one = sequential.run(hazard_ratio(0.7), 1000, threads=1)
    two = sequential.run(hazard_ratio(0.7), 1500, threads=2)
    assert (one.z == two.z[:1000]).all()


def test_a_stated_precision_stops_the_simulation_early(fixed):
    ended = fixed.run(strong_null(), 20_000, precision=0.006)
    assert len(ended.look) < 20_000
    assert number(ended.decision == 1).mcse <= 0.006


def test_overrun_adds_patients_and_time_only(sequential):
    late = runner(
        looks={**LOOKS, "overrun": "4 weeks"}, futility={"kind": "hwang_shih_decani", "parameter": -4.0}
    )
    plain, slow = (made.run(hazard_ratio(0.4), 500) for made in (sequential, late))
    assert (plain.decision == slow.decision).all()
    early = plain.look == 1
    assert (slow.days[early] > plain.days[early]).all()
    assert (slow.patients[early] >= plain.patients[early]).all()
    assert (slow.overrun_z[early] != slow.z[early]).any()


def test_crossover_nondelivery_and_dropout_each_cost_power(fixed):
    whole = number(fixed.run(hazard_ratio(0.6), 2000).decision == 1).value
    for operations in ({"crossover": "40 %"}, {"undelivered": "40 %"}, {"dropout": "3 % per week"}):
        less = number(runner(operations=operations).run(hazard_ratio(0.6), 2000).decision == 1).value
        assert less < whole - 0.03, operations


def test_slow_recruitment_costs_time_only(fixed):
    slow = runner(recruitment={"rate": "1 per week"})
    quick, late = fixed.run(hazard_ratio(0.6), 500), slow.run(hazard_ratio(0.6), 500)
    assert late.days.mean() > 1.7 * quick.days.mean()
    assert quick.z == pytest.approx(late.z)


def test_a_structural_variant_is_simulated_on_its_own_courses(fixed):
    treated, control = fixed.stage.survival(Truth("some", None, "some"))
    assert treated == pytest.approx(control**0.7, abs=1e-3)
    ended = fixed.run(Truth("some", None, "some"), 2000)
    near(number(ended.decision == 1), survival_power(ended.events.mean(), 0.7), slack=0.015)


# --- errors, assurance, comparison -------------------------------------------------------------------


def test_the_error_holds_the_spread_between_parts_of_the_bank():
    rng = np.random.default_rng(4)
    part = np.tile(rng.normal(0, 1, PARTS), 40)
    found = number(part + rng.normal(0, 0.1, part.size))
    assert found.mcse == pytest.approx(part[:PARTS].std(ddof=1) / 5, rel=0.05)
    plain = number(rng.normal(0, 1, 10_000))
    assert 0.0099 < plain.mcse < 0.015


def test_assurance_under_a_certain_belief_is_the_power_there():
    grid = np.log([0.5, 0.7, 1.0])
    success = np.random.default_rng(1).random((3, 2000)) < np.array([0.9, 0.5, 0.02])[:, None]
    sure = Prior("sure", math.log(0.7), 1e-6, math.inf, "", "")
    assert assurance(grid, success, sure)["assurance"]["value"] == pytest.approx(success[1].mean(), abs=1e-4)
    wide = Prior("wide", 0.0, 0.4, math.inf, "", "")
    by_hand = np.interp(wide.points(), grid, success.mean(axis=1)).mean()
    assert assurance(grid, success, wide)["assurance"]["value"] == pytest.approx(by_hand)
    assert weights_on(grid, wide.points()).sum() == pytest.approx(1)


def test_the_centre_of_half_assurance_gives_half():
    grid, power = np.log([0.3, 0.6, 1.0, 1.3]), np.array([0.99, 0.6, 0.03, 0.0])
    belief = Prior("b", 0.0, 0.3, math.inf, "", "")
    centre = centre_at_half(grid, power, belief)
    assert centre is not None
    moved = Prior("b", math.log(centre), 0.3, math.inf, "", "")
    assert np.interp(moved.points(), grid, power).mean() == pytest.approx(0.5, abs=1e-3)


def test_beliefs_stand_side_by_side_and_rest_on_what_was_seen():
    beliefs = {one.name: one for one in priors(0.6)}
    assert list(beliefs) == ["sceptical", "msc_evidence", "msc_discounted", "reference_class"]
    assert (beliefs["sceptical"].points() < math.log(0.6)).mean() == pytest.approx(0.05, abs=1e-3)
    value, variance = log_hazard_ratio(41 / 56, 56, 30 / 54, 54)
    assert beliefs["msc_evidence"].mean == pytest.approx(value)
    assert beliefs["msc_evidence"].sd > math.sqrt(variance)
    assert 0.7 < math.exp(beliefs["reference_class"].mean) < 1.2
    assert beliefs["msc_evidence"].mean < beliefs["msc_discounted"].mean < beliefs["reference_class"].mean


def test_an_evaluation_shows_every_belief_and_pairs_designs_on_the_same_trials():
    grid = {"grid": [1.0, 0.8, 0.6, 0.4]}
    one = evaluate(plan(**grid), BANK, trials=500)
    names = {row["name"] for row in one.results["assurance"]["rows"]}
    assert names == {"sceptical", "msc_evidence", "msc_discounted", "reference_class", "calibrated"}
    two = evaluate(plan(patients=200, **grid), BANK, trials=500)
    rows = {row["truth"]: row for row in compare(one, two)}
    pair = rows["hazard ratio 0.6"]["success"]
    alone = [number(e.ended["hazard ratio 0.6"].decision == 1).mcse for e in (one, two)]
    assert pair["mcse"] < math.hypot(*alone)
    same = {row["truth"]: row["success"]["value"] for row in compare(one, one)}
    assert set(same.values()) == {0.0}


def test_what_cannot_be_simulated_is_refused_together():
    with pytest.raises(BadInput) as bad:
        evaluate(plan(), BANK, trials=5, precision=0.9, seed=-1)
    assert len(bad.value.problems) == 3
    with pytest.raises(BadInput):
        make_stage(plan(control_survival=0.9999999), exponential_bank(hazard=5.0))


def test_a_truth_stops_when_every_characteristic_is_precise_and_not_before():
    planned = plan(patients=80, week=12.0, looks=LOOKS, hazard_ratio=0.5, grid=[1.0, 0.5], method="logrank")
    bank = exponential_bank(hazard=0.008, patients=50_000, spread=0.2)
    found = evaluate(planned, bank, trials=20_000, precision=0.012)
    rows = {row["truth"]: row for row in found.results["characteristics"]}
    assert found.results["precision_missed"] == []
    for row in rows.values():
        assert row["error"] <= 0.012
        for name in ("success", "futility", "coverage", "bias"):
            assert row[name]["mcse"] <= 0.012, (row["truth"], name)
        assert row["days"]["mcse"] <= 0.012 * row["days"]["value"]
    runner, row = found.runner, rows["strong null"]
    assert row["trials"] > 1000
    half = runner.run(strong_null(), row["trials"] // 2)  # half as many were not enough
    assert runner.error_of(strong_null(), half) > 0.012
    assert max(row["trials"] for row in rows.values()) < 20_000
    assert {row["success"]["trials"] for row in found.results["power"]} == {
        max(row["success"]["trials"] for row in found.results["power"])
    }


def test_what_cannot_be_reached_with_the_trials_allowed_is_named():
    planned = plan(patients=80, week=12.0, hazard_ratio=0.5, grid=[1.0, 0.5])
    found = evaluate(planned, exponential_bank(patients=500), trials=1000, precision=0.001)
    assert {"strong null", "hazard ratio 0.5", "sceptical"} <= set(found.results["precision_missed"])


def test_an_error_counts_in_its_own_unit_and_amounts_as_a_share():
    one = {"value": 200.0, "mcse": 4.0, "trials": 100}
    assert largest_error({"patients": one}) == pytest.approx(0.02)
    assert largest_error({"bias": one}) == pytest.approx(4)
    assert largest_error({"bias": one}, {"bias": 100.0}) == pytest.approx(0.04)
    assert largest_error({"a": [{"success": {"value": 0.5, "mcse": None, "trials": 1}}]}) == math.inf
    assert largest_error({"coverage": {"value": None, "mcse": None, "trials": 0}, "x": 3}) == 0


@pytest.mark.parametrize("method", ["milestone", "logrank"])
def test_a_look_is_due_when_that_many_outcomes_are_known_and_a_death_is_one(method):
    made = runner(method=method, looks=LOOKS, operations={"dropout": "1 % per week"})
    planned = made.planned
    slots = draw_slots(1, np.arange(1, 51), made.stage.plan.patients, 5000)
    seen = records(made.stage, slots, strong_null())
    day = look_days(made.stage.plan, seen, planned)[:, 0]
    known = information_at(made.stage.plan, seen, day)
    assert (known == np.ceil(planned[0])).all()
    assert planned[0] == pytest.approx(planned[1] / 2)
    time, event, _ = seen.at(day)
    followed = ~event & (time >= seen.horizon - 1e-9)
    wanted = event if method == "logrank" else event | followed
    assert (known == wanted.sum(axis=1)).all()
    assert event.any()
