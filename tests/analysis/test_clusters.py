"""Trials of one plausible world are alike, and a pooled share knows it."""

from __future__ import annotations

import numpy as np
import pytest

from hepatrial.analysis.clusters import design_effect
from hepatrial.analysis.proportions import clopper_pearson, garwood, proportion_interval, rate_interval


def drawn(worlds: int, trials: int, spread: float, seed: int = 4) -> tuple[np.ndarray, ...]:
    """Events among 50 patients of each trial, whose worlds differ by an SD of the share."""
    rng = np.random.default_rng(seed)
    share = np.clip(0.3 + spread * rng.standard_normal(worlds), 0.01, 0.99)
    world = np.repeat(np.arange(worlds), trials)
    return rng.binomial(50, share[world]).astype(float), np.full(worlds * trials, 50.0), world


def test_trials_of_worlds_that_do_not_differ_count_in_full() -> None:
    effects = [design_effect(*drawn(40, 5, 0.0, seed), binomial=True) for seed in range(40)]
    assert np.mean(effects) == pytest.approx(1.0, abs=0.15)


def test_the_same_trial_five_times_over_tells_no_more_than_once() -> None:
    events, sizes, world = drawn(40, 1, 0.1)
    five = [np.repeat(values, 5) for values in (events, sizes, world)]
    once = clopper_pearson(*effective(events, sizes, world), 0.025)
    assert np.allclose(clopper_pearson(*effective(*five), 0.025), once, rtol=1e-9)


def effective(events: np.ndarray, sizes: np.ndarray, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alike = design_effect(events, sizes, world, binomial=True)
    return np.array(events.sum() / alike), np.array(sizes.sum() / alike)


def test_the_limits_hold_the_truth_as_often_as_they_say_where_worlds_differ() -> None:
    inside = []
    for seed in range(200):
        low, high = clopper_pearson(*effective(*drawn(30, 10, 0.06, seed)), 0.025)
        inside.append(low <= 0.3 <= high)
    assert 0.91 <= np.mean(inside) <= 0.99


def test_a_rate_is_widened_by_its_own_counts() -> None:
    rng = np.random.default_rng(2)
    rate = np.exp(0.5 * rng.standard_normal(30))
    world = np.repeat(np.arange(30), 4)
    time = np.full(120, 20.0)
    events = rng.poisson(rate[world] * time).astype(float)
    assert design_effect(events, time, world, binomial=False) > 3.0
    assert design_effect(events, time, np.arange(120), binomial=False) > 1.5  # trials differ, too


@pytest.mark.parametrize("world", [np.zeros(6, dtype=np.int64), np.arange(6)])
def test_nothing_is_widened_by_one_world_or_without_events(world: np.ndarray) -> None:
    sizes = np.full(6, 10.0)
    assert design_effect(np.zeros(6), sizes, world, binomial=True) == 1.0
    assert design_effect(np.full(6, 10.0), sizes, world, binomial=True) == 1.0
    if not world.any():
        assert design_effect(np.arange(6.0), sizes, world, binomial=True) == 1.0


def test_whole_counts_have_the_exact_limits() -> None:
    assert np.allclose(clopper_pearson(np.array(7.0), np.array(30.0), 0.025), proportion_interval(7, 30))
    assert np.allclose(garwood(np.array(7.0), np.array(30.0), 0.025), rate_interval(7, 30.0))
