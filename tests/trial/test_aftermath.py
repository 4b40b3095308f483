"""Intercurrent events: off they change no bit, on they happen as often and when the protocol says."""

import numpy as np
import polars as pl
import pytest
from constant_engine import LABS
from test_courses import SPEC, N, pairs, replicate_0, trial_with, within

from hepatrial.errors import BadInput
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.trial.courses import simulate_courses
from hepatrial.trial.plan import make_plan

LIN = load_protocol("lin2017")
DEATH = np.log(2) / 84
BOUGHT = {
    "share": "30 %",
    "arms": ["smt"],
    "spread": "14 d",
    "regimen": {
        "product": "uc_msc",
        "dose": "1e6 cells/kg",
        "route": "peripheral_vein",
        "days": [3],
    },
}
RESCUE = {
    "share": "50 %",
    "measure": "bilirubin",
    "rise": 20.0,
    "until": "28 d",
    "sessions": 3,
    "every": "3 d",
    "volumes": "1 plasma volume",
}


def of(table, name, arm):
    return replicate_0(table, arm).filter(pl.col("event") == name)


def test_a_protocol_without_the_sections_keeps_its_hash_and_its_entries():
    assert "intercurrent" not in LIN.as_dict()
    assert "hospital" not in LIN.as_dict()
    again = protocol_from_dict({**LIN.as_dict(), "intercurrent": {}})
    assert again.hash != LIN.hash
    assert again.with_patients(40).intercurrent is not None


def test_missed_infusions_are_as_frequent_as_planned_and_are_not_given():
    settings = {"intercurrent": {"missed_infusion": "25 %"}}
    tables, _, _ = pairs({}, settings)
    missed, given = of(tables.event, "missed_infusion", "msc"), of(tables.event, "cell_infusion", "msc")
    n = replicate_0(tables.subject, "msc").height
    assert missed.height + given.height == 4 * n
    assert within(missed.height / (4 * n), 0.25, 4 * n)
    people = replicate_0(tables.subject, "msc")
    assert people["infusions_received"].sum() == given.height
    both = given.join(missed, on=["subject", "day"])
    assert both.height == 0


def test_an_infusion_that_death_prevents_is_not_missed():
    tables, _, _ = pairs({"death": DEATH}, {"intercurrent": {"missed_infusion": "25 %"}})
    missed = of(tables.event, "missed_infusion", "msc")
    end = replicate_0(tables.subject, "msc").select("subject", "overall_survival_time")
    assert (
        (missed.join(end, on="subject").select(pl.col("day") < pl.col("overall_survival_time")))
        .to_series()
        .all()
    )


def test_cells_bought_outside_are_events_of_their_own_and_no_infusions_of_the_arm():
    tables, _, _ = pairs({}, {"intercurrent": {"outside_cells": BOUGHT}})
    bought = of(tables.event, "outside_cells", "smt")
    assert within(bought.height / replicate_0(tables.subject, "smt").height, 0.3)
    assert bought["day"].min() >= 3
    assert bought["day"].max() <= 17
    assert of(tables.event, "outside_cells", "msc").height == 0
    assert (replicate_0(tables.subject, "smt")["infusions_received"] == 0).all()
    assert (replicate_0(tables.subject, "smt")["treatment_actual"] == "smt").all()


def test_only_buyers_among_the_controls_get_the_products_parameters():
    trial = trial_with({}, {"intercurrent": {"outside_cells": BOUGHT}})
    plan = make_plan(trial.protocol, 1, 1, N - 110, np.array([0.5, 0.5]))
    tables = simulate_courses(trial, plan)
    call = trial.machine.solve.calls[-1]
    dosed = np.unique(call["impulses"].patient[call["impulses"].action == SPEC.actions.index("infuse_cells")])
    smt = (tables.subject["arm"] == "smt").to_numpy()
    potency = call["parameters"][:, SPEC.parameters.index("potency")]
    buyer = np.zeros(len(plan), dtype=bool)
    buyer[dosed] = True
    assert np.unique(potency[smt & ~buyer]).size == 1
    assert np.unique(potency[smt & buyer]).size > 10  # batches


