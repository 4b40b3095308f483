"""Other people's models: closed forms of events and piecewise rates, scipy, the SBML Test Suite."""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hepatrial.engine import compile_model, simulate, simulate_model
from hepatrial.engine import suite as suite_module
from hepatrial.engine.settings import Settings, settings_of_text
from hepatrial.engine.suite import run_suite
from hepatrial.engine.timecourse import csv_text, is_smooth, time_course
from hepatrial.errors import BadInput, RunFailed
from hepatrial.model.antimony import antimony_to_sbml
from hepatrial.model.sbml_core import spec_from_core_sbml

SUITE = Path(__file__).parents[2] / "../shared/sbml-test-suite/semantic"
needs_suite = pytest.mark.skipif(not SUITE.is_dir(), reason="the SBML Test Suite is not at ../shared")


@cache
def spec_of(text):
    return spec_from_core_sbml(antimony_to_sbml(text))


def course(text, times, outputs, **options):
    found = simulate_model(spec_of(text), times, outputs=outputs, **options)
    assert found.failures == ("",)
    return found.values[0].T


def test_an_event_at_a_time_acts_then_and_its_value_is_the_one_after():
    (x,) = course("model m() var x = 1; x' = 0; at (time >= 2): x = x + 1; end", [0, 1, 2, 3], ["x"])
    np.testing.assert_allclose(x, [1, 1, 2, 2], rtol=1e-12)


def test_an_event_on_a_state_is_located_to_rounding():
    text = "model m() var x = 1, y = 0; x' = -x; y' = 0; at (x < 0.25): y = time; end"
    _, y = course(text, [0, 3], ["x", "y"])
    assert y[1] == pytest.approx(np.log(4), rel=1e-7)


def test_a_bouncing_event_strikes_each_time():
    text = "model m() var x = 0, n = 0; x' = 1; n' = 0; at (x >= 1): x = 0, n = n + 1; end"
    _, n = course(text, [0, 10.5], ["x", "n"])
    assert n[1] == 10


def test_a_short_pulse_between_steps_is_not_stepped_over():
    text = "model m() var x = 0; x' = piecewise(1000, time > 3.001 && time < 3.002, 0); end"
    (x,) = course(text, np.linspace(0, 100, 101), ["x"])
    assert x[-1] == pytest.approx(1.0, rel=1e-6)


def test_initial_value_decides_whether_an_event_strikes_at_the_start():
    text = "model m() var x = 0; x' = 0; at (time >= 0), t0 = {}: x = 1; end"
    assert course(text.format("false"), [0, 1], ["x"])[0].tolist() == [1, 1]
    assert course(text.format("true"), [0, 1], ["x"])[0].tolist() == [0, 0]


def test_priority_orders_events_of_one_instant():
    late = "fromTrigger = false, priority = {}"
    both = (
        f"model m() var x = 1; x' = 0; at (time >= 1), {late}: x = x*2; at (time >= 1), {late}: x = x+1; end"
    )
    assert course(both.format(2, 1), [0, 2], ["x"])[0][1] == 3
    assert course(both.format(1, 2), [0, 2], ["x"])[0][1] == 4


def test_an_order_that_nothing_decides_fails_where_it_matters_and_only_there():
    text = (
        "model m() var x = 1; x' = 0; at (time >= 1), fromTrigger = false: x = {};"
        " at (time >= 1), fromTrigger = false: x = {}; end"
    )
    found = simulate_model(spec_of(text.format("x*2", "x+1")), [0, 2])
    assert "no priority says which comes first" in found.failures[0]
    assert np.isnan(found.values[0, 1]).all()
    assert course(text.format("x+2", "x+1"), [0, 2], ["x"])[0][1] == 4


def test_an_event_that_is_not_persistent_is_dropped_when_its_condition_turns():
    text = (
        "model m() var x = 0, y = 0; x' = 0; y' = 0; at (time >= 1), priority = 2: x = 1;"
        " at (time >= 1 && x < 0.5), priority = 1, persistent = {}: y = 1; end"
    )
    assert course(text.format("true"), [0, 2], ["y"])[0][1] == 1
    assert course(text.format("false"), [0, 2], ["y"])[0][1] == 0


def test_values_from_the_trigger_or_from_the_strike():
    text = (
        "model m() var x = 0, y = 0; x' = 0; y' = 0; at (time >= 1), priority = 2: x = 1;"
        " at (time >= 1), priority = 1, fromTrigger = {}: y = x; end"
    )
    assert course(text.format("true"), [0, 2], ["y"])[0][1] == 0
    assert course(text.format("false"), [0, 2], ["y"])[0][1] == 1


