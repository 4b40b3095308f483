"""Randomisation."""

import numpy as np

from hepatrial.trial.randomise import allocate


def test_every_replicate_has_exactly_the_planned_arm_sizes():
    arms = allocate(1, 50, (56, 54))
    assert arms.shape == (50, 110)
    assert (np.sum(arms == 0, axis=1) == 56).all()
    assert (np.sum(arms == 1, axis=1) == 54).all()


def test_more_replicates_leave_the_first_ones_alone():
    assert np.array_equal(allocate(1, 3, (5, 4, 3)), allocate(1, 9, (5, 4, 3))[:3])


def test_each_place_is_treated_in_its_share_of_trials():
    share = np.mean(allocate(3, 4000, (30, 10)) == 1, axis=0)
    assert np.abs(share - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 4000)


def test_another_seed_gives_another_allocation():
    assert not np.array_equal(allocate(1, 2, (20, 20)), allocate(2, 2, (20, 20)))
