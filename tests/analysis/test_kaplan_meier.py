"""Kaplan-Meier: closed forms, edges, transforms, invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.analysis import kaplan_meier
from hepatrial.errors import BadInput

PATIENTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=1, max_size=40)
TRANSFORMS = ["plain", "log", "log-log", "logit", "arcsin"]


def split(patients):
    return np.array([t for t, _ in patients], float), np.array([e for _, e in patients])


def test_a_textbook_curve_by_hand():
    curve = kaplan_meier([3, 5, 5, 8, 10, 15], [1, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(curve.time, [3, 5, 8, 10, 15])
    np.testing.assert_array_equal(curve.at_risk, [6, 5, 3, 2, 1])
    np.testing.assert_array_equal(curve.events, [1, 1, 1, 0, 1])
    np.testing.assert_array_equal(curve.censored, [0, 1, 0, 1, 0])
    np.testing.assert_allclose(curve.survival, [5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3, 4 / 9, 0])
    greenwood = 1 / 30 + 1 / 20 + 1 / 6
    assert curve.se_at(8) == pytest.approx(4 / 9 * np.sqrt(greenwood))


@settings(deadline=None)
@given(PATIENTS.map(split))
def test_without_censoring_the_curve_is_the_share_alive_with_binomial_error(data):
    time, _ = data
    curve = kaplan_meier(time, np.ones(time.size))
    grid = np.arange(-1, 14)
    share = (time[None, :] > grid[:, None]).mean(axis=1)
    np.testing.assert_allclose(curve.survival_at(grid), share, atol=1e-12)
    inside = (share > 0) & (share < 1)
    binomial = np.sqrt(share * (1 - share) / time.size)
    np.testing.assert_allclose(curve.se_at(grid)[inside], binomial[inside], rtol=1e-9)


@settings(deadline=None)
@given(PATIENTS.map(split))
def test_the_curve_is_the_product_over_distinct_event_times(data):
    time, event = data
    curve = kaplan_meier(time, event)
    for t in range(14):
        expected = 1.0
        for s in sorted(set(time[event == 1])):
            if s <= t:
                expected *= 1 - ((time == s) & (event == 1)).sum() / (time >= s).sum()
        if t <= time.max() or curve.survival[-1] == 0:
            assert curve.survival_at(t) == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(curve.survival_at(t))


@settings(deadline=None)
@given(PATIENTS.map(split), st.randoms())
def test_the_order_of_patients_does_not_matter(data, random):
    time, event = data
    order = list(range(time.size))
    random.shuffle(order)
    before, after = kaplan_meier(time, event), kaplan_meier(time[order], event[order])
    np.testing.assert_array_equal(before.survival, after.survival)
    np.testing.assert_array_equal(before.censored, after.censored)


@settings(deadline=None)
@given(PATIENTS.map(split), st.sampled_from(TRANSFORMS))
def test_limits_enclose_the_curve_and_lie_between_0_and_1(data, transform):
    curve = kaplan_meier(*data, transform=transform)
    known = ~np.isnan(curve.lower)
    assert (curve.lower[known] >= 0).all()
    assert (curve.upper[known] <= 1).all()
    assert (curve.lower[known] <= curve.survival[known] + 1e-12).all()
    assert (curve.survival[known] <= curve.upper[known] + 1e-12).all()
    expected = (curve.survival > 0) & ((curve.survival < 1) | (transform in ("plain", "log")))
    np.testing.assert_array_equal(known, expected)


@settings(deadline=None)
@given(PATIENTS.map(split))
def test_number_at_risk_counts_those_with_time_at_least_t(data):
    time, event = data
    grid = np.arange(-1, 14)
    np.testing.assert_array_equal(
        kaplan_meier(time, event).number_at_risk(grid), (time[None, :] >= grid[:, None]).sum(axis=1)
    )


def test_an_event_comes_before_a_censoring_at_the_same_time():
    assert kaplan_meier([5, 5], [1, 0]).survival_at(5) == 0.5


def test_all_censored_means_a_curve_at_1_whose_median_is_not_reached():
    curve = kaplan_meier([1, 2, 3], [0, 0, 0])
    np.testing.assert_array_equal(curve.survival, [1, 1, 1])
    np.testing.assert_array_equal(curve.se, [0, 0, 0])
    assert np.isnan(curve.median.estimate)
    assert curve.median.note == "not reached"
    assert curve.n_events == 0


def test_a_single_patient_who_dies_takes_the_curve_to_0():
    curve = kaplan_meier([4], [1])
    np.testing.assert_array_equal(curve.survival_at([3.9, 4, 100]), [1, 0, 0])
    assert np.isnan(curve.se_at(4))
    assert curve.median.estimate == 4


def test_survival_beyond_the_last_time_is_unknown_while_the_curve_is_above_0():
    curve = kaplan_meier([1, 2], [1, 0])
    assert np.isnan(curve.survival_at(2.1))
    assert np.isnan(curve.se_at(2.1))
    assert np.isnan(curve.interval_at(2.1)[0])
    assert curve.survival_at(2.0) == 0.5


def test_before_the_first_event_the_interval_is_1_or_undefined_by_transform():
    times, events = [2, 3, 4], [1, 0, 1]
    assert kaplan_meier(times, events, transform="log").interval_at(1) == (1, 1)
    assert np.isnan(kaplan_meier(times, events, transform="log-log").interval_at(1)).all()


def test_a_step_at_exactly_one_half_has_its_median_in_the_middle():
    assert kaplan_meier([1, 2, 5, 9], [1, 1, 1, 1]).median.estimate == 3.5
    assert kaplan_meier([1, 2, 5], [1, 1, 1]).median.estimate == 2


def test_quantiles_other_than_the_median():
    curve = kaplan_meier(np.arange(1, 101), np.ones(100))
    assert curve.quantile(0.105).estimate == 11
    assert curve.quantile(0.9).estimate == 90.5
    assert curve.quantile(0.9).parameter == "0.9 quantile time"


def test_a_higher_level_widens_the_interval():
    time, event = np.arange(1, 30), np.ones(29)
    narrow, wide = (kaplan_meier(time, event, level=level).interval_at(10) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_rescaling_time_rescales_the_median_only():
    rng = np.random.default_rng(3)
    time, event = rng.exponential(100, 60), rng.random(60) < 0.7
    days, weeks = kaplan_meier(time, event), kaplan_meier(time / 7, event)
    np.testing.assert_array_equal(days.survival, weeks.survival)
    assert weeks.median.estimate == pytest.approx(days.median.estimate / 7)
    assert weeks.median.ci == pytest.approx(np.array(days.median.ci) / 7)


def test_bad_survival_data_are_refused_with_every_problem():
    with pytest.raises(BadInput) as caught:
        kaplan_meier([1, -2, np.nan, np.inf], [1, 2, 0, 0], transform="loglog", level=1.5)
    places = [problem.place for problem in caught.value.problems]
    assert places == ["time", "time", "time", "event", "transform", "level"]
    assert "Did you mean 'log-log'" in str(caught.value)
    for time, event, message in (
        ([1, 2], [1], "must have the length of time"),
        ([], [], "at least one patient"),
        (["a"], [1], "must be a sequence of numbers"),
        ([[1, 2]], [[1, 0]], "one dimension"),
        ([1, 2], [1, np.nan], "no missing value"),
    ):
        with pytest.raises(BadInput, match=message):
            kaplan_meier(time, event)
