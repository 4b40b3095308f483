"""Aalen-Johansen: adds up to 1, exact with ties, a jackknife of its own, edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.analysis import aalen_johansen, kaplan_meier
from hepatrial.errors import BadInput

PATIENTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=40)


def split(patients):
    return np.array([t for t, _ in patients], float), np.array([c for _, c in patients])


def weighted_incidence(time, cause, weight, which, until):
    """Incidence of one cause by the definition, with a weight a patient."""
    survival, incidence = 1.0, 0.0
    for t in np.unique(time[time <= until]):
        n = weight[time >= t].sum()
        incidence += survival * weight[(time == t) & (cause == which)].sum() / n
        survival *= 1 - weight[(time == t) & (cause > 0)].sum() / n
    return incidence


@settings(deadline=None)
@given(PATIENTS.map(split))
def test_incidences_and_event_free_share_add_up_to_1(data):
    got = aalen_johansen(*data, causes=[1, 2])
    np.testing.assert_allclose(got.event_free + got.incidence.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(got.event_free, kaplan_meier(data[0], data[1] > 0).survival, atol=1e-12)
    assert (np.diff(got.incidence, axis=0) >= 0).all()


@settings(deadline=None)
@given(PATIENTS.map(split))
def test_the_estimate_follows_the_definition_with_ties(data):
    time, cause = data
    got = aalen_johansen(time, cause, causes=[1, 2])
    for t in got.time:
        for column, which in enumerate((1, 2)):
            expected = weighted_incidence(time, cause, np.ones(time.size), which, t)
            assert got.incidence_at(t)[column] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_standard_error_is_the_infinitesimal_jackknife_of_the_estimate(seed):
    rng = np.random.default_rng(seed)
    time, cause = np.ceil(rng.exponential(6, 30)), rng.integers(0, 3, 30)
    until = float(np.quantile(time, 0.7))
    got = aalen_johansen(time, cause, causes=[1, 2])
    h = 1e-6
    for column, which in enumerate((1, 2)):
        slopes = []
        for i in range(30):
            up, down = np.ones(30), np.ones(30)
            up[i] += h
            down[i] -= h
            higher, lower = (weighted_incidence(time, cause, w, which, until) for w in (up, down))
            slopes.append((higher - lower) / (2 * h))
        assert got.se_at(until)[column] == pytest.approx(np.sqrt(np.sum(np.square(slopes))), rel=1e-6)


def test_without_censoring_incidence_is_a_share_with_binomial_error():
    rng = np.random.default_rng(6)
    time, cause = np.ceil(rng.exponential(10, 50)), rng.integers(1, 3, 50)
    got = aalen_johansen(time, cause, causes=[1, 2])
    share = ((time <= 8) & (cause == 2)).mean()
    assert got.incidence_at(8)[1] == pytest.approx(share)
    assert got.se_at(8)[1] == pytest.approx(np.sqrt(share * (1 - share) / 50))


def test_one_cause_alone_is_one_minus_kaplan_meier_with_greenwoods_error():
    rng = np.random.default_rng(7)
    time, event = np.ceil(rng.exponential(10, 40)), rng.integers(0, 2, 40)
    got, curve = aalen_johansen(time, event, causes=[1]), kaplan_meier(time, event)
    np.testing.assert_allclose(got.incidence[:, 0], 1 - curve.survival)
    alive = curve.survival > 0
    np.testing.assert_allclose(got.se[alive, 0], curve.se[alive], atol=1e-12)
    np.testing.assert_allclose(got.event_free_se[alive], curve.se[alive], atol=1e-12)


def test_treating_the_other_cause_as_censored_overstates_incidence():
    time, cause = np.arange(1.0, 41), np.tile([1, 2], 20)
    naive = 1 - kaplan_meier(time, cause == 1).survival_at(30)
    assert naive > aalen_johansen(time, cause, causes=[1, 2]).incidence_at(30)[0] + 0.1


def test_names_of_causes_and_of_censoring_are_free():
    time = [1, 2, 3, 4]
    words = aalen_johansen(time, ["death", "transplant", "dropout", "none"], causes=["death", "transplant"])
    codes = aalen_johansen(time, [7, 8.0, 9, 9], causes=[7, 8], censored=[9])
    np.testing.assert_array_equal(words.incidence, codes.incidence)
    assert words.causes == ("death", "transplant")
    assert codes.causes == ("7", "8")
    swapped = aalen_johansen(time, ["death", "transplant", "", "none"], causes=["transplant", "death"])
    np.testing.assert_array_equal(swapped.incidence, words.incidence[:, ::-1])


def test_before_the_first_and_beyond_the_last_time():
    got = aalen_johansen([2, 4], [1, 0], causes=[1])
    assert got.incidence_at(1)[0] == 0
    assert got.event_free_at(1) == 1
    assert np.isnan(got.incidence_at(5)).all()
    assert np.isnan(got.event_free_at([5.0])).all()
    assert aalen_johansen([2, 4], [1, 1], causes=[1]).incidence_at(5)[0] == 1


def test_intervals_enclose_the_estimate_and_are_unknown_at_0():
    rng = np.random.default_rng(9)
    time, cause = rng.exponential(10, 60), rng.integers(0, 3, 60)
    got = aalen_johansen(time, cause, causes=[1, 2])
    estimate = got.incidence_at([5, 10])
    for transform in ("plain", "log", "log-log"):
        lower, upper = got.interval_at([5, 10], transform=transform)
        assert (lower < estimate).all()
        assert (estimate < upper).all()
    assert (got.interval_at(10, level=0.99)[1] > got.interval_at(10)[1]).all()
    assert np.isnan(got.interval_at(0)[0]).all()
    with pytest.raises(BadInput, match="must be one of plain"):
        got.interval_at(5, transform="square")


def test_bad_causes_are_refused_together():
    with pytest.raises(BadInput) as caught:
        aalen_johansen([1, 2, 3], ["death", "deth", "tx"], causes=["death"])
    assert [problem.given for problem in caught.value.problems] == ["'deth'", "'tx'"]
    assert caught.value.problems[0].nearest == "death"
    with pytest.raises(BadInput, match="at least one cause"):
        aalen_johansen([1], [0], causes=[])
    with pytest.raises(BadInput, match="length of time"):
        aalen_johansen([1, 2], [0], causes=[1])
    with pytest.raises(BadInput, match="negative"):
        aalen_johansen([-1], [0], causes=[1])
