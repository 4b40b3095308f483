"""Log-rank: a second implementation, permutation facts, strata, weights, edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.analysis import cox, kaplan_meier, logrank
from hepatrial.errors import BadInput

TRIALS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)),
    min_size=6,
    max_size=50,
)


def by_hand(time, event, group, first, rho=0.0, gamma=0.0):
    """Observed minus expected of group ``first`` and its variance, one event time at a time."""
    difference = variance = 0.0
    survival = 1.0
    for t in sorted(set(time[event == 1])):
        n, n1 = (time >= t).sum(), ((time >= t) & (group == first)).sum()
        d, d1 = ((time == t) & (event == 1)).sum(), ((time == t) & (event == 1) & (group == first)).sum()
        w = survival**rho * (1 - survival) ** gamma
        difference += w * (d1 - d * n1 / n)
        if n > 1:
            variance += w**2 * d * n1 / n * (1 - n1 / n) * (n - d) / (n - 1)
        survival *= 1 - d / n
    return difference, variance


@settings(deadline=None)
@given(TRIALS, st.sampled_from([(0, 0), (1, 0), (0, 1), (0.5, 0.5)]))
def test_two_groups_agree_with_a_loop_over_event_times(rows, weights):
    time, event, group = (np.array(column) for column in list(zip(*rows, strict=True))[:3])
    group = np.minimum(group, 1)
    if len(set(group)) < 2:
        return
    difference, variance = by_hand(time, event, group, 1, *weights)
    got = logrank(time, event, group, groups=[1, 0], rho=weights[0], gamma=weights[1])
    assert got.test.estimate == pytest.approx(difference, abs=1e-10)
    assert got.test.se**2 == pytest.approx(variance, abs=1e-10)
    if variance > 1e-12:
        assert got.test.statistic == pytest.approx(difference / np.sqrt(variance))
        assert got.chisq == pytest.approx(got.test.statistic**2)


@settings(deadline=None)
@given(TRIALS)
def test_observed_and_expected_add_up_to_the_same_total(rows):
    time, event, group, stratum = (np.array(column) for column in zip(*rows, strict=True))
    if len(set(group)) < 2:
        return
    got = logrank(time, event, group, strata=stratum)
    assert got.observed.sum() == pytest.approx(event.sum())
    assert got.expected.sum() == pytest.approx(event.sum())
    np.testing.assert_allclose(got.covariance.sum(axis=0), 0, atol=1e-10)


def test_stratified_differences_are_the_sum_of_those_within_strata():
    rng = np.random.default_rng(5)
    time, event = rng.exponential(size=80).round(1), rng.integers(0, 2, 80)
    group, stratum = rng.integers(0, 2, 80), rng.integers(0, 3, 80)
    whole = logrank(time, event, group, strata=stratum, rho=1, gamma=1)
    parts = [logrank(*(x[stratum == s] for x in (time, event, group)), rho=1, gamma=1) for s in range(3)]
    np.testing.assert_allclose(whole.observed, sum(part.observed for part in parts))
    np.testing.assert_allclose(whole.expected, sum(part.expected for part in parts))
    np.testing.assert_allclose(whole.covariance, sum(part.covariance for part in parts))
    assert "stratified" in whole.test.method


def test_the_weights_use_the_pooled_curve_just_before_each_time():
    # the first event has weight S(0-)^0 (1 - S(0-))^1 = 0, so FH(0,1) ignores it
    time, event, group = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1], list("ababab")
    late = logrank(time, event, group, gamma=1)
    survival = kaplan_meier(time, event).survival
    assert late.observed.sum() == pytest.approx((1 - np.concatenate([[1], survival[:-1]])).sum())
    assert logrank([1, 9, 9, 9], [1, 0, 0, 0], list("aabb"), gamma=1).observed.sum() == 0


def test_the_score_test_of_a_cox_model_without_ties_is_the_log_rank_test():
    rng = np.random.default_rng(8)
    time, event, group = rng.exponential(size=60), rng.random(60) < 0.6, rng.integers(0, 2, 60)
    assert cox(time, event, group).score.statistic == pytest.approx(logrank(time, event, group).chisq)


def test_swapping_the_groups_turns_the_sign_only():
    time, event, group = [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 1, 1], list("aabbab")
    there, back = (logrank(time, event, group, groups=order).test for order in (["a", "b"], ["b", "a"]))
    assert there.statistic == pytest.approx(-back.statistic)
    assert there.p == pytest.approx(back.p)
    assert there.parameter.endswith("a v b")


def test_naming_groups_leaves_the_others_out():
    time, event, group = [1, 2, 3, 4, 5, 6], [1] * 6, ["a", "b", "c"] * 2
    some = logrank(time, event, group, groups=["a", "b"])
    alone = logrank([1, 2, 4, 5], [1] * 4, ["a", "b"] * 2)
    assert some.chisq == alone.chisq
    assert some.n.tolist() == [2, 2]


def test_three_groups_give_one_chi_square_with_two_degrees_of_freedom():
    rng = np.random.default_rng(1)
    time, event, group = rng.exponential(size=90), np.ones(90), rng.integers(0, 3, 90)
    got = logrank(time, event, group)
    assert got.df == got.test.df == 2
    assert got.test.statistic == got.chisq
    # any two of the three differences carry the whole statistic
    keep = [0, 2]
    difference = (got.observed - got.expected)[keep]
    assert difference @ np.linalg.solve(got.covariance[np.ix_(keep, keep)], difference) == pytest.approx(
        got.chisq
    )


def test_a_group_that_left_before_the_first_event_takes_no_degree_of_freedom():
    time, event, group = [1, 1, 5, 6, 7, 8], [0, 0, 1, 1, 1, 1], list("aabcbc")
    got = logrank(time, event, group)
    assert got.df == 1
    assert got.chisq == pytest.approx(logrank(time[2:], event[2:], group[2:]).chisq)


@pytest.mark.parametrize(("time", "event"), [([1, 2, 3, 4], [0, 0, 0, 0]), ([1, 2, 8, 9], [0, 0, 1, 1])])
def test_without_information_there_is_no_p_value(time, event):
    got = logrank(time, event, ["a", "a", "b", "b"])
    assert np.isnan(got.chisq)
    assert np.isnan(got.test.p)
    assert "no information" in got.test.note


def test_identical_groups_have_statistic_0():
    got = logrank([1, 1, 2, 2, 3, 3], [1, 1, 0, 0, 1, 1], list("ababab"))
    assert got.chisq == pytest.approx(0, abs=1e-20)
    assert got.test.p == pytest.approx(1)


def test_type_one_error_is_that_of_the_test():
    rng = np.random.default_rng(11)
    rejected = 0
    for _ in range(400):
        time, end = rng.exponential(100, 80), rng.uniform(20, 200, 80)
        rejected += logrank(np.minimum(time, end), time <= end, np.arange(80) % 2).test.p < 0.05
    assert (
        400 * 0.05 - 4 * np.sqrt(400 * 0.05 * 0.95) < rejected < 400 * 0.05 + 4 * np.sqrt(400 * 0.05 * 0.95)
    )


def test_bad_groups_are_refused():
    for arguments, message in (
        ({"group": ["a"] * 3}, "at least two groups"),
        ({"group": ["a", "b"]}, "length of time"),
        ({"group": ["a", None, "b"]}, "no missing value"),
        ({"group": ["a", "b", "b"], "groups": ["a", "control"]}, "must be a group with patients: a, b"),
        ({"group": ["a", "b", "b"], "strata": [1, 2]}, "length of time"),
        ({"group": ["a", "b", "b"], "rho": -1}, "at least 0"),
    ):
        with pytest.raises(BadInput, match=message):
            logrank([1, 2, 3], [1, 1, 0], **arguments)
