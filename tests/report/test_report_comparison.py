"""Simulated against published: roles, misses first, and the arithmetic done a second time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fake_run import fake_facts
from scipy.stats import binom

from hepatrial.report.comparison import compare, early_late, published_differences, tally
from hepatrial.report.facts import Published


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=60, pairs=0)


@pytest.fixture(scope="module")
def rows(facts):
    return compare(facts)


def product_limit(time, event, day):
    """Kaplan-Meier at a day, the slow way."""
    alive = 1.0
    for t in np.unique(time[(event == 1) & (time <= day)]):
        alive *= 1 - ((time == t) & (event == 1)).sum() / (time >= t).sum()
    return alive


def by_replicate(facts, arm, day):
    values = []
    for part in facts.trials.filter(pl.col("arm") == arm).partition_by("replicate", maintain_order=True):
        columns = (part["overall_survival_time"].to_numpy(), part["overall_survival_event"].to_numpy())
        values.append(product_limit(*columns, day))
    return np.array(values)


def one(rows, endpoint, arm, week):
    return next(r for r in rows if (r["endpoint"], r["arm"], r["week"]) == (endpoint, arm, week))


def test_simulated_survival_is_that_of_a_second_product_limit(facts, rows):
    for row in rows:
        if row["endpoint"] == "survival":
            values = by_replicate(facts, row["arm"], 7 * row["week"])
            assert row["simulated"] == pytest.approx(values.mean(), abs=1e-12)
            assert [row["low"], row["high"]] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-12)
            assert row["mcse"] == pytest.approx(values.std(ddof=1) / np.sqrt(60), abs=1e-12)


def test_simulated_infections_are_shares_counted_patient_by_patient(facts, rows):
    row = one(rows, "severe_infection", "smt", 24.0)
    struck = facts.events.filter(
        (pl.col("event") == "severe_infection") & (pl.col("arm") == "smt") & (pl.col("day") <= 168)
    )
    patients = {(r["replicate"], r["subject"]) for r in struck.to_dicts()}
    assert row["simulated"] == pytest.approx(len(patients) / (60 * 54), abs=1e-12)


def test_inside_means_inside_the_range_and_the_difference_is_simulated_minus_published(rows):
    for row in rows:
        assert row["inside"] == (row["low"] <= row["published"] <= row["high"])
        assert row["difference"] == pytest.approx(row["simulated"] - row["published"])


def test_misses_come_first_and_among_them_those_that_count(rows):
    flags = [row["inside"] for row in rows]
    assert False in flags
    assert flags == sorted(flags)
    missed = [row["role"] == "article" for row in rows if row["inside"] is False]
    assert missed == sorted(missed)


def test_numbers_of_an_article_are_never_counted(facts):
    counts = tally(compare(facts))
    without = replace(facts, published=tuple(p for p in facts.published if p.role != "article"))
    alone = tally(compare(without))
    for key in ("fitted", "fitted_missed", "predicted", "predicted_missed"):
        assert counts[key] == alone[key]
    assert counts["article"] == 4
    assert counts["fitted"] + counts["predicted"] == 4


def test_the_role_is_the_one_that_was_declared_whatever_the_result(facts, rows):
    declared = {(p.endpoint, p.arm, p.week): p.role for p in facts.published}
    assert {(r["endpoint"], r["arm"], r["week"]): r["role"] for r in rows} == declared


def test_the_probability_of_no_death_is_the_power_of_the_shares_averaged_over_variants(facts, rows):
    row = one(rows, "survival", "msc", 4.0)
    alive = by_replicate(facts, "msc", 28)
    odd = np.arange(1, 61) % 2 == 1
    expected = (alive[odd].mean() ** 56 + alive[~odd].mean() ** 56) / 2
    assert row["tail"] == pytest.approx(expected, rel=1e-9)


def test_the_probability_looks_to_the_side_on_which_the_publication_lies(facts):
    shares = by_replicate(facts, "smt", 28)
    groups = [shares[np.arange(1, 61) % 2 == k].mean() for k in (0, 1)]
    few = Published("survival", "smt", 4.0, 0.5, None, None, "", 27, 54, "seen", "predicted", "x")
    row = compare(replace(facts, published=(few,)))[0]
    assert row["tail"] == pytest.approx(np.mean([binom.cdf(27, 54, p) for p in groups]), rel=1e-9)
    many = replace(few, value=1.0, count=54)
    row = compare(replace(facts, published=(many,)))[0]
    assert row["tail"] == pytest.approx(np.mean([p**54 for p in groups]), rel=1e-9)


def test_a_number_without_a_count_has_no_probability(facts):
    bare = Published("survival", "smt", 12.0, 0.646, None, None, "", None, 54, "article", "article", "x")
    row = compare(replace(facts, published=(bare,)))[0]
    assert row["tail"] is None
    assert row["published"] == 0.646


def test_a_published_difference_is_laid_beside_the_difference_of_each_trial(facts):
    gap = Published("difference", "msc", 4.0, 0.222, None, None, "", None, None, "article", "article", "x")
    row = compare(replace(facts, published=(replace(gap, control="smt"),)))[0]
    expected = by_replicate(facts, "msc", 28) - by_replicate(facts, "smt", 28)
    assert row["simulated"] == pytest.approx(expected.mean(), abs=1e-12)
    assert row["high"] == pytest.approx(np.percentile(expected, 97.5), abs=1e-12)


def test_too_few_trials_give_no_range_and_no_verdict():
    rows = compare(fake_facts(replicates=5, pairs=0))
    assert all(row["low"] is row["high"] is row["inside"] is None for row in rows)
    assert tally(rows) == dict.fromkeys(tally(rows), 0)


def test_another_size_than_the_published_one_is_noticed(facts):
    assert all(row["same_size"] for row in compare(facts))
    arms = tuple(replace(arm, size=arm.size * 2) for arm in facts.arms)
    assert not any(row["same_size"] for row in compare(replace(facts, arms=arms)))


def test_the_published_difference_has_newcombes_interval_and_fishers_p(facts):
    (row,) = published_differences(facts)
    assert row["difference"] == pytest.approx(41 / 56 - 30 / 54)
    # statsmodels.stats.proportion.confint_proportions_2indep(41, 56, 30, 54, method="newcomb")
    assert (row["low"], row["high"]) == pytest.approx((-0.0019818159, 0.3409976488), abs=1e-9)
    assert row["fisher_p"] == pytest.approx(0.0726316356, abs=1e-9)
    assert row["role"] == "fitted"


def test_unverified_counts_make_no_published_difference(facts):
    article = tuple(replace(p, role="article") for p in facts.published)
    assert published_differences(replace(facts, published=article)) == []


def test_when_the_benefit_falls_is_told_from_whole_patients(facts):
    (row,) = early_late(facts)
    assert row["treated"]["published"] == pytest.approx(41 / 56)
    assert row["control_arm"]["published"] == pytest.approx(30 / 42)
    assert row["chance"] == pytest.approx((42 / 54) ** 56)
    assert row["article"]
    expected = by_replicate(facts, "msc", 168).mean() / by_replicate(facts, "msc", 28).mean()
    assert row["treated"]["simulated"] == pytest.approx(expected, abs=1e-12)
