"""Weighted quantiles and ranks against numpy, scipy and patients repeated as often as they weigh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from hepatrial.analysis.weighted import weighted_quantiles, weighted_ranks

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)


def test_quantiles_of_equal_weights_are_hazens():
    x = np.random.default_rng(1).normal(size=37)
    assert weighted_quantiles(x, np.full(37, 2.0), LEVELS) == pytest.approx(
        np.quantile(x, LEVELS, method="hazen")
    )


def test_ranks_of_equal_weights_are_scipys_mid_ranks():
    x = np.round(np.random.default_rng(2).normal(size=50), 1)
    assert weighted_ranks(x, np.ones(50)) == pytest.approx((rankdata(x) - 0.5) / 50)


def test_many_samples_at_once_are_each_by_itself():
    luck = np.random.default_rng(3)
    x, w = np.round(luck.normal(size=(4, 3, 21)), 1), luck.uniform(0.1, 2.0, (4, 3, 21))
    quantiles, ranks = weighted_quantiles(x, w, LEVELS), weighted_ranks(x, w)
    assert quantiles.shape == (4, 3, len(LEVELS))
    for i in range(4):
        for j in range(3):
            assert quantiles[i, j] == pytest.approx(weighted_quantiles(x[i, j], w[i, j], LEVELS))
            assert ranks[i, j] == pytest.approx(weighted_ranks(x[i, j], w[i, j]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=6, max_size=6), st.integers(0, 10_000))
def test_ranks_of_a_weight_of_k_are_those_of_k_patients(counts, seed):
    x = np.round(np.random.default_rng(seed).normal(size=6), 1)
    times = np.repeat(np.arange(6), counts)
    assert weighted_ranks(x, np.array(counts, float))[times] == pytest.approx(
        weighted_ranks(x[times], np.ones(len(times)))
    )


def test_who_weighs_nothing_moves_no_rank():
    x, w = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 1.0, 0.0])
    assert weighted_ranks(x, w) == pytest.approx([0.25, 0.5, 0.75, 1.0])
