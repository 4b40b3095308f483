"""MaxCombo against R, against scipy's normal integral, and under its null."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from reference import agree, dataset, numbers
from scipy.stats import multivariate_normal

from hepatrial.analysis import logrank, logrank_by_replicate, maxcombo, maxcombo_by_replicate
from hepatrial.analysis.maxcombo import box_p
from hepatrial.errors import BadInput

CASES = {
    "pbc_Dpen_v_placebo": ("pbc", "time", lambda t: t["status"] == 2, "trt", [1, 2]),
    "lung_female_v_male": ("lung", "time", lambda t: t["status"] - 1, "sex", [2, 1]),
    "veteran_trt2_v_1": ("veteran", "time", lambda t: t["status"], "trt", [2, 1]),
    "ovarian_rx2_v_1": ("ovarian", "futime", lambda t: t["fustat"], "rx", [2, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_statistics_and_p_value_are_those_of_r(name):
    table, time, event, group, order = CASES[name]
    data = dataset(table)
    inside = np.isfinite(data[group].astype(float))
    got = maxcombo(data[time][inside], event(data)[inside], data[group][inside], groups=order)
    wanted = numbers()["fh_z_and_maxcombo"][name]
    agree(got.z, [wanted[f"FH{rho}{gamma}"] for rho, gamma in ((0, 0), (0, 1), (1, 0), (1, 1))])
    agree(got.test.p, wanted["maxcombo_p_two_sided"])


def subjects(replicates, n, seed, ratio=1.0, delay=0.0):
    """Exponential deaths in two arms, censored at 90; arm a has ``ratio`` times the hazard after a delay."""
    rng = np.random.default_rng(seed)
    size = replicates * n
    arm = np.where(np.arange(size) % 2, "b", "a")
    exposure = rng.exponential(60.0, size)
    late = np.where(exposure > delay, delay + (exposure - delay) / ratio, exposure)
    time = np.where(arm == "a", late, exposure)
    return pl.DataFrame(
        {
            "replicate": np.repeat(np.arange(1, replicates + 1), n),
            "subject": np.tile(np.arange(n), replicates),
            "patient": np.arange(size),
            "arm": arm,
            "status": ["ok"] * size,
            "overall_survival_time": np.minimum(time, 90.0),
            "overall_survival_event": (time <= 90).astype(int),
        }
    )


def test_every_replicate_has_the_result_of_its_own_test():
    table = subjects(5, 60, 1)
    got = maxcombo_by_replicate(table, ("a", "b"))
    for number in range(5):
        one = table.filter(pl.col("replicate") == number + 1)
        alone = maxcombo(one["overall_survival_time"], one["overall_survival_event"], one["arm"])
        np.testing.assert_allclose(got.z[number], alone.z, rtol=1e-10)
        assert got.p[number] == pytest.approx(alone.test.p, abs=2e-4)


def test_type_one_error_is_nominal_within_monte_carlo_error():
    p = maxcombo_by_replicate(subjects(2000, 120, 2), ("a", "b")).p
    for alpha in (0.05, 0.2):
        assert abs((p < alpha).mean() - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / p.size)


def test_a_delayed_effect_is_found_more_often_than_by_the_logrank_test():
    table = subjects(400, 200, 3, ratio=0.4, delay=30.0)
    combo = (maxcombo_by_replicate(table, ("a", "b")).p < 0.05).mean()
    plain = logrank_by_replicate(table, ("a", "b")).share_below(0.05)[0]
    assert combo > plain + 0.05


def test_the_box_probability_is_that_of_scipy_for_a_regular_correlation():
    rng = np.random.default_rng(4)
    root = rng.normal(size=(4, 6))
    covariance = root @ root.T
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    z = np.array([0.3, -1.9, 1.1, 0.2])
    inside = multivariate_normal(cov=correlation, seed=1, abseps=1e-6, maxpts=4_000_000).cdf(
        np.full(4, 1.9), lower_limit=np.full(4, -1.9)
    )
    got = box_p(z[None], correlation[None], "two-sided", nodes=40)[0]
    assert got == pytest.approx(1 - inside, abs=2e-5)


def test_one_weight_is_the_logrank_test_and_strata_are_summed():
    rng = np.random.default_rng(5)
    time, event = rng.exponential(1, 80), rng.integers(0, 2, 80)
    group, strata = np.arange(80) % 2, np.arange(80) // 40
    for stratum in (None, strata):
        one = maxcombo(time, event, group, strata=stratum, weights=[(0, 0)]).test
        plain = logrank(time, event, group, strata=stratum).test
        assert (one.statistic, one.p) == pytest.approx((plain.statistic, plain.p), rel=1e-9)


def test_one_sided_alternatives_mirror_each_other_when_the_groups_are_exchanged():
    rng = np.random.default_rng(6)
    time, event, group = rng.exponential(1, 60), rng.integers(0, 2, 60), np.arange(60) % 2
    less = maxcombo(time, event, group, alternative="less").test
    greater = maxcombo(time, event, group, groups=[1, 0], alternative="greater").test
    assert less.p == pytest.approx(greater.p, rel=1e-9)
    assert less.statistic == pytest.approx(-greater.statistic)


def test_only_the_order_of_times_matters():
    rng = np.random.default_rng(7)
    time, event, group = rng.exponential(1, 60), rng.integers(0, 2, 60), np.arange(60) % 2
    assert maxcombo(time, event, group).test.p == maxcombo(time**3, event, group).test.p


def test_without_events_there_is_no_p_value_and_a_note():
    test = maxcombo([1, 2, 3, 4], [0, 0, 0, 0], [0, 1, 0, 1]).test
    assert np.isnan(test.p)
    assert "no information" in test.note


def test_all_problems_are_named_at_once():
    with pytest.raises(BadInput) as bad:
        maxcombo([1, -2], [1, 3], [0, 1], weights=[(0, 0), (0, 0)], alternative="lesss")
    assert {p.place for p in bad.value.problems} == {"time", "event", "weights", "alternative"}
