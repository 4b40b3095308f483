"""Stratified randomisation and centres: balance within strata, and what a centre does to survival."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from test_courses import DEATH, trial_with

from hepatrial.analysis import logrank
from hepatrial.analysis.adam import adam_tables
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.errors import BadInput
from hepatrial.population.cohort import make_illness
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.trial.courses import simulate_courses
from hepatrial.trial.plan import make_plan

RATES = {"death": DEATH}
TRIALS = 25
SIGN = (pl.col("arm") == "msc").cast(pl.Int64) * 2 - 1


def protocol_with(**section):
    data = load_protocol("lin2017").as_dict()
    return protocol_from_dict({**data, "randomisation": section} if section else data)


def subjects(pairs=0, **section):
    """Subject rows of some trials of patients with constant hazards."""
    trial = trial_with(RATES)
    protocol = protocol_with(**section)
    trial = replace(trial, illness=make_illness(protocol, trial.illness.deck, 1))
    plan = make_plan(protocol, 1, TRIALS, pairs, np.array([0.5, 0.5]))
    return simulate_courses(trial, plan).subject


STRATA = [{"by": "cirrhosis"}, {"by": "infected_at_entry"}]


@pytest.fixture(scope="module")
def plain():
    return subjects()


@pytest.fixture(scope="module")
def stratified():
    return subjects(strata=STRATA, block=4)


def imbalance(table):
    """Largest difference between the arms' patients in any stratum of any trial."""
    by = ["replicate", "cirrhosis", "infected_at_entry"]
    return table.group_by(*by).agg(d=SIGN.sum().abs())["d"]


def test_a_protocol_that_names_none_has_the_trials_it_had(plain):
    assert "centre" not in plain.columns
    data = load_protocol("lin2017").as_dict()
    assert "randomisation" not in data
    same = subjects(block=4)  # one stratum, one centre: nobody changes places
    assert same.drop("centre", "stratum").equals(plain)


def test_blocks_balance_the_arms_within_strata_and_keep_the_planned_sizes(plain, stratified):
    for table in (plain, stratified):
        sizes = table.group_by("replicate", "arm").len()
        assert set(sizes.filter(pl.col("arm") == "msc")["len"]) == {56}
        assert set(sizes.filter(pl.col("arm") == "smt")["len"]) == {54}
    # whole blocks are even; only the up to three patients of a last block of each stratum can be uneven
    assert imbalance(stratified).max() <= 3
    assert imbalance(plain).max() > 6
    assert set(stratified["stratum"].unique()) <= {
        f"{a}, {b}"
        for a in ("cirrhosis", "no cirrhosis")
        for b in ("infected_at_entry", "no infected_at_entry")
    }


def test_strata_move_patients_between_places_of_their_own_trial_only(plain, stratified):
    for number in range(1, TRIALS + 1):
        mine = pl.col("replicate") == number
        assert sorted(plain.filter(mine)["patient"]) == sorted(stratified.filter(mine)["patient"])
    assert plain["patient"].to_list() != stratified["patient"].to_list()


def test_centres_alike_change_no_survival_and_centres_that_differ_spread_it(plain):
    alike, unlike = (subjects(centres=10, by_centre=False, centre_effect=sd) for sd in (0.0, 0.8))
    assert alike.drop("centre", "stratum").equals(plain)
    assert unlike["patient"].equals(plain["patient"])

    def spread(table):
        died = table.group_by("replicate", "centre").agg(pl.col("overall_survival_event").mean(), n=pl.len())
        return died["overall_survival_event"].std()

    assert spread(unlike) > 1.5 * spread(alike)
    one = unlike.filter(pl.col("replicate") == 1)
    assert set(one["centre"]) <= set(range(1, 11))


def test_a_centre_of_twice_the_hazard_halves_the_time_to_death():
    table = subjects(centres=2, by_centre=False, centre_effect=0.7, block=4)
    base = subjects()
    key = ["replicate", "subject", "arm"]
    more = table.select(*key, "centre", "overall_survival_time", "overall_survival_event")
    both = base.join(more, on=key, suffix="_c")
    died = both.filter((pl.col("overall_survival_event") == 1) & (pl.col("overall_survival_event_c") == 1))
    ratio = died.with_columns(r=pl.col("overall_survival_time_c") / pl.col("overall_survival_time"))
    within = ratio.group_by("replicate", "centre").agg(pl.col("r").std(), pl.col("r").mean().alias("m"))
    assert within["r"].drop_nulls().max() < 1e-9
    assert within["m"].n_unique() == within.height


def test_blocks_within_centres_balance_each_centre():
    def worst(by_centre):
        table = subjects(centres=5, by_centre=by_centre, block=4)
        counts = table.group_by("replicate", "centre").agg(d=SIGN.sum().abs())
        return counts["d"].max()

    assert worst(by_centre=True) <= 3
    assert worst(by_centre=False) > 6


def test_counterfactual_persons_have_a_centre_of_their_own_the_same_in_every_arm():
    table = subjects(pairs=200, centres=3, centre_effect=0.8).filter(pl.col("replicate") == 0)
    assert set(table["centre"]) == {0}
    wide = table.pivot(on="arm", index="subject", values="overall_survival_time")
    assert wide["msc"].equals(wide["smt"])  # constant hazards: nothing but the luck and the centre tells


def test_the_analysis_by_centre_uses_them():
    table = subjects(centres=8, centre_effect=1.5, block=4).filter(pl.col("replicate") == 1)
    arguments = table["overall_survival_time"], table["overall_survival_event"], table["arm"] == "msc"
    by_centre, alone = logrank(*arguments, strata=table["centre"].to_numpy()), logrank(*arguments)
    assert by_centre.chisq != alone.chisq


def test_adam_tables_hold_site_and_stratum():
    table = subjects(centres=8, strata=STRATA, by_centre=False)
    empty = pl.DataFrame(schema={"replicate": pl.Int32, "subject": pl.Int32, "arm": pl.String,
                                 "day": pl.Float64, "event": pl.String, "detail": pl.String})  # fmt: skip
    adsl = adam_tables(TrialTables(table, None, empty), "X", replicate=2)["ADSL"]
    mine = table.filter(pl.col("replicate") == 2)
    assert sorted(adsl["SITEID"].unique()) == sorted({str(n) for n in mine["centre"]})
    assert set(adsl["STRATAR"]) == set(mine["stratum"])


@pytest.mark.parametrize(
    ("section", "place", "said"),
    [
        ({"block": 5}, "randomisation.block", "4"),
        ({"strata": [{"by": "cirhosis"}]}, "strata[0].by", "cirrhosis"),
        ({"strata": [{"by": "meld"}]}, "strata[0].cut", "parts the strata"),
        ({"strata": [{"by": "sex", "cut": 1.0}]}, "strata[0].cut", "nothing"),
        ({"strata": [{"by": "sex"}, {"by": "sex"}]}, "strata", "once"),
        ({"centre_effect": 0.3}, "centre_effect", "one centre"),
        ({"centres": 0}, "centres", "1"),
    ],
)
def test_what_cannot_be_is_refused(section, place, said):
    with pytest.raises(BadInput) as bad:
        protocol_with(**section)
    assert place in str(bad.value)
    assert said in str(bad.value)
