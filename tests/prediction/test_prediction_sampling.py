"""Sampling at the study's size: proportional odds, consistent counts, hazard ratios, widths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hepatrial.analysis import cox
from hepatrial.prediction.sampling import Sample, Spread, hazard_ratio, quantile_days, shifted, value_of
from hepatrial.prediction.study import Endpoint

RNG = np.random.default_rng(11)


def test_without_a_shift_the_days_are_drawn_from_the_weighted_pool() -> None:
    days = np.array([5.0, 20.0, 60.0, np.inf])
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    drawn = quantile_days(days, weights, (np.arange(10_000) + 0.5) / 10_000, 0.0)
    assert [float(np.mean(drawn == day)) for day in days] == pytest.approx(weights, abs=1e-3)


def test_a_shift_moves_the_logit_of_the_incidence_alike_at_all_times() -> None:
    days = np.sort(RNG.exponential(60.0, 5000))
    weights = np.full(5000, 1 / 5000)
    uniform = (np.arange(20_000) + 0.5) / 20_000
    before, after = (quantile_days(days, weights, uniform, shift) for shift in (0.0, 0.8))
    for day in (10.0, 40.0, 120.0):
        p, q = (float(np.mean(x <= day)) for x in (before, after))
        assert math.log(q / (1 - q)) - math.log(p / (1 - p)) == pytest.approx(0.8, abs=0.01)


def test_nobody_lives_without_a_transplant_after_death() -> None:
    death = np.where(RNG.random(500) < 0.4, RNG.exponential(40, 500), np.inf)
    either = np.minimum(death, np.where(RNG.random(500) < 0.2, RNG.exponential(30, 500), np.inf))
    weights = RNG.dirichlet(np.ones(500))
    uniform = RNG.random(3000)
    a, b = (quantile_days(days, weights, uniform, 0.3) for days in (death, either))
    assert (b <= a).all()


def sample(days: np.ndarray) -> Sample:
    return Sample(len(days), lambda _event: days, None)


@pytest.mark.parametrize("seed", range(5))
def test_the_hazard_ratio_is_that_of_the_cox_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.exponential(40, 60), rng.exponential(60, 55)
    time = np.minimum(np.concatenate([x, y]), 90.0)
    event = (np.concatenate([x, y]) <= 90.0).astype(int)
    arm = np.repeat([1.0, 0.0], [60, 55])
    fit = cox(time, event, arm, ties="breslow")
    assert hazard_ratio(x, y, 90.0) == pytest.approx(math.exp(fit.coef[0]), rel=1e-6)


def test_a_hazard_ratio_without_events_in_an_arm_is_not_known() -> None:
    assert math.isnan(hazard_ratio(np.array([np.inf, 3.0]), np.array([np.inf]), 90.0))


def test_contrasts_are_those_of_the_two_by_two_table() -> None:
    treated = sample(np.repeat([1.0, np.inf], [10, 30]))
    control = sample(np.repeat([1.0, np.inf], [20, 20]))

    def told(kind: str) -> float:
        end = Endpoint("x", kind, 28.0, arms=("t", "c"))
        return value_of(end, {"t": treated, "c": control})

    assert told("risk_difference") == pytest.approx(-0.25)
    assert told("survival_difference") == pytest.approx(0.25)
    assert told("risk_ratio") == pytest.approx((10.5 / 41) / (20.5 / 41))
    assert told("odds_ratio") == pytest.approx((10.5 / 30.5) / (20.5 / 20.5))


def test_levels_are_shares_and_counts_at_the_day() -> None:
    arm = sample(np.array([5.0, 30.0, 28.0, np.inf]))
    assert value_of(Endpoint("s", "survival", 28.0, arms=("a",)), {"a": arm}) == 0.5
    assert value_of(Endpoint("d", "deaths", 28.0, arms=("a",)), {"a": arm}) == 2


def test_a_widened_spread_adds_in_quadrature_and_never_narrows() -> None:
    wide = Spread(0.3, 0.4, 0.1).widened(0.4)
    assert wide.mortality == pytest.approx(0.5)
    assert wide.laboratory == pytest.approx(0.1 * 0.5 / 0.3)
    assert Spread(0.3, 0.4, 0.1).widened(0.0) == Spread(0.3, 0.4, 0.1)


def test_a_small_fall_of_laboratory_values_is_a_shift_and_a_large_one_leaves_none_at_zero() -> None:
    values = np.array([40.0, 100.0, 250.0])
    assert np.mean(shifted(values, -0.5)) == pytest.approx(np.mean(values) - 0.5, abs=0.001)
    fallen = shifted(values, -1000.0)
    assert (fallen > 0).all()
    assert np.array_equal(np.argsort(fallen), [0, 1, 2])
    assert np.array_equal(shifted(values, 30.0), values + 30.0)
    assert np.array_equal(shifted(values, 0.0), values)
