"""Thresholds as draws of SBML's package distrib: written, read back, everything else refused by name."""

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model
from hepatrial.model.antimony import antimony_to_sbml
from hepatrial.model.distrib import with_draws
from hepatrial.model.sbml import check_sbml, spec_from_sbml
from hepatrial.model.sbml_core import spec_from_core_sbml
from hepatrial.model.untrusted import load_model

HAZARD = (
    "model m() H_a = 0; H_a' = 0.3; n = 0; theta_a = {}; step_a = 1; at (H_a >= theta_a): n = n + 1{}; end"
)


def test_our_model_with_draws_is_sound_sbml_and_reads_back_as_itself():
    spec = load_patient_model()
    text = with_draws(spec.sbml)
    assert check_sbml(text) == []
    assert text.count("distrib/exponential") == len(spec.hazards) + sum(h.recurrent for h in spec.hazards)
    again = spec_from_sbml(text)
    for name in ("states", "parameters", "rates", "hazards", "jumps", "observable_expressions"):
        assert getattr(again, name) == getattr(spec, name)


def test_the_command_exports_draws(tmp_path):
    done = CliRunner().invoke(app, ["model", "export", str(tmp_path / "p.xml"), "--draws"])
    assert done.exit_code == 0, done.stderr
    assert load_model(tmp_path / "p.xml").hazards == load_patient_model().hazards
    assert CliRunner().invoke(app, ["model", "export", str(tmp_path / "p.ant"), "--draws"]).exit_code == 2


def test_draws_mean_thresholds_whichever_way_the_sum_is_written():
    given = [HAZARD.format("exponential(1)", ", theta_a = " + sum_) for sum_ in (
        "theta_a + exponential(1)", "exponential(1) + theta_a")]  # fmt: skip
    fixed = HAZARD.format("1e9", ", theta_a = theta_a + step_a")
    specs = [spec_from_sbml(antimony_to_sbml(text)) for text in (*given, fixed)]
    assert specs[0].hazards == specs[1].hazards == specs[2].hazards
    assert specs[0].hazards[0].recurrent


@pytest.mark.parametrize(
    ("theta", "step", "named"),
    [
        ("exponential(2)", "", "exponential"),
        ("normal(1, 1)", "", "normal"),
        ("exponential(1)", ", theta_a = theta_a + uniform(0, 1)", "uniform"),
        ("exponential(1)", ", theta_a = theta_a + exponential(3)", "exponential"),
        ("2*exponential(1)", "", "exponential"),
    ],
)
def test_other_draws_are_refused_by_name(theta, step, named):
    with pytest.raises(BadInput, match=f"distrib {named}"):
        spec_from_sbml(antimony_to_sbml(HAZARD.format(theta, step)))


def test_draws_outside_hazard_events_are_refused_with_the_element():
    with pytest.raises(BadInput, match=r"initial value of x: given distrib gamma"):
        spec_from_core_sbml(antimony_to_sbml("model m() x = gamma(2, 1); y := x; end"))
    with pytest.raises(BadInput, match=r"event E, assignment to x: given distrib poisson"):
        spec_from_core_sbml(antimony_to_sbml("model m() x = 1; E: at (time > 1): x = poisson(3); end"))
