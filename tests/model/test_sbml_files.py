"""Model files of other people: what is refused by name, what crashes a parser, what crosses processes."""

import math
import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepatrial import BadInput, load_model, load_patient_model
from hepatrial.model import expr as ex
from hepatrial.model import untrusted
from hepatrial.model.antimony import antimony_to_sbml
from hepatrial.model.sbml_core import follows_conventions, spec_from_core_sbml
from hepatrial.model.untrusted import read_model
from hepatrial.model.wire import spec_from_json, spec_to_json

PREY = """
model prey()
  compartment c = 2;
  species S in c, P in c; S = 3; P = 1;
  k = 0.4; J: S -> P; c*k*S;
  at (time >= 2), priority = 3, persistent = false, t0 = false: k = 0.1;
end
"""
HEAD = '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version2/core"'
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
DELAYED = (
    '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">wait</csymbol>'
    "<ci>x</ci><cn>1</cn></apply>"
)


def sbml(body, level_attributes=' level="3" version="2">'):
    """An SBML text around the children of a model."""
    return f'{HEAD}{level_attributes}<model id="m">{body}</model></sbml>'


def with_rule(math_text, kind="assignmentRule", variable=' variable="y"'):
    parameters = (
        '<listOfParameters><parameter id="x" value="1" constant="false"/>'
        '<parameter id="y" value="1" constant="false"/></listOfParameters>'
    )
    rule = f"<{kind}{variable}>{MATH.format(math_text)}</{kind}>"
    return sbml(f"{parameters}<listOfRules>{rule}</listOfRules>")


def problems_of(text):
    with pytest.raises(BadInput) as caught:
        spec_from_core_sbml(text)
    return caught.value.problems


def test_an_algebraic_rule_is_refused_with_its_formula():
    (problem,) = problems_of(with_rule("<apply><minus/><ci>x</ci><ci>y</ci></apply>", "algebraicRule", ""))
    assert "algebraic rule 1" in problem.place
    assert "x - y" in problem.given
    assert "assignment rule" in problem.allowed


def test_delay_is_refused_whatever_the_file_calls_it():
    (problem,) = problems_of(with_rule(DELAYED))
    assert (problem.place, problem.given) == ("rule of y", "delay()")


def test_a_delayed_event_is_refused_and_a_delay_of_nothing_is_none():
    late = antimony_to_sbml("model m() x = 0; E1: at 2 after (time > 1): x = 1; end")
    (problem,) = problems_of(late)
    assert problem.place.startswith("event E1")
    assert "delay of 2" in problem.given
    at_once = late.replace('<cn type="integer"> 2 </cn>', '<cn type="integer"> 0 </cn>')
    assert [t.name for t in spec_from_core_sbml(at_once).triggers] == ["E1"]


def test_a_fast_reaction_is_refused_by_its_id():
    text = antimony_to_sbml("model m() compartment c=1; species S in c=1, P in c=0; J1: S -> P; S; end")
    old = text.replace("level3/version2", "level3/version1").replace('version="2"', 'version="1"')
    fast = old.replace('<reaction id="J1"', '<reaction id="J1" fast="true"')
    (problem,) = problems_of(fast.replace('fast="true" fast="false"', 'fast="true"'))
    assert problem.place == "reaction J1"


@pytest.mark.parametrize("package", ["comp", "multi", "arrays"])
def test_a_required_package_is_refused(package):
    uri = f"http://www.sbml.org/sbml/level3/version1/{package}/version1"
    extra = f' level="3" version="2" xmlns:q="{uri}" q:required="true">'
    text = sbml('<listOfParameters><parameter id="x" value="1" constant="true"/></listOfParameters>', extra)
    assert any(package in p.sentence() for p in problems_of(text))


@pytest.mark.parametrize(("level", "version"), [(1, 2), (2, 1), (2, 3)])
def test_old_levels_are_refused_with_what_to_do(level, version):
    spaces = {(1, 2): "level1", (2, 1): "level2", (2, 3): "level2/version3"}
    text = (
        f'<sbml xmlns="http://www.sbml.org/sbml/{spaces[level, version]}" level="{level}" '
        f'version="{version}"><model id="m"/></sbml>'
    )
    assert any("convert it" in p.allowed for p in problems_of(text))


def test_everything_unsupported_is_told_at_once():
    text = antimony_to_sbml(
        "model m() x = 0; E1: at 2 after (time > 1): x = 1; E2: at 1 after (time > 2): x = 2; end"
    )
    assert [p.place.split(",")[0] for p in problems_of(text)] == ["event E1", "event E2"]