def test_rescue_begins_on_the_day_of_the_rise_and_only_for_those_who_get_worse(monkeypatch):
    trial = trial_with({}, {"intercurrent": {"rescue_plasma_exchange": RESCUE}})
    engine = trial.machine.solve
    plain = type(engine).__call__
    place = {}

    def rising(self, parameters, initial, thresholds, visits, end, impulses=None, outputs=None):
        result = plain(self, parameters, initial, thresholds, visits, end, impulses, outputs)
        place["bilirubin"] = result.outputs.index("bilirubin")
        # odd patients rise by 2 umol/L a day
        result.values[1::2, :, place["bilirubin"]] += 2.0 * visits[1::2]
        return result

    monkeypatch.setattr(type(engine), "__call__", rising)
    plan = make_plan(trial.protocol, 1, 1, 600, np.array([0.5, 0.5]))
    tables = simulate_courses(trial, plan)
    assert len(engine.calls) >= 2  # once to see who gets worse, once with the sessions
    for arm in ("msc", "smt"):
        rescued = of(tables.event, "rescue_plasma_exchange", arm)
        days = rescued.group_by("subject").agg(pl.col("day").sort())["day"].to_list()
        assert all(d == [10.0, 13.0, 16.0] for d in days)
        assert within(len(days) / 600, 0.25, 600)
        assert (rescued["subject"] % 2 == 0).all()
    assert LABS["bilirubin"] == 300.0


def test_renal_replacement_is_written_down_on_its_first_day():
    settings = {"intercurrent": {"record_renal_replacement": True}}
    tables, _, _ = pairs({"death": DEATH}, settings)  # the engine's outputs are all 1
    rows = of(tables.event, "renal_replacement", "smt")
    people = replicate_0(tables.subject, "smt")
    assert (rows["day"] == 1.0).all()
    assert rows.height == (people["overall_survival_time"] >= 1).sum()


def test_patients_go_home_when_they_are_fit_and_come_back_with_a_reason():
    rule = {"discharge": [{"measure": "bilirubin", "max": "400 umol/L"}], "stay": "10 d"}
    tables, _, _ = pairs({"death": DEATH, "severe_infection": 0.02}, {"hospital": rule})
    home, back = of(tables.event, "discharge_home", "smt"), of(tables.event, "readmission", "smt")
    assert home.height > back.height > 0
    first = home.group_by("subject").agg(pl.col("day").min())
    assert first["day"].min() == 10
    moves = pl.concat([home, back]).sort("subject", "day")
    turns = moves.with_columns(before=pl.col("event").shift().over("subject"))
    assert (turns["event"] != turns["before"].fill_null("readmission")).all()
    gap = turns.with_columns(since=pl.col("day") - pl.col("day").shift().over("subject"))
    assert gap.filter(pl.col("before") == "readmission")["since"].min() >= 10
    nobody = {"discharge": [{"measure": "bilirubin", "max": "200 umol/L"}]}
    none, _, _ = pairs({}, {"hospital": nobody})
    assert none.event.filter(pl.col("event") == "discharge_home").height == 0


def test_watching_changes_no_visit_and_no_survival():
    rule = {"discharge": [{"measure": "bilirubin", "max": "400 umol/L"}], "stay": "10 d"}
    rates = {"death": DEATH, "transplant": DEATH / 3}
    plain, _, _ = pairs(rates)
    watched, _, _ = pairs(rates, {"hospital": rule})
    assert plain.visit.equals(watched.visit)
    assert plain.subject.equals(watched.subject)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"intercurrent": {"missed_infusion": "120 %"}}, "missed_infusion"),
        ({"intercurrent": {"outside_cells": {**BOUGHT, "arms": ["stm"]}}}, "smt"),
        ({"intercurrent": {"outside_cells": {**BOUGHT, "spread": "200 d"}}}, "before day 168"),
        ({"intercurrent": {"rescue_plasma_exchange": {**RESCUE, "until": "200 d"}}}, "follow-up ends"),
        (
            {"intercurrent": {"rescue_plasma_exchange": {**RESCUE, "measure": "lactate"}}},
            "measure of the visits",
        ),
        ({"intercurrent": {"mised_infusion": "1 %"}}, "missed_infusion"),
        ({"hospital": {"discharge": []}}, "discharge"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(BadInput, match=words):
        protocol_from_dict({**LIN.as_dict(), **settings})
