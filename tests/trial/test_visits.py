"""Visit days and infusion days."""

import numpy as np

from hepatrial.protocol import load_protocol
from hepatrial.trial.visits import infusion_day, shift, visit_days

LIN = load_protocol("lin2017")
PERSON = np.arange(1, 4001)


def with_(**settings):
    return LIN.with_settings({name.replace("__", "."): value for name, value in settings.items()})[0]


def test_visits_stay_within_their_window_and_follow_up_and_ascend():
    days = visit_days(LIN, 1, PERSON)
    planned = np.array([visit.day for visit in LIN.visits.planned])
    assert days.shape == (4000, len(planned))
    assert np.abs(days - planned).max() <= LIN.visits.window
    assert days.max() <= LIN.follow_up.length
    assert (np.diff(days, axis=1) >= 0).all()


def test_without_a_window_visits_are_on_the_planned_day():
    exact = with_(visits__window="0 d", **{"arms.msc.regimen[0].window": "0 d"})
    assert (visit_days(exact, 1, PERSON) == [visit.day for visit in exact.visits.planned]).all()


def test_days_of_a_visit_without_infusion_are_uniform_in_the_window():
    week_8 = [visit.name for visit in LIN.visits.planned].index("week 8")
    day = visit_days(LIN, 1, PERSON)[:, week_8] - 56
    assert abs(day.mean()) < 0.1
    assert abs(np.quantile(day, 0.25) + 1) < 0.1


def test_blood_is_taken_before_an_infusion_planned_on_the_same_day():
    days = visit_days(with_(visits__window="3 d"), 1, PERSON)
    for column, planned in ((0, 7.0), (1, 14.0), (2, 21.0)):
        assert (days[:, column] <= infusion_day(1, PERSON, planned, 2.0)).all()


def test_an_infusion_is_never_before_randomisation_and_stays_within_its_window():
    first = infusion_day(1, PERSON, 0.0, 2.0)
    assert first.min() == 0.0
    assert 1.9 < first.max() <= 2.0
    later = infusion_day(1, PERSON, 7.0, 2.0)
    assert np.abs(later - 7).max() <= 2


def test_a_persons_days_depend_on_seed_person_and_planned_day_only():
    assert np.array_equal(visit_days(LIN, 1, PERSON[50:60]), visit_days(LIN, 1, PERSON)[50:60])
    assert not np.isclose(shift(1, PERSON, 7.0), shift(2, PERSON, 7.0)).any()
    assert not np.isclose(shift(1, PERSON, 7.0), shift(1, PERSON, 14.0)).any()


def test_visits_are_at_the_same_times_whichever_arm_a_person_is_in():
    swapped = with_(**{"arms.msc.n": 54, "arms.smt.n": 56})
    assert np.array_equal(visit_days(LIN, 1, PERSON), visit_days(swapped, 1, PERSON))