def test_a_quantity_without_value_is_named_where_the_course_needs_it():
    needed = antimony_to_sbml("model m() var x = 1; x' = -k*x; var k; end")
    assert any("k" in p.place and "no value" in p.given for p in problems_of(needed))
    idle = spec_from_core_sbml(antimony_to_sbml("model m() var x = 1; x' = -x; var y; y := 2*k; var k; end"))
    assert idle.outputs == ("x",)


def test_rules_in_a_circle_are_refused():
    # libSBML finds the circle itself.
    assert problems_of(
        sbml(
            '<listOfParameters><parameter id="x" constant="false"/><parameter id="y" constant="false"/>'
            "</listOfParameters><listOfRules>"
            f'<assignmentRule variable="x">{MATH.format("<ci>y</ci>")}</assignmentRule>'
            f'<assignmentRule variable="y">{MATH.format("<ci>x</ci>")}</assignmentRule></listOfRules>'
        )
    )


def test_species_are_kept_as_amounts_and_mean_concentrations_in_formulas():
    spec = spec_from_core_sbml(antimony_to_sbml(PREY))
    state = dict(zip(spec.states, spec.initial_state, strict=True))
    assert state["S_amount"] == 6
    assert spec.species["S"].amount is ex.sym("S_amount")
    assert ex.text(dict(zip(spec.observables, spec.observable_expressions, strict=True))["S"]) == "S_amount/c"


def test_an_event_keeps_priority_persistence_and_initial_value():
    (trigger,) = spec_from_core_sbml(antimony_to_sbml(PREY)).triggers
    assert trigger.priority is ex.const(3)
    assert not trigger.persistent
    assert not trigger.initial
    assert trigger.assignments == (("k", ex.const(0.1)),)


def test_a_parameter_called_time_is_not_the_time():
    text = sbml('<listOfParameters><parameter id="time" value="7" constant="true"/></listOfParameters>')
    assert spec_from_core_sbml(text).parameters == ("time_",)


def test_local_parameters_shadow_global_ones():
    local = '<localParameter id="k" value="5"/>'
    text = antimony_to_sbml("model m() compartment c=1; species S in c=1; k = 2; J: S -> ; k*S; end")
    text = text.replace(
        "</kineticLaw>", f"<listOfLocalParameters>{local}</listOfLocalParameters></kineticLaw>"
    )
    spec = spec_from_core_sbml(text)
    assert dict(zip(spec.parameters, spec.default_parameters, strict=True))["J_k"] == 5
    assert "J_k" in ex.text(dict(zip(spec.observables, spec.observable_expressions, strict=True))["J"])


def test_a_file_of_the_conventions_keeps_its_hazards(tmp_path):
    patient = load_patient_model()
    file = tmp_path / "patient.xml"
    file.write_text(patient.sbml, encoding="utf-8")
    assert follows_conventions(patient.sbml)
    spec = load_model(file)
    assert spec.hash == patient.hash
    assert spec.causes == patient.causes


def test_a_specification_crosses_processes_unchanged():
    for spec in (load_patient_model(), spec_from_core_sbml(antimony_to_sbml(PREY))):
        again = spec_from_json(spec_to_json(spec))
        for name in ("states", "rates", "hazards", "jumps", "parameters", "observables", "derived", "hash"):
            assert getattr(again, name) == getattr(spec, name)
        assert again.observable_expressions == spec.observable_expressions
        assert again.initial_state_expressions == spec.initial_state_expressions
        assert (again.triggers, dict(again.species)) == (spec.triggers, dict(spec.species))
        np.testing.assert_array_equal(again.default_parameters, spec.default_parameters)


def test_antimony_and_sbml_of_one_model_are_one_model(tmp_path):
    one, two = tmp_path / "prey.ant", tmp_path / "prey.xml"
    one.write_text(PREY, encoding="utf-8")
    two.write_text(antimony_to_sbml(PREY), encoding="utf-8")
    assert load_model(one).hash == load_model(two).hash


def test_a_native_crash_is_one_sentence(tmp_path, monkeypatch):
    file = tmp_path / "m.xml"
    file.write_text("<sbml/>", encoding="utf-8")
    killer = [*untrusted.child_command("os")[:-1], f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})"]
    monkeypatch.setattr(untrusted, "child_command", lambda _: killer)
    with pytest.raises(BadInput) as caught:
        load_model(file)
    (problem,) = caught.value.problems
    assert "crashes its parser" in problem.sentence()
    assert "\n" not in problem.sentence()


