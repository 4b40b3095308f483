"""Exact intervals and two proportions: published values, duality with the tests, edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepatrial.analysis import fisher_exact, proportion_interval, rate_interval, risk_difference
from hepatrial.errors import BadInput


@settings(deadline=None)
@given(
    st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95]),
)
def test_clopper_pearson_limits_are_where_the_binomial_tail_is_half_alpha(case, level):
    x, n = case
    lower, upper = proportion_interval(x, n, level=level)
    tail = (1 - level) / 2
    if x > 0:
        assert stats.binom.sf(x - 1, n, lower) == pytest.approx(tail, rel=1e-6)
    else:
        assert lower == 0
    if x < n:
        assert stats.binom.cdf(x, n, upper) == pytest.approx(tail, rel=1e-6)
    else:
        assert upper == 1


def test_no_event_in_n_patients_is_the_rule_of_three_made_exact():
    assert proportion_interval(0, 50)[1] == pytest.approx(1 - 0.025 ** (1 / 50))
    assert proportion_interval(0, 0) == (0, 1)


def test_counts_and_intervals_are_arrays():
    lower, upper = proportion_interval([0, 5, 10], 10)
    assert lower.shape == upper.shape == (3,)
    np.testing.assert_allclose(lower, 1 - upper[::-1])


@settings(deadline=None)
@given(st.integers(0, 60), st.floats(0.1, 1000), st.sampled_from([0.8, 0.95]))
def test_garwood_limits_are_where_the_poisson_tail_is_half_alpha(x, exposure, level):
    lower, upper = rate_interval(x, exposure, level=level)
    tail = (1 - level) / 2
    if x > 0:
        assert stats.poisson.sf(x - 1, lower * exposure) == pytest.approx(tail, rel=1e-6)
    else:
        assert lower == 0
    assert stats.poisson.cdf(x, upper * exposure) == pytest.approx(tail, rel=1e-6)


def test_a_rate_without_exposure_is_unknown():
    lower, upper = rate_interval([0, 3], [0, 10])
    assert np.isnan([lower[0], upper[0]]).all()
    assert lower[1] < 0.3 < upper[1]


def test_newcombe_gives_the_interval_of_his_first_example():
    # Newcombe 1998, Table II, 56/70 - 48/80: method 10
    got = risk_difference(56, 70, 48, 80)
    assert got.estimate == pytest.approx(0.2)
    assert got.ci == pytest.approx((0.0524, 0.3339), abs=5e-5)


@settings(deadline=None)
@given(st.tuples(st.integers(0, 30), st.integers(0, 30)), st.sampled_from([0.8, 0.95, 0.99]))
def test_newcombe_encloses_the_difference_stays_in_bounds_and_mirrors(counts, level):
    x1, x2 = counts
    got, back = risk_difference(x1, 30, x2, 30, level=level), risk_difference(x2, 30, x1, 30, level=level)
    assert -1 - 1e-12 <= got.ci[0] <= got.estimate + 1e-12
    assert got.estimate - 1e-12 <= got.ci[1] <= 1 + 1e-12
    assert got.ci == pytest.approx((-back.ci[1], -back.ci[0]))


def test_fisher_gives_the_p_values_computed_for_lin_2017():
    # deaths 15/56 v 24/54: 0.073; severe infection 9/56 v 18/54: 0.046 (landscape/trials.md, section 4)
    assert fisher_exact(15, 56, 24, 54).p == pytest.approx(0.073, abs=5e-4)
    assert fisher_exact(9, 56, 18, 54).p == pytest.approx(0.046, abs=5e-4)


def test_fisher_on_the_lady_tasting_tea():
    # Fisher 1935: 3 of 4 cups right. R fisher.test prints p 0.4857 and odds ratio 6.408309
    got = fisher_exact(3, 4, 1, 4)
    assert got.p == pytest.approx(34 / 70)
    assert got.estimate == pytest.approx(6.408309, rel=1e-5)  # R's root finder stops at 1e-6 here
    # estimate and limits by their definitions on the noncentral hypergeometric distribution
    ways, count = np.array([1, 16, 36, 16, 1]), np.arange(5)
    at, low, high = (ways * odds**count for odds in (got.estimate, *got.ci))
    assert at @ count / at.sum() == pytest.approx(3, abs=1e-9)
    assert low[3:].sum() / low.sum() == pytest.approx(0.025, rel=1e-6)
    assert high[:4].sum() / high.sum() == pytest.approx(0.025, rel=1e-6)
    assert fisher_exact(3, 4, 1, 4, level=0.5).ci[1] < got.ci[1]


def test_fisher_without_any_event_knows_nothing():
    got = fisher_exact(0, 10, 0, 12)
    assert got.p == 1
    assert np.isnan(got.estimate)
    assert got.ci == (0, np.inf)


def test_bad_counts_are_refused():
    for call, message in (
        (lambda: proportion_interval(-1, 5), "whole numbers"),
        (lambda: proportion_interval(1.5, 5), "whole numbers"),
        (lambda: proportion_interval(6, 5), "must not exceed n"),
        (lambda: proportion_interval(1, 5, level=2), "between 0 and 1"),
        (lambda: rate_interval(1, -1), "at least 0"),
        (lambda: rate_interval(np.nan, 1), "whole numbers"),
        (lambda: risk_difference(6, 5, 1, 5), "6 of 5"),
        (lambda: fisher_exact(1, 5, 0, 0), "0 of 0"),
    ):
        with pytest.raises(BadInput, match=message):
            call()
