"""The equations and the generated code can be read."""

import pytest
from engine_cases import DECAY, spec_of

from hepatrial.engine import show_code
from hepatrial.errors import BadInput
from hepatrial.model import expr as ex

SPEC = spec_of(DECAY)


def test_equations_name_every_rate_event_and_action():
    lines = show_code(SPEC).splitlines()
    assert "x' = -(k*x)" in lines
    assert "twice := 2*x" in lines
    assert "H_relapse' = g*scale" in lines
    assert "at H_death = threshold of death (ends the course): x = 100" in lines
    assert "at H_relapse = threshold of relapse (again and again): x = x + 1" in lines
    assert "action give: x = x + amount_give" in lines


def test_the_jacobian_is_shown_by_entry():
    assert "d(x')/dx = -k" in show_code(SPEC, "jacobian").splitlines()
    assert ex.derivative(SPEC.rates[0], "x") is -ex.sym("k")


def test_the_step_is_shown_for_a_lane_width():
    assert "define void @simulate(" in show_code(SPEC, "step")
    assert "<4 x double>" in show_code(SPEC, "step")
    assert "<4 x double>" not in show_code(SPEC, "step", lanes=1)


def test_an_unknown_part_is_refused_with_the_nearest_name():
    with pytest.raises(BadInput) as error:
        show_code(SPEC, "equation")
    assert error.value.problems[0].nearest == "equations"
