"""Settings from the command line change a protocol under the same checks as a file."""

from __future__ import annotations

import pytest

from hepatrial.errors import BadInput
from hepatrial.protocol import Protocol, load_protocol, protocol_from_dict
from hepatrial.protocol.places import parse_place, place_text


@pytest.fixture
def lin() -> Protocol:
    """Lin 2017."""
    return load_protocol("lin2017")


@pytest.mark.parametrize(
    "place", ["arms", "arms.msc.n", "arms.msc.regimen[0].dose", "visits.weeks[3]", "a[0][1].b"]
)
def test_a_place_is_read_and_written_the_same(place: str) -> None:
    steps = parse_place(place)
    assert steps is not None
    assert place_text(steps) == place


@pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[x]", "a b", "[", "a.0", "a[-1]", "a."])
def test_what_is_no_place_is_none(text: str) -> None:
    assert parse_place(text) is None


def test_numbers_lists_and_quantities_are_set(lin: Protocol) -> None:
    changed, rest = lin.with_settings(
        {
            "arms.msc.n": "30",
            "arms.msc.regimen[0].dose": "2e6 cells/kg",
            "arms.msc.regimen[0].days": "[0, 3]",
            "arms.msc.regimen[0].window": "1 d",
            "population.age.max": "70",
            "population.exclude": "[]",
            "visits.weeks[0]": "1.5",
            "visits.window": "1 d",
            "selection.consent": "80 %",
            "identity.doi": "10.1/x",
        }
    )
    assert rest == {}
    arm = changed.arms["msc"]
    assert (arm.n, arm.regimen[0].dose.cells, arm.regimen[0].days) == (30, 2e6, (0.0, 3.0))
    assert (changed.population.age.max, changed.population.exclude) == (70.0, ())
    assert changed.visits.weeks[0] == 1.5
    assert (changed.selection.consent, changed.identity.doi) == (0.8, "10.1/x")
    assert lin == load_protocol("lin2017")  # the original stays


def test_nothing_set_changes_nothing(lin: Protocol) -> None:
    assert lin.with_settings({}) == (lin, {})


def test_what_was_left_out_can_be_set_and_what_is_there_left_out(lin: Protocol) -> None:
    changed, _ = lin.with_settings(
        {
            "care.plasma": "none",
            "care.plasma_exchange.sessions": "3",
            "care.plasma_exchange.volumes": "1 plasma volume",
            "care.plasma_exchange.first_day": "1 d",
            "care.plasma_exchange.every": "3 d",
            "arms.msc.care.antiviral": "0",
        }
    )
    assert changed.care.plasma is None
    assert changed.care.plasma_exchange is not None
    assert changed.care_of("msc").antiviral == 0.0
    assert changed.care_of("smt").antiviral == 1.0


def test_model_parameters_are_handed_back_and_not_judged(lin: Protocol) -> None:
    changed, rest = lin.with_settings({"no_such_parameter": "0.3", "arms.msc.n": 57, "kT": 2})
    assert rest == {"no_such_parameter": 0.3, "kT": 2}
    assert changed.arms["msc"].n == 57


@pytest.mark.parametrize(
    ("name", "value", "allowed", "nearest"),
    [
        ("arms.mcs.n", "3", "msc, smt", "msc"),
        ("arms.msc.m", "3", "label", None),
        ("visits.weaks", "[1]", "weeks", "weeks"),
        ("arms.msc.regimen[1].dose", "1e6 cells/kg", "below 1", None),
        ("arm.msc.n", "3", "arms", "arms"),
        ("folow_up.length", "3 d", "follow_up", "follow_up"),
        ("identity.id.x", "3", "no entries", None),
        ("arms.msc.regimen.dose", "3", "no entries", None),
        ("visits[0]", "3", "below 0", None),
        ("", "3", "a model parameter", None),
    ],
)
def test_a_place_that_does_not_exist_is_refused(
    lin: Protocol, name: str, value: str, allowed: str, nearest: str | None
) -> None:
    with pytest.raises(BadInput) as caught:
        lin.with_settings({name: value})
    (problem,) = caught.value.problems
    assert allowed in problem.allowed
    assert problem.nearest == nearest


def test_a_value_that_the_file_could_not_have_is_refused_with_all_others(lin: Protocol) -> None:
    with pytest.raises(BadInput) as caught:
        lin.with_settings(
            {
                "arms.msc.regimen[0].dose": "1e8 cells/kg",
                "arms.smt.n": "0",
                "endpoints.control_arm": "smtt",
                "follow_up.length": "4 parsecs",
            }
        )
    assert {problem.place for problem in caught.value.problems} == {
        "arms.msc.regimen[0].dose",
        "arms.smt.n",
        "endpoints.control_arm",
        "follow_up.length",
    }


def test_a_set_protocol_is_a_protocol_like_any_other(lin: Protocol) -> None:
    changed, _ = lin.with_settings({"follow_up.length": "30 weeks"})
    assert changed.hash != lin.hash
    assert protocol_from_dict(changed.as_dict()) == changed
