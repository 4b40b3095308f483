"""Restricted means: areas by hand, the right variance, contrasts, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from hepatrial.analysis import kaplan_meier, rmst, rmst_contrast
from hepatrial.errors import BadInput


def test_without_censoring_it_is_the_mean_of_the_capped_times():
    rng = np.random.default_rng(1)
    time = rng.exponential(100, 200)
    got = rmst(time, np.ones(200), 90)
    capped = np.minimum(time, 90)
    assert got.estimate == pytest.approx(capped.mean())
    assert got.se == pytest.approx(capped.std() / np.sqrt(200))


def test_it_is_the_area_under_the_curve():
    time, event = np.array([2, 4, 4, 7, 9, 12.0]), np.array([1, 1, 0, 0, 1, 0])
    curve = kaplan_meier(time, event)
    grid = (np.arange(100_000) + 0.5) / 10_000
    assert rmst(time, event, 10).estimate == pytest.approx(curve.survival_at(grid).mean() * 10, abs=1e-6)


def test_its_variance_is_not_that_of_the_capped_times_lifelines_mistake():
    rng = np.random.default_rng(2)
    time, end = rng.exponential(100, 150), rng.uniform(0, 200, 150)
    got = rmst(np.minimum(time, end), time <= end, 90)
    resampled = []
    for _ in range(400):
        pick = rng.integers(0, 150, 150)
        resampled.append(rmst(np.minimum(time, end)[pick], (time <= end)[pick], 90).estimate)
    assert got.se == pytest.approx(np.std(resampled), rel=0.12)


def test_nobody_dying_gives_tau_itself_without_error():
    got = rmst([10, 10, 12], [0, 0, 0], 10)
    assert (got.estimate, got.se) == (10, 0)
    assert got.ci == (10, 10)


def test_everybody_dead_before_tau_adds_nothing_after():
    assert rmst([1, 2, 3], [1, 1, 1], 50).estimate == pytest.approx(2.0)


def test_a_larger_tau_adds_area_and_is_printed():
    time, event = [5, 10, 15, 20], [1, 0, 1, 0]
    short, long = rmst(time, event, 10), rmst(time, event, 20)
    assert long.estimate > short.estimate
    assert short.note == "tau = 10"
    assert np.isnan(short.p)


def test_tau_beyond_the_known_curve_is_refused():
    with pytest.raises(BadInput, match="at most the last observed time 20"):
        rmst([5, 20], [1, 0], 20.5)
    with pytest.raises(BadInput, match=r"tau \(b\)"):
        rmst_contrast([5, 20, 5, 10], [1, 0, 1, 0], list("aabb"), 15)


def test_contrasts_are_those_of_the_two_means():
    rng = np.random.default_rng(3)
    time, event, group = rng.exponential(50, 100), rng.random(100) < 0.8, np.array(["new", "old"] * 50)
    time[-2:] = 500
    got = rmst_contrast(time, event, group, 60, groups=["new", "old"])
    a, b = got.means
    assert got.difference.estimate == pytest.approx(a.estimate - b.estimate)
    assert got.difference.se == pytest.approx(np.hypot(a.se, b.se))
    assert got.ratio.estimate == pytest.approx(a.estimate / b.estimate)
    assert got.lost_ratio.estimate == pytest.approx((60 - a.estimate) / (60 - b.estimate))
    back = rmst_contrast(time, event, group, 60, groups=["old", "new"])
    assert back.difference.estimate == pytest.approx(-got.difference.estimate)
    assert back.ratio.estimate == pytest.approx(1 / got.ratio.estimate)
    wide = rmst_contrast(time, event, group, 60, level=0.99).difference
    assert wide.ci[0] < got.difference.ci[0]


def test_a_ratio_of_no_time_lost_is_not_a_number():
    got = rmst_contrast([10, 10, 5, 10], [0, 0, 1, 0], list("aabb"), 10)
    assert np.isnan(got.lost_ratio.estimate)
    assert "a mean is 0" in got.lost_ratio.note


def test_bad_horizons_and_groups_are_refused():
    for tau in (0, -1, np.nan, np.inf):
        with pytest.raises(BadInput, match="positive number"):
            rmst([1, 2], [1, 0], tau)
    with pytest.raises(BadInput, match="must be two"):
        rmst_contrast([1, 2, 3], [1, 1, 1], list("abc"), 2)
    with pytest.raises(BadInput, match="length of time"):
        rmst_contrast([1, 2, 3], [1, 1, 1], list("ab"), 2)
