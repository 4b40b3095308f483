"""Morris and Sobol against closed forms and SALib, with evaluations that failed."""

import numpy as np
import pytest
from SALib.analyze import morris as salib_morris
from SALib.analyze import sobol as salib_sobol

from hepatrial.calibration.prior import doubts_of
from hepatrial.protocol import load_protocol
from hepatrial.trial.run import patient_machine
from hepatrial.uncertainty.morris import STEP, elementary_effects, trajectories
from hepatrial.uncertainty.sensitivity import check, evaluate, rank, relevant, settings_of
from hepatrial.uncertainty.sobol import design, indices

A, B = 7.0, 0.1


def ishigami(unit):
    x = np.pi * (2 * unit - 1)
    return np.sin(x[..., 0]) + A * np.sin(x[..., 1]) ** 2 + B * x[..., 2] ** 4 * np.sin(x[..., 0])


def ishigami_indices():
    """First and total indices in closed form (Ishigami and Homma 1990)."""
    one = 0.5 * (1 + B * np.pi**4 / 5) ** 2
    two, both = A**2 / 8, 8 * B**2 * np.pi**8 / 225
    variance = one + two + both
    return np.array([one, two, 0.0]) / variance, np.array([one + both, two, both]) / variance, variance


def test_indices_of_the_ishigami_function_are_the_closed_form():
    first, total, variance = ishigami_indices()
    found = indices(ishigami(design(3, 4096, 1)))
    assert found.first == pytest.approx(first, abs=0.02)
    assert found.total == pytest.approx(total, abs=0.02)
    assert found.variance == pytest.approx(variance, rel=0.02)
    assert ((found.total_low < total) & (total < found.total_high)).all()


def test_indices_agree_with_salib_on_the_same_evaluations():
    points = design(3, 1024, 2)
    values = ishigami(points)
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0, 1]] * 3}
    order = np.concatenate([values[:, :1], values[:, 2:], values[:, 1:2]], axis=1).ravel()  # A, AB, B
    theirs = salib_sobol.analyze(problem, order, calc_second_order=False, num_resamples=10, seed=1)
    ours = indices(values)
    assert ours.first == pytest.approx(theirs["S1"], abs=0.01)
    assert ours.total == pytest.approx(theirs["ST"], abs=0.01)


def test_indices_without_the_failed_evaluations_are_those_of_the_rest_and_are_counted():
    first, total, _ = ishigami_indices()
    values = ishigami(design(3, 4096, 1))
    lost = np.random.default_rng(5).random(values.shape) < 0.1
    found = indices(np.where(lost, np.nan, values))
    assert found.total == pytest.approx(total, abs=0.05)
    assert found.first == pytest.approx(first, abs=0.05)
    assert (np.abs(found.used / 4096 - 0.9**3) < 0.03).all()


def test_an_output_that_nothing_moves_has_no_index():
    assert np.isnan(indices(np.ones((64, 5))).total).all()


def test_a_trajectory_moves_each_factor_once_by_the_step_and_stays_in_the_cube():
    points = trajectories(7, 20, 3)
    change = np.diff(points, axis=1)
    assert np.allclose(np.abs(change).sum(axis=2), STEP)
    assert np.allclose(np.abs(change).sum(axis=1), STEP)
    assert points.min() >= 0
    assert points.max() <= 1 + 1e-12


def test_effects_of_a_linear_model_are_its_slopes_without_spread():
    slopes = np.array([3.0, -2.0, 0.0, 0.5])
    points = trajectories(4, 6, 1)
    found = elementary_effects(points, points @ slopes)
    assert found.mu == pytest.approx(slopes)
    assert found.mu_star == pytest.approx(np.abs(slopes))
    assert found.sigma == pytest.approx(0.0, abs=1e-9)
    assert found.low == pytest.approx(found.high)


def test_effects_agree_with_salib_on_the_same_trajectories():
    points = trajectories(3, 50, 4)
    values = ishigami(points)
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0, 1]] * 3}
    theirs = salib_morris.analyze(problem, points.reshape(-1, 3), values.ravel(), num_levels=4, seed=1)
    ours = elementary_effects(points, values)
    assert ours.mu_star == pytest.approx(np.asarray(theirs["mu_star"]), rel=1e-6)
    assert ours.sigma == pytest.approx(np.asarray(theirs["sigma"]), rel=1e-6)


def test_a_failed_cohort_costs_its_two_effects_only():
    points = trajectories(4, 5, 1)
    values = points @ np.array([1.0, 2.0, 3.0, 4.0])
    values[2, 2] = np.nan
    found = elementary_effects(points, values)
    assert found.used.sum() == 4 * 5 - 2
    assert found.mu == pytest.approx([1.0, 2.0, 3.0, 4.0])


def test_the_most_important_factor_comes_first():
    points = trajectories(3, 8, 1)
    values = np.repeat((points @ np.array([1.0, 5.0, 2.0]))[:, :, None], 3, axis=2)
    rows = [row for row in rank("morris", ["a", "b", "c"], points, values) if row["output"] == "meld"]
    assert [row["factor"] for row in rows] == ["b", "c", "a"]


def test_the_middle_of_the_cube_is_the_cards_centre_and_its_ends_the_prior_quantiles():
    doubts = doubts_of()[:5]
    assert settings_of(doubts, np.full(5, 0.5)) == pytest.approx({d.name: d.value(0.0) for d in doubts})
    assert settings_of(doubts, np.ones(5)) == pytest.approx(
        {d.name: d.value(1.6448536269514722) for d in doubts}
    )


def test_cards_that_a_protocol_does_not_read_change_nothing_and_do_not_move():
    """Two worlds that differ in every card of other causes, classes and definitions."""
    protocol = load_protocol("lin2017")
    centre = {doubt.name: doubt.value(0.0) for doubt in doubts_of()}
    others = {d.name: d.value(1.0) for d in doubts_of() if not relevant(d, protocol)}
    asked = check(protocol, "morris", [], None, 10, 1)
    assert {"insult_paracetamol", "death_scale_easl_clif", "age_drug"} <= set(others)
    assert not set(others) & {doubt.name for doubt in asked.factors}
    assert {"flare", "women_hbv"} <= {doubt.name for doubt in asked.factors}
    machine = patient_machine()
    assert evaluate(machine, asked, centre) == evaluate(machine, asked, centre | others)
