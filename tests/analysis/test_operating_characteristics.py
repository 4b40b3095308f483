"""Every test keeps its level and every interval its coverage, within Monte-Carlo error (seeded)."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom, poisson

from hepatrial.analysis import (
    aalen_johansen,
    cox,
    fisher_exact,
    hazard_ratio_by_replicate,
    kaplan_meier,
    logrank,
    logrank_by_replicate,
    proportion_interval,
    rate_interval,
    risk_difference,
    rmst_contrast,
    survival_by_arm,
    survival_power,
)

ARMS = ("a", "b")


def within(share: float, nominal: float, trials: int, slack: float = 0.0) -> bool:
    """Four Monte-Carlo standard errors, and what a small sample's approximation may add."""
    return abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / trials) + slack


def trials(replicates: int, n: int, seed: int, ratio: float = 1.0) -> pl.DataFrame:
    """Exponential deaths (mean 100 days in arm b), uniform dropout to 300, end at 180."""
    rng = np.random.default_rng(seed)
    size = replicates * n
    arm = np.where(np.arange(size) % 2 == 0, "a", "b")
    death = rng.exponential(100.0, size) / np.where(arm == "a", ratio, 1.0)
    end = np.minimum(rng.uniform(20, 300, size), 180.0)
    return pl.DataFrame(
        {
            "replicate": np.repeat(np.arange(1, replicates + 1), n),
            "subject": np.tile(np.arange(n), replicates),
            "patient": np.arange(size),
            "arm": arm,
            "status": ["ok"] * size,
            "overall_survival_time": np.minimum(death, end),
            "overall_survival_event": (death <= end).astype(int),
        }
    )


NULL = trials(2000, 100, 71)


