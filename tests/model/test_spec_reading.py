"""Antimony and SBML become a specification, or a list of everything that is wrong."""

from pathlib import Path

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.model import expr as ex
from hepatrial.model.antimony import spec_from_antimony, spec_from_antimony_file
from hepatrial.model.sbml import check_sbml, spec_from_sbml

GOOD = """
model good()
  unit per_day = 1/(86400 second);
  k = 0.5; k has per_day; half = 2; start = 3; rate_constant = ln(2)/half; flat = 1e-3/2;
  x = 2*start; x' = -rate_constant*x - k*inflow;
  y = total0; y' = 0.1 - k*y;
  total0 := 7 + x;
  inflow := max(0, level - 1); level := x/10;
  H_death = 0; H_death' = 0.01*level;
  H_flare = 0; H_flare' = 0.02;
  marked = 0; ended = 0;
  theta_death = 1; theta_flare = 1; step_flare = 1; do_dose = 0; amount_dose = 0;
  flaring: at (H_flare >= theta_flare): y = y + level, marked = 1, theta_flare = theta_flare + step_flare;
  dying: at (H_death >= theta_death): ended = 1;
  dosing: at (do_dose > 0.5): x = x + amount_dose*half;
end
"""


def broken(*lines, remove=None):
    text = GOOD.replace(remove, "") if remove else GOOD
    with pytest.raises(BadInput) as error:
        spec_from_antimony(text.replace("\nend", "\n" + "\n".join(lines) + "\nend"))
    return [problem.sentence() for problem in error.value.problems]


def test_names_fall_into_their_kinds():
    spec = spec_from_antimony(GOOD)
    assert spec.name == "good"
    assert spec.states == ("x", "y", "marked")
    assert spec.parameters == ("k", "half", "start", "flat")
    assert spec.causes == ("death", "flare")
    assert spec.actions == ("dose",)
    assert set(spec.observables) == {"total0", "inflow", "level"}
    assert spec.observables.index("level") < spec.observables.index("inflow")
    assert spec.outputs == (*spec.states, "H_death", "H_flare", *spec.observables)
    assert spec.units["k"] == "per_day"


def test_events_carry_what_they_do():
    death, flare = spec_from_antimony(GOOD).hazards
    assert (death.terminal, death.recurrent, death.jump.assignments) == (True, False, ())
    assert (flare.terminal, flare.recurrent) == (False, True)
    assert dict(flare.jump.assignments) == {"y": ex.sym("y") + ex.sym("level"), "marked": ex.ONE}
    (dose,) = spec_from_antimony(GOOD).jumps
    assert dose.assignments == (("x", ex.sym("x") + ex.sym("amount_dose") * ex.sym("half")),)


def test_a_variable_that_only_events_change_is_a_state_at_rest():
    spec = spec_from_antimony(GOOD)
    assert spec.rates[spec.states.index("marked")] is ex.ZERO


def test_constants_computed_from_parameters_follow_them():
    spec = spec_from_antimony(GOOD)
    assert spec.derived == {"rate_constant": ex.const(np.log(2)) / ex.sym("half")}
    assert "rate_constant" not in spec.rates[0].symbols
    assert spec.default_parameters[spec.parameters.index("flat")] == 5e-4


def test_initial_states_are_expressions_that_a_population_can_evaluate():
    spec = spec_from_antimony(GOOD)
    assert spec.initial_state.tolist() == [6, 13, 0]
    parameters = np.tile(spec.default_parameters, (2, 1))
    parameters[1, spec.parameters.index("start")] = 10
    assert spec.initial_states(parameters).tolist() == [[6, 13, 0], [20, 27, 0]]


def test_inlined_observables_name_only_states_and_parameters():
    spec = spec_from_antimony(GOOD)
    (inflow,) = spec.inline([ex.sym("inflow")])
    assert inflow is ex.maximum(0, ex.sym("x") / 10 - 1)


def test_default_vectors_cannot_be_changed():
    spec = spec_from_antimony(GOOD)
    with pytest.raises(ValueError, match="read-only"):
        spec.default_parameters[0] = 1


