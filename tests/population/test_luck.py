"""Thresholds of events."""

import numpy as np

from hepatrial.population.luck import thresholds


def test_a_person_meets_the_same_luck_whoever_else_is_there():
    alone = thresholds(1, "course", ["death", "fever"], np.array([12]))
    crowd = thresholds(1, "course", ["fever", "death"], np.arange(100))
    assert np.array_equal(alone[0], crowd[12, ::-1])


def test_more_occurrences_leave_the_first_ones_alone():
    few = thresholds(1, "course", ["death"], np.arange(5), occurrences=3)
    many = thresholds(1, "course", ["death"], np.arange(5), occurrences=9)
    assert np.array_equal(few, many[:, :, :3])


def test_stage_seed_and_cause_give_independent_draws():
    person = np.arange(20_000)
    base = thresholds(1, "course", ["death"], person, 1).ravel()
    for other in (
        thresholds(1, "onset", ["death"], person, 1),
        thresholds(2, "course", ["death"], person, 1),
        thresholds(1, "course", ["transplant"], person, 1),
    ):
        assert abs(np.corrcoef(base, other.ravel())[0, 1]) < 0.03


def test_thresholds_are_unit_exponential():
    x = thresholds(4, "course", ["death"], np.arange(50_000), 2).ravel()
    assert abs(x.mean() - 1) < 0.02
    assert abs((x > 1).mean() - np.exp(-1)) < 0.01


def test_no_causes_give_an_empty_table():
    assert thresholds(1, "course", [], np.arange(3)).shape == (3, 0, 12)
