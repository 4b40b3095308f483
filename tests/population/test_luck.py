"""Thresholds of events."""

import numpy as np
import pytest

from hepatrial.model.expr import const
from hepatrial.model.spec import Hazard, Jump
from hepatrial.population.luck import thresholds


def hazard(name: str, recurrent: bool = True) -> Hazard:
    return Hazard(name, const(1.0), Jump(name, (), terminal=not recurrent, recurrent=recurrent))


FEVER, CHILL = hazard("fever"), hazard("chill")


def test_a_person_meets_the_same_luck_whoever_else_is_there_and_in_whatever_order_the_causes_stand():
    alone = thresholds(1, "course", [FEVER, CHILL], np.array([12]))
    crowd = thresholds(1, "course", [CHILL, FEVER], np.arange(100))
    assert np.array_equal(alone[0], crowd[12, ::-1])


def test_more_occurrences_leave_the_first_ones_alone():
    few = thresholds(1, "course", [FEVER], np.arange(5), occurrences=3)
    many = thresholds(1, "course", [FEVER], np.arange(5), occurrences=9)
    assert few.shape == (5, 1, 3)
    assert np.array_equal(few, many[:, :, :3])


def test_a_course_has_room_for_more_events_than_an_onset():
    onset = thresholds(1, "onset", [FEVER], np.arange(3))
    course = thresholds(1, "course", [FEVER], np.arange(3))
    assert course.shape[2] > onset.shape[2] > 4


def test_a_cause_that_does_not_recur_has_one_threshold():
    table = thresholds(1, "course", [hazard("death", recurrent=False)], np.arange(5))
    assert np.isfinite(table[:, 0, 0]).all()
    assert np.isinf(table[:, 0, 1:]).all()


@pytest.mark.parametrize(
    ("seed", "stage", "cause"), [(1, "onset", FEVER), (2, "course", FEVER), (1, "course", CHILL)]
)
def test_stage_seed_and_cause_give_independent_draws(seed, stage, cause):
    person = np.arange(20_000)
    base = thresholds(1, "course", [FEVER], person, 1).ravel()
    other = thresholds(seed, stage, [cause], person, 1).ravel()
    assert abs(np.corrcoef(base, other)[0, 1]) < 0.03


def test_thresholds_are_unit_exponential():
    x = thresholds(4, "course", [FEVER], np.arange(50_000), 2).ravel()
    assert abs(x.mean() - 1) < 0.02
    assert abs((x > 1).mean() - np.exp(-1)) < 0.01


def test_no_causes_give_an_empty_table():
    assert thresholds(1, "course", [], np.arange(3), 4).shape == (3, 0, 4)