def test_a_text_that_takes_too_long_or_too_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HEPATRIAL_CACHE", str(tmp_path / "empty"))
    file = tmp_path / "m.ant"
    file.write_text(PREY, encoding="utf-8")
    with pytest.raises(BadInput, match="takes more than"):
        load_model(file, seconds=0.01)
    with pytest.raises(BadInput):
        load_model(file, megabytes=40)


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"<", b"<sbml", b"\xff\xfe<\x00", b"model m() x = (; end"]
)
def test_what_is_no_model_is_refused(tmp_path, content):
    file = tmp_path / "m"
    file.write_bytes(content)
    with pytest.raises(BadInput):
        load_model(file)


def test_xml_without_a_named_encoding_is_utf_8():
    text = with_rule("<cn>2</cn>")
    bare = text.replace(' encoding="UTF-8"', "")
    assert bare != text
    assert spec_from_core_sbml(bare).observable_expressions == (ex.const(2),)
    with pytest.raises(BadInput, match="UTF-8"):
        spec_from_core_sbml(text.replace("UTF-8", "ISO-8859-1"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="file that can be read"):
        load_model(tmp_path / "none.xml")


@pytest.mark.slow
def test_deeply_nested_formulas_end_in_a_sentence(tmp_path):
    deep = "<apply><abs/>" * 60_000 + "<ci>x</ci>" + "</apply>" * 60_000
    file = tmp_path / "deep.xml"
    file.write_text(with_rule(deep), encoding="utf-8")
    with pytest.raises(BadInput):
        load_model(file)


VALID = with_rule("<apply><plus/><ci>x</ci><cn>1</cn></apply>")


def _read_or_refuse(read, file):
    problems = ()
    try:
        read(file)
    except BadInput as bad:
        problems = bad.problems
        assert problems
    assert all("\n" not in p.sentence() for p in problems)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(VALID)),
    length=st.integers(0, 40),
    put=st.one_of(
        st.text(max_size=20), st.sampled_from(["<apply>", "</math>", "NaN", '"', "&", "<ci>z</ci>"])
    ),
)
def test_malformed_sbml_is_read_or_refused(tmp_path, cut, length, put):
    """In this process: libSBML, unlike libAntimony, has not been seen to crash on short texts."""
    file = tmp_path / "m.xml"
    file.write_bytes((VALID[:cut] + put + VALID[cut + length :]).encode("utf-8", "surrogatepass"))
    if not file.read_bytes().lstrip().startswith(b"<"):
        return  # that would be Antimony
    _read_or_refuse(read_model, file)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(PREY)), length=st.integers(0, 30), put=st.text(max_size=12))
def test_malformed_antimony_is_read_or_refused(tmp_path, cut, length, put):
    file = tmp_path / "m.ant"
    file.write_bytes((PREY[:cut] + put + PREY[cut + length :]).encode("utf-8", "surrogatepass"))
    _read_or_refuse(load_model, file)


def test_library_functions_follow_the_platform_and_ieee_outside_their_domain():
    values = {
        name: float(ex.evaluate([ex.library(name, ex.sym("x"))], {"x": 0.3})[0])
        for name in ex.LIBRARY
        if name not in ("acosh", "factorial")
    }
    assert values == {name: pytest.approx(getattr(math, name)(0.3), rel=1e-15) for name in values}
    assert math.isnan(ex.library("asin", 2).value)
    assert ex.library("atanh", -1).value == -math.inf
    assert ex.library("sinh", -1e4).value == -math.inf
    assert ex.library("factorial", 5).value == 120
    assert math.isnan(ex.library("factorial", 2.5).value)


@pytest.mark.parametrize("name", [n for n in ex.LIBRARY if n not in ("factorial", "acosh")])
def test_derivatives_of_library_functions_are_those_of_differences(name):
    x, h = 0.4, 1e-6
    e = ex.library(name, ex.sym("x") * 1.5)
    ahead, behind = (float(ex.evaluate([e], {"x": x + d})[0]) for d in (h, -h))
    (exact,) = ex.evaluate([ex.derivative(e, "x")], {"x": x})
    assert float(exact) == pytest.approx((ahead - behind) / (2 * h), rel=1e-8)
