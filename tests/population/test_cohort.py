"""Matching a Table 1 with real admitted patients."""

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.population import cohort as cohort_module
from hepatrial.population.cohort import (
    acceptance_of,
    cause_columns,
    make_cohort,
    make_illness,
    measures_needed,
    table1_columns,
    targets_of,
)
from hepatrial.population.deck import make_deck
from hepatrial.population.matching import balance
from hepatrial.protocol import load_protocol
from hepatrial.trial.run import patient_machine

WISHES = [
    {"variable": "age", "mean": 47, "sd": 9, "grade": "assumed", "source": "test"},
    {"variable": "bilirubin", "q1": "250 umol/L", "median": "320 umol/L", "q3": "400 umol/L",
     "grade": "assumed", "source": "test"},
    {"variable": "cirrhosis", "share": 0.5, "grade": "assumed", "source": "test"},
    {"variable": "inr", "share": 0.3, "above": 1.9, "grade": "assumed", "source": "test"},
]  # fmt: skip


def illness_with(wishes, **settings):
    protocol, _ = load_protocol("lin2017").with_settings({"population.table1": wishes, **settings})
    return make_illness(protocol, make_deck(), 1)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(cohort_module, "BLOCK", 150)


@pytest.fixture(scope="module")
def machine():
    return patient_machine()


def test_every_figure_of_a_table_1_becomes_a_target_with_its_place():
    targets = targets_of(illness_with(WISHES).protocol)
    found = {(t.variable, t.statistic, t.value, t.cut, t.place) for t in targets}
    assert found == {
        ("age", "mean", 47.0, None, "population.table1[0].mean"),
        ("age", "sd", 9.0, None, "population.table1[0].sd"),
        ("bilirubin", "q25", 250.0, None, "population.table1[1].q1"),
        ("bilirubin", "median", 320.0, None, "population.table1[1].median"),
        ("bilirubin", "q75", 400.0, None, "population.table1[1].q3"),
        ("cirrhosis", "share", 0.5, None, "population.table1[2].share"),
        ("inr", "share_above", 0.3, 1.9, "population.table1[3].share"),
    }
    below = {"variable": "inr", "share": 0.3, "below": 1.9, "grade": "assumed", "source": "test"}
    (target,) = targets_of(illness_with([below]).protocol)
    assert (target.statistic, target.cut) == ("share_below", 1.9)


SEVERAL = [
    {"cause": "paracetamol", "share": "60 %"},
    {"cause": "drug", "share": "12 %"},
    {"cause": "hbv", "share": "8 %"},
    {"cause": "other", "share": "20 %"},
]


def test_matching_a_table_1_holds_the_causes_that_are_told():
    """More jaundice must bring jaundiced people of each cause, not more of the causes that are jaundiced."""
    wish = {"variable": "bilirubin", "mean": "120 umol/L", "grade": "assumed", "source": "test"}
    told = {"population.table1": [wish], "population.causes": SEVERAL}
    protocol, _ = load_protocol("larsen2016").with_settings(told)
    illness = make_illness(protocol, make_deck(), 1)
    machine = patient_machine()
    free = [target for target in targets_of(protocol) if target.variable == "bilirubin"]
    cohort = make_cohort(machine, illness, 150)
    columns = table1_columns(machine.spec, cohort.pool, cohort.traits) | cause_columns(cohort.traits)
    loose = balance(columns, free).weights / len(cohort.pool)
    moved = {one["cause"]: loose @ columns[f"is_{one['cause']}"] for one in SEVERAL}
    assert abs(moved["paracetamol"] - 0.6) > 0.03, moved
    held = cohort.matches[0]
    weights = held.weights / len(cohort.pool)
    assert weights @ columns["bilirubin"] == pytest.approx(120.0, rel=0.01)
    for one in SEVERAL:
        share = float(one["share"].rstrip(" %")) / 100.0
        assert weights @ columns[f"is_{one['cause']}"] == pytest.approx(share, abs=0.005), one
    assert [t.place for t in targets_of(protocol)][1:] == [f"population.causes[{i}].share" for i in range(4)]


def test_one_cause_or_no_table_1_leaves_nothing_to_hold():
    several, _ = load_protocol("larsen2016").with_settings(
        {"population.table1": [], "population.causes": SEVERAL}
    )
    assert targets_of(several) == ()
    assert not [t for t in targets_of(illness_with(WISHES).protocol) if t.variable.startswith("is_")]


def test_everything_that_is_read_later_is_measured_at_randomisation():
    wish = {"variable": "lactate", "mean": "2 mmol/L", "grade": "assumed", "source": "test"}
    needed = measures_needed(illness_with([wish]).protocol)
    assert {"lactate", "meld", "alt", "clif_c_aclf", "vasopressor"} <= set(needed)
    assert len(needed) == len(set(needed))


def test_without_a_table_1_subjects_are_the_admitted_in_candidate_order(machine):
    cohort = make_cohort(machine, illness_with([]), 40)
    assert np.array_equal(cohort.index, np.arange(40))
    told = acceptance_of(cohort)
    assert told["matching"] == {
        "requested": False,
        "effective_n": 40.0,
        "largest_miss_sd": 0.0,
        "figures": [],
    }
    assert sum(step["count"] for step in told["steps"]) == told["candidates"]


def test_a_matched_cohort_shows_the_table_1_that_was_asked_for(machine):
    cohort = make_cohort(machine, illness_with(WISHES), 280)
    assert len(cohort.pool) == 300
    columns = table1_columns(machine.spec, cohort.pool, cohort.traits)
    seen = {name: values[cohort.index[:150]] for name, values in columns.items()}
    assert seen["age"].mean() == pytest.approx(47, abs=1.0)
    assert seen["age"].std() == pytest.approx(9, abs=1.5)
    assert np.mean(seen["bilirubin"] <= 320) == pytest.approx(0.5, abs=0.06)
    assert seen["cirrhosis"].mean() == pytest.approx(0.5, abs=0.06)
    assert np.mean(seen["inr"] > 1.9) == pytest.approx(0.3, abs=0.06)
    told = acceptance_of(cohort)["matching"]
    assert told["requested"]
    assert told["largest_miss_sd"] < 0.01
    assert 50 < told["effective_n"] < 300
    assert [figure["requested"] for figure in told["figures"]] == [47, 9, 320, 250, 400, 0.5, 0.3]
    assert np.allclose([f["achieved"] for f in told["figures"]], [47, 9, 320, 250, 400, 0.5, 0.3], rtol=0.05)


def test_a_larger_matched_cohort_begins_with_the_smaller_one(machine):
    small = make_cohort(machine, illness_with(WISHES), 100)
    large = make_cohort(machine, illness_with(WISHES), 280)
    assert np.array_equal(large.index[:100], small.index)


def test_a_table_1_that_nobody_matches_names_the_figure_the_miss_and_the_effective_number(machine):
    wish = {"variable": "sodium", "mean": "160 mmol/L", "grade": "assumed", "source": "test"}
    with pytest.raises(BadInput) as refused:
        make_cohort(machine, illness_with([wish]), 50)
    sentence = str(refused.value)
    assert "population.table1[0].mean" in sentence
    assert "miss" in sentence
    assert "effective number" in sentence


def test_a_referral_delay_beyond_what_is_followed_is_refused():
    delay = {"median": "70 d", "log_sd": 0.5}
    with pytest.raises(BadInput, match="referral_delay_cap"):
        illness_with([], **{"selection.referral_delay": delay})
