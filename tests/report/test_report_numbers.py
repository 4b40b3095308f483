"""The numbers of the report against truths of the fake run and against a second count of its tables."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fake_run import HAZARDS, TRANSPLANT, VARIANTS, fake_facts

from hepatrial.analysis import kaplan_meier
from hepatrial.report.counterfactual import counterfactual_numbers
from hepatrial.report.flow import failures, flow_numbers
from hepatrial.report.groups import baseline_groups
from hepatrial.report.results import results_bytes, results_of
from hepatrial.report.safety import KINDS, safety_numbers
from hepatrial.report.subgroups import subgroup_numbers
from hepatrial.report.survival import strategy_numbers, survival_numbers


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=60, pairs=8000)


@pytest.fixture(scope="module")
def results(facts):
    return results_of(facts)


def shuffled(facts):
    def mix(table):
        return table.sample(fraction=1.0, shuffle=True, seed=3)

    return replace(facts, subjects=mix(facts.subjects), visits=mix(facts.visits), events=mix(facts.events))


def test_equal_tables_give_equal_bytes_and_the_order_of_rows_does_not_matter(facts, results):
    assert results_bytes(results_of(facts)) == results_bytes(results)
    assert results_bytes(results_of(shuffled(facts))) == results_bytes(results)


def test_the_file_is_plain_json_without_nan_and_with_the_mark(results):
    def refuse(word):
        raise AssertionError(word)

    read = json.loads(results_bytes(results), parse_constant=refuse)
    assert read["mark"]["en"].startswith("Simulated.")
    assert list(read) == sorted(read)
    assert read["design"] == {**read["design"], "replicates": 60, "patients": 110, "pairs": 8000}


def test_a_number_that_is_not_finite_is_written_as_null():
    assert json.loads(results_bytes({"a": math.nan, "b": [math.inf, 1.23456789012]})) == {
        "a": None,
        "b": [None, 1.23456789],
    }


# --- flow -------------------------------------------------------------------------------------------


def test_the_flow_adds_up_from_falling_ill_to_the_first_event(facts):
    flow = flow_numbers(facts)
    assert flow["candidates"] - sum(step["count"] for step in flow["steps"]) == flow["admitted"] == 6600
    assert flow["randomised"] == 6600
    for arm in flow["arms"]:
        assert sum(arm["first"].values()) == pytest.approx(arm["randomised"])
        given = (arm["all_infusions"] or 0) + arm["some_infusions"] + (arm["no_infusion"] or 0)
        assert given == pytest.approx(arm["randomised"] if arm["infusions_planned"] else 0)


def test_patients_whose_solve_failed_are_counted_and_not_analysed(facts):
    assert failures(facts) == []
    broken = pl.when((pl.col("replicate") == 1) & (pl.col("subject") <= 3)).then(pl.lit("step_too_small"))
    table = facts.subjects.with_columns(status=broken.otherwise(pl.col("status")))
    failed = replace(facts, subjects=table)
    rows = failures(failed)
    assert sum(row["count"] for row in rows) == 3
    assert {row["status"] for row in rows} == {"step_too_small"}
    arms = flow_numbers(failed)["arms"]
    lost = sum(arm["randomised"] - arm["analysed"] for arm in arms) * 60
    assert lost == pytest.approx(3) == sum(arm["failed"] for arm in arms)


# --- Table 1 ----------------------------------------------------------------------------------------


def test_table_1_agrees_with_a_second_count(facts, results):
    rows = {row["measure"]: row for row in results["baseline"]}
    msc = facts.trials.filter(pl.col("arm") == "msc")
    assert rows["age"]["arms"]["msc"]["mean"] == pytest.approx(msc["age"].mean())
    assert rows["age"]["arms"]["msc"]["sd"] == pytest.approx(msc["age"].std())
    assert rows["female"]["arms"]["msc"]["share"] == pytest.approx((msc["sex"] == "female").mean())
    alt = np.quantile(msc["baseline_alt"].to_numpy(), [0.25, 0.5, 0.75])
    found = rows["alt"]["arms"]["msc"]
    assert [found["q1"], found["median"], found["q3"]] == pytest.approx(alt)


def test_the_standardised_difference_of_each_trial_is_what_chance_gives(facts, results):
    smd = next(row for row in results["baseline"] if row["measure"] == "age")["smd"]["msc"]
    sizes = []
    for part in facts.trials.partition_by("replicate"):
        a, b = (part.filter(pl.col("arm") == arm)["age"].to_numpy() for arm in ("msc", "smt"))
        sizes.append(abs(a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    assert smd["chance_95"] == pytest.approx(np.quantile(sizes, 0.95))
    assert abs(smd["pooled"]) < 0.1 < smd["chance_95"] < 0.7


def test_published_baseline_values_stand_in_their_row(results):
    row = next(row for row in results["baseline"] if row["measure"] == "age")
    assert row["published"] == [
        {"arm": "msc", "text": "40.0 (9.9)", "grade": "seen_secondary", "source": "a review"}
    ]


def test_admission_rows_hold_only_what_a_cohort_printed(results):
    (row,) = results["admission"]
    assert (row["measure"], row["form"]) == ("bilirubin", "mean_sd")
    assert row["simulated"] == {"mean": 318.0, "sd": 92.0}
    assert row["published"][0]["values"] == {"mean": 323.5, "sd": 148.4}


# --- survival ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", ["msc", "smt"])
@pytest.mark.parametrize(
    ("endpoint", "other"), [("overall_survival", 0.0), ("transplant_free_survival", TRANSPLANT)]
)
def test_average_survival_is_the_exponential_it_was_made_from(results, arm, endpoint, other):
    for mark in results["survival"]["landmarks"][endpoint][arm]:
        truth = math.exp(-(HAZARDS[arm] + other) * 7 * mark["week"])
        assert mark["mean"] == pytest.approx(truth, abs=4.5 * mark["mcse"])
        assert mark["low"] < truth < mark["high"]


def test_cumulative_incidences_are_those_of_two_competing_exponentials(results):
    for arm, curve in results["survival"]["incidence"].items():
        total = HAZARDS[arm] + TRANSPLANT
        gone = 1 - math.exp(-total * 168)
        assert curve["transplant"][-1] == pytest.approx(TRANSPLANT / total * gone, abs=0.012)
        assert curve["death"][-1] == pytest.approx(HAZARDS[arm] / total * gone, abs=0.035)


def test_the_curve_starts_at_one_never_rises_and_lies_in_its_band(results):
    for by_arm in results["survival"]["curves"].values():
        for curve in by_arm.values():
            estimate = np.array(curve["estimate"])
            assert estimate[0] == 1
            assert (np.diff(estimate) <= 1e-12).all()
            assert (np.array(curve["low"]) <= estimate + 1e-12).all()
            assert (estimate <= np.array(curve["high"]) + 1e-12).all()
            assert curve["at_risk"][0] in (54, 56)


def test_the_difference_at_a_landmark_is_that_of_the_two_averages(results):
    marks = results["survival"]["landmarks"]["overall_survival"]
    for row in results["survival"]["contrasts"]:
        if row["endpoint"] == "overall_survival":
            a, b = (next(m for m in marks[arm] if m["week"] == row["week"]) for arm in ("msc", "smt"))
            assert row["mean"] == pytest.approx(a["mean"] - b["mean"], abs=1e-9)


def test_trials_of_two_equal_arms_are_significant_in_one_of_twenty():
    facts = fake_facts(replicates=400, pairs=0)
    same = facts.trials.filter(pl.col("arm") == "smt").with_columns(
        arm=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("msc")).otherwise(pl.lit("smt"))
    )
    numbers = survival_numbers(replace(facts, subjects=same))
    test = next(row for row in numbers["tests"] if row["endpoint"] == "overall_survival")
    assert test["significant"]["share"] == pytest.approx(0.05, abs=4 * test["significant"]["mcse"])
    assert test["hazard_ratio"]["mean"] == pytest.approx(1.0, abs=0.08)
    contrast = next(row for row in numbers["contrasts"] if row["week"] == 24)
    assert contrast["no_benefit"]["share"] == pytest.approx(
        0.5, abs=4 * contrast["no_benefit"]["mcse"] + 0.05
    )


def test_without_transplants_every_strategy_gives_the_same_answer(facts):
    plain = facts.trials.filter(pl.col("first_event") != "transplant")
    rows = strategy_numbers(replace(facts, subjects=plain))
    first = rows[0]["differences"]["msc"]["mean"]
    assert [row["strategy"] for row in rows] == list(facts.study.strategies)
    assert [row["differences"]["msc"]["mean"] for row in rows] == pytest.approx([first] * 4)


def test_the_composite_is_never_better_than_survival_and_each_strategy_changes_the_number(facts):
    rows = {row["strategy"]: row["arms"]["smt"]["mean"] for row in strategy_numbers(facts)}
    assert rows["composite"] < rows["treatment_policy"] < rows["while_untransplanted"]
    assert len({round(value, 6) for value in rows.values()}) == 4


# --- counterfactual arms ----------------------------------------------------------------------------


def test_a_variant_without_effect_differs_by_exactly_nothing(results):
    (entry,) = results["counterfactual"]
    rows = {row["variant"]: row for row in entry["variants"]}
    for name in ("no_effect", "engraftment_only"):
        assert rows[name]["difference"] == 0
        assert rows[name]["mcse"] == 0
        assert rows[name]["no_benefit"]
    assert entry["no_benefit"] == pytest.approx(0.5)


def test_the_marginal_difference_of_a_variant_is_its_truth_within_monte_carlo_error(results):
    (entry,) = results["counterfactual"]
    for row in entry["variants"]:
        truth = math.exp(-HAZARDS["smt"] * VARIANTS[row["variant"]] * 168) - math.exp(-HAZARDS["smt"] * 168)
        assert row["difference"] == pytest.approx(truth, abs=4 * row["mcse"] + 1e-12)
        assert row["pairs"] == 2000


def test_average_driver_and_order_follow_from_the_variants(results):
    (entry,) = results["counterfactual"]
    differences = [row["difference"] for row in entry["variants"]]
    assert differences == sorted(differences, reverse=True)
    assert sum(row["weight"] for row in entry["variants"]) == pytest.approx(1)
    assert entry["average"] == pytest.approx(np.mean(differences))
    assert entry["driver"]["variant"] == "secretome_14d"
    assert entry["driver"]["share"] == pytest.approx(differences[0] / sum(differences))
    assert (entry["lowest"], entry["highest"]) == (differences[-1], differences[0])


def test_weights_move_the_average(facts):
    weights = {"no_effect": 0.0, "infection_only": 0.0, "secretome_14d": 1.0, "engraftment_only": 0.0}
    variants = tuple(replace(v, weight=weights[v.name]) for v in facts.variants)
    (entry,) = counterfactual_numbers(replace(facts, variants=variants))
    assert entry["average"] == pytest.approx(entry["variants"][0]["difference"])
    assert entry["no_benefit"] == 0


def test_no_pairs_give_no_counterfactual_numbers():
    assert counterfactual_numbers(fake_facts(replicates=2, pairs=0)) == []


# --- laboratory and safety --------------------------------------------------------------------------


def test_laboratory_medians_are_of_those_alive_and_measured(facts, results):
    at = facts.visits.filter((pl.col("week") == 4) & (pl.col("arm") == "smt"))["alt"].to_numpy()
    found = next(row for row in results["laboratory"]["courses"]["alt"]["smt"] if row["week"] == 4)
    assert [found["q1"], found["median"], found["q3"]] == pytest.approx(np.quantile(at, [0.25, 0.5, 0.75]))
    assert found["measured"] == pytest.approx(at.size / 60)


def test_everyone_is_measured_dead_gone_or_missing_at_every_visit(results):
    for arm, size in (("msc", 56), ("smt", 54)):
        for row in results["laboratory"]["absent"][arm]:
            assert row["measured"] + row["missing"] + row["dead"] + row["left"] == pytest.approx(size)


def test_the_dead_change_no_mean(facts, results):
    change = next(row for row in results["laboratory"]["changes"]["alt"]["smt"] if row["week"] == 4)
    seen = facts.visits.filter((pl.col("week") == 4) & (pl.col("arm") == "smt"))
    joined = seen.join(
        facts.trials.select("replicate", "subject", "baseline_alt"), on=["replicate", "subject"]
    )
    means = joined.group_by("replicate").agg((pl.col("alt") - pl.col("baseline_alt")).mean().alias("m"))
    assert change["mean"] == pytest.approx(means["m"].mean())


def test_events_are_counted_once_a_patient_and_every_time_in_the_rate(facts):
    row = next(row for row in safety_numbers(facts) if row["event"] == "severe_infection")["arms"]["msc"]
    events = facts.events.filter((pl.col("event") == "severe_infection") & (pl.col("arm") == "msc"))
    days = facts.trials.filter(pl.col("arm") == "msc")["overall_survival_time"].sum()
    assert row["patients"]["mean"] == pytest.approx(events.select("replicate", "subject").n_unique() / 60)
    assert row["rate"] == pytest.approx(events.height / days * 30.4375)
    assert row["rate_low"] < row["rate"] < row["rate_high"]
    assert row["share_low"] < row["share"] < row["share_high"]


def test_a_fever_counts_as_an_infusions_within_two_days_of_it(facts):
    key = pl.DataFrame({"replicate": [1, 1, 1], "subject": [1, 1, 2], "patient": [1, 1, 2]}).with_columns(
        pl.col("replicate", "subject").cast(pl.Int32), arm=pl.lit("msc"), detail=pl.lit("")
    )
    fevers = key.with_columns(day=pl.Series([1.9, 9.5, 40.0]), event=pl.lit("fever"))
    doses = key.with_columns(day=pl.Series([0.0, 7.0, 7.0]), event=pl.lit("cell_infusion"))
    order = facts.events.columns
    events = pl.concat([fevers.select(order), doses.select(order)])
    rows = {row["event"]: row["arms"]["msc"] for row in safety_numbers(replace(facts, events=events))}
    assert rows["fever"]["events"] * 60 == pytest.approx(3)
    assert rows["fever_after_infusion"]["events"] * 60 == pytest.approx(1)
    assert "cell_infusion" not in rows


def test_any_adverse_event_counts_a_patient_once_over_all_of_them(facts):
    rows = {row["event"]: row for row in safety_numbers(facts)}
    struck = facts.events.filter(
        pl.col("event").is_in(["severe_infection", "mild_infection", "variceal_bleeding", "fever"])
        & (pl.col("arm") == "smt")
    )
    found = rows["any_adverse"]["arms"]["smt"]["patients"]["mean"]
    assert found == pytest.approx(struck.select("replicate", "subject").n_unique() / 60)
    grave = struck.filter(pl.col("event").is_in(["severe_infection", "variceal_bleeding"]))
    found = rows["any_serious"]["arms"]["smt"]["patients"]["mean"]
    assert found == pytest.approx(grave.select("replicate", "subject").n_unique() / 60)
    assert grave.height < struck.height


def test_adverse_events_stand_by_seriousness_and_outcomes_apart(facts):
    kinds = [row["kind"] for row in safety_numbers(facts)]
    assert kinds == sorted(kinds, key=KINDS.index)
    of = {row["event"]: row["kind"] for row in safety_numbers(facts)}
    assert of["severe_infection"] == "serious"
    assert of["fever"] == "other"
    assert of["death"] == of["transplant"] == "care"


# --- subgroups --------------------------------------------------------------------------------------


def test_the_subgroup_of_all_is_the_primary_contrast(results):
    entry = results["subgroups"][0]
    primary = next(
        row
        for row in results["survival"]["contrasts"]
        if (row["endpoint"], row["week"]) == (entry["endpoint"], entry["week"])
    )
    for name in ("mean", "low", "high", "mcse"):
        assert entry["groups"][0][name] == pytest.approx(primary[name])


def test_a_subgroup_is_the_analysis_of_its_patients_in_every_trial(facts, results):
    row = next(row for row in results["subgroups"][0]["groups"] if row["group"] == "age_from")
    people = facts.trials.filter(pl.col("age") >= 50)
    differences = []
    for replicate in range(1, 61):
        both = []
        for arm in ("msc", "smt"):
            mine = people.filter((pl.col("replicate") == replicate) & (pl.col("arm") == arm))
            curve = kaplan_meier(mine["overall_survival_time"], mine["overall_survival_event"])
            both.append(float(curve.survival_at(168.0)))
        differences.append(both[0] - both[1])
    known = np.array(differences)[np.isfinite(differences)]
    assert row["trials"] == known.size
    assert row["mean"] == pytest.approx(known.mean())
    assert row["n"]["msc"] == pytest.approx(people.filter(pl.col("arm") == "msc").height / 60)
    # the difference shown is that of the survival shown
    assert row["survival"]["msc"] - row["survival"]["smt"] == pytest.approx(row["mean"])


def test_an_effect_put_into_one_subgroup_is_seen_there_and_not_in_the_other(facts):
    spared = (pl.col("arm") == "msc") & (pl.col("sex") == "female") & (pl.col("replicate") > 0)
    kept = facts.subjects.with_columns(
        overall_survival_time=pl.when(spared).then(168.0).otherwise(pl.col("overall_survival_time")),
        overall_survival_event=pl.when(spared).then(0).otherwise(pl.col("overall_survival_event")),
    )
    rows = {row["group"]: row for row in subgroup_numbers(replace(facts, subjects=kept))[0]["groups"]}
    before = {row["group"]: row for row in subgroup_numbers(facts)[0]["groups"]}
    assert rows["female"]["survival"]["msc"] == 1
    assert rows["male"] == before["male"]
    assert rows["female"]["mean"] > before["female"]["mean"] + 0.2


def test_groups_partition_the_patients_and_nobody_or_everybody_makes_none(facts):
    people = facts.trials
    groups = {group.name: people.filter(group.chosen).height for group in baseline_groups(people)}
    for one, other in (("female", "male"), ("age_below", "age_from"), ("cirrhosis", "cirrhosis_no")):
        assert groups[one] + groups[other] == groups["all"] == people.height
    women = people.filter(pl.col("sex") == "female")
    assert not {"female", "male"} & {group.name for group in baseline_groups(women)}


# --- what it rests on -------------------------------------------------------------------------------


def test_fitted_parameters_come_first_and_every_card_is_counted(results):
    parameters = results["parameters"]
    assert parameters["cards"][0]["grade"] == "fitted"
    assert sum(parameters["counts"].values()) == parameters["total"] == 4


def test_the_engraftment_bound_is_cells_over_hepatocytes(facts, results):
    (row,) = results["engraftment"]
    weight = facts.trials.filter(pl.col("arm") == "msc")["weight"].mean()
    assert row["bound"] == pytest.approx(4 * 3.2e5 * weight / 1.6e11)
    assert row["bound"] < 0.0016


def test_parts_of_the_uncertainty_are_shown_and_an_arm_without_cells_has_no_structure(results):
    (entry,) = results["doubt"]
    rows = {row["quantity"]: row for row in entry["rows"]}
    assert rows["control"]["parts"]["structure"]["half"] == 0.0
    assert rows["difference"]["parts"]["structure"]["half"] > 0.0
    assert rows["treated"]["parts"]["parameters"] is None  # one world: the cards
    assert rows["treated"]["parts"]["luck"]["half"] > 0.0
    assert rows["control"]["studies"] is None