@pytest.mark.parametrize(("rho", "gamma"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_weighted_logrank_tests_keep_their_level(rho, gamma):
    test = logrank_by_replicate(NULL, ARMS, rho=rho, gamma=gamma)
    for alpha in (0.05, 0.2):
        assert within(test.share_below(alpha)[0], alpha, 2000, slack=0.004)
    one_sided = (test.z < -1.959964).mean()
    assert within(float(one_sided), 0.025, 2000, slack=0.004)


def test_stratified_and_many_group_logrank_tests_keep_their_level():
    rng = np.random.default_rng(72)
    stratified, four = [], []
    for _ in range(600):
        stratum = np.arange(120) % 3
        time = rng.exponential(1.0 + stratum)  # strata differ, groups do not
        event = rng.uniform(size=120) < 0.7
        group = rng.permutation(120) % 4
        stratified.append(logrank(time, event, group % 2, strata=stratum).test.p)
        four.append(logrank(time, event, group).test.p)
    for p in (stratified, four):
        assert within(float(np.mean(np.array(p) < 0.1)), 0.1, 600)


@pytest.mark.parametrize("ratio", [1.0, 0.6])
def test_the_hazard_ratios_interval_covers_and_its_bias_is_small(ratio):
    table = NULL if ratio == 1 else trials(1000, 150, 73, ratio)
    got = hazard_ratio_by_replicate(table, ARMS)
    count = got.se.size
    covered = np.abs(got.log_hazard_ratio - np.log(ratio)) < 1.959964 * got.se
    assert within(float(covered.mean()), 0.95, count, slack=0.004)
    assert abs(got.log_hazard_ratio.mean() - np.log(ratio)) < 0.02


@pytest.mark.parametrize(("ratio", "n"), [(0.6, 200), (0.75, 300)])
def test_the_logrank_tests_power_is_schoenfelds(ratio, n):
    table = trials(600, n, 74, ratio)
    events = table["overall_survival_event"].sum() / 600
    hits = (logrank_by_replicate(table, ARMS).z < -1.959964).mean()
    assert within(float(hits), survival_power(events, ratio), 600, slack=0.01)


def test_cox_tests_of_several_covariates_keep_their_level():
    rng = np.random.default_rng(75)
    found = []
    for _ in range(500):
        x = np.column_stack([rng.integers(0, 2, 100), rng.normal(size=100)])
        fit = cox(rng.exponential(size=100), rng.uniform(size=100) < 0.8, x)
        found.append([fit.likelihood_ratio.p, fit.score.p, fit.wald.p])
    for share in (np.array(found) < 0.1).mean(axis=0):
        assert within(float(share), 0.1, 500, slack=0.01)


@pytest.mark.parametrize("transform", ["log", "log-log", "logit", "arcsin"])
def test_survival_intervals_cover(transform):
    truth, covered = np.exp(-0.6), 0
    groups = NULL.filter((pl.col("arm") == "b") & (pl.col("replicate") <= 800)).partition_by("replicate")
    for one in groups:
        curve = kaplan_meier(one["overall_survival_time"], one["overall_survival_event"], transform=transform)
        low, high = curve.interval_at(60)
        covered += bool(low < truth < high)
    assert within(covered / 800, 0.95, 800, slack=0.01)


def test_survival_of_replicates_is_unbiased_with_greenwoods_error():
    got = survival_by_arm(NULL, [30, 60, 120])
    truth = np.exp(-np.array([0.3, 0.6, 1.2]))
    summary = got.summary()
    assert (np.abs(summary.mean - truth) < 4 * summary.mcse).all()
    assert np.nanmean(got.se, axis=0) == pytest.approx(summary.sd, rel=0.06)


def test_restricted_mean_contrasts_keep_level_and_cover():
    table = trials(500, 120, 76, 0.7)
    truth = (1 - np.exp(-0.7)) / 0.007 - (1 - np.exp(-1.0)) / 0.01
    covered = rejected = 0
    for real, null in zip(
        table.partition_by("replicate"),
        NULL.filter(pl.col("replicate") <= 500).partition_by("replicate"),
        strict=True,
    ):
        got = rmst_contrast(real["overall_survival_time"], real["overall_survival_event"], real["arm"], 100)
        covered += got.difference.ci[0] < truth < got.difference.ci[1]
        flat = rmst_contrast(null["overall_survival_time"], null["overall_survival_event"], null["arm"], 100)
        rejected += flat.difference.p < 0.05
    assert within(covered / 500, 0.95, 500, slack=0.01)
    assert within(rejected / 500, 0.05, 500, slack=0.01)


def test_cumulative_incidence_intervals_cover_and_everything_adds_up_to_one():
    rng = np.random.default_rng(77)
    truth, covered = 0.75 * (1 - np.exp(-0.8)), 0
    for _ in range(500):
        times = np.column_stack(
            [rng.uniform(0.2, 3, 120), rng.exponential(1 / 0.6, 120), rng.exponential(5, 120)]
        )
        got = aalen_johansen(times.min(axis=1), times.argmin(axis=1), causes=[1, 2])
        low, high = got.interval_at(1.0)
        covered += bool(low[0] < truth < high[0])
        np.testing.assert_allclose(got.incidence.sum(axis=1) + got.event_free, 1.0, atol=1e-12)
    assert within(covered / 500, 0.95, 500, slack=0.01)


def test_exact_intervals_cover_at_least_their_level_at_every_rate():
    x = np.arange(41)
    low, high = proportion_interval(x, 40)
    for p in np.linspace(0.01, 0.99, 50):
        assert binom.pmf(x[(low <= p) & (p <= high)], 40, p).sum() >= 0.95
    counts = np.arange(200)
    low, high = rate_interval(counts, 10.0)
    for rate in np.linspace(0.05, 8, 40):
        assert poisson.cdf(199, 10 * rate) > 0.999999
        assert poisson.pmf(counts[(low <= rate) & (rate <= high)], 10 * rate).sum() >= 0.95 - 1e-6


def test_the_score_interval_of_a_difference_covers_on_average_and_fisher_is_never_too_liberal():
    n = 20
    weight = np.arange(n + 1)
    for p1, p2 in ((0.3, 0.3), (0.5, 0.2), (0.1, 0.1)):
        chance = np.outer(binom.pmf(weight, n, p1), binom.pmf(weight, n, p2))
        likely = [(i, j) for i in weight for j in weight if chance[i, j] > 1e-5]
        covered = sum(
            chance[i, j]
            for i, j in likely
            if (ci := risk_difference(int(i), n, int(j), n).ci)[0] <= p1 - p2 <= ci[1]
        )
        assert 0.93 < covered / sum(chance[i, j] for i, j in likely) < 0.99
    chance = np.outer(binom.pmf(weight, n, 0.3), binom.pmf(weight, n, 0.3))
    rejected = sum(
        chance[i, j]
        for i in weight[:15]
        for j in weight[:15]
        if chance[i, j] > 1e-4 and fisher_exact(int(i), n, int(j), n).p < 0.05
    )
    assert rejected < 0.05