@pytest.mark.parametrize(
    "body",
    [
        "x' = piecewise(1, x < 1, -1);",  # slides along x = 1
        "x' = 0; at (x < 1), t0 = false: x = 2; at (x > 1), t0 = false: x = 0;",  # without end at one instant
    ],
)
def test_what_switches_without_end_fails_with_its_reason(body):
    found = simulate_model(spec_of(f"model m() var x = 0.5; {body} end"), [0, 2])
    assert "without end" in found.failures[0]


def test_a_condition_that_is_touched_within_rounding_fails():
    text = "model m() var x = 0, y = 0; x' = 2*(1 - time); y' = 0; at (x > {}): y = 1; end"
    found = simulate_model(spec_of(text.format("1 + 5e-8")), [0, 2])
    assert "rounding would decide" in found.failures[0]
    assert course(text.format("0.9999"), [0, 2], ["y"])[0][1] == 1
    assert course(text.format("1.0001"), [0, 2], ["y"])[0][1] == 0


def test_amounts_are_kept_when_a_compartment_grows():
    text = "model m() compartment c = 1; c' = 0.5; species S in c; S = 4; J: S -> ; 0; end"
    s, c, amount = course(text, [0, 2], ["S", "c", "S_amount"])
    np.testing.assert_allclose([s[1], c[1], amount[1]], [2, 2, 4], rtol=1e-9)


def test_rates_of_concentrations_hold_in_a_growing_compartment():
    text = "model m() compartment c = 1; c' = 0.5; species S in c; S = 4; S' = 1; end"
    np.testing.assert_allclose(course(text, [0, 2], ["S"])[0], [4, 6], rtol=1e-8)


def test_rate_of_names_the_derivative():
    text = "model m() var x = 2; x' = -0.5*x; y := rateOf(x); end"
    x, y = course(text, [0, 1], ["x", "y"])
    np.testing.assert_allclose(y, -0.5 * x, rtol=1e-12)


def test_rows_of_parameters_are_courses_of_their_own_and_starts_follow():
    spec = spec_of("model m() k = 1; var x = 3*k; x' = -k*x; end")
    rates = np.array([[0.5], [1.0], [2.0]])
    found = simulate_model(spec, [0, 1], rates, outputs=["x"])
    np.testing.assert_allclose(found.values[:, :, 0], 3 * rates * np.exp(-rates * [0, 1]), rtol=1e-6)


def test_tolerances_and_the_step_budget_do_something():
    text = "model m() var x = 1; x' = -x; end"
    exact = np.exp(-5)
    loose, tight = (course(text, [0, 5], ["x"], rtol=r, atol=1e-14)[0][1] for r in (1e-3, 1e-10))
    assert abs(tight - exact) < 1e-3 * abs(loose - exact)
    assert course(text, [0, 5], ["x"], rtol=1e-10, atol=1e-1)[0][1] != tight
    assert "used up its steps" in simulate_model(spec_of(text), [0, 5], max_steps=3).failures[0]


def test_bad_arguments_are_told_all_at_once():
    with pytest.raises(BadInput) as caught:
        simulate_model(spec_of("model m() var x = 1; x' = -x; end"), [1, 0], [[1, 2]], outputs=["xx"])
    assert {p.place for p in caught.value.problems} == {"times", "parameters", "outputs"}


def test_the_compiled_call_refuses_general_events_by_id():
    spec = spec_of("model m() var x = 1; x' = -x; E7: at (x < 0.5): x = 1; end")
    with pytest.raises(BadInput, match="event E7"):
        simulate(compile_model(spec), [[]], [[1]], np.zeros((1, 0, 1)), [[1]], [1])


def test_the_compiled_engine_has_the_library_functions():
    spec = spec_of("model m() var x = 1; x' = sin(x); end")
    end = simulate(compile_model(spec), [[]], [[1]], np.zeros((1, 0, 1)), [[2]], [2], rtol=1e-9)
    # tan(x/2) grows as exp(t)
    assert end.values[0, 0, 0] == pytest.approx(2 * np.arctan(np.exp(2) * np.tan(0.5)), rel=1e-7)


# ---- time courses with settings ---------------------------------------------------------------------

TEXT = (
    "start: 0\nduration: 2\nsteps: 4\nvariables: S\nabsolute: 1e-6\nrelative: 1e-4\n"
    "amount: {}\nconcentration: {}"
)
TANK = "model m() compartment c = 2; species S in c; S = 3; J: S -> ; 0.5*c*S; end"


def test_amounts_and_concentrations_are_as_the_settings_ask():
    fall = 3 * np.exp(-0.5 * np.linspace(0, 2, 5))
    amount = time_course(spec_of(TANK), settings_of_text(TEXT.format("S", "")))
    concentration = time_course(spec_of(TANK), settings_of_text(TEXT.format("", "S")))
    np.testing.assert_allclose(amount[:, 0], 2 * fall, rtol=1e-6)
    np.testing.assert_allclose(concentration[:, 0], fall, rtol=1e-6)


