"""Each construct of SBML that a stranger's file may hold, against what it must give by hand."""

import math

import numpy as np
import pytest

from hepatrial.engine.settings import settings_of_text
from hepatrial.engine.timecourse import time_course
from hepatrial.errors import BadInput, RunFailed
from hepatrial.model.antimony import antimony_to_sbml
from hepatrial.model.sbml_core import spec_from_core_sbml

CORE = "http://www.sbml.org/sbml/level3/version2/core"
MATH = "http://www.w3.org/1998/Math/MathML"
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol>'


def settings(variables, **changed):
    lines = {
        "start": 0, "duration": 2, "steps": 4, "variables": variables, "absolute": 1e-8, "relative": 1e-6,
        "amount": "", "concentration": "",
    } | changed  # fmt: skip
    return settings_of_text("\n".join(f"{key}: {value}" for key, value in lines.items()))


def course(sbml, variables, **changed):
    """Columns over the times."""
    return time_course(spec_from_core_sbml(sbml), settings(variables, **changed)).T


def ant(body, variables, **changed):
    before, _, body = body.rpartition("---")
    return course(antimony_to_sbml(f"{before} model m() {body} end"), variables, **changed)


def formula(body):
    return f'<math xmlns="{MATH}">{body}</math>'


def species(name, extra='initialAmount="4"', only="false", more=""):
    return (
        f'<species id="{name}" compartment="c" {extra} hasOnlySubstanceUnits="{only}" '
        f'boundaryCondition="false" constant="false" {more}/>'
    )


def model(*parts, size='size="2"', attributes="", constant="true", chosen=()):
    """A model with one compartment, species S and T, k = 0.5, and whatever else."""
    listed = "".join(chosen) or species("S") + species("T", 'initialAmount="0"')
    return (
        f'<sbml xmlns="{CORE}" level="3" version="2"><model id="m" {attributes}><listOfCompartments>'
        f'<compartment id="c" {size} spatialDimensions="3" constant="{constant}"/></listOfCompartments>'
        f"<listOfSpecies>{listed}</listOfSpecies><listOfParameters>"
        '<parameter id="k" value="0.5" constant="true"/><parameter id="f" value="10" constant="true"/>'
        '<parameter id="g" value="3" constant="true"/></listOfParameters>'
        f"{''.join(parts)}</model></sbml>"
    )


def decay(reactant='stoichiometry="1"', more=""):
    """S -> T at rate k * S."""
    law = formula("<apply><times/><ci>k</ci><ci>S</ci></apply>")
    return (
        '<listOfReactions><reaction id="J" reversible="false"><listOfReactants>'
        f'<speciesReference species="S" {reactant} constant="true"/></listOfReactants><listOfProducts>'
        '<speciesReference species="T" stoichiometry="1" constant="true"/></listOfProducts>'
        f"<kineticLaw>{law}{more}</kineticLaw></reaction></listOfReactions>"
    )


T = np.linspace(0, 2, 5)


def near(found, wanted):
    np.testing.assert_allclose(found, np.broadcast_to(wanted, np.shape(found)), rtol=1e-6, atol=1e-9)


def test_a_law_in_concentrations_moves_amounts():
    s, t, j, c = course(model(decay()), "S, T, J, c", amount="S, T")
    near(s, 4 * np.exp(-0.25 * T))
    near(t, 4 - s)
    near(j, 0.5 * s / 2)
    near(c, 2)


def test_the_settings_choose_between_amount_and_concentration_and_formulas_decide_otherwise():
    near(course(model(decay()), "S", concentration="S")[0], 2 * np.exp(-0.25 * T))
    near(course(model(decay()), "S")[0], 2 * np.exp(-0.25 * T))


def test_has_only_substance_units_makes_the_id_an_amount():
    chosen = (species("S", only="true"), species("T", 'initialConcentration="0"', only="true"))
    text = model(decay(), chosen=chosen)
    near(course(text, "S")[0], 4 * np.exp(-0.5 * T))
    near(course(text, "S", concentration="S")[0], 2 * np.exp(-0.5 * T))
    start = model(chosen=(species("S", 'initialConcentration="3"', only="true"),))
    near(course(start, "S")[0], 6)


def test_a_species_own_conversion_factor_wins_over_the_models():
    chosen = (species("S", more='conversionFactor="f"'), species("T", 'initialAmount="0"'))
    s, t = course(
        model(decay(), attributes='conversionFactor="g"', chosen=chosen), "S, T", amount="S, T"
    )  # f = 10, g = 3
    near(s, 4 * np.exp(-2.5 * T))
    near(t, 0.3 * (4 - s))


def test_a_named_stoichiometry_is_a_variable_and_may_have_a_rule():
    s, r = course(model(decay('stoichiometry="2" id="r"')), "S, r", amount="S")
    near(s, 4 * np.exp(-0.5 * T))
    near(r, 2)
    rule = f'<listOfRules><assignmentRule variable="r">{formula(TIME)}</assignmentRule></listOfRules>'
    text = model(rule, decay('id="r"').replace('id="r" constant="true"', 'id="r" constant="false"'))
    near(course(text, "S", amount="S")[0], 4 * np.exp(-0.125 * T**2))


def test_a_local_parameter_hides_the_global_one():
    more = '<listOfLocalParameters><localParameter id="k" value="2"/></listOfLocalParameters>'
    s, k = course(model(decay(more=more)), "S, k", amount="S")
    near(s, 4 * np.exp(-T))
    near(k, 0.5)