def test_the_hash_is_that_of_the_text_and_changes_with_a_number():
    assert spec_from_antimony(GOOD).hash == spec_from_antimony("// a remark\n" + GOOD).hash
    assert spec_from_antimony(GOOD).hash != spec_from_antimony(GOOD.replace("0.02", "0.03")).hash


def test_exported_sbml_is_consistent_and_reads_back_the_same():
    spec = spec_from_antimony(GOOD)
    assert check_sbml(spec.sbml) == []
    again = spec_from_sbml(spec.sbml)
    assert again.hash == spec.hash
    assert again.rates == spec.rates
    assert 'level="3" version="2"' in spec.sbml


def test_imported_files_are_found_beside_the_model(tmp_path):
    (tmp_path / "part.ant").write_text("x = 1; x' = -k*x; k = 2;")
    (tmp_path / "whole.ant").write_text('import "part.ant"\ny := x + k;')
    spec = spec_from_antimony_file(tmp_path / "whole.ant")
    assert (spec.states, spec.parameters, spec.observables) == (("x",), ("k",), ("y",))


def test_functions_are_expanded():
    spec = spec_from_antimony("function f(a, b)\n a*b + 1\nend\nmodel m()\n x = 1; k = 2; x' = f(x, k);\nend")
    assert spec.rates[0] is ex.sym("x") * ex.sym("k") + 1


def test_an_undefined_name_is_reported_with_its_neighbour():
    (sentence,) = broken("z := levle*2;")
    assert "levle" in sentence
    assert "'level'" in sentence


def test_all_problems_are_reported_together():
    found = " | ".join(
        broken(
            "A -> B; k*A; A = 1; B = 0;",
            "w = 1; w' = delay(w, 3);",
            "at (x > 3): y = 0;",
            "late: at 2 after (H_late >= theta_late): y = 1; H_late = 0; H_late' = 1; theta_late = 1;",
            "u = 1; u' = H_death;",
            "H_lonely = 0; H_lonely' = 1;",
            "theta_nothing = 3;",
        )
    )
    for expected in (
        "reaction", "species A", "delay", "trigger x > 3", "event late: given a delay",
        "H_death; a cumulative", "H_lonely", "theta_nothing",
    ):  # fmt: skip
        assert expected in found, expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("at (H_death >= theta_death): y = 1;", "second event"),
        ("at (do_more > 0.5): k = 3, amount_more = 1; do_more = 0; amount_more = 0;", "amount_more"),
        ("at (H_other >= theta_other): y = 1; H_other = 1; theta_other = 2;", "has no rate rule"),
        ("at (H_new >= theta_new): theta_new = 7; H_new = 0; H_new' = 1; theta_new = 1;", "theta_new = 7"),
        ("at (H_new >= theta_new): ended = 1; H_new = 0.5; H_new' = 1; theta_new = 1;", "starts at 0"),
        ("w = 1; w' = -theta_death;", "theta, step, do, amount and ended"),
        ("w = 1; w' = delay(w, 1);", "delay"),
        ("c1 := c2; c2 := c1 + 1;", "c1"),
        ("w = 1; w' = hidden; hidden := H_flare;", "may not act on a rate"),
        ("fixed = 2*x;", "constant may depend on other constants only"),
        ("w' = 1;", "initial value"),
    ],
)
def test_each_departure_from_the_conventions_is_named(line, expected):
    assert expected in " | ".join(broken(line))


@pytest.mark.parametrize("text", ["", "model m(\n x' = ;", "x' = -k*", "\x00\x01", "<sbml/>"])
def test_malformed_antimony_is_one_problem(text):
    with pytest.raises(BadInput):
        spec_from_antimony(text)


@pytest.mark.parametrize("text", ["", "not xml", "<sbml/>", "<a><b></a>"])
def test_malformed_sbml_is_a_problem(text):
    with pytest.raises(BadInput):
        spec_from_sbml(text)


def test_a_missing_file_is_a_problem():
    with pytest.raises(BadInput):
        spec_from_antimony_file(Path("nowhere.ant"))