def test_a_table_has_a_row_a_time_and_the_header_asked_for():
    asked = settings_of_text(TEXT.format("", "S"))
    rows = list(csv.reader(csv_text(asked, np.ones((5, 1))).splitlines()))
    assert rows[0] == ["time", "S"]
    assert [float(row[0]) for row in rows[1:]] == [0, 0.5, 1, 1.5, 2]


def test_settings_are_checked_all_at_once():
    with pytest.raises(BadInput) as caught:
        settings_of_text(
            "start: -1\nduraton: 5\nsteps: 2.5\nvariables: S1\nabsolute: x\namount: S2\nsteps: 3"
        )
    said = [p.place.removeprefix("settings ") for p in caught.value.problems]
    assert said == ["line 2", "line 7", "start", "duration", "absolute", "relative", "amount", "steps"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_settings_or_refused(text):
    try:
        found = settings_of_text(TEXT.format("", "") + "\n" + text)
    except BadInput:
        return
    assert isinstance(found, Settings)


def test_two_computations_that_differ_are_not_given_out():
    lorenz = "x' = 10*(y - x); y' = x*(28 - z) - y; z' = x*y - 8*z/3;"
    asked = "start: 0\nduration: {}\nsteps: 5\nvariables: x\nabsolute: 1e-4\nrelative: 1e-4"
    spec = spec_of(f"model m() var x = 1, y = 1, z = 1; {lorenz} end")
    assert np.isfinite(time_course(spec, settings_of_text(asked.format(3)))).all()
    with pytest.raises(RunFailed, match="Two computations of x differ"):
        time_course(spec, settings_of_text(asked.format(100)))


def test_smooth_models_run_in_the_compiled_engine_too():
    assert is_smooth(spec_of(TANK))
    assert not is_smooth(spec_of("model m() var x = 1; x' = sin(x); end"))
    assert not is_smooth(spec_of("model m() var x = 1; x' = piecewise(1, x < 2, 0); end"))
    assert not is_smooth(spec_of("model m() var x = 1; x' = 1; at (x > 2): x = 0; end"))


@st.composite
def networks(draw):
    """Mass action: number of species, initial values, reactions of (from, to, constant)."""
    n = draw(st.integers(1, 5))
    amounts = st.floats(0, 10).map(lambda v: round(v, 3))
    start = draw(st.lists(amounts, min_size=n, max_size=n))
    side = st.lists(st.integers(0, n - 1), max_size=2)
    constants = st.floats(0.01, 2).map(lambda v: round(v, 3))
    # No more come out than go in, so that nothing grows without bound. Something goes in: old Antimony has no
    # reaction from nothing to nothing.
    reactions = st.tuples(side, side, constants).filter(lambda r: r[0] and len(r[1]) <= len(r[0]))
    return n, start, draw(st.lists(reactions, min_size=1, max_size=5))


@settings(max_examples=15, deadline=None)
@given(networks(), st.floats(0.5, 3).map(lambda v: round(v, 2)))
def test_random_reaction_networks_agree_with_scipy(network, size):
    n, start, reactions = network
    lines = [f"compartment c = {size};"]
    lines += [f"species S{i} in c; S{i} = {start[i]};" for i in range(n)]
    for j, (taken, made, k) in enumerate(reactions):
        left, right = (" + ".join(f"S{i}" for i in s) for s in (taken, made))
        law = "*".join(["c", str(k), *(f"S{i}" for i in taken)])
        lines.append(f"J{j}: {left} -> {right}; {law};")
    spec = spec_of(f"model m() {' '.join(lines)} end")

    def slopes(_, y):
        change = np.zeros(n)
        for taken, made, k in reactions:
            flow = k * np.prod(y[taken])
            np.subtract.at(change, taken, flow)
            np.add.at(change, made, flow)
        return change

    times = np.linspace(0, 3, 7)
    other = solve_ivp(slopes, (0, 3), start, "Radau", times, rtol=1e-10, atol=1e-12).y.T
    names = [f"S{i}" for i in range(n)]
    asked = Settings(0.0, 3.0, 6, tuple(names), 1e-8, 1e-5, frozenset(), frozenset(names))
    np.testing.assert_allclose(time_course(spec, asked), other, rtol=1e-5, atol=1e-8)


# ---- the SBML Test Suite ----------------------------------------------------------------------------


def case_agrees(case, table):
    """Whether a table is within the tolerances of the case at every row and column."""
    asked = settings_of_text((case / "settings.txt").read_text())
    rows = [line for line in (case / "results.csv").read_text().splitlines() if line.strip()]
    header = [name.strip().strip('"') for name in rows[0].split(",")][1:]
    wanted = np.array([[float(v) for v in row.split(",")] for row in rows[1:]])[:, 1:]
    got_rows = list(csv.reader(table.splitlines()))
    assert got_rows[0] == ["time", *asked.variables]
    columns = [1 + asked.variables.index(name) for name in header]
    got = np.array([[float(v) for v in row] for row in got_rows[1:]])[:, columns]
    with np.errstate(invalid="ignore"):
        near = np.abs(got - wanted) <= asked.absolute + asked.relative * np.abs(wanted)
    return bool((near | (got == wanted) | (np.isnan(got) & np.isnan(wanted))).all())


def suite_outcome(folder, out):
    """(passed, refused, wrong) names."""
    passed, refused, wrong = [], [], []
    for case in sorted(folder.iterdir()):
        table = out / f"{case.name}.csv"
        if not table.exists():
            assert (out / f"{case.name}.refused").read_text().strip()
            refused.append(case.name)
        else:
            (passed if case_agrees(case, table.read_text()) else wrong).append(case.name)
    return passed, refused, wrong


def linked(tmp_path, names):
    folder = tmp_path / "cases"
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to((SUITE / name).resolve())
    return folder


@needs_suite
def test_sixty_cases_of_the_suite_pass_or_are_refused(tmp_path):
    names = sorted(case.name for case in SUITE.iterdir())
    folder = linked(tmp_path, names[:: len(names) // 60][:60])
    counts = run_suite(folder, tmp_path / "out", workers=2)
    passed, refused, wrong = suite_outcome(folder, tmp_path / "out")
    assert wrong == []
    assert (counts.written, counts.refused) == (len(passed), len(refused))
    assert len(passed) >= 40


@needs_suite
@pytest.mark.slow
def test_no_case_of_the_suite_is_silently_wrong_and_750_pass(tmp_path):
    run_suite(SUITE, tmp_path / "out")
    passed, refused, wrong = suite_outcome(SUITE, tmp_path / "out")
    assert wrong == []
    assert len(passed) >= 830
    assert len(passed) + len(refused) == 1120


def write_case(folder, name, text):
    (folder / name).mkdir(parents=True)
    (folder / name / "model.xml").write_text(text)
    (folder / name / "settings.txt").write_text(TEXT.format("", "S"))


def test_a_crash_or_a_hang_of_one_case_costs_only_that_case(tmp_path, monkeypatch):
    folder, out = tmp_path / "cases", tmp_path / "out"
    for name in ("00001", "00002", "00003", "00004", "00005"):
        write_case(folder, name, antimony_to_sbml(TANK))
    (folder / "00002" / "settings.txt").write_text("work")
    (folder / "00005" / "settings.txt").write_text("wait")
    (folder / "00003" / "settings.txt").write_text("crash")
    program = (
        "import json, os, sys, time\n"
        "import hepatrial.engine.suite as s\n"
        "old = s._answer\n"
        "def answer(case):\n"
        "    text = open(case['settings']).read()\n"
        "    if text == 'crash': os.abort()\n"
        "    while text == 'work': pass\n"
        "    if text == 'wait': time.sleep(60)\n"
        "    return old(case)\n"
        "s._answer = answer\n"
        "s.child()\n"
    )
    command = [*suite_module.child_command("os")[:-1], program]
    monkeypatch.setattr(suite_module, "child_command", lambda _: command)
    monkeypatch.setattr(suite_module, "_PATIENCE", 1.5)
    (out).mkdir()
    (out / "00001.refused").write_text("of an earlier call")
    seen = []
    counts = run_suite(folder, out, workers=1, seconds=6, progress=lambda *at: seen.append(at))
    assert (counts.written, counts.refused) == (2, 3)
    for name in ("00002", "00005"):
        assert "more than 6 s" in (out / f"{name}.refused").read_text()
    assert "crash" in (out / "00003.refused").read_text()
    assert sorted(p.name for p in out.iterdir()) == [
        "00001.csv",
        "00002.refused",
        "00003.refused",
        "00004.csv",
        "00005.refused",
    ]
    assert seen == [(k, 5) for k in range(1, 6)]


def test_a_folder_without_cases_is_refused(tmp_path):
    with pytest.raises(BadInput, match="folder of cases"):
        run_suite(tmp_path / "none", tmp_path / "out")


def test_a_case_without_its_files_is_refused(tmp_path):
    (tmp_path / "cases" / "00001").mkdir(parents=True)
    run_suite(tmp_path / "cases", tmp_path / "out")
    assert "no model.xml" in (tmp_path / "out" / "00001.refused").read_text()
    assert json.dumps(sorted(p.name for p in (tmp_path / "out").iterdir())) == '["00001.refused"]'