def test_an_amount_stays_when_a_rule_changes_the_compartment():
    rule = (
        f'<assignmentRule variable="c">{formula(f"<apply><plus/><cn>2</cn>{TIME}</apply>")}</assignmentRule>'
    )
    text = model(f"<listOfRules>{rule}</listOfRules>", constant="false")
    near(course(text, "S", amount="S")[0], 4)
    near(course(text, "S", concentration="S")[0], 4 / (2 + T))


def test_an_event_that_changes_the_size_keeps_the_amount_unless_it_sets_the_species_too():
    body = "compartment c = 2; var species S in c; S = 3; E: at (time > 0.7): c = 4{};"
    after = T > 0.7
    near(ant(body.format(""), "S", amount="S")[0], 6)
    near(ant(body.format(""), "S", concentration="S")[0], np.where(after, 1.5, 3))
    # SBML L3V2, 4.11.6: a concentration assigned with a size is turned into an amount by the size before.
    near(ant(body.format(", S = 1"), "S", amount="S")[0], np.where(after, 2, 6))


def test_a_boundary_species_takes_part_and_follows_its_own_rule():
    b, s = ant("compartment c=1; species $B in c, S in c; B=1; S=0; B'=1; J: B -> S; B;", "B, S")
    near(b, 1 + T)
    near(s, T + T**2 / 2)


def test_a_constant_species_stays():
    x, y = ant("compartment c=1; const species X in c; species Y in c; X=2; Y=0; J: $X -> Y; X;", "X, Y")
    near(x, 2)
    near(y, 2 * T)


def test_the_rate_of_a_concentration_knows_that_its_compartment_grows():
    body = "compartment c; c=2; c'=1; species S in c; S=3; r := rateOf(S); J: S -> ; 0.5*S*c;"
    s, r = ant(body, "S, r", concentration="S")
    near(s, 3 * np.exp(-0.5 * T) * 2 / (2 + T))
    near(r, -s * (0.5 + 1 / (2 + T)))


def test_rules_and_initial_assignments_are_put_in_order_whatever_the_order_of_the_file():
    x, y, z = ant("y := x + 1; x := 2*z; z = w; w = 3; z' = 1;", "x, y, z")
    near(z, 3 + T)
    near(x, 2 * z)
    near(y, x + 1)


def test_functions_of_functions_are_expanded():
    before = "function f(x) x^2; end function g(x, y) f(x) + f(y); end ---"
    near(ant(before + "z := g(time, 2);", "z")[0], T**2 + 4)


def test_a_piecewise_without_otherwise_has_no_value_where_nothing_holds():
    (x,) = ant("x := piecewise(1, time < 0.7); y = 1; y' = -y;", "x")
    assert np.isnan(x[T > 0.7]).all()
    near(x[T < 0.7], 1)


def test_priority_and_the_moment_of_evaluation_decide_what_events_of_one_instant_leave():
    body = "x = 1; at (time >= 0.7), priority = 1{0}: x = 2*x; at (time >= 0.7), priority = 2{0}: x = x + 1;"
    near(ant(body.format(""), "x")[0], np.where(T > 0.7, 2, 1))  # both from x = 1; the doubling is last
    near(ant(body.format(", fromTrigger = false"), "x")[0], np.where(T > 0.7, 4, 1))


def test_persistence_decides_whether_a_condition_that_has_turned_false_still_strikes():
    body = (
        "x = 0; y = 0; A: at (time >= 0.7), priority = 2: x = 1;"
        "B: at (time >= 0.7 && x < 0.5), priority = 1, persistent = {}: y = 1;"
    )
    near(ant(body.format("true"), "y")[0], T > 0.7)
    near(ant(body.format("false"), "y")[0], 0)


def test_an_amount_needs_no_size_and_a_concentration_does():
    text = model(size="", chosen=(species("S"),))
    near(course(text, "S", amount="S")[0], 4)
    with pytest.raises(BadInput, match="'S'"):
        course(text, "S", concentration="S")
    near(course(model(size='size="0"', chosen=(species("S"),)), "S", amount="S")[0], 4)


def test_no_steps_or_no_duration_are_rows_at_the_start():
    assert course(model(decay()), "S", steps=0, duration=0, amount="S").tolist() == [[4.0]]
    near(course(model(decay()), "S", steps=0, start=1, duration=3, amount="S"), 4 * math.exp(-0.25))
    near(course(model(decay()), "S", steps=2, duration=0, amount="S"), 4)


def test_a_later_start_is_recorded_later_and_not_begun_later():
    near(course(model(decay()), "S", start=1, duration=1, steps=2, amount="S")[0], 4 * np.exp(-0.25 * T[2:]))


@pytest.mark.parametrize(
    ("body", "duration"),
    [
        ("x = 10; x' = -x^0.5;", 8),  # leaves the domain of its rate
        ("x=10; y=28; z=20; x'=10*(y-x); y'=x*(28-z)-y; z'=x*y-8/3*z;", 60),  # forgets its start
        ("x = 1; x' = piecewise(-1, x > 0, 1);", 2),  # switches without end
    ],
)
def test_what_no_solver_can_tell_is_refused_and_not_guessed(body, duration):
    with pytest.raises(RunFailed):
        ant(body, "x", duration=duration)
