"""Replicate-wise summaries equal the one-trial functions; Monte-Carlo errors are what they say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hepatrial.analysis import (
    cox,
    hazard_ratio_by_replicate,
    kaplan_meier,
    logrank,
    logrank_by_replicate,
    marginal_contrast,
    summarise,
    survival_by_arm,
)
from hepatrial.errors import BadInput

ARMS = ("msc", "control")


def trials(replicates=30, patients=40, seed=1, hazard_ratio=0.6):
    """A subject table of simulated trials: whole days (many ties), some early censoring."""
    rng = np.random.default_rng(seed)
    n = replicates * patients
    arm = np.tile(np.where(np.arange(patients) % 2 == 0, "msc", "control"), replicates)
    death = np.ceil(rng.exponential(np.where(arm == "msc", 150 / hazard_ratio, 150), n))
    end = np.where(rng.random(n) < 0.1, rng.integers(1, 168, n), 168)
    transplant = np.ceil(rng.exponential(600, n))
    first = np.minimum(death, transplant)
    return pl.DataFrame(
        {
            "replicate": np.repeat(np.arange(1, replicates + 1), patients),
            "subject": np.tile(np.arange(1, patients + 1), replicates),
            "patient": np.arange(n),
            "arm": arm,
            "status": "ok",
            "overall_survival_time": np.minimum(death, end),
            "overall_survival_event": (death <= end).astype(int),
            "transplant_free_time": np.minimum(first, end),
            "transplant_free_event": (first <= end).astype(int),
        }
    )


def each(table, endpoint="overall_survival"):
    for replicate in table["replicate"].unique().sort():
        one = table.filter(pl.col("replicate") == replicate)
        time = one[f"{endpoint}_time"].to_numpy()
        yield time, one[f"{endpoint}_event"].to_numpy(), one["arm"].to_numpy().astype(str)


@pytest.mark.parametrize("endpoint", ["overall_survival", "transplant_free"])
def test_survival_by_arm_is_kaplan_meier_of_each_replicate_and_arm(endpoint):
    table, times = trials(), [0, 7, 28, 84.5, 168]
    got = survival_by_arm(table.sample(fraction=1, shuffle=True, seed=3), times, endpoint=endpoint, arms=ARMS)
    assert got.survival.shape == (30, 2, 5)
    for r, (time, event, arm) in enumerate(each(table, endpoint)):
        for a, name in enumerate(ARMS):
            curve = kaplan_meier(time[arm == name], event[arm == name])
            np.testing.assert_allclose(got.survival[r, a], curve.survival_at(times), atol=1e-12)
            np.testing.assert_allclose(got.se[r, a], curve.se_at(times), atol=1e-12)
            np.testing.assert_array_equal(got.at_risk[r, a], curve.number_at_risk(times))
    np.testing.assert_allclose(got.difference(*ARMS), got.survival[:, 0] - got.survival[:, 1])
    np.testing.assert_allclose(got.summary().mean, got.survival.mean(axis=0))


@pytest.mark.parametrize(("rho", "gamma"), [(0, 0), (1, 0), (0, 1)])
def test_logrank_by_replicate_is_the_test_of_each_replicate(rho, gamma):
    table = trials()
    got = logrank_by_replicate(table, ARMS, rho=rho, gamma=gamma)
    for r, data in enumerate(each(table)):
        one = logrank(*data, groups=ARMS, rho=rho, gamma=gamma)
        assert got.z[r] == pytest.approx(one.test.statistic, rel=1e-9)
        assert got.p[r] == pytest.approx(one.test.p, rel=1e-9)


@pytest.mark.parametrize("endpoint", ["overall_survival", "transplant_free"])
def test_hazard_ratio_by_replicate_is_the_efron_cox_model_of_each_replicate(endpoint):
    table = trials()
    got = hazard_ratio_by_replicate(table, ARMS, endpoint=endpoint)
    for r, (time, event, arm) in enumerate(each(table, endpoint)):
        fit = cox(time, event, arm == "msc")
        assert got.log_hazard_ratio[r] == pytest.approx(fit.coef[0], rel=1e-7)
        assert got.se[r] == pytest.approx(fit.se[0], rel=1e-7)
    np.testing.assert_allclose(np.log(got.hazard_ratio), got.log_hazard_ratio)


def subjects(time, event, arm, replicate=1):
    return pl.DataFrame(
        {"replicate": replicate, "arm": arm, "overall_survival_time": time, "overall_survival_event": event}
    )


def test_a_replicate_without_information_is_counted_and_never_significant():
    table = pl.concat(
        [
            subjects([5.0, 6, 7, 8], [0, 0, 0, 0], ["a", "b"] * 2, 1),
            subjects([5.0, 6, 7, 8], [1, 0, 1, 0], ["a", "b"] * 2, 2),
            subjects([5.0, 6, 7, 8], [0, 1, 0, 1], ["a", "b"] * 2, 3),
            subjects([5.0, 6, 7, 8], [1, 1, 1, 1], ["a", "b"] * 2, 4),
        ]
    )
    test = logrank_by_replicate(table, ("a", "b"))
    np.testing.assert_array_equal(np.isnan(test.p), [True, False, False, False])
    ratio = hazard_ratio_by_replicate(table, ("a", "b"))
    assert np.isnan(ratio.log_hazard_ratio[0])
    np.testing.assert_array_equal(ratio.log_hazard_ratio[1:3], [np.inf, -np.inf])
    np.testing.assert_array_equal(np.isnan(ratio.se), [True, True, True, False])
    summary = ratio.summary()
    assert (summary.replicates, summary.missing) == (1, 3)
    assert test.share_below(0.999)[0] == 0.75
    with pytest.raises(BadInput, match="between 0 and 1"):
        test.share_below(5)


def test_an_arm_absent_from_a_replicate_or_not_followed_so_long_is_unknown():
    table = pl.concat([subjects([5.0, 9], [1, 0], ["a", "b"], 1), subjects([4.0, 9], [0, 1], ["a", "a"], 2)])
    got = survival_by_arm(table, [9, 10])
    np.testing.assert_array_equal(got.survival[0], [[0, 0], [1, np.nan]])
    np.testing.assert_array_equal(got.survival[1], [[0, 0], [np.nan, np.nan]])
    assert got.at_risk[1].tolist() == [[1, 0], [0, 0]]


def test_counterfactual_arms_are_not_part_of_any_trial():
    table = trials(replicates=5)
    pairs = table.filter(pl.col("replicate") == 1).with_columns(replicate=pl.lit(0, pl.Int64))
    both = pl.concat([pairs, table])
    np.testing.assert_array_equal(logrank_by_replicate(both, ARMS).z, logrank_by_replicate(table, ARMS).z)
    assert survival_by_arm(both, [28]).replicates.tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(BadInput, match="replicates from 1"):
        survival_by_arm(pairs, [28])


def test_patients_on_whom_the_engine_failed_are_left_out():
    table = trials(replicates=2)
    failed = table.with_columns(
        status=pl.when(pl.col("subject") == 3).then(pl.lit("too many steps")).otherwise("status"),
        overall_survival_time=pl.when(pl.col("subject") == 3)
        .then(float("nan"))
        .otherwise("overall_survival_time"),
    )
    without = table.filter(pl.col("subject") != 3)
    np.testing.assert_array_equal(
        survival_by_arm(failed, [28]).survival, survival_by_arm(without, [28]).survival
    )


def test_a_real_trials_table_without_replicates_is_one_replicate():
    table = trials(replicates=1).drop("replicate", "patient", "subject", "status")
    assert logrank_by_replicate(table, ARMS).replicates.tolist() == [1]


def test_power_and_its_monte_carlo_error():
    got = logrank_by_replicate(trials(replicates=200, patients=60, hazard_ratio=0.4), ARMS)
    share, mcse = got.share_below(0.05)
    assert share == (got.p < 0.05).mean()
    assert mcse == pytest.approx(np.sqrt(share * (1 - share) / 200))
    assert got.share_below(0.5)[0] > share
    # Schoenfeld: events d, two equal arms, power = Phi(sqrt(d/4) |log HR| - 1.96)
    assert 0.6 < share < 0.95


def test_summary_is_over_replicates_and_skips_what_is_not_finite():
    values = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, np.inf], [7.0, 4.0]])
    got = summarise(values)
    np.testing.assert_array_equal(got.mean, [4, 3])
    np.testing.assert_allclose(got.sd, [values[:, 0].std(ddof=1), np.sqrt(2)])
    np.testing.assert_allclose(got.mcse, got.sd / np.sqrt([4, 2]))
    np.testing.assert_array_equal(got.replicates, [4, 2])
    np.testing.assert_array_equal(got.missing, [0, 2])
    np.testing.assert_allclose(
        [got.lower[0], got.median[0], got.upper[0]], np.percentile([1, 3, 5, 7], [2.5, 50, 97.5])
    )
    nothing = summarise([[np.nan], [np.nan]])
    assert np.isnan([nothing.mean, nothing.mcse, nothing.lower]).all()
    assert np.isnan(summarise([[1.0]]).mcse).all()


def pairs(patients=2000, seed=2, censor=None):
    """Two counterfactual arms of the same patients; ``censor`` = share lost early."""
    rng = np.random.default_rng(seed)
    luck = rng.exponential(size=patients)
    gain = rng.choice([1.0, 1.6], patients)
    end = np.full(patients, 168.0)
    if censor:
        end = np.where(rng.random(patients) < censor, rng.uniform(1, 168, patients), end)
    parts = []
    for arm, time in (("msc", 200 * gain * luck), ("control", 200 * luck)):
        part = subjects(np.minimum(time, end), (time <= end).astype(int), [arm] * patients, 0)
        parts.append(part.with_columns(patient=pl.Series(np.arange(patients)), true=pl.Series(time)))
    return pl.concat(parts)


def test_marginal_contrast_without_censoring_is_the_mean_difference_of_the_pairs():
    table = pairs()
    got = marginal_contrast(table.sample(fraction=1, shuffle=True, seed=1), [28, 84, 167], ARMS)
    alive = [
        table.filter(pl.col("arm") == arm)["true"].to_numpy()[:, None] > np.array([28, 84, 167])
        for arm in ARMS
    ]
    difference = alive[0].astype(float) - alive[1]
    np.testing.assert_allclose(got.difference, difference.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(got.mcse, difference.std(axis=0) / np.sqrt(2000), rtol=1e-9)
    share = np.array([a.mean(axis=0) for a in alive])
    np.testing.assert_allclose(got.survival, share, atol=1e-12)
    np.testing.assert_allclose(got.survival_mcse, np.sqrt(share * (1 - share) / 2000), rtol=1e-9)
    assert got.pairs == 2000


def test_with_censoring_each_arms_monte_carlo_error_is_greenwoods():
    table = pairs(censor=0.3)
    got = marginal_contrast(table, [28, 150], ARMS)
    for a, arm in enumerate(ARMS):
        part = table.filter(pl.col("arm") == arm)
        curve = kaplan_meier(
            part["overall_survival_time"].to_numpy(), part["overall_survival_event"].to_numpy()
        )
        np.testing.assert_allclose(got.survival[a], curve.survival_at([28, 150]), atol=1e-12)
        np.testing.assert_allclose(got.survival_mcse[a], curve.se_at([28, 150]), rtol=1e-9)


def test_the_paired_monte_carlo_error_is_the_spread_over_repeated_simulation():
    estimates = [marginal_contrast(pairs(300, seed, 0.2), [84], ARMS) for seed in range(150)]
    spread = np.std([got.difference[0] for got in estimates], ddof=1)
    claimed = np.mean([got.mcse[0] for got in estimates])
    assert claimed == pytest.approx(spread, rel=0.2)
    unpaired = np.hypot(*estimates[0].survival_mcse[:, 0])
    assert claimed < unpaired


def test_a_pair_is_left_out_when_the_engine_failed_in_either_arm():
    table = pairs(50).with_columns(
        status=pl.when((pl.col("patient") == 7) & (pl.col("arm") == "msc"))
        .then(pl.lit("failed"))
        .otherwise(pl.lit("ok"))
    )
    got = marginal_contrast(table, [28], ARMS)
    assert (got.pairs, got.excluded) == (49, 1)
    same = marginal_contrast(table.filter(pl.col("patient") != 7), [28], ARMS)
    np.testing.assert_array_equal(got.difference, same.difference)


def test_counterfactual_arms_that_are_no_pairs_are_refused():
    table = pairs(20)
    for broken, message in (
        (table.filter((pl.col("patient") != 3) | (pl.col("arm") == "msc")), "1 patients in one arm only"),
        (pl.concat([table, table.head(1)]), "must hold each patient once"),
        (table.drop("patient"), "patient"),
        (table.drop("replicate"), "replicate"),
        (table.with_columns(replicate=pl.lit(1)), "no rows of replicate 0"),
    ):
        with pytest.raises(BadInput, match=message):
            marginal_contrast(broken, [28], ARMS)
    with pytest.raises(BadInput, match="two different arms"):
        marginal_contrast(table, [28], ("msc", "msc"))


def test_bad_tables_arms_and_times_are_refused():
    table = trials(replicates=2)
    with pytest.raises(BadInput, match="Did you mean 'control'"):
        logrank_by_replicate(table, ("msc", "contol"))
    with pytest.raises(BadInput, match="two different arms"):
        hazard_ratio_by_replicate(table, ("msc", "msc"))
    with pytest.raises(BadInput, match="must not be negative"):
        survival_by_arm(table, [-1])
    with pytest.raises(BadInput, match="Did you mean 'transplant_free'"):
        survival_by_arm(table, [1], endpoint="transplant-free")
    with pytest.raises(BadInput) as caught:
        survival_by_arm(table.drop("arm", "overall_survival_event"), [1])
    assert [p.place for p in caught.value.problems] == ["subjects.arm", "subjects.overall_survival_event"]
    with pytest.raises(BadInput, match=r"subjects.overall_survival_time: given -4"):
        survival_by_arm(table.with_columns(overall_survival_time=pl.lit(-4.0)), [1])
    with pytest.raises(BadInput, match="must be one of msc, control"):
        survival_by_arm(table, [1], arms=ARMS).difference("msc", "placebo")
