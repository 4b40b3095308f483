"""Care that a protocol orders by arm: who gets which input of the model, and what ends with a transplant."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from test_courses import N, pairs, replicate_0

from hepatrial.engine import compile_model, simulate
from hepatrial.model import load_patient_model
from hepatrial.model.cards import Card, load_cards
from hepatrial.population.deck import make_deck
from hepatrial.population.luck import thresholds
from hepatrial.protocol import load_protocol
from hepatrial.protocol.regions import REGIONS
from hepatrial.trial import run_trial
from hepatrial.trial.courses import solve_until_stopped
from hepatrial.trial.deaths import CAUSES, ORGANS, cause_shares, death_causes
from hepatrial.trial.plan import arm_names, make_plan
from hepatrial.trial.regimen import after_stop, course_doses, course_parameters

LIN = load_protocol("lin2017")
SPEC = load_patient_model()
COLUMN = {name: i for i, name in enumerate(SPEC.parameters)}


def parameters(care, deck=None, **settings):
    """Parameters of 400 pairs when the control arm has ``care`` and the other arm the shared care."""
    protocol, _ = LIN.with_settings({"arms.smt.care": care, **settings})
    plan = make_plan(protocol, 1, 1, 400, np.ones(1))
    before = np.tile(SPEC.default_parameters, (len(plan), 1))
    p = course_parameters(protocol, SPEC, deck or make_deck(), 1, plan, before, ({},))
    arms = {name: p[plan.arm == code] for code, name in enumerate(arm_names(protocol))}
    return arms["msc"], arms["smt"]


@pytest.mark.parametrize(
    ("care", "sets"),
    [
        ({"acetylcysteine": {"days": "3 d"}}, {"acetylcysteine": 1.0, "acetylcysteine_days": 3.0}),
        ({"corticosteroid": {"days": "4 weeks"}}, {"corticosteroid": 1.0, "corticosteroid_days": 28.0}),
        ({"lactulose": 1.0}, {"lactulose": 1.0}),
        ({"rifaximin": 1.0}, {"rifaximin": 1.0}),
        ({"antibiotics": 0.0}, {"antibiotics": 0.0}),
        ({"prophylaxis": 1.0}, {"prophylaxis": 1.0}),
        ({"vasoconstrictor": {"drug": "terlipressin"}}, {"terlipressin": 1.0}),
        ({"vasoconstrictor": {"drug": "noradrenaline"}}, {"noradrenaline": 1.0}),
        ({"renal_replacement": 1.0}, {"renal_replacement": 1.0}),
        ({"ventilation": 0.0}, {"ventilation": 0.0}),
        (
            {"withdrawal": {"rate": "20 % per day", "organs": 2.0}},
            {"withdrawal_rate": 0.2, "withdrawal_organs": 2.0},
        ),
    ],
)
def test_each_item_of_care_sets_its_input_in_its_arm_and_no_other_parameter(care, sets):
    own, changed = parameters(care)
    _, plain = parameters({})
    for name, value in sets.items():
        assert (changed[:, COLUMN[name]] == value).all(), name
    others = [i for name, i in COLUMN.items() if name not in sets]
    assert np.array_equal(plain[:, others], changed[:, others])
    first = next(iter(sets))
    assert (own[:, COLUMN[first]] == SPEC.default_parameters[COLUMN[first]]).all()


def test_a_share_of_patients_gets_an_item_and_they_are_the_same_at_a_larger_share():
    _, few = parameters({"lactulose": 0.3})
    _, many = parameters({"lactulose": 0.6})
    got = [p[:, COLUMN["lactulose"]] for p in (few, many)]
    assert got[0].mean() == pytest.approx(0.3, abs=0.08)
    assert got[1].mean() == pytest.approx(0.6, abs=0.08)
    assert (got[1] >= got[0]).all()


@pytest.mark.parametrize("region", list(REGIONS))
def test_a_region_sets_offers_and_survival_and_a_rate_of_the_protocols_own_wins(region):
    _, p = parameters({"transplant": {"listed": 1.0, "region": region}})
    for name, value in REGIONS[region].parameters.items():
        assert (p[:, COLUMN[name]] == value).all()
    _, p = parameters({"transplant": {"listed": 1.0, "region": region, "offer_rate": "2 % per day"}})
    assert (p[:, COLUMN["transplant_base"]] == 0.02).all()
    death = REGIONS[region].parameters["perioperative_death"]
    assert (p[:, COLUMN["perioperative_death"]] == death).all()


def test_a_setting_of_the_run_wins_over_the_region():
    deck = make_deck({"perioperative_death": 0.02})
    _, p = parameters({"transplant": {"listed": 1.0, "region": "us"}}, deck=deck)
    assert (p[:, COLUMN["perioperative_death"]] != REGIONS["us"].parameters["perioperative_death"]).all()


@pytest.mark.parametrize(("region", "year"), [("us", 0.936), ("eu", 0.82), ("china", 0.84), ("japan", 0.87)])
def test_a_regions_cards_give_its_published_survival_after_a_year(region, year):
    cards, time = REGIONS[region].parameters, load_cards().model["perioperative_time"].value
    hazard = cards["perioperative_death"] * time + 365 * cards["post_transplant_death"]
    assert np.exp(-hazard) == pytest.approx(year, abs=0.006)


def test_the_cards_of_regions_have_sources_and_units_as_the_models():
    cards = load_cards()
    for region in REGIONS.values():
        for name, card in region.cards.items():
            assert isinstance(card, Card)
            assert card.unit == cards.model[name].unit
            assert card.source == "assumed" or card.source in cards.references
            assert (card.grade == "assumed") == (card.source == "assumed")
            assert card.uncertainty > 0


def doses(care, n=50):
    protocol, _ = LIN.with_settings({"arms.smt.care": care})
    plan = make_plan(protocol, 1, 1, n, np.ones(1))
    p = np.tile(SPEC.default_parameters, (len(plan), 1))
    given = course_doses(protocol, SPEC, 1, plan, p, np.full(len(plan), 168.0))
    return given[plan.arm[given.row] == arm_names(protocol).index("smt")]


WHEN = {"sessions": 3, "first_day": "1 d", "every": "1 d"}


def test_a_high_volume_exchange_is_written_as_a_share_of_body_weight():
    given = doses({"plasma_exchange": {**WHEN, "body_weight": "15 %"}})
    litres_per_kg = SPEC.default_parameters[COLUMN["plasma_volume_per_kg"]]
    assert np.allclose(given.amount, 0.15 / litres_per_kg)
    assert {SPEC.actions[code] for code in given.action} == {"plasma_exchange"}
    assert set(given.day) == {1.0, 2.0, 3.0}


def test_what_replaces_the_plasma_chooses_the_action():
    given = doses({"plasma_exchange": {**WHEN, "volumes": "1 plasma volume", "replacement": "albumin"}})
    assert {SPEC.actions[code] for code in given.action} == {"albumin_exchange"}


def test_albumin_dialysis_removes_its_share_in_each_session():
    given = doses({"albumin_dialysis": {**WHEN, "removed": "35 %", "share": 0.5}})
    assert {SPEC.actions[code] for code in given.action} == {"mars_session"}
    assert (given.amount == 0.35).all()
    assert 0 < len(np.unique(given.row)) < 100


def test_a_transplant_ends_what_is_planned_unless_the_protocol_goes_on_and_withdrawal_ends_all():
    _, _, given = _lin_doses()
    n = given.row.max() + 1
    never = np.full(n, np.inf)
    assert not after_stop(given, never, never).any()
    grafted = after_stop(given, np.full(n, 10.0), never)
    assert np.array_equal(grafted, given.day >= 10)
    going_on = replace(given, stops=np.zeros(len(given.day), dtype=bool))
    assert not after_stop(going_on, np.full(n, 10.0), never).any()
    assert np.array_equal(after_stop(going_on, never, np.full(n, 10.0)), given.day >= 10)


def _lin_doses():
    plan = make_plan(LIN, 1, 1, 50, np.ones(1))
    p = np.tile(SPEC.default_parameters, (len(plan), 1))
    return plan, p, course_doses(LIN, SPEC, 1, plan, p, np.full(len(plan), 168.0))


OFFERS = {"transplant": {"listed": 1.0, "offer_rate": "1 % per day"}}


def test_no_cells_are_given_to_a_grafted_patient_unless_the_protocol_says_so():
    for after, expected in (("stop", False), ("continue", True)):
        settings = {"care": OFFERS, "arms.msc.regimen[0].after_transplant": after}
        tables, _, _ = pairs({"death": 0.002, "transplant": 0.03}, settings)
        events = replicate_0(tables.event, "msc")
        grafted = events.filter(pl.col("event") == "transplant").select("subject", graft="day")
        infusions = events.filter(pl.col("event") == "cell_infusion").join(grafted, on="subject")
        assert grafted.height > N / 4
        assert (infusions["day"] > infusions["graft"]).any() == expected
        subject = replicate_0(tables.subject, "msc").join(grafted, on="subject")
        assert (subject["infusions_received"] < subject["infusions_planned"]).any()


def test_stopping_changes_no_course_in_which_nothing_was_taken_away():
    settings = {"care": OFFERS, "discharge_to_die": {"share": 0.0}}
    kept, _, _ = pairs({"death": 0.002, "transplant": 0.01}, settings)
    going = {**settings, "arms.msc.regimen[0].after_transplant": "continue"}
    all_given, _, _ = pairs({"death": 0.002, "transplant": 0.01}, going)
    assert kept.subject.drop("infusions_received", "treatment_actual").equals(
        all_given.subject.drop("infusions_received", "treatment_actual")
    )
    clinical = pl.col("event") != "cell_infusion"
    assert kept.event.filter(clinical).equals(all_given.event.filter(clinical))


def test_a_stopped_course_on_the_model_is_the_course_without_the_later_doses():
    model, machine = compile_model(SPEC), {}
    n = 6
    p = np.tile(SPEC.default_parameters, (n, 1))
    for name, value in {"hbv": 1.0, "flare": 3.5, "listed": 1.0, "transplant_base": 0.02}.items():
        p[:, COLUMN[name]] = value
    p[:, COLUMN["effect_macrophage"]] = 0.5
    luck = thresholds(3, "course", SPEC.hazards, np.arange(n))
    _, _, given = _lin_doses()
    given = given[(given.row < n) & (given.detail != "")]
    days = np.tile(np.arange(0.0, 170.0, 10.0), (n, 1))

    def solve(rows, doses):
        machine[len(machine)] = rows
        start = SPEC.initial_states(p)[rows]
        end = np.full(len(rows), 168.0)
        return simulate(model, p[rows], start, luck[rows], days[rows], end, impulses=doses.impulses)

    result, left = solve_until_stopped(SPEC, solve, n, given)
    transplant = SPEC.causes.index("transplant")
    grafts = {e["patient"]: e["time"] for e in result.events if e["cause"] == transplant}
    assert 0 < len(left.day) < len(given.day)
    assert all(day <= grafts.get(row, np.inf) for row, day in zip(left.row, left.day, strict=True))
    again = solve(np.arange(n), left)
    assert np.array_equal(again.values, result.values, equal_nan=True)
    assert np.array_equal(again.events, result.events)
    assert set(machine[1]) < set(range(n))


def test_listed_patients_are_marked_and_a_death_before_a_transplant_is_one_on_the_list():
    tables, trial, _ = pairs({"death": 0.005, "transplant": 0.002}, {"care.transplant.listed": 0.4})
    subject = replicate_0(tables.subject)
    assert subject["listed"].mean() == pytest.approx(0.4, abs=0.04)
    waiting = subject.filter(pl.col("listed") & (pl.col("first_event") == "death"))
    assert waiting.height > 0
    assert trial.protocol.care.transplant.listed == 0.4


def test_every_listed_patient_is_transplanted_dies_waiting_or_waits_and_nobody_else_is_transplanted(tmp_path):
    listing = {"care.transplant": {"listed": 0.5, "offer_rate": "0.2 % per day", "region": "japan"}}
    protocol, _ = LIN.with_settings(listing)
    folder = run_trial(protocol, out=tmp_path / "run", patients=10, replicates=1, pairs=60)
    subject = folder.subjects
    assert subject.filter(~pl.col("listed"))["first_event"].is_in(["death", "none"]).all()
    fates = subject.filter(pl.col("listed"))["first_event"].value_counts()
    counts = dict(fates.iter_rows())
    assert set(counts) == {"transplant", "death", "none"}
    grafts = folder.events.filter(pl.col("event") == "transplant")
    assert grafts.height == counts["transplant"]
    keys = ["replicate", "arm", "subject"]
    assert grafts.select(keys).is_unique().all()
    rejections = folder.events.filter(pl.col("event") == "rejection")
    after = rejections.join(grafts, on=keys, how="left", suffix="_graft")
    assert (after["day"] > after["day_graft"]).all()


def test_deaths_that_the_trial_learns_of_have_a_cause_and_others_none():
    tables, _, _ = pairs({"death": 0.005})
    subject = tables.subject
    dead = subject["overall_survival_event"] == 1
    assert set(subject.filter(dead)["death_cause"]) <= set(CAUSES)
    assert set(subject.filter(~dead)["death_cause"]) == {""}


def _state(**changes):
    state = SPEC.initial_state.copy()
    for name, value in changes.items():
        state[SPEC.states.index(name)] = value
    return state


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"gfr": 0.1}, "kidney"),
        ({"healthy_cells": 0.1}, "liver"),
        ({"vasodilation": 6.0}, "circulation"),
        ({"lung_injury": 5.0}, "respiration"),
        ({"infection": 2.0}, "infection"),
        ({"blood_loss": 2.0}, "bleeding"),
        ({"perioperative": 1.0, "transplanted": 1.0}, "transplantation"),
        ({"comfort_care": 1.0, "gfr": 0.1}, "withdrawal"),
    ],
)
def test_a_death_is_put_down_to_what_made_most_of_its_hazard(changes, cause):
    p = SPEC.default_parameters[None, :]
    state, day = _state(**changes)[None, :], np.array([5.0])
    assert death_causes(SPEC, p, state, day).tolist() == [cause]


def test_shares_of_causes_add_up_to_one_and_the_organs_share_follows_the_log_hazard():
    p = np.tile(SPEC.default_parameters, (2, 1))
    state = np.stack([_state(gfr=0.1, infection=1.0, perioperative=1.0), _state(infection=2.0)])
    shares = cause_shares(SPEC, p, state, np.zeros(2))
    assert np.allclose(shares.sum(axis=1), 1)
    names = dict(zip(CAUSES, shares[0], strict=True))
    card = load_cards().model
    kidney = card["death_by_organs"].value * 0.9**4 / (card["failure_kidney_half"].value ** 4 + 0.9**4)
    assert names["kidney"] / names["infection"] == pytest.approx(kidney / card["death_by_infection"].value)
    healthy = cause_shares(SPEC, p[:1], _state()[None, :], np.zeros(1))[0]
    assert healthy[len(ORGANS) :].sum() == 0


def test_the_luck_of_a_cause_does_not_depend_on_which_other_causes_there_are():
    person = np.arange(50)
    every = thresholds(7, "course", SPEC.hazards, person)
    few = tuple(hazard for hazard in SPEC.hazards if hazard.name in ("death", "fever", "transplant"))
    alone = thresholds(7, "course", few, person)
    for i, hazard in enumerate(few):
        assert np.array_equal(alone[:, i], every[:, SPEC.hazards.index(hazard)])
