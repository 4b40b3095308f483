"""An estimand is refused when it is open or impossible, and estimated without bias when it is not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_trials import ARMS, make, truth

from hepatrial.analysis.estimands.analyse import analyse, apply_estimand
from hepatrial.analysis.estimands.endpoints import endpoint
from hepatrial.analysis.estimands.estimand import Estimand, estimand_from_dict
from hepatrial.analysis.estimands.events import INTERCURRENT, STRATEGIES, TrialTables, intercurrent_days
from hepatrial.analysis.estimands.side_by_side import side_by_side
from hepatrial.errors import BadInput
from hepatrial.report.analysis_tables import estimates, missing_trials

TRIALS = make(400, 200, 1)


def survival(strategy, summary="difference", name="overall_survival_90", **more):
    return Estimand(
        f"transplant: {strategy}",
        endpoint(name),
        {"transplant": strategy, "dropout": "treatment_policy", **more.pop("also", {})},
        summary,
        **more,
    )


def within(share, nominal, trials, slack=0.0):
    return abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / trials) + slack


@pytest.mark.parametrize("strategy", ["treatment_policy", "composite", "while_untransplanted"])
def test_each_handling_of_transplant_is_estimated_without_bias_and_covered(strategy):
    got = analyse(TRIALS, survival(strategy), ARMS)
    both = truth(strategy, 90)
    error = got.estimate - (both[0] - both[1])
    assert abs(error.mean()) < 4 * error.std() / 20
    assert within(got.coverage(both[0] - both[1])[0], 0.95, 400, 0.01)
    assert got.extra["first"].mean() == pytest.approx(both[0], abs=0.01)


def test_censoring_at_transplants_is_biased_and_weighting_mends_it():
    both = truth("hypothetical", 90)
    few = TRIALS.where(pl.col("replicate") <= 80)
    plain = analyse(few, survival("hypothetical"), ARMS)
    weighted = analyse(few, survival("hypothetical", estimator="ipcw"), ARMS)
    for number, name in enumerate(("first", "second")):
        naive = plain.extra[name].mean() - both[number]
        mended = weighted.extra[name].mean() - both[number]
        assert naive > 0.02  # the sick leave by transplant, the curve is too high
        assert abs(mended) < 0.5 * naive
    assert within(weighted.coverage(both[0] - both[1])[0], 0.95, 80, 0.01)


def only(tables, replicate, arm, count):
    """The tables without the transplanted of one arm of one trial, but for the first ``count``."""
    moved = tables.subjects.filter(
        (pl.col("first_event") == "transplant") & (pl.col("arm") == arm) & (pl.col("replicate") == replicate)
    )
    gone = moved["patient"].to_list()[count:]
    return TrialTables(tables.subjects.filter(~pl.col("patient").is_in(gone)), tables.visits, tables.events)


def test_a_trial_whose_weights_have_no_model_has_no_estimate_and_the_others_keep_theirs():
    weighting = survival("hypothetical", estimator="ipcw")
    trials = make(4, 120, 11)
    usual = analyse(trials, weighting, ARMS)
    assert np.isfinite(usual.estimate).all()
    assert usual.missing == {}
    one = analyse(only(trials, 2, "control", 1), weighting, ARMS)
    assert np.isnan(one.estimate[1])
    assert np.isnan(one.se[1])
    assert np.isnan(one.p[1])
    assert one.missing == {one.reasons[1]: 1}
    assert "fewer such events" in one.reasons[1]
    assert "not estimable: fewer such events" in one.one(1).note
    assert "not estimable" not in one.one(0).note
    others = [0, 2, 3]
    assert one.estimate[others].tolist() == usual.estimate[others].tolist()
    assert one.se[others].tolist() == usual.se[others].tolist()


def test_an_arm_without_the_hypothetical_event_is_its_kaplan_meier_curve():
    none = only(make(4, 120, 11), 2, "control", 0)
    weighted = analyse(none, survival("hypothetical", estimator="ipcw"), ARMS)
    plain = analyse(none, survival("hypothetical"), ARMS)
    assert weighted.reasons == ("",) * 4
    assert weighted.extra["second"][1] == pytest.approx(plain.extra["second"][1], abs=1e-12)
    assert weighted.extra["second"][0] != pytest.approx(plain.extra["second"][0], abs=1e-6)


def test_trials_without_an_estimate_are_counted_with_the_reason_beside_the_mean():
    few = only(only(make(5, 120, 11), 2, "control", 1), 4, "cells", 1)
    rows = side_by_side(few, [survival("hypothetical", estimator="ipcw"), survival("composite")], ARMS)
    spread = rows[0].as_dict()["replicates"]
    assert (spread["count"], spread["missing"]) == (3, 2)
    assert sum(spread["missing_because"].values()) == 2
    said = missing_trials(rows)
    assert len(said) == 1
    assert "not estimable in 2 of 5 trials: fewer such events" in said[0]
    assert said[0] in estimates(rows, 0.95).notes


def test_weights_change_nothing_in_a_world_without_offers():
    trials = make(5, 100, 3, offers=False)
    plain = analyse(trials, survival("hypothetical"), ARMS)
    weighted = analyse(trials, survival("hypothetical", estimator="ipcw"), ARMS)
    np.testing.assert_allclose(weighted.estimate, plain.estimate, atol=1e-12)
    np.testing.assert_allclose(weighted.se, plain.se)


def test_an_event_that_occurs_without_a_strategy_is_refused_with_its_count():
    open_one = Estimand(
        "open", endpoint("overall_survival_90"), {"dropout": "treatment_policy"}, "difference"
    )
    with pytest.raises(BadInput) as caught:
        analyse(TRIALS, open_one, ARMS)
    (problem,) = caught.value.problems
    moved = TRIALS.subjects.filter(pl.col("first_event") == "transplant").height
    assert problem.place.endswith("strategies.transplant")
    assert str(moved) in problem.given
    assert "while_untransplanted" in problem.allowed


def test_an_event_that_does_not_occur_needs_no_strategy():
    open_one = Estimand("open", endpoint("overall_survival_90"), {}, "difference")
    assert np.isfinite(analyse(make(2, 60, 4, offers=False), open_one, ARMS).estimate).all()


def test_transplant_free_survival_counts_a_transplant_by_itself():
    tfs = Estimand("tfs", endpoint("transplant_free_survival_90"), {}, "difference")
    assert tfs.strategy("transplant") == "composite"
    np.testing.assert_allclose(
        analyse(TRIALS, tfs, ARMS).estimate, analyse(TRIALS, survival("composite"), ARMS).estimate
    )


def test_dropout_as_a_failure_makes_it_worse_than_as_missing():
    trials = make(40, 160, 5, dropout=0.004)
    kept = analyse(trials, survival("treatment_policy"), ARMS)
    failed = analyse(trials, survival("treatment_policy", also={"dropout": "composite"}), ARMS)
    assert failed.extra["first"].mean() < kept.extra["first"].mean() - 0.1
    both = truth("treatment_policy", 90)
    error = kept.estimate - (both[0] - both[1])
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(40)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"endpoint": "overall_survival_90", "strategies": {"transplnt": "composite"}}, "transplant"),
        ({"endpoint": "overall_survival_90", "strategies": {"transplant": "compsite"}}, "composite"),
        ({"endpoint": "overal_survival_90", "strategies": {}}, "overall_survival_90"),
        ({"endpoint": "overall_survival", "strategies": {}}, "end with a day"),
        ({"endpoint": "overall_survival_90", "strategies": {}, "summary": "mean_difference"}, "hazard_ratio"),
        ({"endpoint": "meld_change_28", "strategies": {}, "summary": "mean_difference"}, "repeated-measures"),
        ({"endpoint": "meld_change_28", "strategies": {"death": "treatment_policy"}}, "after death"),
        ({"endpoint": "meld_change_28", "strategies": {"death": "hypothetical"}}, "nobody can die"),
        ({"endpoint": "overall_survival_90", "strategies": {"death": "while_alive"}}, "the outcome"),
        (
            {"endpoint": "overall_survival_90", "strategies": {"transplant": "principal_stratum"}},
            "cannot be told",
        ),
        ({"endpoint": "overall_survival_90", "strategies": {"dropout": "while_on_treatment"}}, "is missing"),
        (
            {
                "endpoint": "meld_change_28",
                "strategies": {"death": "composite"},
                "summary": "mean_difference",
            },
            "better_probability",
        ),
        ({"endpoint": "overall_survival_90", "strategies": {}, "estimator": "ipcw"}, "no hypothetical event"),
        (
            {
                "endpoint": "overall_survival_90",
                "strategies": {"death_before_first_infusion": "principal_stratum"},
            },
            "day of the first infusion",
        ),
        (
            {
                "endpoint": "overall_survival_90",
                "strategies": {"transplant": "while_untransplanted"},
                "summary": "hazard_ratio",
            },
            "incidence",
        ),
        ({"endpoint": "overall_survival_90", "strategies": {}, "sumary": "rmst"}, "summary"),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_the_reason(data, words):
    with pytest.raises(BadInput, match=words):
        estimand_from_dict({"summary": "difference", **data} if "sumary" not in data else data)


def test_a_repeated_measures_model_alone_is_refused_with_the_reason():
    lab = Estimand(
        "meld",
        endpoint("meld_change_28"),
        {"death": "while_alive", "transplant": "while_untransplanted"},
        "mean_difference",
    )
    with pytest.raises(BadInput, match="after death"):
        analyse(TRIALS, lab, ARMS, method="mmrm")


def test_a_method_is_named_with_the_estimand_and_must_fit_its_summary():
    named = survival("composite", "hazard_ratio", method="maxcombo")
    got = analyse(TRIALS.where(pl.col("replicate") <= 5), named, ARMS)
    assert got.method.startswith("MaxCombo")
    assert np.isnan(got.estimate).all()
    assert np.isfinite(got.p).all()
    with pytest.raises(BadInput, match="must be of cox, logrank, maxcombo"):
        survival("composite", "hazard_ratio", method="rmst")
    with pytest.raises(BadInput, match="after death"):
        survival("composite", "hazard_ratio", method="mmrm")


def test_every_event_and_strategy_is_either_possible_or_refused_with_a_reason():
    from hepatrial.analysis.estimands.estimand import allowed_strategies, refusal

    for name in (
        "overall_survival_90",
        "infection_28",
        "meld_change_28",
        "hospital_free_days_90",
        "hierarchical_90",
    ):
        for event in INTERCURRENT:
            possible = allowed_strategies(endpoint(name), event)
            assert possible, (name, event)
            for strategy in STRATEGIES:
                assert (strategy in possible) != bool(refusal(endpoint(name), event, strategy))


# --- values truncated by death --------------------------------------------------------------------------

LAB = {"transplant": "while_untransplanted", "dropout": "treatment_policy"}


def lab(death, summary, **more):
    return Estimand(
        f"death: {death}",
        endpoint("meld_change_28"),
        {"death": death, **LAB, **more.pop("also", {})},
        summary,
        **more,
    )


def test_the_worst_rank_counts_a_death_as_worse_than_any_value():
    sample = apply_estimand(TRIALS, lab("composite", "better_probability"), ARMS)
    dead = apply_estimand(TRIALS, survival("composite", name="overall_survival_28"), ARMS)
    assert np.isinf(sample.value).sum() > 0
    days = intercurrent_days(TRIALS)
    assert np.isinf(sample.value).sum() == (days["death"] <= 28).sum()
    assert len(sample) == len(dead)
    got = analyse(TRIALS, lab("composite", "better_probability"), ARMS)
    alone = analyse(TRIALS, lab("while_alive", "better_probability"), ARMS)
    assert got.estimate.mean() > 0.5
    assert got.estimate.mean() != pytest.approx(alone.estimate.mean(), abs=1e-3)


def test_while_alive_takes_the_last_value_before_death_or_transplant():
    sample = apply_estimand(TRIALS, lab("while_alive", "mean_difference"), ARMS)
    assert not np.isnan(sample.value).any()
    people = TRIALS.subjects
    gone = np.flatnonzero((people["overall_survival_time"] < 28) & (people["first_event"] == "death"))[0]
    key = people.row(int(gone), named=True)
    mine = TRIALS.visits.filter(
        (pl.col("replicate") == key["replicate"]) & (pl.col("subject") == key["subject"])
    ).sort("day")
    assert sample.value[gone] == pytest.approx(mine["meld"][-1] - key["baseline_meld"])


def test_nobody_is_averaged_over_the_dead_by_the_survivor_average():
    wanted = lab(
        "principal_stratum",
        "mean_difference",
        estimator="principal_score",
        also={"transplant": "treatment_policy"},
    )
    trials = make(40, 160, 7, offers=False)
    got = analyse(trials, wanted, ARMS)
    # given severity the values do not depend on who would die: the effect is -2 in every stratum
    assert got.estimate.mean() == pytest.approx(-2, abs=4 * got.estimate.std() / np.sqrt(40))
    assert within(got.coverage(-2.0)[0], 0.95, 40, 0.02)
    assert (got.extra["bound_low"] <= got.extra["bound_high"]).all()


def test_survivors_compared_naively_differ_where_nobody_benefits():
    """With no effect on values but on survival, survivors of the two arms are different people."""
    trials = make(30, 300, 8, ratio=0.15, offers=False, shift=0.0)
    level = {"death": "principal_stratum", "dropout": "treatment_policy"}
    wanted = Estimand(
        "sace", endpoint("meld_change_84"), level, "mean_difference", estimator="principal_score"
    )
    got = analyse(trials, wanted, ARMS)
    assert abs(got.estimate.mean()) < 4 * got.estimate.std() / np.sqrt(30)


# --- populations and infusions --------------------------------------------------------------------------


def with_infusions():
    """The first ten of the cell arm of trial 1 die before any infusion, on day 1."""
    trials = make(1, 80, 9, offers=False)
    early = (pl.col("subject") <= 20) & (pl.col("arm") == "cells")
    people = trials.subjects.with_columns(
        overall_survival_time=pl.when(early).then(1.0).otherwise(pl.col("overall_survival_time") + 3),
        overall_survival_event=pl.when(early).then(1).otherwise(pl.col("overall_survival_event")),
        transplant_free_time=pl.when(early).then(1.0).otherwise(pl.col("transplant_free_time") + 3),
        infusions_received=pl.when(early).then(0).otherwise(pl.col("infusions_received")),
    )
    return TrialTables(people, trials.visits, trials.events)


def test_deaths_before_the_first_infusion_are_counted_or_left_out_as_the_estimand_says():
    trials = with_infusions()
    name = "death_before_first_infusion"
    early = int((intercurrent_days(trials)[name] < np.inf).sum())
    assert early > 0
    everybody = apply_estimand(trials, survival("composite", also={name: "treatment_policy"}), ARMS)
    infused = apply_estimand(
        trials, survival("composite", also={name: "principal_stratum"}, landmark=2.0), ARMS
    )
    assert len(everybody) - len(infused) == early
    with pytest.raises(BadInput, match=name):
        apply_estimand(trials, survival("composite"), ARMS)


def test_an_infusion_missed_alive_is_an_event_and_one_prevented_by_death_is_not():
    trials = with_infusions()
    assert intercurrent_days(trials)["undelivered_infusion"].is_infinite().all()
    one = trials.subjects.filter(pl.col("subject") == 70)
    missed = one.select(
        "replicate",
        "subject",
        "patient",
        "arm",
        day=pl.lit(7.0),
        event=pl.lit("missed_infusion"),
        detail=pl.lit(""),
    )
    again = TrialTables(
        trials.subjects, trials.visits, pl.concat([trials.events, missed], how="vertical_relaxed")
    )
    assert (intercurrent_days(again)["undelivered_infusion"] == 7.0).sum() == 1


def test_hospital_free_days_need_discharges_and_count_none_for_the_dead():
    wanted = Estimand(
        "hfd",
        endpoint("hospital_free_days_90"),
        {"death": "composite", "transplant": "treatment_policy", "dropout": "treatment_policy"},
        "better_probability",
    )
    trials = make(1, 40, 10)
    with pytest.raises(BadInput, match="discharge_home"):
        apply_estimand(trials, wanted, ARMS)
    keys = trials.subjects.select("replicate", "subject", "patient", "arm")
    home = keys.with_columns(day=pl.lit(20.0), event=pl.lit("discharge_home"), detail=pl.lit(""))
    back = keys.filter(pl.col("subject") == 1).with_columns(
        day=pl.lit(50.0), event=pl.lit("readmission"), detail=pl.lit("")
    )
    tables = TrialTables(trials.subjects, trials.visits, pl.concat([home, back]))
    sample = apply_estimand(tables, wanted, ARMS)
    died = intercurrent_days(tables)["death"].to_numpy() <= 90
    np.testing.assert_array_equal(sample.value[died], 0.0)
    alive = ~died
    alive[0] = False
    np.testing.assert_array_equal(sample.value[alive], 70.0)
    if not died[0]:
        assert sample.value[0] == 30.0


def test_strata_are_columns_of_the_subject_table():
    trials = TrialTables(
        TRIALS.subjects.with_columns(centre=pl.col("subject") % 3), TRIALS.visits, TRIALS.events
    )
    sample = apply_estimand(trials, survival("composite"), ARMS, strata=["centre"])
    assert sample.strata == 3
    with pytest.raises(BadInput, match="center"):
        apply_estimand(trials, survival("composite"), ARMS, strata=["center"])


def test_rows_in_any_order_give_the_same():
    few = TRIALS.where(pl.col("replicate") <= 3)
    shuffled = TrialTables(
        *(t.sample(fraction=1, shuffle=True, seed=1) for t in (few.subjects, few.visits, few.events))
    )
    policy = {"transplant": "treatment_policy"}
    survivors = lab("principal_stratum", "mean_difference", estimator="principal_score", also=policy)
    for one in (survival("while_untransplanted"), lab("while_alive", "mean_difference"), survivors):
        here, there = analyse(few, one, ARMS), analyse(shuffled, one, ARMS)
        np.testing.assert_allclose(here.estimate, there.estimate, rtol=1e-9)
        np.testing.assert_allclose(here.se, there.se, rtol=1e-9)


def test_a_real_trials_tables_need_no_replicate():
    few = TRIALS.replicate(1)
    bare = TrialTables(*(t.drop("replicate") for t in (few.subjects, few.visits, few.events)))
    for one in (survival("composite"), lab("while_alive", "mean_difference")):
        np.testing.assert_allclose(analyse(bare, one, ARMS).estimate, analyse(few, one, ARMS).estimate)
