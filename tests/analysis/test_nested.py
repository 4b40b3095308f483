"""Batches shared within the cell arm: the usual test rejects too often, the nested one does not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hepatrial.analysis.estimands.compare import compare
from hepatrial.analysis.estimands.nested import (
    cluster_robust,
    nested_difference,
    survival_influence,
    with_batches,
)
from hepatrial.analysis.estimands.sample import TimeSample, ValueSample
from hepatrial.errors import BadInput

ARMS = ("cells", "control")


def frame(trials, n):
    arm = np.tile(np.arange(n) % 2, trials)
    base = {
        "unit": np.repeat(np.arange(trials), n),
        "arm": arm,
        "units": trials,
        "arms": ARMS,
        "stratum": np.zeros(trials * n, dtype=np.int64),
        "strata": 1,
    }
    place = np.tile(np.arange(n) // 2, trials)
    return base, place // 5  # ten treated a batch of five, whatever n


def values(trials=800, n=100, seed=1, spread=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    base, batch = frame(trials, n)
    luck = rng.normal(0, spread, (trials, batch.max() + 1))[base["unit"], batch]
    value = rng.normal(0, 1.5, trials * n) + np.where(base["arm"] == 0, luck + shift, 0.0)
    return ValueSample(**base, value=value, baseline=np.full(trials * n, np.nan)), batch


def times(trials=800, n=120, seed=2, spread=0.7):
    """Deaths of the cell arm share a frailty by batch; marginal survival on day 60 is that of the control."""
    rng = np.random.default_rng(seed)
    base, batch = frame(trials, n)
    luck = rng.normal(0, spread, (trials, batch.max() + 1))[base["unit"], batch]
    node = rng.normal(0, spread, 400_000)
    target = np.exp(-0.6)
    low, high = 1e-4, 0.1
    for _ in range(40):  # the rate at which the mixture survives as the control does
        middle = (low + high) / 2
        low, high = (middle, high) if np.exp(-60 * middle * np.exp(node)).mean() > target else (low, middle)
    rate = np.where(base["arm"] == 0, middle * np.exp(luck), 0.01)
    death = rng.exponential(size=trials * n) / rate
    end = np.minimum(rng.uniform(40, 300, trials * n), 180)
    return TimeSample(**base, time=np.minimum(death, end), cause=(death <= end).astype(np.int64)), batch


def within(share, nominal, count, slack):
    return abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / count) + slack


def test_the_nested_test_keeps_its_level_where_the_usual_one_does_not():
    sample, batch = values()
    assert compare(sample, "t_test").share_below(0.05)[0] > 0.08
    nested = nested_difference(sample, batch)
    assert within(nested.share_below(0.05)[0], 0.05, 800, 0.012)
    assert within(nested.coverage(0.0)[0], 0.95, 800, 0.012)


def test_the_nested_survival_difference_keeps_its_level():
    sample, batch = times()
    nested = nested_difference(sample, batch, day=60)
    usual = compare(sample, "difference", day=60)
    assert usual.share_below(0.05)[0] > nested.share_below(0.05)[0]
    assert within(nested.share_below(0.05)[0], 0.05, 800, 0.015)
    np.testing.assert_allclose(nested.estimate, usual.estimate, atol=1e-10)


def test_batches_of_one_give_the_usual_error():
    sample, _ = values(trials=5)
    alone = nested_difference(sample, np.arange(len(sample)))
    usual = compare(sample, "t_test")
    np.testing.assert_allclose(alone.estimate, usual.estimate)
    for trial in range(5):
        x, y = (sample.value[(sample.unit == trial) & (sample.arm == arm)] for arm in (0, 1))
        assert alone.se[trial] == pytest.approx(np.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size))


def test_influences_add_up_to_greenwoods_variance():
    sample, _ = times(trials=3)
    value, influence = survival_influence(sample, 60)
    usual = compare(sample, "difference", day=60)
    squares = np.bincount(sample.unit, influence**2)
    np.testing.assert_allclose(np.sqrt(squares), usual.se, rtol=1e-9)
    np.testing.assert_allclose(value[:, 0] - value[:, 1], usual.estimate, atol=1e-12)
    sums = np.bincount(sample.group, influence)
    np.testing.assert_allclose(sums, 0, atol=1e-10)


def test_centres_that_shift_both_arms_alike_do_not_inflate_the_test():
    rng = np.random.default_rng(4)
    trials, n = 600, 120
    base, _ = frame(trials, n)
    centre = np.tile(np.arange(n) // 2 % 12, trials)  # both arms in every centre
    shift = rng.normal(0, 1.0, (trials, 12))[base["unit"], centre]
    sample = ValueSample(
        **base, value=rng.normal(0, 1, trials * n) + shift, baseline=np.full(trials * n, np.nan)
    )
    assert compare(sample, "t_test").share_below(0.05)[0] < 0.03  # conservative: centres are noise to it
    robust = cluster_robust(sample, centre)
    assert within(robust.share_below(0.05)[0], 0.05, 600, 0.02)
    stratified = ValueSample(**{**vars(sample), "stratum": centre, "strata": 12})
    assert within(compare(stratified, "t_test").share_below(0.05)[0], 0.05, 600, 0.012)


def test_batches_are_dealt_out_as_a_run_does():
    subjects = pl.DataFrame(
        {
            "replicate": [1] * 7 + [2] * 2,
            "subject": [3, 1, 2, 4, 5, 6, 7, 1, 2],
            "arm": ["msc", "smt", "msc", "msc", "msc", "smt", "msc", "msc", "msc"],
        }
    )
    made = with_batches(subjects, ["msc"], 2).sort("replicate", "subject")
    assert made["batch"].to_list() == [None, 0, 0, 1, 1, None, 2, 0, 0]


def test_what_the_nested_analysis_does_not_take_is_refused():
    sample, batch = times(trials=1)
    with pytest.raises(BadInput, match="number of days"):
        nested_difference(sample, batch)
    competing = TimeSample(
        **{**vars(sample), "cause": np.where(np.arange(len(sample)) % 7 == 0, 2, sample.cause)}
    )
    with pytest.raises(BadInput, match="competing events"):
        nested_difference(competing, batch, day=60)
