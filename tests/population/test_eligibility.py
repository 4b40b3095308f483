"""Entry criteria."""

import numpy as np
import pytest

from hepatrial.population.eligibility import (
    all_of,
    criteria,
    exclusion_outputs,
    first_day,
    limits_met,
    not_excluded,
    traits_allowed,
)
from hepatrial.protocol import load_protocol

LIN = load_protocol("lin2017")


def with_(**settings):
    return LIN.with_settings({name.replace("__", "."): value for name, value in settings.items()})[0]


def test_each_bound_of_the_protocol_and_of_its_definition_is_a_criterion():
    labels = {c.label for c in criteria(LIN)}
    assert labels == {"bilirubin at least 171", "inr at least 1.5", "meld at least 17", "meld at most 30"}


def test_a_criterion_includes_its_bounds_and_is_not_met_by_the_unknown():
    (upper,) = [c for c in criteria(LIN) if c.label == "meld at most 30"]
    assert upper.met(np.array([29.0, 30.0, 31.0, np.nan])).tolist() == [True, True, False, False]


def test_limits_are_answered_in_the_shape_of_the_values():
    values = {
        "bilirubin": np.array([[170.0, 171.0]]),
        "inr": np.full((1, 2), 2.0),
        "meld": np.full((1, 2), 20.0),
    }
    met = limits_met(LIN, values)
    assert met["bilirubin at least 171"].tolist() == [[False, True]]
    assert all_of(met).tolist() == [[False, True]]


def test_the_first_eligible_day_is_found_and_never_is_minus_one():
    table = np.array([[False, True, False, True], [False] * 4, [True, False, False, False]])
    assert first_day(table).tolist() == [1, -1, 0]


def test_age_limits_include_their_ends_and_cirrhosis_counts_only_when_excluded():
    age, cirrhosis = np.array([17.0, 18.0, 65.0, 65.1]), np.array([0.0, 1.0, 0.0, 0.0])
    allowed = traits_allowed(LIN, age, cirrhosis)
    assert all_of(allowed).tolist() == [False, True, True, False]
    without = with_(population__exclude=["cirrhosis"])
    assert all_of(traits_allowed(without, age, cirrhosis)).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        ([], [True, True, True]),
        (["infection_at_entry"], [True, False, True]),
        (["vasopressors_at_entry"], [True, True, False]),
        (["infection_at_entry", "vasopressors_at_entry"], [True, False, False]),
    ],
)
def test_exclusions_look_at_infection_and_vasopressors(exclude, expected):
    protocol = with_(population__exclude=exclude)
    outputs = {"infection": np.array([0.0, 0.2, 0.0]), "vasopressor": np.array([0.5, 0.0, 0.51])}
    conditions = not_excluded(protocol, outputs, infected_from=0.2)
    assert len(exclusion_outputs(protocol)) == len(exclude)
    assert all_of({"": np.ones(3, dtype=bool), **conditions}).tolist() == expected
